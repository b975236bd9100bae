#include "core/base/alloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"

static void *check(void *p, size_t bytes)
{
    if (!p)
        error_exit("out of memory: the host refused %zu bytes; free some memory or give the guest less (-m)", bytes);
    return p;
}

void *xmalloc(size_t bytes)
{
    return check(malloc(bytes ? bytes : 1), bytes);
}

void *xcalloc(size_t count, size_t bytes)
{
    return check(calloc(count ? count : 1, bytes ? bytes : 1), count * bytes);
}

void *xrealloc(void *p, size_t bytes)
{
    return check(realloc(p, bytes ? bytes : 1), bytes);
}

void *xreallocarray(void *p, size_t count, size_t bytes)
{
    return check(reallocarray(p, count ? count : 1, bytes ? bytes : 1), count * bytes);
}

void *xmemalign(size_t align, size_t bytes)
{
    void *p = NULL;

    if (posix_memalign(&p, align, bytes ? bytes : align))
        p = NULL;
    return check(p, bytes);
}

void *xmemdup(const void *p, size_t bytes)
{
    void *copy = xmalloc(bytes);

    if (bytes)
        memcpy(copy, p, bytes);
    return copy;
}

char *xstrdup(const char *s)
{
    return xmemdup(s, strlen(s) + 1);
}

char *xstrndup(const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    char *copy = xmalloc(n + 1);

    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return check(n < 0 ? NULL : s, 0);
}

void *try_alloc(size_t count, size_t bytes, size_t max)
{
    if (count > max || (bytes && count > SIZE_MAX / bytes)) {
        errno = EFBIG;
        return NULL;
    }
    return calloc(count ? count : 1, bytes);
}
