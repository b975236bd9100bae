#define _XOPEN_SOURCE 700
#include "core/vm/settings.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/vm/machine.h"

enum { NS = 1000000000 };

/* 2024-02-29T12:00:00 or 2024-02-29, in UTC */
static int read_date(struct optlist *l, const char *text, int64_t *seconds, struct error *err)
{
    struct tm tm = { .tm_isdst = 0 };
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!end) {
        memset(&tm, 0, sizeof tm);
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (!end || *end)
        return optlist_error(l, err, EINVAL, "base=%s is not utc, localtime or a date such as 2024-02-29T12:00:00", text);
    *seconds = timegm(&tm);
    return 0;
}

static int set_base(struct board *b, struct optlist *l, struct error *err)
{
    const char *base = optlist_get(l, "base");
    time_t now = time(NULL);
    int64_t start = now;
    struct tm local;

    if (base && str_eq(base, "localtime")) {
        localtime_r(&now, &local);
        start = now + local.tm_gmtoff;
    } else if (base && !str_eq(base, "utc") && read_date(l, base, &start, err) < 0) {
        return -EINVAL;
    }
    b->wall_offset_ns = (b->wall_virtual ? start : start - now) * NS;
    return 0;
}

static int set_rtc(struct board *b, struct optlist *l, struct error *err)
{
    static const char *const clocks[] = { "host", "vm", NULL }, *const fixes[] = { "none", NULL };
    int which = 0;

    if (optlist_enum(l, "clock", clocks, &which, err) < 0)
        return -EINVAL;
    b->wall_virtual = which == 1;
    if (optlist_enum(l, "driftfix", fixes, &which, err) < 0 || set_base(b, l, err) < 0)
        return -EINVAL;
    return optlist_done(l, err);
}

static int check_display(struct optlist *l, struct error *err)
{
    const char *type = optlist_need(l, "type", err);

    if (!type)
        return -EINVAL;
    if (!str_eq(type, "none"))
        return optlist_error(l, err, ENOTSUP, "this build has no such display; use -display none or -nographic");
    return optlist_done(l, err);
}

int settings_apply(struct machine *m, struct error *err)
{
    const struct sys_options *o = m->opts;
    int ret = 0;

    if (o->rtc)
        ret = set_rtc(m->board, o->rtc, err);
    if (ret == 0 && o->display)
        ret = check_display(o->display, err);
    if (ret == 0 && o->vga && !str_eq(o->vga, "none"))
        ret = error_set(err, ENOTSUP, "-vga %s: this build has no graphics card; use -vga none", o->vga);
    for (size_t i = 0; i < o->parallels.count && ret == 0; i++)
        if (!str_eq(o->parallels.at[i], "none"))
            ret = error_set(err, ENOTSUP, "-parallel %s: this machine has no parallel port; use none", o->parallels.at[i]);
    return ret;
}
