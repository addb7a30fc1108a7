/* SPDX-License-Identifier: MIT */
/*
 * version.c - the file `version`: the daemon's version, and a newline.
 */
#include "files/text.h"

#include "clog.h"

static int print_version(struct fs *fs, struct node node, FILE *file)
{
    (void)fs;
    (void)node;
    fprintf(file, "%s\n", clog_version());
    return 0;
}

const struct kind version_kind = {
    .name = "version",
    .parent = NODE_ROOT,
    .mode = S_IFREG | 0444,
    .text = print_version,
    .open = text_open,
    .close = text_close,
    .read = text_read,
};
