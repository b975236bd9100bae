#!/bin/sh
# Several devices on PCIe have messages as their interrupts: with GICv2 and its frame for them, with GICv3 and its ITS, on 64
# and 32 bits (ALL=1: each with each). Each card sends and hears something, the source of random bytes answers.
set -eu
. tests/lib/boot.sh
cat > "$tmp/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
modprobe virtio_pci; modprobe virtio_net; modprobe virtio_rng
for i in 1 2 3 4 5 6 7 8 9; do [ -e /sys/class/net/eth1 ] && break; sleep 1; done
for i in 0 1; do
    ip link set eth$i up
    ip addr add 10.0.$i.15/24 dev eth$i
    for k in 1 2 3; do nc -w 2 10.0.$i.2 9 < /dev/null; [ $(cat /sys/class/net/eth$i/statistics/rx_packets) = 0 ] || break; done
    echo "HEARD$i=$(cat /sys/class/net/eth$i/statistics/rx_packets)"
done
echo "RANDOM=$(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)"
grep -c 'MSI.*virtio.*input' /proc/interrupts | sed 's/^/INPUTS=/'
grep virtio /proc/interrupts
poweroff -f
INIT
runs='arm64:linux:aarch64:gic-version=2 armhf:vmlinuz:arm:gic-version=3'
[ -z "${ALL:-}" ] || runs="$runs arm64:linux:aarch64:gic-version=3 armhf:vmlinuz:arm:gic-version=2"
for run in $runs; do
    rest=${run#*:}
    debian "${run%%:*}-installer"
    tests/lib/newc test-init="$tmp/init" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"
    rm -f "$tmp/keys"
    arch=${rest#*:}
    start "$B/rhea-system-${arch%%:*}" -M "virt,${run##*:}" -smp 2 -m 1G -nographic -no-reboot -kernel "$debian/${rest%%:*}" \
        -initrd "$tmp/initrd.gz" -append 'console=ttyAMA0 rdinit=/test-init' -device virtio-rng-pci \
        -netdev user,id=n0,net=10.0.0.0/24 -device virtio-net-pci,netdev=n0 \
        -netdev user,id=n1,net=10.0.1.0/24 -device virtio-net-pci,netdev=n1,addr=8
    expect 200 'HEARD0=[1-9]'
    expect 60 'HEARD1=[1-9]'
    expect 30 'RANDOM=16'
    expect 30 'INPUTS=3'
    expect 60 'Power down'
    ends 20 0
done
