/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *path, int error)
{
    fprintf(stderr, "clog: %s: %s\n", path, strerror(error));
    return -error;
}

/* Takes one line, and cuts blanks off its end in place. */
static int take_line(char *line, config_take *take, void *ctx)
{
    static const char blanks[] = " \t\r\n";
    char *word = line + strspn(line, blanks);
    size_t length = strlen(word);

    while (length > 0 && strchr(blanks, word[length - 1]))
        length--;
    word[length] = '\0';
    return length == 0 || *word == '#' ? 0 : take(ctx, word);
}

int config_read(const char *path, config_take *take, void *ctx)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    unsigned long number = 0;
    int r = 0;

    if (!file)
        return refuse(path, errno);
    while (r == 0 && (errno = 0, getline(&line, &size, file)) >= 0) {
        number++;
        r = take_line(line, take, ctx);
        if (r < 0)
            fprintf(stderr, "clog: %s: line %lu is refused\n", path, number);
    }
    if (r == 0 && !feof(file))
        r = refuse(path, errno ? errno : EIO);
    free(line);
    (void)fclose(file);
    return r;
}
