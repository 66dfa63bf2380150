/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/bring.h"
#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/data_keys.h"
#include "control/mesh/key_log.h"
#include "control/mesh/mesh.h"
#include "control/mesh/pulse.h"
#include "net/udp.h"

#define TAG "mesh"

#define TURN_MS   100 /* how often sessions look at what is due */
#define HOP_LIMIT 64
#define DATA_MAX  (CHANNEL_MAX + SESSION_OVERHEAD) /* octets of a datagram */

static_assert(CHANNEL_MAX == ENGINE_DATAGRAM, "what the engine sends");
static_assert(sizeof(struct net_ip6) + NET_UDP_LEN + DATA_MAX <= IP6_MIN_MTU, "fits every path");
static_assert(SESSION_HANDSHAKE_MAX <= DATA_MAX, "so do handshakes");

struct channel {
	struct sessions *sessions;
	struct bring *key_log; /* NULL: none */
	struct ip6_addr address[SESSION_NODES];
	struct channel_count count[SESSION_NODES];
	uint64_t next_ms; /* when sessions are asked again */
	struct log_rl made_log; /* a peer may make keys many times a second */
	uint8_t sealed[DATA_MAX], plain[DATA_MAX];
	uint8_t pkt[IP6_MIN_MTU];
};

/* What a datagram that was not taken is counted as. */
static const int drop_of[] = { [SESSION_DATA] = -1,
	[SESSION_HANDLED] = -1,
#define X(id, name, help) [SESSION_##id] = DP_DROP_SYNC_##id,
	SESSION_REFUSED_LIST(X)
#undef X
};

static_assert(DIM(drop_of) == SESSION_VERDICT_COUNT, "one each");

/* --- what sessions ask for --- */

static void on_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static int send_datagram(struct ctl *ctl, uint8_t node, const uint8_t *buf, size_t len)
{
	const struct conf_mesh *mesh = &ctl->conf->mesh;
	struct channel *c = ctl->channel;
	int n = net_udp_packet(c->pkt, sizeof(c->pkt), &mesh->site_address, &c->address[node],
		(uint16_t)mesh->port, (uint16_t)mesh->port, HOP_LIMIT, buf, (uint32_t)len);

	return n < 0 ? n : ctl_send_wire(ctl, c->pkt, (uint16_t)n);
}

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct ctl *ctl = ctx;

	if (send_datagram(ctl, node, buf, len) < 0)
		ctl->channel->count[node].not_sent++; /* sessions repeat it */
}

static void on_established(void *ctx, uint8_t node, const struct session_keys *keys)
{
	struct ctl *ctl = ctx;
	uint32_t suppressed;

	ctl_count(ctl, CTL_SESSIONS_MADE);
	if (log_rl_pass(&ctl->channel->made_log, ctl->now_ms, &suppressed))
		log_info(TAG, "session keys made peer=%s by=%s suppressed=%u",
			mesh_site_name(ctl, node), keys->initiator ? "us" : "it", suppressed);
	pulse_keys(ctl, node, keys);
	data_keys_established(ctl->data_keys, node, keys, ctl->now_ms);
}

static void on_answered(void *ctx, uint8_t node, const struct session_keys *keys)
{
	struct ctl *ctl = ctx;

	data_keys_answered(ctl->data_keys, node, keys, ctl->now_ms);
}

static void on_confirmed(void *ctx, uint8_t node)
{
	struct ctl *ctl = ctx;

	data_keys_confirmed(ctl->data_keys, node, ctl->now_ms);
}

static void on_secrets(void *ctx, uint8_t node, const struct session_secrets *secrets)
{
	struct ctl *ctl = ctx;

	key_log_put(ctl->channel->key_log, (uint8_t)ctl->conf->node.id, node, secrets);
}

/* --- datagrams --- */

int channel_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	uint32_t at = p->ext.upper_off + NET_UDP_LEN; /* dataplane/sync.c saw to it */
	struct channel *c = ctl->channel;
	uint8_t node = 0;
	enum session_verdict v = SESSION_MALFORMED;
	size_t len = 0;

	if (p->len - at <= DATA_MAX)
		v = sessions_input(c->sessions, &ctl_pkt_ip6(p)->src, p->data + at, p->len - at,
			ctl->now_ms, &node, c->plain, &len);
	if (drop_of[v] >= 0) {
		c->count[node].refused++;
		return drop_of[v];
	}
	if (v == SESSION_DATA) {
		c->count[node].rx++;
		c->count[node].rx_bytes += len;
		ctl_count(ctl, CTL_SYNC_OPENED);
		mesh_input(ctl, node, c->plain, len);
	}
	return -1;
}

int channel_send(struct ctl *ctl, uint8_t node, const uint8_t *buf, size_t len)
{
	struct channel *c = ctl->channel;
	int ret;

	if (len == 0 || len > CHANNEL_MAX)
		return -EMSGSIZE;
	ret = sessions_seal(c->sessions, node, buf, len, ctl->now_ms, c->sealed);
	if (ret == 0)
		ret = send_datagram(ctl, node, c->sealed, len + SESSION_OVERHEAD);
	if (ret < 0) {
		c->count[node].not_sent++;
		ctl_count(ctl, CTL_SYNC_NOT_SENT);
		return ret;
	}
	c->count[node].tx++;
	c->count[node].tx_bytes += len;
	ctl_count(ctl, CTL_SYNC_SENT);
	return 0;
}

bool channel_run(struct ctl *ctl)
{
	struct channel *c = ctl->channel;

	if (ctl->now_ms < c->next_ms)
		return false;
	if (sessions_turn(c->sessions, ctl->now_ms, ctl->wall_ms))
		return true; /* there is more to begin: at the next turn of the loop */
	c->next_ms = ctl->now_ms + TURN_MS;
	return false;
}

struct bring *channel_key_log(const struct ctl *ctl)
{
	return ctl->channel == NULL ? NULL : ctl->channel->key_log;
}

int channel_info(const struct ctl *ctl, uint8_t node, struct session_info *out)
{
	return sessions_info(ctl->channel->sessions, node, ctl->now_ms, out);
}

void channel_heard(struct ctl *ctl, uint8_t node, uint64_t heard_ms)
{
	/* by another core's clock, which may have gone on since ours was read */
	sessions_heard(
		ctl->channel->sessions, node, heard_ms < ctl->now_ms ? heard_ms : ctl->now_ms);
}

struct channel_count channel_count(const struct ctl *ctl, uint8_t node)
{
	return ctl->channel->count[node];
}

/* --- life --- */

static int make(struct ctl *ctl, struct channel *c, struct session_peer *peers)
{
	const struct conf_mesh *mesh = &ctl->conf->mesh;
	struct session_opts o = {
		.node = (uint8_t)ctl->conf->node.id,
		.secret = mesh->private_key,
		.peers = peers,
		.now_ms = ctl->now_ms,
		.ops = { .ctx = ctl,
			.random = on_random,
			.send = on_send,
			.established = on_established,
			.answered = on_answered,
			.confirmed = on_confirmed },
	};

	c->made_log = (struct log_rl)LOG_RL_INIT;
	if (mesh->key_log_file != NULL) {
		int ret = bring_new(KEY_LOG_RING, &c->key_log);

		if (ret < 0)
			return ret;
		o.ops.secrets = on_secrets;
	}
	for (uint32_t i = 0; i < mesh->peer_count; i++) {
		const struct conf_mesh_peer *p = &mesh->peers[i];

		if (p->retired)
			continue;
		c->address[p->id] = p->address;
		peers[o.peer_count].node = (uint8_t)p->id;
		peers[o.peer_count].address = p->address;
		memcpy(peers[o.peer_count++].key, p->public_key, NOISE_KEY_LEN);
	}
	return sessions_new(&o, &c->sessions);
}

int channel_new(struct ctl *ctl, char *err, size_t err_len)
{
	struct session_peer *peers = calloc(CONF_PEERS_MAX, sizeof(*peers));
	int ret = -ENOMEM;

	ctl->channel = calloc(1, sizeof(*ctl->channel));
	if (peers != NULL && ctl->channel != NULL)
		ret = make(ctl, ctl->channel, peers);
	free(peers);
	if (ret < 0) {
		snprintf(err, err_len, "mesh: sessions: %s", strerror(-ret));
		channel_free(ctl);
	}
	return ret;
}

void channel_free(struct ctl *ctl)
{
	struct channel *c = ctl->channel;

	if (c == NULL)
		return;
	sessions_free(c->sessions);
	bring_free(c->key_log);
	sodium_memzero(c->plain, sizeof(c->plain));
	free(c);
	ctl->channel = NULL;
}
