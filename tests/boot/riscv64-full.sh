#!/bin/sh
# The host's file system fills up under a running guest: the machine waits, goes on when there is room, nothing is lost.
set -eu
if [ -z "${FULL_INSIDE:-}" ]; then
    unshare -rm true 2>/dev/null || { echo "needs unshare -rm, to mount a small file system"; exit 77; }
    FULL_INSIDE=1 exec unshare -rm sh "$0"
fi
. tests/lib/boot.sh
. tests/lib/disk-guest.sh
mkdir "$tmp/small"; mount -t tmpfs -o size=4m tmpfs "$tmp/small" || skip 'cannot mount a tmpfs here'
trap 'umount -l "$tmp/small"; boot_cleanup' EXIT
"$B/rhea-img" create -q -f qcow2 "$tmp/small/disk" 64M
head -c 9000000 /dev/zero > "$tmp/small/filler" 2>/dev/null || :
truncate -s -1M "$tmp/small/filler"
guest -drive "file=$tmp/small/disk,if=virtio,format=qcow2,werror=enospc"
expect 200 'READY'
type 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat /bin/busybox; done | dd of=/tmp/part bs=1k count=2500 iflag=fullblock 2>/dev/null; dd if=/tmp/part of=/dev/vda bs=64k conv=fsync 2>&1 | grep -c error | sed "s/^/WRITE ERRORS /"
'
expect 60 'a write failed: No space left on device'
type "$(printf '\001c')info status
"
expect 20 'VM status: paused (io-error)'
rm "$tmp/small/filler"
type "cont
$(printf '\001c')"
expect 60 'WRITE ERRORS 0'
type 'echo 3 > /proc/sys/vm/drop_caches; cmp /tmp/part /dev/vda 2>&1 | grep -q "EOF on /tmp/part" && echo "ALL $(wc -c < /tmp/part) THERE"
'
expect 60 'ALL [0-9]* THERE'
type "$(printf '\001c')quit
"
ends 20 0
"$B/rhea-img" check -q -f qcow2 "$tmp/small/disk" || fail 'the image is damaged'
