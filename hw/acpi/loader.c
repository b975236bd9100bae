/* hw/acpi/loader.c - table headers, the commands for firmware, and the root tables. */
#include "hw/acpi/loader.h"
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "hw/fw/fw_cfg.h"

enum { HEADER = 36, LENGTH_AT = 4, SUM_AT = 9, COMMAND = 128, FILE_NAME = 56, RSDP_BYTES = 36 };
enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, ZONE_HIGH = 1, ZONE_LOW = 2 };

static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

/* --- commands ---------------------------------------------------------------------------------------------------------- */

static void command(struct acpi *a, const uint8_t c[COMMAND])
{
    str_addn(&a->commands, (const char *)c, COMMAND);
}

static void allocate(struct acpi *a, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t c[COMMAND] = { ALLOCATE };

    strcpy((char *)c + 4, file);
    store_le32(c + 4 + FILE_NAME, align);
    c[8 + FILE_NAME] = zone;
    command(a, c);
}

static void add_pointer(struct acpi *a, const char *file, const char *to, uint32_t off, uint8_t bytes)
{
    uint8_t c[COMMAND] = { ADD_POINTER };

    strcpy((char *)c + 4, file);
    strcpy((char *)c + 4 + FILE_NAME, to);
    store_le32(c + 4 + 2 * FILE_NAME, off);
    c[8 + 2 * FILE_NAME] = bytes;
    command(a, c);
}

static void add_checksum(struct acpi *a, const char *file, uint32_t off, uint32_t start, uint32_t len)
{
    uint8_t c[COMMAND] = { ADD_CHECKSUM };

    strcpy((char *)c + 4, file);
    store_le32(c + 4 + FILE_NAME, off);
    store_le32(c + 8 + FILE_NAME, start);
    store_le32(c + 12 + FILE_NAME, len);
    command(a, c);
}

/* --- tables ------------------------------------------------------------------------------------------------------------ */

void acpi_put(struct acpi *a, uint64_t v, unsigned bytes)
{
    uint8_t raw[8];

    store_le64(raw, v);
    str_addn(&a->tables, (const char *)raw, bytes);
}

void acpi_zero(struct acpi *a, unsigned bytes)
{
    for (; bytes; bytes--)
        acpi_put(a, 0, 1);
}

void acpi_set(struct acpi *a, size_t table, size_t off, uint64_t v, unsigned bytes)
{
    store_le((uint8_t *)a->tables.text + table + off, bytes, v);
}

void acpi_point(struct acpi *a, size_t table, size_t off, size_t to, unsigned bytes)
{
    acpi_set(a, table, off, to, bytes); /* firmware adds where it has put the file */
    add_pointer(a, tables_file, tables_file, (uint32_t)(table + off), (uint8_t)bytes);
}

void acpi_begin(struct acpi *a)
{
    *a = (struct acpi){ .tables = STR_INIT, .commands = STR_INIT };
    allocate(a, rsdp_file, 16, ZONE_LOW);
    allocate(a, tables_file, 64, ZONE_HIGH);
}

size_t acpi_table(struct acpi *a, const char signature[4], uint8_t revision, bool listed)
{
    size_t at;

    while (a->tables.len % 16)
        acpi_zero(a, 1);
    at = a->tables.len;
    str_addn(&a->tables, signature, 4);
    acpi_put(a, 0, 4);
    acpi_put(a, revision, 2);
    str_addn(&a->tables, "RHEA  VIRT    ", 14);
    acpi_put(a, 1, 4);
    str_addn(&a->tables, "RHEA", 4);
    acpi_put(a, 1, 4);
    if (listed && a->count < ACPI_TABLES_MAX)
        a->at[a->count++] = at;
    return at;
}

void acpi_table_end(struct acpi *a, size_t table)
{
    uint32_t len = (uint32_t)(a->tables.len - table);

    acpi_set(a, table, LENGTH_AT, len, 4);
    add_checksum(a, tables_file, (uint32_t)table + SUM_AT, (uint32_t)table, len);
}

/* --- root -------------------------------------------------------------------------------------------------------------- */

static size_t xsdt(struct acpi *a)
{
    size_t t = acpi_table(a, "XSDT", 1, false);

    acpi_zero(a, a->count * 8);
    for (unsigned i = 0; i < a->count; i++)
        acpi_point(a, t, HEADER + 8 * i, a->at[i], 8);
    acpi_table_end(a, t);
    return t;
}

int acpi_finish(struct acpi *a, struct device *fw_cfg, struct error *err)
{
    uint8_t rsdp[RSDP_BYTES] = "RSD PTR ";
    int ret;

    memcpy(rsdp + 9, "RHEA  ", 6);
    rsdp[15] = 2;
    store_le32(rsdp + 20, RSDP_BYTES);
    store_le64(rsdp + 24, xsdt(a));
    add_pointer(a, rsdp_file, tables_file, 24, 8);
    add_checksum(a, rsdp_file, 8, 0, 20);
    add_checksum(a, rsdp_file, 32, 0, RSDP_BYTES);
    ret = fw_cfg_add_file(fw_cfg, rsdp_file, rsdp, sizeof(rsdp), err);
    if (ret == 0)
        ret = fw_cfg_add_file(fw_cfg, tables_file, a->tables.text, a->tables.len, err);
    if (ret == 0)
        ret = fw_cfg_add_file(fw_cfg, "etc/table-loader", a->commands.text, a->commands.len, err);
    str_free(&a->tables);
    str_free(&a->commands);
    return ret;
}
