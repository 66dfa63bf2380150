/* SPDX-License-Identifier: BSD-3-Clause */
#include "persist_lab.h"

struct persist_lab t;

int64_t clock_set_ms;
uint64_t ahead_ms;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ms = t.ctl.now_ms + ahead_ms;

	if (id == CLOCK_REALTIME)
		ms += START_UNIX_MS - START_MS + (uint64_t)clock_set_ms;
	*ts = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	return 0;
}

/* Nobody else runs: waiting would help nobody. */
int nanosleep(const struct timespec *want, struct timespec *left)
{
	(void)want;
	(void)left;
	return 0;
}

struct ip6_addr hoa_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:a::");

	a.b[13] = 1;
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

struct ip6_addr coa_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:c::");

	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

/* --- a home agent --- */

static void set_route(const char *text, enum fib_kind kind, uint32_t index)
{
	struct ip6_prefix p = prefix(text);

	assert_int_equal(fib_set(t.tables.fib, &p, fib_value(kind, index)), 0);
}

/* Domain 0 serves a range, and one mobile node with a key; domain 1 one mobile node. */
static void subscribe(void)
{
	struct subs_opts opts = { .max = 10, .domains = 2, .seed = 1 };
	struct sub sub = { .lifetime_max_s = 600, .key = SUB_NO_KEY };
	struct ip6_prefix range = prefix("2001:db8:a::/64");
	struct ip6_addr keyed = addr("2001:db8:a::100"), other = addr("2001:db8:b::100");
	struct mac_key *key;
	struct sub_place there;

	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
	assert_int_equal(subs_add_range(t.ctl.subs, &range, &sub, 0), 0);
	sub.domain = 1;
	assert_int_equal(
		subs_add(t.ctl.subs, &other, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
	sub.domain = 0;
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	sub.auth = SUB_AUTH_MN_HA;
	assert_int_equal(
		subs_add(t.ctl.subs, &keyed, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
	subs_seal(t.ctl.subs);
}

static void make_conf(void)
{
	t.served[0] = prefix("2001:db8:a::/48");
	t.served[1] = prefix("2001:db8:b::/48");
	t.denied = prefix("2001:db8:bad::/48");
	for (unsigned d = 0; d < 2; d++)
		t.domains[d] = (struct conf_domain){
			.mobile_prefixes = &t.served[d],
			.mobile_prefix_count = 1,
			.home_agent_address = addr(d == 0 ? "2001:db8:a::1" : "2001:db8:b::1"),
			.lifetime_max_s = 600,
			.ack_peers = d == 0 ? CONF_ACK_STORE : CONF_ACK_NONE,
			.care_of_denied = &t.denied,
			.care_of_denied_count = 1,
		};
	for (unsigned d = 0; d < 2; d++)
		snprintf(t.domains[d].name, sizeof(t.domains[d].name), "%s",
			d == 0 ? "alpha" : "beta");
	t.conf.domains = t.domains;
	t.conf.domain_count = 2;
	t.conf.runtime.max_bindings = MAX;
	t.conf.store.path = (char *)"/s";
	t.conf.store.sync_ms = 10;
	t.conf.store.counters_s = 60;
}

static void make_tables(void)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);

	t.tables.rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t.tables.rcu, 1), 0);
	assert_int_equal(dq_new(t.tables.rcu, DQ_SIZE, &t.tables.dq), 0);
	assert_int_equal(
		bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t.tables.dq, &t.tables.bc), 0);
	assert_int_equal(
		fib_new(&(struct fib_opts){ .max_routes = 16 }, t.tables.dq, &t.tables.fib), 0);
	set_route("2001:db8:a::1/128", FIB_HOME_AGENT, 0);
	set_route("2001:db8:a::/48", FIB_DOMAIN, 0);
	set_route("2001:db8:b::/48", FIB_DOMAIN, 1);
	set_route("2001:db8:c:1::ff/128", FIB_LOCAL, 0);
	set_route("::/0", FIB_VIA, 7);
	assert_int_equal(addrs_new(8, &t.tables.addrs), 0);
}

static void make_control(void)
{
	struct records_opts opts = { .max = MAX + 500, .seed = 1, .now_ms = START_MS };

	t.ctl.conf = &t.conf;
	t.ctl.t = &t.tables;
	t.ctl.now_ms = START_MS;
	t.ctl.ntp = ntp_now();
	t.ctl.seed = 1;
	assert_int_equal(records_new(&opts, &t.ctl.records), 0);
	assert_int_equal(pmtu_new(1000, 1, &t.ctl.pmtu), 0);
	subscribe();
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
	t.feed = ctl_feed(&t.ctl);
}

int persist_setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERR);
	memset(&t, 0, sizeof(t));
	clock_set_ms = 0;
	ahead_ms = 0;
	t.ctl.now_ms = START_MS;
	make_conf();
	make_tables();
	make_control();
	return 0;
}

int persist_teardown(void **state)
{
	(void)state;
	free(t.ctl.load);
	persist_free(&t.ctl, t.ctl.persist);
	mip6_free(t.ctl.mip6);
	subs_free(t.ctl.subs);
	records_free(t.ctl.records);
	pmtu_free(t.ctl.pmtu);
	addrs_free(t.tables.addrs);
	bc_free(t.tables.bc);
	fib_free(t.tables.fib);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

struct record *bind_node(unsigned n, unsigned coa, uint32_t lifetime_s)
{
	struct ip6_addr hoa = hoa_of(n), to = coa_of(coa);
	struct record *r = records_find(t.ctl.records, 0, &hoa);
	struct record next;

	if (r == NULL)
		r = records_add(t.ctl.records, 0, &hoa);
	assert_non_null(r);
	next = *r;
	next.coa = to;
	next.ha = t.domains[0].home_agent_address;
	assert_int_equal(publish(&t.ctl, &next), 0);
	r->ha = next.ha;
	r->seq++;
	r->lifetime_s = lifetime_s;
	if (r->state != RECORD_LIVE)
		r->since_ms = t.ctl.now_ms;
	records_set(t.ctl.records, r, RECORD_LIVE, &to, t.ctl.now_ms + 1000ULL * lifetime_s);
	dq_drain(t.tables.dq);
	return r;
}

uint64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint32_t waiting(void)
{
	uint32_t n = 0;

	while (feed_peek(t.feed, n) != NULL)
		n++;
	return n;
}

void start(void)
{
	struct ctl_past past = { 0 };

	assert_int_equal(ctl_loaded(&t.ctl, &past, t.err, sizeof(t.err)), 0);
}

void sync_all(void)
{
	uint32_t n = waiting();

	feed_take(t.feed, n);
	feed_set_written(t.feed, persist_mark(&t.ctl));
	feed_set_synced(t.feed, persist_mark(&t.ctl), feed_count(t.feed));
}

struct record_image image_of(unsigned n)
{
	return (struct record_image){
		.hoa = hoa_of(n),
		.ha = t.domains[0].home_agent_address,
		.coa = coa_of(n),
		.ends_ms = unix_ms() + 50000,
		.since_ms = unix_ms() - 30000,
		.lifetime_s = 100,
		.seq = (uint16_t)(1000 + n),
		.flags = 0xc000,
		.state = RECORD_LIVE,
		.packets_to = n,
		.bytes_to = 10 * n,
		.packets_from = 2 * n,
		.bytes_from = 20 * n,
		.session = n,
	};
}

void load(struct record_image image)
{
	assert_int_equal(ctl_load_record(&t.ctl, 0, &image), 0);
}

struct record *record_of(unsigned n)
{
	struct ip6_addr hoa = hoa_of(n);

	return records_find(t.ctl.records, 0, &hoa);
}
