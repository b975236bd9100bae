/* hw/intc/sswi.c - RISC-V supervisor software interrupts: a write of 1 to SETSSIP raises the hart's pin, once; the hart
 * itself clears what that left pending. Output n is hart n's.
 *
 * Source: RISC-V ACLINT specification 1.0-rc4, section 4. */
#include "hw/intc/sswi.h"
#include "core/base/log.h"

enum { MAX_HARTS = 4095 };

struct sswi {
    struct device dev;
    uint32_t harts;
};

static uint64_t sswi_read(void *opaque, uint64_t off, unsigned size)
{
    const struct sswi *s = opaque;

    (void)size;
    if (off / 4 >= s->harts)
        log_guest("sswi: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0; /* SETSSIP keeps nothing */
}

static void sswi_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct sswi *s = opaque;

    (void)size;
    if (off / 4 >= s->harts)
        log_guest("sswi: write of 0x%llx, where nothing is", (unsigned long long)off);
    else if (val & 1)
        irq_set(&s->dev.irq[off / 4], true);
}

static int sswi_realize(struct device *dev, struct error *err)
{
    (void)err;
    device_set_irqs(dev, ((struct sswi *)dev)->harts);
    return 0;
}

static const struct prop sswi_props[] = {
    PROP_U32(struct sswi, harts, "num-harts", "1", "harts it serves", .min = 1, .max = MAX_HARTS),
    PROP_END,
};

static const struct state_field sswi_state[] = { STATE_END };

const struct device_type sswi_type = {
    .name = "riscv.aclint.sswi", .help = "RISC-V supervisor software interrupts", .bus = BUS_SYSTEM,
    .bytes = sizeof(struct sswi), .props = sswi_props, .state = sswi_state, .state_version = 1, .wired = true,
    .realize = sswi_realize,
    .mmio = { .read = sswi_read, .write = sswi_write, .length = SSWI_BYTES, .widths = WIDTH_4 },
};
