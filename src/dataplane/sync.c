/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/sync.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "dataplane/worker.h"
#include "net/hello.h"
#include "net/udp.h"

#define NODES    256 /* ids 1..255 */
#define IS_THERE (1ULL << 32) /* beside a name: every one of 32 bits is possible */

struct peer {
	struct ip6_addr address; /* first: what is looked for */
	uint8_t node;
	_Atomic bool was_unknown;
	_Atomic uint64_t key[DP_HELLO_KEYS]; /* names; 0: none */
};

struct dp_sync {
	struct ip6_addr site;
	uint16_t port; /* of sessions; hello's is the next one */
	uint32_t peer_count;
	uint8_t index[NODES]; /* into peer, + 1 */
	struct peer peer[CONF_PEERS_MAX]; /* sorted */
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
		struct peer *p = &s->peer[s->peer_count];

		if (conf->peers[i].retired) /* who is gone for good says nothing */
			continue;
		p->address = conf->peers[i].address;
		p->node = (uint8_t)conf->peers[i].id;
		s->peer_count++;
	}
	qsort(s->peer, s->peer_count, sizeof(s->peer[0]), compare);
	for (uint32_t i = 0; i < s->peer_count; i++)
		s->index[s->peer[i].node] = (uint8_t)(i + 1);
	*out = s;
	return 0;
}

void dp_sync_free(struct dp_sync *s)
{
	free(s);
}

static struct peer *peer_of(struct dp_sync *s, uint8_t node)
{
	return s->index[node] == 0 ? NULL : &s->peer[s->index[node] - 1];
}

void dp_sync_keys(struct dp_sync *s, uint8_t node, const struct dp_hello_keys *keys)
{
	struct peer *p = peer_of(s, node);

	/* From the last one on: whoever looks in between sees one twice, and misses none that is
	 * the first now. */
	for (unsigned i = DP_HELLO_KEYS; p != NULL && i-- > 0;)
		atomic_store_explicit(&p->key[i], i < keys->n ? IS_THERE | keys->name[i] : 0,
			memory_order_relaxed);
}

bool dp_sync_was_unknown(struct dp_sync *s, uint8_t node)
{
	struct peer *p = peer_of(s, node);

	return p != NULL && atomic_load_explicit(&p->was_unknown, memory_order_relaxed) &&
	       atomic_exchange_explicit(&p->was_unknown, false, memory_order_relaxed);
}

/* Sites speak from where they are: in no tunnel, and not in the name of a home address. */
static struct peer *sender_of(struct dp_sync *s, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	if (meta->opened != 0 || meta->peer != 0 || (meta->ext.flags & EXT_HAO))
		return NULL;
	return bsearch(&dp_ip6(m)->src, s->peer, s->peer_count, sizeof(s->peer[0]), compare);
}

static bool has_key(const struct peer *p, uint32_t name)
{
	for (unsigned i = 0; i < DP_HELLO_KEYS; i++)
		if (atomic_load_explicit(&p->key[i], memory_order_relaxed) == (IS_THERE | name))
			return true;
	return false;
}

static void take_hello(
	struct dp_worker *w, struct rte_mbuf *m, struct peer *from, const struct net_udp *u)
{
	int ret = net_hello_check(u->data, u->len);

	if (ret == -EBADMSG) {
		dp_worker_drop(w, m, DP_DROP_HELLO_MALFORMED);
	} else if (ret < 0) {
		dp_worker_drop(w, m, DP_DROP_HELLO_OTHER_VERSION);
	} else if (!has_key(from, net_hello_key(u->data))) {
		/* a flood leaves the line as it is, in every worker's cache */
		if (!atomic_load_explicit(&from->was_unknown, memory_order_relaxed))
			atomic_store_explicit(&from->was_unknown, true, memory_order_relaxed);
		dp_worker_drop(w, m, DP_DROP_HELLO_NO_KEYS);
	} else {
		dp_punt(w, m, DP_PUNT_HELLO);
	}
}

bool dp_to_sync(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_sync *s = w->sync;
	const struct net_ip6 *ip = dp_ip6(m);
	uint32_t off = dp_meta(m)->ext.upper_off, len = m->data_len - off;
	const uint8_t *udp = (const uint8_t *)ip + off;
	struct peer *from;
	struct net_udp u;
	bool is_whole;

	if (!ip6_eq(&ip->dst, &s->site))
		return false;
	is_whole = net_udp_decode(udp, len, &u) == 0;
	if (u.dst_port != s->port && u.dst_port != s->port + 1)
		return false;
	from = sender_of(s, m);
	if (from == NULL)
		dp_worker_drop(w, m, DP_DROP_MESH_STRANGER);
	else if (!is_whole)
		dp_worker_drop(w, m, DP_DROP_UDP_LENGTH);
	else if (!net_udp_is_intact(&ip->src, &ip->dst, udp, len))
		dp_worker_drop(w, m, DP_DROP_UDP_CHECKSUM);
	else if (u.dst_port == s->port)
		dp_punt(w, m, DP_PUNT_SYNC);
	else
		take_hello(w, m, from, &u);
	return true;
}
