#include "core/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program = "rhea";

/* The sentence goes out as one line whatever a file name in it contains. */
static void one_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ')
            *s = ' ';
}

int error_vset(struct error *err, int code, const char *fmt, va_list ap)
{
    if (code < 0)
        code = -code;
    if (code == 0)
        code = EINVAL;
    if (err && !err->code) {
        err->code = -code;
        vsnprintf(err->text, sizeof err->text, fmt, ap);
    }
    return -code;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;
    int ret;

    va_start(ap, fmt);
    ret = error_vset(err, code, fmt, ap);
    va_end(ap);
    return ret;
}

int error_errno(struct error *err, const char *fmt, ...)
{
    int code = errno ? errno : EIO, ret;
    bool fresh = err && !err->code;
    va_list ap;

    va_start(ap, fmt);
    ret = error_vset(err, code, fmt, ap);
    va_end(ap);
    if (fresh)
        error_append(err, ": %s", strerror(code));
    return ret;
}

void error_prepend(struct error *err, const char *fmt, ...)
{
    char rest[ERROR_MAX];
    va_list ap;
    int n;

    if (!err || !err->code)
        return;
    memcpy(rest, err->text, sizeof rest);
    va_start(ap, fmt);
    n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof err->text && !strncmp(rest, err->text, (size_t)n))
        memcpy(err->text, rest, sizeof rest);              /* it says so already */
    else if (n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - n, "%s", rest);
}

void error_append(struct error *err, const char *fmt, ...)
{
    size_t n;
    va_list ap;

    if (!err || !err->code)
        return;
    n = strlen(err->text);
    va_start(ap, fmt);
    vsnprintf(err->text + n, sizeof err->text - n, fmt, ap);
    va_end(ap);
}

void error_clear(struct error *err)
{
    err->code = 0;
    err->text[0] = '\0';
}

void error_set_program(const char *name)
{
    program = name;
}

const char *error_program(void)
{
    return program;
}

/* One write, so that lines of several threads or processes do not mix. */
static void print_line(const char *kind, const char *text)
{
    char line[ERROR_MAX + 128];
    int n = snprintf(line, sizeof line - 1, "%s: %s%s", program, kind, text);

    if (n < 0)
        return;
    if ((size_t)n > sizeof line - 2)
        n = sizeof line - 2;
    one_line(line);
    line[n++] = '\n';
    fflush(stdout);
    while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
        ;
}

void error_report(const struct error *err)
{
    print_line("", err->text);
}

static void vsay(const char *kind, const char *fmt, va_list ap)
{
    char text[ERROR_MAX];

    vsnprintf(text, sizeof text, fmt, ap);
    print_line(kind, text);
}

void error_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsay("", fmt, ap);
    va_end(ap);
}

void warn_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsay("warning: ", fmt, ap);
    va_end(ap);
}

void note_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsay("note: ", fmt, ap);
    va_end(ap);
}

void error_exit(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsay("", fmt, ap);
    va_end(ap);
    exit(1);
}
