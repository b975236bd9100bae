/* hw/acpi/aml.c - the encoding of what hw/acpi/aml.h offers. */
#include "hw/acpi/aml.h"
#include <stdlib.h>
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/str.h"

static void put(struct str *a, uint64_t v, unsigned bytes)
{
    char raw[8];

    store_le64((uint8_t *)raw, v);
    str_addn(a, raw, bytes);
}

static void put_name(struct str *a, const char *name)
{
    size_t n = strcspn(name, ".");

    str_addn(a, name, n);
    for (; n < 4; n++)
        str_addn(a, "_", 1);
}

/* One name, \NAME, or \NAME.NAME (dual) and longer (multi). */
static void put_path(struct str *a, const char *path)
{
    unsigned names = 1;

    if (*path == '\\') {
        str_addn(a, path++, 1);
        for (const char *p = path; *p; p++)
            names += *p == '.';
        if (names == 2)
            put(a, 0x2e, 1);
        else if (names > 2)
            put(a, 0x2f | names << 8, 2);
    }
    for (; names--; path += strcspn(path, ".") + 1)
        put_name(a, path);
}

/* --- things with a length: it is put in front when they are closed --------------------------------------------------- */

static void insert(struct str *a, size_t at, const uint8_t *bytes, size_t n)
{
    size_t tail = a->len - at;

    str_addn(a, (const char *)bytes, n);
    memmove(a->text + at + n, a->text + at, tail);
    memcpy(a->text + at, bytes, n);
}

/* PkgLength counts itself (20.2.4). */
void aml_close(struct str *a, size_t opened)
{
    size_t len = a->len - opened;
    unsigned more = len + 1 < 0x40 ? 0 : len + 2 < 0x1000 ? 1 : 2;
    uint8_t raw[3];

    len += 1 + more;
    raw[0] = (uint8_t)(more ? more << 6 | (len & 15) : len);
    for (unsigned i = 0; i < more; i++)
        raw[1 + i] = (uint8_t)(len >> (4 + 8 * i));
    insert(a, opened, raw, 1 + more);
}

size_t aml_scope(struct str *a, const char *path)
{
    size_t at;

    put(a, 0x10, 1);
    at = a->len;
    put_path(a, path);
    return at;
}

size_t aml_device(struct str *a, const char *name)
{
    size_t at;

    put(a, 0x825b, 2);
    at = a->len;
    put_name(a, name);
    return at;
}

size_t aml_method(struct str *a, const char *name, unsigned args)
{
    size_t at;

    put(a, 0x14, 1);
    at = a->len;
    put_name(a, name);
    put(a, args & 7, 1);
    return at;
}

size_t aml_package(struct str *a, unsigned elements)
{
    size_t at;

    put(a, 0x12, 1);
    at = a->len;
    put(a, elements, 1);
    return at;
}

size_t aml_if(struct str *a)
{
    put(a, 0xa0, 1);
    return a->len;
}

size_t aml_else(struct str *a)
{
    put(a, 0xa1, 1);
    return a->len;
}

/* --- operators --------------------------------------------------------------------------------------------------------- */

void aml_op(struct str *a, enum aml_op op)
{
    put(a, op, 1);
}

void aml_arg(struct str *a, unsigned n)
{
    put(a, 0x68 + n, 1);
}

void aml_ref(struct str *a, const char *name)
{
    put_name(a, name);
}

/* The first three parts are little-endian (19.6.142). */
void aml_uuid(struct str *a, const char *text)
{
    uint8_t u[16] = { 0 };
    size_t at;

    str_uuid(text, u);
    put(a, 0x11, 1);
    at = a->len;
    aml_int(a, sizeof(u));
    put(a, load_be32(u), 4);
    put(a, load_be16(u + 4), 2);
    put(a, load_be16(u + 6), 2);
    str_addn(a, (const char *)u + 8, 8);
    aml_close(a, at);
}

/* --- values ------------------------------------------------------------------------------------------------------------ */

void aml_name(struct str *a, const char *name)
{
    put(a, 0x08, 1);
    put_name(a, name);
}

void aml_int(struct str *a, uint64_t v)
{
    if (v < 2)
        put(a, v, 1);
    else if (v <= UINT8_MAX)
        put(a, 0x0a | v << 8, 2);
    else if (v <= UINT16_MAX)
        put(a, 0x0b | v << 8, 3);
    else if (v <= UINT32_MAX)
        put(a, 0x0c | v << 8, 5);
    else
        put(a, 0x0e, 1), put(a, v, 8);
}

void aml_string(struct str *a, const char *text)
{
    put(a, 0x0d, 1);
    str_addn(a, text, strlen(text) + 1);
}

void aml_name_int(struct str *a, const char *name, uint64_t v)
{
    aml_name(a, name);
    aml_int(a, v);
}

void aml_name_string(struct str *a, const char *name, const char *text)
{
    aml_name(a, name);
    aml_string(a, text);
}

/* Three letters of five bits, four digits; the bytes swapped (19.3.4). */
void aml_hid(struct str *a, const char *name, const char *id)
{
    uint32_t v = (uint32_t)((id[0] & 31) << 26 | (id[1] & 31) << 21 | (id[2] & 31) << 16) | (uint32_t)strtoul(id + 3, NULL, 16);

    aml_name(a, name);
    put(a, 0x0c, 1);
    put(a, __builtin_bswap32(v), 4);
}

void aml_notify(struct str *a, const char *path, uint64_t what)
{
    put(a, 0x86, 1);
    put_path(a, path);
    aml_int(a, what);
}

/* --- resources --------------------------------------------------------------------------------------------------------- */

/* A buffer, whose size is known at the end: always a word. */
size_t aml_resources(struct str *a)
{
    size_t at;

    put(a, 0x11, 1);
    at = a->len;
    put(a, 0x0b, 3);
    return at;
}

void aml_resources_close(struct str *a, size_t opened)
{
    put(a, 0x79, 2);
    store_le16((uint8_t *)a->text + opened + 1, (uint16_t)(a->len - opened - 3));
    aml_close(a, opened);
}

void aml_memory32(struct str *a, uint32_t base, uint32_t len)
{
    put(a, 0x86 | 9 << 8 | 1 << 24, 4);
    put(a, base, 4);
    put(a, len, 4);
}

void aml_interrupt(struct str *a, uint32_t gsi, enum aml_trigger trigger)
{
    put(a, 0x89 | 6 << 8, 3);
    put(a, 1 | (trigger == AML_EDGE ? 2 : 0) | 1 << 8, 2);
    put(a, gsi, 4);
}

enum { WINDOW_MEMORY = 0, WINDOW_IO = 1, WINDOW_BUS = 2, FIXED = 0x0c, READ_WRITE = 1, ENTIRE = 3, IO_IS_MEMORY = 0x10 };

/* An address space descriptor with fields of 2, 4 or 8 bytes. */
static void window(struct str *a, unsigned bytes, unsigned kind, unsigned flags, uint64_t base, uint64_t len, uint64_t offset)
{
    put(a, bytes == 2 ? 0x88 : bytes == 4 ? 0x87 : 0x8a, 1);
    put(a, 3 + 5 * bytes, 2);
    put(a, kind | FIXED << 8 | flags << 16, 3);
    put(a, 0, bytes);
    put(a, base, bytes);
    put(a, base + len - 1, bytes);
    put(a, offset, bytes);
    put(a, len, bytes);
}

void aml_bus_numbers(struct str *a, uint16_t first, uint16_t last)
{
    window(a, 2, WINDOW_BUS, 0, first, (uint64_t)last - first + 1, 0);
}

void aml_window32(struct str *a, uint32_t base, uint32_t len)
{
    window(a, 4, WINDOW_MEMORY, READ_WRITE, base, len, 0);
}

void aml_window64(struct str *a, uint64_t base, uint64_t len)
{
    window(a, 8, WINDOW_MEMORY, READ_WRITE, base, len, 0);
}

void aml_window_io(struct str *a, uint32_t cpu, uint32_t len)
{
    window(a, 4, WINDOW_IO, ENTIRE | IO_IS_MEMORY, 0, len, cpu);
}

void aml_gpio_interrupt(struct str *a, const char *controller, uint16_t pin)
{
    enum { HEAD = 23, EDGE_AND_WAKE = 0x11, PULL_DOWN = 2 };
    size_t name = strlen(controller) + 1;

    put(a, 0x8c, 1);
    put(a, HEAD - 3 + 2 + name, 2);
    put(a, 1, 2);                      /* revision, an interrupt */
    put(a, 1, 2);                      /* consumer */
    put(a, EDGE_AND_WAKE, 2);
    put(a, PULL_DOWN, 1);
    put(a, 0, 4);
    put(a, HEAD, 2);                   /* pins */
    put(a, 0, 1);
    put(a, HEAD + 2, 2);               /* name */
    put(a, HEAD + 2 + name, 2);        /* vendor data: none */
    put(a, 0, 2);
    put(a, pin, 2);
    str_addn(a, controller, name);
}
