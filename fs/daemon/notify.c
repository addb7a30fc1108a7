/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"

#include "daemon/message.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

static int manager = -1;

/* A path, or a name without one, which begins with @ where NUL is meant. */
static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int fd;

    if ((*name != '/' && *name != '@') || length >= sizeof(address.sun_path))
        return -EINVAL;
    memcpy(address.sun_path, name, length);
    if (*name == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    length += offsetof(struct sockaddr_un, sun_path);
    if (connect(fd, (struct sockaddr *)&address, (socklen_t)length) < 0) {
        int error = errno;

        (void)close(fd);
        return -error;
    }
    return fd;
}

void notify_connect(void)
{
    const char *name = getenv("NOTIFY_SOCKET");

    if (!name)
        return;
    manager = connect_to(name);
    if (manager < 0)
        message(LOG_WARNING, "NOTIFY_SOCKET %s: %s", name, strerror(-manager));
}

void notify(const char *lines)
{
    if (manager >= 0)
        (void)send(manager, lines, strlen(lines), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void notify_progress(const char *what, uint64_t done, uint64_t total)
{
    static unsigned sent = UINT_MAX;
    unsigned percent;
    char line[128];

    if (manager < 0 || total == 0 || done > total)
        return;
    percent = (unsigned)((double)done / (double)total * 100);
    if (percent == sent)
        return;
    sent = percent;
    (void)snprintf(line, sizeof(line), "STATUS=%s: %u%%", what, percent);
    notify(line);
}
