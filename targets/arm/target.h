/* targets/arm/target.h - the pieces that target.c puts into the table. */
#ifndef TARGETS_ARM_TARGET_H
#define TARGETS_ARM_TARGET_H

#include "core/dev/state.h"
#include "targets/target.h"

struct arm_env;

extern const struct target aarch64_target, arm_target;

extern const struct state_field arm_state[];   /* of both targets */
extern const struct ir_slot arm_slots[];       /* ARM_NSLOTS */
extern const struct target_user arm64_user, arm32_user;

int arm64_disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room);
void arm64_dump(const struct cpu_env *c, void *FILE_to);
void arm64_dump_fp(const struct cpu_env *c, void *FILE_to);
int arm32_disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room);
uint64_t arm_a32_mode(const struct arm_env *env);      /* target.mode_key of AArch32, without what the level adds */
void arm_restore_extra(struct cpu_env *c, uint32_t extra);
void arm32_dump(const struct cpu_env *c, void *FILE_to);
void arm32_dump_fp(const struct cpu_env *c, void *FILE_to);

/* Registers for gdb (gdb.c): the `g` packet is the core's. */
enum { ARM64_GDB_CORE = 34, ARM32_GDB_CORE = 17 };
const char *arm64_gdb_xml(const struct cpu_env *c, const char *annex);
int arm64_gdb_read(struct cpu_env *c, unsigned r, uint8_t *buf, size_t room);
int arm64_gdb_write(struct cpu_env *c, unsigned r, const uint8_t *buf, size_t n);
const char *arm32_gdb_xml(const struct cpu_env *c, const char *annex);
int arm32_gdb_read(struct cpu_env *c, unsigned r, uint8_t *buf, size_t room);
int arm32_gdb_write(struct cpu_env *c, unsigned r, const uint8_t *buf, size_t n);

/** arm_fpsr, arm_set_fpsr - outside generated code: the sticky flags live in MXCSR. arm_set_fpcr: rounding and modes. */
uint32_t arm_fpsr(const struct arm_env *env);
void arm_set_fpsr(struct arm_env *env, uint32_t v);
void arm_set_fpcr(struct arm_env *env, uint32_t v);

#endif
