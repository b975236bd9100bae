/* tcg/opt/phis.c - values that merge in a wide form merge in the narrow one instead.
 *
 * A guest keeps a single in a register for doubles (boxed) and an int in a register of 64 bits (extended, by its sign
 * with RISC-V, by zeros with ARM and x86). In a loop,
 *     p = phi(box(a), box(b)); x = unbox(p); ... b = x + 1
 * boxes and unboxes every time. What this makes of it:
 *     q = phi(a, b); p = box(q); ... b = q + 1
 * and p is needed only where the register is looked at as a whole, mostly by snapshots.
 *
 * A phi is a candidate when each argument is such a widening, a constant that one could have made, or another candidate.
 * So is a sign-extended value of any make, as long as the phi is not needed extended.
 * For boxes an argument on a forward edge may also be anything: it is unboxed there, in front of the loop; the wide phi
 * then stays beside the narrow one. */
#include <string.h>

#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/opt/fold.h"
#include "tcg/opt/passes.h"

struct form { enum ir_op widen, narrow; enum ir_type wide, thin; };

enum { NOT, PARTLY, FULLY };

struct merge {
    struct ir *ir;
    const struct cfg *cfg;
    const struct form *form;
    uint32_t old;                              /* instructions that were there before */
    uint8_t *state;                            /* by value: NOT, PARTLY, FULLY */
    ir_ref *thin;                              /* the narrow phi */
    bool *wide;                                /* something takes the value as a whole */
    ir_ref *phi; uint32_t nphi;                /* the wide ones of the form's type */
};

static bool const_fits(const struct form *f, uint64_t v)
{
    switch (f->widen) {
    case IR_OP_fbox: return v >> 32 == 0xffffffff;
    case IR_OP_sext: return v == (uint64_t)(int32_t)v;
    default: return v >> 32 == 0;
    }
}

static bool is_free(const struct merge *m, ir_ref a, unsigned at_least)
{
    const struct ir_insn *i = &m->ir->insns[a];

    return i->op == m->form->widen || (i->op == IR_OP_const && const_fits(m->form, i->imm)) ||
           (i->op == IR_OP_phi && m->state[a] >= at_least);
}

/* An extended value that is not made by an extension (a load) is narrowed for nothing; but its phi should not have to be
 * extended again. */
static bool is_extended(const struct merge *m, ir_ref phi, ir_ref a)
{
    if (m->wide[phi])
        return false;
    return (m->form->widen == IR_OP_sext && fold_signed_bits(m->ir, a) <= 32) ||
           (m->form->widen == IR_OP_zext && fold_bits_used(m->ir, a) <= 32);
}

static bool may_be_thin(const struct merge *m, ir_ref r)
{
    const struct ir_insn *i = &m->ir->insns[r];

    if (r >= m->old)
        return false;
    return i->op == m->form->widen || (i->op == IR_OP_const && const_fits(m->form, i->imm)) ||
           (i->op == IR_OP_phi && m->state[r] != NOT);
}

/* Does argument k go with a narrow value, because the use becomes narrow itself (see fold.c) or takes no more? */
static bool narrow_use(const struct merge *m, ir_ref r, unsigned k)
{
    const struct ir_insn *i = &m->ir->insns[r];

    switch (i->op) {
    case IR_OP_phi: return m->state[r] != NOT;
    case IR_OP_and: case IR_OP_or: case IR_OP_xor: case IR_OP_andn:
        return m->form->widen == IR_OP_sext || may_be_thin(m, i->arg[!k]);
    case IR_OP_not: return m->form->widen == IR_OP_sext;
    case IR_OP_st: return k == 1 && (i->aux & IR_MSIZE) <= IR_M32;
    case IR_OP_setcc: case IR_OP_brcc: return may_be_thin(m, i->arg[!k]);
    case IR_OP_select: return k < 2 && may_be_thin(m, i->arg[!k]);
    default: return i->op == m->form->narrow;
    }
}

static void find_wide_uses(struct merge *m, uint32_t n)
{
    for (ir_ref r = 1; r < n; r++) {
        const struct ir_insn *i = &m->ir->insns[r];
        const ir_ref *arg = ir_args(m->ir, i);
        for (unsigned k = 0; k < i->nargs; k++)
            if (!narrow_use(m, r, k))
                m->wide[arg[k]] = true;
    }
}

static void gather(struct merge *m)
{
    m->nphi = 0;
    for (uint32_t k = 0; k < m->cfg->n; k++)
        for (ir_ref r = m->ir->blocks[m->cfg->rpo[k]].first; r && m->ir->insns[r].op == IR_OP_phi; r = m->ir->insns[r].next)
            if (m->ir->insns[r].type == m->form->wide) {
                m->state[r] = FULLY;
                m->phi[m->nphi++] = r;
            }
}

/* What an argument allows its phi to be. */
static unsigned allows(const struct merge *m, ir_ref phi, unsigned k)
{
    const struct ir_insn *i = &m->ir->insns[phi];
    ir_ref a = m->ir->pool[i->arg[0] + k];

    if (is_free(m, a, FULLY) || is_extended(m, phi, a))
        return FULLY;
    if (m->form->widen != IR_OP_fbox)
        return NOT;
    if (is_free(m, a, PARTLY))
        return PARTLY;
    return cfg_dominates(m->cfg, i->block, m->ir->blocks[i->block].pred[k]) ? NOT : PARTLY;
}

/* All are candidates until an argument says otherwise. */
static void settle(struct merge *m)
{
    bool again = true;

    while (again) {
        again = false;
        for (uint32_t p = 0; p < m->nphi; p++) {
            ir_ref r = m->phi[p];
            for (unsigned k = 0; k < m->ir->insns[r].nargs && m->state[r] != NOT; k++) {
                unsigned s = allows(m, r, k);
                if (s < m->state[r]) {
                    m->state[r] = (uint8_t)s;
                    again = true;
                }
            }
        }
    }
}

/* The narrow form of an argument, at the end of the block that it comes from. */
static ir_ref narrow_arg(struct merge *m, ir_ref a, ir_block_ref from)
{
    struct ir *ir = m->ir;
    enum ir_op op = ir->insns[a].op;
    ir_ref r;

    if (op == m->form->widen)
        return ir->insns[a].arg[0];
    if (op == IR_OP_phi && m->state[a] != NOT)
        return m->thin[a];
    r = ir_new_in(ir, from, ir->blocks[from].last, op == IR_OP_const ? IR_OP_const : m->form->narrow, m->form->thin);
    if (op == IR_OP_const) {
        ir->insns[r].imm = (uint32_t)ir->insns[a].imm;
    } else {
        ir->insns[r].arg[0] = a;
    }
    return r;
}

static void make_thin(struct merge *m)
{
    struct ir *ir = m->ir;

    for (uint32_t p = 0; p < m->nphi; p++) {
        ir_ref r = m->phi[p], t;
        if (m->state[r] == NOT)
            continue;
        ir_build(ir)->unfolded = true;
        t = ir_new_in(ir, ir->insns[r].block, r, IR_OP_phi, m->form->thin);
        ir->insns[t].imm = ir->insns[r].imm;
        ir->insns[t].nargs = ir->insns[r].nargs;
        ir->insns[t].arg[0] = ir_pool_alloc(ir, ir->insns[r].nargs);
        m->thin[r] = t;
    }
    for (uint32_t p = 0; p < m->nphi; p++) {
        ir_ref r = m->phi[p];
        if (m->state[r] == NOT)
            continue;
        for (unsigned k = 0; k < ir->insns[r].nargs; k++) {
            ir_ref v = narrow_arg(m, ir->pool[ir->insns[r].arg[0] + k], ir->blocks[ir->insns[r].block].pred[k]);
            ir->pool[ir->insns[m->thin[r]].arg[0] + k] = v;
        }
    }
}

static ir_ref first_behind_phis(const struct ir *ir, ir_block_ref b)
{
    ir_ref r = ir->blocks[b].first;

    while (ir->insns[r].op == IR_OP_phi)
        r = ir->insns[r].next;
    return r;
}

/* Users take the narrow phi: all of them by way of the widened one, or only those that narrow. */
static void replace_uses(struct merge *m, uint32_t old_ninsns)
{
    struct ir *ir = m->ir;

    for (ir_ref r = 1; r < old_ninsns; r++) {
        const struct ir_insn *i = &ir->insns[r];
        if (i->op == m->form->narrow && ir->insns[i->arg[0]].op == IR_OP_phi && i->arg[0] < old_ninsns &&
            m->state[i->arg[0]] != NOT)
            ir_forward(ir, r, m->thin[i->arg[0]]);
    }
    for (uint32_t p = 0; p < m->nphi; p++) {
        ir_ref r = m->phi[p], w;
        if (m->state[r] != FULLY)
            continue;
        w = ir_new_in(ir, ir->insns[r].block, first_behind_phis(ir, ir->insns[r].block), m->form->widen, m->form->wide);
        ir->insns[w].arg[0] = m->thin[r];
        ir_forward(ir, r, w);
    }
}

void opt_phis(struct ir *ir)
{
    static const struct form forms[] = {
        { IR_OP_fbox, IR_OP_funbox, IR_F64, IR_F32 },
        { IR_OP_sext, IR_OP_trunc, IR_I64, IR_I32 },
        { IR_OP_zext, IR_OP_trunc, IR_I64, IR_I32 },
    };
    struct merge m = { .ir = ir };
    uint32_t old = ir->ninsns;

    if (ir->nblocks == 1)
        return;
    m.cfg = cfg_build(ir);
    m.old = old;
    m.state = ir_zalloc(ir, old);
    m.thin = ir_alloc(ir, old * sizeof(*m.thin));
    m.wide = ir_alloc(ir, old);
    m.phi = ir_alloc(ir, old * sizeof(*m.phi));
    for (unsigned f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        m.form = &forms[f];
        memset(m.state, 0, old);
        memset(m.wide, 0, old);
        gather(&m);
        if (!m.nphi)
            continue;
        find_wide_uses(&m, old);
        settle(&m);
        make_thin(&m);
        replace_uses(&m, old);
    }
    ir_simplify(ir);
}
