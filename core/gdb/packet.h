/* core/gdb/packet.h - the frame of gdb's remote protocol: `$data#cc`, acknowledgements, escapes, and the break byte.
 *
 * Bytes from the client go in through gdb_packet_feed(); each whole packet comes out through a callback. What does not
 * fit, has a bad checksum or lies outside a frame is dropped and, unless acknowledgements are off, refused with `-`.
 * Source: GDB manual, appendix "Remote Protocol", Overview. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GDB_PACKET_MAX = 16384 };               /* bytes between $ and #; told to the client as PacketSize */

struct gdb_packet {
    char in[GDB_PACKET_MAX + 1];
    size_t len;
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM1, GDB_SUM2, GDB_SKIP } state;
    uint8_t sum, want;
    bool no_ack;
    char *last; size_t last_len;               /* last frame sent, for a resend */
    void (*send)(void *opaque, const char *bytes, size_t n);
    void (*packet)(void *opaque, char *data, size_t n);    /* 0 behind the data; may call gdb_packet_reply() */
    void (*interrupt)(void *opaque);           /* the client sent 0x03 */
    void *opaque;
};

void gdb_packet_init(struct gdb_packet *p, void (*send)(void *, const char *, size_t),
                     void (*packet)(void *, char *, size_t), void (*interrupt)(void *), void *opaque);
void gdb_packet_free(struct gdb_packet *p);
void gdb_packet_feed(struct gdb_packet *p, const char *bytes, size_t n);

/** gdb_packet_reply - send a packet; escapes what must be. @n bytes of @data, any values. */
void gdb_packet_reply(struct gdb_packet *p, const char *data, size_t n);
