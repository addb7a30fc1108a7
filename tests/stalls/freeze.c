/* SPDX-License-Identifier: MIT */
/*
 * freeze - freezes a filesystem for a time, as a backup of a machine does.
 *
 *     freeze DIRECTORY SECONDS
 *
 * Prints "frozen" when it is; whatever happens to the directory's name
 * meanwhile, it is thawed.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || ioctl(fd, FIFREEZE, 0) < 0) {
        perror("freeze");
        return 1;
    }
    puts("frozen");
    (void)fflush(stdout);
    sleep((unsigned)strtoul(argv[2], NULL, 10));
    if (ioctl(fd, FITHAW, 0) < 0) {
        perror("thaw");
        return 1;
    }
    return 0;
}
