#!/bin/sh
# rhea-img mount: the disk as a file.
. "$(dirname "$0")/lib.sh"
need fusermount3 fuse3
need openssl openssl
[ -w /dev/fuse ] || { echo "/dev/fuse cannot be opened"; exit 77; }
disk ref.raw 4
truncate -s 4M ref.raw
ok $IMG convert -O qcow2 ref.raw d.qcow2
mkdir m
$IMG mount d.qcow2 m > out 2>&1 || { grep -q "cannot mount" out && { cat out; exit 77; }; cat out; fail mount; }
i=0; while [ ! -e m/d.qcow2 ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
cmp ref.raw m/d.qcow2 || fail "content"
printf hello | dd of=m/d.qcow2 bs=1 seek=12345 conv=notrunc status=none || fail "write"
fusermount3 -u m
i=0; while ! $IMG check d.qcow2 >/dev/null 2>&1 && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
printf hello | dd of=ref.raw bs=1 seek=12345 conv=notrunc status=none
i=0; while ! $IMG compare d.qcow2 ref.raw >out 2>&1 && [ $i -lt 30 ]; do sleep 0.2; i=$((i + 1)); done
ok $IMG compare d.qcow2 ref.raw
