/* tcg/host/portable/interp.c - executes a unit of IR: the back end of hosts without an emitter, and the second opinion
 * of the tests.
 *
 * Values live in an array by instruction number. Before anything that may fault or leave, the dirty registers and the
 * pc of its snapshot are written home, so slow paths and helpers that raise find the state right; they may jump out, or
 * end the unit by interp_unwind(). The snapshot's extra word is left in env->frame->reserved[0]. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tcg/host/portable/portable.h"
#include "tcg/ir/internal.h"
#include "tcg/tcg.h"

#if CONFIG_LIBFFI
#include <ffi.h>
#endif

struct machine {
    struct rt_frame frame;                     /* first: env->frame points to it */
    sigjmp_buf out;
    uint64_t reason;
    const struct ir *ir;
    struct cpu_env *env;
    const struct host_mode *mode;
    const struct tcg_runtime_calls *calls;
    union val *val, *phi;
};

/* --- CPU state -------------------------------------------------------------------------------------------------------- */

static unsigned type_bytes(enum ir_type t)
{
    static const uint8_t bytes[IR_NTYPES] = { 0, 4, 8, 4, 8, 16, 32, 4 };

    return bytes[t];
}

static int64_t sign_extend(uint64_t v, unsigned bytes)
{
    return bytes >= 8 ? (int64_t)v : (int64_t)(v << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

/* the bits that a load of `aux` leaves in a value of type t */
static uint64_t extend(uint64_t v, unsigned aux, enum ir_type t)
{
    if (aux & IR_MSIGN)
        v = (uint64_t)sign_extend(v, ir_mem_bytes(aux));
    return t == IR_I32 || t == IR_F32 ? (uint32_t)v : v;
}

static void load_home(struct machine *m, unsigned slot, union val *out)
{
    out->u[0] = 0;
    memcpy(out, (uint8_t *)m->env + m->ir->slots[slot].offset, type_bytes(m->ir->slots[slot].type));
}

static void store_home(struct machine *m, unsigned slot, const union val *v)
{
    memcpy((uint8_t *)m->env + m->ir->slots[slot].offset, v, type_bytes(m->ir->slots[slot].type));
}

/* A guest address of the unit, where the unit runs now: see struct cpu_env. */
static uint64_t pc_here(const struct machine *m, uint64_t pc)
{
    if (!m->mode->system)
        return pc;
    pc += m->env->pc_page - m->ir->origin;
    return m->mode->pc32 ? (uint32_t)pc : pc;
}

static void write_state(struct machine *m, const struct ir_insn *i)
{
    const struct ir_snap *s = &m->ir->snaps[i->snap];

    if (!i->snap)
        return;
    for (uint32_t e = 0; e < s->n; e++) {
        const struct ir_snap_entry *x = &m->ir->snap_pool[s->first + e];
        union val v = m->val[x->val];
        if ((x->how & IR_HOW_KIND) == IR_HOW_SEXT)
            v.u[0] = (uint64_t)(int32_t)v.u[0];
        else if ((x->how & IR_HOW_KIND) == IR_HOW_BOX)
            v.u[0] |= 0xffffffff00000000;
        store_home(m, x->slot, &v);
    }
    m->env->pc = s->pc_val ? m->val[s->pc_val].u[0] : pc_here(m, s->pc);
    m->frame.reserved[0] = s->extra;
}

/* --- guest memory ------------------------------------------------------------------------------------------------------ */

static void access_memory(struct machine *m, const struct ir_insn *i, union val *out)
{
    uint64_t addr = m->val[i->arg[0]].u[0];
    const union val *b = &m->val[i->arg[1]], *c = &m->val[i->arg[2]];
    unsigned size = i->aux & IR_MSIZE;

    if (i->op == IR_OP_ld || i->op == IR_OP_st)
        addr += i->imm;
    if (m->mode->addr32)
        addr = (uint32_t)addr;
    write_state(m, i);
    switch (i->op) {
    case IR_OP_ld:
        if (size >= IR_M128)
            m->calls->load_vec(m->env, addr, out, i->aux, 0);
        else
            out->u[0] = extend(m->calls->load(m->env, addr, i->aux, 0), i->aux, i->type);
        break;
    case IR_OP_st:
        if (size >= IR_M128)
            m->calls->store_vec(m->env, addr, b, i->aux, 0);
        else
            m->calls->store(m->env, addr, b->u[0], i->aux, 0);
        break;
    case IR_OP_amo:
        out->u[0] = extend(m->calls->amo(m->env, addr, b->u[0], i->aux, (unsigned)i->imm, 0), i->aux, i->type);
        break;
    default:
        out->u[0] = extend(m->calls->cas(m->env, addr, b->u[0], c->u[0], i->aux, 0), i->aux, i->type);
        break;
    }
}

/* --- flags -------------------------------------------------------------------------------------------------------------- */

enum { FLAG_N = 1u << 31, FLAG_Z = 1 << 30, FLAG_C = 1 << 29, FLAG_V = 1 << 28 };

static uint64_t flags_of_sum(enum ir_type t, uint64_t a, uint64_t b, unsigned carry)
{
    uint64_t mask = ir_mask(t), top = mask ^ mask >> 1, r;
    unsigned __int128 sum;

    a &= mask, b &= mask;
    sum = (unsigned __int128)a + b + carry;
    r = (uint64_t)sum & mask;
    return (r & top ? FLAG_N : 0) | (r ? 0 : FLAG_Z) | (sum > mask ? FLAG_C : 0) | ((a ^ r) & (b ^ r) & top ? FLAG_V : 0);
}

static uint64_t make_flags(const struct ir_insn *i, enum ir_type t, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t mask = ir_mask(t), top = mask ^ mask >> 1;

    switch (i->op) {
    case IR_OP_flsub: return flags_of_sum(t, a, ~b, 1);
    case IR_OP_fladd: return flags_of_sum(t, a, b, 0);
    case IR_OP_fladc: return flags_of_sum(t, a, b, c & 1);
    case IR_OP_flsbc: return flags_of_sum(t, a, ~b, !(c & 1));
    case IR_OP_fllogic: return (a & top ? FLAG_N : 0) | (a & mask ? 0 : FLAG_Z);
    default: return a & (FLAG_N | FLAG_Z | FLAG_C | FLAG_V);
    }
}

static bool flags_satisfy(uint64_t f, enum ir_cond c)
{
    bool n = f & FLAG_N, z = f & FLAG_Z, carry = f & FLAG_C, v = f & FLAG_V, r;

    switch (c & 7) {
    case IR_EQ: r = z; break;
    case IR_LT: r = n != v; break;
    case IR_LE: r = z || n != v; break;
    case IR_LTU: r = !carry; break;
    case IR_LEU: r = !carry || z; break;
    case IR_MI: r = n; break;
    case IR_VS: r = v; break;
    default: r = false; break;
    }
    return r != (c >= 8);
}

/* --- calls --------------------------------------------------------------------------------------------------------------- */

#if CONFIG_LIBFFI
static ffi_type *ffi_type_of(enum ir_type t)
{
    switch (t) {
    case IR_VOID: return &ffi_type_void;
    case IR_I32: return &ffi_type_uint32;
    case IR_I64: return &ffi_type_uint64;
    case IR_F32: return &ffi_type_float;
    case IR_F64: return &ffi_type_double;
    default: return &ffi_type_pointer;
    }
}

static void call_helper(struct machine *m, const struct ir_insn *i, union val *out)
{
    const struct ir_helper *h = m->ir->helpers[i->imm];
    const ir_ref *arg = ir_args(m->ir, i);
    ffi_type *types[6];
    union val result = { .u = { 0 } };
    void *values[6], *vec[6];
    ffi_cif cif;

    for (unsigned k = 0; k < h->nargs; k++) {
        types[k] = ffi_type_of(h->arg[k]);
        vec[k] = &m->val[arg[k]];
        values[k] = types[k] == &ffi_type_pointer ? (void *)&vec[k] : vec[k];
    }
    write_state(m, i);
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, h->nargs, ffi_type_of(h->ret), types) != FFI_OK)
        abort();                               /* the declaration is ours */
    ffi_call(&cif, FFI_FN(h->fn), &result, values);
    if (h->ret == IR_I32 || h->ret == IR_F32)
        result.u[0] = (uint32_t)result.u[0];
    *out = result;
}

bool interp_available(void) { return true; }
#else
static void call_helper(struct machine *m, const struct ir_insn *i, union val *out)
{
    (void)m, (void)i, (void)out;
    abort();                                   /* interp_available() said so */
}

bool interp_available(void) { return false; }
#endif

/* --- operations that make a value ------------------------------------------------------------------------------------------ */

static void pure(struct machine *m, const struct ir_insn *i, union val *out)
{
    const struct ir *ir = m->ir;
    uint64_t arg[4] = { 0 };
    enum ir_type at = i->nargs ? ir_type_of(ir, i->arg[0]) : IR_VOID;

    for (unsigned k = 0; k < i->nargs; k++)
        arg[k] = m->val[i->arg[k]].u[0];
    switch (i->op) {
    case IR_OP_const: out->u[0] = i->imm; break;
    case IR_OP_vconst: memcpy(out, ir->vconsts[i->imm], 32); break;
    case IR_OP_envaddr: out->u[0] = (uintptr_t)m->env + i->imm; break;
    case IR_OP_mov: *out = m->val[i->arg[0]]; break;
    case IR_OP_select: *out = m->val[i->arg[ir_eval_cond(i->aux, at, arg[0], arg[1]) ? 2 : 3]]; break;
    case IR_OP_flselect: *out = m->val[i->arg[flags_satisfy(arg[0], i->aux) ? 1 : 2]]; break;
    case IR_OP_flcc: out->u[0] = flags_satisfy(arg[0], i->aux); break;
    case IR_OP_flpack: out->u[0] = arg[0]; break;
    case IR_OP_flsub: case IR_OP_fladd: case IR_OP_fladc: case IR_OP_flsbc: case IR_OP_fllogic: case IR_OP_flnzcv:
        out->u[0] = make_flags(i, at, arg[0], arg[1], arg[2]);
        break;
    default:
        if (!ir_eval(i->op, i->type, at, i->aux, arg, &out->u[0]))
            vec_eval(i, out, &m->val[i->arg[0]], &m->val[i->arg[1]], &m->val[i->arg[2]]);
        break;
    }
}

static void env_access(struct machine *m, const struct ir_insn *i, union val *out)
{
    uint8_t *at = (uint8_t *)m->env + i->imm;
    union val v = { .u = { 0 } };

    switch (i->op) {
    case IR_OP_get: load_home(m, (unsigned)i->imm, out); break;
    case IR_OP_set: store_home(m, (unsigned)i->imm, &m->val[i->arg[0]]); break;
    case IR_OP_stenv: memcpy(at, &m->val[i->arg[0]], ir_mem_bytes(i->aux)); break;
    default:
        memcpy(&v, at, ir_mem_bytes(i->aux));
        if ((i->aux & IR_MSIZE) < IR_M128)
            v.u[0] = extend(v.u[0], i->aux, i->type);
        *out = v;
        break;
    }
}

static void execute(struct machine *m, ir_ref r)
{
    const struct ir_insn *i = &m->ir->insns[r];
    union val *out = &m->val[r];
    unsigned props = ir_ops[i->op].props;

    if (props & IR_PURE) {
        pure(m, i, out);
        return;
    }
    if (props & IR_FP && (i->type == IR_V128 || i->type == IR_V256)) {
        vec_eval(i, out, &m->val[i->arg[0]], &m->val[i->arg[1]], &m->val[i->arg[2]]);
        return;
    }
    if (props & IR_FP) {
        out->u[0] = fp_eval(i->op, i->type, ir_type_of(m->ir, i->arg[0]), i->aux, m->val[i->arg[0]].u[0],
                            i->nargs > 1 ? m->val[i->arg[1]].u[0] : 0, i->nargs > 2 ? m->val[i->arg[2]].u[0] : 0);
        return;
    }
    switch (i->op) {
    case IR_OP_get: case IR_OP_set: case IR_OP_ldenv: case IR_OP_stenv: env_access(m, i, out); break;
    case IR_OP_ld: case IR_OP_st: case IR_OP_amo: case IR_OP_cas: access_memory(m, i, out); break;
    case IR_OP_fence:
        if (i->imm == IR_FENCE_FULL)
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
        break;
    case IR_OP_call: call_helper(m, i, out); break;
    case IR_OP_poll:
        if (__atomic_load_n(&m->env->exit_request, __ATOMIC_RELAXED)) {
            write_state(m, i);
            interp_unwind(m->env, RT_EXIT_POLL);
        }
        break;
    case IR_OP_icount:
        if ((int64_t)m->val[i->arg[0]].u[0] < (int64_t)i->imm) {
            write_state(m, i);
            interp_unwind(m->env, RT_EXIT_ICOUNT);
        }
        break;
    default: break;                            /* insn, nop */
    }
}

/* --- control ----------------------------------------------------------------------------------------------------------------- */

/* The phis of a block take their values at once. Returns the first instruction behind them. */
static ir_ref enter_block(struct machine *m, ir_block_ref from, ir_block_ref to)
{
    const struct ir *ir = m->ir;
    const struct ir_block *b = &ir->blocks[to];
    unsigned p = 0, n = 0;
    ir_ref r;

    while (p < b->npred && b->pred[p] != from)
        p++;
    for (r = b->first; r && ir->insns[r].op == IR_OP_phi; r = ir->insns[r].next)
        m->phi[n++] = m->val[ir_args(ir, &ir->insns[r])[p]];
    n = 0;
    for (r = b->first; r && ir->insns[r].op == IR_OP_phi; r = ir->insns[r].next)
        m->val[r] = m->phi[n++];
    return r;
}

/* Runs to the end of a block; the next one in *b, or false and the reason. */
static bool terminate(struct machine *m, ir_ref r, ir_block_ref *b, uint64_t *reason)
{
    const struct ir_insn *i = &m->ir->insns[r];
    const struct ir_block *blk = &m->ir->blocks[*b];
    uint64_t x = i->nargs > 0 ? m->val[i->arg[0]].u[0] : 0, y = i->nargs > 1 ? m->val[i->arg[1]].u[0] : 0;

    switch (i->op) {
    case IR_OP_br: *b = blk->succ[0]; return true;
    case IR_OP_brcc: *b = blk->succ[!ir_eval_cond(i->aux, i->type, x, y)]; return true;
    case IR_OP_brfl: *b = blk->succ[!flags_satisfy(x, i->aux)]; return true;
    case IR_OP_goto_if:
        write_state(m, i);
        m->env->pc = pc_here(m, ir_eval_cond(i->aux, i->type, x, y) ? i->imm : i->imm2);
        *reason = RT_EXIT_LOOKUP;
        return false;
    case IR_OP_goto_pc: case IR_OP_goto_ind:
        write_state(m, i);
        m->env->pc = i->op == IR_OP_goto_pc ? pc_here(m, i->imm) : x;
        *reason = RT_EXIT_LOOKUP;
        return false;
    case IR_OP_leave:
        write_state(m, i);
        *reason = i->imm;
        return false;
    default:
        abort();                               /* unreach */
    }
}

static uint64_t run(struct machine *m)
{
    const struct ir *ir = m->ir;
    ir_block_ref b = 0, from;
    ir_ref r = ir->blocks[0].first;
    uint64_t reason;

    for (;;) {
        while (!(ir_ops[ir->insns[r].op].props & IR_TERM)) {
            execute(m, r);
            r = ir->insns[r].next;
        }
        from = b;
        if (!terminate(m, r, &b, &reason))
            return reason;
        r = enter_block(m, from, b);
    }
}

void interp_unwind(struct cpu_env *env, uint64_t reason)
{
    struct machine *m = (struct machine *)env->frame;

    m->reason = reason;
    siglongjmp(m->out, 1);
}

/* Everything is on the stack: a raise that jumps over this function leaves nothing behind. */
uint64_t interp_run(const struct ir *ir, struct cpu_env *env, const struct host_mode *mode,
                    const struct tcg_runtime_calls *calls)
{
    struct machine m = { .ir = ir, .env = env, .mode = mode, .calls = calls };
    uint32_t host;

    m.val = __builtin_alloca_with_align(2 * (size_t)ir->ninsns * sizeof(*m.val), 8 * sizeof(*m.val));
    m.phi = m.val + ir->ninsns;
    env->frame = &m.frame;
    host = fp_enter(env->mxcsr);
    if (!sigsetjmp(m.out, 0))
        m.reason = run(&m);
    env->mxcsr = fp_leave(host);
    return m.reason;
}
