/* hw/arm/virt_acpi.c - the ACPI tables of ARM's `virt` board, for UEFI to install. They say what the device tree says.
 *
 * Source: ACPI 6.4, 5.2; Arm Server Base Boot Requirements (DEN 0044); Microsoft's SPCR and DBG2 specifications; Arm IO
 * Remapping Table (DEN 0049). */
#include <stdio.h>
#include "core/base/error.h"
#include "hw/acpi/aml.h"
#include "hw/acpi/loader.h"
#include "hw/arm/virt.h"
#include "hw/intc/gicv3.h"

enum { GSI = 32 /* shared interrupt 0 */ };
enum { FADT_BYTES = 276, FADT_FLAGS = 112, FADT_ARM_BOOT = 129, FADT_MINOR = 131, FADT_X_DSDT = 140,
       HW_REDUCED = 1 << 20, PSCI = 1, PSCI_BY_HVC = 2 };

/* --- the namespace --------------------------------------------------------------------------------------------------- */

static void dsdt_cpus(const struct virt *v, struct str *a)
{
    for (unsigned i = 0; i < v->m.cpus; i++) {
        char name[16];
        size_t dev;

        snprintf(name, sizeof(name), "C%03X", i);
        dev = aml_device(a, name);
        aml_name_string(a, "_HID", "ACPI0007");
        aml_name_int(a, "_UID", i);
        aml_close(a, dev);
    }
}

static void dsdt_resources(struct str *a, uint32_t at, uint32_t len, unsigned irq, enum aml_trigger trigger)
{
    size_t crs;

    aml_name(a, "_CRS");
    crs = aml_resources(a);
    aml_memory32(a, at, len);
    if (irq)
        aml_interrupt(a, GSI + irq, trigger);
    aml_resources_close(a, crs);
}

static void dsdt_device(struct str *a, const char *name, const char *hid, unsigned uid, uint32_t at, uint32_t len,
                        unsigned irq, enum aml_trigger trigger)
{
    size_t dev = aml_device(a, name);

    aml_name_string(a, "_HID", hid);
    aml_name_int(a, "_UID", uid);
    aml_name_int(a, "_CCA", 1);
    dsdt_resources(a, at, len, irq, trigger);
    aml_close(a, dev);
}

static void dsdt_virtio(struct str *a)
{
    for (unsigned i = 0; i < VIRT_MMIO_SLOTS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "VR%02u", i);
        dsdt_device(a, name, "LNRO0005", i, VIRT_MMIO_AT + i * VIRT_MMIO_SIZE, VIRT_MMIO_SIZE, VIRT_MMIO_IRQ + i, AML_EDGE);
    }
}

/* Pin of slot n comes out at one of four interrupts, as on the bus. */
static void dsdt_routes(struct str *a)
{
    size_t all, one;

    aml_name(a, "_PRT");
    all = aml_package(a, 32 * 4);
    for (uint32_t slot = 0; slot < 32; slot++) {
        for (uint32_t pin = 0; pin < 4; pin++) {
            one = aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_int(a, 0);
            aml_int(a, GSI + VIRT_PCIE_IRQ + (slot + pin) % 4);
            aml_close(a, one);
        }
    }
    aml_close(a, all);
}

/* What the OS may do itself: hot-plug, power events, error reporting, the capabilities of links. There is no firmware that
 * would. Source: PCI Firmware Specification 3.2, 4.5.1. */
static void dsdt_osc(struct str *a)
{
    enum { MAY = 0x1d, UNKNOWN_UUID = 1 << 2, UNKNOWN_REVISION = 1 << 3 };
    size_t method = aml_method(a, "_OSC", 4), yes, no;

    aml_op(a, AML_DWORD_FIELD), aml_arg(a, 3), aml_int(a, 0), aml_ref(a, "CDW1");
    yes = aml_if(a);
    aml_op(a, AML_EQUAL), aml_arg(a, 0), aml_uuid(a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    aml_op(a, AML_DWORD_FIELD), aml_arg(a, 3), aml_int(a, 8), aml_ref(a, "CDW3");
    aml_op(a, AML_AND), aml_ref(a, "CDW3"), aml_int(a, MAY), aml_ref(a, "CDW3");
    no = aml_if(a);
    aml_op(a, AML_NOT), aml_op(a, AML_EQUAL), aml_arg(a, 1), aml_int(a, 1);
    aml_op(a, AML_OR), aml_ref(a, "CDW1"), aml_int(a, UNKNOWN_REVISION), aml_ref(a, "CDW1");
    aml_close(a, no);
    aml_close(a, yes);
    no = aml_else(a);
    aml_op(a, AML_OR), aml_ref(a, "CDW1"), aml_int(a, UNKNOWN_UUID), aml_ref(a, "CDW1");
    aml_close(a, no);
    aml_op(a, AML_RETURN), aml_arg(a, 3);
    aml_close(a, method);
}

static void dsdt_pcie(const struct virt *v, struct str *a)
{
    const struct ecam_windows *w = &v->pcie;
    size_t dev = aml_device(a, "PCI0"), crs, inner;

    aml_hid(a, "_HID", "PNP0A08");
    aml_hid(a, "_CID", "PNP0A03");
    aml_name_int(a, "_SEG", 0);
    aml_name_int(a, "_BBN", 0);
    aml_name_int(a, "_UID", 0);
    aml_name_int(a, "_CCA", 1);
    dsdt_routes(a);
    aml_name(a, "_CRS");
    crs = aml_resources(a);
    aml_bus_numbers(a, 0, (uint16_t)(w->config_size / MIB - 1));
    aml_window32(a, (uint32_t)w->memory, (uint32_t)w->memory_size);
    aml_window_io(a, (uint32_t)w->io, (uint32_t)w->io_size);
    if (w->high_size)
        aml_window64(a, w->high, w->high_size);
    aml_resources_close(a, crs);
    dsdt_osc(a);
    inner = aml_device(a, "RES0"); /* configuration space is taken */
    aml_hid(a, "_HID", "PNP0C02");
    aml_name(a, "_CRS");
    crs = aml_resources(a);
    aml_window64(a, w->config, w->config_size);
    aml_resources_close(a, crs);
    aml_close(a, inner);
    aml_close(a, dev);
}

static void dsdt_power_button(struct str *a)
{
    size_t dev = aml_device(a, "GPO0"), in;

    aml_name_string(a, "_HID", "ARMH0061");
    aml_name_int(a, "_UID", 0);
    dsdt_resources(a, VIRT_GPIO_AT, 0x1000, VIRT_GPIO_IRQ, AML_LEVEL);
    aml_name(a, "_AEI");
    in = aml_resources(a);
    aml_gpio_interrupt(a, "GPO0", VIRT_POWER_LINE);
    aml_resources_close(a, in);
    in = aml_method(a, "_E03", 0);
    aml_notify(a, "\\_SB.PWRB", 0x80);
    aml_close(a, in);
    aml_close(a, dev);
    dev = aml_device(a, "PWRB");
    aml_hid(a, "_HID", "PNP0C0C");
    aml_name_int(a, "_UID", 0);
    aml_close(a, dev);
}

static size_t dsdt(const struct virt *v, struct acpi *a)
{
    size_t t = acpi_table(a, "DSDT", 2, false), sb = aml_scope(&a->tables, "\\_SB");

    dsdt_cpus(v, &a->tables);
    dsdt_device(&a->tables, "COM0", "ARMH0011", 0, VIRT_UART_AT, 0x1000, VIRT_UART_IRQ, AML_LEVEL);
    dsdt_device(&a->tables, "FWCF", "QEMU0002", 0, VIRT_FW_CFG_AT, 0x18, 0, AML_LEVEL);
    dsdt_virtio(&a->tables);
    dsdt_pcie(v, &a->tables);
    dsdt_power_button(&a->tables);
    aml_close(&a->tables, sb);
    acpi_table_end(a, t);
    return t;
}

/* --- tables of numbers --------------------------------------------------------------------------------------------------- */

static void fadt(const struct virt *v, struct acpi *a, size_t the_dsdt)
{
    size_t t = acpi_table(a, "FACP", 6, true);
    bool by_hvc = !v->el2, psci = !(v->secure && v->has_firmware);

    acpi_zero(a, FADT_BYTES - 36);
    acpi_set(a, t, FADT_FLAGS, HW_REDUCED, 4);
    acpi_set(a, t, FADT_ARM_BOOT, (psci ? PSCI : 0) | (psci && by_hvc ? PSCI_BY_HVC : 0), 2);
    acpi_point(a, t, FADT_X_DSDT, the_dsdt, 8);
    acpi_table_end(a, t);
}

static void madt_cpu(const struct virt *v, struct acpi *a, unsigned i)
{
    acpi_put(a, 11 | 80 << 8, 4); /* GICC */
    acpi_put(a, i, 4);
    acpi_put(a, i, 4);
    acpi_put(a, 1, 4);            /* enabled */
    acpi_put(a, 0, 4);
    acpi_put(a, machine_cpu_has(&v->m, "pmu") ? VIRT_PPI_PMU : 0, 4);
    acpi_put(a, 0, 8);
    acpi_put(a, v->gic_version == 2 ? VIRT_GIC_CPU_AT : 0, 8);
    acpi_put(a, 0, 8);
    acpi_put(a, 0, 8);
    acpi_put(a, 0, 4);
    acpi_put(a, 0, 8);            /* redistributors are named as a range */
    acpi_put(a, virt_mpidr(i), 8);
    acpi_put(a, 0, 4);
}

static void madt(const struct virt *v, struct acpi *a)
{
    size_t t = acpi_table(a, "APIC", 4, true);

    acpi_put(a, 0, 8);
    acpi_put(a, 12 | 24 << 8, 4); /* GICD */
    acpi_put(a, 0, 4);
    acpi_put(a, VIRT_GIC_AT, 8);
    acpi_put(a, 0, 4);
    acpi_put(a, (uint64_t)v->gic_version, 4);
    for (unsigned i = 0; i < v->m.cpus; i++)
        madt_cpu(v, a, i);
    if (v->gic_version == 2) {
        acpi_put(a, 13 | 24 << 8, 4); /* v2m */
        acpi_put(a, 0, 4);
        acpi_put(a, VIRT_V2M_AT, 8);
        acpi_put(a, 1, 4);            /* the numbers below hold */
        acpi_put(a, VIRT_V2M_IRQS, 2);
        acpi_put(a, GSI + VIRT_V2M_IRQ, 2);
    } else {
        acpi_put(a, 14 | 16 << 8, 4); /* GICR */
        acpi_put(a, VIRT_REDIST_AT, 8);
        acpi_put(a, (uint64_t)v->m.cpus * GICV3_REDIST_BYTES, 4);
    }
    if (v->has_its) {
        acpi_put(a, 15 | 20 << 8, 4);
        acpi_put(a, 0, 4);
        acpi_put(a, VIRT_ITS_AT, 8);
        acpi_put(a, 0, 4);
    }
    acpi_table_end(a, t);
}

static void gtdt(struct acpi *a)
{
    static const uint32_t timers[] = { VIRT_PPI_SECURE, VIRT_PPI_PHYS, VIRT_PPI_VIRT, VIRT_PPI_HYP };
    size_t t = acpi_table(a, "GTDT", 2, true);

    acpi_put(a, UINT64_MAX, 8);
    acpi_put(a, 0, 4);
    for (unsigned i = 0; i < 4; i++) {
        acpi_put(a, timers[i], 4);
        acpi_put(a, 4, 4); /* level, high, runs in every power state */
    }
    acpi_put(a, UINT64_MAX, 8);
    acpi_put(a, 0, 8);
    acpi_table_end(a, t);
}

static void mcfg(const struct virt *v, struct acpi *a)
{
    size_t t = acpi_table(a, "MCFG", 1, true);

    acpi_zero(a, 8);
    acpi_put(a, v->pcie.config, 8);
    acpi_put(a, 0, 3);
    acpi_put(a, v->pcie.config_size / MIB - 1, 1);
    acpi_zero(a, 4);
    acpi_table_end(a, t);
}

static void put_uart_address(struct acpi *a)
{
    acpi_put(a, 0 | 32 << 8 | 3 << 24, 4); /* memory, 32 bits wide, accessed so */
    acpi_put(a, VIRT_UART_AT, 8);
}

static void spcr(struct acpi *a)
{
    size_t t = acpi_table(a, "SPCR", 2, true);

    acpi_put(a, 3, 4);                 /* PL011 */
    put_uart_address(a);
    acpi_put(a, 1 << 3, 2);            /* GIC */
    acpi_put(a, GSI + VIRT_UART_IRQ, 4);
    acpi_put(a, 3 | 1 << 16 | 2 << 24, 4); /* 9600, no parity, one stop bit, RTS and CTS */
    acpi_put(a, 0, 2);
    acpi_put(a, UINT32_MAX, 4);        /* no PCI device */
    acpi_zero(a, 12);
    acpi_table_end(a, t);
}

static void dbg2(struct acpi *a)
{
    static const char name[] = "COM0";
    size_t t = acpi_table(a, "DBG2", 0, true);

    acpi_put(a, 44, 4);
    acpi_put(a, 1, 4);
    acpi_put(a, 0, 1);
    acpi_put(a, 22 + 12 + 4 + sizeof(name), 2);
    acpi_put(a, 1, 1);
    acpi_put(a, sizeof(name), 2);
    acpi_put(a, 22 + 12 + 4, 2);
    acpi_put(a, 0, 4);
    acpi_put(a, 0x8000, 2);            /* serial */
    acpi_put(a, 3, 2);                 /* PL011 */
    acpi_put(a, 0, 2);
    acpi_put(a, 22, 2);
    acpi_put(a, 22 + 12, 2);
    put_uart_address(a);
    acpi_put(a, 0x1000, 4);
    str_addn(&a->tables, name, sizeof(name));
    acpi_table_end(a, t);
}

static void pptt_node(struct acpi *a, uint32_t flags, uint32_t parent, uint32_t id)
{
    acpi_put(a, 0 | 20 << 8, 4);
    acpi_put(a, flags, 4);
    acpi_put(a, parent, 4);
    acpi_put(a, id, 4);
    acpi_put(a, 0, 4);
}

static void pptt(const struct virt *v, struct acpi *a)
{
    size_t t = acpi_table(a, "PPTT", 2, true);
    uint32_t package = (uint32_t)(a->tables.len - t);

    pptt_node(a, 1, 0, 0);
    for (unsigned i = 0; i < v->m.cpus; i++)
        pptt_node(a, 2 | 8, package, i); /* its ID holds, a leaf */
    acpi_table_end(a, t);
}

/* Every function behind the host bridge speaks to the ITS with its own number. */
static void iort(struct acpi *a)
{
    size_t t = acpi_table(a, "IORT", 0, true);

    acpi_put(a, 2, 4);
    acpi_put(a, 48, 8);
    acpi_put(a, 0 | 24 << 8, 4);       /* ITS group */
    acpi_zero(a, 12);
    acpi_put(a, 1, 8);                 /* one: number 0 */
    acpi_put(a, 2 | (32 + 20) << 8, 4); /* root complex */
    acpi_put(a, 0, 4);
    acpi_put(a, 1, 4);
    acpi_put(a, 32, 4);
    acpi_put(a, 1 | UINT64_C(3) << 56, 8); /* coherent */
    acpi_put(a, 0, 8);
    acpi_put(a, 0, 4);
    acpi_put(a, 0xffff, 4);
    acpi_put(a, 0, 4);
    acpi_put(a, 48, 4);
    acpi_put(a, 0, 4);
    acpi_table_end(a, t);
}

int virt_acpi(struct virt *v, struct error *err)
{
    struct acpi a;

    acpi_begin(&a);
    fadt(v, &a, dsdt(v, &a));
    madt(v, &a);
    pptt(v, &a);
    gtdt(&a);
    mcfg(v, &a);
    spcr(&a);
    dbg2(&a);
    if (v->has_its)
        iort(&a);
    return acpi_finish(&a, v->board.fw_cfg, err);
}
