# The life of a machine and its terminal, from outside: keys on a pty, character back ends, signals, resets. Called by
# life.sh: life.py COMMAND..., a machine whose guest is tests/guest/bare/echo.c; what is tested is added to the command.
import os, pty, select, signal, socket, subprocess, sys, tempfile, time

command = sys.argv[1:]
slow = int(os.environ.get("SLOW", 1))         # tests/lib/limits
folder = tempfile.mkdtemp()
failed, machines = [], []


class Machine:
    """A machine that runs; master: the terminal it is on, if it is on one."""

    def __init__(self, *options, terminal=False, stdin=subprocess.DEVNULL):
        self.master = None
        machines.append(self)
        if terminal:
            self.master, slave = pty.openpty()
            stdin = slave
        self.child = subprocess.Popen([*command, *options], stdin=stdin, stdout=slave if terminal else subprocess.PIPE,
                                      stderr=slave if terminal else subprocess.STDOUT, start_new_session=terminal)
        self.fd = self.master if terminal else self.child.stdout.fileno()
        self.text = b""
        if terminal:
            os.close(slave)

    def type(self, keys):
        os.write(self.master if self.master is not None else self.child.stdin.fileno(), keys)

    def expect(self, what, seconds=20):
        expect_on(self.fd, what, seconds, self)

    def ends(self, status, seconds=20):
        got = self.child.wait(seconds * slow)
        if got != status:
            raise AssertionError(f"status {got}, expected {status}; so far: {self.text[-300:]!r}")

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.master is not None:
            os.close(self.master)
            self.master = None


def expect_on(fd, what, seconds, keeper):
    """Reads until what was asked for has come; keeper.text keeps what came behind it."""
    seconds *= slow
    end = time.time() + seconds
    while what not in keeper.text:
        left = end - time.time()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            raise AssertionError(f"no {what!r} within {seconds} s, but {keeper.text[-300:]!r}")
        try:
            more = os.read(fd, 4096)
        except OSError:
            more = b""
        if not more:
            raise AssertionError(f"the end instead of {what!r}: {keeper.text[-300:]!r}")
        keeper.text += more
    keeper.text = keeper.text[keeper.text.index(what) + len(what):]


class Stream:
    """What is at the other end of a socket or a pty."""

    def __init__(self, fd):
        self.fd, self.text = fd, b""

    def expect(self, what, seconds=20):
        expect_on(self.fd, what, seconds, self)


def connect(path_or_port):
    for _ in range(100):
        s = socket.socket(socket.AF_UNIX if isinstance(path_or_port, str) else socket.AF_INET)
        try:
            s.connect(path_or_port if isinstance(path_or_port, str) else ("127.0.0.1", path_or_port))
            return s
        except OSError:
            s.close()
            time.sleep(0.1)
    raise AssertionError(f"nobody listens at {path_or_port}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def keys_on_the_terminal():
    m = Machine("-nographic", terminal=True)
    m.expect(b"hello")
    m.type(b"abc")
    m.expect(b"ABC")
    m.type(b"\x03")                            # Ctrl-C is the guest's
    m.expect(b"\x03")
    m.type(b"\x01h")
    m.expect(b"exit emulator")
    m.type(b"\x01\x01")                        # Ctrl-A itself
    m.expect(b"\x01")
    m.type(b"\x01c")
    m.expect(b"(qemu) ")
    m.type(b"info status\r")
    m.expect(b"VM status: running")
    m.type(b"stop\r")
    m.expect(b"(qemu) ")
    m.type(b"\x01cxyz")                        # the guest stands still ...
    time.sleep(0.3)
    m.type(b"\x01ccont\r")
    m.expect(b"XYZ")                           # ... and gets it later
    m.type(b"\x01c\x01x")
    m.ends(0)
    return m


def quit_from_the_monitor():
    m = Machine("-serial", "mon:stdio", "-display", "none", terminal=True)
    m.expect(b"hello")
    m.type(b"\x01cquit\r")
    m.ends(0)
    return m


def the_terminal_is_left_as_it_was():
    import termios
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    child = subprocess.Popen([*command, "-nographic"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    s = Stream(master)
    s.expect(b"hello")
    if termios.tcgetattr(slave) == before:
        raise AssertionError("the terminal was not made raw")
    child.terminate()
    child.wait(20 * slow)
    if termios.tcgetattr(slave) != before:
        raise AssertionError("the terminal was left raw")


def signals_end_it():
    for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        m = Machine("-display", "none", "-serial", "stdio", "-monitor", "none", stdin=subprocess.PIPE)
        m.expect(b"hello")
        m.child.send_signal(sig)
        m.ends(0)


def the_guest_ends_it():
    for key, status in (b"q", 0), (b"f", 7):
        m = Machine("-display", "none", "-serial", "stdio", "-monitor", "none", stdin=subprocess.PIPE)
        m.expect(b"hello")
        m.type(key)
        m.ends(status)
        m.close()


def resets():
    m = Machine("-display", "none", "-serial", "stdio", "-monitor", "none", stdin=subprocess.PIPE)
    m.expect(b"hello")
    m.type(b"r")
    m.expect(b"hello")
    m.type(b"q")
    m.ends(0)
    m = Machine("-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", stdin=subprocess.PIPE)
    m.expect(b"hello")
    m.type(b"r")
    m.ends(0)


def begins_stopped():
    m = Machine("-display", "none", "-serial", "mon:stdio", "-S", stdin=subprocess.PIPE)
    time.sleep(0.5)
    m.type(b"\x01cinfo status\n")
    m.expect(b"VM status: paused (prelaunch)")
    if b"hello" in m.text:
        raise AssertionError("it ran")
    m.type(b"cont\n")
    m.expect(b"hello")
    m.type(b"system_reset\n")
    m.expect(b"hello")
    m.type(b"quit\n")
    m.ends(0)


def no_shutdown():
    m = Machine("-display", "none", "-serial", "mon:stdio", "-no-shutdown", stdin=subprocess.PIPE)
    m.expect(b"hello")
    m.type(b"q")
    time.sleep(0.5)
    m.type(b"\x01cinfo status\n")
    m.expect(b"VM status: paused (shutdown)")
    m.type(b"quit\n")
    m.ends(0)


def to_a_file():
    path = folder + "/file"
    m = Machine("-display", "none", "-chardev", f"file,id=c,path={path}", "-serial", "chardev:c", "-monitor", "none")
    for _ in range(100):
        if os.path.exists(path) and b"hello" in open(path, "rb").read():
            break
        time.sleep(0.1)
    m.child.terminate()
    m.ends(0)
    if open(path, "rb").read() != b"hello\r\n":
        raise AssertionError("the file has something else")


def on_a_pty():
    m = Machine("-display", "none", "-serial", "pty", "-monitor", "none", "-S")
    m.expect(b"char device redirected to ")
    m.expect(b" (label serial0)")
    m.close()
    m = Machine("-display", "none", "-chardev", f"pty,id=c,path={folder}/pty", "-serial", "chardev:c", "-monitor", "none")
    m.expect(b"redirected to ")
    fd = os.open(folder + "/pty", os.O_RDWR | os.O_NOCTTY)
    s = Stream(fd)
    s.expect(b"hello")
    os.write(fd, b"abc")
    s.expect(b"ABC")
    os.close(fd)
    m.close()


class Socket(Stream):
    def __init__(self, sock):
        super().__init__(sock.fileno())
        self.sock = sock


def on_a_unix_socket():
    path = folder + "/socket"
    m = Machine("-display", "none", "-chardev", f"socket,id=c,path={path},server=on,wait=off", "-serial", "chardev:c",
                "-monitor", "none")
    for _ in range(2):                         # who goes may come again
        with connect(path) as sock:
            s = Socket(sock)
            sock.sendall(b"abc")
            s.expect(b"ABC")
    m.close()


def on_a_tcp_port():
    port = free_port()
    m = Machine("-display", "none", "-serial", f"tcp:127.0.0.1:{port},server,nowait", "-monitor", "none")
    with connect(port) as sock:
        s = Socket(sock)
        sock.sendall(b"abc")
        s.expect(b"ABC")
        sock.sendall(b"q")
        m.ends(0)


def waits_for_the_other_end():
    port = free_port()
    m = Machine("-display", "none", "-serial", f"tcp:127.0.0.1:{port},server", "-monitor", "none")
    time.sleep(0.3)
    with connect(port) as sock:
        Socket(sock).expect(b"hello")
    m.close()


def as_a_client():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        m = Machine("-display", "none", "-serial", f"tcp:127.0.0.1:{listener.getsockname()[1]}", "-monitor", "none")
        sock = listener.accept()[0]
        Socket(sock).expect(b"hello")
        m.close()


def to_nobody():
    m = Machine("-display", "none", "-serial", "null", "-monitor", "stdio", stdin=subprocess.PIPE)
    m.expect(b"(qemu) ")
    m.type(b"info chardev\n")
    m.expect(b"serial0: filename=null")
    m.type(b"quit\n")
    m.ends(0)


def one_line_for_two():
    """A multiplexer: the monitor and the serial port on one socket."""
    path = folder + "/mux"
    m = Machine("-display", "none", "-chardev", f"socket,id=c,path={path},server=on,wait=off,mux=on", "-serial", "chardev:c",
                "-mon", "chardev=c")
    with connect(path) as sock:
        s = Socket(sock)
        sock.sendall(b"abc")
        s.expect(b"ABC")
        sock.sendall(b"\x01cinfo status\n")
        s.expect(b"VM status: running")
        sock.sendall(b"quit\n")
        m.ends(0)


def into_memory():
    m = Machine("-display", "none", "-chardev", "ringbuf,id=r,size=64", "-serial", "chardev:r", "-monitor", "stdio",
                stdin=subprocess.PIPE)
    m.expect(b"(qemu) ")
    time.sleep(0.5)
    m.type(b"ringbuf_read r 16\n")
    m.expect(b"hello")
    m.type(b"ringbuf_write r abc\n")
    m.type(b"quit\n")
    m.ends(0)


tests = [keys_on_the_terminal, quit_from_the_monitor, the_terminal_is_left_as_it_was, signals_end_it, the_guest_ends_it, resets,
         begins_stopped, no_shutdown, to_a_file, on_a_pty, on_a_unix_socket, on_a_tcp_port, waits_for_the_other_end, as_a_client,
         to_nobody, one_line_for_two, into_memory]
for test in tests:
    try:
        test()
        print("ok", test.__name__)
    except Exception as e:
        failed.append(test.__name__)
        print("FAILED", test.__name__, e)
    for m in machines:                         # those of a failed test
        m.close()
    machines.clear()
sys.exit(bool(failed))
