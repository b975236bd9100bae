/* tcg/host/x86_64/int.h - what the integer selectors share. */
#ifndef TCG_HOST_X86_64_INT_H
#define TCG_HOST_X86_64_INT_H

#include "tcg/host/x86_64/emit.h"

static inline bool x64_is_wide(const struct x64_emit *e)
{
    return e->i->type == IR_I64;
}

static inline unsigned x64_width(const struct ir_insn *i)
{
    return i->type == IR_I64 ? 64 : 32;
}

/* The result's register, holding argument k: for two-address forms. */
static inline unsigned x64_dst_from(struct x64_emit *e, unsigned k)
{
    unsigned d = x64_dst(e);

    if (x64_areg(e, k) != d)
        x64_mov(&e->b, x64_is_wide(e), d, x64_areg(e, k));
    return d;
}

static inline bool x64_const_arg(const struct x64_need *s, unsigned k)
{
    return ir_is_const(s->ir, s->i->arg[k]);
}

#endif
