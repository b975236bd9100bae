#!/bin/sh
# savevm, loadvm and -loadvm: CPUs, memory, devices and disk of a running Debian kernel go back to where they were.
set -eu
. tests/lib/boot.sh
. tests/lib/disk-guest.sh
"$B/rhea-img" create -q -f qcow2 "$tmp/disk" 64M
disk="file=$tmp/disk,if=virtio,format=qcow2"
fill='dd if=/dev/zero bs=1k count=1 2>/dev/null | tr "\000"'
look='echo 3 > /proc/sys/vm/drop_caches; echo "$word N=$n F=$(cat /tmp/f) D=$(dd if=/dev/vda bs=4 count=1 2>/dev/null)"'

guest -drive "$disk"
expect 200 'READY 131072'
type "n=1; echo one > /tmp/f; $fill A > /dev/vda; sync; word=BEFORE; $look
"
expect 20 'BEFORE N=1 F=one D=AAAA'
type "$(printf '\001c')savevm first
info status
"
expect 60 'VM status: running'
type "$(printf '\001c')n=2; echo two > /tmp/f; $fill B > /dev/vda; sync; word=CHANGED; $look
"
expect 20 'CHANGED N=2 F=two D=BBBB'
type "$(printf '\001c')info snapshots
loadvm nothing
loadvm first
info status
"
expect 20 'first .* MiB'
expect 20 "Snapshot 'nothing' does not exist"
sleep 1
type "$(printf '\001c')
word=BACK; $look
"
expect 60 'BACK N=1 F=one D=AAAA'
type "$(printf '\001x')"
ends 20 0
"$B/rhea-img" check -q -f qcow2 "$tmp/disk" || fail 'the image is damaged'

rm "$tmp/keys"
guest -drive "$disk" -loadvm first
type "word=AGAIN; $look
"
expect 60 'AGAIN N=1 F=one D=AAAA'
type "$(printf '\001c')delvm first
info snapshots
quit
"
expect 20 'There is no snapshot'
ends 20 0
"$B/rhea-img" check -q -f qcow2 "$tmp/disk" || fail 'the image is damaged'
if timeout 20 "$B/rhea-system-riscv64" -M virt -m 256M -display none -serial none -bios none -drive "$disk" \
    -loadvm first 2> "$tmp/err"; then fail 'a snapshot that is not there was loaded'; fi
grep -q "Snapshot 'first' does not exist" "$tmp/err" || fail "no sentence: $(cat "$tmp/err")"
