/* See streams.h. */
#include "tests/isa/a64/streams.h"

struct stream { uint32_t *code, *p; uint64_t s; unsigned flags; };

uint64_t stream_random(uint64_t *s)
{
    uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

unsigned stream_below(uint64_t *s, unsigned n) { return (unsigned)(stream_random(s) >> 32) % n; }

uint64_t stream_operand(uint64_t *s)
{
    static const uint64_t edge[] = {
        0, 1, ~UINT64_C(0), UINT64_C(1) << 63, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000001, 0x7ff0000000000001,
        0x3ff0000000000000, 0xbff8000000000000, 0x4008000000000000, 0x7f8000003f800000, 0xff800000c0400000,
        0x7fc000017f800001, 0x8000000000000001, 0x0000000100800000, 0x41e0000000000000, 0x4f0000005f000000,
        0x7fffffff80000000, 0x00ff80007f00fe01, 0x7c00fc007e0103ff, 0x3c0080017d000400, 0x7bffc000b8004248, 0x3f0000003fc00000,
    };
    uint64_t v = stream_random(s);

    switch (stream_below(s, 6)) {
    case 0:  return edge[stream_below(s, sizeof edge / sizeof *edge)];
    case 1:  return v & 127;
    case 2:  return (uint64_t)(int64_t)(int32_t)v;
    case 3:  return (v & 0x800fffffffffffff) | (uint64_t)(1023 - 30 + stream_below(s, 100)) << 52;
    case 4:  return (v & 0x807fffff807fffff) | (uint64_t)(127 - 20 + stream_below(s, 40)) << 23 | (uint64_t)(127 - 20 + stream_below(s, 40)) << 55;
    default: return v >> stream_below(s, 64);
    }
}

/* --- instructions ------------------------------------------------------------------------------------------------------- */

static void emit(struct stream *g, uint32_t word) { *g->p++ = word; }

/* A register that streams may write: 0-15, 25-31. */
static uint32_t any_reg(uint64_t *s)
{
    unsigned r = stream_below(s, 23);

    return r < 16 ? r : r - 16 + 25;
}

/* A line of the table; of those that reach memory, or of the others. */
static const struct template *pick(struct stream *g, int memory)
{
    for (;;) {
        const struct template *t = &templates[stream_below(&g->s, template_count)];

        if ((t->base >= 0) == memory && (t->base >= 0 || !t->imm_bits))
            return t;
    }
}

static uint32_t fill(struct stream *g, const struct template *t)
{
    for (;;) {
        uint32_t word = t->value | (t->free & (uint32_t)stream_random(&g->s));
        int bad = 0;

        for (int i = 0; i < t->nregs; i++)
            word = (word & ~(31u << t->reg[i])) | any_reg(&g->s) << t->reg[i];
        if (t->nregs > 1 && t->base >= 0 && (word >> t->reg[0] & 31) == (word >> t->reg[1] & 31))
            continue;                          /* LDP of one register: not defined */
        for (int i = 0; i < t->nnever; i++)
            bad |= (word >> t->never[i].at & ((1u << t->never[i].bits) - 1)) == t->never[i].value;
        if (!bad)
            return word;
    }
}

static void aim_at(struct stream *g, unsigned page, unsigned off)
{
    emit(g, 0x91400000 | page << 10 | 19 << 5 | 16);                    /* add x16, x19, #page, lsl #12 */
    emit(g, 0x91000000 | off << 10 | 16 << 5 | 16);                     /* add x16, x16, #off */
}

/* x16 = somewhere in the data, a multiple of @align; often page borders lie in what is accessed. */
static void aim(struct stream *g, unsigned align)
{
    unsigned off = stream_below(&g->s, 3) ? 512 + stream_below(&g->s, 3000) : 4096 - stream_below(&g->s, 80), page = stream_below(&g->s, RW_PAGES - 1);

    switch (stream_below(&g->s, 40)) {
    case 0:  page = NOWHERE, off = 2048; break;
    case 1:  page = RO_PAGE, off = 512 + stream_below(&g->s, 2500); break;
    case 2:  page = 0, off = 512; break;                                /* the same line again */
    }
    aim_at(g, page, off & ~(align - 1) & 4095);
    if (!stream_below(&g->s, 12))
        emit(g, 0xb2481e10);                                            /* orr x16, x16, #0xff00000000000000: a tag */
}

static void access(struct stream *g)
{
    const struct template *t = pick(g, 1);
    uint32_t word = fill(g, t), base = 16;

    aim(g, stream_below(&g->s, 2) ? 16 : 1);
    if (!stream_below(&g->s, 6)) {
        emit(g, 0x9100021f);                                            /* mov sp, x16 */
        base = 31;
    }
    if (t->index >= 0) {
        emit(g, (stream_below(&g->s, 4) ? 0xd2800000 : 0x92800000) | stream_below(&g->s, 128) << 5 | 17);     /* mov x17, #n, or ~n */
        word = (word & ~(31u << t->index)) | 17u << t->index;
    }
    if (t->imm_bits) {
        uint32_t ones = (1u << t->imm_bits) - 1, imm = stream_below(&g->s, 4) ? stream_below(&g->s, 16) : t->imm_bits == 12 ? 0 : -stream_below(&g->s, 16) & ones;

        word = (word & ~(ones << t->imm)) | imm << t->imm;
    }
    emit(g, (word & ~(31u << t->base)) | base << t->base);
}

static void literal(struct stream *g)
{
    for (;;) {
        const struct template *t = &templates[stream_below(&g->s, template_count)];

        if (t->base < 0 && t->imm_bits) {
            uint32_t ones = (1u << t->imm_bits) - 1;

            emit(g, (fill(g, t) & ~(ones << t->imm)) | ((stream_below(&g->s, 24) - 12) & ones) << t->imm);
            return;
        }
    }
}

/* x16; mov w26, #0; ldaxr w25, [x16]; some operation; stlxr w26, w25, [x16]; cbnz w26 - until it is done, or both are skipped */
static void exclusive(struct stream *g)
{
    static const uint32_t ops[] = { 0x0b000320, 0x4a000320, 0x11000720, 0x2a000320 };  /* add, eor, add #1, orr */
    uint32_t size = stream_below(&g->s, 4) << 30, order = stream_below(&g->s, 2) << 15;

    aim_at(g, stream_below(&g->s, RW_PAGES - 1), stream_below(&g->s, 256) * 16);
    emit(g, 0x52800000 | 26);
    emit(g, 0x085f7c00 | size | order | 16 << 5 | 25);
    emit(g, ops[stream_below(&g->s, 4)] | (25 << 5) | 25 | (stream_below(&g->s, 2) ? 0x80000000 : 0));
    emit(g, 0x08007c00 | size | order | 26 << 16 | 16 << 5 | 25);
    emit(g, 0x35000000 | (uint32_t)(-6 & 0x7ffff) << 5 | 26);
}

/* Forward, over one to six instructions. */
static void branch(struct stream *g)
{
    uint32_t n = 2 + stream_below(&g->s, 6), r = any_reg(&g->s);

    switch (stream_below(&g->s, 8)) {
    case 0:  emit(g, 0x14000000 | n); break;
    case 1:  emit(g, 0x94000000 | n); break;
    case 2:  emit(g, 0x34000000 | (uint32_t)(stream_random(&g->s) & 0x81000000) | n << 5 | r); break;    /* cbz, cbnz */
    case 3:  emit(g, 0x36000000 | (uint32_t)(stream_random(&g->s) & 0x81f80000) | n << 5 | r); break;    /* tbz, tbnz */
    case 4:
        emit(g, 0x10000000 | (n + 1) << 5 | 21);                                                /* adr x21; br, blr */
        emit(g, (stream_below(&g->s, 2) ? 0xd61f0000 : 0xd63f0000) | 21 << 5);
        break;
    case 5:
        emit(g, 0x10000000 | (n + 1) << 5 | 30);                                                /* adr x30; ret */
        emit(g, 0xd65f03c0);
        break;
    default: emit(g, 0x54000000 | n << 5 | stream_below(&g->s, 16));
    }
}

/* FPCR: rounding, FZ, DN, FZ16; FPSR; NZCV; TPIDR_EL0. */
static void registers(struct stream *g)
{
    switch (stream_below(&g->s, 7)) {
    case 0:
        emit(g, 0xd2a00000 | (stream_below(&g->s, 2) ? 0 : stream_random(&g->s) & 0x3c8) << 5 | 17);     /* movz x17, #, lsl #16 */
        emit(g, 0xd51b4400 | 17);                                       /* msr fpcr, x17 */
        break;
    case 1:  emit(g, 0xd51b4420 | 31); break;                           /* msr fpsr, xzr */
    case 2:  emit(g, 0xd53b4420 | any_reg(&g->s)); break;
    case 3:  emit(g, 0xd53b4400 | any_reg(&g->s)); break;
    case 4:  emit(g, 0xd51b4200 | any_reg(&g->s)); break;               /* nzcv */
    case 5:  emit(g, 0xd53b4200 | any_reg(&g->s)); break;
    default: emit(g, (stream_below(&g->s, 2) ? 0xd51bd040 : 0xd53bd040) | any_reg(&g->s));
    }
}

static void of_el1(struct stream *g)
{
    switch (stream_below(&g->s, 6)) {
    case 0:  emit(g, 0xd50342df | stream_below(&g->s, 16) << 8); break;        /* msr daifset */
    case 1:  emit(g, 0xd50342ff | stream_below(&g->s, 16) << 8); break;        /* msr daifclr */
    case 2:  emit(g, 0xd500409f | stream_below(&g->s, 2) << 8); break;         /* pan */
    case 3:
        aim(g, 1);
        emit(g, 0xd5087800 | stream_below(&g->s, 4) << 5 | 16);                /* at s1e1r ... s1e0w */
        emit(g, 0xd5033fdf);
        emit(g, 0xd5387400 | 21);                                       /* par_el1, but for the address */
        emit(g, 0x92484c00 | 21 << 5 | any_reg(&g->s));
        break;
    case 4:
        emit(g, 0xd508871f);                                            /* tlbi vmalle1 */
        emit(g, 0xd5033b9f);
        emit(g, 0xd5033fdf);
        break;
    default: emit(g, 0xd500407f | stream_below(&g->s, 2) << 8);                /* uao */
    }
}

static void barrier_or_hint(struct stream *g)
{
    static const uint32_t some[] = { 0xd503201f, 0xd5033fdf, 0xd5033bbf, 0xd5033b9f, 0xd50330ff, 0xd503203f, 0xd503305f };

    emit(g, some[stream_below(&g->s, sizeof some / sizeof *some)]);
}

/* The word at the end of it is exchanged first. x23 is what stands there, x24 what makes the other one of it. */
static void rewrite(struct stream *g)
{
    static const uint32_t steps[] = { 0x4a1802f7, 0xb9000297, 0xd50b7b34, 0xd5033b9f, 0xd50b7534, 0xd5033b9f, 0xd5033fdf };

    emit(g, 0x10000000 | 8 << 5 | 20);                                  /* adr x20, the slot */
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++)         /* eor w23, w23, w24; str w23, [x20]; dc cvau; dsb; ic ivau */
        emit(g, steps[i]);
}

/* Does the word name what the stream needs to come to its end, in any place where registers are named? */
static int names_counters(uint32_t word)
{
    static const int at[] = { 0, 5, 10, 16 };

    for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
        if ((word >> at[i] & 31) >= 16 && (word >> at[i] & 31) <= 24)
            return 1;
    return 0;
}

static void any_bits(struct stream *g)
{
    uint32_t word = (uint32_t)stream_random(&g->s);

    if (!names_counters(word) && (word >> 26 & 7) != 5 && (word >> 21 & 0x1ff) != 0x0c8)         /* no branch, nothing of the system, no exclusive store */
        emit(g, word);
}

static void unit(struct stream *g)
{
    switch (stream_below(&g->s, 24)) {
    case 0: case 1: case 2: case 3: case 4: case 5: access(g); break;
    case 6: branch(g); break;
    case 7: branch(g); break;
    case 8: registers(g); break;
    case 9: exclusive(g); break;
    case 10: stream_below(&g->s, 2) ? literal(g) : barrier_or_hint(g); break;
    case 11:
        if (g->flags & PRIVILEGED)
            of_el1(g);
        else if (g->flags & ANY_BITS)
            any_bits(g);
        break;
    case 12:
        if (g->flags & CALLS && !stream_below(&g->s, 3))
            emit(g, 0xd4000001 | stream_below(&g->s, 8) << 5);
        else if (g->flags & ANY_BITS)
            any_bits(g);
        break;
    default: emit(g, fill(g, pick(g, 0)));
    }
}

/* Where branches end that would leave out what ends a loop. */
static void landing(struct stream *g)
{
    for (int i = 0; i < 8; i++)
        emit(g, 0xd503201f);
}

static void loop(struct stream *g, unsigned times)
{
    uint32_t *top;

    emit(g, 0xd2800000 | times << 5 | 22);                              /* mov x22, #times */
    top = g->p;
    for (unsigned i = 1 + stream_below(&g->s, 6); i; i--)
        unit(g);
    landing(g);
    emit(g, 0xd10006d6);                                                /* sub x22, x22, #1; tbz x22, #63, top */
    emit(g, 0xb6f80000 | ((uint32_t)(top - g->p) & 0x3fff) << 5 | 22);
}

static int is_second(uint32_t word) { return (word & 0xff9ffc1f) == 0xd61f0000 || word == (0xd51b4400 | 17); }
static int is_adr(uint32_t word) { return (word & 0xff00001f) == (0x10000000 | 21) || (word & 0xff00001f) == (0x10000000 | 30); }

/* Nothing may land on an indirect jump, which may lead back, or a write of any value to FPCR, but on the instruction before. */
static void correct_landings(const struct stream *g)
{
    for (uint32_t *p = g->code; p < g->p; p++) {
        uint32_t word = *p, at = 5, n = word >> 5 & 0x7ffff;

        if ((word & 0x7c000000) == 0x14000000)
            at = 0, n = word & 0x3ffffff;
        else if ((word & 0x7e000000) == 0x36000000)
            n &= 0x3fff;
        else if ((word & 0x7e000000) != 0x34000000 && (word & 0xff000010) != 0x54000000 && !is_adr(word))
            continue;
        if (n < 16 && p + n < g->p && is_second(p[n]))
            *p -= 1u << at;
    }
}

uint64_t skip_fault(uint64_t pc, uint32_t word)
{
    return pc + ((word & 0x3fc00000) == 0x08400000 ? 16 : (word & 0x3fc00000) == 0x08000000 ? 8 : 4);
}

void stream_make(uint32_t *code, uint64_t seed, unsigned flags, unsigned loops, uint64_t x[31])
{
    struct stream g = { code, code, (seed + 1) * UINT64_C(0xd1342543de82ef95), flags };
    unsigned units = 6 + stream_below(&g.s, 40), rewrites = stream_below(&g.s, 3) ? units : stream_below(&g.s, units), inner = 0;
    uint32_t slot[2];

    for (int i = 0; i < 31; i++)
        x[i] = stream_operand(&g.s);
    slot[0] = fill(&g, pick(&g, 0));
    slot[1] = fill(&g, pick(&g, 0));
    x[18] = loops;
    x[23] = slot[0];
    x[24] = slot[0] ^ slot[1];
    x[22] = ~UINT64_C(0);
    if (flags & PRIVILEGED)
        emit(&g, 0xd50342ff | 15 << 8);                                 /* interrupts come */
    for (unsigned i = 0; i < units; i++)
        if (i == rewrites) {
            rewrite(&g);
            emit(&g, slot[0]);
        } else if (!inner && !stream_below(&g.s, 10)) {
            loop(&g, 1 + stream_below(&g.s, 60));
            inner = 1;
        } else {
            unit(&g);
        }
    landing(&g);
    emit(&g, 0xd1000652);                                               /* sub x18, x18, #1; cbnz x18 */
    emit(&g, 0xb5000000 | ((uint32_t)(code - g.p) & 0x7ffff) << 5 | 18);
    emit(&g, 0xd4200000 | END_OF_STREAM << 5);
    correct_landings(&g);
    for (int i = 0; i < 32; i++)                                        /* literals reach behind it */
        emit(&g, 0);
}
