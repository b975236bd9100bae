/* core/monitor/expr.h - addresses as people write them: 0x80000000, $pc + 4*8, ($sp & ~15). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;

/**
 * expr_read - evaluate what stands at *@at, up to what cannot belong to it; *@at moves behind it.
 * @reg: value of $NAME; false if there is none of that name. NULL: no names
 *
 * 64-bit arithmetic that wraps; + - * / % & | ^ ~ and parentheses, with C's precedence. Returns 0; -EINVAL with a sentence.
 */
int expr_read(const char **at, bool (*reg)(void *opaque, const char *name, uint64_t *value), void *opaque, int64_t *value,
              struct error *err);
