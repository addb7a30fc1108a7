/* SPDX-License-Identifier: MIT */
#include "serve/request.h"

#include "files/handle.h"

#include <stdlib.h>
#include <string.h>

struct request *request_keep(struct request *request)
{
    struct request *kept;
    char *data;

    if (request->kept)
        return request;
    kept = malloc(sizeof(*kept) + request->data_size);
    if (!kept)
        return NULL;
    data = (char *)(kept + 1);
    *kept = *request;
    kept->kept = true;
    if (request->data)
        memcpy(data, request->data, request->data_size);
    kept->data = request->data ? data : NULL;
    if (kept->handle)
        handle_get(kept->handle);
    return kept;
}

void request_free(struct request *request)
{
    if (!request->kept)
        return;
    if (request->handle)
        handle_put(request->handle);
    free(request);
}

void request_answer(fuse_req_t req, enum answer answer, ssize_t result)
{
    if (result < 0)
        fuse_reply_err(req, (int)-result);
    else if (answer == ANSWER_WRITE)
        fuse_reply_write(req, (size_t)result);
    else
        fuse_reply_err(req, 0);
}
