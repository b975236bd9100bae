/* tests/isa/a32simd/vectors.c - runs in the guest: short vectors of VFP. Each instruction with each length and stride, all
 * registers hashed. vectors.txt: stride 0 is what an independent emulator printed for -cpu cortex-a8, but for double operations
 * with one operand, where it leaves the operand's bank; for these and for stride 3 (there: 4 registers, and 2 in the manual)
 * it is what single precision and DDI 0406C, K.1, say. */
#include <stdint.h>
#include <stdio.h>

static double regs[32];

static void fill(void)
{
    float *f = (float *)regs;

    for (int i = 0; i < 16; i++)
        f[2 * i] = 1.5f + (float)i, f[2 * i + 1] = -2.25f * (float)(i + 1);
    for (int i = 16; i < 32; i++)
        regs[i] = 0.75 * i;
}

static void fill_doubles(void)
{
    for (int i = 0; i < 32; i++)
        regs[i] = i & 1 ? 1.25 * i : -3.5 - i;
}

static uint64_t hash(void)
{
    const uint8_t *p = (const uint8_t *)regs;
    uint64_t h = 0xcbf29ce484222325;

    for (unsigned i = 0; i < sizeof regs; i++)
        h = (h ^ p[i]) * 0x100000001b3;
    return h;
}

#define ALL "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15", "d16", "d17", \
    "d18", "d19", "d20", "d21", "d22", "d23", "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31"
#define RUN(how, insn) \
    for (unsigned len = 0; len < 8; len++) \
        for (unsigned stride = 0; stride < 4; stride += 3) { \
            unsigned fpscr = len << 16 | stride << 20, back; \
            if (len * (stride ? 2 : 1) >= ((how) ? 4u : 8u)) \
                continue;                      /* around the bank: unpredictable */ \
            (how) ? fill_doubles() : fill(); \
            __asm__ volatile("vldmia %2, {d0-d15}\n add %2, #128\n vldmia %2, {d16-d31}\n sub %2, #128\n vmsr fpscr, %1\n" insn \
                             "\n vmrs %0, fpscr\n vmsr fpscr, %3\n vstmia %2, {d0-d15}\n add %2, #128\n vstmia %2, {d16-d31}\n sub %2, #128" \
                             : "=&r"(back) : "r"(fpscr), "r"(regs), "r"(0) : "memory", ALL); \
            printf("%s %u %u: %08x %016llx\n", insn, len, stride, back, (unsigned long long)hash()); \
        }

int main(void)
{
    RUN(0, "vadd.f32 s8, s16, s24")
    RUN(0, "vadd.f32 s13, s22, s31")
    RUN(0, "vmul.f32 s8, s16, s3")
    RUN(0, "vsub.f32 s2, s16, s24")
    RUN(0, "vmla.f32 s16, s24, s8")
    RUN(0, "vnmls.f32 s16, s24, s8")
    RUN(0, "vdiv.f32 s24, s9, s17")
    RUN(0, "vmov.f32 s24, s9")
    RUN(0, "vmov.f32 s24, s1")
    RUN(0, "vneg.f32 s10, s24")
    RUN(0, "vabs.f32 s10, s25")
    RUN(0, "vmov.f32 s17, #1.5")
    RUN(0, "vcmp.f32 s17, s18")
    RUN(0, "vcvt.s32.f32 s17, s18")
    RUN(1, "vadd.f64 d4, d8, d12")
    RUN(1, "vmul.f64 d5, d10, d2")
    RUN(1, "vsub.f64 d16, d20, d24")
    RUN(1, "vmls.f64 d20, d24, d28")
    RUN(1, "vmul.f64 d21, d24, d17")
    RUN(1, "vneg.f64 d22, d25")
    RUN(1, "vsqrt.f64 d6, d9")
    RUN(1, "vmov.f64 d28, #-2.0")
    return 0;
}
