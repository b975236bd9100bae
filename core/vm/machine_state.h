/* core/vm/machine_state.h - a stopped machine as a stream of bytes, and back.
 *
 *     head     "RHEAVM" 1 0 · machine, guest, CPU model as texts · CPUs, blocks of memory, virtual time
 *     memory   for each block: name, bytes, runs of pages (first page, count, content), end mark; other pages are zero
 *     devices  what board_save() says
 *     CPUs     for each: switched off?, version and fields of the target's state table
 *
 * Nothing of a stream is trusted: lengths are bounded by what is left of it, and a stream of another machine is
 * refused by its head, before anything changes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct error;
struct machine;

/* Where a stream goes to or comes from. Each returns 0 or -errno. */
struct state_pipe {
    int (*put)(void *opaque, const void *bytes, size_t len);
    int (*get)(void *opaque, void *bytes, size_t len);
    void *opaque;
};

/** machine_state_save - write the state of @m, which is stopped and whose disks are drained. */
int machine_state_save(struct machine *m, const struct state_pipe *to, struct error *err);

/** machine_state_check - read a stream's head: is it of a machine like @m? -EINVAL with a sentence if not. */
int machine_state_check(struct machine *m, const struct state_pipe *from, struct error *err);

/**
 * machine_state_load - read the rest of a stream whose head has been checked.
 * @m: stopped and reset
 *
 * Returns 0; -errno with a sentence, and then @m is changed in part and needs a reset.
 */
int machine_state_load(struct machine *m, const struct state_pipe *from, struct error *err);
