#!/usr/bin/env python3
"""Which lines of the A64 table no test has an instruction for: coverage.py PROGRAM...

Instructions are the words of words.h and those in the text of the AArch64 programs that are given. A line that nothing
matches is printed, with status 1."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from words import table  # noqa: E402


def fixed(parts):
    value = mask = 0
    for field, what in parts:
        for bit in what:
            known = not field and bit != "."
            mask = mask << 1 | known
            value = value << 1 | (known and bit == "1")
    return value, mask


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    seen = {int(w, 16) for w in re.findall(r"0x([0-9a-f]{8})", open(os.path.join(here, "words.h")).read())}
    for program in sys.argv[1:]:
        out = subprocess.run(["aarch64-linux-gnu-objdump", "-d", program], capture_output=True, text=True, check=True).stdout
        seen |= {int(w, 16) for w in re.findall(r"^\s*[0-9a-f]+:\t([0-9a-f]{8}) ", out, re.M)}
    lines = missing = 0
    for name, parts in table():
        value, mask = fixed(parts)
        lines += 1
        if not any(w & mask == value for w in seen):
            missing += 1
            print(f"no test has {name}")
    print(f"{lines - missing} of {lines} table lines have a test")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
