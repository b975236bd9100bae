/* core/dev/prop.h - what can be set on a device before it is realized: one table a type. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct device;
struct error;

enum prop_kind {
    PROP_BOOL_KIND,    /* bool: on, off */
    PROP_U8_KIND, PROP_U16_KIND, PROP_U32_KIND, PROP_U64_KIND,
    PROP_SIZE_KIND,    /* uint64_t: 512M */
    PROP_STR_KIND,     /* char *, owned by the device; NULL if never set */
    PROP_ENUM_KIND,    /* int: index in names */
    PROP_BACKEND_KIND, /* char *: id of a back end, of the sort in `sort` */
    PROP_MAC_KIND,     /* uint8_t[6] */
    PROP_INDEX_KIND,   /* int32_t: a place in an order, or -1 */
};

struct prop {
    const char *name;
    enum prop_kind kind;
    size_t offset;              /* in the device's struct */
    const char *dflt;           /* as the user would write it; NULL: zero */
    const char *help;
    const char *const *names;   /* PROP_ENUM_KIND: ended by NULL */
    const char *sort;           /* PROP_BACKEND_KIND: "drive", "chardev", "netdev", "rng" */
    uint64_t min, max;          /* numbers; max 0: as wide as the type */
    int (*check)(struct device *dev, struct error *err); /* after setting; -errno refuses */
};

#define PROP_(k, s, f, n, d, h, ...) { .name = (n), .kind = (k), .offset = offsetof(s, f), .dflt = (d), .help = (h), __VA_ARGS__ }
#define PROP_BOOL(s, f, n, d, h, ...) PROP_(PROP_BOOL_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_U8(s, f, n, d, h, ...) PROP_(PROP_U8_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_U16(s, f, n, d, h, ...) PROP_(PROP_U16_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_U32(s, f, n, d, h, ...) PROP_(PROP_U32_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_U64(s, f, n, d, h, ...) PROP_(PROP_U64_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_SIZE(s, f, n, d, h, ...) PROP_(PROP_SIZE_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_STR(s, f, n, d, h, ...) PROP_(PROP_STR_KIND, s, f, n, d, h, ##__VA_ARGS__)
#define PROP_MAC(s, f, n, d, h) PROP_(PROP_MAC_KIND, s, f, n, d, h)
#define PROP_INDEX(s, f, n, h) PROP_(PROP_INDEX_KIND, s, f, n, "-1", h)
#define PROP_ENUM(s, f, n, d, h, list) PROP_(PROP_ENUM_KIND, s, f, n, d, h, .names = (list))
#define PROP_BACKEND(s, f, n, what, h) PROP_(PROP_BACKEND_KIND, s, f, n, NULL, h, .sort = (what))
#define PROP_END { .name = NULL }

/** prop_set - parse @text into a property's field. Returns 0 or -EINVAL with a sentence. */
int prop_set(struct device *dev, const struct prop *p, const char *text, struct error *err);
/** prop_print - the value as the user would write it. */
void prop_print(const struct device *dev, const struct prop *p, FILE *to);
/** prop_help - one line: name, type, default and help, as -device TYPE,help shows them. */
void prop_help(const struct prop *p, FILE *to);
/** prop_kind_name - "bool", "uint32", "size", "str", ... */
const char *prop_kind_name(const struct prop *p);
/** prop_free - free what a device's string properties hold. */
void prop_free(struct device *dev, const struct prop *table);
