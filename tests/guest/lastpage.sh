#!/bin/sh
# Code in the last page of the address space, behind which address 0 comes: bare/lastpage.c.
set -eu
. tests/guest/lib.sh
make_guest lastpage
for accel in tier=cold tier=hot backend=interp; do
    status=0
    timeout -k 5 60 "$B/rhea-system-riscv64" -M virt -m 128M -display none -serial null -monitor none -bios none \
        -kernel "$T/lastpage" -accel "tcg,$accel" </dev/null >"$T/out" 2>&1 || status=$?
    [ $status = 0 ] || { cat "$T/out"; fail "lastpage, $accel: status $status"; }
done
