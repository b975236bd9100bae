/* core/base/port_owner.c - /proc/net says which socket, /proc/PID/fd whose it is. */
#include "core/base/port_owner.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "core/base/str.h"

/* The inode of the socket that is bound to a port in one of the tables; 0 if there is none. */
static unsigned long inode_in(const char *table, unsigned port)
{
    FILE *f = fopen(table, "re");
    char line[512];
    unsigned long inode = 0;

    if (!f)
        return 0;
    while (!inode && fgets(line, sizeof(line), f)) {
        unsigned local, remote;
        unsigned long found;

        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %*x %*x:%*x %*x:%*x %*x %*u %*u %lu", &local, &remote,
                   &found) == 3 && local == port && remote == 0)
            inode = found;
    }
    fclose(f);
    return inode;
}

static bool holds(const char *pid, const char *socket)
{
    char path[300], target[64];
    DIR *d;
    struct dirent *e;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    d = opendir(path);
    while (d && !found && (e = readdir(d))) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, e->d_name);
        n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = 0;
        found = str_eq(target, socket);
    }
    if (d)
        closedir(d);
    return found;
}

const char *port_owner(unsigned port, bool udp, char *buf, size_t room)
{
    unsigned long inode = inode_in(udp ? "/proc/net/udp" : "/proc/net/tcp", port);
    char socket[40], path[300], name[64] = "";
    DIR *proc = NULL;
    struct dirent *e;

    buf[0] = 0;
    if (!inode)
        inode = inode_in(udp ? "/proc/net/udp6" : "/proc/net/tcp6", port);
    if (inode)
        proc = opendir("/proc");
    snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
    while (proc && !buf[0] && (e = readdir(proc))) {
        FILE *f;

        if (e->d_name[0] < '0' || e->d_name[0] > '9' || !holds(e->d_name, socket))
            continue;
        snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
        f = fopen(path, "re");
        if (f && fgets(name, sizeof(name), f))
            name[strcspn(name, "\n")] = 0;
        if (f)
            fclose(f);
        snprintf(buf, room, " by %s (pid %.20s)", name, e->d_name);
    }
    if (proc)
        closedir(proc);
    return buf;
}
