#!/bin/sh
# Drives of a machine: I/O threads, several queues, packed ones, LUKS, snapshot=on, limits shared by a group, and what werror= and rerror=
# say when the host's disk fails: the machine waits, `cont` goes on, and nothing is lost.
set -eu
. tests/lib/boot.sh
. tests/lib/disk-guest.sh
IMG=$B/rhea-img
for f in fail kept slow1 slow2; do truncate -s 16M "$tmp/$f"; done
printf 'kept' | dd of="$tmp/kept" conv=notrunc status=none
"$IMG" create -q -f luks --object secret,id=s,data=abc -o key-secret=s,iter-time=10 "$tmp/luks" 16M
"$IMG" create -q -f qcow2 "$tmp/main" 64M
broken="if=none,format=raw,file.driver=blkdebug,file.file.filename=$tmp/fail,werror=enospc,rerror=stop"
broken="$broken,file.inject-error.0.iotype=write,file.inject-error.0.errno=28,file.inject-error.0.once=on"
broken="$broken,file.inject-error.1.iotype=read,file.inject-error.1.sector=2048,file.inject-error.1.errno=5,file.inject-error.1.once=on"
guest -object iothread,id=t0 -object iothread,id=t1 -object secret,id=s0,data=abc -object throttle-group,id=g,limits.iops-total=40 \
    -drive "file=$tmp/main,if=none,id=main,format=qcow2" -device virtio-blk-device,drive=main,iothread=t0,num-queues=2,serial=main,packed=on \
    -drive "$broken,id=fail" -device virtio-blk-device,drive=fail,iothread=t1,serial=fail \
    -drive "file=$tmp/luks,if=none,id=luks,format=luks,key-secret=s0" -device virtio-blk-device,drive=luks,serial=luks,packed=on \
    -drive "file=$tmp/kept,if=none,id=kept,format=raw,snapshot=on" -device virtio-blk-device,drive=kept,serial=kept \
    -drive "file=$tmp/slow1,if=none,id=slow1,format=raw,throttling.group=g" -device virtio-blk-pci,drive=slow1,serial=slow1,packed=on \
    -drive "file=$tmp/slow2,if=none,id=slow2,format=raw,throttling.group=g" -device virtio-blk-device,drive=slow2,serial=slow2
expect 200 'READY'
type 'for d in /sys/block/vd?; do n=$(cat $d/serial); eval $n=/dev/${d##*/}; q=$(ls $d/mq | wc -l); echo "DISK $n QUEUES $q"; done
'
expect 20 'DISK main QUEUES 2'
expect 20 'DISK slow2 QUEUES 1'
type 'for d in $main $luks $slow1 $slow2; do cut -c35 /sys/block/${d##*/}/device/features; done | tr -d "\n" | sed "s/^/PACKED /"; echo
'
expect 20 'PACKED 1110'
type 'for d in $main $luks $kept; do dd if=/bin/busybox of=$d bs=4k count=64 conv=fsync 2>/dev/null; done; echo 3 > /proc/sys/vm/drop_caches
for d in $main $luks $kept; do dd if=$d bs=4k count=64 2>/dev/null | md5sum; done | sort -u | wc -l | sed "s/^/SUMS /"
'
expect 60 'SUMS 1'
# a write that the host has no room for, then a read that fails
type 'dd if=/bin/busybox of=$fail bs=4k count=16 conv=fsync 2>&1 | grep -c error | sed "s/^/WRITE ERRORS /"
'
expect 30 "disk 'fail': a write failed: No space left on device"
type "$(printf '\001c')info status
"
expect 20 'VM status: paused (io-error)'
type "cont
$(printf '\001c')"
expect 30 'WRITE ERRORS 0'
type 'dd if=$fail bs=1M skip=1 count=1 2>&1 | grep -c error | sed "s/^/READ ERRORS /"
'
expect 30 "disk 'fail': a read failed: Input/output error"
type "$(printf '\001c')cont
$(printf '\001c')"
expect 30 'READ ERRORS 0'
type 'dd if=$fail bs=4k count=16 2>/dev/null | cmp - /bin/busybox 2>&1 | grep -c EOF | sed "s/^/SAME /"
'
expect 30 'SAME [01]'
# two drives share 40 operations a second: forty each take longer than a second
type 't=$(cut -d. -f1 /proc/uptime); for d in $slow1 $slow2; do (i=0; while [ $i -lt 40 ]; do dd if=/bin/busybox of=$d bs=512 count=1 seek=$((i * 64)) conv=fsync 2>/dev/null; i=$((i + 1)); done) & done; wait; echo "SLOW $(($(cut -d. -f1 /proc/uptime) - t > 1))"
'
expect 60 'SLOW 1'
type "$(printf '\001c')quit
"
ends 20 0
"$IMG" check -q "$tmp/main" || fail 'the image is damaged'
[ "$(head -c 4 "$tmp/kept")" = kept ] || fail 'snapshot=on changed the image'
refused() { if timeout 20 "$B/rhea-system-riscv64" -M virt -display none -serial none -bios none "$@" 2> "$tmp/err"; then fail "accepted: $*"; fi; }
refused -drive "file=$tmp/slow1,if=none,id=a,format=raw" -device virtio-blk-device,drive=a,iothread=t9; grep -q "no iothread 't9'" "$tmp/err" || fail "$(cat "$tmp/err")"
refused -object iothread,id=t,nmae=x; grep -q 'nmae' "$tmp/err" || fail "$(cat "$tmp/err")"
refused -drive "file=$tmp/luks,format=luks,key-secret=no"; grep -q "No secret with id 'no'" "$tmp/err" || fail "$(cat "$tmp/err")"
refused -object secret,id=no,data=wrong -drive "file=$tmp/luks,format=luks,key-secret=no"; grep -qi "password" "$tmp/err" || fail "$(cat "$tmp/err")"
