/* SPDX-License-Identifier: MIT */
/*
 * writers - eight processes that write numbered lines at the same time.
 *
 *     writers inherited PATH LINES    a line a write, all on one descriptor
 *     writers own PATH LINES          each on its own, lines cut anywhere
 *     writers print WRITER LINES      what one of them writes
 *
 * A line names its writer and its number and has a length that follows from
 * them, so that a lost, torn or misplaced byte shows in a comparison.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS  8
#define LINE_MAX 128

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint32_t mix(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x45d9f3bU;
    x = (x ^ (x >> 16)) * 0x45d9f3bU;
    return x ^ (x >> 16);
}

/* Puts a line into data and returns its length, at most LINE_MAX. */
static size_t make_line(char *data, unsigned writer, unsigned number)
{
    size_t filler = mix(writer * 1000003U + number) % 90;
    size_t n = (size_t)sprintf(data, "w%u %06u ", writer, number);

    memset(data + n, 'a' + (int)writer, filler);
    data[n + filler] = '\n';
    return n + filler + 1;
}

static void write_all(int fd, const char *data, size_t size)
{
    ssize_t n = write(fd, data, size);

    if (n < 0)
        die("write");
    if ((size_t)n != size) {
        fprintf(stderr, "short write\n");
        exit(1);
    }
}

static void write_lines(int fd, unsigned writer, unsigned lines)
{
    char line[LINE_MAX];

    for (unsigned i = 0; i < lines; i++)
        write_all(fd, line, make_line(line, writer, i));
}

static void write_pieces(int fd, unsigned writer, unsigned lines)
{
    char *text = malloc((size_t)lines * LINE_MAX);
    size_t size = 0;
    uint32_t state = writer + 1;

    if (!text)
        die("malloc");
    for (unsigned i = 0; i < lines; i++)
        size += make_line(text + size, writer, i);
    for (size_t at = 0, n = 0; at < size; at += n) {
        state = mix(state + 1);
        n = 1 + state % (state % 64 == 0 ? 20000 : 300);
        n = n < size - at ? n : size - at;
        write_all(fd, text + at, n);
    }
    free(text);
}

static int open_door(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd < 0)
        die(path);
    return fd;
}

static void run_writer(int shared, const char *path, unsigned writer,
                       unsigned lines)
{
    if (shared >= 0) {
        write_lines(shared, writer, lines);
    } else {
        int fd = open_door(path);
        write_pieces(fd, writer, lines);
        if (close(fd) < 0)
            die("close");
    }
    _exit(0);
}

static int run_writers(int shared, const char *path, unsigned lines)
{
    int failed = 0;

    for (unsigned i = 0; i < WRITERS; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0)
            run_writer(shared, path, i, lines);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        int status = 0;
        if (wait(&status) < 0 || status != 0)
            failed = 1;
    }
    return failed;
}

static void print_writer(unsigned writer, unsigned lines)
{
    char line[LINE_MAX];

    for (unsigned i = 0; i < lines; i++)
        fwrite(line, 1, make_line(line, writer, i), stdout);
}

int main(int argc, char **argv)
{
    const char *mode = argc == 4 ? argv[1] : "";
    unsigned lines = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    if (strcmp(mode, "inherited") == 0)
        return run_writers(open_door(argv[2]), argv[2], lines);
    if (strcmp(mode, "own") == 0)
        return run_writers(-1, argv[2], lines);
    if (strcmp(mode, "print") == 0) {
        print_writer((unsigned)strtoul(argv[2], NULL, 10), lines);
        return 0;
    }
    fprintf(stderr, "usage: writers inherited|own|print WHAT LINES\n");
    return 2;
}
