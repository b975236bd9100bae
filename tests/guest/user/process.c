/* Programs that start programs: fork, vfork, posix_spawn, execve in its forms, and what /proc says of them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

static char self[PATH_MAX], dir[] = "/tmp/rhea-process-XXXXXX";
extern char **environ;

static int wait_for(pid_t p)
{
    int st;

    CHECK(waitpid(p, &st, 0) == p);
    return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + WTERMSIG(st);
}

/* This program again, with a word that says what to do. */
static int child_main(int argc, char **argv)
{
    const char *what = argv[1];

    if (!strcmp(what, "exit"))
        return atoi(argv[2]);
    if (!strcmp(what, "name"))
        return strcmp(argv[0], argv[2]) != 0;
    if (!strcmp(what, "env"))
        return !(getenv("LD_PRELOAD") && !strcmp(getenv("LD_PRELOAD"), "/nowhere.so") && getenv("A") && !getenv("HOME") &&
                 !strcmp(getenv("A"), "b,c"));
    if (!strcmp(what, "args"))
        return !(argc == 5 && !strcmp(argv[2], "") && !strcmp(argv[3], "a b") && !strcmp(argv[4], "-strace"));
    if (!strcmp(what, "masks")) {
        sigset_t set;
        struct sigaction sa;

        sigprocmask(SIG_BLOCK, NULL, &set);
        sigaction(SIGUSR1, NULL, &sa);
        if (!sigismember(&set, SIGUSR2) || sigismember(&set, SIGTERM) || sa.sa_handler != SIG_IGN)
            return 1;
        sigaction(SIGHUP, NULL, &sa);
        return sa.sa_handler != SIG_DFL;
    }
    if (!strcmp(what, "fds"))
        return open("/dev/null", O_RDONLY) != 3;
    if (argc > 2 && strstr(argv[1], "script"))          /* ./me ARG SCRIPT more */
        return strcmp((char *)getauxval(AT_EXECFN), argv[1]) ? 51 : 50;
    return 99;
}

static int run(char *const argv[], char *const envp[])
{
    pid_t p = fork();

    if (!p) {
        execve(self, argv, envp);
        _exit(100);
    }
    return wait_for(p);
}

static void execs(void)
{
    char *env[] = { "LD_PRELOAD=/nowhere.so", "A=b,c", NULL };
    char link[64];

    CHECK(run((char *[]){ "x", "exit", "42", NULL }, environ) == 42);
    CHECK(run((char *[]){ "other name", "name", "other name", NULL }, environ) == 0);
    CHECK(run((char *[]){ self, "env", NULL }, env) == 0);
    CHECK(run((char *[]){ self, "args", "", "a b", "-strace", NULL }, NULL) == 0);
    CHECK(run((char *[]){ self, "fds", NULL }, environ) == 0);
    pid_t p = fork();
    if (!p)
        execl("/proc/self/exe", "x", "exit", "43", NULL);
    CHECK(wait_for(p) == 43);
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    p = fork();
    if (!p)
        fexecve(fd, (char *[]){ "x", "exit", "44", NULL }, environ);
    CHECK(wait_for(p) == 44);
    close(fd);
    CHECK(execl("/nonexistent", "x", NULL) == -1 && errno == ENOENT);
    CHECK(execl("/tmp", "x", NULL) == -1 && errno == EACCES);
    CHECK(execve(self, (char **)8, environ) == -1 && errno == EFAULT);
    /* the host's own programs run as they are */
    p = fork();
    if (!p)
        execl("/bin/sh", "sh", "-c", "exit 45", NULL);
    CHECK(wait_for(p) == 45);
    ssize_t n = readlink("/proc/self/exe", link, sizeof link - 1);
    CHECK(n > 0);
    link[n] = 0;
    CHECK(!strcmp(link, self));
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    CHECK(f && fputs(text, f) >= 0 && !fclose(f) && !chmod(path, 0755));
}

static void scripts(void)
{
    char path[128], text[PATH_MAX + 32];
    pid_t p;

    snprintf(path, sizeof path, "%s/a", dir);
    snprintf(text, sizeof text, "#! %s  exit\n", self);
    put(path, text);
    p = fork();
    if (!p)
        execl(path, "name", "46", NULL);       /* self "exit" PATH "46": the path is no number */
    CHECK(wait_for(p) == 0);
    snprintf(path, sizeof path, "%s/script", dir);
    snprintf(text, sizeof text, "#!%s\n", self);
    put(path, text);
    p = fork();
    if (!p)
        execl(path, "name", "more", NULL);
    CHECK(wait_for(p) == 50);
    put(path, "#!/bin/sh\nexit 47\n");
    p = fork();
    if (!p)
        execl(path, "name", NULL);
    CHECK(wait_for(p) == 47);
    put(path, "no format\n");
    CHECK(execl(path, "name", NULL) == -1 && errno == ENOEXEC);
}

static void vforks(void)
{
    volatile int shared = 1;
    pid_t p = vfork();

    if (!p) {
        shared = 2;
        execl("/nonexistent", "x", NULL);
        shared = errno == ENOENT ? 3 : 4;
        _exit(48);
    }
    CHECK(wait_for(p) == 48 && shared == 3);
    CHECK(posix_spawn(&p, "/nonexistent", NULL, NULL, (char *[]){ "x", NULL }, environ) == ENOENT);
    for (int i = 0; i < 20; i++) {
        CHECK(!posix_spawn(&p, self, NULL, NULL, (char *[]){ "x", "exit", "49", NULL }, environ));
        CHECK(wait_for(p) == 49);
    }
    CHECK(WEXITSTATUS(system("exit 3")) == 3);
    FILE *f = popen("echo hello", "r");
    char line[32];
    CHECK(f && fgets(line, sizeof line, f) && !strcmp(line, "hello\n") && pclose(f) == 0);
}

static void nothing(int s) { (void)s; }

static void masks_survive(void)
{
    sigset_t set, old;
    int st;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_SETMASK, &set, &old);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGHUP, nothing);
    st = run((char *[]){ "x", "masks", NULL }, environ);
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    CHECK(st == 0);
}

static void children(void)
{
    siginfo_t si;
    struct rusage ru;
    pid_t p = fork();
    int st;

    if (!p)
        _exit(12);
    CHECK(!waitid(P_PID, p, &si, WEXITED | WNOWAIT) && si.si_pid == p && si.si_status == 12 && si.si_code == CLD_EXITED);
    CHECK(wait4(p, &st, 0, &ru) == p && WEXITSTATUS(st) == 12);
    CHECK(wait4(-1, &st, WNOHANG, NULL) == -1 && errno == ECHILD);
    p = fork();
    if (!p)
        raise(SIGSTOP), _exit(13);
    CHECK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
    kill(p, SIGCONT);
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 13);
}

static void identity(char **argv)
{
    struct utsname u;
    char buf[4096], name[16];
    FILE *f = fopen("/proc/self/cmdline", "r");
    size_t n = fread(buf, 1, sizeof buf, f);

    fclose(f);
    CHECK(n == strlen(argv[0]) + 1 && !strcmp(buf, argv[0]));
    CHECK(!uname(&u) && !strcmp(u.machine, MACHINE) && !strcmp(u.sysname, "Linux"));
    CHECK(!prctl(PR_GET_NAME, name) && !strncmp(name, "process", 7));
    CHECK(!prctl(PR_SET_NAME, "a longer name than fits") && !prctl(PR_GET_NAME, name) && !strcmp(name, "a longer name t"));
    f = fopen("/proc/cpuinfo", "r");
    CHECK(f);
    n = fread(buf, 1, sizeof buf - 1, f);
    buf[n] = 0;
#ifdef __riscv
    CHECK(strstr(buf, "rv64i"));
#else
    CHECK(strstr(buf, "CPU implementer"));
#endif
    fclose(f);
    f = fopen("/proc/self/stat", "r");
    CHECK(f && fgets(buf, sizeof buf, f) && atoi(buf) == getpid());
    fclose(f);
    struct rlimit rl;
    CHECK(!getrlimit(RLIMIT_STACK, &rl));
    rl.rlim_cur = 1 << 20;
    CHECK(!setrlimit(RLIMIT_STACK, &rl) && !getrlimit(RLIMIT_STACK, &rl) && rl.rlim_cur == 1 << 20);
}

int main(int argc, char **argv)
{
    char path[128];

    if (argc > 1)
        return child_main(argc, argv);
    CHECK(realpath(argv[0], self) && mkdtemp(dir));
    identity(argv);
    execs();
    scripts();
    vforks();
    masks_survive();
    children();
    snprintf(path, sizeof path, "%s/a", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/script", dir);
    unlink(path);
    rmdir(dir);
    return 0;
}
