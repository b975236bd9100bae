/* tests/isa/a32simd/flush.c - runs in the guest: Advanced SIMD's single precision where subnormal numbers come in or out, near
 * the least normal one, and with NaNs. A line an instruction and mode of FPSCR: a hash of results and flags, which flush.txt has
 * too. With an instruction's name as argument, each result. */
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint32x4_t vec;

enum { TIMES = 300, FLAGS = 0x9f };

static const uint32_t modes[] = { 0, 1u << 24 /* FZ */, 1u << 25 /* DN */, 1u << 22, 3u << 22 /* rounding */ };

/* Whole registers; with D registers, the lower half of n and the upper one of m. */
#define THREE(name, insn) \
    static vec name(vec d, vec n, vec m) { __asm__ volatile(insn " %q0, %q1, %q2" : "+w"(d) : "w"(n), "w"(m)); return d; }
#define HALVES(name, insn) \
    static vec name(vec d, vec n, vec m) \
    { \
        uint32x2_t r = vget_low_u32(d), a = vget_low_u32(n), b = vget_high_u32(m); \
        __asm__ volatile(insn " %P0, %P1, %P2" : "+w"(r) : "w"(a), "w"(b)); \
        return vcombine_u32(r, a); \
    }
#define TWO(name, insn, more) \
    static vec name(vec d, vec n, vec m) { (void)m; __asm__ volatile(insn " %q0, %q1" more : "+w"(d) : "w"(n)); return d; }

#define ALL(T, H, W) \
    T(add, "vadd.f32") T(sub, "vsub.f32") T(mul, "vmul.f32") T(mla, "vmla.f32") T(mls, "vmls.f32") T(fused, "vfma.f32") \
    T(fused_s, "vfms.f32") T(max, "vmax.f32") T(min, "vmin.f32") T(ceq, "vceq.f32") T(cge, "vcge.f32") T(cgt, "vcgt.f32") \
    T(acge, "vacge.f32") T(acgt, "vacgt.f32") T(abd, "vabd.f32") T(recps, "vrecps.f32") T(rsqrts, "vrsqrts.f32") \
    H(padd, "vpadd.f32") H(pmax, "vpmax.f32") H(pmin, "vpmin.f32") H(add_d, "vadd.f32") H(mul_d, "vmul.f32") \
    H(mla_d, "vmla.f32") H(fused_d, "vfma.f32") \
    W(ceq0, "vceq.f32", ", #0") W(cge0, "vcge.f32", ", #0") W(cgt0, "vcgt.f32", ", #0") W(cle0, "vcle.f32", ", #0") \
    W(clt0, "vclt.f32", ", #0") W(to_s, "vcvt.s32.f32", "") W(to_u, "vcvt.u32.f32", "") W(from_s, "vcvt.f32.s32", "") \
    W(from_u, "vcvt.f32.u32", "") W(to_fixed, "vcvt.s32.f32", ", #7") W(from_fixed, "vcvt.f32.u32", ", #9") \
    W(recpe, "vrecpe.f32", "") W(rsqrte, "vrsqrte.f32", "") W(rintn, "vrintn.f32", "") W(rintx, "vrintx.f32", "") \
    W(rintz, "vrintz.f32", "") W(rintm, "vrintm.f32", "") W(rintp, "vrintp.f32", "") W(rinta, "vrinta.f32", "") \
    W(cvtn, "vcvtn.s32.f32", "") W(cvtp, "vcvtp.u32.f32", "")

ALL(THREE, HALVES, TWO)

#define NAME(name, ...) { #name, name },
static const struct { const char *name; vec (*run)(vec, vec, vec); } ops[] = { ALL(NAME, NAME, NAME) };

static uint32_t seed;

static uint32_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

static uint32_t operand(void)
{
    static const uint32_t special[] = {
        0, 0x80000000, 1, 0x80000001, 0x7fffff, 0x807fffff, 0x800000, 0x80800000, 0x800001, 0xffffff, 0x1000000, 0x0c000000,
        0x1f800000, 0x1fffffff, 0x20000000, 0x20800000, 0xa0000000, 0x33800000, 0x34000000, 0x3f000000, 0x3f800000, 0xbf800000,
        0x3fffffff, 0x40000000, 0x4effffff, 0x4f000000, 0x7e800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
        0x7f800001, 0xffc12345,
    };
    uint32_t kind = next() % 5, digits = next() & 0x807fffff;

    switch (kind) {
    case 0: case 1: return special[next() % (sizeof special / sizeof *special)];
    case 2: return digits | (next() & 255) << 23;
    case 3: return digits | (60 + next() % 10) << 23;      /* products near the least normal number */
    default: return digits | (next() % 6) << 23;
    }
}

static uint32_t fpscr(void)
{
    uint32_t v;

    __asm__ volatile("vmrs %0, fpscr" : "=r"(v));
    return v;
}

static uint64_t run(unsigned op, uint32_t mode, int tell)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    uint32_t v[12], r[5];
    vec x;

    seed = 777 + op;
    for (int i = 0; i < TIMES; i++) {
        for (int k = 0; k < 12; k++)
            v[k] = operand();
        __asm__ volatile("vmsr fpscr, %0" : : "r"(mode) : "memory");
        x = ops[op].run(vld1q_u32(v), vld1q_u32(v + 4), vld1q_u32(v + 8));
        r[4] = fpscr() & FLAGS;
        vst1q_u32(r, x);
        for (int k = 0; k < 5; k++)
            hash = (hash ^ r[k]) * UINT64_C(0x100000001b3);
        for (int k = 0; tell && k < 17; k++)
            printf("%08x%s", k < 12 ? v[k] : r[k - 12], k == 16 ? "\n" : k % 4 == 3 ? ", " : " ");
    }
    return hash;
}

int main(int argc, char **argv)
{
    for (unsigned op = 0; op < sizeof ops / sizeof *ops; op++)
        for (unsigned k = 0; k < sizeof modes / sizeof *modes; k++)
            if (argc < 2 || !strcmp(argv[1], ops[op].name))
                printf("%s %08x %016llx\n", ops[op].name, (unsigned)modes[k], (unsigned long long)run(op, modes[k], argc > 1));
    return 0;
}
