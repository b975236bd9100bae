/* hw/arm/virt_boot.c - what ARM's `virt` board starts: firmware from flash or a file, or a kernel by its boot protocol.
 * With both, firmware finds the kernel in fw_cfg. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/str.h"
#include "core/vm/firmware.h"
#include "hw/arm/virt.h"
#include "hw/block/pflash.h"
#include "hw/fw/fw_cfg.h"

/* --- kernels --------------------------------------------------------------------------------------------------------- */

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
    *offset = 0;
    *room = len * 5;
    return true;
}

/* A flat file that is no Linux kernel goes where 32-bit boards have always put it: 64 KiB into RAM. */
enum { FLAT_32 = 0x10000 };

static int load_kernel(struct virt *v, struct error *err)
{
    bool is_32 = virt_is_32(v);
    struct loaded k;
    int ret = loader_kernel(v->m.loader, v->m.opts->kernel, is_32 ? VIRT_RAM_AT + FLAT_32 : VIRT_RAM_AT + 2 * MIB, v->m.target,
                            is_32 ? arm_zimage : arm64_image, &k, err);

    v->kernel = k.entry;
    return ret;
}

static int load_initrd(struct virt *v, struct error *err)
{
    uint64_t half = v->m.ram_bytes / 2 < 128 * MIB ? v->m.ram_bytes / 2 : 128 * MIB;
    gpa at = VIRT_RAM_AT + half, least = loader_end(v->m.loader, VIRT_RAM_AT, 4096);

    return virt_load_initrd(&v->m, &v->board, at < least ? least : at, VIRT_RAM_AT + v->m.ram_bytes, err);
}

/* Boot code at the start of RAM: device tree in the register where a kernel looks for it, then jump. */
static int load_boot_code(struct virt *v, gpa tree, struct error *err)
{
    const uint32_t a64[] = {
        0x580000c0, /* ldr x0, 24 */
        0xaa1f03e1, /* mov x1, xzr */
        0xaa1f03e2, /* mov x2, xzr */
        0xaa1f03e3, /* mov x3, xzr */
        0x58000084, /* ldr x4, 32 */
        0xd61f0080, /* br  x4 */
        (uint32_t)tree, (uint32_t)(tree >> 32), (uint32_t)v->kernel, (uint32_t)(v->kernel >> 32),
    };
    const uint32_t a32[] = {
        0xe3a00000, /* mov r0, #0 */
        0xe3e01000, /* mvn r1, #0: no machine number */
        0xe59f2000, /* ldr r2, 16 */
        0xe59ff000, /* ldr pc, 20 */
        (uint32_t)tree, (uint32_t)v->kernel,
    };

    v->start = VIRT_RAM_AT;
    return virt_is_32(v) ? loader_add(v->m.loader, "boot code", VIRT_RAM_AT, a32, sizeof(a32), 0, err)
                         : loader_add(v->m.loader, "boot code", VIRT_RAM_AT, a64, sizeof(a64), 0, err);
}

static int start_kernel(struct virt *v, struct error *err)
{
    int ret = load_kernel(v, err);
    gpa tree;

    if (ret == 0)
        ret = load_initrd(v, err);
    if (ret < 0)
        return ret;
    tree = loader_end(v->m.loader, VIRT_RAM_AT, 2 * MIB);
    ret = virt_place_tree(&v->m, &v->board, virt_tree, tree, 2 * MIB, err);
    return ret < 0 || v->m.dumped ? ret : load_boot_code(v, tree, err);
}

/* --- firmware -------------------------------------------------------------------------------------------------------- */

static int load_firmware(struct virt *v, const char *bios, struct error *err)
{
    char *path = firmware_find(bios, &v->m.opts->firmware_dirs, err);
    struct loaded fw;
    int ret;

    if (!path)
        return -ENOENT;
    ret = loader_firmware(v->m.loader, "firmware", path, VIRT_FLASH_AT, v->m.target, &fw, err);
    v->start = fw.entry;
    free(path);
    return ret;
}

static int offer_file(struct virt *v, const char *path, uint16_t size, uint16_t data, struct error *err)
{
    size_t len;
    uint8_t *bytes = path ? file_read(path, LOADER_ROOM_MAX - 1, &len, err) : NULL;

    if (!path)
        return 0;
    if (!bytes)
        return -EINVAL;
    fw_cfg_add_u32(v->board.fw_cfg, size, (uint32_t)len);
    fw_cfg_add(v->board.fw_cfg, data, bytes, len);
    free(bytes);
    return 0;
}

/* UEFI starts what it finds here by its EFI entry. */
static int offer_kernel(struct virt *v, struct error *err)
{
    const struct sys_options *o = v->m.opts;
    int ret = offer_file(v, o->kernel, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, err);

    if (ret == 0)
        ret = offer_file(v, o->initrd, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, err);
    if (ret == 0 && o->append) {
        fw_cfg_add_u32(v->board.fw_cfg, FW_CFG_CMDLINE_SIZE, (uint32_t)strlen(o->append) + 1);
        fw_cfg_add(v->board.fw_cfg, FW_CFG_CMDLINE_DATA, o->append, strlen(o->append) + 1);
    }
    return ret;
}

static int start_firmware(struct virt *v, const char *bios, struct error *err)
{
    int ret = bios ? load_firmware(v, bios, err) : 0;

    if (ret == 0)
        ret = offer_kernel(v, err);
    if (ret == 0 && v->acpi)
        ret = virt_acpi(v, err);
    if (ret < 0)
        return ret;
    return virt_place_tree(&v->m, &v->board, virt_tree, VIRT_RAM_AT, 2 * MIB, err);
}

int virt_load(struct virt *v, struct error *err)
{
    const struct sys_options *o = v->m.opts;
    const char *bios = o->bios && !str_eq(o->bios, "none") ? o->bios : NULL;

    v->has_kernel = o->kernel;
    if (o->initrd && !o->kernel)
        return error_set(err, EINVAL, "-initrd needs a kernel; give one with -kernel");
    if (bios && pflash_has_drive(v->board.flash[0]))
        return error_set(err, EINVAL, "-bios %s: the first flash bank has contents already; leave -bios or the flash drive out",
                         bios);
    v->has_firmware = bios || pflash_has_drive(v->board.flash[0]);
    if (v->has_firmware || !v->has_kernel)
        return start_firmware(v, bios, err);
    return start_kernel(v, err);
}
