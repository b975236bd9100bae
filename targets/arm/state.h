/* targets/arm/state.h - the CPU state of an Arm core, and what the parts of this guest share.
 *
 * Homes of x0..x30 and sp come first, where generated code reaches them with short displacements. The condition flags
 * are kept as the operation that made them and its operands (cc_op, cc_a, cc_b): enum arm_flags_op says how to read them.
 *
 * AArch32 lives in the same state: R0 to R12 are the low halves of x[0] to x[12], R13 and R14 of User mode those of x[13] and
 * x[14] (DDI 0487, D1.20.1). Generated code reaches them by i32 slots of their own, ARM_SLOT_R0 and on, which share the homes
 * of the i64 ones: a translation holds code of one execution state only, and between translations all is home. What is left
 * in the upper halves has no meaning until AArch64 is entered, where deliver() clears it.
 *
 * In AArch32, bit 0 of pc is PSTATE.T: an instruction's address is pc & ~1. So a branch that changes the instruction set is
 * found in the jump caches like any other. Q0 to Q15 are v[0] to v[15]; D and S registers are their halves and quarters. */
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

enum { ARM_PMU_EVENTS = 6, ARM_PMU_CYCLES = ARM_PMU_EVENTS,
       ARM_BREAKPOINTS = 6, ARM_CONTEXT_BREAKPOINTS = 2, ARM_WATCHPOINTS = 4 };

struct arm_model {
    const char *name;
    struct arm_model *next;                    /* made before */
    bool has[ARM_NFEATURES];
    enum arm_pauth { ARM_PAUTH_CHEAP, ARM_PAUTH_QARMA5, ARM_PAUTH_QARMA3 } pauth;   /* how codes are made */
    uint64_t midr;
    uint32_t mmfr0;                            /* ID_AA64MMFR0_EL1: physical addresses, ASIDs, granules */
    uint32_t ctr, clidr, ccsidr[3];            /* caches: L1 data, L1 instructions, L2 (index: CSSELR) */
};

/* How cc_a and cc_b make NZCV. */
enum arm_flags_op {
    ARM_CC_NZCV,                               /* cc_a: N bit 31, Z 30, C 29, V 28 */
    ARM_CC_SUB64, ARM_CC_SUB32,                /* the flags of cc_a - cc_b */
    ARM_CC_ADD64, ARM_CC_ADD32,                /* of cc_a + cc_b */
    ARM_CC_LOGIC64, ARM_CC_LOGIC32,            /* N and Z of cc_a; C and V clear */
    ARM_CC_SUBX64, ARM_CC_SUBX32,              /* as SUB, with C clear if cc_x is not 0 (ccmp with #4) */
    ARM_CC_ADC32,                              /* of cc_a + the low half of cc_b + its bit 32 */
    ARM_CC_KIND = 0xff,
    /* AArch32, beside one of the above: what has been set since without the others. */
    ARM_CC_NZ = 1 << 8,                        /* N and Z are those of the low half of cc_x */
    ARM_CC_C = 1 << 9,                         /* C is the bit of cc_c whose number is in bits 16 to 20 */
    ARM_CC_BIT_SHIFT = 16,
};

/* Exceptions as rt_raise() and deliver() see them. */
enum arm_exception {
    ARM_EXC_UNDEF = 0x100, ARM_EXC_SVC, ARM_EXC_BRK, ARM_EXC_INSN_ABORT, ARM_EXC_DATA_ABORT, ARM_EXC_PC_ALIGN,
    ARM_EXC_SP_ALIGN, ARM_EXC_DATA_ALIGN,
    ARM_EXC_FP_TRAP,                           /* FP or SIMD that CPACR_EL1 does not allow */
    ARM_EXC_SYSREG_TRAP,                       /* an access from EL0 that EL1 has reserved: esr is the ISS */
    ARM_EXC_CP_TRAP,                           /* the same from AArch32: far is the enum arm_cp_class */
    ARM_EXC_WAIT_TRAP,                         /* WFI or WFE of EL0; esr bit 0: WFE */
    ARM_EXC_BREAKPOINT, ARM_EXC_WATCHPOINT,    /* the guest's own */
    ARM_EXC_IRQ, ARM_EXC_FIQ,
    ARM_EXC_HVC, ARM_EXC_SMC,
    ARM_EXC_ILLEGAL,                           /* PSTATE.IL is set */
    ARM_EXC_PAUTH_FAIL,                        /* a pointer is not what was signed; esr: the key */
    ARM_EXC_PAUTH_TRAP,                        /* EL2 or EL3 (far) keeps it from those below */
    ARM_EXC_BTI,                               /* a branch to what is no target for it; esr: PSTATE.BTYPE */
    ARM_EXC_STEP,                              /* software step: one instruction is done */
    ARM_EXC_DEBUG = 0x300,
};

/* Exception classes of trapped coprocessor accesses. */
enum arm_cp_class { ARM_CP15 = 3, ARM_CP15_64, ARM_CP14, ARM_CP14_TRANSFER, ARM_CP14_64 = 0xc };
enum { ARM_ISS_NO_CONDITION = 0x1e << 20 };

/* What EL2 and EL3 have of what EL1 has, too. */
struct arm_upper { uint64_t sctlr, actlr, tcr, ttbr, mair, amair, vbar, esr, far, elr, spsr, tpidr, afsr[2], cptr; };

/* bti.c: what was found of a page of code. */
struct arm_bti_page { uint64_t number, view, forgotten, map; const uint8_t *host; bool valid, guarded; };

struct arm_env {
    struct cpu_env c;
    uint64_t x[31], sp;
    uint32_t cc_op, fpcr;
    uint64_t cc_a, cc_b, cc_x;
    uint32_t cc_c, ge;                         /* AArch32: see ARM_CC_C; GE as a mask of bytes */
    uint8_t v[32][16] __attribute__((aligned(16)));
    uint8_t qc[16] __attribute__((aligned(16)));   /* any bit set: FPSR.QC, by generated code */
    uint32_t fpsr;                             /* what MXCSR does not hold: QC by helpers, IDC */
    uint32_t fp_nzcv, fpexc;                   /* AArch32: what VCMP sets in FPSCR; FPEXC.EN in its place */
    uint64_t excl_addr, excl_lo, excl_hi;      /* exclusive monitor: address (~0 none) and the value that was read */
    uint64_t pair_expect[2], pair_new[2];      /* 16-byte compare and swap */
    uint64_t far;                              /* detail of the exception being raised: fault address, immediate */
    uint32_t esr;
    uint64_t tpidr_el0, tpidrro_el0;
    const struct arm_model *model;
    bool system;
    /* system level */
    uint32_t pstate;                           /* as in SPSR, without NZCV: enum arm_pstate; with PSTATE_A32, as in CPSR without T, IT, GE, Q */
    uint32_t itstate, q;                       /* AArch32: ITSTATE of the instruction at pc; Q: 0 or 1 */
    _Atomic uint32_t lines;                    /* bit 0 IRQ, bit 1 FIQ, bit 2 the counters' alarm; set by any thread */
    uint64_t sp_el[4];                         /* stack pointers; that of the bank in use is in sp */
    uint64_t sctlr, ttbr[2], tcr, mair, amair, vbar, esr_el1, far_el1, elr, spsr, tpidr_el1, contextidr, cpacr, par;
    uint64_t actlr, afsr[2], csselr, cntkctl, mdscr, os_lock;
    uint64_t cnt_ctl[4], cnt_cval[4];          /* 0 physical, 1 virtual, 2 EL2's physical, 3 secure physical */
    struct arm_upper upper[2];                 /* EL2, EL3 */
    uint64_t hcr, hpfar, hstr, vpidr, vmpidr, vttbr, vtcr, cnthctl, cntvoff, mdcr[2], hacr, ich_hcr, ich_vmcr, scr, sder;
    /* AArch32: registers of the modes that are not in use (USR FIQ IRQ SVC ABT UND; R8 to R12 of FIQ mode and of the
     * others), and of CP15 what AArch64
     * has not */
    struct { uint32_t r13[6], r14[6], spsrs[6], spsr, fiq[5], low[5], dacr, dfsr, ifsr, dfar, ifar; } a32;
    uint64_t keys[5][2];                       /* pointer authentication: IA, IB, DA, DB, GA; low half first */
    uint64_t debug[4][16];                     /* DBGBVR, DBGBCR, DBGWVR, DBGWCR */
    uint32_t claims, mdccint, dtr;             /* DBGCLAIM; the debug channel, which nobody listens to */
    struct {                                   /* pmu.c; counters and types: events, then cycles */
        uint64_t counter[ARM_PMU_CYCLES + 1];
        uint64_t since[ARM_PMU_CYCLES + 1];    /* of a counter that runs: what its event stood at when it had that value */
        uint32_t type[ARM_PMU_CYCLES + 1];
        uint32_t cr, enabled, overflowed, interrupts, select, user;
        uint32_t running;                      /* counters, as bits */
        bool filtered, alarm, line;            /* some count at some levels only; an alarm is set; the overflow line is up */
    } pmu;
    struct arm_bti_page bti[64];
    /* PSTATE.BTYPE, which is not 0 only before the instruction at `to`: in a guarded page or in one that is not there. */
    struct { uint64_t to; uint32_t type; } branched;
    /* Where page tables were found last: part of one block of RAM. */
    struct { uint64_t first, len, generation; uint8_t *host; bool readonly; } table_seen;
};

enum { ARM_LINE_COUNTERS = 4 };

enum arm_pstate {
    PSTATE_SP = 1, PSTATE_EL_SHIFT = 2, PSTATE_F = 1 << 6, PSTATE_I = 1 << 7, PSTATE_A = 1 << 8, PSTATE_D = 1 << 9,
    PSTATE_BTYPE_SHIFT = 10, PSTATE_DAIF = 0xf << 6, PSTATE_SSBS = 1 << 12, PSTATE_IL = 1 << 20, PSTATE_SS = 1 << 21, PSTATE_PAN = 1 << 22,
    PSTATE_UAO = 1 << 23,
    PSTATE_A32 = 1 << 4, PSTATE_A32_MODE = 0x1f, PSTATE_E = 1 << 9,    /* AArch32: with the mode in bits 3 to 0; big-endian data */
};

/* AArch32 modes: CPSR.M with PSTATE_A32. */
enum arm_a32_mode { A32_USR = 0x10, A32_FIQ, A32_IRQ, A32_SVC, A32_MON = 0x16, A32_ABT, A32_HYP = 0x1a, A32_UND, A32_SYS = 0x1f };

/* The translator's mode: bits of FPCR, then these. */
enum {
    ARM_MODE_FPCR = 0xff, ARM_MODE_EL1 = 1 << 8, ARM_MODE_FP_TRAP = 1 << 9,
    ARM_MODE_A32 = 1 << 10, ARM_MODE_BE = 1 << 11, ARM_MODE_IT_SHIFT = 12, /* to 19: ITSTATE at the block's begin */
    ARM_MODE_LEN_SHIFT = 32,                   /* to 37: Len, a bit, Stride of FPSCR: VFP vectors */
    ARM_MODE_NAA = 1 << 20,                    /* SCTLR_ELx.nAA: ordered accesses may cross 16 bytes */
    ARM_MODE_IL = 1 << 21,                     /* PSTATE.IL: nothing can be executed */
    ARM_MODE_PLAIN_EL1 = 1 << 22,              /* EL1 on SP_EL1, with no EL2 that might trap its registers */
    /* Software step: one instruction, which clears PSTATE.SS; with that clear, the exception. */
    ARM_MODE_STEP = 1 << 23, ARM_MODE_STEPPED = 1 << 24,
    ARM_MODE_ALIGN = 1 << 26,                  /* SCTLR_ELx.A: every access has to be aligned */
    ARM_MODE_NO_ZVA = 1 << 27, ARM_MODE_NO_CACHE = 1 << 28,        /* EL0 may not use DC ZVA; the maintenance of caches */
    ARM_MODE_GUARDED = 1 << 30,                /* there may be guarded pages: indirect branches are looked at */
    ARM_MODE_KEYS_OFF = 1 << 29,               /* user mode: pointers are not authenticated by every key */
    ARM_MODE_BREAK = 1 << 25,                  /* one of the guest's breakpoints may be met */
    ARM_MODE_FIQ = 1 << 29,                    /* AArch32: FIQ mode, where R8 to R12 are its own */
};
#define ARM_MODE_ALONE (UINT64_C(1) << 63)     /* beside them: the translation is not linked to others */

static inline struct arm_env *arm_env(const struct cpu_env *c) { return (struct arm_env *)(uintptr_t)c; }

enum arm_sctlr_bits { SCTLR_M = 1, SCTLR_A = 2, SCTLR_NAA = 1 << 6, SCTLR_DZE = 1 << 14, SCTLR_WXN = 1 << 19, SCTLR_UCI = 1 << 26 };
enum arm_hcr { HCR_FMO = 1 << 3, HCR_IMO = 1 << 4, HCR_TWI = 1 << 13, HCR_TWE = 1 << 14, HCR_TID1 = 1 << 16, HCR_TID2 = 1 << 17, HCR_TID3 = 1 << 18,
               HCR_TSC = 1 << 19, HCR_TACR = 1 << 21, HCR_TVM = 1 << 26, HCR_TRVM = 1 << 30, HCR_TGE = 1 << 27,
               HCR_HCD = 1 << 29 };
#define HCR_APK (UINT64_C(1) << 40)
#define HCR_API (UINT64_C(1) << 41)
enum { SCR_APK = 1 << 16, SCR_API = 1 << 17 };
enum arm_sctlr_bit { SCTLR_ENDB = 13, SCTLR_ENDA = 27, SCTLR_ENIB = 30, SCTLR_ENIA = 31, SCTLR_BT0 = 35, SCTLR_BT1 = 36 };
enum arm_scr { SCR_NS = 1, SCR_IRQ = 2, SCR_FIQ = 4, SCR_SMD = 1 << 7, SCR_HCE = 1 << 8, SCR_RW = 1 << 10 };
enum { CPTR_TFP = 1 << 10, CPTR_TCPAC = 1u << 31 };

/* The modes of AArch32 but User mode are EL1's. */
static inline unsigned arm_el(const struct arm_env *env)
{
    return env->pstate & PSTATE_A32 ? (env->pstate & PSTATE_A32_MODE) != PSTATE_A32 : env->pstate >> PSTATE_EL_SHIFT & 3;
}

static inline bool arm_has_el(const struct arm_env *env, unsigned el)
{
    return el < 2 || env->model->has[el == 2 ? ARM_F_el2 : ARM_F_el3];
}

/** arm_el2_on - is EL2 there, and in force in the present security state? */
static inline bool arm_el2_on(const struct arm_env *env)
{
    return arm_has_el(env, 2) && (!arm_has_el(env, 3) || env->scr & SCR_NS);
}

/** arm_sctlr - SCTLR of the translation regime of a level. */
static inline uint64_t arm_sctlr(const struct arm_env *env, unsigned el) { return el < 2 ? env->sctlr : env->upper[el - 2].sctlr; }

enum arm_mdscr { MDSCR_SS = 1, MDSCR_KDE = 1 << 13, MDSCR_MDE = 1 << 15 };
enum { MDCR_TDE = 1 << 8 };

/** arm_debug_level - the level that debug exceptions are taken to from below. DDI 0487, D2.3. */
static inline unsigned arm_debug_level(const struct arm_env *env)
{
    return arm_el2_on(env) && (env->mdcr[0] & MDCR_TDE || env->hcr & HCR_TGE) ? 2 : 1;
}

/** arm_debug_enabled - are steps, breakpoints and watchpoints taken at the present level? D2.4. */
static inline bool arm_debug_enabled(const struct arm_env *env)
{
    unsigned el = env->pstate >> PSTATE_EL_SHIFT & 3, to = arm_debug_level(env);

    return !env->os_lock && (el < to || (el == to && env->mdscr & MDSCR_KDE && !(env->pstate & (PSTATE_D | PSTATE_A32))));
}

/** arm_steps - is software step in force at the present level? DDI 0487, D2.12. */
static inline bool arm_steps(const struct arm_env *env) { return env->mdscr & MDSCR_SS && arm_debug_enabled(env); }

/* tcg slots */
enum { ARM_SLOT_X0 = 0, ARM_SLOT_SP = 31, ARM_SLOT_CC_OP, ARM_SLOT_CC_A, ARM_SLOT_CC_B, ARM_SLOT_CC_X, ARM_SLOT_V0,
       ARM_SLOT_R0 = ARM_SLOT_V0 + 32, ARM_SLOT_CC_C = ARM_SLOT_R0 + 15, ARM_SLOT_GE, ARM_SLOT_QC, ARM_SLOT_FP_NZCV,
       ARM_SLOT_PC_PAGE, ARM_SLOT_S0 /* f32, f64: AArch32's, in place of those of V0 and on */, ARM_SLOT_D0 = ARM_SLOT_S0 + 32,
       ARM_NSLOTS = ARM_SLOT_D0 + 32 };

/** arm_nzcv - the flags in the upper four bits, from any form; c matters to AArch32 only. arm_flags: those of a CPU. */
uint32_t arm_nzcv(uint32_t op, uint64_t a, uint64_t b, uint64_t x, uint32_t c);
static inline uint32_t arm_flags(const struct arm_env *env)
{
    return arm_nzcv(env->cc_op, env->cc_a, env->cc_b, env->cc_x, env->cc_c);
}
static inline void arm_set_flags(struct arm_env *env, uint32_t nzcv)
{
    env->cc_op = ARM_CC_NZCV;
    env->cc_a = nzcv & 0xf0000000;
}

/** arm_cpsr - the CPSR of an AArch32 state, with T from pc. arm_set_cpsr: bits of mask; T goes to pc; the mode is not switched. */
uint32_t arm_cpsr(const struct arm_env *env);
void arm_set_cpsr(struct arm_env *env, uint32_t v, uint32_t mask);
enum { CPSR_T = 1 << 5, CPSR_GE = 0xf << 16, CPSR_Q = 1 << 27, CPSR_IT = 0x0600fc00, CPSR_J = 1 << 24,
       CPSR_SSBS = 1 << 23 /* PSTATE_SSBS is a bit of ITSTATE here */,
       CPSR_USER = 0xf80f0200 /* what User mode may change by MSR: NZCVQ, GE, E */ };
#endif
