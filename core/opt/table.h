/* core/opt/table.h - options.def as a table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

enum opt_kind { OPT_FLAG, OPT_STRING, OPT_STRINGS, OPT_ONE, OPT_MANY, OPT_CALL, OPT_ALIAS, OPT_NOT, OPT_HEAD };

/* @o is the options struct of the personality, @option the spelling used ("-smp"), @arg NULL without an argument.
 * Returns 0 to go on, 1 if the program is done, or an error. */
typedef int opt_call(void *o, const char *option, const char *arg, struct error *err);

struct opt_entry {
    enum opt_kind kind;
    const char *name;
    const char *args;      /* NULL: takes no argument */
    const char *help;      /* of OPT_NOT: the reason; of OPT_ALIAS: the other name */
    size_t field;          /* offset in the options struct */
    const char *implied;
    opt_call *call;
};

/* Each ends with an entry whose name and help are NULL. */
extern const struct opt_entry sys_opt_table[], user_opt_table[];

/** opt_find - the entry of a name (aliases followed), or NULL and a sentence with the nearest one. @typed has its dashes. */
const struct opt_entry *opt_find(const struct opt_entry *table, const char *typed, struct error *err);

/** opt_apply - act on one option. @arg must be there if and only if the entry takes one. Returns as opt_call. */
int opt_apply(void *o, const struct opt_entry *e, const char *option, const char *arg, struct error *err);

/**
 * opt_parse - read a command line.
 * @bare:       called for an argument without a dash; returns 0 to go on, 2 to end the options there
 * @first_bare: out: index of the argument that ended the options, or @argc
 */
int opt_parse(void *o, const struct opt_entry *table, int argc, char **argv, opt_call *bare, int *first_bare,
              struct error *err);

/** opt_help - print the options as -help does: usage line and options by heading, wrapped. */
void opt_help(const struct opt_entry *table, const char *program, const char *usage);

/** opt_free - free what an options struct holds, as the table says. */
void opt_free(void *o, const struct opt_entry *table);

/* What both personalities share. */
opt_call opt_log, opt_log_file, opt_log_filter;
