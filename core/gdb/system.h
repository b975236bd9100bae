/* core/gdb/system.h - the gdb server of a whole machine (-gdb, -s). */
#pragma once

struct error;
struct machine;

/**
 * gdb_system_start - listen for a debugger.
 * @dev: as -gdb takes it: tcp::1234, unix:PATH, stdio, chardev:ID, or `none`
 *
 * A client that connects stops the machine; one that goes away lets it run on, without break- and watchpoints.
 * Returns 0 or -errno. Context: machine lock held, machine built.
 */
int gdb_system_start(struct machine *m, const char *dev, struct error *err);

/** gdb_system_end - every debugger goes. Context: vCPUs have ended, character devices are still there. */
void gdb_system_end(void);
