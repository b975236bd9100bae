/* core/vm/settings.h - options that act on the machine as a whole or on our process. */
#pragma once

struct error;
struct machine;
struct sys_options;

/** settings_apply - -rtc, -display, -vga, -parallel: 0, or -errno with a sentence. Before the machine runs. */
int settings_apply(struct machine *m, struct error *err);

/**
 * daemon_begin - -daemonize: go on in a child that has no terminal. Before any thread is made.
 *
 * The parent stays until daemon_ready() in the child, or until the child has ended with a message: it does not return
 * from here. Returns 0 in the child, and where -daemonize is absent; -errno with a sentence.
 */
int daemon_begin(const struct sys_options *o, struct error *err);

/** daemon_ready - the machine is built: write the pid file, let the parent go, close what is open of the terminal. */
int daemon_ready(const struct sys_options *o, struct error *err);

/** daemon_end - remove the pid file. */
void daemon_end(void);
