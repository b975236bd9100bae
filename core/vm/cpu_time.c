/* core/vm/cpu_time.c - timers that live in a CPU (RISC-V stimecmp, the ARM generic timers), on the machine's time base.
 *
 * The CPU says when; the line is high from then on. Both the CPU's thread (a new comparator) and the main loop (the
 * deadline) look at the clock again under the timer's lock, so a late deadline cannot raise a line that was just
 * put off. */
#include <pthread.h>
#include "core/base/alloc.h"
#include "core/event/timer.h"
#include "core/vm/machine.h"
#include "core/vm/vcpu.h"

enum { TIMERS = 4 };

struct cpu_time;

struct cpu_timer {
    struct cpu_time *owner;
    pthread_mutex_t lock;
    unsigned line;
    uint64_t when;
    struct timer timer;
};

struct cpu_time {
    struct vcpu *v;
    uint64_t (*now)(void *opaque);
    int64_t (*deadline_ns)(void *opaque, uint64_t ticks);
    void *opaque;
    struct cpu_timer timer[TIMERS];
};

/* Without a deadline the line is the CPU's own business. */
static void look_locked(struct cpu_timer *t)
{
    struct cpu_time *c = t->owner;
    bool due = t->when != UINT64_MAX && c->now(c->opaque) >= t->when;

    if (due || t->when == UINT64_MAX)
        timer_cancel(&t->timer);
    else
        timer_set(&t->timer, c->deadline_ns(c->opaque, t->when));
    if (t->when != UINT64_MAX)
        vcpu_set_irq(c->v, t->line, due);
}

static void on_deadline(void *opaque)
{
    struct cpu_timer *t = opaque;

    pthread_mutex_lock(&t->lock);
    look_locked(t);
    pthread_mutex_unlock(&t->lock);
}

static uint64_t read_time(void *opaque)
{
    struct cpu_time *c = opaque;

    return c->now(c->opaque);
}

static void set_deadline(void *opaque, unsigned timer, uint64_t when)
{
    struct cpu_time *c = opaque;
    struct cpu_timer *t = &c->timer[timer];

    if (timer >= TIMERS)
        return;
    pthread_mutex_lock(&t->lock);
    t->when = when;
    look_locked(t);
    pthread_mutex_unlock(&t->lock);
}

void machine_cpu_time(struct machine *m, unsigned cpu, unsigned line, uint64_t (*now)(void *opaque),
                      int64_t (*deadline_ns)(void *opaque, uint64_t ticks), void *opaque)
{
    struct vcpu *v = vcpu_get(cpu);
    struct cpu_time *c = NEW(struct cpu_time); /* as long as the vCPU: the process */

    *c = (struct cpu_time){ .v = v, .now = now, .deadline_ns = deadline_ns, .opaque = opaque };
    for (unsigned i = 0; i < TIMERS; i++) {
        c->timer[i].owner = c;
        c->timer[i].line = line;
        c->timer[i].when = UINT64_MAX;
        pthread_mutex_init(&c->timer[i].lock, NULL);
        timer_init(&c->timer[i].timer, m->board->timers, CLOCK_KIND_VIRTUAL, on_deadline, &c->timer[i]);
    }
    v->time_opaque = c;
    v->read_time = read_time;
    v->set_deadline = set_deadline;
}
