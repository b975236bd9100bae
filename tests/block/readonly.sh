#!/bin/sh
# Formats that are only read: parallels and qed made by qemu-img, bochs, cloop and dmg put together here.
. "$(dirname "$0")/lib.sh"
need qemu-img qemu-utils
need openssl openssl
disk ref.raw 6
truncate -s 6M ref.raw
for f in parallels qed; do
    ok qemu-img convert -O $f ref.raw a.$f
    ok $IMG compare -f $f -F raw a.$f ref.raw
    ok $IMG info a.$f; says "file format: $f"
    exits 1 $IO -c 'write 0 512' -f $f a.$f; says "can only be read"
done
python3 - <<'P' || fail "making images"
import base64, struct, zlib, bz2, lzma
data = open("ref.raw", "rb").read()
# cloop
block = 65536
parts = [zlib.compress(data[i:i + block]) for i in range(0, len(data), block)]
head = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
offs, at = [], 136 + 8 * (len(parts) + 1)
for p in parts + [b""]:
    offs.append(at); at += len(p)
open("a.cloop", "wb").write(head.ljust(128, b"\0") + struct.pack(">II", block, len(parts)) + b"".join(struct.pack(">Q", o) for o in offs) + b"".join(parts))
# dmg: zlib, bzip2, LZMA, ADC, raw and zero chunks
def adc(b):
    """Literals and, where bytes repeat, both kinds of copies."""
    out, at = b"", 0
    while at < len(b):
        back = next((d for d in (1, 7, 512, 4096) if at > d and b[at:at + 4] == b[at - d:at - d + 4]), 0)
        if back:
            n = 4
            while n < (18 if back <= 1024 and n < 18 else 67) and at + n < len(b) and b[at + n] == b[at + n - back]: n += 1
            if back <= 1024 and n <= 18: out += bytes([(n - 3) << 2 | (back - 1) >> 8, (back - 1) & 255])
            else: out += bytes([0x40 | n - 4]) + struct.pack(">H", back - 1)
            at += n
        else:
            n = min(100, len(b) - at)
            n = next((i for i in range(1, n) if b[at + i:at + i + 4] == b[at + i - 1:at + i + 3]), n)
            out += bytes([0x80 | n - 1]) + b[at:at + n]; at += n
    return out
body, runs, sectors = b"", b"", 256
for i in range(0, len(data), sectors * 512):
    piece = data[i:i + sectors * 512]
    if not any(piece): kind, packed = 2, b""
    else: kind, packed = [(1, bytes), (0x80000005, zlib.compress), (0x80000006, bz2.compress), (0x80000008, lzma.compress), (0x80000004, adc)][i // len(piece) % 5]
    if kind not in (1, 2): packed = packed(piece)
    elif kind == 1: packed = piece
    runs += struct.pack(">IIQQQQ", kind, 0, i // 512, len(piece) // 512, len(body), len(packed)); body += packed
runs += struct.pack(">IIQQQQ", 0xffffffff, 0, len(data) // 512, 0, len(body), 0)
m = (b"mish" + struct.pack(">IQQQ", 1, 0, len(data) // 512, 0)).ljust(204, b"\0") + runs
xml = b"<plist><dict><key>blkx</key><array><dict><data>\n" + base64.encodebytes(m) + b"</data></dict></array></dict></plist>"
koly = bytearray(512); koly[:4] = b"koly"; struct.pack_into(">QQ", koly, 216, len(body), len(xml))
open("a.dmg", "wb").write(body + xml + koly)
# bochs
extent, bitmap = 65536, 512
n = len(data) // extent
cat, exts = b"", b""
for i in range(n):
    piece = data[i * extent:(i + 1) * extent]
    if not any(piece): cat += struct.pack("<I", 0xffffffff); continue
    cat += struct.pack("<I", len(exts) // (extent + bitmap))
    bits = bytearray(bitmap)
    for k in range(extent // 512):
        if any(piece[k * 512:k * 512 + 512]): bits[k // 8] |= 1 << k % 8
    exts += bytes(bits) + piece
cat += b"\xff" * (512 - len(cat) % 512 if len(cat) % 512 else 0)
h = bytearray(512); h[0:22] = b"Bochs Virtual HD Image"; h[32:39] = b"Redolog"; h[48:55] = b"Growing"
struct.pack_into("<IIIII", h, 64, 0x00020000, 512, len(cat) // 4, bitmap, extent); struct.pack_into("<Q", h, 88, len(data))
open("a.bochs", "wb").write(bytes(h) + cat + exts)
P
for f in cloop dmg bochs; do
    ok $IMG compare -f $f -F raw a.$f ref.raw
    ok $IMG info a.$f; says "file format: $f"
    [ $f = dmg ] || ok qemu-img compare -f $f -F raw a.$f ref.raw
done
