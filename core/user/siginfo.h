/* core/user/siginfo.h - siginfo_t of 32-bit guests: which member of its union is meant follows from signal and code. */
#pragma once

#include <signal.h>
#include <stdint.h>

enum { SIGINFO32_WORDS = 32 };

/** siginfo_to_32 - from the host's form. Addresses in it are the guest's. */
void siginfo_to_32(uint32_t to[SIGINFO32_WORDS], const siginfo_t *from);

/** siginfo_from_32 - what a program hands to rt_sigqueueinfo(): the form of queued signals. */
void siginfo_from_32(siginfo_t *to, const uint32_t from[SIGINFO32_WORDS]);
