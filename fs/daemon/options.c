/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include "daemon/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUSE_USE_VERSION 312
#include <fuse_opt.h>

#include "clog.h"

/* name=NUMBER */
struct number {
    const char *name;
    size_t place; /* of its uint64_t in struct options */
    unsigned base;
    bool sizes;
    uint64_t min;
    uint64_t max;
};

#define PLACE(field) offsetof(struct options, field)

static const struct number numbers[] = {
    {"max_store", PLACE(max_store), 10, true, 1, UINT64_C(1) << 62},
    {"max_index", PLACE(max_index), 10, true, 16, UINT64_C(1) << 40},
    {"max_record", PLACE(max_record), 10, true, 1, CLOG_RECORD_LIMIT},
    {"max_held", PLACE(max_held), 10, true, 1, UINT64_C(1) << 40},
    {"staging", PLACE(staging), 10, true, 0, UINT64_C(64) << 20},
    {"retain_bytes", PLACE(retain_bytes), 10, true, 1, UINT64_C(1) << 62},
    {"retain_records", PLACE(retain_records), 10, false, 4, UINT64_C(1) << 62},
    {"sync", PLACE(sync_seconds), 10, false, 0, 86400},
    {"umask", PLACE(umask), 8, false, 0, 0777},
};

/* name=DURATION; kept in ns. */
static const struct duration {
    const char *name;
    size_t place;
} durations[] = {
    {"retain_age", PLACE(retain_age_ns)},
    {"segment_age", PLACE(segment_age_ns)},
};

/* name=OWNER */
static const struct owner {
    const char *name;
    size_t place;
    int (*find)(const char *text, uint64_t *ret_id);
} owners[] = {
    {"uid", PLACE(uid), options_user},
    {"gid", PLACE(gid), options_group},
};

/* Words that set a bool. */
static const struct flag {
    const char *name;
    size_t place;
    bool value;
} flags[] = {
    {"-f", PLACE(foreground), true},
    {"-d", PLACE(debug), true},
    {"-h", PLACE(help), true},
    {"--help", PLACE(help), true},
    {"-V", PLACE(version), true},
    {"--version", PLACE(version), true},
    {"ro", PLACE(read_only), true},
    {"rw", PLACE(read_only), false},
    {"allow_other", PLACE(allow_other), true},
    {"sync", PLACE(sync_always), true},
    {"async", PLACE(sync_always), false},
    {"sync=always", PLACE(sync_always), true},
    {"full=error", PLACE(drop_oldest), false},
    {"full=drop_oldest", PLACE(drop_oldest), true},
    {"keep_unread", PLACE(keep_unread), true},
    {"damaged=error", PLACE(skip_damaged), false},
    {"damaged=skip", PLACE(skip_damaged), true},
};

/*
 * Words that have no effect: options for mount(8) in an fstab, and options for
 * what a log does not have. -s asks for one receiving thread, which is how it
 * is; mount(8) adds -n and -v.
 */
static const char *const ignored[] = {
    "-s",       "-n",         "-v",          "",
    "defaults", "auto",       "noauto",      "user",
    "nouser",   "users",      "owner",       "group",
    "dev",      "nodev",      "suid",        "nosuid",
    "exec",     "noexec",     "nofail",      "_netdev",
    "atime",    "noatime",    "relatime",    "norelatime",
    "diratime", "nodiratime", "strictatime", "nostrictatime",
    "lazytime", "nolazytime", "silent",      "x-*",
    "X-*",      "comment=*",  "nonempty",    "default_permissions",
    "user=*",   "subtype=*",  "dirsync",
};

/* Options of mount(8) and of other filesystems that would mean something, and
   why they are refused. */
static const struct refusal {
    const char *name; /* a pattern */
    const char *why;
} refused[] = {
    {"remount", "what a mount was made with stays; unmount it and mount anew"},
    {"fsname=*", "a mount is named by its LOGDIR"},
    {"auto_unmount",
     "what a killed daemon leaves is unmounted by the next one; until then "
     "nobody writes into the directory below"},
    {"allow_root", "use allow_other, with umask=077 to keep all but root out"},
    {"nosymfollow", "first, last and at are symbolic links"},
    {"*context=*", "files have no security labels"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The factor of a letter behind a number. */
struct unit {
    char letter;
    uint64_t size;
};

#define SECOND  UINT64_C(1000000000) /* in ns */
#define LONGEST (SECOND * 86400 * 36500)

static const struct unit sizes[] = {
    {'K', UINT64_C(1) << 10}, {'M', UINT64_C(1) << 20},
    {'G', UINT64_C(1) << 30}, {'T', UINT64_C(1) << 40},
    {'P', UINT64_C(1) << 50}, {'\0', 1},
};

static const struct unit ages[] = {
    {'s', SECOND},         {'m', 60 * SECOND},     {'h', 3600 * SECOND},
    {'d', 86400 * SECOND}, {'w', 604800 * SECOND}, {'\0', SECOND},
};

static uint64_t find_unit(const struct unit *units, char letter)
{
    for (; units->letter != '\0'; units++) {
        if (units->letter == letter)
            break;
    }
    return units->letter == letter ? units->size : 0;
}

/* Reads length digits. */
static int whole(const char *text, size_t length, unsigned base,
                 uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < length; i++) {
        if (__builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return -EINVAL;
    }
    if (length == 0)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

/* Reads the digits behind a decimal point as a part of unit, rounded down. */
static uint64_t part_of(uint64_t unit, const char *digits, size_t length)
{
    uint64_t part = 0;

    while (length > 0)
        part = ((uint64_t)(digits[--length] - '0') * unit + part) / 10;
    return part;
}

/* Reads a number with one of units behind it, which a fraction needs. */
static int measure(const char *text, const struct unit *units,
                   uint64_t *ret_number)
{
    static const char digits[] = "0123456789";
    size_t length = strspn(text, digits);
    size_t point = text[length] == '.' ? strspn(text + length + 1, digits) : 0;
    const char *end = text + length + (point > 0 ? 1 + point : 0);
    uint64_t unit = find_unit(units, *end);
    uint64_t number;

    if (unit == 0 || (*end != '\0' && end[1] != '\0') ||
        (*end == '\0' && point > 0))
        return -EINVAL;
    if (whole(text, length, 10, &number) < 0 ||
        __builtin_mul_overflow(number, unit, &number) ||
        __builtin_add_overflow(number, part_of(unit, end - point, point),
                               &number))
        return -EINVAL;
    *ret_number = number;
    return 0;
}

int options_number(const char *text, unsigned base, bool sized, uint64_t min,
                   uint64_t max, uint64_t *ret_number)
{
    size_t length = strspn(text, base == 8 ? "01234567" : "0123456789");
    uint64_t number;
    int r;

    if (sized)
        r = measure(text, sizes, &number);
    else
        r = text[length] == '\0' ? whole(text, length, base, &number) : -EINVAL;
    if (r < 0 || number < min || number > max)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

int options_duration(const char *text, uint64_t *ret_ns)
{
    uint64_t ns;

    if (measure(text, ages, &ns) < 0 || ns < SECOND || ns > LONGEST)
        return -EINVAL;
    *ret_ns = ns;
    return 0;
}

int options_user(const char *text, uint64_t *ret_uid)
{
    const struct passwd *user;

    if (options_number(text, 10, false, 0, UINT32_MAX - 1, ret_uid) == 0)
        return 0;
    user = getpwnam(text);
    if (!user)
        return -EINVAL;
    *ret_uid = user->pw_uid;
    return 0;
}

int options_group(const char *text, uint64_t *ret_gid)
{
    const struct group *group;

    if (options_number(text, 10, false, 0, UINT32_MAX - 1, ret_gid) == 0)
        return 0;
    group = getgrnam(text);
    if (!group)
        return -EINVAL;
    *ret_gid = group->gr_gid;
    return 0;
}

static bool set_flag(struct options *options, const char *word)
{
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (strcmp(word, flags[i].name) == 0) {
            *(bool *)((char *)options + flags[i].place) = flags[i].value;
            return true;
        }
    }
    return false;
}

/* Why word is refused, if that has a reason of its own. */
static const char *find_refusal(const char *word)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (fnmatch(refused[i].name, word, 0) == 0)
            return refused[i].why;
    }
    return NULL;
}

static bool is_ignored(const char *word)
{
    for (size_t i = 0; i < COUNT(ignored); i++) {
        if (fnmatch(ignored[i], word, 0) == 0)
            return true;
    }
    return false;
}

/* Whether word is name=VALUE. */
static bool names(const char *word, const char *name)
{
    size_t length = strlen(name);

    return strncmp(word, name, length) == 0 && word[length] == '=';
}

static const struct number *find_number(const char *word)
{
    for (size_t i = 0; i < COUNT(numbers); i++) {
        if (names(word, numbers[i].name))
            return &numbers[i];
    }
    return NULL;
}

static const struct duration *find_duration(const char *word)
{
    for (size_t i = 0; i < COUNT(durations); i++) {
        if (names(word, durations[i].name))
            return &durations[i];
    }
    return NULL;
}

static const struct owner *find_owner(const char *word)
{
    for (size_t i = 0; i < COUNT(owners); i++) {
        if (names(word, owners[i].name))
            return &owners[i];
    }
    return NULL;
}

static int set_owner(struct options *options, const struct owner *owner,
                     const char *word)
{
    uint64_t *place = (uint64_t *)((char *)options + owner->place);
    int r = owner->find(strchr(word, '=') + 1, place);

    if (r < 0)
        fprintf(stderr,
                "clog: %s: must be a name that this system knows, or a number "
                "from 0 to %" PRIu32 "\n",
                word, UINT32_MAX - 1);
    return r;
}

static int set_duration(struct options *options,
                        const struct duration *duration, const char *word)
{
    uint64_t *place = (uint64_t *)((char *)options + duration->place);
    int r = options_duration(strchr(word, '=') + 1, place);

    if (r < 0)
        fprintf(stderr,
                "clog: %s: must be a number from 1 second to 36500 days, in "
                "seconds or with s, m, h, d or w behind it\n",
                word);
    return r;
}

static int set_number(struct options *options, const struct number *number,
                      const char *word)
{
    const char *value = strchr(word, '=') + 1;
    uint64_t *place = (uint64_t *)((char *)options + number->place);
    int r = options_number(value, number->base, number->sizes, number->min,
                           number->max, place);

    if (r == 0)
        return 0;
    fprintf(stderr, "clog: %s: must be ", word);
    if (number->base == 8)
        fprintf(stderr, "an octal number from %" PRIo64 " to %" PRIo64,
                number->min, number->max);
    else
        fprintf(stderr, "a number from %" PRIu64 " to %" PRIu64, number->min,
                number->max);
    if (strcmp(number->name, "sync") == 0)
        fprintf(stderr, ", or always");
    fprintf(stderr, "%s\n",
            number->sizes ? ", in bytes or with K, M, G, T or P behind it"
                          : "");
    return r;
}

static int set_path(struct options *options, const char *path)
{
    char **place = !options->logdir ? &options->logdir : &options->mountpoint;

    if (*place) {
        fprintf(stderr, "clog: %s: one argument too many\n", path);
        return -EINVAL;
    }
    /* Most likely an unset variable of a script. */
    if (path[0] == '\0') {
        fprintf(stderr, "clog: %s is empty\n",
                place == &options->logdir ? "LOGDIR" : "MOUNTPOINT");
        return -EINVAL;
    }
    *place = strdup(path);
    return *place ? 0 : -ENOMEM;
}

/* Keeps an option for those who ask which ones there are. */
static int remember(struct options *options, const char *word)
{
    char *given = NULL;

    if (asprintf(&given, "%s%s%s", options->given ? options->given : "",
                 options->given ? "," : "", word) < 0)
        return -ENOMEM;
    free(options->given);
    options->given = given;
    return 0;
}

/* Sets what one option of -o says. */
static int set_option(struct options *options, const char *word)
{
    const struct number *number = find_number(word);
    const struct duration *duration = find_duration(word);
    const struct owner *owner = find_owner(word);
    const char *why = find_refusal(word);

    if (set_flag(options, word))
        return 0;
    if (duration)
        return set_duration(options, duration, word);
    if (owner)
        return set_owner(options, owner, word);
    if (number) {
        if (strcmp(number->name, "sync") == 0)
            options->sync_always = false;
        return set_number(options, number, word);
    }
    if (why)
        fprintf(stderr, "clog: %s is not offered: %s\n", word, why);
    else
        fprintf(stderr, "clog: unknown option: %s\n", word);
    return -EINVAL;
}

/* Takes one option of -o. */
static int take_option(struct options *options, const char *word)
{
    int r;

    if (is_ignored(word))
        return 0;
    r = set_option(options, word);
    return r == 0 ? remember(options, word) : r;
}

/* Takes one line of a file of options, which may not be -f or the like. */
static int take_line(void *ctx, const char *word)
{
    if (*word != '-')
        return take_option(ctx, word);
    fprintf(stderr, "clog: not an option of a file: %s\n", word);
    return -EINVAL;
}

/* Takes one word of the command line or of -o. */
static int take(void *data, const char *arg, int key, struct fuse_args *args)
{
    const char *word = strncmp(arg, "--", 2) == 0 ? arg + 2 : arg;
    int r;

    (void)args;
    if (key == FUSE_OPT_KEY_NONOPT)
        r = set_path(data, arg);
    else if (set_flag(data, arg))
        r = 0;
    else if (names(word, "config"))
        r = config_read(strchr(word, '=') + 1, take_line, data);
    else
        r = take_option(data, word);
    return r < 0 ? -1 : 0;
}

static int check(const struct options *options)
{
    uint64_t staging = options->staging;

    if (staging != 0 && (staging < 65536 || (staging & (staging - 1)) != 0)) {
        fprintf(stderr,
                "clog: staging=%" PRIu64 ": not a power of two from "
                "64K to 64M\n",
                staging);
        return -EINVAL;
    }
    if (options->help || options->version || options->mountpoint)
        return 0;
    fprintf(stderr, "clog: missing %s\n",
            !options->logdir ? "LOGDIR and MOUNTPOINT" : "MOUNTPOINT");
    return -EINVAL;
}

/* Whether mount(8) has started it, as mount.clog or mount.fuse.clog. */
static bool is_helper(const char *path)
{
    const char *name = path ? strrchr(path, '/') : NULL;

    name = name ? name + 1 : path;
    return name && strncmp(name, "mount.", 6) == 0;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
    static const struct fuse_opt none[] = {FUSE_OPT_END};
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    struct options *options = ret_options;
    int r;

    *options = (struct options){
        .sync_seconds = 5,
        .max_held = UINT64_C(64) << 20,
        .uid = getuid(),
        .gid = getgid(),
        .umask = 022,
    };
    r = fuse_opt_parse(&args, options, none, take) == 0 ? 0 : -EINVAL;
    fuse_opt_free_args(&args);
    if (r == 0)
        r = check(options);
    if (r < 0)
        fprintf(stderr, "Try 'clog --help' for more information.\n");
    /* mount(8) has -f for "do all but mount", as in mount -fa. */
    if (is_helper(argv[0])) {
        options->fake = options->foreground;
        options->foreground = false;
    }
    options->foreground = options->foreground || options->debug;
    return r;
}

const char *options_name(size_t i)
{
    static const char *const others[] = {"config", NULL};

    if (i < COUNT(numbers))
        return numbers[i].name;
    i -= COUNT(numbers);
    if (i < COUNT(durations))
        return durations[i].name;
    i -= COUNT(durations);
    if (i < COUNT(owners))
        return owners[i].name;
    i -= COUNT(owners);
    return i < COUNT(flags) ? flags[i].name : others[i - COUNT(flags)];
}

void options_done(struct options *options)
{
    free(options->logdir);
    free(options->mountpoint);
    free(options->given);
    *options = (struct options){0};
}

bool options_retain(const struct options *options)
{
    return !options->read_only &&
           (options->retain_bytes > 0 || options->retain_records > 0 ||
            options->retain_age_ns > 0 || options->segment_age_ns > 0 ||
            options->drop_oldest);
}

void options_usage(FILE *file)
{
    fputs(
        "Usage: clog [options] LOGDIR MOUNTPOINT\n"
        "Mounts the commit log in LOGDIR, made if it is missing, at "
        "MOUNTPOINT.\n"
        "\n"
        "  -f                 stay in the foreground\n"
        "  -d                 print each request, and stay in the foreground\n"
        "  -s                 accepted: requests come one by one anyway\n"
        "  -h, --help         print this and exit\n"
        "  -V, --version      print the versions and exit\n"
        "  -o OPTION[,OPTION...]\n"
        "\n"
        "Options, each behind -o or as --OPTION; SIZE is in bytes, or with K, "
        "M, G, T\n"
        "or P; AGE is in seconds, or with s, m, h, d or w; 1.5G and 0.5d are "
        "right too:\n"
        "\n"
        "  max_store=SIZE     roll before a segment's store passes it (256M)\n"
        "  max_index=SIZE     roll before a segment's index passes it (64M)\n"
        "  max_record=SIZE    the longest record, at most 64M (1044480)\n"
        "  max_held=SIZE      most held in unfinished lines, over all (64M)\n"
        "  staging=SIZE       a buffer that outlives the daemon, a power of "
        "two "
        "from 64K\n"
        "                     to 64M; 0: none (0)\n"
        "  sync=SECONDS       make records durable that often, 0: never (5)\n"
        "  sync=always, sync  make each record durable before its write "
        "returns\n"
        "  async              not so: the default\n"
        "  retain_bytes=SIZE, retain_records=NUMBER, retain_age=AGE\n"
        "                     drop the oldest segments to stay within it "
        "(none)\n"
        "  segment_age=AGE    roll a segment that is older (retain_age / 4)\n"
        "  full=error         on a full disk, refuse records: the default\n"
        "  full=drop_oldest   on a full disk, drop the oldest segment\n"
        "  keep_unread        drop nothing that a cursor has not read\n"
        "  damaged=error      log and follow fail at a damaged record: the "
        "default\n"
        "  damaged=skip       they have a blank line there, and go on\n"
        "  uid=ID, gid=ID     owner of all files, by name or number (the "
        "mounting user's)\n"
        "  umask=OCTAL        permissions that no file has (022)\n"
        "  ro                 mount for reading; write nothing to LOGDIR\n"
        "  rw                 not so: the default\n"
        "  allow_other        let other users in\n"
        "  config=FILE        take options from FILE too, one a line\n"
        "\n"
        "Unmount with: umount MOUNTPOINT, or fusermount3 -u MOUNTPOINT.\n",
        file);
}
