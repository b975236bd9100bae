#!/usr/bin/env python3
"""Cuts the power in the middle of whole operations, on every format that can be written.

usage: powercut_ops.py BUILD DIR [POINTS] [SEED]

A load is a list of steps, each one run of a tool: some writes, zeros, discards or compressed writes; for qcow2 also a
snapshot made, applied or deleted, a new size, a bitmap added, merged or removed, a commit. The file's changes are
recorded (driver `blkdebug`). After a cut within a step

  - the image opens, and `check` finds leaks at most;
  - each sector holds what it held before the step, or what the step wrote there;
  - size, snapshots (with their content) and bitmaps are those of before or of after: never something between.
"""
import json, os, sys

from powercut import IMG, IO, apply, cut, points, read_log, rnd, run

SECTOR = 512


def opts(fmt, name, more=""):
    return "driver=%s,file.driver=blkdebug,file.log=%s.log,file.file.filename=%s,discard=unmap%s" % (fmt, name, name, more)


class State:
    """What a disk holds: a byte for each sector, which all its bytes have; snapshots and bitmaps."""
    def __init__(self, sectors):
        self.disk, self.snaps, self.bitmaps = bytearray(sectors), {}, set()

    def copy(self):
        s = State(0)
        s.disk, s.snaps, s.bitmaps = bytearray(self.disk), dict(self.snaps), set(self.bitmaps)
        return s


class Load:
    def __init__(self, fmt, options, mib, backing):
        self.fmt, self.name, self.backing = fmt, "ops." + fmt, backing
        args = ["create", "-q", "-f", fmt] + (["-o", options] if options else [])
        if backing:
            with open("ops.base", "wb") as f:
                f.write(b"\x21" * (mib << 20))
            args += ["-b", "ops.base", "-F", "raw"]
        run(IMG, *args, self.name, "%dM" % mib)
        size = json.loads(run(IMG, "info", "--output=json", "-f", fmt, self.name).stdout)["virtual-size"]
        self.now = State(size // SECTOR)
        if backing:
            self.now.disk[:] = b"\x21" * len(self.now.disk)
        self.cluster = 65536
        for o in (options or "").split(","):
            if o.startswith("cluster_size="):
                self.cluster = int(o[13:])
        self.v2 = "compat=0.10" in (options or "")
        self.lazy = "lazy_refcounts" in (options or "")

    # --- steps: each runs a tool and returns the sectors that may hold other values in between: {sector: set of bytes}

    def writes(self):
        touched, commands, was = {}, [], bytes(self.now.disk)
        for _ in range(rnd.randrange(1, 7)):
            n = rnd.choice([1, 8, 19, 128, 300])
            at = rnd.randrange(0, max(len(self.now.disk) - n, 1))
            n = min(n, len(self.now.disk) - at)
            what = rnd.choice("wwwwzdc" if self.fmt == "qcow2" else "wwwz")
            p = rnd.randrange(1, 256)
            if what == "c":                      # whole clusters
                per = max(self.cluster // SECTOR, 1)
                at = at // per * per
                n = min(per, len(self.now.disk) - at)
                if n < per or self.v2 is None:
                    continue
                commands.append("write -q -c -P %d %d %d" % (p, at * SECTOR, n * SECTOR))
            elif what == "z":
                p = 0
                commands.append("write -q -z -u %d %d" % (at * SECTOR, n * SECTOR))
            elif what == "d":
                commands.append("discard -q %d %d" % (at * SECTOR, n * SECTOR))
                for i in range(at, at + n):      # whole clusters in it read as zeros or as before: ask afterwards
                    touched.setdefault(i, set()).add(0)
                continue
            else:
                commands.append("write -q -P %d %d %d" % (p, at * SECTOR, n * SECTOR))
            if rnd.random() < 0.2:
                commands.append("flush")
            for i in range(at, at + n):
                touched.setdefault(i, set()).add(p)
                self.now.disk[i] = p
        args = []
        for c in commands:
            args += ["-c", c]
        # what is there already cannot be replaced by compressed data: such a write may be refused
        run(IO, "--image-opts", *args, opts(self.fmt, self.name), ok=(0, 1) if " -c -P" in " ".join(commands) else (0,))
        after = self.read(self.name)             # settles what a discard did; each sector is checked against what may be
        for i, v in enumerate(after):
            if v != self.now.disk[i]:
                assert v == was[i] or v in touched.get(i, ()), "sector %d of the load itself is wrong" % i
                self.now.disk[i] = v
        return touched

    def snap_create(self):
        tag = "s%d" % rnd.randrange(1000)
        if tag in self.now.snaps or len(self.now.snaps) > 3:
            return None
        run(IMG, "snapshot", "-q", "-c", tag, "--image-opts", opts("qcow2", self.name))
        self.now.snaps[tag] = bytes(self.now.disk)
        return {}

    def snap_apply(self):
        if not self.now.snaps or self.now.bitmaps:    # bitmaps forbid it: they would not show the change
            return None
        tag = rnd.choice(sorted(self.now.snaps))
        run(IMG, "snapshot", "-q", "-a", tag, "--image-opts", opts("qcow2", self.name))
        self.now.disk = bytearray(self.now.snaps[tag])
        return {}

    def snap_delete(self):
        if not self.now.snaps:
            return None
        tag = rnd.choice(sorted(self.now.snaps))
        run(IMG, "snapshot", "-q", "-d", tag, "--image-opts", opts("qcow2", self.name))
        del self.now.snaps[tag]
        return {}

    def resize(self):
        sectors = rnd.choice([len(self.now.disk) + 2048 * rnd.randrange(1, 5), max(4096, len(self.now.disk) - 2048 * rnd.randrange(1, 3))])
        if sectors == len(self.now.disk) or (sectors < len(self.now.disk) and self.now.snaps) or (self.v2 and (self.now.snaps or self.backing)):
            return None
        shrink = ["--shrink"] if sectors < len(self.now.disk) else []
        run(IMG, "resize", "-q", *shrink, "--image-opts", opts("qcow2", self.name), str(sectors * SECTOR))
        old = self.now.disk
        self.now.disk = bytearray(sectors)
        self.now.disk[:min(sectors, len(old))] = old[:sectors]
        return {i: {0} for i in range(sectors, len(old))}

    def bitmap(self):
        verb = rnd.choice(["--add", "--remove", "--merge", "--clear", "--disable"])
        if self.v2 or (verb != "--add" and not self.now.bitmaps) or (verb == "--merge" and len(self.now.bitmaps) < 2):
            return None
        tag = "b%d" % rnd.randrange(1000) if verb == "--add" else rnd.choice(sorted(self.now.bitmaps))
        if verb == "--add" and (tag in self.now.bitmaps or len(self.now.bitmaps) > 3):
            return None
        args = [verb]
        if verb == "--merge":
            args.append(rnd.choice(sorted(self.now.bitmaps - {tag})))
        run(IMG, "bitmap", *args, "--image-opts", opts("qcow2", self.name), tag)
        if verb == "--add":
            self.now.bitmaps.add(tag)
        elif verb == "--remove":
            self.now.bitmaps.discard(tag)
        return {}

    def commit(self):
        """Emptied after its content went down: the view through it never changes. The raw base keeps the new bytes."""
        if not self.backing or self.now.snaps or self.v2 or len(self.now.disk) * SECTOR > os.path.getsize("ops.base"):
            return None
        run(IMG, "commit", "-q", "--image-opts", opts("qcow2", self.name))
        return {}

    # --- looking

    def read(self, name, snap=None):
        args = ["convert", "-f", self.fmt, "-O", "raw"] + (["-l", snap] if snap else [])
        run(IMG, *args, name, "ops.raw")
        data = open("ops.raw", "rb").read()
        tags = data[::SECTOR]
        for at in range(1, 512, 73):             # no sector is torn in itself
            if data[at::SECTOR] != tags:
                sys.exit("%s: a sector holds two values" % name)
        return tags

    def check(self, before, touched, where):
        if self.lazy:                            # the dirty bit says that counts are to be made anew
            run(IMG, "check", "-q", "-r", "all", "-f", self.fmt, self.name)
        if self.fmt in ("qcow2", "vdi", "vhdx"):
            run(IMG, "check", "-f", self.fmt, self.name, ok=(0, 3))
        tags = self.read(self.name)
        old, new = before.disk, self.now.disk
        if len(tags) not in (len(old), len(new)):
            sys.exit("%s: the size is between old and new" % where)
        if tags not in (bytes(old), bytes(new)):
            for i, v in enumerate(tags):
                if v != (old[i] if i < len(old) else 0) and v not in touched.get(i, ()):
                    sys.exit("%s: sector %d is %d; before %d, the step wrote %s" % (where, i, v, old[i] if i < len(old) else 0, touched.get(i)))
        if self.fmt != "qcow2":
            return
        info = json.loads(run(IMG, "info", "--output=json", "-f", "qcow2", self.name).stdout)
        snaps = {s["name"] for s in info.get("snapshots", [])}
        if snaps not in (set(before.snaps), set(self.now.snaps)):
            sys.exit("%s: snapshots %s" % (where, snaps))
        for s in snaps:
            if self.read(self.name, s) != (before.snaps.get(s) or self.now.snaps.get(s)):
                sys.exit("%s: snapshot %s has changed" % (where, s))
        bitmaps = {b["name"] for b in info.get("format-specific", {}).get("data", {}).get("bitmaps", [])}
        if bitmaps not in (before.bitmaps, self.now.bitmaps):
            sys.exit("%s: bitmaps %s" % (where, bitmaps))


def pick_load():
    fmt = rnd.choice(["qcow2"] * 6 + ["vhdx", "vdi", "vmdk", "vpc"])
    options = ""
    if fmt == "qcow2":
        options = rnd.choice(["", "cluster_size=4096", "compat=0.10,cluster_size=4096", "extended_l2=on,cluster_size=16384",
                              "refcount_bits=8,cluster_size=512", "lazy_refcounts=on,cluster_size=4096",
                              "cluster_size=4096,refcount_bits=64", "compression_type=zstd,cluster_size=4096"])
    elif fmt == "vpc":
        options = "force_size=on"
    return Load(fmt, options, 3, fmt == "qcow2" and rnd.random() < 0.4)


def main():
    done, loads = 0, 0
    while done < points:
        load = pick_load()
        loads += 1
        for number in range(rnd.randrange(4, 14)):
            steps = [load.writes] * 3
            if load.fmt == "qcow2":
                steps += [load.snap_create, load.snap_create, load.snap_apply, load.snap_delete, load.resize, load.bitmap, load.bitmap, load.commit]
            step = rnd.choice(steps)
            before, image = load.now.copy(), open(load.name, "rb").read()
            touched = step()
            if touched is None:
                continue
            after, log = open(load.name, "rb").read(), read_log(load.name + ".log")
            where = "load %d, step %d (%s of %s)" % (loads, number, step.__name__, load.fmt)
            for _ in range(min(6, points - done, len(log))):
                point = rnd.randrange(0, len(log) + 1)
                cut(load.name, image, log, point)
                load.check(before, touched, "%s, cut at %d of %d" % (where, point, len(log)))
                done += 1
            # nothing is lost of a step that has ended
            whole = bytearray(image)
            for r in log:
                apply(whole, r)
            open(load.name, "wb").write(whole)
            load.check(load.now, {}, where + ", complete")
            open(load.name, "wb").write(after)
    print("%d cuts in operations of %d loads" % (done, loads))


main()
