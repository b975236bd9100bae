/* core/gdb/stub.h - the gdb server: what each packet means. Whoever owns the connection and the guest (a machine, or a
 * program in user mode) supplies the calls; the stub knows neither.
 *
 * All-stop: when one thread stops, all do. Threads are vCPUs, numbered from 1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debug_points;
struct gdb_stub;
struct vcpu;

struct gdb_calls {
    unsigned (*threads)(void *opaque);
    struct vcpu *(*thread)(void *opaque, unsigned index);          /* NULL: none of that number */
    /* Guest virtual memory as a thread sees it, without side effects on devices. Return 0 or -EFAULT. */
    int (*read)(void *opaque, struct vcpu *v, uint64_t addr, void *buf, size_t n);
    int (*write)(void *opaque, struct vcpu *v, uint64_t addr, const void *buf, size_t n);
    /* step: NULL all run; else only this vCPU runs, one instruction */
    void (*resume)(void *opaque, struct vcpu *step);
    void (*stop)(void *opaque);                                     /* later: gdb_stub_stopped() */
    void (*points)(void *opaque, const struct debug_points *p);     /* break- and watchpoints are these from now on */
    void (*kill)(void *opaque);
    /* `monitor TEXT`: *out is to be freed; NULL if there is no monitor. May be NULL. */
    char *(*monitor)(void *opaque, const char *text);
    const char *(*extra)(void *opaque, struct vcpu *v);             /* "running", ... for `info threads`; may be NULL */
    /* qXfer objects of user mode ("auxv", "exec-file"): bytes to be freed, NULL if there is none. May be NULL. */
    void *(*object)(void *opaque, const char *name, size_t *n);
    void (*send)(void *opaque, const char *bytes, size_t n);        /* to the client */
    void (*gone)(void *opaque);                                     /* the client detached */
    bool no_watch;                                                  /* watchpoints are gdb's to do, by stepping */
};

/** gdb_stub_new - a server for one connection; the guest is stopped. @opaque goes to the calls. */
struct gdb_stub *gdb_stub_new(const struct gdb_calls *calls, void *opaque);
void gdb_stub_free(struct gdb_stub *s);        /* removes its break- and watchpoints */

void gdb_stub_feed(struct gdb_stub *s, const char *bytes, size_t n);

enum gdb_why { GDB_STOP_ASKED, GDB_STOP_BREAK, GDB_STOP_STEP, GDB_STOP_WATCH, GDB_STOP_SIGNAL };
/** gdb_stub_stopped - the guest has come to a halt; tells the client if it waits for that. @v: the thread it concerns,
 * NULL: any. @what: GDB_STOP_WATCH: the address; GDB_STOP_SIGNAL: the signal number (gdb's). */
void gdb_stub_stopped(struct gdb_stub *s, struct vcpu *v, enum gdb_why why, uint64_t what);
/** gdb_stub_exited - the program or machine has ended with this code (or by this signal). */
void gdb_stub_exited(struct gdb_stub *s, int code, bool by_signal);
