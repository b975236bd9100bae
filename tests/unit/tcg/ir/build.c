/* tests/unit/tcg/ir/build.c - the builder: slots become SSA values, snapshots name what is dirty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcg/ir/ir.h"

enum { A, B, C, D, NSLOTS = 70 };              /* more than one word of the masks; the last is a float */
static struct ir_slot slots[NSLOTS];

static void nothing(void) { }
static const uint16_t writes_b[] = { B, IR_SLOT_END }, reads_a[] = { A, IR_SLOT_END };
static const struct ir_helper plain = { .name = "plain", .fn = nothing, .ret = IR_VOID, .reads = reads_a, .writes = writes_b };
static const struct ir_helper faults = { .name = "faults", .fn = nothing, .ret = IR_VOID, .flags = IR_H_FAULT };
static const struct ir_helper *const helpers[] = { &plain, &faults };

static int setup(void **state)
{
    static char names[NSLOTS][4];
    struct ir *ir = calloc(1, sizeof(*ir));

    for (unsigned s = 0; s < NSLOTS; s++) {
        snprintf(names[s], sizeof(names[s]), "r%u", s);
        slots[s] = (struct ir_slot){ names[s], 64 + 8 * s, s == NSLOTS - 1 ? IR_F64 : IR_I64 };
    }
    ir_init(ir, slots, NSLOTS, helpers, 2);
    *state = ir;
    return 0;
}

static int teardown(void **state)
{
    ir_free(*state);
    free(*state);
    return 0;
}

/* the text of a unit, for comparison and for the person who reads a failure */
static void expect(struct ir *ir, const char *want)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    ir_finish(ir);
    ir_print(ir, f);
    fclose(f);
    assert_string_equal(text, want);
    free(text);
}

static void a_register_is_loaded_once_and_stored_never(void **state)
{
    struct ir *ir = *state;

    ir_guest_insn(ir, 0x1000, 4);
    ir_write_slot(ir, B, ir_bin(ir, IR_OP_add, ir_read_slot(ir, A), ir_read_slot(ir, A)));
    ir_guest_insn(ir, 0x1004, 4);
    ir_write_slot(ir, C, ir_ld(ir, IR_I64, IR_M64, ir_bini(ir, IR_OP_add, ir_read_slot(ir, B), 16), 8));
    ir_goto_pc(ir, 0x1008, IR_JUMP_PLAIN, 0);
    expect(ir, "b0:\n"
               " insn 0x1000, 4\n"
               "    v2 = get.i64 r0\n"
               "    v3 = add.i64 v2, v2\n"
               " insn 0x1004, 4\n"
               "    v5 = const.i64 0x10\n"
               "    v6 = add.i64 v3, v5\n"
               "    v7 = ld.i64 u64 v3, 24 @0x1004{r1=v3}\n"
               "    goto_pc plain 0x1008 @0x1004{r1=v3, r2=v7}\n");
}

static void snapshots_share_their_entries(void **state)
{
    struct ir *ir = *state;
    uint32_t first, second;

    ir_guest_insn(ir, 0x1000, 4);
    ir_write_slot(ir, A, ir_i64(ir, 5));
    first = ir_snapshot(ir);
    assert_int_equal(ir_snapshot(ir), first);
    ir_guest_insn(ir, 0x1004, 4);
    second = ir_snapshot(ir);
    assert_int_not_equal(second, first);
    assert_int_equal(ir->snaps[second].first, ir->snaps[first].first);
    assert_int_equal(ir->snaps[second].n, 1);
}

static void a_helper_finds_homes_right(void **state)
{
    struct ir *ir = *state;

    ir_guest_insn(ir, 0x1000, 4);
    ir_write_slot(ir, A, ir_i64(ir, 1));
    ir_write_slot(ir, B, ir_i64(ir, 2));
    ir_write_slot(ir, C, ir_i64(ir, 3));
    ir_call(ir, 0, 0, NULL);                   /* reads A, writes B: A is synced, B too since it may be left alone */
    ir_write_slot(ir, D, ir_read_slot(ir, B));
    ir_goto_pc(ir, 0x1004, IR_JUMP_PLAIN, 0);
    expect(ir, "b0:\n"
               " insn 0x1000, 4\n"
               "    v2 = const.i64 0x1\n"
               "    v3 = const.i64 0x2\n"
               "    v4 = const.i64 0x3\n"
               "    set.i64 r0, v2\n"
               "    set.i64 r1, v3\n"
               "    call plain\n"
               "    v8 = get.i64 r1\n"
               "    goto_pc plain 0x1004 @0x1000{r2=v4, r3=v8}\n");
}

/* A loop with one register that changes: one phi. The snapshot at the head names it, and only it. */
static void loop(struct ir *ir, bool seal_late)
{
    ir_block_ref head, exit;

    ir_guest_insn(ir, 0x1000, 4);
    head = ir_block_new(ir, 0x1004);
    exit = ir_block_new(ir, 0x1008);
    ir_br(ir, head);
    ir_enter(ir, head);
    ir_guest_insn(ir, 0x1004, 4);
    ir_poll(ir);
    ir_st(ir, IR_M64, ir_read_slot(ir, B), 0, ir_read_slot(ir, C));
    ir_write_slot(ir, A, ir_bini(ir, IR_OP_add, ir_read_slot(ir, A), 1));
    ir_brcc(ir, IR_LT, ir_read_slot(ir, A), ir_read_slot(ir, B), head, exit, 0);
    if (!seal_late) {
        ir_seal(ir, head);
        ir_seal(ir, exit);
    }
    ir_enter(ir, exit);
    ir_guest_insn(ir, 0x1008, 4);
    ir_goto_pc(ir, 0x100c, IR_JUMP_PLAIN, 0);
}

static void check_loop(struct ir *ir)
{
    const struct ir_snap *s;
    unsigned phis = 0;

    ir_finish(ir);
    assert_null(ir->error);
    for (ir_ref r = 1; r < ir->ninsns; r++) {
        const struct ir_insn *i = ir_at(ir, r);
        if (i->op == IR_OP_phi)
            phis++;
        if (i->op == IR_OP_poll || i->op == IR_OP_st || i->op == IR_OP_goto_pc) {
            s = &ir->snaps[i->snap];
            assert_int_equal(s->n, 1);
            assert_int_equal(ir->snap_pool[s->first].slot, A);
            assert_int_equal(ir_at(ir, ir->snap_pool[s->first].val)->op,
                             i->op == IR_OP_goto_pc ? IR_OP_add : IR_OP_phi);
        }
    }
    assert_int_equal(phis, 1);
}

static void a_loop_keeps_one_phi_sealed_early(void **state)
{
    loop(*state, false);
    check_loop(*state);
}

static void a_loop_keeps_one_phi_sealed_late(void **state)
{
    loop(*state, true);
    check_loop(*state);
}

/* A helper in a loop: only the register that changes there is stored before it. */
static void a_call_in_a_loop_stores_what_is_dirty(void **state)
{
    struct ir *ir = *state;
    ir_block_ref head = ir_block_new(ir, 0x1004);
    unsigned sets = 0;

    ir_br(ir, head);
    ir_enter(ir, head);
    ir_guest_insn(ir, 0x1004, 4);
    ir_call(ir, 1, 0, NULL);
    ir_write_slot(ir, A, ir_bini(ir, IR_OP_add, ir_read_slot(ir, A), 1));
    ir_br(ir, head);
    ir_finish(ir);
    assert_null(ir->error);
    for (ir_ref r = 1; r < ir->ninsns; r++)
        if (ir_at(ir, r)->op == IR_OP_set) {
            sets++;
            assert_int_equal(ir_at(ir, r)->imm, A);
        }
    assert_int_equal(sets, 1);
}

static void a_merge_is_dirty_when_one_side_is(void **state)
{
    struct ir *ir = *state;
    ir_block_ref yes = ir_block_new(ir, 0), join = ir_block_new(ir, 0);
    const struct ir_snap *s;

    ir_brcc(ir, IR_EQ, ir_read_slot(ir, A), ir_i64(ir, 7), yes, join, 0);
    ir_seal(ir, yes);
    ir_enter(ir, yes);
    ir_write_slot(ir, B, ir_i64(ir, 1));
    ir_br(ir, join);
    ir_seal(ir, join);
    ir_enter(ir, join);
    s = &ir->snaps[ir_snapshot(ir)];
    assert_int_equal(s->n, 1);
    assert_int_equal(ir->snap_pool[s->first].slot, B);
    assert_int_equal(ir_at(ir, ir->snap_pool[s->first].val)->op, IR_OP_phi);
    ir_leave(ir, 0);
    ir_finish(ir);
    assert_null(ir->error);
}

static void a_wrong_type_is_an_error(void **state)
{
    struct ir *ir = *state;

    ir_write_slot(ir, A, ir_i32(ir, 5));
    assert_non_null(ir->error);
    ir_reset(ir);
    assert_null(ir->error);
    ir_write_slot(ir, NSLOTS - 1, ir_f32bits(ir, 0));
    assert_non_null(ir->error);
}

static void a_never_entered_loop_is_dropped(void **state)
{
    struct ir *ir = *state;
    ir_block_ref one = ir_block_new(ir, 0), two = ir_block_new(ir, 0);

    ir_leave(ir, 0);
    ir_enter(ir, one);
    ir_write_slot(ir, B, ir_read_slot(ir, A));
    ir_br(ir, two);
    ir_enter(ir, two);
    ir_br(ir, one);
    ir_finish(ir);
    assert_null(ir->error);
    assert_int_equal(ir->blocks[one].first, IR_NONE);
}

/* The pc that a block's end computed is not the next block's. */
static void a_blocks_head_has_its_own_pc(void **state)
{
    struct ir *ir = *state;
    ir_block_ref next = ir_block_new(ir, 0x2000);
    uint32_t snap;

    ir_guest_insn(ir, 0x1000, 4);
    ir_brcc(ir, IR_EQ, ir_read_slot(ir, A), ir_i64(ir, 0), next, next, 0);
    ir_set_pc_val(ir, ir_i64(ir, 0x1004));
    ir_seal(ir, next);
    ir_enter(ir, next);
    ir_set_pc(ir, 0x2000);
    ir_poll(ir);
    snap = ir->insns[ir->blocks[next].last].snap;
    ir_leave(ir, 0);
    assert_int_equal(ir->snaps[snap].pc, 0x2000);
    assert_int_equal(ir->snaps[snap].pc_val, IR_NONE);
}

/* An instruction that leaves under a condition: what it computed is unknown where it is passed over. */
static void the_pc_of_an_exit_is_its_own(void **state)
{
    struct ir *ir = *state;
    ir_block_ref leaves = ir_block_new(ir, 0x1000), past = ir_block_new(ir, 0x1000);

    ir_guest_insn(ir, 0x1000, 4);
    ir_brcc(ir, IR_EQ, ir_read_slot(ir, A), ir_i64(ir, 0), leaves, past, 0);
    ir_seal(ir, leaves);
    ir_seal(ir, past);
    ir_enter(ir, leaves);
    ir_set_pc_val(ir, ir_bin(ir, IR_OP_add, ir_read_slot(ir, A), ir_read_slot(ir, B)));
    ir_leave(ir, 0);
    ir_enter(ir, past);
    ir_goto_pc(ir, 0x1004, IR_JUMP_PLAIN, 0);
    ir_finish(ir);
    assert_null(ir_verify(ir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(a_register_is_loaded_once_and_stored_never),
        T(snapshots_share_their_entries),
        T(a_helper_finds_homes_right),
        T(a_loop_keeps_one_phi_sealed_early),
        T(a_loop_keeps_one_phi_sealed_late),
        T(a_call_in_a_loop_stores_what_is_dirty),
        T(a_merge_is_dirty_when_one_side_is),
        T(a_wrong_type_is_an_error),
        T(a_never_entered_loop_is_dropped),
        T(a_blocks_head_has_its_own_pc),
        T(the_pc_of_an_exit_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
