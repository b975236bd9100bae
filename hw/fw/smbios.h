/* hw/fw/smbios.h - the tables that name the machine, for firmware to install: dmidecode shows them. */
#pragma once

#include <stdint.h>
#include "core/mem/mem.h"

struct device;
struct error;
struct optlists;

struct smbios_machine {
    const char *name;             /* "virt" */
    const char *uuid;             /* -uuid, or NULL */
    uint16_t cpu_family;          /* SMBIOS 3.6, table 23 */
    unsigned sockets, cores, threads; /* in all, of a socket, of a core */
    gpa ram_at;
    uint64_t ram_bytes;
};

/**
 * smbios_add - the tables of a machine, as fw_cfg files.
 * @opts: -smbios: type=N with that type's fields, or file=
 *
 * Returns 0; -EINVAL with a sentence for an option that is wrong, or a file's error.
 */
int smbios_add(struct device *fw_cfg, const struct smbios_machine *m, const struct optlists *opts, struct error *err);
