# Sourced by the tests of bare-metal RISC-V programs. $B is the build folder, $T a folder that goes at the end.
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
command -v riscv64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }

# wait_for SECONDS COMMAND...: until it succeeds; false when the time is over
wait_for() {
    tries=$(($1 * 10 * ${SLOW:-1})); shift
    until "$@" >/dev/null 2>&1; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.1
    done
}

# make_guest NAME [FLAG...]: tests/guest/bare/NAME.c to $T/NAME, at the start of RAM. $XLEN is 64 or 32.
XLEN=64
make_guest() {
    name=$1; shift
    case $XLEN in 64) abi=lp64 more= ;; *) abi=ilp32 more=tests/guest/bare/int64.c ;; esac
    riscv64-linux-gnu-gcc -I. -march=rv${XLEN}ima_zicsr -mabi=$abi -Wl,-melf${XLEN}lriscv -mcmodel=medany -mstrict-align -O1 -ffreestanding -fno-builtin -fno-pic \
        -fno-pie -nostdlib -static -w "$@" -Wl,-Ttext=0x80000000 -Wl,--build-id=none -Wl,-z,norelro -Wl,-n -Wl,--no-relax \
        -Wl,--no-warn-rwx-segments -o "$T/$name" tests/guest/bare/start.S "tests/guest/bare/$name.c" $more
}
