#!/bin/sh
# gdb and a program in user mode (-g): breakpoints, threads, steps, registers, memory, signals, the end.
set -u
B=${B:-build}
command -v gdb-multiarch >/dev/null || { echo "no gdb-multiarch: apt-get install gdb-multiarch"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat > "$dir/p.c" <<'END'
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
int fact(int n) { return n < 2 ? 1 : n * fact(n - 1); }
static void *thread(void *a) { return (void *)(long)fact(6); }
static void nothing(int s) { (void)s; }
int main(void)
{
    pthread_t t;
    void *r;

    signal(SIGUSR1, nothing);
    printf("%d\n", fact(5));
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, &r);
    raise(SIGUSR1);
    printf("%ld\n", (long)r);
    fflush(stdout);
    *(volatile int *)0 = 1;
    return 0;
}
END
bad=0
expect() { grep -q -- "$1" "$2" || { echo "$arch: not found: $1"; bad=1; }; }

# session ARCH COMPILER STORE: STORE is the mnemonic of the store that faults
session()
{
    arch=$1
    "$2" -g -O0 -w -static -pthread -o "$dir/p" "$dir/p.c" || exit 1
    rm -f "$dir/socket"
    "$B/rhea-$arch" -g "$dir/socket" "$dir/p" > "$dir/out" 2> "$dir/err" &
    pid=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -S "$dir/socket" ] && break; sleep 0.2; done
    timeout 60 gdb-multiarch -nx -batch -ex 'set pagination off' -ex "target remote $dir/socket" \
        -ex 'break fact if n == 1' -ex continue -ex bt -ex 'print n' -ex stepi -ex finish \
        -ex continue -ex 'info threads' -ex 'set var n = 7' -ex 'print n * 6' -ex 'set var n = 1' -ex delete \
        -ex 'break nothing' -ex continue -ex continue -ex bt -ex continue -ex 'x/i $pc' -ex continue "$dir/p" > "$dir/gdb" 2>&1
    wait $pid
    status=$?
    expect '#4 .*fact (n=5)' "$dir/gdb"
    expect '^\$1 = 1$' "$dir/gdb"
    expect 'Value returned is .* = 1$' "$dir/gdb"
    expect 'Thread 2 hit Breakpoint 1' "$dir/gdb"
    expect '^\$3 = 42$' "$dir/gdb"
    expect 'received signal SIGUSR1' "$dir/gdb"
    expect '^#1  <signal handler called>' "$dir/gdb"
    expect '^#[345] .*main ()' "$dir/gdb"
    expect 'received signal SIGSEGV' "$dir/gdb"
    expect "=> .*$3" "$dir/gdb"
    expect 'Program terminated with signal SIGSEGV' "$dir/gdb"
    expect '^120$' "$dir/out"
    expect '^720$' "$dir/out"
    [ $status -eq 139 ] || { echo "$arch: the program ended with status $status, not by signal 11"; bad=1; }
    [ $bad -eq 0 ] || { cat "$dir/gdb" "$dir/out" "$dir/err"; exit 1; }
    tested="$tested $arch"
}

tested=
command -v riscv64-linux-gnu-gcc > /dev/null && session riscv64 riscv64-linux-gnu-gcc sw
command -v aarch64-linux-gnu-gcc > /dev/null && session aarch64 aarch64-linux-gnu-gcc str
command -v arm-linux-gnueabihf-gcc > /dev/null && session arm arm-linux-gnueabihf-gcc str
[ -n "$tested" ] || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"; exit 77; }
