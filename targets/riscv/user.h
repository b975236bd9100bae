/* targets/riscv/user.h - RISC-V in user mode, for target.c. */
#ifndef TARGETS_RISCV_USER_H
#define TARGETS_RISCV_USER_H

struct cpu_env;
struct target_user;
struct user_sigframe;

enum { USER_TIME_HZ = 10000000 };              /* of the time CSR, as the virt machine has it */

extern const struct target_user riscv64_user, riscv32_user;

/** riscv32_push_sigframe, riscv32_pop_sigframe - signal frames of 32-bit programs; see struct target_user. */
int riscv32_push_sigframe(struct cpu_env *c, const struct user_sigframe *s);
int riscv32_pop_sigframe(struct cpu_env *c, struct user_sigframe *s);

#endif
