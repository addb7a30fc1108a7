/* SPDX-License-Identifier: MIT */
#include "files/node.h"

#include <errno.h>

_Static_assert(NODE_KINDS <= 1 << NODE_KIND_BITS, "a kind must fit its bits");
_Static_assert(NODE_ROOT == 1, "FUSE_ROOT_ID is 1");

int node_pack(struct node node, uint64_t *ret_ino)
{
    if (node.number > NODE_NUMBER_MAX)
        return -EOVERFLOW;
    *ret_ino = node.number << NODE_KIND_BITS | (uint64_t)node.kind;
    return 0;
}

int node_unpack(uint64_t ino, struct node *ret_node)
{
    uint64_t kind = ino & ((UINT64_C(1) << NODE_KIND_BITS) - 1);

    if (kind < NODE_ROOT || kind >= NODE_KINDS)
        return -ESTALE;
    ret_node->kind = (enum node_kind)kind;
    ret_node->number = ino >> NODE_KIND_BITS;
    return 0;
}
