/* Random units for random hosts: the allocated program runs beside the IR itself, and every argument, snapshot and home
 * must be what the IR says. SEED=n COUNT=n in the environment repeat or lengthen a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcg/alloc/alloc.h"
#include "tcg/alloc/statemap.h"
#include "tcg/ir/ir.h"
#include "tcg/runtime.h"

static uint64_t mix(uint64_t a)
{
    a ^= a >> 31;
    a *= 0x9e3779b97f4a7c15u;
    a ^= a >> 29;
    a *= 0xbf58476d1ce4e5b9u;
    return a ^ a >> 32;
}

struct rng { uint64_t s; };
static uint32_t rnd(struct rng *r, uint32_t n)
{
    r->s = mix(r->s + 0x1234567);
    return (uint32_t)((r->s >> 20) % n);
}

/* --- the guest ----------------------------------------------------------------------------------------------------- */

enum { NINT = 12, NW = 3, NF = 4, NV = 3, NSLOTS = NINT + NW + NF + NV };
static struct ir_slot slots[NSLOTS];
static void nothing(void) { }
static const uint16_t writes_some[] = { 1, 3, IR_SLOT_END }, reads_some[] = { 0, 2, IR_SLOT_END };
static const struct ir_helper plain = { .name = "plain", .fn = nothing, .ret = IR_I64, .nargs = 2, .arg = { IR_I64, IR_I64 },
                                        .reads = reads_some, .writes = writes_some };
static const struct ir_helper pure = { .name = "pure", .fn = nothing, .ret = IR_I64, .nargs = 2, .arg = { IR_I64, IR_I64 },
                                       .flags = IR_H_PURE };
static const struct ir_helper faults = { .name = "faults", .fn = nothing, .ret = IR_I64, .nargs = 1, .arg = { IR_I64 },
                                         .flags = IR_H_FAULT | IR_H_READ_ALL };
static const struct ir_helper all = { .name = "all", .fn = nothing, .ret = IR_VOID, .nargs = 1, .arg = { IR_I64 },
                                      .flags = IR_H_READ_ALL | IR_H_WRITE_ALL };
static const struct ir_helper *const helpers[] = { &plain, &pure, &faults, &all };

static void make_slots(void)
{
    static char names[NSLOTS][4];
    uint32_t off = 64;

    for (unsigned k = 0; k < NSLOTS; k++) {
        unsigned type = k < NINT ? IR_I64 : k < NINT + NW ? IR_I32 : k < NINT + NW + NF ? IR_F64 : IR_V128;

        snprintf(names[k], sizeof names[k], "s%u", k);
        slots[k] = (struct ir_slot){ names[k], off, (uint8_t)type };
        off += 32;
    }
}

static unsigned any(struct rng *r, unsigned from, unsigned n) { return from + rnd(r, n); }
static ir_ref get_int(struct ir *ir, struct rng *r)
{
    return rnd(r, 5) ? ir_read_slot(ir, any(r, 0, NINT)) : ir_i64(ir, rnd(r, 100));
}

static void put_int(struct ir *ir, struct rng *r, ir_ref v) { ir_write_slot(ir, any(r, 0, NINT), v); }

static void some_call(struct ir *ir, struct rng *r)
{
    unsigned which = rnd(r, 4);
    ir_ref args[2] = { get_int(ir, r), get_int(ir, r) };
    ir_ref v = ir_call(ir, which, helpers[which]->nargs, args);

    if (v)
        put_int(ir, r, v);
}

static void some_vector(struct ir *ir, struct rng *r)
{
    unsigned f = NINT + NW, v = f + NF;

    if (rnd(r, 2))
        ir_write_slot(ir, any(r, f, NF), ir_fp2(ir, IR_OP_fadd, 0, ir_read_slot(ir, any(r, f, NF)), ir_read_slot(ir, any(r, f, NF))));
    else
        ir_write_slot(ir, any(r, v, NV), ir_bin(ir, IR_OP_vadd, ir_read_slot(ir, any(r, v, NV)), ir_read_slot(ir, any(r, v, NV))));
}

static void some_insn(struct ir *ir, struct rng *r, uint64_t pc)
{
    static const enum ir_op bins[] = { IR_OP_add, IR_OP_sub, IR_OP_mul, IR_OP_and, IR_OP_shl, IR_OP_divu, IR_OP_mulhu };

    ir_guest_insn(ir, pc, 4);
    ir->snap_extra = rnd(r, 3) ? 0 : rnd(r, 1000);
    if (!rnd(r, 10))
        ir_set_pc_val(ir, get_int(ir, r));
    switch (rnd(r, 14)) {
    case 0: put_int(ir, r, ir_ld(ir, IR_I64, IR_M64, get_int(ir, r), 8)); break;
    case 1: ir_st(ir, IR_M64, get_int(ir, r), 8, get_int(ir, r)); break;
    case 2: put_int(ir, r, ir_cas(ir, IR_I64, IR_M64, get_int(ir, r), get_int(ir, r), get_int(ir, r))); break;
    case 3: put_int(ir, r, ir_select(ir, IR_LTU, get_int(ir, r), get_int(ir, r), get_int(ir, r), get_int(ir, r))); break;
    case 4: some_call(ir, r); break;
    case 5: some_vector(ir, r); break;
    case 6: ir_write_slot(ir, any(r, NINT, NW), ir_conv(ir, IR_OP_trunc, IR_I32, get_int(ir, r))); break;
    case 7: put_int(ir, r, ir_conv(ir, IR_OP_sext, IR_I64, ir_read_slot(ir, any(r, NINT, NW)))); break;
    case 8: ir_poll(ir); break;
    case 9: put_int(ir, r, ir_read_slot(ir, any(r, 0, NINT))); break;
    default: put_int(ir, r, ir_bin(ir, bins[rnd(r, 7)], get_int(ir, r), get_int(ir, r)));
    }
}

static void some_end(struct ir *ir, struct rng *r, const ir_block_ref *b, unsigned n)
{
    switch (rnd(r, n == 1 ? 3 : 9)) {
    case 2: ir_goto_if(ir, IR_LTU, get_int(ir, r), get_int(ir, r), 0x5000, 0x6000); break;
    case 0: ir_goto_pc(ir, 0x5000, IR_JUMP_PLAIN, 0); break;
    case 1: ir_goto_ind(ir, get_int(ir, r), IR_JUMP_PLAIN, 0); break;
    case 3: ir_br(ir, b[any(r, 1, n - 1)]); break;
    default: ir_brcc(ir, IR_LTU, get_int(ir, r), get_int(ir, r), b[any(r, 1, n - 1)], b[any(r, 1, n - 1)], 0);
    }
}

static void make_unit(struct ir *ir, struct rng *r)
{
    unsigned n = rnd(r, 4) ? 1 + rnd(r, 12) : 1, insns = 2 + rnd(r, 14);
    ir_block_ref b[16] = { 0 };
    uint64_t pc = 0x1000;

    for (unsigned k = 1; k < n; k++)
        b[k] = ir_block_new(ir, 0x1000 * k);
    for (unsigned k = 0; k < n; k++) {
        if (k)
            ir_enter(ir, b[k]);
        ir->blocks[b[k]].cold = k && !rnd(r, 6);
        for (unsigned j = 0; j < insns; j++, pc += 4)
            some_insn(ir, r, pc);
        some_end(ir, r, b, n);
    }
    ir_finish(ir);
}

/* --- the host ------------------------------------------------------------------------------------------------------ */

struct fake { uint64_t seed; unsigned ngpr, nvec; };

static void need_binary(const struct ir_insn *i, struct ra_need *n, uint64_t h, unsigned cls)
{
    n->dst_cls = (uint8_t)cls;
    n->narg = i->nargs;
    for (unsigned k = 0; k < i->nargs; k++)
        n->arg[k] = (struct ra_arg){ .accept = RA_REG, .cls = (uint8_t)cls };
    n->dst_same = h & 1 ? 0 : -1;
    n->dst_early = !(h & 0xe);
    if (i->nargs > 1)
        n->arg[1].accept = (uint8_t)(h >> 8 & 1 ? RA_REG_OR_MEM : h >> 9 & 1 ? RA_REG_OR_CONST : h >> 10 & 1 ? RA_ANY : RA_REG);
}

static void need(const void *ctx, const struct ir *ir, ir_ref r, struct ra_need *n)
{
    const struct fake *f = ctx;
    const struct ir_insn *i = ir_at(ir, r);
    uint64_t h = mix(f->seed + r);
    bool many = f->ngpr >= 6;

    n->narg = i->nargs;
    n->snap_any = true;
    for (unsigned k = 0; k < i->nargs && k < 8; k++) {
        enum ir_type t = ir_type_of(ir, ir_args(ir, i)[k]);

        n->arg[k].cls = t == IR_I32 || t == IR_I64 ? RA_CLASS_GPR : RA_CLASS_VEC;
        n->arg[k].accept = (uint8_t)(many && k < 2 ? RA_REG : RA_ANY);
    }
    if (ir_ops[i->op].result && i->type != IR_VOID)
        n->dst_cls = i->type == IR_I32 || i->type == IR_I64 ? RA_CLASS_GPR : RA_CLASS_VEC;
    switch (i->op) {
    case IR_OP_fadd: case IR_OP_vadd:
        need_binary(i, n, h, RA_CLASS_VEC);
        if (!(h >> 20 & 7)) {                  /* a call that takes vectors anywhere */
            *n = (struct ra_need){ .dst_cls = RA_CLASS_VEC, .dst_same = -1, .clobber_vec = 0xffff, .clobber_gpr = 7, .narg = 2,
                                   .arg = { { RA_REG, RA_CLASS_VEC, 0 }, { RA_REG, RA_CLASS_VEC, 0 } } };
        }
        break;
    case IR_OP_shl:
        need_binary(i, n, h, RA_CLASS_GPR);
        n->arg[1] = (struct ra_arg){ .accept = RA_FIXED, .cls = RA_CLASS_GPR, .reg = 1 };
        break;
    case IR_OP_divu: case IR_OP_mulhu:
        n->arg[0] = (struct ra_arg){ .accept = RA_FIXED, .cls = RA_CLASS_GPR, .reg = 0 };
        n->arg[1].accept = h & 1 ? RA_REG : RA_REG_OR_MEM;
        n->clobber_gpr = 1 << 0 | 1 << 2;
        n->dst_fixed = i->op == IR_OP_divu ? 0 : 2;
        break;
    case IR_OP_call:
        for (unsigned k = 0; k < i->nargs; k++)
            n->arg[k] = (struct ra_arg){ .accept = RA_FIXED, .cls = RA_CLASS_GPR, .reg = (uint8_t)(k + 1) };
        n->clobber_gpr = f->ngpr > 4 ? 0x3f : 7;
        n->clobber_vec = 0xffff;
        n->dst_fixed = n->dst_cls ? 0 : -1;
        n->snap_any = h & 1;
        break;
    case IR_OP_cas:
        n->arg[1] = (struct ra_arg){ .accept = RA_FIXED, .cls = RA_CLASS_GPR, .reg = 0 };
        n->clobber_gpr = 1;
        n->dst_fixed = 0;
        break;
    case IR_OP_poll: case IR_OP_goto_pc: case IR_OP_set:
        break;
    case IR_OP_ld:
        n->dst_early = many && h & 1;
        n->ntmp_gpr = many ? h >> 2 & 1 : 0;
        break;
    default:
        if (i->nargs == 2 && n->dst_cls == RA_CLASS_GPR) {
            need_binary(i, n, h, RA_CLASS_GPR);
            n->ntmp_gpr = many ? h >> 4 & 1 : 0;
            n->ntmp_vec = h >> 5 & 1;
        }
    }
}

/* --- running both -------------------------------------------------------------------------------------------------- */

struct word { uint64_t w[2]; };
struct machine {
    const struct ir *ir;
    const struct ra *ra;
    struct word *val;                          /* what each value is */
    struct word gpr[16], vec[16], home[NSLOTS], right[NSLOTS];   /* right: what the homes should hold */
    uint8_t frame[RT_SPILL_BYTES];
    struct rng r;
    struct statemap map;                       /* one map per snapshot, at the instruction's number */
    const char *wrong;
};

static unsigned bytes_of(unsigned type) { return type == IR_I32 || type == IR_F32 ? 4 : type == IR_V128 ? 16 : 8; }

static struct word fetch(struct machine *m, struct ra_loc l, ir_ref v)
{
    struct word w = { { 0 } };

    switch (l.kind) {
    case RA_GPR: return m->gpr[l.reg];
    case RA_VEC: return m->vec[l.reg];
    case RA_HOME: return m->home[l.idx];
    case RA_SPILL: memcpy(&w, m->frame + 8 * l.idx, bytes_of(ir_type_of(m->ir, v))); return w;
    case RA_CONST: return m->val[v];
    default: m->wrong = "a value is nowhere"; return w;
    }
}

static void put(struct machine *m, struct ra_loc l, ir_ref v, struct word w)
{
    switch (l.kind) {
    case RA_GPR: m->gpr[l.reg] = w; break;
    case RA_VEC: m->vec[l.reg] = w; break;
    case RA_HOME: m->home[l.idx] = w; break;
    case RA_SPILL: memcpy(m->frame + 8 * l.idx, &w, bytes_of(ir_type_of(m->ir, v))); break;
    default: m->wrong = "a move to nowhere";
    }
}

static void check(struct machine *m, struct ra_loc l, ir_ref v, const char *what)
{
    struct word w = fetch(m, l, v);

    if (!m->wrong && memcmp(&w, &m->val[v], bytes_of(ir_type_of(m->ir, v))))
        m->wrong = what;
}

static void check_home(struct machine *m, unsigned slot, const char *what)
{
    if (!m->wrong && memcmp(&m->home[slot], &m->right[slot], bytes_of(slots[slot].type)))
        m->wrong = what;
}

static void check_snapshot(struct machine *m, ir_ref r)
{
    const struct ir_snap *sn = &m->ir->snaps[ir_at(m->ir, r)->snap];
    const struct ra_insn *a = &m->ra->insn[r];
    bool named[NSLOTS] = { false };

    for (uint32_t k = 0; k < sn->n; k++) {
        const struct ir_snap_entry *e = &m->ir->snap_pool[sn->first + k];
        const struct ra_snap_loc *l = &m->ra->snap_loc[a->snap_first + k];

        named[e->slot] = true;
        if (k >= a->snap_n || l->slot != e->slot || l->val != e->val)
            m->wrong = "snapshot entries differ";
        else
            check(m, l->loc, l->val, "a snapshot's value is elsewhere");
    }
    for (unsigned s = 0; s < NSLOTS; s++)
        if (!named[s])
            check_home(m, s, "a home that the snapshot relies on was changed");
}

/* A fault here: the state is rebuilt from the map. */
static void check_map(struct machine *m, ir_ref r)
{
    static union { struct cpu_env env; uint8_t bytes[64 + 32 * NSLOTS]; } state;
    static struct rt_frame frame;
    const struct ir_snap *sn = &m->ir->snaps[ir_at(m->ir, r)->snap];
    struct word want[NSLOTS];
    uint64_t pc = 0;
    uint32_t extra = 0;

    for (unsigned s = 0; s < NSLOTS; s++) {
        memcpy(state.bytes + slots[s].offset, &m->home[s], 16);
        want[s] = m->right[s];
    }
    memcpy(frame.spill, m->frame, sizeof frame.spill);
    for (unsigned k = 0; k < 16; k++) {
        frame.gpr[k] = m->gpr[k].w[0];
        memcpy(frame.vec[k], &m->vec[k], 16);
    }
    if (!statemap_restore(m->map.entry, m->map.n, m->map.bytes, r, slots, &state.env, &frame, 0, &pc, &extra))
        m->wrong = "a map is missing";
    for (uint32_t k = 0; k < sn->n; k++)
        want[m->ir->snap_pool[sn->first + k].slot] = m->val[m->ir->snap_pool[sn->first + k].val];
    for (unsigned s = 0; s < NSLOTS && !m->wrong; s++)
        if (memcmp(state.bytes + slots[s].offset, &want[s], bytes_of(slots[s].type)))
            m->wrong = "a map restores something else";
    if (pc != (sn->pc_val ? m->val[sn->pc_val].w[0] : sn->pc) || extra != sn->extra)
        m->wrong = "a map has another pc";
}

static void make_maps(struct machine *m)
{
    for (ir_ref r = m->ir->ninsns; r-- > 1; )
        if (ir_at(m->ir, r)->snap)
            statemap_add(&m->map, r, m->ir, m->ra, r);
    statemap_sort(&m->map);
}

static struct word fresh(struct machine *m)
{
    uint64_t a = m->r.s = mix(m->r.s + 1);

    return (struct word){ { a, mix(a) } };
}

static void run_call(struct machine *m, const struct ir_insn *i)
{
    const struct ir_helper *h = helpers[i->imm];

    for (unsigned s = 0; s < NSLOTS; s++)
        if (h->flags & (IR_H_READ_ALL | IR_H_FAULT))
            check_home(m, s, "a helper reads a home that is not right");
    for (const uint16_t *w = h->reads; w && *w != IR_SLOT_END; w++)
        check_home(m, *w, "a helper reads a home that is not right");
    for (const uint16_t *w = h->writes; w && *w != IR_SLOT_END; w++)
        m->home[*w] = m->right[*w] = fresh(m);
    for (unsigned s = 0; s < NSLOTS && h->flags & IR_H_WRITE_ALL; s++)
        m->home[s] = m->right[s] = fresh(m);
}

static void compute(struct machine *m, ir_ref r)
{
    const struct ir_insn *i = ir_at(m->ir, r);

    if (i->op == IR_OP_get) {
        check_home(m, (unsigned)i->imm, "a get finds the wrong home");
        m->val[r] = m->right[i->imm];
    } else if (i->op == IR_OP_const) {
        m->val[r] = (struct word){ { i->imm } };
    } else {
        m->val[r] = fresh(m);
    }
}

static void run_insn(struct machine *m, ir_ref r, const struct ra_need *n)
{
    const struct ir_insn *i = ir_at(m->ir, r);
    const struct ra_insn *a = &m->ra->insn[r];
    const struct ra_loc *loc = ir_ops[i->op].nargs == IR_VAR ? m->ra->pool_loc + i->arg[0] : a->arg;

    for (uint32_t k = a->moves; k; k = m->ra->moves[k].next)
        put(m, m->ra->moves[k].to, m->ra->moves[k].val, fetch(m, m->ra->moves[k].from, m->ra->moves[k].val));
    if (i->op == IR_OP_insn || i->op == IR_OP_nop)
        return;
    for (unsigned k = 0; k < i->nargs; k++) {
        check(m, loc[k], ir_args(m->ir, i)[k], "an argument is elsewhere");
        if (n->arg[k].accept == RA_FIXED && (loc[k].kind != RA_GPR || loc[k].reg != n->arg[k].reg))
            m->wrong = "a fixed argument is elsewhere";
        if (n->arg[k].accept == RA_REG && loc[k].kind != RA_GPR && loc[k].kind != RA_VEC)
            m->wrong = "an argument is in no register";
        if (n->dst_early && n->dst_same != (int)k && loc[k].kind == a->dst.kind && loc[k].reg == a->dst.reg)
            m->wrong = "an early result destroys an argument";
    }
    for (unsigned k = 0; k < n->ntmp_gpr; k++)
        m->gpr[a->tmp_gpr[k]] = fresh(m);
    for (unsigned k = 0; k < n->ntmp_vec; k++)
        m->vec[a->tmp_vec[k]] = fresh(m);
    for (unsigned k = 0; k < i->nargs; k++)
        check(m, loc[k], ir_args(m->ir, i)[k], "scratch destroys an argument");
    if (n->dst_cls && n->dst_early && a->dst.kind == RA_GPR)
        m->gpr[a->dst.reg] = fresh(m);
    if (i->snap) {
        check_snapshot(m, r);
        check_map(m, r);
    }
    if (i->op == IR_OP_set)
        m->home[i->imm] = m->right[i->imm] = m->val[i->arg[0]];
    if (i->op == IR_OP_call)
        run_call(m, i);
    for (unsigned k = 0; k < 16; k++) {
        if (n->clobber_gpr >> k & 1)
            m->gpr[k] = fresh(m);
        if (n->clobber_vec >> k & 1)
            m->vec[k] = fresh(m);
    }
    if (n->dst_same >= 0 && (loc[n->dst_same].kind != a->dst.kind || loc[n->dst_same].reg != a->dst.reg))
        m->wrong = "the two-address result is elsewhere";
    compute(m, r);
    if (n->dst_cls && i->op == IR_OP_get && a->dst.kind == RA_HOME)
        check(m, a->dst, r, "a get is elsewhere");
    else if (n->dst_cls)
        put(m, a->dst, r, m->val[r]);
}

static void enter(struct machine *m, ir_block_ref from, ir_block_ref b)
{
    const struct ir_block *ib = &m->ir->blocks[b];
    struct word now[64];
    uint32_t p = 0;
    unsigned n = 0;

    while (ib->pred[p] != from)
        p++;
    for (ir_ref r = ib->first; r && ir_at(m->ir, r)->op == IR_OP_phi; r = ir_at(m->ir, r)->next)
        now[n++] = m->val[ir_args(m->ir, ir_at(m->ir, r))[p]];
    n = 0;
    for (ir_ref r = ib->first; r && ir_at(m->ir, r)->op == IR_OP_phi; r = ir_at(m->ir, r)->next) {
        m->val[r] = now[n++];
        if (m->ra->insn[r].dst.kind != RA_NONE)
            check(m, m->ra->insn[r].dst, r, "a phi is elsewhere");
    }
}

static void run(struct machine *m, const struct ra_host *host)
{
    ir_block_ref b = 0;

    for (unsigned s = 0; s < NSLOTS; s++)
        m->home[s] = m->right[s] = fresh(m);
    for (unsigned steps = 0; steps < 40; steps++) {
        const struct ir_block *ib = &m->ir->blocks[b];
        ir_block_ref to;

        for (ir_ref r = ib->first; r; r = ir_at(m->ir, r)->next) {
            struct ra_need n = { .dst_fixed = -1, .dst_same = -1 };
            const struct ir_insn *i = ir_at(m->ir, r);

            if (i->op == IR_OP_phi)
                continue;
            if (i->op == IR_OP_const)
                compute(m, r);
            else if (i->op != IR_OP_insn && i->op != IR_OP_nop)
                host->need(host->host_ctx, m->ir, r, &n);
            if (i->op != IR_OP_const)
                run_insn(m, r, &n);
            if (m->wrong) {
                print_message("at v%u in b%u\n", r, b);
                return;
            }
        }
        if (!ib->nsucc)
            return;
        to = ib->succ[rnd(&m->r, ib->nsucc)];
        enter(m, b, to);
        if (m->wrong) {
            print_message("at entry of b%u from b%u\n", to, b);
            return;
        }
        b = to;
    }
}

static const uint8_t order_gpr[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 255 };
static const uint8_t order_vec[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 };

static void one(uint64_t seed, struct ir *ir, struct ra *ra)
{
    struct rng r = { mix(seed) };
    static const uint8_t sizes[] = { 3, 4, 5, 6, 8, 12, 14 };
    struct fake f = { .seed = seed, .ngpr = sizes[rnd(&r, 7)], .nvec = 3 + rnd(&r, 12) };
    struct ra_host host = { .gpr_order = order_gpr, .vec_order = order_vec, .need = need, .host_ctx = &f };
    struct machine m = { .ir = ir, .ra = ra, .r = r };
    const char *bad;
    int ret;

    for (unsigned k = 0; k < f.ngpr; k++)
        host.gpr_allocatable |= 1u << order_gpr[k];
    host.vec_allocatable = (1u << f.nvec) - 1;
    ir_reset(ir);
    make_unit(ir, &r);
    bad = ir_verify(ir);
    if (bad)
        fail_msg("seed %llu: %s", (unsigned long long)seed, bad);
    ret = ra_run(ra, ir, &host);
    assert_int_equal(ret, 0);
    bad = ra_verify(ra, ir, &host);
    if (bad) {
        ra_print(ra, ir, stdout);
        fail_msg("seed %llu: %s", (unsigned long long)seed, bad);
    }
    m.val = calloc(ir->ninsns, sizeof *m.val);
    make_maps(&m);
    for (unsigned k = 0; k < 4 && !m.wrong; k++)
        run(&m, &host);
    statemap_free(&m.map);
    free(m.val);
    if (m.wrong) {
        ra_print(ra, ir, stdout);
        fail_msg("seed %llu: %s", (unsigned long long)seed, m.wrong);
    }
}

static void random_units_keep_their_values(void **state)
{
    const char *env_seed = getenv("SEED"), *env_count = getenv("COUNT");
    uint64_t seed = env_seed ? strtoull(env_seed, NULL, 0) : 1;
    uint64_t count = env_seed ? 1 : env_count ? strtoull(env_count, NULL, 0) : 3000;
    struct ir ir;
    struct ra ra;

    (void)state;
    make_slots();
    ir_init(&ir, slots, NSLOTS, helpers, 4);
    ra_init(&ra);
    for (uint64_t k = 0; k < count; k++)
        one(seed + k, &ir, &ra);
    ra_free(&ra);
    ir_free(&ir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_units_keep_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
