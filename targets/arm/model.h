/* targets/arm/model.h - `-cpu`: models are sets of features. */
#ifndef TARGETS_ARM_MODEL_H
#define TARGETS_ARM_MODEL_H

#include <stdbool.h>

#include "targets/arm/state.h"

const char *const *arm64_model_names(void);

/**
 * arm64_parse_cpu - a model from `NAME[,FEATURE=on|off]...` (also +FEATURE, -FEATURE; pauth-impdef=on).
 * Returns the model, valid for the life of the process, or NULL with the sentence in err.
 */
const void *arm64_parse_cpu(const char *spec, bool system, struct error *err);
/** arm_has_feature - has a model the feature of that name? */
bool arm_has_feature(const void *model, const char *name);
void arm64_cpu_help(void *FILE_to, const char *model);

/* The same for the programs and machines of AArch32: its models, and the 64-bit ones that have it. */
const char *const *arm32_model_names(void);
const void *arm32_parse_cpu(const char *spec, bool system, struct error *err);
void arm32_cpu_help(void *FILE_to, const char *model);

#endif
