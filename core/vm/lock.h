/* core/vm/lock.h - the machine lock.
 *
 * It guards devices, the tree of regions, timers and the run state. The main loop holds it whenever it calls
 * something; a vCPU thread takes it for an access to a device. Who holds it must not wait for a vCPU thread
 * to do something that needs it. It does not nest: code that may be called either way asks
 * machine_lock_if_needed(). */
#pragma once

#include <stdbool.h>

void machine_lock(void);
void machine_unlock(void);
/** machine_trylock - take it if nobody has it; true if it was taken. */
bool machine_trylock(void);

/** machine_lock_held - does the calling thread hold it? */
bool machine_lock_held(void);

/** machine_lock_if_needed - take it unless this thread holds it; true if it was taken: unlock it then. */
bool machine_lock_if_needed(void);
