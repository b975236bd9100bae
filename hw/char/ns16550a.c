/* hw/char/ns16550a.c - the UART of PCs and of most boards since, with its 16-byte FIFOs.
 *
 * The transmitter is as fast as its back end: the holding register is full only while the back end takes no more.
 * The receiver's time-out interrupt comes after four character times at the rate that the divisor says.
 * Source: National Semiconductor PC16550D data sheet, June 1995, sections 8.1-8.7. */
#include <string.h>
#include "core/char/chr.h"
#include "core/dev/device.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
enum { IER_RDI = 1, IER_THRI = 2, IER_RLSI = 4, IER_MSI = 8 };
enum { IIR_NONE = 1, IIR_MSI = 0, IIR_THRI = 2, IIR_RDI = 4, IIR_RLSI = 6, IIR_TIMEOUT = 12, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_TRIGGER = 0xc0 };
enum { LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_BI = 0x10, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_ERRORS = 0x1e };
enum { MSR_DELTAS = 0x0f, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };
enum { FIFO = 16, CLOCK_HZ = 3686400 };

struct ns16550a {
    struct device dev;
    char *chardev;
    struct chr_fe chr;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint16_t divisor;
    uint8_t rx[FIFO];
    uint8_t rx_head, rx_count;
    bool thr_pending;     /* the holding register ran empty and nobody was told yet */
    bool timeout_pending;
    bool thr_full;
    uint8_t thr;          /* waits for the back end */
    struct timer timeout;
};

static bool fifo_on(const struct ns16550a *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned trigger_level(const struct ns16550a *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return fifo_on(s) ? levels[(s->fcr & FCR_TRIGGER) >> 6] : 1;
}

/* The cause with the highest priority (table II of section 8.5). */
static uint8_t cause(const struct ns16550a *s)
{
    if ((s->ier & IER_RLSI) && (s->lsr & LSR_ERRORS))
        return IIR_RLSI;
    if ((s->ier & IER_RDI) && s->rx_count >= trigger_level(s))
        return IIR_RDI;
    if ((s->ier & IER_RDI) && s->timeout_pending)
        return IIR_TIMEOUT;
    if ((s->ier & IER_THRI) && s->thr_pending)
        return IIR_THRI;
    if ((s->ier & IER_MSI) && (s->msr & MSR_DELTAS))
        return IIR_MSI;
    return IIR_NONE;
}

static void update_irq(struct ns16550a *s)
{
    irq_set(&s->dev.irq[0], cause(s) != IIR_NONE);
}

static int64_t char_time_ns(const struct ns16550a *s)
{
    unsigned divisor = s->divisor ? s->divisor : 1;

    return (int64_t)10 * 16 * divisor * 1000000000 / CLOCK_HZ;
}

static void rearm_timeout(struct ns16550a *s)
{
    if (fifo_on(s) && s->rx_count)
        timer_set(&s->timeout, dev_clock(&s->dev) + 4 * char_time_ns(s));
    else
        timer_cancel(&s->timeout);
}

static void on_timeout(void *opaque)
{
    struct ns16550a *s = opaque;

    s->timeout_pending = s->rx_count > 0;
    update_irq(s);
}

/* --- receiver ---------------------------------------------------------------------------------------------------- */

static size_t rx_room(void *opaque)
{
    struct ns16550a *s = opaque;

    if (s->mcr & MCR_LOOP)
        return 0;
    return (size_t)(fifo_on(s) ? FIFO : 1) - s->rx_count;
}

static void rx_put(struct ns16550a *s, uint8_t byte)
{
    unsigned size = fifo_on(s) ? FIFO : 1;

    if (s->rx_count >= size) {
        s->lsr |= LSR_OE;
        return;
    }
    s->rx[(s->rx_head + s->rx_count++) % FIFO] = byte;
    s->lsr |= LSR_DR;
}

static void rx_read(void *opaque, const uint8_t *bytes, size_t len)
{
    struct ns16550a *s = opaque;

    for (size_t i = 0; i < len; i++)
        rx_put(s, bytes[i]);
    rearm_timeout(s);
    update_irq(s);
}

static void rx_event(void *opaque, enum chr_event what)
{
    struct ns16550a *s = opaque;

    if (what != CHR_BREAK)
        return;
    rx_put(s, 0);
    s->lsr |= LSR_BI;
    update_irq(s);
}

static uint8_t rx_take(struct ns16550a *s)
{
    uint8_t byte = 0;

    if (s->rx_count) {
        byte = s->rx[s->rx_head];
        s->rx_head = (s->rx_head + 1) % FIFO;
        s->rx_count--;
    }
    if (!s->rx_count)
        s->lsr &= (uint8_t)~LSR_DR;
    s->timeout_pending = false;
    rearm_timeout(s);
    update_irq(s);
    if (!s->rx_count)
        chr_accept(&s->chr);
    return byte;
}

/* --- transmitter ------------------------------------------------------------------------------------------------- */

static void tx_done(struct ns16550a *s)
{
    s->thr_full = false;
    s->lsr |= LSR_THRE | LSR_TEMT;
    s->thr_pending = true;
    update_irq(s);
}

static void tx_writable(void *opaque)
{
    struct ns16550a *s = opaque;

    if (s->thr_full && chr_write(&s->chr, &s->thr, 1))
        tx_done(s);
}

static void tx_put(struct ns16550a *s, uint8_t byte)
{
    s->thr_pending = false;
    if (s->mcr & MCR_LOOP) {
        rx_put(s, byte);
        rearm_timeout(s);
    } else if (s->thr_full || !chr_write(&s->chr, &byte, 1)) {
        s->thr = byte; /* a guest that writes into a full register loses what was there */
        s->thr_full = true;
        s->lsr &= (uint8_t)~(LSR_THRE | LSR_TEMT);
        update_irq(s);
        return;
    }
    tx_done(s);
}

/* --- registers --------------------------------------------------------------------------------------------------- */

static uint8_t modem_status(const struct ns16550a *s)
{
    if (!(s->mcr & MCR_LOOP))
        return s->msr;
    return (uint8_t)((s->mcr & MCR_OUT2 ? MSR_DCD : 0) | (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
                     (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0));
}

static uint8_t read_iir(struct ns16550a *s)
{
    uint8_t id = cause(s);

    if (id == IIR_THRI) {
        s->thr_pending = false;
        update_irq(s);
    }
    return (uint8_t)(id | (fifo_on(s) ? IIR_FIFO : 0));
}

static uint8_t read_lsr(struct ns16550a *s)
{
    uint8_t lsr = s->lsr;

    if (lsr & LSR_ERRORS) {
        s->lsr &= (uint8_t)~LSR_ERRORS;
        update_irq(s);
    }
    return lsr;
}

static uint64_t ns16550a_read(void *opaque, uint64_t off, unsigned size)
{
    struct ns16550a *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;
    uint8_t val;

    (void)size;
    switch (off) {
    case RBR:
        return dlab ? s->divisor & 0xff : rx_take(s);
    case IER:
        return dlab ? s->divisor >> 8 : s->ier;
    case IIR:
        return read_iir(s);
    case LCR:
        return s->lcr;
    case MCR:
        return s->mcr;
    case LSR:
        return read_lsr(s);
    case MSR:
        val = modem_status(s);
        s->msr &= (uint8_t)~MSR_DELTAS;
        update_irq(s);
        return val;
    default:
        return off == SCR ? s->scr : 0;
    }
}

static void write_ier(struct ns16550a *s, uint8_t val)
{
    if ((val & IER_THRI) && !(s->ier & IER_THRI) && (s->lsr & LSR_THRE))
        s->thr_pending = true; /* enabling it with an empty register interrupts at once */
    s->ier = val & 0x0f;
    update_irq(s);
}

static void write_fcr(struct ns16550a *s, uint8_t val)
{
    if ((val ^ s->fcr) & FCR_ENABLE)
        val |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    if (val & FCR_CLEAR_RX) {
        s->rx_head = s->rx_count = 0;
        s->timeout_pending = false;
        s->lsr &= (uint8_t)~(LSR_DR | LSR_BI);
    }
    s->fcr = val & (FCR_ENABLE | 8 | FCR_TRIGGER);
    rearm_timeout(s);
    update_irq(s);
    chr_accept(&s->chr);
}

static void ns16550a_write(void *opaque, uint64_t off, uint64_t val, unsigned size)
{
    struct ns16550a *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;
    uint8_t byte = (uint8_t)val;

    (void)size;
    switch (off) {
    case THR:
        if (dlab)
            s->divisor = (uint16_t)((s->divisor & 0xff00) | byte);
        else
            tx_put(s, byte);
        break;
    case IER:
        if (dlab)
            s->divisor = (uint16_t)((s->divisor & 0xff) | byte << 8);
        else
            write_ier(s, byte);
        break;
    case FCR:
        write_fcr(s, byte);
        break;
    case LCR:
        s->lcr = byte;
        break;
    case MCR:
        s->mcr = byte & 0x1f;
        chr_accept(&s->chr);
        break;
    case SCR:
        s->scr = byte;
        break;
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int ns16550a_realize(struct device *dev, struct error *err)
{
    static const struct chr_handlers handlers = { rx_room, rx_read, rx_event, tx_writable };
    struct ns16550a *s = (struct ns16550a *)dev;

    dev_timer(dev, &s->timeout, on_timeout);
    return chr_attach(&s->chr, s->chardev ? chr_find(s->chardev) : NULL, &handlers, s, err);
}

static void ns16550a_unrealize(struct device *dev)
{
    chr_detach(&((struct ns16550a *)dev)->chr);
}

static void ns16550a_reset(struct device *dev)
{
    struct ns16550a *s = (struct ns16550a *)dev;

    s->ier = s->fcr = s->lcr = s->scr = 0;
    s->mcr = MCR_OUT2;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->msr = MSR_DCD | MSR_DSR | MSR_CTS;
    s->divisor = 0x0c;
    s->rx_head = s->rx_count = 0;
    s->thr_pending = s->timeout_pending = s->thr_full = false;
    timer_cancel(&s->timeout);
    update_irq(s);
    chr_accept(&s->chr);
}

static int ns16550a_after_load(struct device *dev, struct error *err)
{
    struct ns16550a *s = (struct ns16550a *)dev;

    (void)err;
    s->rx_head %= FIFO;
    if (s->rx_count > FIFO)
        s->rx_count = FIFO;
    update_irq(s);
    return 0;
}

static const struct prop ns16550a_props[] = {
    PROP_BACKEND(struct ns16550a, chardev, "chardev", "chardev", "where it comes out"),
    PROP_END,
};

static const struct state_field ns16550a_state[] = {
    STATE_U8(struct ns16550a, ier), STATE_U8(struct ns16550a, fcr), STATE_U8(struct ns16550a, lcr),
    STATE_U8(struct ns16550a, mcr), STATE_U8(struct ns16550a, lsr), STATE_U8(struct ns16550a, msr),
    STATE_U8(struct ns16550a, scr), STATE_U16(struct ns16550a, divisor), STATE_ARRAY(struct ns16550a, rx),
    STATE_U8(struct ns16550a, rx_head), STATE_U8(struct ns16550a, rx_count), STATE_BOOL(struct ns16550a, thr_pending),
    STATE_BOOL(struct ns16550a, timeout_pending), STATE_BOOL(struct ns16550a, thr_full), STATE_U8(struct ns16550a, thr),
    STATE_TIMER(struct ns16550a, timeout), STATE_END,
};

const struct device_type ns16550a_type = {
    .name = "ns16550a", .help = "UART with 16-byte FIFOs", .bus = BUS_SYSTEM, .bytes = sizeof(struct ns16550a),
    .props = ns16550a_props, .state = ns16550a_state, .state_version = 1, .irqs = 1, .wired = true,
    .realize = ns16550a_realize, .unrealize = ns16550a_unrealize, .reset = ns16550a_reset,
    .after_load = ns16550a_after_load,
    .mmio = { .read = ns16550a_read, .write = ns16550a_write, .length = 0x100, .widths = WIDTH_ANY },
};
