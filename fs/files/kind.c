/* SPDX-License-Identifier: MIT */
#include "files/kind.h"

#include <errno.h>

bool apart_always(struct fs *fs, struct node node)
{
    (void)fs;
    (void)node;
    return true;
}

void attr_set_time(struct attr *attr, uint64_t time_ns)
{
    struct timespec time = {
        .tv_sec = (time_t)(time_ns / 1000000000),
        .tv_nsec = (long)(time_ns % 1000000000),
    };

    attr->stat.st_atim = time;
    attr->stat.st_mtim = time;
    attr->stat.st_ctim = time;
}

int name_number(const char *name, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (name[0] == '\0' || (name[0] == '0' && name[1] != '\0'))
        return -ENOENT;
    for (; *name != '\0'; name++) {
        if (*name < '0' || *name > '9' ||
            __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*name - '0'), &number))
            return -ENOENT;
    }
    *ret_number = number;
    return 0;
}
