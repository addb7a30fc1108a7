/* SPDX-License-Identifier: MIT */
#include "segment/index.h"

#include "io/bytes.h"

#include <errno.h>

int index_parse(const uint8_t entry[SLOT_SIZE], uint64_t offset,
                uint64_t *ret_position)
{
    if (get_be64(entry) != offset)
        return -EUCLEAN;
    *ret_position = get_be64(entry + 8);
    return 0;
}

int index_get(const struct slots *index, uint64_t base, uint64_t i,
              uint64_t *ret_position)
{
    uint8_t entry[SLOT_SIZE];
    int r = slots_get(index, i, entry);

    return r < 0 ? r : index_parse(entry, base + i, ret_position);
}
