#!/usr/bin/env python3
"""Which lines of the A32, T32 and AArch32 SIMD tables no test has an instruction for: coverage.py PROGRAM...

Instructions are the words of tests/isa/a32*/words.h and those in the text of the ARM programs that are given. A line that
nothing matches is printed, with status 1."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from words import read_table  # noqa: E402


SHORT = {}                                     # %let NAME PATTERN


def read_short(path):
    for line in open(path):
        m = re.match(r"%let\s+(\w+)\s+\"?([^\"#]*)", line)
        if m:
            SHORT[m.group(1)] = m.group(2).strip()


def pattern_bits(pattern, width):
    """Value and mask of what a pattern fixes."""
    value = mask = 0
    left = width
    for tok in re.sub(r"\$(\w+)", lambda m: SHORT[m.group(1)], pattern).split():
        if re.fullmatch(r"[01.]+", tok):
            for ch in tok:
                left -= 1
                mask |= (ch != ".") << left
                value |= (ch == "1") << left
            continue
        m = re.match(r"\w+?(?:\+\d+)?(?::s?(\d+)|\[([^\]]*)\])$", tok)
        if m.group(1):
            left -= int(m.group(1))
        else:
            for piece in m.group(2).replace("s", "").split("|"):
                hi, _, lo = piece.partition(":")
                left -= int(hi) - int(lo or hi) + 1
    assert left == 0, pattern
    return value, mask


def words_of(path):
    for line in open(path):
        m = re.match(r"\s*(?:\{ )?0x([0-9a-f]+),(?: 0x([0-9a-f]+))?", line)
        if m:
            yield int(m.group(1), 16), int(m.group(2) or "0", 16)


def text_of(program):
    """A32 words, T32 half words and T32 words of a program."""
    out = subprocess.run(["arm-linux-gnueabihf-objdump", "-d", program], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        m = re.match(r"\s*[0-9a-f]+:\t([0-9a-f ]+?)\s*(\t|$)", line)
        if m:
            yield m.group(1).split()


def simd_of_t32(i):
    """The A32 encoding that T32's floating point and SIMD stand for."""
    if i & 0xef000000 == 0xef000000:
        return 0xf2000000 | (i & 0x00ffffff) | (i >> 28 & 1) << 24
    if i & 0xff100000 == 0xf9000000:
        return 0xf4000000 | (i & 0x00ffffff)
    return i


def gather(programs):
    seen = {"a32": set(), "t16": set(), "t32": set(), "simd": set()}
    for word, how in words_of(os.path.join(HERE, "words.h")):
        seen["a32" if not how & 1 else "t32" if how & 2 else "t16"].add(word)
    for word, _ in words_of(os.path.join(HERE, "../a32simd/words.h")):
        seen["simd"].add(word)
    for program in programs:
        for parts in text_of(program):
            value = int("".join(parts), 16)
            if len(parts) == 2:
                seen["t32"].add(value)
                seen["simd"].add(simd_of_t32(value))
                seen["a32"].add(value if value >> 24 & 0xf in (0xc, 0xd, 0xe) else 0xe1a00000)
            elif len(parts[0]) == 4:
                seen["t16"].add(value)
            else:
                seen["a32"].add(value)
                seen["simd"].add(value)
    return seen


def main():
    seen = gather(sys.argv[1:])
    missing = lines = 0
    for table in ("a32.insn", "t32.insn", "a32_simd.insn"):
        read_short(os.path.join(HERE, "../../../targets/arm", table))
        for decoder, name, pattern, _ in read_table(os.path.join(HERE, "../../../targets/arm", table)):
            width = 16 if decoder == "t32_decode16" else 32
            value, mask = pattern_bits(pattern, width)
            pool = "t16" if width == 16 else "t32" if decoder.startswith("t32") else "simd" if "simd" in table else "a32"
            lines += 1
            if decoder == "a32_decode":        # the condition has been looked at: 1111 is another space
                hit = any(w & mask == value and w >> 28 != 15 for w in seen[pool])
            else:
                hit = any(w & mask == value for w in seen[pool])
            if not hit:
                missing += 1
                print(f"no test has {name} ({table})")
    print(f"{lines - missing} of {lines} table lines have a test")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
