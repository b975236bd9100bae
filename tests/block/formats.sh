#!/bin/sh
# Every format both ways with the distribution's tools, byte for byte; written at random places as well.
. "$(dirname "$0")/lib.sh"
need qemu-img qemu-utils
need openssl openssl
disk ref.raw 12

both_ways() {   # FORMAT OPTIONS: ours is read by theirs, theirs by ours
    f=$1; shift
    ok $IMG convert -f raw -O "$f" "$@" ref.raw "ours.$f"
    ok qemu-img compare -f "$f" -F raw "ours.$f" ref.raw
    ok $IMG compare -f "$f" -F raw "ours.$f" ref.raw
    ok qemu-img convert -f raw -O "$f" "$@" ref.raw "theirs.$f"
    ok $IMG compare -f "$f" -F raw "theirs.$f" ref.raw
    case "$*" in *fixed*) ;; *) ok $IMG info "theirs.$f"; says "file format: $f" ;; esac
    ok $IMG convert -f "$f" -O raw "theirs.$f" back.raw
    truncate -s 12M back.raw; cmp ref.raw back.raw || fail "$f $*"
}
for o in subformat=monolithicSparse subformat=monolithicFlat subformat=twoGbMaxExtentSparse subformat=twoGbMaxExtentFlat adapter_type=lsilogic; do
    both_ways vmdk -o $o
done
both_ways vdi
both_ways vdi -o static=on
both_ways vpc -o force_size=on
both_ways vpc -o force_size=on,subformat=fixed
[ -z "$($IMG --help | grep -w vhdx)" ] || { both_ways vhdx; both_ways vhdx -o subformat=fixed; }
for o in compat=0.10 compat=1.1 cluster_size=512 cluster_size=2M extended_l2=on refcount_bits=1 refcount_bits=64 lazy_refcounts=on preallocation=metadata preallocation=falloc; do
    both_ways qcow2 -o $o
    ok qemu-img check ours.qcow2
    ok $IMG check theirs.qcow2
done
both_ways qcow2 -c
both_ways qcow2 -c -o compression_type=zstd
# streamOptimized is written compressed
# streamOptimized takes nothing else, so -c is not needed; the other kinds hold nothing packed, so -c changes nothing
for o in "-o subformat=streamOptimized" -c "-c -o subformat=twoGbMaxExtentSparse" "-c -o subformat=monolithicFlat"; do
    ok $IMG convert -O vmdk $o ref.raw s.vmdk; ok qemu-img compare ref.raw s.vmdk; rm -f s*.vmdk
done
ok $IMG convert -c -O vmdk -o subformat=streamOptimized ref.raw s.vmdk
ok qemu-img compare -f vmdk -F raw s.vmdk ref.raw
ok qemu-img convert -c -O vmdk -o subformat=streamOptimized ref.raw s2.vmdk
ok $IMG compare -f vmdk -F raw s2.vmdk ref.raw
# external data files
ok $IMG create -f qcow2 -o data_file=d.raw,data_file_raw=on x.qcow2 12M
ok $IMG convert -n -O qcow2 ref.raw x.qcow2
ok qemu-img compare -f qcow2 -F raw x.qcow2 ref.raw
cmp d.raw ref.raw || fail "raw data file"
ok qemu-img check x.qcow2
# writes at odd places into each format, theirs and ours
for f in vmdk vdi vpc vhdx qcow2; do
    o=; [ $f != vpc ] || o="-o force_size=on"
    ok $IMG create -f $f $o w.$f 8M
    ok $IO -c 'write -P 1 1000 70000' -c 'write -P 2 3M 1M' -c 'write -P 3 8388000 608' -f $f w.$f
    ok qemu-io -c 'read -P 1 1000 70000' -c 'read -P 2 3M 1M' -c 'read -P 3 8388000 608' -c 'read -P 0 1M 1M' -c 'write -P 4 5000000 300000' -f $f w.$f
    grep -q failed out && { cat out; fail "$f written by us, read by them"; }
    ok $IO -c 'read -P 4 5000000 300000' -c 'read -P 1 1000 70000' -c 'read -P 0 4M 805000' -f $f w.$f
done
# a vmdk above another one
for o in monolithicSparse twoGbMaxExtentSparse; do
    rm -f p*.vmdk k*.vmdk; ok $IMG create -f vmdk p.vmdk 8M; ok $IO -c 'write -P 7 0 1M' p.vmdk
    ok $IMG create -f vmdk -o subformat=$o -b p.vmdk -F vmdk k.vmdk
    ok $IO -c 'write -P 8 512k 4k' k.vmdk
    ok qemu-io -c 'read -P 7 0 512k' -c 'read -P 8 512k 4k' -c 'read -P 7 516k 400k' -c 'read -P 0 2M 1M' -c 'write -P 9 4M 64k' k.vmdk
    grep -q failed out && { cat out; fail "vmdk with a parent"; }
    ok $IO -c 'read -P 9 4M 64k' -c 'read -P 8 512k 4k' k.vmdk
    ok $IMG info k.vmdk; says 'backing file: p.vmdk'
done
exits 1 $IMG create -f vmdk -b ref.raw -F raw x.vmdk; says 'Must be VMDK'
exits 1 $IMG create -f vmdk -o subformat=monolithicFlat -b p.vmdk -F vmdk x.vmdk; says 'cannot have a backing file'
# what measure says of bitmaps
ok $IMG create -f qcow2 m.qcow2 64G
ok $IMG bitmap --add -g 4096 m.qcow2 small; ok $IMG bitmap --add m.qcow2 another
for o in cluster_size=64k cluster_size=4k cluster_size=2M; do
    $IMG measure -O qcow2 -o $o m.qcow2 > m.ours; qemu-img measure -O qcow2 -o $o m.qcow2 > m.theirs
    cmp m.ours m.theirs || { cat m.ours m.theirs; fail "measure $o"; }
done
