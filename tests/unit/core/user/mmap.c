/* The guest's address space on a host: copies that fault, placement, rights, what is out of reach. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "accel/accel.h"
#include "core/base/error.h"
#include "core/user/mem.h"
#include "core/user/mmap.h"

enum { PAGE = 4096, ANON = MAP_PRIVATE | MAP_ANONYMOUS, RW = PROT_READ | PROT_WRITE };

static uint64_t changed_at, changed_bytes;
static void code_written(void *host, uint64_t len) { changed_at = user_guest(host), changed_bytes = len; }
static const struct accel_type accel = { .name = "test", .code_written = code_written };

/* As user mode's handler does. */
static void on_fault(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    uintptr_t to = user_copy_fault((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);

    (void)si;
    if (!to) {
        signal(sig, SIG_DFL);
        return;
    }
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
}

/* Inside a test: cmocka has a handler of its own around each. */
static void catch_faults(void)
{
    struct sigaction sa = { .sa_flags = SA_SIGINFO };

    sa.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &sa, NULL);
}

static int setup(void **state)
{
    const struct user_space space = { .base = UINT64_C(0x110000000000), .limit = UINT64_C(0x10000000000),
                                      .mmap_top = UINT64_C(0x3000000000) };
    struct error err = ERROR_INIT;

    (void)state;
    return user_space_init(&space, &accel, &err);
}

static void copies_fault_politely(void **state)
{
    uint64_t at = (uint64_t)user_mmap(0, 2 * PAGE, RW, ANON, -1, 0);
    char buf[64];

    (void)state;
    catch_faults();
    assert_int_equal(user_munmap(at + PAGE, PAGE), 0);
    assert_int_equal(user_write(at + PAGE - 8, "12345678", 8), 0);
    assert_int_equal(user_read(buf, at + PAGE - 8, 8), 0);
    assert_memory_equal(buf, "12345678", 8);
    assert_int_equal(user_read(buf, at + PAGE - 7, 8), -EFAULT);
    assert_int_equal(user_read(buf, at + PAGE - 8, 9), -EFAULT);
    assert_int_equal(user_read(buf, at + PAGE, 8), -EFAULT);
    assert_int_equal(user_write(at + PAGE, buf, 1), -EFAULT);
    assert_int_equal(user_write(at + PAGE, buf, 0), 0);
    assert_int_equal(user_read(buf, UINT64_MAX - 3, 8), -EFAULT);
    assert_int_equal(user_read(buf, user_limit, 1), -EFAULT);
    assert_int_equal(user_read_string(buf, sizeof buf, at + PAGE - 8), -EFAULT);
    user_write(at + PAGE - 4, "abc", 4);
    assert_int_equal(user_read_string(buf, sizeof buf, at + PAGE - 4), 3);
    assert_string_equal(buf, "abc");
    assert_int_equal(user_read_string(buf, 3, at + PAGE - 4), -ENAMETOOLONG);
    assert_int_equal(user_read_string(buf, 4, at + PAGE - 4), 3);
}

static void placement(void **state)
{
    uint64_t a = (uint64_t)user_mmap(0, PAGE, RW, ANON, -1, 0), b;

    (void)state;
    assert_true(a < UINT64_C(0x3000000000) && a >= UINT64_C(0x2f00000000));
    b = (uint64_t)user_mmap(UINT64_C(0x50000000), 3 * PAGE, RW, ANON, -1, 0);
    assert_int_equal(b, UINT64_C(0x50000000));
    b = (uint64_t)user_mmap(UINT64_C(0x50001000), PAGE, RW, ANON, -1, 0);
    assert_true(b > UINT64_C(0x50003000));
    assert_int_equal(user_mmap(UINT64_C(0x50001000), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
    assert_int_equal(user_mmap(UINT64_C(0x50001000), PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0), UINT64_C(0x50001000));
    assert_int_equal(user_page_prot(UINT64_C(0x50001000)), PROT_READ);
    assert_int_equal(user_page_prot(UINT64_C(0x50002000)), RW);
    assert_int_equal(user_mmap(user_limit - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    assert_int_equal(user_mmap(0, user_limit, RW, ANON, -1, 0), -ENOMEM);
    assert_int_equal(user_mmap(0x50000001, PAGE, RW, ANON | MAP_FIXED, -1, 0), -EINVAL);
    assert_int_equal(user_mmap(0, 0, RW, ANON, -1, 0), -EINVAL);
}

static void what_the_host_has_is_left_alone(void **state)
{
    uint64_t at = UINT64_C(0x60000000);
    char *host = mmap(user_host(at + PAGE), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);

    (void)state;
    assert_ptr_equal(host, user_host(at + PAGE));
    *host = 42;
    assert_int_equal(user_mmap(at, 3 * PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
    assert_int_not_equal(user_mmap(at, 3 * PAGE, RW, ANON, -1, 0), at);
    assert_int_equal(user_munmap(at, 3 * PAGE), 0);
    assert_int_equal(user_mprotect(at + PAGE, PAGE, PROT_NONE), -ENOMEM);
    assert_int_equal(user_madvise(at + PAGE, PAGE, MADV_DONTNEED), -ENOMEM);
    assert_int_equal(user_mremap(at + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
    assert_int_equal(*host, 42);
    munmap(host, PAGE);
}

static void code_is_forgotten_when_it_goes(void **state)
{
    uint64_t at = (uint64_t)user_mmap(0, 4 * PAGE, RW | PROT_EXEC, ANON, -1, 0);
    const uint8_t *host;
    bool changeable;

    (void)state;
    assert_true(user_page_exec(at + 100, &host, &changeable));
    assert_ptr_equal(host, user_host(at + 100));
    assert_true(changeable);
    changed_bytes = 0;
    assert_int_equal(user_mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0);
    assert_true(user_page_exec(at, &host, &changeable));
    assert_false(changeable);
    assert_int_equal(user_mprotect(at + PAGE, PAGE, RW), 0);
    assert_false(user_page_exec(at + PAGE, &host, &changeable));
    assert_int_equal(changed_at, at + PAGE);
    assert_int_equal(changed_bytes, PAGE);
    assert_int_equal(user_munmap(at, 4 * PAGE), 0);
    assert_int_equal(changed_at, at);
    assert_int_equal(changed_bytes, 4 * PAGE);
    assert_false(user_page_exec(at, &host, &changeable));
    changed_bytes = 0;
    at = (uint64_t)user_mmap(0, PAGE, RW, ANON, -1, 0);
    user_munmap(at, PAGE);
    assert_int_equal(changed_bytes, 0);
}

static void the_heap_grows_and_shrinks(void **state)
{
    (void)state;
    catch_faults();
    user_brk_init(UINT64_C(0x10000800));
    assert_int_equal(user_brk(0), UINT64_C(0x10001000));
    assert_int_equal(user_brk(UINT64_C(0x10005010)), UINT64_C(0x10005010));
    assert_int_equal(user_write(UINT64_C(0x10005ff8), "x", 1), 0);
    assert_int_equal(user_brk(UINT64_C(0x10002000)), UINT64_C(0x10002000));
    assert_int_equal(user_write(UINT64_C(0x10005ff8), "x", 1), -EFAULT);
    assert_int_equal(user_brk(UINT64_C(0x10000000)), UINT64_C(0x10002000));
    /* something is in the way */
    assert_int_equal(user_mmap(UINT64_C(0x10004000), PAGE, RW, ANON | MAP_FIXED, -1, 0), UINT64_C(0x10004000));
    assert_int_equal(user_brk(UINT64_C(0x10006000)), UINT64_C(0x10002000));
}

static void moving(void **state)
{
    uint64_t at = (uint64_t)user_mmap(0, 2 * PAGE, RW, ANON, -1, 0), to;

    (void)state;
    user_write(at + PAGE, "there", 6);
    to = (uint64_t)user_mremap(at, 2 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE, 0);
    assert_memory_equal(user_host(to + PAGE), "there", 6);
    assert_int_equal(user_page_prot(to + 999 * PAGE), RW);
    assert_int_equal(user_mremap(to, 1000 * PAGE, PAGE, 0, 0), to);
    assert_int_equal(user_page_prot(to + PAGE), -1);
    assert_int_equal(user_mremap(to, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 1), -EINVAL);
    assert_int_equal(user_mremap(to, PAGE, PAGE, MREMAP_FIXED, at), -EINVAL);
}

/* A call that has not begun when the signal comes does not begin. */
static void a_pending_signal_keeps_a_call_from_waiting(void **state)
{
    volatile uint32_t pending = 1;

    (void)state;
    assert_int_equal(user_host_call(&pending, SYS_pause, 0, 0, 0, 0, 0, 0), -USER_RESTART);
    pending = 0;
    assert_int_equal(user_host_call(&pending, SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
    assert_int_equal(user_host_call(&pending, SYS_close, (uint64_t)-1, 0, 0, 0, 0, 0), -EBADF);
    assert_int_equal(user_call_restart((uintptr_t)&pending), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_fault_politely),
        cmocka_unit_test(placement),
        cmocka_unit_test(what_the_host_has_is_left_alone),
        cmocka_unit_test(code_is_forgotten_when_it_goes),
        cmocka_unit_test(the_heap_grows_and_shrinks),
        cmocka_unit_test(moving),
        cmocka_unit_test(a_pending_signal_keeps_a_call_from_waiting),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
