#!/bin/sh
# A program of one architecture starts one of another, and that one of a third: all stay with Rhea.
set -eu
for gcc in aarch64-linux-gnu-gcc arm-linux-gnueabihf-gcc riscv64-linux-gnu-gcc; do
    command -v $gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-${gcc%-gcc}"; exit 77; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat > "$tmp/next.c" <<'END'
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct utsname u;

    uname(&u);
    printf("%s %s\n", u.machine, argv[0]);
    fflush(stdout);
    if (argc > 1)
        execv(argv[1], argv + 1);
    return argc > 1;
}
END
aarch64-linux-gnu-gcc -static -o "$tmp/a" "$tmp/next.c"
arm-linux-gnueabihf-gcc -static -o "$tmp/b" "$tmp/next.c"
riscv64-linux-gnu-gcc -static -o "$tmp/c" "$tmp/next.c"
"$B/rhea-aarch64" -cpu max "$tmp/a" "$tmp/b" "$tmp/c" > "$tmp/out"
cat > "$tmp/want" <<END
aarch64 $tmp/a
armv8l $tmp/b
riscv64 $tmp/c
END
cmp "$tmp/out" "$tmp/want"
