/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "host/capture_file.h"
#include "host/trace_json.h"

struct stream {
	struct watch *watch;
	enum watch_kind kind;
	uint64_t count, end_ms; /* 0: without */
	uint64_t packets; /* that went out */
	uint64_t heard_ms; /* of a trace: when there was something in a ring */
	bool has_ended; /* the last document is out */
	struct assembly *assembly; /* of a trace */
	struct capture_file *file; /* of a capture */
};

int stream_new(const struct ctl_req *req, uint16_t lanes, uint64_t now_ms, struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct watch_opts opts = req->ask;
	int ret;

	if (s == NULL)
		return -ENOMEM;
	opts.lanes = lanes;
	s->kind = opts.kind;
	s->count = opts.count;
	s->heard_ms = now_ms;
	s->end_ms = req->ask_seconds > 0 ? now_ms + 1000ULL * req->ask_seconds : 0;
	ret = watch_new(&opts, &s->watch);
	if (ret == 0 && s->kind == WATCH_TRACE)
		ret = assembly_new(&opts.filter, &s->assembly);
	if (ret == 0 && s->kind == WATCH_CAPTURE)
		ret = capture_file_new(s->watch, opts.snaplen, &s->file);
	if (ret < 0) {
		stream_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	assembly_free(s->assembly);
	capture_file_free(s->file);
	watch_free(s->watch);
	free(s);
}

struct watch *stream_watch(struct stream *s)
{
	return s->watch;
}

void stream_stop(struct stream *s)
{
	watch_stop(s->watch);
}

static bool is_full(const struct stream *s)
{
	return s->count > 0 && s->packets >= s->count;
}

/* --- a trace --- */

/* What is in the rings, and no more than they hold: a worker may write as fast as this reads.
 * True: there was something. */
static bool read_legs(struct stream *s, uint64_t now_ms)
{
	bool any = false;

	for (uint16_t lane = 0; lane < watch_lanes(s->watch); lane++) {
		const struct trace_leg *leg;
		uint32_t len, octets = 0;

		while (octets < watch_octets(s->watch) &&
			(leg = watch_peek(s->watch, lane, &len)) != NULL) {
			assembly_add(s->assembly, leg, now_ms);
			watch_next(s->watch, lane);
			octets += len;
			any = true;
		}
	}
	assembly_round(s->assembly);
	if (any)
		s->heard_ms = now_ms;
	return any;
}

static bool pump_trace(struct stream *s, struct jw *out, uint64_t now_ms, bool all)
{
	bool any = read_legs(s, now_ms);
	const struct traced *t;

	while (out->len < CTL_SLICE_BYTES && !is_full(s) &&
		(t = assembly_take(s->assembly, now_ms, all)) != NULL) {
		trace_json(out, s->watch, t, ++s->packets);
		any = true;
	}
	return any;
}

/* --- a capture --- */

/* The lane whose oldest record is the oldest of all, so that a file is in order as far as it can
 * be. */
static const struct watch_frame *oldest(struct stream *s, uint16_t *lane, uint32_t *len)
{
	const struct watch_frame *first = NULL;

	for (uint16_t i = 0; i < watch_lanes(s->watch); i++) {
		uint32_t n;
		const struct watch_frame *f = watch_peek(s->watch, i, &n);

		if (f == NULL || (first != NULL && first->tsc <= f->tsc))
			continue;
		first = f;
		*lane = i;
		*len = n;
	}
	return first;
}

static bool pump_capture(struct stream *s, struct jw *out)
{
	const struct watch_frame *f;
	bool any = false;
	uint16_t lane;
	uint32_t len;

	while (!is_full(s) && capture_file_has_room(s->file) &&
		(f = oldest(s, &lane, &len)) != NULL) {
		capture_file_add(s->file, f, len);
		watch_next(s->watch, lane);
		s->packets++;
		any = true;
	}
	capture_file_flush(s->file, out);
	return any;
}

/* --- both --- */

static bool pump(struct stream *s, struct jw *out, uint64_t now_ms, bool all)
{
	return s->kind == WATCH_TRACE ? pump_trace(s, out, now_ms, all) : pump_capture(s, out);
}

/* So many packets were chosen as are wanted, but not all of them were told: nothing comes any
 * more, and what could not be put together has been told as it was. */
static bool is_over(const struct stream *s, uint64_t now_ms)
{
	return s->kind == WATCH_TRACE && watch_is_used_up(s->watch) &&
	       now_ms - s->heard_ms > ASSEMBLE_WAIT_MS;
}

bool stream_pump(struct stream *s, struct jw *out, uint64_t now_ms)
{
	bool any;

	if (!watch_is_on(s->watch)) {
		s->heard_ms = now_ms;
		return false;
	}
	any = pump(s, out, now_ms, false);
	if (is_full(s) || (s->end_ms > 0 && now_ms >= s->end_ms) || (!any && is_over(s, now_ms)))
		watch_stop(s->watch);
	return any;
}

static void put_summary(struct stream *s, struct jw *out)
{
	uint64_t packets, lost;

	stream_counts(s, &packets, &lost);
	jw_object(out, NULL);
	jw_u64(out, s->kind == WATCH_TRACE ? "traced" : "captured", packets);
	jw_u64(out, "lost", lost);
	jw_end(out, '}');
	jw_newline(out);
}

bool stream_end(struct stream *s, struct jw *out, uint64_t now_ms)
{
	if (s->has_ended)
		return false;
	/* Nothing more comes: what one lcore told is there, and what another told before. */
	if (pump(s, out, now_ms, true))
		return true;
	if (s->kind == WATCH_CAPTURE)
		capture_file_end(s->file, out);
	put_summary(s, out);
	s->has_ended = true;
	return true;
}

void stream_counts(const struct stream *s, uint64_t *packets, uint64_t *lost)
{
	*packets = s->packets;
	*lost = watch_lost(s->watch) + (s->kind == WATCH_TRACE ? assembly_lost(s->assembly) : 0);
}
