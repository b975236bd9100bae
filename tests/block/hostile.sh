#!/bin/sh
# Images that lie: truncated, corrupt, cyclic, pointing elsewhere. Each ends in one sentence, quickly, in little memory.
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib.sh"
case ${B:-build} in *san*) ;; *) ulimit -v 4000000 ;; esac    # a sanitizer wants address space itself
quiet() {   # a refusal: status 1, and one sentence on the last line
    timeout 10 "$@" > out 2>&1; s=$?
    [ $s -eq 1 ] || { head -n 20 out; fail "status $s: $*"; }
    [ -s out ] || fail "says nothing: $*"
}
poke() {    # FILE OFFSET HEX...: changes bytes
    f=$1 o=$2; shift 2
    for b; do printf "\\$(printf %03o 0x$b)" | dd of="$f" bs=1 seek="$o" conv=notrunc status=none; o=$((o + 1)); done
}
fresh() { rm -f q.qcow2; ok $IMG create -q -f qcow2 "$@" q.qcow2 64M; ok $IO -c 'write -q -P 1 0 1M' q.qcow2; }

# header fields
fresh; poke q.qcow2 4 0 0 0 9;                         quiet $IMG info -f qcow2 q.qcow2; says "version"
fresh; poke q.qcow2 20 0 0 0 40;                       quiet $IMG info -f qcow2 q.qcow2; says "cluster size"
fresh; poke q.qcow2 20 0 0 0 2;                        quiet $IMG info -f qcow2 q.qcow2; says "cluster size"
fresh; poke q.qcow2 24 7f ff ff ff ff ff ff ff;        quiet $IMG info -f qcow2 q.qcow2
fresh; poke q.qcow2 36 ff ff ff ff;                    quiet $IMG info -f qcow2 q.qcow2; says "L1"
fresh; poke q.qcow2 40 0 0 0 0 0 0 1 1;                quiet $IMG info -f qcow2 q.qcow2; says "offset"
fresh; poke q.qcow2 56 ff ff ff ff;                    quiet $IMG info -f qcow2 q.qcow2; says "eference count table"
fresh; poke q.qcow2 60 ff ff ff ff;                    quiet $IMG info -f qcow2 q.qcow2; says "napshot"
fresh; poke q.qcow2 60 0 0 1 0; poke q.qcow2 64 0 0 0 0 0 1 0 0; quiet $IMG info -f qcow2 q.qcow2
fresh; poke q.qcow2 72 0 0 0 0 0 0 1 0;                quiet $IMG info -f qcow2 q.qcow2; says "feature"
fresh; poke q.qcow2 96 0 0 0 9;                        quiet $IMG info -f qcow2 q.qcow2
fresh; poke q.qcow2 100 ff ff 0 0;                     quiet $IMG info -f qcow2 q.qcow2
fresh; poke q.qcow2 112 12 34 56 78 ff ff ff ff;       quiet $IMG info -f qcow2 q.qcow2; says "extension"
fresh; poke q.qcow2 8 0 0 0 0 0 0 ff f0; poke q.qcow2 16 0 0 3 ff; quiet $IMG info -f qcow2 q.qcow2; says "backing"
for n in 1 50 71 100 1000 70000; do fresh; truncate -s $n q.qcow2; timeout 10 $IMG info -f qcow2 q.qcow2 > out 2>&1; [ $? -le 1 ] || fail "truncated to $n"; done

# entries: an L2 table at 0x40000 or so; its first entry made to point into metadata, nowhere, unaligned
l2=$(od -An -tx1 -j 196608 -N 8 q.qcow2 2>/dev/null)
entry() {   # HEX...: the first L2 entry
    fresh
    l1=$(od -An -tu1 -j 40 -N 8 q.qcow2 | awk '{v=0; for(i=1;i<=8;i++) v=v*256+$i; print v}')
    l2=$(od -An -tu1 -j $((l1 + 1)) -N 7 q.qcow2 | awk '{v=0; for(i=1;i<=7;i++) v=v*256+$i; print v}')
    poke q.qcow2 $l2 "$@"
}
entry 80 0 0 0 0 1 0 0;  exits 1 $IO -c 'write 0 64k' q.qcow2; exits 2 $IMG check q.qcow2; exits 1 $IO -c 'write 2M 64k' q.qcow2; says "corrupt"
ok $IMG check -r all q.qcow2; ok $IMG check q.qcow2; ok $IO -c 'write 2M 64k' q.qcow2
entry 80 0 0 0 0 5 12 0; exits 1 $IO -c 'read 0 64k' q.qcow2; exits 2 $IMG check q.qcow2
ok $IMG check -r all q.qcow2; ok $IMG check q.qcow2
entry 80 ff ff ff 0 0 0 0; exits 2 $IMG check q.qcow2; ok $IMG check -r all q.qcow2; ok $IMG check q.qcow2
# behind the end of the file: nothing to read, and no file made as long as an image says
entry 80 0 0 50 0 0 0 0; exits 1 $IO -r -c 'read 0 64k' q.qcow2; exits 1 $IO -c 'write 0 64k' q.qcow2; exits 1 $IO -c 'write 2M 64k' q.qcow2; says "corrupt"
[ "$(stat -c %s q.qcow2)" -lt 4000000 ] || fail "a file of $(stat -c %s q.qcow2) bytes"
ok $IMG check -r all q.qcow2; ok $IO -c 'read -P 0 0 64k' -c 'write 2M 64k' q.qcow2
# the same of tables: an L1 entry, and the refcount table's
be() { od -An -tu1 -j "$2" -N 8 "$1" | awk '{v=0; for(i=1;i<=8;i++) v=v*256+($i%(i==1?128:256)); printf "%.0f", v}'; }
for field in 40 48; do
    fresh; poke q.qcow2 "$(be q.qcow2 $field)" $([ $field = 40 ] && echo 80 || echo 0) 0 0 50 0 0 0 0
    exits 1 $IO -c 'write 4M 64k' q.qcow2
    [ "$(stat -c %s q.qcow2)" -lt 4000000 ] || fail "a file of $(stat -c %s q.qcow2) bytes"
    exits 2 $IMG check q.qcow2; ok $IMG check -r all q.qcow2; ok $IMG check q.qcow2; ok $IO -c 'write 4M 64k' q.qcow2
done
# and of the header's own tables
for field in 40 48; do
    fresh; poke q.qcow2 $field 0 0 20 0 0 1 0 0; exits 1 $IO -c 'write 4M 64k' q.qcow2
    [ "$(stat -c %s q.qcow2)" -lt 4000000 ] || fail "a file of $(stat -c %s q.qcow2) bytes"
done
for p in metadata falloc full; do
    rm -f q.qcow2; ok $IMG create -q -f qcow2 -o preallocation=$p q.qcow2 2M; ok $IMG resize -q --preallocation=$p q.qcow2 4M
    ok $IO -c 'read -P 0 0 4M' -c 'write -P 3 3M 64k' q.qcow2; ok $IMG check q.qcow2
done
entry 40 0 0 0 0 5 0 0;  exits 1 $IO -c 'read 0 64k' q.qcow2   # compressed garbage
entry 7f ff ff ff ff ff ff ff; exits 1 $IO -c 'read 0 64k' q.qcow2

# what the fuzzer found: writing made files of many gigabytes
for f in "$HERE"/../fuzz/corpus/qcow2/*_far_away.qcow2; do
    cp "$f" q.qcow2
    timeout 10 $IO -f qcow2 -c 'write 1000 70000' -c 'write -z -u 65536 65536' -c 'discard 0 65536' -c flush q.qcow2 > out 2>&1; s=$?
    [ $s -le 1 ] || fail "$f: status $s"
    [ "$(stat -c %s q.qcow2)" -lt 4000000 ] || fail "$f: a file of $(stat -c %s q.qcow2) bytes"
done

# a refcount table of a million entries, all of one block: check's time follows from what the file holds
fresh; python3 - q.qcow2 <<'P'
import struct, sys
f = open(sys.argv[1], "r+b"); f.seek(48); at = struct.unpack(">Q", f.read(8))[0]; f.seek(at); entry = f.read(8)
f.seek(16 << 20); f.write(entry * (1 << 20)); f.seek(48); f.write(struct.pack(">QI", 16 << 20, 128))
P
timeout 60 $IMG check q.qcow2 > out 2>&1; s=$?; [ $s -eq 2 ] || { tail -n 3 out; fail "a million times the same refcount block: status $s"; }
# no snapshots where the data is elsewhere: a sentence, for each verb
ok $IMG create -q -f qcow2 -o data_file=df.raw df.qcow2 1M
quiet $IMG snapshot -c s df.qcow2; says "external data file"; ok $IMG check df.qcow2

# chains
ok $IMG create -q -f qcow2 a.qcow2 1M
ok $IMG create -q -f qcow2 -u -b b.qcow2 -F qcow2 a.qcow2 1M
ok $IMG create -q -f qcow2 -u -b a.qcow2 -F qcow2 b.qcow2 1M
quiet $IO -r -c 'read 0 512' a.qcow2; says "circle"
quiet $IMG info --backing-chain a.qcow2; says "infinite loop"
ok $IMG info a.qcow2
ok $IMG create -q -f qcow2 -u -b missing.raw -F raw m.qcow2 1M
quiet $IO -r -c 'read 0 512' m.qcow2; says "missing.raw"; says "m.qcow2"
p=base.raw; f=raw; truncate -s 1M base.raw
for i in $(seq 1 60); do ok $IMG create -q -f qcow2 -b $p -F $f c$i.qcow2; p=c$i.qcow2 f=qcow2; done
ok $IO -c 'write -P 5 0 64k' c1.qcow2
ok $IO -r -c 'read -P 5 0 64k' c60.qcow2
# what a guest writes into a raw disk does not make it another format
truncate -s 1M guest.raw
printf 'QFI\373\0\0\0\3' > evil; truncate -s 512 evil
exits 1 $IO -c 'write -s evil 0 512' guest.raw; says "look like another format"
ok $IO -f raw -c 'write -s evil 0 512' guest.raw
# data files and extents that lead elsewhere
printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 8 FLAT "../../../../etc/passwd" 0\n' > e.vmdk
quiet $IO -r -c 'read 0 512' e.vmdk; says "refused"
printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 99999999999999 FLAT "x" 0\n' > e.vmdk
quiet $IO -r -c 'read 0 512' e.vmdk
(printf '# Disk DescriptorFile\n'; head -c 3000000 /dev/zero | tr '\0' 'A') > e.vmdk
quiet $IO -r -c 'read 0 512' e.vmdk
# noise behind every magic: nothing crashes, nothing hangs
python3 - <<'P'
import random
rnd = random.Random(5)
magics = {"qcow2": b"QFI\xfb\0\0\0\3", "vmdk": b"KDMV\1\0\0\0", "vdi": b"<<< x >>>".ljust(64) + b"\x7f\x10\xda\xbe\1\0\1\0", "vpc": b"conectix", "vhdx": b"vhdxfile",
          "qed": b"QED\0", "parallels": b"WithoutFreeSpace\2\0\0\0", "luks": b"LUKS\xba\xbe\0\1", "bochs": b"Bochs Virtual HD Image".ljust(32, b"\0") + b"Redolog".ljust(16, b"\0") + b"Growing",
          "cloop": b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n", "dmg": b"koly"}
for name, m in magics.items():
    for i in range(6):
        body = bytearray(m + (rnd.randbytes(70000) if i % 2 else bytes(rnd.choice((0, 0, 0, 1, 255)) for _ in range(70000))))
        if name == "dmg": body += body[:512]
        open("%s-%d.img" % (name, i), "wb").write(body)
P
for f in *-[0-9].img; do
    fmt=${f%-*}
    for c in "info" "check" "map"; do
        timeout 10 $IMG $c -f "$fmt" "$f" > out 2>&1; s=$?
        [ $s -le 3 ] || [ $s -eq 63 ] || { head -n 20 out; fail "$c $f: status $s"; }
    done
    timeout 10 $IO -r -f "$fmt" -c 'read -q 0 64k' "$f" > out 2>&1; s=$?; [ $s -le 1 ] || { head -n 20 out; fail "read $f: status $s"; }
done
# locks: the second writer is refused and told who has it; readers are not
ok $IMG create -q -f qcow2 l.qcow2 1M
$IO -c 'sleep 4000' l.qcow2 > /dev/null 2>&1 & pid=$!
sleep 0.5
quiet $IO -c 'write 0 512' l.qcow2; says "pid $pid"
ok $IMG info l.qcow2
kill $pid 2>/dev/null; wait $pid 2>/dev/null
# wrong options name the nearest one
quiet $IMG create -f qcow2 -o cluster_sise=64k x.qcow2 1M; says "cluster_size"
quiet $IMG create -f qcow3 x.img 1M; quiet $IMG convet a b; says "convert"
quiet $IMG info /nonexistent; quiet $IMG info "$T"
