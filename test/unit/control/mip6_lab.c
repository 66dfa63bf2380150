/* SPDX-License-Identifier: BSD-3-Clause */
#include "mip6_lab.h"

/* --- what surrounds it --- */

bool token = true;
uint64_t drops[DP_DROP_COUNT];
struct lab_out out;

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	memcpy(out.pkt, pkt, len);
	out.len = len;
	out.wire++;
	return 0;
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	(void)pkt;
	(void)len;
	fail_msg("signalling goes past the binding cache");
	return 0;
}

int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	memcpy(out.pkt, pkt, len);
	out.len = len;
	out.port = port;
	memcpy(out.mac, mac, 6);
	out.link++;
	return 0;
}

bool icmp_send_error(
	struct ctl *ctl, const struct ctl_pkt *p, uint8_t type, uint8_t code, uint32_t arg)
{
	(void)ctl;
	(void)p;
	assert_int_equal(type, ICMP6_PARAM_PROBLEM);
	assert_int_equal(code, ICMP6_BAD_FIELD);
	out.icmp++;
	out.icmp_arg = arg;
	return true;
}

bool icmp_error_token(struct ctl *ctl)
{
	(void)ctl;
	return token;
}

struct lab_said said;

void dp_watch_say(struct dp *dp, const char *who, const char *what, int32_t status)
{
	(void)dp;
	said.who = who;
	said.what = what;
	said.status = status;
}

void dp_count_drop(struct dp *dp, enum dp_drop reason)
{
	(void)dp;
	drops[reason]++;
}

/* --- a home agent of two domains --- */

struct lab t;

void set_route(const char *text, enum fib_kind kind, uint32_t index)
{
	struct ip6_prefix p = prefix(text);

	assert_int_equal(fib_set(t.tables.fib, &p, fib_value(kind, index)), 0);
}

/* --- subscribers --- */

void new_subscribers(void)
{
	struct subs_opts opts = { .max = 1000, .domains = 2, .seed = 1 };

	subs_free(t.ctl.subs);
	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
}

void subscribe(uint16_t domain, struct ip6_addr hoa)
{
	struct sub sub = {
		.lifetime_max_s = t.domains[domain].lifetime_max_s,
		.key = SUB_NO_KEY,
		.domain = domain,
	};
	struct sub_place there;

	assert_int_equal(
		subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
}

static void subscribe_all(void)
{
	new_subscribers();
	subscribe(0, addr(HOA));
	subscribe(0, addr(HOA2));
	subscribe(0, addr("2001:db8:a::102"));
	subscribe(1, addr("2001:db8:b::100"));
	subs_seal(t.ctl.subs);
}

uint64_t nexthop(uint32_t adjacency)
{
	return (uint64_t)fib_generation(t.tables.fib) << 32 | adjacency;
}

int setup(void **state)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&out, 0, sizeof(out));
	memset(drops, 0, sizeof(drops));
	token = true;
	t.served[0] = prefix("2001:db8:a::/48");
	t.served[1] = prefix("2001:db8:b::/48");
	for (unsigned d = 0; d < 2; d++)
		t.domains[d] = (struct conf_domain){
			.mobile_prefixes = &t.served[d],
			.mobile_prefix_count = 1,
			.home_agent_address = addr(d == 0 ? HA : "2001:db8:b::1"),
			.lifetime_max_s = d == 0 ? 600 : 1200,
			.encap_limit = d == 0 ? CONF_ENCAP_LIMIT_AUTO : CONF_ENCAP_LIMIT_ALWAYS,
			.limits = { .max_bindings = 1000,
				.max_bindings_per_care_of = 1000,
				.bu_per_s_per_source = 1,
				.bu_burst_per_source = 100,
				.bu_per_s_per_mobile_node = 1,
				.bu_burst_per_mobile_node = 150,
				.bu_per_s = 10000 },
		};
	t.conf.domains = t.domains;
	t.conf.domain_count = 2;
	t.conf.runtime.max_bindings = 1000;
	t.tables.rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t.tables.rcu, 1), 0);
	assert_int_equal(dq_new(t.tables.rcu, DQ_SIZE, &t.tables.dq), 0);
	assert_int_equal(
		bc_new(&(struct bc_opts){ .max = 1000, .seed = 1 }, t.tables.dq, &t.tables.bc), 0);
	assert_int_equal(
		fib_new(&(struct fib_opts){ .max_routes = 16 }, t.tables.dq, &t.tables.fib), 0);
	set_route(HA "/128", FIB_HOME_AGENT, 0);
	set_route(PORT_ADDR "/128", FIB_LOCAL, 0);
	set_route("2001:db8:a::/48", FIB_DOMAIN, 0);
	set_route("2001:db8:b::/48", FIB_DOMAIN, 1);
	set_route("2001:db8:1::/64", FIB_ONLINK, 3);
	set_route("2001:db8:dead::/48", FIB_UNREACHABLE, 0);
	set_route("::/0", FIB_VIA, GATEWAY);
	assert_int_equal(addrs_new(8, &t.tables.addrs), 0);
	t.ctl.conf = &t.conf;
	t.ctl.t = &t.tables;
	t.ctl.now_ms = START_MS;
	t.ctl.seed = 1;
	assert_int_equal(
		records_new(&(struct records_opts){ .max = 1000, .seed = 1, .now_ms = START_MS },
			&t.ctl.records),
		0);
	assert_int_equal(pmtu_new(1000, 1, &t.ctl.pmtu), 0);
	subscribe_all();
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	return 0;
}

int teardown(void **state)
{
	(void)state;
	mip6_free(t.ctl.mip6);
	pmtu_free(t.ctl.pmtu);
	subs_free(t.ctl.subs);
	records_free(t.ctl.records);
	addrs_free(t.tables.addrs);
	bc_free(t.tables.bc);
	fib_free(t.tables.fib);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

/* --- packets --- */

struct mip6_signer signer;

static const char *or_else(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

uint16_t put_hao(uint8_t *at, const char *hao)
{
	struct ip6_addr a;

	if (*hao == '\0')
		return 0;
	a = addr(hao);
	/* PadN of 4, then the option at 8n + 6 */
	memcpy(at, (uint8_t[]){ IP6_MH, 2, 1, 2, 0, 0, 0xc9, 16 }, 8);
	memcpy(at + 8, &a, sizeof(a));
	return 24;
}

static uint16_t put_mh(const struct msg *m, uint8_t *at, const struct ip6_addr *from,
	const struct ip6_addr *to, const char *src)
{
	const char *alt = or_else(m->alt, src);
	struct mh_bu_msg bu = {
		.seq = m->seq,
		.flags = m->flags != 0 ? m->flags : MH_BU_A | MH_BU_H,
		.lifetime = (uint16_t)(m->lifetime < 0   ? 0
				       : m->lifetime > 0 ? m->lifetime
							 : 100),
	};
	int len;

	if (m->raw != NULL) {
		struct buf b = buf_from_hex(m->raw);
		uint16_t sum = net_cksum(from, to, IP6_MH, b.p, (uint32_t)b.n);

		b.p[4] = (uint8_t)(sum >> 8);
		b.p[5] = (uint8_t)sum;
		memcpy(at, b.p, b.n);
		len = (int)b.n;
		buf_free(&b);
		return (uint16_t)len;
	}
	if (*alt != '\0') {
		bu.opts.present = 1ULL << MHOPT_ALT_COA;
		bu.opts.alt_coa = addr(alt);
	}
	if (m->spi != 0)
		bu.opts.present |= 1ULL << MHOPT_MN_AUTH;
	bu.opts.spi = m->spi;
	if (m->timestamp != 0)
		bu.opts.present |= 1ULL << MHOPT_REPLAY;
	bu.opts.timestamp = m->timestamp;
	len = mh_bu_encode(&bu, from, to, at, 256);
	assert_true(len > 0);
	if (m->spi != 0) {
		struct ip6_addr coa = addr(*alt != '\0' ? alt : src);

		mip6_sign(&signer, &coa, from, at, (uint16_t)(len - MAC_LEN), at + len - MAC_LEN);
		at[len - 1] ^= m->bad_mac;
		mh_set_cksum(at, (uint16_t)len, from, to);
	}
	return (uint16_t)len;
}

void send_bu(const struct msg *m)
{
	const char *src = or_else(m->src, COA), *hao = or_else(m->hao, HOA);
	struct ip6_addr from = addr(src), to = addr(or_else(m->dst, HA));
	struct ip6_addr speaker = addr(*hao != '\0' ? hao : src);
	uint8_t buf[512] = { 0 };
	uint16_t off = (uint16_t)(40 + put_hao(buf + 40, hao));
	uint16_t len = (uint16_t)(off + put_mh(m, buf + off, &speaker, &to, src));
	struct buf exact;
	struct ctl_pkt p;

	buf[off + 4] ^= m->bad_checksum;
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)(len - 40), off > 40 ? IP6_DSTOPT : IP6_MH,
		64, &from, &to);
	exact = buf_copy(buf, len);
	p = (struct ctl_pkt){
		.data = exact.p,
		.len = len,
		.port = 5,
		.walked = true,
		.tunnelled = m->tunnelled,
		.known = m->known,
		.fib = fib_lookup(t.tables.fib, &to),
		.src_mac = { 2, 0, 0, 0, 0, 9 },
	};
	assert_int_equal(ext_walk(exact.p, len, EXT_TO_US, &p.ext), EXT_OK);
	out.len = 0;
	mip6_input(&t.ctl, &p);
	buf_free(&exact);
}

struct mh_ba_msg sent_ba(const char *dst, const char *hoa)
{
	const struct net_ip6 *ip6 = (const struct net_ip6 *)out.pkt;
	struct ip6_addr want_dst = addr(dst), final = addr(or_else(hoa, dst));
	struct ext_info x;
	struct mh_hdr hdr;
	struct mh_ba_msg ba;
	uint16_t bad_at;

	assert_true(out.len >= 40);
	assert_true(ip6_eq(&ip6->dst, &want_dst));
	assert_int_equal(net_ip6_payload_len(ip6), out.len - 40);
	assert_int_equal(ext_walk(out.pkt, out.len, EXT_TRANSIT, &x), EXT_OK);
	assert_int_equal(x.upper, IP6_MH);
	assert_int_equal((x.flags & EXT_RH) != 0, hoa != NULL);
	if (hoa != NULL)
		assert_memory_equal(out.pkt + x.rh_off + 8, &final, 16);
	assert_int_equal(mh_check(out.pkt + x.upper_off, (uint16_t)(out.len - x.upper_off),
				 &ip6->src, &final, &hdr),
		MH_OK);
	assert_int_equal(hdr.type, MH_BA);
	assert_int_equal(mh_ba_decode(out.pkt + x.upper_off, hdr.len, &ba, &bad_at), 0);
	return ba;
}

void assert_ba(const char *dst, const char *hoa, int status, int seq, int lifetime)
{
	struct mh_ba_msg ba = sent_ba(dst, hoa);

	assert_int_equal(ba.status, status);
	assert_int_equal(ba.seq, seq);
	assert_int_equal(ba.lifetime, lifetime);
	assert_int_equal(ba.flags, 0);
	assert_int_equal(ba.opts.present & ~3ULL, 0); /* padding at most */
}

void assert_signed_ba(int status, int seq, uint64_t timestamp)
{
	struct mh_ba_msg ba = sent_ba(COA, HOA);
	struct ip6_addr coa = addr(COA), hoa = addr(HOA);
	uint8_t tag[MAC_LEN];

	assert_int_equal(ba.status, status);
	assert_int_equal(ba.seq, seq);
	assert_true(mh_opts_has(&ba.opts, MHOPT_MN_AUTH));
	assert_int_equal(ba.opts.spi, SPI);
	assert_int_equal(mh_opts_has(&ba.opts, MHOPT_REPLAY), timestamp != 0);
	assert_true(ba.opts.timestamp == timestamp);
	mip6_sign(&signer, &coa, &hoa, out.pkt + 64, ba.opts.mac_at, tag);
	assert_memory_equal(ba.opts.mac, tag, MAC_LEN);
	assert_int_equal(64 + ba.opts.mac_at + MAC_LEN, out.len);
}

void assert_be(int status, const char *dst, const char *hoa)
{
	const struct net_ip6 *ip6 = (const struct net_ip6 *)out.pkt;
	struct ip6_addr want_dst = addr(dst), want_hoa = addr(hoa);
	struct mh_hdr hdr;
	struct mh_be_msg be;

	assert_int_equal(out.len, 64);
	assert_true(ip6_eq(&ip6->dst, &want_dst));
	assert_int_equal(mh_check(out.pkt + 40, 24, &ip6->src, &ip6->dst, &hdr), MH_OK);
	assert_int_equal(hdr.type, MH_BE);
	assert_int_equal(mh_be_decode(out.pkt + 40, 24, &be), 0);
	assert_int_equal(be.status, status);
	assert_true(ip6_eq(&be.hoa, &want_hoa));
}

const struct bc_entry *entry(const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(t.tables.bc, &a);
}

void assert_bound(const char *hoa, const char *coa)
{
	struct ip6_addr want = addr(coa), ha = addr(HA);
	const struct bc_entry *e = entry(hoa);

	assert_non_null(e);
	assert_true(ip6_eq(&e->coa, &want));
	assert_true(ip6_eq(&e->ha, &ha));
	assert_int_equal(e->domain, 0);
}

struct acct_event told(void)
{
	struct acct_event e = { .type = ACCT_TYPE_COUNT };

	dq_run(t.tables.dq, DQ_SIZE);
	acct_take(t.ctl.acct, &e, 1);
	return e;
}
