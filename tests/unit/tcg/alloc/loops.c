/* What must come out well: loops without moves, stores off the hot path, memory operands; and what must be noticed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcg/alloc/alloc.h"
#include "tcg/ir/ir.h"

enum { NSLOTS = 16, NVEC = 4 };
static struct ir_slot slots[NSLOTS + NVEC];
static void nothing(void) { }
static const struct ir_helper faults = { .name = "faults", .fn = nothing, .ret = IR_I64, .nargs = 1, .arg = { IR_I64 },
                                         .flags = IR_H_FAULT | IR_H_READ_ALL };
static const struct ir_helper *const helpers[] = { &faults };

static unsigned class_of(enum ir_type t)
{
    return t == IR_VOID ? RA_CLASS_NONE : t == IR_I32 || t == IR_I64 ? RA_CLASS_GPR : RA_CLASS_VEC;
}

/* Two-address arithmetic with a memory operand; calls take 7, return in 0 and keep 3, 12, 13, 15. */
static void need(const void *ctx, const struct ir *ir, ir_ref r, struct ra_need *n)
{
    const struct ir_insn *i = ir_at(ir, r);

    (void)ctx;
    n->snap_any = i->op != IR_OP_call;
    n->narg = i->nargs;
    for (unsigned k = 0; k < i->nargs; k++)
        n->arg[k] = (struct ra_arg){ .accept = RA_REG, .cls = (uint8_t)class_of(ir_type_of(ir, ir_args(ir, i)[k])) };
    if (ir_ops[i->op].result)
        n->dst_cls = (uint8_t)class_of(i->type);
    if (i->op == IR_OP_call) {
        n->arg[0] = (struct ra_arg){ .accept = RA_FIXED, .cls = RA_CLASS_GPR, .reg = 7 };
        n->dst_fixed = 0;
        n->clobber_gpr = 0xfc7;
        n->clobber_vec = 0xffff;
    } else if (i->nargs == 2) {
        n->dst_same = n->dst_cls ? 0 : -1;
        n->arg[1].accept = ir_is_const(ir, i->arg[1]) ? RA_REG_OR_CONST : i->op == IR_OP_st ? RA_REG : RA_REG_OR_MEM;
    }
}

static const uint8_t gpr_order[] = { 0, 1, 2, 6, 7, 8, 9, 10, 3, 12, 13, 15, 255 }, vec_order[] = { 0, 1, 2, 3, 255 };
static const struct ra_host host = {
    .gpr_allocatable = 0xb7c7, .vec_allocatable = 0xf, .gpr_order = gpr_order, .vec_order = vec_order, .need = need,
};

struct bench { struct ir ir; struct ra ra; };

static int setup(void **state)
{
    static char names[NSLOTS + NVEC][4];
    struct bench *b = calloc(1, sizeof *b);

    for (unsigned s = 0; s < NSLOTS + NVEC; s++) {
        snprintf(names[s], sizeof names[s], "r%u", s);
        slots[s] = (struct ir_slot){ names[s], 64 + 32 * s, s < NSLOTS ? IR_I64 : IR_V256 };
    }
    ir_init(&b->ir, slots, NSLOTS + NVEC, helpers, 1);
    ra_init(&b->ra);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    ra_free(&b->ra);
    ir_free(&b->ir);
    free(b);
    return 0;
}

static void allocate(struct bench *b)
{
    const char *bad;

    ir_finish(&b->ir);
    assert_null(ir_verify(&b->ir));
    assert_int_equal(ra_run(&b->ra, &b->ir, &host), 0);
    bad = ra_verify(&b->ra, &b->ir, &host);
    if (bad)
        fail_msg("%s", bad);
}

static unsigned moves_in(const struct bench *b, ir_block_ref blk)
{
    unsigned n = 0;

    for (ir_ref r = b->ir.blocks[blk].first; r; r = ir_at(&b->ir, r)->next)
        for (uint32_t m = b->ra.insn[r].moves; m; m = b->ra.moves[m].next)
            n++;
    return n;
}

static void advance(struct ir *ir, unsigned reg, int64_t by)
{
    ir_write_slot(ir, reg, ir_bini(ir, IR_OP_add, ir_read_slot(ir, reg), (uint64_t)by));
}

static void a_loop_that_fits_has_no_moves(void **state)
{
    struct bench *b = *state;
    struct ir *ir = &b->ir;
    ir_block_ref loop = ir_block_new(ir, 0x1000), out = ir_block_new(ir, 0x1010);

    ir_write_slot(ir, 2, ir_i64(ir, 0));
    ir_br(ir, loop);
    ir_enter(ir, loop);
    ir_guest_insn(ir, 0x1000, 4);
    ir_poll(ir);
    ir_write_slot(ir, 5, ir_ld(ir, IR_I64, IR_M64, ir_read_slot(ir, 0), 0));
    advance(ir, 0, 8);
    ir_write_slot(ir, 2, ir_bin(ir, IR_OP_xor, ir_read_slot(ir, 2), ir_read_slot(ir, 5)));
    ir_brcc(ir, IR_NE, ir_read_slot(ir, 0), ir_read_slot(ir, 1), loop, out, 0);
    ir_enter(ir, out);
    ir_goto_pc(ir, 0x1010, IR_JUMP_PLAIN, 0);
    allocate(b);
    assert_int_equal(moves_in(b, loop), 0);
    assert_int_equal(ir->nblocks, 3);          /* nothing on the way back either */
}

static void a_call_on_a_cold_path_costs_the_loop_nothing(void **state)
{
    struct bench *b = *state;
    struct ir *ir = &b->ir;
    ir_block_ref loop = ir_block_new(ir, 0x1000), cold = ir_block_new(ir, 0x1100), back = ir_block_new(ir, 0x1200),
                 out = ir_block_new(ir, 0x1300);
    ir_ref arg;

    ir_br(ir, loop);
    ir_enter(ir, loop);
    ir_guest_insn(ir, 0x1000, 4);
    ir_poll(ir);
    for (unsigned k = 0; k < 8; k++)
        ir_write_slot(ir, k, ir_bin(ir, IR_OP_add, ir_read_slot(ir, k), ir_read_slot(ir, (k + 3) % 8)));
    ir_brcc(ir, IR_EQ, ir_read_slot(ir, 5), ir_read_slot(ir, 4), cold, back, 1);
    ir_enter(ir, cold);
    ir->blocks[cold].cold = true;
    ir_guest_insn(ir, 0x1100, 4);
    arg = ir_read_slot(ir, 1);
    ir_write_slot(ir, 1, ir_call(ir, 0, 1, &arg));
    ir_br(ir, back);
    ir_enter(ir, back);
    ir_guest_insn(ir, 0x1200, 4);
    ir_brcc(ir, IR_NE, ir_read_slot(ir, 0), ir_read_slot(ir, 1), loop, out, 0);
    ir_enter(ir, out);
    ir_goto_pc(ir, 0x1010, IR_JUMP_PLAIN, 0);
    allocate(b);
    assert_int_equal(moves_in(b, loop), 0);
    assert_int_equal(moves_in(b, back), 0);
}

/* Reads each of n guest registers, then uses the first to the last: more than there are registers. */
static void what_was_only_read_is_not_stored(void **state)
{
    struct bench *b = *state;
    struct ir *ir = &b->ir;
    ir_ref sum;

    ir_guest_insn(ir, 0x1000, 4);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned k = 0; k < 14; k++) {
            sum = ir_bin(ir, round ? IR_OP_add : IR_OP_xor, ir_read_slot(ir, k), ir_read_slot(ir, (k + 1) % 14));
            ir_st(ir, IR_M64, sum, 0, sum);
        }
    ir_goto_pc(ir, 0x1010, IR_JUMP_PLAIN, 0);
    allocate(b);
    for (uint32_t m = 1; m < b->ra.nmoves; m++)
        assert_true(b->ra.moves[m].to.kind == RA_GPR);
    assert_int_equal(b->ra.spill_bytes, 0);
}

static void vectors_are_aligned_in_the_frame(void **state)
{
    struct bench *b = *state;
    struct ir *ir = &b->ir;
    ir_ref v[8];
    unsigned spilled = 0;

    for (unsigned k = 0; k < 8; k++)
        v[k] = ir_bin(ir, IR_OP_vadd, ir_read_slot(ir, NSLOTS + k % NVEC), ir_read_slot(ir, NSLOTS + k / NVEC));
    for (unsigned k = 1; k < 8; k++)
        v[0] = ir_bin(ir, IR_OP_vxor, v[k], v[0]);
    ir_write_slot(ir, NSLOTS, v[0]);
    ir_goto_pc(ir, 0x1010, IR_JUMP_PLAIN, 0);
    allocate(b);
    for (uint32_t m = 1; m < b->ra.nmoves; m++)
        if (b->ra.moves[m].to.kind == RA_SPILL) {
            assert_int_equal(b->ra.moves[m].to.idx % 4, 0);
            spilled++;
        }
    assert_true(spilled > 0);
}

static void too_much_for_the_frame_is_refused(void **state)
{
    struct bench *b = *state;
    struct ir *ir = &b->ir;
    enum { MANY = 1000 };
    static ir_ref v[MANY];

    for (unsigned k = 0; k < MANY; k++)
        v[k] = ir_ld(ir, IR_I64, IR_M64, ir_read_slot(ir, 0), 8 * (int64_t)k);
    for (unsigned k = 1; k < MANY; k++)
        v[0] = ir_bin(ir, IR_OP_xor, v[0], v[k]);
    ir_write_slot(ir, 1, v[0]);
    ir_goto_pc(ir, 0x1010, IR_JUMP_PLAIN, 0);
    ir_finish(ir);
    assert_int_equal(ra_run(&b->ra, ir, &host), -E2BIG);
}

static void a_wrong_place_is_noticed(void **state)
{
    struct bench *b = *state;
    struct ir *ir = &b->ir;
    ir_ref sum;

    ir_guest_insn(ir, 0x1000, 4);
    sum = ir_bin(ir, IR_OP_add, ir_read_slot(ir, 0), ir_read_slot(ir, 1));
    ir_write_slot(ir, 2, sum);
    ir_st(ir, IR_M64, ir_read_slot(ir, 3), 0, sum);
    ir_goto_pc(ir, 0x1010, IR_JUMP_PLAIN, 0);
    allocate(b);
    for (ir_ref r = ir->blocks[0].first; r; r = ir_at(ir, r)->next) {
        struct ra_insn *a = &b->ra.insn[r], was = *a;

        if (a->dst.kind == RA_GPR) {           /* the result elsewhere */
            a->dst.reg = 15;
            assert_non_null(ra_verify(&b->ra, ir, &host));
            *a = was;
        }
        if (ir_at(ir, r)->op == IR_OP_st) {    /* an argument elsewhere; a snapshot that says so */
            a->arg[1].reg = 15;
            assert_non_null(ra_verify(&b->ra, ir, &host));
            *a = was;
            b->ra.snap_loc[a->snap_first].loc.reg ^= 8;
            assert_non_null(ra_verify(&b->ra, ir, &host));
            b->ra.snap_loc[a->snap_first].loc.reg ^= 8;
        }
    }
    assert_null(ra_verify(&b->ra, ir, &host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_loop_that_fits_has_no_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_on_a_cold_path_costs_the_loop_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_only_read_is_not_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(vectors_are_aligned_in_the_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(too_much_for_the_frame_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_place_is_noticed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
