/* SPDX-License-Identifier: BSD-3-Clause */
#include "mesh_pair.h"

enum { PUNTED = 1000 }; /* door of what left for control with an error */

static struct rte_mempool *pool;
struct dp_port_view views[2];
struct site site1, site2;
static struct mesh_answers answers;

void route(struct tables *t, const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

static void neighbor(struct tables *t, uint16_t port, const char *text, const char *towards)
{
	struct ip6_addr a = addr(text);
	uint32_t id = adj_add(t->adj, port, &a);

	adj_set(t->adj, id, (const uint8_t[]){ 2, 0, 0, 0, (uint8_t)port, 1 }, ADJ_RESOLVED);
	route(t, towards, fib_value(FIB_VIA, id));
}

static void make_site(struct site *s, uint8_t node, uint32_t workers, const char *own, bool clear)
{
	struct sa_opts mesh = {
		.node = node, .site = addr(own), .workers = workers + 1, .clear = clear, .seed = 7
	};
	struct tables_opts opts = { .readers = workers,
		.max_bindings = 16,
		.mesh_domains = 1,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 4,
		.seed = 42,
		.mesh = &mesh };
	struct bc_binding b = { .hoa = addr("2001:db8:a::100"),
		.coa = addr("2001:db8:f::1"),
		.ha = addr("2001:db8:a::1") };
	struct bc_binding mn = { .hoa = addr(MN), .coa = addr("2001:db8:c::9"), .ha = b.ha };
	struct mesh_domain *d;
	char host[64];

	assert_int_equal(tables_new(&opts, &s->t), 0);
	neighbor(s->t, 0, "2001:db8:9::1", "::/0");
	neighbor(s->t, 1, "2001:db8:9:1::1", "2001:db8:c::/48");
	snprintf(host, sizeof(host), "%s/128", own);
	route(s->t, host, fib_value(FIB_LOCAL, 0));
	route(s->t, "2001:db8:dead::/48", fib_value(FIB_UNREACHABLE, 0));
	route(s->t, "2001:db8:a::1/128", fib_value(FIB_HOME_AGENT, 0));
	route(s->t, "2001:db8:c:1::/64", fib_value(FIB_DOMAIN, 0));
	assert_int_equal(bc_publish(s->t->bc, &b), 0);
	assert_int_equal(bc_publish(s->t->bc, &mn), 0);
	d = meshtab_buffer(s->t->mesh, 0);
	assert_int_equal(route_compile(true, FORWARD_DIRECT, &answers), 0);
	*d = (struct mesh_domain){
		.answers = &answers, .self = node, .members = { 1 << 1 | 1 << 2 }
	};
	assert_int_equal(meshtab_publish(s->t->mesh, 0), 0);
	s->workers = workers;
}

static void make_worker(struct site *s, uint16_t i)
{
	struct dp_worker *w = &s->w[i];
	struct reass_opts opts = { .max_datagrams = 64,
		.max_fragments = 128,
		.max_per_source = 32,
		.max_octets = MAX,
		.timeout = UINT64_MAX / 2,
		.seed = { 1, 2 } };
	struct conf_domain domain = { .name = "msp" };
	struct conf conf = { .domains = &domain, .domain_count = 1 };

	memset(w, 0, sizeof(*w));
	w->t = s->t;
	w->id = i;
	w->workers = (uint16_t)s->workers;
	w->is_reader = true;
	w->port = views;
	w->port_count = DIM(views);
	w->pool = pool;
	w->tx_queue[0] = w->tx_queue[1] = PLAN_NO_QUEUE;
	w->tx_ring[0] = w->tx_ring[1] = s->tx;
	memcpy(w->punt, s->punt, sizeof(w->punt));
	if (s->workers > 1) {
		w->hand = s->hand;
		w->spread = &s->spreading;
	}
	fragid_init(&w->fragid, (const uint8_t[FRAGID_KEY_LEN]){ 7 }, i, WORKERS);
	assert_int_equal(domains_new(&conf, rte_get_tsc_hz(), 1, &w->domains), 0);
	assert_int_equal(dp_reass_start(w, opts), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(s->t->rcu, i), 0);
	rte_rcu_qsbr_thread_online(s->t->rcu, i);
}

static void make_rings(struct site *s, char name)
{
	char text[16];

	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		snprintf(text, sizeof(text), "punt%c%u", name, c);
		s->punt[c] = rte_ring_create(text, 128, SOCKET_ID_ANY, 0);
		assert_non_null(s->punt[c]);
	}
	snprintf(text, sizeof(text), "tx%c", name);
	s->tx = rte_ring_create(text, 128, SOCKET_ID_ANY, 0);
	assert_non_null(s->tx);
	for (unsigned i = 0; i < WORKERS; i++) {
		snprintf(text, sizeof(text), "hand%c%u", name, i);
		s->hand[i] = rte_ring_create(text, HAND, SOCKET_ID_ANY, 0);
		assert_non_null(s->hand[i]);
	}
}

int set_up(void **state)
{
	char args[][24] = { "mesh-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pkts", POOL, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_PKTMBUF_HEADROOM + MAX + 100, SOCKET_ID_ANY);
	assert_non_null(pool);
	make_rings(&site1, 'a');
	make_rings(&site2, 'b');
	for (unsigned i = 0; i < DIM(views); i++) {
		views[i] = (struct dp_port_view){
			.dev = (uint16_t)i, .mtu = 1500, .mac = { 2, 0xaa }, .link_up = true
		};
		ip6_link_local_from_mac(views[i].mac, &views[i].link_local);
	}
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

struct sa_keys keys_of(uint8_t sender, uint32_t generation)
{
	struct sa_keys k = { .generation = generation };

	for (unsigned i = 0; i < sizeof(k.key); i++)
		k.key[i] = (uint8_t)(generation * 37 + sender + i);
	for (unsigned i = 0; i < sizeof(k.salt); i++)
		k.salt[i] = (uint8_t)(generation * 11 + sender + i);
	return k;
}

/* What one handshake gives: site 1 sends with it, site 2 opens. */
static void share(uint32_t generation)
{
	struct sa_keys k = keys_of(1, generation);

	assert_int_equal(sa_add_in(site2.t->sa, 1, &k), 0);
	assert_int_equal(sa_set_out(site1.t->sa, 2, &k), 0);
}

static void start_sites(bool clear)
{
	struct ip6_addr a1 = addr(SITE1), a2 = addr(SITE2);

	views[0].mtu = views[1].mtu = 1500;
	site2.spreading = false;
	make_site(&site1, 1, 1, SITE1, clear);
	make_site(&site2, 2, WORKERS, SITE2, clear);
	assert_int_equal(sa_add_peer(site1.t->sa, 2, &a2), 0);
	assert_int_equal(sa_add_peer(site2.t->sa, 1, &a1), 0);
	make_worker(&site1, 0);
	for (uint16_t i = 0; i < WORKERS; i++)
		make_worker(&site2, i);
}

int begin_sealed(void **state)
{
	(void)state;
	start_sites(false);
	share(1);
	return 0;
}

int begin_clear(void **state)
{
	(void)state;
	start_sites(true);
	return 0;
}

int end_sites(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORKERS; i++) {
		dp_reass_stop(&site2.w[i]);
		domains_free(site2.w[i].domains);
	}
	dp_reass_stop(&site1.w[0]);
	domains_free(site1.w[0].domains);
	tables_free(site1.t);
	tables_free(site2.t);
	assert_int_equal(rte_mempool_avail_count(pool), POOL); /* no packet was leaked */
	return 0;
}

/* --- packets --- */

struct pkt udp(const char *src, const char *dst, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	struct pkt p = { .n = len };

	for (unsigned i = 40; i < len; i++)
		p.b[i] = (uint8_t)(i * 7);
	net_ip6_fill((struct net_ip6 *)p.b, (uint16_t)(len - 40), IP6_UDP, 64, &s, &d);
	return p;
}

struct net_ip6 *head(struct pkt *p)
{
	return (struct net_ip6 *)p->b;
}

struct rte_mbuf *mbuf_of(const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, p->n), p->b, p->n);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	return m;
}

void push(struct dp_vec *v, const struct pkt *p, uint8_t relay_to, uint8_t flags)
{
	struct rte_mbuf *m = mbuf_of(p);

	dp_meta(m)->relay_to = relay_to;
	dp_meta(m)->flags = flags;
	dp_vec_push(v, m);
}

void seal(struct dp_worker *w)
{
	w->spare = DP_SPARE;
	dp_seal(w, &w->vec[V_RELAY]);
	dp_route(w, &w->vec[V_ROUTE]);
}

unsigned take_tx(struct dp_worker *w, uint16_t port, struct pkt *out, unsigned max)
{
	struct dp_vec *v = &w->tx[port];
	unsigned n = v->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = v->pkt[i];

		if (i < max) {
			out[i].n = (uint16_t)(m->data_len - 14);
			memcpy(out[i].b, rte_pktmbuf_mtod_offset(m, uint8_t *, 14), out[i].n);
		}
		rte_pktmbuf_free(m);
	}
	v->n = 0;
	return n;
}

struct pkt sealed(const struct pkt *p, uint8_t flags)
{
	struct dp_worker *w = &site1.w[0];
	struct pkt out = { .n = 0 };

	push(&w->vec[V_RELAY], p, 2, flags);
	seal(w);
	assert_int_equal(take_tx(w, 0, &out, 1), 1);
	return out;
}

int reason_since(struct dp_worker *w, const struct dp_counters *before, struct dp_meta *meta)
{
	int reason = -1;
	void *m;

	for (int i = 0; i < DP_DROP_COUNT; i++) {
		if (w->counters.drop[i] == before->drop[i])
			continue;
		assert_int_equal(w->counters.drop[i], before->drop[i] + 1);
		assert_int_equal(reason, -1);
		reason = i;
	}
	while (rte_ring_dequeue(w->punt[DP_PUNT_ERROR], &m) == 0) {
		assert_int_equal(reason, -1);
		*meta = *dp_meta(m);
		reason = PUNTED + meta->drop;
		rte_pktmbuf_free(m);
	}
	return reason;
}

int arrive(unsigned id, const struct pkt *p, struct pkt *out)
{
	struct dp_worker *w = &site2.w[id];
	struct dp_counters before = w->counters;
	struct dp_vec *again = &w->vec[V_AGAIN];
	struct dp_meta meta;
	int reason;

	push(again, p, 0, 0);
	for (unsigned pass = 0; pass < DP_MAX_PASSES && again->n > 0; pass++) {
		struct rte_mbuf *m = again->pkt[0];

		assert_int_equal(again->n, 1);
		if (dp_meta(m)->peer == 1 && pass > 0) {
			out->n = m->data_len;
			memcpy(out->b, rte_pktmbuf_mtod(m, uint8_t *), out->n);
			rte_pktmbuf_free(m);
			again->n = 0;
			return reason_since(w, &before, &meta);
		}
		dp_classify(w, again);
		dp_reass(w, &w->vec[V_FRAGMENT]);
		dp_open(w, &w->vec[V_MESH]);
		dp_decap(w, &w->vec[V_TUNNEL]);
	}
	reason = reason_since(w, &before, &meta);
	return reason >= 0 ? reason : -2;
}

unsigned opener(void)
{
	return sa_owner(sa_spi(1, 0, false, 1), WORKERS);
}

/* Where it is opened, whoever gets it. */
static unsigned opener_of(const struct pkt *wire)
{
	uint32_t spi;

	memcpy(&spi, wire->b + 40, 4);
	return ((const struct net_ip6 *)wire->b)->next_header == IP6_ESP
		       ? sa_owner(be32toh(spi), WORKERS)
		       : opener();
}

void check_arrives(const struct pkt *wire, const struct pkt *sent)
{
	struct pkt got, want = *sent;

	assert_int_equal(arrive(opener_of(wire), wire, &got), -1);
	head(&want)->hop_limit = 63;
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.b, want.b, want.n);
}

void check_drop(const struct pkt *wire, enum dp_drop reason)
{
	struct pkt got;
	int r = arrive(opener_of(wire), wire, &got);

	if (r != (int)reason)
		fail_msg("%s, not %s", r < 0 ? "arrived" : dp_drop_name((enum dp_drop)(r % PUNTED)),
			dp_drop_name(reason));
}

/* --- sizes --- */

struct dp_meta check_seal_error(struct pkt p, uint8_t flags, enum dp_drop reason)
{
	struct dp_worker *w = &site1.w[0];
	struct dp_counters before = w->counters;
	struct dp_meta meta = { 0 };
	int r;

	push(&w->vec[V_RELAY], &p, 2, flags);
	seal(w);
	r = reason_since(w, &before, &meta);
	if (r != PUNTED + (int)reason)
		fail_msg("%d, not an error for %s", r, dp_drop_name(reason));
	return meta;
}

/* --- what is not opened --- */

void put_spi(struct pkt *p, uint32_t spi)
{
	spi = htobe32(spi);
	memcpy(p->b + 40, &spi, 4);
}
