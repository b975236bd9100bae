/* The decoder: nested switches over the bits that all remaining candidates fix. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "targets/gen/gen.h"

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
            for (const char *h = gen.has_expr; *h; h++) {
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
            gen.decoders[g->decoder].context, g->d.bits);
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

void write_decoder(FILE *o, const char *header)
{
    fprintf(o, "/* Written by insngen from %s. */\n#include \"%s\"\n", gen.table_path, header);
    for (unsigned i = 0; i < gen.nincludes; i++)
        fprintf(o, "#include \"%s\"\n", gen.includes[i]);
    fputc('\n', o);
    for (unsigned i = 0; i < gen.ninsns; i++)
        write_leaf(o, &gen.insns[i]);
    for (unsigned d = 0; d < gen.ndecoders; d++) {
        struct gen_insn **set = calloc(gen.ninsns + 1, sizeof *set);
        unsigned n = 0;

        for (unsigned i = 0; i < gen.ninsns; i++)
            if (gen.insns[i].decoder == d)
                set[n++] = &gen.insns[i];
        fprintf(o, "bool %s(struct %s *t, uint%u_t insn)\n{\n", gen.decoders[d].function, gen.decoders[d].context, gen.decoders[d].bits);
        write_tree(o, set, n, 0, 0);
        fputs("}\n\n", o);
        free(set);
    }
}
