/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets go at one site of a mesh, through the real stages: each door of each kind of packet,
 * from a port and from peers; what is told to whom; bounds, counters, segment sizes. Mesh tunnels are
 * clear ones, so that they can be read.
 */
#include "sites.h"

#include "net/cksum.h"
#include "net/icmp6.h"

#define HOA         "2001:db8:a::100" /* where site 1 has bindings: at COA, owner and agent by the row */
#define COA         "2001:db8:f::1"
#define OLD_COA     "2001:db8:f::2"
#define CN          "2001:db8:c::1"
#define NOBODY      "2001:db8:a::999" /* unbound */
#define CLEAR_HEADS (sizeof(struct net_ip6) + SA_CLEAR_HEAD)

/* --- packets --- */

static struct pkt between(
	const char *src, const char *dst, uint8_t next, const void *payload, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);

	return ip6(&s, &d, next, payload, len);
}

static struct pkt udp(const char *src, const char *dst)
{
	return between(src, dst, IP6_UDP, NULL, 100);
}

static struct pkt tunnel(const char *src, const char *dst, struct pkt inner)
{
	return between(src, dst, IP6_IN_IP6, inner.b, inner.n);
}

/* Destination Options with a Home Address in front of what is there. */
static struct pkt with_hao(struct pkt p, const char *hoa)
{
	uint8_t opt[24] = { ((struct net_ip6 *)p.b)->next_header, 2, 1, 2, 0, 0, 0xc9, 16 };
	struct ip6_addr a = addr(hoa);

	memcpy(opt + 8, &a, sizeof(a));
	memmove(p.b + 40 + sizeof(opt), p.b + 40, p.n - 40u);
	memcpy(p.b + 40, opt, sizeof(opt));
	p.n = (uint16_t)(p.n + sizeof(opt));
	((struct net_ip6 *)p.b)->next_header = IP6_DSTOPT;
	net_ip6_set_payload_len((struct net_ip6 *)p.b, (uint16_t)(p.n - 40));
	return p;
}

static struct pkt bu(const char *dst, const char *hoa)
{
	const uint8_t mh[16] = { 59, 1, 5 };

	return with_hao(between(COA, dst, IP6_MH, mh, sizeof(mh)), hoa);
}

static struct pkt icmp(const char *src, const char *dst, uint8_t type, struct pkt quoted)
{
	uint8_t b[1400] = { type, 0 };

	memcpy(b + 8, quoted.b, quoted.n);
	return between(src, dst, IP6_ICMP6, b, (uint16_t)(8 + quoted.n));
}

static struct pkt echo(const char *src, const char *dst)
{
	struct pkt none = { .n = 0 };

	return icmp(src, dst, ICMP6_ECHO_REQUEST, none);
}

/* As a peer sends it through its mesh tunnel. */
static struct pkt from_peer(struct pkt p, uint8_t peer, bool relayed)
{
	uint8_t b[sizeof(p.b)] = { IP6_IN_IP6, 0, 4, 1, relayed ? 0 : 1, 1, 1, 0 };
	struct ip6_addr src = site_address(peer), dst = site_address(1);

	memcpy(b + SA_CLEAR_HEAD, p.b, p.n);
	return ip6(&src, &dst, IP6_DSTOPT, b, (uint16_t)(SA_CLEAR_HEAD + p.n));
}

/* --- rows --- */

#define OWN        0, false
#define FIRST(n)   n, false
#define RELAYED(n) n, true

enum what {
	TO_HOA, /* UDP to the mobile node */
	TO_NOBODY, /* UDP to a home address that is not bound */
	OPENED, /* the mobile node's tunnel to the agent of the row, UDP to the correspondent in it */
	OTHER_COA, /* the same from another care-of address */
	STRANGER, /* the same from a home address that is not bound */
	STRANGER_BU, /* ... and in it is a Binding Update */
	BU_INSIDE, /* in a tunnel to our own agent a Binding Update to the agent of the row */
	BU_FOREIGN, /* ... to our agent of domain 1 */
	HOTI, /* from another care-of address, a Mobility Header to the correspondent in it */
	BU,
	ECHO,
	PTB_TUNNEL, /* an error that quotes a tunnel packet */
	PTB_OTHER, /* one that quotes something else */
	HAAD, /* to the anycast address */
	MPS, /* a prefix solicitation */
	OTHER_DOMAIN, /* UDP to a home address of domain 1 */
	OTHER_ANYCAST, /* to the anycast address of domain 1 */
	TO_PORT, /* UDP to the site's own address */
	TRANSIT,
	LINK_LOCAL, /* from a link-local source, to the mobile node */
	FROM_PEERS_AGENT, /* echo to the agent from site 2's */
	FROM_AGENT, /* echo to the agent from site 1's */
};

#define U CONF_MODE_UNICAST
#define S CONF_MODE_SHARED
#define D CONF_DELIVERY_DIRECT
#define P CONF_DELIVERY_PRIMARY

/* Doors: a drop reason, a punt class, or: */
enum {
	DELIVERED = -200, /* tunnelled to COA, from the address the binding is registered with */
	ROUTED, /* what was in the tunnel went on to the correspondent */
	UNREACHABLE, /* punted: the source is told */
	TO = -300, /* + n: relayed to site n as our own */
	ON = -400, /* + n: relayed to it as a peer's */
};
#define PUNT(c) DOOR_PUNT(DP_PUNT_##c)
#define DROP(r) DP_DROP_##r

static const struct row {
	const char *name;
	enum conf_mode mode;
	enum conf_delivery delivery;
	const char *view; /* of domain 0 */
	enum what what;
	uint8_t agent; /* site of the agent address it goes to */
	uint8_t owner; /* of the binding */
	uint8_t peer;
	bool relayed;
	int door;
} rows[] = {
	{ "own, owner", U, P, "rrr", TO_HOA, 0, 1, OWN, DELIVERED },
	{ "direct", U, D, "rrr", TO_HOA, 0, 2, OWN, DELIVERED },
	{ "direct, from a peer", U, D, "rrr", TO_HOA, 0, 2, FIRST(3), DELIVERED },
	{ "primary", U, P, "rrr", TO_HOA, 0, 2, OWN, TO + 2 },
	{ "primary, shared", S, P, "rrr", TO_HOA, 0, 3, OWN, TO + 3 },
	{ "primary, from a third site", U, P, "rrr", TO_HOA, 0, 2, FIRST(3), ON + 2 },
	{ "primary, back to the owner", U, P, "rrr", TO_HOA, 0, 2, FIRST(2), DELIVERED },
	{ "primary, relayed", U, P, "rrr", TO_HOA, 0, 2, RELAYED(3), DELIVERED },
	{ "primary, owner cut off", U, P, "r3r", TO_HOA, 0, 2, OWN, TO + 3 },
	{ "primary, dead owner, one left", U, P, "rxx", TO_HOA, 0, 2, OWN, DELIVERED },
	{ "joining, bound here", U, D, "jrx", TO_HOA, 0, 1, OWN, TO + 2 },
	{ "left", U, D, "lxr", TO_HOA, 0, 1, OWN, TO + 3 },
	{ "joining, alone", U, D, "jxx", TO_HOA, 0, 1, OWN, DROP(NOT_READY) },
	{ "joining, relayed", U, D, "jrr", TO_HOA, 0, 1, RELAYED(2), DROP(NOT_READY) },
	{ "draining", U, D, "drr", TO_HOA, 0, 1, OWN, DELIVERED },
	{ "unbound", U, D, "rrr", TO_NOBODY, 0, 0, OWN, UNREACHABLE },
	{ "unbound, from a peer", U, P, "rrr", TO_NOBODY, 0, 0, FIRST(2), UNREACHABLE },
	{ "unbound, joining", U, D, "jrx", TO_NOBODY, 0, 0, OWN, TO + 2 },
	{ "unbound, joining, alone", U, D, "jjj", TO_NOBODY, 0, 0, OWN, DROP(NOT_READY) },

	{ "tunnel", U, D, "rrr", OPENED, 1, 1, OWN, ROUTED },
	{ "tunnel, another's address", U, D, "rrr", OPENED, 2, 2, OWN, ROUTED },
	{ "tunnel, from a peer", U, D, "rrr", OPENED, 1, 2, FIRST(2), ROUTED },
	{ "tunnel, primary", U, P, "rrr", OPENED, 2, 2, OWN, TO + 2 },
	{ "tunnel, primary, own", U, P, "rrr", OPENED, 1, 2, OWN, ROUTED },
	{ "tunnel, primary, adopted", U, P, "rxr", OPENED, 2, 2, OWN, ROUTED },
	{ "tunnel, primary, relayed", U, P, "rrr", OPENED, 2, 2, RELAYED(3), ROUTED },
	{ "tunnel, joining", U, D, "jrr", OPENED, 2, 1, OWN, TO + 2 },
	{ "tunnel, joining, own address", U, D, "jxr", OPENED, 1, 1, OWN, TO + 3 },
	{ "other CoA, owner knows", U, D, "rrr", OTHER_COA, 1, 2, OWN, TO + 2 },
	{ "other CoA, we are owner", U, D, "rrr", OTHER_COA, 1, 1, OWN, DROP(DECAP_WRONG_COA) },
	{ "other CoA, from the owner", U, D, "rrr", OTHER_COA, 1, 2, FIRST(2),
		DROP(DECAP_WRONG_COA) },
	{ "other CoA, relayed", U, D, "rrr", OTHER_COA, 1, 2, RELAYED(3), DROP(DECAP_WRONG_COA) },
	{ "other CoA, from a third", U, D, "rrr", OTHER_COA, 1, 2, FIRST(3), ON + 2 },
	{ "stranger", U, D, "rrr", STRANGER, 1, 0, OWN, DROP(DECAP_NO_BINDING) },
	{ "stranger, another's address", U, D, "rrr", STRANGER, 2, 0, OWN, TO + 2 },
	{ "stranger, adopted address", U, D, "rxr", STRANGER, 2, 0, OWN, DROP(DECAP_NO_BINDING) },
	{ "stranger, shared", S, D, "rrr", STRANGER, 1, 0, OWN, DROP(DECAP_NO_BINDING) },
	{ "BU in a tunnel", U, D, "rrr", STRANGER_BU, 1, 0, OWN, PUNT(SIGNALLING) },
	{ "BU in a tunnel, another's", U, D, "rrr", STRANGER_BU, 2, 0, OWN, TO + 2 },
	{ "BU in a tunnel, from a peer", U, D, "rrr", STRANGER_BU, 1, 0, FIRST(3),
		PUNT(SIGNALLING) },
	{ "BU in a tunnel, relayed", U, D, "rrr", STRANGER_BU, 1, 0, RELAYED(3), PUNT(SIGNALLING) },
	{ "BU inside, another's", U, D, "rrr", BU_INSIDE, 2, 0, OWN, TO + 2 },
	{ "BU inside, on", U, D, "rrr", BU_INSIDE, 2, 0, FIRST(3), ON + 2 },
	{ "BU inside, back", U, D, "rrr", BU_INSIDE, 2, 0, FIRST(2), DROP(MESH_BACK) },
	{ "BU inside, relayed", U, D, "rrr", BU_INSIDE, 2, 0, RELAYED(3), DROP(MESH_HOP_LIMIT) },
	{ "BU inside, other domain", U, D, "rrr", BU_FOREIGN, 1, 0, OWN, PUNT(SIGNALLING) },
	{ "BU inside, its domain, too", U, D, "rrr", BU_FOREIGN, 1, 0, FIRST(2), PUNT(SIGNALLING) },
	{ "BU inside, foreign domain", U, D, "rrr", BU_FOREIGN, 1, 0, FIRST(3),
		DROP(MESH_FOREIGN_DOMAIN) },
	{ "HoTI, from the owner", U, D, "rrr", HOTI, 1, 2, FIRST(2), DROP(DECAP_WRONG_COA) },
	{ "HoTI, owner knows", U, D, "rrr", HOTI, 1, 2, OWN, TO + 2 },
	{ "HoTI, we are owner", U, D, "rrr", HOTI, 1, 1, OWN, DROP(DECAP_WRONG_COA) },

	{ "BU", U, D, "rrr", BU, 1, 1, OWN, PUNT(KNOWN) },
	{ "BU, another's address", U, D, "rrr", BU, 2, 1, OWN, TO + 2 },
	{ "BU, adopted address", U, D, "rxr", BU, 2, 1, OWN, PUNT(SIGNALLING) },
	{ "BU, shared", S, D, "rrr", BU, 1, 2, OWN, PUNT(KNOWN) },
	{ "BU, joining", S, D, "jrx", BU, 1, 1, OWN, TO + 2 },
	{ "BU, alone and joining", S, D, "jxx", BU, 1, 1, OWN, DROP(NOT_READY) },
	{ "BU, from a peer", U, D, "rrr", BU, 1, 1, FIRST(3), PUNT(KNOWN) },
	{ "BU, back", U, D, "rrr", BU, 2, 1, FIRST(2), DROP(MESH_BACK) },
	{ "BU, relayed", U, D, "rrr", BU, 2, 1, RELAYED(3), DROP(MESH_HOP_LIMIT) },
	{ "BU, on", U, D, "rrr", BU, 2, 1, FIRST(3), ON + 2 },
	{ "MPS", U, D, "rrr", MPS, 1, 1, OWN, PUNT(DISCOVERY) },
	{ "MPS, another's address", U, D, "rrr", MPS, 2, 1, OWN, TO + 2 },

	{ "echo", U, D, "rrr", ECHO, 1, 0, OWN, PUNT(LOCAL) },
	{ "echo, another's address", U, D, "rrr", ECHO, 2, 0, OWN, TO + 2 },
	{ "echo, adopted address", U, D, "rxr", ECHO, 2, 0, OWN, PUNT(LOCAL) },
	{ "echo, back", U, D, "rrr", ECHO, 2, 0, FIRST(2), PUNT(LOCAL) },
	{ "echo, joining", U, D, "jrr", ECHO, 1, 0, OWN, PUNT(LOCAL) },
	{ "error about a tunnel", U, D, "rrr", PTB_TUNNEL, 2, 1, OWN, PUNT(LOCAL) },
	{ "error about a tunnel, joining", U, D, "jxr", PTB_TUNNEL, 1, 1, OWN, TO + 3 },
	{ "error about something else", U, D, "rrr", PTB_OTHER, 2, 1, OWN, TO + 2 },
	{ "discovery", U, D, "rrr", HAAD, 1, 0, OWN, PUNT(DISCOVERY) },
	{ "discovery, joining", U, D, "jrr", HAAD, 1, 0, OWN, PUNT(DISCOVERY) },
	{ "from a peer's agent", U, D, "rrr", FROM_PEERS_AGENT, 1, 0, OWN, PUNT(LOCAL) },
	{ "from an adopted agent", U, D, "rxr", FROM_PEERS_AGENT, 1, 0, OWN, DROP(SRC_OURS) },
	{ "from our agent", U, D, "rrr", FROM_AGENT, 1, 0, OWN, DROP(SRC_OURS) },

	{ "foreign home address", U, D, "rrr", OTHER_DOMAIN, 0, 0, FIRST(3),
		DROP(MESH_FOREIGN_DOMAIN) },
	{ "foreign anycast address", U, D, "rrr", OTHER_ANYCAST, 0, 0, FIRST(3),
		DROP(MESH_FOREIGN_DOMAIN) },
	{ "anycast address of its", U, D, "rrr", OTHER_ANYCAST, 0, 0, FIRST(2), PUNT(DISCOVERY) },
	{ "its domain, too", U, D, "rrr", OTHER_DOMAIN, 0, 0, FIRST(2), UNREACHABLE },
	{ "to the site", U, D, "rrr", TO_PORT, 0, 0, FIRST(2), DROP(MESH_FOREIGN_DOMAIN) },
	{ "transit", U, D, "rrr", TRANSIT, 0, 0, FIRST(2), DROP(MESH_FOREIGN_DOMAIN) },
	{ "link-local source", U, D, "rrr", LINK_LOCAL, 0, 1, FIRST(2), DROP(DECAP_LINK_LOCAL) },
};

static struct pkt packet_of(const struct row *r)
{
	char ha[IP6_STRLEN];
	struct ip6_addr a = agent_address(0, r->agent);
	const uint8_t mh[16] = { 59, 1, 1 };

	ip6_str(&a, ha);
	switch (r->what) {
	case TO_HOA:
		return udp(CN, HOA);
	case TO_NOBODY:
		return udp(CN, NOBODY);
	case OPENED:
		return tunnel(COA, ha, udp(HOA, CN));
	case OTHER_COA:
		return tunnel(OLD_COA, ha, udp(HOA, CN));
	case STRANGER:
		return tunnel(COA, ha, udp(NOBODY, CN));
	case STRANGER_BU:
		return tunnel(OLD_COA, ha, bu(ha, NOBODY));
	case BU_INSIDE:
		return tunnel(OLD_COA, "2001:db8:a::1", bu(ha, NOBODY));
	case BU_FOREIGN:
		return tunnel(OLD_COA, "2001:db8:a::1", bu("2001:db8:b::1", "2001:db8:b::100"));
	case HOTI:
		return tunnel(OLD_COA, ha, between(HOA, CN, IP6_MH, mh, sizeof(mh)));
	case BU:
		return bu(ha, HOA);
	case ECHO:
		return echo(CN, ha);
	case PTB_TUNNEL:
		return icmp(CN, ha, ICMP6_TOO_BIG, tunnel(ha, COA, udp(CN, HOA)));
	case PTB_OTHER:
		return icmp(CN, ha, ICMP6_TOO_BIG, udp(ha, COA));
	case HAAD:
		return icmp(CN, "2001:db8:a:0:fdff:ffff:ffff:fffe", ICMP6_HAAD_REQUEST,
			(struct pkt){ .n = 0 });
	case MPS:
		return with_hao(icmp(COA, ha, ICMP6_MPS, (struct pkt){ .n = 0 }), HOA);
	case OTHER_DOMAIN:
		return udp(CN, "2001:db8:b::100");
	case OTHER_ANYCAST:
		return icmp(CN, "2001:db8:b:0:fdff:ffff:ffff:fffe", ICMP6_HAAD_REQUEST,
			(struct pkt){ .n = 0 });
	case TO_PORT:
		return udp(CN, "2001:db8:1::10");
	case TRANSIT:
		return udp(CN, "2001:db8:e::1");
	case LINK_LOCAL:
		return udp("fe80::1", HOA);
	case FROM_PEERS_AGENT:
		return echo("2001:db8:a::2", ha);
	default:
		return echo("2001:db8:a::1", ha);
	}
}

static bool is_between(const struct pkt *p, const struct ip6_addr *src, const struct ip6_addr *dst)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)p->b;

	return ip6_eq(&ip->src, src) && ip6_eq(&ip->dst, dst);
}

/* A frame: what kind of door that was. */
static int door_of(const struct row *r, const struct fate *f, const struct pkt *sent)
{
	struct ip6_addr site = site_address(1), coa = addr(COA), cn = addr(CN), hoa = addr(HOA);
	struct ip6_addr agent = agent_address(0, r->mode == S ? 1 : r->owner);
	struct pkt inner = *sent;

	if (f->door == PUNT(ERROR) && f->meta.drop == DP_DROP_INTERCEPT_NO_BINDING &&
		f->meta.icmp_type == ICMP6_UNREACHABLE && f->meta.icmp_code == ICMP6_ADDRESS)
		return UNREACHABLE;
	if (f->door != DOOR_TX)
		return f->door;
	if (is_between(&f->pkt, &agent, &coa))
		return DELIVERED;
	if (is_between(&f->pkt, &hoa, &cn))
		return ROUTED;
	for (uint8_t node = 2; node <= SITES; node++) {
		struct ip6_addr peer = site_address(node);

		if (!is_between(&f->pkt, &site, &peer))
			continue;
		/* whole, but for a hop, and no more bits of it are ours */
		((struct net_ip6 *)inner.b)->hop_limit--;
		assert_int_equal(f->pkt.n, CLEAR_HEADS + inner.n);
		assert_memory_equal(f->pkt.b + CLEAR_HEADS, inner.b, inner.n);
		return (f->pkt.b[sizeof(struct net_ip6) + 4] == 1 ? TO : ON) + node;
	}
	return DOOR_NONE;
}

static void check_row(const struct row *r)
{
	struct site *s = &sites[1];
	struct pkt p, sent;
	struct fate f;
	int door;

	sites_make(r->mode, r->delivery, true);
	believe(s, 0, r->view);
	if (r->owner != 0)
		bind_at(s, HOA, COA, 0, r->mode == S ? 1 : r->owner, r->owner);
	p = packet_of(r);
	sent = r->peer != 0 ? from_peer(p, r->peer, r->relayed) : p;
	if (r->what == STRANGER_BU && r->door == TO + 2)
		p = tunnel(OLD_COA, "2001:db8:a::2", bu("2001:db8:a::2", NOBODY));
	if (r->what == BU_INSIDE) /* alone it goes on */
		p = bu("2001:db8:a::2", NOBODY);
	f = site_take(s, &sent);
	door = door_of(r, &f, &p);
	if (door != r->door)
		fail_msg("%s: door %d (%s), not %d", r->name, door,
			door >= 0 ? dp_drop_name((enum dp_drop)door) : "-", r->door);
	/* control knows how it came */
	if (r->door <= DOOR_PUNT(0) && r->door > DOOR_PUNT(DP_PUNT_COUNT) &&
		(f.meta.peer != r->peer || ((f.meta.flags & DP_META_RELAYED) != 0) != r->relayed))
		fail_msg("%s: from %u, flags %x", r->name, f.meta.peer, f.meta.flags);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(rows); i++)
		check_row(&rows[i]);
}

/* A site that serves nothing hands each mobile node's packets to the successor of its bucket, the
 * same as every other site does, whatever kind they are; bound or not. */
static void test_successor(void **state)
{
	unsigned to[SITES + 1] = { 0 };

	(void)state;
	sites_make(S, D, true);
	believe(&sites[1], 0, "jrr");
	for (unsigned i = 0; i < 40; i++) {
		struct ip6_addr a = address_of("2001:db8:a::%u00", 1 + i / 2), site;
		char hoa[IP6_STRLEN];
		struct pkt p[4];
		uint8_t want;

		ip6_str(&a, hoa);
		p[0] = udp(CN, hoa);
		p[1] = tunnel(COA, "2001:db8:a::1", udp(hoa, CN));
		p[2] = bu("2001:db8:a::1", hoa);
		p[3] = icmp(CN, "2001:db8:a::1", ICMP6_TOO_BIG,
			tunnel("2001:db8:a::1", COA, udp(CN, hoa)));
		want = next_successor(&sites[1].next_view,
			record_key_bucket(record_key(next_domain("msp1"), &a)));
		site = site_address(want);
		to[want]++;
		for (unsigned k = 0; k < DIM(p); k++) {
			struct fate f = site_take(&sites[1], &p[k]);

			if (f.door != DOOR_TX || !ip6_eq(&((struct net_ip6 *)f.pkt.b)->dst, &site))
				fail_msg("%s: packet %u is not handed to site %u", hoa, k, want);
		}
		if (i % 2 == 0)
			bind_at(&sites[1], hoa, COA, 0, 1, 1);
	}
	assert_true(to[2] > 0 && to[3] > 0);
}

/* --- billing --- */

static struct bc_counts counts(const struct site *s)
{
	struct ip6_addr hoa = addr(HOA);
	struct bc_counts c;

	bc_counts(s->t->bc, bc_find(s->t->bc, &hoa), &c);
	return c;
}

/* Counted once: where the tunnel is made or opened, not where the packet is only relayed. */
static void test_billing(void **state)
{
	struct pkt in = udp(CN, HOA), out = tunnel(COA, "2001:db8:a::2", udp(HOA, CN));
	struct fate f;
	struct bc_counts c;

	(void)state;
	sites_make(U, P, true);
	for (uint8_t n = 1; n <= SITES; n++)
		bind_at(&sites[n], HOA, COA, 0, 2, 2);
	f = site_take(&sites[1], &in);
	f = site_take(&sites[2], &f.pkt);
	f = site_take(&sites[1], &out);
	f = site_take(&sites[2], &f.pkt);
	assert_int_equal(f.door, DOOR_TX);
	for (uint8_t n = 1; n <= SITES; n++) {
		c = counts(&sites[n]);
		assert_int_equal(c.packets_to, n == 2);
		assert_int_equal(c.packets_from, n == 2);
		assert_int_equal(c.bytes_to, n == 2 ? in.n : 0);
		assert_int_equal(c.bytes_from, n == 2 ? in.n : 0);
	}
}

/* --- bounds and counters --- */

static struct conf_limits *limits(void)
{
	return &site_domains[1][0].limits;
}

/* Site 1's worker begins anew with the limits that are set, and a clock of which a second takes
 * minutes: none of it passes in a test. */
static void with_limits(void)
{
	domains_free(sites[1].w.domains);
	assert_int_equal(domains_new(&sites[1].conf, UINT64_MAX >> 24, 1, &sites[1].w.domains), 0);
}

static unsigned passed(const struct pkt *p, unsigned n, enum dp_drop why)
{
	unsigned through = 0;

	for (unsigned i = 0; i < n; i++) {
		struct fate f = site_take(&sites[1], p);

		through += f.door == DOOR_TX;
		if (f.door != DOOR_TX)
			assert_int_equal(f.door, why);
	}
	return through;
}

static void test_bounds(void **state)
{
	struct pkt mismatch = tunnel(OLD_COA, "2001:db8:a::1", udp(HOA, CN));
	struct pkt fits = tunnel(COA, "2001:db8:a::2", udp(HOA, CN));

	(void)state;
	sites_make(U, P, true);
	bind_at(&sites[1], HOA, COA, 0, 2, 2);
	limits()->mismatch_per_s = 1;
	limits()->mismatch_burst = 3;
	with_limits();
	assert_int_equal(passed(&mismatch, 10, DP_DROP_MESH_MISMATCH_RATE), 3);
	assert_int_equal(passed(&fits, 10, DP_DROP_MESH_RELAY_RATE), 10); /* not bounded by it */
	limits()->relay_packets_per_s = 20; /* 100 ms of it at once */
	with_limits();
	assert_int_equal(passed(&fits, 10, DP_DROP_MESH_RELAY_RATE), 2);
	limits()->relay_packets_per_s = 0;
	limits()->relay_mbps = 1; /* the largest packet at once */
	with_limits();
	assert_int_equal(passed(&fits, 1000, DP_DROP_MESH_RELAY_RATE), 65575 / fits.n);
}

/* What is above one bound counts for none of the others. */
static void test_bounds_apart(void **state)
{
	static const uint8_t much[1100];
	struct pkt small = tunnel(OLD_COA, "2001:db8:a::1", udp(HOA, CN));
	struct pkt large =
		tunnel(OLD_COA, "2001:db8:a::1", between(HOA, CN, IP6_UDP, much, sizeof(much)));
	const unsigned fit = 65575 / large.n;

	(void)state;
	sites_make(U, P, true);
	bind_at(&sites[1], HOA, COA, 0, 2, 2);
	limits()->mismatch_per_s = 1;
	limits()->mismatch_burst = fit + 2;
	limits()->relay_mbps = 1; /* the largest packet at once */
	with_limits();
	assert_int_equal(passed(&large, fit + 10, DP_DROP_MESH_RELAY_RATE), fit);
	assert_true(65575 - fit * large.n > 3u * small.n);
	assert_int_equal(passed(&small, 10, DP_DROP_MESH_MISMATCH_RATE), 2);
	limits()->mismatch_burst = 1000;
	limits()->relay_packets_per_s = 10 * (fit + 2);
	with_limits();
	assert_int_equal(passed(&large, fit + 10, DP_DROP_MESH_RELAY_RATE), fit);
	assert_int_equal(passed(&small, 10, DP_DROP_MESH_RELAY_RATE), 2);
}

static void test_counts(void **state)
{
	struct pkt own = udp(CN, HOA), mismatch = tunnel(OLD_COA, "2001:db8:a::1", udp(HOA, CN));
	struct pkt on = from_peer(own, 3, false);
	struct dp_relay_counts c = { 0 };

	(void)state;
	sites_make(U, P, true);
	bind_at(&sites[1], HOA, COA, 0, 2, 2);
	site_take(&sites[1], &own);
	site_take(&sites[1], &own);
	site_take(&sites[1], &on);
	site_take(&sites[1], &mismatch);
	relay_add_counts(sites[1].w.domains, 0, &c);
	assert_int_equal(c.first_packets, 3);
	assert_int_equal(c.first_octets, 2 * own.n + mismatch.n);
	assert_int_equal(c.further_packets, 1);
	assert_int_equal(c.further_octets, own.n);
	assert_int_equal(c.mismatches, 1);
	c = (struct dp_relay_counts){ 0 };
	relay_add_counts(sites[1].w.domains, 1, &c);
	assert_int_equal(c.first_packets, 0);
}

/* What a drain looks at: whether routes still bring mobile nodes' packets here, of which domain. */
static void test_arrived(void **state)
{
	static const struct {
		const char *name;
		struct row row; /* what, agent, owner, peer, relayed */
		unsigned arrived;
	} cases[] = {
		{ "opened here", { .what = OPENED, .agent = 1, .owner = 1 }, 1 },
		{ "opened at the other", { .what = OPENED, .agent = 2, .owner = 2 }, 1 },
		{ "handed to us", { .what = OPENED, .agent = 1, .owner = 1, .peer = 2 }, 0 },
		{ "handed on", { .what = OTHER_COA, .agent = 1, .owner = 2, .peer = 3 }, 0 },
		{ "may fit at the other", { .what = OTHER_COA, .agent = 1, .owner = 2 }, 1 },
		{ "fits nowhere", { .what = OTHER_COA, .agent = 1, .owner = 1 }, 0 },
		{ "update for the other", { .what = BU, .agent = 2, .owner = 2 }, 1 },
		{ "update, counted by control", { .what = BU, .agent = 1, .owner = 1 }, 0 },
		{ "update, handed on", { .what = BU, .agent = 2, .owner = 2, .peer = 3 }, 0 },
		{ "not from a mobile node", { .what = ECHO, .agent = 2, .owner = 2 }, 0 },
		{ "to one", { .what = TO_HOA, .owner = 2 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		const struct row *r = &cases[i].row;
		struct dp_relay_counts c[2] = { { 0 } };
		struct pkt p = packet_of(r);

		sites_make(U, P, true);
		bind_at(&sites[1], HOA, COA, 0, r->owner, r->owner);
		if (r->peer != 0)
			p = from_peer(p, r->peer, false);
		site_take(&sites[1], &p);
		relay_add_counts(sites[1].w.domains, 0, &c[0]);
		relay_add_counts(sites[1].w.domains, 1, &c[1]);
		if (c[0].arrived != cases[i].arrived || c[1].arrived != 0)
			fail_msg("%s: %lu, and %lu of the other domain", cases[i].name,
				(unsigned long)c[0].arrived, (unsigned long)c[1].arrived);
	}
}

/* --- flow labels --- */

/* Made with the key of the binding's domain, whichever way the packet goes: an ICMPv6 error that quotes
 * it proves nothing else. Between sites another one, which no peer is told. */
static void test_labels(void **state)
{
	static const char *const hoas[DOMAINS] = { HOA, "2001:db8:b::100" };
	struct dp_worker *w = &sites[1].w;
	struct fate f;

	(void)state;
	sites_make(U, P, true);
	w->flow_seed = 77;
	for (uint16_t d = 0; d < DOMAINS; d++) {
		struct pkt p = udp(CN, hoas[d]);

		w->label_key[d] = 1000 + d;
		bind_at(&sites[1], hoas[d], COA, d, 1, 1);
		for (unsigned long_way = 0; long_way < 2; long_way++) {
			w->watched = long_way;
			f = site_take(&sites[1], &p);
			assert_int_equal(f.door, DOOR_TX);
			assert_int_equal(net_ip6_flow((struct net_ip6 *)f.pkt.b),
				net_tunnel_flow((struct net_ip6 *)p.b, p.n, 1000 + d));
		}
		w->watched = false;
		bind_at(&sites[1], hoas[d], COA, d, 2, 2);
		f = site_take(&sites[1], &p);
		assert_int_equal(net_ip6_flow((struct net_ip6 *)f.pkt.b),
			net_tunnel_flow((struct net_ip6 *)p.b, p.n, 77));
	}
}

/* --- sizes --- */

static struct pkt syn(const char *src, const char *dst)
{
	uint8_t tcp[24] = { 0, 80, 1, 0, [12] = 6 << 4, [13] = 2, [20] = 2, 4, 0x05, 0xa0 };
	struct pkt p = between(src, dst, IP6_TCP, tcp, sizeof(tcp));
	const struct net_ip6 *ip = (const struct net_ip6 *)p.b;
	uint16_t sum = net_cksum(&ip->src, &ip->dst, IP6_TCP, p.b + 40, sizeof(tcp));

	p.b[40 + 16] = (uint8_t)(sum >> 8);
	p.b[40 + 17] = (uint8_t)sum;
	return p;
}

/* What a SYN of 1440, `at` octets into what goes to the other site, says there. */
static unsigned mss_of(const struct pkt *p, unsigned at)
{
	struct fate f = site_take(&sites[1], p);
	const struct net_ip6 *ip = (const struct net_ip6 *)(f.pkt.b + CLEAR_HEADS + at);

	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(net_cksum(&ip->src, &ip->dst, IP6_TCP, ip + 1, 24), 0);
	return f.pkt.b[CLEAR_HEADS + at + 62] << 8 | f.pkt.b[CLEAR_HEADS + at + 63];
}

/* Segments fit with a mobile node's tunnel around them into the mesh's, where they are relayed. */
static void test_mss(void **state)
{
	struct pkt in = syn(CN, HOA), out = tunnel(COA, "2001:db8:a::2", syn(HOA, CN));
	const unsigned fits = 1500 - CLEAR_HEADS - 40 - 40 - 20;

	(void)state;
	sites_make(U, P, true);
	bind_at(&sites[1], HOA, COA, 0, 2, 2);
	assert_int_equal(mss_of(&in, 0), fits);
	assert_int_equal(mss_of(&out, 40), fits);
	assert_int_equal(sites[1].w.counters.c[DP_COUNTER_TCP_MSS_CLAMPED], 2);
	sa_set_mtu(sites[1].t->sa, 2, 1400);
	assert_int_equal(mss_of(&in, 0), fits - 100);
	site_domains[1][0].tcp_mss_clamp = CONF_MSS_OFF;
	believe(&sites[1], 0, "rrr");
	assert_int_equal(mss_of(&in, 0), 1440);
	assert_int_equal(mss_of(&out, 40), 1440);
}

/* What is relayed and too large: its source is told, of a tunnel packet the mobile node. */
static void test_too_big(void **state)
{
	static uint8_t payload[1420];
	struct pkt in = between(CN, HOA, IP6_UDP, payload, sizeof(payload));
	struct pkt out = between(COA, "2001:db8:a::2", IP6_IN_IP6, payload, sizeof(payload));
	struct pkt inner = udp(HOA, CN);
	struct fate f;

	(void)state;
	sites_make(U, P, true);
	bind_at(&sites[1], HOA, COA, 0, 2, 2);
	f = site_take(&sites[1], &in);
	assert_int_equal(f.door, PUNT(ERROR));
	assert_int_equal(f.meta.icmp_type, ICMP6_TOO_BIG);
	assert_int_equal(f.meta.icmp_arg, 1500 - CLEAR_HEADS);
	assert_memory_equal(f.pkt.b, in.b, in.n);
	net_ip6_set_payload_len((struct net_ip6 *)inner.b, sizeof(payload) - 40);
	memcpy(out.b + 40, inner.b, inner.n);
	f = site_take(&sites[1], &out);
	assert_int_equal(f.door, PUNT(ERROR));
	assert_int_equal(f.meta.icmp_arg, 1500 - CLEAR_HEADS);
	assert_memory_equal(f.pkt.b, out.b, out.n); /* about the outer packet */
}

/* --- a while after a move --- */

static void test_grace(void **state)
{
	struct pkt old = tunnel(OLD_COA, "2001:db8:a::1", udp(HOA, CN));
	struct bc_binding b = { .hoa = addr(HOA),
		.coa = addr(OLD_COA),
		.ha = addr("2001:db8:a::1"),
		.owner = 1,
		.mss = BC_MSS_AUTO };
	struct fate f;

	(void)state;
	sites_make(U, D, true);
	assert_int_equal(bc_publish(sites[1].t->bc, &b), 0);
	b.coa = addr(COA);
	b.grace = true;
	assert_int_equal(bc_publish(sites[1].t->bc, &b), 0);
	f = site_take(&sites[1], &old);
	assert_int_equal(f.door, DOOR_TX);
	bc_end_grace(bc_find(sites[1].t->bc, &b.hoa));
	f = site_take(&sites[1], &old);
	assert_int_equal(f.door, DP_DROP_DECAP_WRONG_COA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_successor),
		cmocka_unit_test(test_billing),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bounds_apart),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_arrived),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_mss),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_grace),
	};

	return cmocka_run_group_tests(tests, sites_set_up, sites_tear_down);
}
