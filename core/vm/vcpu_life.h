/* core/vm/vcpu_life.h - what only the machine does with its vCPUs. */
#pragma once

#include <stdbool.h>
#include "core/vm/vcpu.h"

/** vcpu_set_hook - who is told, on the vCPU's thread without the machine lock, that a CPU cannot go on by itself
 * (VCPU_DEBUG, VCPU_SHUTDOWN). The vCPU is stopped until vcpu_resume_all(). */
void vcpu_set_hook(void (*on_stop)(void *opaque, struct vcpu *v, enum vcpu_stop why), void *opaque);

/** vcpu_one_at_a_time - thread=single: vCPUs take turns. Before any is started. */
void vcpu_one_at_a_time(bool single);

/** vcpu_count_insns - vcpu.insns of those made from now on. */
void vcpu_count_insns(uint64_t (*insns)(struct vcpu *v));

/** vcpu_ask_pause - ask all vCPUs to leave guest code, without waiting. Any thread. */
void vcpu_ask_pause(void);

/** vcpu_resume - let one run. */
void vcpu_resume(struct vcpu *v);

/** vcpu_end_all - end all threads and free all vCPUs. Machine lock held, and let go of meanwhile. */
void vcpu_end_all(void);
