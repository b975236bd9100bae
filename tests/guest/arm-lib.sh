# Sourced by the tests of bare-metal AArch64 programs. $B is the build folder, $T a folder that goes at the end.
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }

# make_guest NAME [FLAG...]: tests/guest/bare-arm/NAME.c, or bare/NAME.c where architectures share it, to $T/NAME, 2 MiB into RAM.
# CONDUIT: how it calls PSCI, hvc or smc.
make_guest() {
    name=$1; shift
    source=tests/guest/bare-arm/$name.c
    [ -e "$source" ] || source=tests/guest/bare/$name.c
    aarch64-linux-gnu-gcc -I. -march=armv8.2-a -mstrict-align -O1 -ffreestanding -fno-builtin -fno-pic -fno-pie -nostdlib -static -w \
        "-DCONDUIT=${CONDUIT:-hvc}" "$@" -Wl,-Ttext=0x40200000 -Wl,--build-id=none -Wl,-z,norelro -Wl,-n -Wl,--no-warn-rwx-segments \
        -o "$T/$name" tests/guest/bare-arm/start.S "$source"
}

# run_guest NAME [OPTION...]: what it says goes to $T/out, without carriage returns. EMULATOR: another one, to compare.
run_guest() {
    name=$1; shift
    timeout -k 5 "${SECONDS_EACH:-100}" "${EMULATOR:-$B/rhea-system-aarch64}" -M "${MACHINE:-virt}" -m 256M -display none -monitor none \
        -serial "file:$T/raw" -no-reboot -kernel "$T/$name" "$@" </dev/null >"$T/messages" 2>&1 ||
        { status=$?; cat "$T/messages" "$T/raw"; fail "$name $*: status $status"; }
    tr -d '\r' < "$T/raw" > "$T/out"
}
