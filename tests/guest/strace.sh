#!/bin/sh
# -strace: numbers by their names, strings, buffers, results, signals, children.
set -eu
gcc=riscv64-linux-gnu-gcc
command -v $gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat > "$tmp/p.c" <<'C'
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void on(int sig) { (void)sig; }
int main(void)
{
    int fd = open("/absent", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640), st;
    char *const argv[] = { "none", "a\"b", NULL }, *const env[] = { NULL };
    struct timespec ts = { 0, 5 };
    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (write(99, "one\ttwo\n", 8) < 0) lseek(99, -5, SEEK_END);
    signal(SIGUSR1, on);
    kill(getpid(), SIGUSR1);
    nanosleep(&ts, NULL);
    if (!fork()) { execve("/none", argv, env); _exit(7); }
    wait4(-1, &st, 0, NULL);
    _exit(3);
}
C
$gcc -O1 -w -static -o "$tmp/p" "$tmp/p.c"
status=0
"$B/rhea-riscv64" -strace "$tmp/p" > "$tmp/out" 2>&1 || status=$?
[ $status = 3 ] || { echo "status $status"; exit 1; }
while IFS= read -r want; do
    grep -qE -- "^[0-9]+ $want" "$tmp/out" || grep -qE -- "$want" "$tmp/out" || { echo "no line like: $want"; tail -n 25 "$tmp/out"; exit 1; }
done <<'W'
openat\(AT_FDCWD,"/absent",O_WRONLY\|O_CREAT\|O_EXCL\|O_CLOEXEC,0640\) = 
mmap\(0x0,4096,PROT_READ\|PROT_WRITE,MAP_PRIVATE\|MAP_ANONYMOUS,-1,0\) = 0x
mmap\(0x0,4096,PROT_NONE,MAP_SHARED\|MAP_ANONYMOUS,-1,0\) = 0x
write\(99,"one\\011two\\n",8\) = -1 errno=9 \(Bad file descriptor\)$
lseek\(99,-5,SEEK_END\) = -1 errno=9
rt_sigaction\(SIGUSR1,0x
kill\([0-9]+,SIGUSR1\)
SIGUSR1 \{si_signo=10, si_code=0
(clock_nanosleep\(CLOCK_REALTIME,0|nanosleep\(),?\{0,5\},NULL\)
clone\(.*SIGCHLD,
execve\("/none",\{"none","a\\"b"\},\{\}\)
wait4\(-1,0x[0-9a-f]+,0,NULL\)
exit_group\(3\)$
W
child=$(sed -n 's/^\([0-9]*\) exit_group(7)$/\1/p' "$tmp/out")
grep -qE "^$child (clone\(.*|<... clone resumed>.*) = 0$" "$tmp/out" || { echo "the child's clone() is not under its number"; exit 1; }
grep -qE '^[0-9]+ (wait4\(-1,0x[0-9a-f]+,0,NULL\)|<... wait4 resumed>) = [0-9]+$' "$tmp/out" || { echo "the result of wait4"; tail "$tmp/out"; exit 1; }
! grep -vE '^([0-9]+ [a-z0-9_]+\(|[0-9]+ <... [a-z0-9_]+ resumed>|--- [0-9]+ SIG)' "$tmp/out" || { echo "a line that begins with nobody's number"; exit 1; }
