/* Listings of generated host code (-d out_asm), by capstone. */
#include <capstone/capstone.h>
#include <stdio.h>

#include "accel/tcg/internal.h"
#include "core/base/log.h"

void log_out_asm(struct tcg_vcpu *tv, const struct tcg_region *r)
{
    csh cs;
    cs_insn *insn;
    size_t n;
    FILE *f;

    (void)tv;
    if (!log_on(LOG_OUT_ASM) || !log_wants(r->pc) || !r->base || cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
        return;
    f = log_begin();
    fprintf(f, "OUT: pc=%#llx %s [%u guest instructions, size=%u]\n", (unsigned long long)r->pc,
            r->tier == TCG_HOT ? "hot" : "cold", r->ninsns, r->code_len);
    n = cs_disasm(cs, r->base, r->code_len, (uint64_t)(uintptr_t)r->base, 0, &insn);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%#llx:%s %-8s %s\n", (unsigned long long)insn[i].address,
                (const uint8_t *)(uintptr_t)insn[i].address == r->code ? ">" : " ", insn[i].mnemonic, insn[i].op_str);
    if (n)
        cs_free(insn, n);
    log_end();
    cs_close(&cs);
}
