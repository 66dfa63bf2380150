/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens in the mesh, for people: one line an event, each kind a few times in five seconds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh_priv.h"

#define TAG "mesh"

const char *mesh_says_name(enum next_says says)
{
	static const char *const names[] = { [NEXT_JOINING] = "joining",
		[NEXT_READY] = "ready",
		[NEXT_DRAINING] = "draining",
		[NEXT_LEFT] = "left" };

	return names[says];
}

const char *mesh_reach_name(enum next_reach reach)
{
	static const char *const names[] = {
		[NEXT_DEAD] = "dead", [NEXT_UP] = "up", [NEXT_CUT_OFF] = "cut off"
	};

	return names[reach];
}

const char *mesh_site_name(const struct ctl *ctl, uint8_t node)
{
	static char number[16]; /* control's alone */
	const struct mesh_site *s = &ctl->mesh->site[node];

	if (node == ctl->conf->node.id)
		return ctl->conf->node.name;
	if (s->conf != NULL)
		return s->conf->name;
	snprintf(number, sizeof(number), "node %u", node);
	return number;
}

uint8_t mesh_find_site(const struct ctl *ctl, const char *name)
{
	if (strcmp(ctl->conf->node.name, name) == 0)
		return (uint8_t)ctl->conf->node.id;
	for (unsigned n = 1; n < NEXT_NODES; n++)
		if (ctl->mesh->site[n].conf != NULL &&
			strcmp(ctl->mesh->site[n].conf->name, name) == 0)
			return (uint8_t)n;
	return 0;
}

/* Of an event: its blame, its words, and what its number counts (NULL: it has none). */
static const struct {
	enum log_level level;
	const char *text, *n;
} lines[ENGINE_EV_COUNT] = {
	[ENGINE_EV_STATE] = { LOG_INFO, "this site has another state now", NULL },
	[ENGINE_EV_WAITING_FOR] = { LOG_WARN,
		"not ready, and cannot be before that site answers: start it, set it to retired, "
		"or "
		"hamctl ready --force",
		NULL },
	[ENGINE_EV_SNAPSHOT_BEGUN] = { LOG_INFO, "asks that site for all bindings", "known" },
	[ENGINE_EV_SNAPSHOT_DONE] = { LOG_INFO, "has all bindings of that site", "records" },
	[ENGINE_EV_SNAPSHOT_REFUSED] = { LOG_WARN,
		"some bindings of that site were refused here: asks again; is limits.max-bindings "
		"less than there, or are mobile-prefixes others, or is a clock wrong?",
		NULL },
	[ENGINE_EV_HELD_OUT] = { LOG_WARN, "that site is gone: its bindings are taken over", NULL },
	[ENGINE_EV_RETURNED] = { LOG_INFO, "that site is back", NULL },
	[ENGINE_EV_TAKEN_OVER] = { LOG_INFO, "taken over", "bindings" },
	[ENGINE_EV_HANDED_BACK] = { LOG_INFO, "handed to other sites", "bindings" },
	[ENGINE_EV_DRAINED] = { LOG_INFO, "drained: other sites hold every binding", NULL },
	[ENGINE_EV_DRAIN_REFUSED] = { LOG_WARN,
		"that site refuses bindings: the drain waits for it; is limits.max-bindings less "
		"there?",
		NULL },
	[ENGINE_EV_DRAIN_FORCED] = { LOG_WARN,
		"left by force: that site has not acknowledged every binding it was given", NULL },
	[ENGINE_EV_DRAIN_ENDED] = { LOG_WARN,
		"no other site is ready any more: is not drained, and serves again", NULL },
	[ENGINE_EV_CLOCK] = { LOG_WARN,
		"not ready, and cannot be before this clock agrees with that of the other sites",
		NULL },
	[ENGINE_EV_STRAY_CLAIM] = { LOG_WARN,
		"that site took over what another one should have: do both see the same sites?",
		"from-node" },
	[ENGINE_EV_STALLED] = { LOG_WARN, "this site stood still", "ms" },
	[ENGINE_EV_ALONE] = { LOG_INFO, "acknowledged a binding that no other site holds",
		"alone" },
	[ENGINE_EV_PEER_FULL] = { LOG_WARN, "that site has no room for our bindings", NULL },
	[ENGINE_EV_UNLIKE] = { LOG_WARN, "that site and this one cannot agree on some bindings",
		"records" },
	[ENGINE_EV_PEER_RESTARTED] = { LOG_INFO, "that site has begun a new life", NULL },
	[ENGINE_EV_FOREIGN] = { LOG_WARN,
		"that site sent a record outside the domain's mobile prefixes or home agent "
		"addresses, or with a number or timestamp out of reach (is a clock wrong?): "
		"refused",
		NULL },
	[ENGINE_EV_FULL] = { LOG_WARN, "no room for a record of that site: refused", NULL },
	[ENGINE_EV_MALFORMED] = { LOG_WARN, "that site sent what makes no sense: ignored", NULL },
	[ENGINE_EV_WAITS_FULL] = { LOG_WARN,
		"as many acknowledgements wait as mesh.max-waits allows: more are not sent, and "
		"their mobile nodes repeat",
		NULL },
	[ENGINE_EV_FORGOTTEN] = { LOG_WARN,
		"numbers of mobile nodes without a binding are forgotten, the oldest first: more "
		"than there is room for",
		"forgotten" },
	[ENGINE_EV_SUPERSEDED] = { LOG_INFO,
		"bindings end before their time: their mobile nodes registered again at a site "
		"that was not heard then",
		"ended" },
};

/* " key=value" behind what is in line already; returns its length then. */
static size_t put(char *line, size_t room, size_t at, const char *key, const char *value)
{
	int n = snprintf(line + at, room - at, " %s=%s", key, value);

	return n < 0 || (size_t)n >= room - at ? room - 1 : at + (size_t)n;
}

static bool is_of_a_domain(enum engine_event e)
{
	return e != ENGINE_EV_STALLED && e != ENGINE_EV_PEER_RESTARTED && e != ENGINE_EV_MALFORMED;
}

void mesh_say(struct ctl *ctl, enum engine_event e, uint16_t domain, uint8_t node, uint64_t n)
{
	char line[LOG_LINE_MAX], number[24];
	uint32_t suppressed;
	size_t at;

	if (!log_rl_pass(&ctl->mesh->log[e], ctl->now_ms, &suppressed))
		return;
	at = (size_t)snprintf(line, sizeof(line), "%s", lines[e].text);
	if (is_of_a_domain(e))
		at = put(line, sizeof(line), at, "domain", ctl->conf->domains[domain].name);
	if (node != 0)
		at = put(line, sizeof(line), at, "site", mesh_site_name(ctl, node));
	if (e == ENGINE_EV_STATE)
		at = put(line, sizeof(line), at, "state", mesh_says_name((enum next_says)n));
	if (lines[e].n != NULL) {
		snprintf(number, sizeof(number), "%" PRIu64, n);
		at = put(line, sizeof(line), at, lines[e].n, number);
	}
	if (suppressed > 0) {
		snprintf(number, sizeof(number), "%u", suppressed);
		put(line, sizeof(line), at, "suppressed", number);
	}
	log_write(lines[e].level, TAG, "%s", line);
}

/* A peer may say another thing in each hello: what it makes us say is bounded, each kind apart. */

static void say_drift(
	struct ctl *ctl, uint16_t domain, uint8_t node, uint32_t drift, uint32_t suppressed)
{
	char names[160];

	if (drift == 0)
		log_info(TAG, "that site is configured alike again domain=%s site=%s suppressed=%u",
			ctl->conf->domains[domain].name, mesh_site_name(ctl, node), suppressed);
	else
		log_warn(TAG,
			"that site is configured differently domain=%s site=%s settings=%s "
			"suppressed=%u",
			ctl->conf->domains[domain].name, mesh_site_name(ctl, node),
			mesh_setting_names(drift, names, sizeof(names)), suppressed);
}

static void say_clock(struct ctl *ctl, uint16_t domain, int64_t off_ms, uint32_t suppressed)
{
	const char *name = ctl->conf->domains[domain].name;

	if (off_ms != 0)
		log_warn(TAG,
			"other sites agree with each other about the time and not with us "
			"domain=%s theirs-less-ours-ms=%" PRId64 " suppressed=%u",
			name, off_ms, suppressed);
	else
		log_info(TAG, "other sites agree with us about the time domain=%s suppressed=%u",
			name, suppressed);
}

void mesh_say_hello(
	struct ctl *ctl, enum hello_event event, uint16_t domain, uint8_t node, int64_t value)
{
	uint32_t suppressed;

	/* of standing still the engine tells; keys of labels are secret, and no news */
	if (event == HELLO_STALL || event == HELLO_LABEL_KEY ||
		!log_rl_pass(&ctl->mesh->hello_log[event], ctl->now_ms, &suppressed))
		return;
	switch (event) {
	case HELLO_REACH:
		log_info(TAG, "that site is %s domain=%s site=%s suppressed=%u",
			mesh_reach_name((enum next_reach)value), ctl->conf->domains[domain].name,
			mesh_site_name(ctl, node), suppressed);
		break;
	case HELLO_RESTARTED:
		log_info(TAG, "that site was started anew site=%s suppressed=%u",
			mesh_site_name(ctl, node), suppressed);
		break;
	case HELLO_INCOMPATIBLE:
		log_warn(TAG,
			"that site speaks %s version of the protocol that we do site=%s "
			"suppressed=%u",
			value != 0 ? "no" : "a", mesh_site_name(ctl, node), suppressed);
		break;
	case HELLO_DRIFT:
		say_drift(ctl, domain, node, (uint32_t)value, suppressed);
		break;
	default:
		say_clock(ctl, domain, value, suppressed);
	}
}
