/* core/user/strace.h - numbers of the kernel's interface by their names, for -strace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct str;

/**
 * strace_name - append what an argument means.
 * @kind: letter of the argument (core/user/syscall.h)
 * @v:    its value
 *
 * Returns false, with nothing appended, if that kind has no names.
 */
bool strace_name(struct str *s, char kind, uint64_t v);
