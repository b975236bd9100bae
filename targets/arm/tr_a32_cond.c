/* targets/arm/tr_a32_cond.c - conditional execution: selects where cheap, else branches that neighbours share.
 *
 *     group:   brcc test -> body, other          body: instructions under cond
 *              br -> join                        other: those under the opposite one, if any follow at once
 *
 * A group ends at an instruction under another condition, or once the flags have changed. */
#include "targets/arm/tr_a32.h"

static void open_group(struct tr_a32 *t)
{
    struct ir *ir = a32_ir(t);
    struct a64_test test = a64_condition(&t->a, t->cond);
    ir_block_ref body = ir_block_new(ir, t->a.pc);

    t->group.other = ir_block_new(ir, t->a.pc);
    ir_brcc(ir, test.cond, test.a, test.b, body, t->group.other, 0);
    ir_seal(ir, body);
    ir_enter(ir, body);
    t->group.open = true;
    t->group.in_else = false;
    t->group.cond = t->cond;
    t->group.flags_set = t->flags_set;
}

static void enter_other(struct tr_a32 *t)
{
    ir_seal(a32_ir(t), t->group.other);
    ir_enter(a32_ir(t), t->group.other);
}

static void begin_else(struct tr_a32 *t)
{
    ir_block_ref join = ir_block_new(a32_ir(t), t->a.pc);

    ir_br(a32_ir(t), join);
    enter_other(t);
    t->group.other = join;
    t->group.in_else = true;
    t->group.cond = t->cond;
}

void a32_cond_close(struct tr_a32 *t)
{
    if (!t->group.open)
        return;
    if (!t->a.ended)
        ir_br(a32_ir(t), t->group.other);
    enter_other(t);
    t->group.open = t->a.ended = false;
}

void a32_cond_begin(struct tr_a32 *t, bool pure)
{
    bool same_flags = t->group.flags_set == t->flags_set;

    t->select = false;
    if (t->group.open && same_flags && t->cond == t->group.cond)
        return;
    if (t->group.open && same_flags && t->cond == (t->group.cond ^ 1) && !t->group.in_else) {
        begin_else(t);
        return;
    }
    a32_cond_close(t);
    if (t->cond >= 14)
        return;
    if (pure) {
        t->test = a64_condition(&t->a, t->cond);
        t->select = true;
    } else {
        open_group(t);
    }
}
