/* tcg/host/x86_64/enc.h - writes x86-64 instructions.
 *
 * A buffer is written through one address; what runs is at another, so code is position independent: jumps are
 * relative, and constants live in a pool behind the code, reached relative to rip. When the buffer is full the writes go
 * on into the void and `full` says so. */
#ifndef TCG_HOST_X86_64_ENC_H
#define TCG_HOST_X86_64_ENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum x64_op {
#define X(name, kind, prefix, map, opcode) X_##name,
#include "tcg/host/x86_64/enc.def"
#undef X
    X_NOPS
};
extern const char *const x64_op_names[X_NOPS];

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { XTMP = 15, RTMP = R11 };                /* the emitter's scratch */

enum x64_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum x64_shift { SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAL, SH_SAR };
enum x64_cc { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };
enum x64_unary { UN_NOT = 2, UN_NEG, UN_MUL, UN_IMUL, UN_DIV, UN_IDIV };

/* A register or a memory operand. */
struct x64_rm {
    int8_t reg;                                /* register number, or -1: memory */
    int8_t base, index;                        /* -1: none */
    uint8_t scale;                             /* index << scale */
    bool gs, addr32, lit;                      /* lit: disp is a byte offset in the literal pool */
    int32_t disp;
};

struct x64_fix { uint32_t at, lit; uint8_t trail; };

struct x64_buf {
    uint8_t *start, *p, *end;
    bool full, avx;                            /* avx: use VEX forms */
    uint8_t *pool; uint32_t npool, pool_cap;   /* literals */
    struct x64_fix *fix; uint32_t nfix, fix_cap;
};

void     x64_buf_init(struct x64_buf *b, uint8_t *at, size_t room, bool avx);
void     x64_buf_free(struct x64_buf *b);
static inline uint32_t x64_here(const struct x64_buf *b) { return (uint32_t)(b->p - b->start); }

/* Operands. */
static inline struct x64_rm x64_r(unsigned r) { return (struct x64_rm){ .reg = (int8_t)r, .base = -1, .index = -1 }; }
static inline struct x64_rm x64_m(int base, int32_t disp)
{
    return (struct x64_rm){ .reg = -1, .base = (int8_t)base, .index = -1, .disp = disp };
}
static inline struct x64_rm x64_mx(int base, int index, unsigned scale, int32_t disp)
{
    return (struct x64_rm){ .reg = -1, .base = (int8_t)base, .index = (int8_t)index, .scale = (uint8_t)scale, .disp = disp };
}

/**
 * x64_literal - a constant in the pool, @bytes long and as aligned; equal ones share a place.
 */
struct x64_rm x64_literal(struct x64_buf *b, const void *bytes, unsigned n);
struct x64_rm x64_literal64(struct x64_buf *b, uint64_t v);
struct x64_rm x64_literal128(struct x64_buf *b, uint64_t lo, uint64_t hi);
/* Writes the pool behind the code and resolves references to it. */
void     x64_pool_flush(struct x64_buf *b);

void x64_bytes(struct x64_buf *b, const void *bytes, unsigned n);
void x64_u8(struct x64_buf *b, uint8_t v);
void x64_u32(struct x64_buf *b, uint32_t v);
void x64_u64(struct x64_buf *b, uint64_t v);
void x64_align(struct x64_buf *b, unsigned align, unsigned offset);   /* nops until here % align == offset */
void x64_nop(struct x64_buf *b, unsigned n);

/* Any instruction of enc.def. @w: 64-bit operand; @v: VEX's additional register (0 when unused); @trail: bytes of
 * immediate that the caller writes next. */
void x64_op(struct x64_buf *b, enum x64_op op, bool w, unsigned reg, unsigned v, struct x64_rm rm, unsigned trail);
static inline void x64_g(struct x64_buf *b, enum x64_op op, bool w, unsigned reg, struct x64_rm rm)
{
    x64_op(b, op, w, reg, 0, rm, 0);
}
static inline void x64_gg(struct x64_buf *b, enum x64_op op, bool w, unsigned reg, unsigned rm)
{
    x64_op(b, op, w, reg, 0, x64_r(rm), 0);
}
/* 256-bit form (AVX) */
void x64_op256(struct x64_buf *b, enum x64_op op, unsigned reg, unsigned v, struct x64_rm rm, unsigned trail);

/* d = a op s; without AVX a copy of a first, when it isn't in d already (then s must not be in d). l256: 256-bit. */
void x64_vvv(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, unsigned a, struct x64_rm s);
void x64_vvvi(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, unsigned a, struct x64_rm s, uint8_t imm);
/* two-operand forms: moves, compares, conversions of a whole register */
void x64_vv(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, struct x64_rm s);
void x64_vvi(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, struct x64_rm s, uint8_t imm);
/* d = s shifted by imm: op is one of psll?_i, ext the opcode extension (2 right, 4 arithmetic right, 6 left; 3, 7 bytes) */
void x64_vshift(struct x64_buf *b, enum x64_op op, bool l256, unsigned ext, unsigned d, unsigned s, uint8_t imm);

void x64_mov(struct x64_buf *b, bool w, unsigned d, unsigned s);      /* nothing when d == s and w */
void x64_movi(struct x64_buf *b, unsigned d, uint64_t v);             /* shortest form; leaves flags alone unless v == 0 */
void x64_movi_keep(struct x64_buf *b, unsigned d, uint64_t v);        /* leaves flags alone always */
void x64_alu(struct x64_buf *b, enum x64_alu op, bool w, unsigned d, struct x64_rm s);     /* d op= s */
void x64_alu_m(struct x64_buf *b, enum x64_alu op, bool w, struct x64_rm d, unsigned s);   /* memory d op= s */
void x64_alui(struct x64_buf *b, enum x64_alu op, bool w, struct x64_rm d, int32_t imm);
void x64_testi(struct x64_buf *b, bool w, struct x64_rm d, int32_t imm);
void x64_shift(struct x64_buf *b, enum x64_shift op, bool w, unsigned d, unsigned n);      /* by a constant */
void x64_shift_cl(struct x64_buf *b, enum x64_shift op, bool w, unsigned d);
void x64_un(struct x64_buf *b, enum x64_unary op, bool w, struct x64_rm d);
void x64_bswap(struct x64_buf *b, bool w, unsigned d);
void x64_setcc(struct x64_buf *b, enum x64_cc cc, unsigned d);
void x64_cmov(struct x64_buf *b, enum x64_cc cc, bool w, unsigned d, struct x64_rm s);
void x64_movi_m(struct x64_buf *b, unsigned bytes, struct x64_rm d, int32_t imm);          /* store, sign-extended */
void x64_lock(struct x64_buf *b);
void x64_push(struct x64_buf *b, unsigned r);
void x64_pop(struct x64_buf *b, unsigned r);
void x64_pushi(struct x64_buf *b, int32_t v);
void x64_call_r(struct x64_buf *b, unsigned r);
void x64_jmp_rm(struct x64_buf *b, struct x64_rm d);
void x64_stmxcsr(struct x64_buf *b, struct x64_rm d);
void x64_ldmxcsr(struct x64_buf *b, struct x64_rm s);
void x64_vzeroupper(struct x64_buf *b);

/* Jumps. The functions return the offset of the rel32 field; x64_bind makes it go to `to`. */
uint32_t x64_jcc(struct x64_buf *b, enum x64_cc cc);
uint32_t x64_jmp(struct x64_buf *b);
void     x64_bind(struct x64_buf *b, uint32_t field, uint32_t to);
void     x64_jcc_to(struct x64_buf *b, enum x64_cc cc, uint32_t to);  /* backwards, short when in reach */
void     x64_jmp_to(struct x64_buf *b, uint32_t to);
uint32_t x64_jcc8(struct x64_buf *b, enum x64_cc cc);                 /* short forward; x64_bind8 */
uint32_t x64_jmp8(struct x64_buf *b);
void     x64_bind8(struct x64_buf *b, uint32_t field);

#endif
