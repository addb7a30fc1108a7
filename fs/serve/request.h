/* SPDX-License-Identifier: MIT */
/*
 * request.h - libfuse's API of requests, the same version everywhere, and the
 * answers that are given from more than one place.
 */
#ifndef CLOG_FS_SERVE_REQUEST_H
#define CLOG_FS_SERVE_REQUEST_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

/* What a request that went well wants to hear. */
enum answer {
    ANSWER_DONE,  /* nothing more */
    ANSWER_WRITE, /* result: how many bytes were taken */
};

/* Answers req with result: a negative errno, or what the answer wants. */
void request_answer(fuse_req_t req, enum answer answer, ssize_t result);

#endif
