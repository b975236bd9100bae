/* core/base/epoch.h - reading without a lock what another thread replaces.
 *
 * A reader brackets its look with epoch_enter() and epoch_leave(). A writer unlinks the old object (with a release
 * store of the new one), then hands it to epoch_retire(): it is freed when every reader that might have seen it has left.
 *
 *     reader:  epoch_enter(); t = atomic load of the pointer; ... use t ...; epoch_leave();
 *     writer:  (holding its own lock) store the new pointer; epoch_retire(old, free_it);
 *
 * Sections nest. They may not block for long (retired memory waits) and may not call epoch_synchronize(). */
#pragma once

/** epoch_enter, epoch_leave - bracket a reader's section; any thread, nests, no lock and no system call (the first one of
 * a thread registers it). */
void epoch_enter(void);
void epoch_leave(void);

/** epoch_retire - free @p with @free_it once no reader can hold it. @free_it runs on some thread that retires or
 * synchronizes, without any lock of this module held. Context: any thread, inside or outside a section. */
void epoch_retire(void *p, void (*free_it)(void *p));

/** epoch_synchronize - wait until every section that is open now has closed, and free what was retired before.
 * Context: any thread outside a section. */
void epoch_synchronize(void);
