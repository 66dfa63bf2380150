/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "control/mesh/route.h"
#include "control/mip6/switch_priv.h"
#include "control/mip6/waiting.h"
#include "control/rng.h"
#include "records/records.h"
#include "records/subs.h"

/* RFC 5142, 8: INITIAL- and MAX-HA-SWITCH-TIMEOUT. Told at 0, 5, 15 and 35 s, given up at 55: it is
 * a hint, and who did not take it is served all the same. */
#define FIRST_MS   5000
#define LONGEST_MS 20000
#define TIMES      4

#define WAITING_MAX 8192 /* in all domains: 149 a second if none of them ever answers, 416 KiB */

static void on_timer(struct ctl *ctl, struct ctl_timer *timer);

/* --- life --- */

int switches_new(struct ctl *ctl, struct switches **out)
{
	const struct conf *conf = ctl->conf;
	struct switches *s;
	uint32_t on = 0;
	int ret;

	*out = NULL;
	for (uint32_t d = 0; d < conf->domain_count; d++)
		on += conf->domains[d].home_agent_switch;
	if (on == 0)
		return 0;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->share = WAITING_MAX / on;
	s->rng = ctl->seed ^ 0x5142;
	s->looked_ms = s->began_ms = s->walked_ms = ctl->now_ms;
	ret = waitings_new(WAITING_MAX, &s->waiting);
	s->told = calloc(records_max(ctl->records) + 1ULL, sizeof(*s->told));
	s->part = calloc(conf->domain_count, sizeof(*s->part));
	if (ret < 0 || s->told == NULL || s->part == NULL) {
		switches_free(s);
		return -ENOMEM;
	}
	for (uint32_t d = 0; d < conf->domain_count; d++) {
		uint32_t per_s = conf->domains[d].limits.switch_per_s;

		s->part[d].is_on = conf->domains[d].home_agent_switch;
		bucket_init(&s->part[d].begun, per_s, per_s / 10 + 1, ctl->now_ms);
	}
	*out = s;
	return 0;
}

void switches_free(struct switches *s)
{
	if (s == NULL)
		return;
	waitings_free(s->waiting);
	free(s->told);
	free(s->part);
	free(s);
}

uint64_t switches_memory(const struct ctl *ctl)
{
	return switches(ctl) == NULL ? 0 : (records_max(ctl->records) + 1ULL) * sizeof(uint16_t);
}

/* --- one mobile node --- */

static const struct mac_key *key_of(
	const struct ctl *ctl, const struct record *rec, const struct sub **sub)
{
	*sub = ctl_subscriber(ctl, rec->domain, &rec->hoa);
	if (*sub == NULL || (*sub)->auth != SUB_AUTH_MN_HA || ctl->mip6->mac == NULL)
		return NULL;
	return subs_key(ctl->subs, *sub);
}

/* What cannot be sent is counted where it fails, and repeated as if it had been lost. */
static void transmit(struct ctl *ctl, const struct record *rec, bool is_own)
{
	struct switches *s = switches(ctl);
	const struct conf_domain *d = &ctl->conf->domains[rec->domain];
	struct ip6_addr agents[CONF_PEERS_MAX] = { d->home_agent_address };
	const struct sub *sub;
	struct mip6_signer signer = { ctl->mip6->mac, key_of(ctl, rec, &sub) };
	uint32_t n = is_own ? switch_agents(ctl, rec->domain, rng_u64(&s->rng), agents) : 1;
	struct mip6_switch msg = {
		.from = d->home_agent_address,
		.hoa = rec->hoa,
		.coa = rec->coa,
		.agents = agents,
		.agent_count = (uint8_t)(n < MIP6_SWITCH_AGENTS ? n : MIP6_SWITCH_AGENTS),
	};
	int len;

	/* a reload took the key away; the other sites are not ready any more: look() will say so */
	if (signer.key == NULL || n == 0)
		return;
	msg.spi = sub->spi;
	msg.timestamp = sub->replay ? ctl->ntp : 0;
	len = mip6_write_switch(&msg, &signer, s->buf, sizeof(s->buf));
	assert(len > 0);
	if (ctl_send(ctl, s->buf, (uint16_t)len) == 0)
		ctl_count(ctl, CTL_HA_SWITCH_SENT);
}

static void finish(struct ctl *ctl, uint16_t domain, struct waiting *w)
{
	struct switches *s = switches(ctl);

	wheel_del(ctl->wheel, &w->timer.t);
	waiting_del(s->waiting, w);
	s->part[domain].waiting--;
}

static void tell(struct ctl *ctl, const struct record *rec, struct waiting *w)
{
	uint32_t wait_ms = FIRST_MS << w->sent;

	transmit(ctl, rec, w->id == switch_self(ctl));
	w->sent++;
	w->timer.fn = on_timer;
	ctl_timer_set(ctl, &w->timer, ctl->now_ms + (wait_ms < LONGEST_MS ? wait_ms : LONGEST_MS));
}

static void on_timer(struct ctl *ctl, struct ctl_timer *timer)
{
	struct waiting *w = container_of(timer, struct waiting, timer);
	const struct record *rec = records_at(ctl->records, w->handle);
	uint8_t node;

	/* a binding that ends takes its entry along: switch_ended() */
	assert(rec != NULL && rec->state == RECORD_LIVE);
	if (switch_round(ctl, rec, &node) != switches(ctl)->told[rec->handle]) {
		finish(ctl, rec->domain, w);
		return;
	}
	if (w->sent < TIMES) {
		tell(ctl, rec, w);
		return;
	}
	ctl_count(ctl, CTL_HA_SWITCH_UNANSWERED);
	finish(ctl, rec->domain, w);
}

bool switch_begin(struct ctl *ctl, const struct record *rec, uint16_t round, uint8_t node)
{
	struct switches *s = switches(ctl);
	struct part *p = &s->part[rec->domain];
	struct waiting *w = waiting_find(s->waiting, rec->handle);
	const struct sub *sub;

	if (w != NULL) /* of a round that is over */
		finish(ctl, rec->domain, w);
	if (key_of(ctl, rec, &sub) == NULL) {
		s->told[rec->handle] = round;
		ctl_count(ctl, CTL_HA_SWITCH_NO_SA);
		return true;
	}
	if (!p->has_token || p->waiting >= s->share)
		return false;
	w = waiting_add(s->waiting, rec->handle);
	assert(w != NULL); /* shares are of its size */
	p->has_token = false;
	p->waiting++;
	s->told[rec->handle] = round;
	w->id = node;
	tell(ctl, rec, w);
	return true;
}

/* --- answers --- */

static void is_over(struct ctl *ctl, const struct record *rec, struct waiting *w, bool is_answer)
{
	switches(ctl)->told[rec->handle] = 0;
	if (w == NULL)
		return;
	if (is_answer)
		ctl_count(ctl, CTL_HA_SWITCH_ANSWERED);
	finish(ctl, rec->domain, w);
}

void switch_changed(struct ctl *ctl, const struct record *rec)
{
	struct switches *s = switches(ctl);
	struct waiting *w;
	uint8_t node;

	if (s == NULL || rec->state != RECORD_LIVE || s->told[rec->handle] == 0 ||
		switch_round(ctl, rec, &node) == s->told[rec->handle])
		return;
	w = waiting_find(s->waiting, rec->handle);
	is_over(ctl, rec, w,
		w != NULL && route_agent(ctl->conf, rec->domain, &rec->ha) != (uint8_t)w->id);
}

void switch_ended(struct ctl *ctl, const struct record *rec, bool is_answer)
{
	struct switches *s = switches(ctl);

	if (s != NULL)
		is_over(ctl, rec, waiting_find(s->waiting, rec->handle), is_answer);
}

bool switch_error(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *mh, uint16_t len)
{
	struct switches *s = switches(ctl);
	struct mh_be_msg be;
	const struct record *rec;
	struct waiting *w;

	if (s == NULL || mh_be_decode(mh, len, &be) < 0 || be.status != MH_BE_UNKNOWN_TYPE)
		return false;
	rec = mip6_find_record(ctl, ip6_is_unspecified(&be.hoa) ? ctl_pkt_source(p) : &be.hoa);
	if (rec == NULL || !(p->tunnelled || ip6_eq(&rec->coa, &ctl_pkt_ip6(p)->src)))
		return false;
	w = waiting_find(s->waiting, rec->handle);
	if (w == NULL)
		return false;
	ctl_count(ctl, CTL_HA_SWITCH_UNKNOWN);
	finish(ctl, rec->domain, w); /* it stays told: once is enough */
	return true;
}

/* --- questions --- */

bool mip6_is_switching(const struct ctl *ctl, uint16_t domain)
{
	const struct switches *s = switches(ctl);
	const struct part *p;

	if (s == NULL)
		return false;
	p = &s->part[domain];
	return p->round[switch_self(ctl)] != 0 && p->has_agents && (!p->all_told || p->waiting > 0);
}

bool switch_info(const struct ctl *ctl, uint16_t domain, struct switch_info *out)
{
	const struct switches *s = switches(ctl);

	if (s == NULL || !s->part[domain].is_on)
		return false;
	*out = (struct switch_info){ s->part[domain].waiting, s->part[domain].all_told };
	return true;
}

bool switch_is_from(const struct ctl *ctl, uint16_t domain, uint8_t node)
{
	return switches(ctl)->part[domain].round[node] != 0;
}
