#include "core/gdb/stub.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/gdb/packet.h"
#include "core/vm/vcpu.h"
#include "targets/target.h"

enum { SIG_INT = 2, SIG_TRAP = 5, MEM_MAX = GDB_PACKET_MAX / 2 - 16, REG_BYTES_MAX = 256, REGS_MAX = 512 };

struct gdb_stub {
    struct gdb_packet packet;
    const struct gdb_calls *calls;
    void *opaque;
    struct debug_points points;
    uint8_t watch_type[DEBUG_POINTS_MAX];      /* 2 write, 3 read, 4 access: as the Z packet said */
    unsigned general, control;                 /* thread indexes that g and c mean */
    bool running;
    char *out; size_t len, cap;                /* the reply being built */
    char stop[96];                             /* last stop reply, for `?` */
};

/* --- replies --------------------------------------------------------------------------------------------------------- */

static void put(struct gdb_stub *s, const void *bytes, size_t n)
{
    if (s->len + n > s->cap) {
        s->cap = 2 * (s->len + n) + 256;
        s->out = xrealloc(s->out, s->cap);
    }
    memcpy(s->out + s->len, bytes, n);
    s->len += n;
}

static void puts_to(struct gdb_stub *s, const char *text) { put(s, text, strlen(text)); }

static void put_hex(struct gdb_stub *s, const uint8_t *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        char two[2] = { hex[bytes[i] >> 4], hex[bytes[i] & 15] };

        put(s, two, 2);
    }
}

static void put_fmt(struct gdb_stub *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_fmt(struct gdb_stub *s, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    puts_to(s, text);
}

static void send_reply(struct gdb_stub *s)
{
    gdb_packet_reply(&s->packet, s->len ? s->out : "", s->len);
    s->len = 0;
}

static void say(struct gdb_stub *s, const char *text)
{
    s->len = 0;
    puts_to(s, text);
}

/* --- reading the client's words -------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex bytes; returns how many, or -1 if something else stands there or there are more than room. */
static int get_hex(const char *p, uint8_t *out, size_t room)
{
    size_t n = 0;

    for (; *p; p += 2) {
        if (hex_digit(p[0]) < 0 || hex_digit(p[1]) < 0 || n == room)
            return -1;
        out[n++] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
    }
    return (int)n;
}

static bool get_number(const char **p, uint64_t *v)
{
    const char *from = *p;

    *v = 0;
    while (hex_digit(**p) >= 0)
        *v = *v << 4 | (uint64_t)hex_digit(*(*p)++);
    return *p != from && *p - from <= 16;
}

/* A thread id: `N` or `pP.N`; 0 and -1 mean any. Returns the index, 0 for any, or -1 for one that isn't there. */
static int get_thread(struct gdb_stub *s, const char **p)
{
    uint64_t n;

    if (**p == 'p') {
        const char *dot = strchr(*p, '.');

        if (!dot)
            return 0;
        *p = dot + 1;
    }
    if (!strncmp(*p, "-1", 2)) {
        *p += 2;
        return 0;
    }
    if (!get_number(p, &n))
        return -1;
    if (n == 0)
        return 0;
    return n <= s->calls->threads(s->opaque) ? (int)n - 1 : -1;
}

static struct vcpu *general_thread(struct gdb_stub *s)
{
    struct vcpu *v = s->calls->thread(s->opaque, s->general);

    return v ? v : s->calls->thread(s->opaque, 0);
}

/* --- registers and memory -------------------------------------------------------------------------------------------- */

static void read_registers(struct gdb_stub *s)
{
    struct vcpu *v = general_thread(s);
    uint8_t buf[REG_BYTES_MAX];
    int n;

    for (unsigned r = 0; r < v->target->gdb_core_regs; r++) {
        n = v->target->gdb_read(v->env, r, buf, sizeof buf);
        if (n <= 0)
            break;
        put_hex(s, buf, (size_t)n);
    }
    if (!s->len)
        say(s, "E01");
}

static void write_registers(struct gdb_stub *s, const char *p)
{
    struct vcpu *v = general_thread(s);
    size_t room = strlen(p) / 2;
    uint8_t *bytes = xmalloc(room + 1), old[REG_BYTES_MAX];
    int have = get_hex(p, bytes, room), at = 0;

    for (unsigned r = 0; have > 0 && r < v->target->gdb_core_regs && at < have; r++) {
        int n = v->target->gdb_read(v->env, r, old, sizeof old);

        if (n <= 0 || at + n > have)
            break;
        v->target->gdb_write(v->env, r, bytes + at, (size_t)n);
        at += n;
    }
    free(bytes);
    say(s, have < 0 ? "E01" : "OK");
}

static void read_register(struct gdb_stub *s, const char *p)
{
    struct vcpu *v = general_thread(s);
    uint8_t buf[REG_BYTES_MAX];
    uint64_t r;
    int n = get_number(&p, &r) && r < UINT32_MAX ? v->target->gdb_read(v->env, (unsigned)r, buf, sizeof buf) : 0;

    if (n > 0)
        put_hex(s, buf, (size_t)n);
    else
        say(s, "E01");
}

static void write_register(struct gdb_stub *s, const char *p)
{
    struct vcpu *v = general_thread(s);
    uint8_t buf[REG_BYTES_MAX];
    uint64_t r;
    int n;

    if (!get_number(&p, &r) || *p != '=' || r >= UINT32_MAX || (n = get_hex(p + 1, buf, sizeof buf)) <= 0 ||
        v->target->gdb_write(v->env, (unsigned)r, buf, (size_t)n) <= 0)
        say(s, "E01");
    else
        say(s, "OK");
}

static void read_memory(struct gdb_stub *s, const char *p)
{
    uint64_t addr, n;
    uint8_t *buf;

    if (!get_number(&p, &addr) || *p++ != ',' || !get_number(&p, &n)) {
        say(s, "E01");
        return;
    }
    if (n > MEM_MAX)
        n = MEM_MAX;
    buf = xmalloc(n + 1);
    if (s->calls->read(s->opaque, general_thread(s), addr, buf, n) == 0)
        put_hex(s, buf, n);
    else
        say(s, "E14");
    free(buf);
}

static void write_memory(struct gdb_stub *s, const char *p, const char *end, bool binary)
{
    uint64_t addr, n;
    uint8_t *hex = NULL;
    const void *bytes;
    bool good;

    if (!get_number(&p, &addr) || *p++ != ',' || !get_number(&p, &n) || *p++ != ':') {
        say(s, "E01");
        return;
    }
    if (binary) {
        bytes = p;
        good = n == (uint64_t)(end - p);
    } else {
        bytes = hex = xmalloc((size_t)(end - p) / 2 + 1);
        good = get_hex(p, hex, (size_t)(end - p) / 2) == (int)n;
    }
    if (!good)
        say(s, "E01");
    else
        say(s, s->calls->write(s->opaque, general_thread(s), addr, bytes, n) == 0 ? "OK" : "E14");
    free(hex);
}

/* --- break- and watchpoints ------------------------------------------------------------------------------------------ */

static bool set_break(struct debug_points *d, uint64_t addr, bool on)
{
    unsigned i = 0;

    while (i < d->nbreak && d->brk[i] != addr)
        i++;
    if (on && i == d->nbreak) {
        if (i == DEBUG_POINTS_MAX)
            return false;
        d->brk[d->nbreak++] = addr;
    } else if (!on && i < d->nbreak) {
        d->brk[i] = d->brk[--d->nbreak];
    }
    return true;
}

static bool set_watch(struct gdb_stub *s, unsigned type, uint64_t addr, uint64_t len, bool on)
{
    struct debug_points *d = &s->points;
    unsigned i = 0;

    while (i < d->nwatch && (d->watch[i].addr != addr || d->watch[i].len != len || s->watch_type[i] != type))
        i++;
    if (on && i == d->nwatch) {
        if (i == DEBUG_POINTS_MAX || !len)
            return false;
        d->watch[i] = (struct debug_watch){ .addr = addr, .len = len, .read = type != 2, .write = type != 3 };
        s->watch_type[i] = (uint8_t)type;
        d->nwatch++;
    } else if (!on && i < d->nwatch) {
        d->watch[i] = d->watch[--d->nwatch];
        s->watch_type[i] = s->watch_type[d->nwatch];
    }
    return true;
}

static void change_point(struct gdb_stub *s, const char *p, bool on)
{
    uint64_t type, addr, len;
    bool done;

    if (!get_number(&p, &type) || *p++ != ',' || !get_number(&p, &addr) || *p++ != ',' || !get_number(&p, &len)) {
        say(s, "E01");
        return;
    }
    if (type > 4 || (type >= 2 && s->calls->no_watch))
        return;                                /* empty reply: not supported */
    done = type < 2 ? set_break(&s->points, addr, on) : set_watch(s, (unsigned)type, addr, len, on);
    s->points.generation++;
    s->calls->points(s->opaque, &s->points);
    say(s, done ? "OK" : "E28");
}

/* --- running --------------------------------------------------------------------------------------------------------- */

static void resume(struct gdb_stub *s, struct vcpu *step)
{
    s->len = 0;
    s->running = true;
    for (unsigned i = 0; i < s->calls->threads(s->opaque); i++) {
        struct vcpu *v = s->calls->thread(s->opaque, i);

        v->step_over = true;                   /* a breakpoint where the guest stands has been reported already */
        v->single_step = v == step;
    }
    s->calls->resume(s->opaque, step);
}

static void resume_at(struct gdb_stub *s, const char *p, bool step)
{
    struct vcpu *v = s->calls->thread(s->opaque, s->control);
    uint64_t addr;

    if (!v)
        v = s->calls->thread(s->opaque, 0);
    if (get_number(&p, &addr))
        v->env->pc = addr;
    resume(s, step ? v : NULL);
}

/* vCont;action[:thread]... The first action that fits a thread counts; a step of one thread lets only that one run. */
static void vcont(struct gdb_stub *s, const char *p)
{
    while (*p == ';') {
        char action = *++p;
        int thread = 0;

        p += strcspn(p, ";:");
        if (*p == ':') {
            p++;
            thread = get_thread(s, &p);
        }
        if (thread < 0) {
            say(s, "E22");
            return;
        }
        if (action == 's' || action == 'S') {
            resume(s, s->calls->thread(s->opaque, (unsigned)thread));
            return;
        }
        if (action == 't') {
            s->calls->stop(s->opaque);
            return;
        }
        if (action != 'c' && action != 'C')
            return;
        p += strcspn(p, ";");
    }
    resume(s, NULL);
}

static void set_thread(struct gdb_stub *s, const char *p)
{
    char what = *p++;
    int t = get_thread(s, &p);

    if (t < 0 || (what != 'g' && what != 'c')) {
        say(s, "E22");
        return;
    }
    if (what == 'g')
        s->general = (unsigned)t;
    else
        s->control = (unsigned)t;
    say(s, "OK");
}

/* --- queries --------------------------------------------------------------------------------------------------------- */

static void supported(struct gdb_stub *s)
{
    put_fmt(s, "PacketSize=%x;qXfer:features:read+;swbreak+;hwbreak+;vContSupported+;QStartNoAckMode+",
            GDB_PACKET_MAX);
    if (s->calls->object)
        puts_to(s, ";qXfer:auxv:read+;qXfer:exec-file:read+");
}

/* A slice of a document: `m` and bytes, `l` when it is the last. */
static void slice(struct gdb_stub *s, const char *doc, size_t n, const char *range)
{
    uint64_t from, len;

    if (!get_number(&range, &from) || *range++ != ',' || !get_number(&range, &len) || from > n) {
        say(s, "E00");
        return;
    }
    if (len > MEM_MAX)
        len = MEM_MAX;
    if (len > n - from)
        len = n - from;
    puts_to(s, from + len < n ? "m" : "l");
    put(s, doc + from, len);
}

static void transfer(struct gdb_stub *s, char *p)
{
    char *annex = strstr(p, ":read:"), *range;
    struct vcpu *v = general_thread(s);
    size_t n;

    if (!annex)
        return;
    *annex = 0;
    annex += 6;
    range = strchr(annex, ':');
    if (!range)
        return;
    *range++ = 0;
    if (!strcmp(p, "features")) {
        const char *doc = v->target->gdb_xml ? v->target->gdb_xml(v->env, annex) : NULL;

        if (doc)
            slice(s, doc, strlen(doc), range);
        else
            say(s, "E00");
    } else if (s->calls->object) {
        void *doc = s->calls->object(s->opaque, p, &n);

        if (doc)
            slice(s, doc, n, range);
        free(doc);
    }
}

static void monitor_command(struct gdb_stub *s, const char *p)
{
    char *text = xmalloc(strlen(p) / 2 + 1), *answer;
    int n = get_hex(p, (uint8_t *)text, strlen(p) / 2);

    if (n < 0 || !s->calls->monitor) {
        free(text);
        return;
    }
    text[n] = 0;
    answer = s->calls->monitor(s->opaque, text);
    if (answer && *answer)
        put_hex(s, (const uint8_t *)answer, strlen(answer));
    else
        say(s, answer ? "OK" : "E01");
    free(answer);
    free(text);
}

static void thread_list(struct gdb_stub *s)
{
    puts_to(s, "m");
    for (unsigned i = 0; i < s->calls->threads(s->opaque); i++)
        put_fmt(s, "%s%x", i ? "," : "", i + 1);
}

static void thread_info(struct gdb_stub *s, const char *p)
{
    int t = get_thread(s, &p);
    struct vcpu *v = t < 0 ? NULL : s->calls->thread(s->opaque, (unsigned)t);
    char text[64];

    if (!v) {
        say(s, "E22");
        return;
    }
    snprintf(text, sizeof text, "CPU#%u [%s]", v->index, s->calls->extra ? s->calls->extra(s->opaque, v) : "stopped");
    put_hex(s, (const uint8_t *)text, strlen(text));
}

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

static void query(struct gdb_stub *s, char *p)
{
    if (begins(p, "Supported"))
        supported(s);
    else if (begins(p, "Xfer:"))
        transfer(s, p + 5);
    else if (begins(p, "fThreadInfo"))
        thread_list(s);
    else if (begins(p, "sThreadInfo"))
        say(s, "l");
    else if (begins(p, "ThreadExtraInfo,"))
        thread_info(s, p + 16);
    else if (!strcmp(p, "C"))
        put_fmt(s, "QC%x", s->general + 1);
    else if (begins(p, "Attached"))
        say(s, "1");
    else if (begins(p, "Rcmd,"))
        monitor_command(s, p + 5);
    else if (!strcmp(p, "Symbol::"))
        say(s, "OK");
}

/* --- packets --------------------------------------------------------------------------------------------------------- */

static void detach(struct gdb_stub *s)
{
    memset(&s->points.brk, 0, sizeof s->points.brk);
    s->points.nbreak = s->points.nwatch = 0;
    s->points.generation++;
    s->calls->points(s->opaque, &s->points);
    say(s, "OK");
    send_reply(s);
    resume(s, NULL);
    s->calls->gone(s->opaque);
}

/* Packets whose reply comes when the guest stops, or never, return false. */
static bool answer(struct gdb_stub *s, char *p, size_t n)
{
    const char *rest = p + 1;

    switch (*p) {
    case '?': say(s, s->stop); break;
    case 'g': read_registers(s); break;
    case 'G': write_registers(s, rest); break;
    case 'p': read_register(s, rest); break;
    case 'P': write_register(s, rest); break;
    case 'm': read_memory(s, rest); break;
    case 'M': write_memory(s, rest, p + n, false); break;
    case 'X': write_memory(s, rest, p + n, true); break;
    case 'Z': change_point(s, rest, true); break;
    case 'z': change_point(s, rest, false); break;
    case 'H': set_thread(s, rest); break;
    case 'T': say(s, get_thread(s, &rest) < 0 ? "E22" : "OK"); break;
    case 'q': query(s, p + 1); break;
    case 'c': resume_at(s, rest, false); return false;
    case 's': resume_at(s, rest, true); return false;
    case 'C': case 'S':
        rest += strcspn(rest, ";");
        resume_at(s, *rest ? rest + 1 : rest, *p == 'S');
        return false;
    case 'D': detach(s); return false;
    case 'k': s->calls->kill(s->opaque); return false;
    case 'Q':
        if (!strcmp(rest, "StartNoAckMode")) {
            say(s, "OK");
            send_reply(s);
            s->packet.no_ack = true;
            return false;
        }
        break;
    case 'v':
        if (!strcmp(rest, "Cont?"))
            say(s, "vCont;c;C;s;S;t");
        else if (begins(rest, "Cont")) {
            vcont(s, rest + 4);
            return !s->running;
        } else if (begins(rest, "Kill")) {
            say(s, "OK");
            send_reply(s);
            s->calls->kill(s->opaque);
            return false;
        }
        break;
    default:
        break;
    }
    return true;
}

static void packet(void *opaque, char *data, size_t n)
{
    struct gdb_stub *s = opaque;

    s->len = 0;
    if (!n || s->running)
        return;                                /* only the break byte means something while the guest runs */
    if (answer(s, data, n))
        send_reply(s);
}

static void interrupt(void *opaque)
{
    struct gdb_stub *s = opaque;

    if (s->running)
        s->calls->stop(s->opaque);
}

static void to_client(void *opaque, const char *bytes, size_t n)
{
    struct gdb_stub *s = opaque;

    s->calls->send(s->opaque, bytes, n);
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

struct gdb_stub *gdb_stub_new(const struct gdb_calls *calls, void *opaque)
{
    struct gdb_stub *s = NEW(struct gdb_stub);

    s->calls = calls;
    s->opaque = opaque;
    gdb_packet_init(&s->packet, to_client, packet, interrupt, s);
    snprintf(s->stop, sizeof s->stop, "T%02xthread:1;", SIG_TRAP);
    return s;
}

void gdb_stub_free(struct gdb_stub *s)
{
    s->calls->points(s->opaque, NULL);
    gdb_packet_free(&s->packet);
    free(s->out);
    free(s);
}

void gdb_stub_feed(struct gdb_stub *s, const char *bytes, size_t n) { gdb_packet_feed(&s->packet, bytes, n); }

static const char *watch_word(const struct gdb_stub *s, uint64_t addr)
{
    for (unsigned i = 0; i < s->points.nwatch; i++)
        if (addr < s->points.watch[i].addr + s->points.watch[i].len && addr + 8 > s->points.watch[i].addr)
            return s->watch_type[i] == 3 ? "rwatch" : s->watch_type[i] == 4 ? "awatch" : "watch";
    return "watch";
}

void gdb_stub_stopped(struct gdb_stub *s, struct vcpu *v, enum gdb_why why, uint64_t what)
{
    unsigned thread = v ? v->index + 1 : s->general + 1;
    int signal = why == GDB_STOP_ASKED ? SIG_INT : why == GDB_STOP_SIGNAL ? (int)what : SIG_TRAP;
    char detail[48] = "";

    if (why == GDB_STOP_BREAK)
        snprintf(detail, sizeof detail, "swbreak:;");
    else if (why == GDB_STOP_WATCH)
        snprintf(detail, sizeof detail, "%s:%llx;", watch_word(s, what), (unsigned long long)what);
    snprintf(s->stop, sizeof s->stop, "T%02xthread:%x;%s", signal & 255, thread, detail);
    s->general = s->control = thread - 1;
    if (!s->running)
        return;
    s->running = false;
    say(s, s->stop);
    send_reply(s);
}

void gdb_stub_exited(struct gdb_stub *s, int code, bool by_signal)
{
    snprintf(s->stop, sizeof s->stop, "%c%02x", by_signal ? 'X' : 'W', code & 255);
    if (!s->running)
        return;
    s->running = false;
    say(s, s->stop);
    send_reply(s);
}
