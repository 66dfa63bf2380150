/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input, read twice. As an IPv6 packet: what its Fragment header says, and the packet without it.
 * As orders of eight octets, a fragment each (who, flags, offset, length, time, octets), put into
 * a packet, read again and given to a table with narrow bounds: no bound is exceeded, what goes
 * in comes out exactly once, and what is complete has no gap and the octets that were sent.
 */
#include "fuzz.h"

#include "dataplane/reass_tab.h"
#include "net/ext.h"
#include "net/fraghdr.h"
#include "net/ip6hdr.h"

#define HDR       sizeof(struct net_ip6)
#define ORDER     8
#define ORDERS    4096 /* of an input */
#define DATAGRAMS 5
#define FRAGMENTS 24
#define SOURCE    18
#define OCTETS    2048
#define TIMEOUT   64

enum { MORE = 1, OPTIONS = 2, LATE = 4 };

struct piece {
	uint8_t *pkt;
	struct fraghdr f;
	uint8_t source;
};

static uint32_t inside; /* pieces that did not come out yet */
static uint32_t of_source[8]; /* by address and link */

static void let_go(struct piece *p)
{
	FUZZ_CHECK(inside > 0 && of_source[p->source] > 0);
	inside--;
	of_source[p->source]--;
	free(p->pkt);
	free(p);
}

static void on_drop(void *ctx, void *buf, enum dp_drop why, bool first)
{
	struct piece *p = buf;

	(void)ctx;
	FUZZ_CHECK(first == (p->f.off == 0));
	FUZZ_CHECK((why >= DP_DROP_FRAG_DUPLICATE && why <= DP_DROP_FRAG_EVICTED) ||
		   why == DP_DROP_SHUTDOWN);
	let_go(p);
}

/* --- as a packet --- */

static void check_strip(const uint8_t *pkt, uint16_t len, const struct ext_info *x)
{
	uint8_t *copy = malloc(len), named = pkt[x->frag_off];
	struct ext_info after;

	FUZZ_CHECK(copy != NULL);
	memcpy(copy, pkt, len);
	fraghdr_strip(copy, x->frag_off, x->frag_nh_off);
	for (uint16_t i = 0; i < x->frag_off; i++)
		FUZZ_CHECK(copy[i + FRAGHDR_LEN] == (i == x->frag_nh_off ? named : pkt[i]));
	FUZZ_CHECK(memcmp(copy + x->frag_off + FRAGHDR_LEN, pkt + x->frag_off + FRAGHDR_LEN,
			   len - x->frag_off - FRAGHDR_LEN) == 0);
	/* the headers of a first fragment are those of the whole, less one */
	if ((x->flags & EXT_NOT_FIRST) == 0) {
		ext_walk(copy + FRAGHDR_LEN, (uint16_t)(len - FRAGHDR_LEN), EXT_TO_US, &after);
		FUZZ_CHECK(after.upper == x->upper && after.frag_off == 0);
		FUZZ_CHECK(after.upper_off + FRAGHDR_LEN == x->upper_off);
	}
	free(copy);
}

static void check_packet(const uint8_t *pkt, uint16_t len)
{
	uint32_t pointer = UINT32_MAX, end;
	enum fraghdr_verdict v;
	struct ext_info x;
	struct fraghdr f;

	if (ext_walk(pkt, len, EXT_TO_US, &x) != EXT_OK || !(x.flags & EXT_FRAGMENT))
		return;
	v = fraghdr_read(pkt, len, x.frag_off, &f, &pointer);
	FUZZ_CHECK(f.data_off == x.frag_off + FRAGHDR_LEN && f.data_off + f.len == len);
	FUZZ_CHECK(f.off % 8 == 0 && (f.more || f.off > 0));
	FUZZ_CHECK((f.off > 0) == ((x.flags & EXT_NOT_FIRST) != 0));
	end = x.frag_off - (uint32_t)HDR + f.off + f.len;
	if (v == FRAGHDR_OK)
		FUZZ_CHECK(f.len > 0 && end <= UINT16_MAX && (!f.more || f.len % 8 == 0));
	else if (v == FRAGHDR_ODD)
		FUZZ_CHECK(f.more && f.len % 8 != 0 && pointer == 4);
	else if (v == FRAGHDR_BEYOND)
		FUZZ_CHECK(end > UINT16_MAX && pointer == x.frag_off + 2u);
	else
		FUZZ_CHECK(f.len == 0);
	FUZZ_CHECK((pointer == UINT32_MAX) == (v == FRAGHDR_OK || v == FRAGHDR_EMPTY));
	check_strip(pkt, len, &x);
}

/* --- as orders --- */

/* The fragment that the order asks for, in a buffer of its exact size; NULL: refused. */
static struct piece *build(const uint8_t *order, struct reass_key *key)
{
	const bool options = (order[1] & OPTIONS) != 0;
	uint16_t at = options ? HDR + 8 : HDR, field = (uint16_t)(order[2] << 8 | order[3]);
	uint16_t data = (uint16_t)((order[4] << 8 | order[5]) % 1200),
		 len = at + FRAGHDR_LEN + data;
	struct piece *p = calloc(1, sizeof(*p));
	uint32_t pointer;

	FUZZ_CHECK(p != NULL);
	p->pkt = calloc(1, len);
	FUZZ_CHECK(p->pkt != NULL);
	*key = (struct reass_key){ .src = { { 0x20, [15] = order[0] & 3 } },
		.dst = { { 0x20, [15] = order[0] >> 2 & 1 } },
		.id = order[0] >> 3 & 3,
		.zone = order[0] >> 5 & 1,
		.path = order[0] >> 6 };
	net_ip6_fill((struct net_ip6 *)p->pkt, (uint16_t)(len - HDR),
		options ? IP6_DSTOPT : IP6_FRAGMENT, 64, &key->src, &key->dst);
	p->source = (uint8_t)((order[0] & 3) | (order[0] >> 5 & 1) << 2);
	if (options)
		memcpy(p->pkt + HDR, (const uint8_t[8]){ IP6_FRAGMENT, 0, 1, 4 }, 8);
	p->pkt[at] = IP6_UDP;
	p->pkt[at + 2] = (uint8_t)(field >> 8);
	p->pkt[at + 3] = (uint8_t)((field & 0xf8) | (order[1] & MORE));
	p->pkt[at + 7] = (uint8_t)key->id;
	for (uint16_t i = 0; i < data; i++)
		p->pkt[at + FRAGHDR_LEN + i] = (uint8_t)((field & 0xf8) + i + (order[7] & 1));
	if (fraghdr_read(p->pkt, len, at, &p->f, &pointer) == FRAGHDR_OK) {
		FUZZ_CHECK(p->f.id == key->id);
		inside++;
		of_source[p->source]++;
		return p;
	}
	free(p->pkt);
	free(p);
	return NULL;
}

static void check_whole(const struct reass_frag *done, uint32_t n)
{
	uint32_t at = 0;

	FUZZ_CHECK(n > 0 && n <= REASS_MAX_FRAGMENTS);
	for (uint32_t i = 0; i < n; i++) {
		struct piece *p = done[i].buf;

		FUZZ_CHECK(done[i].off == at && done[i].len == p->f.len);
		FUZZ_CHECK(done[i].data == p->pkt + p->f.data_off);
		FUZZ_CHECK(p->f.more == (i < n - 1));
		at += p->f.len;
		let_go(p);
	}
	FUZZ_CHECK(at <= OCTETS);
}

static void check_bounds(const struct reass_tab *t)
{
	FUZZ_CHECK(reass_tab_fragments(t) == inside && inside <= FRAGMENTS);
	FUZZ_CHECK(reass_tab_datagrams(t) <= DATAGRAMS && reass_tab_datagrams(t) <= inside);
	FUZZ_CHECK(!reass_tab_is_empty(t) || inside == 0);
	for (unsigned i = 0; i < sizeof(of_source) / sizeof(of_source[0]); i++)
		FUZZ_CHECK(of_source[i] <= SOURCE);
}

static void run(struct reass_tab *t, const uint8_t *data, size_t size)
{
	uint64_t now = 0;

	for (size_t i = 0; i + ORDER <= size && i < ORDERS * ORDER; i += ORDER) {
		struct reass_key key;
		struct piece *p = build(data + i, &key);
		const struct reass_frag *done;
		struct reass_frag f;
		uint32_t n;

		now += data[i + 6] % 16;
		if (data[i + 1] & LATE)
			reass_tab_expire(t, now, data[i + 7] % 4);
		if (p == NULL)
			continue;
		f = (struct reass_frag){ p, p->pkt + p->f.data_off, p->f.off, p->f.len, p->f.more };
		done = reass_tab_add(t, &key, &f, now, &n);
		if (done != NULL)
			check_whole(done, n);
		check_bounds(t);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reass_opts opts = { .max_datagrams = DATAGRAMS,
		.max_fragments = FRAGMENTS,
		.max_per_source = SOURCE,
		.max_octets = OCTETS,
		.timeout = TIMEOUT,
		.seed = { 1, 2 },
		.drop = on_drop };
	struct reass_tab *t;

	if (size >= HDR && size <= UINT16_MAX)
		check_packet(data, (uint16_t)size);
	FUZZ_CHECK(reass_tab_new(&opts, &t) == 0);
	run(t, data, size);
	reass_tab_free(t);
	FUZZ_CHECK(inside == 0);
	return 0;
}
