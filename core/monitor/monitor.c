/* Monitors on character devices: lines in, answers out, as fast as the other side takes them. */
#include "core/monitor/monitor.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/monitor/hmp.h"
#include "core/monitor/line.h"
#include "core/version.h"
#include "core/vm/machine.h"

/* Answers wait here when the other side is slow; while any do, no keys are taken. */
struct monitor {
    struct chr_fe fe;
    struct machine *machine;
    struct line line;
    struct str waiting;
    size_t sent;
    unsigned cpu;
    bool greeted;
    struct monitor *next;
};

static struct monitor *all;

static void flush(struct monitor *m)
{
    m->sent += chr_write(&m->fe, m->waiting.text + m->sent, m->waiting.len - m->sent);
    if (m->sent == m->waiting.len)
        m->waiting.len = m->sent = 0;
}

static void put(void *opaque, const char *bytes, size_t n)
{
    struct monitor *m = opaque;

    str_addn(&m->waiting, bytes, n);
    flush(m);
}

/* Terminals are raw: each line ends with CR LF. */
static void put_answer(struct monitor *m, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        str_addn(&m->waiting, text, n);
        text += n;
        if (*text) {
            str_add(&m->waiting, "\r\n");
            text++;
        }
    }
    flush(m);
}

static char *answer(struct machine *machine, unsigned *cpu, const char *line)
{
    struct hmp h = { .machine = machine, .cpu = *cpu };
    char *text = NULL;
    size_t n;

    h.out = open_memstream(&text, &n);
    if (!h.out)
        return xstrdup("out of memory\n");
    hmp_run(&h, line);
    fclose(h.out);
    *cpu = h.cpu;
    return text ? text : xstrdup("");
}

char *monitor_run(struct machine *m, const char *line)
{
    unsigned cpu = 0;

    return answer(m, &cpu, line);
}

static void enter(void *opaque, char *text)
{
    struct monitor *m = opaque;
    char *reply = answer(m->machine, &m->cpu, text);

    put_answer(m, reply);
    free(reply);
    line_prompt(&m->line);
}

static void complete(void *opaque, const char *before, void (*add)(void *to, const char *word), void *to)
{
    (void)opaque;
    hmp_complete(before, add, to);
}

/* --- as a front end ---------------------------------------------------------------------------------------------- */

static size_t room(void *opaque)
{
    const struct monitor *m = opaque;

    return m->waiting.len ? 0 : LINE_ROOM;
}

static void read_keys(void *opaque, const uint8_t *bytes, size_t len)
{
    struct monitor *m = opaque;

    line_type(&m->line, (const char *)bytes, len);
}

static void writable(void *opaque)
{
    struct monitor *m = opaque;

    flush(m);
    if (!m->waiting.len)
        chr_accept(&m->fe);
}

static void greet(struct monitor *m)
{
    if (!m->greeted)
        put_answer(m, "QEMU " RHEA_QEMU_VERSION " monitor (Rhea " RHEA_VERSION ") - type 'help' for more information\n");
    m->greeted = true;
    line_prompt(&m->line);
}

static void event(void *opaque, enum chr_event what)
{
    struct monitor *m = opaque;

    switch (what) {
    case CHR_OPENED:
        m->greeted = false;
        m->waiting.len = m->sent = 0;
        if (!chr_is_mux(m->fe.chr))
            greet(m);
        break;
    case CHR_FOCUS_IN:
        put_answer(m, "\n");
        greet(m);
        break;
    case CHR_FOCUS_OUT:
        put_answer(m, "\n");
        break;
    default:
        break;
    }
}

static const struct chr_handlers handlers = { .room = room, .read = read_keys, .event = event, .writable = writable };

int monitor_add(struct machine *machine, struct chr *c, struct error *err)
{
    struct monitor *m = NEW(struct monitor);
    int ret;

    m->machine = machine;
    m->line.put = put;
    m->line.enter = enter;
    m->line.complete = complete;
    m->line.opaque = m;
    m->line.prompt = "(qemu) ";
    ret = chr_attach(&m->fe, c, &handlers, m, err);
    if (ret < 0) {
        free(m);
        return ret;
    }
    m->next = all;
    all = m;
    return 0;
}

void monitors_end(void)
{
    while (all) {
        struct monitor *m = all;

        all = m->next;
        chr_detach(&m->fe);
        line_free(&m->line);
        str_free(&m->waiting);
        free(m);
    }
}

/* --- from the command line --------------------------------------------------------------------------------------- */

/* -monitor DEV */
static int add_legacy(struct machine *m, size_t i, struct error *err)
{
    const char *text = m->opts->monitors.at[i], *named = str_after(text, "chardev:");
    char id[24];
    struct chr *c;

    snprintf(id, sizeof id, "compat_monitor%u", (unsigned)i % 1000);
    c = named ? chr_find(named) : chr_from_legacy("-monitor", id, text, err);
    if (named && !c)
        return error_set(err, ENODEV, "-monitor %s: there is no character device '%s'", text, named);
    if (!c)
        return error_is_set(err) ? err->code : 0;      /* -monitor none */
    return monitor_add(m, c, err);
}

/* -mon chardev=ID,mode=readline */
static int add_mon(struct machine *m, struct optlist *o, struct error *err)
{
    static const char *const modes[] = { "readline", "control", NULL };
    const char *id = optlist_need(o, "chardev", err);
    struct chr *c;
    int mode = 0;

    if (!id || optlist_enum(o, "mode", modes, &mode, err) < 0)
        return -EINVAL;
    if (mode == 1)
        return optlist_error(o, err, ENOTSUP, "mode=control: QMP is not part of this build");
    c = chr_find(id);
    if (!c)
        return optlist_error(o, err, ENODEV, "there is no character device '%s'", id);
    if (optlist_done(o, err) < 0)
        return -EINVAL;
    return monitor_add(m, c, err);
}

/* mon:stdio for a serial port shares it with a monitor. */
static int add_shared(struct machine *m, struct error *err)
{
    struct chr *c;
    char id[24];

    for (unsigned n = 0; snprintf(id, sizeof id, "serial%u", n), (c = chr_find(id)); n++)
        if (chr_is_mux(c))
            return monitor_add(m, c, err);
    return 0;
}

int monitors_add(struct machine *m, struct error *err)
{
    int ret = 0;

    for (size_t i = 0; i < m->opts->monitors.count && ret >= 0; i++)
        ret = add_legacy(m, i, err);
    for (size_t i = 0; i < m->opts->mons.count && ret >= 0; i++)
        ret = add_mon(m, m->opts->mons.at[i], err);
    return ret < 0 ? ret : add_shared(m, err);
}
