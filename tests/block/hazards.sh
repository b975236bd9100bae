#!/bin/sh
# More images that lie, beside hostile.sh: logs, block tables, key slots, long chains, bombs, failing disks, killed tools.
. "$(dirname "$0")/lib.sh"
case ${B:-build} in *san*) ;; *) ulimit -v 4000000 ;; esac
quiet() {   # a refusal: status 1, one sentence, soon
    timeout 20 "$@" > out 2>&1; s=$?
    [ $s -eq 1 ] && [ -s out ] || { head -n 20 out; fail "status $s: $*"; }
}
poke() {    # FILE OFFSET HEX: changes bytes
    python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2], 0)); f.write(bytes.fromhex(sys.argv[3]))' "$@"
}

# vhdx: a log is played back, once; one that points outside, repeats itself or has the wrong sum is not
cat > log.py <<'P'
import struct, sys
def crc(b):
    c = 0xffffffff
    for x in b:
        c ^= x
        for _ in range(8): c = c >> 1 ^ 0x82f63b78 if c & 1 else c >> 1
    return c ^ 0xffffffff
def seal(b):
    b[4:8] = bytes(4); b[4:8] = struct.pack("<I", crc(bytes(b))); return b
name, target, claim = sys.argv[1], int(sys.argv[2], 0), sys.argv[3]
f = open(name, "r+b"); guid = bytes(range(1, 17))
for at in (0x10000, 0x20000):
    f.seek(at); h = bytearray(f.read(4096)); h[48:64] = guid; f.seek(at); f.write(seal(h))
f.seek(target if target < 1 << 40 else 0x300000); old = bytearray(f.read(4096)); new = bytearray(4096)
e = bytearray(8192); e[0:4] = b"loge"
struct.pack_into("<IIQII", e, 8, 8192, 0 if claim != "tail" else 8192, 1, 1 if claim != "count" else 0x7fffffff, 0)
e[32:48] = guid; struct.pack_into("<QQ", e, 48, 4 << 20, 4 << 20)
new[:] = old; new[4000:4004] = b"LOG!"
e[64:68] = b"desc"; e[68:72] = new[4092:]; e[72:80] = new[:8]; struct.pack_into("<QQ", e, 80, target, 1)
e[4096:4100] = b"data"; e[4104:8188] = new[8:4092]; struct.pack_into("<I", e, 8188, 1)
seal(e)
if claim == "sum": e[5000] ^= 1
f.seek(0x100000); f.write(e)
P
fresh() { rm -f l.vhdx; ok $IMG create -q -f vhdx -o block_size=1M l.vhdx 4M; ok $IO -f vhdx -c 'write -q -P 6 0 1M' l.vhdx; }
fresh; ok python3 log.py l.vhdx 0x301000 good
quiet $IO -r -f vhdx -c 'read 0 512' l.vhdx; says 'log that needs to be replayed'
ok $IO -f vhdx -c 'read -P 6 0 1M' l.vhdx; dd if=l.vhdx bs=1 skip=$((0x301000 + 4000)) count=4 2>/dev/null | grep -q 'LOG!' || fail 'the log was not played back'
ok $IO -r -f vhdx -c 'read -P 6 0 1M' l.vhdx
if command -v qemu-img > /dev/null; then ok qemu-img check -f vhdx l.vhdx; fi
fresh; ok python3 log.py l.vhdx 0x40000000000000 far; quiet $IO -f vhdx -c 'read 0 512' l.vhdx; says 'log'
[ "$(stat -c %s l.vhdx)" -lt 20000000 ] || fail 'a log made the file long'
for c in sum tail count; do fresh; ok python3 log.py l.vhdx 0x301000 $c; ok $IO -f vhdx -c 'read -P 6 0 1M' l.vhdx; done
# block tables that point to tables, outside, twice; sizes that overflow
fresh; poke l.vhdx 0x300000 0600300000000000; quiet $IO -r -f vhdx -c 'read 0 512' l.vhdx; says 'overlaps a table'
fresh; poke l.vhdx 0x300000 06000000ffffff00; quiet $IO -r -f vhdx -c 'read 0 512' l.vhdx
fresh; poke l.vhdx 0x210008 ffffffffffffff7f; quiet $IO -r -f vhdx -c 'read 0 512' l.vhdx
fresh; poke l.vhdx 0x210004 02000000; quiet $IO -r -f vhdx -c 'read 0 512' l.vhdx; says 'differencing'
ok $IMG create -q -f vdi d.vdi 4M; ok $IO -f vdi -c 'write -q -P 1 0 4M' d.vdi; cp d.vdi e.vdi
poke d.vdi 0x204 00000000; quiet $IO -r -f vdi -c 'read 0 512' d.vdi; says 'repeat'; exits 2 $IMG check -f vdi d.vdi; says 'another block uses'
cp e.vdi d.vdi; poke d.vdi 0x204 ffffff7f; quiet $IO -r -f vdi -c 'read 0 512' d.vdi
cp e.vdi d.vdi; poke d.vdi 0x180 ffffff3f; quiet $IO -r -f vdi -c 'read 0 512' d.vdi
vpc() { python3 - "$1" "$2" "$3" <<'P'
import sys
f = open(sys.argv[1], "r+b"); at, new = int(sys.argv[2], 0), bytes.fromhex(sys.argv[3])
f.seek(at); f.write(new)
for start, size, sum_at in ((0, 512, 64), (512, 1024, 36)):
    f.seek(start); b = bytearray(f.read(size)); b[sum_at:sum_at + 4] = bytes(4)
    b[sum_at:sum_at + 4] = (~sum(b) & 0xffffffff).to_bytes(4, "big"); f.seek(start); f.write(b)
P
}
new_vpc() { rm -f v.vpc; ok $IMG create -q -f vpc -o force_size=on v.vpc 8M; ok $IO -f vpc -c 'write -q -P 1 0 4M' v.vpc; }
new_vpc; vpc v.vpc 0x600 00000003; quiet $IO -r -f vpc -c 'read 0 512' v.vpc; says 'overlaps'
new_vpc; vpc v.vpc 0x600 7fffffff; quiet $IO -r -f vpc -c 'read 0 512' v.vpc; says 'cut short'
new_vpc; vpc v.vpc 0x21c ffffffff; quiet $IO -r -f vpc -c 'read 0 512' v.vpc
new_vpc; vpc v.vpc 0x220 00000001; quiet $IO -r -f vpc -c 'read 0 512' v.vpc; says 'block size'
new_vpc; vpc v.vpc 60 00000004; quiet $IO -r -f vpc -c 'read 0 512' v.vpc; says 'differencing'
new_vpc; poke v.vpc 41 ff; quiet $IO -r -f vpc -c 'read 0 512' v.vpc; says 'checksum'

# LUKS: iterations beyond reason, stripes, offsets, a header that ends too soon
luks() { rm -f k.luks; ok $IMG create -q --object secret,id=s,data=x -f luks -o key-secret=s,iter-time=10 k.luks 1M; }
try() { quiet $IO --object secret,id=s,data=x -c 'read 0 512' --image-opts driver=luks,file.filename=k.luks,key-secret=s; }
luks; poke k.luks 212 ffffffff; try                                     # iterations of slot 0
luks; poke k.luks 164 ffffffff; try                                     # of the master key's digest
luks; poke k.luks 252 ffffffff; try                                     # stripes
luks; poke k.luks 248 ffffffff; try                                     # where the key material lies
luks; poke k.luks 108 ffffffff; try                                     # bytes of the key
luks; truncate -s 300 k.luks; try; luks; truncate -s 5000 k.luks; try
luks; poke k.luks 208 12345678; try                                     # a slot neither on nor off

# chains: 200 are enough, a backing file of another size, names that lead to other protocols are only read when opened
truncate -s 1M r.raw; p=r.raw f=raw
for i in $(seq 1 201); do ok $IMG create -q -u -f qcow2 -b $p -F $f n$i.qcow2 1M; p=n$i.qcow2 f=qcow2; done
ok $IO -r -c 'read -P 0 0 64k' n150.qcow2; quiet $IO -r -c 'read 0 512' n201.qcow2; says 'more than 200'; ok $IMG info n201.qcow2
ok $IO -f raw -c 'write -q -P 5 0 1M' r.raw; ok $IMG create -q -f qcow2 -b r.raw -F raw w.qcow2 3M
ok $IO -r -c 'read -P 5 0 1M' -c 'read -P 0 1M 2M' w.qcow2
ok $IMG create -q -u -f qcow2 -b nbd://192.0.2.1/x -F raw far.qcow2 1M; ok timeout 5 $IMG info far.qcow2; says 'nbd://'
ok $IMG create -q -u -f qcow2 -b /dev/mem -F raw mem.qcow2 1M; ok $IMG info mem.qcow2
ok $IMG create -q -f vmdk pp.vmdk 1M; ok $IMG create -q -f vmdk -b pp.vmdk -F vmdk cc.vmdk
ok $IO -f vmdk -c 'read 0 512' cc.vmdk; ok $IO -f vmdk -c 'write -q 0 512' pp.vmdk
quiet $IO -r -f vmdk -c 'read 0 512' cc.vmdk; says 'has changed since'; ok $IMG info cc.vmdk
rm pp.vmdk cc.vmdk; ok $IMG create -q -f vmdk pp.vmdk 1M; ok $IMG create -q -f vmdk -b pp.vmdk -F vmdk cc.vmdk; ok $IO -f vmdk -c 'write -q -P 3 0 64k' cc.vmdk
ok $IMG commit -f vmdk cc.vmdk; ok $IO -r -f vmdk -c 'read -P 3 0 64k' pp.vmdk; ok $IO -r -f vmdk -c 'read -P 3 0 64k' cc.vmdk
if command -v qemu-io > /dev/null; then ok qemu-io -r -f vmdk -c 'read -P 3 0 64k' cc.vmdk; grep -q failed out && fail 'qemu-io refuses the child'; fi

# a compressed cluster that unfolds to more than a cluster, or runs past the end
python3 - "$IMG" <<'P' || fail 'bombs'
import struct, subprocess, sys, zlib
img = sys.argv[1]
open("c.raw", "wb").write(b"text " * 13108)
subprocess.run([img, "convert", "-c", "-f", "raw", "-O", "qcow2", "c.raw", "c.qcow2"], check=True)
d = bytearray(open("c.qcow2", "rb").read())
l1 = struct.unpack_from(">Q", d, 40)[0]; l2 = struct.unpack_from(">Q", d, l1)[0] & ~(3 << 62)
entry = struct.unpack_from(">Q", d, l2)[0]; place = entry & ((1 << 54) - 1)
co = zlib.compressobj(9, zlib.DEFLATED, -12); bomb = co.compress(bytes(400 << 10)) + co.flush()
d[place:place + len(bomb)] = bomb
open("bomb.qcow2", "wb").write(d)
struct.pack_into(">Q", d, l2, 1 << 62 | 0xff << 54 | (len(d) - 20)); open("past.qcow2", "wb").write(d)
P
timeout 20 $IO -r -c 'read 0 64k' bomb.qcow2 > out 2>&1; [ $? -le 1 ] || fail bomb
exits 1 $IO -r -c 'read 0 64k' past.qcow2

# an fsync that fails: no flush succeeds again, though the disk answers once more
ok $IMG create -q -f qcow2 f.qcow2 4M
exits 1 $IO --image-opts -c 'write -q 0 64k' -c flush -c flush 'driver=qcow2,file.driver=blkdebug,file.inject-error.0.iotype=flush,file.inject-error.0.errno=5,file.file.filename=f.qcow2'
says 'flush failed: Input/output error'; $IMG check -q f.qcow2 > out 2>&1; s=$?; [ $s = 0 ] || [ $s = 3 ] || fail "after a failed fsync: $s"

# tools that are killed: the old state or the new one, and the same command again gets there
ok $IMG create -q -f qcow2 kb.qcow2 16M; ok $IO -c 'write -q -P 1 0 16M' kb.qcow2
for i in 1 2 3 4 5 6; do
    rm -f kt.qcow2; ok $IMG create -q -f qcow2 -b kb.qcow2 -F qcow2 kt.qcow2; ok $IO -c "write -q -P $((i + 1)) 0 8M" kt.qcow2
    ok $IMG snapshot -c s kt.qcow2; ok $IO -c "write -q -P $((i + 1)) 4M 8M" kt.qcow2
    slow='file.driver=blkdebug,file.delay-ns=20000000,file.file.filename=kt.qcow2'
    for what in "snapshot -d s" "resize" "rebase -u -b kb.qcow2 -F qcow2" "commit"; do
        case $what in resize) after=+4M ;; *) after= ;; esac
        $IMG $what --image-opts "driver=qcow2,$slow" $after > /dev/null 2>&1 & pid=$!
        sleep 0.$((i + 1)); kill -KILL $pid 2> /dev/null; wait $pid 2> /dev/null
        $IMG check -q kt.qcow2 > out 2>&1; s=$?; [ $s = 0 ] || [ $s = 3 ] || { cat out; fail "after a killed $what: $s"; }
        $IMG check -q kb.qcow2 > out 2>&1; s=$?; [ $s = 0 ] || [ $s = 3 ] || { cat out; fail "the base after a killed $what: $s"; }
        ok $IO -r -c "read -P $((i + 1)) 0 12M" -c 'read -P 1 12M 4M' kt.qcow2
    done
    ok $IMG commit kt.qcow2; ok $IO -r -c "read -P $((i + 1)) 0 12M" kb.qcow2; ok $IO -c 'write -q -P 1 0 16M' kb.qcow2
done
