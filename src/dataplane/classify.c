/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  whole IPv6 packets, received or taken out of a tunnel.
 * Out: FRAGMENT (of a packet to us), TUNNEL (IPv6-in-IPv6 to a home agent address), HOME (inside
 *      a mobile prefix), SIGNAL (Mobility Header), ROUTE (transit); neighbour discovery, discovery
 *      and the rest for us to the control core.
 * The FIB says what the destination is. Extension headers are walked only in what is for us:
 * whoever else's they are, they are none of our business (RFC 8200, 4).
 */
#include "common/key.h"
#include "dataplane/relay.h"
#include "dataplane/sync.h"
#include "dataplane/worker.h"
#include "net/icmp6.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/sa_view.h"
#include "tables/tables.h"

/* It came through some tunnel, not over a link of ours. */
static bool is_tunnelled(const struct dp_meta *meta)
{
	return meta->opened > 0 || meta->peer != 0;
}

static void refuse_option(
	struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason, uint8_t code)
{
	dp_error(w, m, reason, ICMP6_PARAM_PROBLEM, code, dp_meta(m)->ext.bad_off);
}

/* A packet for us whose extension headers are not in order. */
static void refuse_headers(struct dp_worker *w, struct rte_mbuf *m, enum ext_verdict verdict)
{
	switch (verdict) {
	case EXT_BAD_ORDER:
		/* bad_off 0: a misplaced Home Address option, which is dropped silently */
		if (dp_meta(m)->ext.bad_off == 0)
			dp_worker_drop(w, m, DP_DROP_EXT_ORDER);
		else
			refuse_option(w, m, DP_DROP_EXT_ORDER, ICMP6_BAD_NEXT_HEADER);
		return;
	case EXT_BAD_OPTION:
		refuse_option(w, m, DP_DROP_EXT_OPTION, ICMP6_BAD_OPTION);
		return;
	case EXT_BAD_OPTION_UNI:
		if (ip6_is_multicast(&dp_ip6(m)->dst))
			dp_worker_drop(w, m, DP_DROP_EXT_OPTION);
		else
			refuse_option(w, m, DP_DROP_EXT_OPTION, ICMP6_BAD_OPTION);
		return;
	case EXT_BAD_LENGTH:
		refuse_option(w, m, DP_DROP_EXT_OPTION_LENGTH, ICMP6_BAD_FIELD);
		return;
	case EXT_RH_REFUSED:
		refuse_option(w, m, DP_DROP_RH_REFUSED, ICMP6_BAD_FIELD);
		return;
	case EXT_BAD_OPTION_DROP:
		dp_worker_drop(w, m, DP_DROP_EXT_OPTION);
		return;
	case EXT_RH2:
		dp_worker_drop(w, m, DP_DROP_RH2_TO_US);
		return;
	case EXT_HAO_REFUSED:
		/* Nobody can be bound to such an address: control finds no binding and says so
		 * with a Binding Error (RFC 6275, 9.3.1); a Binding Update is dropped silently
		 * (9.5.1), and so is what may not leave a tunnel. */
		if (dp_meta(m)->ext.upper == IP6_MH || dp_meta(m)->flags & DP_META_UNCHECKED)
			dp_worker_drop(w, m, DP_DROP_HAO_INVALID);
		else
			dp_punt(w, m, DP_PUNT_LOCAL);
		return;
	case EXT_TRUNCATED:
		/* a first fragment must hold the whole chain (RFC 8200, 4.5) */
		if (dp_meta(m)->ext.flags & EXT_FRAGMENT)
			dp_error(w, m, DP_DROP_EXT_TRUNCATED, ICMP6_PARAM_PROBLEM,
				ICMP6_FIRST_FRAGMENT, 0);
		else
			dp_worker_drop(w, m, DP_DROP_EXT_TRUNCATED);
		return;
	default:
		dp_worker_drop(w, m, DP_DROP_EXT_TOO_MANY);
		return;
	}
}

/* The type of an ICMPv6 message, -1 for anything else. */
static int icmp6_type(const struct rte_mbuf *m, const struct ext_info *x)
{
	if (x->upper != IP6_ICMP6 || x->upper_off >= m->data_len)
		return -1;
	return rte_pktmbuf_mtod(m, const uint8_t *)[x->upper_off];
}

static bool is_nd(const struct rte_mbuf *m, const struct ext_info *x)
{
	int type = icmp6_type(m, x);

	return type >= ICMP6_RS && type <= ICMP6_REDIRECT;
}

static void to_nd(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	uint8_t type = rte_pktmbuf_mtod(m, const uint8_t *)[meta->ext.upper_off];

	if (is_tunnelled(meta))
		dp_worker_drop(w, m, DP_DROP_ND_INVALID); /* a tunnel is no link of ours */
	else if (meta->ext.flags & (EXT_FRAGMENT | EXT_ATOMIC))
		dp_worker_drop(w, m, DP_DROP_ND_FRAGMENT);
	else if (type != ICMP6_NS && type != ICMP6_NA)
		dp_worker_drop(w, m, DP_DROP_ND_IGNORED);
	else
		dp_punt(w, m, DP_PUNT_ND);
}

/* Asked only about what control will look into: a lookup a packet would cost the data path. */
bool dp_is_from_us(const struct dp_worker *w, struct rte_mbuf *m)
{
	uint32_t value = fib_lookup(w->t->fib, &dp_ip6(m)->src);
	enum fib_kind kind = fib_kind(value);

	if (kind == FIB_HOME_AGENT && w->t->mesh != NULL) /* a live peer's is not ours */
		return meshtab_domain(w->t->mesh, fib_domain(value))->live[fib_node(value)] == 0;
	return kind == FIB_LOCAL || kind == FIB_HOME_AGENT || kind == FIB_ANYCAST;
}

/* The inner destination of a tunnel packet that an ICMPv6 error quotes; NULL: it quotes none. */
static const struct ip6_addr *quoted(const struct rte_mbuf *m, const struct ext_info *x)
{
	struct icmp6_err_msg msg;
	struct ext_info in;

	if (x->upper != IP6_ICMP6 || x->upper_off >= m->data_len ||
		icmp6_error_decode(rte_pktmbuf_mtod_offset(m, const uint8_t *, x->upper_off),
			(uint16_t)(m->data_len - x->upper_off), &msg) < 0)
		return NULL;
	if (ext_walk(msg.quoted, msg.quoted_len, EXT_TRANSIT, &in) != EXT_OK ||
		in.upper != IP6_IN_IP6 || msg.quoted_len < in.upper_off + sizeof(struct net_ip6))
		return NULL;
	return &((const struct net_ip6 *)(msg.quoted + in.upper_off))->dst;
}

/* What a packet to a home agent address is that is no tunnel, and whom it concerns. */
static enum mesh_kind kind_of(struct rte_mbuf *m, struct ip6_addr *about)
{
	const struct ext_info *x = &dp_meta(m)->ext;
	const struct ip6_addr *dst;

	*about = dp_ip6(m)->src;
	if (x->flags & EXT_HAO) {
		memcpy(about, rte_pktmbuf_mtod_offset(m, const uint8_t *, x->hao_off + 2),
			sizeof(*about));
		return MESH_SIGNALLING;
	}
	if (x->upper == IP6_MH || icmp6_type(m, x) == ICMP6_MPS)
		return MESH_SIGNALLING;
	dst = quoted(m, x);
	if (dst == NULL)
		return MESH_OTHER;
	*about = *dst;
	return MESH_TUNNEL_ERROR;
}

/* In a mesh it may be another site that answers for this address. False: done with m. */
static bool stays(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct mesh_domain *d;
	struct mesh_query q;
	struct mesh_answer a;
	struct ip6_addr about;
	uint8_t node;

	if (fib_kind(meta->fib) != FIB_HOME_AGENT)
		return true; /* our own, or the anycast address, which every site answers */
	d = meshtab_domain(w->t->mesh, fib_domain(meta->fib));
	q = dp_query(m, kind_of(m, &about));
	q.agent = fib_node(meta->fib);
	q.bucket = record_key_bucket(record_key(d->id, &about));
	a = mesh_ask(d, &q, &node);
	if (a.act == MESH_RELAY && q.kind == MESH_SIGNALLING)
		dp_arrived(w, m, fib_domain(meta->fib));
	if (a.act == MESH_RELAY)
		dp_relay(w, m, fib_domain(meta->fib), a, node);
	else if (a.act == MESH_DROP)
		dp_worker_drop(w, m, (enum dp_drop)a.drop);
	return a.act == MESH_ACCEPT;
}

/* From a peer: does the destination lie in a domain that it serves, too? */
static bool may_come(const struct dp_worker *w, uint8_t peer, uint32_t fib)
{
	enum fib_kind kind = fib_kind(fib);

	if (kind != FIB_DOMAIN && kind != FIB_HOME_AGENT && kind != FIB_ANYCAST)
		return false;
	return mesh_is_member(meshtab_domain(w->t->mesh, fib_domain(fib)), peer);
}

/*
 * Waits for its others and is judged with them. What stands before the Fragment header is in
 * order, but that a Home Address option may have an address that is refused; a first fragment
 * holds all headers, so that none comes to light later, no second Fragment header either. State
 * is only for who may speak: through a tunnel that does not fit, signalling is let pass, but
 * whether a fragment is some is not known.
 */
static void to_reass(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	if (meta->flags & DP_META_UNCHECKED)
		dp_worker_drop(w, m, (enum dp_drop)meta->drop);
	else
		dp_vec_push(&w->vec[V_FRAGMENT], m);
}

/* With the lookup of its inner source begun, or of anything, should there be none. */
static void to_decap(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_vec *tunnel = &w->vec[V_TUNNEL];
	uint32_t off = dp_meta(m)->ext.upper_off;
	const struct net_ip6 *ip = dp_ip6(m);

	if (m->data_len >= off + sizeof(*ip))
		ip = rte_pktmbuf_mtod_offset(m, const struct net_ip6 *, off);
	dp_seek(&w->tunnel, w->t->bc, tunnel->n, &ip->src);
	dp_vec_push(tunnel, m);
}

/* A flood of what anybody may ask starves neither signalling nor the rest. */
static enum dp_punt_class class_of(const struct rte_mbuf *m, const struct ext_info *x)
{
	int type = icmp6_type(m, x);

	return type == ICMP6_HAAD_REQUEST || type == ICMP6_MPS ? DP_PUNT_DISCOVERY : DP_PUNT_LOCAL;
}

/* A packet for an address of ours, or for a group (fib: unreachable). */
static void to_us(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	enum ext_verdict verdict =
		ext_walk(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, EXT_TO_US, &meta->ext);
	const struct ext_info *x = &meta->ext;
	bool group = ip6_is_multicast(&dp_ip6(m)->dst);
	bool fragment = (x->flags & EXT_FRAGMENT) != 0 &&
			(verdict == EXT_OK || verdict == EXT_HAO_REFUSED);

	meta->flags |= DP_META_WALKED;
	if (verdict != EXT_OK && meta->flags & DP_META_UNCHECKED)
		dp_worker_drop(
			w, m, (enum dp_drop)meta->drop); /* no error to whom nobody vouches for */
	else if (verdict != EXT_OK && !fragment)
		refuse_headers(w, m, verdict);
	else if (is_nd(m, x) && !(x->flags & EXT_NOT_FIRST))
		to_nd(w, m);
	else if (group)
		dp_worker_drop(w, m, DP_DROP_DST_MULTICAST);
	else if (fragment)
		to_reass(w, m);
	else if (meta->flags & DP_META_UNCHECKED && x->upper != IP6_MH)
		dp_worker_drop(w, m, (enum dp_drop)meta->drop);
	else if (x->upper == IP6_IN_IP6 && fib_kind(meta->fib) == FIB_HOME_AGENT &&
		 !(x->flags & EXT_HAO))
		to_decap(w, m);
	else if (dp_may_be_known(w, m))
		dp_to_signal(w, m);
	else if (dp_is_from_us(w, m))
		dp_worker_drop(w, m, DP_DROP_SRC_OURS);
	else if (w->t->mesh != NULL && !stays(w, m))
		return;
	else if (x->upper == IP6_MH)
		dp_to_signal(w, m);
	else if (x->upper != IP6_UDP || w->sync == NULL || !dp_to_sync(w, m))
		dp_punt(w, m, class_of(m, x));
}

/* What the seal stage of a peer would write, of which open.c takes over; whoever wrote it. */
static bool is_mesh(const struct dp_worker *w, struct rte_mbuf *m)
{
	const struct net_ip6 *ip = dp_ip6(m);
	const uint8_t *next = (const uint8_t *)(ip + 1);

	if (w->t->sa == NULL || !ip6_eq(&ip->dst, &sa_view(w->t->sa)->site))
		return false;
	if (ip->next_header == IP6_ESP)
		return m->data_len >= sizeof(*ip) + ESP_HEAD;
	return ip->next_header == IP6_DSTOPT && m->data_len >= sizeof(*ip) + SA_CLEAR_HEAD &&
	       next[0] == IP6_IN_IP6 && next[1] == 0 && next[2] == 4 && next[3] == 1 &&
	       next[4] <= 1;
}

/* Between sites, never inside another tunnel. */
static void to_open(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	if (unlikely(is_tunnelled(meta)))
		dp_worker_drop(w, m, DP_DROP_MESH_NESTED);
	else
		dp_vec_push(&w->vec[V_MESH], m);
}

/* The tunnel that it came in, if it did, for there. False: done with m. */
static inline bool may_leave(struct dp_worker *w, struct rte_mbuf *m, enum fib_kind kind)
{
	const struct dp_meta *meta = dp_meta(m);
	bool ours = kind == FIB_LOCAL || kind == FIB_HOME_AGENT || kind == FIB_ANYCAST;

	if (unlikely(meta->flags & DP_META_UNCHECKED) && !ours)
		dp_worker_drop(w, m, (enum dp_drop)meta->drop);
	else if (unlikely(meta->peer != 0) && !may_come(w, meta->peer, meta->fib))
		dp_worker_drop(w, m, DP_DROP_MESH_FOREIGN_DOMAIN);
	else
		return true;
	return false;
}

static void by_fib(struct dp_worker *w, struct rte_mbuf *m, uint32_t value)
{
	struct dp_meta *meta = dp_meta(m);
	enum fib_kind kind = fib_kind(value);

	meta->fib = value;
	if (likely(kind == FIB_DOMAIN && !(meta->flags & DP_META_UNCHECKED))) {
		struct dp_vec *home = &w->vec[V_HOME];

		dp_seek(&w->home, w->t->bc, home->n, &dp_ip6(m)->dst);
		dp_vec_push(home, m);
		return;
	}
	if (kind == FIB_HOME_AGENT && dp_ip6(m)->next_header == IP6_IN_IP6 && meta->peer == 0 &&
		!(meta->flags & DP_META_UNCHECKED)) { /* no header to walk over */
		meta->ext = (struct ext_info){ .upper = IP6_IN_IP6,
			.upper_off = sizeof(struct net_ip6),
			.nh_off = offsetof(struct net_ip6, next_header) };
		meta->flags |= DP_META_WALKED;
		to_decap(w, m);
		return;
	}
	if (kind == FIB_LOCAL && is_mesh(w, m)) {
		to_open(w, m);
		return;
	}
	if (!may_leave(w, m, kind))
		return;
	switch (kind) {
	case FIB_LOCAL:
	case FIB_HOME_AGENT:
	case FIB_ANYCAST:
		to_us(w, m);
		return;
	case FIB_ONLINK:
	case FIB_VIA:
		dp_vec_push(&w->vec[V_ROUTE], m);
		return;
	default:
		dp_error(w, m, DP_DROP_NO_ROUTE, ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0);
	}
}

/* Addresses that the FIB is not asked about: groups and link-local ones. False: done with m. */
static bool scoped(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct net_ip6 *ip = dp_ip6(m);
	struct dp_meta *meta = dp_meta(m);

	if (ip6_is_multicast(&ip->dst)) {
		if (is_tunnelled(meta))
			dp_worker_drop(w, m, DP_DROP_DST_MULTICAST);
		else
			to_us(w, m);
		return false;
	}
	if (ip6_is_link_local(&ip->dst)) {
		if (is_tunnelled(meta)) {
			dp_worker_drop(w, m, DP_DROP_DECAP_LINK_LOCAL);
		} else if (ip6_eq(&ip->dst, &w->port[meta->port].link_local)) {
			meta->fib = fib_value(FIB_LOCAL, 0);
			to_us(w, m);
		} else {
			dp_worker_drop(w, m, DP_DROP_DST_SCOPE);
		}
		return false;
	}
	return true;
}

/* -1, or the reason why nobody may send this. */
static int check_addresses(const struct net_ip6 *ip)
{
	if (unlikely(ip6_is_multicast(&ip->src)))
		return DP_DROP_SRC_INVALID;
	if (ip6_is_routable(&ip->src) && ip6_is_routable(&ip->dst))
		return -1;
	if (ip6_is_unspecified(&ip->src)) /* duplicate address detection only */
		return ip6_is_multicast(&ip->dst) ? -1 : DP_DROP_SRC_INVALID;
	if (!ip6_is_routable(&ip->src) && !ip6_is_link_local(&ip->src))
		return DP_DROP_SRC_INVALID;
	if (!ip6_is_routable(&ip->dst) && !ip6_is_link_local(&ip->dst) &&
		!ip6_is_multicast(&ip->dst))
		return DP_DROP_DST_INVALID;
	return -1;
}

/* Neither from nor to a global address: false: done with m. */
static bool unusual(struct dp_worker *w, struct rte_mbuf *m)
{
	int reason = check_addresses(dp_ip6(m));

	if (reason < 0)
		return scoped(w, m);
	dp_worker_drop(w, m, (enum dp_drop)reason);
	return false;
}

void dp_classify(struct dp_worker *w, struct dp_vec *in)
{
	const struct ip6_addr *dst[DP_BURST];
	uint32_t value[DP_BURST];
	struct rte_mbuf *pkt[DP_BURST];
	uint32_t n = in->n;

	if (n == 0)
		return;
	/* What is opened on the way is appended to the same vector: take it over first. */
	for (uint32_t i = 0; i < n; i++) {
		pkt[i] = in->pkt[i];
		dst[i] = &dp_ip6(pkt[i])->dst;
	}
	in->n = 0;
	fib_lookup_bulk(w->t->fib, dst, value, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct net_ip6 *ip = dp_ip6(pkt[i]);

		if (likely(ip6_is_global(&ip->src) && ip6_is_global(&ip->dst)) ||
			unusual(w, pkt[i]))
			by_fib(w, pkt[i], value[i]);
	}
}
