/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  destination inside a mobile prefix.
 * Out: ENCAP, with the binding beside it, or in a mesh RELAY, where another site delivers; without a
 *      binding the source is told that the address cannot be reached (virtual home link: nobody else
 *      could answer for it). A link-local source goes no further than its link, not into a tunnel
 *      either (RFC 4291, 2.5.6).
 */
#include "common/key.h"
#include "dataplane/domains.h"
#include "dataplane/quota.h"
#include "dataplane/relay.h"
#include "dataplane/worker.h"
#include "net/icmp6.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/tables.h"

static void refuse_scope(struct dp_worker *w, struct rte_mbuf *m)
{
	dp_error(w, m, DP_DROP_SRC_SCOPE, ICMP6_UNREACHABLE, ICMP6_BEYOND_SCOPE, 0);
}

static void unreachable(struct dp_worker *w, struct rte_mbuf *m)
{
	dp_error(w, m, DP_DROP_INTERCEPT_NO_BINDING, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0);
}

static void deliver(struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind)
{
	struct dp_vec *out = &w->vec[V_ENCAP];

	w->bind[out->n] = bind;
	dp_vec_push(out, m);
}

/* In a mesh it may be another site that delivers. Out of line: without one nobody pays for it. */
static __attribute__((noinline)) void by_mesh(
	struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind)
{
	uint16_t domain = fib_domain(dp_meta(m)->fib);
	const struct mesh_domain *d = meshtab_domain(w->t->mesh, domain);
	struct mesh_query q = dp_query(m, MESH_INTERCEPT);
	struct mesh_answer a;
	uint8_t node;

	if (bind != NULL) {
		q.bound = MESH_BOUND;
		q.owner = atomic_load_explicit(&bind->owner, memory_order_relaxed);
		q.bucket = bind->bucket;
	} else {
		q.bucket = record_key_bucket(record_key(d->id, &dp_ip6(m)->dst));
	}
	a = mesh_ask(d, &q, &node);
	switch (a.act) {
	case MESH_DELIVER:
		dp_make_own(dp_meta(m));
		deliver(w, m, bind);
		break;
	case MESH_UNREACHABLE:
		unreachable(w, m);
		break;
	case MESH_RELAY:
		dp_relay(w, m, domain, a, node);
		break;
	default:
		dp_worker_drop(w, m, (enum dp_drop)a.drop);
		break;
	}
}

void dp_intercept(struct dp_worker *w, struct dp_vec *in)
{
	const bool mesh = w->t->mesh != NULL, bounded = domains_are_bounded(w);

	dp_seek_rest(&w->home, w->t->bc, in->n);
	for (uint32_t i = 0; i < in->n; i++) {
		const struct net_ip6 *ip = dp_ip6(in->pkt[i]);
		const struct bc_entry *bind =
			bc_check(w->t->bc, &ip->dst, w->home.hash[i], w->home.guess[i]);

		if (unlikely(bounded) &&
			!dp_quota(w, in->pkt[i], fib_domain(dp_meta(in->pkt[i])->fib)))
			continue;
		if (unlikely(ip6_is_link_local(&ip->src)))
			refuse_scope(w, in->pkt[i]);
		else if (mesh)
			by_mesh(w, in->pkt[i], bind);
		else if (unlikely(bind == NULL))
			unreachable(w, in->pkt[i]);
		else
			deliver(w, in->pkt[i], bind);
	}
	in->n = 0;
}
