/* hw/char/pl011.c - the UART of ARM boards.
 *
 * The transmitter is as fast as its back end. Output 0 is the combined interrupt.
 * Source: ARM PrimeCell UART (PL011) Technical Reference Manual, DDI 0183G, chapter 3. */
#include <string.h>
#include "core/base/log.h"
#include "core/char/chr.h"
#include "core/dev/device.h"

enum {
    DR = 0x000, RSR = 0x004, FR = 0x018, ILPR = 0x020, IBRD = 0x024, FBRD = 0x028, LCR_H = 0x02c, CR = 0x030, IFLS = 0x034,
    IMSC = 0x038, RIS = 0x03c, MIS = 0x040, ICR = 0x044, DMACR = 0x048, ID = 0xfe0, LENGTH = 0x1000,
};
enum { FR_CTS = 1, FR_DSR = 2, FR_DCD = 4, FR_RXFE = 0x10, FR_TXFF = 0x20, FR_RXFF = 0x40, FR_TXFE = 0x80 };
enum { INT_RX = 1 << 4, INT_TX = 1 << 5, INT_RT = 1 << 6, INT_OE = 1 << 10, INT_BE = 1 << 9 };
enum { DR_BE = 1 << 10, DR_OE = 1 << 11, LCR_FEN = 0x10, CR_UARTEN = 1, CR_LBE = 0x80, CR_TXE = 0x100, CR_RXE = 0x200 };
enum { FIFO = 16 };

struct pl011 {
    struct device dev;
    char *chardev;
    struct chr_fe chr;
    uint32_t rsr, ilpr, ibrd, fbrd, lcr, cr, ifls, imsc, ris, dmacr;
    uint16_t rx[FIFO];
    uint8_t rx_head, rx_count;
    bool tx_full;
    uint8_t tx; /* waits for the back end */
};

static unsigned depth(const struct pl011 *s)
{
    return s->lcr & LCR_FEN ? FIFO : 1;
}

static void update(struct pl011 *s)
{
    irq_set(&s->dev.irq[0], s->ris & s->imsc);
}

/* Bytes at which the receiver interrupts. A level of more than one would need the time-out of 32 bit times, which
 * drivers rely on to see the rest: each byte counts as timed out. */
static void rx_level(struct pl011 *s)
{
    static const uint8_t levels[] = { 2, 4, 8, 12, 14, 14, 14, 14 };
    unsigned level = s->lcr & LCR_FEN ? levels[s->ifls >> 3 & 7] : 1;

    if (s->rx_count >= level)
        s->ris |= INT_RX;
    else
        s->ris &= ~(uint32_t)INT_RX;
    if (s->rx_count)
        s->ris |= INT_RT;
    else
        s->ris &= ~(uint32_t)INT_RT;
    update(s);
}

static size_t rx_room(void *opaque)
{
    struct pl011 *s = opaque;

    if ((s->cr & (CR_UARTEN | CR_RXE)) != (CR_UARTEN | CR_RXE) || (s->cr & CR_LBE))
        return 0;
    return depth(s) > s->rx_count ? depth(s) - s->rx_count : 0;
}

static void rx_put(struct pl011 *s, uint16_t data)
{
    if (s->rx_count >= depth(s)) {
        s->rsr |= 8;
        s->ris |= INT_OE;
        return;
    }
    s->rx[(s->rx_head + s->rx_count++) % FIFO] = data;
}

static void rx_read(void *opaque, const uint8_t *bytes, size_t len)
{
    struct pl011 *s = opaque;

    for (size_t i = 0; i < len; i++)
        rx_put(s, bytes[i]);
    rx_level(s);
}

static void rx_event(void *opaque, enum chr_event what)
{
    struct pl011 *s = opaque;

    if (what != CHR_BREAK)
        return;
    s->ris |= INT_BE;
    rx_put(s, DR_BE);
    rx_level(s);
}

static uint32_t rx_take(struct pl011 *s)
{
    uint16_t data = 0;

    if (s->rx_count) {
        data = s->rx[s->rx_head];
        s->rx_head = (s->rx_head + 1) % FIFO;
        s->rx_count--;
    }
    s->rsr = data >> 8 & 0xf;
    rx_level(s);
    if (!s->rx_count)
        chr_accept(&s->chr);
    return data;
}

static void tx_done(struct pl011 *s)
{
    s->tx_full = false;
    s->ris |= INT_TX;
    update(s);
}

static void tx_writable(void *opaque)
{
    struct pl011 *s = opaque;

    if (s->tx_full && chr_write(&s->chr, &s->tx, 1))
        tx_done(s);
}

static void tx_put(struct pl011 *s, uint8_t byte)
{
    s->ris &= ~(uint32_t)INT_TX;
    if (s->cr & CR_LBE) {
        rx_put(s, byte);
        rx_level(s);
    } else if (s->tx_full || !chr_write(&s->chr, &byte, 1)) {
        s->tx = byte;
        s->tx_full = true;
        update(s);
        return;
    }
    tx_done(s);
}

static uint32_t flags(const struct pl011 *s)
{
    uint32_t fr = FR_CTS | FR_DSR | FR_DCD;

    fr |= s->tx_full ? FR_TXFF : FR_TXFE;
    fr |= s->rx_count ? 0 : FR_RXFE;
    return fr | (s->rx_count >= depth(s) ? FR_RXFF : 0);
}

static uint64_t pl011_read(void *opaque, uint64_t off, unsigned size)
{
    static const uint8_t ids[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct pl011 *s = opaque;

    (void)size;
    switch (off) {
    case DR:
        return rx_take(s);
    case RSR:
        return s->rsr;
    case FR:
        return flags(s);
    case ILPR:
        return s->ilpr;
    case IBRD:
        return s->ibrd;
    case FBRD:
        return s->fbrd;
    case LCR_H:
        return s->lcr;
    case CR:
        return s->cr;
    case IFLS:
        return s->ifls;
    case IMSC:
        return s->imsc;
    case RIS:
        return s->ris;
    case MIS:
        return s->ris & s->imsc;
    case DMACR:
        return s->dmacr;
    }
    if (off >= ID)
        return off % 4 ? 0 : ids[(off - ID) / 4];
    log_guest("pl011: read of 0x%llx, where nothing is", (unsigned long long)off);
    return 0;
}

static void pl011_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct pl011 *s = opaque;

    (void)size;
    switch (off) {
    case DR:
        tx_put(s, (uint8_t)val);
        break;
    case RSR:
        s->rsr = 0;
        break;
    case ILPR:
        s->ilpr = val & 0xff;
        break;
    case IBRD:
        s->ibrd = val & 0xffff;
        break;
    case FBRD:
        s->fbrd = val & 0x3f;
        break;
    case LCR_H:
        if ((s->lcr ^ val) & LCR_FEN)
            s->rx_head = s->rx_count = 0;
        s->lcr = val & 0xff;
        rx_level(s);
        chr_accept(&s->chr);
        break;
    case CR:
        s->cr = val & 0xffff;
        chr_accept(&s->chr);
        break;
    case IFLS:
        s->ifls = val & 0x3f;
        rx_level(s);
        break;
    case IMSC:
        s->imsc = val & 0x7ff;
        update(s);
        break;
    case ICR:
        s->ris &= ~(uint32_t)val;
        update(s);
        break;
    case DMACR:
        s->dmacr = val & 7;
        break;
    default:
        log_guest("pl011: write of 0x%llx, where nothing can be written", (unsigned long long)off);
    }
}

static int pl011_realize(struct device *dev, struct error *err)
{
    static const struct chr_handlers handlers = { rx_room, rx_read, rx_event, tx_writable };
    struct pl011 *s = (struct pl011 *)dev;

    return chr_attach(&s->chr, s->chardev ? chr_find(s->chardev) : NULL, &handlers, s, err);
}

static void pl011_unrealize(struct device *dev)
{
    chr_detach(&((struct pl011 *)dev)->chr);
}

static void pl011_reset(struct device *dev)
{
    struct pl011 *s = (struct pl011 *)dev;

    s->rsr = s->ilpr = s->ibrd = s->fbrd = s->lcr = s->imsc = s->ris = s->dmacr = 0;
    s->cr = CR_TXE | CR_RXE;
    s->ifls = 0x12;
    s->rx_head = s->rx_count = 0;
    s->tx_full = false;
    update(s);
}

static int pl011_after_load(struct device *dev, struct error *err)
{
    struct pl011 *s = (struct pl011 *)dev;

    (void)err;
    s->rx_head %= FIFO;
    if (s->rx_count > FIFO)
        s->rx_count = FIFO;
    update(s);
    return 0;
}

static const struct prop pl011_props[] = {
    PROP_BACKEND(struct pl011, chardev, "chardev", "chardev", "where it comes out"),
    PROP_END,
};

static const struct state_field pl011_state[] = {
    STATE_U32(struct pl011, rsr), STATE_U32(struct pl011, ilpr), STATE_U32(struct pl011, ibrd), STATE_U32(struct pl011, fbrd),
    STATE_U32(struct pl011, lcr), STATE_U32(struct pl011, cr), STATE_U32(struct pl011, ifls), STATE_U32(struct pl011, imsc),
    STATE_U32(struct pl011, ris), STATE_U32(struct pl011, dmacr), STATE_ARRAY(struct pl011, rx),
    STATE_U8(struct pl011, rx_head), STATE_U8(struct pl011, rx_count), STATE_BOOL(struct pl011, tx_full),
    STATE_U8(struct pl011, tx), STATE_END,
};

const struct device_type pl011_type = {
    .name = "pl011", .help = "ARM PrimeCell UART", .bus = BUS_SYSTEM, .bytes = sizeof(struct pl011), .props = pl011_props,
    .state = pl011_state, .state_version = 1, .irqs = 1, .wired = true, .realize = pl011_realize,
    .unrealize = pl011_unrealize, .reset = pl011_reset, .after_load = pl011_after_load,
    .mmio = { .read = pl011_read, .write = pl011_write, .length = LENGTH, .widths = WIDTH_1 | WIDTH_2 | WIDTH_4 },
};
