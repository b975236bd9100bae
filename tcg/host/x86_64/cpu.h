/* tcg/host/x86_64/cpu.h - what the host processor can do beyond SSE2. */
#ifndef TCG_HOST_X86_64_CPU_H
#define TCG_HOST_X86_64_CPU_H

#include <stdbool.h>

struct x64_cpu {
#define F(name, leaf, sub, reg, bit, os) bool name;
#include "tcg/host/x86_64/cpu.def"
#undef F
};
extern struct x64_cpu x64_cpu;                 /* set once, before any translation */

/**
 * x64_cpu_detect - fill x64_cpu from CPUID.
 * @without: features to leave out, separated by commas ("avx,bmi2"; "all"), or NULL. The environment variable
 *           RHEA_HOST_WITHOUT adds to it: for tests, and for finding out what a feature is worth
 */
void x64_cpu_detect(const char *without);

#endif
