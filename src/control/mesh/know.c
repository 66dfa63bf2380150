/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of peers, and what is wrong with them: one function an alarm. */
#include <inttypes.h>
#include <stdio.h>

#include "conf/conf.h"
#include "control/alarm_rules.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"

#define UNLIKE_MS    60000 /* rounds that leave a difference are some seconds apart */
#define WRONG_KEY_MS 30000 /* a handshake is tried again every second or two */

bool mesh_is_up(const struct mesh_site *s)
{
	for (unsigned d = 0; d < ENGINE_DOMAINS; d++)
		if (s->is_member[d] && s->reach[d] == NEXT_UP)
			return true;
	return false;
}

bool mesh_lacks(const struct mesh_site *s, unsigned domain)
{
	return s->is_member[domain] && s->hello.up && s->reach[domain] != NEXT_UP;
}

/* A site that sessions are held with. */
static bool is_peer(const struct mesh_site *s)
{
	return s->conf != NULL && !s->conf->retired;
}

void mesh_watch_sites(struct ctl *ctl)
{
	struct mesh *m = ctl->mesh;

	for (unsigned n = 1; n < NEXT_NODES; n++) {
		struct mesh_site *s = &m->site[n];
		struct engine_peer_info info;

		if (!is_peer(s) || engine_peer_info(m->engine, (uint8_t)n, &info) < 0)
			continue;
		if (info.behind == 0)
			s->behind_ms = 0;
		else if (s->behind_ms == 0)
			s->behind_ms = ctl->now_ms;
	}
}

uint64_t mesh_behind_ms(const struct ctl *ctl, uint8_t node)
{
	uint64_t since_ms = ctl->mesh->site[node].behind_ms;

	return since_ms == 0 ? 0 : ctl->now_ms - since_ms;
}

/* --- alarms: the number, and in detail what it is about --- */

static void name_first(const struct ctl *ctl, struct alarm_fact *f, unsigned node)
{
	if (f->value++ == 0)
		snprintf(f->detail, sizeof(f->detail), "%s", mesh_site_name(ctl, (uint8_t)node));
}

/* Counts the peers of which it is true, and names one. */
static void count_sites(const struct ctl *ctl, struct alarm_fact *f,
	bool (*is)(const struct ctl *ctl, uint8_t node, const struct mesh_site *s))
{
	for (unsigned n = 1; ctl->mesh != NULL && n < NEXT_NODES; n++)
		if (is_peer(&ctl->mesh->site[n]) && is(ctl, (uint8_t)n, &ctl->mesh->site[n]))
			name_first(ctl, f, n);
}

void mesh_alone(struct ctl *ctl, struct alarm_fact *f)
{
	for (uint16_t d = 0; ctl->mesh != NULL && d < ctl->conf->domain_count; d++) {
		struct engine_domain_info info;

		if (engine_domain_info(ctl->mesh->engine, d, &info) < 0 || info.alone == 0)
			continue;
		if (f->value == 0)
			snprintf(f->detail, sizeof(f->detail), "domain %s",
				ctl->conf->domains[d].name);
		f->value += info.alone;
	}
}

void mesh_clock_off(struct ctl *ctl, struct alarm_fact *f)
{
	for (uint16_t d = 0; ctl->mesh != NULL && d < ctl->conf->domain_count; d++) {
		int64_t off = ctl->mesh->domain[d].clock_off_ms;
		uint64_t ms = off < 0 ? 0 - (uint64_t)off : (uint64_t)off;

		if (ms <= f->value)
			continue;
		f->value = ms;
		snprintf(f->detail, sizeof(f->detail), "domain %s: this clock is %s",
			ctl->conf->domains[d].name, off < 0 ? "ahead" : "behind");
	}
}

static bool is_down(const struct ctl *ctl, uint8_t node, const struct mesh_site *s)
{
	(void)ctl;
	(void)node;
	for (unsigned d = 0; d < ENGINE_DOMAINS; d++)
		if (s->is_member[d] && s->reach[d] != NEXT_UP && !mesh_lacks(s, d))
			return !s->is_incompatible;
	return false;
}

void mesh_peer_down(struct ctl *ctl, struct alarm_fact *f)
{
	count_sites(ctl, f, is_down);
}

void mesh_peer_domain(struct ctl *ctl, struct alarm_fact *f)
{
	for (unsigned n = 1; ctl->mesh != NULL && n < NEXT_NODES; n++) {
		const struct mesh_site *s = &ctl->mesh->site[n];

		for (unsigned d = 0; is_peer(s) && d < ctl->conf->domain_count; d++)
			if (mesh_lacks(s, d) && f->value++ == 0)
				snprintf(f->detail, sizeof(f->detail), "%s, domain %s",
					mesh_site_name(ctl, (uint8_t)n),
					ctl->conf->domains[d].name);
	}
}

/* It makes handshakes with another key than is configured for it here, or for us there, and nothing
 * genuine has come since. Keys of its last life may be there still. */
static bool has_wrong_key(const struct ctl *ctl, uint8_t node, const struct mesh_site *s)
{
	struct session_info info;

	if (mesh_is_up(s) || channel_info(ctl, node, &info) < 0 || info.failed_ms <= info.heard_ms)
		return false;
	return (info.last_failure == SESSION_MAC || info.last_failure == SESSION_HANDSHAKE) &&
	       ctl->now_ms - info.failed_ms < WRONG_KEY_MS;
}

void mesh_peer_key(struct ctl *ctl, struct alarm_fact *f)
{
	count_sites(ctl, f, has_wrong_key);
}

static bool is_incompatible(const struct ctl *ctl, uint8_t node, const struct mesh_site *s)
{
	(void)ctl;
	(void)node;
	return s->is_incompatible;
}

void mesh_peer_incompatible(struct ctl *ctl, struct alarm_fact *f)
{
	count_sites(ctl, f, is_incompatible);
}

/* Of one that is down there is another alarm. */
void mesh_peer_behind(struct ctl *ctl, struct alarm_fact *f)
{
	for (unsigned n = 1; ctl->mesh != NULL && n < NEXT_NODES; n++) {
		uint64_t ms = mesh_behind_ms(ctl, (uint8_t)n);

		if (ms <= f->value || !mesh_is_up(&ctl->mesh->site[n]))
			continue;
		f->value = ms;
		snprintf(f->detail, sizeof(f->detail), "%s", mesh_site_name(ctl, (uint8_t)n));
	}
}

static bool is_full(const struct ctl *ctl, uint8_t node, const struct mesh_site *s)
{
	struct engine_peer_info info;

	(void)s;
	return engine_peer_info(ctl->mesh->engine, node, &info) == 0 && info.full;
}

void mesh_peer_full(struct ctl *ctl, struct alarm_fact *f)
{
	count_sites(ctl, f, is_full);
}

static void name_drift(const struct ctl *ctl, struct alarm_fact *f, unsigned node, unsigned domain)
{
	char names[ALARM_DETAIL_MAX];

	snprintf(f->detail, sizeof(f->detail), "%s, domain %s: %s",
		mesh_site_name(ctl, (uint8_t)node), ctl->conf->domains[domain].name,
		mesh_setting_names(ctl->mesh->site[node].drift[domain], names, sizeof(names)));
}

void mesh_settings_differ(struct ctl *ctl, struct alarm_fact *f)
{
	for (unsigned n = 1; ctl->mesh != NULL && n < NEXT_NODES; n++) {
		const struct mesh_site *s = &ctl->mesh->site[n];

		for (unsigned d = 0; is_peer(s) && d < ctl->conf->domain_count; d++) {
			if (s->drift[d] == 0)
				continue;
			if (f->value == 0)
				name_drift(ctl, f, n, d);
			f->value += (uint64_t)__builtin_popcount(s->drift[d]);
		}
	}
}

void mesh_records_differ(struct ctl *ctl, struct alarm_fact *f)
{
	for (unsigned n = 1; ctl->mesh != NULL && n < NEXT_NODES; n++) {
		const struct mesh_site *s = &ctl->mesh->site[n];

		if (s->unlike == 0 || ctl->now_ms - s->unlike_ms > UNLIKE_MS)
			continue;
		if (f->value == 0)
			snprintf(f->detail, sizeof(f->detail), "%s",
				mesh_site_name(ctl, (uint8_t)n));
		f->value += s->unlike;
	}
}

/* Not while it is only starting. */
void mesh_domain_waits(struct ctl *ctl, struct alarm_fact *f)
{
	for (uint16_t d = 0; ctl->mesh != NULL && d < ctl->conf->domain_count; d++) {
		const struct conf_domain *conf = &ctl->conf->domains[d];
		struct engine_domain_info info;

		if (engine_domain_info(ctl->mesh->engine, d, &info) < 0 ||
			info.says != NEXT_JOINING || info.waits_for == 0 ||
			ctl->now_ms - ctl->mesh->domain[d].says_ms < conf->join_timeout_ms)
			continue;
		if (f->value++ == 0)
			snprintf(f->detail, sizeof(f->detail), "%s waits for %s", conf->name,
				mesh_site_name(ctl, info.waits_for));
	}
}
