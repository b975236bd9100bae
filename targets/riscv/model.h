/* targets/riscv/model.h - `-cpu`: models are sets of features. */
#ifndef TARGETS_RISCV_MODEL_H
#define TARGETS_RISCV_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "targets/riscv/state.h"

struct str;

const char *const *riscv32_model_names(void);
const char *const *riscv64_model_names(void);

/**
 * riscv32_parse_cpu, riscv64_parse_cpu - a model from `NAME[,FEATURE=on|off]...` (also +FEATURE, -FEATURE).
 * Returns the model, valid for the life of the process, or NULL with the sentence in err.
 */
const void *riscv32_parse_cpu(const char *spec, bool system, struct error *err);
const void *riscv64_parse_cpu(const char *spec, bool system, struct error *err);
void riscv32_cpu_help(void *FILE_to, const char *model);
void riscv64_cpu_help(void *FILE_to, const char *model);

/** riscv_isa_string - `rv64imafdc_zicsr...`, as the device tree's riscv,isa and /proc/cpuinfo have it. */
void riscv_isa_string(const struct riscv_model *m, struct str *out);

/** riscv_isa_extensions - the names of riscv,isa-extensions, NUL after each; the length in *len; to free(). */
char *riscv_isa_extensions(const struct riscv_model *m, size_t *len);

#endif
