/* targets/riscv/state.h - the CPU state of a RISC-V hart, RV32 or RV64, and what the parts of this guest share.
 *
 * Homes of x1..x31 and f0..f31 are addressed by generated code; x0 has no home. On RV32 an x register uses the low half
 * of its home and the upper half stays zero. fflags are the flags of the host's MXCSR: outside generated code, c.mxcsr. */
#ifndef TARGETS_RISCV_STATE_H
#define TARGETS_RISCV_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tcg/runtime.h"

struct error;
struct riscv_csr;

enum riscv_feature {
#define FEATURE(name, on, isa, help) RV_F_##name,
#include "targets/riscv/features.def"
#undef FEATURE
    RV_NFEATURES
};

struct riscv_model {
    struct riscv_model *next;                  /* made before */
    const char *name;
    uint8_t xlen;                              /* 32 or 64 */
    uint8_t pmp_entries, pmp_grain;            /* 0, 16 or 64; log2 of the granularity is 2 + grain */
    uint16_t cbo_bytes;                        /* cache block of Zicbom and Zicboz */
    uint64_t marchid, mimpid, mvendorid;
    bool has[RV_NFEATURES];
    const struct riscv_csr **csr;              /* by number; NULL where there is none */
};

enum riscv_priv { RV_U = 0, RV_S = 1, RV_M = 3 };

/* Exceptions as rt_raise() and deliver() see them: the cause behind a base, since 0 means none there. */
enum riscv_exception {
    RV_EXC = 0x100,
    RV_EXC_INSN_MISALIGNED = RV_EXC, RV_EXC_INSN_ACCESS, RV_EXC_ILLEGAL, RV_EXC_BREAKPOINT, RV_EXC_LOAD_MISALIGNED,
    RV_EXC_LOAD_ACCESS, RV_EXC_STORE_MISALIGNED, RV_EXC_STORE_ACCESS, RV_EXC_ECALL_U, RV_EXC_ECALL_S,
    RV_EXC_ECALL_M = RV_EXC + 11, RV_EXC_INSN_PAGE, RV_EXC_LOAD_PAGE, RV_EXC_STORE_PAGE = RV_EXC + 15,
    RV_INT = 0x200,                            /* interrupts: RV_INT + number */
    RV_EXC_DEBUG = 0x300,                      /* stop for the debugger; not the guest's business */
};

/* Interrupt numbers, also the bits of mip, and the lines of riscv_set_irq(). */
enum riscv_irq {
    RV_IRQ_SSI = 1, RV_IRQ_MSI = 3, RV_IRQ_STI = 5, RV_IRQ_MTI = 7, RV_IRQ_SEI = 9, RV_IRQ_MEI = 11, RV_IRQ_LCOFI = 13,
};

/* mstatus as RV64 has it; RV32 sees the upper half as mstatush */
#define MSTATUS_SIE  (UINT64_C(1) << 1)
#define MSTATUS_MIE  (UINT64_C(1) << 3)
#define MSTATUS_SPIE (UINT64_C(1) << 5)
#define MSTATUS_MPIE (UINT64_C(1) << 7)
#define MSTATUS_SPP  (UINT64_C(1) << 8)
#define MSTATUS_MPP  (UINT64_C(3) << 11)
#define MSTATUS_FS   (UINT64_C(3) << 13)
#define MSTATUS_MPRV (UINT64_C(1) << 17)
#define MSTATUS_SUM  (UINT64_C(1) << 18)
#define MSTATUS_MXR  (UINT64_C(1) << 19)
#define MSTATUS_TVM  (UINT64_C(1) << 20)
#define MSTATUS_TW   (UINT64_C(1) << 21)
#define MSTATUS_TSR  (UINT64_C(1) << 22)
#define MSTATUS_UXL  (UINT64_C(3) << 32)
#define MSTATUS_SXL  (UINT64_C(3) << 34)

#define SSTATUS_MASK (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_UXL)

#define MENVCFG_ADUE  (UINT64_C(1) << 61)
#define MENVCFG_PBMTE (UINT64_C(1) << 62)
#define MENVCFG_STCE  (UINT64_C(1) << 63)

enum { RV_LINE_COUNTERS = 64 };                /* pin beside those of mip: the alarm of hpm.c */
enum { RV_HPM_COUNTERS = 32, RV_PMP_ENTRIES = 64 };

struct riscv_env {
    struct cpu_env c;
    uint64_t x1[31];                           /* x1..x31: use riscv_x(), riscv_set_x() */
    uint64_t f[32];                            /* NaN-boxed when narrower */

    uint64_t res_addr, res_val;                /* LR's reservation: res_addr ~0 none */
    uint64_t cas_expect[2], cas_new[2];        /* amocas.q; the old value comes back in cas_expect */
    uint64_t tval;                             /* detail of the exception being raised */

    uint32_t frm;
    const struct riscv_model *model;
    uint8_t priv;                              /* enum riscv_priv */
    bool system;

    /* machine mode */
    uint64_t mstatus, mtvec, medeleg, mideleg, mie, mscratch, mepc, mcause, mtval;
    uint64_t menvcfg, mseccfg, mcounteren, mcountinhibit;
    _Atomic uint64_t mip;                      /* lines; bits software sets are in here too */
    uint64_t mhartid;
    /* supervisor mode */
    uint64_t stvec, sscratch, sepc, scause, stval, satp, senvcfg, scounteren, stimecmp;
    _Atomic uint32_t ext_seip;                 /* the controller's S external line; mip reads as (software | line) */
    /* counters: what the guest wrote, against the base at that time */
    uint64_t mcycle_offset, minstret_offset, mcycle_stopped, minstret_stopped;
    uint64_t mhpmcounter[RV_HPM_COUNTERS], mhpmevent[RV_HPM_COUNTERS];
    uint64_t hpm_since[RV_HPM_COUNTERS];       /* of a counter that runs: what its event stood at when it had that value */
    uint64_t hpm_running;                      /* counters, as bits */
    bool hpm_filtered, hpm_alarm;              /* some count in some modes only; an alarm is set */
    _Atomic uint32_t hpm_due;                  /* the line RV_LINE_COUNTERS */
    uint64_t hpm_tsc_start; int64_t hpm_ns_start;          /* host's clocks at reset */
    /* physical memory protection */
    uint8_t pmpcfg[RV_PMP_ENTRIES];
    uint64_t pmpaddr[RV_PMP_ENTRIES];
    /* the entries that are on, in order: what pmp.c makes of the above */
    uint32_t pmp_active;
    uint64_t pmp_first[RV_PMP_ENTRIES], pmp_last[RV_PMP_ENTRIES];
    uint8_t pmp_rule[RV_PMP_ENTRIES];          /* cfg */
    struct { uint64_t first, last; uint8_t rule; } pmp_recent; /* a stretch with one rule, asked for last; empty: 1, 0 */
    /* Where page tables were found last: part of one block of RAM. */
    struct { uint64_t first, len, generation; uint8_t *host; bool readonly; } table_seen;
};

static inline struct riscv_env *riscv_env(const struct cpu_env *c) { return (struct riscv_env *)(uintptr_t)c; }

static inline uint64_t riscv_x(const struct riscv_env *env, unsigned r) { return r ? env->x1[r - 1] : 0; }
static inline void riscv_set_x(struct riscv_env *env, unsigned r, uint64_t v)
{
    if (r)
        env->x1[r - 1] = env->model->xlen == 32 ? (uint32_t)v : v;
}

/* tcg slots */
enum { RV_SLOT_X1 = 0, RV_SLOT_F0 = 31, RV_SLOT_PC_PAGE = 63, RV_NSLOTS };

/** riscv_fflags, riscv_set_fflags, riscv_set_frm - outside generated code: flags and rounding of fcsr. */
uint32_t riscv_fflags(const struct riscv_env *env);
void riscv_set_fflags(struct riscv_env *env, uint32_t flags);
void riscv_set_frm(struct riscv_env *env, uint32_t frm);

#endif
