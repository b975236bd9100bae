/* Copies that may fault, and system calls that may be interrupted: host code whose addresses the signal handler knows. */
#include <errno.h>

#include "core/user/mem.h"
#include "core/user/mmap.h"

/* user_copy_asm(dst, src, n) returns how many bytes are left: 0 unless it faulted.
 * user_string_asm(dst, src, room) returns the bytes left in dst, counting the 0 as copied; ~0 if it faulted. */
__asm__(".text\n"
        ".p2align 4\n"
        "user_copy_asm:\n"
        "    movq %rdx, %rcx\n"
        "user_copy_begin:\n"
        "    cmpq $8, %rcx\n"
        "    jne 1f\n"
        "    movq (%rsi), %rax\n"
        "    movq %rax, (%rdi)\n"
        "    xorl %eax, %eax\n"
        "    ret\n"
        "1:  rep movsb\n"
        "user_copy_end:\n"
        "    movq %rcx, %rax\n"
        "    ret\n"
        "user_string_asm:\n"
        "    movq %rdx, %rax\n"
        "user_string_begin:\n"
        "2:  testq %rax, %rax\n"
        "    jz 3f\n"
        "    movzbl (%rsi), %ecx\n"
        "    movb %cl, (%rdi)\n"
        "    incq %rsi\n"
        "    incq %rdi\n"
        "    decq %rax\n"
        "    testl %ecx, %ecx\n"
        "    jnz 2b\n"
        "    ret\n"
        "3:  movq $-2, %rax\n"
        "    ret\n"
        "user_string_end:\n"
        "user_string_fault:\n"
        "    movq $-1, %rax\n"
        "    ret\n"
        ".p2align 4\n"
        "user_host_call_asm:\n"
        "    movq %rsi, %rax\n"
        "    movq %rdi, %r11\n"
        "    movq %rdx, %rdi\n"
        "    movq %rcx, %rsi\n"
        "    movq %r8, %rdx\n"
        "    movq %r9, %r10\n"
        "    movq 8(%rsp), %r8\n"
        "    movq 16(%rsp), %r9\n"
        "user_call_begin:\n"
        "    cmpl $0, (%r11)\n"
        "    jne user_call_interrupted\n"
        "    syscall\n"
        "user_call_end:\n"
        "    ret\n"
        "user_call_interrupted:\n"
        "    movq $-512, %rax\n"
        "    ret\n");

extern const char user_copy_begin[], user_copy_end[], user_string_begin[], user_string_end[], user_string_fault[];
extern const char user_call_begin[], user_call_end[], user_call_interrupted[];
uint64_t user_copy_asm(void *dst, const void *src, size_t n);
uint64_t user_string_asm(char *dst, const char *src, size_t room);
int64_t user_host_call_asm(const volatile uint32_t *pending, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                           uint64_t a4, uint64_t a5);

int user_read(void *dst, uint64_t src, size_t n)
{
    return user_range(src, n) && !user_copy_asm(dst, user_host(src), n) ? 0 : -EFAULT;
}

int user_write(uint64_t dst, const void *src, size_t n)
{
    return user_range(dst, n) && !user_copy_asm(user_host(dst), src, n) ? 0 : -EFAULT;
}

int64_t user_read_string(char *dst, size_t room, uint64_t src)
{
    uint64_t left;

    if (!user_range(src, 1))
        return -EFAULT;
    left = user_string_asm(dst, user_host(src), room);
    if (left == UINT64_MAX)
        return -EFAULT;
    if (left == UINT64_MAX - 1)
        return -ENAMETOOLONG;
    return (int64_t)(room - left - 1);
}

uintptr_t user_copy_fault(uintptr_t pc)
{
    /* the 8-byte form leaves rcx at 8, the long one at what is left: both are what user_copy_end returns */
    if (pc >= (uintptr_t)user_copy_begin && pc < (uintptr_t)user_copy_end)
        return (uintptr_t)user_copy_end;
    if (pc >= (uintptr_t)user_string_begin && pc < (uintptr_t)user_string_end)
        return (uintptr_t)user_string_fault;
    return 0;
}

int64_t user_host_call(const volatile uint32_t *pending, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5)
{
    return user_host_call_asm(pending, nr, a0, a1, a2, a3, a4, a5);
}

uintptr_t user_call_restart(uintptr_t pc)
{
    if (pc >= (uintptr_t)user_call_begin && pc < (uintptr_t)user_call_end)
        return (uintptr_t)user_call_interrupted;
    return 0;
}
