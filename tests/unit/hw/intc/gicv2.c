/* GICv2: lines, priorities, acknowledgement, SGIs between CPUs. The bench's RAM stands for nothing here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/error.h"
#include "core/mem/dma.h"
#include "core/vm/vcpu.h"
#include "hw/intc/gicv2.h"
#include "hw/intc/gicv2m.h"
#include "tests/lib/bench.h"

enum { DIST = 0x8000000, CPU = 0x8010000, CTLR = CPU, PMR = CPU + 4, IAR = CPU + 0xc, EOIR = CPU + 0x10, RPR = CPU + 0x14,
       ENABLE = DIST + 0x100, PEND = DIST + 0x200, PRIORITY = DIST + 0x400, TARGETS = DIST + 0x800, CFG = DIST + 0xc00,
       SGI = DIST + 0xf00, FRAME = 0x8020000 };

static struct device *gic;
static struct vcpu cpus[2] = { { .index = 0 }, { .index = 1 } };

static int setup(void **state)
{
    struct bench *b = bench_new();

    *state = b;
    gic = bench_add_with(b, &gicv2_type, DIST, "num-cpu=2,num-irq=96");
    region_add(bench_board(b)->sysmem, CPU, gicv2_cpu_interface(gic), 0);
    bench_w32(b, DIST, 1);
    for (int i = 0; i < 2; i++) {
        vcpu_set_current(&cpus[i]);
        bench_w32(b, CTLR, 1);
        bench_w32(b, PMR, 0xf0);
    }
    vcpu_set_current(&cpus[0]);
    return 0;
}

static int teardown(void **state)
{
    vcpu_set_current(NULL);
    return bench_teardown(state);
}

/* Shared interrupt 32 + n for CPU 0 at a priority. */
static void enable(struct bench *b, unsigned n, uint8_t priority, uint8_t cpu_mask)
{
    bench_w32(b, ENABLE + 4, 1u << n);
    bench_w8(b, PRIORITY + 32 + n, priority);
    bench_w8(b, TARGETS + 32 + n, cpu_mask);
}

static void a_level_comes_back_until_it_falls(void **state)
{
    struct bench *b = *state;
    struct irq_line line = gicv2_spi(gic, 3);

    enable(b, 3, 0x80, 1);
    irq_set(&line, true);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_line(b, 2), 0);
    assert_int_equal(bench_r32(b, IAR), 35);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r32(b, RPR), 0x80);
    assert_int_equal(bench_r32(b, IAR), 1023);
    bench_w32(b, EOIR, 35);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r32(b, IAR), 35);
    irq_set(&line, false);
    bench_w32(b, EOIR, 35);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r32(b, RPR), 0xff);
}

static void an_edge_is_remembered_once(void **state)
{
    struct bench *b = *state;
    struct irq_line line = gicv2_spi(gic, 3);

    enable(b, 3, 0x80, 1);
    bench_w8(b, CFG + 8, 2 << 6);
    irq_pulse(&line);
    assert_int_equal(bench_r32(b, IAR), 35);
    irq_pulse(&line);
    assert_int_equal(bench_line(b, 0), 0);
    bench_w32(b, EOIR, 35);
    assert_int_equal(bench_r32(b, IAR), 35);
    bench_w32(b, EOIR, 35);
    assert_int_equal(bench_r32(b, IAR), 1023);
}

static void a_higher_priority_preempts(void **state)
{
    struct bench *b = *state;
    struct irq_line low = gicv2_spi(gic, 1), high = gicv2_spi(gic, 2), masked = gicv2_spi(gic, 4);

    enable(b, 1, 0xa0, 1);
    enable(b, 2, 0x20, 1);
    enable(b, 4, 0xf0, 1);
    irq_set(&masked, true);
    assert_int_equal(bench_line(b, 0), 0);
    irq_set(&low, true);
    assert_int_equal(bench_r32(b, IAR), 33);
    irq_set(&high, true);
    assert_int_equal(bench_line(b, 0), 1);
    assert_int_equal(bench_r32(b, IAR), 34);
    assert_int_equal(bench_r32(b, RPR), 0x20);
    bench_w32(b, EOIR, 34);
    assert_int_equal(bench_r32(b, RPR), 0xa0);
}

static void cpus_send_each_other_interrupts(void **state)
{
    struct bench *b = *state;

    bench_w32(b, SGI, 1 << 24 | 5); /* to all others */
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_line(b, 2), 1);
    vcpu_set_current(&cpus[1]);
    bench_w32(b, SGI, 2 << 16 | 5); /* to itself too: pends a second time, from another */
    assert_int_equal(bench_r32(b, IAR), 5 | 0 << 10);
    bench_w32(b, EOIR, 5);
    assert_int_equal(bench_r32(b, IAR), 5 | 1 << 10);
    bench_w32(b, EOIR, 5 | 1 << 10);
    assert_int_equal(bench_r32(b, IAR), 1023);
}

static void private_lines_are_banked(void **state)
{
    struct bench *b = *state;
    struct irq_line one = gicv2_ppi(gic, 1, 27);

    vcpu_set_current(&cpus[1]);
    bench_w32(b, ENABLE, 1 << 27);
    irq_set(&one, true);
    assert_int_equal(bench_line(b, 2), 1);
    assert_int_equal(bench_line(b, 0), 0);
    assert_int_equal(bench_r32(b, PEND) >> 27 & 1, 1);
    vcpu_set_current(&cpus[0]);
    assert_int_equal(bench_r32(b, PEND) >> 27 & 1, 0);
    assert_int_equal(bench_r32(b, ENABLE) >> 27 & 1, 0);
}

/* A device's message goes the way of its DMA. */
static void a_message_is_an_interrupt(void **state)
{
    struct bench *b = *state;
    struct device *frame = bench_add_with(b, &gicv2m_type, FRAME, "base-spi=80,num-spi=16");
    const uint8_t message[4] = { 83 };

    for (unsigned i = 0; i < 16; i++)
        device_connect(frame, i, gicv2_spi(gic, 48 + i));
    assert_int_equal(bench_r32(b, FRAME + 8), 80 << 16 | 16);
    bench_w32(b, CFG + 83 / 16 * 4, 2u << 83 % 16 * 2);
    bench_w32(b, ENABLE + 8, 1u << (83 - 64));
    bench_w8(b, PRIORITY + 83, 0x80);
    bench_w8(b, TARGETS + 83, 1);
    assert_int_equal(dma_write(bench_board(b)->as, FRAME + GICV2M_SETSPI, message, 4), MEM_OK);
    assert_int_equal(bench_r32(b, IAR), 83);
}

static void it_survives_saving_and_storms(void **state)
{
    struct bench *b = *state;
    struct irq_line line = gicv2_spi(gic, 3);

    enable(b, 3, 0x40, 1);
    irq_set(&line, true);
    bench_again(b);
    assert_int_equal(bench_line(b, 0), 1);
    bench_storm(b, DIST, 0x1000, 30000);
    bench_storm(b, CPU, 0x2000, 30000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_level_comes_back_until_it_falls), T(an_edge_is_remembered_once), T(a_higher_priority_preempts),
        T(cpus_send_each_other_interrupts), T(private_lines_are_banked), T(a_message_is_an_interrupt),
        T(it_survives_saving_and_storms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
