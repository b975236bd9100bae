/* core/user/gdb.h - -g: a debugger looks at the guest program. All threads stop together. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/gdb/stub.h"

struct error;
struct user_thread;

/* Is a debugger there? Tested on the way into and out of the guest; everything else is behind it. */
extern atomic_bool user_gdb_on;

/** user_gdb_start - wait for a debugger to connect; the guest is stopped when it does.
 * @where: a TCP port of the loopback interface, or the path of a unix socket
 * Returns 0 or -errno. */
int user_gdb_start(const char *where, struct error *err);

/** user_gdb_thread - a guest thread has come (before it runs) or goes. Gives it the lowest free number. */
void user_gdb_thread(struct user_thread *t, bool comes);

/** user_gdb_enter - before the guest runs: returns when this thread may. user_gdb_leave - it has left the guest. */
void user_gdb_enter(struct user_thread *t);
void user_gdb_leave(struct user_thread *t);

/** user_gdb_stopped - tell the debugger why this thread stopped, and wait until it may go on. */
void user_gdb_stopped(struct user_thread *t, enum gdb_why why, uint64_t what);
/** user_gdb_signal - the same for a signal about to be delivered, if debuggers want to hear of it. */
void user_gdb_signal(struct user_thread *t, int signo);
void user_gdb_exited(int code, bool by_signal);
/** user_gdb_forked - in a child: it is not being debugged. */
void user_gdb_forked(struct user_thread *t);
