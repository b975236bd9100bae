/* core/block/snapshot_list.c - sizes and snapshots as people read them. */
#include <stdio.h>
#include <time.h>

#include "core/block/node.h"

const char *blk_size_text(uint64_t bytes, char *buf)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double v = (double)bytes;
    int    i = 0;

    while (v >= 1000 && i < 6) {
        v /= 1024;
        i++;
    }
    snprintf(buf, 32, "%0.3g %s", v, units[i]);
    return buf;
}

void blk_snapshots_print(const struct blk_snapshot *list, int n, bool everywhere, FILE *to)
{
    fprintf(to, "%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (int i = 0; i < n; i++) {
        const struct blk_snapshot *s = &list[i];
        time_t    when = (time_t)s->date_s;
        struct tm tm;
        char      date[64], clock[64], size[32], icount[32] = "";
        uint64_t  secs = s->vm_clock_ns / 1000000000;

        localtime_r(&when, &tm);
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(clock, sizeof clock, "%02d:%02d:%02d.%03d", (int)(secs / 3600), (int)(secs / 60 % 60), (int)(secs % 60),
                 (int)(s->vm_clock_ns / 1000000 % 1000));
        if (s->has_icount)
            snprintf(icount, sizeof icount, "%llu", (unsigned long long)s->icount);
        fprintf(to, "%-9s %-16s %8s%20s%13s%11s\n", everywhere ? "--" : s->id, s->name, blk_size_text(s->vm_state_bytes, size), date, clock, icount);
    }
}
