/* tests/lib/bench.h - a bench for one device or a few: a bus, a clock wound by hand, and lines to look at. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "core/dev/device.h"

struct bench;

/** bench_new, bench_free - an empty bench; time is 0. RAM is at BENCH_RAM. */
struct bench *bench_new(void);
void bench_free(struct bench *b);
/** bench_setup, bench_teardown - the same for cmocka: *state is the bench. */
int bench_setup(void **state);
int bench_teardown(void **state);

#define BENCH_RAM UINT64_C(0x80000000)
#define BENCH_RAM_SIZE UINT64_C(0x200000)

struct board *bench_board(struct bench *b);

/** bench_add - make a device of a type with properties `a=1,b=2` (NULL: defaults), map it, reset it and wire its outputs to
 * lines 0, 1, ... (counted on from the device before). A failure fails the test. */
struct device *bench_add(struct bench *b, const char *type, gpa at);
struct device *bench_add_with(struct bench *b, const struct device_type *type, gpa at, const char *props);

/** Accesses as a CPU makes them; one that is not answered fails the test, except with bench_try_*(). */
uint8_t bench_r8(struct bench *b, gpa at);
uint16_t bench_r16(struct bench *b, gpa at);
uint32_t bench_r32(struct bench *b, gpa at);
uint64_t bench_r64(struct bench *b, gpa at);
void bench_w8(struct bench *b, gpa at, uint8_t val);
void bench_w16(struct bench *b, gpa at, uint16_t val);
void bench_w32(struct bench *b, gpa at, uint32_t val);
void bench_w64(struct bench *b, gpa at, uint64_t val);
enum mem_result bench_try_read(struct bench *b, gpa at, unsigned size, uint64_t *val);
enum mem_result bench_try_write(struct bench *b, gpa at, unsigned size, uint64_t val);

/** bench_wind_ms, bench_wind_ns - let virtual time pass, serving timers on the way in the order of their deadlines. */
void bench_wind_ms(struct bench *b, uint64_t ms);
void bench_wind_ns(struct bench *b, uint64_t ns);

/** bench_line - level of a line: 0 or 1. bench_edges - how often it went up. */
int bench_line(struct bench *b, unsigned n);
unsigned bench_edges(struct bench *b, unsigned n);
/** bench_pin - line @n as a device's output sees it. */
struct irq_line bench_pin(struct bench *b, unsigned n);

/** bench_asked - what devices asked of the board last (enum board_request), or -1; and the code. */
int bench_asked(struct bench *b, int *code);

/** bench_again - save all devices, make them lose their state by a reset, and load it. */
void bench_again(struct bench *b);

/** bench_storm - accesses of every width at random offsets of [at, at + len), @count of them, from a fixed seed. */
void bench_storm(struct bench *b, gpa at, uint64_t len, unsigned count);
