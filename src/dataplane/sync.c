/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "dataplane/worker.h"
#include "net/udp.h"

struct dp_sync {
	struct ip6_addr site;
	uint16_t port; /* of sessions; hello's is the next one */
	uint32_t peer_count;
	struct ip6_addr peer[CONF_PEERS_MAX]; /* sorted */
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip6_addr));
}

int dp_sync_new(const struct conf_mesh *conf, struct dp_sync **out)
{
	struct dp_sync *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->site = conf->site_address;
	s->port = (uint16_t)conf->port;
	for (uint32_t i = 0; i < conf->peer_count; i++) {
		if (!conf->peers[i].retired) /* who is gone for good says nothing */
			s->peer[s->peer_count++] = conf->peers[i].address;
	}
	qsort(s->peer, s->peer_count, sizeof(s->peer[0]), compare);
	*out = s;
	return 0;
}

void dp_sync_free(struct dp_sync *s)
{
	free(s);
}

/* Sites speak from where they are: in no tunnel, and not in the name of a home address. */
static bool is_from_peer(const struct dp_sync *s, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	return meta->opened == 0 && meta->peer == 0 && !(meta->ext.flags & EXT_HAO) &&
	       bsearch(&dp_ip6(m)->src, s->peer, s->peer_count, sizeof(s->peer[0]), compare) !=
		       NULL;
}

bool dp_to_sync(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_sync *s = w->sync;
	const struct net_ip6 *ip = dp_ip6(m);
	uint32_t off = dp_meta(m)->ext.upper_off, len = m->data_len - off;
	const uint8_t *udp = (const uint8_t *)ip + off;
	struct net_udp u;
	bool is_whole;

	if (!ip6_eq(&ip->dst, &s->site))
		return false;
	is_whole = net_udp_decode(udp, len, &u) == 0;
	if (u.dst_port != s->port && u.dst_port != s->port + 1)
		return false;
	if (!is_from_peer(s, m))
		dp_worker_drop(w, m, DP_DROP_MESH_STRANGER);
	else if (!is_whole)
		dp_worker_drop(w, m, DP_DROP_UDP_LENGTH);
	else if (!net_udp_is_intact(&ip->src, &ip->dst, udp, len))
		dp_worker_drop(w, m, DP_DROP_UDP_CHECKSUM);
	else
		dp_punt(w, m, u.dst_port == s->port ? DP_PUNT_SYNC : DP_PUNT_HELLO);
	return true;
}
