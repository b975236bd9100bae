/* targets/arm/tr_a64_pauth.c - A64 pointer authentication. In user mode the cheap code is made in line; see pauth.h. */
#include <stddef.h>

#include "targets/arm/a64.insn.h"
#include "targets/arm/pauth.h"
#include "targets/arm/tr_a64.h"

enum { SP = 31, LR = 30, INSTRUCTION_A = 0, INSTRUCTION_B = 1 };

/* --- codes in line: user space has 48 bits of address and a free top byte --------------------------------------------------- */

#define USER_CODE (UINT64_C(0x7f) << 48)

static bool in_line(const struct a64_tr *t)
{
    return !t->c->system && t->m->pauth == ARM_PAUTH_CHEAP && !(t->c->mode & ARM_MODE_KEYS_OFF);
}

static ir_ref key_half(struct a64_tr *t, unsigned key, unsigned half)
{
    return ir_ldenv(t->ir, IR_I64, IR_M64, offsetof(struct arm_env, keys) + 16 * key + 8 * half);
}

/* pauth_cheap(), and what of it is in a pointer. */
static ir_ref cheap(struct a64_tr *t, ir_ref ptr, ir_ref modifier, unsigned key)
{
    struct ir *ir = t->ir;
    ir_ref h = ir_bini(ir, IR_OP_mul, ir_bin(ir, IR_OP_xor, ptr, key_half(t, key, 0)), PAUTH_MUL1);

    h = ir_bin(ir, IR_OP_xor, h, ir_bini(ir, IR_OP_shr, h, 32));
    h = ir_bin(ir, IR_OP_add, h, ir_bin(ir, IR_OP_xor, modifier, key_half(t, key, 1)));
    return ir_bini(ir, IR_OP_and, ir_bini(ir, IR_OP_mul, h, PAUTH_MUL2), USER_CODE);
}

static ir_ref extended(struct a64_tr *t, ir_ref ptr)
{
    ir_ref high = ir_emit(t->ir, IR_OP_sextract, IR_I64, 55 | 1 << 8, 0, ptr, 0, 0, 0);

    return ir_bin(t->ir, IR_OP_or, ir_bini(t->ir, IR_OP_and, ptr, ~USER_CODE), ir_bini(t->ir, IR_OP_and, high, USER_CODE));
}

static ir_ref signed_by(struct a64_tr *t, unsigned key, ir_ref ptr, ir_ref modifier)
{
    const ir_ref args[] = { a64_env(t), ptr, modifier, ir_i32(t->ir, key) };

    if (!in_line(t))
        return ir_call(t->ir, ARM_H_pauth_sign, 4, args);
    return ir_bin(t->ir, IR_OP_xor, ptr, cheap(t, extended(t, ptr), modifier, key));
}

/* Goes on in a new block. */
static ir_ref authenticated(struct a64_tr *t, unsigned key, ir_ref ptr, ir_ref modifier)
{
    const ir_ref args[] = { a64_env(t), ptr, modifier, ir_i32(t->ir, key) };
    ir_block_ref bad, on;
    ir_ref good, code;

    if (!in_line(t))
        return ir_call(t->ir, ARM_H_pauth_auth, 4, args);
    good = extended(t, ptr);
    code = cheap(t, good, modifier, key);
    bad = ir_block_new(t->ir, t->pc);
    on = ir_block_new(t->ir, t->pc);
    ir_brcc(t->ir, IR_NE, ir_bin(t->ir, IR_OP_xor, ptr, code), good, bad, on, 1);
    ir_seal(t->ir, bad);
    ir_seal(t->ir, on);
    ir_enter(t->ir, bad);
    a64_exception(t, ARM_EXC_PAUTH_FAIL, key);
    t->ended = false;
    ir_enter(t->ir, on);
    return good;
}

static ir_ref stripped(struct a64_tr *t, ir_ref ptr, bool data)
{
    const ir_ref args[] = { a64_env(t), ptr, ir_i32(t->ir, data) };

    return t->c->system ? ir_call(t->ir, ARM_H_pauth_strip, 3, args) : extended(t, ptr);
}

/* --- instructions ------------------------------------------------------------------------------------------------------------ */

static ir_ref sp(struct a64_tr *t) { return a64_r_sp(t, true, SP); }

static void sign(struct a64_tr *t, int key, unsigned rd, ir_ref modifier)
{
    a64_put_x(t, rd, signed_by(t, (unsigned)key, a64_x(t, rd), modifier));
}

static void authenticate(struct a64_tr *t, int key, unsigned rd, ir_ref modifier)
{
    a64_put_x(t, rd, authenticated(t, (unsigned)key, a64_x(t, rd), modifier));
}

void tr_a64_pac_reg(struct a64_tr *t, const struct args_a64_pac_reg *a)
{
    sign(t, a->key, (unsigned)a->rd, a64_r_sp(t, true, (unsigned)a->rn));
}

void tr_a64_aut_reg(struct a64_tr *t, const struct args_a64_aut_reg *a)
{
    authenticate(t, a->key, (unsigned)a->rd, a64_r_sp(t, true, (unsigned)a->rn));
}

void tr_a64_pac_zero(struct a64_tr *t, const struct args_a64_pac_zero *a) { sign(t, a->key, (unsigned)a->rd, ir_i64(t->ir, 0)); }
void tr_a64_aut_zero(struct a64_tr *t, const struct args_a64_aut_zero *a) { authenticate(t, a->key, (unsigned)a->rd, ir_i64(t->ir, 0)); }

void tr_a64_xpac(struct a64_tr *t, const struct args_a64_xpac *a)
{
    a64_put_x(t, (unsigned)a->rd, stripped(t, a64_x(t, (unsigned)a->rd), a->data));
}

void tr_a64_pacga(struct a64_tr *t, const struct args_a64_pacga *a)
{
    const ir_ref args[] = { a64_env(t), a64_x(t, (unsigned)a->rn), a64_r_sp(t, true, (unsigned)a->rm) };

    a64_put_x(t, (unsigned)a->rd, ir_call(t->ir, ARM_H_pauth_generic, 3, args));
}

/* The hints: HINT #number. */
void a64_pauth_hint(struct a64_tr *t, unsigned number)
{
    ir_ref zero = ir_i64(t->ir, 0);

    switch (arm_has(t, ARM_F_pauth) ? number : 0) {
    case 7: a64_put_x(t, LR, stripped(t, a64_x(t, LR), false)); break;         /* XPACLRI */
    case 8: sign(t, INSTRUCTION_A, 17, a64_x(t, 16)); break;                   /* PACIA1716 ... */
    case 10: sign(t, INSTRUCTION_B, 17, a64_x(t, 16)); break;
    case 12: authenticate(t, INSTRUCTION_A, 17, a64_x(t, 16)); break;
    case 14: authenticate(t, INSTRUCTION_B, 17, a64_x(t, 16)); break;
    case 24: sign(t, INSTRUCTION_A, LR, zero); break;                          /* PACIAZ, PACIASP ... */
    case 25: sign(t, INSTRUCTION_A, LR, sp(t)); break;
    case 26: sign(t, INSTRUCTION_B, LR, zero); break;
    case 27: sign(t, INSTRUCTION_B, LR, sp(t)); break;
    case 28: authenticate(t, INSTRUCTION_A, LR, zero); break;
    case 29: authenticate(t, INSTRUCTION_A, LR, sp(t)); break;
    case 30: authenticate(t, INSTRUCTION_B, LR, zero); break;
    case 31: authenticate(t, INSTRUCTION_B, LR, sp(t)); break;
    }
}

static ir_ref target(struct a64_tr *t, int b, int rn, ir_ref modifier)
{
    return authenticated(t, (unsigned)b, a64_x(t, (unsigned)rn), modifier);
}

static void jump(struct a64_tr *t, int b, int rn, ir_ref modifier) { a64_jump_reg(t, target(t, b, rn, modifier), (unsigned)rn); }
static void call(struct a64_tr *t, int b, int rn, ir_ref modifier) { a64_call_reg(t, target(t, b, rn, modifier)); }

void tr_a64_bra(struct a64_tr *t, const struct args_a64_bra *a) { jump(t, a->b, a->rn, a64_r_sp(t, true, (unsigned)a->rm)); }
void tr_a64_braz(struct a64_tr *t, const struct args_a64_braz *a) { jump(t, a->b, a->rn, ir_i64(t->ir, 0)); }
void tr_a64_blra(struct a64_tr *t, const struct args_a64_blra *a) { call(t, a->b, a->rn, a64_r_sp(t, true, (unsigned)a->rm)); }
void tr_a64_blraz(struct a64_tr *t, const struct args_a64_blraz *a) { call(t, a->b, a->rn, ir_i64(t->ir, 0)); }
void tr_a64_reta(struct a64_tr *t, const struct args_a64_reta *a) { a64_return(t, target(t, a->b, LR, sp(t))); }

void tr_a64_ldra(struct a64_tr *t, const struct args_a64_ldra *a)
{
    ir_ref base = authenticated(t, a->b ? 3 : 2, a64_r_sp(t, true, (unsigned)a->rn), ir_i64(t->ir, 0));
    ir_ref v = ir_ld(t->ir, IR_I64, IR_M64, base, a->imm);

    if (a->w)
        a64_put_sp(t, (unsigned)a->rn, ir_bini(t->ir, IR_OP_add, base, (uint64_t)(int64_t)a->imm));
    a64_put_x(t, (unsigned)a->rt, v);
}
