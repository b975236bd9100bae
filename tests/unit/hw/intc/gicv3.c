/* GICv3: lines, priorities, SGIs between CPUs, messages by the ITS with its tables in the bench's RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/vm/vcpu.h"
#include "hw/intc/gicv3.h"
#include "tests/lib/bench.h"

enum { DIST = 0x8000000, ITS = 0x8080000, REDIST = 0x80a0000, SGI0 = REDIST + 0x10000,
       IRQ0 = 0, IRQ1 = 2, /* lines of the bench */ CPUS = 9 };
#define RAM BENCH_RAM

static struct device *gic, *its;
static struct vcpu cpus[CPUS];

/* MRS and MSR of op1 0, CRn 12, CRm and op2. */
static uint64_t icc(unsigned cpu, unsigned crm, unsigned op2)
{
    return cpus[cpu].intc_read(cpus[cpu].intc_opaque, &cpus[cpu], 3u << 14 | 12 << 7 | crm << 3 | op2);
}

static void set_icc(unsigned cpu, unsigned crm, unsigned op2, uint64_t val)
{
    cpus[cpu].intc_write(cpus[cpu].intc_opaque, &cpus[cpu], 3u << 14 | 12 << 7 | crm << 3 | op2, val);
}

static uint32_t take(unsigned cpu) { return (uint32_t)icc(cpu, 12, 0); }
static void done(unsigned cpu, uint32_t n) { set_icc(cpu, 12, 1, n); }

static int setup(void **state)
{
    struct bench *b = bench_new();
    struct error err = ERROR_INIT;

    *state = b;
    gic = bench_add_with(b, &gicv3_type, DIST, "num-cpu=9,num-irq=96,has-lpi=on");
    region_add(bench_board(b)->sysmem, REDIST, gicv3_redistributors(gic), 0);
    its = device_new(bench_board(b), &gicv3_its_type, NULL, &err);
    gicv3_its_of(its, gic);
    assert_int_equal(device_realize(its, NULL, &err), 0);
    region_add(bench_board(b)->sysmem, ITS, its->mmio, 0);
    bench_w32(b, DIST, 3);
    for (unsigned i = 0; i < CPUS; i++) {
        cpus[i].index = i;
        gicv3_serve(gic, &cpus[i]);
        bench_w32(b, SGI0 + i * GICV3_REDIST_BYTES + 0x80, UINT32_MAX);
        bench_w32(b, SGI0 + i * GICV3_REDIST_BYTES + 0x100, UINT32_MAX);
        cpus[i].intc_write(gic, &cpus[i], 3u << 14 | 4 << 7 | 6 << 3, 0xf0);
        set_icc(i, 12, 7, 1);
    }
    return 0;
}

/* Shared interrupt 32 + n at a priority, to a CPU. */
static void enable(struct bench *b, unsigned n, uint8_t priority, unsigned cpu)
{
    bench_w32(b, DIST + 0x84, UINT32_MAX);
    bench_w32(b, DIST + 0x104, 1u << n);
    bench_w8(b, DIST + 0x420 + n, priority);
    bench_w64(b, DIST + 0x6000 + 8 * (32 + n), (cpu & 7) | cpu >> 3 << 8);
}

static void a_level_comes_back_until_it_falls(void **state)
{
    struct bench *b = *state;
    struct irq_line line = gicv3_spi(gic, 3);

    enable(b, 3, 0x80, 1);
    irq_set(&line, true);
    assert_int_equal(bench_line(b, IRQ0), 0);
    assert_int_equal(bench_line(b, IRQ1), 1);
    bench_again(b);
    assert_int_equal(take(1), 35);
    assert_int_equal(bench_line(b, IRQ1), 0);
    assert_int_equal(icc(1, 11, 3), 0x80);
    done(1, 35);
    assert_int_equal(bench_line(b, IRQ1), 1);
    assert_int_equal(take(1), 35);
    irq_set(&line, false);
    done(1, 35);
    assert_int_equal(take(1), 1023);
    assert_int_equal(bench_line(b, IRQ1), 0);
}

static void a_route_can_change_while_it_pends(void **state)
{
    struct bench *b = *state;
    struct irq_line line = gicv3_spi(gic, 5);

    enable(b, 5, 0x80, 8);
    irq_set(&line, true);
    assert_int_equal(bench_line(b, 16), 1);
    enable(b, 5, 0x80, 0);
    assert_int_equal(bench_line(b, 16), 0);
    assert_int_equal(take(8), 1023);
    assert_int_equal(take(0), 37);
    enable(b, 5, 0x80, 77); /* no such CPU */
    done(0, 37);
    assert_int_equal(bench_line(b, IRQ0), 0);
}

static void higher_priorities_preempt(void **state)
{
    struct bench *b = *state;
    struct irq_line low = gicv3_spi(gic, 1), high = gicv3_ppi(gic, 0, 27);

    enable(b, 1, 0xa0, 0);
    bench_w8(b, SGI0 + 0x400 + 27, 0x40);
    irq_set(&low, true);
    assert_int_equal(take(0), 33);
    irq_set(&high, true);
    assert_int_equal(bench_line(b, IRQ0), 1);
    assert_int_equal(take(0), 27);
    irq_set(&high, false);
    done(0, 27);
    assert_int_equal(icc(0, 11, 3), 0xa0);
    irq_set(&low, false);
    done(0, 33);
    assert_int_equal(icc(0, 11, 3), 0xff);
}

static void cpus_send_each_other_interrupts(void **state)
{
    struct bench *b = *state;

    bench_w8(b, SGI0 + GICV3_REDIST_BYTES + 0x400 + 5, 0x20);
    set_icc(0, 11, 5, 5 << 24 | 2); /* to CPU 1 */
    assert_int_equal(take(1), 5);
    done(1, 5);
    set_icc(0, 11, 5, 5 << 24 | 1 << 16 | 1); /* cluster 1, first: CPU 8 */
    assert_int_equal(take(8), 5);
    done(8, 5);
    set_icc(1, 11, 5, UINT64_C(1) << 40 | 7 << 24); /* all but the sender */
    assert_int_equal(take(1), 1023);
    assert_int_equal(take(0), 7);
    assert_int_equal(take(4), 7);
}

/* --- messages -------------------------------------------------------------------------------------------------------- */

enum { DEVICES = 0x10000, COLLECTIONS = 0x20000, QUEUE = 0x30000, ITT = 0x40000, CONFIG = 0x50000, PENDING = 0x70000 };
static unsigned at;

static void command(struct bench *b, uint64_t w0, uint64_t w1, uint64_t w2)
{
    bench_w64(b, RAM + QUEUE + at, w0);
    bench_w64(b, RAM + QUEUE + at + 8, w1);
    bench_w64(b, RAM + QUEUE + at + 16, w2);
    at = (at + 32) % 0x1000;
    bench_w64(b, ITS + 0x88, at);
    assert_int_equal(bench_r64(b, ITS + 0x90), at);
}

static void start_its(struct bench *b)
{
    at = 0;
    bench_w64(b, REDIST + 0x70, (RAM + CONFIG) | 15);
    bench_w64(b, REDIST + 0x78, RAM + PENDING);
    bench_w32(b, REDIST, 1);
    bench_w64(b, ITS + 0x100, UINT64_C(1) << 63 | (RAM + DEVICES));
    bench_w64(b, ITS + 0x108, UINT64_C(1) << 63 | (RAM + COLLECTIONS));
    bench_w64(b, ITS + 0x80, UINT64_C(1) << 63 | (RAM + QUEUE));
    bench_w32(b, ITS, 1);
    command(b, 9, 0, UINT64_C(1) << 63 | 3);                          /* MAPC: collection 3 is CPU 0 */
    command(b, 8 | UINT64_C(0x18) << 32, 4, UINT64_C(1) << 63 | (RAM + ITT)); /* MAPD: device 0x18, 32 events */
    command(b, 10 | UINT64_C(0x18) << 32, 7 | UINT64_C(8200) << 32, 3); /* MAPTI: event 7 is LPI 8200 */
}

static void a_message_becomes_an_lpi(void **state)
{
    struct bench *b = *state;

    start_its(b);
    gicv3_its_message(its, 0x18, 7);
    assert_int_equal(bench_line(b, IRQ0), 0); /* not enabled yet */
    bench_w8(b, RAM + CONFIG + 8200 - 8192, 0x81);
    command(b, 12 | UINT64_C(0x18) << 32, 7, 0); /* INV */
    assert_int_equal(bench_line(b, IRQ0), 1);
    bench_again(b);
    assert_int_equal(take(0), 8200);
    done(0, 8200);
    assert_int_equal(bench_line(b, IRQ0), 0);
    gicv3_its_message(its, 0x18, 8); /* not mapped */
    gicv3_its_message(its, 0x19, 7);
    gicv3_its_message(its, UINT32_MAX, UINT32_MAX);
    assert_int_equal(bench_line(b, IRQ0), 0);
    command(b, 15 | UINT64_C(0x18) << 32, 7, 0); /* DISCARD */
    gicv3_its_message(its, 0x18, 7);
    assert_int_equal(bench_line(b, IRQ0), 0);
}

static void what_pends_is_in_the_guests_table_while_they_are_off(void **state)
{
    struct bench *b = *state;

    start_its(b);
    gicv3_its_message(its, 0x18, 7);
    bench_w32(b, REDIST, 0);
    assert_int_equal(bench_r8(b, RAM + PENDING + 8200 / 8), 1);
    bench_w8(b, RAM + CONFIG + 8200 - 8192, 0x81);
    bench_w32(b, REDIST, 1);
    assert_int_equal(take(0), 8200);
}

static void hostile_tables_name_nobody_else(void **state)
{
    struct bench *b = *state;

    start_its(b);
    bench_w8(b, RAM + CONFIG + 8200 - 8192, 0x81);
    bench_w64(b, RAM + ITT + 7 * 8, UINT64_MAX); /* LPI 65535 of collection 65535 */
    gicv3_its_message(its, 0x18, 7);
    bench_w64(b, RAM + ITT + 7 * 8, UINT64_C(1) << 63 | 3 << 16 | 5); /* no LPI */
    gicv3_its_message(its, 0x18, 7);
    bench_w64(b, RAM + COLLECTIONS + 3 * 8, UINT64_C(1) << 63 | 0xffff); /* no CPU */
    gicv3_its_message(its, 0x18, 7);
    bench_w64(b, ITS + 0x88, 0xfffe0); /* beyond the ring */
    for (unsigned i = 0; i < CPUS; i++)
        assert_int_equal(bench_line(b, 2 * i), 0);
    bench_storm(b, DIST, 0x10000, 20000);
    bench_storm(b, REDIST, CPUS * GICV3_REDIST_BYTES, 20000);
    bench_storm(b, ITS, 0x20000, 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        T(a_level_comes_back_until_it_falls), T(a_route_can_change_while_it_pends), T(higher_priorities_preempt),
        T(cpus_send_each_other_interrupts), T(a_message_becomes_an_lpi),
        T(what_pends_is_in_the_guests_table_while_they_are_off), T(hostile_tables_name_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
