/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside host/: api.c serves clients, api_stream.c those to whom a trace or a capture flows. All of
 * it is the thread's of api.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "control/ctl.h"
#include "host/api.h"
#include "host/request.h"
#include "host/sock.h"

/* A slice ends with the item that passes CTL_SLICE_BYTES; no item is anywhere near this. Control
 * writes it: it is all there before, and kept from client to client. */
#define API_OUT_MAX (4 * CTL_SLICE_BYTES)

struct stream;

enum client_state {
	FREE,
	READING, /* collects a line */
	WAITING, /* has a request that the control core had no room for */
	SUBMITTED, /* its request is the control core's: not to be touched */
	STREAMING, /* the same, and what it watches flows */
	WRITING, /* sends what is in req.out */
};

struct client {
	enum client_state state;
	int fd; /* -1 while SUBMITTED or STREAMING: it went away */
	uid_t uid;
	pid_t pid;
	bool ended; /* it sends no more */
	bool skipping; /* the rest of a line that was too long */
	uint64_t active_ms;
	struct ctl_req req;
	size_t sent; /* of req.out, or of flow */
	struct stream *stream; /* NULL: none */
	bool is_logged; /* that it begins */
	bool is_back; /* STREAMING: control has given the request back */
	struct jw flow; /* what is on its way out of the stream */
	size_t in_len;
	char in[REQUEST_MAX];
};

struct api {
	struct sock sock;
	struct api_ops ops;
	uint32_t stall_ms;
	uint16_t lanes;
	int stop_fd;
	atomic_bool stopping;
	bool deaf; /* accept() failed: not again in this turn */
	uint64_t now_ms;
	uint32_t reap_us;
	pthread_t thread;
	struct client client[API_CLIENTS];
};

/* c->req asks for a watch: makes it. 0 or -ENOMEM. */
int api_stream_begin(struct api *api, struct client *c);
void api_stream_hear(struct client *c); /* it says something, or that it says no more */
/* What there is goes out; true: there was something. When all is out and the request is back, the
 * stream is gone and c->req may be answered (is_over). */
bool api_stream_turn(struct api *api, struct client *c, bool *is_over);
void api_stream_drop(struct client *c); /* no worker may see it any more */
