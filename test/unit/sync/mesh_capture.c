/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a capture of what two sites say to each other, made by the code that says it, and for
 * each datagram a line of what it is, from the structures it was made of: dissector_test.py
 * compares that with what scripts/wireshark/hamd.lua reads.
 *
 *      mesh_capture CAPTURE PORT KEYS
 *
 * KEYS gets the sessions' keys as a key log has them. What the records are that are told at the end
 * is said by dissector_test.py alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/util.h"
#include "net/cksum.h"
#include "net/cursor.h"
#include "net/ip6hdr.h"
#include "records/copy.h"
#include "records/seen.h"
#include "records/wire.h"
#include "sync/hello.h"
#include "sync/hello_seal.h"
#include "sync/message.h"
#include "sync/session.h"
#include "sync/session_priv.h"

#define LINKTYPE_IPV6 229
#define WALL          1700000000000ULL
#define IP6_LEN       40

static FILE *capture, *key_log;
static uint16_t port;
static struct sessions *site[2];
static struct hello *hello[2];
static struct ip6_addr address[2];
static uint64_t now_ms = 1000, random_state = 1;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "mesh_capture: %s\n", what);
	exit(1);
}

/* --- the capture: pcap, one IPv6 packet each --- */

static void begin(const char *path)
{
	const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, LINKTYPE_IPV6 };

	capture = fopen(path, "wb");
	check(capture != NULL && fwrite(head, sizeof(head), 1, capture) == 1, path);
}

static void write_packet(unsigned from, uint16_t to_port, const uint8_t *buf, size_t n)
{
	uint8_t packet[2048];
	struct net_wr w = net_wr_init(packet, sizeof(packet));
	static uint32_t number;
	uint32_t head[4] = { (uint32_t)now_ms / 1000, number++ };
	uint16_t sum;

	net_wr_u32(&w, 6U << 28);
	net_wr_u16(&w, (uint16_t)(8 + n));
	net_wr_u8(&w, IP6_UDP);
	net_wr_u8(&w, 64);
	net_wr_ip6(&w, &address[from]);
	net_wr_ip6(&w, &address[1 - from]);
	net_wr_u16(&w, to_port);
	net_wr_u16(&w, to_port);
	net_wr_u16(&w, (uint16_t)(8 + n));
	net_wr_u16(&w, 0);
	net_wr_bytes(&w, buf, n);
	check(!w.bad, "packet too long");
	sum = net_cksum(&address[from], &address[1 - from], IP6_UDP, packet + IP6_LEN, 8 + n);
	packet[IP6_LEN + 6] = (uint8_t)(sum >> 8); /* none of these comes to 0 */
	packet[IP6_LEN + 7] = (uint8_t)sum;
	head[2] = head[3] = (uint32_t)net_wr_len(&w);
	check(fwrite(head, sizeof(head), 1, capture) == 1 &&
			fwrite(packet, net_wr_len(&w), 1, capture) == 1,
		"write");
}

/* --- what each datagram is, in the names of the fields --- */

static void tell_bytes(const char *name, const uint8_t *p, size_t n)
{
	printf(" %s=", name);
	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
}

static void tell_init(const uint8_t *buf)
{
	const struct wire_init *m = (const struct wire_init *)buf;

	printf("hamd.node=%u hamd.sender=%u hamd.has_cookie=%d", m->node, get32(m->sender),
		!sodium_is_zero(m->mac2, MAC_LEN));
	tell_bytes("hamd.ephemeral", m->noise, NOISE_KEY_LEN);
	tell_bytes("hamd.stamp", m->noise + NOISE_KEY_LEN, STAMP_LEN + NOISE_TAG_LEN);
	tell_bytes("hamd.mac1", m->mac1, MAC_LEN);
	tell_bytes("hamd.mac2", m->mac2, MAC_LEN);
}

static void tell_response(const uint8_t *buf)
{
	const struct wire_response *m = (const struct wire_response *)buf;

	printf("hamd.node=%u hamd.sender=%u hamd.receiver=%u hamd.has_cookie=%d", m->node,
		get32(m->sender), get32(m->receiver), !sodium_is_zero(m->mac2, MAC_LEN));
	tell_bytes("hamd.ephemeral", m->noise, NOISE_KEY_LEN);
	tell_bytes("hamd.empty", m->noise + NOISE_KEY_LEN, NOISE_TAG_LEN);
	tell_bytes("hamd.mac1", m->mac1, MAC_LEN);
	tell_bytes("hamd.mac2", m->mac2, MAC_LEN);
}

static void tell_cookie(const uint8_t *buf)
{
	const struct wire_cookie *m = (const struct wire_cookie *)buf;

	printf("hamd.receiver=%u", get32(m->receiver));
	tell_bytes("hamd.nonce", m->nonce, NONCE_LEN);
	tell_bytes("hamd.cookie", m->sealed, sizeof(m->sealed));
}

static void tell_data(const uint8_t *buf, size_t n)
{
	const struct wire_data *m = (const struct wire_data *)buf;

	printf("hamd.receiver=%u hamd.counter=%llu hamd.sealed.len=%zu", get32(m->receiver),
		(unsigned long long)get64(m->counter), n - SESSION_OVERHEAD);
	if (n > SESSION_OVERHEAD)
		tell_bytes("hamd.sealed", buf + sizeof(*m), n - SESSION_OVERHEAD);
	tell_bytes("hamd.tag", buf + n - NOISE_TAG_LEN, NOISE_TAG_LEN);
}

static void put_session(unsigned from, const uint8_t *buf, size_t n)
{
	printf("hamd.type=%u hamd.version=%u ", buf[0], buf[1]);
	switch (buf[0]) {
	case MSG_INIT:
		tell_init(buf);
		break;
	case MSG_RESPONSE:
		tell_response(buf);
		break;
	case MSG_COOKIE:
		tell_cookie(buf);
		break;
	default:
		tell_data(buf, n);
		break;
	}
	/* who sent it is told in clear by its number, in all but the first */
	if (buf[0] != MSG_INIT)
		printf(" hamd.from=%u", from + 1);
	printf("\n");
	write_packet(from, port, buf, n);
}

static void put_hello(unsigned from, const uint8_t *buf, size_t n)
{
	printf("hamd_hello.type=%u hamd_hello.version=%u hamd_hello.node=%u hamd_hello.key=%u "
	       "hamd_hello.counter=%llu hamd_hello.sealed.len=%zu",
		buf[0], buf[1], from + 1, get32(buf + 4), (unsigned long long)get64(buf + 8),
		n - HELLO_SEAL_OVERHEAD);
	tell_bytes("hamd_hello.sealed", buf + 16, n - HELLO_SEAL_OVERHEAD);
	tell_bytes("hamd_hello.tag", buf + n - NOISE_TAG_LEN, NOISE_TAG_LEN);
	printf("\n");
	write_packet(from, (uint16_t)(port + 1), buf, n);
}

/* Something that no site says. */
static void put_bad(bool to_hello, const char *field, const uint8_t *buf, size_t n)
{
	printf("%s%s=\n", to_hello ? "hamd_hello." : "hamd.", field);
	write_packet(0, (uint16_t)(port + to_hello), buf, n);
}

/* --- the sites --- */

static void op_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
		buf[i] = (uint8_t)(random_state >> 56);
	}
}

static unsigned index_of(const void *ctx)
{
	return ctx == &site[1];
}

static struct {
	unsigned from;
	size_t n;
	uint8_t b[SESSION_HANDSHAKE_MAX];
} wire[4];
static unsigned wire_count;

/* Written down, and on its way. */
static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	unsigned from = index_of(ctx);

	(void)node;
	put_session(from, buf, len);
	check(wire_count < DIM(wire) && len <= sizeof(wire[0].b), "too much on the wire");
	wire[wire_count].from = from;
	wire[wire_count].n = len;
	memcpy(wire[wire_count++].b, buf, len);
}

static void arrive(void)
{
	uint8_t out[SESSION_HANDSHAKE_MAX], node;
	size_t len;

	for (unsigned i = 0; i < wire_count; i++)
		sessions_input(site[1 - wire[i].from], &address[wire[i].from], wire[i].b, wire[i].n,
			now_ms, &node, out, &len);
	wire_count = 0;
}

static void op_established(void *ctx, uint8_t node, const struct session_keys *keys)
{
	hello_keys(hello[index_of(ctx)], node, keys, now_ms);
}

static void op_hello_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	unsigned i = index_of(ctx);

	put_hello(i, buf, len);
	check(hello_input(hello[node - 1], &address[i], buf, len, now_ms, WALL) == HELLO_TAKEN,
		"a hello is not taken");
}

static void log_key(uint32_t receiver, const uint8_t *key)
{
	fprintf(key_log, "SESSION %08x ", receiver);
	for (unsigned i = 0; i < NOISE_KEY_LEN; i++)
		fprintf(key_log, "%02x", key[i]);
	fprintf(key_log, "\n");
}

static void op_secrets(void *ctx, uint8_t node, const struct session_secrets *s)
{
	(void)ctx;
	(void)node;
	log_key(s->local, s->rx);
	log_key(s->remote, s->tx);
}

static void op_view(void *ctx, uint32_t domain, const struct next_view *v)
{
	(void)ctx;
	(void)domain;
	(void)v;
}

static void op_event(void *ctx, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	(void)ctx;
	(void)e;
	(void)domain;
	(void)node;
	(void)value;
}

static void start(unsigned i, const uint8_t *secret, const uint8_t *other_public)
{
	const uint8_t other = (uint8_t)(2 - i);
	struct session_peer peer = { .node = other, .address = address[1 - i] };
	const struct hello_peer hello_peer = { other, address[1 - i] };
	const struct hello_domain domain = {
		.id = next_domain("msp1"), .members = &other, .member_count = 1
	};

	memcpy(peer.key, other_public, NOISE_KEY_LEN);
	check(sessions_new(&(struct session_opts){ .node = (uint8_t)(i + 1),
				   .secret = secret,
				   .peers = &peer,
				   .peer_count = 1,
				   .now_ms = now_ms,
				   .ops = { &site[i], op_random, op_send, op_established,
					   .secrets = op_secrets } },
		      &site[i]) == 0,
		"no sessions");
	check(hello_new(&(struct hello_opts){ .node = (uint8_t)(i + 1),
				.boot = i + 1,
				.version_min = 1,
				.version_max = 1,
				.hello_ms = 100,
				.dead_ms = 300,
				.peers = &hello_peer,
				.peer_count = 1,
				.domains = &domain,
				.domain_count = 1,
				.ops = { &site[i], op_hello_send, op_view, op_event } },
		      &hello[i]) == 0,
		"no hello");
}

static void start_both(void)
{
	uint8_t secret[2][NOISE_KEY_LEN], public[2][NOISE_KEY_LEN];

	for (unsigned i = 0; i < 2; i++) {
		op_random(NULL, secret[i], sizeof(secret[i]));
		check(session_public_key(secret[i], public[i]) == 0, "no key");
		address[i] =
			(struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(i + 1) } };
	}
	for (unsigned i = 0; i < 2; i++)
		start(i, secret[i], public[1 - i]);
}

/* --- what they say --- */

static void say(unsigned from, const uint8_t *plain, size_t n)
{
	uint8_t sealed[MESSAGE_MAX + SESSION_OVERHEAD], out[sizeof(sealed)], node;
	size_t len;

	check(sessions_seal(site[from], (uint8_t)(2 - from), plain, n, now_ms, sealed) == 0,
		"nothing is sealed");
	put_session(from, sealed, n + SESSION_OVERHEAD);
	check(sessions_input(site[1 - from], &address[from], sealed, n + SESSION_OVERHEAD, now_ms,
		      &node, out, &len) == SESSION_DATA,
		"what is sealed is not opened");
}

static void say_data(unsigned from, size_t n)
{
	uint8_t plain[MESSAGE_MAX];

	memset(plain, 0x55, sizeof(plain));
	say(from, plain, n);
}

static struct ip6_addr numbered(uint8_t net, uint8_t host)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, 0, net, [15] = host } };
}

/* lacks: octets that its end is short of. */
static void say_record(const struct record_copy *c, size_t lacks)
{
	uint8_t plain[MESSAGE_MAX];
	struct net_wr w = net_wr_init(plain, sizeof(plain));
	struct message_builder b;

	message_write_head(&w, &(struct message_head){ 1, 2 });
	message_open_records(&w, &b);
	message_section(&w, &b, 7);
	check(record_wire_put(&w, c), "no room for a record");
	w.p -= lacks;
	message_close(&w, &b, NULL);
	say(0, plain, net_wr_len(&w));
}

static void say_pair(const struct seen_pair *p)
{
	const struct message_delta delta = { .stream = STREAM_SEEN,
		.flags = DELTA_SEEN | DELTA_TOLD,
		.id = 5,
		.number = 6,
		.base = 1,
		.first = 300,
		.last = 1ULL << 40 };
	uint8_t plain[MESSAGE_MAX];
	struct net_wr w = net_wr_init(plain, sizeof(plain));
	struct message_builder b;

	message_write_head(&w, &(struct message_head){ 1, 2 });
	message_open_delta(&w, &b);
	message_section(&w, &b, 7);
	check(seen_wire_put(&w, p), "no room for a pair");
	message_close(&w, &b, &delta);
	say(1, plain, net_wr_len(&w));
}

/* Each way in which a record is told. */
static void say_records(void)
{
	const uint8_t unknown[] = { 7, 2, 1, 2 };
	struct record_copy c = { .hoa = numbered(1, 9),
		.ha = numbered(1, 1),
		.coa = numbered(2, 1),
		.content = { .epoch = 300, .ext_seq = 1ULL << 63, .hlc = 0x1234, .node = 2 },
		.owner = { .epoch = 299, .ext_seq = 1ULL << 40, .node = 3, .term = 200 },
		.lifetime_s = 3600,
		.flags = 0xc000,
		.state = RECORD_LIVE,
		.order = RECORD_BY_STAMP,
		.remaining_ms = 3599000,
		.remaining_by = { .node = 4, .term = 130 },
		.stamp = 0xabcdef,
		.mtu = 1400,
		.mtu_age_s = 77,
		.extra = unknown,
		.extra_len = sizeof(unknown) };
	const struct seen_pair pair = { .hoa = numbered(1, 9),
		.ha = numbered(3, 1),
		.value = { .epoch = 2, .ext_seq = 70000, .stamp = 99 } };

	say_record(&c, 0);
	say_record(&c, 60);
	say_record(&(struct record_copy){ .hoa = numbered(1, 9),
			   .ha = numbered(1, 9),
			   .content = { .epoch = 1, .ext_seq = 5, .hlc = 8, .node = 2 },
			   .owner = { .epoch = 1, .ext_seq = 5, .node = 2 },
			   .remaining_ms = 10000,
			   .remaining_by = { .node = 2 },
			   .state = RECORD_TOMBSTONE },
		0);
	say_pair(&pair);
}

static void say_handshake(void)
{
	handshake_begin(site[0], session_peer_of(site[0], 2), now_ms);
	arrive();
}

/* More handshakes than the other takes without a cookie; with the cookie it takes one again. */
static void say_too_often(void)
{
	for (unsigned i = 0; i <= SESSION_HANDSHAKES_S; i++)
		say_handshake();
	now_ms++;
	say_handshake();
}

static void say_nonsense(void)
{
	static const uint8_t init[] = { MSG_INIT, SESSION_VERSION, 1, 0, 5 },
			     data[] = { MSG_DATA, SESSION_VERSION, 0, 0, 5 },
			     type[] = { 9, SESSION_VERSION, 1 },
			     version[] = { MSG_INIT, SESSION_VERSION + 1, 1 },
			     long_hello[HELLO_MAX + 1] = { HELLO_SEAL_TYPE, HELLO_SEAL_VERSION };

	put_bad(false, "bad_length", init, sizeof(init));
	put_bad(false, "bad_length", data, sizeof(data));
	put_bad(false, "bad_length", data, 1);
	put_bad(false, "bad_type", type, sizeof(type));
	put_bad(false, "other_version", version, sizeof(version));
	put_bad(true, "bad_length", init, sizeof(init));
	put_bad(true, "bad_length", long_hello, sizeof(long_hello));
	put_bad(true, "bad_type", type, sizeof(type));
	put_bad(true, "other_version", version, sizeof(version));
}

static uint16_t port_of(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	check(end != text && *end == '\0' && n > 0 && n <= UINT16_MAX, text);
	return (uint16_t)n;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: mesh_capture CAPTURE PORT KEYS\n");
		return 2;
	}
	check(sodium_init() >= 0, "no libsodium");
	begin(argv[1]);
	port = port_of(argv[2]);
	key_log = fopen(argv[3], "w");
	check(key_log != NULL, argv[3]);
	start_both();
	sessions_turn(site[0], now_ms, WALL);
	arrive();
	say_data(0, 1);
	say_data(1, 1200);
	for (unsigned i = 0; i < 6; i++, now_ms += 100)
		hello_turn(hello[i % 2], now_ms, WALL, true);
	say_too_often();
	say_nonsense();
	say_records();
	for (unsigned i = 0; i < 2; i++) {
		sessions_free(site[i]);
		hello_free(hello[i]);
	}
	return (fclose(capture) | fclose(key_log)) == 0 ? 0 : 1;
}
