/* core/base/log.h - what -d switches on: categories, a file (-D), and address ranges (-dfilter).
 *
 * Testing a category that is off costs one load and one branch. Lines of several threads do not mix. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/bits.h"

enum log_index {
#define LOG(name, bit, help) bit##_INDEX,
#include "core/base/log.def"
#undef LOG
    LOG_COUNT
};

enum log_category {
#define LOG(name, bit, help) bit = (int)BIT(bit##_INDEX),
#include "core/base/log.def"
#undef LOG
};

struct error;

/* Which categories are on. Read through log_on(), written by log_enable(). */
extern unsigned log_mask;

static inline bool log_on(unsigned categories)
{
    return unlikely((__atomic_load_n(&log_mask, __ATOMIC_RELAXED) & categories) != 0);
}

/**
 * log_enable - add the categories of a -d argument: names with commas, `all`, `-name` to take one away.
 *
 * Returns 0; -EINVAL for an unknown name, with the nearest one in @err. Context: any thread.
 */
int log_enable(const char *list, struct error *err);
void log_set_mask(unsigned categories);
/** log_help - the categories, one per line, as `-d help` prints them. */
void log_help(FILE *to);

/** log_file - write to @path from now on; `%d` in it is the process id (under -d tid the thread's). Returns 0 or -errno. */
int log_file(const char *path, struct error *err);

/** log_filter - keep in_asm, op, out_asm, exec, cpu to guest addresses in ranges: `START+LEN`, `START-LEN`, `START..END`,
 * several with commas. Returns 0 or -EINVAL. */
int log_filter(const char *ranges, struct error *err);
/** log_wants - is this guest address inside the ranges of log_filter()? True when there is no filter. */
bool log_wants(uint64_t addr);

/** log_begin, log_end - several writes that stay together: log_begin() takes the log's lock and returns its stream. */
FILE *log_begin(void);
void log_end(void);

/** log_printf - one piece of text, whatever the mask says; the caller has asked log_on(). */
void log_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/** log_guest, log_unimp - a line, if guest_errors or unimp is on; a newline is added. For what the guest did wrong, and
 * for what it asked and we lack. Cheap when off; a guest that repeats itself is cut off after LOG_GUEST_MAX lines. */
#define LOG_GUEST_MAX 100000
void log_guest(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_unimp(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
