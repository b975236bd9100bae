/* tests/lib/bench.c - see bench.h. */
#include "tests/lib/bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/mem/ram.h"
#include "core/opt/optlist.h"

enum { LINES = 64 };

struct bench {
    struct board *board;
    int64_t now;
    bool level[LINES];
    unsigned edges[LINES], used;
    int asked, code;
};

static int64_t hand_clock(void *opaque)
{
    return ((struct bench *)opaque)->now;
}

static void on_request(void *opaque, enum board_request what, int code)
{
    struct bench *b = opaque;

    b->asked = (int)what;
    b->code = code;
}

struct bench *bench_new(void)
{
    struct bench *b = NEW(struct bench);
    struct error err = ERROR_INIT;
    struct ram_block *ram;

    b->asked = -1;
    b->board = board_new(NULL);
    b->board->request = on_request;
    b->board->opaque = b;
    clocks_set_source(b->board->clocks, hand_clock, b);
    ram = ram_new(b->board->mem, "bench.ram", BENCH_RAM_SIZE, &err);
    assert_non_null(ram);
    region_add(b->board->sysmem, BENCH_RAM, region_ram(b->board->mem, "bench.ram", ram, 0, BENCH_RAM_SIZE), 0);
    return b;
}

void bench_free(struct bench *b)
{
    board_free(b->board);
    free(b);
}

int bench_setup(void **state)
{
    *state = bench_new();
    return 0;
}

int bench_teardown(void **state)
{
    bench_free(*state);
    return 0;
}

struct board *bench_board(struct bench *b)
{
    return b->board;
}

static void set_pin(void *opaque, unsigned pin, bool level)
{
    struct bench *b = opaque;

    assert_true(pin < LINES);
    if (level && !b->level[pin])
        b->edges[pin]++;
    b->level[pin] = level;
}

struct irq_line bench_pin(struct bench *b, unsigned n)
{
    return irq_make(set_pin, b, n);
}

static void check(int ret, const struct error *err)
{
    if (ret < 0)
        fail_msg("%s", err->text);
}

struct device *bench_add_with(struct bench *b, const struct device_type *type, gpa at, const char *props)
{
    struct error err = ERROR_INIT;
    struct device *dev = device_new(b->board, type, NULL, &err);

    check(dev ? 0 : -1, &err);
    if (props) {
        struct optlist *l = optlist_parse("-device", props, NULL, &err);

        for (size_t i = 0; i < optlist_count(l); i++)
            check(device_set(dev, optlist_key(l, i), optlist_value(l, i), &err), &err);
        optlist_free(l);
    }
    check(device_realize(dev, NULL, &err), &err);
    if (dev->mmio && at != UINT64_MAX)
        region_add(b->board->sysmem, at, dev->mmio, 0);
    for (unsigned i = 0; i < dev->irqs; i++)
        device_connect(dev, i, bench_pin(b, b->used++));
    if (type->reset)
        type->reset(dev);
    return dev;
}

struct device *bench_add(struct bench *b, const char *type, gpa at)
{
    const struct device_type *t = device_type_find(type);

    if (!t)
        fail_msg("no device type '%s'", type);
    return bench_add_with(b, t, at, NULL);
}

enum mem_result bench_try_read(struct bench *b, gpa at, unsigned size, uint64_t *val)
{
    return mem_read(b->board->as, at, size, val);
}

enum mem_result bench_try_write(struct bench *b, gpa at, unsigned size, uint64_t val)
{
    return mem_write(b->board->as, at, size, val);
}

static uint64_t get(struct bench *b, gpa at, unsigned size)
{
    uint64_t val;

    if (bench_try_read(b, at, size, &val) != MEM_OK)
        fail_msg("no answer to a %u-byte read at 0x%llx", size, (unsigned long long)at);
    return val;
}

static void put(struct bench *b, gpa at, unsigned size, uint64_t val)
{
    if (bench_try_write(b, at, size, val) != MEM_OK)
        fail_msg("no answer to a %u-byte write at 0x%llx", size, (unsigned long long)at);
}

uint8_t bench_r8(struct bench *b, gpa at)
{
    return (uint8_t)get(b, at, 1);
}

uint16_t bench_r16(struct bench *b, gpa at)
{
    return (uint16_t)get(b, at, 2);
}

uint32_t bench_r32(struct bench *b, gpa at)
{
    return (uint32_t)get(b, at, 4);
}

uint64_t bench_r64(struct bench *b, gpa at)
{
    return get(b, at, 8);
}

void bench_w8(struct bench *b, gpa at, uint8_t val)
{
    put(b, at, 1, val);
}

void bench_w16(struct bench *b, gpa at, uint16_t val)
{
    put(b, at, 2, val);
}

void bench_w32(struct bench *b, gpa at, uint32_t val)
{
    put(b, at, 4, val);
}

void bench_w64(struct bench *b, gpa at, uint64_t val)
{
    put(b, at, 8, val);
}

void bench_wind_ns(struct bench *b, uint64_t ns)
{
    int64_t end = b->now + (int64_t)ns;

    for (;;) {
        int64_t next = timers_next(b->board->timers, CLOCK_KIND_VIRTUAL);

        if (next > end)
            break;
        if (next > b->now)
            b->now = next;
        timers_run(b->board->timers);
    }
    b->now = end;
}

void bench_wind_ms(struct bench *b, uint64_t ms)
{
    bench_wind_ns(b, ms * 1000000);
}

int bench_line(struct bench *b, unsigned n)
{
    return b->level[n];
}

unsigned bench_edges(struct bench *b, unsigned n)
{
    return b->edges[n];
}

int bench_asked(struct bench *b, int *code)
{
    if (code)
        *code = b->code;
    return b->asked;
}

void bench_again(struct bench *b)
{
    struct str s = STR_INIT;
    struct error err = ERROR_INIT;

    board_save(b->board, &s);
    board_reset(b->board);
    check(board_load(b->board, (uint8_t *)s.text, s.len, &err), &err);
    /* A cut stream is refused, wherever it is cut. */
    for (size_t cut = 0; cut < s.len; cut += 1 + cut / 16) {
        struct error cut_err = ERROR_INIT;

        assert_true(board_load(b->board, (uint8_t *)s.text, cut, &cut_err) < 0);
    }
    check(board_load(b->board, (uint8_t *)s.text, s.len, &err), &err);
    str_free(&s);
}

void bench_storm(struct bench *b, gpa at, uint64_t len, unsigned count)
{
    uint64_t x = 0x9e3779b97f4a7c15, val;

    for (unsigned i = 0; i < count; i++) {
        unsigned size = 1u << (x >> 60 & 3);
        gpa where = at + (x >> 8) % len;

        x = x * 6364136223846793005 + 1442695040888963407;
        if (x >> 63)
            bench_try_write(b, where, size, x >> 3);
        else
            bench_try_read(b, where, size, &val);
    }
}
