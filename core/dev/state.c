/* core/dev/state.c - struct to stream and back.
 *
 *     stream: field*          field: u8 name length, name, u32 length, that many bytes
 *     a STATE_TABLE's bytes:  for each struct: u32 length, stream */
#include "core/dev/state.h"
#include <errno.h>
#include <string.h>
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"

static void add_u32(struct str *out, uint32_t v)
{
    uint8_t b[4];

    store_le32(b, v);
    str_addn(out, (char *)b, 4);
}

static uint32_t heap_length(const struct state_field *f, const void *object)
{
    return *(const uint32_t *)((const char *)object + f->length);
}

static void save_field(const struct state_field *f, const void *object, struct str *out)
{
    const char *at = (const char *)object + f->offset;
    int64_t when;

    switch (f->kind) {
    case STATE_PLAIN:
        str_addn(out, at, f->size);
        break;
    case STATE_DEADLINE:
        when = timer_when((const struct timer *)at);
        str_addn(out, (char *)&when, sizeof(when));
        break;
    case STATE_HEAP:
        str_addn(out, *(char *const *)at, heap_length(f, object));
        break;
    case STATE_TABLE:
        for (size_t i = 0; i < f->count; i++) {
            size_t mark = out->len;

            add_u32(out, 0);
            state_save(f->sub, at + i * f->size, out);
            store_le32(out->text + mark, (uint32_t)(out->len - mark - 4));
        }
        break;
    case STATE_END_KIND:
        break;
    }
}

void state_save(const struct state_field *table, const void *object, struct str *out)
{
    for (const struct state_field *f = table; f->name; f++) {
        size_t mark;

        str_addc(out, (char)strlen(f->name));
        str_add(out, f->name);
        mark = out->len;
        add_u32(out, 0);
        save_field(f, object, out);
        store_le32(out->text + mark, (uint32_t)(out->len - mark - 4));
    }
}

static int bad(const struct state_field *f, const char *why, struct error *err)
{
    return error_set(err, EINVAL, "saved state of field '%s' %s; it is damaged or of another version", f->name, why);
}

static int load_structs(const struct state_field *f, char *at, unsigned version, const uint8_t *bytes, size_t len,
                        struct error *err)
{
    for (size_t i = 0; i < f->count; i++) {
        size_t n;
        int ret;

        if (len < 4 || (n = load_le32(bytes)) > len - 4)
            return bad(f, "ends early", err);
        ret = state_load(f->sub, at + i * f->size, version, bytes + 4, n, err);
        if (ret < 0)
            return ret;
        bytes += 4 + n;
        len -= 4 + n;
    }
    return len ? bad(f, "is too long", err) : 0;
}

static int load_field(const struct state_field *f, void *object, unsigned version, const uint8_t *bytes, size_t len,
                      struct error *err)
{
    char *at = (char *)object + f->offset;

    switch (f->kind) {
    case STATE_PLAIN:
        if (len != f->size)
            return bad(f, "has another length", err);
        memcpy(at, bytes, len);
        return 0;
    case STATE_DEADLINE:
        if (len != 8)
            return bad(f, "has another length", err);
        timer_set((struct timer *)at, (int64_t)load_le64(bytes));
        return 0;
    case STATE_HEAP:
        if (len != heap_length(f, object))
            return bad(f, "has another length", err);
        memcpy(*(char **)at, bytes, len);
        return 0;
    default:
        return load_structs(f, at, version, bytes, len, err);
    }
}

int state_load(const struct state_field *table, void *object, unsigned version, const uint8_t *bytes, size_t len,
               struct error *err)
{
    for (const struct state_field *f = table; f->name; f++) {
        size_t name = strlen(f->name), n;
        int ret;

        if (f->since > version)
            continue;
        if (len < 1 + name + 4 || bytes[0] != name || memcmp(bytes + 1, f->name, name) != 0)
            return bad(f, "is missing", err);
        n = load_le32(bytes + 1 + name);
        bytes += 1 + name + 4;
        len -= 1 + name + 4;
        if (n > len)
            return bad(f, "ends early", err);
        ret = load_field(f, object, version, bytes, n, err);
        if (ret < 0)
            return ret;
        bytes += n;
        len -= n;
    }
    return len ? error_set(err, EINVAL, "saved state has %zu bytes that no field explains", len) : 0;
}
