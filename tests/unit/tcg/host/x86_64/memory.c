/* tests/unit/tcg/host/x86_64/memory.c - random units of loads, stores and atomics against the interpreter.
 *
 * Guest memory is four pages: direct, direct for reading only, only reached by the slow path, and one that faults. In
 * system mode the view's TLB says so, from the start or when a slow path has filled it; a page that no unit accesses
 * is in it too, and memory holds addresses of that, to catch a probe of a value instead of an address. In user mode (at address 0, behind a base, with 32-bit addresses) the host's page
 * protection does, and a fault is a signal. A fault ends the unit: then all registers must be rebuilt from the state map.
 *
 * Usage: memory [FIRST-SEED [COUNT]] */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include "core/base/bits.h"
#include "tcg/host/x86_64/cpu.h"
#include "tcg/ir/internal.h"
#include "tcg/tcg.h"

enum { NI64 = 10, NI32 = 4, NF64 = 4, NV = 4, F64_0 = NI64 + NI32, V_0 = F64_0 + NF64, NSLOTS = V_0 + NV };
enum { PAGE = 4096, PAGES = 4, ROOM = 1 << 20 };
static const uint64_t base_of_memory = 0x12340000;         /* the guest's address of page 0 */
static const uint64_t decoy = 0x56780000;       /* a page that is in the TLB and that nothing accesses */
static const uint64_t host_base = 0x200000000000;               /* where sanitizers leave room */

struct state {
    struct cpu_env env;
    uint8_t home[NSLOTS][16] __attribute__((aligned(16)));
    struct rt_view view __attribute__((aligned(64)));
};

static struct ir_slot slots[NSLOTS];
static struct host_mode mode;
static struct host_unit unit;
static uint8_t *code, *memory;                 /* memory: where the host has page 0 */
static uint32_t code_used;
static bool compiled;                          /* generated code runs, not the interpreter */
static bool filling;                           /* slow paths fill the TLB, as the engine's do */
static uint64_t seed;
static unsigned faults, slow_calls;

static uint64_t rnd(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1du;
}
static unsigned below(unsigned n) { return (unsigned)((rnd() >> 33) % n); }

/* --- the slow paths --------------------------------------------------------------------------------------------------- */

static void restore(struct cpu_env *env, uintptr_t host_pc, const struct rt_frame *frame)
{
    uint32_t extra;

    if (!statemap_restore(unit.map.entry, unit.map.n, unit.map.bytes, (uint32_t)(host_pc - (uintptr_t)unit.rx), slots, env, frame,
                          0, &env->pc, &extra))
        fail_msg("no state map at offset %#lx", (unsigned long)(host_pc - (uintptr_t)unit.rx));
}

static void raise_fault(struct cpu_env *env, uintptr_t host_pc)
{
    if (!compiled)
        interp_unwind(env, RT_EXIT_RAISED);
    faults++;
    restore(env, host_pc, host_frame(env));
    host_unwind(env, RT_EXIT_RAISED);
}

static struct rt_tlb_entry *entry_of(struct cpu_env *env, uint64_t page)
{
    return &env->view->tlb[page >> RT_PAGE_BITS & (BIT(RT_TLB_BITS) - 1)];
}

/* Page 0 directly, page 1 for reading, page 2 never. */
static void fill_entry(struct cpu_env *env, unsigned k)
{
    uint64_t page = base_of_memory + k * PAGE;

    if (k < 2)
        *entry_of(env, page) = (struct rt_tlb_entry){ .tag_read = page, .tag_write = page | (k ? RT_TLB_SLOW : 0),
                                                      .addend = (uintptr_t)memory - base_of_memory };
}

/* The bytes, or a fault: outside, in the last page, or misaligned where that matters. */
static uint8_t *at(struct cpu_env *env, uint64_t addr, unsigned memop, uintptr_t host_pc)
{
    unsigned n = ir_mem_bytes(memop);

    slow_calls += compiled;
    if (mode.addr32)
        addr = (uint32_t)addr;
    if (addr - base_of_memory > 3 * PAGE - n || ((memop & IR_MALIGN) && (addr & (n - 1))))
        raise_fault(env, host_pc);
    if (compiled && filling)
        fill_entry(env, (unsigned)((addr - base_of_memory) / PAGE));
    return memory + (addr - base_of_memory);
}

static uint64_t swapped(uint64_t v, unsigned memop)
{
    return memop & IR_MBE ? __builtin_bswap64(v) >> (64 - 8 * ir_mem_bytes(memop)) : v;
}

static uint64_t load(struct cpu_env *env, uint64_t addr, unsigned memop, uintptr_t host_pc)
{
    uint64_t v = 0;

    memcpy(&v, at(env, addr, memop, host_pc), ir_mem_bytes(memop));
    return swapped(v, memop);
}

static void store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, uintptr_t host_pc)
{
    uint64_t v = swapped(val, memop);

    memcpy(at(env, addr, memop, host_pc), &v, ir_mem_bytes(memop));
}

static void load_vec(struct cpu_env *env, uint64_t addr, void *val, unsigned memop, uintptr_t host_pc)
{
    memcpy(val, at(env, addr, memop, host_pc), ir_mem_bytes(memop));
}

static void store_vec(struct cpu_env *env, uint64_t addr, const void *val, unsigned memop, uintptr_t host_pc)
{
    memcpy(at(env, addr, memop, host_pc), val, ir_mem_bytes(memop));
}

static uint64_t combine(uint64_t old, uint64_t val, unsigned memop, unsigned kind)
{
    int64_t so = sext64(old, 8 * ir_mem_bytes(memop)), sv = sext64(val, 8 * ir_mem_bytes(memop));
    uint64_t m = mask64(8 * ir_mem_bytes(memop)), uo = old & m, uv = val & m;

    switch (kind) {
    case IR_AMO_SWAP: return val;
    case IR_AMO_ADD: return old + val;
    case IR_AMO_AND: return old & val;
    case IR_AMO_OR: return old | val;
    case IR_AMO_XOR: return old ^ val;
    case IR_AMO_SMIN: return so < sv ? old : val;
    case IR_AMO_SMAX: return so > sv ? old : val;
    case IR_AMO_UMIN: return uo < uv ? old : val;
    case IR_AMO_UMAX: return uo > uv ? old : val;
    default: return old & ~val;
    }
}

static uint64_t amo(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, unsigned kind, uintptr_t host_pc)
{
    uint64_t old = load(env, addr, memop, host_pc);

    store(env, addr, combine(old, val, memop, kind), memop, host_pc);
    return old;
}

static uint64_t cas(struct cpu_env *env, uint64_t addr, uint64_t expect, uint64_t desired, unsigned memop, uintptr_t host_pc)
{
    uint64_t old = load(env, addr, memop, host_pc);

    if (old == (expect & mask64(8 * ir_mem_bytes(memop))))
        store(env, addr, desired, memop, host_pc);
    return old;
}

static const struct tcg_runtime_calls calls = { load, store, load_vec, store_vec, amo, cas };

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    ucontext_t *c = uc;
    uintptr_t host_pc;
    struct rt_frame *f;
    struct cpu_env *env;

    (void)sig, (void)si;
    if ((uintptr_t)c->uc_mcontext.gregs[REG_RIP] - (uintptr_t)code >= ROOM)
        abort();
    f = host_frame_from_signal(uc, &host_pc);
    env = (struct cpu_env *)(uintptr_t)(f->gpr[5] - RT_ENV_BIAS);
    faults++;
    restore(env, host_pc, f);
    c->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)host_leave_address();
    c->uc_mcontext.gregs[REG_RAX] = RT_EXIT_RAISED;
}

/* --- programs ----------------------------------------------------------------------------------------------------------- */

static ir_ref near;                            /* an address that was made before in this unit */

static ir_ref i64(struct ir *ir) { return ir_read_slot(ir, below(NI64)); }

static uint64_t random_address(void)
{
    unsigned where = below(20);

    if (where == 0)
        return base_of_memory + 3 * PAGE - below(12);
    return base_of_memory + below(3) * PAGE + (where < 6 ? PAGE - 16 + below(24) : where < 14 ? below(PAGE - 64) & ~31u : below(PAGE - 64));
}

/* Registers hold anything, so an address is made: a constant, or a register masked into memory. */
static ir_ref address(struct ir *ir, int64_t *disp)
{
    ir_ref off;

    if (near && below(3)) {                    /* off the same base as one before */
        *disp = (int)below(300) - 150;
        return near;
    }
    *disp = below(3) ? 0 : (int)below(256) - 128;
    if (below(4) == 0)
        return ir_i64(ir, random_address());
    off = ir_bini(ir, IR_OP_and, i64(ir), below(2) ? 0x1ff8 : 0x2fff);
    switch (below(4)) {
    case 0: return ir_bini(ir, IR_OP_add, off, base_of_memory + below(64));
    case 1: return ir_bin(ir, IR_OP_add, ir_i64(ir, base_of_memory + 64), off);
    case 2: {
        ir_ref at = ir_bini(ir, IR_OP_or, off, base_of_memory);

        near = at;
        return ir_bin(ir, IR_OP_add, at, ir_bini(ir, IR_OP_shl, ir_bini(ir, IR_OP_and, i64(ir), 15), 1 + below(3)));
    }
    default: return near = ir_bini(ir, IR_OP_or, off, base_of_memory);
    }
}

static unsigned flags_of_access(void)
{
    static const unsigned extra[] = { 0, 0, 0, IR_MALIGN, IR_MBE, 1 << IR_MMMU_SHIFT };

    return extra[below(ARRAY_LEN(extra))];
}

static void some_load(struct ir *ir)
{
    int64_t disp;
    ir_ref a = address(ir, &disp);
    unsigned aux = flags_of_access();

    switch (below(8)) {
    case 0: ir_write_slot(ir, F64_0 + below(NF64), ir_ld(ir, IR_F64, IR_M64 | (aux & ~IR_MBE), a, disp)); break;
    case 1: ir_write_slot(ir, V_0 + below(NV), ir_ld(ir, IR_V128, IR_M128 | (aux & ~IR_MBE), a, disp)); break;
    case 2: ir_write_slot(ir, NI64 + below(NI32), ir_ld(ir, IR_I32, below(3) | aux | (below(2) ? IR_MSIGN : 0), a, disp)); break;
    default: ir_write_slot(ir, below(NI64), ir_ld(ir, IR_I64, below(4) | aux | (below(2) ? IR_MSIGN : 0), a, disp)); break;
    }
}

static void some_store(struct ir *ir)
{
    int64_t disp;
    ir_ref a = address(ir, &disp);
    unsigned aux = flags_of_access();

    switch (below(8)) {
    case 0: ir_st(ir, IR_M64 | (aux & ~IR_MBE), a, disp, ir_read_slot(ir, F64_0 + below(NF64))); break;
    case 1: ir_st(ir, IR_M128 | (aux & ~IR_MBE), a, disp, ir_read_slot(ir, V_0 + below(NV))); break;
    case 2: ir_st(ir, below(3) | aux, a, disp, ir_read_slot(ir, NI64 + below(NI32))); break;
    case 3: ir_st(ir, below(4) | aux, a, disp, ir_i64(ir, below(2) ? rnd() : below(300))); break;
    default: ir_st(ir, below(4) | aux, a, disp, i64(ir)); break;
    }
}

static void some_atomic(struct ir *ir)
{
    static const unsigned align[] = { 0, IR_MALIGN, IR_MALIGN, 1 << IR_MMMU_SHIFT };
    unsigned aux = align[below(4)] | (below(2) ? IR_MSIGN : 0);
    int64_t disp;
    ir_ref a = address(ir, &disp), r;

    if (below(3) == 0)
        r = ir_cas(ir, IR_I64, below(4) | aux, a, below(2) ? i64(ir) : ir_i64(ir, 0), i64(ir));
    else
        r = ir_amo(ir, IR_I64, below(IR_AMO_ANDN + 1), below(4) | aux, a, i64(ir));
    if (below(3))
        ir_write_slot(ir, below(NI64), r);
}

static void something_else(struct ir *ir)
{
    static const enum ir_op op[] = { IR_OP_add, IR_OP_sub, IR_OP_xor, IR_OP_mul, IR_OP_shl };
    unsigned d = below(NI64);

    switch (below(6)) {
    case 0: ir_write_slot(ir, d, ir_i64(ir, below(2) ? rnd() : below(100))); break;
    case 1: ir_write_slot(ir, d, i64(ir)); break;
    case 2: ir_write_slot(ir, NI64 + below(NI32), ir_conv(ir, IR_OP_trunc, IR_I32, i64(ir))); break;
    case 3: ir_write_slot(ir, F64_0 + below(NF64), ir_conv(ir, IR_OP_bitsf, IR_F64, i64(ir))); break;
    case 4: ir_write_slot(ir, V_0 + below(NV), ir_read_slot(ir, V_0 + below(NV))); break;
    default: ir_write_slot(ir, d, ir_bin(ir, op[below(5)], i64(ir), i64(ir))); break;
    }
}

/* Accesses off one base that are far apart, while more values are in use than the host has registers: the base and what a
 * probe found for it lose their registers in between. */
static void far_apart(struct ir *ir)
{
    ir_ref base = ir_read_slot(ir, 0), sum = i64(ir), kept[20], v;
    unsigned nkept = ARRAY_LEN(kept) - below(10);

    for (unsigned k = 0; k < nkept; k++)
        kept[k] = ir_bini(ir, IR_OP_mul, ir_read_slot(ir, below(NI64)), rnd() | 1);
    for (unsigned k = 0; k < 3; k++) {
        ir_guest_insn(ir, 0x1000 + 4 * k, 4);
        v = ir_ld(ir, IR_I64, 2 + below(2), base, 8 * (int)below(8));
        for (unsigned i = below(3 * nkept); i; i--)
            sum = ir_bin(ir, i & 1 ? IR_OP_add : IR_OP_xor, sum, i == 1 ? v : kept[below(nkept)]);
        sum = ir_bin(ir, IR_OP_add, sum, v);
    }
    ir_write_slot(ir, 1, sum);
    for (unsigned k = 0; k < nkept; k++)
        ir_write_slot(ir, 2 + k % (NI64 - 2), ir_bin(ir, IR_OP_xor, ir_read_slot(ir, 2 + k % (NI64 - 2)), kept[k]));
}

static void build(struct ir *ir, uint64_t from)
{
    unsigned n;

    seed = from;
    near = IR_NONE;
    n = below(8) ? 3 + below(20) : 0;
    if (!n)
        far_apart(ir);
    for (unsigned k = 0; k < n; k++) {
        unsigned what = below(10);

        ir_guest_insn(ir, 0x1000 + 4 * k, 4);
        if (what < 3)
            some_load(ir);
        else if (what < 6)
            some_store(ir);
        else if (what == 6)
            some_atomic(ir);
        else
            something_else(ir);
    }
    ir_leave(ir, RT_EXIT_HALT);
    ir_finish(ir);
}

/* --- running ---------------------------------------------------------------------------------------------------------------- */

static void fill_tlb(struct state *s)
{
    static uint8_t garbage[PAGE];

    memset(garbage, 0xa5, sizeof garbage);
    memset(s->view.tlb, 0xff, sizeof s->view.tlb);
    *entry_of(&s->env, decoy) = (struct rt_tlb_entry){ .tag_read = decoy, .tag_write = decoy, .addend = (uintptr_t)garbage - decoy };
    for (unsigned k = 0; k < 2 && !filling; k++)
        fill_entry(&s->env, k);
}

static void compile(struct ir *ir)
{
    struct ra_host host;
    struct ra ra;

    statemap_free(&unit.map);
    unit = (struct host_unit){ .mode = &mode, .ir = ir, .ra = &ra, .rw = code + code_used, .rx = code + code_used, .room = ROOM - code_used };
    ra_init(&ra);
    host_select(&mode, ir);
    host_describe(&mode, &host);
    assert_int_equal(ra_run(&ra, ir, &host), 0);
    assert_null(ra_verify(&ra, ir, &host));
    assert_int_equal(host_emit(&unit), 0);
    if (getenv("DUMP")) {
        FILE *f = fopen("/tmp/memory.bin", "w");

        fwrite(unit.rw, 1, unit.length, f);
        fclose(f);
        ir_print(ir, stderr);
        ra_print(&ra, ir, stderr);
    }
    ra_free(&ra);
}

static void fill(struct state *s, uint8_t *mem)
{
    memset(s, 0, sizeof *s);
    for (unsigned k = 0; k < NSLOTS; k++) {
        uint64_t v[2] = { rnd() >> below(64), rnd() };

        memcpy(s->home[k], v, slots[k].type == IR_V128 ? 16 : slots[k].type == IR_I32 ? 4 : 8);
    }
    *(uint64_t *)s->home[0] = random_address();        /* a base that is never computed: build() */
    s->env.mxcsr = 0x1f80;
    s->env.view = &s->view;
    for (unsigned k = 0; k < 3 * PAGE; k += 8) {
        uint64_t v = below(4) ? rnd() : below(2) ? 0 : decoy + below(PAGE - 300);

        memcpy(mem + k, &v, 8);
    }
}

static void differ(uint64_t from, const char *what, unsigned k, uint64_t got, uint64_t want)
{
    fail_msg("seed %" PRIu64 ": %s %u: got %#" PRIx64 ", want %#" PRIx64, from, what, k, got, want);
}

static void compare(uint64_t from, const struct state *got, const struct state *want, const uint8_t *got_mem, const uint8_t *want_mem)
{
    if (got->env.pc != want->env.pc)
        differ(from, "pc", 0, got->env.pc, want->env.pc);
    for (unsigned k = 0; k < NSLOTS; k++)
        if (memcmp(got->home[k], want->home[k], 16))
            differ(from, "register", k, *(const uint64_t *)got->home[k], *(const uint64_t *)want->home[k]);
    for (unsigned k = 0; k < 3 * PAGE; k += 8)
        if (memcmp(got_mem + k, want_mem + k, 8))
            differ(from, "memory", k, *(const uint64_t *)(got_mem + k), *(const uint64_t *)(want_mem + k));
}

static void one(uint64_t from)
{
    static struct state in, got, want;
    static uint8_t before[3 * PAGE], after[3 * PAGE];
    struct ir ir, ref;
    uint64_t left, should;

    ir_init(&ir, slots, NSLOTS, NULL, 0);
    ir_init(&ref, slots, NSLOTS, NULL, 0);
    build(&ir, from);
    build(&ref, from);
    compile(&ir);
    for (unsigned k = 0; k < 4; k++) {
        filling = mode.system && k & 1;
        fill(&in, before);
        fill_tlb(&in);
        got = want = in;
        got.env.view = &got.view;
        memcpy(memory, before, sizeof before);
        compiled = true;
        left = host_enter(&got.env, unit.rx + unit.entry);
        compiled = false;
        memcpy(after, memory, sizeof after);
        memcpy(memory, before, sizeof before);
        should = interp_run(&ref, &want.env, &mode, &calls);
        if (getenv("DUMP"))
            print_error("left %d at %#lx, should %d at %#lx\n", (int)left, got.env.pc, (int)should, want.env.pc);
        if (left != should)
            differ(from, "reason", 0, left, should);
        compare(from, &got, &want, after, memory);
    }
    ir_free(&ir);
    ir_free(&ref);
}

static unsigned long first = 1, count = 1500;

static void run_all(void)
{
    faults = slow_calls = 0;
    for (unsigned long k = first; k < first + count; k++)
        one(k * 0x9e3779b97f4a7c15u | 1);
    if (count > 100) {
        assert_true(faults > 0);
        assert_true(slow_calls > 0);
    }
}

static void set_mode(bool system, uint64_t guest_base, bool addr32, const char *without)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    int used;

    sigaction(SIGSEGV, &sa, NULL);             /* over cmocka's own */
    mode = (struct host_mode){ .system = system, .guest_base = guest_base, .addr32 = addr32, .view_off = offsetof(struct state, view) };
    if (without)
        setenv("RHEA_HOST_WITHOUT", without, 1);
    used = host_init(&mode, &calls, code, code, ROOM);
    if (without)
        unsetenv("RHEA_HOST_WITHOUT");
    assert_true(used > 0);
    code_used = (uint32_t)used;
}

static void map_memory(uint64_t at_address)
{
    if (memory)
        munmap(memory, PAGES * PAGE);
    memory = mmap((void *)(uintptr_t)at_address, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (at_address ? MAP_FIXED : 0), -1, 0);
    assert_true(memory != MAP_FAILED);
    mprotect(memory + 3 * PAGE, PAGE, PROT_NONE);
}

static void system_mode(void **state)
{
    (void)state;
    map_memory(0);
    set_mode(true, 0, false, NULL);
    run_all();
}

static void system_mode_on_an_old_processor(void **state)
{
    (void)state;
    set_mode(true, 0, false, "all");
    run_all();
}

static void user_mode(void **state)
{
    (void)state;
    map_memory(base_of_memory);
    set_mode(false, 0, false, NULL);
    run_all();
}

static void user_mode_behind_a_base(void **state)
{
    (void)state;
    map_memory(base_of_memory + host_base);
    set_mode(false, host_base, false, NULL);
    run_all();
}

static void user_mode_32_bit(void **state)
{
    (void)state;
    set_mode(false, host_base, true, "all");
    run_all();
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_mode), cmocka_unit_test(system_mode_on_an_old_processor), cmocka_unit_test(user_mode),
        cmocka_unit_test(user_mode_behind_a_base), cmocka_unit_test(user_mode_32_bit),
    };

    if (argc > 1)
        first = strtoul(argv[1], NULL, 0), count = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
    for (unsigned k = 0; k < NSLOTS; k++)
        slots[k] = (struct ir_slot){ "r", (uint32_t)(offsetof(struct state, home) + 16 * k),
                                     k < NI64 ? IR_I64 : k < F64_0 ? IR_I32 : k < V_0 ? IR_F64 : IR_V128 };
    code = mmap(NULL, ROOM, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
