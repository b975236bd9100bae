/* core/vm/debug.h - guest memory and registers for people: the monitor and gdb.
 *
 * Devices are never touched. Context of all calls: machine lock held, the vCPU stopped (see debug_halt()). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/mem/mem.h"

struct machine;
struct vcpu;

/** debug_halt, debug_go_on - keep the vCPUs out of the guest for a look, without a change of the run state: virtual time
 * goes on. debug_halt() returns what debug_go_on() wants to know. */
bool debug_halt(struct machine *m);
void debug_go_on(struct machine *m, bool halted);

/** debug_read, debug_write - guest virtual memory, as a CPU's page tables say now. Bytes done from the start; fewer than @n
 * where nothing is mapped, or a device is. Writing changes ROM too, and what was translated from there. */
size_t debug_read(struct vcpu *v, uint64_t addr, void *buf, size_t n);
size_t debug_write(struct vcpu *v, uint64_t addr, const void *buf, size_t n);

/** debug_physical - the guest physical address of a virtual one; false if it is not mapped. */
bool debug_physical(struct vcpu *v, uint64_t addr, gpa *out);

/** debug_read_physical, debug_write_physical - the same for physical addresses. */
size_t debug_read_physical(struct addr_space *as, gpa addr, void *buf, size_t n);
size_t debug_write_physical(struct addr_space *as, gpa addr, const void *buf, size_t n);

/** debug_register - a register by the name that gdb knows it by ("pc", "a0"); false if there is none of that name. */
bool debug_register(struct vcpu *v, const char *name, uint64_t *value);
