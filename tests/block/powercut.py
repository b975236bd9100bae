#!/usr/bin/env python3
"""Cuts the power at many points of a recorded load and checks what is left.

usage: powercut.py BUILD DIR [POINTS] [SEED]

The load runs on a qcow2 image above the driver `blkdebug`, which records every change of the file. The image is then
rebuilt as a cut would leave it: all records up to some point, and of those since the last flush an arbitrary part,
some of them torn at a sector. Each such image must pass `check` with leaks at most, and every write that was followed
by a flush must be there.
"""
import os, random, shutil, struct, subprocess, sys

build, folder = sys.argv[1], sys.argv[2]
points = int(sys.argv[3]) if len(sys.argv) > 3 else 60
rnd = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
os.chdir(folder)
IMG, IO = build + "/rhea-img", build + "/rhea-io"
peer = shutil.which("qemu-img") is not None


def run(*args, ok=(0,)):
    r = subprocess.run(args, capture_output=True, text=True, timeout=60 * int(os.environ.get("SLOW", 1)))
    if r.returncode not in ok:
        sys.exit("%s: status %d\n%s%s" % (" ".join(args), r.returncode, r.stdout, r.stderr))
    return r


def read_log(name):
    data, at, out = open(name, "rb").read(), 0, []
    while at + 17 <= len(data):
        kind, off, length = chr(data[at]), *struct.unpack_from("<QQ", data, at + 1)
        at += 17
        body = b""
        if kind == "W":
            body = data[at:at + length]
            at += length
        out.append((kind, off, length, body))
    return out


def apply(image, record, torn=None):
    kind, off, length, body = record
    if kind == "W":
        body = body[:torn] if torn is not None else body
        if len(image) < off + len(body):
            image.extend(bytes(off + len(body) - len(image)))
        image[off:off + len(body)] = body
    elif kind in "ZD":
        if len(image) < off + length and kind == "Z":
            image.extend(bytes(off + length - len(image)))
        end = min(off + length, len(image))
        image[off:end] = bytes(max(end - off, 0))
    elif kind == "T":
        if off < len(image):
            del image[off:]
        else:
            image.extend(bytes(off - len(image)))


def load(name, options, base, commands, size):
    """Runs commands in one rhea-io; returns the image before, the log, and for each flush what must be readable."""
    args = ["create", "-q", "-f", "qcow2"] + (["-o", options] if options else [])
    if base:
        args += ["-b", base, "-F", "raw"]
    run(IMG, *args, name, str(size))
    before = bytearray(open(name, "rb").read())
    opts = "driver=qcow2,file.driver=blkdebug,file.log=%s.log,file.file.filename=%s,discard=unmap" % (name, name)
    cargs = []
    for c in commands:
        cargs += ["-c", c]
    run(IO, "--image-opts", *cargs, opts)
    return before, read_log(name + ".log")


def scenario(number):
    """A random load that ends with a flush, and the disk's content after it."""
    size = 4 << 20
    options = rnd.choice(["", "cluster_size=4096", "compat=0.10", "extended_l2=on", "refcount_bits=8,cluster_size=512",
                          "cluster_size=4096,refcount_bits=64", "compression_type=zstd"])
    base = None
    name = "cut%d.qcow2" % number
    content = bytearray(size)
    if rnd.random() < 0.5:
        base = "base.raw"
        content[:] = (b"base content " * (size // 13 + 1))[:size]
        open(base, "wb").write(content)
    commands = []
    for _ in range(rnd.randrange(10, 40)):
        off = rnd.randrange(0, size - 70000)
        length = rnd.choice([512, 4096, 9000, 65536])
        what = rnd.choice("wwwwzf")
        if what == "f":
            commands.append("flush")
        elif what == "w":
            p = rnd.randrange(1, 256)
            commands.append("write -q -P %d %d %d" % (p, off, length))
            content[off:off + length] = bytes([p]) * length
        elif options != "compat=0.10":
            commands.append("write -q -z -u %d %d" % (off, length))
            content[off:off + length] = bytes(length)
    commands.append("flush")
    before, log = load(name, options, base, commands, size)
    return name, before, log, bytes(content)


def cut(name, before, log, point):
    """The image after a cut at `point`: everything up to the last flush before it, and a part of what came after."""
    image = bytearray(before)
    last = max((i for i in range(point) if log[i][0] == "F"), default=-1)
    for r in log[:last + 1]:
        apply(image, r)
    loose = [r for r in log[last + 1:point] if r[0] != "F"]
    mode = rnd.randrange(4)
    if mode == 1:
        loose = [r for r in loose if rnd.random() < 0.5]
    elif mode == 2:
        rnd.shuffle(loose)
        loose = [r for r in loose if rnd.random() < 0.7]
    for r in loose:
        torn = None
        if mode == 3 and r[0] == "W" and r is loose[-1]:
            torn = rnd.randrange(0, len(r[3]) // 512 + 1) * 512
        apply(image, r, torn)
    with open(name, "wb") as f:
        f.write(image)
    return sum(1 for r in log[:point] if r[0] == "F")


def main():
    done, number = 0, 0
    while done < points:
        name, before, log, content = scenario(number)
        number += 1
        for _ in range(min(25, points - done)):
            point = rnd.randrange(0, len(log) + 1)
            cut(name, before, log, point)
            r = run(IMG, "check", "-f", "qcow2", name, ok=(0, 3))
            if done % 5 == 0 and peer:
                run("qemu-img", "check", "-f", "qcow2", name, ok=(0, 3))
            done += 1
        # cut right after the last flush, nothing later on the disk: all that was acknowledged must be readable
        last = max(i for i in range(len(log)) if log[i][0] == "F")
        image = bytearray(before)
        for r in log[:last + 1]:
            apply(image, r)
        open(name, "wb").write(image)
        run(IMG, "check", "-f", "qcow2", name, ok=(0, 3))
        open("content.raw", "wb").write(content)
        run(IMG, "compare", "-f", "qcow2", "-F", "raw", name, "content.raw")
    print("%d cuts of %d loads" % (done, number))


if __name__ == "__main__":
    main()
