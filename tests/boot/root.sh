#!/bin/sh
# A Debian of its own packages on a virtio disk: login, a command, poweroff.
# tests/lib/debian-root makes the disk, by hand since it takes a while. ROOT_ARCH=riscv64|armhf rather than arm64; SMP=: CPUs (2).
set -eu
. tests/lib/boot.sh
arch=${ROOT_ARCH:-arm64}
root=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rhea/debian/trixie-$arch/root.img
[ -s "$root" ] || skip "no root disk: tests/lib/debian-root $arch makes it"
. tests/lib/root-guest.sh
root_guest "$root" '' -snapshot
expect 250 'login:'
type 'root
'
expect 60 'Password:'
sleep 5
type 'rhea
'
expect 60 'root@rhea'
type 'echo "ARCH $(dpkg --print-architecture) $(systemctl is-system-running --wait)"; dpkg --audit && echo "AUDIT $((6 * 7))"
'
expect 100 "ARCH $arch running"
expect 60 'AUDIT 42'
type 'poweroff
'
expect 100 'Power down'
ends 20 0
echo "Debian's root disk for $arch: login, commands, poweroff on ${SMP:-2} CPU(s)"
