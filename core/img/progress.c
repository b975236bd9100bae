/* core/img/progress.c */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/img/img.h"

static struct {
    uint64_t total, done;
    double   began, shown;
    bool     script, bar, drawn;
} p;
static volatile sig_atomic_t asked;

static void on_usr1(int sig)
{
    (void)sig;
    asked = 1;
}

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double percent(void)
{
    return p.total > 0 ? 100.0 * (double)p.done / (double)p.total : 100;
}

static void draw(double now, bool line)
{
    double used = now - p.began, rate = used > 0 ? (double)p.done / used : 0;
    double left = rate > 0 ? (double)(p.total - p.done) / rate : 0;
    char   bar[31], done[32], speed[32];
    int    full = (int)(percent() * 30 / 100);

    memset(bar, '.', 30);
    memset(bar, '#', (size_t)(full > 30 ? 30 : full));
    bar[30] = '\0';
    fprintf(stderr, "%s[%s] %5.1f%%  %s  %s/s  %d:%02d left %s", line ? "" : "\r", bar, percent(), blk_size_text(p.done, done),
            blk_size_text((uint64_t)rate, speed), (int)left / 60, (int)left % 60, line ? "\n" : "");
    p.drawn = !line;
}

void progress_begin(const struct img *g, uint64_t total)
{
    memset(&p, 0, sizeof p);
    p.total  = total;
    p.began  = now_s();
    p.script = g->progress && !g->quiet;
    p.bar    = !g->progress && !g->quiet && isatty(STDERR_FILENO);
    signal(SIGUSR1, on_usr1);
    if (p.script) {
        printf("    (%3.2f/100%%)\r", 0.0);
        fflush(stdout);
    }
}

void progress_add(uint64_t done)
{
    double now;

    p.done += done;
    if (p.done > p.total)
        p.done = p.total;
    if (!p.script && !p.bar && !asked)
        return;
    now = now_s();
    if (asked) {
        asked = 0;
        draw(now, true);
    }
    if (p.script && (now - p.shown > 0.1)) {
        printf("    (%3.2f/100%%)\r", percent());
        fflush(stdout);
        p.shown = now;
    }
    if (p.bar && now - p.began > 1 && now - p.shown > 0.2) {
        draw(now, false);
        p.shown = now;
    }
}

void progress_end(bool ok)
{
    if (p.script) {
        if (ok)
            printf("    (%3.2f/100%%)\r", 100.0);
        printf("\n");
        fflush(stdout);
    }
    if (p.drawn)
        fprintf(stderr, "\r%70s\r", "");
    p.script = p.bar = p.drawn = false;
}
