/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMPv6 of our own addresses (RFC 4443): echo replies, errors in and out. Errors out share one
 * token bucket (icmp.errors-per-s, icmp.burst) with Binding Errors.
 */
#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/icmp_rules.h"
#include "control/mesh/data_mtu.h"
#include "control/pmtu.h"
#include "control/tunnel_rules.h"
#include "net/icmp6.h"
#include "tables/addrs.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define ICMP_MAX 9728 /* an echo reply is as long as its request: a port's MTU */

struct icmp {
	struct bucket errors;
	uint8_t buf[ICMP_MAX];
};

int icmp_new(struct ctl *ctl, struct icmp **out)
{
	struct icmp *icmp = calloc(1, sizeof(*icmp));

	if (icmp == NULL)
		return -ENOMEM;
	bucket_init(
		&icmp->errors, ctl->conf->icmp_errors_per_s, ctl->conf->icmp_burst, ctl->now_ms);
	*out = icmp;
	return 0;
}

void icmp_free(struct icmp *icmp)
{
	free(icmp);
}

bool icmp_error_token(struct ctl *ctl)
{
	return bucket_take(&ctl->icmp->errors, ctl->now_ms);
}

/* The FIB knows no link-local destinations: back to where the frame came from. */
static int send_back(struct ctl *ctl, const struct ctl_pkt *p, int len, bool wire)
{
	const uint8_t *pkt = ctl->icmp->buf;

	if (len < 0)
		return len;
	if (ip6_is_link_local(&((const struct net_ip6 *)pkt)->dst))
		return ctl_send_link(ctl, p->port, p->src_mac, pkt, (uint16_t)len);
	return wire ? ctl_send_wire(ctl, pkt, (uint16_t)len) : ctl_send(ctl, pkt, (uint16_t)len);
}

/* RFC 4443, 4.2: the address that was asked, or for an anycast one a unicast address beside it. */
static const struct ip6_addr *echo_source(const struct ctl *ctl, const struct ctl_pkt *p)
{
	if (fib_kind(p->fib) == FIB_ANYCAST)
		return &ctl->conf->domains[fib_domain(p->fib)].home_agent_address;
	return &ctl_pkt_ip6(p)->dst;
}

/* To a mobile node that names its home address in an option: the home address, by its
 * binding (RFC 6275, 9.3.2); punt.c saw to it that there is one. */
static void echo(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *icmp, uint16_t len)
{
	int ret = icmp6_echo_reply(
		ctl->icmp->buf, ICMP_MAX, echo_source(ctl, p), ctl_pkt_source(p), icmp, len);

	if (send_back(ctl, p, ret, false) == 0)
		ctl_count(ctl, CTL_ECHO_ANSWERED);
}

/* About something that hamd said itself: only its size can be mended. */
static void own_error(struct ctl *ctl, const struct icmp6_err_msg *msg)
{
	const struct ip6_addr *dst = &((const struct net_ip6 *)msg->quoted)->dst;
	struct ext_info x;
	uint32_t mtu;

	/* More of it has to be quoted (RFC 4443, 2.4 (c)): this could be about any tunnel. */
	if (ext_walk(msg->quoted, msg->quoted_len, EXT_TRANSIT, &x) != EXT_OK ||
		x.upper == IP6_IN_IP6) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_NO_TUNNEL);
		return;
	}
	if (msg->type != ICMP6_TOO_BIG)
		return;
	mtu = icmp_learned_mtu(msg, send_link_mtu(ctl, dst));
	if (mtu == 0)
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_MTU);
	else if (pmtu_learn(ctl->pmtu, ctl->now_ms, dst, PMTU_OWN, mtu))
		ctl_count(ctl, CTL_PATH_MTU_LOWERED);
}

static void error_in(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *icmp, uint16_t len)
{
	struct icmp6_err_msg msg;
	struct tunnel_quote q;

	if (icmp6_error_decode(icmp, len, &msg) < 0 ||
		!icmp_is_about_us(ctl->t->addrs, &msg, p->port)) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_INVALID);
		return;
	}
	ctl_count(ctl, CTL_ICMP6_ERRORS_RECEIVED);
	if (data_mtu_input(ctl, &msg))
		return;
	if (tunnel_open(msg.quoted, msg.quoted_len, &q))
		tunnel_input_error(ctl, p, &msg, &q);
	else
		own_error(ctl, &msg);
}

void icmp_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	const uint8_t *icmp = p->data + p->ext.upper_off;
	uint16_t len = (uint16_t)(p->len - p->ext.upper_off);

	if (!p->walked || p->ext.upper_off >= p->len ||
		!icmp6_check(ctl_pkt_source(p), &ctl_pkt_ip6(p)->dst, icmp, len)) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_INVALID);
		return;
	}
	switch (icmp_kind(icmp[0])) {
	case ICMP_ECHO:
		echo(ctl, p, icmp, len);
		return;
	case ICMP_ERROR:
		error_in(ctl, p, icmp, len);
		return;
	case ICMP_ND:
		nd_input(ctl, p);
		return;
	case ICMP_DISCOVERY:
		if (ctl->mip6 != NULL) {
			mip6_discovery_input(ctl, p, icmp, len);
			return;
		}
		break;
	case ICMP_OTHER:
		break;
	}
	dp_count_drop(ctl->dp, DP_DROP_LOCAL_ICMP6);
}

bool icmp_send_error(
	struct ctl *ctl, const struct ctl_pkt *p, uint8_t type, uint8_t code, uint32_t arg)
{
	const struct net_ip6 *ip = ctl_pkt_ip6(p);
	struct ext_info x = p->ext;
	const struct ip6_addr *src;
	int len;

	if (!p->walked)
		ext_walk(p->data, p->len, EXT_TRANSIT, &x);
	if (!icmp6_may_answer(p->data, p->len, &x, type, code)) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_NOT_DUE);
		return false;
	}
	src = icmp_error_source(ctl->t->addrs, &ip->dst, p->port, &ip->src,
		ip6_is_link_local(&ip->src) ? p->port : send_port(ctl, &ip->src));
	if (src == NULL) {
		dp_count_drop(ctl->dp, DP_DROP_OWN_NO_ROUTE);
		return false;
	}
	if (!icmp_error_token(ctl)) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_RATE);
		return false;
	}
	len = icmp6_error(ctl->icmp->buf, ICMP_MAX, src, type, code, arg, p->data, p->len);
	/* what only passes through has its sender's address in front, bound or not */
	if (send_back(ctl, p, len, p->walked && icmp_is_for_wire(&x)) < 0)
		return false;
	ctl_count(ctl, CTL_ICMP6_ERRORS_SENT);
	return true;
}
