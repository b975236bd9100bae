#!/bin/sh
# The tools as people and scripts use them: Ctrl-C, SIGUSR1, JSON to the byte, locks, large and idle images.
. "$(dirname "$0")/lib.sh"
need qemu-img qemu-utils
disk ref.raw 12

# Ctrl-C leaves nothing under the final name, but an image that was there before stays; SIGUSR1 asks how far it is
slow='driver=raw,file.driver=blkdebug,file.delay-ns=1500000000,file.file.filename=ref.raw'
interrupt() {   # ARGS...
    $IMG convert --image-opts "$@" > out 2>&1 & pid=$!
    sleep 1; kill -USR1 $pid; sleep 0.3; kill -INT $pid
    wait $pid && fail "not interrupted: $*"
    says '%'
}
interrupt -O qcow2 "$slow" new.qcow2
[ ! -e new.qcow2 ] || fail "half an image is left"
ok $IMG create -q -f qcow2 exists.qcow2 12M
interrupt -n --target-image-opts "$slow" driver=qcow2,file.filename=exists.qcow2
ok $IMG check exists.qcow2

# JSON and exit codes are qemu-img's, to the byte
same() {    # ARGS...: both tools say the same, with the same status
    qemu-img "$@" > theirs 2> theirs.err; t=$?; $IMG "$@" > ours 2> ours.err; o=$?
    [ $t -eq $o ] || fail "status $o instead of $t: $*"
    cmp -s theirs ours || { diff theirs ours | head -n 20; fail "another answer: $*"; }
}
ok $IMG convert -O qcow2 ref.raw a.qcow2
ok $IMG convert -c -O qcow2 -o cluster_size=4k ref.raw b.qcow2
ok $IMG create -q -f qcow2 -b a.qcow2 -F qcow2 c.qcow2; ok $IO -c 'write -q 1M 70k' -c 'write -q -z 3M 64k' c.qcow2
ok $IMG create -q -f qcow2 -o extended_l2=on,lazy_refcounts=on,refcount_bits=8,compression_type=zstd d.qcow2 1G; ok $IO -c 'write -q 64k 64k' d.qcow2
ok $IMG create -q -f qcow2 -o compat=0.10 e.qcow2 1G
ok $IMG snapshot -c one d.qcow2; ok $IMG bitmap --add -g 32k c.qcow2 b0
ok $IMG convert -O vmdk ref.raw f.vmdk; ok $IMG convert -O vdi ref.raw g.vdi; ok $IMG convert -O vhdx ref.raw h.vhdx; ok $IMG convert -O vpc -o force_size=on ref.raw i.vpc
for f in ref.raw a.qcow2 b.qcow2 c.qcow2 d.qcow2 e.qcow2 f.vmdk g.vdi h.vhdx i.vpc; do
    same info --output=json $f; same info $f
    case $f in *.raw|*.qcow2) same map --output=json $f; same map $f; same measure --output=json -O qcow2 $f; same measure -O raw $f ;; esac
    case $f in *.qcow2) same check --output=json $f; same check $f ;; esac
done
same info --backing-chain --output=json c.qcow2
same snapshot -l d.qcow2
same compare a.qcow2 ref.raw; same compare a.qcow2 d.qcow2; same compare a.qcow2 nothing
same check nothing; same info nothing

# a lock names its holder; looking is always allowed
$IO -c 'sleep 5000' a.qcow2 > /dev/null 2>&1 & pid=$!
sleep 0.5
exits 1 $IO -c 'write 0 512' a.qcow2; says "pid $pid"; says 'rhea-io'
ok $IMG info a.qcow2; ok $IMG info -U a.qcow2; ok $IMG map -U a.qcow2
kill $pid 2>/dev/null; wait $pid 2>/dev/null

# a terabyte costs next to nothing until it is used, and an idle server does nothing at all
ok $IMG create -q -f qcow2 huge.qcow2 1T
python3 - "$IO" <<'P' || fail 'memory'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "-c", "write -q 1023G 64k", "-c", "read -q 512G 64k", "huge.qcow2"], check=True, timeout=20)
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit("%d KiB" % kib if kib > 60000 else 0)
P
[ "$(stat -c %b huge.qcow2)" -lt 4000 ] || fail "an empty terabyte takes $(stat -c %b huge.qcow2) blocks"
$NBD -t -k "$T/s" -f qcow2 huge.qcow2 & pid=$!
sleep 1
look() { awk '/ctxt_switches/ { n += $2 } END { print n }' /proc/$pid/task/*/status; }
before=$(look); sleep 2; after=$(look)
[ $((after - before)) -le 2 ] || fail "an idle server woke up $((after - before)) times in two seconds"
kill $pid; wait $pid

# tables that have to be fetched first: whoever copies meanwhile must not lose its place
cold() { echo "driver=qcow2,l2-cache-size=4k,file.driver=blkdebug,file.delay-ns=2000000,file.file.filename=$1"; }
ok $IMG convert -O qcow2 -o cluster_size=4k ref.raw cold.qcow2
ok $IMG convert --image-opts -O raw "$(cold cold.qcow2)" cold.raw; cmp cold.raw ref.raw || fail 'a slow source is not what comes out'
ok $IMG convert -W -m 16 --image-opts -O raw "$(cold cold.qcow2)" cold.raw; cmp cold.raw ref.raw || fail 'a slow source, out of order'

# commit and rebase copy several pieces at once
truncate -s 12M base.raw; ok $IO -f raw -c 'write -q -P 7 3M 5M' base.raw
ok $IMG create -q -f qcow2 -b base.raw -F raw -o cluster_size=4k top.qcow2
ok $IMG convert -n -O qcow2 ref.raw top.qcow2; ok $IMG commit --image-opts "$(cold top.qcow2)"
cmp base.raw ref.raw || fail 'commit'
ok $IMG create -q -f qcow2 -b base.raw -F raw -o cluster_size=4k top.qcow2; ok $IO -c 'write -q -P 9 1M 3M' -c 'write -q -P 8 11M 10k' top.qcow2
ok $IMG convert -O raw top.qcow2 want.raw
ok $IMG create -q -f qcow2 other.qcow2 12M; ok $IO -c 'write -q -P 3 0 2M' other.qcow2
ok $IMG rebase -b other.qcow2 -F qcow2 --image-opts "$(cold top.qcow2)"
ok $IMG compare -F raw top.qcow2 want.raw; ok qemu-img compare -F raw top.qcow2 want.raw; ok $IMG check top.qcow2
