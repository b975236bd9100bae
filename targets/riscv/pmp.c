/* targets/riscv/pmp.c - physical memory protection: which part of memory a mode may touch.
 *
 * The granularity is one page (G = 10), so an answer always holds for a whole page and can stay in a TLB: pmpaddr reads
 * as the manual says for such a granularity (3.7.1), and NA4 cannot be selected. */
#include "core/base/bits.h"
#include "targets/riscv/mmu.h"
#include "tcg/runtime.h"

enum { PMP_R = RIGHT_R, PMP_W = RIGHT_W, PMP_X = RIGHT_X, PMP_A_SHIFT = 3, PMP_L = 0x80, GRAIN = 10 };
enum { A_OFF, A_TOR, A_NA4, A_NAPOT };
enum { MSECCFG_MML = 1, MSECCFG_MMWP = 2, MSECCFG_RLB = 4 };

static unsigned mode_of(uint8_t cfg)
{
    return cfg >> PMP_A_SHIFT & 3;
}

static bool locked(const struct riscv_env *env, unsigned i)
{
    return env->pmpcfg[i] & PMP_L && !(env->mseccfg & MSECCFG_RLB);
}

bool riscv_pmp_any_locked(const struct riscv_env *env)
{
    for (unsigned i = 0; i < env->model->pmp_entries; i++)
        if (env->pmpcfg[i] & PMP_L)
            return true;
    return false;
}

static unsigned group(const struct riscv_env *env)
{
    return env->model->xlen / 8;
}

uint64_t riscv_pmp_read_cfg(const struct riscv_env *env, unsigned entry)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < group(env) && entry + i < RV_PMP_ENTRIES; i++)
        v |= (uint64_t)env->pmpcfg[entry + i] << 8 * i;
    return v;
}

/* First and last byte of an entry; false if it covers nothing. */
static bool range(const struct riscv_env *env, unsigned i, uint64_t *first, uint64_t *last)
{
    uint64_t a = env->pmpaddr[i], ones, low;

    switch (mode_of(env->pmpcfg[i])) {
    case A_TOR:
        low = i ? env->pmpaddr[i - 1] & ~mask64(GRAIN) : 0;
        a &= ~mask64(GRAIN);
        *first = low << 2;
        *last = (a << 2) - 1;
        return a > low;
    case A_NAPOT:
        a |= mask64(GRAIN - 1);
        ones = a ^ (a + 1);                    /* the trailing ones and the zero above them */
        *first = (a & ~ones) << 2;
        *last = *first + (ones << 2 | 3);
        return true;
    default:
        return false;
    }
}

void riscv_pmp_forget(struct riscv_env *env)
{
    env->pmp_recent.first = 1;
    env->pmp_recent.last = 0;
}

static void changed(struct riscv_env *env)
{
    unsigned n = 0;

    for (unsigned i = 0; i < env->model->pmp_entries; i++)
        if (range(env, i, &env->pmp_first[n], &env->pmp_last[n]))
            env->pmp_rule[n++] = env->pmpcfg[i];
    env->pmp_active = n;
    riscv_pmp_forget(env);
    rt_flush_all(&env->c);
}

static uint8_t legal_cfg(const struct riscv_env *env, uint8_t old, uint8_t v)
{
    v &= PMP_R | PMP_W | PMP_X | 3 << PMP_A_SHIFT | PMP_L;
    if (mode_of(v) == A_NA4)
        v = (uint8_t)((v & ~(3 << PMP_A_SHIFT)) | (old & 3 << PMP_A_SHIFT));
    if (!(env->mseccfg & MSECCFG_MML) && (v & (PMP_R | PMP_W)) == PMP_W)
        v = (uint8_t)((v & ~(PMP_R | PMP_W | PMP_X)) | (old & (PMP_R | PMP_W | PMP_X)));   /* reserved */
    return v;
}

void riscv_pmp_write_cfg(struct riscv_env *env, unsigned entry, uint64_t v)
{
    for (unsigned i = 0; i < group(env) && entry + i < env->model->pmp_entries; i++)
        if (!locked(env, entry + i))
            env->pmpcfg[entry + i] = legal_cfg(env, env->pmpcfg[entry + i], (uint8_t)(v >> 8 * i));
    changed(env);
}

uint64_t riscv_pmp_read_addr(const struct riscv_env *env, unsigned entry)
{
    uint64_t v = env->pmpaddr[entry];

    if (mode_of(env->pmpcfg[entry]) == A_NAPOT)
        return v | mask64(GRAIN - 1);
    return v & ~mask64(GRAIN);
}

void riscv_pmp_write_addr(struct riscv_env *env, unsigned entry, uint64_t v)
{
    bool below_locked_tor = entry + 1 < env->model->pmp_entries && locked(env, entry + 1) &&
                            mode_of(env->pmpcfg[entry + 1]) == A_TOR;

    if (entry >= env->model->pmp_entries || locked(env, entry) || below_locked_tor)
        return;
    env->pmpaddr[entry] = v & mask64(env->model->xlen == 32 ? 32 : 54);
    changed(env);
}

/* Smepmp 1.0, table 2: with MML the bits L, R, W, X mean something else in M and outside it. */
static unsigned mml_rights(uint8_t cfg, bool machine)
{
    static const uint8_t user[16] = {          /* index L R W X */
        0, PMP_X, PMP_R, PMP_R | PMP_W, PMP_R, PMP_R | PMP_X, PMP_R | PMP_W, PMP_R | PMP_W | PMP_X,
        0, 0, PMP_X, PMP_X, 0, 0, 0, PMP_R,
    };
    static const uint8_t mach[16] = {
        0, 0, PMP_R | PMP_W, PMP_R | PMP_W, 0, 0, 0, 0,
        0, PMP_X, PMP_X, PMP_R | PMP_X, PMP_R, PMP_R | PMP_X, PMP_R | PMP_W, PMP_R,
    };
    unsigned i = (cfg & PMP_L ? 8u : 0) | (cfg & PMP_R ? 4u : 0) | (cfg & PMP_W ? 2u : 0) | (cfg & PMP_X ? 1u : 0);

    return machine ? mach[i] : user[i];
}

static unsigned entry_rights(const struct riscv_env *env, uint8_t cfg, unsigned priv)
{
    if (env->mseccfg & MSECCFG_MML)
        return mml_rights(cfg, priv == RV_M);
    return priv == RV_M && !(cfg & PMP_L) ? PMP_R | PMP_W | PMP_X : cfg & (PMP_R | PMP_W | PMP_X);
}

static unsigned unmatched(const struct riscv_env *env, unsigned priv)
{
    if (priv != RV_M)
        return env->model->pmp_entries && env->model->has[RV_F_pmp] ? 0 : PMP_R | PMP_W | PMP_X;
    if (env->mseccfg & MSECCFG_MMWP)
        return 0;
    return env->mseccfg & MSECCFG_MML ? PMP_R | PMP_W : PMP_R | PMP_W | PMP_X;
}

/* Entry i decides at pa: the stretch around pa that no entry before it touches. */
static void remember(struct riscv_env *env, unsigned i, uint64_t pa)
{
    uint64_t first = env->pmp_first[i], last = env->pmp_last[i];

    for (unsigned j = 0; j < i; j++) {
        if (env->pmp_last[j] < pa)
            first = MAX(first, env->pmp_last[j] + 1);
        else
            last = MIN(last, env->pmp_first[j] - 1);
    }
    env->pmp_recent.first = first;
    env->pmp_recent.last = last;
    env->pmp_recent.rule = env->pmp_rule[i];
}

unsigned riscv_pmp_check(struct riscv_env *env, uint64_t pa, unsigned priv, unsigned *page_bits)
{
    uint64_t start = pa & ~mask64(*page_bits), end = pa | mask64(*page_bits);

    if (start >= env->pmp_recent.first && end <= env->pmp_recent.last)
        return entry_rights(env, env->pmp_recent.rule, priv);
    /* No entry is on: S and U get nothing (3.7.1), M everything. The first match decides. */
    for (unsigned i = 0; i < env->pmp_active; i++) {
        uint64_t first = env->pmp_first[i], last = env->pmp_last[i];

        while (*page_bits > 12) {              /* shrink the mapping until the entry covers all or none of it */
            uint64_t lo = pa & ~mask64(*page_bits), hi = lo | mask64(*page_bits);

            if (hi < first || lo > last || (lo >= first && hi <= last))
                break;
            *page_bits = *page_bits > 21 ? 21 : 12;
        }
        if (pa >= first && pa <= last) {
            remember(env, i, pa);
            return entry_rights(env, env->pmp_rule[i], priv);
        }
    }
    return unmatched(env, priv);
}
