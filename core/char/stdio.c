/* core/char/stdio.c - the terminal, put into raw mode and given back on every way out.
 *
 * The settings are restored by close(), by atexit() and by the handlers of fatal signals; they are set again after
 * Ctrl-Z and fg. Wrap-around, which firmware tends to switch off, is switched on again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/char/fd.h"
#include "core/opt/optlist.h"

struct stdio_chr {
    struct chr chr;
    struct fd_io io;
};

static struct {
    struct termios before, raw;
    volatile sig_atomic_t active;
    bool taken;
} tty;

static void tty_restore(void)
{
    static const char wrap[] = "\033[?7h";

    if (!tty.active)
        return;
    tty.active = 0;
    tcsetattr(0, TCSANOW, &tty.before);
    if (isatty(1) && write(1, wrap, sizeof(wrap) - 1) < 0)
        return;
}

static void die_politely(int sig)
{
    tty_restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void continued(int sig)
{
    (void)sig;
    if (tty.active)
        tcsetattr(0, TCSANOW, &tty.raw);
}

static void tty_make_raw(bool signals)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGQUIT };
    struct sigaction sa = { .sa_handler = continued, .sa_flags = SA_RESTART };

    if (!isatty(0) || tcgetattr(0, &tty.before) < 0)
        return;
    tty.raw = tty.before;
    tty.raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    tty.raw.c_oflag |= OPOST;
    tty.raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        tty.raw.c_lflag &= ~(tcflag_t)ISIG;
    tty.raw.c_cflag = (tty.raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    tty.raw.c_cc[VMIN] = 1;
    tty.raw.c_cc[VTIME] = 0;
    tcsetattr(0, TCSANOW, &tty.raw);
    tty.active = 1;
    atexit(tty_restore);
    sigaction(SIGCONT, &sa, NULL);
    sa.sa_handler = die_politely;
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        struct sigaction old;

        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL && !(old.sa_flags & SA_SIGINFO))
            sigaction(fatal[i], &sa, NULL);
    }
}

static void stdio_hangup(struct chr *c)
{
    chr_event(c, CHR_CLOSED); /* end of input; output goes on */
}

static int stdio_open(struct chr *c, struct optlist *opts, struct error *err)
{
    struct stdio_chr *s = (struct stdio_chr *)c;
    bool signals = true;

    if (opts && optlist_bool(opts, "signal", &signals, err) < 0)
        return -EINVAL;
    if (tty.taken)
        return error_set(err, EBUSY, "stdio is in use already; share it with mux=on or -serial mon:stdio");
    tty.taken = true;
    tty_make_raw(signals);
    c->open = true;
    fd_io_open(&s->io, c, 0, 1, stdio_hangup);
    return 0;
}

static void stdio_close(struct chr *c)
{
    fd_io_close(&((struct stdio_chr *)c)->io);
    tty_restore();
    tty.taken = false;
}

static ssize_t stdio_write(struct chr *c, const uint8_t *bytes, size_t len)
{
    return fd_io_write(&((struct stdio_chr *)c)->io, bytes, len);
}

static void stdio_accept(struct chr *c)
{
    fd_io_accept(&((struct stdio_chr *)c)->io);
}

const struct chr_backend chr_stdio = {
    .name = "stdio", .help = "the terminal, or what stdin and stdout lead to", .bytes = sizeof(struct stdio_chr),
    .open = stdio_open, .close = stdio_close, .write = stdio_write, .accept = stdio_accept,
};
