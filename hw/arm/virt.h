/* hw/arm/virt.h - the parts of ARM's `virt` board: where things are, and what its files share. */
#pragma once

#include "core/vm/machine.h"
#include "hw/pci/ecam.h"
#include "hw/virt/board.h"

enum {
    VIRT_FLASH_AT = 0, VIRT_FLASH_SIZE = 0x4000000,
    VIRT_GIC_AT = 0x08000000, VIRT_GIC_CPU_AT = 0x08010000, VIRT_V2M_AT = 0x08020000, VIRT_ITS_AT = 0x08080000,
    VIRT_REDIST_AT = 0x080a0000,
    VIRT_UART_AT = 0x09000000, VIRT_RTC_AT = 0x09010000, VIRT_FW_CFG_AT = 0x09020000, VIRT_GPIO_AT = 0x09030000,
    VIRT_SECURE_UART_AT = 0x09040000, VIRT_MMIO_AT = 0x0a000000, VIRT_MMIO_SIZE = 0x200, VIRT_MMIO_SLOTS = 32,
    VIRT_SECURE_RAM_AT = 0x0e000000, VIRT_SECURE_RAM_SIZE = 0x1000000,
    VIRT_PCIE_MEMORY_AT = 0x10000000, VIRT_PCIE_MEMORY_SIZE = 0x2eff0000, VIRT_PCIE_IO_AT = 0x3eff0000,
    VIRT_PCIE_LOW_AT = 0x3f000000,
    /* shared interrupts */
    VIRT_UART_IRQ = 1, VIRT_RTC_IRQ = 2, VIRT_PCIE_IRQ = 3, VIRT_GPIO_IRQ = 7, VIRT_SECURE_UART_IRQ = 8, VIRT_MMIO_IRQ = 16,
    VIRT_V2M_IRQ = 48, VIRT_V2M_IRQS = 64, VIRT_GIC_IRQS = 288,
    /* private ones, by their ID */
    VIRT_PPI_PMU = 23, VIRT_PPI_GIC = 25, VIRT_PPI_HYP = 26, VIRT_PPI_VIRT = 27, VIRT_PPI_HYP_VIRT = 28, VIRT_PPI_SECURE = 29,
    VIRT_PPI_PHYS = 30,
    VIRT_POWER_LINE = 3, /* of the PL061 */
    VIRT_CPUS_MAX = 64,
};

#define VIRT_RAM_AT UINT64_C(0x40000000)
#define VIRT_HIGH_AT UINT64_C(0x4000000000) /* where RAM has to end */
#define VIRT_PCIE_HIGH_AT UINT64_C(0x4010000000)
#define VIRT_PCIE_HIGH_MEMORY_AT UINT64_C(0x8000000000)
#define MIB UINT64_C(0x100000)

struct virt {
    struct machine m;
    struct virt_board board;
    bool secure, el2, highmem, high_config, high_memory, acpi, has_its;
    int gic_version;
    struct device *gic, *its;
    struct ecam_windows pcie;
    struct ram_block *secure_ram;
    gpa start, kernel;
    bool has_kernel, has_firmware;
};

static inline bool virt_is_32(const struct virt *v)
{
    return v->m.opts->arch[3] == '\0'; /* "arm", not "aarch64" */
}

/** virt_mpidr - the affinity that names a CPU: eight to a cluster. */
static inline uint32_t virt_mpidr(unsigned cpu)
{
    return (cpu & 7) | cpu >> 3 << 8;
}

/** virt_tree - fill in the device tree. */
void virt_tree(struct machine *m, struct fdt *f);

/** virt_acpi - put ACPI tables into fw_cfg. */
int virt_acpi(struct virt *v, struct error *err);

/** virt_load - firmware, kernel, initial disk, device tree and boot code. */
int virt_load(struct virt *v, struct error *err);
