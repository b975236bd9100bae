# Sourced after tests/lib/boot.sh, with $arch: a guest whose root is a disk with Debian. Sets $linux and what boots it, makes
# $tmp/root-initrd.gz: Debian's installer kernel, its modules, and an init that goes on from the disk.
bios='' image=linux
case $arch in
arm64) program=rhea-system-aarch64 console=ttyAMA0 ;;
armhf) program=rhea-system-arm console=ttyAMA0 image=vmlinuz ;;
riscv64) program=rhea-system-riscv64 console=ttyS0 ;;
*) fail "no root disk for '$arch'" ;;
esac
if [ "$arch" = riscv64 ]; then debian opensbi; bios=$debian/fw_dynamic.bin; fi
debian "$arch-installer"
linux=$debian/$image
version=$(gzip -dc "$debian/initrd.gz" | cpio -t 2>/dev/null | sed -n 's#^\(usr/\)*lib/modules/\([^/]*\)/.*#\2#p' | head -n 1)
wanted='virtio_blk ext4 jbd2 mbcache crc16 crc32c_generic libcrc32c'
modules=$(tests/lib/debian-files trixie "$arch" "linux-image-$version" 2>"$tmp/fetch") || skip "$(tail -n 1 "$tmp/fetch")"
set --
for module in $wanted; do
    file=$(find "$modules" -name "$module.ko.xz" | head -n 1)
    [ -n "$file" ] || continue                 # built in, or gone
    xz -dc "$file" > "$tmp/$module.ko"
    set -- "$@" "$module.ko=$tmp/$module.ko"
done
cat > "$tmp/root-init" <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
modprobe virtio_mmio
for m in crc16 crc32c_generic libcrc32c mbcache jbd2 ext4 virtio_blk; do [ ! -e /$m.ko ] || insmod /$m.ko; done
mkdir -p /root-disk
mount -t ext4 /dev/vda /root-disk || sh
for d in dev sys proc; do mount -o move /$d /root-disk/$d; done
cd /root-disk
next=$(sed -n 's/.*root-init=\([^ ]*\).*/\1/p' proc/cmdline)
mount -o move . /
exec chroot . "${next:-/sbin/init}" < dev/console > dev/console 2>&1
END
tests/lib/newc root-init="$tmp/root-init" "$@" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/root-initrd.gz"

# root_guest IMAGE WORDS OPTIONS...: boots it; WORDS go to the kernel
root_guest() {
    disk=$1 words=$2; shift 2
    rm -f "$tmp/keys"
    start "$B/$program" -M virt -smp "${SMP:-2}" -m 1G -nographic -no-reboot ${bios:+-bios "$bios"} -kernel "$linux" \
        -initrd "$tmp/root-initrd.gz" -append "console=$console rdinit=/root-init $words" \
        -drive "file=$disk,format=raw,if=none,id=root" -device virtio-blk-device,drive=root "$@"
}
