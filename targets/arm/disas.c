/* targets/arm/disas.c - one line of assembly, and the registers as people read them. */
#include <stdio.h>

#include "core/base/bytes.h"
#include "core/base/disas.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"

int arm64_disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    (void)model;
    (void)mode;
    if (n < 4)
        return 0;
    snprintf(out, room, ".inst 0x%08x", load_le32(bytes));
    disas_one(DISAS_ARM64, pc, bytes, n, out, room);
    return 4;
}

void arm64_dump(const struct cpu_env *c, void *FILE_to)
{
    const struct arm_env *env = arm_env(c);
    uint32_t f = arm_flags(env);

    fprintf(FILE_to, " PC=%016llx ", (unsigned long long)c->pc);
    for (unsigned i = 0; i < 31; i++)
        fprintf(FILE_to, "X%02u=%016llx%s", i, (unsigned long long)env->x[i], i % 4 == 2 ? "\n" : " ");
    fprintf(FILE_to, " SP=%016llx\nFLAGS=%c%c%c%c EL%u FPCR=%08x FPSR=%08x\n", (unsigned long long)env->sp,
            f >> 31 & 1 ? 'N' : '-', f >> 30 & 1 ? 'Z' : '-', f >> 29 & 1 ? 'C' : '-', f >> 28 & 1 ? 'V' : '-', (unsigned)(env->pstate >> PSTATE_EL_SHIFT & 3), env->fpcr,
            arm_fpsr(env));
}

void arm64_dump_fp(const struct cpu_env *c, void *FILE_to)
{
    const struct arm_env *env = arm_env(c);

    for (unsigned i = 0; i < 32; i++)
        fprintf(FILE_to, "Q%02u=%016llx:%016llx%c", i, (unsigned long long)load_le(env->v[i] + 8, 8),
                (unsigned long long)load_le(env->v[i], 8), i % 2 ? '\n' : ' ');
}
