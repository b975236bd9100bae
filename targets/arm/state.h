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
    ARM_EXC_FP_TRAP,                           /* FP or SIMD that CPACR_EL1 does not allow */
    ARM_EXC_SYSREG_TRAP,                       /* an access from EL0 that EL1 has reserved: esr is the ISS */
    ARM_EXC_WAIT_TRAP,                         /* WFI or WFE of EL0; esr bit 0: WFE */
    ARM_EXC_IRQ, ARM_EXC_FIQ,
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
    /* system level */
    uint32_t pstate;                           /* as in SPSR, without NZCV: enum arm_pstate */
    _Atomic uint32_t lines;                    /* bit 0 IRQ, bit 1 FIQ; set by any thread */
    uint64_t sp_el[2];                         /* stack pointers; that of the bank in use is in sp */
    uint64_t sctlr, ttbr[2], tcr, mair, amair, vbar, esr_el1, far_el1, elr, spsr, tpidr_el1, contextidr, cpacr, par;
    uint64_t actlr, afsr[2], csselr, cntkctl, mdscr, os_lock;
    uint64_t cnt_ctl[2], cnt_cval[2];          /* 0 physical, 1 virtual */
    uint64_t debug[4][16];                     /* DBGBVR, DBGBCR, DBGWVR, DBGWCR */
    /* Where page tables were found last: part of one block of RAM. */
    struct { uint64_t first, len, generation; uint8_t *host; bool readonly; } table_seen;
};

enum arm_pstate {
    PSTATE_SP = 1, PSTATE_EL_SHIFT = 2, PSTATE_F = 1 << 6, PSTATE_I = 1 << 7, PSTATE_A = 1 << 8, PSTATE_D = 1 << 9,
    PSTATE_DAIF = 0xf << 6, PSTATE_SSBS = 1 << 12, PSTATE_IL = 1 << 20, PSTATE_SS = 1 << 21, PSTATE_PAN = 1 << 22,
    PSTATE_UAO = 1 << 23,
};

/* The translator's mode: bits of FPCR, then these. */
enum { ARM_MODE_FPCR = 0xff, ARM_MODE_EL1 = 1 << 8, ARM_MODE_FP_TRAP = 1 << 9 };

static inline struct arm_env *arm_env(const struct cpu_env *c) { return (struct arm_env *)(uintptr_t)c; }

static inline unsigned arm_el(const struct arm_env *env) { return env->pstate >> PSTATE_EL_SHIFT & 3; }

/* tcg slots */
enum { ARM_SLOT_X0 = 0, ARM_SLOT_SP = 31, ARM_SLOT_CC_OP, ARM_SLOT_CC_A, ARM_SLOT_CC_B, ARM_SLOT_CC_X, ARM_SLOT_V0, ARM_NSLOTS = ARM_SLOT_V0 + 32 };

/** arm_nzcv - the flags in the upper four bits, from any form. */
uint32_t arm_nzcv(uint32_t op, uint64_t a, uint64_t b, uint64_t x);

#endif
