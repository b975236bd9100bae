# Sourced after tests/lib/boot.sh: a Debian riscv64 guest with virtio disks, whose console evaluates what is typed.
# Sets $opensbi, $installer; makes $tmp/initrd.gz.
debian opensbi; opensbi=$debian
debian riscv64-installer; installer=$debian
version=$(gzip -dc "$installer/initrd.gz" | cpio -t 2>/dev/null | sed -n 's#^\(usr/\)*lib/modules/\([^/]*\)/.*#\2#p' | head -n 1)
[ -n "$version" ] || fail "no kernel modules in $installer/initrd.gz (cpio, package cpio, reads it)"
modules=$(tests/lib/debian-files trixie riscv64 "linux-image-$version" '*/virtio_blk.ko*' 2>"$tmp/fetch") || skip "$(tail -n 1 "$tmp/fetch")"
xz -dc "$modules/virtio_blk.ko.xz" > "$tmp/virtio_blk.ko"
cat > "$tmp/init" <<'END'
#!/bin/sh
mkdir -p /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
modprobe virtio_mmio
insmod /virtio_blk.ko
stty -echo
echo "READY $(cat /sys/block/vda/size)"
while read -r line; do eval "$line"; done
END
tests/lib/newc test-init="$tmp/init" virtio_blk.ko="$tmp/virtio_blk.ko" | gzip -1 | cat "$installer/initrd.gz" - > "$tmp/initrd.gz"

# guest OPTIONS...: boots it on two CPUs, console and monitor on its terminal
guest() {
    start "$B/rhea-system-riscv64" -M virt -smp 2 -m 512M -nographic -no-reboot -bios "$opensbi/fw_dynamic.bin" \
        -kernel "$installer/linux" -initrd "$tmp/initrd.gz" -append 'console=ttyS0 rdinit=/test-init' "$@"
}
