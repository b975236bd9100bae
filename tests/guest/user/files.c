/* Files, descriptors, sockets, waiting, System V objects: structures that differ from the host's come over right. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "t.h"

static char dir[] = "/tmp/rhea-files-XXXXXX";

static void names(void)
{
    struct stat st, st2;
    struct statx sx;
    struct statfs fs;
    char buf[64];
    int d = open(dir, O_RDONLY | O_DIRECTORY), fd = openat(d, "a", O_CREAT | O_RDWR | O_EXCL, 0640), n = 0;

    CHECK(d >= 0 && fd >= 0);
    CHECK(write(fd, "hello world", 11) == 11 && lseek(fd, 0, SEEK_CUR) == 11);
    CHECK(!fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640 && st.st_size == 11 && st.st_nlink == 1);
    CHECK(!fstatat(d, "a", &st2, 0) && st2.st_ino == st.st_ino && st2.st_dev == st.st_dev && st2.st_mtime == st.st_mtime);
    CHECK(!statx(d, "a", 0, STATX_BASIC_STATS, &sx) && sx.stx_size == 11 && sx.stx_ino == st.st_ino);
    CHECK(st.st_uid == getuid() && st.st_blksize >= 512 && time(NULL) - st.st_ctime < 100);
    CHECK(!linkat(d, "a", d, "b", 0) && !fstat(fd, &st) && st.st_nlink == 2);
    CHECK(!symlinkat("a", d, "c") && readlinkat(d, "c", buf, sizeof buf) == 1 && buf[0] == 'a');
    CHECK(!fstatat(d, "c", &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode));
    CHECK(!renameat(d, "b", d, "e") && faccessat(d, "b", F_OK, 0) == -1 && errno == ENOENT);
    CHECK(!mkdirat(d, "f", 0755) && !unlinkat(d, "f", AT_REMOVEDIR));
    struct timespec ts[2] = { { 1000000000, 5 }, { 1000000001, 6 } };
    CHECK(!utimensat(d, "a", ts, 0) && !fstat(fd, &st) && st.st_mtim.tv_sec == 1000000001 && st.st_mtim.tv_nsec == 6);
    CHECK(!fstatfs(fd, &fs) && fs.f_bsize > 0 && fs.f_namelen >= 14);
    if (!fsetxattr(fd, "user.x", "value", 5, 0))
        CHECK(fgetxattr(fd, "user.x", buf, sizeof buf) == 5 && !memcmp(buf, "value", 5));
    DIR *dp = fdopendir(d);
    for (struct dirent *e; (e = readdir(dp)); n++)
        CHECK(strchr(".ace", e->d_name[0]));
    CHECK(n == 5);
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3 };
    CHECK(!fcntl(fd, F_SETLK, &fl));
    pid_t p = fork();
    if (!p) {
        fl.l_type = F_RDLCK;
        _exit(!(!fcntl(fd, F_GETLK, &fl) && fl.l_type == F_WRLCK && fl.l_start == 2 && fl.l_pid == getppid()));
    }
    int s;
    CHECK(wait(&s) == p && s == 0);
    struct iovec iov[2] = { { buf, 3 }, { buf + 8, 20 } };
    CHECK(preadv(fd, iov, 2, 2) == 9 && !memcmp(buf, "llo", 3) && !memcmp(buf + 8, " world", 6));
    iov[1].iov_base = (void *)-8;
    CHECK(preadv(fd, iov, 2, 0) == -1 && errno == EFAULT);
    CHECK(fcntl(fd, F_GETFL) & O_RDWR && !flock(fd, LOCK_EX) && !ftruncate(fd, 5) && !fallocate(fd, 0, 0, 100));
    off_t off = 0;
    int out = open("/dev/null", O_WRONLY);
    CHECK(sendfile(out, fd, &off, 100) == 100 && off == 100);
    close(out);
    unlinkat(d, "a", 0), unlinkat(d, "c", 0), unlinkat(d, "e", 0);
    closedir(dp);
    close(fd);
}

static void waiting(void)
{
    int ev = eventfd(0, 0), ep = epoll_create1(0), tf = timerfd_create(CLOCK_MONOTONIC, 0), p[2];
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = 0x123456789abcdef0 }, got[4] = { 0 };
    struct itimerspec it = { { 0, 0 }, { 0, 1000000 } };
    uint64_t v = 5;
    fd_set set;

    CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e) && epoll_wait(ep, got, 4, 0) == 0);
    e.data.u64 = 77;
    CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, tf, &e));
    CHECK(write(ev, &v, 8) == 8 && epoll_wait(ep, got, 4, -1) == 1);
    CHECK(got[0].events == EPOLLIN && got[0].data.u64 == 0x123456789abcdef0);
    CHECK(!timerfd_settime(tf, 0, &it, NULL));
    usleep(3000);
    CHECK(epoll_wait(ep, got, 4, 1000) == 2 && got[0].data.u64 + got[1].data.u64 == 0x123456789abcdef0 + 77);
    CHECK(read(tf, &v, 8) == 8 && v == 1 && read(ev, &v, 8) == 8 && v == 5);
    CHECK(!epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL) && !pipe2(p, O_NONBLOCK | O_CLOEXEC));
    struct pollfd pf[2] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 } };
    CHECK(poll(pf, 2, 0) == 1 && pf[0].revents == 0 && pf[1].revents == POLLOUT);
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    struct timeval tv = { 0, 1000 };
    CHECK(select(p[0] + 1, &set, NULL, NULL, &tv) == 0);
    CHECK(write(p[1], "x", 1) == 1);
    FD_SET(p[0], &set);
    CHECK(select(p[0] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &set));
    int n;
    CHECK(!ioctl(p[0], FIONREAD, &n) && n == 1);
    close(ev), close(ep), close(tf), close(p[0]), close(p[1]);
    int in = inotify_init1(IN_NONBLOCK);
    CHECK(inotify_add_watch(in, dir, IN_CREATE) > 0);
    char path[64], buf[512];
    snprintf(path, sizeof path, "%s/new", dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    CHECK(read(in, buf, sizeof buf) > 0 && !strcmp(((struct inotify_event *)buf)->name, "new"));
    unlink(path);
    close(in);
}

static void sockets(void)
{
    int s[2], fd, v = 1;
    char c = 'm', control[CMSG_SPACE(sizeof(int))], buf[16];
    struct iovec iov = { &c, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *cm = CMSG_FIRSTHDR(&m);

    CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof fd);
    fd = open("/dev/zero", O_RDONLY);
    memcpy(CMSG_DATA(cm), &fd, sizeof fd);
    CHECK(sendmsg(s[0], &m, 0) == 1);
    close(fd);
    memset(control, 0, sizeof control);
    m.msg_controllen = sizeof control;
    CHECK(recvmsg(s[1], &m, 0) == 1 && c == 'm' && m.msg_controllen >= CMSG_LEN(sizeof fd));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    CHECK(read(fd, buf, 4) == 4 && buf[0] == 0);
    close(fd);
    struct iovec one[3] = { { "abc", 3 }, { "de", 2 }, { buf, sizeof buf } };
    struct mmsghdr mm[2] = { { .msg_hdr = { .msg_iov = &one[0], .msg_iovlen = 1 } },
                             { .msg_hdr = { .msg_iov = &one[1], .msg_iovlen = 1 } } };
    CHECK(sendmmsg(s[0], mm, 2, 0) == 2 && mm[0].msg_len == 3 && mm[1].msg_len == 2);
    CHECK(recv(s[1], buf, sizeof buf, 0) == 3 && recv(s[1], buf, sizeof buf, 0) == 2);
    close(s[0]), close(s[1]);

    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int l = socket(AF_INET, SOCK_STREAM, 0), k = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(!setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &v, sizeof v) && !bind(l, (void *)&a, sizeof a) && !listen(l, 3));
    CHECK(!getsockname(l, (void *)&a, &len) && a.sin_port && !connect(k, (void *)&a, len));
    fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
    struct timeval tv = { 0, 20000 };
    CHECK(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    CHECK(recv(fd, buf, sizeof buf, 0) == -1 && errno == EAGAIN);
    CHECK(send(k, "tcp", 3, MSG_NOSIGNAL) == 3 && recv(fd, buf, sizeof buf, 0) == 3 && !memcmp(buf, "tcp", 3));
    len = sizeof v;
    CHECK(!getsockopt(k, SOL_SOCKET, SO_TYPE, &v, &len) && v == SOCK_STREAM);
    close(l), close(k), close(fd);
}

static void terminal(void)
{
    struct termios t;
    struct winsize w = { 24, 80, 0, 0 }, w2;
    int m, s;

    CHECK(!openpty(&m, &s, NULL, NULL, &w));
    CHECK(isatty(s) && !tcgetattr(s, &t) && t.c_lflag & ECHO);
    t.c_lflag &= ~(ECHO | ICANON);
    CHECK(!tcsetattr(s, TCSANOW, &t) && !tcgetattr(s, &t) && !(t.c_lflag & ECHO));
    CHECK(!ioctl(m, TIOCGWINSZ, &w2) && w2.ws_col == 80);
    CHECK(ioctl(m, 0x12345678, (void *)8) == -1 && errno == ENOTTY);
    close(m), close(s);
}

static void system_v(void)
{
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600), q, s;
    char *p = shmat(id, NULL, 0), *r = shmat(id, NULL, SHM_RDONLY);
    struct shmid_ds ds;
    struct { long type; char text[8]; } msg = { 3, "message" };
    struct semid_ds sd;
    union { int val; struct semid_ds *buf; unsigned short *array; } arg;
    unsigned short values[2] = { 4, 5 };

    CHECK(id >= 0 && p != (void *)-1 && r != (void *)-1);
    strcpy(p + 9000, "shared");
    CHECK(!strcmp(r + 9000, "shared") && !shmctl(id, IPC_STAT, &ds) && ds.shm_segsz == 10000 && ds.shm_nattch == 2);
    CHECK(!shmdt(p) && !shmdt(r) && shmdt(p) == -1 && errno == EINVAL && !shmctl(id, IPC_RMID, NULL));
    q = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    CHECK(!msgsnd(q, &msg, sizeof msg.text, 0));
    memset(&msg, 0, sizeof msg);
    CHECK(msgrcv(q, &msg, sizeof msg.text, 3, 0) == 8 && !strcmp(msg.text, "message") && !msgctl(q, IPC_RMID, NULL));
    s = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    arg.array = values;
    CHECK(!semctl(s, 0, SETALL, arg));
    arg.buf = &sd;
    CHECK(!semctl(s, 0, IPC_STAT, arg) && sd.sem_nsems == 2 && time(NULL) - sd.sem_ctime < 100);
    struct sembuf op = { 1, -2, 0 }, wait_op = { 1, -9, 0 };
    struct timespec ts = { 0, 10000000 };
    CHECK(!semop(s, &op, 1) && semctl(s, 1, GETVAL) == 3);
    CHECK(semtimedop(s, &wait_op, 1, &ts) == -1 && errno == EAGAIN && !semctl(s, 0, IPC_RMID));
}

static void clocks(void)
{
    struct timespec a, b;
    struct itimerspec it = { { 0, 0 }, { 100, 0 } }, left;
    struct sigevent se = { .sigev_notify = SIGEV_NONE };
    timer_t t;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &a) && !clock_gettime(CLOCK_MONOTONIC, &b));
    CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
    CHECK(!clock_getres(CLOCK_REALTIME, &a) && clock_gettime(12345, &a) == -1 && errno == EINVAL);
    CHECK(!timer_create(CLOCK_MONOTONIC, &se, &t) && !timer_settime(t, 0, &it, NULL));
    CHECK(!timer_gettime(t, &left) && left.it_value.tv_sec == 99 && !timer_delete(t));
}

int main(void)
{
    CHECK(mkdtemp(dir));
    names();
    waiting();
    sockets();
    terminal();
    system_v();
    clocks();
    CHECK(!rmdir(dir));
    CHECK(syscall(9999) == -1 && errno == ENOSYS && syscall(-1L) == -1 && errno == ENOSYS);
    return 0;
}
