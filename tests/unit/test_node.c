/* SPDX-License-Identifier: MIT */
#include "files/node.h"

#include <errno.h>

#include "test.h"

/* The root is the 1 that FUSE wants it to be. */
static void test_node_root_is_one(void **state)
{
    uint64_t ino = 0;

    (void)state;
    assert_int_equal(
        node_pack((struct node){.kind = NODE_ROOT, .number = 0}, &ino), 0);
    assert_int_equal(ino, 1);
}

/* Every kind with every number comes back as it went in, never as 0. */
static void test_node_packed_unpacks_to_itself(void **state)
{
    static const uint64_t numbers[] = {
        0, 1, 63, 64, 1ULL << 40, NODE_NUMBER_MAX - 1, NODE_NUMBER_MAX};

    (void)state;
    for (int kind = NODE_ROOT; kind < NODE_KINDS; kind++)
        for (size_t i = 0; i < COUNT(numbers); i++) {
            struct node node = {.kind = (enum node_kind)kind,
                                .number = numbers[i]};
            struct node back = {.kind = NODE_ROOT, .number = 7};
            uint64_t ino = 0;

            assert_int_equal(node_pack(node, &ino), 0);
            assert_int_not_equal(ino, 0);
            assert_int_equal(node_unpack(ino, &back), 0);
            assert_int_equal(back.kind, node.kind);
            assert_int_equal(back.number, node.number);
        }
}

/* Every number that unpacks packs to itself, and the others are refused. */
static void test_node_unpacked_packs_to_itself(void **state)
{
    (void)state;
    for (uint64_t ino = 0; ino < 4096; ino++) {
        struct node node = {.kind = NODE_ROOT, .number = 7};
        uint64_t back = 0;
        uint64_t kind = ino & 63;

        if (kind == 0 || kind >= NODE_KINDS) {
            assert_int_equal(node_unpack(ino, &node), -ESTALE);
            assert_int_equal(node.number, 7);
            continue;
        }
        assert_int_equal(node_unpack(ino, &node), 0);
        assert_int_equal(node_pack(node, &back), 0);
        assert_int_equal(back, ino);
    }
}

/* Which look-up it was comes back too, of numbers that leave room for it. */
static void test_node_of_a_look_unpacks_to_itself(void **state)
{
    static const uint64_t numbers[] = {0, 1, 12345, (1ULL << 38) - 1};
    static const uint32_t looks[] = {1, 2, 4095, NODE_LOOK_MAX};
    struct node node = {.kind = NODE_LOG, .number = 1ULL << 38, .look = 5};
    struct node back;
    uint64_t ino;

    (void)state;
    assert_int_equal(node_pack(node, &ino), 0);
    assert_int_equal(node_unpack(ino, &back), 0);
    assert_int_equal(back.number, node.number);
    assert_int_equal(back.look, 0);
    for (size_t i = 0; i < COUNT(numbers); i++)
        for (size_t k = 0; k < COUNT(looks); k++) {
            node.number = numbers[i];
            node.look = looks[k];
            assert_int_equal(node_pack(node, &ino), 0);
            assert_int_equal(node_unpack(ino, &back), 0);
            assert_true(node_same(node, back));
        }
    assert_int_equal(node_unpack(UINT64_C(1) << 63 | NODE_LOG, &back), -ESTALE);
}

/* A number that does not fit is refused, not cut. */
static void test_node_large_number_is_eoverflow(void **state)
{
    uint64_t ino = 99;

    (void)state;
    assert_int_equal(node_pack((struct node){.kind = NODE_RECORD,
                                             .number = NODE_NUMBER_MAX + 1},
                               &ino),
                     -EOVERFLOW);
    assert_int_equal(
        node_pack((struct node){.kind = NODE_LOG, .number = UINT64_MAX}, &ino),
        -EOVERFLOW);
    assert_int_equal(ino, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_root_is_one),
        cmocka_unit_test(test_node_packed_unpacks_to_itself),
        cmocka_unit_test(test_node_of_a_look_unpacks_to_itself),
        cmocka_unit_test(test_node_unpacked_packs_to_itself),
        cmocka_unit_test(test_node_large_number_is_eoverflow),
    };

    return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
