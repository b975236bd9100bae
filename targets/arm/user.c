/* targets/arm/user.c - what AArch64 and AArch32 share in user mode. */
#include <signal.h>
#include <string.h>

#include "targets/arm/model.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"
#include "targets/arm/user.h"

void arm_user_copy_regs(struct cpu_env *child, const struct cpu_env *parent)
{
    memcpy((uint8_t *)child + sizeof *child, (const uint8_t *)parent + sizeof *parent, sizeof(struct arm_env) - sizeof *child);
    child->mxcsr = parent->mxcsr;
    arm_env(child)->excl_addr = ~UINT64_C(0);
}

/* --- capabilities ---------------------------------------------------------------------------------------------------------- */

static bool has_cap(const struct arm_cap *c, const struct arm_model *m) { return c->feature < 0 || m->has[c->feature]; }

uint64_t arm_user_hwcap(const struct arm_cap *caps, size_t n, const void *model, uint64_t *hwcap2)
{
    uint64_t cap[2] = { 0, 0 };

    for (size_t i = 0; i < n; i++)
        if (has_cap(&caps[i], model))
            cap[caps[i].second] |= UINT64_C(1) << caps[i].bit;
    *hwcap2 = cap[1];
    return cap[0];
}

void arm_user_features(FILE *to, const struct arm_cap *caps, size_t n, const void *model)
{
    fputs("Features\t:", to);
    for (size_t i = 0; i < n; i++)
        if (has_cap(&caps[i], model))
            fprintf(to, " %s", caps[i].name);
    fputc('\n', to);
}

void arm_user_identity(FILE *to, const void *model, int architecture)
{
    unsigned midr = (unsigned)((const struct arm_model *)model)->midr;

    fprintf(to, "CPU implementer\t: 0x%02x\nCPU architecture: %d\nCPU variant\t: 0x%x\nCPU part\t: 0x%03x\nCPU revision\t: %u\n\n",
            midr >> 24 & 255, architecture, midr >> 20 & 15, midr >> 4 & 0xfff, midr & 15);
}

/* --- exceptions ------------------------------------------------------------------------------------------------------------- */

bool arm_user_to_signal(struct cpu_env *c, uint32_t exception, uint64_t pc, int *signo, int *code, uint64_t *addr)
{
    *addr = arm_env(c)->far;
    switch (exception) {
    case ARM_EXC_INSN_ABORT:
    case ARM_EXC_DATA_ABORT:
        *signo = SIGSEGV;
        *code = SEGV_MAPERR;
        return true;
    case ARM_EXC_DATA_ALIGN:
    case ARM_EXC_PC_ALIGN:
    case ARM_EXC_SP_ALIGN:
        *signo = SIGBUS;
        *code = BUS_ADRALN;
        return true;
    case ARM_EXC_BRK:
        *signo = SIGTRAP;
        *code = TRAP_BRKPT;
        *addr = pc;
        return true;
    default:
        *signo = SIGILL;
        *code = ILL_ILLOPC;
        *addr = pc;
        return true;
    }
}

uint32_t arm_user_page_fault(enum rt_access access) { return access == RT_EXEC ? ARM_EXC_INSN_ABORT : ARM_EXC_DATA_ABORT; }
