/* targets/riscv/csr.c - what reading and writing each CSR does. Privileged ISA, chapters 3, 10, 13 and the extensions
 * named at the functions. Fields are WARL: what is not supported keeps its old value or becomes a supported one. */
#include <immintrin.h>
#include <stddef.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/vm/vcpu.h"
#include "targets/riscv/csr.h"
#include "targets/riscv/excp.h"
#include "targets/riscv/help.h"
#include "targets/riscv/hpm.h"
#include "targets/riscv/mmu.h"
#include "targets/riscv/state.h"

/* --- floating point ------------------------------------------------------------------------------------------------
 * The five flags live in MXCSR: invalid, divide by zero, overflow, underflow, inexact are its bits 0, 2, 3, 4, 5. */

enum { MXCSR_FLAGS = 0x3f, MXCSR_RC_SHIFT = 13, MXCSR_RC = 3 << MXCSR_RC_SHIFT };

uint32_t riscv_fflags(const struct riscv_env *env)
{
    uint32_t x = env->c.mxcsr;

    return (x & 1) << 4 | (x & 4) << 1 | (x & 8) >> 1 | (x & 0x10) >> 3 | (x & 0x20) >> 5;
}

void riscv_set_fflags(struct riscv_env *env, uint32_t f)
{
    uint32_t x = (f >> 4 & 1) | (f >> 1 & 4) | (f << 1 & 8) | (f << 3 & 0x10) | (f << 5 & 0x20);

    env->c.mxcsr = (env->c.mxcsr & ~(uint32_t)MXCSR_FLAGS) | x;
}

void riscv_set_frm(struct riscv_env *env, uint32_t frm)
{
    static const uint8_t rc[8] = { 0, 3, 1, 2, 0, 0, 0, 0 };   /* RNE, RTZ, RDN, RUP; the rest is not MXCSR's business */

    env->frm = frm & 7;
    env->c.mxcsr = (env->c.mxcsr & ~(uint32_t)MXCSR_RC) | (uint32_t)rc[env->frm] << MXCSR_RC_SHIFT;
}

static uint64_t csr_read_fflags(struct riscv_env *env, unsigned n)
{
    (void)n;
    return riscv_fflags(env);
}

static void fs_dirty(struct riscv_env *env)
{
    env->mstatus |= MSTATUS_FS;
}

static void csr_write_fflags(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    riscv_set_fflags(env, (uint32_t)v);
    fs_dirty(env);
}

static uint64_t csr_read_frm(struct riscv_env *env, unsigned n)
{
    (void)n;
    return env->frm;
}

static void csr_write_frm(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    riscv_set_frm(env, (uint32_t)v);
    fs_dirty(env);
}

static uint64_t csr_read_fcsr(struct riscv_env *env, unsigned n)
{
    (void)n;
    return env->frm << 5 | riscv_fflags(env);
}

static void csr_write_fcsr(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    riscv_set_fflags(env, (uint32_t)v);
    riscv_set_frm(env, (uint32_t)v >> 5);
    fs_dirty(env);
}

static bool csr_if_fs(struct riscv_env *env, unsigned n, bool write)
{
    (void)n;
    (void)write;
    return (env->mstatus & MSTATUS_FS) != 0;
}

/* --- counters ------------------------------------------------------------------------------------------------------ */

static bool rv32(const struct riscv_env *env)
{
    return env->model->xlen == 32;
}

/* Half of a 64-bit register: RV32 has two names for it. */
static uint64_t low(const struct riscv_env *env, uint64_t v)
{
    return rv32(env) ? (uint32_t)v : v;
}

static uint64_t put_low(const struct riscv_env *env, uint64_t old, uint64_t v)
{
    return rv32(env) ? (old & ~(uint64_t)UINT32_MAX) | (uint32_t)v : v;
}

static uint64_t put_high(uint64_t old, uint64_t v)
{
    return (uint32_t)old | v << 32;
}

/* mcycle and minstret hold what is to be added to what the counters count by (hpm.h). */

static uint64_t read_time(struct riscv_env *env)
{
    struct vcpu *v = env->c.vcpu;
    struct timespec ts;

    if (v && v->read_time)
        return v->read_time(v->time_opaque);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 10000000 + (uint64_t)ts.tv_nsec / 100;
}

static uint64_t cycle(struct riscv_env *env)
{
    return (env->mcountinhibit & 1 ? env->mcycle_stopped : riscv_cycles(env)) + env->mcycle_offset;
}

static uint64_t instret(struct riscv_env *env)
{
    return (env->mcountinhibit & 4 ? env->minstret_stopped : riscv_retired(env)) + env->minstret_offset;
}

#define READ_64(name, expr) \
    static uint64_t csr_read_##name(struct riscv_env *env, unsigned n) { (void)n; (void)env; return low(env, expr); } \
    static uint64_t csr_read_##name##_h(struct riscv_env *env, unsigned n) { (void)n; (void)env; return (expr) >> 32; }
READ_64(cycle, cycle(env))
READ_64(instret, instret(env))
READ_64(time, read_time(env))

static void csr_write_mcycle(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->mcycle_offset += put_low(env, cycle(env), v) - cycle(env);
}

static void csr_write_mcycle_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->mcycle_offset += put_high(cycle(env), v) - cycle(env);
}

static void csr_write_minstret(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->minstret_offset += put_low(env, instret(env), v) - instret(env) - riscv_counts_own(env);
}

static void csr_write_minstret_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->minstret_offset += put_high(instret(env), v) - instret(env) - riscv_counts_own(env);
}

/* cycle, time and instret of the lower modes are let through bit by bit; user mode emulation lets all through. */
static bool csr_if_counter(struct riscv_env *env, unsigned n, bool write)
{
    uint64_t bit = BIT64(n & 31);

    (void)write;
    if (!env->system || env->priv == RV_M)
        return true;
    if (!(env->mcounteren & bit))
        return false;
    return env->priv == RV_S || !env->model->has[RV_F_s] || env->scounteren & bit;
}

static void csr_write_mcountinhibit(struct riscv_env *env, unsigned n, uint64_t v)
{
    uint64_t c = cycle(env), i = instret(env);

    (void)n;
    env->mcycle_stopped = riscv_cycles(env);
    env->minstret_stopped = riscv_retired(env);
    env->mcountinhibit = v & (UINT32_MAX & ~2u);
    env->mcycle_offset = c - env->mcycle_stopped;
    env->minstret_offset = i - env->minstret_stopped;
    riscv_hpm_update(env);
}

static uint64_t csr_read_mcountinhibit(struct riscv_env *env, unsigned n)
{
    (void)n;
    return env->mcountinhibit;
}

static unsigned hpm_index(unsigned n)
{
    return n & 31;
}

static uint64_t csr_read_hpm(struct riscv_env *env, unsigned n)
{
    return low(env, riscv_hpm_read(env, hpm_index(n)));
}

static uint64_t csr_read_hpm_h(struct riscv_env *env, unsigned n)
{
    return riscv_hpm_read(env, hpm_index(n)) >> 32;
}

static void csr_write_hpm(struct riscv_env *env, unsigned n, uint64_t v)
{
    riscv_hpm_write(env, hpm_index(n), put_low(env, riscv_hpm_read(env, hpm_index(n)), v));
}

static void csr_write_hpm_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    riscv_hpm_write(env, hpm_index(n), put_high(riscv_hpm_read(env, hpm_index(n)), v));
}

static uint64_t csr_read_hpmevent(struct riscv_env *env, unsigned n)
{
    return low(env, riscv_hpm_event(env, hpm_index(n)));
}

static uint64_t csr_read_hpmevent_h(struct riscv_env *env, unsigned n)
{
    return riscv_hpm_event(env, hpm_index(n)) >> 32;
}

/* Sscofpmf: overflow and the inhibit bits of M, S, U; VS and VU stay zero. */
#define HPMEVENT_HIGH (UINT64_C(0xf) << 60)

static void set_hpmevent(struct riscv_env *env, unsigned n, uint64_t v)
{
    riscv_hpm_set_event(env, hpm_index(n), v & (env->model->has[RV_F_sscofpmf] ? HPMEVENT_HIGH | UINT32_MAX : UINT32_MAX));
}

static void csr_write_hpmevent(struct riscv_env *env, unsigned n, uint64_t v)
{
    set_hpmevent(env, n, put_low(env, riscv_hpm_event(env, hpm_index(n)), v));
}

static void csr_write_hpmevent_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    set_hpmevent(env, n, put_high(riscv_hpm_event(env, hpm_index(n)), v));
}

static uint64_t csr_read_scountovf(struct riscv_env *env, unsigned n)
{
    uint64_t v = 0;

    (void)n;
    for (unsigned i = 3; i < 32; i++)
        v |= (riscv_hpm_event(env, i) >> 63) << i;
    return env->priv == RV_M ? v : v & env->mcounteren;
}

/* --- identity ------------------------------------------------------------------------------------------------------ */

static uint64_t csr_read_zero(struct riscv_env *env, unsigned n)
{
    (void)env;
    (void)n;
    return 0;
}

#define READ_FIELD(name, expr) \
    static uint64_t csr_read_##name(struct riscv_env *env, unsigned n) { (void)n; return expr; }
READ_FIELD(mvendorid, env->model->mvendorid)
READ_FIELD(marchid, env->model->marchid)
READ_FIELD(mimpid, env->model->mimpid)

static uint64_t csr_read_misa(struct riscv_env *env, unsigned n)
{
    static const struct { uint8_t feature; char letter; } letters[] = {
        { RV_F_m, 'm' }, { RV_F_a, 'a' }, { RV_F_f, 'f' }, { RV_F_d, 'd' }, { RV_F_c, 'c' }, { RV_F_s, 's' }, { RV_F_u, 'u' },
    };
    uint64_t v = 1 << ('i' - 'a') | (rv32(env) ? UINT64_C(1) << 30 : UINT64_C(2) << 62);

    (void)n;
    for (unsigned i = 0; i < ARRAY_LEN(letters); i++)
        if (env->model->has[letters[i].feature])
            v |= BIT64(letters[i].letter - 'a');
    if (env->model->has[RV_F_zba] && env->model->has[RV_F_zbb] && env->model->has[RV_F_zbs])
        v |= BIT64('b' - 'a');
    return v;
}

/* --- status -------------------------------------------------------------------------------------------------------- */

static uint64_t mstatus(const struct riscv_env *env)
{
    uint64_t v = env->mstatus;

    if ((v & MSTATUS_FS) == MSTATUS_FS)
        v |= rv32(env) ? UINT64_C(1) << 31 : UINT64_C(1) << 63;   /* SD */
    return v;
}

static uint64_t csr_read_mstatus(struct riscv_env *env, unsigned n)
{
    (void)n;
    return low(env, mstatus(env));
}

static uint64_t csr_read_mstatus_h(struct riscv_env *env, unsigned n)
{
    (void)env;
    (void)n;
    return 0;                                  /* little-endian in every mode; RV32 has no SXL, UXL */
}

static void csr_write_mstatus_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)env;
    (void)n;
    (void)v;
}

static uint64_t csr_read_sstatus(struct riscv_env *env, unsigned n)
{
    uint64_t sd = rv32(env) ? UINT64_C(1) << 31 : UINT64_C(1) << 63;

    (void)n;
    return low(env, mstatus(env) & (SSTATUS_MASK | sd));
}

static void change_status(struct riscv_env *env, uint64_t v, uint64_t mask)
{
    const struct riscv_model *m = env->model;
    uint64_t old = env->mstatus;

    if (!m->has[RV_F_s])
        mask &= ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TSR);
    if (!m->has[RV_F_u])
        mask &= ~(MSTATUS_MPRV | MSTATUS_TW | MSTATUS_MPP);
    if (!m->has[RV_F_f])
        mask &= ~MSTATUS_FS;
    if ((v & MSTATUS_MPP) == UINT64_C(2) << 11 || ((v & MSTATUS_MPP) == UINT64_C(1) << 11 && !m->has[RV_F_s]))
        mask &= ~MSTATUS_MPP;
    env->mstatus = (old & ~mask) | (v & mask);
}

static void csr_write_mstatus(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    change_status(env, v, MSTATUS_SIE | MSTATUS_MIE | MSTATUS_SPIE | MSTATUS_MPIE | MSTATUS_SPP | MSTATUS_MPP | MSTATUS_FS |
                          MSTATUS_MPRV | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR);
}

static void csr_write_sstatus(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    change_status(env, v, SSTATUS_MASK & ~MSTATUS_UXL);
}

/* --- traps --------------------------------------------------------------------------------------------------------- */

static uint64_t align_pc(const struct riscv_env *env, uint64_t v)
{
    return low(env, v) & ~(env->model->has[RV_F_c] ? UINT64_C(1) : UINT64_C(3));
}

static uint64_t tvec(uint64_t old, uint64_t v)
{
    return (v & 3) > 1 ? (v & ~UINT64_C(3)) | (old & 3) : v;
}

#define TRAP_REGISTERS(x) \
    static void csr_write_##x##tvec(struct riscv_env *env, unsigned n, uint64_t v) \
    { \
        (void)n; \
        env->x##tvec = tvec(env->x##tvec, low(env, v)); \
    } \
    static void csr_write_##x##epc(struct riscv_env *env, unsigned n, uint64_t v) \
    { \
        (void)n; \
        env->x##epc = align_pc(env, v); \
    }
TRAP_REGISTERS(m)
TRAP_REGISTERS(s)

/* What may go to S mode: every exception of the base but ecall from M; the S interrupts and counter overflow. */
#define DELEGABLE UINT64_C(0xb3ff)

static uint64_t s_interrupts(const struct riscv_env *env)
{
    return BIT64(RV_IRQ_SSI) | BIT64(RV_IRQ_STI) | BIT64(RV_IRQ_SEI) |
           (env->model->has[RV_F_sscofpmf] ? BIT64(RV_IRQ_LCOFI) : 0);
}

static uint64_t all_interrupts(const struct riscv_env *env)
{
    return BIT64(RV_IRQ_MSI) | BIT64(RV_IRQ_MTI) | BIT64(RV_IRQ_MEI) | (env->model->has[RV_F_s] ? s_interrupts(env) : 0);
}

READ_FIELD(sie, env->mie & env->mideleg & s_interrupts(env))
READ_FIELD(mip, riscv_mip(env))
READ_FIELD(sip, riscv_mip(env) & env->mideleg & s_interrupts(env))

static void csr_write_medeleg(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->medeleg = v & DELEGABLE;
}

static void csr_write_mideleg(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->mideleg = v & s_interrupts(env);
}

static void csr_write_mie(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->mie = v & all_interrupts(env);
}

static void csr_write_sie(struct riscv_env *env, unsigned n, uint64_t v)
{
    uint64_t mask = env->mideleg & s_interrupts(env);

    (void)n;
    env->mie = (env->mie & ~mask) | (v & mask);
}

/* The bits that software owns; the others follow their lines. stip belongs to stimecmp where menvcfg.STCE says so. */
static void write_mip(struct riscv_env *env, uint64_t v, uint64_t mask)
{
    if (riscv_stimecmp_on(env))
        mask &= ~BIT64(RV_IRQ_STI);
    atomic_fetch_and(&env->mip, ~mask | v);
    atomic_fetch_or(&env->mip, v & mask);
}

static void csr_write_mip(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    if (env->model->has[RV_F_s])
        write_mip(env, v, s_interrupts(env));
}

static void csr_write_sip(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    write_mip(env, v, env->mideleg & (BIT64(RV_IRQ_SSI) | (s_interrupts(env) & BIT64(RV_IRQ_LCOFI))));
}

/* --- Sstc ---------------------------------------------------------------------------------------------------------- */

static bool csr_if_stimecmp(struct riscv_env *env, unsigned n, bool write)
{
    (void)n;
    (void)write;
    return env->priv == RV_M || (env->mcounteren & 2 && env->menvcfg & MENVCFG_STCE);
}

READ_FIELD(stimecmp, low(env, env->stimecmp))
READ_FIELD(stimecmp_h, env->stimecmp >> 32)

static void csr_write_stimecmp(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->stimecmp = put_low(env, env->stimecmp, v);
    riscv_stimecmp_changed(env);
}

static void csr_write_stimecmp_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    env->stimecmp = put_high(env->stimecmp, v);
    riscv_stimecmp_changed(env);
}

/* --- configuration ------------------------------------------------------------------------------------------------- */

/* FIOM, and for Zicbom, Zicboz: CBIE (10 is reserved), CBCFE, CBZE */
static uint64_t envcfg_mask(const struct riscv_env *env, uint64_t v)
{
    uint64_t mask = 1;

    if (env->model->has[RV_F_zicbom])
        mask |= UINT64_C(1) << 6 | ((v >> 4 & 3) == 2 ? 0 : UINT64_C(3) << 4);
    if (env->model->has[RV_F_zicboz])
        mask |= UINT64_C(1) << 7;
    return mask;
}

static uint64_t menvcfg_mask(const struct riscv_env *env, uint64_t v)
{
    return envcfg_mask(env, v) | (env->model->has[RV_F_sstc] ? MENVCFG_STCE : 0) |
           (env->model->has[RV_F_svpbmt] ? MENVCFG_PBMTE : 0) | (env->model->has[RV_F_svadu] ? MENVCFG_ADUE : 0);
}

static void set_menvcfg(struct riscv_env *env, uint64_t v)
{
    uint64_t mask = menvcfg_mask(env, v), old = env->menvcfg;

    env->menvcfg = (old & ~mask) | (v & mask);
    if ((env->menvcfg ^ old) & (MENVCFG_PBMTE | MENVCFG_ADUE))
        rt_flush_all(&env->c);
    if ((env->menvcfg ^ old) & MENVCFG_STCE)
        riscv_stimecmp_changed(env);
}

READ_FIELD(menvcfg, low(env, env->menvcfg))
READ_FIELD(menvcfg_h, env->menvcfg >> 32)
READ_FIELD(senvcfg, env->senvcfg)
READ_FIELD(mseccfg, env->mseccfg)

static void csr_write_menvcfg(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    set_menvcfg(env, put_low(env, env->menvcfg, v));
}

static void csr_write_menvcfg_h(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    set_menvcfg(env, put_high(env->menvcfg, v));
}

static void csr_write_senvcfg(struct riscv_env *env, unsigned n, uint64_t v)
{
    uint64_t mask = envcfg_mask(env, v);

    (void)n;
    env->senvcfg = (env->senvcfg & ~mask) | (v & mask);
}

/* Smepmp: MML and MMWP are sticky; RLB cannot be set again once an entry is locked with RLB clear. */
static void csr_write_mseccfg(struct riscv_env *env, unsigned n, uint64_t v)
{
    uint64_t next = (env->mseccfg & 3) | (v & 7);

    (void)n;
    if (!(env->mseccfg & 4) && riscv_pmp_any_locked(env))
        next &= ~UINT64_C(4);
    env->mseccfg = next;
    rt_flush_all(&env->c);
}

/* satp: a mode that is not supported leaves the whole register as it was. */
static void csr_write_satp(struct riscv_env *env, unsigned n, uint64_t v)
{
    (void)n;
    v = low(env, v);
    if (!riscv_satp_mode_ok(env, v))
        return;
    env->satp = v;
}

READ_FIELD(satp, env->satp)

static bool csr_if_not_tvm(struct riscv_env *env, unsigned n, bool write)
{
    (void)n;
    (void)write;
    return env->priv == RV_M || !(env->mstatus & MSTATUS_TVM);
}

/* --- PMP ----------------------------------------------------------------------------------------------------------- */

static bool csr_if_pmpcfg(struct riscv_env *env, unsigned n, bool write)
{
    (void)write;
    return rv32(env) || !(n & 1);
}

static uint64_t csr_read_pmpcfg(struct riscv_env *env, unsigned n)
{
    return riscv_pmp_read_cfg(env, (n - 0x3a0) * 4);
}

static void csr_write_pmpcfg(struct riscv_env *env, unsigned n, uint64_t v)
{
    riscv_pmp_write_cfg(env, (n - 0x3a0) * 4, v);
}

static uint64_t csr_read_pmpaddr(struct riscv_env *env, unsigned n)
{
    return riscv_pmp_read_addr(env, n - 0x3b0);
}

static void csr_write_pmpaddr(struct riscv_env *env, unsigned n, uint64_t v)
{
    riscv_pmp_write_addr(env, n - 0x3b0, v);
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

#define csr_none NULL
#define csr_always NULL

#define STORAGE(num, csr, need, width, field, bits) \
    { .number = num, .name = #csr, .feature = need, .xlen = width, .storage = true, \
      .offset = offsetof(struct riscv_env, field), .mask = bits },
#define WORD(num, csr, need, width, field, wr, end) \
    { .number = num, .name = #csr, .feature = need, .xlen = width, .word = true, .ends = end, \
      .offset = offsetof(struct riscv_env, field), .write = csr_##wr, .mask = UINT64_MAX },
#define CSR(num, csr, need, width, rd, wr, may, end) \
    { .number = num, .name = #csr, .feature = need, .xlen = width, .ends = end, .read = csr_##rd, .write = csr_##wr, \
      .allowed = csr_##may, .mask = UINT64_MAX },
#define RANGE(first, n, csr, zero, high, need, width, rd, wr, may, end)
static const struct riscv_csr csrs[] = {
#include "targets/riscv/csr.def"
};
#undef STORAGE
#undef WORD
#undef CSR
#undef RANGE

#define STORAGE(num, csr, need, width, field, bits)
#define WORD(num, csr, need, width, field, wr, end)
#define CSR(num, csr, need, width, rd, wr, may, end)
#define RANGE(first, n, csr, zero, high, need, width, rd, wr, may, end) \
    { .number = first, .name = #csr, .count = n, .base = zero, .suffix = high, .feature = need, .xlen = width, .ends = end, \
      .read = csr_##rd, .write = csr_##wr, .allowed = csr_##may, .mask = UINT64_MAX },
static const struct riscv_csr ranges[] = {
#include "targets/riscv/csr.def"
};
#undef STORAGE
#undef WORD
#undef CSR
#undef RANGE

static const struct riscv_csr *look_up(const struct riscv_model *m, unsigned number)
{
    const struct riscv_csr *c = NULL;

    for (unsigned i = 0; i < ARRAY_LEN(csrs) && !c; i++)
        if (csrs[i].number == number)
            c = &csrs[i];
    for (unsigned i = 0; i < ARRAY_LEN(ranges) && !c; i++)
        if (number - ranges[i].number < ranges[i].count)
            c = &ranges[i];
    if (!c || (c->feature >= 0 && !m->has[c->feature]) || (c->xlen && c->xlen != m->xlen))
        return NULL;
    return c;
}

void riscv_csr_index(struct riscv_model *m)
{
    m->csr = NEW_ARRAY(const struct riscv_csr *, RV_CSRS);
    for (unsigned i = 0; i < RV_CSRS; i++)
        m->csr[i] = look_up(m, i);
}

const struct riscv_csr *riscv_csr_find(const struct riscv_model *m, unsigned number)
{
    return number < RV_CSRS ? m->csr[number] : NULL;
}

static uint64_t read_csr(struct riscv_env *env, const struct riscv_csr *c, unsigned number)
{
    uint64_t v;

    if (!c->storage && !c->word)
        return c->read(env, number);
    __builtin_memcpy(&v, (const char *)env + c->offset, sizeof v);
    return low(env, v);
}

static void write_csr(struct riscv_env *env, const struct riscv_csr *c, unsigned number, uint64_t val)
{
    uint64_t *word = (uint64_t *)(void *)((char *)env + c->offset);

    if (c->storage)
        *word = (*word & ~c->mask) | (low(env, val) & c->mask);
    else if (c->write)
        c->write(env, number, val);
}

bool riscv_csr_get(struct riscv_env *env, unsigned number, uint64_t *val)
{
    const struct riscv_csr *c = riscv_csr_find(env->model, number);

    if (c)
        *val = read_csr(env, c, number);
    return c != NULL;
}

bool riscv_csr_set(struct riscv_env *env, unsigned number, uint64_t val)
{
    const struct riscv_csr *c = riscv_csr_find(env->model, number);

    if (c && number >> 10 != 3)
        write_csr(env, c, number, val);
    return c != NULL;
}

void riscv_csr_reset(struct riscv_env *env)
{
    uint64_t wide = rv32(env) || !env->model->has[RV_F_u] ? 0 : UINT64_C(2) << 32;

    if (wide && env->model->has[RV_F_s])
        wide |= UINT64_C(2) << 34;
    env->mstatus = wide | (env->system ? 0 : MSTATUS_FS);
    env->mtvec = env->medeleg = env->mideleg = env->mie = env->mscratch = env->mepc = env->mcause = env->mtval = 0;
    env->menvcfg = env->model->has[RV_F_svadu] && !env->model->has[RV_F_svade] ? MENVCFG_ADUE : 0;
    env->mseccfg = env->mcounteren = env->mcountinhibit = 0;
    env->stvec = env->sscratch = env->sepc = env->scause = env->stval = env->satp = env->senvcfg = env->scounteren = 0;
    env->stimecmp = UINT64_MAX;
    atomic_fetch_and(&env->mip, ~s_interrupts(env));
    env->c.mxcsr = 0x1f80;
    riscv_set_frm(env, 0);
    riscv_hpm_reset(env);
    env->mcycle_offset = 0 - riscv_cycles(env) - riscv_counts_own(env);
    env->minstret_offset = 0 - riscv_retired(env) - riscv_counts_own(env);
    riscv_stimecmp_changed(env);               /* its alarm is off */
}

/* --- from generated code ------------------------------------------------------------------------------------------- */

/* fflags, frm, fcsr: generated code runs with the MXCSR that holds them. */
static bool in_mxcsr(uint32_t insn)
{
    return insn >> 20 <= 3;
}

static bool accessible(struct riscv_env *env, uint32_t insn, bool write)
{
    const struct riscv_csr *c = riscv_csr_find(env->model, insn >> 20);

    return c && (!c->allowed || c->allowed(env, insn >> 20, write));
}

static void write_by_insn(struct riscv_env *env, uint32_t insn, uint64_t val)
{
    if (in_mxcsr(insn))
        env->c.mxcsr = _mm_getcsr();
    write_csr(env, riscv_csr_find(env->model, insn >> 20), insn >> 20, val);
    if (in_mxcsr(insn))
        _mm_setcsr(env->c.mxcsr);
}

uint64_t helper_csr_read(struct cpu_env *c, uint32_t insn)
{
    struct riscv_env *env = riscv_env(c);

    if (!accessible(env, insn, false))
        riscv_illegal(env, insn);
    if (in_mxcsr(insn))
        c->mxcsr = _mm_getcsr();
    return read_csr(env, riscv_csr_find(env->model, insn >> 20), insn >> 20);
}

void helper_csr_write(struct cpu_env *c, uint32_t insn, uint64_t val)
{
    if (!accessible(riscv_env(c), insn, true))
        riscv_illegal(riscv_env(c), insn);
    write_by_insn(riscv_env(c), insn, val);
}

/* A register whose `ends` is set. */
uint64_t helper_csr_end(struct cpu_env *c, uint32_t insn, uint64_t val, uint64_t pc)
{
    struct riscv_env *env = riscv_env(c);

    if (!accessible(env, insn, true))
        return helper_trap(c, RV_EXC_ILLEGAL, insn, pc);
    write_by_insn(env, insn, val);
    rt_mode_changed(c);
    return low(env, pc + 4);
}

uint32_t helper_fflags_read(struct cpu_env *c)
{
    c->mxcsr = _mm_getcsr();
    return riscv_fflags(riscv_env(c));
}

void helper_fflags_write(struct cpu_env *c, uint32_t flags)
{
    c->mxcsr = _mm_getcsr();
    riscv_set_fflags(riscv_env(c), flags);
    _mm_setcsr(c->mxcsr);
}

void helper_fs_dirty(struct cpu_env *c)
{
    fs_dirty(riscv_env(c));
}
