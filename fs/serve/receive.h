/* SPDX-License-Identifier: MIT */
/*
 * receive.h - the threads that receive requests.
 *
 * One thread receives and handles what needs no wait: no request is handed
 * over, and they are handled in the order in which the kernel sent them. But
 * not every wait can be foreseen: a write to a file may sleep in the kernel for
 * as long as the device likes. So others stand by. Once a request has taken its
 * place in the order (receive_pass()), it may take its time: if it sleeps for
 * longer than a few milliseconds, another thread receives instead, and the
 * first one stands by when it is done. One that only waits for a processor
 * keeps its place.
 *
 * Nobody looks on while there are no requests. While there are, one of those
 * that stand by wakes up every few milliseconds.
 */
#ifndef CLOG_FS_SERVE_RECEIVE_H
#define CLOG_FS_SERVE_RECEIVE_H

#include <stdbool.h>

struct fuse_session;

/* How long a request may keep the others waiting, about: twice this. */
#define RECEIVE_TICK_MS 4

/*
 * Receives and handles requests until the session ends; all threads but the
 * caller's are gone then. It alone gets the signals SIGTERM, SIGINT, SIGHUP and
 * SIGALRM, whichever thread receives. Returns 0, or a negative errno: reading
 * failed. EAGAIN, ENOMEM: no thread.
 */
int receive_all(struct fuse_session *session);

/*
 * Called while a request is handled: what must come before the next request is
 * done. Does nothing in threads that do not receive.
 */
void receive_pass(void);

/* Whether another thread receives since then: the request has slept long. */
bool receive_replaced(void);

#endif
