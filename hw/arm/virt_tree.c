/* hw/arm/virt_tree.c - the device tree of ARM's `virt` board.
 *
 * Source: Devicetree Specification v0.4, and Linux, Documentation/devicetree/bindings. */
#include <stdio.h>
#include "core/vm/fdt.h"
#include "hw/arm/psci.h"
#include "hw/arm/virt.h"
#include "hw/fw/fw_cfg.h"
#include "hw/intc/gicv3.h"

enum { SPI = 0, PPI = 1, EDGE = 1, LEVEL = 4, /* cells of an interrupt */ KEY_POWER = 116 };

static const char *const uart_path = "/pl011@9000000";

struct tree {
    struct virt *v;
    struct fdt *f;
    uint32_t gic, clock, msi, cpu_mask;
};

static void tree_cpus(struct tree *t)
{
    struct virt *v = t->v;

    fdt_u32(t->f, "/cpus", "#address-cells", 1);
    fdt_u32(t->f, "/cpus", "#size-cells", 0);
    for (unsigned i = v->m.cpus; i-- > 0;) { /* the last that is made comes first */
        char path[40];

        snprintf(path, sizeof(path), "/cpus/cpu@%x", virt_mpidr(i));
        fdt_str(t->f, path, "device_type", "cpu");
        fdt_str(t->f, path, "compatible", virt_is_32(v) ? "arm,cortex-a15" : "arm,armv8");
        machine_fdt_cpu(&v->m, t->f, path); /* the model's own name, if it says one */
        fdt_u32(t->f, path, "reg", virt_mpidr(i));
        if (v->m.cpus > 1)
            fdt_str(t->f, path, "enable-method", "psci");
    }
    if (!(v->secure && v->has_firmware))
        psci_fdt(t->f, v->el2 ? "smc" : "hvc");
}

static void tree_ppi(const struct tree *t, uint32_t *cells, unsigned id)
{
    cells[0] = PPI;
    cells[1] = id - 16;
    cells[2] = t->cpu_mask | LEVEL;
}

static void tree_timer(struct tree *t)
{
    static const unsigned timers[] = { VIRT_PPI_SECURE, VIRT_PPI_PHYS, VIRT_PPI_VIRT, VIRT_PPI_HYP };
    uint32_t cells[12];

    for (unsigned i = 0; i < 4; i++)
        tree_ppi(t, cells + 3 * i, timers[i]);
    if (virt_is_32(t->v))
        fdt_strs(t->f, "/timer", "compatible", "arm,armv7-timer", NULL);
    else
        fdt_strs(t->f, "/timer", "compatible", "arm,armv8-timer", "arm,armv7-timer", NULL);
    fdt_cells(t->f, "/timer", "interrupts", cells, 12);
    fdt_flag(t->f, "/timer", "always-on");
}

static void tree_counters(struct tree *t)
{
    uint32_t cells[3];

    if (!machine_cpu_has(&t->v->m, "pmu"))
        return;
    tree_ppi(t, cells, VIRT_PPI_PMU);
    fdt_str(t->f, "/pmu", "compatible", "arm,armv8-pmuv3");
    fdt_cells(t->f, "/pmu", "interrupts", cells, 3);
}

static void tree_v2m(struct tree *t)
{
    const char *v2m = "/intc@8000000/v2m@8020000";

    t->msi = fdt_phandle(t->f);
    fdt_str(t->f, v2m, "compatible", "arm,gic-v2m-frame");
    fdt_flag(t->f, v2m, "msi-controller");
    fdt_reg(t->f, v2m, VIRT_V2M_AT, 0x1000);
    fdt_u32(t->f, v2m, "phandle", t->msi);
}

static void tree_its(struct tree *t)
{
    const char *its = "/intc@8000000/its@8080000";

    t->msi = fdt_phandle(t->f);
    fdt_str(t->f, its, "compatible", "arm,gic-v3-its");
    fdt_flag(t->f, its, "msi-controller");
    fdt_u32(t->f, its, "#msi-cells", 1);
    fdt_reg(t->f, its, VIRT_ITS_AT, 0x20000);
    fdt_u32(t->f, its, "phandle", t->msi);
}

static void tree_gic(struct tree *t)
{
    const char *gic = "/intc@8000000";
    bool v2 = t->v->gic_version == 2;

    t->gic = fdt_phandle(t->f);
    t->cpu_mask = v2 ? ((1u << t->v->m.cpus) - 1) << 8 : 0;
    fdt_u32(t->f, "/", "interrupt-parent", t->gic);
    fdt_u32(t->f, gic, "#interrupt-cells", 3);
    fdt_u32(t->f, gic, "#address-cells", 2);
    fdt_u32(t->f, gic, "#size-cells", 2);
    fdt_flag(t->f, gic, "interrupt-controller");
    fdt_flag(t->f, gic, "ranges");
    fdt_u32(t->f, gic, "phandle", t->gic);
    if (v2) {
        fdt_str(t->f, gic, "compatible", "arm,cortex-a15-gic");
        FDT_CELLS(t->f, gic, "reg", 0, VIRT_GIC_AT, 0, 0x10000, 0, VIRT_GIC_CPU_AT, 0, 0x10000);
        tree_v2m(t);
        return;
    }
    fdt_str(t->f, gic, "compatible", "arm,gic-v3");
    fdt_u32(t->f, gic, "#redistributor-regions", 1);
    FDT_CELLS(t->f, gic, "reg", 0, VIRT_GIC_AT, 0, 0x10000, 0, VIRT_REDIST_AT, 0, t->v->m.cpus * GICV3_REDIST_BYTES);
    if (t->v->its)
        tree_its(t);
}

static void tree_clock(struct tree *t)
{
    const char *clock = "/apb-pclk";

    t->clock = fdt_phandle(t->f);
    fdt_str(t->f, clock, "compatible", "fixed-clock");
    fdt_u32(t->f, clock, "#clock-cells", 0);
    fdt_u32(t->f, clock, "clock-frequency", 24000000);
    fdt_str(t->f, clock, "clock-output-names", "clk24mhz");
    fdt_u32(t->f, clock, "phandle", t->clock);
}

static void tree_uart(struct tree *t, const char *path, uint32_t at, uint32_t irq)
{
    fdt_strs(t->f, path, "compatible", "arm,pl011", "arm,primecell", NULL);
    fdt_reg(t->f, path, at, 0x1000);
    FDT_CELLS(t->f, path, "interrupts", SPI, irq, LEVEL);
    FDT_CELLS(t->f, path, "clocks", t->clock, t->clock);
    fdt_strs(t->f, path, "clock-names", "uartclk", "apb_pclk", NULL);
}

static void tree_rtc(struct tree *t)
{
    const char *rtc = "/pl031@9010000";

    fdt_strs(t->f, rtc, "compatible", "arm,pl031", "arm,primecell", NULL);
    fdt_reg(t->f, rtc, VIRT_RTC_AT, 0x1000);
    FDT_CELLS(t->f, rtc, "interrupts", SPI, VIRT_RTC_IRQ, LEVEL);
    fdt_u32(t->f, rtc, "clocks", t->clock);
    fdt_str(t->f, rtc, "clock-names", "apb_pclk");
}

static void tree_power_button(struct tree *t)
{
    const char *lines = "/pl061@9030000", *key = "/gpio-keys/poweroff";
    uint32_t phandle = fdt_phandle(t->f);

    fdt_strs(t->f, lines, "compatible", "arm,pl061", "arm,primecell", NULL);
    fdt_reg(t->f, lines, VIRT_GPIO_AT, 0x1000);
    fdt_u32(t->f, lines, "#gpio-cells", 2);
    fdt_flag(t->f, lines, "gpio-controller");
    fdt_u32(t->f, lines, "#interrupt-cells", 2);
    fdt_flag(t->f, lines, "interrupt-controller");
    FDT_CELLS(t->f, lines, "interrupts", SPI, VIRT_GPIO_IRQ, LEVEL);
    fdt_u32(t->f, lines, "clocks", t->clock);
    fdt_str(t->f, lines, "clock-names", "apb_pclk");
    fdt_u32(t->f, lines, "phandle", phandle);
    fdt_str(t->f, "/gpio-keys", "compatible", "gpio-keys");
    fdt_str(t->f, key, "label", "GPIO Key Poweroff");
    fdt_u32(t->f, key, "linux,code", KEY_POWER);
    FDT_CELLS(t->f, key, "gpios", phandle, VIRT_POWER_LINE, 0);
}

static void tree_secure_parts(struct tree *t)
{
    const char *uart = "/pl011@9040000", *ram = "/secram@e000000";

    tree_uart(t, uart, VIRT_SECURE_UART_AT, VIRT_SECURE_UART_IRQ);
    fdt_str(t->f, uart, "status", "disabled");
    fdt_str(t->f, uart, "secure-status", "okay");
    fdt_str(t->f, "/aliases", "serial1", uart);
    fdt_str(t->f, "/secure-chosen", "stdout-path", uart);
    fdt_str(t->f, ram, "device_type", "memory");
    fdt_reg(t->f, ram, VIRT_SECURE_RAM_AT, VIRT_SECURE_RAM_SIZE);
    fdt_str(t->f, ram, "status", "disabled");
    fdt_str(t->f, ram, "secure-status", "okay");
}

/* Kernels number disks in the order of the nodes, last first. */
static void tree_virtio(struct tree *t)
{
    for (unsigned i = VIRT_MMIO_SLOTS; i-- > 0;) {
        char path[40];

        snprintf(path, sizeof(path), "/virtio_mmio@%x", VIRT_MMIO_AT + i * VIRT_MMIO_SIZE);
        fdt_str(t->f, path, "compatible", "virtio,mmio");
        fdt_reg(t->f, path, VIRT_MMIO_AT + (uint64_t)i * VIRT_MMIO_SIZE, VIRT_MMIO_SIZE);
        FDT_CELLS(t->f, path, "interrupts", SPI, VIRT_MMIO_IRQ + i, EDGE);
        fdt_flag(t->f, path, "dma-coherent");
    }
}

void virt_tree(struct machine *m, struct fdt *f)
{
    struct virt *v = (struct virt *)m;
    struct tree t = { .v = v, .f = f };

    virt_tree_root(m, f, "linux,dummy-virt", "linux,dummy-virt", uart_path, VIRT_RAM_AT);
    fdt_flag(f, "/", "dma-coherent");
    tree_gic(&t);
    tree_timer(&t);
    tree_counters(&t);
    tree_clock(&t);
    tree_cpus(&t);
    tree_uart(&t, uart_path, VIRT_UART_AT, VIRT_UART_IRQ);
    tree_rtc(&t);
    tree_power_button(&t);
    if (v->secure)
        tree_secure_parts(&t);
    tree_virtio(&t);
    fw_cfg_fdt(f, "/fw-cfg@9020000", VIRT_FW_CFG_AT);
    virt_tree_flash(&v->board, f);
    ecam_fdt(f, "/pcie@10000000", &v->pcie, t.gic, VIRT_PCIE_IRQ, 3, 2);
    if (t.msi)
        FDT_CELLS(f, "/pcie@10000000", "msi-map", 0, t.msi, 0, 0x10000);
}
