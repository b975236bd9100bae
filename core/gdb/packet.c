#include "core/gdb/packet.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

void gdb_packet_init(struct gdb_packet *p, void (*send)(void *, const char *, size_t),
                     void (*packet)(void *, char *, size_t), void (*interrupt)(void *), void *opaque)
{
    memset(p, 0, sizeof *p);
    p->send = send;
    p->packet = packet;
    p->interrupt = interrupt;
    p->opaque = opaque;
}

void gdb_packet_free(struct gdb_packet *p)
{
    free(p->last);
    p->last = NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void outside_frame(struct gdb_packet *p, char c)
{
    switch (c) {
    case '$':
        p->state = GDB_DATA;
        p->len = 0;
        p->sum = 0;
        break;
    case 3:
        p->interrupt(p->opaque);
        break;
    case '-':
        if (p->last && !p->no_ack)
            p->send(p->opaque, p->last, p->last_len);
        break;
    default:                                   /* `+`, and noise */
        break;
    }
}

static void keep(struct gdb_packet *p, char c)
{
    if (p->len == GDB_PACKET_MAX)
        p->state = GDB_SKIP;
    else
        p->in[p->len++] = c;
}

static void end_frame(struct gdb_packet *p, char c)
{
    int digit = hex_digit(c);

    p->state = GDB_IDLE;
    if (digit < 0 || (uint8_t)(p->want | digit) != p->sum) {
        if (!p->no_ack)
            p->send(p->opaque, "-", 1);
        return;
    }
    if (!p->no_ack)
        p->send(p->opaque, "+", 1);
    p->in[p->len] = 0;
    p->packet(p->opaque, p->in, p->len);
}

static void feed(struct gdb_packet *p, char c)
{
    switch (p->state) {
    case GDB_IDLE:
        outside_frame(p, c);
        return;
    case GDB_SKIP:                             /* too long: wait for its end, then refuse it */
        if (c == '#')
            p->state = GDB_SUM1, p->want = 0, p->sum = 0xff, p->len = 0;
        return;
    case GDB_DATA:
        if (c == '#') {
            p->state = GDB_SUM1;
        } else if (c == '$') {
            outside_frame(p, c);
        } else {
            p->sum += (uint8_t)c;
            if (c == '}')
                p->state = GDB_ESCAPE;
            else
                keep(p, c);
        }
        return;
    case GDB_ESCAPE:
        p->sum += (uint8_t)c;
        p->state = GDB_DATA;
        keep(p, c ^ 0x20);
        return;
    case GDB_SUM1:
        p->want = hex_digit(c) < 0 ? 0 : (uint8_t)(hex_digit(c) << 4);
        p->state = GDB_SUM2;
        return;
    case GDB_SUM2:
        end_frame(p, c);
        return;
    }
}

void gdb_packet_feed(struct gdb_packet *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        feed(p, bytes[i]);
}

static bool must_escape(char c) { return c == '$' || c == '#' || c == '}' || c == '*'; }

void gdb_packet_reply(struct gdb_packet *p, const char *data, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    char *out = xmalloc(2 * n + 4);
    size_t len = 0;
    uint8_t sum = 0;

    out[len++] = '$';
    for (size_t i = 0; i < n; i++) {
        if (must_escape(data[i])) {
            out[len++] = '}';
            out[len++] = data[i] ^ 0x20;
        } else {
            out[len++] = data[i];
        }
    }
    for (size_t i = 1; i < len; i++)
        sum += (uint8_t)out[i];
    out[len++] = '#';
    out[len++] = hex[sum >> 4];
    out[len++] = hex[sum & 15];
    free(p->last);
    p->last = out;
    p->last_len = len;
    p->send(p->opaque, out, len);
}
