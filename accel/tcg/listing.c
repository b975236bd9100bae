/* Listings of generated host code (-d out_asm), by capstone. */
#include <stdio.h>

#include "accel/tcg/internal.h"
#include "core/base/disas.h"
#include "core/base/log.h"

void log_out_asm(struct tcg_vcpu *tv, const struct tcg_region *r)
{
    char text[160];
    FILE *f;

    (void)tv;
    if (!log_on(LOG_OUT_ASM) || !log_wants(r->pc) || !r->base)
        return;
    f = log_begin();
    fprintf(f, "OUT: pc=%#llx %s [%u guest instructions, size=%u]\n", (unsigned long long)r->pc,
            r->tier == TCG_HOT ? "hot" : "cold", r->ninsns, r->code_len);
    for (unsigned at = 0; at < r->code_len; ) {
        const uint8_t *p = r->base + at;
        int n = disas_one(DISAS_X86_64, (uint64_t)(uintptr_t)p, p, r->code_len - at, text, sizeof text);

        if (!n)
            break;
        fprintf(f, "%#llx:%s %s\n", (unsigned long long)(uintptr_t)p, p == r->code ? ">" : " ", text);
        at += (unsigned)n;
    }
    log_end();
}
