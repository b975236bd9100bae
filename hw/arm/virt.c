/* hw/arm/virt.c - the board without a model in silicon that UEFI, U-Boot and ARM kernels know by its device tree.
 *
 *     0x00000000  flash (two banks of 64 MiB)          0x08000000  GICv2: distributor, CPU interface at +0x10000
 *     0x09000000  UART (PL011)   0x09010000  RTC (PL031)
 *     0x09020000  fw_cfg
 *     0x0a000000  32 virtio-mmio transports, 0x200 each
 *     0x10000000  PCIe memory, 0x3eff0000 I/O, configuration at 0x4010000000 (0x3f000000 on 32-bit programs)
 *     0x40000000  RAM: boot code, kernel, initial disk, device tree
 *
 * Shared interrupts: UART 1, RTC 2, PCIe 3-6, virtio-mmio 16-47. Private ones: timers 29 (secure), 30 (physical),
 * 27 (virtual), 26 (hypervisor), cycle counter 23. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/mem/ram.h"
#include "core/vm/fdt.h"
#include "core/vm/firmware.h"
#include "core/vm/loader.h"
#include "core/vm/machine.h"
#include "core/vm/vcpu.h"
#include "hw/arm/psci.h"
#include "hw/block/pflash.h"
#include "hw/intc/gicv2.h"
#include "hw/fw/fw_cfg.h"
#include "hw/pci/ecam.h"

enum {
    FLASH_AT = 0, FLASH_SIZE = 0x4000000, FW_CFG_AT = 0x09020000,
    GIC_AT = 0x08000000, GIC_CPU_AT = 0x08010000, UART_AT = 0x09000000, RTC_AT = 0x09010000, VIRTIO_AT = 0x0a000000,
    VIRTIO_SIZE = 0x200, VIRTIO_SLOTS = 32, PCIE_MEMORY_AT = 0x10000000, PCIE_MEMORY_SIZE = 0x2eff0000,
    PCIE_IO_AT = 0x3eff0000, PCIE_LOW_AT = 0x3f000000,
    UART_IRQ = 1, RTC_IRQ = 2, PCIE_IRQ = 3, VIRTIO_IRQ = 16, GIC_IRQS = 288, GIC_CPUS = 8,
    PPI_HYP = 26, PPI_VIRT = 27, PPI_SECURE = 29, PPI_PHYS = 30, PPI_PMU = 23,
    SPI = 0, PPI = 1, EDGE = 1, LEVEL = 4, /* cells of an interrupt */
    PIN_IRQ = 0, PIN_FIQ = 1,              /* pins of a CPU */
    NS_A_TICK = 16,                        /* 62.5 MHz */
};

#define MIB UINT64_C(0x100000)
#define RAM_AT UINT64_C(0x40000000)
#define PCIE_HIGH_AT UINT64_C(0x4010000000)
#define PCIE_HIGH_MEMORY_AT UINT64_C(0x8000000000)

struct virt {
    struct machine m;
    struct device *gic;
    struct ecam_windows pcie;
    struct device *flash[2];
    struct device *fw_cfg;
    gpa start, kernel, fdt_at;
    struct loaded initrd;
    bool has_initrd, has_kernel;
    struct fdt *fdt;
};

static bool is_32(const struct virt *v)
{
    return str_eq(v->m.opts->arch, "arm");
}

/* --- devices ------------------------------------------------------------------------------------------------------- */

static int make_gic(struct virt *v, struct error *err)
{
    struct board *b = v->m.board;
    char cpus[16];

    snprintf(cpus, sizeof(cpus), "%u", v->m.cpus);
    v->gic = device_new(b, &gicv2_type, NULL, err);
    if (!v->gic || device_set(v->gic, "num-cpu", cpus, err) < 0 || device_realize(v->gic, NULL, err) < 0)
        return -EINVAL;
    region_add(b->sysmem, GIC_AT, v->gic->mmio, 0);
    region_add(b->sysmem, GIC_CPU_AT, gicv2_cpu_interface(v->gic), 0);
    for (unsigned i = 0; i < v->m.cpus; i++) {
        device_connect(v->gic, 2 * i, machine_cpu_pin(i, PIN_IRQ));
        device_connect(v->gic, 2 * i + 1, machine_cpu_pin(i, PIN_FIQ));
    }
    return 0;
}

static int make_one(struct virt *v, const char *type, const char *chardev, gpa at, unsigned irq, struct error *err)
{
    struct device *dev = device_new(v->m.board, device_type_find(type), NULL, err);

    if (!dev || (chardev && device_set(dev, "chardev", chardev, err) < 0) || device_realize(dev, NULL, err) < 0)
        return -EINVAL;
    region_add(v->m.board->sysmem, at, dev->mmio, 0);
    device_connect(dev, 0, gicv2_spi(v->gic, irq));
    return 0;
}

static int make_pcie(struct virt *v, struct error *err)
{
    struct irq_line pins[4];

    v->pcie = (struct ecam_windows){
        .config = is_32(v) ? PCIE_LOW_AT : PCIE_HIGH_AT, .config_size = is_32(v) ? 16 * MIB : 256 * MIB,
        .io = PCIE_IO_AT, .io_size = 0x10000, .memory = PCIE_MEMORY_AT, .memory_size = PCIE_MEMORY_SIZE,
        .high = PCIE_HIGH_MEMORY_AT, .high_size = is_32(v) ? 0 : PCIE_HIGH_MEMORY_AT,
    };
    for (unsigned i = 0; i < 4; i++)
        pins[i] = gicv2_spi(v->gic, PCIE_IRQ + i);
    return ecam_make(v->m.board, &v->pcie, pins, err) ? 0 : -EINVAL;
}

static int make_firmware_parts(struct virt *v, struct error *err)
{
    for (int i = 0; i < 2; i++) {
        v->flash[i] = pflash_make(v->m.board, i ? "virt.flash1" : "virt.flash0", FLASH_AT + i * FLASH_SIZE, FLASH_SIZE, i, err);
        if (!v->flash[i])
            return -EINVAL;
    }
    v->fw_cfg = fw_cfg_make(v->m.board, FW_CFG_AT, v->m.cpus, &v->m.opts->fw_cfg, err);
    return v->fw_cfg ? 0 : -EINVAL;
}

static int make_devices(struct virt *v, struct error *err)
{
    int ret = make_gic(v, err);

    if (ret == 0)
        ret = make_one(v, "pl011", machine_serial(&v->m, 0), UART_AT, UART_IRQ, err);
    if (ret == 0)
        ret = make_one(v, "pl031", NULL, RTC_AT, RTC_IRQ, err);
    if (ret == 0)
        ret = make_pcie(v, err);
    if (ret == 0)
        ret = make_firmware_parts(v, err);
    for (unsigned i = 0; i < VIRTIO_SLOTS && ret == 0; i++)
        ret = make_one(v, "virtio-mmio", NULL, VIRTIO_AT + (gpa)i * VIRTIO_SIZE, VIRTIO_IRQ + i, err);
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
            gicv2_ppi(v->gic, i, PPI_PHYS), gicv2_ppi(v->gic, i, PPI_VIRT), gicv2_ppi(v->gic, i, PPI_HYP),
            gicv2_ppi(v->gic, i, PPI_SECURE),
        };

        machine_cpu_time(&v->m, i, &time, pins, false);
    }
}

/* --- device tree --------------------------------------------------------------------------------------------------------- */

struct tree {
    struct fdt *f;
    uint32_t gic, clock, cpu_mask;
};

static void tree_cpus(struct virt *v, struct tree *t)
{
    fdt_u32(t->f, "/cpus", "#address-cells", 1);
    fdt_u32(t->f, "/cpus", "#size-cells", 0);
    for (unsigned i = 0; i < v->m.cpus; i++) {
        char path[40];

        snprintf(path, sizeof(path), "/cpus/cpu@%x", i);
        fdt_str(t->f, path, "device_type", "cpu");
        fdt_str(t->f, path, "compatible", is_32(v) ? "arm,cortex-a15" : "arm,armv8");
        machine_fdt_cpu(&v->m, t->f, path); /* the model's own name, if it says one */
        fdt_u32(t->f, path, "reg", i);
        if (v->m.cpus > 1)
            fdt_str(t->f, path, "enable-method", "psci");
    }
    psci_fdt(t->f);
}

static void tree_ppi(const struct tree *t, uint32_t *cells, unsigned id)
{
    cells[0] = PPI;
    cells[1] = id - 16;
    cells[2] = t->cpu_mask | LEVEL;
}

static void tree_gic(struct virt *v, struct tree *t)
{
    static const unsigned timers[] = { PPI_SECURE, PPI_PHYS, PPI_VIRT, PPI_HYP };
    const char *gic = "/intc@8000000";
    uint32_t cells[12];

    t->gic = fdt_phandle(t->f);
    t->cpu_mask = ((1u << v->m.cpus) - 1) << 8;
    fdt_u32(t->f, "/", "interrupt-parent", t->gic);
    fdt_str(t->f, gic, "compatible", "arm,cortex-a15-gic");
    FDT_CELLS(t->f, gic, "reg", 0, GIC_AT, 0, 0x10000, 0, GIC_CPU_AT, 0, 0x10000);
    fdt_u32(t->f, gic, "#interrupt-cells", 3);
    fdt_u32(t->f, gic, "#address-cells", 2);
    fdt_u32(t->f, gic, "#size-cells", 2);
    fdt_flag(t->f, gic, "interrupt-controller");
    fdt_flag(t->f, gic, "ranges");
    fdt_u32(t->f, gic, "phandle", t->gic);
    for (unsigned i = 0; i < 4; i++)
        tree_ppi(t, cells + 3 * i, timers[i]);
    if (is_32(v))
        fdt_strs(t->f, "/timer", "compatible", "arm,armv7-timer", NULL);
    else
        fdt_strs(t->f, "/timer", "compatible", "arm,armv8-timer", "arm,armv7-timer", NULL);
    fdt_cells(t->f, "/timer", "interrupts", cells, 12);
    fdt_flag(t->f, "/timer", "always-on");
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

static void tree_devices(struct tree *t)
{
    const char *uart = "/pl011@9000000", *rtc = "/pl031@9010000";
    struct fdt *f = t->f;

    fdt_strs(f, uart, "compatible", "arm,pl011", "arm,primecell", NULL);
    fdt_reg(f, uart, UART_AT, 0x1000);
    FDT_CELLS(f, uart, "interrupts", SPI, UART_IRQ, LEVEL);
    FDT_CELLS(f, uart, "clocks", t->clock, t->clock);
    fdt_strs(f, uart, "clock-names", "uartclk", "apb_pclk", NULL);
    fdt_strs(f, rtc, "compatible", "arm,pl031", "arm,primecell", NULL);
    fdt_reg(f, rtc, RTC_AT, 0x1000);
    FDT_CELLS(f, rtc, "interrupts", SPI, RTC_IRQ, LEVEL);
    fdt_u32(f, rtc, "clocks", t->clock);
    fdt_str(f, rtc, "clock-names", "apb_pclk");
    for (unsigned i = VIRTIO_SLOTS; i-- > 0;) {
        char path[40];

        snprintf(path, sizeof(path), "/virtio_mmio@%x", VIRTIO_AT + i * VIRTIO_SIZE);
        fdt_str(f, path, "compatible", "virtio,mmio");
        fdt_reg(f, path, VIRTIO_AT + (uint64_t)i * VIRTIO_SIZE, VIRTIO_SIZE);
        FDT_CELLS(f, path, "interrupts", SPI, VIRTIO_IRQ + i, EDGE);
        fdt_flag(f, path, "dma-coherent");
    }
}

static void build_tree(struct virt *v)
{
    struct tree t = { .f = v->fdt };

    fdt_u32(t.f, "/", "#address-cells", 2);
    fdt_u32(t.f, "/", "#size-cells", 2);
    fdt_str(t.f, "/", "compatible", "linux,dummy-virt");
    fdt_str(t.f, "/", "model", "linux,dummy-virt");
    fdt_str(t.f, "/chosen", "stdout-path", "/pl011@9000000");
    fdt_str(t.f, "/aliases", "serial0", "/pl011@9000000");
    fdt_str(t.f, "/memory@40000000", "device_type", "memory");
    fdt_reg(t.f, "/memory@40000000", RAM_AT, v->m.ram_bytes);
    tree_gic(v, &t);
    tree_clock(&t);
    tree_cpus(v, &t);
    tree_devices(&t);
    fw_cfg_fdt(t.f, "/fw-cfg@9020000", FW_CFG_AT);
    fdt_str(t.f, "/flash@0", "compatible", "cfi-flash");
    FDT_CELLS(t.f, "/flash@0", "reg", 0, FLASH_AT, 0, FLASH_SIZE, 0, FLASH_AT + FLASH_SIZE, 0, FLASH_SIZE);
    fdt_u32(t.f, "/flash@0", "bank-width", 4);
    ecam_fdt(t.f, is_32(v) ? "/pcie@3f000000" : "/pcie@10000000", &v->pcie, t.gic, PCIE_IRQ, 3, 2);
}

static void tree_chosen(struct virt *v)
{
    const char *append = v->m.opts->append;
    uint8_t seed[32 + 8];

    if (append)
        fdt_str(v->fdt, "/chosen", "bootargs", append);
    if (v->has_initrd) {
        fdt_u64(v->fdt, "/chosen", "linux,initrd-start", v->initrd.start);
        fdt_u64(v->fdt, "/chosen", "linux,initrd-end", v->initrd.end);
    }
    if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return;
    fdt_bytes(v->fdt, "/chosen", "rng-seed", seed, 32);
    fdt_bytes(v->fdt, "/chosen", "kaslr-seed", seed + 32, 8);
}

/* --- firmware and kernel --------------------------------------------------------------------------------------------------- */

/* Source: Linux, Documentation/arch/arm64/booting.rst; the offset is from a 2 MiB boundary. */
static bool arm64_image(const uint8_t *b, size_t len, uint64_t *offset, uint64_t *room)
{
    uint64_t size;

    if (len < 64 || memcmp(b + 56, "ARM\x64", 4) != 0)
        return false;
    size = load_le64(b + 16);
    *offset = size ? load_le64(b + 8) : 0x80000; /* images of before 3.17 leave both out */
    *room = size <= LOADER_ROOM_MAX ? size : len;
    if (*offset >= 64 * MIB)
        *offset = 0;
    return true;
}

/* Source: Linux, Documentation/arch/arm/booting.rst. A zImage moves itself; it needs room for what it unpacks. */
static bool arm_zimage(const uint8_t *b, size_t len, uint64_t *offset, uint64_t *room)
{
    if (len < 0x30 || load_le32(b + 0x24) != 0x016f2818)
        return false;
    *offset = 0x10000;
    *room = len * 5;
    return true;
}

static int load_kernel(struct virt *v, struct error *err)
{
    const char *kernel = v->m.opts->kernel;
    struct loaded k;
    int ret;

    if (!kernel)
        return v->m.opts->initrd ? error_set(err, EINVAL, "-initrd needs a kernel; give one with -kernel") : 0;
    ret = loader_kernel(v->m.loader, kernel, is_32(v) ? RAM_AT : RAM_AT + 2 * MIB, v->m.target,
                        is_32(v) ? arm_zimage : arm64_image, &k, err);
    if (ret < 0)
        return ret;
    v->kernel = k.entry;
    v->has_kernel = true;
    return 0;
}

static int load_initrd(struct virt *v, struct error *err)
{
    uint64_t half = v->m.ram_bytes / 2 < 128 * MIB ? v->m.ram_bytes / 2 : 128 * MIB;
    gpa end = RAM_AT + v->m.ram_bytes, at = RAM_AT + half, least = loader_end(v->m.loader, RAM_AT, 4096);

    if (!v->m.opts->initrd)
        return 0;
    if (at < least)
        at = least;
    v->has_initrd = true;
    return loader_file(v->m.loader, "initrd", v->m.opts->initrd, at, at < end ? end - at : 0, &v->initrd, err);
}

static int load_firmware(struct virt *v, struct error *err)
{
    struct loaded fw;
    char *path;
    int ret;

    if (!v->m.opts->bios || str_eq(v->m.opts->bios, "none"))
        return 0;
    path = firmware_find(v->m.opts->bios, &v->m.opts->firmware_dirs, err);
    if (!path)
        return -ENOENT;
    ret = loader_firmware(v->m.loader, "firmware", path, 0, v->m.target, &fw, err);
    v->start = fw.entry;
    free(path);
    return ret;
}

/* Boot code at the start of RAM: device tree in the register where a kernel looks for it, then jump. */
static int load_boot_code(struct virt *v, struct error *err)
{
    const uint32_t a64[] = {
        0x580000c0, /* ldr x0, 24 */
        0xaa1f03e1, /* mov x1, xzr */
        0xaa1f03e2, /* mov x2, xzr */
        0xaa1f03e3, /* mov x3, xzr */
        0x58000084, /* ldr x4, 32 */
        0xd61f0080, /* br  x4 */
        (uint32_t)v->fdt_at, (uint32_t)(v->fdt_at >> 32), (uint32_t)v->kernel, (uint32_t)(v->kernel >> 32),
    };
    const uint32_t a32[] = {
        0xe3a00000, /* mov r0, #0 */
        0xe3e01000, /* mvn r1, #0: no machine number */
        0xe59f2000, /* ldr r2, 16 */
        0xe59ff000, /* ldr pc, 20 */
        (uint32_t)v->fdt_at, (uint32_t)v->kernel,
    };

    v->start = RAM_AT;
    return is_32(v) ? loader_add(v->m.loader, "boot code", RAM_AT, a32, sizeof(a32), 0, err)
                    : loader_add(v->m.loader, "boot code", RAM_AT, a64, sizeof(a64), 0, err);
}

/* --- the machine ------------------------------------------------------------------------------------------------------- */

/* The first CPU starts; the others wait for PSCI. */
static void virt_reset(struct machine *m)
{
    struct virt *v = (struct virt *)m;

    for (unsigned i = 0; i < m->cpus; i++) {
        if (i == 0)
            vcpu_boot(vcpu_get(0), v->start, 0);
        vcpu_power(vcpu_get(i), i == 0);
    }
}

static int virt_build(struct machine *m, struct error *err)
{
    struct virt *v = (struct virt *)m;
    int ret;

    if (is_32(v) && m->ram_bytes > 3072 * MIB)
        return error_set(err, EINVAL, "-m %llu MiB is more than the 3 GiB that a 32-bit machine can have",
                         (unsigned long long)(m->ram_bytes / MIB));
    ret = machine_add_ram(m, RAM_AT, err);
    if (ret == 0)
        ret = machine_add_cpus(m, err);
    if (ret == 0)
        ret = make_devices(v, err);
    if (ret < 0)
        return ret;
    wire_time(v);
    psci_start(m);
    return 0;
}

static int place_tree(struct virt *v, struct error *err)
{
    const char *dump = optlist_get(v->m.opts->machine, "dumpdtb");
    const void *blob;
    size_t len;
    int ret;

    v->fdt = v->m.opts->dtb ? fdt_from_file(v->m.opts->dtb, err) : fdt_begin();
    if (!v->fdt)
        return -EINVAL;
    if (!v->m.opts->dtb)
        build_tree(v);
    tree_chosen(v);
    if (dump) {
        v->m.dumped = true;
        ret = fdt_write(v->fdt, dump, err);
    } else {
        blob = fdt_blob(v->fdt, &len);
        v->fdt_at = v->has_kernel ? loader_end(v->m.loader, RAM_AT, 2 * MIB) : RAM_AT;
        ret = loader_add(v->m.loader, "device tree", v->fdt_at, blob, len, len, err);
    }
    fdt_end(v->fdt);
    v->fdt = NULL;
    return ret;
}

static int virt_finish(struct machine *m, struct error *err)
{
    struct virt *v = (struct virt *)m;
    int ret = load_firmware(v, err);

    if (ret == 0)
        ret = load_kernel(v, err);
    if (ret == 0)
        ret = load_initrd(v, err);
    if (ret == 0)
        ret = place_tree(v, err);
    if (ret == 0 && v->has_kernel && !m->dumped)
        ret = load_boot_code(v, err);
    return ret;
}

static const char *const archs[] = { "aarch64", "arm", NULL };
static const char *const options[] = { "dumpdtb", "write the device tree to this file and end", NULL };

const struct machine_type arm_virt_machine = {
    .name = "virt", .help = "ARM virtual machine", .archs = archs, .max_cpus = GIC_CPUS, .ram_bytes = 128 * MIB,
    .disk_device = "virtio-blk-device", .nic_device = "virtio-net-device", .bytes = sizeof(struct virt), .build = virt_build,
    .finish = virt_finish, .reset = virt_reset, .options = options,
};
