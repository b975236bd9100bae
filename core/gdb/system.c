#include "core/gdb/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/gdb/stub.h"
#include "core/monitor/monitor.h"
#include "core/vm/debug.h"
#include "core/vm/machine.h"
#include "targets/target.h"

enum { ROOM = 4096 };

struct server {
    struct machine *machine;
    struct chr_fe fe;
    struct gdb_stub *stub;                     /* NULL: no client */
    struct debug_points points;                /* what the vCPUs see; changes only while they stand still */
    char *unsent; size_t nunsent;              /* the client does not read fast enough */
    struct vcpu *stepping;
    struct server *next;
};

static struct server *all;

/* --- what the stub asks of a machine -------------------------------------------------------------------------------- */

static unsigned threads(void *opaque)
{
    (void)opaque;
    return vcpu_count();
}

static struct vcpu *thread(void *opaque, unsigned index)
{
    (void)opaque;
    return vcpu_get(index);
}

static int read_memory(void *opaque, struct vcpu *v, uint64_t addr, void *buf, size_t n)
{
    (void)opaque;
    return debug_read(v, addr, buf, n) == n ? 0 : -EFAULT;
}

static int write_memory(void *opaque, struct vcpu *v, uint64_t addr, const void *buf, size_t n)
{
    (void)opaque;
    return debug_write(v, addr, buf, n) == n ? 0 : -EFAULT;
}

static void resume(void *opaque, struct vcpu *step)
{
    struct server *s = opaque;

    s->stepping = step;
    if (step)
        machine_step(s->machine, step);
    else
        machine_cont(s->machine);
}

static void stop(void *opaque)
{
    struct server *s = opaque;

    machine_stop(s->machine, RUN_DEBUG);
}

static void set_points(void *opaque, const struct debug_points *p)
{
    struct server *s = opaque;
    uint32_t generation = s->points.generation + 1;

    if (p)
        s->points = *p;
    else
        s->points.nbreak = s->points.nwatch = 0;
    s->points.generation = generation;
    for (unsigned i = 0; i < vcpu_count(); i++)
        vcpu_get(i)->debug = &s->points;
}

static void kill_machine(void *opaque)
{
    machine_quit(((struct server *)opaque)->machine);
}

static const char *extra(void *opaque, struct vcpu *v)
{
    (void)opaque;
    return v->env->halted ? "halted" : "stopped";
}

static void flush(struct server *s)
{
    size_t done = chr_write(&s->fe, s->unsent, s->nunsent);

    s->nunsent -= done;
    memmove(s->unsent, s->unsent + done, s->nunsent);
}

static void send_bytes(void *opaque, const char *bytes, size_t n)
{
    struct server *s = opaque;

    s->unsent = xrealloc(s->unsent, s->nunsent + n);
    memcpy(s->unsent + s->nunsent, bytes, n);
    s->nunsent += n;
    flush(s);
}

static void client_gone(void *opaque)
{
    (void)opaque;                              /* it closes its connection next */
}

static char *monitor(void *opaque, const char *text)
{
    return monitor_run(((struct server *)opaque)->machine, text);
}

static const struct gdb_calls calls = {
    .threads = threads, .thread = thread, .read = read_memory, .write = write_memory, .resume = resume, .stop = stop,
    .points = set_points, .monitor = monitor, .kill = kill_machine, .extra = extra, .send = send_bytes, .gone = client_gone,
};

/* --- the connection -------------------------------------------------------------------------------------------------- */

static void on_state(void *opaque, enum run_state now)
{
    struct server *s = opaque;
    struct vcpu *v = s->machine->stopped_vcpu;

    if (!s->stub || now == RUN_RUNNING)
        return;
    s->machine->stopped_vcpu = NULL;
    for (unsigned i = 0; i < vcpu_count(); i++)
        vcpu_get(i)->single_step = false;
    if (now == RUN_SHUTDOWN)
        gdb_stub_exited(s->stub, s->machine->exit_status, false);
    else if (now != RUN_DEBUG || !v)
        gdb_stub_stopped(s->stub, NULL, GDB_STOP_ASKED, 0);
    else if (v->watch_hit)
        gdb_stub_stopped(s->stub, v, GDB_STOP_WATCH, v->watch_hit);
    else
        gdb_stub_stopped(s->stub, v, s->stepping ? GDB_STOP_STEP : GDB_STOP_BREAK, 0);
    if (v)
        v->watch_hit = 0;
    s->stepping = NULL;
}

static void connected(struct server *s)
{
    machine_stop(s->machine, RUN_DEBUG);
    s->stub = gdb_stub_new(&calls, s);
}

static void disconnected(struct server *s)
{
    if (!s->stub)
        return;
    machine_stop(s->machine, RUN_DEBUG);
    gdb_stub_free(s->stub);
    s->stub = NULL;
    s->nunsent = 0;
    machine_cont(s->machine);
}

static size_t room(void *opaque)
{
    return ((struct server *)opaque)->stub ? ROOM : 0;
}

static void receive(void *opaque, const uint8_t *bytes, size_t n)
{
    struct server *s = opaque;

    if (s->stub)
        gdb_stub_feed(s->stub, (const char *)bytes, n);
}

static void event(void *opaque, enum chr_event what)
{
    struct server *s = opaque;

    if (what == CHR_OPENED && !s->stub) {
        connected(s);
        chr_accept(&s->fe);
    } else if (what == CHR_CLOSED) {
        disconnected(s);
    }
}

static void writable(void *opaque) { flush(opaque); }

static const struct chr_handlers handlers = { .room = room, .read = receive, .event = event, .writable = writable };

int gdb_system_start(struct machine *m, const char *dev, struct error *err)
{
    bool listens = str_after(dev, "tcp:") || str_after(dev, "unix:");
    struct server *s;
    struct chr *c;
    char *text;
    int ret;

    if (!strcmp(dev, "none"))
        return 0;
    text = xasprintf("%s%s", dev, listens && !strstr(dev, "server") ? ",server=on,wait=off" : "");
    c = chr_from_legacy("-gdb", "gdb", text, err);
    free(text);
    if (!c)
        return error_is_set(err) ? -EINVAL : 0;
    s = NEW(struct server);
    s->machine = m;
    s->next = all;
    all = s;
    machine_on_state(m, on_state, s);
    ret = chr_attach(&s->fe, c, &handlers, s, err);
    if (ret < 0)
        return ret;
    return 0;
}

void gdb_system_end(void)
{
    while (all) {
        struct server *s = all;

        all = s->next;
        chr_detach(&s->fe);
        if (s->stub)
            gdb_stub_free(s->stub);
        free(s->unsent);
        free(s);
    }
}
