/* targets/arm/tr_simd_perm.c - lanes moved: permutations, tables, and registers interleaved for loads and stores. */
#include "targets/arm/tr_simd_i.h"

/* Half registers go as the two halves of one. */
static ir_ref unzip(const struct lower *x, bool odd)
{
    ir_ref a = x->n, b = x->m;

    if (!x->q)
        a = b = vlows(x, a, b);
    return v2(x, odd ? IR_OP_vodd : IR_OP_veven, x->bits, a, b);
}

static ir_ref transpose(const struct lower *x, bool odd)
{
    uint64_t low = x->bits < 64 ? (UINT64_C(1) << x->bits) - 1 : 0;

    if (x->bits == 64)
        return v2(x, odd ? IR_OP_vziphi : IR_OP_vziplo, 64, x->n, x->m);
    if (odd)
        return vor(x, vright(x, true, 2 * x->bits, x->n, x->bits), vand(x, x->m, vsplat(x, 2 * x->bits, low << x->bits)));
    return vor(x, vand(x, x->n, vsplat(x, 2 * x->bits, low)), vshl(x, 2 * x->bits, x->m, x->bits));
}

static ir_ref zip(const struct lower *x, bool high)
{
    ir_ref v;

    if (x->q)
        return v2(x, high ? IR_OP_vziphi : IR_OP_vziplo, x->bits, x->n, x->m);
    v = v2(x, IR_OP_vziplo, x->bits, x->n, x->m);
    return high ? vshufd(x, v, SWAP_HALVES) : v;
}

ir_ref simd_lower_perm(struct lower *x)
{
    ir_ref both;

    switch (x->op) {
    case SIMD_UZP1: case SIMD_UZP2: return unzip(x, x->op == SIMD_UZP2);
    case SIMD_TRN1: case SIMD_TRN2: return transpose(x, x->op == SIMD_TRN2);
    case SIMD_ZIP1: case SIMD_ZIP2: return zip(x, x->op == SIMD_ZIP2);
    case SIMD_EXT:
        if (x->q)
            return v2i(x, IR_OP_valign, 0, x->count, x->n, x->m);
        both = vlows(x, x->n, x->m);
        return v2i(x, IR_OP_valign, 0, x->count, both, both);
    default: return IR_NONE;
    }
}

ir_ref simd_dup_lane(struct ir *ir, unsigned bits, unsigned k, ir_ref v)
{
    struct lower x = { .ir = ir };
    unsigned bytes = bits / 8;
    uint64_t order = 0;

    if (bits == 64)
        return v2(&x, k ? IR_OP_vziphi : IR_OP_vziplo, 64, v, v);
    if (bits == 32)
        return vshufd(&x, v, k * 0x55);
    for (unsigned i = 0; i < 8; i++)
        order |= (uint64_t)(k * bytes + i % bytes) << 8 * i;
    return vshufb(&x, v, ir_v128(ir, order, order));
}

/* An index that is out of a register's range comes to have bit 7 set, which PSHUFB takes for zero. */
ir_ref simd_table(struct ir *ir, const ir_ref *regs, unsigned nregs, ir_ref index, ir_ref old)
{
    struct lower x = { .ir = ir };
    ir_ref r = IR_NONE;

    for (unsigned k = 0; k < nregs; k++) {
        ir_ref i = k ? vsub(&x, 8, index, vsplat(&x, 8, 16 * k)) : index, v;

        v = vshufb(&x, regs[k], v2(&x, IR_OP_vuadds, 8, i, vsplat(&x, 8, 0x70)));
        r = r ? vor(&x, r, v) : v;
    }
    if (old)
        r = vbsl(&x, v2(&x, IR_OP_vcmpgtu, 8, index, vsplat(&x, 8, 16 * nregs - 1)), old, r);
    return r;
}

/* --- structures in memory -------------------------------------------------------------------------------------------------------- */

static ir_ref part(const struct lower *x, bool odd, ir_ref a, ir_ref b) { return v2(x, odd ? IR_OP_vodd : IR_OP_veven, x->bits, a, b); }

/* Three: each result gathers its bytes from all of n; from[k][i] says where byte i of result k stands, register * 16 + byte. */
static void gather(const struct lower *x, uint8_t from[3][16], unsigned results, unsigned sources, ir_ref *v)
{
    ir_ref r[3] = { IR_NONE };

    for (unsigned k = 0; k < results; k++)
        for (unsigned s = 0; s < sources; s++) {
            union { uint8_t b[16]; uint64_t u[2]; } order;
            ir_ref p;

            for (unsigned i = 0; i < 16; i++)
                order.b[i] = from[k][i] / 16 == s ? from[k][i] % 16 : 0x80;
            p = vshufb(x, v[s], ir_v128(x->ir, order.u[0], order.u[1]));
            r[k] = r[k] ? vor(x, r[k], p) : p;
        }
    for (unsigned k = 0; k < results; k++)
        v[k] = r[k];
}

static void threes(const struct lower *x, bool interleave, ir_ref *v)
{
    unsigned bytes = x->bits / 8, total = x->q ? 48 : 24, whole = (total + 15) / 16;
    uint8_t from[3][16];

    for (unsigned k = 0; k < 48; k++)
        from[k / 16][k % 16] = 0xff;
    for (unsigned i = 0; i < total; i++) {     /* byte i of memory: of lane i / bytes; lanes go round the registers */
        unsigned lane = i / bytes, reg = lane % 3, at = lane / 3 * bytes + i % bytes;

        if (interleave)
            from[i / 16][i % 16] = (uint8_t)(reg * 16 + at);
        else
            from[reg][at] = (uint8_t)i;
    }
    gather(x, from, interleave ? whole : 3, interleave ? 3 : whole, v);
}

void simd_deinterleave(struct ir *ir, unsigned bits, unsigned n, bool q, ir_ref *v)
{
    struct lower x = { .ir = ir, .bits = bits, .q = q };
    ir_ref even[2], odd[2];

    if (n == 3) {
        threes(&x, false, v);
        return;
    }
    for (unsigned k = 0; k < n / 2; k++) {     /* of four: lanes 0 and 2 of each structure, 1 and 3 */
        ir_ref a = v[q ? 2 * k : n == 4 ? 0 : k], b = v[q ? 2 * k + 1 : n == 4 ? 1 : k];

        even[k] = part(&x, false, a, b);
        odd[k] = part(&x, true, a, b);
    }
    if (n == 2) {
        v[0] = even[0], v[1] = odd[0];
        return;
    }
    v[0] = part(&x, false, even[0], even[1]);
    v[1] = part(&x, false, odd[0], odd[1]);
    v[2] = part(&x, true, even[0], even[1]);
    v[3] = part(&x, true, odd[0], odd[1]);
}

/* Halves: the second of two results is not needed. */
static void zips(const struct lower *x, ir_ref a, ir_ref b, ir_ref *low, ir_ref *high)
{
    *low = v2(x, IR_OP_vziplo, x->bits, a, b);
    *high = v2(x, IR_OP_vziphi, x->bits, a, b);
}

void simd_interleave(struct ir *ir, unsigned bits, unsigned n, bool q, ir_ref *v)
{
    struct lower x = { .ir = ir, .bits = bits, .q = q };
    ir_ref even[2], odd[2];

    if (n == 3) {
        threes(&x, true, v);
        return;
    }
    if (n == 2) {
        zips(&x, v[0], v[1], &v[0], &v[1]);
        return;
    }
    zips(&x, v[0], v[2], &even[0], &even[1]);
    zips(&x, v[1], v[3], &odd[0], &odd[1]);
    zips(&x, even[0], odd[0], &v[0], &v[1]);
    if (q)
        zips(&x, even[1], odd[1], &v[2], &v[3]);
}
