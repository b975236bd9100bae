/* Source: Linux, include/linux/compat.h (struct compat_siginfo), kernel/signal.c (siginfo_layout). */
#include <string.h>

#include "core/user/siginfo.h"

enum form { FORM_KILL, FORM_TIMER, FORM_RT, FORM_CHILD, FORM_FAULT, FORM_POLL, FORM_SYS };

static enum form form_of(int signo, int code)
{
    if (code <= 0 || code >= SI_KERNEL)
        return code == SI_TIMER ? FORM_TIMER : code == SI_SIGIO ? FORM_POLL : code < 0 ? FORM_RT : FORM_KILL;
    switch (signo) {
    case SIGCHLD: return FORM_CHILD;
    case SIGSEGV: case SIGBUS: case SIGILL: case SIGFPE: case SIGTRAP: return FORM_FAULT;
    case SIGIO: return FORM_POLL;
    case SIGSYS: return FORM_SYS;
    default: return FORM_KILL;
    }
}

void siginfo_to_32(uint32_t to[SIGINFO32_WORDS], const siginfo_t *from)
{
    memset(to, 0, SIGINFO32_WORDS * 4);
    to[0] = (uint32_t)from->si_signo;
    to[1] = (uint32_t)from->si_errno;
    to[2] = (uint32_t)from->si_code;
    switch (form_of(from->si_signo, from->si_code)) {
    case FORM_CHILD:
        to[5] = (uint32_t)from->si_status;
        to[6] = (uint32_t)from->si_utime;
        to[7] = (uint32_t)from->si_stime;
        /* fall through */
    case FORM_KILL:
        to[3] = (uint32_t)from->si_pid;
        to[4] = from->si_uid;
        break;
    case FORM_RT:
        to[3] = (uint32_t)from->si_pid;
        to[4] = from->si_uid;
        to[5] = (uint32_t)(uintptr_t)from->si_ptr;
        break;
    case FORM_TIMER:
        to[3] = (uint32_t)from->si_timerid;
        to[4] = (uint32_t)from->si_overrun;
        to[5] = (uint32_t)(uintptr_t)from->si_ptr;
        break;
    case FORM_FAULT:
        to[3] = (uint32_t)(uintptr_t)from->si_addr;
        to[4] = (uint16_t)from->si_addr_lsb;
        break;
    case FORM_POLL:
        to[3] = (uint32_t)from->si_band;
        to[4] = (uint32_t)from->si_fd;
        break;
    case FORM_SYS:
        to[3] = (uint32_t)(uintptr_t)from->si_call_addr;
        to[4] = (uint32_t)from->si_syscall;
        to[5] = from->si_arch;
        break;
    }
}

void siginfo_from_32(siginfo_t *to, const uint32_t from[SIGINFO32_WORDS])
{
    memset(to, 0, sizeof *to);
    to->si_signo = (int)from[0];
    to->si_errno = (int)from[1];
    to->si_code = (int)from[2];
    to->si_pid = (pid_t)from[3];
    to->si_uid = from[4];
    to->si_ptr = (void *)(uintptr_t)from[5];
}
