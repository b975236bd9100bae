#!/bin/sh
# A program of AArch32 as init below an AArch64 kernel: system calls, a signal, a thread, a child, floating point.
set -eu
. tests/lib/boot.sh
command -v arm-linux-gnueabihf-gcc >/dev/null || skip "no cross compiler: apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"
debian arm64-installer
cat > "$tmp/init.c" <<'END'
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf behind;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    (void)sig;
    (void)uc;
    printf("fault at %p\n", si->si_addr);
    siglongjmp(behind, 1);
}

static void *thread(void *sum)
{
    for (int i = 0; i < 100000; i++)
        *(volatile double *)sum += i * 0.5;
    return NULL;
}

int main(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    double sum = 0;
    pthread_t t;
    int status;

    mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
    dup2(open("/dev/console", O_RDWR), 1);
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaction(SIGSEGV, &sa, NULL);
    if (!sigsetjmp(behind, 1))
        *(volatile int *)0x1234 = 1;
    pthread_create(&t, NULL, thread, &sum);
    pthread_join(t, NULL);
    if (!fork())
        _exit(7);
    wait(&status);
    printf("%zu bytes, sum %.1f, child %d\n", sizeof(long), sum, WEXITSTATUS(status));
    reboot(RB_POWER_OFF);
    return 0;
}
END
arm-linux-gnueabihf-gcc -O1 -static -pthread -o "$tmp/init" "$tmp/init.c" || fail "init did not compile"
tests/lib/newc init="$tmp/init" > "$tmp/initrd"
start "$B/rhea-system-aarch64" -M virt -m 512M -nographic -no-reboot -kernel "$debian/linux" -initrd "$tmp/initrd" \
    -append 'console=ttyAMA0'
expect 200 '^fault at 0x1234'
expect 60 '^4 bytes, sum 2499975000.0, child 7'
ends 60 0
