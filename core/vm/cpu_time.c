/* core/vm/cpu_time.c - timers that live in a CPU (RISC-V stimecmp, the ARM generic timers), on the machine's time base.
 *
 * The CPU says when; the pin is high from then on. Both the CPU's thread (a new comparator) and the main loop (the
 * deadline) look at the clock again under the timer's lock, so a late deadline cannot raise a pin that was just put
 * off. Where a pin leads to a device, the machine lock is taken first: the order is machine lock, timer lock. */
#include <pthread.h>
#include "core/base/alloc.h"
#include "core/event/timer.h"
#include "core/vm/lock.h"
#include "core/vm/machine.h"
#include "core/vm/vcpu.h"

struct cpu_time;

struct cpu_timer {
    struct cpu_time *owner;
    pthread_mutex_t lock;
    struct irq_line pin;
    uint64_t when;
    struct timer timer;
};

struct cpu_time {
    struct machine_time time;
    struct cpu_time *next; /* made before */
    bool own;
    struct cpu_timer timer[MACHINE_CPU_TIMERS];
};

static void look_locked(struct cpu_timer *t)
{
    const struct machine_time *time = &t->owner->time;
    bool due = t->when != UINT64_MAX && time->now(time->opaque) >= t->when;

    if (due || t->when == UINT64_MAX)
        timer_cancel(&t->timer);
    else
        timer_set(&t->timer, time->deadline_ns(time->opaque, t->when));
    if (t->when != UINT64_MAX || !t->owner->own)
        irq_set(&t->pin, due);
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
    const struct machine_time *time = &((struct cpu_time *)opaque)->time;

    return time->now(time->opaque);
}

static void set_deadline(void *opaque, unsigned timer, uint64_t when)
{
    struct cpu_time *c = opaque;
    struct cpu_timer *t = &c->timer[timer];
    bool locked;

    if (timer >= MACHINE_CPU_TIMERS)
        return;
    locked = !c->own && machine_lock_if_needed();
    pthread_mutex_lock(&t->lock);
    t->when = when;
    look_locked(t);
    pthread_mutex_unlock(&t->lock);
    if (locked)
        machine_unlock();
}

void machine_cpu_time(struct machine *m, unsigned cpu, const struct machine_time *time,
                      const struct irq_line pins[MACHINE_CPU_TIMERS], bool own)
{
    struct vcpu *v = vcpu_get(cpu);
    static struct cpu_time *made; /* all: they live as long as the process */
    struct cpu_time *c = NEW(struct cpu_time);

    c->next = made;
    made = c;
    c->time = *time;
    c->own = own;
    for (unsigned i = 0; i < MACHINE_CPU_TIMERS; i++) {
        c->timer[i].owner = c;
        c->timer[i].pin = pins[i];
        c->timer[i].when = UINT64_MAX;
        pthread_mutex_init(&c->timer[i].lock, NULL);
        timer_init(&c->timer[i].timer, m->board->timers, CLOCK_KIND_VIRTUAL, on_deadline, &c->timer[i]);
    }
    v->time_opaque = c;
    v->read_time = read_time;
    v->set_deadline = set_deadline;
}
