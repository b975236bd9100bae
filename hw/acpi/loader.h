/* hw/acpi/loader.h - tables for firmware to install: what is where, and which fields it has to fill in.
 *
 *     acpi_begin() -> acpi_table() ... acpi_table_end(), one after the other -> acpi_finish()
 *
 * Source: ACPI 6.4, 5.2; QEMU Firmware Configuration Device specification (etc/table-loader). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/base/str.h"

struct device;
struct error;

enum { ACPI_TABLES_MAX = 24 };

struct acpi {
    struct str tables;      /* all of them, one after the other; append a table's contents here */
    struct str commands;
    size_t at[ACPI_TABLES_MAX];
    unsigned count;
};

/** acpi_begin - nothing yet; acpi_finish - the root tables, and all of it into fw_cfg. Frees it. */
void acpi_begin(struct acpi *a);
int acpi_finish(struct acpi *a, struct device *fw_cfg, struct error *err);

/** acpi_table - begin a table: its header. Returns its offset in a->tables. acpi_table_end - its length and sum.
 * @listed: named by the XSDT */
size_t acpi_table(struct acpi *a, const char signature[4], uint8_t revision, bool listed);
void acpi_table_end(struct acpi *a, size_t table);

/** acpi_put - append a number. acpi_zero - bytes of zeros. */
void acpi_put(struct acpi *a, uint64_t v, unsigned bytes);
void acpi_zero(struct acpi *a, unsigned bytes);
/** acpi_set - write a number at @off of the table that begins at @table. */
void acpi_set(struct acpi *a, size_t table, size_t off, uint64_t v, unsigned bytes);
/** acpi_point - have firmware put the address of another table there. */
void acpi_point(struct acpi *a, size_t table, size_t off, size_t to, unsigned bytes);
