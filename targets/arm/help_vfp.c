/* targets/arm/help_vfp.c - AArch32's floating-point system registers. Arm ARM (DDI 0487), G8.2. */
#include <xmmintrin.h>

#include "targets/arm/help.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"

enum { FPSID, FPSCR, MVFR2 = 5, MVFR1, MVFR0, FPEXC, FPSCR_LEN = 0x370000 /* Len, Stride */ };

uint32_t arm_help_vmrs(struct cpu_env *c, uint32_t reg)
{
    struct arm_env *env = arm_env(c);
    const bool *has = env->model->has;

    switch (reg) {
    case FPSID: return has[ARM_F_v8] ? 0x41034070 : 0x410430f0;
    case FPSCR:
        c->mxcsr = _mm_getcsr();
        return arm_fpsr(env) | env->fpcr;
    case MVFR0: return 0x10110222 | (has[ARM_F_vfpvec] ? 1u << 24 : 0);
    case MVFR1: return 0x00011111 | (has[ARM_F_vfp4] ? 1u << 28 : 0) |
                       (!has[ARM_F_vfphp] ? 0 : has[ARM_F_v8] ? 0x02100000 : 0x01100000);
    case MVFR2: return 0x43;
    default: return env->fpexc;
    }
}

void arm_help_vmsr(struct cpu_env *c, uint32_t reg, uint32_t v)
{
    struct arm_env *env = arm_env(c);

    if (reg == FPEXC) {
        env->fpexc = v & 1u << 30;             /* EN; there are no exceptions to report */
    } else if (reg == FPSCR) {
        c->mxcsr = _mm_getcsr();
        arm_set_fpcr(env, v);
        if (env->model->has[ARM_F_vfpvec])
            env->fpcr |= v & FPSCR_LEN;
        arm_set_fpsr(env, v);
        _mm_setcsr(c->mxcsr);
    }
}
