/* tcg/alloc/internal.h - what the parts of the allocator share: the work area of one run.
 *
 * The allocator is a linear scan in one forward pass (Traub, Holloway and Smith, "Quality and Speed in Linear-scan
 * Register Allocation", PLDI 1998): it walks the blocks, knows exactly what each register holds, and gives a register
 * that is wanted by the value whose next use is farthest (Braun and Hack, "Register Spilling and Live-Range Splitting
 * for SSA-Form Programs", CC 2009). A value is in one register, or in none, at each point; it may come back (second
 * chance) into any other.
 *
 *   order.c    blocks in reverse postorder, loops in one piece; loop depth
 *   live.c     what the host needs; next uses within a block; which values meet
 *   global.c   what crosses block borders, next uses behind them, how crowded the loops are
 *   homes.c    which homes may be written early
 *   scan.c     the walk: one instruction after the other
 *   state.c    which values are in which registers at the start of a block
 *   spill.c    places in memory: homes, frame slots; the one store of each spilled value
 *   resolve.c  moves on the edges, in an order that loses nothing; split edges
 *
 * A spilled value is stored once, at a point that dominates every place that counts on it, so its memory copy is right
 * ever after and throwing it out of a register costs nothing. Constants are made again where they are wanted. A value
 * that was read from its home (get) starts its life in memory. */
#ifndef TCG_ALLOC_INTERNAL_H
#define TCG_ALLOC_INTERNAL_H

#include "tcg/alloc/alloc.h"

enum {
    RA_NREGS = 32,                             /* 0..15 general, 16..31 vector: "registers" inside the allocator */
    RA_NO_REG = 255,
    RA_NO_SLOT = 0xffff,                       /* belongs to no guest register */
};

/* Distances to the next use, in instructions. WEAK: only snapshots name it, memory will do. DEAD: never needed. */
enum { RA_DIST_FAR = 0x40000000, RA_DIST_WEAK = 0x7ffffffe, RA_DIST_DEAD = 0x7fffffff };
enum { RA_LOOP_EXIT = 10000 };                 /* what leaving a loop adds to a distance */

enum ra_val_flags {
    RA_V_CONST = 1,                            /* made again where it is wanted */
    RA_V_SPILLED = 2,                          /* `mem` is its place in memory and valid where it matters */
    RA_V_STORE = 4,                            /* needs the store that makes it so (not constants and gets) */
    RA_V_HOME_OK = 8,                          /* an early store to its slot's home is not visible */
    RA_V_PHI = 16,
};

struct ra_val {
    uint32_t def;                              /* position where it is made; a phi's is the start of its block */
    uint32_t use;                              /* next use in this block, index in scan.uses */
    uint32_t end;                              /* last position in this block that needs it; RA_DIST_WEAK: lives on */
    uint32_t out;                              /* position of the next use behind this block, or RA_DIST_WEAK */
    uint32_t snap;                             /* last position whose snapshot names it */
    uint32_t global;                           /* index in the matrices, 0: lives in one block only */
    ir_ref next;                               /* with the same home or frame slot */
    struct ra_loc mem;
    uint16_t slot;
    uint16_t frame;                            /* piece of the frame that is its place or should be, index + 1 */
    uint32_t ops;                              /* of the instruction that makes it: its operands, first in scan.ops */
    uint8_t nops;
    uint8_t reg, cls, type, flags, hint, mark;
    /* spilled: a block that dominates all that count on its memory, + 1; and the first position there that does */
    ir_block_ref where;
    uint32_t where_pos;
};

/* An argument or extra of an instruction; `index`: which argument, -1 for extras. */
struct ra_operand { ir_ref v; const struct ra_arg *arg; struct ra_loc *loc; int8_t index; };
enum { RA_MAX_OPERANDS = 14 };

struct ra_use { uint32_t pos, next; };
struct ra_clobber { uint32_t pos, mask; };
struct ra_write { uint32_t pos, next; ir_ref val; };      /* something other than the allocator writes a home */
struct ra_frame_slot { uint16_t idx, size; ir_ref owners; };

struct ra_pmove { struct ra_loc from, to; ir_ref val; bool done, late; };   /* one of an edge's */
struct ra_candidate { ir_ref v; uint32_t dist; uint8_t reg; };   /* for a register around a loop */
struct ra_split { ir_block_ref block, after; };            /* a block made for an edge, and where it is emitted */

struct ra_list { uint32_t first, n; };                     /* a stretch of scan.listed: numbers of globals */

struct ra_blk {
    uint32_t start, end;                       /* positions; start is that of the phis */
    uint32_t order;                            /* place in reverse postorder + 1; 0: not reached */
    uint32_t depth;                            /* of loops around it */
    uint32_t loop;                             /* the innermost loop, index in scan.loops; 0 none */
    ir_block_ref idom;                         /* immediate dominator; the entry's is itself */
    bool back;                                 /* a loop's head */
    struct ra_list live_in, live_out;
    bool done;
    uint32_t in_held, out_held;                /* registers that hold something */
    ir_ref in[RA_NREGS], out[RA_NREGS];        /* what */
};

struct ra_loop {
    uint32_t outer;                            /* the next loop around it, 0 none */
    uint8_t wanted[3], alive[3];               /* most values at once in its warm blocks, by class: those that instructions
                                                * want within the loop, and all */
    uint32_t clobbered;                        /* registers that its warm blocks destroy */
};

struct ra_scan {
    struct ra *ra;
    struct ir *ir;
    const struct ra_host *host;
    struct ra_need *need; uint32_t need_cap;   /* by ir_ref */
    uint32_t nseen;                            /* instructions before edges were split */
    struct ra_val *val; uint32_t val_cap;      /* by ir_ref */
    struct ra_operand *ops; uint32_t nops, ops_cap;
    struct ra_use *uses; uint32_t nuses, uses_cap;
    /* of the block being walked, last first: registers destroyed; registers that values yet to be made hope for */
    struct ra_clobber *clobbers; uint32_t nclobbers, clobbers_cap, next_clobber;
    struct ra_clobber *hopes; uint32_t nhopes, hopes_cap, next_hope;
    struct ra_blk *blk; uint32_t blk_cap;      /* by block */
    ir_block_ref *rpo; uint32_t nrpo, rpo_cap, layout_cap;
    uint32_t *stack; uint32_t stack_cap;
    struct ra_loop *loops; uint32_t nloops, loops_cap;     /* [0] unused */

    /* values that cross block borders, [0] unused, and their distances at each block's start and end */
    ir_ref *globals; uint32_t nglobals, globals_cap;
    uint32_t *dist_in, *dist_out; uint32_t dist_cap;
    uint32_t gwords;                           /* words of bits, one bit a global, for each block */
    uint64_t *live_in, *live_out, *made; uint32_t live_cap;
    uint32_t *listed; uint32_t nlisted, listed_cap;

    /* guest registers: words of bits per block start; a set bit says that a store to the home there could be seen */
    unsigned nwords;
    uint64_t *unsafe_in; uint32_t unsafe_cap;
    uint64_t *unsafe; uint32_t unsafe_now_cap;
    uint32_t home_low, home_high;              /* bytes of CPU state that hold homes */
    const struct ir_slot *slots;               /* for which these were found */
    struct ra_write *writes; uint32_t nwrites, writes_cap;
    uint32_t *slot_writes; uint32_t slots_cap;
    ir_ref *slot_owners; uint32_t owners_cap;
    uint8_t *slot_reg; uint32_t slot_reg_cap;  /* where a value of the slot was last */
    uint32_t all_writes;                       /* those that may write any home */

    ir_ref *spilled; uint32_t nspilled, spilled_cap;
    struct ra_frame_slot *frame; uint32_t nframe, frame_cap;
    uint16_t cycle_slot[2];                    /* to turn cycles of moves: index in frame + 1; [1] for vectors */
    struct ra_pmove *pmoves; uint32_t pmoves_cap;
    struct ra_split *split; uint32_t nsplit, split_cap;
    struct ra_candidate *cand; uint32_t cand_cap;

    uint32_t cls_regs[3];                      /* allocatable, by class */
    uint8_t order[3][RA_NREGS + 1];            /* preferred first, ended by RA_NO_REG */
    uint32_t noted_gpr, noted_vec;             /* the host's masks and orders that these were made from */
    const uint8_t *noted_order[2];
    ir_ref regs[RA_NREGS];                     /* what each register holds now */
    uint32_t free, pinned, forbidden;
    uint32_t pos;
    ir_ref cur;
    uint32_t tail;                             /* last move of the current instruction */
    ir_block_ref block;
    bool failed;                               /* the frame is too small */
};

static inline bool ra_multi(const struct ra_scan *s) { return s->nrpo > 1; }
static inline bool ra_loops(const struct ra_scan *s) { return s->nloops > 1; }    /* else every edge leads forward */
static inline struct ra_blk *ra_blk(const struct ra_scan *s, ir_block_ref b) { return &s->blk[b]; }

static inline unsigned ra_type_class(unsigned type)
{
    return type == IR_VOID ? RA_CLASS_NONE : type == IR_I32 || type == IR_I64 || type == IR_FLAGS ? RA_CLASS_GPR : RA_CLASS_VEC;
}

static inline struct ra_loc ra_reg_loc(unsigned reg)
{
    return (struct ra_loc){ .kind = reg < 16 ? RA_GPR : RA_VEC, .reg = reg & 15 };
}

static inline bool ra_same_loc(struct ra_loc a, struct ra_loc b)
{
    return a.kind == b.kind && (a.kind == RA_GPR || a.kind == RA_VEC ? a.reg == b.reg : a.idx == b.idx);
}

static inline unsigned ra_reg_of(unsigned cls, unsigned hw) { return cls == RA_CLASS_VEC ? 16 + hw : hw; }
static inline uint32_t ra_mask(uint32_t gpr, uint32_t vec) { return (gpr & 0xffff) | vec << 16; }

/* ra_grow - room for n elements; keeps what is there. */
void *ra_grow_array(void *p, uint32_t *cap, uint32_t n, size_t bytes);
#define ra_grow(p, cap, n) ((uint32_t)(n) <= *(cap) ? (p) : ra_grow_array((p), (cap), (n), sizeof *(p)))

/* order.c */
void ra_order(struct ra_scan *s);
void ra_layout(struct ra_scan *s);

bool ra_in_loop(const struct ra_scan *s, ir_block_ref b, uint32_t loop);
ir_block_ref ra_common_dominator(const struct ra_scan *s, ir_block_ref a, ir_block_ref b);

/* live.c */
void ra_gather(struct ra_scan *s);                         /* needs, positions, slots; one block or many */
void ra_block_live(struct ra_scan *s, ir_block_ref b);     /* next uses within a block about to be walked */
void ra_block_hints(struct ra_scan *s, ir_block_ref b);
/* What an instruction reads, but for what is folded: made by gathering (ra_operands), or anew from where things are now. */
unsigned ra_find_operands(const struct ra_scan *s, ir_ref r, struct ra_operand *out);
static inline unsigned ra_operands(const struct ra_scan *s, ir_ref r, const struct ra_operand **out)
{
    *out = s->ops + s->val[r].ops;
    return s->val[r].nops;
}

ir_block_ref ra_block_at(const struct ra_scan *s, uint32_t pos);
/* ra_overlap - are v and w ever needed at the same time? ra_lives_over - is v, made before pos, needed at or after it? */
bool ra_overlap(const struct ra_scan *s, ir_ref v, ir_ref w);
bool ra_lives_over(const struct ra_scan *s, ir_ref v, uint32_t pos);
uint32_t ra_next_use(struct ra_scan *s, ir_ref v);         /* position; RA_DIST_WEAK: no instruction wants it */

static inline uint32_t ra_add_dist(uint32_t d, uint32_t more)
{
    return d >= RA_DIST_WEAK ? d : d + more > RA_DIST_FAR ? RA_DIST_FAR : d + more;
}

/* Does an instruction that accepts `a` want v in a register? A constant may be embedded. */
static inline bool ra_wants_reg(const struct ra_val *v, const struct ra_arg *a)
{
    return !(v->flags & RA_V_CONST) || (a->accept != RA_REG_OR_CONST && a->accept != RA_ANY);
}

/* global.c */
void ra_global_live(struct ra_scan *s);                    /* many blocks: lists and distances */
void ra_pressure(struct ra_scan *s);                       /* the counts of loops */

static inline bool ra_bit(const struct ra_scan *s, const uint64_t *bits, ir_block_ref b, uint32_t g)
{
    return bits[(size_t)b * s->gwords + g / 64] >> g % 64 & 1;
}

static inline uint32_t ra_dist_in(const struct ra_scan *s, ir_block_ref b, ir_ref v)
{
    uint32_t g = s->val[v].global;

    return g && ra_bit(s, s->live_in, b, g) ? s->dist_in[(size_t)b * s->nglobals + g] : RA_DIST_DEAD;
}

/* homes.c */
void ra_reset_homes(struct ra_scan *s);
void ra_note_home_writes(struct ra_scan *s, const struct ir_insn *i);
void ra_unsafe_blocks(struct ra_scan *s);
void ra_unsafe_out(const struct ra_scan *s, ir_block_ref b, uint64_t *out);
void ra_unsafe_step(struct ra_scan *s, const struct ir_insn *i);
void ra_note_home_ok(struct ra_scan *s, ir_ref r);

/* scan.c */
void ra_put(struct ra_scan *s, ir_ref v, unsigned reg);    /* v is in reg from now on */
void ra_drop(struct ra_scan *s, ir_ref v);                 /* v is in no register any more */
void ra_scan_block(struct ra_scan *s, ir_block_ref b);

/* state.c */
void ra_enter_block(struct ra_scan *s, ir_block_ref b);
void ra_leave_block(struct ra_scan *s, ir_block_ref b);

/* spill.c */
void ra_spill(struct ra_scan *s, ir_ref v);                /* give it a valid place in memory */
bool ra_claim_home(struct ra_scan *s, ir_ref v);           /* a get: it may stay where it is */
void ra_count_on_memory(struct ra_scan *s, ir_ref v, ir_block_ref b);   /* something in b reads v's place in memory */
void ra_place_stores(struct ra_scan *s);
uint16_t ra_frame_alloc(struct ra_scan *s, unsigned size);

/* resolve.c */
uint32_t ra_add_move(struct ra_scan *s, struct ra_loc from, struct ra_loc to, ir_ref val);
void ra_move_now(struct ra_scan *s, struct ra_loc from, struct ra_loc to, ir_ref val);   /* before the current one */
void ra_count_edges(struct ra_scan *s);                    /* what the edges read from memory, before stores are placed */
void ra_resolve(struct ra_scan *s);

#endif
