#!/usr/bin/env python3
"""Measures rhea-img and rhea-nbd against another pair of the same commands, row by row.

usage: tests/bench/disks.py [--dir DIR] [--runs N] [--rows REGEX] [--img FILE] [--nbd FILE] [--vs-img FILE] [--vs-nbd FILE]

The two take turns, each run gets new files, and what is written is read back by the other tool once. Per row: the least
and the median of the elapsed and of the processor seconds, and their ratios. On a busy machine only the processor's
columns, and the least ones, mean much. DIR keeps the sources (1.3 GiB) for the next time.
"""
import argparse, os, random, re, resource, shutil, subprocess, sys, tempfile, time

ROWS = [    # name, wanted, steps; {src} 1 GiB raw, {small} 256 MiB raw, {srcq} and {smallq} the same as qcow2, {d} a new folder
    ("create qcow2, 20 times", .8, [["create -q -f qcow2 {d}/n.qcow2 64G"]] * 20, None),
    ("convert raw to qcow2", .8, [["convert -f raw -O qcow2 {src} {d}/o"]], "qcow2 {src}"),
    ("convert qcow2 to raw", .8, [["convert -f qcow2 -O raw {srcq} {d}/o"]], "raw {src}"),
    ("compressed, zlib", .7, [["convert -c -f raw -O qcow2 {small} {d}/o"]], "qcow2 {small}"),
    ("compressed, zstd", .7, [["convert -c -f raw -O qcow2 -o compression_type=zstd {small} {d}/o"]], "qcow2 {small}"),
    ("convert raw to vmdk", .9, [["convert -f raw -O vmdk {src} {d}/o"]], "vmdk {src}"),
    ("convert raw to vdi", .9, [["convert -f raw -O vdi {src} {d}/o"]], "vdi {src}"),
    ("convert raw to vhd", .9, [["convert -f raw -O vpc -o force_size=on {src} {d}/o"]], "vpc {src}"),
    ("convert raw to vhdx", .9, [["convert -f raw -O vhdx {src} {d}/o"]], "vhdx {src}"),
    ("info, 20 times", .8, [["info {srcq}"]] * 20, None),
    ("check, 5 times", .8, [["check -q -f qcow2 {srcq}"]] * 5, None),
    ("compare qcow2 with raw", .8, [["compare -q -f qcow2 -F raw {srcq} {src}"]], None),
    ("bench, 60,000 reads of 4 KiB, qcow2", .7, [["bench -c 60000 -d 32 -s 4096 -f qcow2 {srcq}"]], None),
    ("bench, 20,000 writes of 64 KiB, new qcow2", .7, [["create -q -f qcow2 {d}/w 2G"], ["bench -w -c 20000 -d 16 -s 65536 -f qcow2 {d}/w"]], None),
    ("bench, 60,000 writes of 4 KiB, qcow2", .7, [["create -q -f qcow2 {d}/w 2G"], ["bench -w -c 60000 -d 32 -s 4096 -f qcow2 {d}/w"]], None),
]
NBD = [("NBD, 60,000 random reads, depth 16", "read"), ("NBD, 60,000 random writes, depth 16", "write")]


def fill(path, size, seed):
    """Thirds of holes, text and noise, in runs of 64 KiB."""
    rnd = random.Random(seed)
    words = [bytes(rnd.randrange(97, 123) for _ in range(rnd.randrange(2, 9))) for _ in range(500)]
    text, noise = b" ".join(rnd.choice(words) for _ in range(40000)), rnd.randbytes(1 << 20)
    with open(path, "wb") as f:
        f.truncate(size)
        for at in range(0, size, 65536):
            kind = rnd.randrange(3)
            if kind:
                pool = text if kind == 1 else noise
                start = rnd.randrange(len(pool) - 65536)
                f.seek(at)
                f.write(pool[start:start + 65536])


def timed(args):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_row(tool, judge, steps, verify, names):
    d = tempfile.mkdtemp(dir=names["dir"])
    try:
        names = dict(names, d=d)
        times = [timed([tool] + words.format(**names).split()) for step in steps for words in step]
        if verify:
            fmt, ref = verify.format(**names).split()
            subprocess.run([judge, "compare", "-q", "-f", fmt, "-F", "raw", d + "/o", ref], check=True)
        return sum(t[0] for t in times), sum(t[1] for t in times)
    finally:
        shutil.rmtree(d)


def run_nbd(server, load, kind, names):
    """Elapsed seconds of the client, processor seconds of the server."""
    d = tempfile.mkdtemp(dir=names["dir"])
    try:
        shutil.copy(names["srcq"], d + "/i.qcow2")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        p = subprocess.Popen([server, "-k", d + "/s", "-f", "qcow2", d + "/i.qcow2"])
        while not os.path.exists(d + "/s"):
            time.sleep(.05)
        began = time.monotonic()
        subprocess.run([load, d + "/s", kind, "60000", "16"], check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
        p.wait(20)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    finally:
        shutil.rmtree(d)


def show(name, a, b, wanted):
    def pair(i, pick):
        x, y = pick(sorted(t[i] for t in a)), pick(sorted(t[i] for t in b))
        return "%.2f / %.2f = %.2f" % (x, y, x / max(y, 1e-9))
    middle = lambda l: l[len(l) // 2]
    print("| %s | %s | %s | %s | %s | %s |" % (name, pair(0, min), pair(0, middle), pair(1, min), pair(1, middle), wanted), flush=True)


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("--dir", default="/var/tmp/rhea-bench")
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--rows", default="")
    ap.add_argument("--img", default="build/rhea-img")
    ap.add_argument("--nbd", default="build/rhea-nbd")
    ap.add_argument("--vs-img", default="qemu-img")
    ap.add_argument("--vs-nbd", default="qemu-nbd")
    o = ap.parse_args()
    os.makedirs(o.dir, exist_ok=True)
    names = {"dir": o.dir, "src": o.dir + "/src.raw", "small": o.dir + "/small.raw", "srcq": o.dir + "/src.qcow2"}
    for name, size, seed in (("src", 1 << 30, 1), ("small", 1 << 28, 2)):
        if not os.path.exists(names[name]):
            fill(names[name], size, seed)
    if not os.path.exists(names["srcq"]):
        subprocess.run([o.vs_img, "convert", "-f", "raw", "-O", "qcow2", names["src"], names["srcq"]], check=True)
    print("| workload | elapsed, least | median | processor, least | median | to reach |\n|---|---|---|---|---|---|")
    for name, wanted, steps, verify in ROWS:
        if re.search(o.rows, name):
            a, b = [], []
            for _ in range(o.runs):
                a.append(run_row(o.img, o.vs_img, steps, verify, names))
                b.append(run_row(o.vs_img, o.vs_img, steps, verify, names))
            show(name, a, b, wanted)
    if any(re.search(o.rows, name) for name, _ in NBD):
        load = o.dir + "/nbdload"
        subprocess.run(["cc", "-O2", "-o", load, os.path.join(os.path.dirname(__file__), "nbdload.c")], check=True)
        for name, kind in NBD:
            if re.search(o.rows, name):
                a, b = [], []
                for _ in range(o.runs):
                    a.append(run_nbd(o.nbd, load, kind, names))
                    b.append(run_nbd(o.vs_nbd, load, kind, names))
                show(name, a, b, .4)


main()
