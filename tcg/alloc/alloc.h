/* tcg/alloc/alloc.h - register allocation: where each value is, at each instruction.
 *
 * Linear scan in one forward pass over the blocks, with next-use distances and second chances (internal.h says how).
 * A value that is the content of a guest register has that register's home for its place in memory where nobody can see
 * it there too early; others use the frame. A spilled value is stored once, where it is made.
 *
 * The host says what each instruction needs (struct ra_need); the allocator answers with locations and moves; the
 * host emits. Neither knows the other's insides. */
#ifndef TCG_ALLOC_ALLOC_H
#define TCG_ALLOC_ALLOC_H

#include "tcg/ir/ir.h"

enum ra_class { RA_CLASS_NONE, RA_CLASS_GPR, RA_CLASS_VEC };

enum ra_kind { RA_NONE, RA_GPR, RA_VEC, RA_HOME, RA_SPILL, RA_CONST };
struct ra_loc {
    uint8_t kind;                              /* enum ra_kind */
    uint8_t reg;                               /* hardware number, for RA_GPR and RA_VEC */
    uint16_t idx;                              /* RA_HOME: slot; RA_SPILL: byte offset / 8 in rt_frame.spill */
};                                             /* RA_CONST: the value is a const/vconst instruction, no register */

/* What an argument accepts. No argument but a fixed one is ever in a clobbered register, unless all of
 * its class are: then it is read before they are destroyed. Of the arguments that take
 * RA_REG_OR_MEM one at most comes in memory. */
enum ra_accept {
    RA_REG,                                    /* a register of its class */
    RA_REG_OR_MEM,                             /* a register, or its home or spill slot as a memory operand */
    RA_REG_OR_CONST,                           /* a register, or stays a constant (the host embeds it) */
    RA_ANY,                                    /* register, memory or constant */
    RA_FIXED,                                  /* exactly register `reg` */
    RA_FOLDED,                                 /* not needed as a value here: the host folded its instruction in, see
                                                  struct ra_need.extra */
};
struct ra_arg { uint8_t accept, cls, reg; };

struct ra_need {
    uint8_t dst_cls;                           /* RA_CLASS_NONE: no result or folded into its user */
    int8_t dst_fixed;                          /* -1 or a register */
    int8_t dst_same;                           /* -1, or the argument whose register the result takes (two-address
                                                  form): the allocator copies the argument when it lives on */
    bool dst_early;                            /* the result is written before all arguments are read, or before the last
                                                  point that may fault: shares no register with arguments (but the one of
                                                  dst_same) nor with snapshot values */
    uint8_t narg;
    struct ra_arg arg[8];                      /* calls: up to 6 */
    uint8_t nextra;                            /* further values read here: the leaves of folded instructions */
    ir_ref extra[6];
    struct ra_arg extra_arg[6];
    uint8_t ntmp_gpr, ntmp_vec;                /* scratch registers wanted, distinct from all operands, <= 2 each */
    uint32_t clobber_gpr, clobber_vec;         /* registers destroyed (calls; rax/rdx of a division...) */
    bool skip;                                 /* emits nothing and needs nothing (folded into its only user) */
    bool snap_any;                             /* snapshot values may be in registers here (trampoline saves them all);
                                                  false: they must be home, in the frame, or constants */
};

struct ra_host {
    uint32_t gpr_allocatable, vec_allocatable; /* masks of hardware numbers, preferred order in order[] */
    const uint8_t *gpr_order, *vec_order;      /* ended by 255 */
    uint32_t gpr_call_clobbered, vec_call_clobbered;
    /* decides how each instruction will be emitted; called once per instruction, after selection marked the folds */
    void (*need)(const void *host_ctx, const struct ir *ir, ir_ref r, struct ra_need *out);
    const void *host_ctx;
};

struct ra_move { struct ra_loc from, to; ir_ref val; uint8_t type; uint32_t next; };  /* in the order to be made;
                                                  from RA_CONST: materialise val; memory to memory through scratch */
struct ra_insn {
    struct ra_loc dst;                         /* a get whose result is RA_HOME stays where it is: nothing to emit */
    struct ra_loc arg[4];                      /* IR_VAR arguments: pool_loc[] at the same index as ir.pool */
    struct ra_loc extra[6];
    uint8_t tmp_gpr[2], tmp_vec[2];
    uint32_t moves;                            /* first ra_move to make before this instruction, 0 none; never at one
                                                  that the host skips */
    uint32_t snap_first, snap_n;               /* snap_loc[]: where each dirty slot is when this instruction runs */
};
/* A snapshot's computed pc (ir_snap.pc_val) has an entry too, with slot IR_SLOT_END. */
struct ra_snap_loc { uint16_t slot, how; struct ra_loc loc; ir_ref val; };  /* loc RA_HOME of the slot itself: nothing to store;
                                                  of another slot: read it before that slot is stored */

struct ra {
    struct ra_insn *insn; uint32_t insn_cap;   /* by ir_ref */
    struct ra_loc *pool_loc; uint32_t pool_cap;
    struct ra_move *moves; uint32_t nmoves, moves_cap;
    struct ra_snap_loc *snap_loc; uint32_t nsnap_loc, snap_loc_cap;
    ir_block_ref *order; uint32_t norder;      /* emission order; cold blocks last; edges that need moves got blocks */
    uint32_t spill_bytes;
    uint32_t vec_used;                         /* vector registers that occur */
    void *priv;
};

/**
 * ra_run - allocate a whole unit. May add blocks (split critical edges) to the IR.
 * Returns 0, or -E2BIG when the unit needs more spill space than the frame has: compile it in smaller pieces.
 */
int ra_run(struct ra *ra, struct ir *ir, const struct ra_host *host);
void ra_init(struct ra *ra);
void ra_free(struct ra *ra);
/* debug: NULL or a sentence; simulates the locations along every path against the IR */
const char *ra_verify(const struct ra *ra, const struct ir *ir, const struct ra_host *host);
void ra_print(const struct ra *ra, const struct ir *ir, FILE *to);

#endif
