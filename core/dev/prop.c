/* core/dev/prop.c - text to field and back. */
#include "core/dev/prop.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/dev/device.h"

static void *field(const struct device *dev, const struct prop *p)
{
    return (char *)dev + p->offset;
}

static int refuse(const struct device *dev, const struct prop *p, const char *text, const char *want, struct error *err)
{
    return error_set(err, EINVAL, "%s: property '%s' cannot be '%s'; it takes %s", device_name(dev), p->name, text, want);
}

static int set_number(struct device *dev, const struct prop *p, const char *text, struct error *err)
{
    static const uint64_t widest[] = { UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT64_MAX };
    uint64_t v, max = p->kind == PROP_SIZE_KIND ? UINT64_MAX : widest[p->kind - PROP_U8_KIND];
    int ret = p->kind == PROP_SIZE_KIND ? str_size(text, 1, &v) : str_u64(text, &v);
    char want[80];

    if (p->max)
        max = p->max;
    if (ret < 0 || v < p->min || v > max) {
        snprintf(want, sizeof(want), "a %s from %llu to %llu", p->kind == PROP_SIZE_KIND ? "size" : "number",
                 (unsigned long long)p->min, (unsigned long long)max);
        return refuse(dev, p, text, want, err);
    }
    switch (p->kind) {
    case PROP_U8_KIND:
        *(uint8_t *)field(dev, p) = (uint8_t)v;
        break;
    case PROP_U16_KIND:
        *(uint16_t *)field(dev, p) = (uint16_t)v;
        break;
    case PROP_U32_KIND:
        *(uint32_t *)field(dev, p) = (uint32_t)v;
        break;
    default:
        *(uint64_t *)field(dev, p) = v;
    }
    return 0;
}

static int set_enum(struct device *dev, const struct prop *p, const char *text, struct error *err)
{
    struct nearest n = NEAREST_INIT(text);
    char hint[96];

    for (int i = 0; p->names[i]; i++) {
        if (str_eq(p->names[i], text)) {
            *(int *)field(dev, p) = i;
            return 0;
        }
        nearest_try(&n, p->names[i]);
    }
    return error_set(err, EINVAL, "%s: property '%s' cannot be '%s'%s", device_name(dev), p->name, text,
                     nearest_hint(&n, hint, sizeof(hint)));
}

static int set_mac(struct device *dev, const struct prop *p, const char *text, struct error *err)
{
    unsigned b[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6 || text[end])
        return refuse(dev, p, text, "six bytes such as 52:54:00:12:34:56", err);
    if (b[0] & 1)
        return refuse(dev, p, text, "an address of one station: its first byte is even", err);
    for (int i = 0; i < 6; i++)
        ((uint8_t *)field(dev, p))[i] = (uint8_t)b[i];
    return 0;
}

static int set_index(struct device *dev, const struct prop *p, const char *text, struct error *err)
{
    int64_t v;

    if (str_i64(text, &v) < 0 || v < -1 || v > INT32_MAX)
        return refuse(dev, p, text, "a number from 0 on, or -1", err);
    *(int32_t *)field(dev, p) = (int32_t)v;
    return 0;
}

static int set_any(struct device *dev, const struct prop *p, const char *text, struct error *err)
{
    switch (p->kind) {
    case PROP_BOOL_KIND:
        return str_bool(text, field(dev, p)) < 0 ? refuse(dev, p, text, "on or off", err) : 0;
    case PROP_STR_KIND:
    case PROP_BACKEND_KIND:
        free(*(char **)field(dev, p));
        *(char **)field(dev, p) = xstrdup(text);
        return 0;
    case PROP_ENUM_KIND:
        return set_enum(dev, p, text, err);
    case PROP_MAC_KIND:
        return set_mac(dev, p, text, err);
    case PROP_INDEX_KIND:
        return set_index(dev, p, text, err);
    default:
        return set_number(dev, p, text, err);
    }
}

int prop_set(struct device *dev, const struct prop *p, const char *text, struct error *err)
{
    int ret = set_any(dev, p, text, err);

    return ret < 0 || !p->check ? ret : p->check(dev, err);
}

void prop_print(const struct device *dev, const struct prop *p, FILE *to)
{
    const void *f = field(dev, p);
    const uint8_t *m = f;

    switch (p->kind) {
    case PROP_BOOL_KIND:
        fputs(*(const bool *)f ? "true" : "false", to);
        break;
    case PROP_U8_KIND:
        fprintf(to, "%u", *(const uint8_t *)f);
        break;
    case PROP_U16_KIND:
        fprintf(to, "%u", *(const uint16_t *)f);
        break;
    case PROP_U32_KIND:
        fprintf(to, "%u", *(const uint32_t *)f);
        break;
    case PROP_U64_KIND:
    case PROP_SIZE_KIND:
        fprintf(to, "%llu", (unsigned long long)*(const uint64_t *)f);
        break;
    case PROP_ENUM_KIND:
        fprintf(to, "\"%s\"", p->names[*(const int *)f]);
        break;
    case PROP_MAC_KIND:
        fprintf(to, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", m[0], m[1], m[2], m[3], m[4], m[5]);
        break;
    case PROP_INDEX_KIND:
        fprintf(to, "%d", *(const int32_t *)f);
        break;
    case PROP_STR_KIND:
    case PROP_BACKEND_KIND:
        fprintf(to, "\"%s\"", *(char *const *)f ? *(char *const *)f : "");
        break;
    }
}

const char *prop_kind_name(const struct prop *p)
{
    static const char *const names[] = {
        [PROP_BOOL_KIND] = "bool", [PROP_U8_KIND] = "uint8", [PROP_U16_KIND] = "uint16", [PROP_U32_KIND] = "uint32",
        [PROP_U64_KIND] = "uint64", [PROP_SIZE_KIND] = "size", [PROP_STR_KIND] = "str", [PROP_ENUM_KIND] = "enum",
        [PROP_MAC_KIND] = "str", [PROP_INDEX_KIND] = "int32",
    };

    return p->kind == PROP_BACKEND_KIND ? "str" : names[p->kind];
}

void prop_help(const struct prop *p, FILE *to)
{
    int width = fprintf(to, "  %s=<%s>", p->name, prop_kind_name(p));

    fprintf(to, "%*s - %s", width < 24 ? 24 - width : 0, "", p->help);
    if (p->kind == PROP_BACKEND_KIND)
        fprintf(to, " (ID of a %s)", p->sort);
    if (p->kind == PROP_ENUM_KIND)
        for (int i = 0; p->names[i]; i++)
            fprintf(to, "%s%s", i ? ", " : " (", p->names[i]);
    if (p->kind == PROP_ENUM_KIND)
        fputc(')', to);
    if (p->dflt)
        fprintf(to, " (default: %s)", p->dflt);
    fputc('\n', to);
}

void prop_free(struct device *dev, const struct prop *table)
{
    for (const struct prop *p = table; p && p->name; p++) {
        if (p->kind == PROP_STR_KIND || p->kind == PROP_BACKEND_KIND) {
            free(*(char **)field(dev, p));
            *(char **)field(dev, p) = NULL;
        }
    }
}
