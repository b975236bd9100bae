#!/bin/sh
# Every link knows who it is; tools recognise the version by its first line; -help names every option of the table;
# what `make install` installs is complete.
set -eu
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
for arch in riscv64 riscv32; do
    "$B/rhea-system-$arch" --version | head -n 1 | grep -q '^QEMU emulator version [0-9]*\.[0-9]*\.[0-9]* (Rhea ' ||
        fail "rhea-system-$arch --version"
    [ $arch = riscv32 ] || "$B/rhea-$arch" --version | head -n 1 | grep -q "^qemu-$arch version [0-9]*\.[0-9]*\.[0-9]* (Rhea " || fail "rhea-$arch --version"
done
ln -s "$PWD/$B/rhea" "$T/qemu-system-riscv64"
"$T/qemu-system-riscv64" -version | grep -q 'QEMU emulator version' || fail "the qemu- name"
"$B/rhea" system-riscv64 -version | grep -q 'QEMU emulator version' || fail "rhea system-riscv64"
"$B/rhea-system-riscv64" -help > "$T/help"
for option in machine M cpu smp m kernel initrd append device drive netdev chardev nographic no-reboot gdb d; do
    grep -q -e "^-$option\|or -$option" "$T/help" || fail "-help does not name -$option"
done
make --no-print-directory install B="$B" DESTDIR="$T/root" PREFIX=/usr > "$T/log" 2>&1 || { cat "$T/log"; fail "make install"; }
for file in bin/rhea bin/rhea-system-riscv64 bin/rhea-riscv64 bin/rhea-img share/man/man1/rhea-system.1 \
    share/man/man1/rhea-riscv64.1 share/bash-completion/completions/rhea-system-riscv64; do
    [ -e "$T/root/usr/$file" ] || fail "make install left out $file"
done
bash -n "$T/root/usr/share/bash-completion/completions/rhea" || fail "the completion does not parse"
bash -c '. "$1"; cd /; COMP_WORDS=(rhea-system-riscv64 -kern); COMP_CWORD=1; _rhea rhea-system-riscv64
    [ "${COMPREPLY[*]}" = -kernel ]' sh "$T/root/usr/share/bash-completion/completions/rhea" || fail "-kern does not complete"
