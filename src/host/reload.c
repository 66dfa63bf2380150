/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "conf/conf.h"
#include "control/ctl.h"
#include "host/api.h"
#include "host/subscribers.h"
#include "records/subs.h"

#define TAG      "reload"
#define POLL_US  500 /* how often control is asked whether it is done */
#define PATH_ERR sizeof(((struct ctl_req *)NULL)->error)

static const char busy[] = "a reload is running; ask again when it has ended";

/* What a reload came to. */
struct outcome {
	int status; /* 0 or -errno */
	char error[PATH_ERR]; /* a line, when status is not 0 */
	struct subs_diff diff;
	uint32_t subscribers, ended;
	uint32_t took_ms;
};

struct reload {
	struct reload_opts opts;
	const struct subs *subs; /* in use: control's, read here to count what changes */
	struct conf
		*shown; /* the last that was taken, whose text control shows; NULL: the start's */
	struct ctl_update update; /* control's from update() until is_updated() */
	int wake_fd, signal_fd;
	atomic_bool stopping;
	pthread_t thread;

	pthread_mutex_t lock; /* for what follows: between the thread and api's */
	bool running;
	bool asked, answered; /* by req, and outcome is its answer */
	struct ctl_req *req; /* of whoever waits for the reload; api's thread alone touches it */
	struct ctl_req *refused[API_CLIENTS];
	uint32_t refused_count;
	struct outcome outcome;
};

/* --- a reload --- */

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int read_conf(const struct reload *r, struct conf **out, struct outcome *o)
{
	char path[CONF_DIFF_MAX];
	int ret = conf_load_again(r->opts.path, out, o->error, sizeof(o->error));

	if (ret < 0)
		return ret;
	if (conf_can_become(r->opts.conf, *out, path))
		return 0;
	conf_free(*out);
	snprintf(o->error, sizeof(o->error), "%s: %s: needs a restart", r->opts.path, path);
	return -EINVAL;
}

static void warn(void *ctx, const char *line)
{
	(void)ctx;
	log_warn(TAG, "%s", line);
}

/* Control has the set until it gives one back, this or the other. False: it runs no more. */
static bool hand_over(struct reload *r, struct subs *subs, const struct conf *conf)
{
	const struct timespec pause = { 0, POLL_US * 1000L };

	r->update = (struct ctl_update){ .subs = subs, .json = conf_json(conf) };
	r->opts.ops.update(r->opts.ops.ctx, &r->update);
	while (!r->opts.ops.is_updated(r->opts.ops.ctx)) {
		if (r->stopping)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* More numbers are kept than until now. Written out it is for all of the domain, derived for those
 * that nothing else protects; in a mesh always for all. */
static bool are_more(
	const struct conf *running, const struct conf_domain *is, const struct conf_domain *will)
{
	if (!will->remember_sequence)
		return false;
	return !is->remember_sequence ||
	       (!conf_has_mesh(running) && will->remember_given && !is->remember_given);
}

/* What is kept of numbers is laid out at the start; in a mesh such a reload is refused. */
static void warn_numbers(const struct conf *running, const struct conf *wanted)
{
	for (uint32_t i = 0; i < wanted->domain_count; i++)
		if (are_more(running, &running->domains[i], &wanted->domains[i]))
			log_warn(TAG, "domains[%u].remember-sequence: begins with the next start",
				i);
}

/* What was read is good: use it. Takes both. */
static int apply(struct reload *r, struct conf *conf, struct subs *subs, struct outcome *o)
{
	bool taken;

	o->subscribers = subs_count(subs);
	subs_compare(r->subs, subs, &o->diff);
	for (uint32_t i = 0; i < conf->warning_count; i++)
		warn(NULL, conf->warnings[i]);
	subscribers_warn(conf, subs, warn, NULL);
	warn_numbers(r->opts.conf, conf);
	log_set_level_name(conf->runtime.log_level);
	taken = hand_over(r, subs, conf);
	r->subs = subs;
	/* not taken: control has stopped, before or after it took the set, and one is ours */
	subs_free(r->update.subs);
	conf_free(r->shown);
	r->shown = conf;
	o->ended = r->update.ended;
	if (taken)
		return 0;
	snprintf(o->error, sizeof(o->error), "hamd stops");
	return -ECANCELED;
}

static int reload_all(struct reload *r, struct outcome *o)
{
	struct conf *conf;
	struct subs *subs;
	int ret = read_conf(r, &conf, o);

	if (ret < 0)
		return ret;
	ret = subscribers_load(conf, &r->stopping, &subs, o->error, sizeof(o->error));
	conf_forget_keys(conf);
	conf_forget_private_key(conf);
	if (ret == 0)
		return apply(r, conf, subs, o);
	conf_free(conf);
	return ret;
}

static void say(const struct reload *r, struct outcome *o)
{
	size_t len = strlen(o->error);

	if (o->status == 0) {
		log_info(TAG,
			"configuration read again subscribers=%u added=%u changed=%u removed=%u "
			"bindings-ended=%u took-ms=%u",
			o->subscribers, o->diff.added, o->diff.changed, o->diff.removed, o->ended,
			o->took_ms);
	} else if (!r->stopping) {
		snprintf(o->error + len, sizeof(o->error) - len, "; nothing was changed");
		log_warn(TAG, "refused: %s", o->error);
	}
}

static void run(struct reload *r)
{
	uint64_t start = clock_ms();
	struct outcome o = { 0 };

	pthread_mutex_lock(&r->lock);
	r->running = true;
	r->asked = false; /* whoever did gets this one */
	pthread_mutex_unlock(&r->lock);
	o.status = reload_all(r, &o);
	o.took_ms = (uint32_t)(clock_ms() - start);
	say(r, &o);
	pthread_mutex_lock(&r->lock);
	r->running = false;
	r->outcome = o;
	r->answered = r->req != NULL;
	pthread_mutex_unlock(&r->lock);
}

/* --- the thread --- */

static bool is_asked(struct reload *r)
{
	bool asked;

	pthread_mutex_lock(&r->lock);
	asked = r->asked;
	pthread_mutex_unlock(&r->lock);
	return asked;
}

static void *reload_main(void *arg)
{
	struct reload *r = arg;
	struct pollfd p[] = {
		{ .fd = r->wake_fd, .events = POLLIN },
		{ .fd = r->signal_fd, .events = POLLIN },
	};

	pthread_setname_np(pthread_self(), "hamd-reload");
	while (!r->stopping) {
		struct signalfd_siginfo info;
		eventfd_t n;
		bool wanted;

		if (poll(p, DIM(p), -1) < 0)
			continue;
		eventfd_read(r->wake_fd, &n);
		wanted = read(r->signal_fd, &info, sizeof(info)) == sizeof(info);
		if (wanted)
			log_info(TAG, "asked by SIGHUP pid=%u uid=%u", info.ssi_pid, info.ssi_uid);
		if ((wanted || is_asked(r)) && !r->stopping)
			run(r);
	}
	return NULL;
}

/* --- api's side --- */

int reload_submit(struct reload *r, struct ctl_req *req)
{
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	if (r->req == NULL && !r->running) {
		r->req = req;
		r->asked = true;
		eventfd_write(r->wake_fd, 1);
	} else if (r->refused_count < DIM(r->refused)) {
		r->refused[r->refused_count++] = req;
	} else {
		ret = -EAGAIN;
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}

static void put_outcome(struct jw *w, const struct outcome *o)
{
	jw_object(w, NULL);
	jw_u64(w, "subscribers", o->subscribers);
	jw_u64(w, "added", o->diff.added);
	jw_u64(w, "changed", o->diff.changed);
	jw_u64(w, "removed", o->diff.removed);
	jw_u64(w, "bindings-ended", o->ended);
	jw_u64(w, "took-ms", o->took_ms);
	jw_end(w, '}');
	jw_newline(w);
}

static struct ctl_req *answer(struct ctl_req *req, int status, const char *error)
{
	req->done = true;
	req->status = status;
	snprintf(req->error, sizeof(req->error), "%s", error);
	return req;
}

struct ctl_req *reload_reap(struct reload *r)
{
	struct ctl_req *req = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->refused_count > 0) {
		req = answer(r->refused[--r->refused_count], -EBUSY, busy);
	} else if (r->answered) {
		req = answer(r->req, r->outcome.status, r->outcome.error);
		if (req->status == 0)
			put_outcome(&req->out, &r->outcome);
		r->req = NULL;
		r->answered = false;
	}
	pthread_mutex_unlock(&r->lock);
	return req;
}

/* --- life --- */

static void close_all(struct reload *r)
{
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	if (r->signal_fd >= 0)
		close(r->signal_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int reload_start(const struct reload_opts *opts, struct reload **out, char *err, size_t err_len)
{
	struct reload *r = calloc(1, sizeof(*r));
	sigset_t hup;
	int ret;

	if (r == NULL) {
		snprintf(err, err_len, "reload: no memory");
		return -ENOMEM;
	}
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	r->opts = *opts;
	r->subs = opts->subs;
	pthread_mutex_init(&r->lock, NULL);
	r->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->signal_fd = signalfd(-1, &hup, SFD_NONBLOCK | SFD_CLOEXEC);
	ret = r->wake_fd < 0 || r->signal_fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = -pthread_create(&r->thread, NULL, reload_main, r);
	if (ret < 0) {
		snprintf(err, err_len, "reload: %s", strerror(-ret));
		close_all(r);
		return ret;
	}
	*out = r;
	return 0;
}

void reload_stop(struct reload *r)
{
	if (r == NULL)
		return;
	r->stopping = true;
	eventfd_write(r->wake_fd, 1);
	pthread_join(r->thread, NULL);
	conf_free(r->shown);
	close_all(r);
}
