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

# JSON and exit codes are qemu-img's, to the byte, and the plain text is as well. Since 8.1 qemu-img tells of each image's
# file apart, later of LUKS's headers, and the text of info and snapshot is another.
new=$(qemu-img --version | awk 'NR == 1 { split($3, v, "."); if (v[1] * 100 + v[2] > 800) print "yes" }')
without_news() { awk '
    /"detached-header"/ { next }
    until != "" { if ($0 ~ until) until = ""; next }
    /^ *"children": \[$/ { until = $0; sub(/".*/, "],?$", until); until = "^" until; next }
    { print }'; }
same() {    # ARGS...: both tools say the same, with the same status
    qemu-img "$@" > theirs.all 2> theirs.err; t=$?; $IMG "$@" > ours 2> ours.err; o=$?
    [ $t -eq $o ] || fail "status $o instead of $t: $*"
    case $new$* in yes*json*) ;; yesinfo*|yessnapshot*) return ;; esac
    without_news < theirs.all > theirs
    cmp -s theirs ours || { diff theirs ours | head -n 20; fail "another answer: $*"; }
}
ok $IMG convert -O qcow2 ref.raw a.qcow2
ok $IMG convert -c -O qcow2 -o cluster_size=4k ref.raw b.qcow2
ok $IMG create -q -f qcow2 -b a.qcow2 -F qcow2 c.qcow2; ok $IO -c 'write -q 1M 70k' -c 'write -q -z 3M 64k' c.qcow2
ok $IMG create -q -f qcow2 -o extended_l2=on,lazy_refcounts=on,refcount_bits=8,compression_type=zstd d.qcow2 1G; ok $IO -c 'write -q 64k 64k' d.qcow2
ok $IMG create -q -f qcow2 -o compat=0.10 e.qcow2 1G
ok $IMG snapshot -c one d.qcow2; ok $IMG bitmap --add -g 32k c.qcow2 b0
ok $IMG convert -O vmdk ref.raw f.vmdk; ok $IMG convert -O vdi ref.raw g.vdi; ok $IMG convert -O vhdx ref.raw h.vhdx; ok $IMG convert -O vpc -o force_size=on ref.raw i.vpc
for o in monolithicFlat twoGbMaxExtentSparse twoGbMaxExtentFlat; do ok $IMG convert -O vmdk -o subformat=$o ref.raw $o.vmdk; done
ok $IMG convert -c -O vmdk -o subformat=streamOptimized ref.raw stream.vmdk; ok $IMG create -q -f vmdk -b f.vmdk -F vmdk child.vmdk
ok $IMG convert -O vdi -o static=on ref.raw static.vdi; ok $IMG convert -O vpc -o force_size=on,subformat=fixed ref.raw fixed.vpc
for b in '' '-b ref.raw -F raw'; do     # clusters of which parts are there
    f=parts${b:+b}.qcow2; ok $IMG create -q -f qcow2 $b -o extended_l2=on,cluster_size=128k $f 12M
    ok $IO -c 'write -q 5k 3k' -c 'write -q 20k 8k' -c 'write -q -z 64k 8k' -c 'write -q 1M 300k' -c 'write -q -z 2M 256k' -c 'discard -q 1M 64k' $f
done
ok $IMG create -q -f qcow2 -o data_file=d.raw data.qcow2 12M; ok $IO -c 'write -q 5k 3k' -c 'write -q 1M 64k' data.qcow2
ok $IMG create -q -f qcow2 -o data_file=r.raw,data_file_raw=on dataraw.qcow2 12M; ok $IO -c 'write -q 5k 3k' dataraw.qcow2
for p in metadata falloc full; do ok $IMG create -q -f qcow2 -o preallocation=$p $p.qcow2 2M; done
ok $IMG create -q --object secret,id=s,data=x -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 luks.qcow2 2M
ok $IMG create -q --object secret,id=s,data=x -f luks -o key-secret=s,iter-time=10 luks.luks 2M
ok $IMG create -q -f qcow2 snaps.qcow2 8M; for i in one two; do ok $IO -c 'write -q 64k 1M' snaps.qcow2; ok $IMG snapshot -c $i snaps.qcow2; done
ok $IMG bitmap --add -g 64k snaps.qcow2 b0; ok $IMG bitmap --add --disable snaps.qcow2 b1
for f in qed parallels; do ok qemu-img convert -O $f ref.raw x.$f; done
for f in ref.raw *.qcow2 f.vmdk *Flat.vmdk *Sparse.vmdk stream.vmdk child.vmdk *.vdi h.vhdx *.vpc luks.luks x.qed x.parallels; do
    o="-f ${f##*.}"
    same info --output=json $o $f; same info $o $f; same info -U --output json --backing-chain $o $f
    case $f in h.vhdx|new.qcow2) continue ;; esac    # of a vhdx's blocks qemu-img knows nothing
    same map --output=json $o $f; same map $o $f; same measure --output=json -O qcow2 $o $f; same measure -O raw $o $f
    case $f in *.luks|*.raw|*.vpc) ;; *) same check --output=json $o $f; same check $o $f ;; esac
done
same snapshot -l d.qcow2; same snapshot -l snaps.qcow2; same info -f luks a.qcow2; same check -f vmdk a.qcow2
same compare a.qcow2 ref.raw; same compare a.qcow2 d.qcow2; same compare a.qcow2 nothing
same check nothing; same info nothing

# a snapshot is not applied behind the back of dirty bitmaps; what came first is listed first
ok $IMG snapshot -d two snaps.qcow2; exits 1 $IMG snapshot -a one snaps.qcow2; says 'dirty bitmaps'
exits 1 $IMG snapshot -l -c x snaps.qcow2; says 'Cannot mix'
ok $IMG bitmap --remove snaps.qcow2 b0; ok $IMG bitmap --remove snaps.qcow2 b1; ok $IMG snapshot -a one snaps.qcow2

# a lock names its holder; looking is always allowed
$IO -c 'sleep 5000' a.qcow2 > /dev/null 2>&1 & pid=$!
sleep 0.5
exits 1 $IO -c 'write 0 512' a.qcow2; says "pid $pid"; says 'rhea-io'
ok $IMG info a.qcow2; ok $IMG info -U a.qcow2; ok $IMG map -U a.qcow2
kill $pid 2>/dev/null; wait $pid 2>/dev/null

# a terabyte costs next to nothing until it is used, and an idle server does nothing at all
ok $IMG create -q -f qcow2 huge.qcow2 1T
python3 - "$IO" <<'P' || fail 'memory'
import os, resource, subprocess, sys
slow = int(os.environ.get("SLOW", 1))           # a build with a sanitizer or the like: its memory says nothing
subprocess.run([sys.argv[1], "-c", "write -q 1023G 64k", "-c", "read -q 512G 64k", "huge.qcow2"], check=True, timeout=20 * slow)
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit("%d KiB" % kib if kib > 60000 and slow == 1 else 0)
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

# a bar on a terminal for what lasts over a second, and none elsewhere
python3 - "$IMG" "$slow" <<'P' || fail 'no bar'
import os, pty, subprocess, sys
m, s = pty.openpty()
p = subprocess.Popen([sys.argv[1], "convert", "-m", "1", "--image-opts", "-O", "raw", sys.argv[2], "bar.raw"], stderr=s)
os.close(s)
text = b""
try:
    while True:
        part = os.read(m, 4096)
        if not part: break
        text += part
except OSError:
    pass
sys.exit(0 if p.wait() == 0 and b"[##" in text and b"/s  " in text and b" left" in text else "status %s: %r" % (p.returncode, text))
P
$IMG convert --image-opts -O raw "$slow" bar.raw > out 2>&1 || fail 'slow copy'; [ ! -s out ] || { cat out; fail 'a bar where there is no terminal'; }

# options that exclude each other, or that need another, are refused as by QEMU's tools
truncate -s 1M opt.raw; ok $IMG create -q -f qcow2 opt.qcow2 1M
exits 1 $IMG convert -C -S 4k -O raw opt.qcow2 o.raw; says 'copy offloading when -S'
exits 1 $IMG convert --skip-broken-bitmaps -O qcow2 opt.qcow2 o.qcow2; says 'requires --bitmaps'
exits 1 $IMG create -f vmdk -o compat6=on,hwversion=6 o.vmdk 1M; says 'compat6 cannot be enabled'
exits 1 $IMG bench -w -c 10 --flush-interval=5 opt.qcow2; says "smaller than depth"
for t in "$IMG bench -c 1 -i native" "$IO -k -c length" "$IO -i native -c length"; do exits 1 $t opt.qcow2; says 'requires cache.direct=on'; done
exits 1 $IO -i nothing -c length opt.qcow2; says 'Invalid aio option'
ok $IMG bench -q -c 1 opt.qcow2; says 'Sending 1 read requests'; ok $IMG bench -c 0 opt.qcow2; says 'Run completed'
ok $IMG resize opt.qcow2 +0
ok $IMG info --image-opts driver=qcow2,file.filename=opt.qcow2; says 'image: opt.qcow2'; ok $IMG info file:opt.qcow2; says 'image: opt.qcow2'

# a machine that is stopped, with a disk and an I/O thread: nothing wakes up
if [ -x "$B/rhea-system-riscv64" ]; then
    "$B/rhea-system-riscv64" -M virt -m 64M -S -display none -serial none -monitor none -bios none -object iothread,id=t \
        -drive file=huge.qcow2,if=none,id=d,format=qcow2 -device virtio-blk-device,drive=d,iothread=t > out 2>&1 & pid=$!
    sleep 2; kill -0 $pid || { cat out; fail 'the machine has ended'; }
    before=$(look); sleep 2; after=$(look)
    [ $((after - before)) -le 4 ] || fail "a stopped machine woke up $((after - before)) times in two seconds"
    kill $pid; wait $pid
fi
