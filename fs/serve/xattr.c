/* SPDX-License-Identifier: MIT */
#include "serve/xattr.h"

#include "serve/tree.h"

#include <errno.h>
#include <string.h>

#define PREFIX "user.clog."

/* Those of node; a list of none where it has none. */
static const struct xattr *list_of(struct node node)
{
    static const struct xattr none[] = {{NULL, NULL}};
    const struct kind *kind = tree_kind(node.kind);

    return kind->xattrs ? kind->xattrs : none;
}

ssize_t xattr_get(struct fs *fs, struct node node, const char *name,
                  unsigned flags, char ret_value[XATTR_MAX])
{
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return -EOPNOTSUPP;
    name += strlen(PREFIX);
    for (const struct xattr *x = list_of(node); x->name; x++) {
        if (strcmp(x->name, name) == 0)
            return x->get(fs, node, flags, ret_value);
    }
    return -ENODATA;
}

ssize_t xattr_list(struct fs *fs, struct node node, unsigned flags,
                   char ret_names[XATTR_MAX])
{
    char value[XATTR_MAX];
    size_t used = 0;

    for (const struct xattr *x = list_of(node); x->name; x++) {
        ssize_t n = x->get(fs, node, flags, value);

        if (n < 0 && n != -ENODATA)
            return n;
        if (n >= 0)
            used += 1 + (size_t)snprintf(ret_names + used, XATTR_MAX - used,
                                         PREFIX "%s", x->name);
    }
    return (ssize_t)used;
}
