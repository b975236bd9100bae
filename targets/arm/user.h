/* targets/arm/user.h - what AArch64 and AArch32 share in user mode; user64.c and user32.c have what differs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "targets/target.h"

enum { ARM_USER_TIME_HZ = 62500000 };

/* A hardware capability: its bit in AT_HWCAP or AT_HWCAP2, its name in /proc/cpuinfo, the feature it stands for (enum
 * arm_feature; -1: always there). */
struct arm_cap { int8_t feature; uint8_t bit; bool second; const char *name; };

/** arm_user_hwcap - AT_HWCAP of a CPU, and AT_HWCAP2 in @hwcap2. */
uint64_t arm_user_hwcap(const struct arm_cap *caps, size_t n, const void *model, uint64_t *hwcap2);

/** arm_user_features, arm_user_identity - a processor's lines in /proc/cpuinfo: Features; the CPU's parts, and an empty one. */
void arm_user_features(FILE *to, const struct arm_cap *caps, size_t n, const void *model);
void arm_user_identity(FILE *to, const void *model, int architecture);

/** arm_user_copy_regs, arm_user_page_fault - see struct target_user. */
void arm_user_copy_regs(struct cpu_env *child, const struct cpu_env *parent);
uint32_t arm_user_page_fault(enum rt_access access);

/** arm_user_to_signal - the same; @pc is the faulting instruction's address. */
bool arm_user_to_signal(struct cpu_env *c, uint32_t exception, uint64_t pc, int *signo, int *code, uint64_t *addr);
