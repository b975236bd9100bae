#!/bin/sh
# A file system that is really full: a sentence, nothing half-written, nothing lost once there is room again.
if [ -z "${FULL_INSIDE:-}" ]; then
    unshare -rm true 2>/dev/null || { echo "needs unshare -rm, to mount a small file system"; exit 77; }
    FULL_INSIDE=1 exec unshare -rm sh "$0"
fi
. "$(dirname "$0")/lib.sh"
pid=
mkdir s; mount -t tmpfs -o size=6m tmpfs s || { echo "cannot mount a tmpfs here"; exit 77; }
trap 'kill $pid 2>/dev/null; wait; cd /; umount "$T/s"; rm -rf "$T"' EXIT
seq 1 900000 | head -c 5000000 > big.raw; truncate -s 12M big.raw

# a copy, a creation: refused, and nothing stays
head -c 3000000 /dev/zero | tr '\0' x > s/filler
for f in qcow2 vmdk vdi vpc vhdx raw; do
    exits 1 $IMG convert -O $f big.raw s/new.$f; says 'No space left'
    [ ! -e s/new.$f ] || fail "half a $f image is left"
done
exits 1 $IMG create -f raw -o preallocation=full s/new.raw 8M; says 'No space left'; [ ! -e s/new.raw ] || fail 'create left a file'
exits 1 $IMG create -f qcow2 -o preallocation=full s/new.qcow2 8M; says 'No space left'; [ ! -e s/new.qcow2 ] || fail 'create left a file'

# writes that fail, room, the same writes again: in one process, for each format
for f in qcow2 vmdk vdi vpc vhdx; do
    rm -f s/*; o=; [ $f != vpc ] || o='-o force_size=on'; [ $f != vhdx ] || o='-o block_size=1M'
    ok $IMG create -q -f $f $o s/d.$f 16M
    head -c 9000000 /dev/zero > s/filler 2>/dev/null; truncate -s -900k s/filler
    rm -f keys; mkfifo keys; $IO -f $f s/d.$f < keys > log 2>&1 & pid=$!
    exec 7> keys
    echo 'write -q -P 1 0 256k' >&7; echo flush >&7; echo 'write -P 2 1M 2M' >&7
    for i in $(seq 1 600); do grep -q 'No space left' log && break; sleep 0.1; done    # a busy machine may take its time
    grep -q 'write failed: No space left' log || { cat log; fail "$f: not full"; }
    rm s/filler
    echo 'write -P 2 1M 2M' >&7; echo flush >&7; echo 'read -P 1 0 256k' >&7; echo 'read -P 2 1M 2M' >&7; echo quit >&7
    exec 7>&-
    wait $pid; [ "$(grep -c 'failed' log)" = 1 ] || { cat log; fail "$f: after there was room again"; }
    ok $IO -r -f $f -c 'read -P 1 0 256k' -c 'read -P 2 1M 2M' -c 'read -P 0 256k 768k' s/d.$f
    [ $f = vpc ] || { $IMG check -f $f s/d.$f > out 2>&1; s=$?; [ $s = 0 ] || [ $s = 3 ] || { cat out; fail "$f: check says $s"; }; }
    ! command -v qemu-io > /dev/null || ok qemu-io -r -f $f -c 'read -P 1 0 256k' -c 'read -P 2 1M 2M' s/d.$f
done
