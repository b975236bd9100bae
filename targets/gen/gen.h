/* targets/gen/gen.h - inside of insngen: what the tables say, and who writes what. */
#ifndef TARGETS_GEN_GEN_H
#define TARGETS_GEN_GEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "targets/gen/insn.h"

enum { MAX_INSNS = 4096, MAX_DECODERS = 8, MAX_EXCL = 16, MAX_FORMS = 128, MAX_INCLUDES = 16 };

struct gen_insn {
    struct insn_desc d;
    char *as_args, *over, *pattern;
    const char *file;
    unsigned line, decoder;
    char *shape;                               /* name of its argument struct; set by write_header() */
};

struct gen_tables {
    struct gen_insn insns[MAX_INSNS]; unsigned ninsns;
    struct gen_insn forms[MAX_FORMS]; unsigned nforms;   /* %form: fields without bits */
    struct { char *function, *context; unsigned bits; } decoders[MAX_DECODERS]; unsigned ndecoders;
    char *exclusive[MAX_EXCL]; unsigned nexclusive;
    char *has_expr;
    char *includes[MAX_INCLUDES]; unsigned nincludes;
    const char *table_path;                    /* the one named on the command line */
    const char *file; unsigned line;           /* what errors are about */
};
extern struct gen_tables gen;

void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
char *copy(const char *s, size_t n);

void read_table(const char *path);
/* The next word of *p: up to a blank, a quoted part counted as one; NULL at the end or at a comment. */
char *word(char **p);
/* The number of a field in the instruction; an error if it has none of that name. */
unsigned field_index(struct gen_insn *g, const char *name, size_t n);

/* Errors from here on are about this line. */
void at_insn(const struct gen_insn *g);
struct gen_insn *find(const char *name);
/* Is `name` a whole term of the comma or & list? */
bool list_has(const char *list, const char *name, const char *separators);
void check_tables(void);

void write_header(FILE *o, const char *guard);
void write_decoder(FILE *o, const char *header);
void write_table(FILE *o, const char *symbol);

#endif
