#!/bin/sh
# rhea-nbd against the distribution's NBD clients: reading, writing, block status, bitmaps, TLS, bad clients.
. "$(dirname "$0")/lib.sh"
need nbdinfo libnbd-bin
need nbdcopy libnbd-bin
need qemu-img qemu-utils
need openssl openssl
disk ref.raw 12
S=$T/sock
start() {   # rhea-nbd's options: runs it in the background until nobody is connected any more
    rm -f "$S"; ok $NBD --fork --pid-file "$T/pid" -k "$S" "$@"
}
stop() { kill "$(cat "$T/pid")" 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$T/pid" ] || return 0; sleep 0.2; done; fail "rhea-nbd does not end"; }
U="nbd+unix:///?socket=$S"
ok $IMG convert -O qcow2 ref.raw d.qcow2

start -r -t -e 8 -f qcow2 d.qcow2
ok nbdinfo --json "$U"; says '"export-size": 12582912'; says '"is_read_only": true'; says '"can_multi_conn": true'
ok nbdinfo --list "$U"
ok nbdinfo --map "$U"; says "hole,zero"
ok nbdcopy "$U" out.raw; cmp ref.raw out.raw || fail "nbdcopy reads"
ok nbdcopy --requests=16 --connections=4 "$U" out.raw; cmp ref.raw out.raw || fail "nbdcopy with four connections"
ok qemu-img compare -f raw -F raw "$U" ref.raw
exits 1 qemu-io -f raw -c 'write 0 512' "$U"
stop; [ ! -e "$S" ] || fail "the socket stays behind"

ok $IMG create -f qcow2 w.qcow2 12M
start -t -e 4 -x disk -D 'a disk' -f qcow2 w.qcow2
X="nbd+unix:///disk?socket=$S"
ok nbdcopy ref.raw "$X"
ok qemu-io -f raw -c 'write -z 1M 1M' -c 'discard 2M 1M' -c 'write -P 9 5000 10000' -c 'read -P 9 5000 10000' -c 'aio_write -P 3 3M 64k' -c 'aio_write -P 4 4M 64k' -c aio_flush -c flush "$X"
ok nbdinfo --json "$X"; says '"description": "a disk"'
exits 1 nbdinfo "nbd+unix:///other?socket=$S"
stop
ok qemu-img check w.qcow2
ok $IMG check w.qcow2
ok $IO -c 'read -P 9 5000 10000' -c 'read -P 0 1M 1M' -c 'read -P 3 3M 64k' -c 'read -P 4 4M 64k' w.qcow2

# without -t the server ends with its client
start -f qcow2 w.qcow2
ok nbdinfo "$U"
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$T/pid" ] || break; sleep 0.2; done; [ ! -e "$T/pid" ] || fail "does not end after its client"

# bitmaps
ok $IMG bitmap --add w.qcow2 b0
ok $IO -c 'write -P 1 1M 64k' -c 'write 5M 1k' w.qcow2
ok qemu-img info w.qcow2; says b0
start -r -t -B b0 -A -f qcow2 w.qcow2
ok nbdinfo --map=qemu:dirty-bitmap:b0 "$U"
grep -Eq '1048576 +65536 +1' out || { cat out; fail "bitmap b0 does not show the write at 1 MiB"; }
ok nbdinfo --map=qemu:allocation-depth "$U"
stop

# -s: what a client writes is gone with the server; -L: what there is; modes that do not exist
before=$(cksum < ref.raw)
start -s -t -x disk -D 'a disk' -A -f raw ref.raw
ok $IO -f raw -c 'write -P 9 0 64k' -c 'read -P 9 0 64k' "nbd+unix:///disk?socket=$S"
ok $NBD -L -k "$S"
says "exports available: 1"; says " export: 'disk'"; says "  description: a disk"; says "  size:  $(stat -c %s ref.raw)"; says "   base:allocation"; says "   qemu:allocation-depth"
stop
[ "$(cksum < ref.raw)" = "$before" ] || fail "-s wrote to the image"
exits 1 $NBD -L -k "$T/nothing"; says 'Failed to connect'
exits 1 $NBD --aio=fast -k "$S" -f raw ref.raw; says 'io_uring'
exits 1 $NBD --detect-zeroes=maybe -k "$S" -f raw ref.raw; says 'off, on or unmap'
exits 1 $NBD -c /dev/nbd0 -k "$S" -f raw ref.raw; says '-c connects the kernel'
[ -e /dev/nbd0 ] || { exits 1 $NBD -c /dev/nbd0 -f raw ref.raw; says 'modprobe nbd'; exits 1 $NBD -d /dev/nbd0; says 'modprobe nbd'; }

# TLS by a shared key
if command -v psktool >/dev/null; then
    mkdir tls; psktool -u fritz -p tls/keys.psk >/dev/null 2>&1
    start -r -t -e 4 --object tls-creds-psk,id=t,dir="$T/tls",endpoint=server --tls-creds t -f raw ref.raw
    ok nbdinfo "nbds+unix://fritz@/?socket=$S&tls-psk-file=$T/tls/keys.psk"
    ok nbdcopy "nbds+unix://fritz@/?socket=$S&tls-psk-file=$T/tls/keys.psk" tls.raw; cmp ref.raw tls.raw || fail "TLS copy"
    exits 1 nbdinfo "$U"
    # our own client, with credentials as objects
    client="--object tls-creds-psk,id=c,dir=$T/tls,endpoint=client,username=fritz"
    ok $IMG compare $client --image-opts "driver=nbd,server.type=unix,server.path=$S,tls-creds=c" driver=raw,file.filename=ref.raw
    ok $NBD $client --tls-creds c -L -k "$S"; says 'exports available: 1'
    exits 1 $IMG info --object tls-creds-psk,id=c,dir="$T/tls",endpoint=client,username=otto --image-opts "driver=nbd,server.type=unix,server.path=$S,tls-creds=c"
    exits 1 $IMG info --image-opts "driver=nbd,server.type=unix,server.path=$S,tls-creds=c"; says "No TLS credentials with id 'c'"
    stop
fi
# TLS by certificates: the server's is checked, and so is the client's
if command -v certtool >/dev/null; then
    mkdir x509; cd x509 || exit 1
    for k in ca server client; do certtool --generate-privkey --bits 2048 --outfile $k-key.pem 2>/dev/null; done
    printf 'cn = test\nca\ncert_signing_key\nexpiration_days = 9\n' > ca.t
    certtool --generate-self-signed --load-privkey ca-key.pem --template ca.t --outfile ca-cert.pem 2>/dev/null
    for k in server client; do
        printf 'cn = localhost\ndns_name = localhost\ntls_www_%s\nencryption_key\nsigning_key\nexpiration_days = 9\n' $k > $k.t
        certtool --generate-certificate --load-ca-certificate ca-cert.pem --load-ca-privkey ca-key.pem --load-privkey $k-key.pem --template $k.t --outfile $k-cert.pem 2>/dev/null
    done
    cd "$T" || exit 1
    port=$((20000 + $$ % 20000))
    $NBD -r -t -e 4 -b 127.0.0.1 -p $port --object tls-creds-x509,id=t,dir="$T/x509",endpoint=server --tls-creds t -f raw ref.raw & tcp=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do nbdinfo --size "nbds://localhost:$port/?tls-certificates=$T/x509" > out 2>&1 && break; sleep 0.3; done
    [ "$(cat out)" = "$(stat -c %s ref.raw)" ] || { cat out; fail "TLS by certificates"; }
    ok nbdcopy "nbds://localhost:$port/?tls-certificates=$T/x509" tls.raw; cmp ref.raw tls.raw || fail "TLS copy"
    ok $IMG compare --object tls-creds-x509,id=c,dir="$T/x509",endpoint=client --image-opts "driver=nbd,server.type=inet,server.host=localhost,server.port=$port,tls-creds=c" driver=raw,file.filename=ref.raw
    mkdir other; cp x509/ca-cert.pem other/
    exits 1 nbdinfo "nbds://localhost:$port/?tls-certificates=$T/other"
    kill $tcp; wait $tcp
fi

# clients that send garbage, stop in the middle or vanish do no harm
start -t -e 8 -f raw ref.raw
python3 - "$S" <<'P' || fail "bad clients"
import os, random, socket, struct, sys
rnd = random.Random(7)
def conn():
    s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1]); s.recv(18); return s
for i in range(60):
    s = conn(); s.send(rnd.randbytes(rnd.randrange(1, 4000))); s.close()
for length in (0xffffffff, 70000, 1 << 31):
    s = conn(); s.send(struct.pack(">I", 3) + struct.pack(">QII", 0x49484156454f5054, 7, length)); assert s.recv(1) == b"" ; s.close()
def go():
    s = conn(); s.send(struct.pack(">I", 3) + struct.pack(">QII", 0x49484156454f5054, 7, 6) + struct.pack(">IH", 0, 0))
    while True:
        h = s.recv(20, socket.MSG_WAITALL); _, _, t, n = struct.unpack(">QIII", h)
        if n: s.recv(n, socket.MSG_WAITALL)
        if t == 1: return s
s = go(); s.send(struct.pack(">IHHQQI", 0x25609513, 0, 0, 1, 1 << 60, 4096)); assert struct.unpack(">IIQ", s.recv(16))[1] == 22; s.close()
s = go(); s.send(struct.pack(">IHHQQI", 0x25609513, 0, 99, 1, 0, 0)); assert struct.unpack(">IIQ", s.recv(16))[1] == 22; s.close()
s = go(); s.send(struct.pack(">IHHQQI", 0x25609513, 0, 1, 1, 0, 0xf0000000)); assert s.recv(1) == b""; s.close()
s = go(); s.send(struct.pack(">IHHQQI", 0x25609513, 0, 1, 1, 0, 100000) + b"x" * 500); s.close()
for k in range(20):
    s = go(); s.send(b"".join(struct.pack(">IHHQQI", 0x25609513, 0, 0, j, 0, 1 << 20) for j in range(64))); s.close()
P
ok nbdcopy "$U" out.raw; cmp ref.raw out.raw || fail "after bad clients"
stop
