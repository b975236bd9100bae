/* core/img/io.c - rhea-io: single reads and writes on an image, by hand or from a script. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef CONFIG_LIBEDIT
#include <editline/readline.h>
#endif

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/block/backend.h"
#include "core/event/iothread.h"
#include "core/img/img.h"
#include "core/personality.h"

enum { WORDS_MAX = 64, LEN_MAX = INT32_MAX };
enum { OPT_CMD = 'c' };

static struct {
    struct blk_node *n;
    unsigned         flags;
    struct img       g;
    char             name[BLK_NAME_MAX];
    int              pending;          /* asynchronous requests */
    struct co_queue  idle;
    bool             quit;
} io;

struct words {
    int   n;
    char *w[WORDS_MAX];
};

struct io_command {
    const char *name, *alias, *args, *help;
    int         least;                 /* words after options, at least */
    const char *opts;
    bool        closed_too;            /* works without an open image */
    int       (*run)(struct words *w, const struct io_command *c);
};

/* What the options of a command said. */
struct how {
    bool     quiet, dump, zero, unmap, nofua, fua, compress, bare, vmstate, has_pattern, csv;
    int      pattern;
    uint64_t s, l;
    bool     has_s, has_l;
    const char *file;
};

static double since(const struct timespec *t)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void report(const char *op, double used, uint64_t off, uint64_t asked, uint64_t total, int count, const struct how *h)
{
    char size[32], rate[32];
    int  min = (int)used / 60;

    if (h->quiet)
        return;
    if (h->csv) {
        printf("%" PRIu64 ",%d,%02d:%05.2f,%.3f,%.3f\n", total, count, min, used - min * 60, (double)total / used, count / used);
        return;
    }
    printf("%s %" PRIu64 "/%" PRIu64 " bytes at offset %" PRIu64 "\n", op, total, asked, off);
    printf("%s, %d ops; %05.2f sec (%s/sec and %.4f ops/sec)\n", blk_size_text(total, size), count, used,
           blk_size_text((uint64_t)((double)total / (used > 0 ? used : 1e-9)), rate), count / (used > 0 ? used : 1e-9));
}

static void dump(const uint8_t *buf, uint64_t off, uint64_t len)
{
    for (uint64_t i = 0; i < len; i += 16) {
        printf("%08" PRIx64 ":  ", off + i);
        for (uint64_t j = 0; j < 16 && i + j < len; j++)
            printf("%02x ", buf[i + j]);
        printf(" ");
        for (uint64_t j = 0; j < 16 && i + j < len; j++)
            printf("%c", isalnum(buf[i + j]) ? buf[i + j] : '.');
        printf("\n");
    }
}

static int number(const char *what, const char *s, uint64_t most, uint64_t *v)
{
    if (str_size(s, 1, v) < 0 || *v > most) {
        printf("non-numeric or too large %s argument -- %s\n", what, s);
        return -EINVAL;
    }
    return 0;
}

/* Options in front, in getopt's way; the words after them move to the start. */
static int take_options(struct words *w, const struct io_command *c, struct how *h)
{
    int opt;

    *h = (struct how){ .pattern = 0xcd };
    optind = 0;
    while ((opt = getopt(w->n, w->w, c->opts)) != -1) {
        uint64_t v;

        switch (opt) {
        case 'q': h->quiet = true; break;
        case 'C': h->csv = true; break;
        case 'v': h->dump = true; break;
        case 'z': h->zero = true; break;
        case 'u': h->unmap = true; break;
        case 'f': h->fua = true; break;
        case 'n': h->nofua = true; break;
        case 'c': h->compress = true; break;
        case 'b': h->vmstate = true; break;
        case 'i': case 'p': case 'r': case 'a': h->bare = true; break;
        case 'P':
            if (number("pattern", optarg, 255, &v) < 0)
                return -EINVAL;
            h->pattern     = (int)v;
            h->has_pattern = true;
            break;
        case 's':
            if (str_eq(c->name, "write") || str_eq(c->name, "writev")) {
                h->file = optarg;
                break;
            }
            h->has_s = true;
            if (number("pattern start", optarg, LEN_MAX, &h->s) < 0)
                return -EINVAL;
            break;
        case 'l':
            h->has_l = true;
            if (number("pattern length", optarg, LEN_MAX, &h->l) < 0)
                return -EINVAL;
            break;
        default:
            printf("%s %s -- %s\n", c->name, c->args, c->help);
            return -EINVAL;
        }
    }
    w->n -= optind;
    memmove(w->w, w->w + optind, (size_t)w->n * sizeof *w->w);
    if (w->n < c->least) {
        printf("bad argument count %d to %s, expected at least %d arguments\n", w->n, c->name, c->least);
        return -EINVAL;
    }
    return 0;
}

static int fail(const char *op, int ret)
{
    printf("%s failed: %s\n", op, strerror(-ret));
    return ret;
}

static int place(struct words *w, uint64_t *off, uint64_t *len)
{
    return number("offset", w->w[0], INT64_MAX, off) < 0 || number("length", w->w[1], LEN_MAX, len) < 0 ? -EINVAL : 0;
}

/* ---- read */

static int verify(const struct how *h, const uint8_t *buf, uint64_t off, uint64_t len)
{
    uint64_t from = h->has_s ? h->s : 0, n = h->has_l ? h->l : len - MIN(from, len);

    if (!h->has_pattern)
        return 0;
    for (uint64_t i = from; i < from + n && i < len; i++) {
        if (buf[i] != h->pattern) {
            printf("Pattern verification failed at offset %" PRIu64 ", %" PRIu64 " bytes\n", off + from, n);
            return -EINVAL;
        }
    }
    return 0;
}

static int do_read(uint64_t off, const struct blk_iov *v, const struct how *h)
{
    if (h->vmstate)
        return io.n->drv->vmstate_read != NULL ? io.n->drv->vmstate_read(io.n, off, v) : -ENOTSUP;
    return blk_readv(io.n, off, v);
}

static int cmd_read(struct words *w, const struct io_command *c)
{
    struct how      h;
    uint64_t        off, len;
    struct timespec t;
    uint8_t        *buf;
    int             ret = take_options(w, c, &h);

    if (ret < 0 || place(w, &off, &len) < 0)
        return -EINVAL;
    buf = blk_bounce((size_t)len);
    if (buf == NULL)
        return fail("read", -ENOMEM);
    clock_gettime(CLOCK_MONOTONIC, &t);
    ret = do_read(off, BLK_FLAT(buf, len), &h);
    if (ret < 0) {
        fail("read", ret);
    } else {
        ret = verify(&h, buf, off, len);
        if (h.dump && !h.quiet)
            dump(buf, off, len);
        if (ret == 0 || !h.quiet)
            report("read", since(&t), off, len, len, 1, &h);
    }
    free(buf);
    return ret;
}

/* The pieces of readv and writev. */
static int pieces(struct words *w, uint64_t *off, struct iovec *v, int *n, uint64_t *len, const struct how *h)
{
    *len = 0;
    *n   = w->n - 1;
    if (number("offset", w->w[0], INT64_MAX, off) < 0)
        return -EINVAL;
    for (int i = 0; i < *n; i++) {
        uint64_t part;

        if (number("length", w->w[i + 1], LEN_MAX, &part) < 0)
            return -EINVAL;
        v[i] = (struct iovec){ blk_bounce((size_t)part), (size_t)part };
        if (v[i].iov_base == NULL)
            return fail("allocation", -ENOMEM);
        memset(v[i].iov_base, h->pattern, v[i].iov_len);
        *len += part;
    }
    return 0;
}

static int read_pieces(const struct how *h, uint64_t off, const struct blk_iov *v)
{
    uint8_t *flat;
    int      ret = blk_readv(io.n, off, v);

    if (ret < 0)
        return ret;
    flat = xmalloc(v->len + 1);
    iov_get(v, 0, flat, v->len);
    ret = verify(h, flat, off, v->len);
    if (h->dump)
        dump(flat, off, v->len);
    free(flat);
    return ret < 0 ? -EBADMSG : 0;
}

/* readv and writev: one request, several pieces of memory */
static int cmd_vectored(struct words *w, const struct io_command *c)
{
    bool            write = str_eq(c->name, "writev");
    struct how      h;
    struct iovec    v[WORDS_MAX] = { { NULL, 0 } };
    uint64_t        off, len;
    struct timespec t;
    int             n = 0, ret = take_options(w, c, &h);

    ret = ret < 0 ? -EINVAL : pieces(w, &off, v, &n, &len, &h);
    struct blk_iov iov = { .v = v, .n = n, .len = ret < 0 ? 0 : (size_t)len };

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (ret == 0) {
        ret = write ? blk_writev(io.n, off, &iov, h.fua ? BLK_FUA : 0) : read_pieces(&h, off, &iov);
        if (ret < 0 && ret != -EBADMSG)
            fail(c->name, ret);
        else
            report(write ? "wrote" : "read", since(&t), off, len, len, 1, &h);
    }
    for (int i = 0; i < n; i++)
        free(v[i].iov_base);
    return ret;
}

/* ---- write */

static int fill_from_file(const char *name, uint8_t *buf, uint64_t len)
{
    FILE  *f = fopen(name, "r");
    size_t n;

    if (f == NULL)
        return printf("%s: %s\n", name, strerror(errno)), -errno;
    n = fread(buf, 1, (size_t)len, f);
    fclose(f);
    if (n == 0)
        return printf("%s: file is empty\n", name), -EINVAL;
    for (uint64_t i = n; i < len; i++)
        buf[i] = buf[i - n];
    return 0;
}

static int cmd_write(struct words *w, const struct io_command *c)
{
    struct how      h;
    uint64_t        off, len;
    struct timespec t;
    uint8_t        *buf = NULL;
    int             ret = take_options(w, c, &h);

    if (ret < 0 || place(w, &off, &len) < 0)
        return -EINVAL;
    if (h.zero && h.has_pattern)
        return printf("-z and -P cannot be specified at the same time\n"), -EINVAL;
    if (h.unmap && !h.zero)
        return printf("-u requires -z to be specified\n"), -EINVAL;
    if (!h.zero) {
        buf = blk_bounce((size_t)len);
        if (buf == NULL)
            return fail("write", -ENOMEM);
        memset(buf, h.pattern, (size_t)len);
        ret = h.file != NULL ? fill_from_file(h.file, buf, len) : 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (ret == 0 && h.vmstate)
        ret = io.n->drv->vmstate_write != NULL ? io.n->drv->vmstate_write(io.n, off, BLK_FLAT(buf, len)) : -ENOTSUP;
    else if (ret == 0 && h.zero)
        ret = blk_zero(io.n, off, len, (h.unmap ? BLK_MAY_UNMAP : 0) | (h.fua ? BLK_FUA : 0) | (h.nofua ? BLK_NO_FALLBACK : 0));
    else if (ret == 0 && h.compress)
        ret = blk_write_compressed(io.n, off, buf, (size_t)len);
    else if (ret == 0)
        ret = blk_writev(io.n, off, BLK_FLAT(buf, len), h.fua ? BLK_FUA : 0);
    if (ret < 0)
        fail("write", ret);
    else
        report("wrote", since(&t), off, len, len, 1, &h);
    free(buf);
    return ret;
}

/* ---- several at once */

struct async {
    struct how      h;
    uint64_t        off, len;
    struct timespec began;
    uint8_t        *buf;
    bool            write;
};

static void async_main(void *arg)
{
    struct async *a = arg;
    int           ret;

    if (a->write)
        ret = a->h.zero ? blk_zero(io.n, a->off, a->len, a->h.unmap ? BLK_MAY_UNMAP : 0) : blk_write(io.n, a->off, a->buf, (size_t)a->len);
    else
        ret = blk_read(io.n, a->off, a->buf, (size_t)a->len);
    if (ret < 0) {
        printf("aio_%s failed: %s\n", a->write ? "write" : "read", strerror(-ret));
    } else {
        if (!a->write)
            verify(&a->h, a->buf, a->off, a->len);
        report(a->write ? "wrote" : "read", since(&a->began), a->off, a->len, a->len, 1, &a->h);
    }
    free(a->buf);
    free(a);
    if (--io.pending == 0)
        co_queue_wake_all(&io.idle);
}

static int cmd_aio(struct words *w, const struct io_command *c)
{
    struct async *a = NEW(struct async);

    a->write = str_eq(c->name, "aio_write");
    if (take_options(w, c, &a->h) < 0 || place(w, &a->off, &a->len) < 0) {
        free(a);
        return -EINVAL;
    }
    a->buf = blk_bounce((size_t)a->len);
    if (a->buf == NULL) {
        free(a);
        return fail("allocation", -ENOMEM);
    }
    memset(a->buf, a->h.pattern, (size_t)a->len);
    clock_gettime(CLOCK_MONOTONIC, &a->began);
    io.pending++;
    io_spawn(async_main, a);
    return 0;
}

static void wait_idle(void)
{
    while (io.pending > 0)
        co_queue_wait(&io.idle);
}

static int cmd_aio_flush(struct words *w, const struct io_command *c)
{
    (void)w, (void)c;
    wait_idle();
    return 0;
}

/* ---- the rest */

static int cmd_flush(struct words *w, const struct io_command *c)
{
    int ret = blk_flush(io.n);

    (void)w, (void)c;
    return ret < 0 ? fail("flush", ret) : 0;
}

static int cmd_discard(struct words *w, const struct io_command *c)
{
    struct how      h;
    uint64_t        off, len;
    struct timespec t;
    int             ret = take_options(w, c, &h);

    if (ret < 0 || number("offset", w->w[0], INT64_MAX, &off) < 0 || number("length", w->w[1], INT64_MAX, &len) < 0)
        return -EINVAL;
    clock_gettime(CLOCK_MONOTONIC, &t);
    ret = blk_discard(io.n, off, len);
    if (ret < 0)
        return fail("discard", ret);
    report("discard", since(&t), off, len, len, 1, &h);
    return 0;
}

static int cmd_truncate(struct words *w, const struct io_command *c)
{
    struct error      err = ERROR_INIT;
    enum blk_prealloc p   = BLK_PREALLOC_OFF;
    uint64_t          v;

    (void)c;
    if (w->n >= 4 && str_eq(w->w[1], "-m")) {
        if (blk_prealloc_parse(w->w[2], &p, &err) < 0)
            return printf("%s\n", err.text), -EINVAL;
        w->w[1] = w->w[3];
    }
    if (w->n < 2 || number("offset", w->w[1], INT64_MAX, &v) < 0)
        return -EINVAL;
    if (blk_resize(io.n, v, p, &err) < 0)
        return printf("%s\n", err.text), err.code;
    return 0;
}

static int cmd_length(struct words *w, const struct io_command *c)
{
    char size[32];

    (void)w, (void)c;
    printf("%s\n", blk_size_text(io.n->bytes, size));
    return 0;
}

static int cmd_alloc(struct words *w, const struct io_command *c)
{
    uint64_t off, len = 512, done = 0;
    char     size[32];

    (void)c;
    if (w->n < 2 || number("offset", w->w[1], INT64_MAX, &off) < 0 || (w->n > 2 && number("length", w->w[2], INT64_MAX, &len) < 0))
        return -EINVAL;
    for (uint64_t at = 0, same; at < len; at += same) {
        int ret = blk_map_above(io.n, io.n->backing, off + at, len - at, &same);

        if (ret < 0)
            return fail("is_allocated", ret);
        done += ret == 1 ? same : 0;
    }
    printf("%" PRIu64 "/%" PRIu64 " bytes allocated at offset %s\n", done, len, blk_size_text(off, size));
    return 0;
}

static int cmd_map(struct words *w, const struct io_command *c)
{
    (void)w, (void)c;
    for (uint64_t at = 0, same; at < io.n->bytes; at += same) {
        char a[32], b[32];
        int  ret = blk_map_above(io.n, io.n->backing, at, io.n->bytes - at, &same);

        if (ret < 0)
            return fail("Failed to query allocation status", ret);
        printf("%s (0x%" PRIx64 ") bytes %s allocated at offset %s (0x%" PRIx64 ")\n", blk_size_text(same, a), same, ret ? "    " : "not ",
               blk_size_text(at, b), at);
    }
    return 0;
}

static int cmd_info(struct words *w, const struct io_command *c)
{
    (void)w, (void)c;
    printf("format name: %s\n", io.n->drv->name);
    if (io.n->unit)
        printf("cluster size: %u bytes\n", io.n->unit);
    return 0;
}

static int cmd_sleep(struct words *w, const struct io_command *c)
{
    uint64_t ms;

    (void)c;
    if (w->n < 2 || number("ms", w->w[1], 1 << 30, &ms) < 0)
        return -EINVAL;
    io_sleep_ns(ms * 1000000);
    return 0;
}

static int cmd_close(struct words *w, const struct io_command *c)
{
    (void)w, (void)c;
    wait_idle();
    blk_unref(io.n);
    io.n = NULL;
    return 0;
}

static int open_image(const char *name)
{
    io.n = img_open(&io.g, name, io.g.fmt, io.flags, io.g.cache);
    if (io.n != NULL && io.name != name)
        snprintf(io.name, sizeof io.name, "%s", name);
    return io.n != NULL ? 0 : -EIO;
}

static int cmd_open(struct words *w, const struct io_command *c)
{
    (void)c;
    if (io.n != NULL)
        return printf("file open already, try 'help close'\n"), -EBUSY;
    for (int i = 1; i + 1 < w->n; i++)
        if (str_eq(w->w[i], "-r"))
            io.flags &= ~(unsigned)BLK_RDWR;
    return w->n > 1 ? open_image(w->w[w->n - 1]) : -EINVAL;
}

static int cmd_reopen(struct words *w, const struct io_command *c)
{
    cmd_close(w, c);
    for (int i = 1; i < w->n; i++) {
        if (str_eq(w->w[i], "-r"))
            io.flags &= ~(unsigned)BLK_RDWR;
        if (str_eq(w->w[i], "-w"))
            io.flags |= BLK_RDWR;
    }
    return open_image(io.name);
}

static int cmd_quit(struct words *w, const struct io_command *c)
{
    (void)w, (void)c;
    io.quit = true;
    return 0;
}

static int cmd_help(struct words *w, const struct io_command *c);

static const struct io_command commands[] = {
    { "read", "r", "[-abCqv] [-P pattern [-s off] [-l len]] off len", "reads a number of bytes at a specified offset", 2, "abCl:pP:qs:v", false, cmd_read },
    { "readv", NULL, "[-Cqv] [-P pattern] off len [len..]", "reads a number of bytes at a specified offset", 2, "CP:qv", false, cmd_vectored },
    { "write", "w", "[-bcCfnquz] [-P pattern | -s source_file] off len", "writes a number of bytes at a specified offset", 2, "bcCfnpP:qs:uz", false, cmd_write },
    { "writev", NULL, "[-Cfq] [-P pattern] off len [len..]", "writes a number of bytes at a specified offset", 2, "CfqP:s:", false, cmd_vectored },
    { "aio_read", NULL, "[-Ciqv] [-P pattern] off len", "asynchronously reads a number of bytes", 2, "CP:iqv", false, cmd_aio },
    { "aio_write", NULL, "[-Cfiquz] [-P pattern] off len", "asynchronously writes a number of bytes", 2, "CfiP:quz", false, cmd_aio },
    { "aio_flush", NULL, "", "completes all outstanding aio requests", 0, "", false, cmd_aio_flush },
    { "flush", "f", "", "flush all in-core file state to disk", 0, "", false, cmd_flush },
    { "discard", "d", "[-Cq] off len", "discards a number of bytes at a specified offset", 2, "Cq", false, cmd_discard },
    { "truncate", "t", "[-m prealloc_mode] off", "truncates the current file at the given offset", 1, "", false, cmd_truncate },
    { "length", "l", "", "gets the length of the current file", 0, "", false, cmd_length },
    { "alloc", "a", "offset [count]", "checks if offset is allocated in the file", 1, "", false, cmd_alloc },
    { "map", NULL, "", "prints the allocated areas of a file", 0, "", false, cmd_map },
    { "info", "i", "", "prints information about the current file", 0, "", false, cmd_info },
    { "sleep", NULL, "ms", "waits the given time", 1, "", true, cmd_sleep },
    { "open", "o", "[-r] [file]", "open the file specified by path", 0, "", true, cmd_open },
    { "close", "c", "", "close the current open file", 0, "", false, cmd_close },
    { "reopen", NULL, "[-r | -w]", "reopens an image with new options", 0, "", false, cmd_reopen },
    { "help", "?", "[command]", "help for one or all commands", 0, "", true, cmd_help },
    { "quit", "q", "", "exit the program", 0, "", true, cmd_quit },
};

static int cmd_help(struct words *w, const struct io_command *c)
{
    (void)c;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (w->n < 2 || str_eq(commands[i].name, w->w[1]))
            printf("%s %s -- %s\n", commands[i].name, commands[i].args, commands[i].help);
    return 0;
}

static int run_line(const char *line)
{
    char        *copy = xstrdup(line), *save = NULL;
    struct words w = { .n = 0 };
    struct nearest near;
    char         hint[96];
    int          ret = 0;

    for (char *s = strtok_r(copy, " \t\n", &save); s != NULL && w.n < WORDS_MAX; s = strtok_r(NULL, " \t\n", &save))
        w.w[w.n++] = s;
    if (w.n == 0) {
        free(copy);
        return 0;
    }
    near = (struct nearest)NEAREST_INIT(w.w[0]);
    size_t i;

    for (i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_eq(w.w[0], commands[i].name) || (commands[i].alias != NULL && str_eq(w.w[0], commands[i].alias)))
            break;
        nearest_try(&near, commands[i].name);
    }
    if (i == ARRAY_LEN(commands)) {
        printf("command \"%s\" not found%s\n", w.w[0], nearest_hint(&near, hint, sizeof hint));
        ret = -EINVAL;
    } else if (io.n == NULL && !commands[i].closed_too) {
        printf("no file open, try 'help open'\n");
        ret = -EINVAL;
    } else {
        ret = commands[i].run(&w, &commands[i]);
    }
    fflush(stdout);
    free(copy);
    return ret;
}

static char *next_line(void)
{
    char  *line = NULL;
    size_t room = 0;

#ifdef CONFIG_LIBEDIT
    if (isatty(STDIN_FILENO)) {
        line = readline("rhea-io> ");
        if (line != NULL && line[0] != '\0')
            add_history(line);
        return line;
    }
#endif
    if (getline(&line, &room, stdin) < 0) {
        free(line);
        return NULL;
    }
    return line;
}

static int usage(void)
{
    printf("Usage: rhea-io [OPTIONS]... [-c STRING]... [file]\n"
           "  --object OBJECTDEF   define an object such as 'secret'\n"
           "  --image-opts         treat file as option string\n"
           "  -c, --cmd STRING     execute command with its arguments from the given string\n"
           "  -f, --format FMT     specifies the block driver to use\n"
           "  -r, --read-only      export read-only\n"
           "  -s, --snapshot       use snapshot file\n"
           "  -n, --nocache        disable host cache, short for -t none\n"
           "  -C, --copy-on-read   enable copy-on-read\n"
           "  -k, --native-aio     use kernel AIO implementation, short for -i native\n"
           "  -i, --aio=MODE       use AIO mode (threads, native or io_uring)\n"
           "  -t, --cache=MODE     use the given cache mode for the image\n"
           "  -d, --discard=MODE   use the given discard mode for the image\n"
           "  -U, --force-share    force shared permissions\n"
           "  -h, --help           display this help and exit\n"
           "  -V, --version        output version information and exit\n");
    return 0;
}

static int io_options(int argc, char **argv, char **cmds, int *count)
{
    static const struct option longs[] = {
        IMG_LONG, { "cmd", required_argument, NULL, 'c' }, { "format", required_argument, NULL, 'f' }, { "read-only", no_argument, NULL, 'r' },
        { "snapshot", no_argument, NULL, 's' }, { "nocache", no_argument, NULL, 'n' }, { "copy-on-read", no_argument, NULL, 'C' },
        { "native-aio", no_argument, NULL, 'k' }, { "aio", required_argument, NULL, 'i' }, { "cache", required_argument, NULL, 't' },
        { "discard", required_argument, NULL, 'd' }, { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
    };
    bool native = false;
    int  opt, ret = 0;

    while (ret == 0 && (opt = getopt_long(argc, argv, "hVc:d:f:rsnCki:t:U", longs, NULL)) != -1) {
        switch (opt) {
        case 'c':
            if (*count < 4096)
                cmds[(*count)++] = optarg;
            break;
        case 'd':
            io.flags = str_eq(optarg, "unmap") || str_eq(optarg, "on") ? io.flags | BLK_UNMAP : io.flags & ~(unsigned)BLK_UNMAP;
            break;
        case 'r':
            io.flags &= ~(unsigned)BLK_RDWR;
            break;
        case 's':
            ret = img_fail_text("-s is for machines; make an overlay with rhea-img create -b, or open with -r") + 1;
            break;
        case 'n':
            io.g.cache = "none";
            break;
        case 'C':
            io.flags |= BLK_COPY_ON_READ;
            break;
        case 'k':
            native = true;
            break;
        case 'i':
            native = str_eq(optarg, "native");
            if (str_eq(optarg, "threads"))
                io.flags |= BLK_AIO_THREADS;
            else if (!native && !str_eq(optarg, "io_uring"))
                ret = img_fail_text("Invalid aio option: %s", optarg) + 1;
            break;
        case 'V':
            version_print("qemu-io");
            return 1;
        case 'h':
            return usage() + 1;
        default:
            ret = img_option(&io.g, opt, "io");
        }
    }
    if (ret == 0 && native && img_native(io.g.cache) < 0)
        ret = 2;
    return ret;
}

static int io_run_all(int argc, char **argv)
{
    char **cmds  = NEW_ARRAY(char *, 4096);
    int    count = 0, ret;
    bool   failed = false;

    io.flags = BLK_RDWR | BLK_UNMAP;
    ret = io_options(argc, argv, cmds, &count);
    if (ret == 0 && optind < argc)
        ret = open_image(argv[optind]) < 0 ? 2 : 0;
    if (ret != 0) {
        free(cmds);
        return ret - 1;
    }
    for (int i = 0; i < count && !io.quit; i++)
        failed |= run_line(cmds[i]) < 0;
    while (count == 0 && !io.quit && !img_interrupted()) {
        char *line = next_line();

        if (line == NULL)
            break;
        failed |= run_line(line) < 0;
        free(line);
    }
    wait_idle();
    blk_unref(io.n);
    free(cmds);
    return failed ? 1 : 0;
}

static int io_main(int argc, char **argv, const char *arch)
{
    (void)arch;
    return img_run(io_run_all, argc, argv);
}

const struct personality io_personality = { .name = "io", .help = "disk images: single reads and writes", .main = io_main };
