/* core/char/chr.h - character back ends: where a serial port, a console or a monitor comes out on the host.
 *
 *     device or monitor (struct chr_fe)  <->  struct chr  <->  back end (stdio, pty, socket, file, null, ringbuf)
 *
 * A chr has one front end, or with mux several, of which one has the focus and gets the input; Ctrl-A is then the
 * escape: x ends the program, c moves the focus, h helps, b sends a break, Ctrl-A Ctrl-A is a Ctrl-A.
 *
 * Output is kept for a line, or for CHR_FLUSH_NS, whichever ends first, so that a guest that writes single bytes
 * does not cost a system call each. A back end that takes no more makes chr_write() take no more, until writable().
 * Input is read only as far as the front end takes it.
 *
 * All calls: machine lock held. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct chr;
struct error;
struct loop;
struct optlist;
struct str;
struct timers;

#define CHR_FLUSH_NS INT64_C(4000000)

enum chr_event { CHR_OPENED, CHR_CLOSED, CHR_BREAK, CHR_FOCUS_IN, CHR_FOCUS_OUT };

struct chr_handlers {
    size_t (*room)(void *opaque);                                  /* bytes it takes now */
    void (*read)(void *opaque, const uint8_t *bytes, size_t len);  /* len <= what room() said */
    void (*event)(void *opaque, enum chr_event what);              /* may be NULL */
    void (*writable)(void *opaque);                                /* may be NULL: chr_write() takes bytes again */
};

/* A front end; embedded in its device. Fields belong to chr.c. */
struct chr_fe {
    struct chr *chr;
    const struct chr_handlers *handlers;
    void *opaque;
    bool blocked; /* chr_write() took less than it was given */
};

struct chr_backend {
    const char *name, *help;
    size_t bytes; /* of its struct, which begins with struct chr */
    /* Keys beside id and mux are its own. 0, or -errno with a sentence. */
    int (*open)(struct chr *c, struct optlist *opts, struct error *err);
    void (*close)(struct chr *c);
    /* Bytes written, 0 if there is no room now (call chr_drained() later), -errno if they are lost. */
    ssize_t (*write)(struct chr *c, const uint8_t *bytes, size_t len);
    /* The front end takes input again: call chr_room() and chr_input(). May be NULL. */
    void (*accept)(struct chr *c);
    void (*describe)(const struct chr *c, struct str *out); /* for `info chardev` */
};

extern const struct chr_backend *const all_chr_backends[];

/* --- set up ------------------------------------------------------------------------------------------------------ */

/**
 * chr_init - before anything else.
 * @quit: what Ctrl-A x does
 */
void chr_init(struct loop *loop, struct timers *timers, void (*quit)(void *opaque), void *opaque);
/** chr_end - flush and close all. */
void chr_end(void);

/** chr_add - what `-chardev` asks for. 0, 1 if help was printed, or -errno with a sentence. */
int chr_add(struct optlist *opts, struct error *err);

/**
 * chr_from_legacy - the syntax of -serial and -monitor: stdio, mon:stdio, null, pty, file:F, pipe:F, unix:PATH,server=on,
 * tcp:HOST:PORT,..., telnet:..., chardev:ID, ringbuf, none.
 * @id: name for what is made
 *
 * Returns the chr; NULL for `none` with @err empty, else NULL with a sentence.
 */
struct chr *chr_from_legacy(const char *option, const char *id, const char *text, struct error *err);

/** chr_del - flush, close and free one; its front ends swallow from now on. */
void chr_del(struct chr *c);

struct chr *chr_find(const char *id);
/** chr_info - `info chardev`. */
void chr_info(FILE *to);
const char *chr_id(const struct chr *c);
bool chr_is_mux(const struct chr *c);

/* --- front ends -------------------------------------------------------------------------------------------------- */

/** chr_attach - take a chr; @c NULL: a front end that swallows. -EBUSY with a sentence if another has it and it is no mux. */
int chr_attach(struct chr_fe *fe, struct chr *c, const struct chr_handlers *h, void *opaque, struct error *err);
void chr_detach(struct chr_fe *fe);
/** chr_write - bytes taken, 0 to @len; if less, writable() is called later. */
size_t chr_write(struct chr_fe *fe, const void *bytes, size_t len);
/** chr_printf - text for people; what does not fit is lost. */
void chr_printf(struct chr_fe *fe, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** chr_accept - room() has grown. */
void chr_accept(struct chr_fe *fe);

/* --- back ends --------------------------------------------------------------------------------------------------- */

enum { CHR_FRONTS = 8, CHR_MUX_ROOM = 256, CHR_OUT_ROOM = 8192 };

/* The head of every back end's struct. Fields belong to chr.c, except loop. */
struct chr {
    const struct chr_backend *backend;
    char *id;
    struct loop *loop;
    struct chr_fe *front[CHR_FRONTS];
    unsigned fronts, focus;
    bool mux, escaped, open;
    struct { uint8_t bytes[CHR_MUX_ROOM]; size_t len; } typed[CHR_FRONTS]; /* of a mux, for each: not taken yet */
    uint8_t out[CHR_OUT_ROOM];
    size_t out_len;
    void *flush; /* struct timer */
    struct chr *next;
};

/** chr_make - open a back end under an id; for the files of this folder. */
struct chr *chr_make(const struct chr_backend *be, const char *id, bool mux, struct optlist *opts, struct error *err);
/** chr_room - bytes of input that chr_input() takes now. */
size_t chr_room(struct chr *c);
/** chr_room_kept - bytes of input of which none is dropped: a file waits where what is typed at a multiplexer does not. */
size_t chr_room_kept(struct chr *c);
void chr_input(struct chr *c, const uint8_t *bytes, size_t len);
/** chr_drained - the back end takes output again. */
void chr_drained(struct chr *c);
/** chr_event - tell the front ends; CHR_OPENED and CHR_CLOSED are remembered. */
void chr_event(struct chr *c, enum chr_event what);
