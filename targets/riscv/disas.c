/* targets/riscv/disas.c - one line of assembly for -d in_asm and the monitor: capstone's where it knows the instruction,
 * else the name and the fields of our own table. */
#include <stdio.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/disas.h"
#include "targets/gen/insn.h"
#include "targets/riscv/state.h"
#include "targets/riscv/target.h"

extern const struct insn_desc rv_insns[];
extern const unsigned rv_ninsns;

static int64_t field_value(const struct insn_field *f, uint32_t raw)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < f->npieces; i++)
        v |= bits_get(raw, f->piece[i].lo, f->piece[i].len) << f->piece[i].at;
    return (f->is_signed ? sext64(v, f->bits) : (int64_t)v) + f->bias;
}

static bool conditions_hold(const struct insn_desc *d, uint32_t raw)
{
    for (unsigned i = 0; i < d->nconds; i++) {
        const struct insn_cond *c = &d->cond[i];
        int64_t other = c->other >= 0 ? field_value(&d->field[c->other], raw) : c->value;

        if ((field_value(&d->field[c->field], raw) == other) != c->equal)
            return false;
    }
    return true;
}

/* `add rd=x10 rs1=x10 rs2=x11`; a compressed instruction shows its own name. */
static void by_table(const struct riscv_model *m, uint32_t raw, unsigned bits, char *out, size_t room)
{
    size_t used;

    for (unsigned i = 0; i < rv_ninsns; i++) {
        const struct insn_desc *d = &rv_insns[i];
        const char *other = m->xlen == 32 ? "rv64" : "rv32";

        if (d->bits != bits || (raw & d->mask) != d->value || strstr(d->features, other) || !conditions_hold(d, raw))
            continue;
        used = (size_t)snprintf(out, room, "%-11s", d->name);
        for (unsigned k = d->nfields; k-- > 0 && used < room;) {
            const struct insn_field *f = &d->field[k];
            bool reg = f->name[0] == 'r' && f->bits == 5 - 2 * (f->bias != 0);

            used += (size_t)snprintf(out + used, room - used, " %s=%s%lld", f->name, reg ? "x" : "",
                                     (long long)field_value(f, raw));
        }
        return;
    }
    snprintf(out, room, bits == 16 ? ".half 0x%04x" : ".word 0x%08x", raw);
}

int riscv_disas(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room)
{
    unsigned len = n >= 2 && (bytes[0] & 3) == 3 ? 4 : 2;
    int used;

    (void)mode;
    if (n < len)
        return 0;
    used = disas_one(((const struct riscv_model *)model)->xlen == 32 ? DISAS_RISCV32 : DISAS_RISCV64, pc, bytes, len, out, room);
    if (!used)
        by_table(model, len == 4 ? load_le32(bytes) : load_le16(bytes), len * 8, out, room);
    return used ? used : (int)len;
}
