#!/bin/sh
# Options of an open qcow2 image: each does something, or is refused by a sentence.
. "$(dirname "$0")/lib.sh"
io() { o=$1; shift; ok $IO --image-opts "$@" "driver=qcow2,file.filename=q.qcow2,$o"; }
refused() { exits 1 $IO --image-opts -c 'read 0 512' "driver=qcow2,file.filename=q.qcow2,$1"; says "$2"; }
used() { echo $(($(stat -c %b "$1") / 2)); }     # KiB on the host
host() { $IMG map --output=json q.qcow2; }
fresh() { rm -f q.qcow2; ok $IMG create -q -f qcow2 "$@" q.qcow2 16M; ok $IO -c 'write -q -P 1 0 8M' q.qcow2; }

# overlap-check: the first L2 entry points to the refcount block, to a snapshot's L2 table
poke() { f=$1 o=$2; shift 2; for b; do printf "\\$(printf %03o 0x$b)" | dd of="$f" bs=1 seek="$o" conv=notrunc status=none; o=$((o + 1)); done; }
be() { od -An -tu1 -j "$2" -N 8 "$1" | awk '{v=0; for(i=1;i<=8;i++) v=v*256+($i%(i==1?128:256)); printf "%.0f", v}'; }
lie() {     # makes guest cluster 0 lie at host offset $1 (below 16 MiB)
    poke q.qcow2 "$(be q.qcow2 "$(be q.qcow2 40)")" 80 0 0 0 0 "$(printf %x $(($1 / 65536)))" 0 0
}
fresh; lie 131072; exits 1 $IO -c 'write 0 64k' q.qcow2; says 'write failed'
fresh; lie 65536; exits 1 $IO --image-opts -c 'write 0 64k' "driver=qcow2,file.filename=q.qcow2,overlap-check=constant"
fresh; lie 131072; io 'overlap-check=none' -c 'write -q 0 512'
fresh; lie 131072; io 'overlap-check.template=all,overlap-check.refcount-block=off' -c 'write -q 0 512'
fresh; ok $IMG snapshot -c s q.qcow2; ok $IO -c 'write -q -P 2 0 64k' q.qcow2
snaps=$(be q.qcow2 64); l1=$(be q.qcow2 "$snaps"); l2=$(be q.qcow2 "$l1")
lie "$l2"; exits 1 $IO --image-opts -c 'write 0 64k' "driver=qcow2,file.filename=q.qcow2,overlap-check=all"
fresh
refused 'overlap-check=some' 'none, constant, cached, all'
refused 'overlap-check=all,overlap-check.template=none' 'Conflicting'
refused 'overlap-check.main-haeder=on' 'main-header'

# caches
fresh
io 'l2-cache-size=64k,l2-cache-entry-size=512,refcount-cache-size=64k,cache-clean-interval=1' -c 'write -q -P 3 0 16M' -c 'sleep 1100' -c 'read -q -P 3 0 16M'
io 'cache-size=1M,l2-cache-size=512k,cache-clean-interval=0' -c 'read -q -P 3 0 16M'
ok $IMG check q.qcow2
refused 'cache-size=1M,l2-cache-size=1M,refcount-cache-size=1M' 'may not be set at the same time'
refused 'cache-size=1M,l2-cache-size=2M' 'may not exceed cache-size'
refused 'l2-cache-entry-size=3000' 'power of two'
refused 'cache-clean-interval=99999999999' 'too big'

# discards: what reaches the file, and whether the cluster keeps its place
fresh; before=$(used q.qcow2)
io 'discard=unmap,pass-discard-request=off' -c 'discard -q 0 4M'
[ "$(used q.qcow2)" -ge "$((before - 64))" ] || fail 'the file has shrunk though pass-discard-request=off'
fresh; io 'discard=unmap' -c 'discard -q 0 4M'
[ "$(used q.qcow2)" -le "$((before - 3900))" ] || fail "a discard freed nothing: $(used q.qcow2) of $before"
fresh; io 'discard=unmap,discard-no-unref=on' -c 'discard -q 0 4M' -c 'read -q -P 0 0 4M'
[ "$(used q.qcow2)" -le "$((before - 3900))" ] || fail 'a discard freed nothing'
host | grep -q '"start": 0, .*"zero": true, .*"offset":' || fail "a discarded cluster lost its place: $(host)"
ok $IMG check q.qcow2
size=$(stat -c %s q.qcow2); ok $IO -c 'write -q -P 4 0 4M' -c 'read -q -P 4 0 4M' q.qcow2
[ "$(stat -c %s q.qcow2)" = "$size" ] || fail 'the places were not used again'
for keep in on off; do
    fresh; ok $IMG snapshot -c s q.qcow2; ok $IO -c 'write -q -P 2 0 8M' q.qcow2; before=$(used q.qcow2)
    ok $IMG snapshot -d s --image-opts "driver=qcow2,file.filename=q.qcow2,pass-discard-snapshot=$keep"
    if [ $keep = on ]; then [ "$(used q.qcow2)" -le "$((before - 8000))" ]; else [ "$(used q.qcow2)" -ge "$((before - 64))" ]; fi ||
        fail "pass-discard-snapshot=$keep: $before KiB became $(used q.qcow2)"
    ok $IMG check q.qcow2; ok $IO -c 'read -q -P 2 0 8M' q.qcow2
done
fresh; ok $IMG snapshot -c s q.qcow2; before=$(used q.qcow2)
rm -f q.qcow2; ok $IMG create -q -f qcow2 -o compat=0.10 q.qcow2 16M; refused 'discard-no-unref=on' 'version 3'; refused 'lazy-refcounts=on' 'Lazy refcounts'
refused 'l2-cache-sise=1M' 'l2-cache-size'
