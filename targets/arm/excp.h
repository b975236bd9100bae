/* targets/arm/excp.h - exceptions, interrupts and PSTATE of all levels. */
#ifndef TARGETS_ARM_EXCP_H
#define TARGETS_ARM_EXCP_H

#include "targets/arm/state.h"

void arm_deliver(struct cpu_env *c, uint32_t exception);
uint32_t arm_interrupt(struct cpu_env *c);
/** arm_lines - the interrupt lines; what the counters asked for is seen to first. */
uint32_t arm_lines(struct arm_env *env);
bool arm_has_work(const struct cpu_env *c);
void arm_set_irq(struct cpu_env *c, unsigned line, bool level);
void arm_system_reset(struct arm_env *env);
/** arm_leave_firmware - state of a CPU that firmware hands to a kernel. arm_mpidr - the CPU's affinity. */
void arm_leave_firmware(struct arm_env *env);
uint64_t arm_mpidr(const struct arm_env *env);

/** arm_set_pstate - another PSTATE without NZCV: changes the stack pointer's bank. The caller tells rt_mode_changed(). */
void arm_set_pstate(struct arm_env *env, uint32_t pstate);

/** arm_timer_changed - control or compare value of a timer was written, or it was read: tells the machine the deadline. */
void arm_timer_changed(struct arm_env *env, unsigned timer);
/** arm_timer_ctl - a timer's control register with ISTATUS. */
uint64_t arm_timer_ctl(struct arm_env *env, unsigned timer);
/** arm_count - the machine's counter. arm_timer_count: as a timer sees it. */
uint64_t arm_count(const struct arm_env *env);
uint64_t arm_timer_count(const struct arm_env *env, unsigned timer);

/* AArch32 at EL0 (excp_a32.c). enter: a return to pc with that SPSR; gives the pc with T. leave: before an exception is taken;
 * gives SPSR, and pc and the registers become AArch64's. id: an AArch32 ID register, as CP15 c0 and AArch64 name it: CRm 1 to 2. */
uint64_t arm_a32_enter(struct arm_env *env, uint32_t spsr, uint64_t pc);
uint32_t arm_a32_leave(struct arm_env *env);
uint32_t arm_a32_id(const struct arm_model *m, unsigned crm, unsigned op2);

#endif
