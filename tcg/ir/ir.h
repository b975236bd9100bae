/* tcg/ir/ir.h - the intermediate representation: typed SSA values in basic blocks.
 *
 * One struct ir holds one unit of translation: a basic block (cold) or a region (hot, loops included). A value is the
 * index of the instruction that makes it. Guest registers are "slots" of the target (struct ir_slot): ir_read_slot()
 * and ir_write_slot() rename them while decoding, so a register that is written twice has one store at most and a
 * register that is only read has one load. What is left of a slot in memory is its home, at a fixed offset in the CPU
 * state.
 *
 * Precise state. An instruction that may fault or leave (property SNAP) refers to a snapshot: the guest pc, and for
 * each dirty slot (its current value is not what its home holds) the value. The allocator turns a snapshot into a
 * state map; at exits the back end stores the dirty slots. A slot that a snapshot does not name is right in its home.
 *
 * Everything lives in arenas of the context and is dropped at once by ir_reset(). One thread uses a struct ir at a
 * time; there are no globals. */
#ifndef TCG_IR_IR_H
#define TCG_IR_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* --- vocabulary ----------------------------------------------------------------------------------------------- */

enum ir_type { IR_VOID, IR_I32, IR_I64, IR_F32, IR_F64, IR_V128, IR_V256, IR_FLAGS, IR_NTYPES };

enum ir_op {
#define OP(name, nargs, result, props, help) IR_OP_##name,
#include "tcg/ir/ops.def"
#undef OP
    IR_NOPS
};

/* properties of operations, see ops.def */
enum ir_prop {
    IR_PURE = 1, IR_COMM = 2, IR_READ = 4, IR_WRITE = 8, IR_ENV = 16, IR_SNAP = 32, IR_TERM = 64, IR_FP = 128,
};

enum { IR_VAR = 255 };                         /* ir_op_info.nargs: arguments are in the pool */

struct ir_op_info {
    const char *name;
    uint8_t nargs;                             /* 0..4 or IR_VAR */
    bool result;                               /* makes a value of the instruction's type */
    uint16_t props;
    const char *help;
};
extern const struct ir_op_info ir_ops[IR_NOPS];

/* Integer conditions; the second eight negate the first. Also used on flags (ARM's meaning after flsub). */
enum ir_cond {
    IR_EQ, IR_LT, IR_LE, IR_LTU, IR_LEU, IR_TSTZ /* (a & b) == 0 */, IR_MI /* flags: N */, IR_VS /* flags: V */,
    IR_NE, IR_GE, IR_GT, IR_GEU, IR_GTU, IR_TSTNZ, IR_PL, IR_VC,
};
static inline enum ir_cond ir_cond_invert(enum ir_cond c) { return (enum ir_cond)(c ^ 8); }

/* Floating comparisons. LT, LE: a NaN is invalid (signalling compare); EQ, and the Q forms: quiet. UN: unordered. */
enum ir_fcond { IR_FEQ, IR_FLT, IR_FLE, IR_FUN, IR_FLTQ, IR_FLEQ, IR_FEQS /* equal, signalling */ };

/* aux of ld, st, amo, cas, ldenv, stenv */
enum ir_mem {
    IR_M8 = 0, IR_M16 = 1, IR_M32 = 2, IR_M64 = 3, IR_M128 = 4, IR_M256 = 5, IR_MSIZE = 7,
    IR_MSIGN = 8,                              /* sign-extend to the result's type, else zero-extend */
    IR_MALIGN = 16,                            /* a misaligned address faults */
    IR_MBE = 32,                               /* big-endian data */
    IR_MATOMIC = 64,                           /* single-copy atomic where it is aligned (16 bytes: cmpxchg16b) */
    IR_MMMU_SHIFT = 8, IR_MMMU = 0xf << 8,     /* 0: the current view; else another of the target's MMU modes: slow path */
};
static inline unsigned ir_mem_bytes(unsigned aux) { return 1u << (aux & IR_MSIZE); }

enum ir_amo { IR_AMO_SWAP, IR_AMO_ADD, IR_AMO_AND, IR_AMO_OR, IR_AMO_XOR, IR_AMO_SMIN, IR_AMO_SMAX, IR_AMO_UMIN,
              IR_AMO_UMAX, IR_AMO_ANDN };
enum ir_fence { IR_FENCE_COMPILER, IR_FENCE_FULL };   /* x86-64 order gives all but store-load */

/* aux of floating-point operations */
enum ir_fp {
    IR_FP_DYN = 0, IR_FP_RNE = 1, IR_FP_RTZ = 2, IR_FP_RDN = 3, IR_FP_RUP = 4, IR_FP_RMM = 5, IR_FP_ROUND = 7,
                                               /* DYN: as MXCSR says. RMM (ties away) goes to a helper */
    IR_FP_NAN_HOST = 0, IR_FP_NAN_CANON = 8, IR_FP_NAN_ARM = 16, IR_FP_NAN = 24,
                                               /* what a NaN result is: x86's; RISC-V's canonical; ARM's propagation */
    IR_FP_UNSIGNED = 32, IR_FP_INEXACT = 64,
    IR_FP_NEG_PROD = 128, IR_FP_NEG_ADD = 256,
    IR_FP_MINMAX_NUM = 512,                    /* fmin/fmax: a number beats a quiet NaN */
};

enum ir_jump { IR_JUMP_PLAIN = 0, IR_JUMP_CALL = 1, IR_JUMP_RET = 2, IR_JUMP_CALLRET = 3, IR_JUMP_MODE = 4, IR_NJUMPS };
                                               /* CALL pushes its return address (imm2) on the shadow stack, RET pops;
                                                * MODE (goto_ind only): the mode or the view may have changed */

typedef uint32_t ir_ref;                       /* instruction number; 0 is none */
typedef uint32_t ir_block_ref;                 /* block number; 0 is the entry block */
enum { IR_NONE = 0 };

/* A guest register as the target declares it: struct target.slots[]. */
struct ir_slot {
    const char *name;                          /* as the architecture's manual and gdb spell it */
    uint32_t offset;                           /* of its home, in bytes from the CPU state */
    uint8_t type;                              /* enum ir_type; IR_FLAGS homes are a packed uint32_t (flnzcv) */
};

/* A C function that generated code calls. Its C prototype takes the arguments in order (i32, i64, f32, f64 by value;
 * v128 by pointer), nothing else: pass envaddr when it needs the CPU state. */
struct ir_helper {
    const char *name;
    void *fn;
    uint8_t ret;                               /* enum ir_type */
    uint8_t nargs;
    uint8_t arg[6];                            /* enum ir_type */
    uint8_t flags;                             /* enum ir_helper_flags */
    const uint16_t *writes;                    /* slots it writes, ended by IR_SLOT_END; NULL none */
    const uint16_t *reads;                     /* slots whose homes must be right when it runs */
};
enum ir_helper_flags {
    IR_H_READ_ALL = 1,                         /* all slots must be home (any that may raise an exception sets this) */
    IR_H_WRITE_ALL = 2,                        /* any slot may have changed */
    IR_H_FAULT = 4,                            /* may raise a guest exception (rt_raise): all slots and pc are put home first */
    IR_H_PURE = 8,                             /* depends on its arguments only */
    IR_H_NORETURN = 16,
    IR_H_FP = 32,                              /* uses or changes the FP mode or sticky flags (MXCSR is left as it is) */
};
enum { IR_SLOT_END = 0xffff };

/* --- the structure -------------------------------------------------------------------------------------------- */

struct ir_insn {
    uint16_t op;
    uint8_t type;                              /* enum ir_type of the result; for st, set, brcc...: of the operands */
    uint8_t nargs;                             /* number in arg[], or in the pool when ir_ops[op].nargs == IR_VAR */
    uint16_t aux;
    uint16_t mark;                             /* scratch for passes and selection */
    ir_ref arg[4];                             /* IR_VAR: arg[0] is the first index in ir.pool */
    uint64_t imm;
    uint64_t imm2;                             /* goto_pc and goto_ind of a call: the guest return address */
    uint32_t snap;                             /* index in ir.snaps, 0 none */
    uint32_t uses;                             /* arguments and snapshots that name this value (ir_count_uses) */
    ir_block_ref block;
    ir_ref prev, next;                         /* order within the block */
};

struct ir_block {
    ir_ref first, last;
    ir_block_ref succ[2];
    uint8_t nsucc;
    bool sealed;                               /* all predecessors are known */
    bool cold;                                 /* rarely run: placed after the rest */
    bool loop_head;                            /* a back edge comes here */
    uint16_t loop_depth;
    uint32_t npred, pred_cap;
    ir_block_ref *pred;
    uint64_t guest_pc;                         /* where it starts, for listings */
    ir_ref *slot_val;                          /* current (at the end: final) value of each slot; private to build.c */
    void *priv;
};

/* How a slot's content follows from the value that a snapshot names: what a register would need only to be looked at is
 * not computed until then. CANON: a NaN becomes the canonical one first (back ends add it). */
enum ir_how { IR_HOW_SAME, IR_HOW_SEXT /* i64 from i32 */, IR_HOW_ZEXT, IR_HOW_BOX /* f64 from f32, see fbox */,
              IR_HOW_KIND = 3, IR_HOW_CANON = 4 };

struct ir_snap_entry { uint16_t slot; uint16_t how; ir_ref val; };
struct ir_snap {
    uint64_t pc;                               /* guest address to resume or report */
    ir_ref pc_val;                             /* when not IR_NONE the pc is this value instead */
    uint32_t first, n;                         /* entries in ir.snap_pool */
    uint32_t extra;                            /* target's own word (e.g. ARM IT state, instruction bits) */
    ir_block_ref block;
    uint64_t *known;                           /* private to the builder: slots complete so far, NULL: all */
};

struct ir {
    const struct ir_slot *slots;
    unsigned nslots;
    const struct ir_helper *const *helpers;    /* the target's list; call.imm indexes it */
    unsigned nhelpers;
    struct ir_insn *insns; uint32_t ninsns, insns_cap;      /* [0] unused */
    struct ir_block *blocks; uint32_t nblocks, blocks_cap;
    ir_ref *pool; uint32_t npool, pool_cap;
    struct ir_snap *snaps; uint32_t nsnaps, snaps_cap;      /* [0] unused */
    struct ir_snap_entry *snap_pool; uint32_t nsnap_pool, snap_pool_cap;
    uint8_t (*vconsts)[32]; uint32_t nvconsts, vconsts_cap;
    ir_block_ref cur;                          /* block being filled */
    uint64_t pc;                               /* guest pc for the snapshots to come */
    uint64_t origin;                           /* page of the unit's entry: where cpu_env.pc_page is, in the terms of all
                                                * the guest addresses in here (system mode) */
    ir_ref origin_val;                         /* what pc_page is at run time; IR_NONE: addresses are constants */
    ir_ref pc_val;
    uint32_t snap_extra;
    uint32_t guest_insns;                      /* ir_guest_insn() calls since ir_reset() */
    uint16_t budget;                           /* slot of what may still run, IR_SLOT_END: not counted; kept by ir_reset() */
    bool dirty_since_snap;                     /* a slot changed since the last snapshot */
    const char *error;                         /* first error; later calls do nothing */
    void *arena;                               /* per-block arrays; freed by ir_reset */
    void *build;                               /* private to build.c */
};

/**
 * ir_init / ir_free - set up and give back a context; ir_reset empties it and keeps its memory.
 * @slots, @helpers: the target's tables; they must outlive the context
 */
void ir_init(struct ir *ir, const struct ir_slot *slots, unsigned nslots,
             const struct ir_helper *const *helpers, unsigned nhelpers);
void ir_reset(struct ir *ir);
void ir_free(struct ir *ir);

/* Blocks. A context starts with block 0 as entry, current and sealed. ir_seal() says that no more predecessors will
 * come; reading a slot in an unsealed block makes a phi that sealing completes (Braun et al., "Simple and Efficient
 * Construction of Static Single Assignment Form", CC 2013). Trivial phis are removed. */
ir_block_ref ir_block_new(struct ir *ir, uint64_t guest_pc);
void ir_seal(struct ir *ir, ir_block_ref b);
void ir_enter(struct ir *ir, ir_block_ref b);             /* append to b from here on */

/* The unit is complete: seals what is not, completes the snapshots of blocks whose predecessors were not known when they
 * were filled, and drops phis that turned out trivial. tcg_optimise() calls it; a unit is not to be looked at before. */
void ir_finish(struct ir *ir);

/* Guest registers by name. ir_read_slot gives the current value (a get at first reading in the entry block);
 * ir_write_slot renames. ir_sync_slot emits a set for a dirty slot and marks it clean; ir_sync_all does all;
 * ir_forget_slot makes the next read load from home again (after a helper changed it). Calls do this themselves from
 * the helper's declaration; a helper whose slots depend on its arguments declares none, takes an envaddr, and its caller
 * syncs and forgets around the call. */
ir_ref ir_read_slot(struct ir *ir, unsigned slot);
void ir_write_slot(struct ir *ir, unsigned slot, ir_ref v);
void ir_sync_slot(struct ir *ir, unsigned slot);
void ir_sync_all(struct ir *ir);
void ir_forget_slot(struct ir *ir, unsigned slot);

/* Raw emission; the typed constructors below are what translators use. All fold constants and simple identities as
 * they build (opt/fold.c), so the returned value need not be a new instruction. */
ir_ref ir_emit(struct ir *ir, enum ir_op op, enum ir_type type, unsigned aux, uint64_t imm,
               ir_ref a, ir_ref b, ir_ref c, ir_ref d);
uint32_t ir_snapshot(struct ir *ir);                      /* of the current state; shared while nothing changed */

static inline struct ir_insn *ir_at(const struct ir *ir, ir_ref r) { return &ir->insns[r]; }
static inline enum ir_type ir_type_of(const struct ir *ir, ir_ref r) { return (enum ir_type)ir->insns[r].type; }
static inline bool ir_is_const(const struct ir *ir, ir_ref r) { return ir->insns[r].op == IR_OP_const; }
static inline const ir_ref *ir_args(const struct ir *ir, const struct ir_insn *i)
{
    return ir_ops[i->op].nargs == IR_VAR ? ir->pool + i->arg[0] : i->arg;
}

/* --- constructors ---------------------------------------------------------------------------------------------- */

ir_ref ir_i32(struct ir *ir, uint32_t v);
ir_ref ir_i64(struct ir *ir, uint64_t v);
ir_ref ir_f32bits(struct ir *ir, uint32_t bits);
ir_ref ir_f64bits(struct ir *ir, uint64_t bits);
ir_ref ir_v128(struct ir *ir, uint64_t lo, uint64_t hi);

/* Operations whose type is that of their first argument: ir_un(ir, IR_OP_neg, a), ir_bin(ir, IR_OP_add, a, b). */
ir_ref ir_un(struct ir *ir, enum ir_op op, ir_ref a);
ir_ref ir_bin(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b);
ir_ref ir_bini(struct ir *ir, enum ir_op op, ir_ref a, uint64_t imm);     /* b is a constant of a's type */
ir_ref ir_conv(struct ir *ir, enum ir_op op, enum ir_type to, ir_ref a);  /* trunc sext zext fbits bitsf vtof ... */
ir_ref ir_ext(struct ir *ir, ir_ref a, unsigned pos, unsigned len, bool sign);          /* extract, sextract */
ir_ref ir_deposit(struct ir *ir, ir_ref a, ir_ref b, unsigned pos, unsigned len);
ir_ref ir_setcc(struct ir *ir, enum ir_type type, enum ir_cond c, ir_ref a, ir_ref b);
ir_ref ir_select(struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b, ir_ref t, ir_ref f);

ir_ref ir_ldenv(struct ir *ir, enum ir_type type, unsigned mem, uint32_t offset);
void   ir_stenv(struct ir *ir, unsigned mem, uint32_t offset, ir_ref v);
ir_ref ir_envaddr(struct ir *ir, uint32_t offset);
ir_ref ir_ld(struct ir *ir, enum ir_type type, unsigned mem, ir_ref addr, int64_t disp);
void   ir_st(struct ir *ir, unsigned mem, ir_ref addr, int64_t disp, ir_ref v);
ir_ref ir_amo(struct ir *ir, enum ir_type type, enum ir_amo kind, unsigned mem, ir_ref addr, ir_ref v);
ir_ref ir_cas(struct ir *ir, enum ir_type type, unsigned mem, ir_ref addr, ir_ref expect, ir_ref desired);
void   ir_fence(struct ir *ir, enum ir_fence kind);

ir_ref ir_fp1(struct ir *ir, enum ir_op op, enum ir_type type, unsigned fp, ir_ref a);
ir_ref ir_fp2(struct ir *ir, enum ir_op op, unsigned fp, ir_ref a, ir_ref b);
ir_ref ir_fma(struct ir *ir, unsigned fp, ir_ref a, ir_ref b, ir_ref c);
ir_ref ir_fcmp(struct ir *ir, enum ir_type type, enum ir_fcond c, ir_ref a, ir_ref b);

/* Helper calls: homes are synced before and forgotten after as the helper declares. Returns IR_NONE for void. */
ir_ref ir_call(struct ir *ir, unsigned helper, unsigned nargs, const ir_ref *args);

/* Slots that one call touches beside those its helper declares (a register named by an operand), four at most: it reads
 * the home, and writes it when `writes`. To be called right after ir_call(); they are kept in the call's imm2, 16 bits
 * each: slot + 1, and IR_CALL_WRITES. */
enum { IR_CALL_WRITES = 0x8000 };
void ir_call_touches(struct ir *ir, unsigned slot, bool writes);
static inline unsigned ir_call_touched(const struct ir_insn *call, unsigned k) { return call->imm2 >> 16 * k & 0xffff; }

/* Where the next snapshots say the guest is; call at the start of each guest instruction (also emits `insn`). */
void ir_guest_insn(struct ir *ir, uint64_t pc, unsigned length);
void ir_set_pc_val(struct ir *ir, ir_ref pc);             /* snapshots name a computed pc until the next guest_insn */
/* The same before a block's first instruction, for what stands at its head (a poll): whatever was built before, another
 * block's end perhaps, snapshots name pc from here on. */
void ir_set_pc(struct ir *ir, uint64_t pc);

void ir_poll(struct ir *ir);
/* Counted instructions: each ir_guest_insn() takes one from the budget, slot ir.budget (IR_SLOT_END: nothing is counted).
 * ir_icount() leaves unless n are left; what it returns may be given another n by ir_icount_set(). */
ir_ref ir_icount(struct ir *ir, unsigned n);
void ir_icount_set(struct ir *ir, ir_ref icount, unsigned n);

/* Terminators. A jump to a block adds the current block to its predecessors. */
void ir_br(struct ir *ir, ir_block_ref to);
void ir_brcc(struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b, ir_block_ref yes, ir_block_ref no, unsigned likely);
void ir_brfl(struct ir *ir, enum ir_cond c, ir_ref flags, ir_block_ref yes, ir_block_ref no);
void ir_goto_pc(struct ir *ir, uint64_t pc, enum ir_jump kind, uint64_t ret_pc);
/* goto_pc to yes or to no: a branch whose sides both leave needs no blocks of its own for them. */
void ir_goto_if(struct ir *ir, enum ir_cond c, ir_ref a, ir_ref b, uint64_t yes, uint64_t no);
void ir_goto_ind(struct ir *ir, ir_ref pc, enum ir_jump kind, uint64_t ret_pc);
void ir_leave(struct ir *ir, unsigned reason);
void ir_unreach(struct ir *ir);
bool ir_terminated(const struct ir *ir);                  /* the current block has its terminator */

/* --- working on it --------------------------------------------------------------------------------------------- */

void ir_count_uses(struct ir *ir);                        /* entries that several snapshots share count once */
void ir_remove(struct ir *ir, ir_ref r);                  /* becomes nop, unlinked */
void ir_replace(struct ir *ir, ir_ref old, ir_ref with);  /* every use; O(n): passes batch theirs */
ir_ref ir_insert_before(struct ir *ir, ir_ref at, enum ir_op op, enum ir_type type);
/* A block with a br between `from` and its succ-th successor, which takes the place of the successor's pred-th
 * predecessor. Returns the new block. */
ir_block_ref ir_split_edge(struct ir *ir, ir_block_ref from, unsigned succ, uint32_t pred);
void ir_print(const struct ir *ir, FILE *to);             /* the text form */
void ir_print_insn(const struct ir *ir, ir_ref r, FILE *to);

/**
 * ir_parse - read the text form (tests).
 * Returns 0, or -EINVAL with ir->error set to a sentence that names the line.
 */
int ir_parse(struct ir *ir, const char *text);

/**
 * ir_verify - check types, order, dominance, snapshots, terminators, phi arity.
 * Returns NULL, or a sentence that names the first violation (static storage of the context). Debug builds run it
 * after each pass.
 */
const char *ir_verify(const struct ir *ir);

#endif
