/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/icmp6.h"
#include "net/ip6hdr.h"

/* af_packet's frame holds a tpacket2 header (32, aligned to 48 with the address behind it) and
 * 16 octets of gap in front of the packet. */
#define AF_PACKET_FRAME_OVERHEAD 66
#define AF_PACKET_FRAME_DEFAULT  2048

#define TUNNEL_OVERHEAD 48 /* IPv6 header and an encapsulation limit (RFC 2473, 4.1.1) */

#define MBUFS_PER_WORKER 1024 /* bursts under way, TX buffers, the pool's cache */
#define MBUFS_MIN        8192

static uint16_t min16(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/*
 * Control gets a queue of its own only where data can be kept off it: a redirection table that
 * leaves the queue out, or a single data queue beside it and therefore no RSS at all would
 * still need rules to put anything there, so a table is what decides.
 */
static bool control_queue_is_clean(
	const struct plan_caps *caps, const struct plan_request *req, uint16_t data_queues)
{
	return !req->control_is_worker && caps->reta_size > 0 && caps->reta_size <= PLAN_MAX_RETA &&
	       (caps->rss_hf & req->rss_wanted) != 0 && caps->max_rx_queues > data_queues;
}

static void plan_rx(const struct plan_caps *caps, const struct plan_request *req, struct plan *p)
{
	uint16_t want = req->rx_queues > 0 ? req->rx_queues : req->workers;
	uint16_t data = min16(min16(want, req->workers), caps->max_rx_queues);

	if (caps->fixed_rx_queues)
		data = caps->max_rx_queues;
	else if ((caps->rss_hf & req->rss_wanted) == 0 && req->rx_queues == 0)
		data = 1; /* without a hash the device would fill the first queue only */
	for (uint16_t q = 0; q < data; q++)
		p->rx_owner[q] = (uint16_t)((q + (data == 1 ? req->port : 0)) % req->workers);
	p->rx_queues = data;
	p->control_rx_queue = PLAN_NO_QUEUE;
	if (control_queue_is_clean(caps, req, data)) {
		p->control_rx_queue = data;
		p->rx_owner[data] = req->workers;
		p->rx_queues = (uint16_t)(data + 1);
	}
	if (p->rx_queues == 1)
		return;
	p->rss_hf = caps->rss_hf & req->rss_wanted;
	p->rss_inner = caps->rss_level && p->rss_hf != 0;
	if (caps->reta_size > 0 && caps->reta_size <= PLAN_MAX_RETA) {
		p->reta_size = caps->reta_size;
		for (uint16_t i = 0; i < p->reta_size; i++)
			p->reta[i] = (uint16_t)(i % data);
	}
}

static void plan_tx(const struct plan_caps *caps, const struct plan_request *req, struct plan *p)
{
	uint16_t senders = (uint16_t)(req->workers + 1);

	p->tx_queues = min16(caps->equal_queues ? p->rx_queues : senders, caps->max_tx_queues);
	for (uint16_t s = 0; s < senders; s++) {
		bool own = s < p->tx_queues;

		p->tx_queue[s] = own ? s : PLAN_NO_QUEUE;
		/* Spread what has no queue over the workers that have one. */
		p->tx_via[s] = own ? s : (uint16_t)(s % min16(p->tx_queues, req->workers));
	}
}

static void add_rule(struct plan *p, struct plan_rule rule)
{
	if (p->rule_count < PLAN_MAX_RULES)
		p->rules[p->rule_count++] = rule;
}

static void plan_rules(const struct plan_request *req, struct plan *p)
{
	/* A Binding Update from away starts with Destination Options, from home with 135. */
	static const uint8_t first[] = { IP6_DSTOPT, IP6_MH };

	if (p->control_rx_queue == PLAN_NO_QUEUE)
		return;
	add_rule(p, (struct plan_rule){ .kind = PLAN_RULE_ND, .type = ICMP6_NS });
	add_rule(p, (struct plan_rule){ .kind = PLAN_RULE_ND, .type = ICMP6_NA });
	if (req->site_address != NULL) /* not hello's port: control at work must not delay it */
		add_rule(p, (struct plan_rule){ .kind = PLAN_RULE_SYNC,
				    .dst = *req->site_address,
				    .port = req->sync_port });
	for (uint16_t i = 0; i < req->home_agent_count; i++) {
		for (size_t k = 0; k < DIM(first); k++)
			add_rule(p, (struct plan_rule){ .kind = PLAN_RULE_SIGNALLING,
					    .type = first[k],
					    .dst = req->home_agents[i] });
	}
}

int plan_make(const struct plan_caps *caps, const struct plan_request *req, struct plan *out,
	char *err, size_t err_len)
{
	memset(out, 0, sizeof(*out));
	if (caps->max_rx_queues == 0 || caps->max_tx_queues == 0) {
		snprintf(err, err_len, "the device has no %s queue",
			caps->max_rx_queues == 0 ? "receive" : "transmit");
		return -EINVAL;
	}
	if (caps->fixed_rx_queues && caps->max_rx_queues > PLAN_MAX_WORKERS) {
		snprintf(err, err_len, "the device has %u receive queues, at most %u are polled",
			caps->max_rx_queues, PLAN_MAX_WORKERS);
		return -EINVAL;
	}
	if (req->mtu < caps->min_mtu || req->mtu > caps->max_mtu) {
		snprintf(err, err_len, "mtu %u is outside the device's %u..%u", req->mtu,
			caps->min_mtu, caps->max_mtu);
		return -EINVAL;
	}
	plan_rx(caps, req, out);
	plan_tx(caps, req, out);
	plan_rules(req, out);
	return 0;
}

void plan_know_driver(const char *driver, struct plan_caps *caps)
{
	caps->fixed_rx_queues = strcmp(driver, "net_af_packet") == 0 ||
				strcmp(driver, "net_pcap") == 0;
	caps->equal_queues = strcmp(driver, "net_tap") == 0 || strcmp(driver, "net_memif") == 0;
}

int plan_check_device(const char *device, uint16_t mtu, char *err, size_t err_len)
{
	unsigned long need = mtu + PLAN_L2_OVERHEAD + AF_PACKET_FRAME_OVERHEAD, have;
	const char *arg;

	if (strncmp(device, "net_af_packet", strlen("net_af_packet")) != 0)
		return 0;
	arg = strstr(device, ",framesz=");
	have = arg == NULL ? AF_PACKET_FRAME_DEFAULT : strtoul(arg + strlen(",framesz="), NULL, 10);
	if (have >= need)
		return 0;
	snprintf(err, err_len,
		"net_af_packet frames of %lu octets cut packets of mtu %u short: add framesz=%u",
		have, mtu, need <= 4096 ? 4096 : 16384);
	return -EINVAL;
}

uint32_t plan_datagram(uint32_t mtu, uint32_t max_octets, bool mesh)
{
	uint32_t tunnelled = mtu + TUNNEL_OVERHEAD;

	return (tunnelled > max_octets ? tunnelled : max_octets) + (mesh ? PLAN_MESH_OVERHEAD : 0);
}

uint32_t plan_mbufs(uint32_t rx_queues, uint32_t tx_queues, uint32_t descriptors, uint32_t workers,
	uint32_t queued)
{
	uint32_t n =
		(rx_queues + tx_queues) * descriptors + (workers + 1) * MBUFS_PER_WORKER + queued;

	return n < MBUFS_MIN ? MBUFS_MIN : n;
}
