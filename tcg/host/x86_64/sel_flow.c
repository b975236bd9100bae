/* tcg/host/x86_64/sel_flow.c - calls, branches, links, indirect jumps, leaving. */
#include <errno.h>

#include "tcg/host/x86_64/emit.h"

/* --- calls to helpers ------------------------------------------------------------------------------------------------ */

static const uint8_t int_args[6] = { RDI, RSI, RDX, RCX, R8, R9 };

static bool is_vector(enum ir_type t)
{
    return t == IR_V128 || t == IR_V256;
}

void x64_need_call(const struct x64_need *s)
{
    const ir_ref *args = ir_args(s->ir, s->i);
    unsigned ints = 0, vecs = 0;

    for (unsigned k = 0; k < s->i->nargs; k++) {
        enum ir_type t = ir_type_of(s->ir, args[k]);

        if (is_vector(t)) {
            x64_want_fixed(s, k, 14 - k);                  /* out of the way of floating-point arguments */
            ints++;
        } else if (x64_class(t) == RA_CLASS_GPR) {
            x64_want_fixed(s, k, int_args[ints++]);
        } else {
            x64_want_fixed(s, k, vecs++);
        }
    }
    if (s->i->type != IR_VOID) {
        x64_want_dst(s, -1);
        s->n->dst_fixed = 0;                               /* rax or xmm0 */
    }
    s->n->clobber_gpr = 1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 1u << R8 | 1u << R9 | 1u << R10;
    s->n->clobber_vec = 0x7fff;
}

/* Vectors go by pointer, in the frame's places for registers: a call finds none live. */
static void pass_vectors(struct x64_emit *e)
{
    const ir_ref *args = ir_args(e->ir, e->i);

    for (unsigned k = 0, ints = 0; k < e->i->nargs; k++) {
        enum ir_type t = ir_type_of(e->ir, args[k]);
        struct x64_rm at = x64_frame((int64_t)(offsetof(struct rt_frame, vec) + 32 * k));

        if (is_vector(t)) {
            x64_vstore(e, t, at, x64_areg(e, k));
            x64_g(&e->b, X_lea, true, int_args[ints], at);
        }
        ints += is_vector(t) || x64_class(t) == RA_CLASS_GPR;
    }
}

void x64_emit_call(struct x64_emit *e)
{
    const struct ir_helper *h = e->ir->helpers[e->i->imm];

    if (h->flags & IR_H_FAULT) {
        x64_store_pc(e, e->r);
        x64_store_snapshot(e, e->r);
    }
    pass_vectors(e);
    if (e->v256)
        x64_vzeroupper(&e->b);
    x64_call_abs(e, h->fn);
    if (e->i->snap)
        statemap_add(&e->u->map, x64_here(&e->b), e->ir, e->ra, e->r);
}

/* --- branches inside the unit -------------------------------------------------------------------------------------------- */

void x64_need_skip_br(const struct x64_need *s)
{
    (void)s;
}

void x64_emit_br(struct x64_emit *e)
{
    ir_block_ref to = e->ir->blocks[e->i->block].succ[0];

    if (to != e->next)
        x64_jump_block(e, -1, to);
}

void x64_emit_unreach(struct x64_emit *e)
{
    x64_bytes(&e->b, "\x0f\x0b", 2);                       /* ud2 */
}

void x64_branch(struct x64_emit *e, enum x64_cc cc)
{
    const struct ir_block *b = &e->ir->blocks[e->i->block];

    if (b->succ[0] == e->next) {
        x64_jump_block(e, cc ^ 1, b->succ[1]);
        return;
    }
    x64_jump_block(e, cc, b->succ[0]);
    if (b->succ[1] != e->next)
        x64_jump_block(e, -1, b->succ[1]);
}

void x64_need_brcc(const struct x64_need *s)
{
    if (s->i->mark & X64_FOLD0)
        x64_fcmp_branch_need(s);
    else
        x64_compare_need(s, s->i->aux);
}

void x64_emit_brcc(struct x64_emit *e)
{
    if (e->i->mark & X64_FOLD0)
        x64_fcmp_branch(e);
    else
        x64_branch(e, x64_compare(e, e->i->aux, e->i->type));
}

/* --- leaving ----------------------------------------------------------------------------------------------------------------- */

void x64_need_exits(const struct x64_need *s)
{
    s->n->snap_any = true;
}

static void leave_with(struct x64_emit *e, uint64_t reason)
{
    x64_movi(&e->b, RAX, reason);
    x64_jmp_abs(e, x64_trampolines.leave);
}

static void leave_at_snapshot(struct x64_emit *e, struct x64_stub *s)
{
    const struct ir_snap *snap = &e->ir->snaps[ir_at(e->ir, s->r)->snap];

    if (s->v == RT_EXIT_POLL && !e->ra->insn[s->r].snap_n && !snap->pc_val && snap->pc == e->u->pc) {
        x64_leave_at_start(e, s->v);
        return;
    }
    x64_store_pc(e, s->r);
    x64_store_snapshot(e, s->r);
    leave_with(e, s->v);
}

void x64_emit_poll(struct x64_emit *e)
{
    struct x64_stub *s = x64_stub(e, leave_at_snapshot);

    s->v = RT_EXIT_POLL;
    x64_alui(&e->b, ALU_CMP, false, x64_env(offsetof(struct cpu_env, exit_request)), 0);
    x64_cold(e, s, CC_NE);
}

void x64_need_icount(const struct x64_need *s)
{
    x64_want(s, 0, RA_REG_OR_MEM);
    s->n->snap_any = true;
}

void x64_emit_icount(struct x64_emit *e)
{
    struct x64_stub *s = x64_stub(e, leave_at_snapshot);

    s->v = RT_EXIT_ICOUNT;
    x64_alui(&e->b, ALU_CMP, true, x64_aloc(e, 0), (int32_t)e->i->imm);
    x64_cold(e, s, CC_L);
}

void x64_emit_leave(struct x64_emit *e)
{
    x64_store_pc(e, e->r);
    x64_store_snapshot(e, e->r);
    leave_with(e, e->i->imm);
}

/* --- links -------------------------------------------------------------------------------------------------------------------- */

static bool is_call(unsigned kind)
{
    return kind == IR_JUMP_CALL || kind == IR_JUMP_CALLRET;
}

unsigned host_links_needed(const struct ir *ir)
{
    unsigned n = 0;

    for (ir_block_ref b = 0; b < ir->nblocks; b++) {
        const struct ir_insn *i = ir_at(ir, ir->blocks[b].last);

        if (i->op == IR_OP_goto_if)
            n += 2;
        else if (i->op == IR_OP_goto_pc || i->op == IR_OP_goto_ind)
            n += (i->op == IR_OP_goto_pc) + is_call(i->aux);
    }
    return n;
}

static void link_stub(struct x64_emit *e, struct x64_stub *s)
{
    s->link->stub = e->u->rx + x64_here(&e->b);
    x64_load_address(e, RAX, s->link);
    x64_jmp_abs(e, x64_trampolines.leave_link);
}

/* What pc_page changes by when pc is jumped to. */
static uint64_t page_step(const struct x64_emit *e, uint64_t pc)
{
    return e->mode->system ? (pc & ~UINT64_C(0xfff)) - (e->u->pc & ~UINT64_C(0xfff)) : 0;
}

/* pc_page becomes the page that is jumped to. */
static void to_page(struct x64_emit *e, uint64_t pc)
{
    struct x64_rm page = x64_env(offsetof(struct cpu_env, pc_page));
    uint64_t step = page_step(e, pc);
    bool wide = !e->mode->pc32;

    if (wide && (int64_t)step != (int32_t)step) {
        x64_movi_keep(&e->b, RTMP, step);
        x64_alu(&e->b, ALU_ADD, true, RTMP, page);
        x64_g(&e->b, X_mov_store, true, RTMP, page);
    } else if (step) {
        x64_alui(&e->b, ALU_ADD, wide, page, (int32_t)step);
    }
}

static void to_page_of(struct x64_emit *e, unsigned pc, unsigned t)
{
    x64_mov(&e->b, true, t, pc);
    x64_alui(&e->b, ALU_AND, true, x64_r(t), -(1 << RT_PAGE_BITS));
    x64_g(&e->b, X_mov_store, true, t, x64_env(offsetof(struct cpu_env, pc_page)));
}

/* A jump, or one on a condition (cc >= 0). Its field is 4-byte aligned, so that patching it is one store. */
static void emit_link_if(struct x64_emit *e, int cc, uint64_t pc)
{
    struct x64_stub *s = x64_stub(e, link_stub);
    struct tcg_link *l;

    if (e->nlinks == e->u->nlinks) {
        e->err = -E2BIG;
        return;
    }
    l = s->link = &e->u->links[e->nlinks++];
    l->pc = pc;
    x64_align(&e->b, 4, cc < 0 ? 3 : 2);
    if (cc < 0)
        x64_cold_jmp(e, s);
    else
        x64_cold(e, s, cc);
    l->field = (uint8_t *)(uintptr_t)(e->u->rx + s->from[0]);
}

static void emit_link(struct x64_emit *e, uint64_t pc) { emit_link_if(e, -1, pc); }

/* Where a call comes back: a further link, reached from the shadow return stack. */
static void landing(struct x64_emit *e, struct x64_stub *s)
{
    x64_bind(&e->b, s->back2, x64_here(&e->b));
    emit_link(e, s->v);
}

enum {
    RET = offsetof(struct rt_view, ret), RET_CODE = RET + offsetof(struct rt_ret_entry, code),
    RET_MASK = (1 << RT_RET_BITS) * sizeof(struct rt_ret_entry) - sizeof(struct rt_ret_entry),
    JUMP = offsetof(struct rt_view, jump), JUMP_CODE = JUMP + offsetof(struct rt_jump_entry, code),
};

static struct x64_rm view_indexed(const struct x64_emit *e, unsigned index, unsigned scale, size_t off)
{
    struct x64_rm m = x64_view(e, off);

    m.index = (int8_t)index;
    m.scale = (uint8_t)scale;
    return m;
}

/* Entries of this translation's mode are marked with its salt. */
static void toggle_salt(struct x64_emit *e, unsigned reg)
{
    for (unsigned k = 0; k < 64; k++)
        if (e->u->salt >> k & 1) {
            x64_u8(&e->b, (uint8_t)(0x48 | reg >> 3));     /* btc reg, k */
            x64_bytes(&e->b, "\x0f\xba", 2);
            x64_u8(&e->b, (uint8_t)(0xf8 | (reg & 7)));
            x64_u8(&e->b, (uint8_t)k);
        }
}

/* Pushes {return pc, landing}. At an exit every register but `keep` is free; advance: not when the entry is replaced. */
static void push_return(struct x64_emit *e, uint64_t ret_pc, unsigned keep, bool advance)
{
    struct x64_stub *s;
    unsigned t = keep == RAX ? RCX : RAX;
    uint64_t salted = ret_pc ^ e->u->salt;

    if (e->u->no_salt)
        return;
    s = x64_stub(e, landing);
    x64_g(&e->b, X_mov_load, false, t, x64_view(e, offsetof(struct rt_view, ret_top)));
    if (advance) {
        x64_alui(&e->b, ALU_ADD, false, x64_r(t), sizeof(struct rt_ret_entry));
        x64_alui(&e->b, ALU_AND, false, x64_r(t), RET_MASK);
        x64_g(&e->b, X_mov_store, false, t, x64_view(e, offsetof(struct rt_view, ret_top)));
    }
    if (e->mode->system) {
        x64_load_pc(e, RTMP, ret_pc);
        toggle_salt(e, RTMP);
        x64_g(&e->b, X_mov_store, true, RTMP, view_indexed(e, t, 0, RET));
    } else if ((int64_t)salted == (int32_t)salted) {
        x64_movi_m(&e->b, 8, view_indexed(e, t, 0, RET), (int32_t)salted);
    } else {
        x64_movi_keep(&e->b, RTMP, salted);
        x64_g(&e->b, X_mov_store, true, RTMP, view_indexed(e, t, 0, RET));
    }
    x64_bytes(&e->b, "\x4c\x8d\x1d", 3);                   /* lea r11, [rip + landing] */
    x64_u32(&e->b, 0);
    s->v = ret_pc;
    s->back2 = x64_here(&e->b) - 4;
    x64_g(&e->b, X_mov_store, true, RTMP, view_indexed(e, t, 0, RET_CODE));
}

void x64_emit_goto_pc(struct x64_emit *e)
{
    x64_store_snapshot(e, e->r);
    if (is_call(e->i->aux))
        push_return(e, e->i->imm2, RTMP, true);
    to_page(e, e->i->imm);
    emit_link(e, e->i->imm);
}

/* The state is stored before the operands are compared, so they are not where it goes. */
void x64_need_goto_if(const struct x64_need *s)
{
    int32_t imm;

    x64_want(s, 0, RA_REG);
    x64_want(s, 1, x64_is_imm32(s->ir, s->i->arg[1], &imm) ? RA_REG_OR_CONST : RA_REG);
    s->n->snap_any = true;
}

static void other_page(struct x64_emit *e, struct x64_stub *s)
{
    to_page(e, s->v);
    emit_link(e, s->v);
}

void x64_emit_goto_if(struct x64_emit *e)
{
    uint64_t yes = e->i->imm, no = e->i->imm2;
    enum x64_cc cc;

    x64_store_snapshot(e, e->r);
    cc = x64_compare(e, e->i->aux, e->i->type);
    if (page_step(e, yes)) {
        struct x64_stub *s = x64_stub(e, other_page);

        s->v = yes;
        x64_cold(e, s, cc);
    } else {
        emit_link_if(e, (int)cc, yes);
    }
    to_page(e, no);
    emit_link(e, no);
}

/* --- indirect jumps --------------------------------------------------------------------------------------------------------------- */

void x64_need_goto_ind(const struct x64_need *s)
{
    x64_want(s, 0, RA_REG);
    s->n->snap_any = true;
}

static void lookup_miss(struct x64_emit *e, struct x64_stub *s)
{
    x64_g(&e->b, X_mov_store, true, s->a, x64_env(offsetof(struct cpu_env, pc)));
    leave_with(e, RT_EXIT_LOOKUP);
}

/* The pc as entries of this translation's mode have it: in pc itself or in another register than RTMP. */
static unsigned salted(struct x64_emit *e, unsigned pc)
{
    unsigned t = pc == RAX ? RCX : RAX;

    if (!e->u->salt)
        return pc;
    x64_mov(&e->b, true, t, pc);
    toggle_salt(e, t);
    return t;
}

/* view->jump[rt_jump_index(pc)]; entries are 16 bytes: twice the index times 8 */
static void lookup(struct x64_emit *e, unsigned pc, bool mode_changed)
{
    struct x64_stub *miss = x64_stub(e, lookup_miss);
    unsigned t = pc == RAX ? RCX : RAX;

    miss->a = (uint8_t)pc;
    x64_mov(&e->b, false, RTMP, pc);
    x64_shift(&e->b, SH_SHR, false, RTMP, RT_JUMP_BITS);
    x64_alu(&e->b, ALU_XOR, false, RTMP, x64_r(pc));
    x64_alui(&e->b, ALU_AND, false, x64_r(RTMP), ((1 << RT_JUMP_BITS) - 1) << 1);
    if (mode_changed) {
        x64_g(&e->b, X_mov_load, true, t, x64_view(e, offsetof(struct rt_view, salt)));
        x64_alu(&e->b, ALU_XOR, true, t, x64_r(pc));
    } else {
        t = salted(e, pc);
    }
    x64_alu(&e->b, ALU_CMP, true, t, view_indexed(e, RTMP, 3, JUMP));
    x64_cold(e, miss, CC_NE);
    if (e->mode->system)
        to_page_of(e, pc, pc == RAX ? RCX : RAX);
    x64_jmp_rm(&e->b, view_indexed(e, RTMP, 3, JUMP_CODE));
}

static void lookup_stub(struct x64_emit *e, struct x64_stub *s)
{
    lookup(e, s->a, false);
}

static void pop_return(struct x64_emit *e, unsigned pc)
{
    struct x64_stub *other = x64_stub(e, lookup_stub);
    unsigned t = pc == RAX ? RCX : RAX;

    other->a = (uint8_t)pc;
    x64_g(&e->b, X_mov_load, false, RTMP, x64_view(e, offsetof(struct rt_view, ret_top)));
    x64_alu(&e->b, ALU_CMP, true, salted(e, pc), view_indexed(e, RTMP, 0, RET));
    x64_cold(e, other, CC_NE);
    x64_g(&e->b, X_lea, false, t, x64_m(RTMP, -(int)sizeof(struct rt_ret_entry)));
    x64_alui(&e->b, ALU_AND, false, x64_r(t), RET_MASK);
    x64_g(&e->b, X_mov_store, false, t, x64_view(e, offsetof(struct rt_view, ret_top)));
    if (e->mode->system)
        to_page_of(e, pc, t);
    x64_jmp_rm(&e->b, view_indexed(e, RTMP, 0, RET_CODE));
}

void x64_emit_goto_ind(struct x64_emit *e)
{
    unsigned pc = x64_areg(e, 0);

    x64_store_snapshot(e, e->r);
    if (e->i->aux == IR_JUMP_RET) {
        pop_return(e, pc);
        return;
    }
    if (is_call(e->i->aux))
        push_return(e, e->i->imm2, pc, e->i->aux == IR_JUMP_CALL);
    if (e->i->aux == IR_JUMP_MODE && e->mode->system)
        x64_g(&e->b, X_mov_load, true, R14, x64_env(offsetof(struct cpu_env, view)));
    lookup(e, pc, e->i->aux == IR_JUMP_MODE);
}
