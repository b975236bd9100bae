/* The table of commands: finding, help, completion. */
#include "core/monitor/hmp.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/vm/vcpu.h"

struct command {
    const char *name, *other, *args, *help;
    hmp_command *run;
};

static const struct command commands[] = {
#define COMMAND(name, short_name, args, help, function) { name, short_name, args, help, hmp_##function },
#define INFO(name, help, function)
#include "core/monitor/commands.def"
#undef COMMAND
#undef INFO
};

static const struct command infos[] = {
#define COMMAND(name, short_name, args, help, function)
#define INFO(name, help, function) { name, NULL, "", help, hmp_##function },
#include "core/monitor/commands.def"
#undef COMMAND
#undef INFO
};

struct vcpu *hmp_cpu(struct hmp *h)
{
    return vcpu_get(h->cpu < vcpu_count() ? h->cpu : 0);
}

static void print_command(const char *before, const struct command *c, FILE *to)
{
    fprintf(to, "%s%s%s%s%s%s -- %s\n", before, c->name, c->other ? "|" : "", c->other ? c->other : "", *c->args ? " " : "",
            c->args, c->help);
}

/* Finds the command that a line begins with and moves *args behind it. */
static const struct command *find(const struct command *table, size_t count, const char *line, const char **args,
                                  struct error *err)
{
    size_t n = strcspn(line, " /");
    char *word = xstrndup(line, n), hint[96];
    struct nearest near = NEAREST_INIT(word);
    const struct command *found = NULL;

    for (size_t i = 0; i < count && !found; i++) {
        nearest_try(&near, table[i].name);
        if (str_eq(table[i].name, word) || (table[i].other && str_eq(table[i].other, word)))
            found = &table[i];
    }
    if (!found)
        error_set(err, EINVAL, "unknown command: '%s'%s", word, nearest_hint(&near, hint, sizeof hint));
    *args = line + n + strspn(line + n, " ");
    free(word);
    return found;
}

void hmp_help(struct hmp *h, const char *args)
{
    const struct command *c;

    if (!*args) {
        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
            print_command("", &commands[i], h->out);
        return;
    }
    if (str_after(args, "info")) {
        for (size_t i = 0; i < ARRAY_LEN(infos); i++)
            print_command("info ", &infos[i], h->out);
        return;
    }
    c = find(commands, ARRAY_LEN(commands), args, &args, &h->err);
    if (c)
        print_command("", c, h->out);
}

void hmp_info(struct hmp *h, const char *args)
{
    const struct command *c;

    if (!*args) {
        hmp_help(h, "info");
        return;
    }
    c = find(infos, ARRAY_LEN(infos), args, &args, &h->err);
    if (c)
        c->run(h, args);
}

void hmp_run(struct hmp *h, const char *line)
{
    const struct command *c;
    const char *args;

    line += strspn(line, " ");
    if (!*line || *line == '#')
        return;
    c = find(commands, ARRAY_LEN(commands), line, &args, &h->err);
    if (c)
        c->run(h, args);
    if (error_is_set(&h->err))
        fprintf(h->out, "%s\n", h->err.text);
}

static void offer(const struct command *table, size_t count, const char *typed, void (*add)(void *to, const char *word),
                  void *to)
{
    for (size_t i = 0; i < count; i++)
        if (str_after(table[i].name, typed))
            add(to, table[i].name);
}

void hmp_complete(const char *before, void (*add)(void *to, const char *word), void *to)
{
    const char *info = str_after(before, "info "), *help = str_after(before, "help ");

    if (info)
        offer(infos, ARRAY_LEN(infos), info, add, to);
    else if (help)
        offer(commands, ARRAY_LEN(commands), help, add, to);
    else if (!strchr(before, ' '))
        offer(commands, ARRAY_LEN(commands), before, add, to);
}
