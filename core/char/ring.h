/* core/char/ring.h - what a ringbuf back end has kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chr;

/** ring_take - move up to @room of the oldest bytes that a ringbuf kept into @bytes; returns how many. */
size_t ring_take(struct chr *c, uint8_t *bytes, size_t room);
/** ring_put - add bytes to what is kept. */
void ring_put(struct chr *c, const uint8_t *bytes, size_t len);
/** ring_is - is this back end a ringbuf? */
bool ring_is(const struct chr *c);
