#include "core/opt/optlist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/optlist_int.h"

struct optlist *optlist_new(const char *option)
{
    struct optlist *l = NEW(struct optlist);

    l->option = xstrdup(option);
    l->text = xstrdup("");
    return l;
}

void optlist_free(struct optlist *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        free(l->pairs[i].key);
        free(l->pairs[i].value);
    }
    for (size_t i = 0; i < l->known_count; i++)
        free(l->known[i]);
    for (struct optlist *sub = l->subs, *next; sub; sub = next) {
        next = sub->next_sub;
        optlist_free(sub);
    }
    if (l->json)
        json_decref(l->json);
    free(l->pairs);
    free(l->known);
    free(l->option);
    free(l->text);
    free(l);
}

const char *optlist_option(const struct optlist *l)
{
    return l->option;
}

const char *optlist_text(const struct optlist *l)
{
    return l->text;
}

void optlist_set_text(struct optlist *l, const char *text)
{
    char *copy = xstrdup(text);

    free(l->text);
    l->text = copy;
}

static struct optpair *last(const struct optlist *l, const char *key)
{
    for (size_t i = l->count; i-- > 0;)
        if (str_eq(l->pairs[i].key, key))
            return &l->pairs[i];
    return NULL;
}

struct optpair *optlist_push(struct optlist *l, char *key, char *value)
{
    l->pairs = xreallocarray(l->pairs, l->count + 1, sizeof *l->pairs);
    l->pairs[l->count] = (struct optpair){ .key = key, .value = value };
    return &l->pairs[l->count++];
}

void optlist_add(struct optlist *l, const char *key, const char *value)
{
    optlist_push(l, xstrdup(key), xstrdup(value));
}

void optlist_set(struct optlist *l, const char *key, const char *value)
{
    struct optpair *p = last(l, key);

    if (!p) {
        optlist_add(l, key, value);
        return;
    }
    free(p->value);
    p->value = xstrdup(value);
}

void optlist_merge(struct optlist *to, const struct optlist *from)
{
    for (size_t i = 0; i < from->count; i++)
        optlist_set(to, from->pairs[i].key, from->pairs[i].value);
    optlist_set_text(to, from->text);
}

static bool help_word(const char *s)
{
    return str_eq(s, "help") || str_eq(s, "?");
}

bool optlist_is_help(const struct optlist *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (help_word(l->pairs[i].key) || (l->pairs[i].implied && help_word(l->pairs[i].value)))
            return true;
    return false;
}

void optlist_known(struct optlist *l, const char *key)
{
    for (size_t i = 0; i < l->known_count; i++)
        if (str_eq(l->known[i], key))
            return;
    l->known = xreallocarray(l->known, l->known_count + 1, sizeof *l->known);
    l->known[l->known_count++] = xstrdup(key);
}

static void mark(struct optpair *p)
{
    p->used = true;
}

static bool is_used(const struct optlist *l, size_t i)
{
    /* A sub-list's pairs stand for pairs of the list above; either may have been asked. */
    for (const struct optlist *sub = l->subs; sub; sub = sub->next_sub)
        for (size_t j = 0; j < sub->count; j++)
            if (sub->pairs[j].origin == i && is_used(sub, j))
                return true;
    return l->pairs[i].used;
}

const char *optlist_get(struct optlist *l, const char *key)
{
    const char *value = NULL;

    optlist_known(l, key);
    for (size_t i = 0; i < l->count; i++)
        if (str_eq(l->pairs[i].key, key)) {
            mark(&l->pairs[i]);
            value = l->pairs[i].value;
        }
    return value;
}

bool optlist_has(struct optlist *l, const char *key)
{
    return optlist_get(l, key) != NULL;
}

const char *optlist_get_nth(struct optlist *l, const char *key, size_t n)
{
    optlist_known(l, key);
    for (size_t i = 0; i < l->count; i++)
        if (str_eq(l->pairs[i].key, key) && n-- == 0) {
            mark(&l->pairs[i]);
            return l->pairs[i].value;
        }
    return NULL;
}

const char *optlist_need(struct optlist *l, const char *key, struct error *err)
{
    const char *v = optlist_get(l, key);

    if (!v)
        optlist_error(l, err, EINVAL, "%s= is missing", key);
    return v;
}

int optlist_error(const struct optlist *l, struct error *err, int code, const char *fmt, ...)
{
    bool fresh = err && !error_is_set(err);
    va_list ap;
    int ret;

    va_start(ap, fmt);
    ret = error_vset(err, code, fmt, ap);
    va_end(ap);
    if (fresh)
        error_prepend(err, "%s%s%s: ", l->option, l->text[0] ? " " : "", l->text);
    return ret;
}

/* Typed questions ------------------------------------------------------------------------------------------------ */

static int bad(struct optlist *l, const char *key, const char *v, int code, const char *what, struct error *err)
{
    return optlist_error(l, err, code, "%s=%s %s", key, v, what);
}

int optlist_u64(struct optlist *l, const char *key, uint64_t min, uint64_t max, uint64_t *v, struct error *err)
{
    const char *s = optlist_get(l, key);
    uint64_t n;
    int ret;

    if (!s)
        return 0;
    ret = str_u64(s, &n);
    if (ret == -EINVAL)
        return bad(l, key, s, EINVAL, "is not a whole number", err);
    if (ret < 0 || n < min || n > max)
        return optlist_error(l, err, ERANGE, "%s=%s is out of range: %" PRIu64 " to %" PRIu64, key, s, min, max);
    *v = n;
    return 1;
}

int optlist_uint(struct optlist *l, const char *key, unsigned min, unsigned max, unsigned *v, struct error *err)
{
    uint64_t n;
    int ret = optlist_u64(l, key, min, max, &n, err);

    if (ret > 0)
        *v = n;
    return ret;
}

int optlist_i64(struct optlist *l, const char *key, int64_t min, int64_t max, int64_t *v, struct error *err)
{
    const char *s = optlist_get(l, key);
    int64_t n;
    int ret;

    if (!s)
        return 0;
    ret = str_i64(s, &n);
    if (ret == -EINVAL)
        return bad(l, key, s, EINVAL, "is not a whole number", err);
    if (ret < 0 || n < min || n > max)
        return optlist_error(l, err, ERANGE, "%s=%s is out of range: %" PRId64 " to %" PRId64, key, s, min, max);
    *v = n;
    return 1;
}

int optlist_size(struct optlist *l, const char *key, uint64_t unit, uint64_t *v, struct error *err)
{
    const char *s = optlist_get(l, key);
    int ret;

    if (!s)
        return 0;
    ret = str_size(s, unit, v);
    if (ret == -ERANGE)
        return bad(l, key, s, ERANGE, "is too large", err);
    if (ret < 0)
        return bad(l, key, s, EINVAL, "is not a size such as 4096, 512M or 2G", err);
    return 1;
}

int optlist_bool(struct optlist *l, const char *key, bool *v, struct error *err)
{
    const char *s = optlist_get(l, key);

    if (!s)
        return 0;
    if (str_bool(s, v) < 0)
        return bad(l, key, s, EINVAL, "is neither on nor off", err);
    return 1;
}

int optlist_enum(struct optlist *l, const char *key, const char *const *names, int *v, struct error *err)
{
    const char *s = optlist_get(l, key);
    struct str list = STR_INIT;
    struct nearest n;
    char hint[96];

    if (!s)
        return 0;
    n = (struct nearest)NEAREST_INIT(s);
    for (int i = 0; names[i]; i++) {
        if (str_eq(names[i], s)) {
            *v = i;
            str_free(&list);
            return 1;
        }
        nearest_try(&n, names[i]);
        str_addf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    optlist_error(l, err, EINVAL, "%s=%s is not one of %s%s", key, s, list.text ? list.text : "",
                  nearest_hint(&n, hint, sizeof hint));
    str_free(&list);
    return -EINVAL;
}

/* Parts and walking ---------------------------------------------------------------------------------------------- */

struct optlist *optlist_sub(struct optlist *l, const char *prefix)
{
    struct optlist *sub = optlist_new(l->option);
    size_t n = strlen(prefix);

    optlist_set_text(sub, l->text);
    sub->prefix_len = n + 1;
    for (size_t i = 0; i < l->count; i++) {
        const char *key = l->pairs[i].key;

        if (strncmp(key, prefix, n) == 0 && key[n] == '.' && key[n + 1]) {
            struct optpair *p = optlist_push(sub, xstrdup(key + n + 1), xstrdup(l->pairs[i].value));

            p->origin = i;
            p->kind = l->pairs[i].kind;
        }
    }
    sub->next_sub = l->subs;
    l->subs = sub;
    return sub;
}

size_t optlist_count(const struct optlist *l)
{
    return l->count;
}

const char *optlist_key(const struct optlist *l, size_t i)
{
    return l->pairs[i].key;
}

const char *optlist_value(const struct optlist *l, size_t i)
{
    return l->pairs[i].value;
}

bool optlist_is_used(const struct optlist *l, size_t i)
{
    return is_used(l, i);
}

void optlist_use(struct optlist *l, size_t i)
{
    mark(&l->pairs[i]);
}

static void try_known(struct nearest *n, const struct optlist *l, const char *key)
{
    for (size_t i = 0; i < l->known_count; i++)
        nearest_try(n, l->known[i]);
    /* For `file.filenam` the names below file. are candidates for its last part. */
    for (const struct optlist *sub = l->subs; sub; sub = sub->next_sub)
        if (sub->prefix_len < strlen(key)) {
            struct nearest below = NEAREST_INIT(key + sub->prefix_len);

            try_known(&below, sub, below.typed);
            if (below.distance < n->distance) {
                n->distance = below.distance;
                n->best = below.best;
            }
        }
}

int optlist_done(struct optlist *l, struct error *err)
{
    for (size_t i = 0; i < l->count; i++) {
        struct nearest n = NEAREST_INIT(l->pairs[i].key);
        char hint[96];

        if (is_used(l, i))
            continue;
        try_known(&n, l, l->pairs[i].key);
        return optlist_error(l, err, EINVAL, "'%s' is not known here%s", l->pairs[i].key,
                             nearest_hint(&n, hint, sizeof hint));
    }
    return 0;
}

void optlists_push(struct optlists *a, struct optlist *l)
{
    a->at = xreallocarray(a->at, a->count + 1, sizeof *a->at);
    a->at[a->count++] = l;
}

void optlists_free(struct optlists *a)
{
    for (size_t i = 0; i < a->count; i++)
        optlist_free(a->at[i]);
    free(a->at);
    *a = (struct optlists){ NULL, 0 };
}
