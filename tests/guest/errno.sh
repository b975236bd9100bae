#!/bin/sh
# Every system call with right and with wrong pointers, in each guest: the answers are those that the host's kernel gives to
# the same program.
set -eu
cc=
for c in gcc cc clang; do command -v $c >/dev/null && { cc=$c; break; }; done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ulimit -c 0 2>/dev/null || :
[ "$(uname -m)" = x86_64 ] || { echo "the host's answers are needed on x86-64"; exit 77; }
$cc -O1 -w -o "$tmp/calls" tests/guest/errno/calls.c
answers() {   # NAME COMMAND...
    name=$1; shift
    mkdir "$tmp/in-$name"
    "$@" "$tmp/in-$name" > "$tmp/$name" || { echo "$name: ended with status $?"; tail -n 3 "$tmp/$name"; exit 1; }
}
answers host "$tmp/calls"
[ "$(wc -l < "$tmp/host")" -gt 1500 ] || { echo "the host's own run ended early"; exit 1; }

# What only a 32-bit word, or a 32-bit address space inside ours, can make another: sizes of structures at the end of a
# page, and addresses that are above all memory in 64 bits only.
narrow='last bytes of a page|all ones'
tested=
for pair in riscv64:riscv64-linux-gnu aarch64:aarch64-linux-gnu arm:arm-linux-gnueabihf; do
    arch=${pair%:*} gcc=${pair#*:}-gcc more=
    command -v "$gcc" >/dev/null || continue
    if [ "$arch" = arm ]; then more=-D_FILE_OFFSET_BITS=64; fi
    $gcc -O1 -w $more -static -o "$tmp/calls-$arch" tests/guest/errno/calls.c
    answers "$arch" "$B/rhea-$arch" "$tmp/calls-$arch"
    # the calls from before the ...at() family follow the others where a guest has them
    n=$(wc -l < "$tmp/$arch")
    head -n "$n" "$tmp/host" > "$tmp/expected"
    if [ "$arch" = arm ]; then
        for f in "$tmp/expected" "$tmp/arm"; do grep -Ev "$narrow" "$f" > "$f.some"; mv "$f.some" "$f"; done
    fi
    diff "$tmp/expected" "$tmp/$arch" > "$tmp/diff" || { echo "$arch: the host's kernel (<) and Rhea (>) differ:"; head -n 40 "$tmp/diff"; exit 1; }
    tested="$tested $arch"
done
[ -n "$tested" ] || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf"; exit 77; }
echo "$tested: $(wc -l < "$tmp/host") answers"
