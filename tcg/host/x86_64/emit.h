/* tcg/host/x86_64/emit.h - what the selectors share: the unit being written, operands, cold paths, calls to C.
 *
 * Each IR operation has two functions, named in sel.def: x64_need_X says what it wants of the allocator, x64_emit_X
 * writes the code. Both look at the same marks that host_select() left on the IR, so they agree. */
#ifndef TCG_HOST_X86_64_EMIT_H
#define TCG_HOST_X86_64_EMIT_H

#include "tcg/host/host.h"
#include "tcg/host/x86_64/cpu.h"
#include "tcg/host/x86_64/enc.h"

/* ir_insn.mark, set by host_select() */
enum x64_mark {
    X64_SKIP = 1,                              /* folded into all its users: no code, no register */
    X64_FOLD0 = 2, X64_FOLD1 = 4, X64_FOLD2 = 8,   /* that argument's instruction is folded in */
    X64_PROBED = 32,                           /* ld, st: imm2 is the probe that covers it */
    X64_FIRST = 64,                            /* the first of those */
    X64_LAZY_NAN = 16,                         /* nobody can tell which NaN this is */
};

struct x64_emit;
struct x64_stub;
typedef void x64_stub_fn(struct x64_emit *e, struct x64_stub *s);

/* Code off the hot path, written behind the unit: jumped to from from[], goes back to `back`. */
struct x64_stub {
    x64_stub_fn *fn;
    ir_ref r;
    uint32_t from[3]; unsigned nfrom;          /* rel32 fields */
    uint32_t back, back2;
    struct x64_rm ea;
    uint8_t a, b, c, d;                        /* registers, as the function likes */
    uint64_t v;
    struct tcg_link *link;
};

enum { X64_FIRST_STUBS = 24 };

struct x64_jump { uint32_t field; ir_block_ref to; };

struct x64_emit {
    struct x64_buf b;
    struct host_unit *u;
    struct ir *ir;
    const struct ra *ra;
    const struct host_mode *mode;
    ir_ref r;                                  /* instruction being written */
    const struct ir_insn *i;
    const struct ra_insn *a;
    ir_block_ref next;                         /* block that will follow; ~0 at the end */
    uint32_t *block_at;
    struct x64_jump *jumps; uint32_t njumps, jumps_cap;
    struct x64_stub **stubs; uint32_t nstubs, stubs_cap;
    struct x64_stub *first_stubs;              /* room for X64_FIRST_STUBS; further ones are allocated one by one */
    unsigned nlinks;
    uint32_t miss;                             /* field of the jump after a failed page check */
    uint32_t start_tail;                       /* leaves with env->pc = start of the unit; 0: not written yet */
    bool vec, v256;                            /* vector registers occur; their upper halves too */
    int err;
};

struct x64_need {
    const struct host_mode *mode;
    const struct ir *ir;
    const struct ir_insn *i;
    struct ra_need *n;
};

#define SEL(op, need, emit) void x64_need_##need(const struct x64_need *s); void x64_emit_##emit(struct x64_emit *e);
#include "tcg/host/x86_64/sel.def"
#undef SEL

/* --- needs ------------------------------------------------------------------------------------------------------ */

enum ra_class x64_class(enum ir_type type);
void x64_want_dst(const struct x64_need *s, int same);                       /* same: -1 or an argument */
void x64_want(const struct x64_need *s, unsigned k, enum ra_accept accept);
void x64_want_fixed(const struct x64_need *s, unsigned k, unsigned reg);
void x64_want_extra(const struct x64_need *s, ir_ref v, enum ra_accept accept);
static inline ir_ref x64_arg_ref(const struct ir *ir, const struct ir_insn *i, unsigned k) { return ir_args(ir, i)[k]; }
static inline bool x64_wide(enum ir_type t) { return t == IR_I64 || t == IR_F64; }
bool x64_is_imm32(const struct ir *ir, ir_ref r, int32_t *imm);              /* constant that an instruction can hold */

/* --- operands of the instruction being written ------------------------------------------------------------------ */

unsigned x64_dst(const struct x64_emit *e);
unsigned x64_areg(const struct x64_emit *e, unsigned k);                     /* argument k, in a register */
struct x64_rm x64_aloc(struct x64_emit *e, unsigned k);                      /* register, memory, or literal */
bool x64_aimm(const struct x64_emit *e, unsigned k, int32_t *imm);           /* argument k is an embeddable constant */
struct x64_rm x64_loc(struct x64_emit *e, struct ra_loc l, ir_ref val);
static inline struct x64_rm x64_env(int64_t off) { return x64_m(RBP, (int32_t)(off - RT_ENV_BIAS)); }
static inline struct x64_rm x64_frame(int64_t off) { return x64_m(RSP, (int32_t)off); }
struct x64_rm x64_view(const struct x64_emit *e, size_t off);
void x64_move(struct x64_emit *e, struct ra_loc from, struct ra_loc to, ir_ref val, enum ir_type type);
void x64_vload(struct x64_emit *e, enum ir_type type, unsigned d, struct x64_rm s);
void x64_vstore(struct x64_emit *e, enum ir_type type, struct x64_rm d, unsigned s);
void x64_vmove(struct x64_emit *e, enum ir_type type, unsigned d, unsigned s);

/* --- cold paths, jumps, calls ----------------------------------------------------------------------------------- */

struct x64_stub *x64_stub(struct x64_emit *e, x64_stub_fn *fn);
void x64_cold(struct x64_emit *e, struct x64_stub *s, enum x64_cc cc);       /* jcc to the stub */
void x64_cold_jmp(struct x64_emit *e, struct x64_stub *s);
void x64_jump_block(struct x64_emit *e, int cc, ir_block_ref to);            /* cc < 0: always */
void x64_call_abs(struct x64_emit *e, const void *fn);                       /* call; destroys r11 when far */
/* A slow path's trampoline, with the registers saved that this unit uses. */
void x64_call_tramp(struct x64_emit *e, unsigned kind);
void x64_load_address(struct x64_emit *e, unsigned d, const void *p);       /* rip-relative when in reach */
/* Leave with the unit's own address as pc and no register dirty. */
void x64_leave_at_start(struct x64_emit *e, uint64_t reason);
void x64_jmp_abs(struct x64_emit *e, const void *to);

/* Operations that this processor lacks are C functions (soft.h): integer arguments in rdi, rsi, ..., scalars in xmm0,
 * xmm1, ...; vectors by pointer. */
void x64_libcall_need(const struct x64_need *s);
void x64_libcall(struct x64_emit *e, const void *fn, uint64_t extra);        /* extra: one more integer argument */
void x64_veccall_need(const struct x64_need *s);
void x64_veccall(struct x64_emit *e, const void *fn, uint64_t extra);        /* fn(dst, a, b, extra) */

/* The end of a block with two successors. */
void x64_branch(struct x64_emit *e, enum x64_cc cc);

/* Comparison of arguments 0 and 1 as `cond` says; returns the condition under which it holds. */
enum x64_cc x64_compare(struct x64_emit *e, enum ir_cond cond, enum ir_type type);
void x64_compare_need(const struct x64_need *s, enum ir_cond cond);

/* A branch that a floating-point comparison is folded into (sel_fp.c). */
void x64_fcmp_branch_need(const struct x64_need *s);
void x64_fcmp_branch(struct x64_emit *e);

/* Puts the snapshot's dirty slots into their homes, and env->pc by x64_store_pc. */
void x64_store_snapshot(struct x64_emit *e, ir_ref r);
void x64_store_pc(struct x64_emit *e, ir_ref r);
void x64_set_env_pc(struct x64_emit *e, uint64_t pc);
void x64_load_pc(struct x64_emit *e, unsigned d, uint64_t pc);               /* system mode: pc_page and what is between */

/* --- addresses (sel_mem.c) ----------------------------------------------------------------------------------------- */

struct x64_addr { ir_ref base, index; uint8_t scale; int64_t disp; };
struct x64_addr x64_addr_of(const struct ir *ir, const struct ir_insn *i);
void x64_select_addresses(const struct host_mode *mode, struct ir *ir);
void x64_share_probes(struct ir *ir);          /* probes.c */
void x64_select_fp(struct ir *ir);
void x64_select_int(struct ir *ir);
void x64_select_flags(struct ir *ir);
void x64_narrow(struct ir *ir);                /* narrow.c */

/* --- trampolines (abi.c) ------------------------------------------------------------------------------------------- */

enum x64_slow { SLOW_LOAD, SLOW_STORE, SLOW_LOADV, SLOW_STOREV, SLOW_AMO, SLOW_CAS, SLOW_NAN, SLOW_VEC, SLOW_NKINDS };
enum x64_save { SAVE_GPR, SAVE_XMM, SAVE_YMM, SAVE_NKINDS };
struct x64_trampolines {
    uint64_t (*enter)(struct cpu_env *env, const void *code);
    const uint8_t *leave;                      /* rax: what host_enter returns */
    const uint8_t *leave_link;                 /* rax: a link, whose pc becomes env->pc */
    const uint8_t *unwind;                     /* rdi env, rsi reason */
    const uint8_t *check_page;                 /* rcx: a guest page, r11: where it should be. EQ: it is. Destroys rax */
    const uint8_t *slow[SLOW_NKINDS][SAVE_NKINDS];
};
extern struct x64_trampolines x64_trampolines;
/* Where slow paths keep a vector on its way: the frame's place for xmm15, which is never live. */
enum { X64_VEC_BUF = offsetof(struct rt_frame, vec) + 15 * 32 };
enum { X64_RES_RSP = offsetof(struct rt_frame, reserved), X64_RES_MXCSR = X64_RES_RSP + 8, X64_RES_TMP = X64_RES_RSP + 16 };

#endif
