/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/api_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "host/stream.h"

#define STALL_MS 60000
/* How often an answer is looked for: control takes about a turn for a slice. */
#define REAP_MIN_US 100
#define REAP_MAX_US 5000

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- clients --- */

static void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->state == STREAMING)
		stream_stop(c->stream);
	if (c->state == SUBMITTED || c->state == STREAMING)
		return; /* freed when control gives it back */
	api_stream_drop(c);
	jw_reset(&c->req.out); /* the next one's */
	c->state = FREE;
}

static void client_open(struct api *api, struct client *c, int fd)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	if (!jw_reserve(&c->req.out)) {
		close(fd);
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	c->state = READING;
	c->fd = fd;
	c->uid = cred.uid;
	c->pid = cred.pid;
	c->ended = false;
	c->skipping = false;
	c->active_ms = api->now_ms;
	c->in_len = 0;
}

static void put_error(struct jw *w, const char *error)
{
	jw_object(w, NULL);
	jw_str(w, "error", error);
	jw_end(w, '}');
	jw_newline(w);
}

static void put_end(struct jw *w, int status)
{
	jw_object(w, NULL);
	jw_bool(w, "end", true);
	jw_i64(w, "status", status);
	jw_end(w, '}');
	jw_newline(w);
}

/* An answer that needs no control core. */
static void client_refuse(struct client *c, const char *error)
{
	jw_reset(&c->req.out);
	put_error(&c->req.out, error);
	put_end(&c->req.out, -EINVAL);
	c->req.done = true;
	c->sent = 0;
	c->state = WRITING;
}

static void client_submit(struct api *api, struct client *c)
{
	int ret;

	jw_reset(&c->req.out);
	c->state = c->stream != NULL ? STREAMING : SUBMITTED; /* before it is handed over */
	ret = api->ops.submit(api->ops.ctx, &c->req);
	if (ret < 0)
		c->state = WAITING;
	else
		api->reap_us = REAP_MIN_US;
}

/* Who told hamd to do something is worth a line; what became of it control says. */
static void say_order(const struct client *c)
{
	static const char *const orders[CTL_CMD_COUNT] = {
		[CTL_BINDING_DELETE] = "binding delete",
		[CTL_BINDING_MOVE] = "binding move",
		[CTL_READY] = "ready --force",
		[CTL_DRAIN] = "drain",
		[CTL_UNDRAIN] = "undrain",
	};
	const struct ctl_req *req = &c->req;
	char key[IP6_STRLEN] = "";

	if (orders[req->cmd] == NULL || (req->cmd == CTL_READY && !req->force))
		return; /* it only asks */
	if (req->has_key)
		ip6_str(&req->key, key);
	log_info("api", "%s key=%s domain=%s uid=%u", orders[req->cmd], key, req->domain, c->uid);
}

static void client_request(struct api *api, struct client *c, const char *line, size_t len)
{
	struct jw out = c->req.out;
	char err[160];

	c->req = (struct ctl_req){ .out = out, .user = c };
	if (request_parse(line, len, &c->req, err, sizeof(err)) < 0) {
		client_refuse(c, err);
		return;
	}
	say_order(c);
	if ((c->req.cmd == CTL_TRACE || c->req.cmd == CTL_CAPTURE) &&
		api_stream_begin(api, c) < 0) {
		client_refuse(c, "no memory to watch packets with");
		return;
	}
	if (c->req.cmd == CTL_RELOAD)
		log_info("api", "reload uid=%u", c->uid);
	client_submit(api, c);
}

/* The next request out of what has been read. */
static void client_parse(struct api *api, struct client *c)
{
	while (c->state == READING) {
		char *nl = memchr(c->in, '\n', c->in_len);
		size_t line = nl != NULL ? (size_t)(nl - c->in) : c->in_len;
		size_t used = nl != NULL ? line + 1 : line;

		if (nl == NULL && !c->skipping && c->in_len < REQUEST_MAX) {
			if (c->ended) /* half a line is no request */
				client_close(c);
			return;
		}
		if (nl == NULL && !c->skipping) {
			client_refuse(c, "request longer than 65536 octets");
			c->skipping = true;
		} else if (!c->skipping) {
			client_request(api, c, c->in, line);
		} else if (nl != NULL) {
			c->skipping = false;
		}
		c->in_len -= used;
		memmove(c->in, c->in + used, c->in_len);
		if (used == 0 && c->state == READING) { /* skipping, and nothing is left */
			if (c->ended)
				client_close(c);
			return;
		}
	}
}

static void client_read(struct api *api, struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, REQUEST_MAX - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->ended = n == 0;
	c->in_len += (size_t)n;
	c->active_ms = api->now_ms;
	client_parse(api, c);
}

/* Sends; when all of a slice is gone, asks for the next, or for the next request. */
static void client_write(struct api *api, struct client *c)
{
	const struct jw *out = &c->req.out;
	ssize_t n = 0;

	while (c->sent < out->len) {
		n = send(
			c->fd, out->buf + c->sent, out->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			break;
		c->sent += (size_t)n;
		c->active_ms = api->now_ms;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(c);
		return;
	}
	if (n < 0)
		return;
	if (!c->req.done) {
		client_submit(api, c);
		return;
	}
	c->state = READING;
	client_parse(api, c);
}

/* --- what comes back from the control core --- */

static void finish(struct ctl_req *req)
{
	if (req->out.failed) { /* what is in it is no JSON */
		jw_reset(&req->out);
		req->done = true;
		req->status = -ENOMEM;
		snprintf(req->error, sizeof(req->error), "answer does not fit into memory");
	}
	if (!req->done)
		return;
	if (req->status != 0)
		put_error(&req->out, req->error[0] != '\0' ? req->error : strerror(-req->status));
	put_end(&req->out, req->status);
}

static void answer(struct api *api, struct client *c)
{
	c->state = WRITING;
	c->sent = 0;
	if (c->fd < 0) {
		client_close(c);
		return;
	}
	finish(&c->req);
	client_write(api, c);
}

static void run_stream(struct api *api, struct client *c)
{
	bool is_over;

	if (api_stream_turn(api, c, &is_over))
		api->reap_us = REAP_MIN_US;
	if (is_over)
		answer(api, c);
}

/* True while some request is away. */
static bool reap_all(struct api *api)
{
	struct ctl_req *req;
	bool away = false;

	while ((req = api->ops.reap(api->ops.ctx)) != NULL) {
		struct client *c = req->user;

		api->reap_us = REAP_MIN_US;
		if (c->state == STREAMING)
			c->is_back = true;
		else
			answer(api, c);
	}
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		struct client *c = &api->client[i];

		if (c->state == WAITING)
			client_submit(api, c);
		if (c->state == STREAMING)
			run_stream(api, c);
		away |= c->state == SUBMITTED || c->state == WAITING || c->state == STREAMING;
	}
	return away;
}

/* --- the thread --- */

static void accept_one(struct api *api)
{
	static const char full[] =
		"{\"error\":\"too many clients\"}\n{\"end\":true,\"status\":-11}\n";
	int fd = accept4(api->sock.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		api->deaf = errno != EAGAIN && errno != ECONNABORTED && errno != EINTR;
		return;
	}
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		if (api->client[i].state == FREE) {
			client_open(api, &api->client[i], fd);
			return;
		}
	}
	send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static short wanted_events(const struct client *c)
{
	if (c->state == WRITING)
		return POLLOUT;
	if (c->state == READING && !c->ended)
		return POLLIN;
	if (c->state == STREAMING)
		return (short)((!c->ended && c->in_len < REQUEST_MAX ? POLLIN : 0) |
			       (c->sent < c->flow.len ? POLLOUT : 0));
	return 0; /* POLLHUP comes unasked */
}

static void client_event(struct api *api, struct client *c, short events)
{
	if (events & POLLIN && c->state == READING)
		client_read(api, c);
	else if (events & POLLIN && c->state == STREAMING)
		api_stream_hear(c);
	else if (events & (POLLHUP | POLLERR | POLLNVAL))
		client_close(c); /* both directions are shut: nobody reads an answer */
	else if (events & POLLOUT && c->state == WRITING)
		client_write(api, c);
}

/* Milliseconds until the first client is to be closed for doing nothing. What is away is
 * control's delay, not the client's. */
static int close_stalled(struct api *api)
{
	int wait_ms = -1;

	for (unsigned i = 0; i < API_CLIENTS; i++) {
		struct client *c = &api->client[i];
		uint64_t idle_ms = api->now_ms - c->active_ms;

		if (c->fd < 0 ||
			(c->state != READING && c->state != WRITING && c->state != STREAMING))
			continue;
		if (idle_ms >= api->stall_ms)
			client_close(c);
		else if (wait_ms < 0 || api->stall_ms - idle_ms < (uint64_t)wait_ms)
			wait_ms = (int)(api->stall_ms - idle_ms);
	}
	return wait_ms;
}

static void wait_and_serve(struct api *api, const struct timespec *timeout)
{
	struct pollfd p[API_CLIENTS + 2];
	nfds_t n = 0;

	p[n++] = (struct pollfd){ .fd = api->stop_fd, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = api->deaf ? -1 : api->sock.fd, .events = POLLIN };
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		struct client *c = &api->client[i];

		p[n++] = (struct pollfd){ .fd = c->state == FREE ? -1 : c->fd,
			.events = wanted_events(c) };
	}
	api->deaf = false;
	if (ppoll(p, n, timeout, NULL) <= 0)
		return;
	api->now_ms = clock_ms();
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		if (p[2 + i].revents != 0)
			client_event(api, &api->client[i], p[2 + i].revents);
	}
	if (p[1].revents != 0)
		accept_one(api);
}

static void *api_main(void *arg)
{
	struct api *api = arg;

	pthread_setname_np(pthread_self(), "hamd-api");
	while (!api->stopping) {
		struct timespec ts, *timeout = &ts;
		bool away;
		int wait_ms;

		api->now_ms = clock_ms();
		away = reap_all(api);
		wait_ms = close_stalled(api);
		if (api->deaf)
			wait_ms = 100;
		ts = (struct timespec){ wait_ms / 1000, wait_ms % 1000 * 1000000L };
		if (away) {
			ts = (struct timespec){ 0, api->reap_us * 1000L };
			api->reap_us *= 2;
			if (api->reap_us > REAP_MAX_US)
				api->reap_us = REAP_MAX_US;
		} else if (wait_ms < 0) {
			timeout = NULL;
		}
		wait_and_serve(api, timeout);
	}
	return NULL;
}

int api_start(const struct api_opts *opts, struct api **out, char *err, size_t err_len)
{
	struct api *api = calloc(1, sizeof(*api));
	int ret;

	if (api == NULL) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	api->ops = opts->ops;
	api->stall_ms = opts->stall_ms > 0 ? opts->stall_ms : STALL_MS;
	api->lanes = opts->lanes;
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		api->client[i].fd = -1;
		jw_init(&api->client[i].req.out, API_OUT_MAX);
	}
	ret = sock_open(&api->sock, opts->path, err, err_len);
	if (ret < 0)
		goto err_api;
	api->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (api->stop_fd < 0) {
		ret = -errno;
		snprintf(err, err_len, "eventfd: %s", strerror(-ret));
		goto err_sock;
	}
	ret = -pthread_create(&api->thread, NULL, api_main, api);
	if (ret < 0) {
		snprintf(err, err_len, "thread: %s", strerror(-ret));
		goto err_fd;
	}
	*out = api;
	return 0;

err_fd:
	close(api->stop_fd);
err_sock:
	sock_close(&api->sock);
err_api:
	free(api);
	return ret;
}

void api_stop(struct api *api)
{
	if (api == NULL)
		return;
	api->stopping = true;
	eventfd_write(api->stop_fd, 1);
	pthread_join(api->thread, NULL);
	sock_close(&api->sock);
	for (unsigned i = 0; i < API_CLIENTS; i++) {
		struct client *c = &api->client[i];

		if (c->state == SUBMITTED || c->state == STREAMING)
			c->state = WAITING; /* control stopped: it is ours again */
		if (c->state != FREE)
			client_close(c);
		jw_done(&c->req.out);
	}
	close(api->stop_fd);
	free(api);
}
