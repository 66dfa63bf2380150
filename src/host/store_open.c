/* SPDX-License-Identifier: BSD-3-Clause */
/* The start of the store: what is there, whether it can be believed, and for how long everything
 * has been known. */
#include "host/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "host/store_priv.h"
#include "records/feed.h"

#define TAG "store"

/*
 * A run that could write nothing at all, on a read-only disk, leaves no trace: what the run before
 * it closed in order looks as if nothing had been since. So that counts only for as long as a
 * restart takes.
 */
#define CLOSED_FOR_MS 60000

static void say_moved(struct store *s, struct store_start *start, const char *why)
{
	snprintf(start->moved_to, sizeof(start->moved_to), "%s/%s", s->dir.path, s->dir.aside);
	log_warn(TAG, "%s: moved aside, hamd starts without bindings moved-to=%s", why,
		start->moved_to);
	start->was_moved = start->is_new = true;
	start->found = (struct store_found){ 0 };
}

/* Damaged, why stands in err. */
static int set_aside(struct store *s, struct store_start *start, char *err, size_t err_len)
{
	char why[400], to_err[400];
	int ret;

	snprintf(why, sizeof(why), "%s", err);
	if (s->opts.refuse_damage) {
		snprintf(err, err_len,
			"%s; nothing was touched: move %s away to start without its bindings", why,
			s->dir.path);
		return -EBADMSG;
	}
	ret = store_dir_move_aside(&s->dir, to_err, sizeof(to_err));
	if (ret < 0)
		snprintf(err, err_len, "%s; %s", why, to_err);
	else
		say_moved(s, start, why);
	return ret;
}

static void say_found(const struct store *s, const struct store_found *found)
{
	if (found->torn > 0)
		log_info(TAG,
			"the last octets were not written to their end and are left out "
			"octets=%" PRIu64 " path=%s",
			found->torn, s->dir.path);
	if (found->clock != STORE_CLOCK_OK)
		log_warn(TAG, "%s: bindings go on with what they had left then path=%s",
			store_clock_text(found->clock), s->dir.path);
}

static int read_store(struct store *s, const struct store_reader *reader, struct store_start *start,
	char *err, size_t err_len)
{
	int ret = store_read(&s->dir, &s->began, reader, &start->found, err, err_len);

	if (ret == -EBADMSG)
		return set_aside(s, start, err, err_len);
	if (ret < 0)
		return ret;
	start->is_new = s->dir.count == 0;
	if (start->is_new && s->dir.aside[0] != '\0') /* killed before it could say so */
		say_moved(s, start, "there was a damaged store");
	say_found(s, &start->found);
	return 0;
}

/* Of a domain that waited for the store everything is in it that was acknowledged, unless the power
 * went; of others when the last run ended in order. */
static bool is_known(const struct store_start *start, uint32_t domain)
{
	const struct store_found *found = &start->found;

	if (start->is_new || found->is_lost)
		return false;
	if (found->waited[domain])
		return found->is_closed || found->is_same_boot;
	return found->is_closed && found->clock == STORE_CLOCK_OK &&
	       found->away_ms <= CLOSED_FOR_MS;
}

static void judge_domains(struct store *s, struct store_start *start)
{
	uint64_t now_ms = store_own_ms(s->opts.clock_ms);

	for (uint32_t i = 0; i < s->opts.domain_count; i++) {
		if (is_known(start, i))
			start->known_ms[i] = start->found.known_ms[i];
		s->known_ms[i] = now_ms - start->known_ms[i];
	}
}

/* Files that a mark made superfluous and nobody came to remove go with the others. */
static void take_over(struct store *s, const struct store_found *found)
{
	for (uint32_t i = 0; i < s->dir.count; i++)
		s->old[s->old_count++] = (struct old_file){ s->dir.number[i], 0 };
	s->next_number = found->last_number + 1;
	if (found->is_last_empty) { /* one that is killed at each start makes no row of files */
		s->old_count--;
		s->next_number--;
	}
	if (s->old_count > 0)
		s->old[s->old_count - 1].length = found->octets;
}

/* What the last run wrote and did not come to force to disk has just been believed: mobile nodes
 * will be told so, and a loss of power is not to undo it until it is written anew. */
static int sync_old(const struct store *s)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < s->old_count; i++)
		ret = store_file_sync(s->dir.fd, s->old[i].number);
	return ret;
}

/* A store that cannot be written is no reason not to serve; but what it says of its end is not so
 * any more. */
static void begin_writing(struct store *s, bool is_new)
{
	uint64_t last = s->old_count > 0 ? s->old[s->old_count - 1].number : 0;
	int ret = sync_old(s);

	if (ret == 0)
		ret = store_new_file(s);

	if (ret < 0) {
		if (last > 0)
			(void)store_file_set_lost(s->dir.fd, last);
		store_fail(s, ret, "a new file");
	} else if (!is_new) {
		feed_want_all(s->feed);
	}
}

int store_open(const struct store_opts *opts, const struct store_reader *reader, struct store **out,
	struct store_start *start, char *err, size_t err_len)
{
	struct store *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	*start = (struct store_start){ 0 };
	snprintf(err, err_len, "store %s: %s", opts->path, strerror(ENOMEM));
	if (s == NULL)
		return ret;
	s->opts = *opts;
	s->feed = opts->feed;
	s->w.fd = s->dir.fd = -1;
	s->retry_s = STORE_RETRY_MIN_S;
	s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->wake_fd >= 0) {
		store_now(&s->began);
		ret = store_dir_open(&s->dir, opts->path, err, err_len);
	}
	if (ret == 0)
		ret = read_store(s, reader, start, err, err_len);
	if (ret < 0) {
		store_stop(s, false);
		return ret;
	}
	judge_domains(s, start);
	take_over(s, &start->found);
	begin_writing(s, start->is_new);
	feed_on_wake(s->feed, store_on_wake, s);
	*out = s;
	return 0;
}
