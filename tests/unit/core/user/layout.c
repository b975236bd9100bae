/* Structures of 32-bit guests: sizes and offsets by the guest's alignment, values that do not fit, pointers, padding. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

#include <cmocka.h>

#include "core/user/layout.h"
#include "core/user/siginfo.h"
#include "core/user/user.h"

static uint64_t page;

static int setup(void **state)
{
    const struct user_space space = { .limit = UINT64_C(1) << 32, .mmap_top = 0xf0000000, .window = true };

    (void)state;
    assert_int_equal(user_space_init(&space, NULL, NULL), 0);
    page = (uint64_t)user_mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page > 0 && page < space.limit);
    memset(user_host(page), 0xee, 4096);
    return 0;
}

static void sizes_are_the_kernel_s(void **state)
{
    (void)state;
    assert_int_equal(user_layout_bytes(&user_layout_timespec32), 8);
    assert_int_equal(user_layout_bytes(&user_layout_timespec64), 16);
    assert_int_equal(user_layout_bytes(&user_layout_timex32), 128);
    assert_int_equal(user_layout_bytes(&user_layout_rusage32), 72);
    assert_int_equal(user_layout_bytes(&user_layout_stat32), 64);
    assert_int_equal(user_layout_bytes(&user_layout_stat64), 104);
    assert_int_equal(user_layout_bytes(&user_layout_statfs32), 64);
    assert_int_equal(user_layout_bytes(&user_layout_statfs64), 88);
    assert_int_equal(user_layout_bytes(&user_layout_flock32), 16);
    assert_int_equal(user_layout_bytes(&user_layout_flock64), 32);
    assert_int_equal(user_layout_bytes(&user_layout_msghdr32), 28);
    assert_int_equal(user_layout_bytes(&user_layout_mqattr32), 32);
    assert_int_equal(user_layout_bytes(&user_layout_semid32), 64);
    assert_int_equal(user_layout_bytes(&user_layout_msqid32), 88);
    assert_int_equal(user_layout_bytes(&user_layout_shmid32), 84);
}

static void the_upper_half_of_nanoseconds_is_not_read(void **state)
{
    const struct { int64_t sec; uint32_t nsec, garbage; } in = { -1, 5, 0xdeadbeef };
    struct timespec ts;

    (void)state;
    memcpy(user_host(page), &in, sizeof in);
    assert_int_equal(user_get(&user_layout_timespec64, &ts, page), 0);
    assert_true(ts.tv_sec == -1 && ts.tv_nsec == 5);
    assert_int_equal(user_put(&user_layout_timespec64, page + 64, &ts), 0);
    assert_int_equal(((uint32_t *)user_host(page + 64))[3], 0);
}

static void what_does_not_fit_is_an_error_where_the_kernel_says_so(void **state)
{
    struct statfs s = { .f_blocks = UINT64_C(1) << 32 };
    struct stat st = { .st_size = 0x12345678, .st_uid = 70000, .st_gid = 7 };
    struct rlimit64 r = { RLIM64_INFINITY, UINT64_C(1) << 40 };
    const uint32_t *w = user_host(page);

    (void)state;
    assert_int_equal(user_put(&user_layout_statfs32, page, &s), -EOVERFLOW);
    assert_int_equal(user_put(&user_layout_statfs64, page, &s), 0);
    assert_int_equal(*(uint64_t *)user_host(page + 8), UINT64_C(1) << 32);
    assert_int_equal(user_put(&user_layout_stat32, page, &st), 0);
    assert_int_equal(w[3], 65534 | 7 << 16);
    assert_int_equal(w[5], 0x12345678);
    assert_int_equal(user_put(&user_layout_rlimit32, page, &r), 0);
    assert_true(w[0] == UINT32_MAX && w[1] == UINT32_MAX);
    assert_int_equal(user_get(&user_layout_rlimit32, &r, page), 0);
    assert_true(r.rlim_cur == RLIM64_INFINITY);
}

static void pointers_become_the_host_s(void **state)
{
    const uint32_t in[2] = { (uint32_t)page, 10 }, none[2] = { 0, 0 };
    struct iovec v;

    (void)state;
    memcpy(user_host(page + 128), in, sizeof in);
    assert_int_equal(user_get(&user_layout_iovec32, &v, page + 128), 0);
    assert_ptr_equal(v.iov_base, user_host(page));
    assert_int_equal(v.iov_len, 10);
    memcpy(user_host(page + 128), none, sizeof none);
    assert_int_equal(user_get(&user_layout_iovec32, &v, page + 128), 0);
    assert_null(v.iov_base);
}

static void siginfo_by_signal_and_code(void **state)
{
    siginfo_t si;
    uint32_t g[SIGINFO32_WORDS];

    (void)state;
    memset(&si, 0, sizeof si);
    si.si_signo = SIGSEGV, si.si_code = SEGV_MAPERR, si.si_addr = (void *)0x1234;
    siginfo_to_32(g, &si);
    assert_true(g[0] == SIGSEGV && g[2] == SEGV_MAPERR && g[3] == 0x1234);
    memset(&si, 0, sizeof si);
    si.si_signo = SIGCHLD, si.si_code = CLD_EXITED, si.si_pid = 5, si.si_uid = 6, si.si_status = 7, si.si_utime = 8;
    siginfo_to_32(g, &si);
    assert_true(g[3] == 5 && g[4] == 6 && g[5] == 7 && g[6] == 8);
    memset(g, 0, sizeof g);
    g[0] = 40, g[2] = (uint32_t)SI_QUEUE, g[3] = 11, g[4] = 12, g[5] = 0x89abcdef;
    siginfo_from_32(&si, g);
    assert_true(si.si_pid == 11 && si.si_uid == 12 && si.si_ptr == (void *)0x89abcdef);
    memset(g, 0, sizeof g);
    siginfo_to_32(g, &si);
    assert_true(g[3] == 11 && g[4] == 12 && g[5] == 0x89abcdef);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_the_kernel_s),
        cmocka_unit_test(the_upper_half_of_nanoseconds_is_not_read),
        cmocka_unit_test(what_does_not_fit_is_an_error_where_the_kernel_says_so),
        cmocka_unit_test(pointers_become_the_host_s),
        cmocka_unit_test(siginfo_by_signal_and_code),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
