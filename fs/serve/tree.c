/* SPDX-License-Identifier: MIT */
#include "serve/tree.h"

#include "files/handle.h"
#include "files/mount.h"
#include "files/text.h"

#include <errno.h>
#include <string.h>

static const struct kind *const kinds[NODE_KINDS] = {
#define KIND_ROW(NAME, name) [NODE_##NAME] = &name##_kind,
    NODE_LIST(KIND_ROW)
#undef KIND_ROW
};

const struct kind *tree_kind(enum node_kind kind)
{
    return kinds[kind];
}

/* Whether dir is a directory of fixed names, and kind one of them. */
static bool has_name(struct node dir, enum node_kind kind)
{
    return kinds[kind]->name && kinds[kind]->parent == dir.kind;
}

/* The node that a fixed name of dir stands for now. */
static int name_node(struct fs *fs, struct node dir, enum node_kind kind,
                     unsigned flags, struct node *ret_node)
{
    uint64_t number = dir.number;
    int r =
        kinds[kind]->number ? kinds[kind]->number(fs, dir, flags, &number) : 0;

    if (r == 0)
        *ret_node = (struct node){.kind = kind, .number = number};
    return r;
}

static int look_name_up(struct fs *fs, struct node dir, const char *name,
                        unsigned flags, struct node *ret_node)
{
    for (enum node_kind kind = NODE_ROOT; kind < NODE_KINDS; kind++) {
        if (has_name(dir, kind) && strcmp(name, kinds[kind]->name) == 0)
            return name_node(fs, dir, kind, flags, ret_node);
    }
    return -ENOENT;
}

/* A cookie is the kind that comes next; a name that is not there now is left
   out. */
static int list_names(struct fs *fs, struct node dir, uint64_t cookie,
                      unsigned flags, struct entry *ret_entry)
{
    for (; cookie < NODE_KINDS; cookie++) {
        enum node_kind kind = (enum node_kind)cookie;
        int r = -ENOENT;

        if (cookie >= NODE_ROOT && has_name(dir, kind) && !kinds[kind]->hidden)
            r = name_node(fs, dir, kind, flags, &ret_entry->node);
        if (r == -ENOENT)
            continue;
        if (r < 0)
            return r;
        strcpy(ret_entry->name, kinds[kind]->name);
        ret_entry->cookie = cookie + 1;
        return 1;
    }
    return 0;
}

int tree_lookup(struct fs *fs, struct node dir, const char *name,
                unsigned flags, struct node *ret_node)
{
    const struct kind *kind = tree_kind(dir.kind);

    if (!S_ISDIR(kind->mode))
        return -ENOTDIR;
    return (kind->lookup ? kind->lookup : look_name_up)(fs, dir, name, flags,
                                                        ret_node);
}

/* What follows from the rest: a file has no holes, a link's size is its
   target's. */
static int complete(struct fs *fs, struct node node, struct stat *stat)
{
    const struct kind *kind = tree_kind(node.kind);
    char target[ENTRY_NAME];
    int r = kind->target ? kind->target(fs, node, target) : 0;

    if (r < 0)
        return r;
    if (kind->target)
        stat->st_size = (off_t)strlen(target);
    else
        stat->st_blocks = (stat->st_size + 511) / 512;
    return 0;
}

uint64_t tree_ino(struct node node)
{
    uint64_t ino = 0;

    node.look = 0;
    node_pack(node, &ino);
    return ino;
}

static bool is_apart(struct fs *fs, struct node node)
{
    const struct kind *kind = tree_kind(node.kind);

    return kind->apart && kind->apart(fs, node);
}

struct node tree_look(struct fs *fs, struct node node)
{
    return is_apart(fs, node) ? handle_look(fs, node) : node;
}

/* What kind says of node. */
static int ask(struct fs *fs, struct node node, unsigned flags,
               struct attr *attr)
{
    const struct kind *kind = tree_kind(node.kind);

    if (kind->text)
        return text_attr(fs, kind, node, attr);
    return kind->attr ? kind->attr(fs, node, flags, attr) : 0;
}

int tree_attr(struct fs *fs, struct node node, unsigned flags,
              struct attr *ret_attr)
{
    const struct kind *kind = tree_kind(node.kind);
    const struct options *options = fs->options;
    struct attr attr = {.timeout = ATTR_DAY, .entry_timeout = ATTR_DAY};
    struct stat *stat = &attr.stat;
    int r;

    stat->st_ino = tree_ino(node);
    stat->st_mode = kind->mode;
    if (!S_ISLNK(kind->mode))
        stat->st_mode &= ~(mode_t)options->umask;
    stat->st_nlink = S_ISDIR(kind->mode) ? 2 : 1;
    stat->st_uid = (uid_t)options->uid;
    stat->st_gid = (gid_t)options->gid;
    stat->st_blksize = S_ISREG(kind->mode) ? 1 << 20 : 4096;
    attr_set_time(&attr, fs->started_ns);
    if (kind->watched)
        fs->watched_cached = true; /* before looking: an append is after it */
    r = ask(fs, node, flags, &attr);
    if (is_apart(fs, node))
        attr.entry_timeout = 0;
    if (r == 0)
        r = complete(fs, node, stat);
    if (r < 0)
        return r;
    *ret_attr = attr;
    return 0;
}

static void dot(struct entry *entry, const char *name, struct node node,
                uint64_t cookie)
{
    strcpy(entry->name, name);
    entry->node = node;
    entry->cookie = cookie;
}

/* Cookies 0 and 1 are "." and "..", the directory's own begin at 2. */
int tree_list(struct fs *fs, struct node dir, uint64_t cookie, unsigned flags,
              struct entry *ret_entry)
{
    const struct kind *kind = tree_kind(dir.kind);
    int r = 1;

    if (!S_ISDIR(kind->mode))
        return -ENOTDIR;
    if (cookie == 0) {
        dot(ret_entry, ".", dir, 1);
    } else if (cookie == 1) {
        dot(ret_entry, "..", (struct node){.kind = kind->parent, .number = 0},
            2);
    } else {
        r = (kind->list ? kind->list : list_names)(fs, dir, cookie - 2, flags,
                                                   ret_entry);
        ret_entry->cookie += 2;
    }
    return r;
}

int tree_target(struct fs *fs, struct node node, char ret_target[ENTRY_NAME])
{
    const struct kind *kind = tree_kind(node.kind);

    return kind->target ? kind->target(fs, node, ret_target) : -EINVAL;
}

int tree_create(struct fs *fs, struct node dir, const char *name,
                struct node *ret_node)
{
    const struct kind *kind = tree_kind(dir.kind);

    return kind->create ? kind->create(fs, name, ret_node) : -EPERM;
}
