/* targets/arm/state.h - the CPU state of an Arm core, and what the parts of this guest share.
 *
 * Homes of x0..x30 and sp come first, where generated code reaches them with short displacements. The condition flags
 * are kept as the operation that made them and its operands (cc_op, cc_a, cc_b): enum arm_flags_op says how to read them. */
#ifndef TARGETS_ARM_STATE_H
#define TARGETS_ARM_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcg/runtime.h"

struct error;

enum arm_feature {
#define FEATURE(name, help) ARM_F_##name,
#include "targets/arm/features.def"
#undef FEATURE
    ARM_NFEATURES
};

struct arm_model {
    const char *name;
    bool has[ARM_NFEATURES];
    bool pauth_impdef;                         /* pointer authentication by the cheap algorithm */
    uint64_t midr;
};

/* How cc_a and cc_b make NZCV. */
enum arm_flags_op {
    ARM_CC_NZCV,                               /* cc_a: N bit 31, Z 30, C 29, V 28 */
    ARM_CC_SUB64, ARM_CC_SUB32,                /* the flags of cc_a - cc_b */
    ARM_CC_ADD64, ARM_CC_ADD32,                /* of cc_a + cc_b */
    ARM_CC_LOGIC64, ARM_CC_LOGIC32,            /* N and Z of cc_a; C and V clear */
    ARM_CC_SUBX64, ARM_CC_SUBX32,              /* as SUB, with C clear if cc_x is not 0 (ccmp with #4) */
};

/* Exceptions as rt_raise() and deliver() see them. */
enum arm_exception {
    ARM_EXC_UNDEF = 0x100, ARM_EXC_SVC, ARM_EXC_BRK, ARM_EXC_INSN_ABORT, ARM_EXC_DATA_ABORT, ARM_EXC_PC_ALIGN,
    ARM_EXC_SP_ALIGN, ARM_EXC_DATA_ALIGN,
    ARM_EXC_DEBUG = 0x300,
};

struct arm_env {
    struct cpu_env c;
    uint64_t x[31], sp;
    uint32_t cc_op, fpcr;
    uint64_t cc_a, cc_b, cc_x;
    uint8_t v[32][16] __attribute__((aligned(16)));
    uint32_t fpsr;                             /* what MXCSR does not hold: QC */
    uint64_t excl_addr, excl_lo, excl_hi;      /* exclusive monitor: address (~0 none) and the value that was read */
    uint64_t pair_expect[2], pair_new[2];      /* 16-byte compare and swap */
    uint64_t far;                              /* detail of the exception being raised: fault address, immediate */
    uint32_t esr;
    uint64_t tpidr_el0, tpidrro_el0;
    const struct arm_model *model;
    bool system;
};

static inline struct arm_env *arm_env(const struct cpu_env *c) { return (struct arm_env *)(uintptr_t)c; }

/* tcg slots */
enum { ARM_SLOT_X0 = 0, ARM_SLOT_SP = 31, ARM_SLOT_CC_OP, ARM_SLOT_CC_A, ARM_SLOT_CC_B, ARM_SLOT_CC_X, ARM_SLOT_V0, ARM_NSLOTS = ARM_SLOT_V0 + 32 };

/** arm_nzcv - the flags in the upper four bits, from any form. */
uint32_t arm_nzcv(uint32_t op, uint64_t a, uint64_t b, uint64_t x);

#endif
