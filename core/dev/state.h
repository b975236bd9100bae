/* core/dev/state.h - what of a struct a snapshot needs: one table a type, from which saving and loading follow.
 *
 * A saved field carries its name and length, so a stream of another version, or a damaged one, is noticed. Loading
 * trusts nothing: it reads only what is in the buffer and never writes beyond a field. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/event/timer.h"

struct error;
struct str;

enum state_kind {
    STATE_END_KIND,
    STATE_PLAIN,   /* `size` bytes, little-endian as they lie in memory: numbers, flags, arrays of them */
    STATE_DEADLINE,/* struct timer */
    STATE_TABLE,   /* `count` structs of `size` bytes, each by the table `sub` */
    STATE_HEAP,    /* uint8_t *, allocated at realize, of the length in the uint32_t at `length` */
};

struct state_field {
    const char *name;
    enum state_kind kind;
    size_t offset, size, count, length;
    const struct state_field *sub;
    unsigned since; /* first version that has it; loading an older one leaves the field alone */
};

#define STATE_FIELD_(s, f, k, ...) { .name = #f, .kind = (k), .offset = offsetof(s, f), __VA_ARGS__ }
#define STATE_SIZED_(s, f, type) STATE_FIELD_(s, f, STATE_PLAIN, .size = sizeof(type) + 0 * sizeof(char[sizeof(((s *)0)->f) == sizeof(type) ? 1 : -1]))
#define STATE_U8(s, f) STATE_SIZED_(s, f, uint8_t)
#define STATE_U16(s, f) STATE_SIZED_(s, f, uint16_t)
#define STATE_U32(s, f) STATE_SIZED_(s, f, uint32_t)
#define STATE_U64(s, f) STATE_SIZED_(s, f, uint64_t)
#define STATE_BOOL(s, f) STATE_SIZED_(s, f, bool)
#define STATE_ARRAY(s, f) STATE_FIELD_(s, f, STATE_PLAIN, .size = sizeof(((s *)0)->f)) /* of numbers */
#define STATE_TIMER(s, f) STATE_FIELD_(s, f, STATE_DEADLINE, .size = sizeof(struct timer))
#define STATE_STRUCTS(s, f, table) \
    STATE_FIELD_(s, f, STATE_TABLE, .size = sizeof(((s *)0)->f[0]), \
                 .count = sizeof(((s *)0)->f) / sizeof(((s *)0)->f[0]), .sub = (table))
#define STATE_STRUCT(s, f, table) STATE_FIELD_(s, f, STATE_TABLE, .size = sizeof(((s *)0)->f), .count = 1, .sub = (table))
#define STATE_BYTES(s, f, len) STATE_FIELD_(s, f, STATE_HEAP, .length = offsetof(s, len))
#define STATE_END { .name = NULL, .kind = STATE_END_KIND }

/** state_save - append the fields of @object to @out. */
void state_save(const struct state_field *table, const void *object, struct str *out);

/**
 * state_load - fill the fields of @object from @bytes.
 * @version: of the stream; fields with a later `since` are left alone
 *
 * Returns 0; -EINVAL with a sentence naming the field when the stream does not fit the table. @object may then be
 * changed in part: reset it.
 */
int state_load(const struct state_field *table, void *object, unsigned version, const uint8_t *bytes, size_t len,
               struct error *err);
