/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "net/ip6hdr.h"

#define PLACE_AT  11
#define NUMBER_AT 12
#define ETHER_LEN 14
#define HOPS      64
#define MAGIC     0x68616d64u
#define NS_PER_S  1000000000ULL

/* Behind the inner header, which says that nothing comes: no checksum to compute. */
struct stamp {
	uint32_t magic, flow, node, seq; /* big-endian */
	uint64_t sent_ns;
};
_Static_assert(sizeof(struct net_ip6) + sizeof(struct stamp) == FLOW_PACKET_LEN, "78 octets");

int crowd_init(struct crowd *c, uint32_t first, uint32_t count)
{
	if (count == 0 || first == 0)
		return -EINVAL;
	c->first = first;
	c->count = count;
	c->mn = calloc(count, sizeof(*c->mn));
	return c->mn != NULL ? 0 : -ENOMEM;
}

static void put_number(struct ip6_addr *a, uint32_t n)
{
	uint32_t be = htobe32(n);

	memcpy(a->b + NUMBER_AT, &be, sizeof(be));
}

struct ip6_addr crowd_home(const struct crowd *c, uint32_t i)
{
	struct ip6_addr a = c->hoa;

	put_number(&a, c->first + i);
	return a;
}

struct ip6_addr crowd_care_of(const struct crowd *c, uint32_t i, uint8_t place)
{
	struct ip6_addr a = c->coa;

	put_number(&a, c->first + i);
	a.b[PLACE_AT] = place;
	return a;
}

struct mn *crowd_find(struct crowd *c, const struct ip6_addr *coa)
{
	uint32_t be, i;

	memcpy(&be, coa->b + NUMBER_AT, sizeof(be));
	i = be32toh(be) - c->first;
	if (i >= c->count || memcmp(coa->b, c->coa.b, PLACE_AT) != 0)
		return NULL;
	return &c->mn[i];
}

void mn_move(struct mn *m, uint8_t place, uint64_t now_ns)
{
	if (m->place != place) {
		m->old_place = m->place;
		m->place = place;
		m->moved_ns = now_ns;
	}
}

int flow_begin(struct flow *f, struct crowd *c, uint8_t id, uint32_t per_s, uint64_t now_ns)
{
	if (per_s == 0)
		return -EINVAL;
	f->crowd = c;
	f->id = id;
	f->begin_ns = now_ns;
	f->interval_ns = NS_PER_S / per_s;
	f->seen = calloc(FLOW_PACKETS_MAX / 8, 1);
	f->newest = calloc(c->count, sizeof(*f->newest));
	f->is_on = f->seen != NULL && f->newest != NULL;
	return f->is_on ? 0 : -ENOMEM;
}

/* Towards the mobile node as the correspondent sends it, from it in its tunnel. */
static size_t put_packet(
	const struct flow *f, uint32_t i, uint64_t now_ns, const struct ip6_addr *far, uint8_t *at)
{
	struct ip6_addr home = crowd_home(f->crowd, i), care_of;
	struct stamp stamp = { htobe32(MAGIC), htobe32(f->id), htobe32(i),
		htobe32((uint32_t)f->sent), htobe64(now_ns) };
	uint8_t *inner = f->is_from ? at + sizeof(struct net_ip6) : at;

	if (f->is_from) {
		care_of = crowd_care_of(f->crowd, i, f->crowd->mn[i].place);
		net_ip6_fill((struct net_ip6 *)at, FLOW_PACKET_LEN, IP6_IN_IP6, HOPS, &care_of,
			&f->crowd->agent);
	}
	net_ip6_fill((struct net_ip6 *)inner, sizeof(stamp), IP6_NONE, HOPS,
		f->is_from ? &home : far, f->is_from ? far : &home);
	memcpy(inner + sizeof(struct net_ip6), &stamp, sizeof(stamp));
	return (size_t)(inner - at) + FLOW_PACKET_LEN;
}

size_t flow_next(
	struct flow *f, uint64_t now_ns, const struct ip6_addr *far, uint8_t buf[FRAME_LEN_MAX])
{
	size_t len;

	if (!f->is_on || now_ns < f->begin_ns + f->sent * f->interval_ns)
		return 0;
	if (f->sent == FLOW_PACKETS_MAX) {
		f->is_on = false;
		return 0;
	}
	len = put_packet(f, (uint32_t)(f->sent % f->crowd->count), now_ns, far, buf + ETHER_LEN);
	f->sent++;
	return ETHER_LEN + len;
}

/* A mobile node's tunnel packet: is it at that care-of address, and from its home agent? */
static bool is_taken(struct flow *f, const struct net_ip6 *outer, uint32_t i, uint64_t now_ns)
{
	const struct mn *m = &f->crowd->mn[i];
	uint8_t place = outer->dst.b[PLACE_AT];

	if (crowd_find(f->crowd, &outer->dst) != m) {
		f->stray++;
		return false;
	}
	if (!ip6_eq(&outer->src, &f->crowd->agent)) {
		f->wrong_source++;
		return false;
	}
	if (place == m->place)
		return true;
	if (m->moved_ns == 0 || place != m->old_place || now_ns > m->moved_ns + OLD_LINK_NS) {
		f->stray++;
		return false;
	}
	f->old_link++;
	return true;
}

static void count(struct flow *f, uint32_t i, uint32_t seq, unsigned port, uint64_t now_ns)
{
	uint8_t bit = (uint8_t)(1u << seq % 8);
	struct flow_port *by = &f->by[port];

	by->packets++;
	by->first_ns = by->first_ns != 0 ? by->first_ns : now_ns;
	by->last_ns = now_ns;
	if (f->seen[seq / 8] & bit) {
		f->duplicates++;
		return;
	}
	f->seen[seq / 8] |= bit;
	f->got++;
	f->overtaken += seq + 1 < f->newest[i];
	f->newest[i] = seq + 1 > f->newest[i] ? seq + 1 : f->newest[i];
	if (f->last_ns != 0 && now_ns - f->last_ns > f->silence_ns) {
		f->silence_ns = now_ns - f->last_ns;
		f->silence_from_ns = f->last_ns;
	}
	f->last_ns = now_ns;
}

/* NULL: it is no packet of a flow. */
static const struct net_ip6 *inside(const uint8_t *pkt, size_t len, const struct net_ip6 **outer)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;

	*outer = NULL;
	if (len >= sizeof(*h) && h->next_header == IP6_IN_IP6) {
		*outer = h++;
		len -= sizeof(*h);
	}
	return len == FLOW_PACKET_LEN && h->next_header == IP6_NONE ? h : NULL;
}

bool flow_take(struct flow *flows, unsigned n, const uint8_t *pkt, size_t len, unsigned port,
	uint64_t now_ns)
{
	const struct net_ip6 *outer, *h = inside(pkt, len, &outer);
	struct stamp stamp;
	struct flow *f;
	uint32_t i;

	if (h == NULL)
		return false;
	memcpy(&stamp, h + 1, sizeof(stamp));
	if (stamp.magic != htobe32(MAGIC) || be32toh(stamp.flow) >= n)
		return false;
	f = &flows[be32toh(stamp.flow)];
	i = be32toh(stamp.node);
	if (f->is_from != (outer == NULL) || i >= f->crowd->count || be32toh(stamp.seq) >= f->sent)
		return false;
	if (outer != NULL && !is_taken(f, outer, i, now_ns))
		return true;
	if (now_ns - be64toh(stamp.sent_ns) > f->slowest_ns)
		f->slowest_ns = now_ns - be64toh(stamp.sent_ns);
	count(f, i, be32toh(stamp.seq), port, now_ns);
	return true;
}
