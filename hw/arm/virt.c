/* hw/arm/virt.c - the board without a model in silicon that UEFI, U-Boot and ARM kernels know by its device tree.
 *
 *     0x00000000  flash (two banks of 64 MiB)
 *     0x08000000  GICv2: distributor, CPU interface at +0x10000, frame for messages (v2m) at +0x20000;
 *                 or GICv3: distributor, ITS at +0x80000, redistributors at +0xa0000
 *     0x09000000  UART (PL011)   0x09010000  RTC (PL031)   0x09030000  lines (PL061): 3 is the power button
 *     0x09020000  fw_cfg         0x09040000  second UART (secure=on)
 *     0x0a000000  32 virtio-mmio transports, 0x200 each
 *     0x0e000000  16 MiB for firmware (secure=on)
 *     0x10000000  PCIe memory, 0x3eff0000 I/O, configuration at 0x4010000000 (0x3f000000 without highmem)
 *     0x40000000  RAM: boot code, kernel, initial disk, device tree
 *
 * Shared interrupts: UART 1, RTC 2, PCIe 3-6, lines 7, second UART 8, virtio-mmio 16-47, v2m 48-111. Private
 * ones: timers 29 (secure), 30 (physical), 27 (virtual), 26 (hypervisor), cycle counter 23.
 * With secure=on, EL3 is there for firmware; nothing is kept from the other worlds. */
#include "hw/arm/virt.h"
#include <errno.h>
#include <stdio.h>
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/mem/ram.h"
#include "hw/arm/psci.h"
#include "hw/fw/bootorder.h"
#include "hw/gpio/pl061.h"
#include "hw/intc/gicv2.h"
#include "hw/intc/gicv2m.h"
#include "hw/intc/gicv3.h"
#include "hw/misc/power_key.h"
#include "hw/pci/pci.h"

enum { SMBIOS_ARMV7 = 0x100, SMBIOS_ARMV8 = 0x101 };
enum { PIN_IRQ = 0, PIN_FIQ = 1, PIN_COUNTERS = 2, /* of a CPU */ NS_A_TICK = 16 /* 62.5 MHz */ };

/* --- devices ------------------------------------------------------------------------------------------------------- */

static int set_number(struct device *dev, const char *name, unsigned n, struct error *err)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", n);
    return device_set(dev, name, text, err);
}

static struct irq_line spi(struct virt *v, unsigned n)
{
    return v->gic_version == 2 ? gicv2_spi(v->gic, n) : gicv3_spi(v->gic, n);
}

static struct irq_line ppi(struct virt *v, unsigned cpu, unsigned id)
{
    return v->gic_version == 2 ? gicv2_ppi(v->gic, cpu, id) : gicv3_ppi(v->gic, cpu, id);
}

/* The frame that turns messages into shared interrupts. */
static int make_v2m(struct virt *v, struct error *err)
{
    struct device *dev = device_new(v->m.board, &gicv2m_type, NULL, err);

    if (!dev || set_number(dev, "base-spi", 32 + VIRT_V2M_IRQ, err) < 0 ||
        set_number(dev, "num-spi", VIRT_V2M_IRQS, err) < 0 || device_realize(dev, NULL, err) < 0)
        return -EINVAL;
    region_add(v->m.board->sysmem, VIRT_V2M_AT, dev->mmio, 0);
    for (unsigned i = 0; i < VIRT_V2M_IRQS; i++)
        device_connect(dev, i, spi(v, VIRT_V2M_IRQ + i));
    return 0;
}

static int make_its(struct virt *v, struct error *err)
{
    v->its = device_new(v->m.board, &gicv3_its_type, NULL, err);
    if (!v->its)
        return -EINVAL;
    gicv3_its_of(v->its, v->gic);
    if (device_realize(v->its, NULL, err) < 0)
        return -EINVAL;
    region_add(v->m.board->sysmem, VIRT_ITS_AT, v->its->mmio, 0);
    return 0;
}

static int make_gic(struct virt *v, struct error *err)
{
    struct board *b = v->m.board;
    bool v2 = v->gic_version == 2;

    v->gic = device_new(b, v2 ? &gicv2_type : &gicv3_type, NULL, err);
    if (!v->gic || set_number(v->gic, "num-cpu", v->m.cpus, err) < 0 || set_number(v->gic, "num-irq", VIRT_GIC_IRQS, err) < 0 ||
        (v->has_its && device_set(v->gic, "has-lpi", "on", err) < 0) || device_realize(v->gic, NULL, err) < 0)
        return -EINVAL;
    region_add(b->sysmem, VIRT_GIC_AT, v->gic->mmio, 0);
    if (v2)
        region_add(b->sysmem, VIRT_GIC_CPU_AT, gicv2_cpu_interface(v->gic), 0);
    else
        region_add(b->sysmem, VIRT_REDIST_AT, gicv3_redistributors(v->gic), 0);
    for (unsigned i = 0; i < v->m.cpus; i++) {
        device_connect(v->gic, 2 * i, machine_cpu_pin(i, PIN_IRQ));
        device_connect(v->gic, 2 * i + 1, machine_cpu_pin(i, PIN_FIQ));
        if (!v2)
            gicv3_serve(v->gic, vcpu_get(i));
    }
    return v2 ? make_v2m(v, err) : v->has_its ? make_its(v, err) : 0;
}

static struct device *make_one(struct virt *v, const char *type, const char *chardev, gpa at, unsigned irq, struct error *err)
{
    struct device *dev = device_new(v->m.board, device_type_find(type), NULL, err);

    if (!dev || (chardev && device_set(dev, "chardev", chardev, err) < 0) || device_realize(dev, NULL, err) < 0)
        return NULL;
    region_add(v->m.board->sysmem, at, dev->mmio, 0);
    device_connect(dev, 0, spi(v, irq));
    return dev;
}

/* The ITS has to know who writes; elsewhere a message is a write like any other. */
static void on_message(void *opaque, uint32_t requester, gpa addr, uint32_t data)
{
    struct virt *v = opaque;
    uint8_t bytes[4];

    store_le32(bytes, data);
    if (addr == VIRT_ITS_AT + GICV3_ITS_TRANSLATER)
        gicv3_its_message(v->its, requester, data);
    else
        dma_write(v->m.board->as, addr, bytes, sizeof(bytes));
}

static int make_pcie(struct virt *v, struct error *err)
{
    struct irq_line pins[4];
    struct device *bridge;

    v->pcie = (struct ecam_windows){
        .config = v->high_config ? VIRT_PCIE_HIGH_AT : VIRT_PCIE_LOW_AT, .config_size = v->high_config ? 256 * MIB : 16 * MIB,
        .io = VIRT_PCIE_IO_AT, .io_size = 0x10000, .memory = VIRT_PCIE_MEMORY_AT, .memory_size = VIRT_PCIE_MEMORY_SIZE,
        .high = VIRT_PCIE_HIGH_MEMORY_AT, .high_size = v->high_memory ? VIRT_PCIE_HIGH_MEMORY_AT : 0,
    };
    for (unsigned i = 0; i < 4; i++)
        pins[i] = spi(v, VIRT_PCIE_IRQ + i);
    bridge = ecam_make(v->m.board, &v->pcie, pins, err);
    if (!bridge)
        return -EINVAL;
    if (v->its) {
        ecam_pci(bridge)->message = on_message;
        ecam_pci(bridge)->message_opaque = v;
    }
    return 0;
}

static int make_power_button(struct virt *v, struct error *err)
{
    struct device *lines = make_one(v, "pl061", NULL, VIRT_GPIO_AT, VIRT_GPIO_IRQ, err), *key;

    key = lines ? device_make(v->m.board, &power_key_type, UINT64_MAX, err) : NULL;
    if (!key)
        return -EINVAL;
    device_connect(key, 0, pl061_input(lines, VIRT_POWER_LINE));
    return 0;
}

static int make_secure_parts(struct virt *v, struct error *err)
{
    struct board *b = v->m.board;

    v->secure_ram = ram_new(b->mem, "virt.secure-ram", VIRT_SECURE_RAM_SIZE, err);
    if (!v->secure_ram)
        return -ENOMEM;
    region_add(b->sysmem, VIRT_SECURE_RAM_AT,
               region_ram(b->mem, "virt.secure-ram", v->secure_ram, 0, VIRT_SECURE_RAM_SIZE), 0);
    return make_one(v, "pl011", machine_serial(&v->m, 1), VIRT_SECURE_UART_AT, VIRT_SECURE_UART_IRQ, err) ? 0 : -EINVAL;
}

static int make_devices(struct virt *v, struct error *err)
{
    int ret = make_gic(v, err);

    if (ret == 0 && !make_one(v, "pl011", machine_serial(&v->m, 0), VIRT_UART_AT, VIRT_UART_IRQ, err))
        ret = -EINVAL;
    if (ret == 0 && !make_one(v, "pl031", NULL, VIRT_RTC_AT, VIRT_RTC_IRQ, err))
        ret = -EINVAL;
    if (ret == 0)
        ret = make_power_button(v, err);
    if (ret == 0)
        ret = make_pcie(v, err);
    if (ret == 0)
        ret = virt_make_flash(&v->m, &v->board, VIRT_FLASH_AT, VIRT_FLASH_SIZE, err);
    if (ret == 0)
        ret = virt_make_fw_cfg(&v->m, &v->board, VIRT_FW_CFG_AT, err);
    if (ret == 0)
        ret = virt_make_smbios(&v->m, &v->board, VIRT_RAM_AT, virt_is_32(v) ? SMBIOS_ARMV7 : SMBIOS_ARMV8, err);
    if (ret == 0 && v->secure)
        ret = make_secure_parts(v, err);
    for (unsigned i = 0; i < VIRT_MMIO_SLOTS && ret == 0; i++)
        if (!make_one(v, "virtio-mmio", NULL, VIRT_MMIO_AT + (gpa)i * VIRT_MMIO_SIZE, VIRT_MMIO_IRQ + i, err))
            ret = -EINVAL;
    return ret;
}

/* --- the generic timers' counter ---------------------------------------------------------------------------------------- */

static uint64_t counter(void *opaque)
{
    return (uint64_t)clock_virtual_ns(((struct board *)opaque)->clocks) / NS_A_TICK;
}

static int64_t counter_deadline(void *opaque, uint64_t ticks)
{
    (void)opaque;
    return ticks > INT64_MAX / NS_A_TICK ? TIMER_NEVER : (int64_t)ticks * NS_A_TICK;
}

static void wire_time(struct virt *v)
{
    const struct machine_time time = { counter, counter_deadline, v->m.board };

    for (unsigned i = 0; i < v->m.cpus; i++) {
        const struct irq_line pins[MACHINE_CPU_TIMERS] = {
            ppi(v, i, VIRT_PPI_PHYS), ppi(v, i, VIRT_PPI_VIRT), ppi(v, i, VIRT_PPI_HYP), ppi(v, i, VIRT_PPI_SECURE),
            machine_cpu_pin(i, PIN_COUNTERS), ppi(v, i, VIRT_PPI_PMU),
        };

        machine_cpu_time(&v->m, i, &time, pins, false);
    }
}

/* --- the machine ------------------------------------------------------------------------------------------------------- */

/* The first CPU starts, firmware at the reset vector, a kernel as its boot protocol says; the others wait for PSCI, or,
 * with firmware of its own at EL3, run it as well. */
static void virt_reset(struct machine *m)
{
    struct virt *v = (struct virt *)m;
    bool all = v->secure && v->has_firmware;

    for (unsigned i = 0; i < m->cpus; i++) {
        if (i == 0 && (v->start != VIRT_FLASH_AT || virt_is_32(v)))
            vcpu_boot(vcpu_get(0), v->start, 0);
        vcpu_power(vcpu_get(i), i == 0 || all);
    }
}

/* Which exception levels there are is the machine's choice. */
static const char *virt_cpu_words(struct machine *m)
{
    static const char *const words[4] = { ",el2=off,el3=off", ",el2=on,el3=off", ",el2=off,el3=on", ",el2=on,el3=on" };
    struct error err = ERROR_INIT;
    bool el2 = false, el3 = false;

    if (virt_is_32((struct virt *)m))
        return "";
    if (optlist_bool(m->opts->machine, "virtualization", &el2, &err) < 0 ||
        optlist_bool(m->opts->machine, "secure", &el3, &err) < 0)
        error_clear(&err); /* said again when the machine is built */
    return words[el2 | el3 << 1];
}

/* What this board has not; scripts say so themselves at times. */
static int read_absent(struct optlist *l, struct error *err)
{
    static const char *const features[] = { "mte", "ras" }, *const no_iommu[] = { "none", NULL };
    bool on = false;
    int unused;

    for (unsigned i = 0; i < ARRAY_LEN(features); i++)
        if (optlist_bool(l, features[i], &on, err) < 0)
            return -EINVAL;
        else if (on)
            return error_set(err, ENOTSUP, "-machine virt,%s=on: there is no %s here; leave it out", features[i], features[i]);
    return optlist_enum(l, "iommu", no_iommu, &unused, err);
}

static int read_options(struct virt *v, struct error *err)
{
    struct optlist *l = v->m.opts->machine;
    bool wide = !virt_is_32(v) || machine_cpu_has(&v->m, "lpae");
    int ret = optlist_bool(l, "virtualization", &v->el2, err);

    v->highmem = wide;
    v->acpi = !virt_is_32(v);
    if (ret >= 0)
        ret = optlist_bool(l, "secure", &v->secure, err);
    if (ret >= 0)
        ret = optlist_bool(l, "highmem", &v->highmem, err);
    if (ret >= 0)
        ret = optlist_bool(l, "acpi", &v->acpi, err);
    v->high_config = v->highmem && !virt_is_32(v); /* kernels of 32 bits may know only low addresses */
    v->high_memory = v->highmem;
    if (ret >= 0)
        ret = optlist_bool(l, "highmem-ecam", &v->high_config, err);
    if (ret >= 0)
        ret = optlist_bool(l, "highmem-mmio", &v->high_memory, err);
    v->high_config &= v->highmem;
    v->high_memory &= v->highmem;
    if (ret >= 0)
        ret = read_absent(l, err);
    if (ret >= 0)
        ret = virt_read_options(&v->m, &v->board, err);
    if (ret < 0)
        return ret;
    if (virt_is_32(v) && (v->el2 || v->secure || v->acpi))
        return error_set(err, ENOTSUP, "-machine virt: virtualization, secure and acpi are there for 64-bit CPUs; use "
                         "rhea-system-aarch64");
    if (v->highmem && !wide)
        return error_set(err, EINVAL, "-machine highmem=on: this CPU has addresses of 32 bits; use -cpu cortex-a15 or cortex-a7");
    return 0;
}

/* GICv2 has room for eight CPUs. */
static int read_gic_options(struct virt *v, struct error *err)
{
    static const char *const versions[] = { "2", "3", "max", "host", NULL };
    struct optlist *l = v->m.opts->machine;
    int which = v->m.cpus > GICV2_CPUS, ret = optlist_enum(l, "gic-version", versions, &which, err);
    bool its = true;

    if (ret >= 0)
        ret = optlist_bool(l, "its", &its, err);
    if (ret < 0)
        return ret;
    if (which == 3)
        return error_set(err, ENOTSUP, "-machine gic-version=host: CPUs are translated here; use gic-version=max");
    v->gic_version = which == 0 ? 2 : 3;
    v->has_its = v->gic_version == 3 && its;
    if (v->gic_version == 2 && v->m.cpus > GICV2_CPUS)
        return error_set(err, EINVAL, "-smp %u: gic-version=2 has room for %d CPUs; use gic-version=3", v->m.cpus, GICV2_CPUS);
    return 0;
}

static int check_memory(const struct virt *v, struct error *err)
{
    uint64_t most = v->highmem ? (VIRT_HIGH_AT - VIRT_RAM_AT) / MIB : 3072;

    if (v->m.ram_bytes <= most * MIB)
        return 0;
    return error_set(err, EINVAL, "-m %llu MiB is more than the %llu GiB that this machine can have%s",
                     (unsigned long long)(v->m.ram_bytes / MIB), (unsigned long long)most / 1024,
                     v->highmem ? "" : virt_is_32(v) ? " without LPAE or with highmem=off" : " with highmem=off");
}

static int virt_build(struct machine *m, struct error *err)
{
    struct virt *v = (struct virt *)m;
    int ret = read_options(v, err);

    if (ret == 0)
        ret = read_gic_options(v, err);
    if (ret == 0)
        ret = check_memory(v, err);
    if (ret == 0)
        ret = machine_add_ram(m, VIRT_RAM_AT, err);
    if (ret == 0)
        ret = machine_add_cpus(m, err);
    if (ret == 0)
        ret = make_devices(v, err);
    if (ret == 0)
        wire_time(v);
    return ret;
}

static int virt_finish(struct machine *m, struct error *err)
{
    struct virt *v = (struct virt *)m;
    int ret = bootorder_add(v->board.fw_cfg, m->board, err);

    if (ret == 0)
        ret = virt_load(v, err);
    if (ret == 0 && !(v->secure && v->has_firmware))
        psci_start(m);
    return ret;
}

static const char *const archs[] = { "aarch64", "arm", NULL };
static const char *const options[] = {
    "acpi", "ACPI tables for UEFI beside the device tree (on)",
    "gic-version", "interrupt controller: 2, 3, or max (2; 3 with more than 8 CPUs)",
    "highmem", "PCIe windows and memory above 4 GiB (on, if the CPU has addresses for them)",
    "highmem-ecam", "PCIe configuration above 4 GiB (as highmem; off for 32-bit CPUs)",
    "highmem-mmio", "a PCIe memory window above 4 GiB (as highmem)",
    "iommu", "none: there is no other",
    "its", "message-signalled interrupts by an ITS, with gic-version=3 (on)",
    "mte", "memory tags: there are none (off)",
    "ras", "errors of memory reported to the guest: not here (off)",
    "secure", "CPUs with EL3 (off)",
    "virtualization", "CPUs with EL2, without a second stage of translation (off)",
    VIRT_OPTIONS, NULL,
};

const struct machine_type arm_virt_machine = {
    .name = "virt", .help = "ARM virtual machine", .archs = archs, .max_cpus = VIRT_CPUS_MAX, .ram_bytes = 128 * MIB,
    .disk_device = "virtio-blk-device", .nic_device = "virtio-net-device", .bytes = sizeof(struct virt), .build = virt_build,
    .finish = virt_finish, .reset = virt_reset, .cpu_words = virt_cpu_words, .options = options,
};
