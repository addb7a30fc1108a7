/* SPDX-License-Identifier: MIT */
#include "serve/request.h"

void request_answer(fuse_req_t req, enum answer answer, ssize_t result)
{
    if (result < 0)
        fuse_reply_err(req, (int)-result);
    else if (answer == ANSWER_WRITE)
        fuse_reply_write(req, (size_t)result);
    else
        fuse_reply_err(req, 0);
}
