/* hw/virt/board.c - flash, fw_cfg, initial disk and device tree of the `virt` boards. */
#include "hw/virt/board.h"
#include <errno.h>
#include "core/base/error.h"
#include "core/vm/fdt.h"
#include "hw/block/pflash.h"
#include "hw/fw/fw_cfg.h"
#include "hw/fw/smbios.h"

int virt_make_flash(struct machine *m, struct virt_board *b, gpa at, uint64_t bank_bytes, struct error *err)
{
    static const char *const option[2] = { "pflash0", "pflash1" }, *const name[2] = { "virt.flash0", "virt.flash1" };

    b->flash_at = at;
    b->flash_bytes = bank_bytes;
    for (int i = 0; i < 2; i++) {
        b->flash[i] = pflash_make(m->board, name[i], at + (gpa)i * bank_bytes, bank_bytes, i,
                                  optlist_get(m->opts->machine, option[i]), err);
        if (!b->flash[i])
            return -EINVAL;
    }
    return 0;
}

int virt_make_fw_cfg(struct machine *m, struct virt_board *b, gpa at, struct error *err)
{
    b->fw_cfg = fw_cfg_make(m->board, at, m->cpus, &m->opts->fw_cfg, err);
    if (b->fw_cfg)
        fw_cfg_add_uuid(b->fw_cfg, m->opts->uuid);
    return b->fw_cfg ? 0 : -EINVAL;
}

int virt_make_smbios(struct machine *m, struct virt_board *b, gpa ram_at, uint16_t cpu_family, struct error *err)
{
    const struct smp_options *smp = &m->opts->smp;
    struct smbios_machine it = {
        .name = m->type->name, .uuid = m->opts->uuid, .cpu_family = cpu_family, .ram_at = ram_at, .ram_bytes = m->ram_bytes,
        .sockets = smp->sockets ? smp->sockets : 1, .threads = smp->threads ? smp->threads : 1,
    };

    it.cores = (m->cpus + it.sockets * it.threads - 1) / (it.sockets * it.threads);
    return smbios_add(b->fw_cfg, &it, &m->opts->smbios, err);
}

int virt_load_initrd(struct machine *m, struct virt_board *b, gpa at, gpa end, struct error *err)
{
    if (!m->opts->initrd)
        return 0;
    b->has_initrd = true;
    return loader_file(m->loader, "initrd", m->opts->initrd, at, at < end ? end - at : 0, &b->initrd, err);
}

/* --- device tree ----------------------------------------------------------------------------------------------------- */

void virt_tree_root(struct machine *m, struct fdt *f, const char *compatible, const char *model, const char *console,
                    gpa ram_at)
{
    char memory[48];

    fdt_u32(f, "/", "#address-cells", 2);
    fdt_u32(f, "/", "#size-cells", 2);
    fdt_str(f, "/", "compatible", compatible);
    fdt_str(f, "/", "model", model);
    fdt_str(f, "/chosen", "stdout-path", console);
    fdt_str(f, "/aliases", "serial0", console);
    snprintf(memory, sizeof(memory), "/memory@%llx", (unsigned long long)ram_at);
    fdt_str(f, memory, "device_type", "memory");
    fdt_reg(f, memory, ram_at, m->ram_bytes);
}

void virt_tree_flash(const struct virt_board *b, struct fdt *f)
{
    const uint64_t at[2] = { b->flash_at, b->flash_at + b->flash_bytes };
    char path[40];

    snprintf(path, sizeof(path), "/flash@%llx", (unsigned long long)b->flash_at);
    fdt_str(f, path, "compatible", "cfi-flash");
    FDT_CELLS(f, path, "reg", (uint32_t)(at[0] >> 32), (uint32_t)at[0], 0, (uint32_t)b->flash_bytes,
              (uint32_t)(at[1] >> 32), (uint32_t)at[1], 0, (uint32_t)b->flash_bytes);
    fdt_u32(f, path, "bank-width", 4);
}

int virt_read_options(struct machine *m, struct virt_board *b, struct error *err)
{
    struct optlist *l = m->opts->machine;
    bool seeds = true, usb = false;
    int ret = optlist_bool(l, "dtb-randomness", &seeds, err);

    b->no_seeds = !seeds;
    if (ret >= 0)
        ret = optlist_bool(l, "usb", &usb, err);
    if (ret >= 0 && usb)
        ret = error_set(err, ENOTSUP, "-machine %s,usb=on: the board has no USB controller; leave usb=on out", m->type->name);
    return ret < 0 ? ret : 0;
}

/* What depends on this run: command line, initial disk, random seeds. */
static void tree_chosen(struct machine *m, const struct virt_board *b, struct fdt *f)
{
    uint8_t seed[32 + 8];

    if (m->opts->append)
        fdt_str(f, "/chosen", "bootargs", m->opts->append);
    if (b->has_initrd) {
        fdt_u64(f, "/chosen", "linux,initrd-start", b->initrd.start);
        fdt_u64(f, "/chosen", "linux,initrd-end", b->initrd.end);
    }
    if (b->no_seeds)
        return;
    machine_random(m, seed, sizeof(seed));
    fdt_bytes(f, "/chosen", "rng-seed", seed, 32);
    fdt_bytes(f, "/chosen", "kaslr-seed", seed + 32, 8);
}

int virt_place_tree(struct machine *m, struct virt_board *b, void (*build)(struct machine *m, struct fdt *f), gpa at,
                    uint64_t most, struct error *err)
{
    const char *dump = optlist_get(m->opts->machine, "dumpdtb");
    struct fdt *f = m->opts->dtb ? fdt_from_file(m->opts->dtb, err) : fdt_begin();
    const void *blob;
    size_t len;
    int ret;

    if (!f)
        return -EINVAL;
    if (!m->opts->dtb)
        build(m, f);
    tree_chosen(m, b, f);
    blob = fdt_blob(f, &len);
    if (dump) {
        m->dumped = true;
        ret = fdt_write(f, dump, err);
    } else if (len > most) {
        ret = error_set(err, EFBIG, "the device tree has %zu bytes and only %llu fit there", len, (unsigned long long)most);
    } else {
        ret = loader_add(m->loader, "device tree", at, blob, len, len, err);
    }
    fdt_end(f);
    return ret;
}
