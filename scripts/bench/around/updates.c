/* SPDX-License-Identifier: BSD-3-Clause */
#include "updates.h"

#include "net/ip6hdr.h"
#include "net/mh.h"

#define NS_PER_S 1000000000ULL
#define LIFETIME 15000 /* units of 4 s: no binding ends while somebody measures */
#define RH2_LEN  24 /* routing header of type 2 before an acknowledgement (RFC 6275, 6.4) */
#define BA_LEN   12
#define REFUSED  128 /* status values from here on (RFC 6275, 6.1.8) */

void updates_init(struct updates *u, struct crowd *c)
{
	*u = (struct updates){
		.crowd = c,
		.source = { .hoa = c->hoa, .coa = c->coa, .ha = c->agent, .lifetime = LIFETIME },
	};
	bu_prepare(&u->source, &u->frame);
}

void updates_begin(struct updates *u, uint8_t place, uint32_t per_s, uint64_t now_ns)
{
	u->is_on = true;
	u->place = place;
	u->next = 0;
	u->turn_sent = 0;
	u->begin_ns = now_ns;
	u->interval_ns = NS_PER_S / per_s;
}

size_t updates_next(struct updates *u, uint64_t now_ns, uint8_t buf[FRAME_MAX])
{
	struct mn *m;

	if (!u->is_on || now_ns < u->begin_ns + u->turn_sent * u->interval_ns)
		return 0;
	for (;; u->next++) {
		if (u->next == u->crowd->count) {
			u->is_on = false;
			return 0;
		}
		m = &u->crowd->mn[u->next];
		if (m->place != u->place || m->asked_ns != 0)
			break;
	}
	mn_move(m, u->place, now_ns);
	m->asked_ns = now_ns;
	bu_write(&u->source, &u->frame, buf, u->crowd->first - NODE_FIRST + u->next, ++m->seq,
		u->place, 0);
	u->next++;
	u->turn_sent++;
	u->sent++;
	return u->frame.len;
}

bool updates_take(struct updates *u, const uint8_t *pkt, size_t len, uint64_t now_ns)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	const uint8_t *rh = pkt + sizeof(*h), *ba = rh + RH2_LEN;
	struct mn *m;

	if (len < sizeof(*h) + RH2_LEN + BA_LEN || h->next_header != IP6_ROUTING ||
		rh[0] != IP6_MH || rh[1] != RH2_LEN / 8 - 1 || rh[2] != 2 || ba[2] != MH_BA)
		return false;
	m = crowd_find(u->crowd, &h->dst);
	if (m == NULL)
		return false;
	if (m->asked_ns == 0 || m->seq != (uint16_t)(ba[8] << 8 | ba[9]))
		return true;
	if (ba[6] >= REFUSED) {
		u->refused++;
		return true;
	}
	u->acknowledged++;
	m->took_ns = now_ns - m->asked_ns;
	if (m->took_ns > u->slowest_ns)
		u->slowest_ns = m->took_ns;
	m->asked_ns = 0;
	return true;
}

uint32_t updates_unanswered(const struct updates *u)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < u->crowd->count; i++)
		n += u->crowd->mn[i].asked_ns != 0;
	return n;
}
