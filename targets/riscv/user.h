/* targets/riscv/user.h - RISC-V in user mode, for target.c. */
#ifndef TARGETS_RISCV_USER_H
#define TARGETS_RISCV_USER_H

struct target_user;

enum { USER_TIME_HZ = 10000000 };              /* of the time CSR, as the virt machine has it */

extern const struct target_user riscv64_user;

#endif
