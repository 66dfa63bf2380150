/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core: the only writer of records and tables. One lcore calls ctl_poll() for ever;
 * it never blocks. Host threads talk to it by requests: submit, reap, submit again while it is
 * not done; a request belongs to exactly one side at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "common/jw.h"
#include "dataplane/watch.h"

struct acct;
struct bring;
struct conf;
struct ctl;
struct dp;
struct feed;
struct record_image;
struct seen_pair;
struct subs;
struct tables;

/* 0 or -errno with a line in err. Installs addresses and routes, starts duplicate address
 * detection at the first turn. subs is control's if it succeeds. */
int ctl_new(const struct conf *conf, struct subs *subs, struct tables *tables, struct dp *dp,
	struct ctl **out, char *err, size_t err_len);
/* The data plane has stopped running: tells the host thread of accounting, which must still run,
 * the end of all sessions. */
void ctl_finish(struct ctl *ctl);
void ctl_free(struct ctl *ctl); /* the data plane must have stopped running */
/* Lines for mesh.key-log-file, to be written by a thread of the host's; NULL: there is none. */
struct bring *ctl_key_log(const struct ctl *ctl);
struct acct *ctl_acct(const struct ctl *ctl); /* for that thread; NULL: no accounting */

bool ctl_poll(void *ctl); /* a dp_poll_fn: one turn */

/* --- the store: before ctl_poll() is called, or after it was, by whoever calls it --- */

struct feed *ctl_feed(const struct ctl *ctl); /* for the store's thread; NULL: no store */

int64_t ctl_store_clock(const struct ctl *ctl); /* struct store_opts' clock_ms */

/* What is in the store, record by record: struct store_reader's functions (host/store_read.h). What
 * is over by now, and what the configuration has no place for any more, is left out and counted. */
void ctl_load_clock(void *ctl, uint64_t now_ms);
int ctl_load_domain(void *ctl, const char *name);
int ctl_load_record(void *ctl, int domain, const struct record_image *image);
int ctl_load_seen(void *ctl, int domain, const struct seen_pair *pair);
int ctl_load_end(void *ctl);

struct ctl_past { /* of what was before this start */
	/* By domain: for how long all bindings have been known, 0: some may have been forgotten. */
	const uint64_t *known_ms;
	bool was_damaged; /* the store could not be believed */
	bool is_lost; /* what is in the store is not all that was known */
	bool has_no_clock; /* nobody knows how long ago it was written */
	uint64_t away_ms; /* else: so long */
};

/* That was all of it: the bindings are in force, and changes are told to the store from now on. 0,
 * or -errno with a line in err. */
int ctl_loaded(struct ctl *ctl, const struct ctl_past *past, char *err, size_t err_len);
/* The store's thread runs: until everything is in its new file, or it fails. */
void ctl_store_settle(struct ctl *ctl);
/* The same at the end: until everything is handed over. False: it was not. */
bool ctl_store_finish(struct ctl *ctl);

enum ctl_cmd {
	CTL_SHOW_BINDINGS, /* filters: prefix, coa, domain; includes tombstones with `all` */
	CTL_SHOW_BINDING, /* key */
	CTL_SHOW_SUMMARY, /* of live bindings; filters: prefix, coa, domain */
	CTL_SHOW_PORTS,
	CTL_SHOW_LCORES,
	CTL_SHOW_COUNTERS,
	CTL_SHOW_DROPS, /* `all`: also those at 0 */
	CTL_SHOW_ROUTES,
	CTL_SHOW_NEIGHBORS,
	CTL_SHOW_ADDRESSES,
	CTL_SHOW_CONFIG,
	CTL_SHOW_STORE,
	CTL_SHOW_VERSION,
	CTL_SHOW_DOMAINS,
	CTL_SHOW_PEERS, /* the other sites of the mesh */
	CTL_SHOW_SA, /* the tunnels to them */
	CTL_METRICS,
	CTL_SHOW_ALARMS, /* `all`: also those that are not raised */
	CTL_BINDING_DELETE, /* key */
	CTL_BINDING_MOVE, /* key, site */
	CTL_READY, /* domain, "" = all: status 0 when it is; with `force` it becomes so */
	CTL_DRAIN, /* domain, "" = all; `force`: also where nobody can take over */
	CTL_UNDRAIN, /* domain, "" = all */
	CTL_RELOAD, /* host/reload.h answers it; refused here */
	CTL_TRACE, /* watch, port; these two are answered when the watch has ended */
	CTL_CAPTURE,
	CTL_CMD_COUNT
};

#define CTL_SLICE_BYTES 65536 /* a slice of an answer ends with the item that passes this */

/* What bindings amount to. */
struct ctl_sum {
	uint64_t bindings;
	uint64_t used_to, used_from; /* bindings that carried packets, by direction */
	uint64_t packets_to, bytes_to, packets_from, bytes_from;
};

struct ctl_req {
	enum ctl_cmd cmd;
	bool has_key, has_prefix, has_coa, all, force;
	struct ip6_addr key; /* home address */
	struct ip6_prefix prefix;
	struct ip6_prefix coa;
	char domain[32]; /* "" = any */
	char site[32]; /* where to */

	/* What is to be watched, as it was asked for: control reads `port`, "" = any. */
	struct watch_opts ask;
	uint32_t ask_seconds; /* 0: no end */
	char port[32];
	struct watch *watch; /* the submitter's; may be freed once the request is done */

	/* The answer: JSON documents, one a line, appended to out; the submitter empties it. */
	struct jw out;
	uint32_t cursor, generation; /* control's; 0 at first */
	struct ctl_sum sum; /* control's, likewise */
	bool done;
	int status; /* 0 or -errno, when done */
	char error[512]; /* a line, when status is not 0 */
	void *user; /* the submitter's */
};

/*
 * A reload: control takes the set in one step, between two packets, then ends the bindings of
 * those who are not in it any more, in slices, and gives back the set that it had. One at a time.
 */
struct ctl_update {
	struct subs *subs; /* there: the new set; back: the old one */
	const char *
		json; /* what CTL_SHOW_CONFIG shows from then on; stays until the next has come back */
	uint32_t ended; /* back: bindings that were ended */
};

/* One host thread. */
void ctl_update(struct ctl *ctl, struct ctl_update *u);
bool ctl_is_updated(const struct ctl *ctl); /* it has come back */
const struct subs *ctl_subscribers(const struct ctl *ctl); /* for it, before the first update */

/* Host threads, one of them at a time. -EAGAIN: too many in flight. */
int ctl_submit(struct ctl *ctl, struct ctl_req *req);
struct ctl_req *ctl_reap(struct ctl *ctl); /* NULL: none ready */
