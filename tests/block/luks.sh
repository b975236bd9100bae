#!/bin/sh
# LUKS alone and inside qcow2: ours opened by qemu-img and cryptsetup, theirs by us; wrong passwords are refused.
. "$(dirname "$0")/lib.sh"
need qemu-img qemu-utils
need openssl openssl
disk ref.raw 4
S="--object secret,id=s,data=geheim"
theirs() {  # qemu-img measures its own speed, which fails now and then on a busy machine
    for try in 1 2 3; do qemu-img convert $S -O luks "$@" > out 2>&1 && return 0; grep -q "accurate CPU usage" out || break; done
    grep -q "accurate CPU usage" out && { echo "qemu-img cannot measure its speed on this busy machine"; exit 77; }
    cat out; fail "qemu-img convert $*"
}
ok $IMG convert $S -O luks -o key-secret=s,iter-time=10 ref.raw a.luks
ok qemu-img compare $S --image-opts driver=luks,file.filename=a.luks,key-secret=s driver=raw,file.filename=ref.raw
theirs -o key-secret=s,iter-time=100 ref.raw b.luks
ok $IMG compare $S --image-opts driver=luks,file.filename=b.luks,key-secret=s driver=raw,file.filename=ref.raw
for o in cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256 hash-alg=sha512,cipher-alg=serpent-256; do
    theirs -o key-secret=s,iter-time=100,$o ref.raw c.luks
    ok $IMG compare $S --image-opts driver=luks,file.filename=c.luks,key-secret=s driver=raw,file.filename=ref.raw
    ok $IMG convert $S -O luks -o key-secret=s,iter-time=10,$o ref.raw d.luks
    ok qemu-img compare $S --image-opts driver=luks,file.filename=d.luks,key-secret=s driver=raw,file.filename=ref.raw
done
ok $IMG create $S -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 q.qcow2 4M
ok $IO $S -c 'write -P 5 1000 9000' -c 'write -P 6 2M 65536' --image-opts driver=qcow2,file.filename=q.qcow2,encrypt.key-secret=s
ok qemu-io $S -c 'read -P 5 1000 9000' -c 'read -P 6 2M 65536' -c 'write -P 7 3M 5000' --image-opts driver=qcow2,file.filename=q.qcow2,encrypt.key-secret=s
ok $IO $S -c 'read -P 7 3M 5000' -c 'read -P 5 1000 9000' --image-opts driver=qcow2,file.filename=q.qcow2,encrypt.key-secret=s
ok qemu-img check $S --image-opts driver=qcow2,file.filename=q.qcow2,encrypt.key-secret=s
ok $IMG check q.qcow2
exits 1 $IO --object secret,id=s,data=falsch -c 'read 0 512' --image-opts driver=qcow2,file.filename=q.qcow2,encrypt.key-secret=s
says "Invalid password"
exits 1 $IO --object secret,id=s,data=falsch -c 'read 0 512' --image-opts driver=luks,file.filename=a.luks,key-secret=s
says "Invalid password"
if command -v cryptsetup >/dev/null; then
    printf geheim > key
    ok timeout 20 cryptsetup luksDump a.luks
    ok timeout 20 cryptsetup open --test-passphrase --key-file key a.luks
fi
