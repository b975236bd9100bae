/* tests/unit/tcg/host/x86_64/flow.c - how units are entered, left, linked, called and redirected. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <xmmintrin.h>

#include <cmocka.h>

#include "core/base/bits.h"
#include "tcg/ir/internal.h"
#include "tcg/tcg.h"

enum { NI = 20, F0 = NI, V0 = NI + 2, NSLOTS = NI + 4, ROOM = 1 << 18, NLINKS = 8 };

struct state {
    struct cpu_env env;
    uint8_t home[NSLOTS][16] __attribute__((aligned(16)));
    struct rt_view view;
};

static struct ir_slot slots[NSLOTS + 1];                   /* the last: the budget of instructions */
static struct host_mode mode;
static uint8_t *code;
static uint32_t used, calls_seen;
static struct state *s;

static uint64_t *reg(unsigned k) { return (uint64_t *)(void *)s->home[k]; }

/* --- helpers that units call ------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint32_t b, double c, const uint64_t *v, float d, uint64_t e)
{
    calls_seen++;
    return a + 10 * b + (uint64_t)(100 * c) + v[0] + v[1] + (uint64_t)(1000 * d) + e;
}

static double half(double a) { return a / 2; }

static void stop(struct state *at, uint64_t a)             /* raises flags and ends the unit from C */
{
    volatile double zero = 0, x = 1 / zero;

    (void)x;
    *(uint64_t *)(void *)at->home[1] = a;
    host_unwind(&at->env, RT_EXIT_RAISED);
}

static const struct ir_helper
    h_mix = { "mix", mix, IR_I64, 6, { IR_I64, IR_I32, IR_F64, IR_V128, IR_F32, IR_I64 }, IR_H_PURE, NULL, NULL },
    h_half = { "half", half, IR_F64, 1, { IR_F64 }, IR_H_FP, NULL, NULL },
    h_stop = { "stop", stop, IR_VOID, 2, { IR_I64, IR_I64 }, IR_H_FAULT, NULL, NULL };
static const struct ir_helper *const helpers[] = { &h_mix, &h_half, &h_stop };

/* --- units ------------------------------------------------------------------------------------------------------------------ */

struct built { struct host_unit u; struct tcg_link links[NLINKS]; const uint8_t *entry, *checked, *restart; };

static uint64_t salt;                          /* of what finish() makes */

static void begin(struct ir *ir, uint64_t pc)
{
    ir_init(ir, slots, NSLOTS + 1, helpers, ARRAY_LEN(helpers));
    ir_guest_insn(ir, pc, 4);
}

static void finish(struct ir *ir, struct built *b, uint64_t pc, int32_t *counter, const struct host_page *page)
{
    struct ra_host host;
    struct ra ra;

    memset(b, 0, sizeof *b);
    ir_finish(ir);
    used = (used + 63) & ~63u;
    b->u = (struct host_unit){ .mode = &mode, .ir = ir, .ra = &ra, .rw = code + used, .rx = code + used, .room = ROOM - used, .pc = pc,
                               .links = b->links, .nlinks = host_links_needed(ir), .counter = counter, .pages = page, .npages = page != NULL, .salt = salt };
    assert_true(b->u.nlinks <= NLINKS);
    ra_init(&ra);
    host_select(&mode, ir);
    host_describe(&mode, &host);
    assert_int_equal(ra_run(&ra, ir, &host), 0);
    assert_int_equal(host_emit(&b->u), 0);
    used += b->u.length;
    b->entry = b->u.rx + b->u.entry;
    b->checked = b->u.rx + b->u.checked_entry;
    b->restart = b->u.rx + b->u.restart;
    assert_int_equal((uintptr_t)b->entry % 8, 0);
    for (unsigned k = 0; k < b->u.nlinks; k++)
        assert_int_equal((uintptr_t)b->links[k].field % 4, 0);
    statemap_free(&b->u.map);
    ra_free(&ra);
    ir_free(ir);
}

static uint8_t *rw(const uint8_t *rx) { return (uint8_t *)(uintptr_t)rx; }

static void set_up_mode(bool system)
{
    static const struct tcg_runtime_calls none;
    int n;

    mode = (struct host_mode){ .system = system, .view_off = offsetof(struct state, view) };
    n = host_init(&mode, &none, code, code, ROOM);
    assert_true(n > 0);
    used = (uint32_t)n;
    memset(s, 0, sizeof *s);
    s->env.mxcsr = 0x1f80;
    s->env.view = &s->view;
    memset(s->view.jump, 0xff, sizeof s->view.jump);
    memset(s->view.ret, 0xff, sizeof s->view.ret);
    memset(s->view.itlb, 0xff, sizeof s->view.itlb);
}

static int user(void **state) { (void)state; set_up_mode(false); return 0; }
static int system_mode(void **state) { (void)state; set_up_mode(true); return 0; }

/* As the run loop does it: pc_page is that of the unit, at the address that it was made for. */
static uint64_t enter(const struct built *b, const uint8_t *code)
{
    s->env.pc_page = b->u.pc & ~UINT64_C(4095);
    return host_enter(&s->env, code);
}

/* adds k to register 0 and goes on to `to` */
static void adder(struct built *b, uint64_t pc, uint64_t k, uint64_t to)
{
    struct ir ir;

    begin(&ir, pc);
    ir_write_slot(&ir, 0, ir_bini(&ir, IR_OP_add, ir_read_slot(&ir, 0), k));
    ir_goto_pc(&ir, to, IR_JUMP_PLAIN, 0);
    finish(&ir, b, pc, NULL, NULL);
}

/* --- tests --------------------------------------------------------------------------------------------------------------------- */

static void links_are_patched_and_cut(void **state)
{
    struct built a, b;

    (void)state;
    adder(&a, 0x1000, 1, 0x2000);
    adder(&b, 0x2000, 10, 0xffffffff80001000);
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&a.links[0]);
    assert_int_equal(s->env.pc, 0x2000);
    assert_int_equal(*reg(0), 1);
    host_link(&a.links[0], rw(a.links[0].field), b.entry);
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&b.links[0]);
    assert_int_equal(s->env.pc, 0xffffffff80001000);
    assert_int_equal(*reg(0), 12);
    host_link(&a.links[0], rw(a.links[0].field), a.links[0].stub);
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&a.links[0]);
    assert_int_equal(*reg(0), 13);
}

static void entries_are_redirected(void **state)
{
    struct built a, b;

    (void)state;
    adder(&a, 0x1000, 1, 0x2000);
    adder(&b, 0x1000, 100, 0x3000);
    host_redirect(rw(a.entry), a.entry, b.entry);
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&b.links[0]);
    assert_int_equal(*reg(0), 100);
    host_redirect(rw(a.entry), a.entry, a.restart);
    s->env.pc = 0;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_LOOKUP);
    assert_int_equal(s->env.pc, 0x1000);
}

/* Both sides are links; the state is stored whichever is taken, also where an operand's home is overwritten. */
static void branches_leave_by_two_links(void **state)
{
    static const uint64_t wide = 0x123456789abcdef0;
    struct built a, b;
    struct ir ir;
    ir_ref x, y;

    (void)state;
    begin(&ir, 0x1000);
    x = ir_read_slot(&ir, 0);
    y = ir_read_slot(&ir, 1);
    ir_write_slot(&ir, 0, y);
    ir_write_slot(&ir, 1, x);
    ir_write_slot(&ir, 2, ir_i64(&ir, 0));
    ir_goto_if(&ir, IR_LTU, x, y, 0x1ff0, 0x7000);
    finish(&ir, &a, 0x1000, NULL, NULL);
    assert_int_equal(a.u.nlinks, 2);
    for (unsigned less = 0; less < 2; less++) {
        *reg(0) = 10 - less, *reg(1) = 10, *reg(2) = 3;
        assert_int_equal(enter(&a, a.entry), (uintptr_t)&a.links[!less == (a.links[0].pc == 0x1ff0)]);
        assert_int_equal(s->env.pc, less ? 0x1ff0 : 0x7000);
        assert_int_equal(s->env.pc_page, !mode.system ? 0x1000 : less ? 0x1000 : 0x7000);
        assert_int_equal(*reg(0), 10);
        assert_int_equal(*reg(1), 10 - less);
        assert_int_equal(*reg(2), 0);
    }
    adder(&b, 0x1ff0, 100, 0x9000);
    for (unsigned k = 0; k < 2; k++)
        if (a.links[k].pc == 0x1ff0)
            host_link(&a.links[k], rw(a.links[k].field), b.entry);
    *reg(0) = 1, *reg(1) = 2;
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&b.links[0]);
    assert_int_equal(*reg(0), 102);
    *reg(0) = 2, *reg(1) = 1;
    enter(&a, a.entry);
    assert_int_equal(s->env.pc, 0x7000);
    begin(&ir, 0x1000);                                    /* a constant that no instruction holds; both sides elsewhere */
    ir_goto_if(&ir, IR_EQ, ir_read_slot(&ir, 0), ir_i64(&ir, wide), 0x5000, 0xffffffff80001000);
    finish(&ir, &a, 0x1000, NULL, NULL);
    for (unsigned equal = 0; equal < 2; equal++) {
        *reg(0) = wide + !equal;
        enter(&a, a.entry);
        assert_true(s->env.pc == (equal ? 0x5000 : 0xffffffff80001000));
        assert_true(s->env.pc_page == (!mode.system ? 0x1000 : equal ? 0x5000 : 0xffffffff80001000));
    }
}

static void a_counter_runs_out(void **state)
{
    static int32_t counter;
    struct built a;
    struct ir ir;

    (void)state;
    counter = 2;
    begin(&ir, 0x1000);
    ir_goto_pc(&ir, 0x2000, IR_JUMP_PLAIN, 0);
    finish(&ir, &a, 0x1000, &counter, NULL);
    for (unsigned k = 0; k < 2; k++)
        assert_int_equal(enter(&a, a.entry), (uintptr_t)&a.links[0]);
    assert_int_equal(enter(&a, a.entry), RT_EXIT_HOT);
    assert_int_equal(s->env.pc, 0x1000);
}

static void calls_return_to_their_landing(void **state)
{
    struct built a, b, c;
    struct ir ir;
    uint32_t top;

    (void)state;
    begin(&ir, 0x1000);                                    /* calls 0x2000 */
    ir_write_slot(&ir, 1, ir_i64(&ir, 0x1004));
    ir_goto_pc(&ir, 0x2000, IR_JUMP_CALL, 0x1004);
    finish(&ir, &a, 0x1000, NULL, NULL);
    begin(&ir, 0x2000);                                    /* returns to register 1 */
    ir_goto_ind(&ir, ir_read_slot(&ir, 1), IR_JUMP_RET, 0);
    finish(&ir, &b, 0x2000, NULL, NULL);
    adder(&c, 0x1004, 5, 0x9000);
    assert_int_equal(a.u.nlinks, 2);
    host_link(&a.links[0], rw(a.links[0].field), b.entry);
    for (unsigned k = 0; k < 3u << RT_RET_BITS; k++) {
        top = s->view.ret_top;
        assert_int_equal(enter(&a, a.entry), (uintptr_t)&a.links[1]);
        assert_int_equal(s->env.pc, 0x1004);
        assert_int_equal(s->view.ret_top, top);
    }
    host_link(&a.links[1], rw(a.links[1].field), c.entry);
    *reg(0) = 0;
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&c.links[0]);
    assert_int_equal(*reg(0), 5);
    *reg(1) = 0x7777;                                      /* elsewhere than the stack says: looked up, in vain */
    assert_int_equal(enter(&b, b.entry), RT_EXIT_LOOKUP);
    assert_int_equal(s->env.pc, 0x7777);
}

static void indirect_jumps_look_up(void **state)
{
    struct rt_jump_entry *j;
    struct built a, b;
    struct ir ir;

    (void)state;
    begin(&ir, 0x1000);
    ir_write_slot(&ir, 3, ir_i64(&ir, 9));
    ir_goto_ind(&ir, ir_read_slot(&ir, 2), IR_JUMP_PLAIN, 0);
    finish(&ir, &a, 0x1000, NULL, NULL);
    adder(&b, 0x4568, 7, 0x9000);
    *reg(2) = 0x4568;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_LOOKUP);
    assert_int_equal(s->env.pc, 0x4568);
    assert_int_equal(*reg(3), 9);
    j = &s->view.jump[rt_jump_index(0x4568)];
    *j = (struct rt_jump_entry){ 0x4568, b.entry };
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&b.links[0]);
    assert_int_equal(*reg(0), 7);
    *reg(2) = 0x4568 + (4u << 2 * RT_JUMP_BITS);           /* same place, another address */
    assert_int_equal(rt_jump_index(*reg(2)), rt_jump_index(0x4568));
    assert_int_equal(enter(&a, a.entry), RT_EXIT_LOOKUP);
}

/* Entries of another mode are not taken; after a change of mode the view says which mode. */
static void indirect_jumps_keep_to_a_mode(void **state)
{
    const uint64_t mine = UINT64_C(5) << 57;
    struct built a, b;
    struct ir ir;

    (void)state;
    adder(&b, 0x4568, 7, 0x9000);
    s->view.jump[rt_jump_index(0x4568)] = (struct rt_jump_entry){ 0x4568 ^ mine, b.entry };
    *reg(2) = 0x4568;
    begin(&ir, 0x1000);
    ir_goto_ind(&ir, ir_read_slot(&ir, 2), IR_JUMP_PLAIN, 0);
    finish(&ir, &a, 0x1000, NULL, NULL);
    assert_int_equal(enter(&a, a.entry), RT_EXIT_LOOKUP);
    begin(&ir, 0x1000);
    ir_goto_ind(&ir, ir_read_slot(&ir, 2), IR_JUMP_PLAIN, 0);
    salt = mine;
    finish(&ir, &a, 0x1000, NULL, NULL);
    salt = 0;
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&b.links[0]);
    begin(&ir, 0x1000);
    ir_goto_ind(&ir, ir_read_slot(&ir, 2), IR_JUMP_MODE, 0);
    finish(&ir, &a, 0x1000, NULL, NULL);
    s->view.salt = 0;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_LOOKUP);
    s->view.salt = mine;
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&b.links[0]);
}

static void pages_are_checked(void **state)
{
    static const uint8_t page[4096] __attribute__((aligned(4096)));
    struct host_page where = { 0xffffffff80123000, page };
    struct rt_itlb_entry *i = &s->view.itlb[where.va >> RT_PAGE_BITS & ((1 << RT_ITLB_BITS) - 1)];
    struct built a;
    struct ir ir;

    (void)state;
    begin(&ir, 0xffffffff80123450);
    ir_goto_pc(&ir, 0xffffffff80124000, IR_JUMP_PLAIN, 0);
    finish(&ir, &a, 0xffffffff80123450, NULL, &where);
    assert_int_equal(enter(&a, a.checked), RT_EXIT_LOOKUP);
    assert_true(s->env.pc == 0xffffffff80123450);
    *i = (struct rt_itlb_entry){ where.va, (uintptr_t)page };
    assert_int_equal(enter(&a, a.checked), (uintptr_t)&a.links[0]);
    assert_true(s->env.pc == 0xffffffff80124000);
    assert_true(s->env.pc_page == 0xffffffff80124000);
    i->host += 4096;
    assert_int_equal(enter(&a, a.checked), RT_EXIT_LOOKUP);
    assert_int_equal(enter(&a, a.entry), (uintptr_t)&a.links[0]);
}

/* One translation, run where its page is mapped now. */
static void code_runs_at_another_address(void **state)
{
    static const uint8_t page[4096] __attribute__((aligned(4096)));
    struct host_page where = { 0x10000, page };
    uint64_t other = 0xffffffff80123000;
    struct rt_itlb_entry *i = &s->view.itlb[other >> RT_PAGE_BITS & ((1 << RT_ITLB_BITS) - 1)];
    struct built a, b;
    struct ir ir;

    (void)state;
    begin(&ir, 0x10450);
    ir_goto_pc(&ir, 0x12002, IR_JUMP_CALL, 0x10454);
    finish(&ir, &a, 0x10450, NULL, &where);
    begin(&ir, 0x20000);
    ir_goto_ind(&ir, ir_read_slot(&ir, 0), IR_JUMP_RET, 0);
    finish(&ir, &b, 0x20000, NULL, NULL);
    *i = (struct rt_itlb_entry){ other, (uintptr_t)page };
    s->env.pc_page = other;
    assert_int_equal(host_enter(&s->env, a.checked), (uintptr_t)&a.links[0]);
    assert_true(s->env.pc == other + 0x2002);
    *reg(0) = other + 0x454;                               /* back to where the call was made, now */
    s->env.pc_page = 0x20000;
    assert_int_equal(host_enter(&s->env, b.entry), (uintptr_t)&a.links[1]);
    assert_true(s->env.pc == other + 0x454);
    assert_true(s->env.pc_page == other);
    assert_int_equal(host_enter(&s->env, a.restart), RT_EXIT_LOOKUP);
    assert_true(s->env.pc == other + 0x450);
}

static void polls_and_budgets_leave_with_registers_home(void **state)
{
    struct built a;
    struct ir ir;

    (void)state;
    begin(&ir, 0x1000);
    ir.budget = NSLOTS;
    ir_write_slot(&ir, 0, ir_read_slot(&ir, 1));           /* the two change places, and a third follows */
    ir_write_slot(&ir, 1, ir_read_slot(&ir, 2));
    ir_write_slot(&ir, 2, ir_bini(&ir, IR_OP_add, ir_read_slot(&ir, 0), 1));
    ir_guest_insn(&ir, 0x1004, 4);
    ir_poll(&ir);
    ir_guest_insn(&ir, 0x1008, 4);
    ir_write_slot(&ir, 3, ir_i64(&ir, 0x123456789abcdef0));
    ir_icount(&ir, 5);
    ir_leave(&ir, RT_EXIT_SYSCALL);
    finish(&ir, &a, 0x1000, NULL, NULL);
    *reg(1) = 11, *reg(2) = 22;
    s->env.exit_request = 1;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_POLL);
    assert_int_equal(s->env.pc, 0x1004);
    assert_int_equal(*reg(0), 11);
    assert_int_equal(*reg(1), 22);
    assert_int_equal(*reg(2), 12);
    s->env.exit_request = 0;
    s->env.icount_left = 6;                                /* two are gone at the check */
    assert_int_equal(enter(&a, a.entry), RT_EXIT_ICOUNT);
    assert_int_equal(s->env.icount_left, 4);
    assert_int_equal(s->env.pc, 0x1008);
    s->env.icount_left = 7;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_SYSCALL);
    assert_int_equal(s->env.icount_left, 5);
    assert_true(*reg(3) == 0x123456789abcdef0);
}

static void helpers_get_every_kind_of_argument(void **state)
{
    ir_ref args[6], keep[NI];
    struct built a;
    struct ir ir;
    uint64_t want;

    (void)state;
    begin(&ir, 0x1000);
    for (unsigned k = 4; k < NI; k++)                      /* all of these live across the calls */
        keep[k] = ir_bini(&ir, IR_OP_add, ir_read_slot(&ir, k), 1);
    args[0] = ir_read_slot(&ir, 0);
    args[1] = ir_i32(&ir, 3);
    args[2] = ir_read_slot(&ir, F0);
    args[3] = ir_read_slot(&ir, V0);
    args[4] = ir_f32bits(&ir, 0x40000000);
    args[5] = ir_i64(&ir, 1u << 20);
    ir_write_slot(&ir, 1, ir_call(&ir, 0, 6, args));
    args[0] = args[2];
    ir_write_slot(&ir, F0 + 1, ir_call(&ir, 1, 1, args));
    ir_write_slot(&ir, V0 + 1, args[3]);
    for (unsigned k = 4; k < NI; k++)
        ir_write_slot(&ir, k, keep[k]);
    ir_leave(&ir, RT_EXIT_HALT);
    finish(&ir, &a, 0x1000, NULL, NULL);
    for (unsigned k = 0; k < NI; k++)
        *reg(k) = 1000 * k;
    *reg(0) = 5;
    *(double *)(void *)s->home[F0] = 0.5;
    reg(V0)[0] = 7, reg(V0)[1] = 8;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_HALT);
    want = 5 + 30 + 50 + 7 + 8 + 2000 + (1u << 20);
    assert_int_equal(*reg(1), want);
    assert_true(*(double *)(void *)s->home[F0 + 1] == 0.25);
    assert_int_equal(reg(V0 + 1)[1], 8);
    for (unsigned k = 4; k < NI; k++)
        assert_int_equal(*reg(k), 1000 * k + 1);
}

static void helpers_may_end_the_unit(void **state)
{
    unsigned host = _mm_getcsr();
    ir_ref args[2];
    struct built a;
    struct ir ir;

    (void)state;
    begin(&ir, 0x1000);
    ir_write_slot(&ir, 2, ir_i64(&ir, 99));
    args[0] = ir_envaddr(&ir, 0);
    args[1] = ir_i64(&ir, 42);
    ir_guest_insn(&ir, 0x1abc, 4);
    ir_call(&ir, 2, 2, args);
    ir_leave(&ir, RT_EXIT_HALT);
    finish(&ir, &a, 0x1000, NULL, NULL);
    s->env.mxcsr = 0x7f80;
    assert_int_equal(enter(&a, a.entry), RT_EXIT_RAISED);
    assert_int_equal(*reg(1), 42);
    assert_int_equal(*reg(2), 99);
    assert_int_equal(s->env.pc, 0x1abc);
    assert_int_equal(s->env.mxcsr, 0x7f84);                /* the guest's mode and its division by zero */
    assert_int_equal(_mm_getcsr(), host);
}

/* However little room there is, what lies behind it stays as it was, and the answer is to try elsewhere. */
static void no_room_is_no_harm(void **state)
{
    static struct tcg_link links[2];
    uint8_t *at = code + used;
    struct ra_host host;
    struct host_unit u;
    struct ra ra;
    struct ir ir;
    int ret;

    (void)state;
    begin(&ir, 0x1000);
    for (unsigned k = 0; k < 8; k++)
        ir_write_slot(&ir, k, ir_bin(&ir, IR_OP_mul, ir_read_slot(&ir, k), ir_i64(&ir, 0x123456789abcdef + k)));
    ir_goto_pc(&ir, 0x2000, IR_JUMP_CALL, 0x1004);
    ir_finish(&ir);
    ra_init(&ra);
    host_select(&mode, &ir);
    host_describe(&mode, &host);
    assert_int_equal(ra_run(&ra, &ir, &host), 0);
    for (size_t room = 0;; room++) {
        memset(at, 0x5a, 4096);
        u = (struct host_unit){ .mode = &mode, .ir = &ir, .ra = &ra, .rw = at, .rx = at, .room = room, .pc = 0x1000, .links = links, .nlinks = 2 };
        ret = host_emit(&u);
        statemap_free(&u.map);
        for (size_t k = room; k < 4096; k++)
            assert_int_equal(at[k], 0x5a);
        if (ret == 0)
            break;
        assert_int_equal(ret, -ENOSPC);
    }
    ra_free(&ra);
    ir_free(&ir);
}

#define BOTH(f) cmocka_unit_test_setup(f, user), cmocka_unit_test_setup(f, system_mode)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        BOTH(links_are_patched_and_cut), BOTH(entries_are_redirected), BOTH(branches_leave_by_two_links), BOTH(a_counter_runs_out),
        BOTH(calls_return_to_their_landing),
        BOTH(indirect_jumps_look_up), BOTH(indirect_jumps_keep_to_a_mode), cmocka_unit_test_setup(pages_are_checked, system_mode),
        cmocka_unit_test_setup(code_runs_at_another_address, system_mode),
        BOTH(polls_and_budgets_leave_with_registers_home), BOTH(helpers_get_every_kind_of_argument), BOTH(helpers_may_end_the_unit), BOTH(no_room_is_no_harm),
    };

    code = mmap(NULL, ROOM, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    slots[NSLOTS] = (struct ir_slot){ "budget", offsetof(struct state, env.icount_left), IR_I64 };
    for (unsigned k = 0; k < NSLOTS; k++)
        slots[k] = (struct ir_slot){ "r", (uint32_t)(offsetof(struct state, home) + 16 * k), k < F0 ? IR_I64 : k < V0 ? IR_F64 : IR_V128 };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
