#!/bin/sh
# `rhea run FILE` picks the right command. Files are made here; only --dry-run is used.
set -eu
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
run() { "$B/rhea" run --dry-run "$@" 2>&1; }
cpus=$(nproc); [ "$cpus" -le 4 ] || cpus=4
same() { [ "$1" = "$2" ] || fail "got '$1', expected '$2'"; }

same "$(run roms/riscv/hello.elf -s)" \
    "rhea-system-riscv64 -M virt -m 1G -smp $cpus -nographic -bios none -kernel roms/riscv/hello.elf -s"
{ head -c 48 /dev/zero; printf 'RISCV\0\0\0RSC\005'; head -c 100 /dev/zero; } > "$T/Image"
long="rhea-system-riscv64 -M virt -m 1G -smp $cpus -nographic -kernel"
same "$(run "$T/Image")" "$long $T/Image -append console=ttyS0"
gzip -c "$T/Image" > "$T/it's.gz"
same "$(run --append quiet --initrd i "$T/it's.gz")" "$long '$T/it'\\''s.gz' -initrd i -append 'console=ttyS0 quiet'"
printf hello > "$T/text"
run "$T/text" | grep -q "^rhea-run: '$T/text' (data) is no program" || fail "a text file is taken for something"
run --arch arm "$T/Image" | grep -q "is for riscv64, not for arm" || fail "another architecture is accepted"
run "$T/none" | grep -q "cannot open '$T/none': No such file" || fail "a missing file is not told"
printf 'QFI\373' > "$T/disk"
run "$T/disk" | grep -q "does not tell which processor it is for; add --arch" || fail "a disk needs --arch"
run "$(command -v sh)" | grep -q "this machine's own processor" || fail "a program of the host"
