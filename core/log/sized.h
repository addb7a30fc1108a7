/* SPDX-License-Identifier: MIT */
/*
 * sized.h - structs that begin with their own size, and so can grow.
 *
 * The caller and the library may have been built with different versions of
 * clog.h. A struct only ever grows at its end, so that the shorter of two
 * versions is how the longer one begins. The rule is that of openat2(2).
 */
#ifndef CLOG_LOG_SIZED_H
#define CLOG_LOG_SIZED_H

#include <stddef.h>

/*
 * Copies given, which the caller of the library has filled, to *ret of known
 * bytes; what given is too short for is 0 there, and so the default. EINVAL:
 * given's size is less than a size takes. E2BIG: given is longer than known and
 * has other bytes than 0 there, or claims to be longer than any such struct.
 */
int sized_take(const void *given, size_t known, void *ret);

/*
 * Copies own, of known bytes, to *ret, as much of it as ret's size says that
 * there is room for. The size stays, and so does what is longer than known.
 * EINVAL, likewise.
 */
int sized_give(const void *own, size_t known, void *ret);

#endif
