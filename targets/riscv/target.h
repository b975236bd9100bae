/* targets/riscv/target.h - RISC-V's two entries of targets.def, and their parts that live in files of their own. */
#ifndef TARGETS_RISCV_TARGET_H
#define TARGETS_RISCV_TARGET_H

#include "targets/target.h"

extern const struct target riscv32_target, riscv64_target;

/* disas.c */
int riscv_disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room);

/* gdb.c */
const char *riscv_gdb_xml(const struct cpu_env *c, const char *annex);
int riscv_gdb_read(struct cpu_env *c, unsigned reg, uint8_t *buf, size_t room);
int riscv_gdb_write(struct cpu_env *c, unsigned reg, const uint8_t *buf, size_t n);
void riscv_dump(const struct cpu_env *c, void *FILE_to);
void riscv_dump_fp(const struct cpu_env *c, void *FILE_to);

#endif
