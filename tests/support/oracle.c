/* SPDX-License-Identifier: MIT */
/*
 * oracle - reads a log's segments by the format alone.
 *
 *     oracle SEGMENTS NEXT
 *
 * Walks the directory SEGMENTS, a log's own or the mount's, checks every
 * byte of every store, index and stamps against the format, and prints the
 * payloads end to end. It shares no line with the log library, so that what
 * both get wrong would have to be wrong twice. The log must begin at offset 0,
 * have no gap and end right before the offset NEXT. Anything else is said with
 * its file and byte, and exit status 1.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SLOT 16

struct file {
    unsigned char *data;
    size_t size;
};

/* A segment's directory, and how far the log has been read. */
struct reader {
    const char *segments;
    const char *base_name;
    uint64_t next; /* offset of the next record */
    uint64_t time; /* of the last record */
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("oracle: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t get_be(const unsigned char *data, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | data[i];
    return value;
}

static uint32_t crc_table[256];

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0x82f63b78U : 0);
        crc_table[i] = value;
    }
}

/* CRC32C of data, going on from the inner state crc. */
static uint32_t crc32c(uint32_t crc, const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        crc = crc_table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return crc;
}

/* Reads a file of the current segment whole; the caller frees its data. */
static struct file read_file(const struct reader *reader, const char *name)
{
    char path[4096];
    struct stat st;
    struct file file = {0};
    FILE *stream = NULL;

    snprintf(path, sizeof(path), "%s/%s/%s", reader->segments,
             reader->base_name, name);
    stream = fopen(path, "rb");
    if (!stream || fstat(fileno(stream), &st) < 0)
        die("%s: %s", path, strerror(errno));
    file.size = (size_t)st.st_size;
    file.data = malloc(file.size + 1);
    if (!file.data)
        die("out of memory");
    if (fread(file.data, 1, file.size + 1, stream) != file.size)
        die("%s: not of the size that stat says", path);
    fclose(stream);
    return file;
}

static void check_stamp(struct reader *reader, const unsigned char *stamp,
                        const unsigned char *index, const unsigned char *record,
                        uint64_t length)
{
    uint64_t time = get_be(stamp, 8);
    uint32_t crc = crc32c(UINT32_MAX, index, SLOT);

    crc = crc32c(crc, stamp, 12);
    crc = crc32c(crc, record + 8, length);
    crc = ~crc32c(crc, record, 8);
    if (crc != get_be(stamp + 12, 4))
        die("%s: record %" PRIu64 " fails its checksum", reader->base_name,
            reader->next);
    if (time < reader->time)
        die("%s: record %" PRIu64 " is older than the one before",
            reader->base_name, reader->next);
    reader->time = time;
}

/* Checks record i of a segment; returns the position after it. */
static uint64_t read_record(struct reader *reader, const struct file *store,
                            const struct file *index, const struct file *stamps,
                            uint64_t i, uint64_t position)
{
    const unsigned char *entry = index->data + i * SLOT;
    uint64_t length;

    if (get_be(entry, 8) != reader->next || get_be(entry + 8, 8) != position)
        die("%s/index: wrong entry at %" PRIu64, reader->base_name, i * SLOT);
    if (store->size - position < 8)
        die("%s/store: ends at %" PRIu64, reader->base_name, position);
    length = get_be(store->data + position, 8);
    if (length == 0 || length > store->size - position - 8)
        die("%s/store: wrong length at %" PRIu64, reader->base_name, position);
    check_stamp(reader, stamps->data + i * SLOT, entry, store->data + position,
                length);
    fwrite(store->data + position + 8, 1, length, stdout);
    reader->next++;
    return position + 8 + length;
}

static void read_segment(struct reader *reader)
{
    struct file store = read_file(reader, "store");
    struct file index = read_file(reader, "index");
    struct file stamps = read_file(reader, "stamps");
    char expected[32];
    uint64_t position = 0;

    snprintf(expected, sizeof(expected), "%020" PRIu64, reader->next);
    if (strcmp(expected, reader->base_name) != 0)
        die("segment %s, where %s should be", reader->base_name, expected);
    if (index.size % SLOT != 0 || stamps.size != index.size)
        die("%s: the index has %zu bytes, the stamps %zu", reader->base_name,
            index.size, stamps.size);
    for (uint64_t i = 0; i < index.size / SLOT; i++)
        position = read_record(reader, &store, &index, &stamps, i, position);
    if (position != store.size)
        die("%s/store: bytes without a record at %" PRIu64, reader->base_name,
            position);
    free(store.data);
    free(index.data);
    free(stamps.data);
}

static int is_segment(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct reader reader = {0};
    struct dirent **names = NULL;
    int count;

    if (argc != 3)
        die("usage: oracle SEGMENTS NEXT");
    make_crc_table();
    reader.segments = argv[1];
    count = scandir(argv[1], &names, is_segment, alphasort);
    if (count < 0)
        die("%s: %s", argv[1], strerror(errno));
    for (int i = 0; i < count; i++) {
        reader.base_name = names[i]->d_name;
        read_segment(&reader);
        free(names[i]);
    }
    free(names);
    if (reader.next != strtoull(argv[2], NULL, 10))
        die("the log ends at %" PRIu64, reader.next);
    return 0;
}
