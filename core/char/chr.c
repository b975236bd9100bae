/* core/char/chr.c - between front ends and back ends: output buffer, focus, escapes. */
#include "core/char/chr.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/event/loop.h"
#include "core/event/timer.h"
#include "core/opt/optlist.h"

enum { ESCAPE = 1 }; /* Ctrl-A */

static struct {
    struct loop *loop;
    struct timers *timers;
    void (*quit)(void *opaque);
    void *opaque;
    struct chr *all;
} module;

void chr_init(struct loop *loop, struct timers *timers, void (*quit)(void *opaque), void *opaque)
{
    module.loop = loop;
    module.timers = timers;
    module.quit = quit;
    module.opaque = opaque;
}

/* --- output ------------------------------------------------------------------------------------------------------ */

static void flush(struct chr *c)
{
    while (c->out_len) {
        ssize_t n = c->backend->write(c, c->out, c->out_len);

        if (n == 0)
            return; /* chr_drained() goes on */
        if (n < 0)
            n = (ssize_t)c->out_len; /* nobody there: lost, as on a wire */
        memmove(c->out, c->out + n, c->out_len - (size_t)n);
        c->out_len -= (size_t)n;
    }
    for (unsigned i = 0; i < c->fronts; i++) {
        struct chr_fe *fe = c->front[i];

        if (fe->blocked) {
            fe->blocked = false;
            if (fe->handlers->writable)
                fe->handlers->writable(fe->opaque);
        }
    }
}

static void flush_late(void *opaque)
{
    flush(opaque);
}

void chr_drained(struct chr *c)
{
    flush(c);
}

size_t chr_write(struct chr_fe *fe, const void *bytes, size_t len)
{
    struct chr *c = fe->chr;
    size_t done = 0;

    if (!c)
        return len;
    fe->blocked = false; /* it is here: flush() has nothing to tell it */
    while (done < len && c->out_len < CHR_OUT_ROOM) {
        const char *from = (const char *)bytes + done;
        size_t room = CHR_OUT_ROOM - c->out_len, n = len - done < room ? len - done : room;

        memcpy(c->out + c->out_len, from, n);
        c->out_len += n;
        done += n;
        if (c->out_len == CHR_OUT_ROOM || !c->flush || memchr(from, '\n', n))
            flush(c);
        else if (!timer_armed(c->flush))
            timer_set(c->flush, clock_ns(timers_clocks(module.timers), CLOCK_KIND_REAL) + CHR_FLUSH_NS);
    }
    fe->blocked = done < len;
    return done;
}

void chr_printf(struct chr_fe *fe, const char *fmt, ...)
{
    struct str s = STR_INIT;
    va_list ap;

    va_start(ap, fmt);
    str_vaddf(&s, fmt, ap);
    va_end(ap);
    for (size_t i = 0, line; i < s.len; i += line + 1) { /* people's terminals are raw: \n needs \r */
        line = strcspn(s.text + i, "\n");
        chr_write(fe, s.text + i, line);
        if (i + line < s.len)
            chr_write(fe, "\r\n", 2);
    }
    str_free(&s);
}

/* --- input ------------------------------------------------------------------------------------------------------- */

static struct chr_fe *focused(struct chr *c)
{
    return c->fronts ? c->front[c->focus] : NULL;
}

static void tell(struct chr_fe *fe, enum chr_event what)
{
    if (fe && fe->handlers->event)
        fe->handlers->event(fe->opaque, what);
}

/* What was typed for a front end of a multiplexer while it had the focus. */
static void deliver(struct chr *c, unsigned front)
{
    while (front < c->fronts && c->typed[front].len) {
        struct chr_fe *fe = c->front[front];
        size_t n = fe->handlers->room(fe->opaque);
        uint8_t part[CHR_MUX_ROOM];

        if (n > c->typed[front].len)
            n = c->typed[front].len;
        if (!n)
            return;
        memcpy(part, c->typed[front].bytes, n);
        c->typed[front].len -= n;
        memmove(c->typed[front].bytes, c->typed[front].bytes + n, c->typed[front].len);
        fe->handlers->read(fe->opaque, part, n);
    }
}

static void move_focus(struct chr *c)
{
    if (c->fronts < 2)
        return;
    tell(focused(c), CHR_FOCUS_OUT);
    c->focus = (c->focus + 1) % c->fronts;
    tell(focused(c), CHR_FOCUS_IN);
}

static void escape_help(struct chr *c)
{
    static const char text[] =
        "\r\nC-a h    print this help\r\nC-a x    exit emulator\r\nC-a b    send break\r\n"
        "C-a c    switch between console and monitor\r\nC-a C-a  send C-a\r\n";
    struct chr_fe screen = { .chr = c };

    chr_write(&screen, text, sizeof(text) - 1);
}

/* The byte after the escape; true if it goes to the front end after all. */
static bool escape(struct chr *c, uint8_t byte)
{
    switch (byte) {
    case 'x':
        if (module.quit)
            module.quit(module.opaque);
        return false;
    case 'c':
        deliver(c, c->focus);
        move_focus(c);
        return false;
    case 'b':
        tell(focused(c), CHR_BREAK);
        return false;
    case 'h':
    case '?':
        escape_help(c);
        return false;
    }
    return byte == ESCAPE;
}

size_t chr_room(struct chr *c)
{
    struct chr_fe *fe = focused(c);

    if (c->mux)
        return CHR_MUX_ROOM; /* an escape must get through to a guest that does not read */
    return fe ? fe->handlers->room(fe->opaque) : 0;
}

size_t chr_room_kept(struct chr *c)
{
    return c->mux && c->fronts ? CHR_MUX_ROOM - c->typed[c->focus].len : chr_room(c);
}

void chr_input(struct chr *c, const uint8_t *bytes, size_t len)
{
    struct chr_fe *fe = focused(c);

    if (!c->mux) {
        if (fe && len)
            fe->handlers->read(fe->opaque, bytes, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (c->escaped) {
            c->escaped = false;
            if (!escape(c, bytes[i]))
                continue;
        } else if (bytes[i] == ESCAPE) {
            c->escaped = true;
            continue;
        }
        if (c->typed[c->focus].len == CHR_MUX_ROOM)
            deliver(c, c->focus);
        if (c->typed[c->focus].len < CHR_MUX_ROOM)
            c->typed[c->focus].bytes[c->typed[c->focus].len++] = bytes[i];
    }
    deliver(c, c->focus);
}

void chr_accept(struct chr_fe *fe)
{
    struct chr *c = fe->chr;

    if (!c)
        return;
    for (unsigned i = 0; c->mux && i < c->fronts; i++)
        if (c->front[i] == fe)
            deliver(c, i);
    if (focused(c) != fe)
        return;
    if (c->backend->accept)
        c->backend->accept(c);
}

void chr_event(struct chr *c, enum chr_event what)
{
    if (what == CHR_OPENED || what == CHR_CLOSED)
        c->open = what == CHR_OPENED;
    for (unsigned i = 0; i < c->fronts; i++)
        tell(c->front[i], what);
}

/* --- front ends come and go -------------------------------------------------------------------------------------- */

int chr_attach(struct chr_fe *fe, struct chr *c, const struct chr_handlers *h, void *opaque, struct error *err)
{
    if (c && c->fronts >= (c->mux ? CHR_FRONTS : 1))
        return error_set(err, EBUSY, "character device '%s' is in use already; give it mux=on to share it", c->id);
    *fe = (struct chr_fe){ .chr = c, .handlers = h, .opaque = opaque };
    if (!c)
        return 0;
    c->front[c->fronts++] = fe;
    if (c->open)
        tell(fe, CHR_OPENED);
    if (c->backend->accept)
        c->backend->accept(c);
    return 0;
}

void chr_detach(struct chr_fe *fe)
{
    struct chr *c = fe->chr;

    if (!c)
        return;
    for (unsigned i = 0; i < c->fronts; i++) {
        if (c->front[i] != fe)
            continue;
        memmove(&c->front[i], &c->front[i + 1], (--c->fronts - i) * sizeof(c->front[0]));
        memmove(&c->typed[i], &c->typed[i + 1], (c->fronts - i) * sizeof(c->typed[0]));
        c->typed[c->fronts].len = 0;
        if (c->focus > i || c->focus >= c->fronts)
            c->focus = c->focus ? c->focus - 1 : 0;
        break;
    }
    fe->chr = NULL;
}

/* --- back ends come and go --------------------------------------------------------------------------------------- */

struct chr *chr_find(const char *id)
{
    for (struct chr *c = module.all; c; c = c->next)
        if (str_eq(c->id, id))
            return c;
    return NULL;
}

const char *chr_id(const struct chr *c)
{
    return c->id;
}

bool chr_is_mux(const struct chr *c)
{
    return c->mux;
}

static void chr_free(struct chr *c)
{
    if (c->flush)
        timer_cancel(c->flush);
    free(c->flush);
    free(c->id);
    free(c);
}

struct chr *chr_make(const struct chr_backend *be, const char *id, bool mux, struct optlist *opts, struct error *err)
{
    struct chr *c;

    if (chr_find(id)) {
        error_set(err, EEXIST, "there is a character device '%s' already; choose another id", id);
        return NULL;
    }
    c = xcalloc(1, be->bytes);
    c->backend = be;
    c->id = xstrdup(id);
    c->loop = module.loop;
    c->mux = mux;
    if (module.timers) {
        c->flush = NEW(struct timer);
        timer_init(c->flush, module.timers, CLOCK_KIND_REAL, flush_late, c);
    }
    if (be->open(c, opts, err) < 0) {
        chr_free(c);
        return NULL;
    }
    c->next = module.all;
    module.all = c;
    return c;
}

void chr_del(struct chr *c)
{
    flush(c);
    while (c->fronts)
        chr_detach(c->front[0]);
    for (struct chr **p = &module.all; *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            break;
        }
    }
    if (c->backend->close)
        c->backend->close(c);
    chr_free(c);
}

void chr_end(void)
{
    while (module.all)
        chr_del(module.all);
}

static const struct chr_backend *backend_or_hint(struct optlist *opts, const char *name, struct error *err)
{
    struct nearest n = NEAREST_INIT(name);
    char hint[96];

    for (const struct chr_backend *const *b = all_chr_backends; *b; b++) {
        if (str_eq((*b)->name, name))
            return *b;
        nearest_try(&n, (*b)->name);
    }
    optlist_error(opts, err, ENODEV, "there is no character back end '%s'%s", name, nearest_hint(&n, hint, sizeof(hint)));
    return NULL;
}

int chr_add(struct optlist *opts, struct error *err)
{
    const char *name = optlist_need(opts, "backend", err), *id;
    const struct chr_backend *be;
    bool mux = false;

    if (!name)
        return -EINVAL;
    if (str_eq(name, "help") || str_eq(name, "?")) {
        puts("Available chardev backend types: ");
        for (const struct chr_backend *const *b = all_chr_backends; *b; b++)
            printf("  %s\n", (*b)->name);
        return 1;
    }
    be = backend_or_hint(opts, name, err);
    id = be ? optlist_need(opts, "id", err) : NULL;
    if (!id || optlist_bool(opts, "mux", &mux, err) < 0)
        return -EINVAL;
    if (!chr_make(be, id, mux, opts, err)) {
        error_prepend(err, "-chardev %s: ", optlist_text(opts));
        return -EINVAL;
    }
    return optlist_done(opts, err);
}

void chr_info(FILE *to)
{
    for (struct chr *c = module.all; c; c = c->next) {
        struct str s = STR_INIT;

        if (c->backend->describe)
            c->backend->describe(c, &s);
        else
            str_add(&s, c->backend->name);
        fprintf(to, "%s: filename=%s\n", c->id, s.text ? s.text : "");
        str_free(&s);
    }
}
