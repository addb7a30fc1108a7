/* SPDX-License-Identifier: MIT */
/*
 * pieces - appends its input by calls that no shell makes.
 *
 *     pieces aio|uring|writev FILE SIZE
 *
 * Opens FILE for appending and hands it the standard input in pieces of SIZE
 * bytes, in order: each by io_submit(2); each by an io_uring, up to 64 linked
 * ones at once; or up to 256 at once by writev(2). Exit status 1, with a
 * message, if not all of it was taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define INPUT_LIMIT ((size_t)64 << 20)
#define RING        64
#define VECTOR      256

struct input {
    char *data;
    size_t size;
    size_t at; /* the next piece's place */
    size_t piece;
};

static _Noreturn void die(const char *what, int error)
{
    fprintf(stderr, "pieces: %s: %s\n", what, strerror(error));
    exit(1);
}

static struct input read_input(size_t piece)
{
    struct input input = {.data = malloc(INPUT_LIMIT), .piece = piece};
    ssize_t n = 1;

    if (!input.data)
        die("input", ENOMEM);
    while (n > 0 && input.size < INPUT_LIMIT) {
        n = read(STDIN_FILENO, input.data + input.size,
                 INPUT_LIMIT - input.size);
        if (n < 0)
            die("input", errno);
        input.size += (size_t)n;
    }
    return input;
}

/* The next piece; its length is 0 at the end. */
static struct iovec next_piece(struct input *input)
{
    size_t left = input->size - input->at;
    struct iovec piece = {
        .iov_base = input->data + input->at,
        .iov_len = left < input->piece ? left : input->piece,
    };

    input->at += piece.iov_len;
    return piece;
}

static void by_writev(int fd, struct input *input)
{
    struct iovec pieces[VECTOR];
    size_t total;

    do {
        int count = 0;
        total = 0;
        while (count < VECTOR) {
            pieces[count] = next_piece(input);
            if (pieces[count].iov_len == 0)
                break;
            total += pieces[count++].iov_len;
        }
        if (total > 0 && writev(fd, pieces, count) != (ssize_t)total)
            die("writev", errno);
    } while (total > 0);
}

static void by_aio(int fd, struct input *input)
{
    aio_context_t context = 0;
    struct iovec piece;

    if (syscall(SYS_io_setup, 1, &context) < 0)
        die("io_setup", errno);
    while ((piece = next_piece(input)).iov_len > 0) {
        struct iocb job = {
            .aio_lio_opcode = IOCB_CMD_PWRITE,
            .aio_fildes = (uint32_t)fd,
            .aio_buf = (uintptr_t)piece.iov_base,
            .aio_nbytes = piece.iov_len,
        };
        struct iocb *jobs[] = {&job};
        struct io_event event = {0};

        if (syscall(SYS_io_submit, context, 1, jobs) != 1 ||
            syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
            die("io_submit", errno);
        if (event.res != (int64_t)piece.iov_len)
            die("aio write", (int)-event.res);
    }
    syscall(SYS_io_destroy, context);
}

/* Queues as many pieces as fit, each to be written after the one before. */
static unsigned queue(struct io_uring *ring, int fd, struct input *input)
{
    struct io_uring_sqe *sqe = NULL;
    unsigned count = 0;

    while (count < RING) {
        struct iovec piece = next_piece(input);

        if (piece.iov_len == 0)
            break;
        sqe = io_uring_get_sqe(ring);
        io_uring_prep_write(sqe, fd, piece.iov_base, (unsigned)piece.iov_len,
                            (uint64_t)-1);
        io_uring_sqe_set_data64(sqe, piece.iov_len);
        sqe->flags |= IOSQE_IO_LINK;
        count++;
    }
    if (sqe)
        sqe->flags &= (uint8_t)~IOSQE_IO_LINK;
    return count;
}

static void by_uring(int fd, struct input *input)
{
    struct io_uring ring;
    unsigned count;
    int r = io_uring_queue_init(RING, &ring, 0);

    if (r < 0)
        die("io_uring", -r);
    while ((count = queue(&ring, fd, input)) > 0) {
        r = io_uring_submit(&ring);
        if (r < 0)
            die("io_uring", -r);
        for (unsigned i = 0; i < count; i++) {
            struct io_uring_cqe *cqe = NULL;

            r = io_uring_wait_cqe(&ring, &cqe);
            if (r < 0 || (uint64_t)cqe->res != cqe->user_data)
                die("io_uring write", r < 0 ? -r : -cqe->res);
            io_uring_cqe_seen(&ring, cqe);
        }
    }
    io_uring_queue_exit(&ring);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(int fd, struct input *input);
    } ways[] = {{"aio", by_aio}, {"uring", by_uring}, {"writev", by_writev}};
    struct input input;
    int fd;

    if (argc != 4)
        die("usage: pieces aio|uring|writev FILE SIZE", EINVAL);
    input = read_input(strtoull(argv[3], NULL, 10));
    fd = open(argv[2], O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        die(argv[2], errno);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].run(fd, &input);
    }
    free(input.data);
    return close(fd) < 0 || input.at != input.size;
}
