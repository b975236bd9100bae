/* core/vm/savevm.h - snapshots of a whole machine: internal snapshots of all its disks, and its state in one of them.
 *
 *     savevm   stop -> drain, flush -> state behind the first disk's end -> a snapshot of each disk -> go on
 *     loadvm   check the state's head -> stop, reset -> apply each disk's snapshot -> load the state -> go on
 *
 * All calls: the main thread, machine lock held; they wait for the disks. */
#pragma once

#include <stdio.h>

struct error;
struct machine;

/** savevm_save - @name: tag; one of that name is replaced; NULL makes one up from the time. 0 or -errno. */
int savevm_save(struct machine *m, const char *name, struct error *err);

/** savevm_load - go back to a snapshot. 0; -errno with a sentence: when the state turned out to be damaged, the machine
 * stays stopped, reset, on the snapshot's disks; after any other error it goes on as if nothing had been asked. */
int savevm_load(struct machine *m, const char *name, struct error *err);

/** savevm_delete - delete a snapshot from every disk that has it. */
int savevm_delete(const char *name, struct error *err);

/** savevm_list - `info snapshots`. */
int savevm_list(FILE *to, struct error *err);
