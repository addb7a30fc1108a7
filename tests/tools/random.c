/* SPDX-License-Identifier: MIT */
/*
 * random - does as it likes, and knows what the log must be afterwards.
 *
 *     random MOUNT UID SEED COUNT MAX_RECORD LOG
 *
 * Becomes the user UID and does COUNT things to the mount, which must be the
 * only one to write to it: opens doors, writes lines and pieces of lines to
 * them, syncs, duplicates, closes, reads records and the log anywhere, lists,
 * and tries what must be refused. Each answer is compared with what its own
 * model says. At the end it closes everything, writes the whole log as it must
 * be to LOG, and prints how many records that are. Exit status 1, with the
 * seed and the step, at the first answer that is not as it should be.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FILES     8
#define PIECE_MAX 9000
#define HELD_MAX  65536
#define ROOM      ((size_t)1 << 30)

/* A door that is open: what it holds, and how many descriptors it has. */
struct door {
    int fds[2]; /* -1: closed */
    bool lines;
    bool synced; /* O_DSYNC */
    char *held;
    size_t held_size;
};

static uint64_t state;
static unsigned long seed, step;
static size_t max_record;

/* The model: the log's bytes, and where each record ends. */
static char *bytes;
static size_t size;
static size_t *ends;
static size_t count, capacity;

static struct door doors[FILES];
static char piece[PIECE_MAX];
static char buffer[1 << 16];

__attribute__((format(printf, 1, 2))) static _Noreturn void die(
    const char *format, ...)
{
    va_list args;

    fprintf(stderr, "random: seed %lu, step %lu: ", seed, step);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (%s)\n", strerror(errno));
    exit(1);
}

/* In [0, below). */
static size_t chance(size_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state >> 11) % below;
}

static void expect(const char *what, long got, int error)
{
    int found = got < 0 ? errno : 0;

    if (found != error)
        die("%s: errno %d, not %d", what, found, error);
}

static size_t start_of(size_t record)
{
    return record == 0 ? 0 : ends[record - 1];
}

static void add_record(const char *data, size_t length)
{
    if (size + length > ROOM)
        die("too much for one run");
    if (count == capacity) {
        capacity = capacity == 0 ? 1024 : 2 * capacity;
        ends = reallocarray(ends, capacity, sizeof(ends[0]));
        if (!ends)
            die("memory");
    }
    memcpy(bytes + size, data, length);
    size += length;
    ends[count++] = size;
}

static void end_line(struct door *door)
{
    if (door->held_size > 0)
        add_record(door->held, door->held_size);
    door->held_size = 0;
}

/* Whether a line of data, with what is held before it, is too long. */
static bool too_long(const struct door *door, const char *data, size_t length)
{
    size_t line = door->held_size;

    for (size_t i = 0; i < length; i++) {
        line++;
        if (line > max_record)
            return true;
        if (data[i] == '\n')
            line = 0;
    }
    return false;
}

static void model_lines(struct door *door, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        door->held[door->held_size++] = data[i];
        if (data[i] == '\n')
            end_line(door);
    }
    if (door->synced)
        end_line(door);
}

/* What the write must answer; the model has it then. */
static int model_write(struct door *door, const char *data, size_t length)
{
    if (!door->lines && length > max_record)
        return EMSGSIZE;
    if (!door->lines) {
        if (length > 0)
            add_record(data, length);
        return 0;
    }
    if (too_long(door, data, length)) {
        end_line(door);
        return EMSGSIZE;
    }
    model_lines(door, data, length);
    return 0;
}

static size_t make_piece(void)
{
    size_t length = chance(8) == 0 ? chance(PIECE_MAX) : chance(60);
    size_t newlines = 15 + chance(4) * 60;

    for (size_t i = 0; i < length; i++)
        ((unsigned char *)piece)[i] =
            chance(newlines) == 0 ? '\n' : (unsigned char)chance(256);
    return length;
}

static struct door *any_door(void)
{
    return &doors[chance(FILES)];
}

static void do_open(void)
{
    struct door *door = any_door();
    int flags = O_WRONLY | O_CLOEXEC;

    if (door->fds[0] >= 0 || door->fds[1] >= 0)
        return;
    door->lines = chance(3) > 0;
    door->synced = chance(6) == 0;
    flags |= chance(2) ? O_APPEND : 0;
    flags |= chance(3) ? 0 : O_TRUNC;
    flags |= chance(3) ? 0 : O_CREAT;
    flags |= door->synced ? O_DSYNC : 0;
    door->fds[0] = open(door->lines ? "append" : "put", flags, 0600);
    if (door->fds[0] < 0)
        die("opening a door");
}

static int any_fd(const struct door *door)
{
    return door->fds[0] >= 0 ? door->fds[0] : door->fds[1];
}

static void do_write(void)
{
    struct door *door = any_door();
    int fd = any_fd(door);
    size_t length;
    int want;

    if (fd < 0)
        return;
    length = make_piece();
    want = model_write(door, piece, length);
    if (chance(4) == 0) {
        struct iovec parts[2] = {{piece, length / 3},
                                 {piece + length / 3, length - length / 3}};

        expect("writev", writev(fd, parts, 2), want);
    } else if (chance(4) == 0) {
        expect("pwrite", pwrite(fd, piece, length, (off_t)chance(9999)), want);
    } else {
        expect("write", write(fd, piece, length), want);
    }
}

static void do_close(void)
{
    struct door *door = any_door();
    size_t i = chance(2);

    if (door->fds[i] < 0)
        return;
    expect("close", close(door->fds[i]), 0);
    door->fds[i] = -1;
    if (any_fd(door) < 0)
        end_line(door);
}

static void do_duplicate(void)
{
    struct door *door = any_door();

    if (door->fds[0] >= 0 && door->fds[1] < 0)
        door->fds[1] = fcntl(door->fds[0], F_DUPFD_CLOEXEC, 3);
}

static void do_sync(void)
{
    struct door *door = any_door();
    int fd = any_fd(door);

    if (fd < 0)
        return;
    end_line(door);
    expect("fsync", chance(2) ? fsync(fd) : fdatasync(fd), 0);
}

/* What a door takes and makes nothing of. */
static void do_nothing(void)
{
    int fd = any_fd(any_door());

    if (fd < 0)
        return;
    expect("ftruncate", ftruncate(fd, (off_t)chance(10000)), 0);
    expect("futimens", futimens(fd, NULL), 0);
    expect("fallocate", fallocate(fd, 0, 0, 100), ESPIPE);
    expect("fchmod", fchmod(fd, 0200), 0);
    expect("fsetxattr", fsetxattr(fd, "user.x", "x", 1, 0), EOPNOTSUPP);
    if (lseek(fd, (off_t)chance(100), SEEK_SET) < 0)
        die("lseek");
}

static void compare(const char *what, int fd, size_t position, size_t from,
                    size_t length)
{
    ssize_t n = pread(fd, buffer, length, (off_t)position);

    if (n < 0 || (size_t)n != length)
        die("%s: %zd bytes at %zu, not %zu", what, n, position, length);
    if (memcmp(buffer, bytes + from, length) != 0)
        die("%s: wrong bytes at %zu", what, position);
}

static void do_read_record(void)
{
    size_t record = chance(count + 1);
    struct stat st;
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "records/%zu", record);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    expect(path, fd, record == count ? ENOENT : 0);
    if (fd < 0)
        return;
    size_t length = ends[record] - start_of(record);
    if (fstat(fd, &st) < 0 || (size_t)st.st_size != length)
        die("%s: %zu bytes, not %zu", path, (size_t)st.st_size, length);
    compare(path, fd, 0, start_of(record), length);
    close(fd);
}

static void do_read_log(void)
{
    size_t from = chance(size + 1);
    size_t length = chance(sizeof(buffer));
    int fd = open("log", O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (length > size - from)
        length = size - from;
    if (fd < 0 || fstat(fd, &st) < 0)
        die("log");
    if ((size_t)st.st_size != size)
        die("log: %zu bytes, not %zu", (size_t)st.st_size, size);
    compare("log", fd, from, from, length);
    close(fd);
}

static void do_follow_links(void)
{
    char want[64];
    char target[64] = "";
    ssize_t n = readlink("last", target, sizeof(target) - 1);

    expect("last", n, count == 0 ? ENOENT : 0);
    snprintf(want, sizeof(want), "records/%zu", count - 1);
    if (count > 0 && strcmp(target, want) != 0)
        die("last leads to %s, not %s", target, want);
}

/* Some of a listing, from anywhere. */
static void do_list(void)
{
    DIR *dir = opendir("records");
    size_t next = 0;

    if (!dir)
        die("records");
    for (int i = 0; i < 40; i++) {
        const struct dirent *entry = readdir(dir);

        if (!entry && next < count)
            die("records: ends at %zu", next);
        if (!entry)
            break;
        if (entry->d_name[0] == '.')
            continue;
        if (strtoull(entry->d_name, NULL, 10) != next++)
            die("records: %s, not %zu", entry->d_name, next - 1);
    }
    closedir(dir);
}

static void do_attribute(void)
{
    size_t record = chance(count + 1);
    char path[64];
    char value[64] = "";
    ssize_t n;

    snprintf(path, sizeof(path), "records/%zu", record);
    n = getxattr(path, "user.clog.offset", value, sizeof(value) - 1);
    expect("getxattr", n, record == count ? ENOENT : 0);
    if (n >= 0 && strtoull(value, NULL, 10) != record)
        die("%s says it is %s", path, value);
}

static void do_space(void)
{
    struct statvfs space;

    if (statvfs(".", &space) < 0)
        die("statvfs");
    if (space.f_files - space.f_ffree != count)
        die("%lu records in use", (unsigned long)space.f_files);
}

/* Names that are there, and some that are not. */
static const char *any_name(void)
{
    static const char *const names[] = {
        "append",       "put",
        "log",          "status",
        "metrics.prom", "first",
        "segments",     "records/0",
        "new",          "records/00",
        "cursors",      "records/99999",
        "records/abc",  "segments/00000000000000000000/store",
    };

    return names[chance(sizeof(names) / sizeof(names[0]))];
}

/*
 * None of it may be done; which error it is, others test. Only the record that
 * is next could be made.
 */
static void do_forbidden(void)
{
    if (count == 0 || count == 99999)
        return;

    const char *name = any_name();
    const char *other = any_name();
    long results[] = {
        unlink(name),
        rmdir(name),
        mkdir(name, 0700),
        symlink(name, other),
        link(name, other),
        strcmp(name, other) == 0 ? -1 : rename(name, other),
        mknod(name, S_IFREG | 0600, 0),
        chmod(name, 0777),
        chown(name, 1, 1),
        setxattr(name, "user.clog.offset", "1", 1, 0),
        open(name, O_RDWR | O_TRUNC | O_CLOEXEC),
        open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
        truncate("log", (off_t)chance(100)),
        truncate("records/0", 0),
        open("append", O_RDONLY | O_CLOEXEC),
        open("log", O_WRONLY | O_CLOEXEC),
    };

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i] >= 0)
            die("%s, %s: thing %zu was done", name, other, i);
    }
}

static void one_step(void)
{
    static void (*const actions[])(void) = {
        do_open,        do_open,         do_write,       do_write,
        do_write,       do_write,        do_write,       do_write,
        do_write,       do_close,        do_close,       do_duplicate,
        do_sync,        do_nothing,      do_read_record, do_read_log,
        do_read_record, do_follow_links, do_list,        do_attribute,
        do_space,       do_forbidden,
    };

    actions[chance(sizeof(actions) / sizeof(actions[0]))]();
}

static void enter(const char *mount, uid_t uid)
{
    if (chdir(mount) < 0)
        die("%s", mount);
    if (uid != geteuid() &&
        (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
         setresuid(uid, uid, uid) < 0))
        die("setuid");
}

static void prepare(void)
{
    bytes = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED || max_record > HELD_MAX)
        die("memory");
    for (size_t i = 0; i < FILES; i++) {
        doors[i] = (struct door){.fds = {-1, -1}, .held = malloc(HELD_MAX)};
        if (!doors[i].held)
            die("memory");
    }
}

static void finish(FILE *log)
{
    for (size_t i = 0; i < FILES; i++) {
        for (int k = 0; k < 2; k++) {
            if (doors[i].fds[k] >= 0)
                close(doors[i].fds[k]);
        }
        end_line(&doors[i]);
        free(doors[i].held);
    }
    if (fwrite(bytes, 1, size, log) != size || fclose(log) != 0)
        die("writing what the log must be");
    printf("%zu\n", count);
    free(ends);
}

int main(int argc, char **argv)
{
    unsigned long steps;
    FILE *log = NULL;

    if (argc != 7)
        die("usage: random MOUNT UID SEED COUNT MAX_RECORD LOG");
    seed = strtoul(argv[3], NULL, 10);
    state = seed * 0x9e3779b97f4a7c15 + 1;
    steps = strtoul(argv[4], NULL, 10);
    max_record = strtoul(argv[5], NULL, 10);
    log = fopen(argv[6], "we");
    if (!log)
        die("%s", argv[6]);
    prepare();
    enter(argv[1], (uid_t)strtoul(argv[2], NULL, 10));
    for (step = 0; step < steps; step++)
        one_step();
    finish(log);
    return 0;
}
