/* targets/riscv/mmu.h - address translation and physical memory protection. */
#ifndef TARGETS_RISCV_MMU_H
#define TARGETS_RISCV_MMU_H

#include "targets/riscv/state.h"
#include "targets/target.h"

/** riscv_satp_mode_ok - may satp hold this mode on this model? */
bool riscv_satp_mode_ok(const struct riscv_env *env, uint64_t satp);

/* PMP (Privileged ISA, 3.7, and Smepmp): @entry 0 to 63; cfg in groups of xlen / 8 entries from a multiple of 4 */
uint64_t riscv_pmp_read_cfg(const struct riscv_env *env, unsigned entry);
void riscv_pmp_write_cfg(struct riscv_env *env, unsigned entry, uint64_t v);
uint64_t riscv_pmp_read_addr(const struct riscv_env *env, unsigned entry);
void riscv_pmp_write_addr(struct riscv_env *env, unsigned entry, uint64_t v);
bool riscv_pmp_any_locked(const struct riscv_env *env);

/** riscv_pmp_forget - answers were kept: entries or memory have changed. */
void riscv_pmp_forget(struct riscv_env *env);

enum { RIGHT_R = 1, RIGHT_W = 2, RIGHT_X = 4 };
/**
 * riscv_pmp_check - what a mode may do at a physical address.
 * @priv:      enum riscv_priv of the access
 * @page_bits: in: size of the mapping; out: size of the largest aligned part of it with one answer, at least 12
 *
 * Returns RIGHT_ bits.
 */
unsigned riscv_pmp_check(struct riscv_env *env, uint64_t pa, unsigned priv, unsigned *page_bits);

/* struct target's */
uint64_t riscv_view_key(const struct cpu_env *c, unsigned mmu);
uint64_t riscv_view_asid(const struct cpu_env *c);
uint32_t riscv_xlate(struct cpu_env *c, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out);
uint32_t riscv_bus_fault(struct cpu_env *c, uint64_t va, enum rt_access access);
uint32_t riscv_align_fault(struct cpu_env *c, uint64_t va, enum rt_access access);
uint32_t riscv_page_fault(enum rt_access access);

#endif
