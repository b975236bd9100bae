/* targets/arm/pauth.h - pointer authentication (FEAT_PAuth2, FEAT_FPACCOMBINE): the algorithms and what is made of their codes.
 *
 * A code is a function of a pointer, a modifier and a key of 128 bits. Three are known: QARMA5 and QARMA3, which are the
 * architecture's, and a cheap one of our own (`pauth-impdef=on`), which generated code does by itself in user mode. */
#ifndef TARGETS_ARM_PAUTH_H
#define TARGETS_ARM_PAUTH_H

#include <stdint.h>

#include "targets/arm/state.h"

#define PAUTH_KEYS_ON (UINT64_C(1) << SCTLR_ENIA | UINT64_C(1) << SCTLR_ENIB | UINT64_C(1) << SCTLR_ENDA | UINT64_C(1) << SCTLR_ENDB)

/* The cheap code: only its upper bits are used. tr_a64_pauth.c makes the same of IR. */
#define PAUTH_MUL1 UINT64_C(0x9e3779b97f4a7c15)
#define PAUTH_MUL2 UINT64_C(0xd6e8feb86659fd93)
static inline uint64_t pauth_cheap(uint64_t ptr, uint64_t modifier, uint64_t lo, uint64_t hi)
{
    uint64_t h = (ptr ^ lo) * PAUTH_MUL1;

    return ((h ^ h >> 32) + (modifier ^ hi)) * PAUTH_MUL2;
}

/**
 * pauth_qarma - the block cipher QARMA-64 as the architecture uses it (ComputePAC).
 * @key0, @key1: upper and lower half of the key
 * @rounds: 5 (S-box sigma 2) or 3 (sigma 1)
 * Source: R. Avanzi, "The QARMA Block Cipher Family", ToSC 2017(1); Arm ARM (DDI 0487), ComputePAC.
 */
uint64_t pauth_qarma(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1, unsigned rounds);

/** pauth_reset - keys: random in user mode, as the kernel gives them to a new program; and which are in use. */
void pauth_reset(struct arm_env *env);

/** pauth_prctl - PR_PAC_RESET_KEYS, PR_PAC_SET_ENABLED_KEYS, PR_PAC_GET_ENABLED_KEYS; -ENOSYS: another option. */
int64_t pauth_prctl(struct cpu_env *c, const uint64_t a[5]);

/** pauth_mask - the bits of an address that hold the code. */
uint64_t pauth_mask(const struct arm_env *env, uint64_t ptr, bool data);

/* Helpers: add a code to a pointer; check and take it away; take it away; PACGA. key: 0 IA, 1 IB, 2 DA, 3 DB. */
uint64_t arm_help_pauth_sign(struct cpu_env *c, uint64_t ptr, uint64_t modifier, uint32_t key);
uint64_t arm_help_pauth_auth(struct cpu_env *c, uint64_t ptr, uint64_t modifier, uint32_t key);
uint64_t arm_help_pauth_strip(struct cpu_env *c, uint64_t ptr, uint32_t data);
uint64_t arm_help_pauth_eret(struct cpu_env *c, uint64_t sp, uint32_t key);    /* ELR, authenticated (excp.c) */
uint64_t arm_help_pauth_generic(struct cpu_env *c, uint64_t n, uint64_t m);

#endif
