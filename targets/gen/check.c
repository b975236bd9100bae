/* What a table must not say: instructions that overlap, names that are not there. */
#include <string.h>

#include "targets/gen/gen.h"

bool list_has(const char *list, const char *name, const char *separators)
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
    for (unsigned e = 0; e < gen.nexclusive; e++) {
        const char *mine = NULL, *other = NULL;
        char *p = copy(gen.exclusive[e], strlen(gen.exclusive[e])), *w;

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

void at_insn(const struct gen_insn *g)
{
    gen.file = g->file;
    gen.line = g->line;
}

static void check_overlaps(void)
{
    for (unsigned i = 0; i < gen.ninsns; i++) {
        for (unsigned j = i + 1; j < gen.ninsns; j++) {
            struct gen_insn *a = &gen.insns[i], *b = &gen.insns[j];

            if (a->decoder != b->decoder || (a->d.mask & b->d.mask & (a->d.value ^ b->d.value)) ||
                feature_conflict(a->d.features, b->d.features) || list_has(a->over, b->d.name, ",") ||
                list_has(b->over, a->d.name, ",") || excluded(&a->d, &b->d) || excluded(&b->d, &a->d))
                continue;
            at_insn(b);
            die("%s overlaps %s (line %u); tell them apart, or say over=", b->d.name, a->d.name, a->line);
        }
    }
}

struct gen_insn *find(const char *name)
{
    for (unsigned i = 0; i < gen.ninsns; i++)
        if (!strcmp(gen.insns[i].d.name, name))
            return &gen.insns[i];
    for (unsigned i = 0; i < gen.nforms; i++)
        if (!strcmp(gen.forms[i].d.name, name))
            return &gen.forms[i];
    return NULL;
}

static void check_names(void)
{
    for (unsigned i = 0; i < gen.ninsns; i++) {
        char *p, *w;

        at_insn(&gen.insns[i]);
        if (gen.insns[i].d.as && (!find(gen.insns[i].d.as) || find(gen.insns[i].d.as)->d.as))
            die("as=: there is no instruction '%s' to stand for", gen.insns[i].d.as);
        if (!gen.insns[i].over)
            continue;
        p = copy(gen.insns[i].over, strlen(gen.insns[i].over));
        for (w = strtok(p, ","); w; w = strtok(NULL, ","))
            if (!find(w) || find(w) == &gen.insns[i])
                die("over=: there is no other instruction '%s'", w);
    }
}

void check_tables(void)
{
    check_names();
    check_overlaps();
}
