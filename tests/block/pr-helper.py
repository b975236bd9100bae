#!/usr/bin/env python3
"""Talks to rhea-pr-helper as a machine does. usage: pr-helper.py SOCKET fake|real DEVICE"""
import array, os, socket, struct, sys

path, kind, device = sys.argv[1:4]


def connect(features=b"\0\0\0\0"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10 * int(os.environ.get("SLOW", 1)))
    s.connect(path)
    assert take(s, 4) == b"\0\0\0\0", "features"
    s.sendall(features)
    return s


def take(s, n):
    b = b""
    while len(b) < n:
        part = s.recv(n - len(b))
        if not part:
            raise EOFError
        b += part
    return b


def command(s, cdb, fd, data=b""):
    cdb = cdb.ljust(16, b"\0")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    s.sendmsg([cdb], rights)
    if data:
        s.sendall(data)
    status, size = struct.unpack(">II", take(s, 8))
    return status, take(s, 96), take(s, size)


def cut_off(what, act):
    try:
        act()
    except (EOFError, ConnectionError):
        return
    sys.exit("%s: the client was not cut off" % what)


def pr_in(action, length):
    return struct.pack(">BB5xH", 0x5e, action, length)


def pr_out(action, length):
    return struct.pack(">BB3xI", 0x5f, action, length)


rw, ro = os.open(device, os.O_RDWR), os.open(device, os.O_RDONLY)
s = connect()
if kind == "fake":
    key = b"\1\2\3\4\5\6\7\x08"
    assert command(s, pr_out(0, 24), rw, bytes(8) + key + bytes(8))[0] == 0, "register"
    status, sense, data = command(s, pr_in(0, 8192), ro)
    assert (status, data) == (0, bytes([0, 0, 0, 1, 0, 0, 0, 8]) + key), (status, data)
    assert command(s, pr_in(0, 4), ro)[2] == bytes([0, 0, 0, 1]), "short allocation length"
    status, sense, data = command(s, pr_in(9, 100), rw)
    assert (status, sense[2], sense[12], data) == (2, 5, 0x24, b""), "the device's own sense data"
    status, sense, data = command(s, pr_out(0, 24), ro, bytes(24))
    assert (status, sense[2]) == (2, 7), "a device open for reading only"
else:
    status, sense, data = command(s, pr_in(0, 64), ro)
    assert (status, sense[2], sense[12], data) == (2, 5, 0x20, b""), "no SCSI device"
# many clients at once, each with its own commands
others = [connect() for _ in range(20)]
for o in others:
    command(o, pr_in(0, 16), ro)
cut_off("unknown features", lambda: take(connect(b"\0\0\0\1"), 1))
cut_off("no descriptor", lambda: command(connect(), pr_in(0, 16), None))
cut_off("another command", lambda: command(connect(), b"\x28", ro))
cut_off("too long", lambda: command(connect(), pr_in(0, 8193), ro))
cut_off("too long to write", lambda: command(connect(), pr_out(0, 0x7fffffff), rw))
connect().sendall(b"\x5e")          # half a command, then gone
command(s, pr_in(0, 16), ro)        # the first one is served as before
print("ok")
