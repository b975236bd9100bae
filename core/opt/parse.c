/* One option after another, as the table says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/opt/options.h"
#include "core/opt/table.h"

static bool is_end(const struct opt_entry *e)
{
    return !e->name && !e->help;
}

static const struct opt_entry *by_name(const struct opt_entry *table, const char *name)
{
    for (const struct opt_entry *e = table; !is_end(e); e++)
        if (e->name && str_eq(e->name, name))
            return e->kind == OPT_ALIAS ? by_name(table, e->help) : e;
    return NULL;
}

const struct opt_entry *opt_find(const struct opt_entry *table, const char *typed, struct error *err)
{
    const char *name = typed + (typed[1] == '-' ? 2 : 1);
    const struct opt_entry *found = by_name(table, name);
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    if (found)
        return found;
    for (const struct opt_entry *e = table; !is_end(e); e++)
        if (e->name && e->kind != OPT_NOT)
            nearest_try(&n, e->name);
    if (nearest_best(&n)) {
        char *dashed = xasprintf("-%s", nearest_best(&n));

        n.best = dashed;
        error_set(err, EINVAL, "%s: no such option%s", typed, nearest_hint(&n, hint, sizeof hint));
        free(dashed);
    } else {
        error_set(err, EINVAL, "%s: no such option; -help lists what there is", typed);
    }
    return NULL;
}

static int push_list(struct optlists *to, const struct opt_entry *e, const char *option, const char *arg,
                     struct error *err)
{
    struct optlist *l = optlist_parse(option, arg, e->implied, err);

    if (!l)
        return -EINVAL;
    optlists_push(to, l);
    return 0;
}

static int merge_list(struct optlist **to, const struct opt_entry *e, const char *option, const char *arg,
                      struct error *err)
{
    struct optlist *l = optlist_parse(option, arg, e->implied, err);

    if (!l)
        return -EINVAL;
    if (!*to) {
        *to = l;
        return 0;
    }
    optlist_merge(*to, l);
    optlist_free(l);
    return 0;
}

static void push_string(struct strings *to, const char *arg)
{
    to->at = xreallocarray(to->at, to->count + 1, sizeof *to->at);
    to->at[to->count++] = arg;
}

int opt_apply(void *o, const struct opt_entry *e, const char *option, const char *arg, struct error *err)
{
    void *field = (char *)o + e->field;

    switch (e->kind) {
    case OPT_FLAG: *(bool *)field = true; return 0;
    case OPT_STRING: *(const char **)field = arg; return 0;
    case OPT_STRINGS: push_string(field, arg); return 0;
    case OPT_ONE: return merge_list(field, e, option, arg, err);
    case OPT_MANY: return push_list(field, e, option, arg, err);
    case OPT_CALL: return e->call(o, option, arg, err);
    case OPT_NOT: return error_set(err, EINVAL, "%s%s%s: %s", option, arg ? " " : "", arg ? arg : "", e->help);
    case OPT_ALIAS:
    case OPT_HEAD: break;
    }
    return -EINVAL;
}

int opt_parse(void *o, const struct opt_entry *table, int argc, char **argv, opt_call *bare, int *first_bare,
              struct error *err)
{
    int ret;

    *first_bare = argc;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *arg = NULL;
        const struct opt_entry *e;

        if (option[0] != '-' || !option[1]) {
            ret = bare(o, NULL, option, err);
            if (ret == 2) {
                *first_bare = i;
                return 0;
            }
            if (ret)
                return ret;
            continue;
        }
        e = opt_find(table, option, err);
        if (!e)
            return -EINVAL;
        if (e->args) {
            if (++i == argc)
                return error_set(err, EINVAL, "%s: an argument is missing: %s %s", option, option, e->args);
            arg = argv[i];
        }
        ret = opt_apply(o, e, option, arg, err);
        if (ret)
            return ret;
    }
    return 0;
}

void opt_free(void *o, const struct opt_entry *table)
{
    for (const struct opt_entry *e = table; !is_end(e); e++) {
        void *field = (char *)o + e->field;

        if (e->kind == OPT_ONE) {
            optlist_free(*(struct optlist **)field);
            *(struct optlist **)field = NULL;
        } else if (e->kind == OPT_MANY) {
            optlists_free(field);
        } else if (e->kind == OPT_STRINGS) {
            struct strings *s = field;

            free(s->at);
            *s = (struct strings){ NULL, 0 };
        }
    }
}

/* Shared options ------------------------------------------------------------------------------------------------- */

struct optlist *cpu_optlist(const char *option, const char *text, struct error *err)
{
    struct optlist *raw = optlist_parse(option, text, "model", err), *l;

    if (!raw)
        return NULL;
    l = optlist_new(option);
    optlist_set_text(l, text);
    for (size_t i = 0; i < optlist_count(raw); i++) {
        const char *key = optlist_key(raw, i), *value = optlist_value(raw, i);

        if (key[0] == '+' && str_eq(value, "on"))
            optlist_set(l, key + 1, "on");
        else if (key[0] == '-' && str_eq(value, "on"))
            optlist_set(l, key + 1, "off");
        else
            optlist_set(l, key, value);
    }
    optlist_free(raw);
    return l;
}

int opt_log(void *o, const char *option, const char *arg, struct error *err)
{
    (void)o, (void)option;
    if (str_eq(arg, "help") || str_eq(arg, "?")) {
        log_help(stdout);
        return 1;
    }
    return log_enable(arg, err);
}

int opt_log_file(void *o, const char *option, const char *arg, struct error *err)
{
    (void)o, (void)option;
    return log_file(arg, err);
}

int opt_log_filter(void *o, const char *option, const char *arg, struct error *err)
{
    (void)o, (void)option;
    return log_filter(arg, err);
}
