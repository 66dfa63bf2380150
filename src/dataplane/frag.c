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
