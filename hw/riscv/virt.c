/* hw/riscv/virt.c - the board without a model in silicon that OpenSBI, U-Boot and kernels know by its device tree.
 *
 *     0x00001000  boot ROM: sets a0 hart, a1 device tree, a2 fw_dynamic information, and jumps
 *     0x00100000  test finisher (power-off, reboot)    0x00101000  RTC
 *     0x02000000  CLINT       0x0c000000  PLIC         0x10000000  UART
 *     0x02f00000  supervisors' software interrupts (aclint=on; the CLINT is then named by its two parts)
 *     0x10001000  eight virtio-mmio transports, a page each
 *     0x10100000  fw_cfg      0x20000000  flash (two banks of 32 MiB)
 *     0x30000000  PCIe: configuration; 0x03000000 I/O, 0x40000000 memory, and above RAM 16 GiB more
 *     0x80000000  RAM: firmware, kernel, initial disk, and the device tree near the end
 *
 * Interrupts of the PLIC: virtio-mmio 1-8, UART 10, RTC 11, PCIe 32-35. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/mem/ram.h"
#include "core/vm/fdt.h"
#include "core/vm/firmware.h"
#include "core/vm/loader.h"
#include "core/vm/machine.h"
#include "hw/block/pflash.h"
#include "hw/intc/clint.h"
#include "hw/intc/plic.h"
#include "hw/intc/sswi.h"
#include "hw/fw/bootorder.h"
#include "hw/fw/fw_cfg.h"
#include "hw/pci/ecam.h"
#include "hw/virt/board.h"

enum {
    ROM_AT = 0x1000, ROM_SIZE = 0xf000, TEST_AT = 0x100000, RTC_AT = 0x101000, CLINT_AT = 0x2000000, SSWI_AT = 0x2f00000,
    PLIC_AT = 0xc000000, MSWI_SIZE = 0x4000, MTIME = 0x7ff8, /* parts of the CLINT; of its second */
    UART_AT = 0x10000000, VIRTIO_AT = 0x10001000, VIRTIO_SIZE = 0x1000, VIRTIO_SLOTS = 8,
    VIRTIO_IRQ = 1, UART_IRQ = 10, RTC_IRQ = 11, PLIC_SOURCES = 97, PLIC_WINDOW = 0x600000, UART_HZ = 3686400,
    IRQ_S_SOFT = 1, IRQ_M_SOFT = 3, IRQ_S_TIMER = 5, IRQ_M_TIMER = 7, IRQ_S_EXT = 9, IRQ_M_EXT = 11, /* pins of a hart: bits of mip */
    COUNTERS_LINE = 64,                        /* and one of its event counters: targets/riscv/state.h */
    FW_CFG_AT = 0x10100000, FLASH_AT = 0x20000000, FLASH_SIZE = 0x2000000,
    PCIE_IO_AT = 0x3000000, PCIE_AT = 0x30000000, PCIE_SIZE = 0x10000000, PCIE_MEMORY_AT = 0x40000000, PCIE_IRQ = 32,
    CPUS_MAX = 64, SMBIOS_RV32 = 0x200, SMBIOS_RV64 = 0x201,
};

#define RAM_AT UINT64_C(0x80000000)
#define MIB UINT64_C(0x100000)
#define FDT_BELOW (UINT64_C(3072) * MIB) /* where every firmware and 32-bit kernel can reach it */
#define FDT_ROOM (2 * MIB)
#define PCIE_HIGH_SIZE (UINT64_C(16) << 30)

struct virt {
    struct machine m;
    struct device *clint, *plic, *sswi;
    bool aclint;
    struct ram_block *rom;
    gpa start, kernel, fdt_at; /* where the boot ROM goes; what firmware goes on to */
    struct virt_board board;
    struct ecam_windows pcie;
};

static bool is_rv32(const struct virt *v)
{
    return str_eq(v->m.opts->arch, "riscv32");
}

/* --- devices ----------------------------------------------------------------------------------------------------- */

static int set_number(struct device *dev, const char *name, uint64_t n, struct error *err)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    return device_set(dev, name, text, err);
}

/* Make, set one number, realize and map. */
static struct device *make_sized(struct virt *v, const char *type, const char *prop, uint64_t n, gpa at, struct error *err)
{
    struct device *dev = device_new(v->m.board, device_type_find(type), NULL, err);

    if (!dev || set_number(dev, prop, n, err) < 0 || device_realize(dev, NULL, err) < 0)
        return NULL;
    region_add(v->m.board->sysmem, at, dev->mmio, 0);
    return dev;
}

static int make_interrupts(struct virt *v, struct error *err)
{
    v->clint = make_sized(v, "riscv.clint", "num-harts", v->m.cpus, CLINT_AT, err);
    v->plic = v->clint ? device_new(v->m.board, &plic_type, NULL, err) : NULL;
    if (!v->plic || set_number(v->plic, "num-sources", PLIC_SOURCES, err) < 0 ||
        set_number(v->plic, "num-contexts", v->m.cpus * 2, err) < 0 || device_realize(v->plic, NULL, err) < 0)
        return -EINVAL;
    region_add(v->m.board->sysmem, PLIC_AT, v->plic->mmio, 0);
    v->sswi = v->aclint ? make_sized(v, "riscv.aclint.sswi", "num-harts", v->m.cpus, SSWI_AT, err) : NULL;
    if (v->aclint && !v->sswi)
        return -EINVAL;
    for (unsigned i = 0; i < v->m.cpus; i++) {
        if (v->sswi)
            device_connect(v->sswi, i, machine_cpu_pin(i, IRQ_S_SOFT));
        device_connect(v->clint, 2 * i, machine_cpu_pin(i, IRQ_M_SOFT));
        device_connect(v->clint, 2 * i + 1, machine_cpu_pin(i, IRQ_M_TIMER));
        device_connect(v->plic, 2 * i, machine_cpu_pin(i, IRQ_M_EXT));
        device_connect(v->plic, 2 * i + 1, machine_cpu_pin(i, IRQ_S_EXT));
    }
    return 0;
}

static int make_uart(struct virt *v, struct error *err)
{
    struct device *uart = device_new(v->m.board, device_type_find("ns16550a"), NULL, err);
    const char *chardev = machine_serial(&v->m, 0);

    if (!uart || (chardev && device_set(uart, "chardev", chardev, err) < 0) || device_realize(uart, NULL, err) < 0)
        return -EINVAL;
    region_add(v->m.board->sysmem, UART_AT, uart->mmio, 0);
    device_connect(uart, 0, plic_input(v->plic, UART_IRQ));
    return 0;
}

static int make_one(struct virt *v, const char *type, gpa at, unsigned irq, struct error *err)
{
    const struct device_type *t = device_type_find(type);
    struct device *dev = device_make(v->m.board, t, at, err);

    if (!dev)
        return -EINVAL;
    if (t->irqs)
        device_connect(dev, 0, plic_input(v->plic, irq));
    return 0;
}

static int make_pcie(struct virt *v, struct error *err)
{
    gpa ram_end = RAM_AT + v->m.ram_bytes;
    struct irq_line pins[4];

    v->pcie = (struct ecam_windows){
        .config = PCIE_AT, .config_size = PCIE_SIZE, .io = PCIE_IO_AT, .io_size = 0x10000,
        .memory = PCIE_MEMORY_AT, .memory_size = PCIE_MEMORY_AT,
        .high = (ram_end + PCIE_HIGH_SIZE - 1) & ~(PCIE_HIGH_SIZE - 1), .high_size = is_rv32(v) ? 0 : PCIE_HIGH_SIZE,
    };
    for (unsigned i = 0; i < 4; i++)
        pins[i] = plic_input(v->plic, PCIE_IRQ + i);
    return ecam_make(v->m.board, &v->pcie, pins, err) ? 0 : -EINVAL;
}

static int make_devices(struct virt *v, struct error *err)
{
    int ret = make_interrupts(v, err);

    if (ret == 0)
        ret = make_uart(v, err);
    if (ret == 0)
        ret = make_one(v, "goldfish_rtc", RTC_AT, RTC_IRQ, err);
    if (ret == 0)
        ret = make_one(v, "riscv.sifive.test", TEST_AT, 0, err);
    if (ret == 0)
        ret = make_pcie(v, err);
    if (ret == 0)
        ret = virt_make_flash(&v->m, &v->board, FLASH_AT, FLASH_SIZE, err);
    if (ret == 0)
        ret = virt_make_fw_cfg(&v->m, &v->board, FW_CFG_AT, err);
    if (ret == 0)
        ret = virt_make_smbios(&v->m, &v->board, RAM_AT, is_rv32(v) ? SMBIOS_RV32 : SMBIOS_RV64, err);
    for (unsigned i = 0; i < VIRTIO_SLOTS && ret == 0; i++)
        ret = make_one(v, "virtio-mmio", VIRTIO_AT + (gpa)i * VIRTIO_SIZE, VIRTIO_IRQ + i, err);
    return ret;
}

/* --- device tree ------------------------------------------------------------------------------------------------- */

/* Phandles are given out in the order of the nodes: hart i's interrupt controller is intc[i]. */
struct tree {
    struct fdt *f;
    uint32_t intc[CPUS_MAX], plic, test;
};

static void tree_cpus(struct virt *v, struct tree *t)
{
    struct fdt *f = t->f;

    FDT_CELLS(f, "/cpus", "#address-cells", 1);
    FDT_CELLS(f, "/cpus", "#size-cells", 0);
    fdt_u32(f, "/cpus", "timebase-frequency", CLINT_HZ);
    for (unsigned i = 0; i < v->m.cpus; i++) {
        char path[48], intc[80], map[64];
        uint32_t cpu = fdt_phandle(f);

        snprintf(path, sizeof(path), "/cpus/cpu@%x", i);
        fdt_str(f, path, "device_type", "cpu");
        fdt_u32(f, path, "reg", i);
        fdt_str(f, path, "status", "okay");
        fdt_str(f, path, "compatible", "riscv");
        fdt_u32(f, path, "phandle", cpu);
        machine_fdt_cpu(&v->m, f, path);
        t->intc[i] = fdt_phandle(f);
        snprintf(intc, sizeof(intc), "%s/interrupt-controller", path);
        fdt_u32(f, intc, "#interrupt-cells", 1);
        fdt_flag(f, intc, "interrupt-controller");
        fdt_str(f, intc, "compatible", "riscv,cpu-intc");
        fdt_u32(f, intc, "phandle", t->intc[i]);
        snprintf(map, sizeof(map), "/cpus/cpu-map/cluster0/core%x", i);
        fdt_u32(f, map, "cpu", cpu);
    }
}

/* One or two lines of each hart, for a controller's interrupts-extended. */
static void tree_lines(struct virt *v, struct tree *t, const char *path, const uint32_t *lines, unsigned count)
{
    uint32_t cells[CPUS_MAX * 4], *c = cells;

    for (unsigned i = 0; i < v->m.cpus; i++) {
        for (unsigned n = 0; n < count; n++) {
            *c++ = t->intc[i];
            *c++ = lines[n];
        }
    }
    fdt_cells(t->f, path, "interrupts-extended", cells, (unsigned)(c - cells));
}

static void tree_clint(struct virt *v, struct tree *t)
{
    const char *clint = "/soc/clint@2000000";

    fdt_strs(t->f, clint, "compatible", "sifive,clint0", "riscv,clint0", NULL);
    fdt_reg(t->f, clint, CLINT_AT, 0x10000);
    tree_lines(v, t, clint, (const uint32_t[]){ IRQ_M_SOFT, IRQ_M_TIMER }, 2);
}

static void tree_software_interrupts(struct virt *v, struct tree *t, const char *path, const char *compatible, gpa at,
                                     uint32_t line)
{
    fdt_str(t->f, path, "compatible", compatible);
    fdt_reg(t->f, path, at, MSWI_SIZE);
    fdt_flag(t->f, path, "interrupt-controller");
    fdt_u32(t->f, path, "#interrupt-cells", 0);
    tree_lines(v, t, path, &line, 1);
}

/* The CLINT by its parts, and the one that it has not. Source: RISC-V ACLINT specification 1.0-rc4, sections 2 to 4. */
static void tree_aclint(struct virt *v, struct tree *t)
{
    const char *timer = "/soc/mtimer@2004000";
    const uint32_t at = CLINT_AT + MSWI_SIZE;

    tree_software_interrupts(v, t, "/soc/mswi@2000000", "riscv,aclint-mswi", CLINT_AT, IRQ_M_SOFT);
    tree_software_interrupts(v, t, "/soc/sswi@2f00000", "riscv,aclint-sswi", SSWI_AT, IRQ_S_SOFT);
    fdt_str(t->f, timer, "compatible", "riscv,aclint-mtimer");
    FDT_CELLS(t->f, timer, "reg", 0, at + MTIME, 0, 8, 0, at, 0, MTIME); /* the time, the comparators */
    tree_lines(v, t, timer, (const uint32_t[]){ IRQ_M_TIMER }, 1);
}

static void tree_interrupts(struct virt *v, struct tree *t)
{
    const char *plic = "/soc/plic@c000000";
    struct fdt *f = t->f;

    if (v->aclint)
        tree_aclint(v, t);
    else
        tree_clint(v, t);
    t->plic = fdt_phandle(f);
    fdt_strs(f, plic, "compatible", "sifive,plic-1.0.0", "riscv,plic0", NULL);
    fdt_u32(f, plic, "#interrupt-cells", 1);
    fdt_u32(f, plic, "#address-cells", 0);
    fdt_flag(f, plic, "interrupt-controller");
    fdt_reg(f, plic, PLIC_AT, PLIC_WINDOW);
    fdt_u32(f, plic, "riscv,ndev", PLIC_SOURCES - 1);
    fdt_u32(f, plic, "phandle", t->plic);
    tree_lines(v, t, plic, (const uint32_t[]){ IRQ_M_EXT, IRQ_S_EXT }, 2);
}

static void tree_irq(struct tree *t, const char *path, uint32_t irq)
{
    fdt_u32(t->f, path, "interrupt-parent", t->plic);
    fdt_u32(t->f, path, "interrupts", irq);
}

static void tree_power(struct tree *t)
{
    static const struct { const char *path, *compatible; uint32_t value; } node[] = {
        { "/reboot", "syscon-reboot", 0x7777 }, { "/poweroff", "syscon-poweroff", 0x5555 },
    };

    t->test = fdt_phandle(t->f);
    fdt_strs(t->f, "/soc/test@100000", "compatible", "sifive,test1", "sifive,test0", "syscon", NULL);
    fdt_reg(t->f, "/soc/test@100000", TEST_AT, 0x1000);
    fdt_u32(t->f, "/soc/test@100000", "phandle", t->test);
    for (unsigned i = 0; i < 2; i++) {
        fdt_str(t->f, node[i].path, "compatible", node[i].compatible);
        fdt_u32(t->f, node[i].path, "regmap", t->test);
        fdt_u32(t->f, node[i].path, "offset", 0);
        fdt_u32(t->f, node[i].path, "value", node[i].value);
    }
}

/* Which counters can count which events, as the SBI numbers them: cycles, instructions. Source: OpenSBI, pmu_support.md. */
static void tree_counters(struct tree *t)
{
    fdt_str(t->f, "/pmu", "compatible", "riscv,pmu");
    FDT_CELLS(t->f, "/pmu", "riscv,event-to-mhpmcounters", 1, 1, 0xfffffff9, 2, 2, 0xfffffffc);
}

static void tree_devices(struct tree *t)
{
    const char *uart = "/soc/serial@10000000", *rtc = "/soc/rtc@101000";
    struct fdt *f = t->f;

    fdt_str(f, uart, "compatible", "ns16550a");
    fdt_reg(f, uart, UART_AT, 0x100);
    fdt_u32(f, uart, "clock-frequency", UART_HZ);
    tree_irq(t, uart, UART_IRQ);
    fdt_str(f, rtc, "compatible", "google,goldfish-rtc");
    fdt_reg(f, rtc, RTC_AT, 0x1000);
    tree_irq(t, rtc, RTC_IRQ);
    for (unsigned i = VIRTIO_SLOTS; i-- > 0;) { /* kernels number disks in the order of the nodes, last first */
        char path[48];

        snprintf(path, sizeof(path), "/soc/virtio_mmio@%x", VIRTIO_AT + i * VIRTIO_SIZE);
        fdt_str(f, path, "compatible", "virtio,mmio");
        fdt_reg(f, path, VIRTIO_AT + (uint64_t)i * VIRTIO_SIZE, VIRTIO_SIZE);
        tree_irq(t, path, VIRTIO_IRQ + i);
    }
}

static void build_tree(struct machine *m, struct fdt *f)
{
    struct virt *v = (struct virt *)m;
    struct tree t = { .f = f };

    virt_tree_root(m, f, "riscv-virtio", "riscv-virtio,qemu", "/soc/serial@10000000", RAM_AT);
    tree_cpus(v, &t);
    tree_counters(&t);
    fdt_u32(f, "/soc", "#address-cells", 2);
    fdt_u32(f, "/soc", "#size-cells", 2);
    fdt_str(f, "/soc", "compatible", "simple-bus");
    fdt_flag(f, "/soc", "ranges");
    tree_interrupts(v, &t);
    tree_power(&t);
    tree_devices(&t);
    fw_cfg_fdt(f, "/fw-cfg@10100000", FW_CFG_AT);
    virt_tree_flash(&v->board, f);
    ecam_fdt(f, "/soc/pci@30000000", &v->pcie, t.plic, PCIE_IRQ, 1, 0);
}

/* --- firmware, kernel, boot ROM ---------------------------------------------------------------------------------- */

/* Source: Linux, Documentation/arch/riscv/boot-image-header.rst. */
static bool riscv_image(const uint8_t *b, size_t len, uint64_t *offset, uint64_t *room)
{
    if (len < 64 || memcmp(b + 56, "RSC\x05", 4) != 0)
        return false;
    *offset = 0; /* text_offset counts from the start of RAM; the start of the next 2 MiB after firmware is as good */
    *room = load_le64(b + 16);
    if (*room > LOADER_ROOM_MAX)
        *room = len;
    return true;
}

static int load_firmware(struct virt *v, struct error *err)
{
    const char *bios = v->m.opts->bios;
    struct loaded fw;
    char *path;
    int ret;

    v->start = pflash_has_drive(v->board.flash[0]) && bios && str_eq(bios, "none") ? FLASH_AT : RAM_AT;
    if (bios && str_eq(bios, "none"))
        return 0;
    if (!bios || str_eq(bios, "default"))
        bios = is_rv32(v) ? "opensbi-riscv32" : "opensbi-riscv64";
    path = firmware_find(bios, &v->m.opts->firmware_dirs, err);
    if (!path)
        return -ENOENT;
    ret = loader_firmware(v->m.loader, "firmware", path, RAM_AT, v->m.target, &fw, err);
    if (ret == 0)
        v->start = fw.entry;
    free(path);
    return ret;
}

static int load_kernel(struct virt *v, struct error *err)
{
    const char *kernel = v->m.opts->kernel;
    bool bare = v->m.opts->bios && str_eq(v->m.opts->bios, "none");
    uint64_t align = is_rv32(v) ? 4 * MIB : 2 * MIB;
    struct loaded k;
    int ret;

    if (!kernel && pflash_has_drive(v->board.flash[0]))
        v->kernel = FLASH_AT; /* what OpenSBI goes on to: UEFI or U-Boot in supervisor mode */
    if (!kernel)
        return v->m.opts->initrd ? error_set(err, EINVAL, "-initrd needs a kernel; give one with -kernel") : 0;
    ret = loader_kernel(v->m.loader, kernel, loader_end(v->m.loader, RAM_AT, align), v->m.target, riscv_image, &k, err);
    if (ret < 0)
        return ret;
    v->kernel = k.entry;
    if (bare)
        v->start = k.entry;
    return 0;
}

static int load_initrd(struct virt *v, struct error *err)
{
    uint64_t half = v->m.ram_bytes / 2 < 512 * MIB ? v->m.ram_bytes / 2 : 512 * MIB;
    gpa at = (v->kernel + half + 4095) & ~UINT64_C(4095), least = loader_end(v->m.loader, RAM_AT, 2 * MIB);

    return virt_load_initrd(&v->m, &v->board, at < least || at >= v->fdt_at ? least : at, v->fdt_at, err);
}

static void fill_rom(struct virt *v)
{
    uint32_t rom[] = {
        0x00000297, /* auipc t0, 0 */
        0x02828613, /* addi  a2, t0, 40: fw_dynamic information, below */
        0xf1402573, /* csrr  a0, mhartid */
        is_rv32(v) ? 0x0202a583 : 0x0202b583, /* lw or ld a1, 32(t0): the device tree */
        is_rv32(v) ? 0x0182a283 : 0x0182b283, /* lw or ld t0, 24(t0): the start of firmware */
        0x00028067, /* jr    t0 */
        (uint32_t)v->start, (uint32_t)(v->start >> 32),
        (uint32_t)v->fdt_at, (uint32_t)(v->fdt_at >> 32),
    };
    /* OpenSBI, docs/firmware/fw_dynamic.md: magic, version 2, next address, next mode (S), options, boot hart (any). */
    uint64_t info[] = { 0x4942534f, 2, v->kernel, 1, 0, 0 };
    uint8_t *to = v->rom->host;

    memcpy(to, rom, sizeof(rom));
    for (unsigned i = 0; i < sizeof(info) / sizeof(info[0]); i++)
        store_le(to + sizeof(rom) + i * (is_rv32(v) ? 4 : 8), is_rv32(v) ? 4 : 8, info[i]);
    ram_written(v->rom, 0, 4096);
}

/* --- the machine ------------------------------------------------------------------------------------------------- */

static void virt_reset(struct machine *m)
{
    fill_rom((struct virt *)m);
}

static int make_memory(struct virt *v, struct error *err)
{
    struct board *b = v->m.board;
    int ret = machine_add_ram(&v->m, RAM_AT, err);

    if (ret < 0)
        return ret;
    v->rom = ram_new(b->mem, "riscv_virt_board.mrom", ROM_SIZE, err);
    if (!v->rom)
        return -ENOMEM;
    region_add(b->sysmem, ROM_AT, region_rom(b->mem, "riscv_virt_board.mrom", v->rom, 0, ROM_SIZE), 0);
    return 0;
}

/* The harts' Sstc comparators are timers of the time base; so are the alarms of their event counters. */
static void wire_time(struct virt *v)
{
    const struct machine_time time = { clint_time, clint_deadline_ns, v->clint };

    for (unsigned i = 0; i < v->m.cpus; i++) {
        const struct irq_line pins[MACHINE_CPU_TIMERS] = { machine_cpu_pin(i, IRQ_S_TIMER), machine_cpu_pin(i, COUNTERS_LINE) };

        machine_cpu_time(&v->m, i, &time, pins, true);
    }
}

static int virt_build(struct machine *m, struct error *err)
{
    struct virt *v = (struct virt *)m;
    int ret;

    if (is_rv32(v) && m->ram_bytes > 2048 * MIB)
        return error_set(err, EINVAL, "-m %llu MiB is more than the 2 GiB that a 32-bit machine can have",
                         (unsigned long long)(m->ram_bytes / MIB));
    ret = virt_read_options(m, &v->board, err);
    if (ret == 0 && optlist_bool(m->opts->machine, "aclint", &v->aclint, err) < 0)
        ret = -EINVAL;
    if (ret == 0)
        ret = make_memory(v, err);
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
    gpa end = RAM_AT + m->ram_bytes < FDT_BELOW ? RAM_AT + m->ram_bytes : FDT_BELOW;
    int ret;

    if (m->ram_bytes < 2 * FDT_ROOM)
        return error_set(err, EINVAL, "-m %llu KiB is too little for this machine; use at least 4M",
                         (unsigned long long)(m->ram_bytes / 1024));
    v->fdt_at = (end - FDT_ROOM) & ~(FDT_ROOM - 1);
    ret = bootorder_add(v->board.fw_cfg, m->board, err);
    if (ret == 0)
        ret = load_firmware(v, err);
    if (ret == 0)
        ret = load_kernel(v, err);
    if (ret == 0)
        ret = load_initrd(v, err);
    if (ret == 0)
        ret = virt_place_tree(m, &v->board, build_tree, v->fdt_at, FDT_ROOM, err);
    return ret;
}

static const char *const archs[] = { "riscv64", "riscv32", NULL };
static const char *const options[] = {
    "aclint", "the parts of an ACLINT rather than a CLINT (off)", VIRT_OPTIONS, NULL,
};

const struct machine_type riscv_virt_machine = {
    .name = "virt", .help = "RISC-V VirtIO board", .archs = archs, .is_default = true, .max_cpus = CPUS_MAX,
    .ram_bytes = 128 * MIB, .disk_device = "virtio-blk-device", .nic_device = "virtio-net-device",
    .bytes = sizeof(struct virt), .build = virt_build, .finish = virt_finish, .reset = virt_reset, .options = options,
};
