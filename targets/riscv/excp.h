/* targets/riscv/excp.h - traps and interrupts. Privileged ISA, 3.1.6 to 3.1.9, 3.3, 12.1. */
#ifndef TARGETS_RISCV_EXCP_H
#define TARGETS_RISCV_EXCP_H

#include "targets/riscv/state.h"

void riscv_illegal(struct riscv_env *env, uint32_t insn) __attribute__((noreturn));

/** riscv_mip - mip as it reads: what software set, and the lines. */
uint64_t riscv_mip(const struct riscv_env *env);
/** riscv_stimecmp_on - does stimecmp drive the S timer interrupt? riscv_stimecmp_changed - look at it again. */
bool riscv_stimecmp_on(const struct riscv_env *env);
void riscv_stimecmp_changed(struct riscv_env *env);

/* struct target's */
void riscv_deliver(struct cpu_env *c, uint32_t exception);
uint32_t riscv_interrupt(struct cpu_env *c);
bool riscv_has_work(const struct cpu_env *c);
void riscv_set_irq(struct cpu_env *c, unsigned line, bool level);
uint32_t riscv_debug_exception(void);

#endif
