/* tcg/host/x86_64/emit.c - a unit becomes code: blocks, moves, cold paths, constants, snapshots. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/sel.h"

/* --- jumps ------------------------------------------------------------------------------------------------------- */

static void jump_fix(struct x64_emit *e, uint32_t field, ir_block_ref to)
{
    if (e->njumps == e->jumps_cap) {
        e->jumps_cap = e->jumps_cap ? 2 * e->jumps_cap : 32;
        e->jumps = xreallocarray(e->jumps, e->jumps_cap, sizeof *e->jumps);
    }
    e->jumps[e->njumps++] = (struct x64_jump){ field, to };
}

void x64_jump_block(struct x64_emit *e, int cc, ir_block_ref to)
{
    if (e->block_at[to] != UINT32_MAX) {
        if (cc < 0)
            x64_jmp_to(&e->b, e->block_at[to]);
        else
            x64_jcc_to(&e->b, cc, e->block_at[to]);
        return;
    }
    jump_fix(e, cc < 0 ? x64_jmp(&e->b) : x64_jcc(&e->b, cc), to);
}

struct x64_stub *x64_stub(struct x64_emit *e, x64_stub_fn *fn)
{
    bool first = e->nstubs < X64_FIRST_STUBS;
    struct x64_stub *s = first ? &e->first_stubs[e->nstubs] : xmalloc(sizeof *s);

    memset(s, 0, sizeof *s);
    if (e->nstubs == e->stubs_cap) {
        e->stubs_cap = e->stubs_cap ? 2 * e->stubs_cap : 32;
        e->stubs = xreallocarray(e->stubs, e->stubs_cap, sizeof *e->stubs);
    }
    s->fn = fn;
    s->r = e->r;
    e->stubs[e->nstubs++] = s;
    return s;
}

void x64_cold(struct x64_emit *e, struct x64_stub *s, enum x64_cc cc)
{
    s->from[s->nfrom++] = x64_jcc(&e->b, cc);
}

void x64_cold_jmp(struct x64_emit *e, struct x64_stub *s)
{
    s->from[s->nfrom++] = x64_jmp(&e->b);
}

/* Distance from the instruction that ends at offset `end` to an address, if a rel32 holds it. */
static bool reach(const struct x64_emit *e, uint32_t end, const void *to, int32_t *rel)
{
    intptr_t d = (intptr_t)((uintptr_t)to - ((uintptr_t)e->u->rx + end));

    *rel = (int32_t)d;
    return d == *rel;
}

void x64_call_abs(struct x64_emit *e, const void *fn)
{
    int32_t rel;

    if (reach(e, x64_here(&e->b) + 5, fn, &rel)) {
        x64_u8(&e->b, 0xe8);
        x64_u32(&e->b, (uint32_t)rel);
    } else {
        x64_movi_keep(&e->b, RTMP, (uintptr_t)fn);
        x64_call_r(&e->b, RTMP);
    }
}

void x64_call_tramp(struct x64_emit *e, unsigned kind)
{
    x64_call_abs(e, x64_trampolines.slow[kind][!e->vec ? SAVE_GPR : e->v256 ? SAVE_YMM : SAVE_XMM]);
}

void x64_jmp_abs(struct x64_emit *e, const void *to)
{
    int32_t rel;

    if (reach(e, x64_here(&e->b) + 5, to, &rel)) {
        x64_u8(&e->b, 0xe9);
        x64_u32(&e->b, (uint32_t)rel);
    } else {
        x64_movi_keep(&e->b, RTMP, (uintptr_t)to);
        x64_jmp_rm(&e->b, x64_r(RTMP));
    }
}

void x64_load_address(struct x64_emit *e, unsigned d, const void *p)
{
    int32_t rel;

    if (!reach(e, x64_here(&e->b) + 7, p, &rel)) {
        x64_movi_keep(&e->b, d, (uintptr_t)p);
        return;
    }
    x64_u8(&e->b, (uint8_t)(0x48 | (d >= 8) << 2));        /* lea d, [rip + rel] */
    x64_u8(&e->b, 0x8d);
    x64_u8(&e->b, (uint8_t)((d & 7) << 3 | 5));
    x64_u32(&e->b, (uint32_t)rel);
}

void x64_leave_at_start(struct x64_emit *e, uint64_t reason)
{
    x64_movi(&e->b, RAX, reason);
    if (e->start_tail) {
        x64_jmp_to(&e->b, e->start_tail);
        return;
    }
    e->start_tail = x64_here(&e->b);
    x64_set_env_pc(e, e->u->pc);
    x64_jmp_abs(e, x64_trampolines.leave);
}

/* --- snapshots ----------------------------------------------------------------------------------------------------- */

void x64_load_pc(struct x64_emit *e, unsigned d, uint64_t pc)
{
    struct x64_rm page = x64_env(offsetof(struct cpu_env, pc_page));
    uint64_t off = pc - (e->u->pc & ~UINT64_C(0xfff));
    bool wide = !e->mode->pc32;

    if (wide && (int64_t)off != (int32_t)off) {
        x64_movi_keep(&e->b, d, off);
        x64_alu(&e->b, ALU_ADD, true, d, page);
        return;
    }
    x64_g(&e->b, X_mov_load, wide, d, page);
    if (off)
        x64_g(&e->b, X_lea, wide, d, x64_m(d, (int32_t)off));
}

void x64_set_env_pc(struct x64_emit *e, uint64_t pc)
{
    struct x64_rm m = x64_env(offsetof(struct cpu_env, pc));

    if (e->mode->system) {
        x64_load_pc(e, RTMP, pc);
        x64_g(&e->b, X_mov_store, true, RTMP, m);
    } else if ((int64_t)pc == (int32_t)pc) {
        x64_movi_m(&e->b, 8, m, (int32_t)pc);
    } else {
        x64_movi_keep(&e->b, RTMP, pc);
        x64_g(&e->b, X_mov_store, true, RTMP, m);
    }
}

static const struct ra_snap_loc *snap_entries(const struct x64_emit *e, ir_ref r, uint32_t *n)
{
    *n = e->ra->insn[r].snap_n;
    return e->ra->snap_loc + e->ra->insn[r].snap_first;
}

static void store_value(struct x64_emit *e, struct ra_loc from, ir_ref val, struct x64_rm d, enum ir_type type)
{
    struct x64_rm s;

    if (from.kind == RA_GPR) {
        x64_g(&e->b, X_mov_store, type == IR_I64, from.reg, d);
    } else if (from.kind == RA_VEC) {
        x64_vstore(e, type, d, from.reg);
    } else if (from.kind == RA_CONST && x64_class(type) == RA_CLASS_GPR &&
               (type != IR_I64 || (int64_t)ir_at(e->ir, val)->imm == (int32_t)ir_at(e->ir, val)->imm)) {
        x64_movi_m(&e->b, type == IR_I64 ? 8 : 4, d, (int32_t)ir_at(e->ir, val)->imm);
    } else if (from.kind == RA_CONST && type == IR_I64) {
        x64_movi_keep(&e->b, RTMP, ir_at(e->ir, val)->imm);
        x64_g(&e->b, X_mov_store, true, RTMP, d);
    } else {
        s = x64_loc(e, from, val);
        if (x64_class(type) == RA_CLASS_GPR) {
            x64_g(&e->b, X_mov_load, type == IR_I64, RTMP, s);
            x64_g(&e->b, X_mov_store, type == IR_I64, RTMP, d);
        } else {
            x64_vload(e, type, XTMP, s);
            x64_vstore(e, type, d, XTMP);
        }
    }
}

/* A float whose NaN is put right on the way (IR_HOW_CANON). */
static unsigned canonical_value(struct x64_emit *e, const struct ra_snap_loc *l, enum ir_type type)
{
    uint64_t nan = type == IR_F64 ? 0x7ff8000000000000 : 0x7fc00000;
    uint32_t ordered;

    x64_vload(e, type, XTMP, x64_loc(e, l->loc, l->val));
    x64_vv(&e->b, type == IR_F64 ? X_ucomisd : X_ucomiss, false, XTMP, x64_r(XTMP));
    ordered = x64_jcc8(&e->b, CC_NP);
    x64_vload(e, type, XTMP, x64_literal(&e->b, &nan, type == IR_F64 ? 8 : 4));
    x64_bind8(&e->b, ordered);
    return XTMP;
}

/* What the slot holds, from the value that a snapshot names for it (enum ir_how). */
static void store_slot(struct x64_emit *e, const struct ra_snap_loc *l)
{
    struct x64_rm d = x64_env(e->ir->slots[l->slot].offset), upper = x64_env(e->ir->slots[l->slot].offset + 4);
    enum ir_type type = ir_type_of(e->ir, l->val);
    struct ra_loc from = l->loc;

    switch (l->how & IR_HOW_KIND) {
    case IR_HOW_SEXT: case IR_HOW_ZEXT:
        if (from.kind == RA_CONST) {
            uint64_t v = ir_at(e->ir, l->val)->imm;
            x64_movi_keep(&e->b, RTMP, l->how == IR_HOW_SEXT ? (uint64_t)(int32_t)v : v);
        } else {
            x64_g(&e->b, l->how == IR_HOW_SEXT ? X_movsxd : X_mov_load, l->how == IR_HOW_SEXT, RTMP,
                  x64_loc(e, from, l->val));
        }
        x64_g(&e->b, X_mov_store, true, RTMP, d);
        return;
    default:
        if (l->how & IR_HOW_CANON)
            from = (struct ra_loc){ RA_VEC, (uint8_t)canonical_value(e, l, type), 0 };
        store_value(e, from, l->val, d, type);
        if ((l->how & IR_HOW_KIND) == IR_HOW_BOX)
            x64_movi_m(&e->b, 4, upper, -1);
        return;
    }
}

void x64_store_pc(struct x64_emit *e, ir_ref r)
{
    const struct ir_snap *snap = &e->ir->snaps[ir_at(e->ir, r)->snap];
    const struct ra_snap_loc *s;
    uint32_t n;

    s = snap_entries(e, r, &n);
    for (uint32_t k = 0; k < n; k++)
        if (s[k].slot == IR_SLOT_END) {
            store_value(e, s[k].loc, s[k].val, x64_env(offsetof(struct cpu_env, pc)), IR_I64);
            return;
        }
    x64_set_env_pc(e, snap->pc);
}

static bool reads_home(const struct ra_snap_loc *s, const bool *done, uint32_t n, uint32_t but, unsigned slot)
{
    for (uint32_t k = 0; k < n; k++)
        if (!done[k] && k != but && s[k].loc.kind == RA_HOME && s[k].loc.idx == slot)
            return true;
    return false;
}

/* A slot's value may be in another slot's home that is about to be written too: a home is written when nobody waits to
 * read it; a cycle is broken by moving one home aside. The pc is stored by the caller, first: it only reads. */
void x64_store_snapshot(struct x64_emit *e, ir_ref r)
{
    struct ra_loc *moved = NULL;
    uint32_t n, left = 0;
    const struct ra_snap_loc *s = snap_entries(e, r, &n);
    bool done[n + 1], any;
    struct ra_snap_loc copy[n + 1];

    for (uint32_t k = 0; k < n; k++) {
        copy[k] = s[k];
        done[k] = s[k].slot == IR_SLOT_END ||
                  (s[k].loc.kind == RA_HOME && s[k].loc.idx == s[k].slot && s[k].how == IR_HOW_SAME);
        left += !done[k];
    }
    while (left) {
        any = false;
        for (uint32_t k = 0; k < n; k++) {
            if (done[k] || reads_home(copy, done, n, k, copy[k].slot))
                continue;
            store_slot(e, &copy[k]);
            done[k] = any = true;
            left--;
        }
        for (uint32_t k = 0; !any && k < n; k++)
            if (!done[k]) {
                enum ir_type type = ir_type_of(e->ir, copy[k].val);
                unsigned idx = copy[k].loc.idx;

                store_value(e, copy[k].loc, copy[k].val, x64_frame(X64_RES_TMP), type);
                moved = &copy[k].loc;
                for (uint32_t j = k; j < n; j++)
                    if (!done[j] && copy[j].loc.kind == RA_HOME && copy[j].loc.idx == idx)
                        copy[j].loc = (struct ra_loc){ RA_SPILL, 0, X64_RES_TMP / 8 };
                any = true;
            }
    }
    (void)moved;
}

/* --- calls for what the processor lacks ------------------------------------------------------------------------------ */

static const uint8_t int_args[6] = { RDI, RSI, RDX, RCX, R8, R9 };

static void clobber_call(struct ra_need *n)
{
    n->clobber_gpr = 1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 1u << R8 | 1u << R9 | 1u << R10;
    n->clobber_vec = 0x7fff;
}

void x64_libcall_need(const struct x64_need *s)
{
    unsigned ints = 0, vecs = 0;

    for (unsigned k = 0; k < s->i->nargs; k++) {
        if (x64_class(ir_type_of(s->ir, s->i->arg[k])) == RA_CLASS_GPR)
            x64_want_fixed(s, k, int_args[ints++]);
        else
            x64_want_fixed(s, k, vecs++);
    }
    x64_want_dst(s, -1);
    s->n->dst_fixed = 0;                                   /* rax or xmm0 */
    clobber_call(s->n);
}

void x64_libcall(struct x64_emit *e, const void *fn, uint64_t extra)
{
    unsigned ints = 0;

    for (unsigned k = 0; k < e->i->nargs; k++)
        ints += e->a->arg[k].kind == RA_GPR;
    x64_movi(&e->b, int_args[ints], extra);
    if (e->v256)
        x64_vzeroupper(&e->b);
    x64_call_abs(e, fn);
}

void x64_veccall_need(const struct x64_need *s)
{
    for (unsigned k = 0; k < s->i->nargs; k++)
        x64_want_fixed(s, k, k);
    x64_want_dst(s, -1);
    s->n->dst_fixed = 0;
    clobber_call(s->n);
}

/* Vectors wait in the frame's places for xmm12 to xmm15: nothing is live in the saved copies while C runs. */
void x64_veccall(struct x64_emit *e, const void *fn, uint64_t extra)
{
    enum { BUF = offsetof(struct rt_frame, vec) + 12 * 32 };
    unsigned ints = 1;

    for (unsigned k = 0; k < e->i->nargs; k++) {
        enum ir_type t = ir_type_of(e->ir, e->i->arg[k]);

        x64_vstore(e, t, x64_frame(BUF + 32 * k), x64_areg(e, k));
    }
    for (unsigned k = 0; k < e->i->nargs; k++)
        x64_g(&e->b, X_lea, true, int_args[ints++], x64_frame(BUF + 32 * k));
    x64_g(&e->b, X_lea, true, RDI, x64_frame(X64_VEC_BUF));
    x64_movi(&e->b, int_args[ints], extra);
    if (e->v256)
        x64_vzeroupper(&e->b);
    x64_call_abs(e, fn);
    x64_vload(e, e->i->type, x64_dst(e), x64_frame(X64_VEC_BUF));
}

/* --- entry ----------------------------------------------------------------------------------------------------------- */

static void leave_at_start(struct x64_emit *e, struct x64_stub *s)
{
    x64_leave_at_start(e, s->v);
}

/* What to do instead is the cache's to say: see host_unit.miss_field. */
static void page_miss(struct x64_emit *e, struct x64_stub *s)
{
    (void)s;
    if (e->miss) {
        x64_jmp_to(&e->b, e->miss - 1);
        return;
    }
    x64_align(&e->b, 4, 3);
    e->miss = x64_jmp(&e->b);
}

/* Entered from another page: the pages that this was made from must be mapped as they were, as far from pc_page as they
 * were. All registers are free here. */
static void check_pages(struct x64_emit *e)
{
    struct host_unit *u = e->u;

    for (unsigned k = 0; k < u->npages; k++) {
        struct x64_stub *miss = x64_stub(e, page_miss);

        x64_load_pc(e, RCX, u->pages[k].va & ~UINT64_C(0xfff));
        x64_movi_keep(&e->b, RTMP, (uintptr_t)u->pages[k].host);
        x64_call_abs(e, x64_trampolines.check_page);
        x64_cold(e, miss, CC_NE);
    }
}

/* The first instruction is at least five bytes long and 8-byte aligned: host_redirect() replaces it by a jump. */
static void emit_entry(struct x64_emit *e)
{
    struct host_unit *u = e->u;
    struct x64_stub *hot;
    int32_t rel;

    u->checked_entry = x64_here(&e->b);
    if (e->mode->system)
        check_pages(e);
    x64_align(&e->b, 8, 0);
    u->entry = x64_here(&e->b);
    if (!u->counter) {
        x64_nop(&e->b, 5);
        u->body = x64_here(&e->b);
        return;
    }
    hot = x64_stub(e, leave_at_start);
    hot->v = RT_EXIT_HOT;
    if (reach(e, x64_here(&e->b) + 7, u->counter, &rel)) {
        x64_bytes(&e->b, "\x83\x2d", 2);                   /* sub dword [rip + rel], 1 */
        x64_u32(&e->b, (uint32_t)rel);
        x64_u8(&e->b, 1);
    } else {
        x64_u8(&e->b, 0x49);                               /* movabs r11: ten bytes whatever the value */
        x64_u8(&e->b, 0xbb);
        x64_u64(&e->b, (uintptr_t)u->counter);
        x64_alui(&e->b, ALU_SUB, false, x64_m(RTMP, 0), 1);
    }
    x64_cold(e, hot, CC_S);
    u->body = x64_here(&e->b);
}

/* Where the entry of a dropped translation is redirected. */
static void emit_restart(struct x64_emit *e)
{
    e->u->restart = x64_here(&e->b);
    e->u->miss_field = e->miss;
    if (e->miss)
        x64_bind(&e->b, e->miss, e->u->restart);
    x64_leave_at_start(e, RT_EXIT_LOOKUP);
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

static void emit_insn(struct x64_emit *e, ir_ref r)
{
    e->r = r;
    e->i = ir_at(e->ir, r);
    e->a = &e->ra->insn[r];
    for (uint32_t m = e->a->moves; m; m = e->ra->moves[m].next)
        x64_move(e, e->ra->moves[m].from, e->ra->moves[m].to, e->ra->moves[m].val, e->ra->moves[m].type);
    if (!(e->i->mark & X64_SKIP))
        x64_sels[e->i->op].emit(e);
}

static void emit_block(struct x64_emit *e, ir_block_ref b)
{
    if (e->ir->blocks[b].loop_head)
        x64_align(&e->b, 16, 0);
    e->block_at[b] = x64_here(&e->b);
    for (ir_ref r = e->ir->blocks[b].first; r && !e->b.full && !e->err; r = ir_at(e->ir, r)->next)
        emit_insn(e, r);
}

static void emit_stubs(struct x64_emit *e)
{
    for (uint32_t k = 0; k < e->nstubs && !e->b.full; k++) {    /* a stub may add further ones */
        struct x64_stub *s = e->stubs[k];

        for (unsigned j = 0; j < s->nfrom; j++)
            x64_bind(&e->b, s->from[j], x64_here(&e->b));
        e->r = s->r;
        e->i = ir_at(e->ir, s->r);
        e->a = &e->ra->insn[s->r];
        s->fn(e, s);
    }
}

static void find_vectors(struct x64_emit *e)
{
    e->vec = e->ra->vec_used != 0;
    for (ir_ref r = 1; r < e->ir->ninsns && e->vec; r++)
        if (ir_at(e->ir, r)->type == IR_V256 && ir_at(e->ir, r)->op != IR_OP_nop)
            e->v256 = true;
}

static void emit_unit(struct x64_emit *e)
{
    const struct ra *ra = e->ra;

    e->block_at = xmalloc(e->ir->nblocks * sizeof *e->block_at);
    memset(e->block_at, 0xff, e->ir->nblocks * sizeof *e->block_at);
    find_vectors(e);
    emit_entry(e);
    for (uint32_t k = 0; k < ra->norder && !e->b.full && !e->err; k++) {
        e->next = k + 1 < ra->norder ? ra->order[k + 1] : UINT32_MAX;
        emit_block(e, ra->order[k]);
    }
    for (uint32_t k = 0; k < e->njumps && !e->b.full && !e->err; k++)
        x64_bind(&e->b, e->jumps[k].field, e->block_at[e->jumps[k].to]);
    if (!e->err)
        emit_stubs(e);
    emit_restart(e);
    x64_pool_flush(&e->b);
}

int host_emit(struct host_unit *u)
{
    struct x64_stub first[X64_FIRST_STUBS];
    struct x64_emit e = { .u = u, .ir = u->ir, .ra = u->ra, .mode = u->mode, .first_stubs = first };

    x64_buf_init(&e.b, u->rw, u->room, x64_cpu.avx);
    emit_unit(&e);
    u->length = x64_here(&e.b);
    statemap_sort(&u->map);
    for (uint32_t k = X64_FIRST_STUBS; k < e.nstubs; k++)
        free(e.stubs[k]);
    free(e.stubs);
    free(e.jumps);
    free(e.block_at);
    x64_buf_free(&e.b);
    return e.err ? e.err : e.b.full ? -ENOSPC : 0;
}

/* What a unit has: most cold blocks need few of the passes below. */
enum { HAS_WIDTHS = 1, HAS_SHIFTS = 2, HAS_SUMS = 4, HAS_MEMORY = 8, HAS_FLAGS = 16, HAS_FLOATS = 32 };

static unsigned contents(const struct ir *ir, const struct ir_insn *i)
{
    unsigned op;

    switch (i->op) {
    case IR_OP_trunc: case IR_OP_sext: case IR_OP_zext: return HAS_WIDTHS;
    case IR_OP_shl: return HAS_SHIFTS;
    case IR_OP_ld: case IR_OP_st:
        op = ir_at(ir, i->arg[0])->op;
        return HAS_MEMORY | (op == IR_OP_add || op == IR_OP_zext ? HAS_SUMS : 0);
    case IR_OP_flcc: case IR_OP_flselect: case IR_OP_brfl: return HAS_FLAGS;
    default: return ir_ops[i->op].props & IR_FP ? HAS_FLOATS : 0;
    }
}

void host_select(const struct host_mode *mode, struct ir *ir)
{
    unsigned has = 0;

    for (ir_ref r = 1; r < ir->ninsns; r++) {
        ir_at(ir, r)->mark = 0;
        has |= contents(ir, ir_at(ir, r));
    }
    ir_count_uses(ir);
    if (has & (HAS_WIDTHS | HAS_SHIFTS))
        x64_select_int(ir);
    if (has & HAS_SUMS)
        x64_select_addresses(mode, ir);
    if (mode->system && (has & HAS_MEMORY))
        x64_share_probes(ir);
    if (has & HAS_FLAGS)
        x64_select_flags(ir);
    if (has & HAS_FLOATS)
        x64_select_fp(ir);
}
