/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/api_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "host/stream.h"

static const char *name_of(const struct client *c)
{
	return c->req.cmd == CTL_TRACE ? "trace" : "capture";
}

/* Who looks at which traffic is worth a line. */
static void log_begin(struct client *c)
{
	const struct watch_filter *f = &c->req.ask.filter;
	char any[IP6_PREFIX_STRLEN] = "-", src[IP6_PREFIX_STRLEN] = "-",
	     dst[IP6_PREFIX_STRLEN] = "-";
	char hoa[IP6_STRLEN] = "-";

	c->is_logged = true;
	if (f->has_any)
		ip6_prefix_str(&f->any, any);
	if (f->has_src)
		ip6_prefix_str(&f->src, src);
	if (f->has_dst)
		ip6_prefix_str(&f->dst, dst);
	if (f->has_hoa)
		ip6_str(&f->hoa, hoa);
	log_info("api",
		"%s begins uid=%u pid=%d prefix=%s source=%s destination=%s mobile-node=%s "
		"reason=%s",
		name_of(c), c->uid, (int)c->pid, any, src, dst, hoa,
		f->has_reason ? dp_drop_name(f->reason)
		: f->dropped  ? "any"
			      : "-");
}

static void log_end(const struct client *c)
{
	uint64_t packets, lost;

	stream_counts(c->stream, &packets, &lost);
	log_info("api", "%s ends uid=%u pid=%d packets=%llu lost=%llu", name_of(c), c->uid,
		(int)c->pid, (unsigned long long)packets, (unsigned long long)lost);
}

int api_stream_begin(struct api *api, struct client *c)
{
	int ret = stream_new(&c->req, api->lanes, api->now_ms, &c->stream);

	if (ret < 0)
		return ret;
	c->req.watch = stream_watch(c->stream);
	c->is_logged = false;
	c->is_back = false;
	c->sent = 0;
	jw_init(&c->flow, API_OUT_MAX);
	return 0;
}

void api_stream_drop(struct client *c)
{
	if (c->stream == NULL)
		return;
	stream_free(c->stream);
	c->stream = NULL;
	jw_done(&c->flow);
}

/* Whatever it says means: enough. What it says is read when the answer has ended. */
void api_stream_hear(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, REQUEST_MAX - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->ended = n <= 0;
	if (n > 0)
		c->in_len += (size_t)n;
	stream_stop(c->stream);
}

/* Fetches more, once what was fetched is out; false: there is no more. */
static bool fetch(struct api *api, struct client *c, bool *any)
{
	*any = false;
	if (c->sent < c->flow.len)
		return true;
	jw_reset(&c->flow);
	c->sent = 0;
	if (!c->is_back)
		*any = stream_pump(c->stream, &c->flow, api->now_ms);
	else if (c->req.status == 0)
		*any = stream_end(c->stream, &c->flow, api->now_ms);
	return !c->is_back || *any;
}

/* False: nobody reads any more. */
static bool push(struct api *api, struct client *c)
{
	while (c->sent < c->flow.len) {
		ssize_t n = send(c->fd, c->flow.buf + c->sent, c->flow.len - c->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->sent += (size_t)n;
		c->active_ms = api->now_ms;
	}
	c->active_ms = api->now_ms; /* it waits for packets, not we for it */
	return true;
}

bool api_stream_turn(struct api *api, struct client *c, bool *is_over)
{
	bool any = false, more = true;

	if (!c->is_logged && watch_is_on(c->req.watch))
		log_begin(c);
	if (c->fd >= 0) {
		more = fetch(api, c, &any);
		if (c->flow.failed || !push(api, c)) {
			close(c->fd);
			c->fd = -1;
			stream_stop(c->stream);
		}
	}
	*is_over = c->is_back && (c->fd < 0 || !more);
	if (*is_over) {
		if (c->is_logged)
			log_end(c);
		api_stream_drop(c);
	}
	return any;
}
