/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much a mesh says: sizes are those that the real encoders make, rates follow from who tells
 * whom (docs/scale.md). No world is run.
 */
#include "scale.h"

#include <stdio.h>

#include "net/cursor.h"
#include "common/util.h"
#include "pkt.h"
#include "records/copy.h"
#include "records/digest.h"
#include "records/records.h"
#include "records/wire.h"
#include "sync/engine_priv.h"
#include "sync/hello_seal.h"
#include "sync/hello_wire.h"
#include "sync/message.h"
#include "sync/session.h"

#define OUTER     48 /* IPv6 and UDP in front of each datagram */
#define ROUND_S   10.0 /* between two digest rounds with a peer: REPAIR_MS */
#define HELLO_S   0.1 /* hello-ms, as it is unless it is configured */
#define FILL_RATE 125e6 /* octets a second from one peer: a gigabit */
#define RECORDS_S 5e5 /* records-per-s, unless it is configured; those of a second at once */
#define TAKES_S   7e5 /* records a second that a real site took in: row snapshot-sites */
#define WAY_S     0.05 /* between two sites */

/* A mobile node like most: registered some time ago, by sequence number. */
static struct record_copy typical(void)
{
	return (struct record_copy){
		.hoa = addr_home(0, 77),
		.ha = addr_agent(0, 1),
		.coa = addr_care_of(9, 4711),
		.content = { .ext_seq = 70000,
			.epoch = 1,
			.hlc = 1700000000000ULL << 16,
			.node = 9 },
		.owner = { .ext_seq = 70000, .epoch = 1, .node = 9 },
		.remaining_by = { .node = 9 },
		.lifetime_s = 600,
		.remaining_ms = 411000,
		.flags = 0xc000,
		.state = RECORD_LIVE,
	};
}

struct sizes {
	double record; /* one more of them in a datagram */
	double delta; /* all else in a datagram of a stream */
	double ack, digest, differ;
	unsigned per_datagram;
};

static double with_all(size_t len)
{
	return (double)len + SESSION_OVERHEAD + OUTER;
}

static void measure_delta(struct sizes *z)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w = net_wr_init(buf, sizeof(buf)), was;
	struct message_delta m = { .base = 1, .id = 1 };
	struct message_builder b;
	struct record_copy c = typical();
	size_t before;

	message_write_head(&w, &(struct message_head){ 1, 1 });
	message_open_delta(&w, &b);
	message_section(&w, &b, 1);
	before = net_wr_len(&w);
	for (was = w; record_wire_put(&w, &c); was = w)
		z->per_datagram++;
	w = was;
	z->record = (double)(net_wr_len(&w) - before) / z->per_datagram;
	message_close(&w, &b, &m);
	z->delta = with_all(net_wr_len(&w)) - z->record * z->per_datagram;
}

static void measure(struct sizes *z)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w = net_wr_init(buf, sizeof(buf));
	struct message_digest digest = { .bits = 7, .count = MESSAGE_HASHES };
	struct message_differ differ = { .bits = 7, .count = MESSAGE_HASHES };

	measure_delta(z);
	message_write_head(&w, &(struct message_head){ 1, 1 });
	message_write_ack(&w, &(struct message_ack){ .id = 1 });
	z->ack = with_all(net_wr_len(&w));
	w = net_wr_init(buf, sizeof(buf));
	message_write_head(&w, &(struct message_head){ 1, 1 });
	message_write_digest(&w, &digest);
	z->digest = with_all(net_wr_len(&w));
	w = net_wr_init(buf, sizeof(buf));
	message_write_head(&w, &(struct message_head){ 1, 1 });
	message_write_differ(&w, &differ);
	z->differ = with_all(net_wr_len(&w));
}

/* Of a site with one domain, all of whose members are up there. */
static double hello_octets(unsigned sites)
{
	struct hello_msg m = { .has_echo = true,
		.state_count = 1,
		.list_count = 1,
		.lists = { { .count = (uint16_t)(sites - 1) } },
		.pair_count = (uint16_t)(sites - 1),
		.setting_count = HELLO_SETTING_COUNT };

	return (double)hello_wire_size(&m) + HELLO_SEAL_OVERHEAD + OUTER;
}

/* What one site sends, in a second; it hears as much. */
struct load {
	double records, datagrams, octets;
};

static struct load load_of(const struct sizes *z, unsigned sites, double bindings, double every_s)
{
	double peers = sites - 1, moves = bindings / every_s / sites;
	/* a registration is told at once: each in a datagram of its own, unless there are more than
	 * one of control's turns can flush; taken as one in a millisecond */
	double flushes = moves < 1000 ? moves : 1000;
	double deltas = moves / z->per_datagram > flushes ? moves / z->per_datagram : flushes;
	struct load l = { .records = moves * peers };

	/* the ack of each datagram that somebody waits for travels alone */
	l.datagrams = peers * (2 * deltas + 1 / HELLO_S + 2 / ROUND_S);
	l.octets = peers *
		   (moves * z->record + deltas * (z->delta + z->ack) +
			   hello_octets(sites) / HELLO_S + (z->digest + z->differ) / 2 / ROUND_S);
	return l;
}

/* --- how long things take --- */

static double most(double a, double b)
{
	return a > b ? a : b;
}

/* A site that has nothing is told all by one other. */
static double join_s(const struct sizes *z, double bindings)
{
	double octets = bindings * (z->record + z->delta / z->per_datagram);

	return most(
		octets / FILL_RATE, most(bindings / TAKES_S, (bindings - RECORDS_S) / RECORDS_S));
}

/* Of so many things, `each` at a time. */
static double times_of(double things, double each)
{
	uint64_t whole = (uint64_t)(things / each);

	return (double)whole * each < things ? (double)whole + 1 : (double)whole;
}

/* Questions with the keys of one leaf: several where they do not fit into one. */
static double keys_octets(double keys)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w = net_wr_init(buf, sizeof(buf));
	double lists = times_of(keys, MESSAGE_LISTED);
	struct message_keys m = { .last = 1, .count = (uint8_t)(keys / lists) };

	for (unsigned i = 0; i < m.count; i++)
		m.key[i].key = i;
	message_write_head(&w, &(struct message_head){ 1, 1 });
	message_write_keys(&w, &m);
	return lists * with_all(net_wr_len(&w));
}

/* Of so many records, each in one of the ranges by chance: how many ranges have one? */
static double ranges_of(double records, unsigned ranges)
{
	double none = ranges;

	for (uint64_t i = 0; i < (uint64_t)records && none > 0.01; i++)
		none -= none / ranges;
	return ranges - none;
}

/*
 * A site has died: what it told in its last moments some have heard and others not. Each pair of
 * survivors compares, the lower node id asks (sync/repair.c): the top ranges, the leaves of those
 * that differ, the keys of leaves that differ; and half a round trip for records that are wanted.
 * From then on that it is known to be dead; what processors need for it is not in.
 */
static double converge_s(const struct sizes *z, unsigned sites, double bindings, double every_s)
{
	double leaves = (double)(1U << digest_bits((uint32_t)bindings));
	double differ = bindings / every_s / sites * WAY_S;
	double blocks = ranges_of(differ, MESSAGE_HASHES) *
			times_of(leaves / MESSAGE_HASHES, MESSAGE_HASHES);
	double octets = (sites - 2.0) *
			((1 + blocks) * z->digest + differ * keys_octets(bindings / leaves));

	if (sites < 3)
		return 0; /* nobody to differ from */
	return 2 * WAY_S * (1.5 + times_of(blocks, ROUND_HASTE) + times_of(differ, ROUND_HASTE)) +
	       octets / FILL_RATE;
}

int scale_print(void)
{
	static const unsigned sites[] = { 2, 3, 5, 10, 20, 50, 100 };
	static const double bindings[] = { 1e5, 1e6, 1e7 };
	struct sizes z = { 0 };

	measure(&z);
	printf("# a binding %.1f octets, %u in a datagram; acknowledgement %.0f, digest %.0f, "
	       "hello "
	       "of 100 sites %.0f\n",
		z.record, z.per_datagram, z.ack, z.digest, hello_octets(100));
	puts("sites,bindings,records_s,datagrams_s,mbit_s,join_s,converge_s");
	for (unsigned b = 0; b < DIM(bindings); b++)
		for (unsigned s = 0; s < DIM(sites); s++) {
			struct load l = load_of(&z, sites[s], bindings[b], 60);

			printf("%u,%.0f,%.0f,%.0f,%.1f,%.1f,%.2f\n", sites[s], bindings[b],
				l.records, l.datagrams, l.octets * 8 / 1e6, join_s(&z, bindings[b]),
				converge_s(&z, sites[s], bindings[b], 60));
		}
	return 0;
}
