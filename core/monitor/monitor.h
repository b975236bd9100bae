/* core/monitor/monitor.h - the monitor for people (HMP): a prompt, commands from commands.def, answers as text.
 *
 * Context of all calls: machine lock held. */
#pragma once

#include <stddef.h>

struct chr;
struct error;
struct machine;

/**
 * monitors_add - the monitors of the command line: -monitor, -mon, and the one behind Ctrl-A c of a shared terminal.
 * @m: its chardevs and serial ports are made already
 *
 * Returns 0, or -errno with a sentence.
 */
int monitors_add(struct machine *m, struct error *err);

/** monitors_end - before the character devices end. */
void monitors_end(void);

/** monitor_add - a prompt on a character device; -EBUSY with a sentence if it is taken. */
int monitor_add(struct machine *m, struct chr *c, struct error *err);

/** monitor_run - one line, as if typed; what it answers, to free(). For gdb's `monitor` and for QMP. */
char *monitor_run(struct machine *m, const char *line);
