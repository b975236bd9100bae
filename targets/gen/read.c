/* Reading instruction tables: the language is described in insngen.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "targets/gen/gen.h"

enum { MAX_LETS = 64 };

static struct { char *name, *text; } lets[MAX_LETS];
static unsigned nlets;

char *word(char **p)
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

unsigned field_index(struct gen_insn *g, const char *name, size_t n)
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
    struct gen_insn *g = &gen.insns[gen.ninsns];
    char *pattern = word(&p), *attr, *where = NULL;

    if (!gen.ndecoders)
        die("no %%decoder line yet");
    if (gen.ninsns++ == MAX_INSNS)
        die("more than %d instructions", MAX_INSNS);
    if (!pattern || *pattern != '"')
        die("expected a quoted pattern after '%s'", name);
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            die("'%s' is no name", name);
    g->file = gen.file;
    g->line = gen.line;
    g->decoder = gen.ndecoders - 1;
    g->d.name = name;
    g->d.bits = (uint8_t)gen.decoders[g->decoder].bits;
    g->d.features = g->d.spec = "";
    for (unsigned i = 0; i + 1 < gen.ninsns; i++)
        if (!strcmp(gen.insns[i].d.name, name))
            die("'%s' is there already, in line %u", name, gen.insns[i].line);
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

void read_table(const char *path);

/* A table named by another: its errors name it. */
static void read_nested(const char *name)
{
    const char *outer = gen.file, *slash = strrchr(outer, '/');
    unsigned outer_line = gen.line;
    char path[512];

    snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - outer + 1) : 0, outer, name);
    gen.line = 0;
    read_table(copy(path, strlen(path)));
    gen.file = outer;
    gen.line = outer_line;
}

static void parse_directive(const char *d, char *p)
{
    char *a = word(&p), *b, *c;

    if (!strcmp(d, "%decoder")) {
        b = word(&p);
        c = word(&p);
        if (!c || gen.ndecoders == MAX_DECODERS)
            die("%%decoder FUNCTION CONTEXT BITS");
        gen.decoders[gen.ndecoders].function = a;
        gen.decoders[gen.ndecoders].context = b;
        gen.decoders[gen.ndecoders].bits = (unsigned)atoi(c);
        if (gen.decoders[gen.ndecoders].bits != 16 && gen.decoders[gen.ndecoders].bits != 32 && gen.decoders[gen.ndecoders].bits != 64)
            die("a decoder reads 16, 32 or 64 bits");
        gen.ndecoders++;
    } else if (!strcmp(d, "%form") && a && gen.ndecoders && gen.nforms < MAX_FORMS) {
        struct gen_insn *g = &gen.forms[gen.nforms++];

        g->file = gen.file;
        g->line = gen.line;
        g->decoder = gen.ndecoders - 1;
        g->d.name = a;
        while ((b = word(&p)))
            field_of(g, b, strlen(b), true);
    } else if (!strcmp(d, "%table") && a) {
        read_nested(a);
    } else if (!strcmp(d, "%include") && a && gen.nincludes < 16) {
        gen.includes[gen.nincludes++] = a;
    } else if (!strcmp(d, "%has") && a) {
        gen.has_expr = unquote(a);
    } else if (!strcmp(d, "%exclusive") && a && gen.nexclusive < MAX_EXCL) {
        gen.exclusive[gen.nexclusive++] = copy(a, strlen(a));
        while ((b = word(&p))) {
            char *joined = malloc(strlen(gen.exclusive[gen.nexclusive - 1]) + strlen(b) + 2);

            sprintf(joined, "%s %s", gen.exclusive[gen.nexclusive - 1], b);
            gen.exclusive[gen.nexclusive - 1] = joined;
        }
    } else if (!strcmp(d, "%let") && nlets < MAX_LETS && (b = word(&p))) {
        lets[nlets].name = a;
        lets[nlets++].text = unquote(b);
    } else {
        die("bad directive '%s'", d);
    }
}

void read_table(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    gen.file = path;
    if (!f)
        die("cannot open");
    while (getline(&line, &room, f) >= 0) {
        char *p = copy(line, strlen(line)), *w;

        gen.line++;
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

