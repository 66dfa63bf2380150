/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hamctl's side door: one Unix stream socket, served by a thread of its own. A request is one
 * line of JSON (host/request.h), its answer JSON lines; an error is a line {"error": "..."}; the
 * last line of every answer is {"end": true, "status": 0 or -errno}. A client may ask again.
 *
 * The thread hands each request to the control core and polls for the answer's slices; the next
 * slice is asked for when the client has taken the last one, so a client that does not read
 * holds up nobody but itself, and is closed after stall_ms. What a client costs is bounded:
 * API_CLIENTS of them, one request in flight each, a line of REQUEST_MAX octets, one slice.
 *
 * The answers of "trace" and "capture" (host/stream.h) flow until they have what was asked for;
 * anything the client sends meanwhile, the end of its side included, ends them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct api;
struct ctl_req;

#define API_CLIENTS 16 /* more are told so and closed */

/* What answers requests: the control core's functions, or a test's. Called by api's thread. */
struct api_ops {
	void *ctx;
	int (*submit)(void *ctx, struct ctl_req *req); /* 0, -EAGAIN: later */
	struct ctl_req *(*reap)(void *ctx); /* NULL: none ready */
};

struct api_opts {
	const char *path; /* the socket */
	struct api_ops ops;
	uint16_t lanes; /* of a watch: dp_watch_lanes() */
	uint32_t stall_ms; /* a client neither sends nor takes anything for so long; 0 = 60 s */
};

/* 0, or -errno with a line in err (sock_open()'s reasons, or no memory or thread). */
int api_start(const struct api_opts *opts, struct api **out, char *err, size_t err_len);
/* Closes the clients, removes the socket, joins the thread; NULL is fine. Requests that are
 * still with the control core are freed: it must not run any more. */
void api_stop(struct api *api);
