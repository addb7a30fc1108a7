/* SPDX-License-Identifier: MIT */
/*
 * follows.c - linked into `visit`, the log follows links: what the kernel is
 * told not to open through one, it is not told.
 */
#include <fcntl.h>
#include <stdarg.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so. */

int __real_openat64(int dir, const char *name, int flags, ...);
int __wrap_openat64(int dir, const char *name, int flags, ...);

int __wrap_openat64(int dir, const char *name, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    return __real_openat64(dir, name, flags & ~O_NOFOLLOW, mode);
}
/* NOLINTEND(bugprone-reserved-identifier) */
