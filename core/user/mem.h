/* core/user/mem.h - user mode: looking into guest memory without falling over a bad pointer.
 *
 * Guest memory may vanish at any time (another thread unmaps it), so these copies expect to fault: the signal handler
 * recognises their code by address (user_copy_fault()) and they return -EFAULT. */
#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/** user_read, user_write - copy from and to guest memory. Return 0, or -EFAULT when a byte is out of the guest's address
 * space or cannot be accessed (a part may have been copied). Context: any thread with the signal handlers installed. */
int user_read(void *dst, uint64_t src, size_t n);
int user_write(uint64_t dst, const void *src, size_t n);

/** user_read_string - copy a string. Returns its length without the 0; -EFAULT; -ENAMETOOLONG if @room bytes do not hold
 * it with its 0. */
int64_t user_read_string(char *dst, size_t room, uint64_t src);

/** user_copy_fault - was this host pc inside a copy? Then returns the pc to go on at, else 0. Async-signal-safe. */
uintptr_t user_copy_fault(uintptr_t pc);

/** user_host_call - a host system call that a signal cannot slip past: it is not begun while *pending is set.
 *
 * Returns the kernel's result (-errno) or -USER_RESTART: a signal came before the call did anything, or the kernel wants
 * it restarted. The signal handler sends the pc through user_call_fault(). */
enum { USER_RESTART = 512 };
int64_t user_host_call(const volatile uint32_t *pending, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5);
/** user_call_restart - was this host pc between the check and the end of the call? Then the pc to go on at, else 0. */
uintptr_t user_call_restart(uintptr_t pc);

/** user_raw - a host system call as it is: result or -errno, errno untouched. */
static inline int64_t user_raw(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    register uint64_t r10 __asm__("r10") = a3;
    register uint64_t r8 __asm__("r8") = a4;
    register uint64_t r9 __asm__("r9") = a5;
    int64_t ret;

    __asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
