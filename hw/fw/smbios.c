/* hw/fw/smbios.c - SMBIOS tables: those that every machine has, with the user's words in them, and the user's own.
 *
 *     a structure: type, length, handle; its fields; the texts that they name by number; two NULs
 *
 * The maker is called QEMU as guests look for that name to find out that they are in a machine of this kind.
 * Source: DMTF DSP0134, System Management BIOS Reference Specification 3.6. */
#include "hw/fw/smbios.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/str.h"
#include "core/opt/optlist.h"
#include "hw/fw/fw_cfg.h"

enum {
    BIOS = 0, SYSTEM = 1, BOARD = 2, CHASSIS = 3, CPU = 4, TEXTS = 11, ARRAY = 16, DIMM = 17, MAPPED = 19, BOOT = 32, END = 127,
    TYPES = 128, HEADER = 4, ANCHOR_BYTES = 24, FILE_MAX = 0xffff, FIELDS_MAX = 12, ARRAY_HANDLE = 0x1000,
    CHASSIS_HANDLE = 0x300, FAMILY_AT = 0x28, NO_HANDLE = 0xffff, NO_ERROR = 0xfffe,
};

#define MIB UINT64_C(0x100000)
#define DIMM_BYTES (UINT64_C(16) << 30)

struct smbios {
    const struct smbios_machine *m;
    struct str tables, texts;      /* all that is finished; texts of the structure that is not */
    size_t at;                     /* where that begins */
    unsigned text_count;
    struct optlist *words[TYPES];  /* what the user said about each type; never NULL once opened */
    bool own[TYPES];               /* the user gave a file of that type */
};

/* --- structures ------------------------------------------------------------------------------------------------------ */

static void begin(struct smbios *s, uint8_t type, uint16_t handle, unsigned bytes)
{
    const char header[HEADER] = { (char)type, (char)bytes, (char)handle, (char)(handle >> 8) };

    s->at = s->tables.len;
    s->text_count = 0;
    str_addn(&s->tables, header, HEADER);
    for (unsigned i = HEADER; i < bytes; i++)
        str_addc(&s->tables, 0);
}

static void put(struct smbios *s, unsigned off, unsigned bytes, uint64_t v)
{
    store_le((uint8_t *)s->tables.text + s->at + off, bytes, v);
}

/* Texts are numbered from 1; none is 0. */
static void put_text(struct smbios *s, unsigned off, const char *text)
{
    if (!text || !*text)
        return;
    put(s, off, 1, ++s->text_count);
    str_addn(&s->texts, text, strlen(text) + 1);
}

static void finish(struct smbios *s)
{
    if (!s->text_count)
        str_addc(&s->texts, 0);
    str_addn(&s->tables, s->texts.text, s->texts.len);
    str_addc(&s->tables, 0);
    str_free(&s->texts);
}

/* --- what the user may say about each type ----------------------------------------------------------------------------- */

struct field {
    const char *key;
    uint8_t at, bytes;             /* 0 bytes: a text */
};

static const struct field
    bios_fields[] = { { "vendor", 4, 0 }, { "version", 5, 0 }, { "date", 8, 0 } },
    system_fields[] = {
        { "manufacturer", 4, 0 }, { "product", 5, 0 }, { "version", 6, 0 }, { "serial", 7, 0 }, { "sku", 0x19, 0 },
        { "family", 0x1a, 0 },
    },
    board_fields[] = {
        { "manufacturer", 4, 0 }, { "product", 5, 0 }, { "version", 6, 0 }, { "serial", 7, 0 }, { "asset", 8, 0 },
        { "location", 0xa, 0 },
    },
    chassis_fields[] = {
        { "manufacturer", 4, 0 }, { "version", 6, 0 }, { "serial", 7, 0 }, { "asset", 8, 0 }, { "sku", 0x15, 0 },
    },
    cpu_fields[] = {
        { "manufacturer", 7, 0 }, { "version", 0x10, 0 }, { "serial", 0x20, 0 }, { "asset", 0x21, 0 }, { "part", 0x22, 0 },
        { "max-speed", 0x14, 2 }, { "current-speed", 0x16, 2 }, { "processor-id", 8, 8 }, { "processor-family", FAMILY_AT, 2 },
    },
    dimm_fields[] = {
        { "bank", 0x11, 0 }, { "manufacturer", 0x17, 0 }, { "serial", 0x18, 0 }, { "asset", 0x19, 0 }, { "part", 0x1a, 0 },
        { "speed", 0x15, 2 },
    };

/* A value for what the user left out. */
static void otherwise(struct smbios *s, unsigned type, const char *key, const char *value)
{
    if (!optlist_has(s->words[type], key))
        optlist_set(s->words[type], key, value);
}

static int put_fields(struct smbios *s, unsigned type, const struct field *f, size_t count, struct error *err)
{
    struct optlist *l = s->words[type];

    for (; count; f++, count--) {
        uint64_t v = 0;

        if (!f->bytes)
            put_text(s, f->at, optlist_get(l, f->key));
        else if (optlist_u64(l, f->key, 0, UINT64_MAX >> (64 - 8 * f->bytes), &v, err) < 0)
            return -EINVAL;
        else
            put(s, f->at, f->bytes, v);
    }
    return 0;
}
#define PUT_FIELDS(s, type, fields, err) put_fields(s, type, fields, ARRAY_LEN(fields), err)

/* --- the types ----------------------------------------------------------------------------------------------------------- */

/* Firmware describes itself unless the user does. */
static int add_bios(struct smbios *s, struct error *err)
{
    const char *release = optlist_get(s->words[BIOS], "release");
    unsigned major = 0, minor = 0;
    bool uefi = false;
    int used = 0;

    if (release && (sscanf(release, "%3u.%3u%n", &major, &minor, &used) != 2 || release[used] || major > 255 || minor > 255))
        return optlist_error(s->words[BIOS], err, EINVAL, "release=%s is not of the form 1.2, each below 256", release);
    if (optlist_bool(s->words[BIOS], "uefi", &uefi, err) < 0)
        return -EINVAL;
    begin(s, BIOS, 0, 0x18);
    put(s, 6, 2, 0xe800);          /* where it would lie on a PC */
    put(s, 0xa, 8, 1 << 3);        /* characteristics: not given */
    put(s, 0x13, 1, 1 << 4 | 1 << 2 | uefi << 3); /* a virtual machine; content may be distributed */
    put(s, 0x14, 1, major);
    put(s, 0x15, 1, minor);
    put(s, 0x16, 2, 0xffff);       /* no embedded controller */
    return PUT_FIELDS(s, BIOS, bios_fields, err);
}

/* The first three parts of a UUID are little-endian numbers here. */
static int put_uuid(struct smbios *s, unsigned off, struct error *err)
{
    const char *mine = optlist_get(s->words[SYSTEM], "uuid"), *text = mine ? mine : s->m->uuid;
    uint8_t u[16] = { 0 };

    if (text && str_uuid(text, u) < 0)
        return optlist_error(s->words[SYSTEM], err, EINVAL, "uuid=%s: a UUID looks like 550e8400-e29b-41d4-a716-446655440000", text);
    put(s, off, 4, load_be32(u));
    put(s, off + 4, 2, load_be16(u + 4));
    put(s, off + 6, 2, load_be16(u + 6));
    put(s, off + 8, 8, load_le64(u + 8));
    return 0;
}

static int add_system(struct smbios *s, struct error *err)
{
    otherwise(s, SYSTEM, "manufacturer", "QEMU");
    otherwise(s, SYSTEM, "product", "QEMU Virtual Machine");
    otherwise(s, SYSTEM, "version", s->m->name);
    begin(s, SYSTEM, 0x100, 0x1b);
    put(s, 0x18, 1, 6);            /* woken by the power switch */
    return put_uuid(s, 8, err) < 0 ? -EINVAL : PUT_FIELDS(s, SYSTEM, system_fields, err);
}

static int add_board(struct smbios *s, struct error *err)
{
    begin(s, BOARD, 0x200, 0xf);
    put(s, 9, 1, 1);               /* carries a CPU */
    put(s, 0xb, 2, CHASSIS_HANDLE);
    put(s, 0xd, 1, 0xa);           /* motherboard */
    return PUT_FIELDS(s, BOARD, board_fields, err);
}

static int add_chassis(struct smbios *s, struct error *err)
{
    otherwise(s, CHASSIS, "manufacturer", "QEMU");
    otherwise(s, CHASSIS, "version", s->m->name);
    begin(s, CHASSIS, CHASSIS_HANDLE, 0x16);
    put(s, 5, 1, 1);               /* of another kind */
    put(s, 9, 4, 0x02030303);      /* safe, safe, safe; security unknown */
    return PUT_FIELDS(s, CHASSIS, chassis_fields, err);
}

static void put_cores(struct smbios *s)
{
    const uint64_t counts[] = { s->m->cores, s->m->cores, (uint64_t)s->m->cores * s->m->threads };

    for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
        put(s, 0x23 + i, 1, counts[i] > 255 ? 255 : counts[i]);
        put(s, 0x2a + 2 * i, 2, counts[i]);
    }
}

static int add_cpu(struct smbios *s, unsigned n, struct error *err)
{
    char text[64];

    snprintf(text, sizeof(text), "%u", s->m->cpu_family);
    otherwise(s, CPU, "sock_pfx", "CPU");
    otherwise(s, CPU, "manufacturer", "QEMU");
    otherwise(s, CPU, "version", s->m->name);
    otherwise(s, CPU, "processor-family", text);
    otherwise(s, CPU, "max-speed", "2000");
    otherwise(s, CPU, "current-speed", "2000");
    begin(s, CPU, (uint16_t)(0x400 + n), 0x30);
    snprintf(text, sizeof(text), "%.50s %u", optlist_get(s->words[CPU], "sock_pfx"), n);
    put_text(s, 4, text);
    put(s, 5, 1, 3);               /* a central processor */
    put(s, 6, 1, 0xfe);            /* the family is the wide field's */
    put(s, 0x18, 2, 0x0141);       /* there and enabled; cannot be upgraded in a known way */
    put(s, 0x1a, 2, NO_HANDLE);    /* caches are not described */
    put(s, 0x1c, 2, NO_HANDLE);
    put(s, 0x1e, 2, NO_HANDLE);
    put(s, 0x26, 2, 1 << 2);       /* 64 bits */
    put_cores(s);
    return PUT_FIELDS(s, CPU, cpu_fields, err);
}

static int put_file_text(struct smbios *s, const char *path, struct error *err)
{
    size_t len;
    char *text = file_read(path, FILE_MAX, &len, err);

    if (!text)
        return -EINVAL;
    str_addn(&s->texts, text, strlen(text) + 1);
    s->text_count += *text != 0;
    free(text);
    return 0;
}

/* Texts for the guest's own programs: systemd takes its credentials from here. */
static int add_texts(struct smbios *s, struct error *err)
{
    struct optlist *l = s->words[TEXTS];
    const char *text;

    begin(s, TEXTS, 0xe00, 5);
    for (size_t n = 0; (text = optlist_get_nth(l, "value", n)); n++) {
        if (!*text)
            return optlist_error(l, err, EINVAL, "value= is empty; a text is needed");
        str_addn(&s->texts, text, strlen(text) + 1);
        s->text_count++;
    }
    for (size_t n = 0; (text = optlist_get_nth(l, "path", n)); n++)
        if (put_file_text(s, text, err) < 0)
            return -EINVAL;
    if (!s->text_count || s->text_count > 255)
        return optlist_error(l, err, EINVAL, "it takes 1 to 255 texts, by value= or path=");
    put(s, 4, 1, s->text_count);
    return 0;
}

static void add_memory_array(struct smbios *s, unsigned dimms)
{
    uint64_t kib = s->m->ram_bytes / 1024;

    begin(s, ARRAY, ARRAY_HANDLE, 0x17);
    put(s, 4, 3, 0x060301);        /* elsewhere; the system's memory; corrects errors of many bits */
    put(s, 7, 4, kib < 0x80000000 ? kib : 0x80000000);
    put(s, 0xb, 2, NO_ERROR);
    put(s, 0xd, 2, dimms);
    put(s, 0xf, 8, kib < 0x80000000 ? 0 : s->m->ram_bytes);
    finish(s);
}

static int add_dimm(struct smbios *s, unsigned n, uint64_t bytes, struct error *err)
{
    uint64_t mib = bytes / MIB, speed = 0;
    char text[64];

    otherwise(s, DIMM, "loc_pfx", "DIMM");
    otherwise(s, DIMM, "manufacturer", "QEMU");
    begin(s, DIMM, (uint16_t)(0x1100 + n), 0x28);
    put(s, 4, 2, ARRAY_HANDLE);
    put(s, 6, 2, NO_ERROR);
    put(s, 8, 4, UINT32_MAX);      /* widths unknown */
    put(s, 0xc, 2, mib < 0x7fff ? mib : 0x7fff);
    put(s, 0xe, 1, 9);             /* DIMM */
    snprintf(text, sizeof(text), "%.50s %u", optlist_get(s->words[DIMM], "loc_pfx"), n);
    put_text(s, 0x10, text);
    put(s, 0x12, 1, 7);            /* RAM */
    put(s, 0x13, 2, 1 << 1);
    put(s, 0x1c, 4, mib < 0x7fff ? 0 : mib);
    if (optlist_u64(s->words[DIMM], "speed", 0, UINT16_MAX, &speed, err) < 0)
        return -EINVAL;
    put(s, 0x20, 2, speed);        /* as configured: what it can */
    return PUT_FIELDS(s, DIMM, dimm_fields, err);
}

static void add_mapped(struct smbios *s)
{
    uint64_t first = s->m->ram_at, last = first + s->m->ram_bytes - 1;
    bool wide = last / 1024 >= UINT32_MAX;

    begin(s, MAPPED, 0x1300, 0x1f);
    put(s, 4, 4, wide ? UINT32_MAX : first / 1024);
    put(s, 8, 4, wide ? UINT32_MAX : last / 1024);
    put(s, 0xc, 2, ARRAY_HANDLE);
    put(s, 0xe, 1, 1);
    put(s, 0xf, 8, wide ? first : 0);
    put(s, 0x17, 8, wide ? last : 0);
    finish(s);
}

static int add_memory(struct smbios *s, struct error *err)
{
    unsigned dimms = (unsigned)((s->m->ram_bytes + DIMM_BYTES - 1) / DIMM_BYTES);

    add_memory_array(s, dimms);
    for (unsigned i = 0; i < dimms && !s->own[DIMM]; i++) {
        uint64_t rest = s->m->ram_bytes - i * DIMM_BYTES;

        if (add_dimm(s, i, rest < DIMM_BYTES ? rest : DIMM_BYTES, err) < 0)
            return -EINVAL;
        finish(s);
    }
    if (!s->own[MAPPED])
        add_mapped(s);
    return 0;
}

/* --- the user's options ----------------------------------------------------------------------------------------------------- */

/* A structure in a file, as it will be seen by the guest. */
static int add_file(struct smbios *s, struct optlist *l, struct error *err)
{
    size_t len;
    uint8_t *bytes = file_read(optlist_get(l, "file"), FILE_MAX, &len, err);
    int ret = 0;

    if (!bytes)
        return -EINVAL;
    if (len < HEADER + 2 || bytes[1] < HEADER || bytes[1] + 2u > len || bytes[len - 1] || bytes[len - 2] || bytes[0] >= END)
        ret = optlist_error(l, err, EINVAL, "this is not one SMBIOS structure: type below 127, length, handle, fields, texts, two NULs");
    else
        str_addn(&s->tables, (char *)bytes, len);
    if (ret == 0)
        s->own[bytes[0]] = true;
    free(bytes);
    return ret < 0 ? ret : optlist_done(l, err);
}

static int read_option(struct smbios *s, struct optlist *l, struct error *err)
{
    static const uint8_t known[] = { BIOS, SYSTEM, BOARD, CHASSIS, CPU, TEXTS, DIMM };
    uint64_t type = TYPES;

    if (optlist_has(l, "file"))
        return add_file(s, l, err);
    if (!optlist_need(l, "type", err) || optlist_u64(l, "type", 0, UINT8_MAX, &type, err) < 0)
        return -EINVAL;
    if (!memchr(known, (int)type, sizeof(known)))
        return optlist_error(l, err, EINVAL, "fields can be given for types 0, 1, 2, 3, 4, 11 and 17; others with file=");
    optlist_set_text(s->words[type], optlist_text(l));
    for (size_t i = 0; i < optlist_count(l); i++)
        (type == TEXTS ? optlist_add : optlist_set)(s->words[type], optlist_key(l, i), optlist_value(l, i));
    return 0;
}

static bool said(const struct smbios *s, unsigned type)
{
    return optlist_count(s->words[type]) > 0;
}

/* Everything that was said has been used, and not of a type that is replaced as a whole. */
static int check_words(struct smbios *s, struct error *err)
{
    for (unsigned t = 0; t < TYPES; t++) {
        optlist_has(s->words[t], "type");
        if (s->own[t] && optlist_has(s->words[t], "type"))
            return optlist_error(s->words[t], err, EINVAL, "-smbios file= gave a whole structure of this type; give one or the other");
        if (!s->own[t] && optlist_done(s->words[t], err) < 0)
            return -EINVAL;
    }
    return 0;
}

static int add_all(struct smbios *s, struct error *err)
{
    static const struct { uint8_t type; bool always; int (*add)(struct smbios *s, struct error *err); } order[] = {
        { BIOS, false, add_bios }, { SYSTEM, true, add_system }, { BOARD, false, add_board }, { CHASSIS, true, add_chassis },
        { TEXTS, false, add_texts },
    };

    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        if (s->own[order[i].type] || !(order[i].always || said(s, order[i].type)))
            continue;
        if (order[i].add(s, err) < 0)
            return -EINVAL;
        finish(s);
    }
    for (unsigned i = 0; i < s->m->sockets && !s->own[CPU]; i++) {
        if (add_cpu(s, i, err) < 0)
            return -EINVAL;
        finish(s);
    }
    if (!s->own[ARRAY] && add_memory(s, err) < 0)
        return -EINVAL;
    if (!s->own[BOOT]) {
        begin(s, BOOT, 0x2000, 0xb); /* no errors at start */
        finish(s);
    }
    begin(s, END, 0x7f00, HEADER);
    finish(s);
    return check_words(s, err);
}

/* The 64-bit entry point; firmware puts the address in. */
static int offer(struct smbios *s, struct device *fw_cfg, struct error *err)
{
    uint8_t anchor[ANCHOR_BYTES] = "_SM3_", sum = 0;
    int ret;

    anchor[6] = ANCHOR_BYTES;
    anchor[7] = 3;                 /* 3.0 */
    anchor[10] = 1;                /* revision of the entry point */
    store_le32(anchor + 12, (uint32_t)s->tables.len);
    for (unsigned i = 0; i < ANCHOR_BYTES; i++)
        sum += anchor[i];
    anchor[5] = (uint8_t)-sum;
    ret = fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", s->tables.text, s->tables.len, err);
    return ret < 0 ? ret : fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor, sizeof(anchor), err);
}

int smbios_add(struct device *fw_cfg, const struct smbios_machine *m, const struct optlists *opts, struct error *err)
{
    struct smbios s = { .m = m };
    int ret = 0;

    for (unsigned t = 0; t < TYPES; t++)
        s.words[t] = optlist_new("-smbios");
    for (size_t i = 0; i < opts->count && ret == 0; i++)
        ret = read_option(&s, opts->at[i], err);
    if (ret == 0)
        ret = add_all(&s, err);
    if (ret == 0)
        ret = offer(&s, fw_cfg, err);
    for (unsigned t = 0; t < TYPES; t++)
        optlist_free(s.words[t]);
    str_free(&s.tables);
    str_free(&s.texts);
    return ret;
}
