/* SPDX-License-Identifier: MIT */
#include "files/node.h"

#include <errno.h>

_Static_assert(NODE_KINDS <= 1 << NODE_KIND_BITS, "a kind must fit its bits");
_Static_assert(NODE_ROOT == 1, "FUSE_ROOT_ID is 1");

#define LOOKED     (UINT64_C(1) << 63)
#define LOOK_SHIFT (63 - NODE_LOOK_BITS)
#define SMALL_MAX  ((UINT64_C(1) << (LOOK_SHIFT - NODE_KIND_BITS)) - 1)

int node_pack(struct node node, uint64_t *ret_ino)
{
    uint64_t look = 0;

    if (node.number > NODE_NUMBER_MAX)
        return -EOVERFLOW;
    if (node.look > 0 && node.number <= SMALL_MAX)
        look = LOOKED | (uint64_t)node.look << LOOK_SHIFT;
    *ret_ino = look | node.number << NODE_KIND_BITS | (uint64_t)node.kind;
    return 0;
}

int node_unpack(uint64_t ino, struct node *ret_node)
{
    struct node node = {
        .kind = (enum node_kind)(ino & ((UINT64_C(1) << NODE_KIND_BITS) - 1)),
        .number = ino >> NODE_KIND_BITS,
    };

    if (node.kind < NODE_ROOT || node.kind >= NODE_KINDS)
        return -ESTALE;
    if ((ino & LOOKED) != 0) {
        node.look = (uint32_t)(ino >> LOOK_SHIFT) & NODE_LOOK_MAX;
        node.number &= SMALL_MAX;
        if (node.look == 0)
            return -ESTALE;
    }
    *ret_node = node;
    return 0;
}

bool node_same(struct node a, struct node b)
{
    return a.kind == b.kind && a.number == b.number && a.look == b.look;
}
