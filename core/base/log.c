#include "core/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"

unsigned log_mask;

static const struct { const char *name, *help; } categories[] = {
#define LOG(name, bit, help) { name, help },
#include "core/base/log.def"
#undef LOG
};

struct range {
    uint64_t first, last;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *stream;            /* NULL: stderr */
static char *pattern;           /* -D with a %d, for -d tid; NULL: none */
static __thread FILE *own;      /* this thread's file, under -d tid */
static struct range *ranges;    /* set before guests run, not changed after */
static unsigned range_count;
static unsigned guest_lines;

void log_set_mask(unsigned mask)
{
    __atomic_store_n(&log_mask, mask, __ATOMIC_RELAXED);
}

static int find(const char *name, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (unsigned i = 0; i < LOG_COUNT; i++) {
        if (str_eq(categories[i].name, name))
            return i;
        nearest_try(&n, categories[i].name);
    }
    return error_set(err, EINVAL, "-d %s: no such log category%s (-d help lists them)", name,
                     nearest_hint(&n, hint, sizeof hint));
}

int log_enable(const char *list, struct error *err)
{
    unsigned mask = log_mask;
    char *copy = xstrdup(list), *rest = copy, *word;
    int ret = 0;

    while (ret >= 0 && (word = strsep(&rest, ","))) {
        bool off = word[0] == '-';

        if (!*word)
            continue;
        if (str_eq(word, "all")) {
            mask = (unsigned)mask64(LOG_COUNT);
        } else if (str_eq(word, "none")) {
            mask = 0;
        } else if ((ret = find(word + off, err)) >= 0) {
            mask = off ? mask & ~BIT(ret) : mask | BIT(ret);
        }
    }
    free(copy);
    if (ret < 0)
        return ret;
    log_set_mask(mask);
    return 0;
}

void log_help(FILE *to)
{
    fprintf(to, "Log items (comma separated):\n");
    for (unsigned i = 0; i < LOG_COUNT; i++)
        fprintf(to, "%-15s %s\n", categories[i].name, categories[i].help);
}

static char *numbered(const char *path, int number)
{
    const char *percent = strchr(path, '%');

    return percent ? xasprintf("%.*s%d%s", (int)(percent - path), path, number, percent + 2) : xstrdup(path);
}

int log_file(const char *path, struct error *err)
{
    const char *percent = strchr(path, '%');
    char *name;
    FILE *f;

    if (percent && (percent[1] != 'd' || strchr(percent + 2, '%')))
        return error_set(err, EINVAL, "-D %s: only one %%d (the process id) may stand in a log file's name", path);
    name = numbered(path, getpid());
    f = fopen(name, "we");
    if (!f) {
        error_errno(err, "-D %s: cannot open the log file", name);
        free(name);
        return err ? err->code : -EIO;
    }
    free(name);
    setvbuf(f, NULL, _IOLBF, 0);
    pthread_mutex_lock(&lock);
    if (stream)
        fclose(stream);
    stream = f;
    free(pattern);
    pattern = percent ? xstrdup(path) : NULL;
    pthread_mutex_unlock(&lock);
    return 0;
}

/* Where this thread writes. The first thread's number is the process id, whose file there is already. */
static FILE *where(void)
{
    if (log_on(LOG_TID) && pattern && !own && gettid() != getpid()) {
        char *name = numbered(pattern, gettid());

        own = fopen(name, "we");
        free(name);
    }
    return own && log_on(LOG_TID) ? own : stream ? stream : stderr;
}

/* START+LEN, START-LEN (LEN bytes that end at START) or START..END */
static int parse_range(char *word, struct range *r)
{
    char *op = strstr(word, "..");
    uint64_t a, b;
    char kind;

    if (!op)
        op = strpbrk(word, "+-");
    if (!op)
        return -EINVAL;
    kind = *op;
    *op = '\0';
    op += kind == '.' ? 2 : 1;
    if (str_u64(word, &a) < 0 || str_u64(op, &b) < 0 || (kind != '.' && b == 0))
        return -EINVAL;
    switch (kind) {
    case '+': *r = (struct range){ a, a + (b - 1) }; break;
    case '-': *r = (struct range){ a - (b - 1), a }; break;
    default: *r = (struct range){ a, b }; break;
    }
    return r->first <= r->last ? 0 : -EINVAL;
}

int log_filter(const char *list, struct error *err)
{
    char *copy = xstrdup(list), *rest = copy, *word;
    int ret = 0;

    while ((word = strsep(&rest, ","))) {
        struct range r;

        if (parse_range(word, &r) < 0) {
            ret = error_set(err, EINVAL, "-dfilter %s: expected START+LEN, START-LEN or START..END", list);
            break;
        }
        ranges = xreallocarray(ranges, range_count + 1, sizeof *ranges);
        ranges[range_count++] = r;
    }
    free(copy);
    return ret;
}

bool log_wants(uint64_t addr)
{
    if (!range_count)
        return true;
    for (unsigned i = 0; i < range_count; i++)
        if (addr >= ranges[i].first && addr <= ranges[i].last)
            return true;
    return false;
}

FILE *log_begin(void)
{
    pthread_mutex_lock(&lock);
    return where();
}

void log_end(void)
{
    fflush(where());
    pthread_mutex_unlock(&lock);
}

void log_vprintf(const char *fmt, va_list ap)
{
    vfprintf(log_begin(), fmt, ap);
    log_end();
}

void log_printf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vprintf(fmt, ap);
    va_end(ap);
}

__attribute__((format(printf, 1, 0), nonnull(1)))
static void guest_line(const char *fmt, va_list ap)
{
    unsigned n = __atomic_fetch_add(&guest_lines, 1, __ATOMIC_RELAXED);
    FILE *f;

    if (n > LOG_GUEST_MAX) {
        __atomic_store_n(&guest_lines, LOG_GUEST_MAX + 1, __ATOMIC_RELAXED);
        return;
    }
    f = log_begin();
    vfprintf(f, fmt, ap);
    fputc('\n', f);
    if (n == LOG_GUEST_MAX)
        fprintf(f, "(the guest keeps doing this: no more of these lines)\n");
    log_end();
}

void log_guest(const char *fmt, ...)
{
    va_list ap;

    if (!log_on(LOG_GUEST_ERRORS))
        return;
    va_start(ap, fmt);
    guest_line(fmt, ap);
    va_end(ap);
}

void log_unimp(const char *fmt, ...)
{
    va_list ap;

    if (!log_on(LOG_UNIMP))
        return;
    va_start(ap, fmt);
    guest_line(fmt, ap);
    va_end(ap);
}
