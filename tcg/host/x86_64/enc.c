/* tcg/host/x86_64/enc.c - see enc.h. Formats: Intel SDM vol. 2, chapter 2. */
#include "tcg/host/x86_64/enc.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

enum kind { K_G, K_GB, K_GS, K_GV, K_S, K_SW, K_SG, K_V, K_VW, K_E, K_E1, K_L };
enum prefix { P_0, P_66, P_F3, P_F2, P_66F2 };
enum map { M_1, M_F, M_38, M_3A };

static const struct { uint8_t kind, prefix, map, opcode; } ops[X_NOPS] = {
#define X(name, kind, prefix, map, opcode) { K_##kind, P_##prefix, M_##map, opcode },
#include "tcg/host/x86_64/enc.def"
#undef X
};

const char *const x64_op_names[X_NOPS] = {
#define X(name, kind, prefix, map, opcode) #name,
#include "tcg/host/x86_64/enc.def"
#undef X
};

void x64_buf_init(struct x64_buf *b, uint8_t *at, size_t room, bool avx)
{
    memset(b, 0, sizeof *b);
    b->start = b->p = at;
    b->end = at + room;
    b->avx = avx;
}

void x64_buf_free(struct x64_buf *b)
{
    free(b->pool);
    free(b->fix);
    b->pool = NULL;
    b->fix = NULL;
}

void x64_bytes(struct x64_buf *b, const void *bytes, unsigned n)
{
    if (b->full || (size_t)(b->end - b->p) < n) {
        b->full = true;
        return;
    }
    memcpy(b->p, bytes, n);
    b->p += n;
}

void x64_u8(struct x64_buf *b, uint8_t v)
{
    if (b->full || b->p == b->end) {
        b->full = true;
        return;
    }
    *b->p++ = v;
}

void x64_u32(struct x64_buf *b, uint32_t v)
{
    x64_bytes(b, &v, 4);
}

void x64_u64(struct x64_buf *b, uint64_t v)
{
    x64_bytes(b, &v, 8);
}

static void put_imm(struct x64_buf *b, uint64_t v, unsigned n)
{
    x64_bytes(b, &v, n);
}

void x64_nop(struct x64_buf *b, unsigned n)
{
    static const uint8_t nops[9][9] = {
        { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 }, { 0x0f, 0x1f, 0x40, 0x00 }, { 0x0f, 0x1f, 0x44, 0x00, 0x00 },
        { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 }, { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
        { 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 }, { 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
    };

    while (n) {
        unsigned k = n > 9 ? 9 : n;

        x64_bytes(b, nops[k - 1], k);
        n -= k;
    }
}

void x64_align(struct x64_buf *b, unsigned align, unsigned offset)
{
    x64_nop(b, (offset - x64_here(b)) & (align - 1));
}

/* --- literals --------------------------------------------------------------------------------------------------- */

struct x64_rm x64_literal(struct x64_buf *b, const void *bytes, unsigned n)
{
    struct x64_rm m = x64_m(-1, 0);
    uint32_t at;

    m.lit = true;
    for (at = 0; at + n <= b->npool; at += n)
        if (!memcmp(b->pool + at, bytes, n)) {
            m.disp = (int32_t)at;
            return m;
        }
    at = (b->npool + n - 1) & ~(n - 1);
    if (at + n > b->pool_cap) {
        b->pool_cap = 2 * (at + n) + 64;
        b->pool = xrealloc(b->pool, b->pool_cap);
    }
    memset(b->pool + b->npool, 0, at - b->npool);
    memcpy(b->pool + at, bytes, n);
    b->npool = at + n;
    m.disp = (int32_t)at;
    return m;
}

struct x64_rm x64_literal64(struct x64_buf *b, uint64_t v)
{
    return x64_literal(b, &v, 8);
}

struct x64_rm x64_literal128(struct x64_buf *b, uint64_t lo, uint64_t hi)
{
    uint64_t v[2] = { lo, hi };

    return x64_literal(b, v, 16);
}

void x64_pool_flush(struct x64_buf *b)
{
    uint32_t base;

    if (!b->npool)
        return;
    while ((uintptr_t)b->p & 31 && !b->full)               /* the executable mapping has the same offset in its page */
        x64_u8(b, 0xcc);
    base = x64_here(b);
    x64_bytes(b, b->pool, b->npool);
    if (b->full)
        return;
    for (uint32_t k = 0; k < b->nfix; k++) {
        const struct x64_fix *f = &b->fix[k];
        int32_t rel = (int32_t)(base + f->lit - (f->at + 4 + f->trail));

        memcpy(b->start + f->at, &rel, 4);
    }
    b->nfix = b->npool = 0;
}

static void note_literal(struct x64_buf *b, uint32_t lit, unsigned trail)
{
    if (b->nfix == b->fix_cap) {
        b->fix_cap = b->fix_cap ? 2 * b->fix_cap : 32;
        b->fix = xrealloc(b->fix, b->fix_cap * sizeof *b->fix);
    }
    b->fix[b->nfix++] = (struct x64_fix){ x64_here(b), lit, (uint8_t)trail };
}

/* --- ModRM, prefixes -------------------------------------------------------------------------------------------- */

static void put_modrm(struct x64_buf *b, unsigned reg, const struct x64_rm *rm, unsigned trail, bool evex)
{
    unsigned r = (reg & 7) << 3, mod;
    int base = rm->base;

    if (rm->reg >= 0) {
        x64_u8(b, (uint8_t)(0xc0 | r | (rm->reg & 7)));
        return;
    }
    if (rm->lit) {
        x64_u8(b, (uint8_t)(r | 5));
        note_literal(b, (uint32_t)rm->disp, trail);
        x64_u32(b, 0);
        return;
    }
    if (base < 0) {                                        /* [index * scale + disp32] or [disp32] */
        x64_u8(b, (uint8_t)(r | 4));
        x64_u8(b, (uint8_t)(rm->scale << 6 | (rm->index < 0 ? 4 : rm->index & 7) << 3 | 5));
        x64_u32(b, (uint32_t)rm->disp);
        return;
    }
    if (!rm->disp && (base & 7) != RBP)
        mod = 0;
    else if (rm->disp == (int8_t)rm->disp && !evex)
        mod = 1;
    else
        mod = 2;
    if (rm->index >= 0 || (base & 7) == RSP) {
        x64_u8(b, (uint8_t)(mod << 6 | r | 4));
        x64_u8(b, (uint8_t)(rm->scale << 6 | (rm->index < 0 ? 4 : rm->index & 7) << 3 | (base & 7)));
    } else {
        x64_u8(b, (uint8_t)(mod << 6 | r | (base & 7)));
    }
    if (mod == 1)
        x64_u8(b, (uint8_t)rm->disp);
    else if (mod == 2)
        x64_u32(b, (uint32_t)rm->disp);
}

static unsigned rex_xb(const struct x64_rm *rm)
{
    if (rm->reg >= 0)
        return rm->reg >> 3 & 1;
    return (rm->index >= 8 ? 2u : 0) | (rm->base >= 8 ? 1u : 0);
}

static void put_segment(struct x64_buf *b, const struct x64_rm *rm)
{
    if (rm->reg >= 0)
        return;
    if (rm->gs)
        x64_u8(b, 0x65);
    if (rm->addr32)
        x64_u8(b, 0x67);
}

static void put_legacy(struct x64_buf *b, unsigned prefix, unsigned map, uint8_t opcode, bool w, unsigned reg,
                       const struct x64_rm *rm, bool byte_reg, bool byte_rm, unsigned trail)
{
    static const uint8_t code[] = { 0, 0x66, 0xf3, 0xf2, 0xf2 };
    unsigned rex = (w ? 8 : 0) | (reg >= 8 ? 4 : 0) | rex_xb(rm);
    bool need = rex || (byte_reg && reg >= 4) || (byte_rm && rm->reg >= 4);

    put_segment(b, rm);
    if (prefix == P_66F2)
        x64_u8(b, 0x66);
    if (prefix)
        x64_u8(b, code[prefix]);
    if (need)
        x64_u8(b, (uint8_t)(0x40 | rex));
    if (map != M_1)
        x64_u8(b, 0x0f);
    if (map == M_38)
        x64_u8(b, 0x38);
    else if (map == M_3A)
        x64_u8(b, 0x3a);
    x64_u8(b, opcode);
    put_modrm(b, reg, rm, trail, false);
}

static void put_vex(struct x64_buf *b, unsigned pp, unsigned map, uint8_t opcode, bool w, bool l, unsigned reg, unsigned v,
                    const struct x64_rm *rm, unsigned trail)
{
    unsigned xb = rex_xb(rm), r = reg >= 8;

    put_segment(b, rm);
    if (map == M_F && !w && !xb) {
        x64_u8(b, 0xc5);
        x64_u8(b, (uint8_t)((r ? 0 : 0x80) | (~v & 15) << 3 | (l ? 4 : 0) | pp));
    } else {
        x64_u8(b, 0xc4);
        x64_u8(b, (uint8_t)((r ? 0 : 0x80) | (xb & 2 ? 0 : 0x40) | (xb & 1 ? 0 : 0x20) | map));
        x64_u8(b, (uint8_t)((w ? 0x80 : 0) | (~v & 15) << 3 | (l ? 4 : 0) | pp));
    }
    x64_u8(b, opcode);
    put_modrm(b, reg, rm, trail, false);
}

static void put_evex(struct x64_buf *b, unsigned pp, unsigned map, uint8_t opcode, bool w, unsigned reg, unsigned v,
                     const struct x64_rm *rm, unsigned trail)
{
    unsigned xb = rex_xb(rm);

    put_segment(b, rm);
    x64_u8(b, 0x62);
    x64_u8(b, (uint8_t)((reg >= 8 ? 0 : 0x80) | (xb & 2 || 0 ? 0 : 0x40) | (xb & 1 ? 0 : 0x20) | 0x10 | map));
    x64_u8(b, (uint8_t)((w ? 0x80 : 0) | (~v & 15) << 3 | 4 | pp));
    x64_u8(b, 0x08);                                       /* 128 bits, no mask, V' = 1 */
    x64_u8(b, opcode);
    put_modrm(b, reg, rm, trail, true);
}

static unsigned pp_of(unsigned prefix)
{
    return prefix == P_66F2 ? P_F2 : prefix;
}

void x64_op(struct x64_buf *b, enum x64_op op, bool w, unsigned reg, unsigned v, struct x64_rm rm, unsigned trail)
{
    unsigned kind = ops[op].kind, prefix = ops[op].prefix, map = ops[op].map;
    uint8_t opcode = ops[op].opcode;

    switch (kind) {
    case K_G: case K_GB: case K_GS:
        put_legacy(b, prefix, map, opcode, w, reg, &rm, kind == K_GS, kind == K_GB || kind == K_GS, trail);
        break;
    case K_GV:
        put_vex(b, pp_of(prefix), map, opcode, w, false, reg, v, &rm, trail);
        break;
    case K_S: case K_SW: case K_SG:
        if (b->avx)
            put_vex(b, pp_of(prefix), map, opcode, kind == K_SW || (kind == K_SG && w), false, reg, v, &rm, trail);
        else
            put_legacy(b, prefix, map, opcode, kind == K_SG && w, reg, &rm, false, false, trail);
        break;
    case K_V: case K_VW:
        put_vex(b, pp_of(prefix), map, opcode, kind == K_VW, false, reg, v, &rm, trail);
        break;
    case K_E: case K_E1:
        put_evex(b, pp_of(prefix), map, opcode, w || kind == K_E1, reg, v, &rm, trail);
        break;
    case K_L:
        put_legacy(b, prefix, map, opcode, false, reg, &rm, false, false, trail);
        break;
    }
}

void x64_op256(struct x64_buf *b, enum x64_op op, unsigned reg, unsigned v, struct x64_rm rm, unsigned trail)
{
    unsigned kind = ops[op].kind;

    put_vex(b, pp_of(ops[op].prefix), ops[op].map, ops[op].opcode, kind == K_SW || kind == K_VW, true, reg, v, &rm, trail);
}

static void vec_op(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, unsigned v, struct x64_rm s, unsigned trail)
{
    if (l256)
        x64_op256(b, op, d, v, s, trail);
    else
        x64_op(b, op, false, d, v, s, trail);
}

static void vec3(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, unsigned a, struct x64_rm s, unsigned trail)
{
    if (!b->avx && d != a)
        x64_op(b, X_movaps, false, d, 0, x64_r(a), 0);
    vec_op(b, op, l256, d, b->avx ? a : 0, s, trail);
}

void x64_vvv(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, unsigned a, struct x64_rm s)
{
    vec3(b, op, l256, d, a, s, 0);
}

void x64_vvvi(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, unsigned a, struct x64_rm s, uint8_t imm)
{
    vec3(b, op, l256, d, a, s, 1);
    x64_u8(b, imm);
}

void x64_vv(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, struct x64_rm s)
{
    vec_op(b, op, l256, d, 0, s, 0);
}

void x64_vvi(struct x64_buf *b, enum x64_op op, bool l256, unsigned d, struct x64_rm s, uint8_t imm)
{
    vec_op(b, op, l256, d, 0, s, 1);
    x64_u8(b, imm);
}

void x64_vshift(struct x64_buf *b, enum x64_op op, bool l256, unsigned ext, unsigned d, unsigned s, uint8_t imm)
{
    if (b->avx) {
        vec_op(b, op, l256, ext, d, x64_r(s), 1);
    } else {
        if (d != s)
            x64_op(b, X_movaps, false, d, 0, x64_r(s), 0);
        x64_op(b, op, false, ext, 0, x64_r(d), 1);
    }
    x64_u8(b, imm);
}

/* --- general registers ------------------------------------------------------------------------------------------ */

void x64_mov(struct x64_buf *b, bool w, unsigned d, unsigned s)
{
    if (d != s || !w)
        x64_gg(b, X_mov_load, w, d, s);
}

void x64_movi_keep(struct x64_buf *b, unsigned d, uint64_t v)
{
    if (v == (uint32_t)v) {
        if (d >= 8)
            x64_u8(b, 0x41);
        x64_u8(b, (uint8_t)(0xb8 | (d & 7)));
        x64_u32(b, (uint32_t)v);
    } else if ((int64_t)v == (int32_t)v) {
        struct x64_rm rm = x64_r(d);

        put_legacy(b, P_0, M_1, 0xc7, true, 0, &rm, false, false, 4);
        x64_u32(b, (uint32_t)v);
    } else {
        x64_u8(b, (uint8_t)(0x48 | (d >= 8)));
        x64_u8(b, (uint8_t)(0xb8 | (d & 7)));
        x64_u64(b, v);
    }
}

void x64_movi(struct x64_buf *b, unsigned d, uint64_t v)
{
    if (v)
        x64_movi_keep(b, d, v);
    else
        x64_alu(b, ALU_XOR, false, d, x64_r(d));
}

void x64_alu(struct x64_buf *b, enum x64_alu op, bool w, unsigned d, struct x64_rm s)
{
    put_legacy(b, P_0, M_1, (uint8_t)(op << 3 | 3), w, d, &s, false, false, 0);
}

void x64_alu_m(struct x64_buf *b, enum x64_alu op, bool w, struct x64_rm d, unsigned s)
{
    put_legacy(b, P_0, M_1, (uint8_t)(op << 3 | 1), w, s, &d, false, false, 0);
}

void x64_alui(struct x64_buf *b, enum x64_alu op, bool w, struct x64_rm d, int32_t imm)
{
    if (imm == (int8_t)imm) {
        put_legacy(b, P_0, M_1, 0x83, w, op, &d, false, false, 1);
        x64_u8(b, (uint8_t)imm);
    } else if (d.reg == RAX) {
        if (w)
            x64_u8(b, 0x48);
        x64_u8(b, (uint8_t)(op << 3 | 5));
        x64_u32(b, (uint32_t)imm);
    } else {
        put_legacy(b, P_0, M_1, 0x81, w, op, &d, false, false, 4);
        x64_u32(b, (uint32_t)imm);
    }
}

void x64_testi(struct x64_buf *b, bool w, struct x64_rm d, int32_t imm)
{
    bool byte = imm >= 0 && imm < 0x80;                    /* sign flag of the byte is then that of the whole: clear */

    if (imm >= 0)
        w = false;
    if (byte && (d.reg < 0 || d.reg < 4)) {
        put_legacy(b, P_0, M_1, 0xf6, false, 0, &d, false, true, 1);
        x64_u8(b, (uint8_t)imm);
        return;
    }
    put_legacy(b, P_0, M_1, 0xf7, w, 0, &d, false, false, 4);
    x64_u32(b, (uint32_t)imm);
}

void x64_shift(struct x64_buf *b, enum x64_shift op, bool w, unsigned d, unsigned n)
{
    struct x64_rm rm = x64_r(d);

    if (!n)
        return;
    put_legacy(b, P_0, M_1, n == 1 ? 0xd1 : 0xc1, w, op, &rm, false, false, n != 1);
    if (n != 1)
        x64_u8(b, (uint8_t)n);
}

void x64_shift_cl(struct x64_buf *b, enum x64_shift op, bool w, unsigned d)
{
    struct x64_rm rm = x64_r(d);

    put_legacy(b, P_0, M_1, 0xd3, w, op, &rm, false, false, 0);
}

void x64_un(struct x64_buf *b, enum x64_unary op, bool w, struct x64_rm d)
{
    put_legacy(b, P_0, M_1, 0xf7, w, op, &d, false, false, 0);
}

void x64_bswap(struct x64_buf *b, bool w, unsigned d)
{
    if (w || d >= 8)
        x64_u8(b, (uint8_t)(0x40 | (w ? 8 : 0) | (d >= 8)));
    x64_u8(b, 0x0f);
    x64_u8(b, (uint8_t)(0xc8 | (d & 7)));
}

void x64_setcc(struct x64_buf *b, enum x64_cc cc, unsigned d)
{
    struct x64_rm rm = x64_r(d);

    put_legacy(b, P_0, M_F, (uint8_t)(0x90 | cc), false, 0, &rm, false, true, 0);
}

void x64_cmov(struct x64_buf *b, enum x64_cc cc, bool w, unsigned d, struct x64_rm s)
{
    put_legacy(b, P_0, M_F, (uint8_t)(0x40 | cc), w, d, &s, false, false, 0);
}

void x64_movi_m(struct x64_buf *b, unsigned bytes, struct x64_rm d, int32_t imm)
{
    unsigned n = bytes > 4 ? 4 : bytes;

    put_legacy(b, bytes == 2 ? P_66 : P_0, M_1, bytes == 1 ? 0xc6 : 0xc7, bytes == 8, 0, &d, false, false, n);
    put_imm(b, (uint64_t)imm, n);
}

void x64_lock(struct x64_buf *b)
{
    x64_u8(b, 0xf0);
}

void x64_push(struct x64_buf *b, unsigned r)
{
    if (r >= 8)
        x64_u8(b, 0x41);
    x64_u8(b, (uint8_t)(0x50 | (r & 7)));
}

void x64_pop(struct x64_buf *b, unsigned r)
{
    if (r >= 8)
        x64_u8(b, 0x41);
    x64_u8(b, (uint8_t)(0x58 | (r & 7)));
}

void x64_pushi(struct x64_buf *b, int32_t v)
{
    if (v == (int8_t)v) {
        x64_u8(b, 0x6a);
        x64_u8(b, (uint8_t)v);
    } else {
        x64_u8(b, 0x68);
        x64_u32(b, (uint32_t)v);
    }
}

void x64_call_r(struct x64_buf *b, unsigned r)
{
    struct x64_rm rm = x64_r(r);

    put_legacy(b, P_0, M_1, 0xff, false, 2, &rm, false, false, 0);
}

void x64_jmp_rm(struct x64_buf *b, struct x64_rm d)
{
    put_legacy(b, P_0, M_1, 0xff, false, 4, &d, false, false, 0);
}

void x64_ldmxcsr(struct x64_buf *b, struct x64_rm s)
{
    x64_op(b, X_ldmxcsr, false, 2, 0, s, 0);
}

void x64_stmxcsr(struct x64_buf *b, struct x64_rm d)
{
    x64_op(b, X_ldmxcsr, false, 3, 0, d, 0);
}

void x64_vzeroupper(struct x64_buf *b)
{
    x64_bytes(b, "\xc5\xf8\x77", 3);
}

/* --- jumps ------------------------------------------------------------------------------------------------------ */

uint32_t x64_jcc(struct x64_buf *b, enum x64_cc cc)
{
    x64_u8(b, 0x0f);
    x64_u8(b, (uint8_t)(0x80 | cc));
    x64_u32(b, 0);
    return x64_here(b) - 4;
}

uint32_t x64_jmp(struct x64_buf *b)
{
    x64_u8(b, 0xe9);
    x64_u32(b, 0);
    return x64_here(b) - 4;
}

void x64_bind(struct x64_buf *b, uint32_t field, uint32_t to)
{
    int32_t rel = (int32_t)(to - (field + 4));

    if (!b->full)
        memcpy(b->start + field, &rel, 4);
}

void x64_jcc_to(struct x64_buf *b, enum x64_cc cc, uint32_t to)
{
    int32_t rel = (int32_t)(to - (x64_here(b) + 2));

    if (rel != (int8_t)rel) {
        x64_bind(b, x64_jcc(b, cc), to);
        return;
    }
    x64_u8(b, (uint8_t)(0x70 | cc));
    x64_u8(b, (uint8_t)rel);
}

void x64_jmp_to(struct x64_buf *b, uint32_t to)
{
    int32_t rel = (int32_t)(to - (x64_here(b) + 2));

    if (rel != (int8_t)rel) {
        x64_bind(b, x64_jmp(b), to);
        return;
    }
    x64_u8(b, 0xeb);
    x64_u8(b, (uint8_t)rel);
}

uint32_t x64_jcc8(struct x64_buf *b, enum x64_cc cc)
{
    x64_u8(b, (uint8_t)(0x70 | cc));
    x64_u8(b, 0);
    return x64_here(b) - 1;
}

uint32_t x64_jmp8(struct x64_buf *b)
{
    x64_u8(b, 0xeb);
    x64_u8(b, 0);
    return x64_here(b) - 1;
}

void x64_bind8(struct x64_buf *b, uint32_t field)
{
    if (!b->full)
        b->start[field] = (uint8_t)(x64_here(b) - (field + 1));
}
