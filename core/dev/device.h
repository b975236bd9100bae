/* core/dev/device.h - devices: their types, their buses, and the board they sit on.
 *
 *     device_new() -> device_set()... -> device_realize() -> running, reset, saved, loaded -> device_free()
 *
 * From the declaration of a type (struct device_type) follow -device TYPE,help, `info qtree`, reset, save and load.
 * All calls: machine lock held, or before the machine runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "core/dev/irq.h"
#include "core/dev/prop.h"
#include "core/dev/state.h"
#include "core/event/clock.h"
#include "core/event/timer.h"
#include "core/mem/dma.h"
#include "core/mem/mem.h"
#include "core/mem/region.h"

struct bus;
struct device;
struct error;
struct loop;
struct optlist;
struct optlists;
struct str;

enum bus_kind { BUS_NONE, BUS_SYSTEM, BUS_PCI, BUS_VIRTIO, BUS_I2C, BUS_USB, BUS_ISA, BUS_VIRTIO_SERIAL };

enum board_request {
    BOARD_RESET,     /* the guest wants to start again */
    BOARD_POWER_OFF, /* the guest switches the machine off */
    BOARD_PANIC,     /* the guest has crashed; @code is the exit status it chose, if any */
    BOARD_EXIT,      /* end with status @code */
};

/* What devices stand on: memory, time, and a way to ask for things. A machine has one; so has a unit test. */
struct board {
    struct mem_bus *mem;
    struct mem_region *sysmem;  /* root of the system's address space */
    struct addr_space *as;      /* what devices on the system bus read and write */
    struct clocks *clocks;
    struct timers *timers;
    struct loop *loop;
    struct bus *system;         /* the root of all buses */
    struct device *all;         /* every device, newest first */
    const struct optlists *globals; /* -global, or NULL */
    bool wall_virtual;          /* calendar time stands still with the machine (-rtc clock=vm) */
    struct irq_line power_button; /* raised when somebody presses it; leads nowhere on a machine without one */
    int64_t wall_offset_ns;     /* calendar time minus the host's calendar, or minus virtual time */
    void (*request)(void *opaque, enum board_request what, int code);
    void *opaque;
};

struct device_type {
    const char *name, *help;
    enum bus_kind bus;               /* where it sits */
    size_t bytes;                    /* its struct, which begins with struct device */
    const struct prop *props;        /* ended by PROP_END; NULL: none */
    const struct state_field *state; /* ended by STATE_END; must not be NULL */
    unsigned state_version;          /* from 1 */
    unsigned irqs;                   /* output lines */
    bool wired;                      /* only a machine can connect it: not for -device */
    const struct device_type *inner; /* the device that this one wraps (virtio-blk in virtio-blk-pci): made with it,
                                        gets the properties that this one doesn't have */
    struct mmio_ops mmio;            /* registers; length 0: none */
    const void *iface;               /* what the bus wants to know (pci, virtio) */
    int (*realize)(struct device *dev, struct error *err);  /* 0, or -errno and nothing left behind */
    void (*unrealize)(struct device *dev);
    void (*reset)(struct device *dev);
    void (*before_save)(struct device *dev);
    int (*after_load)(struct device *dev, struct error *err); /* check what came from outside; -errno refuses */
};

struct device {
    const struct device_type *type;
    struct board *board;
    char *id;                  /* the user's name for it, or NULL */
    struct bus *bus;           /* where it is plugged in; NULL before realize */
    struct device *sibling;    /* on that bus */
    struct device *next;       /* on the board */
    struct device *inner, *wrapper;
    struct bus *buses;         /* that it offers */
    struct irq_line *irq;      /* outputs */
    unsigned irqs;             /* how many: type->irqs, or what realize said by device_set_irqs() */
    struct mem_region *mmio;   /* for type->mmio; made by device_realize() */
    int32_t boot_index;        /* firmware tries it in this order; -1: only after those with one */
    bool realized;
};

/* For the table of a type that firmware can boot from. */
#define DEVICE_BOOT_PROP(s, dev) PROP_INDEX(s, dev.boot_index, "bootindex", "firmware tries the lowest first; -1: no place in that order")

struct bus_ops {
    /* Give a device its place (slot, transport) before it realizes; -errno refuses. */
    int (*plug)(struct bus *bus, struct device *dev, struct error *err);
    void (*unplug)(struct bus *bus, struct device *dev);
    bool (*is_full)(const struct bus *bus);
    /* One line about a device's place, for `info qtree`. */
    void (*describe)(const struct bus *bus, const struct device *dev, FILE *to);
    /* All about what sits here, for `info pci`. NULL on buses of other kinds. */
    void (*list)(const struct bus *bus, FILE *to);
};

struct bus {
    enum bus_kind kind;
    char *name;
    struct device *parent;     /* that offers it; NULL for the root */
    struct device *devices, **devices_end;
    const struct bus_ops *ops; /* may be NULL */
    void *opaque;
    struct bus *next;          /* of the same parent */
};

extern const struct device_type *const all_device_types[];

/* Types */

struct optlists;
/** device_check_globals - warn of -global options for devices that do not exist. */
void device_check_globals(const struct optlists *globals);

/** device_type_find - a type by name; NULL if there is none. */
const struct device_type *device_type_find(const char *name);
/** device_type_list - `-device help`: each type that a user can add, by bus. */
void device_type_list(FILE *to);
/** device_type_help - `-device TYPE,help`: its properties. */
void device_type_help(const struct device_type *t, FILE *to);

/* Boards */

/**
 * board_new - an empty board with memory bus, clocks and root bus.
 * @loop: serves its timers; NULL on a test's bench
 */
struct board *board_new(struct loop *loop);
/** board_free - unrealize and free all devices, newest first, then the rest. */
void board_free(struct board *b);
/** board_reset - reset every device, in the order in which they were made. */
void board_reset(struct board *b);
/** board_find - a device by id; NULL if there is none. */
struct device *board_find(struct board *b, const char *id);
/** board_list - what the buses of a kind tell about themselves: `info pci`. */
void board_list(const struct board *b, enum bus_kind kind, FILE *to);
/** board_qtree - `info qtree`. */
void board_qtree(const struct board *b, FILE *to);
/** board_save - append the state of all devices. */
void board_save(struct board *b, struct str *out);
/** board_load - the state of all devices; 0 or -EINVAL with a sentence, and then the board needs a reset. */
int board_load(struct board *b, const uint8_t *bytes, size_t len, struct error *err);

/* Devices */

/**
 * device_new - make a device with its defaults and -global settings.
 * @id:  copied; NULL: none
 *
 * Returns the device, not yet realized; NULL with a sentence when @id is taken or a -global is wrong.
 */
struct device *device_new(struct board *b, const struct device_type *t, const char *id, struct error *err);

/** device_set - set a property from text. 0, or -EINVAL and a sentence, with the nearest name if there is no such property. */
int device_set(struct device *dev, const char *name, const char *text, struct error *err);

/**
 * device_realize - plug it in and bring it to life.
 * @bus: of the type's kind; NULL picks the first one with room
 *
 * Returns 0, or -errno with a sentence; the device is then still to be freed.
 */
int device_realize(struct device *dev, struct bus *bus, struct error *err);

/** device_free - unrealize, unplug and free. */
void device_free(struct device *dev);

/**
 * device_make - device_new() and device_realize() for a machine's own parts.
 * @map: address of its registers; UINT64_MAX: not mapped
 */
struct device *device_make(struct board *b, const struct device_type *t, gpa map, struct error *err);

/** device_set_irqs - have @n outputs; for realize of devices whose properties say how many. */
void device_set_irqs(struct device *dev, unsigned n);

/** device_connect - wire output @n to a pin. */
void device_connect(struct device *dev, unsigned n, struct irq_line line);

/** device_add - what `-device` asks for. 0, 1 if help was printed, or -errno with a sentence. */
int device_add(struct board *b, struct optlist *opts, struct error *err);

/** device_name - id, or type name: for messages. */
const char *device_name(const struct device *dev);

/** device_save, device_load - state of one device. */
void device_save(struct device *dev, struct str *out);
int device_load(struct device *dev, unsigned version, const uint8_t *bytes, size_t len, struct error *err);

/** dev_clock - virtual time in ns: the only clock of a device. */
static inline int64_t dev_clock(const struct device *dev)
{
    return clock_virtual_ns(dev->board->clocks);
}

/** dev_timer - make a timer of a device ready, on virtual time. @fire gets the device. */
static inline void dev_timer(struct device *dev, struct timer *t, void (*fire)(void *dev))
{
    timer_init(t, dev->board->timers, CLOCK_KIND_VIRTUAL, fire, dev);
}

/** dev_wall_ns - calendar time, as -rtc defines it: nanoseconds since 1970. */
static inline int64_t dev_wall_ns(const struct device *dev)
{
    const struct board *b = dev->board;

    return b->wall_offset_ns + clock_ns(b->clocks, b->wall_virtual ? CLOCK_KIND_VIRTUAL : CLOCK_KIND_HOST);
}

/** dev_request - ask the machine for something, if there is one. */
static inline void dev_request(const struct device *dev, enum board_request what, int code)
{
    if (dev->board->request)
        dev->board->request(dev->board->opaque, what, code);
}

/* Buses */

/** bus_new - a bus that @parent offers; freed with it. @name is copied. */
struct bus *bus_new(struct device *parent, enum bus_kind kind, const char *name, const struct bus_ops *ops, void *opaque);
/** bus_find - by name, anywhere on the board; NULL if there is none. */
struct bus *bus_find(struct board *b, const char *name);
/** bus_first_free - the first bus of a kind with room; NULL if there is none. */
struct bus *bus_first_free(struct board *b, enum bus_kind kind);
const char *bus_kind_name(enum bus_kind kind);
