/* hw/intc/plic.c - RISC-V platform-level interrupts: sources with priorities, contexts that claim them.
 *
 *     a source:  idle --line high--> pending --claim--> claimed --complete, line low--> idle
 *                                       ^------------------------complete, line high--'
 *
 * Output n is context n's; the machine says which hart and mode that is.
 * Source: RISC-V PLIC specification 1.0.0, sections 3-9. */
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "hw/intc/plic.h"

enum {
    PRIORITY = 0x0, PENDING = 0x1000, ENABLE = 0x2000, ENABLE_STRIDE = 0x80, CONTEXT = 0x200000, CONTEXT_STRIDE = 0x1000,
    THRESHOLD = 0, CLAIM = 4, LENGTH = 0x4000000, MAX_SOURCES = 1024, WORDS = MAX_SOURCES / 32, MAX_CONTEXTS = 1024,
    MAX_PRIORITY = 7,
};

struct plic {
    struct device dev;
    uint32_t sources; /* source 0 does not exist, but counts */
    uint32_t contexts;
    uint8_t priority[MAX_SOURCES];
    uint32_t level[WORDS], pending[WORDS], claimed[WORDS];
    uint32_t *enable; /* [context][WORDS] */
    uint8_t *threshold;
    uint32_t enable_bytes;
};

static bool bit(const uint32_t *map, unsigned n)
{
    return map[n / 32] >> n % 32 & 1;
}

static void put_bit(uint32_t *map, unsigned n, bool on)
{
    if (on)
        map[n / 32] |= UINT32_C(1) << n % 32;
    else
        map[n / 32] &= ~(UINT32_C(1) << n % 32);
}

/* The pending source that a context has to take first, or 0: highest priority, then lowest number. */
static unsigned best_source(const struct plic *s, unsigned context)
{
    const uint32_t *enable = s->enable + context * WORDS;
    unsigned best = 0, priority = s->threshold[context];

    for (unsigned w = 0; w < (s->sources + 31) / 32; w++) {
        for (uint32_t ready = s->pending[w] & enable[w]; ready; ready &= ready - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(ready);

            if (s->priority[n] > priority) {
                priority = s->priority[n];
                best = n;
            }
        }
    }
    return best;
}

static void update(struct plic *s)
{
    for (unsigned c = 0; c < s->contexts; c++)
        irq_set(&s->dev.irq[c], best_source(s, c) != 0);
}

/* A line that is high makes its source pending, unless somebody is at work on it. */
static void gate(struct plic *s, unsigned n)
{
    if (bit(s->level, n) && !bit(s->claimed, n))
        put_bit(s->pending, n, true);
}

static void set_line(void *opaque, unsigned n, bool level)
{
    struct plic *s = opaque;

    if (bit(s->level, n) == level)
        return;
    put_bit(s->level, n, level);
    if (!level)
        return; /* what is pending stays so until claimed */
    gate(s, n);
    update(s);
}

struct irq_line plic_input(struct device *dev, unsigned n)
{
    struct plic *s = (struct plic *)dev;

    return n > 0 && n < s->sources ? irq_make(set_line, s, n) : (struct irq_line){ 0 };
}

static uint32_t claim(struct plic *s, unsigned context)
{
    unsigned n = best_source(s, context);

    if (n) {
        put_bit(s->pending, n, false);
        put_bit(s->claimed, n, true);
        update(s);
    }
    return n;
}

static void complete(struct plic *s, unsigned context, uint64_t n)
{
    if (n == 0 || n >= s->sources || !bit(s->enable + context * WORDS, (unsigned)n)) {
        log_guest("plic: completion of interrupt %llu, which context %u does not have", (unsigned long long)n, context);
        return;
    }
    put_bit(s->claimed, (unsigned)n, false);
    gate(s, (unsigned)n);
    update(s);
}

/* Bits of sources that exist in a word of a bitmap. */
static uint32_t word_mask(const struct plic *s, unsigned w)
{
    uint32_t mask = UINT32_MAX;

    if (w * 32 >= s->sources)
        return 0;
    if (s->sources - w * 32 < 32)
        mask = (UINT32_C(1) << (s->sources - w * 32)) - 1;
    return w == 0 ? mask & ~UINT32_C(1) : mask;
}

static uint64_t plic_read(void *opaque, uint64_t off, unsigned size)
{
    struct plic *s = opaque;
    uint64_t n;

    (void)size;
    if (off < PRIORITY + 4 * (uint64_t)s->sources)
        return s->priority[off / 4];
    if (off >= PENDING && off < PENDING + WORDS * 4)
        return s->pending[(off - PENDING) / 4];
    if (off >= ENABLE && (n = (off - ENABLE) / ENABLE_STRIDE) < s->contexts)
        return s->enable[n * WORDS + (off - ENABLE) % ENABLE_STRIDE / 4];
    if (off >= CONTEXT && (n = (off - CONTEXT) / CONTEXT_STRIDE) < s->contexts) {
        if (off % CONTEXT_STRIDE == THRESHOLD)
            return s->threshold[n];
        if (off % CONTEXT_STRIDE == CLAIM)
            return claim(s, (unsigned)n);
    }
    log_guest("plic: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0;
}

static void plic_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct plic *s = opaque;
    uint64_t n;

    (void)size;
    if (off < PRIORITY + 4 * (uint64_t)s->sources) {
        if (off >= 4)
            s->priority[off / 4] = val & MAX_PRIORITY;
    } else if (off >= ENABLE && (n = (off - ENABLE) / ENABLE_STRIDE) < s->contexts) {
        unsigned w = off % ENABLE_STRIDE / 4;

        s->enable[n * WORDS + w] = (uint32_t)val & word_mask(s, w);
    } else if (off >= CONTEXT && (n = (off - CONTEXT) / CONTEXT_STRIDE) < s->contexts) {
        if (off % CONTEXT_STRIDE == THRESHOLD)
            s->threshold[n] = val & MAX_PRIORITY;
        else if (off % CONTEXT_STRIDE == CLAIM)
            complete(s, (unsigned)n, val);
    } else {
        log_guest("plic: write of 0x%llx, where nothing can be written", (unsigned long long)off);
        return;
    }
    update(s);
}

static int plic_realize(struct device *dev, struct error *err)
{
    struct plic *s = (struct plic *)dev;

    (void)err;
    s->enable = NEW_ARRAY(uint32_t, s->contexts * WORDS);
    s->enable_bytes = s->contexts * WORDS * 4;
    s->threshold = NEW_ARRAY(uint8_t, s->contexts);
    device_set_irqs(dev, s->contexts);
    return 0;
}

static void plic_unrealize(struct device *dev)
{
    struct plic *s = (struct plic *)dev;

    free(s->enable);
    free(s->threshold);
}

static void plic_reset(struct device *dev)
{
    struct plic *s = (struct plic *)dev;

    memset(s->priority, 0, sizeof(s->priority));
    memset(s->pending, 0, sizeof(s->pending));
    memset(s->claimed, 0, sizeof(s->claimed));
    memset(s->enable, 0, s->enable_bytes);
    memset(s->threshold, 0, s->contexts);
    for (unsigned n = 1; n < s->sources; n++)
        gate(s, n);
    update(s);
}

static int plic_after_load(struct device *dev, struct error *err)
{
    struct plic *s = (struct plic *)dev;

    (void)err;
    for (unsigned w = 0; w < WORDS; w++) {
        s->pending[w] &= word_mask(s, w);
        for (unsigned c = 0; c < s->contexts; c++)
            s->enable[c * WORDS + w] &= word_mask(s, w);
    }
    update(s);
    return 0;
}

static const struct prop plic_props[] = {
    PROP_U32(struct plic, sources, "num-sources", "96", "interrupt sources, one more than the highest number", .min = 2,
             .max = MAX_SOURCES),
    PROP_U32(struct plic, contexts, "num-contexts", "2", "who takes interrupts: harts and modes", .min = 1,
             .max = MAX_CONTEXTS),
    PROP_END,
};

static const struct state_field plic_state[] = {
    STATE_ARRAY(struct plic, priority), STATE_ARRAY(struct plic, level), STATE_ARRAY(struct plic, pending),
    STATE_ARRAY(struct plic, claimed), STATE_BYTES(struct plic, enable, enable_bytes),
    STATE_BYTES(struct plic, threshold, contexts), STATE_END,
};

const struct device_type plic_type = {
    .name = "riscv.sifive.plic", .help = "RISC-V platform-level interrupt controller", .bus = BUS_SYSTEM,
    .bytes = sizeof(struct plic), .props = plic_props, .state = plic_state, .state_version = 1, .wired = true,
    .realize = plic_realize, .unrealize = plic_unrealize, .reset = plic_reset, .after_load = plic_after_load,
    .mmio = { .read = plic_read, .write = plic_write, .length = LENGTH, .widths = WIDTH_4 },
};
