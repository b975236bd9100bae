#!/bin/sh
# system_powerdown presses the power button: a key on a GPIO line with a device tree, an ACPI device with UEFI. The guest reads the
# key from its input device and powers off.
set -eu
. tests/lib/boot.sh
debian arm64-uefi; uefi=$debian
debian arm64-grub; grub=$debian
debian arm64-installer
version=$(gzip -dc "$debian/initrd.gz" | cpio -t 2>/dev/null | sed -n 's#^\(usr/\)*lib/modules/\([^/]*\)/.*#\2#p' | head -n 1)
modules=$(tests/lib/debian-files trixie arm64 "linux-image-$version" '*/evdev.ko*' '*/gpio_keys.ko*' 2>"$tmp/fetch") || skip "$(tail -n 1 "$tmp/fetch")"
for m in evdev gpio_keys; do xz -dc "$modules/$m.ko.xz" > "$tmp/$m.ko"; done
cat > "$tmp/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
insmod /evdev.ko
insmod /gpio_keys.ko
for i in 1 2 3 4 5 6 7 8 9; do [ -e /dev/input/event0 ] && break; sleep 1; done
echo "BUTTON=$(cat /sys/class/input/event0/device/name)"
# struct input_event: 16 bytes of time, type 1 (key), code 116 (power), value 1
dd if=/dev/input/event0 of=/event bs=24 count=1 2>/dev/null
printf '\001\000\164\000\001\000\000\000' > /wanted
tail -c 8 /event | cmp - /wanted && echo KEY=POWER
poweroff -f
INIT
tests/lib/newc test-init="$tmp/init" evdev.ko="$tmp/evdev.ko" gpio_keys.ko="$tmp/gpio_keys.ko" | gzip -1 | cat "$debian/initrd.gz" - > "$tmp/initrd.gz"

pressed() {
    expect 250 'BUTTON=.*'
    sleep 1
    type "$(printf '\001c')system_powerdown
$(printf '\001c')"
    expect 60 'KEY=POWER'
    expect 20 'Power down'
    ends 20 0
    rm -f "$tmp/keys"
}
start "$B/rhea-system-aarch64" -M virt -m 1G -nographic -no-reboot -kernel "$debian/linux" -initrd "$tmp/initrd.gz" \
    -append 'console=ttyAMA0 rdinit=/test-init'
pressed
grep -aq 'BUTTON=gpio-keys' "$tmp/console" || fail 'another button'
tests/lib/efi-disk "$tmp/disk.img" "$grub/grubaa64.efi" "$debian/linux" "$tmp/initrd.gz" \
    console=ttyAMA0 acpi=force rdinit=/test-init || { [ $? = 3 ] && skip 'mtools are not installed'; exit 1; }
cp "$uefi/AAVMF_VARS.fd" "$tmp/vars.fd"
start "$B/rhea-system-aarch64" -M virt -m 1G -nographic -no-reboot \
    -drive if=pflash,format=raw,readonly=on,file="$uefi/AAVMF_CODE.fd" -drive if=pflash,format=raw,file="$tmp/vars.fd" \
    -drive if=none,id=d,format=raw,readonly=on,file="$tmp/disk.img" -device virtio-blk-pci,drive=d
pressed
grep -aq 'BUTTON=Power Button' "$tmp/console" || fail 'another button'
