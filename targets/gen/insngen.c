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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "targets/gen/insn.h"

enum { MAX_INSNS = 4096, MAX_DECODERS = 8, MAX_LETS = 64, MAX_EXCL = 16, MAX_FORMS = 128 };

struct gen_insn {
    struct insn_desc d;
    char *as_args, *over, *pattern;
    const char *file;
    unsigned line, decoder;
    char *shape;                               /* name of its argument struct */
};

static struct gen_insn insns[MAX_INSNS];
static unsigned ninsns;
static struct gen_insn forms[MAX_FORMS];       /* %form: fields without bits */
static unsigned nforms;
static struct { char *function, *context; unsigned bits; } decoders[MAX_DECODERS];
static unsigned ndecoders;
static struct { char *name, *text; } lets[MAX_LETS];
static unsigned nlets;
static char *exclusive[MAX_EXCL];
static unsigned nexclusive;
static char *has_expr, *includes[16];
static unsigned nincludes;
static const char *input, *table_path;
static unsigned line_no;

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void die(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", input, line_no);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static char *copy(const char *s, size_t n)
{
    char *p = malloc(n + 1);

    if (!p)
        die("out of memory");
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

/* --- reading a table ------------------------------------------------------------------------------------------- */

/* The next word of *p: up to a blank, a quoted part counted as one; NULL at the end or at a comment. */
static char *word(char **p)
{
    char *s = *p, *start;
    bool quoted = false;

    while (isspace((unsigned char)*s))
        s++;
    if (!*s || *s == '#')
        return NULL;
    for (start = s; *s && (quoted || !isspace((unsigned char)*s)); s++)
        if (*s == '"')
            quoted = !quoted;
    if (quoted)
        die("missing \"");
    *p = s;
    return copy(start, (size_t)(s - start));
}

static char *unquote(char *s)
{
    size_t n = strlen(s);

    return n >= 2 && s[0] == '"' && s[n - 1] == '"' ? copy(s + 1, n - 2) : s;
}

static struct insn_field *field_of(struct gen_insn *g, const char *name, size_t n, bool create)
{
    for (unsigned i = 0; i < g->d.nfields; i++)
        if (strlen(g->d.field[i].name) == n && !memcmp(g->d.field[i].name, name, n))
            return &g->d.field[i];
    if (!create)
        return NULL;
    if (g->d.nfields == INSN_FIELDS)
        die("%s has more than %d fields", g->d.name, INSN_FIELDS);
    g->d.field[g->d.nfields].name = copy(name, n);
    return &g->d.field[g->d.nfields++];
}

/* One piece: bits hi..lo of the field; returns how many. The place in the instruction is filled in later (from the left). */
static unsigned add_piece(struct insn_field *f, unsigned hi, unsigned lo, unsigned left)
{
    unsigned len;

    if (lo > hi || hi > 63)
        die("bits %u:%u of '%s' are not a range", hi, lo, f->name);
    if (f->npieces == INSN_PIECES)
        die("field '%s' has too many pieces", f->name);
    len = hi - lo + 1;
    if (len > left)
        die("the pattern is too long at '%s'", f->name);
    for (unsigned i = 0; i < f->npieces; i++)
        if (lo < f->piece[i].at + f->piece[i].len && f->piece[i].at <= hi)
            die("bits of '%s' are given twice", f->name);
    f->piece[f->npieces++] = (struct insn_piece){ (uint8_t)(left - len), (uint8_t)len, (uint8_t)lo };
    if (hi + 1 > f->bits)
        f->bits = (uint8_t)(hi + 1);
    return len;
}

static unsigned number(const char **s)
{
    char *end;
    unsigned long v = strtoul(*s, &end, 10);

    if (end == *s)
        die("expected a number at '%s'", *s);
    *s = end;
    return (unsigned)v;
}

/* NAME:5 NAME:s12 NAME+8:3 NAME[s12|10:5] */
static unsigned pattern_field(struct gen_insn *g, const char *tok, unsigned left)
{
    size_t n = strcspn(tok, ":[+");
    const char *s = tok + n;
    struct insn_field *f = field_of(g, tok, n, true);
    unsigned used = 0;

    if (*s == '+') {
        s++;
        f->bias = (int32_t)number(&s);
    }
    if (*s == ':') {
        s++;
        if (*s == 's') {
            f->is_signed = true;
            s++;
        }
        used = number(&s);
        if (!used)
            die("field '%s' has no bits", f->name);
        add_piece(f, used - 1, 0, left);
    } else if (*s == '[') {
        do {
            unsigned hi, lo;

            s++;
            if (*s == 's') {
                f->is_signed = true;
                s++;
            }
            hi = lo = number(&s);
            if (*s == ':') {
                s++;
                lo = number(&s);
            }
            used += add_piece(f, hi, lo, left - used);
        } while (*s == '|');
        if (*s != ']')
            die("expected ] in '%s'", tok);
        s++;
    }
    if (*s || !used)
        die("'%s' is neither bits nor a field", tok);
    return used;
}

static void parse_pattern(struct gen_insn *g, const char *text)
{
    char *buf = copy(text, strlen(text)), *p = buf, *tok;
    unsigned left = g->d.bits;

    while ((tok = word(&p))) {
        if (*tok == '$') {
            unsigned i;

            for (i = 0; i < nlets && strcmp(lets[i].name, tok + 1); i++)
                ;
            if (i == nlets)
                die("nothing is called '%s'", tok);
            tok = lets[i].text;
        }
        if (strspn(tok, "01.") == strlen(tok)) {
            for (; *tok; tok++) {
                if (!left)
                    die("the pattern of %s has more than %u bits", g->d.name, g->d.bits);
                left--;
                if (*tok != '.')
                    g->d.mask |= UINT64_C(1) << left;
                if (*tok == '1')
                    g->d.value |= UINT64_C(1) << left;
            }
        } else {
            left -= pattern_field(g, tok, left);
        }
    }
    if (left)
        die("the pattern of %s leaves %u bits open", g->d.name, left);
}

static unsigned field_index(struct gen_insn *g, const char *name, size_t n)
{
    struct insn_field *f = field_of(g, name, n, false);

    if (!f)
        die("%s has no field '%.*s'", g->d.name, (int)n, name);
    return (unsigned)(f - g->d.field);
}

static void parse_where(struct gen_insn *g, char *text)
{
    char *tok;

    while ((tok = word(&text))) {
        size_t n = strcspn(tok, "!=");
        char *rhs = tok + n + (tok[n] == '!' ? 2 : 1), *end;
        struct insn_cond *c = &g->d.cond[g->d.nconds];

        if (!tok[n] || (tok[n] == '!' && tok[n + 1] != '='))
            die("'%s' is no condition", tok);
        if (g->d.nconds++ == INSN_CONDS)
            die("%s has too many conditions", g->d.name);
        c->field = (uint8_t)field_index(g, tok, n);
        c->equal = tok[n] == '=';
        c->value = strtol(rhs, &end, 0);
        c->other = -1;
        if (*end)
            c->other = (int8_t)field_index(g, rhs, strlen(rhs));
    }
}

static void parse_insn(char *name, char *p)
{
    struct gen_insn *g = &insns[ninsns];
    char *pattern = word(&p), *attr, *where = NULL;

    if (!ndecoders)
        die("no %%decoder line yet");
    if (ninsns++ == MAX_INSNS)
        die("more than %d instructions", MAX_INSNS);
    if (!pattern || *pattern != '"')
        die("expected a quoted pattern after '%s'", name);
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            die("'%s' is no name", name);
    g->file = input;
    g->line = line_no;
    g->decoder = ndecoders - 1;
    g->d.name = name;
    g->d.bits = (uint8_t)decoders[g->decoder].bits;
    g->d.features = g->d.spec = "";
    for (unsigned i = 0; i + 1 < ninsns; i++)
        if (!strcmp(insns[i].d.name, name))
            die("'%s' is there already, in line %u", name, insns[i].line);
    g->pattern = unquote(pattern);
    parse_pattern(g, g->pattern);
    while ((attr = word(&p))) {
        char *eq = strchr(attr, '=');

        if (!eq)
            die("expected KEY=VALUE, not '%s'", attr);
        *eq++ = 0;
        eq = unquote(eq);
        if (!strcmp(attr, "if"))
            g->d.features = eq;
        else if (!strcmp(attr, "spec"))
            g->d.spec = eq;
        else if (!strcmp(attr, "where"))
            where = eq;
        else if (!strcmp(attr, "over"))
            g->over = eq;
        else if (!strcmp(attr, "as")) {
            g->as_args = eq;
            g->d.as = word(&g->as_args);
        } else
            die("unknown attribute '%s'", attr);
    }
    if (where)
        parse_where(g, where);
}

static void read_table(const char *path);

/* A table named by another: its errors name it. */
static void read_nested(const char *name)
{
    const char *outer = input, *slash = strrchr(outer, '/');
    unsigned outer_line = line_no;
    char path[512];

    snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - outer + 1) : 0, outer, name);
    line_no = 0;
    read_table(copy(path, strlen(path)));
    input = outer;
    line_no = outer_line;
}

static void parse_directive(const char *d, char *p)
{
    char *a = word(&p), *b, *c;

    if (!strcmp(d, "%decoder")) {
        b = word(&p);
        c = word(&p);
        if (!c || ndecoders == MAX_DECODERS)
            die("%%decoder FUNCTION CONTEXT BITS");
        decoders[ndecoders].function = a;
        decoders[ndecoders].context = b;
        decoders[ndecoders].bits = (unsigned)atoi(c);
        if (decoders[ndecoders].bits != 16 && decoders[ndecoders].bits != 32 && decoders[ndecoders].bits != 64)
            die("a decoder reads 16, 32 or 64 bits");
        ndecoders++;
    } else if (!strcmp(d, "%form") && a && ndecoders && nforms < MAX_FORMS) {
        struct gen_insn *g = &forms[nforms++];

        g->file = input;
        g->line = line_no;
        g->decoder = ndecoders - 1;
        g->d.name = a;
        while ((b = word(&p)))
            field_of(g, b, strlen(b), true);
    } else if (!strcmp(d, "%table") && a) {
        read_nested(a);
    } else if (!strcmp(d, "%include") && a && nincludes < 16) {
        includes[nincludes++] = a;
    } else if (!strcmp(d, "%has") && a) {
        has_expr = unquote(a);
    } else if (!strcmp(d, "%exclusive") && a && nexclusive < MAX_EXCL) {
        exclusive[nexclusive++] = copy(a, strlen(a));
        while ((b = word(&p))) {
            char *joined = malloc(strlen(exclusive[nexclusive - 1]) + strlen(b) + 2);

            sprintf(joined, "%s %s", exclusive[nexclusive - 1], b);
            exclusive[nexclusive - 1] = joined;
        }
    } else if (!strcmp(d, "%let") && nlets < MAX_LETS && (b = word(&p))) {
        lets[nlets].name = a;
        lets[nlets++].text = unquote(b);
    } else {
        die("bad directive '%s'", d);
    }
}

static void read_table(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    input = path;
    if (!f)
        die("cannot open");
    while (getline(&line, &room, f) >= 0) {
        char *p = copy(line, strlen(line)), *w;

        line_no++;
        w = word(&p);
        if (!w)
            continue;
        if (*w == '%')
            parse_directive(w, p);
        else
            parse_insn(w, p);
    }
    free(line);
    fclose(f);
}

/* --- checks ---------------------------------------------------------------------------------------------------- */

/* Is `name` a whole term of the comma or & list? */
static bool list_has(const char *list, const char *name, const char *separators)
{
    size_t n = strlen(name);

    for (const char *s = list; s && *s; s += strspn(s, separators)) {
        size_t len = strcspn(s, separators);

        if (len == n && !memcmp(s, name, n))
            return true;
        s += len;
    }
    return false;
}

static bool feature_conflict(const char *a, const char *b)
{
    char not[80];

    if (strchr(a, '|') || strchr(b, '|'))
        return false;
    for (unsigned e = 0; e < nexclusive; e++) {
        const char *mine = NULL, *other = NULL;
        char *p = copy(exclusive[e], strlen(exclusive[e])), *w;

        while ((w = word(&p))) {
            if (list_has(a, w, "&"))
                mine = w;
            if (list_has(b, w, "&"))
                other = w;
        }
        if (mine && other && strcmp(mine, other))
            return true;
    }
    for (const char *s = a; *s; s += strspn(s, "&")) {
        size_t n = strcspn(s, "&");

        snprintf(not, sizeof not, "%s%.*s", *s == '!' ? "" : "!", (int)n - (*s == '!'), *s == '!' ? s + 1 : s);
        if (list_has(b, not, "&"))
            return true;
        s += n;
    }
    return false;
}

/* The value that the fixed bits of `by` force upon field `f` (of another instruction); false if some bit is open. */
static bool forced(const struct insn_field *f, const struct insn_desc *by, int64_t *value)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < f->npieces; i++) {
        const struct insn_piece *p = &f->piece[i];
        uint64_t m = (p->len == 64 ? ~UINT64_C(0) : (UINT64_C(1) << p->len) - 1) << p->lo;

        if ((by->mask & m) != m)
            return false;
        v |= (by->value & m) >> p->lo << p->at;
    }
    if (f->is_signed && f->bits < 64 && v >> (f->bits - 1) & 1)
        v |= ~UINT64_C(0) << f->bits;
    *value = (int64_t)v + f->bias;
    return true;
}

static bool same_bits(const struct insn_field *a, const struct insn_field *b)
{
    return a->npieces == b->npieces && !memcmp(a->piece, b->piece, sizeof *a->piece * a->npieces) && a->bias == b->bias;
}

/* Do the conditions of `a` keep it from matching what `b` matches? */
static bool excluded(const struct insn_desc *a, const struct insn_desc *b)
{
    for (unsigned i = 0; i < a->nconds; i++) {
        const struct insn_cond *c = &a->cond[i];
        const struct insn_field *f = &a->field[c->field];
        int64_t v, w = c->value;

        if (c->other >= 0 && !forced(&a->field[c->other], b, &w))
            continue;
        if (forced(f, b, &v) && (v == w) != c->equal)
            return true;
        for (unsigned j = 0; j < b->nconds; j++) {
            const struct insn_cond *d = &b->cond[j];

            if (c->other < 0 && d->other < 0 && same_bits(f, &b->field[d->field]) && c->equal != d->equal &&
                c->value == d->value)
                return true;
            if (c->other < 0 && d->other < 0 && same_bits(f, &b->field[d->field]) && c->equal && d->equal &&
                c->value != d->value)
                return true;
        }
    }
    return false;
}

/* Errors from here on are about this line. */
static void at_insn(const struct gen_insn *g)
{
    input = g->file;
    line_no = g->line;
}

static void check_overlaps(void)
{
    for (unsigned i = 0; i < ninsns; i++) {
        for (unsigned j = i + 1; j < ninsns; j++) {
            struct gen_insn *a = &insns[i], *b = &insns[j];

            if (a->decoder != b->decoder || (a->d.mask & b->d.mask & (a->d.value ^ b->d.value)) ||
                feature_conflict(a->d.features, b->d.features) || list_has(a->over, b->d.name, ",") ||
                list_has(b->over, a->d.name, ",") || excluded(&a->d, &b->d) || excluded(&b->d, &a->d))
                continue;
            at_insn(b);
            die("%s overlaps %s (line %u); tell them apart, or say over=", b->d.name, a->d.name, a->line);
        }
    }
}

static struct gen_insn *find(const char *name)
{
    for (unsigned i = 0; i < ninsns; i++)
        if (!strcmp(insns[i].d.name, name))
            return &insns[i];
    for (unsigned i = 0; i < nforms; i++)
        if (!strcmp(forms[i].d.name, name))
            return &forms[i];
    return NULL;
}

/* Argument structs are shared by instructions with the same fields: args_andn is args_rs2_rs1_rd. */
static void name_shapes(void)
{
    for (unsigned i = 0; i < ninsns; i++) {
        char buf[512] = "args";

        for (unsigned k = 0; k < insns[i].d.nfields; k++) {
            strncat(buf, "_", sizeof buf - strlen(buf) - 1);
            strncat(buf, insns[i].d.field[k].name, sizeof buf - strlen(buf) - 1);
        }
        insns[i].shape = copy(buf, strlen(buf));
    }
}

static void check_names(void)
{
    for (unsigned i = 0; i < ninsns; i++) {
        char *p, *w;

        at_insn(&insns[i]);
        if (insns[i].d.as && (!find(insns[i].d.as) || find(insns[i].d.as)->d.as))
            die("as=: there is no instruction '%s' to stand for", insns[i].d.as);
        if (!insns[i].over)
            continue;
        p = copy(insns[i].over, strlen(insns[i].over));
        for (w = strtok(p, ","); w; w = strtok(NULL, ","))
            if (!find(w) || find(w) == &insns[i])
                die("over=: there is no other instruction '%s'", w);
    }
}

/* --- the header ------------------------------------------------------------------------------------------------ */

static void write_header(FILE *o, const char *guard)
{
    fprintf(o, "/* Written by insngen from %s. */\n#ifndef %s\n#define %s\n\n#include <stdbool.h>\n#include <stdint.h>\n\n",
            table_path, guard, guard);
    for (unsigned i = 0; i < ninsns; i++) {
        bool seen = false;

        if (insns[i].d.as)
            continue;
        for (unsigned j = 0; j < i && !seen; j++)
            seen = !insns[j].d.as && !strcmp(insns[j].shape, insns[i].shape);
        if (seen)
            continue;
        fprintf(o, "struct %s {", insns[i].shape);
        for (unsigned k = 0; k < insns[i].d.nfields; k++)
            fprintf(o, " %s %s;", insns[i].d.field[k].bits > 31 ? "int64_t" : "int32_t", insns[i].d.field[k].name);
        fprintf(o, "%s };\n", insns[i].d.nfields ? "" : " char none;");
    }
    for (unsigned d = 0; d < ndecoders; d++) {
        bool seen = false;

        for (unsigned e = 0; e < d; e++)
            seen |= !strcmp(decoders[e].context, decoders[d].context);
        if (!seen)
            fprintf(o, "\nstruct %s;", decoders[d].context);
    }
    fputs("\n\n", o);
    for (unsigned i = 0; i < ninsns; i++) {
        if (insns[i].d.as)
            continue;
        fprintf(o, "#define args_%s %s\n", insns[i].d.name, insns[i].shape);
        fprintf(o, "void tr_%s(struct %s *t, const struct args_%s *a);\n", insns[i].d.name,
                decoders[insns[i].decoder].context, insns[i].d.name);
    }
    for (unsigned i = 0; i < nforms; i++) {
        fprintf(o, "struct args_%s {", forms[i].d.name);
        for (unsigned k = 0; k < forms[i].d.nfields; k++)
            fprintf(o, " int32_t %s;", forms[i].d.field[k].name);
        fprintf(o, "%s };\nvoid tr_%s(struct %s *t, const struct args_%s *a);\n", forms[i].d.nfields ? "" : " char none;",
                forms[i].d.name, decoders[forms[i].decoder].context, forms[i].d.name);
    }
    fputs("\n/* Each translates the instruction and returns true, or returns false if it is none. */\n", o);
    for (unsigned d = 0; d < ndecoders; d++)
        fprintf(o, "bool %s(struct %s *t, uint%u_t insn);\n", decoders[d].function, decoders[d].context, decoders[d].bits);
    fputs("\n#endif\n", o);
}

/* --- the decoder ----------------------------------------------------------------------------------------------- */

static void write_field(FILE *o, const struct insn_field *f)
{
    if (f->is_signed)
        fprintf(o, "(int%d_t)((", f->bits > 31 ? 64 : 32);
    for (unsigned i = 0; i < f->npieces; i++) {
        const struct insn_piece *p = &f->piece[i];

        fprintf(o, "%s(%s(insn >> %u) & 0x%llx%s)", i ? " | " : "", f->bits > 31 ? "(uint64_t)" : "(uint32_t)", p->lo,
                (1ULL << p->len) - 1, "");
        if (p->at)
            fprintf(o, " << %u", p->at);
    }
    if (f->is_signed)
        fprintf(o, ") << %u) >> %u", (f->bits > 31 ? 64 : 32) - f->bits, (f->bits > 31 ? 64 : 32) - f->bits);
    if (f->bias)
        fprintf(o, " + %d", f->bias);
}

/* & binds before |: each alternative in parentheses. */
static void write_features(FILE *o, const char *s)
{
    fputc('(', o);
    while (*s) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

        if (n) {
            for (const char *h = has_expr; *h; h++) {
                if (*h != '#') {
                    fputc(*h, o);
                    continue;
                }
                for (size_t i = 0; i < n; i++)
                    fputc(s[i], o);
            }
            s += n;
        } else {
            fprintf(o, "%s", *s == '&' ? " && " : *s == '|' ? ") || (" : "!");
            s++;
        }
    }
    fputc(')', o);
}

/* The value of a field of the instruction that `g` stands for: a constant, another field's name, or the same name. */
static void write_as_field(FILE *o, struct gen_insn *g, const char *name)
{
    char *p = copy(g->as_args, strlen(g->as_args)), *w;

    while ((w = word(&p))) {
        size_t n = strcspn(w, "=");

        if (strlen(name) == n && !memcmp(w, name, n) && w[n]) {
            if (isdigit((unsigned char)w[n + 1]) || w[n + 1] == '-' || isupper((unsigned char)w[n + 1]))
                fputs(w + n + 1, o);
            else
                fprintf(o, "f.%s", g->d.field[field_index(g, w + n + 1, strlen(w + n + 1))].name);
            return;
        }
    }
    fprintf(o, "f.%s", g->d.field[field_index(g, name, strlen(name))].name);
}

static void check_as_args(struct gen_insn *g, struct gen_insn *target)
{
    char *p = copy(g->as_args, strlen(g->as_args)), *w;

    while ((w = word(&p))) {
        size_t n = strcspn(w, "=");

        if (!w[n])
            die("as=: expected FIELD=VALUE, not '%s'", w);
        field_index(target, w, n);
    }
}

static void write_leaf(FILE *o, struct gen_insn *g)
{
    struct gen_insn *to = g->d.as ? find(g->d.as) : g;

    at_insn(g);
    fprintf(o, "/* %s */\nstatic bool is_%s(struct %s *t, uint%u_t insn)\n{\n", g->pattern, g->d.name,
            decoders[g->decoder].context, g->d.bits);
    fprintf(o, "    const struct {");
    for (unsigned k = 0; k < g->d.nfields; k++)
        fprintf(o, " %s %s;", g->d.field[k].bits > 31 ? "int64_t" : "int32_t", g->d.field[k].name);
    fprintf(o, "%s } f = {\n", g->d.nfields ? "" : " char none;");
    for (unsigned k = 0; k < g->d.nfields; k++) {
        fprintf(o, "        .%s = ", g->d.field[k].name);
        write_field(o, &g->d.field[k]);
        fputs(",\n", o);
    }
    fputs(g->d.nfields ? "    };\n" : "        0\n    };\n", o);
    fprintf(o, "    const struct args_%s a = {", to->d.name);
    if (g->d.as)
        check_as_args(g, to);
    for (unsigned k = 0; k < to->d.nfields; k++) {
        fprintf(o, " .%s = ", to->d.field[k].name);
        if (g->d.as)
            write_as_field(o, g, to->d.field[k].name);
        else
            fprintf(o, "f.%s", to->d.field[k].name);
        fputc(',', o);
    }
    fprintf(o, "%s };\n\n    (void)insn;\n    (void)f;\n", to->d.nfields ? "" : " 0");
    for (unsigned k = 0; k < g->d.nconds; k++) {
        const struct insn_cond *c = &g->d.cond[k];

        fprintf(o, "    if (f.%s %s ", g->d.field[c->field].name, c->equal ? "!=" : "==");
        if (c->other >= 0)
            fprintf(o, "f.%s", g->d.field[c->other].name);
        else
            fprintf(o, "%lld", (long long)c->value);
        fputs(")\n        return false;\n", o);
    }
    if (*g->d.features) {
        fputs("    if (!(", o);
        write_features(o, g->d.features);
        fputs("))\n        return false;\n", o);
    }
    fprintf(o, "    tr_%s(t, &a);\n    return true;\n}\n\n", to->d.name);
}

static void indent(FILE *o, unsigned depth)
{
    fprintf(o, "%*s", (int)(4 * depth + 4), "");
}

/* Those with over= first; the rest in the table's order. */
static void write_sequence(FILE *o, struct gen_insn **set, unsigned n, uint64_t known, unsigned depth)
{
    bool done[MAX_INSNS] = { false };

    for (unsigned left = n; left;) {
        for (unsigned i = 0; i < n; i++) {
            bool wait = done[i];
            uint64_t m = set[i]->d.mask & ~known;

            for (unsigned j = 0; j < n && !wait; j++)
                wait = !done[j] && list_has(set[j]->over, set[i]->d.name, ",");
            if (wait)
                continue;
            indent(o, depth);
            if (m)
                fprintf(o, "if ((insn & 0x%llx) == 0x%llx && is_%s(t, insn))\n", (unsigned long long)m,
                        (unsigned long long)(set[i]->d.value & m), set[i]->d.name);
            else
                fprintf(o, "if (is_%s(t, insn))\n", set[i]->d.name);
            indent(o, depth);
            fputs("    return true;\n", o);
            done[i] = true;
            left--;
        }
    }
    indent(o, depth);
    fputs("return false;\n", o);
}

/* The bits to switch on: the lowest run of those that every candidate fixes; else the one bit that most do. */
static bool choose(struct gen_insn **set, unsigned n, uint64_t known, unsigned *lo, unsigned *len)
{
    uint64_t common = ~known;
    unsigned best = 0;

    for (unsigned i = 0; i < n; i++)
        common &= set[i]->d.mask;
    if (n < 3)
        return false;
    if (common) {
        /* the longest run, at most 8 bits; opcodes before operands' leftovers */
        for (unsigned b = 0; b < 64; b++) {
            unsigned k = 0;

            while (b + k < 64 && k < 8 && (common >> (b + k) & 1))
                k++;
            if (k > best) {
                bool splits = false;

                for (unsigned i = 1; i < n; i++)
                    splits |= ((set[i]->d.value ^ set[0]->d.value) >> b & ((1u << k) - 1)) != 0;
                if (splits) {
                    best = k;
                    *lo = b;
                    *len = k;
                }
            }
        }
        if (best)
            return true;
    }
    for (unsigned b = 0; b < 64 && n > 6; b++) {
        unsigned zeros = 0, ones = 0, score;

        if (known >> b & 1)
            continue;
        for (unsigned i = 0; i < n; i++)
            if (set[i]->d.mask >> b & 1)
                *(set[i]->d.value >> b & 1 ? &ones : &zeros) += 1;
        score = zeros < ones ? zeros : ones;
        if (score > best) {
            best = score;
            *lo = b;
            *len = 1;
        }
    }
    return best > n / 4;
}

static void write_tree(FILE *o, struct gen_insn **set, unsigned n, uint64_t known, unsigned depth)
{
    unsigned lo, len;
    uint64_t m;

    if (!choose(set, n, known, &lo, &len)) {
        write_sequence(o, set, n, known, depth);
        return;
    }
    m = (1ull << len) - 1;
    indent(o, depth);
    fprintf(o, "switch (insn >> %u & 0x%llx) {\n", lo, (unsigned long long)m);
    for (uint64_t v = 0; v <= m; v++) {
        struct gen_insn **sub = calloc(n, sizeof *sub);
        unsigned k = 0;

        for (unsigned i = 0; i < n; i++) {
            uint64_t fixed = set[i]->d.mask >> lo & m;

            if ((set[i]->d.value >> lo & fixed) == (v & fixed))
                sub[k++] = set[i];
        }
        if (k) {
            indent(o, depth);
            fprintf(o, "case 0x%llx:\n", (unsigned long long)v);
            write_tree(o, sub, k, known | m << lo, depth + 1);
        }
        free(sub);
    }
    indent(o, depth);
    fputs("}\n", o);
    indent(o, depth);
    fputs("return false;\n", o);
}

static void write_decoder(FILE *o, const char *header)
{
    fprintf(o, "/* Written by insngen from %s. */\n#include \"%s\"\n", table_path, header);
    for (unsigned i = 0; i < nincludes; i++)
        fprintf(o, "#include \"%s\"\n", includes[i]);
    fputc('\n', o);
    for (unsigned i = 0; i < ninsns; i++)
        write_leaf(o, &insns[i]);
    for (unsigned d = 0; d < ndecoders; d++) {
        struct gen_insn **set = calloc(ninsns + 1, sizeof *set);
        unsigned n = 0;

        for (unsigned i = 0; i < ninsns; i++)
            if (insns[i].decoder == d)
                set[n++] = &insns[i];
        fprintf(o, "bool %s(struct %s *t, uint%u_t insn)\n{\n", decoders[d].function, decoders[d].context, decoders[d].bits);
        write_tree(o, set, n, 0, 0);
        fputs("}\n\n", o);
        free(set);
    }
}

/* --- the table as data ----------------------------------------------------------------------------------------- */

static void write_table(FILE *o, const char *symbol)
{
    fprintf(o, "/* Written by insngen from %s. */\n#include <stddef.h>\n\n#include \"targets/gen/insn.h\"\n\n"
            "extern const struct insn_desc %s_insns[];\nextern const unsigned %s_ninsns;\n\n"
            "const struct insn_desc %s_insns[] = {\n", table_path, symbol, symbol, symbol);
    for (unsigned i = 0; i < ninsns; i++) {
        const struct insn_desc *d = &insns[i].d;

        fprintf(o, "    { \"%s\", \"%s\", \"%s\", %s%s%s, 0x%llx, 0x%llx, %u, %u, %u, {", d->name, d->features, d->spec,
                d->as ? "\"" : "", d->as ? d->as : "NULL", d->as ? "\"" : "", (unsigned long long)d->mask,
                (unsigned long long)d->value, d->bits, d->nfields, d->nconds);
        for (unsigned k = 0; k < d->nfields; k++) {
            const struct insn_field *f = &d->field[k];

            fprintf(o, " { \"%s\", %u, %s, %d, %u, {", f->name, f->bits, f->is_signed ? "true" : "false", f->bias, f->npieces);
            for (unsigned j = 0; j < f->npieces; j++)
                fprintf(o, " { %u, %u, %u },", f->piece[j].lo, f->piece[j].len, f->piece[j].at);
            fputs(" } },", o);
        }
        fputs(d->nfields ? " }, {" : " { 0 } }, {", o);
        for (unsigned k = 0; k < d->nconds; k++)
            fprintf(o, " { %u, %s, %d, %lld },", d->cond[k].field, d->cond[k].equal ? "true" : "false", d->cond[k].other,
                    (long long)d->cond[k].value);
        fputs(d->nconds ? " } },\n" : " { 0 } } },\n", o);
    }
    fprintf(o, "};\nconst unsigned %s_ninsns = %u;\n", symbol, ninsns);
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
    table_path = argv[1];
    if (!has_expr)
        has_expr = copy("false", 5);
    check_names();
    check_overlaps();
    name_shapes();
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
