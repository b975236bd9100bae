#!/bin/sh
# savevm and loadvm of an arm64 machine with a GICv3, its ITS and two CPUs: the guest goes on where it was.
set -eu
. tests/lib/boot.sh
debian arm64-installer
"$B/rhea-img" create -q -f qcow2 "$tmp/disk" 64M
cat > "$tmp/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
modprobe virtio_pci; modprobe virtio_net
ip link set eth0 up 2>/dev/null
n=0
echo READY
while read -r line; do
    case $line in set*) n=${line#set } ;; off) poweroff -f ;; esac
    sleep 1
    echo "N=$n AT=${line% *} CPUS=$(grep -c ^processor /proc/cpuinfo)"
done
INIT
tests/lib/newc test-init="$tmp/init" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
start "$B/rhea-system-aarch64" -M virt,gic-version=3 -smp 2 -m 512 -nographic -no-reboot -kernel "$debian/linux" \
    -initrd "$tmp/initrd.gz" -append 'console=ttyAMA0 rdinit=/test-init quiet' -nic user,model=virtio-net-pci \
    -drive "file=$tmp/disk,if=none,id=d,format=qcow2" -device virtio-blk-pci,drive=d
expect 200 READY
type "set 1
"
expect 30 'N=1 AT=set CPUS=2'
type "$(printf '\001c')savevm first
info status
"
expect 60 'VM status: running'
type "$(printf '\001c')set 2
"
expect 30 'N=2 AT=set CPUS=2'
type "$(printf '\001c')loadvm first
"
sleep 2
type "$(printf '\001c')after
"
expect 30 'N=1 AT=after CPUS=2'
type "off
"
expect 30 'Power down'
ends 10 0
