/* core/base/error.h - what went wrong, as one sentence for a person.
 *
 * A function that can fail because of the host or the user returns -errno and fills in the caller's struct error.
 * The first error stays: setting a second one is a mistake in the caller and is ignored. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#define ERROR_MAX 1024

struct error {
    int code;              /* 0, or -errno */
    char text[ERROR_MAX];  /* what, why, what to do; no newline, no full stop */
};

#define ERROR_INIT { 0, "" }

/**
 * error_set - put a sentence into an error.
 * @err:  filled in unless it already holds one; may be NULL when the caller has no use for the sentence
 * @code: errno value; its sign does not matter, 0 becomes EINVAL
 * @fmt:  printf format of the sentence
 *
 * Returns -code, so that `return error_set(err, EINVAL, ...)` ends a function. Context: any thread.
 */
int error_set(struct error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int error_vset(struct error *err, int code, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

/**
 * error_errno - as error_set(), with the code from errno and `: REASON` after the sentence.
 *
 * Returns -errno.
 */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** error_prepend - put a prefix (`-drive file=x: `) before the sentence; nothing happens to an empty error. */
void error_prepend(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** error_append - put words (`; install package opensbi`) after the sentence; nothing happens to an empty error. */
void error_append(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** error_clear - make an error empty again. */
void error_clear(struct error *err);

static inline bool error_is_set(const struct error *err)
{
    return err->code != 0;
}

/** error_set_program - the name that error_report() puts first. @name is kept, not copied; main() calls this once. */
void error_set_program(const char *name);
const char *error_program(void);

/** error_report - print `PROGRAM: sentence` to stderr, in one write. Context: any thread. */
void error_report(const struct error *err);

/** error_say, warn_say, note_say - the same for a sentence without a struct: `PROGRAM: `, `PROGRAM: warning: `, `PROGRAM: note: `. */
void error_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warn_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** error_exit - error_say(), then exit(1). For start-up only: before a guest runs. */
void error_exit(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
