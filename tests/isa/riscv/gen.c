/* tests/isa/riscv/gen.c - cases from the tables: operands at the edges, at random, and equal to each other. */
#include <string.h>

#include "core/base/bits.h"
#include "targets/riscv/state.h"
#include "tests/isa/riscv/gen.h"

bool gen_rv32;

/* --- random numbers: splitmix64 ------------------------------------------------------------------------------------------ */

static uint64_t next(uint64_t *s)
{
    uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned below(uint64_t *s, unsigned n)
{
    return (unsigned)(next(s) >> 32) % n;
}

static uint64_t int_value(uint64_t *s)
{
    static const uint64_t edges[] = {
        0, 1, 2, ~UINT64_C(0), ~UINT64_C(1), 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        UINT64_C(0xffffffff80000000), UINT64_C(0x100000000), UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000),
        UINT64_C(0x5555555555555555), UINT64_C(0x0102040810204080), UINT64_C(0xff00ff0000ff00ff),
    };
    uint64_t v = next(s);

    switch (below(s, 6)) {
    case 0:
    case 1:
        return edges[below(s, ARRAY_LEN(edges))];
    case 2:
        return v & 127;
    case 3:
        return (uint64_t)(int64_t)(int32_t)v;
    case 4:
        return v >> below(s, 64);
    default:
        return v;
    }
}

static uint64_t double_value(uint64_t *s)
{
    static const uint64_t edges[] = {
        0, UINT64_C(0x8000000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0xbff0000000000000),
        UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000), UINT64_C(0x7ff8000000000000),
        UINT64_C(0xfff8000000001234), UINT64_C(0x7ff0000000000001), UINT64_C(0xfff7ffffffffffff),
        UINT64_C(0x0000000000000001), UINT64_C(0x800fffffffffffff), UINT64_C(0x0010000000000000),
        UINT64_C(0x7fefffffffffffff), UINT64_C(0xffefffffffffffff), UINT64_C(0x3fe0000000000000),
        UINT64_C(0x4002000000000000), UINT64_C(0xc004000000000000), UINT64_C(0x41dfffffffc00000),
        UINT64_C(0x41e0000000000000), UINT64_C(0xc1e0000000200000), UINT64_C(0x43e0000000000000),
        UINT64_C(0x43efffffffffffff), UINT64_C(0x43f0000000000000), UINT64_C(0xc3e0000000000000),
        UINT64_C(0x36a0000000000000), UINT64_C(0x47efffffe0000000), UINT64_C(0x47efffffefffffff),
        UINT64_C(0x380fffffffffffff), UINT64_C(0x40effc0000000000), UINT64_C(0x3f0fffffffffffff),
    };
    uint64_t v = next(s);

    switch (below(s, 4)) {
    case 0:
        return edges[below(s, ARRAY_LEN(edges))];
    case 1:                                    /* of ordinary size */
        return (v & ~(UINT64_C(0x7ff) << 52)) | (uint64_t)(1023 - 30 + below(s, 100)) << 52;
    case 2:                                    /* few bits: exact results, ties */
        return (v & UINT64_C(0x800f000000000000)) | (uint64_t)(1023 - 4 + below(s, 40)) << 52;
    default:
        return v;
    }
}

static uint32_t single_value(uint64_t *s)
{
    static const uint32_t edges[] = {
        0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc01234, 0x7f800001, 0xffbfffff, 1,
        0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f000000, 0x40100000, 0xc0200000, 0x4effffff, 0x4f000000,
        0xcf000000, 0xcf000001, 0x5f000000, 0x5effffff, 0x5f800000, 0x33800000, 0x477fe000, 0x477ff000, 0x387fc000,
    };
    uint32_t v = (uint32_t)next(s);

    switch (below(s, 4)) {
    case 0:
        return edges[below(s, ARRAY_LEN(edges))];
    case 1:
        return (v & 0x807fffff) | (127 - 20 + below(s, 60)) << 23;
    case 2:
        return (v & 0x80780000) | (127 - 4 + below(s, 40)) << 23;
    default:
        return v;
    }
}

static uint64_t half_value(uint64_t *s)
{
    static const uint16_t edges[] = { 0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0xfe12, 0x7c01, 0xfdff, 1, 0x83ff,
                                      0x0400, 0x7bff, 0xfbff, 0x3800, 0x4080, 0xc100, 0x0401, 0x03ff };

    return below(s, 2) ? edges[below(s, ARRAY_LEN(edges))] : next(s) & 0xffff;
}

/* As the instruction's format wants it; now and then not boxed. */
static uint64_t float_value(uint64_t *s, char fmt)
{
    if (fmt == 'd' || !below(s, 16))
        return double_value(s);
    if (fmt == 'h')
        return half_value(s) | ~UINT64_C(0xffff);
    return single_value(s) | ~UINT64_C(0xffffffff);
}

/* --- instructions ---------------------------------------------------------------------------------------------------------- */

static bool term_holds(const struct riscv_model *m, const char *s, size_t n)
{
    bool want = *s != '!';

    s += !want;
    n -= !want;
#define FEATURE(name, on, isa, help) \
    if (strlen(#name) == n && !memcmp(#name, s, n)) \
        return m->has[RV_F_##name] == want;
#include "targets/riscv/features.def"
#undef FEATURE
    return false;
}

bool gen_has(const struct riscv_model *m, const struct insn_desc *d)
{
    const char *s = d->features;

    if (d->bits == 16 && !m->has[RV_F_c])
        return false;
    if (!*s)
        return true;
    while (*s) {                               /* alternatives */
        bool all = true;

        for (;;) {
            size_t n = strcspn(s, "&|");

            all &= term_holds(m, s, n);
            s += n;
            if (*s != '&')
                break;
            s++;
        }
        if (all)
            return true;
        s += *s == '|';
    }
    return false;
}

static const char *meaning(const struct insn_desc *d)
{
    return d->as ? d->as : d->name;
}

static bool one_of(const char *name, const char *list)
{
    size_t n = strlen(name);

    for (const char *s = list; *s; s += strspn(s, " ")) {
        size_t len = strcspn(s, " ");

        if (len == n && !memcmp(s, name, n))
            return true;
        s += len;
    }
    return false;
}

static bool touches_memory(const struct insn_desc *d)
{
    const char *n = meaning(d);

    return one_of(n, "lb lh lw ld lbu lhu lwu sb sh sw sd flh flw fld fsh fsw fsd cbo_inval cbo_clean cbo_flush cbo_zero") ||
           !strncmp(n, "lr_", 3) || !strncmp(n, "sc_", 3) || !strncmp(n, "amo", 3);
}

static bool is_jump(const struct insn_desc *d)
{
    return one_of(meaning(d), "jal jalr beq bne blt bge bltu bgeu");
}

static bool is_privileged(const struct insn_desc *d)
{
    return one_of(meaning(d), "ecall ebreak mret sret wfi sfence_vma sinval_vma sfence_w_inval sfence_inval_ir wrs_nto wrs_sto "
                              "fence_i cbo_inval cbo_clean cbo_flush");
}

bool gen_recordable(const struct insn_desc *d)
{
    return !is_privileged(d);                  /* user programs may manage caches on some systems only */
}

static char format_of(const struct insn_desc *d)
{
    size_t n = strlen(d->name);
    char last = d->name[n - 1];

    /* conversions: what they read is named last */
    return last == 'h' || last == 'd' ? last : 's';
}

static uint64_t place(const struct insn_field *f, uint64_t v)
{
    uint64_t raw = 0;

    v -= (uint64_t)(int64_t)f->bias;
    for (unsigned i = 0; i < f->npieces; i++)
        raw |= bits_get(v, f->piece[i].at, f->piece[i].len) << f->piece[i].lo;
    return raw;
}

static int64_t value(const struct insn_field *f, uint64_t raw)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < f->npieces; i++)
        v |= bits_get(raw, f->piece[i].lo, f->piece[i].len) << f->piece[i].at;
    return (f->is_signed ? sext64(v, f->bits) : (int64_t)v) + f->bias;
}

static const struct insn_field *field(const struct insn_desc *d, const char *name)
{
    for (unsigned i = 0; i < d->nfields; i++)
        if (!strcmp(d->field[i].name, name))
            return &d->field[i];
    return NULL;
}

/* The register of a field, or what the compressed form implies; -1: there is none. */
static int reg_of(const struct insn_desc *d, uint64_t raw, const char *name)
{
    const struct insn_field *f = field(d, name);

    if (f)
        return (int)value(f, raw);
    return !strcmp(name, "rs1") && strlen(d->name) > 2 && !strcmp(d->name + strlen(d->name) - 2, "sp") ? 2 : -1;
}

/* Where a jump goes, relative to it: up to n words away on either side, but not to itself. */
static uint64_t landing(uint64_t *s, unsigned n)
{
    int words = 1 + (int)below(s, n);

    return (uint64_t)(int64_t)(4 * (below(s, 2) ? words : -words));
}

static uint64_t pick_field(const struct insn_desc *d, const struct insn_field *f, uint64_t *s)
{
    if (f->name[0] == 'r' && f->bits == 5 && (f->name[1] == 'd' || f->name[1] == 's'))
        return below(s, 5) ? 1 + below(s, 29) : below(s, 30);
    if (!strcmp(f->name, "rm"))
        return below(s, 3) ? 7 : below(s, 5);
    if (!strcmp(f->name, "csr"))
        return 1 + below(s, 3);
    if (!strcmp(f->name, "rnum"))
        return below(s, 11);
    if (is_jump(d) && !strcmp(f->name, "imm") && meaning(d)[0] != 'j')
        return landing(s, 30);
    if (!strcmp(meaning(d), "jal") && !strcmp(f->name, "imm"))
        return landing(s, 60);
    if (!strcmp(f->name, "imm") && f->bits > 6 && !below(s, 3))
        return below(s, 2) ? 0 : ~UINT64_C(0) << below(s, f->bits);
    return next(s);
}

static bool conditions_hold(const struct insn_desc *d, uint64_t raw)
{
    for (unsigned i = 0; i < d->nconds; i++) {
        const struct insn_cond *c = &d->cond[i];
        int64_t other = c->other >= 0 ? value(&d->field[c->other], raw) : c->value;

        if ((value(&d->field[c->field], raw) == other) != c->equal)
            return false;
    }
    return true;
}

/* Constraints that the table leaves to the translator, and x30, x31, which are ours. */
static bool usable(const struct insn_desc *d, uint64_t raw)
{
    const char *n = meaning(d);
    const struct insn_field *shamt = field(d, "shamt");

    for (unsigned i = 0; i < d->nfields; i++)
        if (d->field[i].name[0] == 'r' && d->field[i].bits - 2 * (d->field[i].bias == 0) == 3 && value(&d->field[i], raw) >= 30)
            return false;
    if (touches_memory(d) && reg_of(d, raw, "rs1") == 0)
        return false;
    if (!strcmp(n, "amocas_q") && (reg_of(d, raw, "rd") | reg_of(d, raw, "rs2")) & 1)
        return false;
    if (!strcmp(n, "amocas_q") && (reg_of(d, raw, "rd") == 28 || reg_of(d, raw, "rs2") == 28))
        return reg_of(d, raw, "rd") < 28;
    if (!strcmp(n, "jalr") && reg_of(d, raw, "rs1") == 0)
        return false;
    if (one_of(n, "csrrw csrrwi") && reg_of(d, raw, "rd") > 29)
        return false;
    if (gen_rv32 && shamt && value(shamt, raw) > 31)
        return false;
    if (gen_rv32 && !strcmp(n, "amocas_d") && (reg_of(d, raw, "rd") | reg_of(d, raw, "rs2")) & 1)
        return false;
    return conditions_hold(d, raw);
}

static uint64_t pick_insn(const struct insn_desc *d, uint64_t *s)
{
    for (;;) {
        uint64_t raw = d->value | (next(s) & ~d->mask & mask64(d->bits));

        for (unsigned i = 0; i < d->nfields; i++) {
            const struct insn_field *f = &d->field[i];

            raw &= ~place(f, (uint64_t)((int64_t)-1 + f->bias));
            raw |= place(f, pick_field(d, f, s) + (f->bias ? (uint64_t)f->bias : 0));
        }
        if (!below(s, 4) && field(d, "rs2") && field(d, "rs1") && field(d, "rs1")->bits == field(d, "rs2")->bits) {
            raw &= ~place(field(d, "rs2"), (uint64_t)((int64_t)-1 + field(d, "rs2")->bias));
            raw |= place(field(d, "rs2"), (uint64_t)value(field(d, "rs1"), raw));
        }
        if (usable(d, raw))
            return raw;
    }
}

/* --- cases ------------------------------------------------------------------------------------------------------------------ */

static void put(struct isa_case *c, uint64_t raw, unsigned bits)
{
    memcpy(c->code + c->code_bytes, &raw, bits / 8);
    c->code_bytes += bits / 8;
}

static void random_state(struct isa_case *c, uint64_t *s, char fmt)
{
    for (unsigned i = 1; i < 30; i++)
        c->in.x[i] = gen_rv32 ? (uint32_t)int_value(s) : int_value(s);
    for (unsigned i = 0; i < 32; i++)
        c->in.f[i] = float_value(s, fmt);
    for (unsigned i = 0; i < DATA_BYTES; i += 8) {
        uint64_t v = below(s, 2) ? int_value(s) : float_value(s, fmt);

        memcpy(c->in.data + i, &v, 8);
    }
    c->in.fcsr = below(s, 5) << 5 | (below(s, 3) ? 0 : below(s, 32));
}

/* The base register so that the access falls into the data: aligned for atomics, anywhere for others. */
static void aim(const struct insn_desc *d, uint64_t raw, struct isa_case *c, uint64_t *s)
{
    const char *n = meaning(d);
    bool atomic = n[0] == 'a' || (n[2] == '_' && (n[0] == 'l' || n[0] == 's'));
    uint64_t off = below(s, DATA_BYTES / 2) + 64;
    const struct insn_field *imm = field(d, "imm");

    if (atomic || below(s, 2))
        off &= ~UINT64_C(15);
    c->in.x[reg_of(d, raw, "rs1")] = DATA_AT + off - (imm ? (uint64_t)value(imm, raw) : 0);
    if (gen_rv32)
        c->in.x[reg_of(d, raw, "rs1")] &= UINT32_MAX;
}

/* L: insn; addi x31, x31, -1; bnez x31, L */
static void close_loop(struct isa_case *c)
{
    int32_t back = -(int32_t)(c->code_bytes + 4);
    uint32_t b = (uint32_t)back;

    put(c, 0xffff8f93, 32);
    put(c, 0x63 | 1 << 12 | 31 << 15 | (b >> 12 & 1) << 31 | (b >> 5 & 63) << 25 | (b >> 1 & 15) << 8 | (b >> 11 & 1) << 7, 32);
}

static uint64_t seed_of(const struct insn_desc *d, unsigned k)
{
    uint64_t s = 14695981039346656037u + k;

    for (const char *p = d->name; *p; p++)
        s = (s ^ (unsigned char)*p) * 1099511628211u;
    return s;
}

void gen_case(const struct insn_desc *d, unsigned k, unsigned loop, struct isa_case *c)
{
    uint64_t s = seed_of(d, k), raw;
    const char *n = meaning(d);

    memset(c, 0, sizeof *c);
    raw = pick_insn(d, &s);
    random_state(c, &s, format_of(d));
    if (touches_memory(d))
        aim(d, raw, c, &s);
    if (!strcmp(n, "jalr"))
        c->in.x[reg_of(d, raw, "rs1")] = CODE_AT + landing(&s, 60) - (field(d, "imm") ? (uint64_t)value(field(d, "imm"), raw) : 0);
    if (!strncmp(n, "sc_", 3) && k & 1) {      /* lr of the same size into x29 first */
        uint64_t lr = 0x1000002f | 29 << 7 | (raw & (7 << 12)) | (uint64_t)reg_of(d, raw, "rs1") << 15;

        if (reg_of(d, raw, "rs1") != 29 && reg_of(d, raw, "rs2") != 29)
            put(c, lr, 32);
    }
    put(c, raw, d->bits);
    if (c->code_bytes & 2)
        put(c, 1, 16);                         /* c.nop */
    if (loop) {
        c->in.x[31] = loop;
        close_loop(c);
    }
}

/* Values that would leave the machine without a way back to its trap handler are kept away. */
static uint64_t csr_value(unsigned number, uint64_t *s)
{
    uint64_t v = int_value(s);

    if (number == 0x305)                       /* mtvec: the handler, direct or vectored */
        return TRAP_AT | (v & 1);
    if (number >= 0x3a0 && number < 0x3b0)     /* pmpcfg: nothing locked, entry 0 stays */
        return (v & ~UINT64_C(0x80808080808080ff)) | 0x1f;
    if (number == 0x3b0)
        return ~UINT64_C(0);
    if (number == 0x747)                       /* mseccfg */
        return v & 4;
    return gen_rv32 ? (uint32_t)v : v;
}

/* cycle, time, instret and their kin are not the same twice. */
static bool is_clock(unsigned number)
{
    return ((number & 0xf60) == 0xc00 || (number & 0xf60) == 0xb00) && (number & 31) < 3;
}

/* csrrw x5 (x0 for clocks), csr, x6; csrrs x7 (x0), csr, x0 */
void gen_csr(unsigned number, unsigned k, struct isa_case *c)
{
    uint64_t s = number * 977 + k;
    unsigned rd = is_clock(number) ? 0 : 1;

    memset(c, 0, sizeof *c);
    random_state(c, &s, 'd');
    c->in.x[6] = csr_value(number, &s);
    if (k & 1)
        put(c, number << 20 | 6 << 15 | 1 << 12 | (5 * rd) << 7 | 0x73, 32);
    put(c, number << 20 | 2 << 12 | (7 * rd) << 7 | 0x73, 32);
}

static bool never_ends(uint32_t raw)
{
    for (unsigned i = 0; i < rv_ninsns; i++) {
        const struct insn_desc *d = &rv_insns[i];
        uint64_t v = raw & mask64(d->bits);

        if ((v & d->mask) == d->value && is_jump(d) && field(d, "imm") && !value(field(d, "imm"), v))
            return true;
    }
    return false;
}

void gen_any(uint64_t seed, struct isa_case *c)
{
    uint64_t s = seed * 31 + 7;
    uint32_t raw = (uint32_t)next(&s);

    memset(c, 0, sizeof *c);
    random_state(c, &s, 'd');
    if (below(&s, 2)) {                        /* near a line of the table: its fixed bits, and one of them wrong at times */
        const struct insn_desc *d = &rv_insns[below(&s, rv_ninsns)];

        raw = (uint32_t)((raw & ~d->mask) | d->value);
        if (below(&s, 2))
            raw ^= 1u << below(&s, 32);
    }
    if ((raw & 3) != 3)
        raw = (raw & 0xffff) | UINT32_C(0x9002) << 16; /* c.ebreak: no way back from the second half */
    put(c, never_ends(raw) ? 0 : raw, 32);
}

static const struct insn_desc *pick_desc(const struct riscv_model *m, uint64_t *s)
{
    for (;;) {
        const struct insn_desc *d = &rv_insns[below(s, rv_ninsns)];

        if (gen_has(m, d) && gen_recordable(d) && !is_jump(d))
            return d;
    }
}

void gen_stream(const struct riscv_model *m, uint64_t seed, unsigned n, unsigned loop, bool interrupted, struct isa_case *c)
{
    uint64_t s = seed;

    memset(c, 0, sizeof *c);
    random_state(c, &s, "sdh"[below(&s, 3)]);
    for (unsigned i = 0; i < n; i++) {
        const struct insn_desc *d = pick_desc(m, &s);
        uint64_t raw = pick_insn(d, &s);

        if (interrupted && !strncmp(d->name, "sc_", 3))
            continue;                          /* a trap ends the reservation */
        if (touches_memory(d) && below(&s, 8)) /* the base points at the data, or, now and then, nowhere */
            aim(d, raw, c, &s);
        put(c, raw, d->bits);
    }
    if (c->code_bytes & 2)
        put(c, 1, 16);
    c->in.x[31] = loop;
    close_loop(c);
}

/* x28 = CODE_AT, x29 = the instruction in the slot, x27 = what changes it into the other one */
void gen_rewrite(const struct riscv_model *m, uint64_t seed, unsigned loop, struct isa_case *c)
{
    uint64_t s = seed, insn[2];

    memset(c, 0, sizeof *c);
    random_state(c, &s, 'd');
    for (unsigned i = 0; i < 2;) {
        const struct insn_desc *d = pick_desc(m, &s);
        uint64_t raw = pick_insn(d, &s);
        int rd = reg_of(d, raw, "rd");

        if (d->bits == 32 && !touches_memory(d) && rd < 27 && strncmp(d->name, "amo", 3))
            insn[i++] = raw;
    }
    c->in.x[27] = insn[0] ^ insn[1];
    c->in.x[28] = CODE_AT;
    c->in.x[29] = insn[0];
    put(c, 0x01de2623, 32);                    /* sw x29, 12(x28) */
    put(c, 0x01beceb3, 32);                    /* xor x29, x29, x27 */
    put(c, 0x0000100f, 32);                    /* fence.i */
    put(c, insn[1], 32);
    c->in.x[31] = loop;
    close_loop(c);
}
