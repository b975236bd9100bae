#include "core/monitor/expr.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/error.h"

enum { DEPTH_MAX = 64 };

struct expr {
    const char *at;
    bool (*reg)(void *opaque, const char *name, uint64_t *value);
    void *opaque;
    struct error *err;
    unsigned depth;
    int ret;
};

static uint64_t sum(struct expr *e, int level);

static uint64_t wrong(struct expr *e, const char *what)
{
    if (!e->ret)
        e->ret = error_set(e->err, EINVAL, "%s at '%s'", what, e->at);
    return 0;
}

static char next(struct expr *e)
{
    while (*e->at == ' ')
        e->at++;
    return *e->at;
}

static uint64_t name(struct expr *e)
{
    char text[64];
    size_t n = 0;
    uint64_t v = 0;
    const char *p = e->at + 1;

    while ((isalnum((unsigned char)p[n]) || p[n] == '_') && n < sizeof text - 1) {
        text[n] = p[n];
        n++;
    }
    text[n] = '\0';
    if (!e->reg || !n || !e->reg(e->opaque, text, &v))
        return wrong(e, "no such register");
    e->at = p + n;
    return v;
}

static uint64_t number(struct expr *e)
{
    char *end;
    uint64_t v;

    errno = 0;
    v = strtoull(e->at, &end, 0);
    if (errno)
        return wrong(e, "this number does not fit 64 bits");
    if (isalnum((unsigned char)*end))
        return wrong(e, "not a number");
    e->at = end;
    return v;
}

static uint64_t term(struct expr *e)
{
    char c = next(e);
    uint64_t v;

    if (++e->depth > DEPTH_MAX)
        return wrong(e, "nested too deep");
    switch (c) {
    case '(':
        e->at++;
        v = sum(e, 0);
        if (next(e) == ')')
            e->at++;
        else
            wrong(e, "a ) is missing");
        break;
    case '-': e->at++; v = -term(e); break;
    case '+': e->at++; v = term(e); break;
    case '~': e->at++; v = ~term(e); break;
    case '$': v = name(e); break;
    default: v = isdigit((unsigned char)c) ? number(e) : wrong(e, "a number or $REGISTER is missing"); break;
    }
    e->depth--;
    return v;
}

/* Operators by level, weakest first. */
static const char *const operators[] = { "|", "^", "&", "+-", "*/%" };
enum { LEVELS = 5 };

static uint64_t apply(struct expr *e, char op, uint64_t a, uint64_t b)
{
    switch (op) {
    case '|': return a | b;
    case '^': return a ^ b;
    case '&': return a & b;
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    }
    if (!b)
        return wrong(e, "division by zero");
    return op == '/' ? a / b : a % b;
}

static uint64_t sum(struct expr *e, int level)
{
    uint64_t v;
    char op;

    if (level == LEVELS)
        return term(e);
    v = sum(e, level + 1);
    while (!e->ret && (op = next(e)) && strchr(operators[level], op)) {
        e->at++;
        v = apply(e, op, v, sum(e, level + 1));
    }
    return v;
}

int expr_read(const char **at, bool (*reg)(void *opaque, const char *name, uint64_t *value), void *opaque, int64_t *value,
              struct error *err)
{
    struct expr e = { .at = *at, .reg = reg, .opaque = opaque, .err = err };

    *value = (int64_t)sum(&e, 0);
    while (*e.at == ' ')
        e.at++;
    *at = e.at;
    return e.ret;
}
