/* tests/unit/tcg/opt/random.c - random units: what they do is the same however they are built and whatever passes run.
 *
 * A seed makes one program. It is built plainly (nothing folded) and interpreted; then with folding and the passes of
 * each tier, with every block sealed late, and as host code of both tiers. Compared are all registers, the pc, memory,
 * and at each access what the registers hold (in host code: as the state map has it). Loops end by a budget.
 *
 * Usage: random [FIRST-SEED [COUNT]] */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tcg/ir/internal.h"
#include "tcg/tcg.h"

enum { NI64 = 6, NI32 = 3, NF64 = 2, NF32 = 2, NV = 2, NSLOTS = NI64 + NI32 + NF64 + NF32 + NV + 1, FLAGS = NSLOTS - 1 };
enum { F64_0 = NI64 + NI32, F32_0 = F64_0 + NF64, V_0 = F32_0 + NF32 };

struct state {
    struct cpu_env env;
    uint8_t home[NSLOTS][16] __attribute__((aligned(16)));
    uint64_t counter;                          /* read by ldenv, changed by a helper */
    uint64_t log;                              /* hash of every access and the homes at it */
    uint64_t mem[32];
};

static struct ir_slot slots[NSLOTS + 1];       /* the last: the budget of instructions */

static bool compiled;                          /* host code runs, not the interpreter */
static struct host_unit unit;

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15u ^ h >> 29; }

static void restore(struct state *s, uintptr_t host_pc, const struct rt_frame *frame)
{
    uint32_t extra;

    if (!statemap_restore(unit.map.entry, unit.map.n, unit.map.bytes, (uint32_t)(host_pc - (uintptr_t)unit.rx), slots, &s->env,
                          frame, 0, &s->env.pc, &extra)) {
        printf("no state map at offset %#lx\n", (unsigned long)(host_pc - (uintptr_t)unit.rx));
        abort();
    }
}

/* What each access saw, to tell what went wrong first. */
enum { RECORDS = 200 };
static struct record { uint64_t what, pc; uint8_t home[NSLOTS][16]; } record[2][RECORDS];
static unsigned nrecords[2], recording;        /* recording: 0 the plain interpretation, 1 what is compared with it */

/* host_pc 0: the homes are right */
static void log_state(struct state *s, uint64_t what, uintptr_t host_pc)
{
    static struct state rebuilt;
    uint64_t h = mix(s->log, what);

    rebuilt = *s;
    if (host_pc)
        restore(&rebuilt, host_pc, host_frame(&s->env));
    for (unsigned k = 0; k < NSLOTS; k++)
        h = mix(mix(h, *(uint64_t *)rebuilt.home[k]), *(uint64_t *)(rebuilt.home[k] + 8));
    s->log = mix(h, rebuilt.env.pc);
    if (nrecords[recording] < RECORDS) {
        struct record *r = &record[recording][nrecords[recording]++];
        r->what = what;
        r->pc = rebuilt.env.pc;
        memcpy(r->home, rebuilt.home, sizeof(r->home));
    }
}

static void raise_fault(struct state *s, uintptr_t host_pc)
{
    if (!compiled)
        interp_unwind(&s->env, RT_EXIT_RAISED);
    if (host_pc)
        restore(s, host_pc, host_frame(&s->env));
    host_unwind(&s->env, RT_EXIT_RAISED);
}

/* --- what programs call ---------------------------------------------------------------------------------------------- */

static uint64_t load(struct cpu_env *env, uint64_t addr, unsigned memop, uintptr_t pc)
{
    struct state *s = (struct state *)env;
    uint64_t v;

    log_state(s, addr, pc);
    memcpy(&v, (uint8_t *)s->mem + (addr % 248), 8);
    return ir_mem_bytes(memop) == 8 ? v : v & ((1ull << 8 * ir_mem_bytes(memop)) - 1);
}

static void store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, uintptr_t pc)
{
    struct state *s = (struct state *)env;

    log_state(s, addr, pc);
    if (addr % 61 == 7)                        /* some stores fault */
        raise_fault(s, pc);
    memcpy((uint8_t *)s->mem + (addr % 248), &val, ir_mem_bytes(memop));
}

static uint64_t amo(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, unsigned kind, uintptr_t pc)
{
    uint64_t old = load(env, addr, memop, pc);

    store(env, addr, kind == IR_AMO_ADD ? old + val : val, memop, pc);
    return old;
}

static const struct tcg_runtime_calls calls = { .load = load, .store = store, .amo = amo };
static const struct host_mode mode = { .system = true };

static uint64_t help_pure(uint64_t a, uint32_t b) { return mix(a, b); }

static void help_write(struct state *s, uint64_t a)           /* reads register 0, writes register 1 when a is odd */
{
    s->log = mix(s->log, *(uint64_t *)s->home[0]);
    if (a & 1)
        *(uint64_t *)s->home[1] = mix(a, 1);
    s->counter++;
}

static void help_fault(struct state *s, uint64_t a)
{
    log_state(s, a, 0);
    if (a % 16 == 3)
        raise_fault(s, 0);
    s->home[3][0]++;
}

static void help_by_number(struct state *s, uint64_t n)       /* which registers depends on the argument: undeclared */
{
    uint64_t v[2];

    memcpy(v, s->home[n % 8], 8);
    memcpy(v + 1, s->home[n / 8], 8);
    v[0] = mix(v[0], v[1]);
    memcpy(s->home[n % 8], v, 8);
}

static const uint16_t reads0[] = { 0, IR_SLOT_END }, writes1[] = { 1, IR_SLOT_END }, writes3[] = { 3, IR_SLOT_END };
static const struct ir_helper
    pure = { "pure", help_pure, IR_I64, 2, { IR_I64, IR_I32 }, IR_H_PURE, NULL, NULL },
    writer = { "write", help_write, IR_VOID, 2, { IR_I64, IR_I64 }, 0, writes1, reads0 },
    by_number = { "by_number", help_by_number, IR_VOID, 2, { IR_I64, IR_I64 }, 0, NULL, NULL },
    fault = { "fault", help_fault, IR_VOID, 2, { IR_I64, IR_I64 }, IR_H_FAULT, writes3, NULL };
static const struct ir_helper *const helpers[] = { &pure, &writer, &fault, &by_number };

/* --- programs ---------------------------------------------------------------------------------------------------------- */

struct gen { struct ir *ir; uint64_t seed; bool forward; };   /* forward: no loops, blocks can be sealed when entered */

static uint64_t rnd(struct gen *g)
{
    g->seed ^= g->seed << 13, g->seed ^= g->seed >> 7, g->seed ^= g->seed << 17;
    return g->seed * 0x2545f4914f6cdd1du;
}
static unsigned below(struct gen *g, unsigned n) { return (unsigned)((rnd(g) >> 33) % n); }

static uint64_t interesting(struct gen *g)
{
    static const uint64_t v[] = { 0, 1, 2, ~0ull, 0xffffffff, 0x80000000, 0x7fffffff, 1ull << 63, INT64_MAX, 0xff, 0xffff,
                                  0x100000000, 0xfffffffe, 31, 32, 63, 0xffffffff80000000 };
    unsigned k = below(g, 24);

    return k < sizeof(v) / sizeof(v[0]) ? v[k] : rnd(g) >> below(g, 64);
}

static ir_ref i64(struct gen *g);

static ir_ref i32(struct gen *g)
{
    switch (below(g, 6)) {
    case 0: return ir_i32(g->ir, (uint32_t)interesting(g));
    case 1: return ir_conv(g->ir, IR_OP_trunc, IR_I32, i64(g));
    default: return ir_read_slot(g->ir, NI64 + below(g, NI32));
    }
}

static ir_ref i64(struct gen *g)
{
    switch (below(g, 8)) {
    case 0: return ir_i64(g->ir, interesting(g));
    case 1: return ir_conv(g->ir, below(g, 2) ? IR_OP_sext : IR_OP_zext, IR_I64, i32(g));
    default: return ir_read_slot(g->ir, below(g, NI64));
    }
}

static ir_ref integer(struct gen *g, enum ir_type t) { return t == IR_I32 ? i32(g) : i64(g); }

static ir_ref arithmetic(struct gen *g, enum ir_type t)
{
    static const uint8_t two[] = { IR_OP_add, IR_OP_sub, IR_OP_mul, IR_OP_mulhu, IR_OP_mulhs, IR_OP_mulhsu, IR_OP_and, IR_OP_or,
                                   IR_OP_xor, IR_OP_andn, IR_OP_shl, IR_OP_shr, IR_OP_sar, IR_OP_rotl, IR_OP_rotr, IR_OP_smin,
                                   IR_OP_smax, IR_OP_umin, IR_OP_umax };
    static const uint8_t one[] = { IR_OP_not, IR_OP_neg, IR_OP_clz, IR_OP_ctz, IR_OP_popcnt, IR_OP_bswap, IR_OP_brev8 };
    static const uint8_t division[] = { IR_OP_divu, IR_OP_remu, IR_OP_divs, IR_OP_rems };
    static const uint8_t cond[] = { IR_EQ, IR_NE, IR_LT, IR_GE, IR_LE, IR_GT, IR_LTU, IR_GEU, IR_LEU, IR_GTU, IR_TSTZ, IR_TSTNZ };
    unsigned w = ir_width(t), pos, len;
    enum ir_type of = below(g, 2) ? IR_I32 : IR_I64;
    ir_ref a, b, c, d;

    switch (below(g, 13)) {
    case 12:
        a = integer(g, t), b = below(g, 2) ? a : integer(g, t);
        return ir_emit(g->ir, IR_OP_extr2, t, below(g, w), 0, a, b, 0, 0);
    case 0: return ir_un(g->ir, one[below(g, sizeof(one))], integer(g, t));
    case 1:
        a = integer(g, t);
        b = ir_bini(g->ir, IR_OP_or, ir_bini(g->ir, IR_OP_and, integer(g, t), 0x7f), 1);
        return ir_bin(g->ir, division[below(g, 4)], a, b);
    case 2:
        pos = below(g, w), len = 1 + below(g, w - pos);
        return ir_ext(g->ir, integer(g, t), pos, len, below(g, 2));
    case 3:
        pos = below(g, w), len = 1 + below(g, w - pos);
        a = integer(g, t), b = integer(g, t);
        return ir_deposit(g->ir, a, b, pos, len);
    case 4:
        a = integer(g, of), b = integer(g, of);
        return ir_setcc(g->ir, t, cond[below(g, 12)], a, b);
    case 5:
        a = integer(g, of), b = integer(g, of), c = integer(g, t), d = integer(g, t);
        return ir_select(g->ir, cond[below(g, 12)], a, b, c, d);
    case 6:                                    /* two shifts by constants */
        a = ir_bini(g->ir, two[10 + below(g, 5)], integer(g, t), below(g, w));
        return ir_bini(g->ir, two[10 + below(g, 5)], a, below(g, w));
    case 7: return ir_bini(g->ir, two[below(g, sizeof(two))], integer(g, t), interesting(g) & ir_mask(t));
    default:
        a = integer(g, t), b = integer(g, t);
        return ir_bin(g->ir, two[below(g, sizeof(two))], a, b);
    }
}

static ir_ref f64(struct gen *g) { return ir_read_slot(g->ir, F64_0 + below(g, NF64)); }
static ir_ref f32(struct gen *g) { return ir_read_slot(g->ir, F32_0 + below(g, NF32)); }

static void floating(struct gen *g)
{
    static const uint8_t two[] = { IR_OP_fadd, IR_OP_fsub, IR_OP_fmul, IR_OP_fdiv, IR_OP_fmin, IR_OP_fmax };
    unsigned fp = below(g, 5) | (below(g, 2) ? IR_FP_NAN_CANON : IR_FP_NAN_ARM) | (below(g, 2) ? IR_FP_MINMAX_NUM : 0);
    struct ir *ir = g->ir;
    ir_ref a, b;

    switch (below(g, 9)) {
    case 0: a = f64(g), b = f64(g); ir_write_slot(ir, F64_0, ir_fp2(ir, two[below(g, 6)], fp, a, b)); break;
    case 1: a = f32(g), b = f32(g); ir_write_slot(ir, F32_0, ir_fp2(ir, two[below(g, 6)], fp, a, b)); break;
    case 2: ir_write_slot(ir, F64_0 + 1, ir_fma(ir, fp | (below(g, 4) << 7), f64(g), ir_read_slot(ir, F64_0), f64(g))); break;
    case 3: ir_write_slot(ir, F64_0 + 1, ir_fp1(ir, IR_OP_itof, IR_F64, fp | (below(g, 2) ? IR_FP_UNSIGNED : 0), i64(g))); break;
    case 4: ir_write_slot(ir, 2, ir_fp1(ir, IR_OP_ftoi, IR_I64, fp | (below(g, 2) ? IR_FP_UNSIGNED : 0), f32(g))); break;
    case 5: ir_write_slot(ir, F32_0 + 1, ir_conv(ir, IR_OP_bitsf, IR_F32, i32(g))); break;
    case 6: ir_write_slot(ir, F64_0, ir_conv(ir, IR_OP_fbox, IR_F64, f32(g))); break;
    case 7: ir_write_slot(ir, F32_0, ir_conv(ir, IR_OP_funbox, IR_F32, f64(g))); break;
    default: a = f64(g), b = f64(g); ir_write_slot(ir, 1, ir_fcmp(ir, IR_I64, below(g, 7), a, b)); break;
    }
}

static void vectors(struct gen *g)
{
    static const uint8_t two[] = { IR_OP_vadd, IR_OP_vsub, IR_OP_vmul, IR_OP_vand, IR_OP_vor, IR_OP_vxor, IR_OP_vandn, IR_OP_vcmpeq,
                                   IR_OP_vcmpgt, IR_OP_vaesenc, IR_OP_vclmul };
    struct ir *ir = g->ir;
    ir_ref a = ir_read_slot(ir, V_0), b = ir_read_slot(ir, V_0 + 1);

    switch (below(g, 4)) {
    case 0: ir_write_slot(ir, V_0, ir_emit(ir, two[below(g, sizeof(two))], IR_V128, 8u << below(g, 4), 0, a, b, 0, 0)); break;
    case 1: a = i64(g), b = i64(g); ir_write_slot(ir, V_0 + 1, ir_emit(ir, IR_OP_vpair, IR_V128, 0, 0, a, b, 0, 0)); break;
    case 2: ir_write_slot(ir, 4, ir_emit(ir, IR_OP_vext, IR_I64, 64, below(g, 2), a, 0, 0, 0)); break;
    default: ir_write_slot(ir, V_0, ir_v128(ir, interesting(g), interesting(g))); break;
    }
}

static void flags(struct gen *g)
{
    static const uint8_t make[] = { IR_OP_flsub, IR_OP_fladd, IR_OP_fllogic };
    enum ir_op op = make[below(g, 3)];
    struct ir *ir = g->ir;
    ir_ref a, b;

    if (below(g, 2)) {
        a = i64(g), b = i64(g);
        ir_write_slot(ir, FLAGS, ir_emit(ir, op, IR_FLAGS, 0, 0, a, op == IR_OP_fllogic ? IR_NONE : b, 0, 0));
    } else {
        static const uint8_t cond[] = { 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14, 15 };
        ir_write_slot(ir, below(g, NI64),
                      ir_emit(ir, IR_OP_flcc, IR_I64, cond[below(g, 14)], 0, ir_read_slot(ir, FLAGS), 0, 0, 0));
    }
}

static void memory(struct gen *g)
{
    struct ir *ir = g->ir;
    unsigned size = below(g, 4);
    ir_ref addr = below(g, 2) ? ir_bini(ir, IR_OP_add, i64(g), below(g, 64)) : i64(g), v;

    switch (below(g, 5)) {
    case 0: ir_write_slot(ir, below(g, NI64), ir_ld(ir, IR_I64, size | (below(g, 2) ? IR_MSIGN : 0), addr, below(g, 8))); break;
    case 1: ir_write_slot(ir, NI64, ir_ld(ir, IR_I32, size % 3 | IR_MSIGN, addr, 0)); break;
    case 2: ir_write_slot(ir, F32_0, ir_ld(ir, IR_F32, IR_M32, addr, 0)); break;
    case 3: v = i64(g); ir_write_slot(ir, 0, ir_amo(ir, IR_I64, IR_AMO_ADD, IR_M32 | IR_MSIGN, addr, v)); break;
    default: v = i64(g); ir_st(ir, size, addr, 0, v); break;
    }
}

static void calling(struct gen *g)
{
    ir_ref args[2];
    unsigned d, n;

    switch (below(g, 4)) {
    case 3:
        d = below(g, NI64), n = below(g, NI64);
        args[0] = ir_envaddr(g->ir, 0), args[1] = ir_i64(g->ir, d + 8 * n);
        ir_sync_slot(g->ir, d);
        ir_sync_slot(g->ir, n);
        ir_call(g->ir, 3, 2, args);
        ir_forget_slot(g->ir, d);
        break;
    case 0:
        args[0] = i64(g), args[1] = i32(g);
        ir_write_slot(g->ir, 5, ir_call(g->ir, 0, 2, args));
        break;
    default:
        args[0] = ir_envaddr(g->ir, 0), args[1] = i64(g);
        ir_call(g->ir, 1 + below(g, 2), 2, args);
        if (below(g, 2))
            ir_write_slot(g->ir, 2, ir_ldenv(g->ir, IR_I64, IR_M16, offsetof(struct state, counter)));
        break;
    }
}

static void statement(struct gen *g, uint64_t pc)
{
    ir_guest_insn(g->ir, pc, 4);
    switch (below(g, 12)) {
    case 0: memory(g); break;
    case 1: calling(g); break;
    case 2: floating(g); break;
    case 3: vectors(g); break;
    case 4: flags(g); break;
    case 5: ir_write_slot(g->ir, NI64 + below(g, NI32), arithmetic(g, IR_I32)); break;
    case 6: ir_write_slot(g->ir, below(g, NI64), ir_read_slot(g->ir, below(g, NI64))); break;
    case 7: ir_write_slot(g->ir, below(g, NI64), ir_conv(g->ir, IR_OP_sext, IR_I64, arithmetic(g, IR_I32))); break;
    default: ir_write_slot(g->ir, below(g, NI64), arithmetic(g, IR_I64)); break;
    }
}

static void terminator(struct gen *g, unsigned at, unsigned nblocks, uint64_t pc)
{
    static const uint8_t cond[] = { IR_EQ, IR_NE, IR_LT, IR_GE, IR_LTU, IR_GEU };
    unsigned first = g->forward ? at + 1 : 1, n = nblocks + 1 - first;
    ir_block_ref one = n ? first + below(g, n) : 0, two = n ? first + below(g, n) : 0;
    ir_ref a, b;

    ir_guest_insn(g->ir, pc, 4);
    switch (n ? below(g, 9) : 6 + below(g, 3)) {
    case 6: a = i64(g), b = i64(g); ir_goto_if(g->ir, cond[below(g, 6)], a, b, pc + 4, pc + 8); break;
    case 7: ir_goto_ind(g->ir, ir_bini(g->ir, IR_OP_and, i64(g), ~1ull), IR_JUMP_PLAIN, 0); break;
    case 8: ir_goto_pc(g->ir, pc + 4, IR_JUMP_PLAIN, 0); break;
    case 2: ir_br(g->ir, one); break;
    case 3: ir_brfl(g->ir, below(g, 5), ir_read_slot(g->ir, FLAGS), one, two); break;
    default: a = i64(g), b = i64(g); ir_brcc(g->ir, cond[below(g, 6)], a, b, one, two, 0); break;
    }
}

static void program(struct ir *ir, uint64_t seed, bool late)
{
    struct gen g = { ir, seed * 0x9e3779b97f4a7c15u + 88172645463325252u, seed & 1 };
    unsigned nblocks, length;

    ir_reset(ir);
    nblocks = below(&g, 6);
    length = 1 + below(&g, 20);
    for (unsigned b = 0; b < nblocks; b++)
        ir_block_new(ir, 0);
    for (unsigned b = 0; b <= nblocks; b++) {
        if (g.forward && !late)
            ir_seal(ir, b);
        ir_enter(ir, b);
        ir_guest_insn(ir, b * 0x1000, 4);
        ir_icount(ir, 1);
        for (unsigned k = 1; k < length; k++)
            statement(&g, b * 0x1000 + 4 * k);
        terminator(&g, b, nblocks, b * 0x1000 + 4 * length);
    }
    ir_finish(ir);
}

/* --- comparison ------------------------------------------------------------------------------------------------------------ */

static void start(struct state *s, uint64_t seed)
{
    struct gen g = { NULL, seed + 12345, false };

    memset(s, 0, sizeof(*s));
    for (unsigned k = 0; k < NSLOTS; k++)
        for (unsigned w = 0; w < 16; w += 8) {
            uint64_t v = interesting(&g);
            memcpy(s->home[k] + w, &v, 8);
        }
    for (unsigned k = 0; k < 32; k++)
        s->mem[k] = rnd(&g);
    *(uint32_t *)s->home[FLAGS] &= 0xf0000000;
    s->env.icount_left = 300;
    s->env.mxcsr = 0x1f80;
}

static uint64_t execute(const struct ir *ir, struct state *s, uint64_t seed)
{
    uint64_t reason;

    start(s, seed);
    reason = interp_run(ir, &s->env, &mode, &calls);
    s->env.frame = NULL;
    return reason;
}

/* --- host code -------------------------------------------------------------------------------------------------------------- */

enum { ROOM = 1 << 20 };
static uint8_t *code;
static uint32_t code_used;
static struct rt_view view;                    /* its TLB stays empty: every access takes the slow path */

static void prepare_host(void)
{
    int used;

    code = mmap(NULL, ROOM, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(&view, 0xff, sizeof(view));
    view.ret_top = 0;
    used = code == MAP_FAILED ? -1 : host_init(&mode, &calls, code, code, ROOM);
    if (used < 0) {
        printf("no room for host code\n");
        exit(1);
    }
    code_used = (uint32_t)used;
}

/* Returns a sentence, or NULL. */
static const char *compile(struct ir *ir)
{
    static struct tcg_link links[64];
    struct ra_host host;
    struct ra ra;
    const char *why;

    statemap_free(&unit.map);
    unit = (struct host_unit){ .mode = &mode, .ir = ir, .ra = &ra, .rw = code + code_used, .rx = code + code_used,
                               .room = ROOM - code_used, .links = links, .nlinks = host_links_needed(ir) };
    ra_init(&ra);
    host_select(&mode, ir);
    host_describe(&mode, &host);
    why = unit.nlinks > 64 || ra_run(&ra, ir, &host) ? "cannot be allocated" : ra_verify(&ra, ir, &host);
    if (!why && host_emit(&unit))
        why = "cannot be emitted";
    ra_free(&ra);
    return why;
}

static uint64_t run_compiled(struct state *s, uint64_t seed)
{
    uint64_t reason;

    start(s, seed);
    s->env.view = &view;
    compiled = true;
    reason = host_enter(&s->env, unit.rx + unit.entry);
    compiled = false;
    return reason < RT_EXIT_MAX ? reason : RT_EXIT_LOOKUP;
}

static bool same(const struct state *a, const struct state *b, uint64_t ra, uint64_t rb)
{
    enum { DENORMAL = 2 };                     /* no guest of ours sees this flag of MXCSR */

    return ra == rb && !memcmp(a->home, b->home, sizeof(a->home)) && !memcmp(a->mem, b->mem, sizeof(a->mem)) &&
           a->counter == b->counter && a->log == b->log && a->env.pc == b->env.pc &&
           a->env.icount_left == b->env.icount_left && !((a->env.mxcsr ^ b->env.mxcsr) & ~(uint32_t)DENORMAL);
}

static void print_home(const char *name, const uint8_t *a, const uint8_t *b)
{
    uint64_t x[2], y[2];

    memcpy(x, a, 16);
    memcpy(y, b, 16);
    printf("* %s: %016" PRIx64 " %016" PRIx64 " and %016" PRIx64 " %016" PRIx64 "\n", name, x[1], x[0], y[1], y[0]);
}

static void print_first_record(void)
{
    for (unsigned n = 0; n < nrecords[0] && n < nrecords[1]; n++) {
        const struct record *a = &record[0][n], *b = &record[1][n];
        if (!memcmp(a, b, sizeof(*a)))
            continue;
        printf("access %u: %" PRIx64 " at pc %" PRIx64 ", and %" PRIx64 " at %" PRIx64 "\n", n, a->what, a->pc, b->what, b->pc);
        for (unsigned k = 0; k < NSLOTS; k++)
            if (memcmp(a->home[k], b->home[k], 16))
                print_home(slots[k].name, a->home[k], b->home[k]);
        return;
    }
    printf("accesses: %u and %u, as far as they go equal\n", nrecords[0], nrecords[1]);
}

static int differs(const char *what, uint64_t seed, const struct ir *plain, const struct ir *other, const struct state *a,
                   const struct state *b)
{
    printf("seed %" PRIu64 ": %s does something else\n--- plain\n", seed, what);
    ir_print(plain, stdout);
    printf("--- %s\n", what);
    ir_print(other, stdout);
    for (unsigned k = 0; k < NSLOTS; k++)
        if (memcmp(a->home[k], b->home[k], 16))
            print_home(slots[k].name, a->home[k], b->home[k]);
    printf("pc %" PRIx64 " and %" PRIx64 ", log %" PRIx64 " and %" PRIx64 ", mxcsr %x and %x\n", a->env.pc, b->env.pc, a->log,
           b->log, a->env.mxcsr, b->env.mxcsr);
    print_first_record();
    return 1;
}

static int check_seed(struct ir *plain, struct ir *other, uint64_t seed)
{
    static const char *const names[] = { "folding", "the cold tier", "the hot tier", "the text form", "cold host code",
                                         "hot host code" };
    struct state a, b;
    uint64_t ra, rb;
    const char *why;

    ir_build(plain)->plain = true;
    program(plain, seed, true);
    why = ir_verify(plain);
    if (why) {
        printf("seed %" PRIu64 ": plain: %s\n", seed, why);
        ir_print(plain, stdout);
        return 1;
    }
    recording = nrecords[0] = 0;
    ra = execute(plain, &a, seed);
    recording = 1;
    for (unsigned k = 0; k < 6; k++) {
        nrecords[1] = 0;
        program(other, seed, k & 1);
        if (k == 1 || k == 2 || k >= 4)
            tcg_optimise(other, k == 1 || k == 4 ? TCG_COLD : TCG_HOT);
        if (k == 3) {
            char *text = NULL;
            size_t n = 0;
            FILE *f = open_memstream(&text, &n);
            ir_print(other, f);
            fclose(f);
            if (ir_parse(other, text) < 0)
                printf("%s\n", text);
            free(text);
        }
        why = ir_verify(other);
        if (why) {
            printf("seed %" PRIu64 ": %s: %s\n", seed, names[k], why);
            ir_print(other, stdout);
            return 1;
        }
        if (k >= 4) {
            why = compile(other);
            if (why) {
                printf("seed %" PRIu64 ": %s: %s\n", seed, names[k], why);
                ir_print(other, stdout);
                return 1;
            }
            rb = run_compiled(&b, seed);
        } else {
            rb = execute(other, &b, seed);
        }
        if (!same(&a, &b, ra, rb))
            return differs(names[k], seed, plain, other, &a, &b);
    }
    return 0;
}

static void name_slots(void)
{
    static char names[NSLOTS][8];

    for (unsigned k = 0; k < NSLOTS; k++) {
        enum ir_type t = k < NI64 ? IR_I64 : k < F64_0 ? IR_I32 : k < F32_0 ? IR_F64 : k < V_0 ? IR_F32 :
                         k < FLAGS ? IR_V128 : IR_FLAGS;
        snprintf(names[k], sizeof(names[k]), "r%u", k);
        slots[k] = (struct ir_slot){ names[k], offsetof(struct state, home) + 16 * k, t };
    }
    slots[NSLOTS] = (struct ir_slot){ "budget", offsetof(struct state, env.icount_left), IR_I64 };
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL) * 1000;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : 3000;
    struct ir plain, other;
    int failed = 0;

    if (!interp_available()) {
        printf("built without libffi\n");
        return 77;
    }
    name_slots();
    prepare_host();
    ir_init(&plain, slots, NSLOTS + 1, helpers, 4);
    ir_init(&other, slots, NSLOTS + 1, helpers, 4);
    plain.budget = other.budget = NSLOTS;
    printf("seeds %" PRIu64 " to %" PRIu64 "\n", first, first + count - 1);
    for (uint64_t s = first; s < first + count && !failed; s++)
        failed = check_seed(&plain, &other, s);
    ir_free(&plain);
    ir_free(&other);
    return failed;
}
