#!/bin/sh
# Mistakes on the command line, and what the host refuses: one sentence, the right one, exit status 1. The list is errors.txt.
set -u
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failed=0
: > "$T/empty"
head -c 1M /dev/zero > "$T/small"
head -c 200M /dev/zero > "$T/big"
mkdir "$T/folder"
# A RISC-V kernel at the start of RAM, as ELF.
python3 -c 'import struct, sys
head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 243, 1, 0x80000000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
load = struct.pack("<IIQQQQQQ", 1, 7, 0, 0x80000000, 0x80000000, 4096, 4096, 4096)
open(sys.argv[1], "wb").write((head + load).ljust(4096, b"\0"))' "$T/elf"
# A port that is taken.
python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True); time.sleep(600)' > "$T/port" &
taker=$!
trap 'kill $taker; rm -rf "$T"' EXIT
while [ ! -s "$T/port" ]; do sleep 0.1; done
P=$(cat "$T/port")
fill() { printf "%s" "$1" | sed -e "s#[$]T#$T#g" -e "s#[$]PID#$taker#g" -e "s#[$]P#$P#g"; }
while IFS= read -r entry; do
    case $entry in '#'*|'') continue ;; esac
    line=${entry%% => *} want=${entry#* => }
    line=$(fill "$line") want=$(fill "$want")
    # shellcheck disable=SC2086
    set -- $line
    program=$1; shift
    timeout 10 "$B/$program" "$@" >"$T/out" 2>"$T/err" </dev/null
    status=$?
    got=$(tail -n 1 "$T/err")
    if [ "$got" != "$want" ] || [ $status != 1 ]; then
        failed=$((failed + 1))
        printf '%s\n  expected %s\n  got      %s (status %d)\n' "$line" "$want" "$got" $status
    fi
done < tests/client/errors.txt

# Less memory than the machine wants; a file that may not be read.
# sentence COMMAND... : its last line on stderr, which has to be its only one, and status 1
sentence() {
    timeout 20 "$@" </dev/null >"$T/out" 2>"$T/err" && status=0 || status=$?
    grep -q "$want" "$T/err" && [ $status = 1 ] && [ "$(wc -l < "$T/err")" = 1 ] && return
    failed=$((failed + 1))
    printf '%s\n  expected %s\n  got      %s (status %d)\n' "$*" "$want" "$(cat "$T/err")" $status
}
want='cannot map 8192 MiB of memory for .ram.; use a smaller -m: Cannot allocate memory'
case $B in *san*) ulimit=: ;; *) ulimit='ulimit -v 2000000' ;; esac    # a sanitizer wants address space itself
[ "$ulimit" = : ] || ($ulimit; sentence "$B/rhea-system-riscv64" -M virt -bios none -m 8G -display none; exit $failed) || failed=$((failed + 1))
chmod 0 "$T/small"
chmod 711 "$T"
want="Permission denied"
if [ "$(id -u)" != 0 ]; then
    sentence "$B/rhea-system-riscv64" -M virt -bios none -kernel "$T/small"
elif command -v setpriv >/dev/null; then
    cp "$B/rhea" "$T/rhea"
    sentence setpriv --reuid=65534 --clear-groups "$T/rhea" system-riscv64 -M virt -bios none -kernel "$T/small"
fi
[ $failed = 0 ] || { echo "$failed sentences differ"; exit 1; }
