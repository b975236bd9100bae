#!/usr/bin/env python3
"""Picks instructions for ops.c: words.py SEED COUNT > words.h

Each group is a stretch of the A32 encoding space of floating point and Advanced SIMD: fixed bits, mask of fixed bits. Loads and
stores have R8 as their base; general registers are R0 to R6. Half precision is left out with the feature."""
import random
import sys

GROUPS = [                                     # name, value, mask, weight
    ("vfp three", 0xee000a00, 0xffb00e10, 4), ("vfp three, divide", 0xee800a00, 0xff800e10, 3),
    ("vfp immediate", 0xeeb00a00, 0xffb00ef0, 1), ("vfp two", 0xeeb00a40, 0xffb00e50, 8),
    ("vmov core", 0xee000a10, 0xffe08fff, 1), ("vmov to lane", 0xee000b10, 0xff908f1f, 2),
    ("vmov from lane", 0xee100b10, 0xff108f1f, 2), ("vdup core", 0xee800b10, 0xff908f5f, 1), ("vmov pair", 0xec400a10, 0xffe88ed0, 2),
    ("vmrs", 0xeef10a10, 0xffff8fff, 1), ("vmrs flags", 0xeef1fa10, 0xffffffff, 1), ("vldr, vstr", 0xed080a00, 0xff2f0e80, 3),
    ("vldm, vstm", 0xec880a00, 0xffaf0ec0, 3), ("vldm, vstm back", 0xeca80a00, 0xffaf0ec0, 2),
    ("vldm, vstm down", 0xed280a00, 0xffaf0ec0, 2),
    ("vsel", 0xfe000a00, 0xff800e50, 1), ("vmaxnm", 0xfe800a00, 0xffb00e10, 1), ("vrint, vcvt", 0xfeb80a40, 0xffb80e50, 3),
    ("same", 0xf2000000, 0xfe800000, 16), ("same, float", 0xf2000c00, 0xfe900c00, 8), ("different", 0xf2800000, 0xfe800050, 8),
    ("scalar", 0xf2800040, 0xfe800050, 6), ("scalar, words", 0xf2a00040, 0xfeb00050, 3),
    ("misc 0", 0xf3b00000, 0xffb30810, 4), ("misc 1", 0xf3b10000, 0xffb30810, 4), ("misc 1, words", 0xf3b90000, 0xffbf0810, 3),
    ("misc 2", 0xf3b20000, 0xffb30810, 4), ("misc 2, words", 0xf3ba0000, 0xffbf0810, 2), ("misc 3", 0xf3bb0000, 0xffbf0810, 6),
    ("ext", 0xf2b00000, 0xffb00010, 2), ("tbl", 0xf3b00800, 0xffb00c10, 2), ("dup", 0xf3b00c00, 0xffb00f90, 1),
    ("immediate", 0xf2800010, 0xfeb80090, 2), ("shift", 0xf2800010, 0xfe800010, 8), ("shift, words", 0xf2a00010, 0xfea00090, 4),
    ("shift, narrow", 0xf2800810, 0xfe800c90, 3),
    ("vdot", 0xfc200d00, 0xffb00f00, 1), ("vdot lane", 0xfe200d00, 0xffb00f00, 1),
    ("ld multi", 0xf4080000, 0xff9f0030, 6), ("ld one", 0xf4880000, 0xff9f0000, 6), ("ld all", 0xf4a80c00, 0xffbf0c00, 3),
]


# Half-precision arithmetic and brain floats: value, mask.
LEFT_OUT = [
    (0xf2100c10, 0xff900f10), (0xf2100d00, 0xfe900d00), (0xf2100e00, 0xfe900f00), (0xf2900140, 0xfeb00f50),
    (0xf2900540, 0xfeb00f50), (0xf2900940, 0xfeb00f50), (0xf3b50400, 0xffbf0c10), (0xf3b70000, 0xffbf0810),
    (0xf3b60400, 0xffbf0e10), (0xf3b60680, 0xffbf0e90), (0xf3b60640, 0xffbf0fd0), (0xf2800c10, 0xfe800e90),
    (0xeeb90bc0, 0xffbf0fd0),
]


def main():
    rng = random.Random(int(sys.argv[1]))
    pool = [g for g in GROUPS for _ in range(g[3])]
    print("/* words.py %s %s */\nstatic const unsigned words[] = {" % (sys.argv[1], sys.argv[2]))
    for _ in range(int(sys.argv[2])):
        name, value, mask, _ = rng.choice(pool)
        word = rng.getrandbits(32) & ~mask & 0xffffffff | value
        if name.startswith("ld"):              # Rm: none, R13, R7
            word = word & ~15 | rng.choice((15, 13, 7))
        if name == "vmov pair" and word >> 12 & 7 == word >> 16 & 7:
            word ^= 0x1000
        if name.startswith(("vfp", "vsel", "vmaxnm", "vrint")) and word >> 8 & 3 < 2:
            word |= 0x200
        if name.startswith("ld") and word & 0x400000 and word & 0x8000:
            word ^= 0x400000                   # registers behind the last are unpredictable
        if name.startswith("misc 2") and (word >> 12 ^ word) & 15 == 0:
            continue                           # so is an exchange with itself
        if name == "vmov pair" and not word & 0x100 and word & 0x2f == 0x2f:
            continue                           # S31 and S32
        if word & 0x0fba0ed0 == 0x0eba0a40 and (word & 15) * 2 + (word >> 5 & 1) > 16:
            continue                           # more fraction bits than bits
        if any(word & m == v for v, m in LEFT_OUT):
            continue
        print("    0x%08x," % word)
    print("};")


if __name__ == "__main__":
    main()
