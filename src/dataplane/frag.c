/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include "net/frag.h"

/* Metadata and headroom of each fragment are those of a packet made here. */
static void fill(struct rte_mbuf *m, struct frag *f, const struct dp_meta *meta)
{
	uint16_t n = frag_next(f, rte_pktmbuf_mtod(m, uint8_t *));

	m->data_len = n;
	m->pkt_len = n;
	*dp_meta(m) = *meta;
}

uint32_t dp_fragment(struct dp_worker *w, const uint8_t *pkt, uint16_t len, uint16_t mtu,
	const struct dp_meta *meta, struct rte_mbuf *out[static DP_FRAGMENTS])
{
	struct frag f;

	if (frag_init(&f, pkt, len, mtu, fragid_next(&w->fragid)) < 0 || f.count > DP_FRAGMENTS ||
		rte_pktmbuf_alloc_bulk(w->pool, out, f.count) < 0)
		return 0;
	if (f.size > rte_pktmbuf_tailroom(out[0])) {
		rte_pktmbuf_free_bulk(out, f.count);
		return 0;
	}
	for (uint32_t i = 0; i < f.count; i++)
		fill(out[i], &f, meta);
	dp_counted(w, DP_COUNTER_FRAGMENTED, 1);
	dp_counted(w, DP_COUNTER_FRAGMENTS_MADE, f.count);
	return f.count;
}

static bool fits(struct dp_worker *w, uint32_t n)
{
	if (n <= 2) /* what vectors have room for */
		return true;
	if (n - 2 > w->spare)
		return false;
	w->spare -= n - 2;
	return true;
}

bool dp_push_fragments(struct dp_worker *w, struct rte_mbuf *m, uint32_t mtu)
{
	struct rte_mbuf *part[DP_FRAGMENTS];
	uint32_t n = 0;

	if (fits(w, frag_most(m->data_len, (uint16_t)mtu)))
		n = dp_fragment(w, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, (uint16_t)mtu,
			dp_meta(m), part);
	if (n == 0) {
		dp_worker_drop(w, m, DP_DROP_NO_BUFFER);
		return false;
	}
	rte_pktmbuf_free(m);
	for (uint32_t i = 0; i < n; i++)
		dp_vec_push(&w->vec[V_ROUTE], part[i]);
	return true;
}
