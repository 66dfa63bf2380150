/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  destination inside a mobile prefix.
 * Out: ENCAP, with the binding beside it; without a binding the source is told that the
 *      address cannot be reached (virtual home link: nobody else could answer for it). A
 *      link-local source goes no further than its link, not into a tunnel either (RFC 4291, 2.5.6).
 */
#include "dataplane/worker.h"

#include "net/icmp6.h"
#include "tables/tables.h"

void dp_intercept(struct dp_worker *w, struct dp_vec *in)
{
	struct dp_vec *out = &w->vec[V_ENCAP];

	dp_seek_rest(&w->home, w->t->bc, in->n);
	for (uint32_t i = 0; i < in->n; i++) {
		const struct net_ip6 *ip = dp_ip6(in->pkt[i]);
		const struct bc_entry *bind =
			bc_check(w->t->bc, &ip->dst, w->home.hash[i], w->home.guess[i]);

		if (unlikely(ip6_is_link_local(&ip->src))) {
			dp_error(w, in->pkt[i], DP_DROP_SRC_SCOPE, ICMP6_UNREACHABLE,
				ICMP6_BEYOND_SCOPE, 0);
			continue;
		}
		if (unlikely(bind == NULL)) {
			dp_error(w, in->pkt[i], DP_DROP_INTERCEPT_NO_BINDING, ICMP6_UNREACHABLE,
				ICMP6_ADDRESS, 0);
			continue;
		}
		w->bind[out->n] = bind;
		dp_vec_push(out, in->pkt[i]);
	}
	in->n = 0;
}
