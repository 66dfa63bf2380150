/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mip6.c and publish.c over the real records, tables and codecs: packets in, packets and tables
 * out. Stand-ins below for what surrounds them: neighbours, ICMPv6, the ways out, drop counters.
 */
#include "test.h"

#include <rte_rcu_qsbr.h>

#include "common/mac.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/answer.h"
#include "control/mip6/held.h"
#include "control/mip6/mip6_priv.h"
#include "control/pmtu.h"
#include "net/cksum.h"
#include "net/icmp6.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define START_MS  1000000
#define HA        "2001:db8:a::1"
#define HOA       "2001:db8:a::100"
#define HOA2      "2001:db8:a::101"
#define COA       "2001:db8:c::1"
#define COA2      "2001:db8:d::1"
#define PORT_ADDR "2001:db8:1::10"
#define GATEWAY   7 /* adjacency */
#define DQ_SIZE   16
#define PATHS_MS  60000

/* --- what surrounds it --- */

static bool token = true;
static uint64_t drops[DP_DROP_COUNT];
static struct {
	uint8_t pkt[1280];
	uint16_t len;
	unsigned wire, link; /* how many went which way */
	uint16_t port;
	uint8_t mac[6];
	unsigned icmp;
	uint32_t icmp_arg;
} out;

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

static struct {
	const char *who, *what;
	int32_t status;
} said; /* to whoever traces the packet */

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

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[2];
	struct ip6_prefix served[2];
	struct tables tables;
} t;

static void set_route(const char *text, enum fib_kind kind, uint32_t index)
{
	struct ip6_prefix p = prefix(text);

	assert_int_equal(fib_set(t.tables.fib, &p, fib_value(kind, index)), 0);
}

/* --- subscribers --- */

/* A set without any; it becomes the one in use. */
static void new_subscribers(void)
{
	struct subs_opts opts = { .max = 1000, .domains = 2, .seed = 1 };

	subs_free(t.ctl.subs);
	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
}

static void subscribe(uint16_t domain, struct ip6_addr hoa)
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

static uint64_t nexthop(uint32_t adjacency)
{
	return (uint64_t)fib_generation(t.tables.fib) << 32 | adjacency;
}

static int setup(void **state)
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

static int teardown(void **state)
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

struct msg {
	const char *src, *dst, *hao, *alt; /* COA, HA, HOA, src; "": absent */
	uint16_t seq;
	uint16_t flags; /* A and H */
	int lifetime; /* 100 units; -1: 0 */
	const char *raw; /* these octets instead of a Binding Update, checksum filled in */
	bool bad_checksum, tunnelled;
	uint32_t spi; /* 0: not signed */
	bool bad_mac;
	uint64_t timestamp; /* 0: none */
};

#define SPI   0x12345678
#define START ntp_from_unix(1700000000, 0)

/* The key of HOA, when a test gave it one. */
static struct mip6_signer signer;

static const char *or_else(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

static uint16_t put_hao(uint8_t *at, const char *hao)
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

/* Hands the message to hamd as punt.c would; the buffer has its exact size. */
static void input(const struct msg *m)
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
		.fib = fib_lookup(t.tables.fib, &to),
		.src_mac = { 2, 0, 0, 0, 0, 9 },
	};
	assert_int_equal(ext_walk(exact.p, len, EXT_TO_US, &p.ext), EXT_OK);
	out.len = 0;
	mip6_input(&t.ctl, &p);
	buf_free(&exact);
}

/* The acknowledgement that went out last: read as the mobile node reads it. */
static struct mh_ba_msg sent_ba(const char *dst, const char *hoa)
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

static void assert_ba(const char *dst, const char *hoa, int status, int seq, int lifetime)
{
	struct mh_ba_msg ba = sent_ba(dst, hoa);

	assert_int_equal(ba.status, status);
	assert_int_equal(ba.seq, seq);
	assert_int_equal(ba.lifetime, lifetime);
	assert_int_equal(ba.flags, 0);
	assert_int_equal(ba.opts.present & ~3ULL, 0); /* padding at most */
}

/* A signed answer to COA, with this timestamp; 0: without one. */
static void assert_signed_ba(int status, int seq, uint64_t timestamp)
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

static void assert_be(int status, const char *dst, const char *hoa)
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

static const struct bc_entry *entry(const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(t.tables.bc, &a);
}

static void assert_bound(const char *hoa, const char *coa)
{
	struct ip6_addr want = addr(coa), ha = addr(HA);
	const struct bc_entry *e = entry(hoa);

	assert_non_null(e);
	assert_true(ip6_eq(&e->coa, &want));
	assert_true(ip6_eq(&e->ha, &ha));
	assert_int_equal(e->domain, 0);
}

#define COUNTED(c) assert_int_equal(t.ctl.counters[CTL_##c], 1)

/* --- tests --- */

static void test_life(void **state)
{
	struct ip6_addr hoa = addr(HOA), coa = addr(COA);
	struct bc_counts c;
	struct record *r;

	(void)state;
	input(&(struct msg){ .seq = 10 });
	assert_ba(COA, HOA, HA_ACCEPTED, 10, 100);
	assert_bound(HOA, COA);
	assert_int_equal(entry(HOA)->nexthop, nexthop(GATEWAY));
	assert_int_equal(entry(HOA)->flags, 0);
	r = records_find(t.ctl.records, 0, &hoa);
	assert_non_null(r);
	assert_int_equal(entry(HOA)->record, r->handle);
	assert_int_equal(r->seq, 10);
	assert_int_equal(r->flags, MH_BU_A | MH_BU_H);
	assert_int_equal(r->lifetime_s, 400);
	assert_int_equal(r->ends_ms, START_MS + 400000);
	assert_int_equal(r->since_ms, START_MS);
	COUNTED(BU_REGISTERED);

	bc_count_to(entry(HOA), 3, 300);
	t.ctl.now_ms += 1000;
	input(&(struct msg){ .seq = 11, .lifetime = 200 });
	assert_ba(COA, HOA, HA_ACCEPTED, 11, 150); /* lifetime-max-s 600 */
	COUNTED(BU_REFRESHED);
	assert_int_equal(r->ends_ms, START_MS + 601000);

	input(&(struct msg){ .seq = 12, .src = COA2 });
	assert_ba(COA2, HOA, HA_ACCEPTED, 12, 100);
	assert_bound(HOA, COA2);
	COUNTED(BU_MOVED);
	assert_int_equal(r->since_ms, START_MS);
	assert_int_equal(records_at_coa(t.ctl.records, &coa), 0);
	dq_run(t.tables.dq, DQ_SIZE);
	bc_counts(t.tables.bc, entry(HOA), &c);
	assert_int_equal(c.packets_to, 3);
	assert_int_equal(c.bytes_to, 300);

	input(&(struct msg){ .seq = 12, .src = COA2 });
	assert_ba(COA2, HOA, HA_SEQUENCE, 12, 0);
	input(&(struct msg){ .seq = 5 });
	assert_ba(COA, HOA, HA_SEQUENCE, 12, 0);
	assert_bound(HOA, COA2);
	assert_int_equal(t.ctl.counters[CTL_BU_REFUSED], 2);

	input(&(struct msg){ .seq = 13, .src = COA2, .lifetime = -1 });
	assert_ba(COA2, HOA, HA_ACCEPTED, 13, 0);
	assert_null(entry(HOA));
	COUNTED(BU_DEREGISTERED);
	assert_int_equal(records_live(t.ctl.records), 0);
	assert_int_equal(records_tombstones(t.ctl.records), 1);
	assert_int_equal(t.ctl.counters[CTL_BA_SENT], 6);
	assert_int_equal(t.ctl.counters[CTL_BU_RECEIVED], 6);
}

/* The event that accounting told next; none: its type is ACCT_TYPE_COUNT. */
static struct acct_event told(void)
{
	struct acct_event e = { .type = ACCT_TYPE_COUNT };

	dq_run(t.tables.dq, DQ_SIZE);
	acct_take(t.ctl.acct, &e, 1);
	return e;
}

static void assert_told(enum acct_type type, enum acct_cause cause, uint64_t session)
{
	struct acct_event e = told();

	assert_int_equal(e.type, type);
	assert_int_equal(e.cause, cause);
	assert_true(e.session == session);
}

#define NOTHING_TOLD() assert_int_equal(told().type, ACCT_TYPE_COUNT)

/* One session from a registration to its end, whatever ends it. */
static void test_sessions(void **state)
{
	struct ip6_addr hoa = addr(HOA);
	char file[] = "/a";
	struct acct_event e;
	uint64_t session;

	(void)state;
	t.conf.accounting = (struct conf_accounting){ .file = file, .interim_s = 300 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	input(&(struct msg){ .seq = 10 });
	e = told();
	assert_int_equal(e.type, ACCT_START);
	assert_int_equal(e.lifetime_s, 400);
	session = e.session;
	input(&(struct msg){ .seq = 11 });
	input(&(struct msg){ .seq = 11 }); /* refused */
	NOTHING_TOLD();
	input(&(struct msg){ .seq = 12, .src = COA2 });
	assert_told(ACCT_MOVE, ACCT_CAUSE_NONE, session);
	/* lapsed, but not ended yet: its counters go on, and so does the session */
	t.ctl.now_ms += 400001;
	input(&(struct msg){ .seq = 1 });
	e = told();
	assert_int_equal(e.type, ACCT_MOVE);
	assert_int_equal(e.duration_ms, 400001);
	assert_true(e.session == session);
	input(&(struct msg){ .seq = 2, .lifetime = -1 });
	assert_told(ACCT_STOP, ACCT_CAUSE_DEREGISTERED, session);
	input(&(struct msg){ .seq = 3, .lifetime = -1 }); /* there is nothing any more */
	NOTHING_TOLD();

	input(&(struct msg){ .seq = 4 });
	session = told().session;
	t.ctl.now_ms += 400001;
	mip6_expire(&t.ctl);
	assert_told(ACCT_STOP, ACCT_CAUSE_EXPIRED, session);
	input(&(struct msg){ .seq = 5 });
	session = told().session;
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	assert_told(ACCT_STOP, ACCT_CAUSE_DELETED, session);
	NOTHING_TOLD();
	acct_free(&t.ctl, t.ctl.acct);
}

/* A binding that ended is out of the cache at once, its record may stay for the store's sake: who
 * comes back meanwhile begins anew, and is billed once. */
static void test_session_after_the_end(void **state)
{
	struct ip6_addr hoa = addr(HOA);
	uint64_t first, second;
	char file[] = "/a";
	struct record *r;
	struct acct_event e;

	(void)state;
	t.conf.accounting = (struct conf_accounting){ .file = file, .interim_s = 300 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	input(&(struct msg){ .seq = 1 });
	first = told().session;
	t.ctl.now_ms += 400001;
	r = records_find(t.ctl.records, 0, &hoa);
	assert_int_equal(unpublish(&t.ctl, r, ACCT_CAUSE_EXPIRED), 0);
	assert_told(ACCT_STOP, ACCT_CAUSE_EXPIRED, first);
	input(&(struct msg){ .seq = 2, .src = COA2 });
	e = told();
	assert_int_equal(e.type, ACCT_START);
	second = e.session;
	assert_true(second != first);
	assert_int_equal(r->since_ms, t.ctl.now_ms);
	input(&(struct msg){ .seq = 3, .lifetime = -1 });
	assert_told(ACCT_STOP, ACCT_CAUSE_DEREGISTERED, second);
	NOTHING_TOLD();
	acct_free(&t.ctl, t.ctl.acct);
}

static void test_tombstone(void **state)
{
	(void)state;
	input(&(struct msg){ .seq = 10 });
	input(&(struct msg){ .seq = 12, .lifetime = -1 });
	t.ctl.now_ms += RECORD_TOMBSTONE_MS - 1;
	mip6_expire(&t.ctl);
	input(&(struct msg){ .seq = 11 }); /* delayed */
	assert_ba(COA, HOA, HA_SEQUENCE, 12, 0);
	assert_null(entry(HOA));
	input(&(struct msg){ .seq = 13, .lifetime = -1 });
	assert_ba(COA, HOA, HA_NOT_HOME_AGENT, 13, 0);
	t.ctl.now_ms += 2;
	mip6_expire(&t.ctl);
	assert_int_equal(records_tombstones(t.ctl.records), 0);
	assert_string_equal(said.who, "mip6");
	assert_string_equal(said.what, "refused");
	assert_int_equal(said.status, HA_NOT_HOME_AGENT);
	input(&(struct msg){ .seq = 11 });
	assert_ba(COA, HOA, HA_ACCEPTED, 11, 100);
	assert_bound(HOA, COA);
	assert_string_equal(said.what, "registered");
	assert_int_equal(said.status, HA_ACCEPTED);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 0);
}

static void test_tombstone_comes_back(void **state)
{
	(void)state;
	input(&(struct msg){ .seq = 10 });
	input(&(struct msg){ .seq = 11, .lifetime = -1 });
	input(&(struct msg){ .seq = 12 });
	assert_ba(COA, HOA, HA_ACCEPTED, 12, 100);
	assert_bound(HOA, COA);
	assert_int_equal(t.ctl.counters[CTL_BU_REGISTERED], 2);
	assert_int_equal(records_live(t.ctl.records), 1);
	assert_int_equal(records_tombstones(t.ctl.records), 0);
}

/* From home the answer goes back over the link, without a routing header (9.5.4, 10.3.2). */
static void test_home(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

	(void)state;
	input(&(struct msg){ .seq = 10 });
	input(&(struct msg){ .seq = 11, .src = HOA, .hao = "", .alt = "", .lifetime = -1 });
	assert_ba(HOA, NULL, HA_ACCEPTED, 11, 0);
	assert_null(entry(HOA));
	assert_int_equal(out.link, 1);
	assert_int_equal(out.port, 5);
	assert_memory_equal(out.mac, mac, 6);
	input(&(struct msg){ .seq = 12, .src = HOA, .hao = "", .alt = "", .lifetime = -1 });
	assert_ba(HOA, NULL, HA_NOT_HOME_AGENT, 12, 0);
	assert_int_equal(out.link, 2);
}

static void test_link_local_source(void **state)
{
	(void)state;
	input(&(struct msg){ .seq = 10, .src = "fe80::9", .alt = COA });
	assert_ba("fe80::9", HOA, HA_ACCEPTED, 10, 100);
	assert_int_equal(out.link, 1);
	assert_bound(HOA, COA);
}

static void test_silent(void **state)
{
	static const struct {
		const char *name;
		struct msg msg;
		enum dp_drop drop;
	} cases[] = {
		{ "no route back", { .src = "2001:db8:dead::1" }, DP_DROP_BU_SOURCE },
		{ "source in a mobile prefix", { .src = HOA2 }, DP_DROP_BU_SOURCE },
		{ "home address as source in the tunnel", { .src = HOA, .tunnelled = true },
			DP_DROP_BU_SOURCE },
		{ "no Home Address option", { .hao = "" }, DP_DROP_BU_NO_HAO },
		{ "no Alternate Care-of Address", { .alt = "" }, DP_DROP_BU_NO_ALT_COA },
		{ "H=0", { .flags = MH_BU_A }, DP_DROP_BU_NOT_HOME },
		{ "option runs past the end", { .raw = "3b010500 0000 0001 c000 0064 0310 0000" },
			DP_DROP_MH_OPTION },
		{ "checksum", { .bad_checksum = true }, DP_DROP_MH_CHECKSUM },
		{ "shorter than it says", { .raw = "3b020500 0000 0001 c000 0064 0102 0000" },
			DP_DROP_MH_TRUNCATED },
		{ "BRR", { .raw = "3b000000 0000 0000" }, DP_DROP_MH_IGNORED },
		{ "BA", { .raw = "3b010600 0000 0000 0001 0064 0102 0000" }, DP_DROP_MH_IGNORED },
		{ "HoTI with a Home Address option",
			{ .raw = "3b010100 0000 0000 0102030405060708" }, DP_DROP_MH_IGNORED },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		uint64_t before = drops[cases[i].drop];

		input(&cases[i].msg);
		if (out.wire + out.link + out.icmp != 0)
			fail_msg("%s: answered", cases[i].name);
		if (drops[cases[i].drop] != before + 1)
			fail_msg("%s: not counted", cases[i].name);
	}
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
	assert_int_equal(bc_count(t.tables.bc), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *name;
		struct msg msg;
		const char *hoa;
		int status;
	} cases[] = {
		{ "address of a port", { .dst = PORT_ADDR }, HOA, HA_NOT_SUPPORTED },
		{ "other domain's home address", { .hao = "2001:db8:b::100" }, "2001:db8:b::100",
			HA_NOT_HOME_SUBNET },
		{ "no such mobile node", { .hao = "2001:db8:a::999" }, "2001:db8:a::999",
			HA_NOT_HOME_AGENT },
		{ "the home agent's own address", { .hao = HA }, HA, HA_NOT_HOME_AGENT },
		{ "care-of address ours", { .alt = PORT_ADDR }, HOA, HA_PROHIBITED },
		{ "care-of address a home agent", { .alt = HA }, HOA, HA_PROHIBITED },
		{ "care-of address a home address", { .alt = HOA2 }, HOA, HA_PROHIBITED },
		{ "care-of address in another domain", { .alt = "2001:db8:b::5" }, HOA,
			HA_PROHIBITED },
		{ "care-of address still tentative", { .alt = "2001:db8:1::11" }, HOA,
			HA_PROHIBITED },
	};
	struct addr_row tentative = {
		.addr = addr("2001:db8:1::11"), .prefix_len = 64, .state = ADDR_TENTATIVE
	};

	(void)state;
	assert_true(addrs_add(t.tables.addrs, &tentative) >= 0);
	for (size_t i = 0; i < DIM(cases); i++) {
		input(&cases[i].msg);
		if (sent_ba(COA, cases[i].hoa).status != cases[i].status)
			fail_msg("%s", cases[i].name);
	}
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
	assert_int_equal(bc_count(t.tables.bc), 0);
	assert_int_equal(t.ctl.counters[CTL_BU_REFUSED], DIM(cases));
}

static void test_rate(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 1000; i++)
		input(&(struct msg){ .seq = i });
	assert_int_equal(t.ctl.counters[CTL_BU_RECEIVED], 1000);
	assert_int_equal(t.ctl.counters[CTL_BA_SENT], 100);
	assert_int_equal(drops[DP_DROP_BU_RATE], 900);
	input(&(struct msg){ .seq = 1001, .src = COA2 }); /* another source */
	assert_ba(COA2, HOA, HA_ACCEPTED, 1001, 100);
	token = false; /* nobody's limits apply to an address of a port */
	input(&(struct msg){ .src = "2001:db8:e::1", .dst = PORT_ADDR });
	assert_int_equal(out.len, 0);
	assert_int_equal(drops[DP_DROP_BU_RATE], 901);
}

/* One that may speak, from ever new sources: the last accepted one counts, refusals cost nothing,
 * and leaving is free. */
static void test_rate_of_a_node(void **state)
{
	char src[32];

	(void)state;
	for (uint16_t i = 1; i <= 200; i++) {
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, DQ_SIZE);
		snprintf(src, sizeof(src), "2001:db8:c::%x", i);
		input(&(struct msg){ .seq = i, .src = src });
		input(&(struct msg){ .seq = i > 150 ? 150 : i, .src = src }); /* 135 */
	}
	assert_int_equal(t.ctl.counters[CTL_BU_REGISTERED] + t.ctl.counters[CTL_BU_MOVED], 150);
	assert_int_equal(t.ctl.counters[CTL_BU_REFUSED], 200);
	assert_int_equal(drops[DP_DROP_BU_RATE_MOBILE_NODE], 50);
	assert_int_equal(drops[DP_DROP_BU_RATE], 0);
	input(&(struct msg){ .seq = 300, .lifetime = -1 });
	assert_ba(COA, HOA, HA_ACCEPTED, 300, 0);
}

/* A reader that never reports: the deferred-free queue fills up. What is bound stays bound, what
 * is new is met with silence, nothing is lost once the reader goes on. */
static void test_shortage(void **state)
{
	struct ip6_addr hoa = addr(HOA);
	uint16_t seq = 1;

	(void)state;
	rte_rcu_qsbr_thread_register(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_online(t.tables.rcu, 0);
	input(&(struct msg){ .seq = seq });
	while (drops[DP_DROP_BU_SHORTAGE] == 0 && seq < 100) {
		seq++;
		input(&(struct msg){ .seq = seq, .src = seq % 2 ? COA : COA2 });
	}
	assert_int_equal(drops[DP_DROP_BU_SHORTAGE], 1);
	assert_int_equal(out.len, 0);
	assert_bound(HOA, seq % 2 ? COA2 : COA); /* the one before */
	assert_int_equal(records_find(t.ctl.records, 0, &hoa)->seq, seq - 1);

	input(&(struct msg){ .seq = (uint16_t)(seq + 1), .lifetime = -1 });
	assert_int_equal(drops[DP_DROP_BU_SHORTAGE], 2);
	assert_non_null(entry(HOA));
	assert_int_equal(mip6_delete(&t.ctl, &hoa), -ENOSPC);
	t.ctl.now_ms += 401000;
	mip6_expire(&t.ctl);
	assert_non_null(entry(HOA)); /* could not be withdrawn */
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 0);

	rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_offline(t.tables.rcu, 0);
	dq_run(t.tables.dq, DQ_SIZE);
	t.ctl.now_ms += 1001;
	mip6_expire(&t.ctl);
	assert_null(entry(HOA));
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 1);
	assert_int_equal(records_live(t.ctl.records), 0);
}

/* No entry left although the limits allow one more: silence, and no record stays behind. */
static void test_no_entry(void **state)
{
	struct bc_binding b = { .hoa = addr("2001:db8:a:2::") };
	struct ip6_addr hoa = addr(HOA);
	unsigned n = 0;

	(void)state;
	do {
		b.hoa.b[14] = (uint8_t)(n >> 8);
		b.hoa.b[15] = (uint8_t)n;
	} while (bc_publish(t.tables.bc, &b) == 0 && ++n < 10000);
	input(&(struct msg){ .seq = 1 });
	assert_int_equal(drops[DP_DROP_BU_SHORTAGE], 1);
	assert_int_equal(out.len, 0);
	assert_null(records_find(t.ctl.records, 0, &hoa));
	assert_null(entry(HOA));
}

static void test_expire(void **state)
{
	(void)state;
	input(&(struct msg){ .seq = 1 });
	t.ctl.now_ms += 399999;
	mip6_expire(&t.ctl);
	assert_non_null(entry(HOA));
	t.ctl.now_ms += 2;
	assert_true(mip6_expire(&t.ctl));
	assert_null(entry(HOA));
	assert_int_equal(records_live(t.ctl.records), 0);
	COUNTED(BINDINGS_EXPIRED);
	input(&(struct msg){ .seq = 1 }); /* its number went with it */
	assert_ba(COA, HOA, HA_ACCEPTED, 1, 100);
}

static void test_delete(void **state)
{
	struct ip6_addr hoa = addr(HOA), elsewhere = addr(COA);

	(void)state;
	assert_int_equal(mip6_delete(&t.ctl, &hoa), -ENOENT);
	assert_int_equal(mip6_delete(&t.ctl, &elsewhere), -ENOENT);
	input(&(struct msg){ .seq = 5 });
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	assert_null(entry(HOA));
	COUNTED(BINDINGS_DELETED);
	assert_int_equal(mip6_delete(&t.ctl, &hoa), -ENOENT);
	input(&(struct msg){ .seq = 5 }); /* was on its way */
	assert_ba(COA, HOA, HA_SEQUENCE, 5, 0);
	input(&(struct msg){ .seq = 6 });
	assert_ba(COA, HOA, HA_ACCEPTED, 6, 100);
}

static void test_binding_error(void **state)
{
	(void)state;
	input(&(struct msg){ .raw = "3b006300 0000 0000" });
	assert_be(MH_BE_UNKNOWN_TYPE, COA, HOA);
	input(&(struct msg){ .raw = "3b010100 0000 0000 0102030405060708", .hao = "" });
	assert_be(MH_BE_UNKNOWN_TYPE, COA, "::"); /* HoTI: no correspondent */
	input(&(struct msg){ .raw = "3b010d00 0000 0000 0102030405060708", .hao = "" });
	assert_be(MH_BE_UNKNOWN_TYPE, COA, "::"); /* heartbeat */
	assert_int_equal(drops[DP_DROP_MH_TYPE], 3);
	assert_int_equal(t.ctl.counters[CTL_BE_SENT], 3);
	input(&(struct msg){ .raw = "3b006300 0000 0000", .src = "fe80::9" });
	assert_be(MH_BE_UNKNOWN_TYPE, "fe80::9", HOA);
	assert_int_equal(out.link, 1);
	token = false;
	input(&(struct msg){ .raw = "3b006300 0000 0000" });
	assert_int_equal(out.len, 0);
	assert_int_equal(drops[DP_DROP_ICMP6_RATE], 1);
	assert_int_equal(t.ctl.counters[CTL_BE_SENT], 4);
}

static void test_param_problem(void **state)
{
	(void)state;
	input(&(struct msg){ .raw = "06010500 0000 0001 c000 0064 0102 0000" });
	assert_int_equal(out.icmp, 1);
	assert_int_equal(out.icmp_arg, 64); /* Payload Proto */
	assert_int_equal(drops[DP_DROP_MH_PROTO], 1);
	input(&(struct msg){ .raw = "3b000500 0000 0001", .hao = "" });
	assert_int_equal(out.icmp, 2);
	assert_int_equal(out.icmp_arg, 41); /* Header Len */
	assert_int_equal(drops[DP_DROP_MH_LENGTH], 1);
	assert_int_equal(out.wire, 0);
}

/* Data with a Home Address option: an empty packet (next header 59) is data enough. */
static bool hao_ok(const char *src, const char *hoa)
{
	struct ip6_addr from = addr(src), to = addr(HA);
	struct ctl_pkt p = { .walked = true, .fib = fib_lookup(t.tables.fib, &to) };
	uint8_t buf[64];
	bool ok;

	put_hao(buf + 40, hoa);
	buf[40] = IP6_NONE;
	net_ip6_fill((struct net_ip6 *)buf, 24, IP6_DSTOPT, 64, &from, &to);
	p.data = buf;
	p.len = sizeof(buf);
	p.ext.flags = EXT_HAO;
	p.ext.hao_off = 46;
	out.len = 0;
	ok = mip6_hao_ok(&t.ctl, &p);
	return ok;
}

static void test_hao(void **state)
{
	(void)state;
	assert_false(hao_ok(COA, HOA)); /* may have been bound before the start */
	assert_int_equal(out.len, 0);
	assert_false(hao_ok(COA, "2001:db8:a::999")); /* cannot */
	assert_be(MH_BE_UNKNOWN_BINDING, COA, "2001:db8:a::999");
	assert_false(hao_ok(COA, "2001:db8:f::1"));
	assert_be(MH_BE_UNKNOWN_BINDING, COA, "2001:db8:f::1");
	input(&(struct msg){ .seq = 1 });
	assert_true(hao_ok(COA, HOA));
	assert_int_equal(out.len, 0);
	assert_false(hao_ok(COA2, HOA));
	assert_be(MH_BE_UNKNOWN_BINDING, COA2, HOA);
	t.ctl.now_ms = START_MS + 1200000 - 1; /* the longer of the two domains' */
	mip6_expire(&t.ctl);
	assert_false(hao_ok(COA, HOA));
	assert_int_equal(out.len, 0);
	t.ctl.now_ms++;
	assert_false(hao_ok(COA, HOA));
	assert_be(MH_BE_UNKNOWN_BINDING, COA, HOA);
	assert_false(hao_ok("ff0e::1", HOA));
	assert_int_equal(out.len, 0);
	assert_int_equal(drops[DP_DROP_ICMP6_NOT_DUE], 1);
}

static void test_domain_options(void **state)
{
	(void)state;
	t.domains[0].encap_limit = CONF_ENCAP_LIMIT_ALWAYS;
	t.domains[0].tcp_mss_clamp = 1300;
	input(&(struct msg){ .seq = 1, .src = "2001:db8:1::20" });
	assert_int_equal(entry(HOA)->flags, BC_LIMIT_ALWAYS);
	assert_int_equal(entry(HOA)->mss, 1300);
	/* on-link: a neighbour is not remembered, it may be forgotten and numbered anew */
	assert_int_equal(entry(HOA)->nexthop, nexthop(0));
}

/* A new FIB: every binding is looked up again, at most 256 a turn, also when another change
 * comes in the middle. */
static void test_reresolve(void **state)
{
	struct ip6_addr nodes[600];
	char hoa[IP6_STRLEN];
	unsigned turns = 0;

	(void)state;
	new_subscribers();
	for (unsigned i = 0; i < DIM(nodes); i++) {
		nodes[i] = addr("2001:db8:a:1::");
		nodes[i].b[14] = (uint8_t)(i >> 8);
		nodes[i].b[15] = (uint8_t)i;
		subscribe(0, nodes[i]);
	}
	subs_seal(t.ctl.subs);
	t.domains[0].limits.bu_burst_per_source = 1000;
	for (unsigned i = 0; i < DIM(nodes); i++)
		input(&(struct msg){ .hao = ip6_str(&nodes[i], hoa) });
	assert_int_equal(bc_count(t.tables.bc), DIM(nodes));
	while (publish_reresolve(&t.ctl)) /* the first generation */
		;
	assert_false(publish_reresolve(&t.ctl));

	set_route("::/0", FIB_VIA, GATEWAY + 1);
	assert_true(publish_reresolve(&t.ctl));
	set_route("::/0", FIB_VIA, GATEWAY + 2);
	do
		turns++;
	while (publish_reresolve(&t.ctl));
	assert_int_equal(turns, 3); /* 256 + 256 + 88 */
	for (unsigned i = 0; i < DIM(nodes); i++)
		assert_int_equal(bc_find(t.tables.bc, &nodes[i])->nexthop, nexthop(GATEWAY + 2));
	assert_false(publish_reresolve(&t.ctl));
}

static void walk(void)
{
	while (publish_reresolve(&t.ctl))
		;
}

/* What is known of the path to a care-of address: with the binding from its first moment on, not
 * lost by a refresh, not taken along to another care-of address. */
static void test_path_mtu(void **state)
{
	struct ip6_addr coa = addr(COA);

	(void)state;
	input(&(struct msg){ .seq = 1 });
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	pmtu_learn(t.ctl.pmtu, t.ctl.now_ms, &coa, PMTU_TUNNEL, 1400);
	input(&(struct msg){ .seq = 2 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	input(&(struct msg){ .seq = 3, .src = COA2 });
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	input(&(struct msg){ .seq = 4 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	input(&(struct msg){ .hao = HOA2 });
	assert_int_equal(entry(HOA2)->mtu, 1400);
	/* the checksum is over what never changes */
	assert_int_equal(entry(HOA)->sum, bc_sum(entry(HOA)));
}

/* RFC 8201, 5.3: once a minute, as long as anything can have been forgotten. */
static void test_path_mtu_ages(void **state)
{
	uint64_t learned_ms = START_MS + 1000;
	struct ip6_addr coa = addr(COA);

	(void)state;
	input(&(struct msg){ .lifetime = 1000 });
	walk();
	t.ctl.now_ms = learned_ms + 120000;
	assert_false(publish_reresolve(&t.ctl)); /* nothing was learned: no walk */
	pmtu_learn(t.ctl.pmtu, learned_ms, &coa, PMTU_TUNNEL, 1400);
	walk();
	assert_int_equal(entry(HOA)->mtu, 1400); /* another binding's packet taught it */
	assert_int_equal(entry(HOA)->nexthop, nexthop(GATEWAY));
	/* what the truth holds shows a minute later, not before */
	pmtu_learn(t.ctl.pmtu, learned_ms, &coa, PMTU_TUNNEL, 1300);
	t.ctl.now_ms += 59999;
	assert_false(publish_reresolve(&t.ctl));
	assert_int_equal(entry(HOA)->mtu, 1400);
	t.ctl.now_ms++;
	walk();
	assert_int_equal(entry(HOA)->mtu, 1300);
	t.ctl.now_ms = learned_ms + PMTU_LIFETIME_MS - 1;
	walk();
	assert_int_equal(entry(HOA)->mtu, 1300);
	t.ctl.now_ms = learned_ms + PMTU_LIFETIME_MS + 59999;
	walk();
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	t.ctl.now_ms += 10 * PATHS_MS;
	assert_int_equal(t.ctl.reresolve_cursor, 0);
	bc_set_mtu(entry(HOA), 1234);
	walk();
	assert_int_equal(entry(HOA)->mtu, 1234); /* that was the last walk */
}

/* --- ranges --- */

/* Everybody in a prefix, but for what is nobody's home address. */
static void test_range(void **state)
{
	static const struct {
		const char *hoa;
		int status;
		uint16_t lifetime;
	} rows[] = {
		{ HOA, HA_ACCEPTED, 100 }, /* its own line */
		{ "2001:db8:a:9::7", HA_ACCEPTED, 30 },
		{ "2001:db8:a:8::7", HA_ACCEPTED, 20 },
		{ HA, HA_NOT_HOME_AGENT, 0 },
		{ "2001:db8:a::", HA_NOT_HOME_AGENT, 0 },
		{ "2001:db8:a:7::7", HA_NOT_HOME_AGENT, 0 }, /* hidden by a route */
		{ "2001:db8:b::7", HA_NOT_HOME_SUBNET, 0 },
	};
	struct sub wide = { .lifetime_max_s = 80, .key = SUB_NO_KEY }, narrow = wide;
	struct ip6_prefix all = prefix("2001:db8:a::/48"), one = prefix("2001:db8:a:9::/64");

	(void)state;
	narrow.lifetime_max_s = 120;
	set_route("2001:db8:a:7::/64", FIB_VIA, GATEWAY);
	new_subscribers();
	subscribe(0, addr(HOA));
	assert_int_equal(subs_add_range(t.ctl.subs, &all, &wide, 0), 0);
	assert_int_equal(subs_add_range(t.ctl.subs, &one, &narrow, 1), 0);
	subs_seal(t.ctl.subs);
	for (size_t i = 0; i < DIM(rows); i++) {
		input(&(struct msg){ .seq = 1, .hao = rows[i].hoa });
		assert_ba(COA, rows[i].hoa, rows[i].status, 1, rows[i].lifetime);
	}
	assert_int_equal(records_live(t.ctl.records), 3);
}

/* --- reloads --- */

static struct ip6_addr node(unsigned i)
{
	struct ip6_addr a = addr("2001:db8:a:1::");

	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

/* Those whose number leaves no rest by `every`, from 0 on; 0: none. */
static struct subs *set_of(unsigned nodes, unsigned every)
{
	struct subs *keep = t.ctl.subs, *made;

	t.ctl.subs = NULL;
	new_subscribers();
	for (unsigned i = 0; every > 0 && i < nodes; i += every)
		subscribe(0, node(i));
	subs_seal(t.ctl.subs);
	made = t.ctl.subs;
	t.ctl.subs = keep;
	return made;
}

static void bind_nodes(unsigned n)
{
	char hoa[IP6_STRLEN];

	t.domains[0].limits.bu_burst_per_source = 1000;
	for (unsigned i = 0; i < n; i++) {
		struct ip6_addr a = node(i);

		input(&(struct msg){ .seq = 1, .hao = ip6_str(&a, hoa) });
	}
	assert_int_equal(records_live(t.ctl.records), n);
}

/* The new set answers from the first turn on; bindings without a subscriber end in slices, the
 * others stay, and the old set comes back when that is done. */
static void test_reload(void **state)
{
	struct subs *old, *new;
	struct ctl_update u;
	unsigned turns = 0;
	char hoa[IP6_STRLEN];

	(void)state;
	subs_free(t.ctl.subs);
	t.ctl.subs = old = set_of(600, 1);
	bind_nodes(600);
	assert_false(subscribers_run(&t.ctl));
	assert_true(ctl_is_updated(&t.ctl));
	new = set_of(600, 3);
	u = (struct ctl_update){ .subs = new, .json = "{}" };
	ctl_update(&t.ctl, &u);
	assert_false(ctl_is_updated(&t.ctl));
	while (!ctl_is_updated(&t.ctl)) {
		uint32_t before = records_live(t.ctl.records);

		assert_true(subscribers_run(&t.ctl));
		assert_true(before - records_live(t.ctl.records) <= 26);
		if (turns++ == 0) {
			struct ip6_addr gone = node(599);

			assert_ptr_equal(t.ctl.subs, new);
			assert_string_equal(t.ctl.json, "{}");
			input(&(struct msg){ .seq = 2, .hao = ip6_str(&gone, hoa) });
			assert_ba(COA, hoa, HA_NOT_HOME_AGENT, 2, 0);
		}
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, DQ_SIZE);
	}
	assert_true(turns > 10);
	assert_ptr_equal(u.subs, old);
	assert_int_equal(u.ended, 400);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_REMOVED], 400);
	assert_int_equal(records_live(t.ctl.records), 200);
	assert_int_equal(records_tombstones(t.ctl.records), 400);
	for (unsigned i = 0; i < 600; i++) {
		struct ip6_addr a = node(i);

		assert_int_equal(bc_find(t.tables.bc, &a) != NULL, i % 3 == 0);
	}
	assert_false(subscribers_run(&t.ctl));
	subs_free(old);
}

/* A reader that holds everything up: no more than what may wait is ended, nothing is skipped, and it
 * goes on when the reader has moved. */
static void test_reload_waits_for_readers(void **state)
{
	struct ctl_update u;

	(void)state;
	subs_free(t.ctl.subs);
	t.ctl.subs = set_of(100, 1);
	bind_nodes(100);
	rte_rcu_qsbr_thread_register(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_online(t.tables.rcu, 0);
	u = (struct ctl_update){ .subs = set_of(100, 0), .json = "{}" };
	ctl_update(&t.ctl, &u);
	for (unsigned i = 0; i < 100; i++)
		assert_true(subscribers_run(&t.ctl));
	assert_false(ctl_is_updated(&t.ctl));
	assert_in_range(u.ended, 1, DQ_SIZE);
	assert_int_equal(records_live(t.ctl.records), 100 - u.ended);
	while (!ctl_is_updated(&t.ctl)) {
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, DQ_SIZE);
		assert_true(subscribers_run(&t.ctl));
	}
	assert_int_equal(u.ended, 100);
	assert_int_equal(bc_count(t.tables.bc), 0);
	subs_free(u.subs);
	rte_rcu_qsbr_thread_offline(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_unregister(t.tables.rcu, 0);
}

/* Whose binding a reload ends, for whoever sends the bill: the new set knows no name any more. */
static void test_reload_names_who_goes(void **state)
{
	struct sub sub = { .nai = "alice@example.com", .lifetime_max_s = 80, .key = SUB_NO_KEY };
	struct ip6_prefix range = prefix("2001:db8:a::/48");
	char file[] = "/a";
	struct acct_event e;
	struct ctl_update u;
	struct subs *old;

	(void)state;
	t.conf.accounting = (struct conf_accounting){ .file = file, .interim_s = 300 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	new_subscribers();
	assert_int_equal(subs_add_range(t.ctl.subs, &range, &sub, 0), 0);
	subs_seal(t.ctl.subs);
	old = t.ctl.subs;
	input(&(struct msg){ .seq = 1 });
	assert_string_equal(told().nai, "alice@example.com");
	u = (struct ctl_update){ .subs = set_of(0, 0), .json = "{}" };
	ctl_update(&t.ctl, &u);
	while (!ctl_is_updated(&t.ctl))
		subscribers_run(&t.ctl);
	subs_free(u.subs);
	assert_ptr_equal(u.subs, old);
	e = told();
	assert_int_equal(e.type, ACCT_STOP);
	assert_int_equal(e.cause, ACCT_CAUSE_REMOVED);
	assert_string_equal(e.nai, "alice@example.com");
	acct_free(&t.ctl, t.ctl.acct);
}

/* Another lifetime: the binding stays as it is, the next Binding Update gets it. */
static void test_reload_keeps_bindings(void **state)
{
	struct sub sub = { .lifetime_max_s = 80, .key = SUB_NO_KEY };
	struct ip6_addr hoa = addr(HOA);
	struct ctl_update u = { .json = "{}" };
	struct subs *old = t.ctl.subs;
	struct sub_place there;

	(void)state;
	input(&(struct msg){ .seq = 1 });
	assert_ba(COA, HOA, HA_ACCEPTED, 1, 100);
	t.ctl.subs = NULL;
	new_subscribers();
	assert_int_equal(
		subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_LINE, 1 }, &there), 0);
	subs_seal(t.ctl.subs);
	u.subs = t.ctl.subs;
	t.ctl.subs = old;
	ctl_update(&t.ctl, &u);
	while (!ctl_is_updated(&t.ctl))
		subscribers_run(&t.ctl);
	assert_int_equal(u.ended, 0);
	assert_bound(HOA, COA);
	assert_int_equal(records_find(t.ctl.records, 0, &hoa)->lifetime_s, 400);
	input(&(struct msg){ .seq = 2 });
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 20);
	subs_free(u.subs);
}

/* --- RFC 4285 --- */

/* The home agent again, with a key for HOA, its only subscriber; and who signs with it. */
static void give_key(bool replay)
{
	struct sub sub = {
		.auth = SUB_AUTH_MN_HA, .spi = SPI, .lifetime_max_s = 600, .replay = replay
	};
	struct ip6_addr hoa = addr(HOA);
	struct sub_place there;
	struct mac_key *key;

	assert_int_equal(mac_new(&signer.mac), 0);
	new_subscribers();
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	mac_key_set(signer.mac, key, (const uint8_t *)"0123456789abcdef", 16);
	signer.key = key;
	assert_int_equal(
		subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
	subs_seal(t.ctl.subs);
	mip6_free(t.ctl.mip6);
	t.ctl.ntp = START;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
}

static int teardown_key(void **state)
{
	mac_free(signer.mac);
	signer = (struct mip6_signer){ NULL, NULL };
	return teardown(state);
}

static void test_authentication(void **state)
{
	(void)state;
	give_key(false);
	input(&(struct msg){ .seq = 1 });
	assert_int_equal(drops[DP_DROP_BU_AUTH_MISSING], 1);
	input(&(struct msg){ .seq = 1, .spi = SPI + 1 });
	input(&(struct msg){ .seq = 1, .spi = SPI, .hao = HOA2 });
	input(&(struct msg){ .seq = 1, .hao = HOA2 });
	assert_int_equal(drops[DP_DROP_BU_AUTH_UNKNOWN], 3);
	assert_int_equal(out.wire, 0);
	input(&(struct msg){ .seq = 1, .spi = SPI, .bad_mac = true });
	assert_signed_ba(HA_AUTH_FAIL, 1, 0);
	assert_null(entry(HOA));
	assert_int_equal(t.ctl.counters[CTL_BU_AUTH_FAILED], 1);
	assert_int_equal(t.ctl.counters[CTL_BU_AUTHENTICATED], 0);
	input(&(struct msg){ .seq = 1, .spi = SPI });
	assert_signed_ba(HA_ACCEPTED, 1, 0);
	assert_bound(HOA, COA);
	assert_int_equal(t.ctl.counters[CTL_BU_AUTHENTICATED], 1);
	input(&(struct msg){ .seq = 1, .spi = SPI });
	assert_signed_ba(HA_SEQUENCE, 1, 0);
}

static void test_replay(void **state)
{
	const uint64_t s = NTP_SECOND, sent = START + 2 * s + 7;

	(void)state;
	give_key(true);
	t.ctl.ntp = START + 3 * s;
	input(&(struct msg){ .seq = 1, .spi = SPI });
	assert_signed_ba(HA_MESG_ID_REQUIRED, 1, 0);
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = START - 1 });
	assert_signed_ba(HA_ID_MISMATCH, 1, (t.ctl.ntp >> 32 << 32) | 0xffffffff);
	assert_null(entry(HOA));
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent });
	assert_signed_ba(HA_ACCEPTED, 1, sent);
	/* replayed; delayed behind a newer one, though with a number of its own */
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent });
	assert_signed_ba(HA_ID_MISMATCH, 1, (t.ctl.ntp >> 32 << 32) | 7);
	input(&(struct msg){ .seq = 2, .spi = SPI, .timestamp = sent - 1 });
	assert_signed_ba(HA_ID_MISMATCH, 2, (t.ctl.ntp >> 32 << 32) | 6);
	assert_int_equal(t.ctl.counters[CTL_BU_REPLAYED], 3);
	/* what is refused later is not remembered */
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent + s });
	assert_signed_ba(HA_SEQUENCE, 1, sent + s);
	input(&(struct msg){ .seq = 2, .spi = SPI, .timestamp = sent + s });
	assert_signed_ba(HA_ACCEPTED, 2, sent + s);
}

/* Those of a range share a key and nothing else: the clock of one does not bind another. */
static void test_replay_in_range(void **state)
{
	struct sub sub = { .auth = SUB_AUTH_MN_HA, .spi = SPI, .lifetime_max_s = 600 };
	struct ip6_prefix all = prefix("2001:db8:a::/48");
	struct mac_key *key;

	(void)state;
	give_key(true);
	new_subscribers();
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	mac_key_set(signer.mac, key, (const uint8_t *)"fedcba9876543210", 16);
	signer.key = key;
	assert_int_equal(subs_add_range(t.ctl.subs, &all, &sub, 0), 0);
	subs_seal(t.ctl.subs);
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = START + 6 * NTP_SECOND });
	assert_signed_ba(HA_ACCEPTED, 1, START + 6 * NTP_SECOND);
	input(&(struct msg){ .hao = HOA2, .seq = 1, .spi = SPI, .timestamp = START + 1 });
	assert_int_equal(t.ctl.counters[CTL_BU_REGISTERED], 2);
	input(&(struct msg){ .hao = HOA2, .seq = 2, .spi = SPI, .timestamp = START + 1 });
	assert_int_equal(t.ctl.counters[CTL_BU_REPLAYED], 1);
}

/* The record is gone, the timestamp is not. */
static void test_replay_past_the_end(void **state)
{
	const uint64_t sent = START + NTP_SECOND;

	(void)state;
	give_key(true);
	t.ctl.ntp = START + NTP_SECOND;
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent, .lifetime = 1 });
	assert_signed_ba(HA_ACCEPTED, 1, sent);
	t.ctl.now_ms += 4001;
	t.ctl.ntp += 4 * NTP_SECOND;
	while (mip6_expire(&t.ctl))
		;
	assert_null(entry(HOA));
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
	input(&(struct msg){ .seq = 1, .spi = SPI, .timestamp = sent, .lifetime = 1 });
	assert_signed_ba(HA_ID_MISMATCH, 1, (t.ctl.ntp >> 32 << 32) | (uint32_t)sent);
	assert_null(entry(HOA));
}

/* --- answers that wait for the store --- */

static struct feed *with_store(void)
{
	mip6_free(t.ctl.mip6);
	t.conf.store.path = (char *)"/s";
	t.conf.store.sync_ms = 10;
	t.domains[0].ack_peers = CONF_ACK_STORE;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
	persist_begin(&t.ctl);
	return ctl_feed(&t.ctl);
}

static int teardown_store(void **state)
{
	persist_free(&t.ctl, t.ctl.persist);
	return teardown(state);
}

/* What the store's thread does: takes all there is, and has written it. */
static void write_all(struct feed *feed)
{
	const struct feed_item *it;

	persist_run(&t.ctl);
	while ((it = feed_peek(feed, 0)) != NULL) {
		feed_set_written(feed, it->mark);
		feed_take(feed, 1);
	}
}

static void test_ack_store(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	input(&(struct msg){ .seq = 1 });
	assert_int_equal(out.len, 0);
	assert_bound(HOA, COA); /* packets follow at once */
	COUNTED(BA_HELD);
	assert_false(mip6_release(&t.ctl));
	persist_run(&t.ctl); /* handed over, not written */
	assert_false(mip6_release(&t.ctl));
	assert_int_equal(out.wire, 0);
	write_all(feed);
	assert_true(mip6_release(&t.ctl));
	assert_int_equal(out.wire, 1);
	assert_ba(COA, HOA, HA_ACCEPTED, 1, 100);
	COUNTED(BA_SENT);
	assert_false(mip6_release(&t.ctl));
	/* refresh, move and end wait alike */
	input(&(struct msg){ .seq = 2 });
	assert_int_equal(out.wire, 1);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 100);
	input(&(struct msg){ .seq = 3, .src = COA2 });
	assert_int_equal(out.wire, 2);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA2, HOA, HA_ACCEPTED, 3, 100);
	input(&(struct msg){ .seq = 4, .src = COA2, .lifetime = -1 });
	assert_int_equal(out.wire, 3);
	assert_null(entry(HOA));
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA2, HOA, HA_ACCEPTED, 4, 0);
	/* a domain that does not wait */
	input(&(struct msg){ .seq = 1, .dst = "2001:db8:b::1", .hao = "2001:db8:b::100" });
	assert_int_equal(out.wire, 5);
}

/* At home it goes back over the link it came by, later too. */
static void test_ack_store_at_home(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	input(&(struct msg){ .seq = 1 });
	write_all(feed);
	mip6_release(&t.ctl);
	input(&(struct msg){ .seq = 2, .src = HOA, .hao = "", .lifetime = -1 });
	assert_int_equal(out.link, 0);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_int_equal(out.link, 1);
	assert_int_equal(out.port, 5);
	assert_int_equal(out.mac[5], 9);
	assert_ba(HOA, NULL, HA_ACCEPTED, 2, 0);
}

/* Each Binding Update has its answer with its number, in the order they came; what is refused
 * waits only behind what waits. */
static void test_ack_store_in_order(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	input(&(struct msg){ .seq = 10 });
	input(&(struct msg){ .seq = 10 });
	input(&(struct msg){ .seq = 11 });
	assert_int_equal(out.wire, 0);
	assert_int_equal(mip6_held(&t.ctl), 3);
	/* another mobile node that is refused waits for nobody */
	input(&(struct msg){ .seq = 5, .hao = "2001:db8:a::ffff" });
	assert_ba(COA, "2001:db8:a::ffff", HA_NOT_HOME_AGENT, 5, 0);
	assert_int_equal(out.wire, 1);
	feed_set_written(feed, 0);
	assert_false(mip6_release(&t.ctl));
	write_all(feed);
	mip6_release(&t.ctl);
	assert_int_equal(out.wire, 4);
	assert_ba(COA, HOA, HA_ACCEPTED, 11, 100);
	/* one by one */
	input(&(struct msg){ .seq = 12 });
	persist_run(&t.ctl);
	input(&(struct msg){ .seq = 12 });
	input(&(struct msg){ .seq = 13 });
	assert_int_equal(mip6_held(&t.ctl), 3);
	feed_set_written(feed, feed_peek(feed, 0)->mark);
	mip6_release(&t.ctl);
	assert_int_equal(mip6_held(&t.ctl), 1);
	assert_ba(COA, HOA, HA_SEQUENCE, 12, 0);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA, HOA, HA_ACCEPTED, 13, 100);
	/* nothing waits: refused at once */
	input(&(struct msg){ .seq = 13 });
	assert_ba(COA, HOA, HA_SEQUENCE, 13, 0);
}

/* The store cannot be written: what it was asked for is done, and not acknowledged. */
static void test_ack_store_fails(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	input(&(struct msg){ .seq = 1 });
	persist_run(&t.ctl);
	feed_fail(feed);
	feed_stat_set(feed, FEED_STAT_FAILED, 1);
	feed_take(feed, 1);
	feed_set_written(feed, 99); /* later, and something else */
	assert_false(mip6_release(&t.ctl));
	assert_int_equal(out.wire, 0);
	COUNTED(BA_NOT_STORED);
	input(&(struct msg){ .seq = 2, .src = COA2 });
	assert_int_equal(out.wire, 0);
	assert_bound(HOA, COA2);
	assert_int_equal(t.ctl.counters[CTL_BA_NOT_STORED], 2);
	input(&(struct msg){ .seq = 2, .src = COA2 });
	assert_ba(COA2, HOA, HA_SEQUENCE, 2, 0);
	/* it comes back */
	feed_stat_set(feed, FEED_STAT_FAILED, 0);
	input(&(struct msg){ .seq = 3, .src = COA2 });
	feed_set_written(feed, 0);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA2, HOA, HA_ACCEPTED, 3, 100);
}

/* Only so many wait; the others are as if their answer had been lost. */
static void test_ack_store_full(void **state)
{
	struct feed *feed = with_store();
	struct held_answer *a;
	unsigned n = 0;

	(void)state;
	while ((a = held_room(t.ctl.mip6->held)) != NULL) {
		*a = (struct held_answer){ .answer = { .len = 40, .on_link = n % 2 == 0 } };
		held_put(t.ctl.mip6->held);
		n++;
	}
	assert_int_equal(n, HELD_MAX);
	input(&(struct msg){ .seq = 1 });
	assert_bound(HOA, COA);
	COUNTED(BA_NOT_STORED);
	while (mip6_release(&t.ctl))
		;
	assert_int_equal(out.wire, HELD_MAX / 2);
	assert_int_equal(out.link, HELD_MAX / 2);
	input(&(struct msg){ .seq = 2 });
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 100);
}

/* An end that the store has not been told of yet: the record stays, the binding does not. And so
 * does one whose timestamp is ahead of the clock, until it is not. */
static void test_store_needs_it(void **state)
{
	struct feed *feed = with_store();
	struct ip6_addr hoa = addr(HOA);

	(void)state;
	input(&(struct msg){ .seq = 1, .lifetime = 1 });
	t.ctl.now_ms += 4001;
	mip6_expire(&t.ctl);
	assert_null(entry(HOA));
	assert_non_null(records_find(t.ctl.records, 0, &hoa));
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 0);
	write_all(feed);
	t.ctl.now_ms += 1001;
	mip6_expire(&t.ctl);
	assert_null(records_find(t.ctl.records, 0, &hoa));
	COUNTED(BINDINGS_EXPIRED);

	input(&(struct msg){ .seq = 2, .lifetime = 1 });
	write_all(feed);
	mip6_set_stamp(
		&t.ctl, 0, &hoa, &t.domains[0].home_agent_address, t.ctl.ntp + 6 * NTP_SECOND);
	t.ctl.now_ms += 4001;
	t.ctl.ntp += 4 * NTP_SECOND;
	mip6_expire(&t.ctl);
	assert_null(entry(HOA));
	assert_non_null(records_find(t.ctl.records, 0, &hoa));
	t.ctl.now_ms += 2001;
	t.ctl.ntp += 2 * NTP_SECOND;
	mip6_expire(&t.ctl);
	assert_null(records_find(t.ctl.records, 0, &hoa));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_session_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tombstone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tombstone_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_home, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_local_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_of_a_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shortage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_binding_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_param_problem, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hao, setup, teardown),
		cmocka_unit_test_setup_teardown(test_domain_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reresolve, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_mtu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_mtu_ages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ack_store, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_at_home, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_in_order, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_fails, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_full, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_store_needs_it, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_waits_for_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_names_who_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_keeps_bindings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_authentication, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_replay_in_range, setup, teardown_key),
		cmocka_unit_test_setup_teardown(test_replay_past_the_end, setup, teardown_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
