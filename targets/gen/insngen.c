/* targets/gen/insngen.c - build tool: instruction tables in, a decoder out.
 *
 *     insngen TABLE.insn OUT.h OUT.c TABLE.c
 *
 * OUT.h declares the argument structs and the tr_NAME functions that the translator must define; OUT.c holds the
 * decoder, nested switches over the bits that all remaining candidates fix; TABLE.c is the table as data (insn.h).
 *
 * A table's lines:
 *
 *     %decoder FUNCTION CONTEXT BITS   bool FUNCTION(struct CONTEXT *t, uintBITS_t insn); what follows belongs to it
 *     %include HEADER                  for OUT.c: where %has is declared
 *     %has EXPRESSION                  C test of one feature, `#` stands for its name
 *     %exclusive A B ...               features of which exactly one is on: no overlap between their instructions
 *     %let NAME TEXT                   `$NAME` in a pattern
 *     %table FILE                      read this table too, from the same folder
 *     %form NAME FIELD ...             a function tr_NAME of these fields that has no encoding: as= names it
 *     NAME "PATTERN" [if=FEATURES] [where="CONDITIONS"] [as="NAME FIELD=VALUE ..."] [over=NAME,...] [spec="..."]
 *
 * A pattern names all bits, highest first:
 *
 *     0100  fixed        ..  any          rd:5  unsigned field      imm:s12  signed field      rd+8:3  biased field
 *     imm[s12|10:5]  these bits of a scattered field; `s` marks the highest as the sign. Several pieces make one field.
 *
 * if=      features, with & | ! (no parentheses: | binds weakest)
 * where=   FIELD!=CONSTANT, FIELD=CONSTANT, FIELD!=FIELD, FIELD=FIELD: else it is not this instruction
 * as=      calls tr_ of another instruction (a compressed form) or of a form; its fields are taken by name, or set:
 *          rs1=rd imm=0 op=CONSTANT (C, from a capital letter on)
 * over=    is tried before the named ones where both match; without it, an overlap is an error */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "targets/gen/gen.h"

struct gen_tables gen;

void die(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", gen.file, gen.line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

char *copy(const char *s, size_t n)
{
    char *p = malloc(n + 1);

    if (!p)
        die("out of memory");
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

static FILE *create(const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

static char *identifier(const char *path)
{
    const char *base = strrchr(path, '/');
    char *s;

    base = base ? base + 1 : path;
    s = copy(base, strcspn(base, "."));
    for (char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    return s;
}

int main(int argc, char **argv)
{
    FILE *f;
    char *name, guard[256], header[512];

    if (argc != 5) {
        fprintf(stderr, "usage: insngen TABLE.insn OUT.h OUT.c TABLE.c\n");
        return 1;
    }
    read_table(argv[1]);
    gen.table_path = argv[1];
    if (!gen.has_expr)
        gen.has_expr = copy("false", 5);
    check_tables();
    name = identifier(argv[1]);
    snprintf(guard, sizeof guard, "GEN_%s_INSN_H", name);
    for (char *p = guard; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    snprintf(header, sizeof header, "%s.h", argv[1]);
    f = create(argv[2]);
    write_header(f, guard);
    fclose(f);
    f = create(argv[3]);
    write_decoder(f, header);
    fclose(f);
    f = create(argv[4]);
    write_table(f, name);
    fclose(f);
    return 0;
}
