/* SPDX-License-Identifier: BSD-3-Clause */
#include "mesh_lab.h"

struct site sites[SITES + 1];

struct lab lab;

struct lab_queue queue[QUEUE];
unsigned queued;
uint64_t lab_ms;
struct mip6_signer signer;
static struct mac_key *signer_key;

struct site *site_of(const struct ctl *ctl)
{
	return container_of(ctl, struct site, ctl);
}

/* --- sites --- */

struct ip6_addr agent_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:a::1");

	if (lab.mode == CONF_MODE_UNICAST)
		a.b[15] = (uint8_t)n;
	return a;
}

static void describe_peers(struct site *s)
{
	unsigned i = 0;

	for (unsigned n = 1; n <= SITES; n++) {
		if (n == s->node)
			continue;
		s->peers[i] =
			(struct conf_mesh_peer){ .id = n, .hello_ms = 100, .dead_ms = DEAD_MS };
		snprintf(s->peers[i].name, CONF_NAME_MAX, "site%u", n);
		s->members[i] = (struct conf_domain_peer){ .peer = (int)i };
		snprintf(s->members[i].name, CONF_NAME_MAX, "site%u", n);
		if (lab.mode == CONF_MODE_UNICAST)
			s->members[i].home_agent_address = agent_of(n);
		i++;
	}
}

static void configure(struct site *s)
{
	describe_peers(s);
	s->served = prefix("2001:db8:a::/48");
	s->domain = (struct conf_domain){
		.name = "msp",
		.mobile_prefixes = &s->served,
		.mobile_prefix_count = 1,
		.home_agent_address = agent_of(s->node),
		.mode = lab.mode,
		.peers = s->members,
		.peer_count = SITES - 1,
		.ack_peers = lab.ack_peers,
		.remember_sequence = lab.remembers,
		.cold_start = lab.serve_cold ? CONF_COLD_SERVE : CONF_COLD_WAIT,
		.join_timeout_ms = 3000,
		.drain_wait_ms = 60000,
		.home_agent_switch = lab.switches,
		.switch_after_s = lab.switch_after_s,
		.lifetime_max_s = LIFE_S,
		.limits = { .max_bindings = MAX,
			.max_bindings_per_care_of = 1000,
			.bu_per_s_per_source = 1000,
			.bu_burst_per_source = 1000,
			.bu_per_s_per_mobile_node = 1000,
			.bu_burst_per_mobile_node = 1000,
			.bu_per_s = 10000,
			.switch_per_s = lab.switch_per_s },
	};
	s->conf = (struct conf){
		.node = { .id = s->node },
		.domains = &s->domain,
		.domain_count = 1,
		.runtime.max_bindings = MAX,
		.mesh = { .site_address = addr("2001:db8:f::1"),
			.dead_ms = DEAD_MS,
			.rate_mbps = 100,
			.records_per_s = 100000,
			.max_waits = WAITS,
			.peers = s->peers,
			.peer_count = SITES - 1 },
	};
	if (lab.has_store)
		s->conf.store = (struct conf_store){ .path = (char *)"/s", .sync_ms = 10 };
}

static void make_tables(struct site *s)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	struct tables *t = &s->tables;
	struct ip6_prefix all = prefix("::/0"), served = prefix("2001:db8:a::/48"), ha;

	t->rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t->rcu, 1), 0);
	assert_int_equal(dq_new(t->rcu, 256, &t->dq), 0);
	assert_int_equal(bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t->dq, &t->bc), 0);
	assert_int_equal(fib_new(&(struct fib_opts){ .max_routes = 16 }, t->dq, &t->fib), 0);
	assert_int_equal(fib_set(t->fib, &all, fib_value(FIB_VIA, 7)), 0);
	assert_int_equal(fib_set(t->fib, &served, fib_value(FIB_DOMAIN, 0)), 0);
	for (unsigned n = 1; n <= SITES; n++) {
		ha = (struct ip6_prefix){ .addr = agent_of(n), .len = 128 };
		assert_int_equal(
			fib_set(t->fib, &ha,
				fib_value(FIB_HOME_AGENT,
					fib_agent(0,
						lab.mode == CONF_MODE_UNICAST ? (uint8_t)n : 0))),
			0);
	}
	assert_int_equal(addrs_new(8, &t->addrs), 0);
}

void subscribe(struct site *s, const char *const *homes, unsigned count)
{
	struct subs_opts opts = { .max = 10, .domains = 1, .seed = 1 };
	struct sub sub = { .lifetime_max_s = LIFE_S, .key = SUB_NO_KEY };
	struct ip6_addr hoa = addr(KEYED);
	struct ip6_prefix keyed = prefix(RANGE);
	struct sub_place there;
	struct mac_key *key;

	assert_int_equal(subs_new(&opts, &s->ctl.subs), 0);
	for (unsigned i = 0; i < count; i++) {
		struct ip6_addr a = addr(homes[i]);

		assert_int_equal(
			subs_add(s->ctl.subs, &a, &sub, (struct sub_place){ 0 }, &there), 0);
	}
	assert_int_equal(subs_add_key(s->ctl.subs, &key, &sub.key), 0);
	mac_key_set(signer.mac, key, (const uint8_t *)KEY, strlen(KEY));
	sub.auth = SUB_AUTH_MN_HA;
	sub.spi = SPI;
	assert_int_equal(subs_add(s->ctl.subs, &hoa, &sub, (struct sub_place){ 0 }, &there), 0);
	assert_int_equal(subs_add_range(s->ctl.subs, &keyed, &sub, 0), 0);
	subs_seal(s->ctl.subs);
}

static void set_clocks(struct site *s)
{
	s->ctl.now_ms = START_MS + lab_ms;
	s->ctl.wall_ms = WALL_MS + lab_ms;
	s->ctl.ntp =
		ntp_from_unix(s->ctl.wall_ms / 1000, (uint32_t)(s->ctl.wall_ms % 1000) * 1000000);
}

/* The process's own clocks are those of the lab. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ms = (id == CLOCK_REALTIME ? WALL_MS : START_MS) + lab_ms;

	*ts = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	return 0;
}

uint64_t away_ms;
bool no_clock, store_lost;

static void read_disk(struct site *s)
{
	struct ctl_past past = {
		.away_ms = away_ms, .is_lost = store_lost, .has_no_clock = no_clock
	};
	char err[160];

	if (s->disk == NULL)
		s->disk = calloc(1, sizeof(*s->disk));
	if (s->disk->count > 0)
		ctl_load_clock(&s->ctl, s->ctl.wall_ms);
	for (unsigned i = 0; i < s->disk->count; i++) {
		const struct feed_item *it = &s->disk->item[i];
		struct record_image image = it->image;

		if (it->kind == FEED_SEEN) {
			assert_int_equal(ctl_load_seen(&s->ctl, 0, &it->pair), 0);
			continue;
		}
		image.extra = it->extra;
		assert_int_equal(ctl_load_record(&s->ctl, 0, &image), 0);
	}
	if (s->disk->count > 0)
		assert_int_equal(ctl_load_end(&s->ctl), 0);
	assert_int_equal(ctl_loaded(&s->ctl, &past, err, sizeof(err)), 0);
	s->disk->walking = false;
}

const char *const all_homes[HOMES] = { HOA, HOA2, HOA3 };

void start_site(unsigned n)
{
	struct site *s = &sites[n];
	struct records_opts records = {
		.max = 2 * MAX + 16, .seed = 1, .now_ms = START_MS + lab_ms, .mesh = true
	};
	struct disk *disk = s->disk;
	char err[160];

	*s = (struct site){ .node = (uint8_t)n, .disk = disk, .runs = true };
	configure(s);
	make_tables(s);
	s->ctl.conf = &s->conf;
	s->ctl.t = &s->tables;
	s->ctl.dp = (struct dp *)s;
	s->ctl.seed = n;
	s->ctl.ready = true;
	set_clocks(s);
	assert_int_equal(records_new(&records, &s->ctl.records), 0);
	assert_int_equal(pmtu_new(MAX, 1, &s->ctl.pmtu), 0);
	s->ctl.wheel = wheel_new(s->ctl.now_ms);
	assert_non_null(s->ctl.wheel);
	subscribe(s, all_homes, DIM(all_homes));
	assert_int_equal(mip6_new(&s->ctl, &s->ctl.mip6), 0);
	assert_int_equal(mesh_new(&s->ctl, err, sizeof(err)), 0);
	if (!lab.has_store)
		return;
	assert_int_equal(persist_new(&s->ctl, &s->ctl.persist), 0);
	read_disk(s);
}

void stop_site(unsigned n)
{
	struct site *s = &sites[n];

	s->runs = false;
	persist_load_free(s->ctl.load);
	persist_free(&s->ctl, s->ctl.persist);
	mesh_free(&s->ctl);
	mip6_free(s->ctl.mip6);
	subs_free(s->ctl.subs);
	pmtu_free(s->ctl.pmtu);
	wheel_free(s->ctl.wheel);
	records_free(s->ctl.records);
	addrs_free(s->tables.addrs);
	bc_free(s->tables.bc);
	fib_free(s->tables.fib);
	dq_free(s->tables.dq);
	free(s->tables.rcu);
}

/* --- time --- */

static void deliver(void)
{
	unsigned left = 0, n = queued;

	for (unsigned i = 0; i < n; i++) {
		struct site *s = &sites[queue[i].to];

		if (queue[i].at_ms > lab_ms)
			queue[left++] = queue[i];
		else if (s->runs && !s->is_cut && !s->is_deaf && !sites[queue[i].from].is_cut)
			mesh_input(&s->ctl, queue[i].from, queue[i].buf, queue[i].len);
	}
	memmove(queue + left, queue + n, (queued - n) * sizeof(queue[0]));
	queued -= n - left;
}

static void write_disk(struct site *s)
{
	struct feed *feed = ctl_feed(&s->ctl);
	struct disk *d = s->disk;
	const struct feed_item *it;

	while (!s->disk_stuck && (it = feed_peek(feed, 0)) != NULL) {
		assert_true(d->count < DISK);
		if (it->kind == FEED_BEGIN) {
			d->begun = d->count;
			d->walking = true;
		} else if (it->kind == FEED_END && d->walking) {
			d->count -= d->begun;
			memmove(d->item, d->item + d->begun, d->count * sizeof(*it));
			d->walking = false;
		} else if (it->kind == FEED_RECORD || it->kind == FEED_SEEN) {
			d->item[d->count++] = *it;
		}
		feed_set_written(feed, it->mark);
		feed_take(feed, 1);
		feed_set_synced(feed, feed_written(feed), feed_count(feed));
	}
}

static void on_wheel(void *ctx, struct wheel_timer *timer)
{
	struct ctl_timer *t = container_of(timer, struct ctl_timer, t);

	t->fn(ctx, t);
}

static void turn(struct site *s)
{
	set_clocks(s);
	wheel_advance(s->ctl.wheel, s->ctl.now_ms, 64, on_wheel, &s->ctl);
	mip6_expire(&s->ctl);
	mip6_switch(&s->ctl);
	mesh_run(&s->ctl);
	if (s->ctl.persist != NULL) {
		persist_run(&s->ctl);
		write_disk(s);
		mip6_release(&s->ctl);
	}
	dq_run(s->tables.dq, 256);
}

void pass(unsigned ms)
{
	unsigned step = ms > 1000 ? 20 : 1;

	for (unsigned i = 0; i < ms; i += step) {
		lab_ms += step;
		deliver();
		for (unsigned n = 1; n <= SITES; n++)
			if (sites[n].runs)
				turn(&sites[n]);
	}
}

void lab_begin(void)
{
	log_set_level(LOG_ERR);
	assert_int_equal(mac_new(&signer.mac), 0);
	signer_key = mac_keys_new(1);
	assert_non_null(signer_key);
	mac_key_set(signer.mac, signer_key, (const uint8_t *)KEY, strlen(KEY));
	signer.key = signer_key;
	memset(sites, 0, sizeof(sites));
	queued = 0;
	lab_ms = 0;
	for (unsigned n = 1; n <= SITES; n++)
		start_site(n);
	pass(1500);
	for (unsigned n = 1; n <= SITES; n++)
		assert_int_equal(sites[n].says, NEXT_READY);
}

void lab_end(void)
{
	for (unsigned n = 1; n <= SITES; n++) {
		if (sites[n].runs)
			stop_site(n);
		free(sites[n].disk);
	}
	mac_keys_free(signer_key);
	mac_free(signer.mac);
	signer = (struct mip6_signer){ NULL, NULL };
}

/* --- Binding Updates --- */

static uint16_t put_bu(const struct msg *m, uint8_t *at, const struct ip6_addr *hoa,
	const struct ip6_addr *coa, const struct ip6_addr *to)
{
	struct mh_bu_msg bu = {
		.seq = m->seq,
		.flags = MH_BU_A | MH_BU_H,
		.lifetime = (uint16_t)(m->lifetime < 0   ? 0
				       : m->lifetime > 0 ? m->lifetime
							 : 100),
		.opts = { .present = 1ULL << MHOPT_ALT_COA, .alt_coa = *coa },
	};
	int len;

	if (m->timestamp != 0) {
		bu.opts.present |= 1ULL << MHOPT_MN_AUTH | 1ULL << MHOPT_REPLAY;
		bu.opts.spi = SPI;
		bu.opts.timestamp = m->timestamp;
	}
	len = mh_bu_encode(&bu, hoa, to, at, 256);
	assert_true(len > 0);
	if (m->timestamp != 0) {
		mip6_sign(&signer, coa, hoa, at, (uint16_t)(len - MAC_LEN), at + len - MAC_LEN);
		mh_set_cksum(at, (uint16_t)len, hoa, to);
	}
	return (uint16_t)len;
}

void send_bu(const struct msg *m)
{
	struct site *s = &sites[m->at];
	struct ip6_addr to = agent_of(m->agent != 0 ? m->agent : m->at);
	struct ip6_addr hoa = addr(m->hoa != NULL ? m->hoa : HOA);
	struct ip6_addr coa = m->is_home ? hoa : addr(m->coa != NULL ? m->coa : COA);
	uint8_t buf[512] = { 0 };
	uint16_t off = 40, len;
	struct ctl_pkt p;

	if (!m->is_home) {
		memcpy(buf + 40, (uint8_t[]){ IP6_MH, 2, 1, 2, 0, 0, 0xc9, 16 }, 8);
		memcpy(buf + 48, &hoa, sizeof(hoa));
		off += 24;
	}
	len = (uint16_t)(off + put_bu(m, buf + off, &hoa, &coa, &to));
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)(len - 40), m->is_home ? IP6_MH : IP6_DSTOPT,
		64, &coa, &to);
	p = (struct ctl_pkt){
		.data = buf,
		.len = len,
		.walked = true,
		.peer = m->peer,
		.fib = fib_lookup(s->tables.fib, &to),
	};
	assert_int_equal(ext_walk(buf, len, EXT_TO_US, &p.ext), EXT_OK);
	mip6_input(&s->ctl, &p);
}

void assert_answered(unsigned n, unsigned before, int status, unsigned seq)
{
	const struct site *s = &sites[n];
	const struct answer *a = &s->got[(s->answers - 1) % GOT];

	if (status < 0) {
		assert_int_equal(s->answers, before);
		return;
	}
	assert_int_equal(s->answers, before + 1);
	assert_int_equal(a->ba.status, status);
	assert_int_equal(a->ba.seq, seq);
}

void ask(const struct msg *m, int status, unsigned seq)
{
	unsigned before = sites[m->at].answers;

	send_bu(m);
	for (unsigned i = 0; i < 1000 && sites[m->at].answers == before; i++)
		pass(1);
	assert_answered(m->at, before, status, seq);
}

struct record *record_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return records_find(sites[n].ctl.records, 0, &a);
}

const struct record_mesh *mesh_at(unsigned n, const char *hoa)
{
	return records_mesh(sites[n].ctl.records, record_at(n, hoa));
}

const struct bc_entry *entry_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(sites[n].tables.bc, &a);
}

void assert_bound(const char *hoa, const char *coa, unsigned agent, unsigned owner)
{
	struct ip6_addr want = addr(coa), ha = agent_of(agent);

	for (unsigned n = 1; n <= SITES; n++) {
		if (!sites[n].runs)
			continue;
		assert_non_null(entry_at(n, hoa));
		assert_true(ip6_eq(&entry_at(n, hoa)->coa, &want));
		assert_true(ip6_eq(&entry_at(n, hoa)->ha, &ha));
		if (owner != 0)
			assert_int_equal(mesh_at(n, hoa)->owner.node, owner);
		assert_int_equal(entry_at(n, hoa)->owner, mesh_at(n, hoa)->owner.node);
	}
}

void assert_unbound(const char *hoa)
{
	for (unsigned n = 1; n <= SITES; n++) {
		if (!sites[n].runs)
			continue;
		assert_null(entry_at(n, hoa));
		assert_non_null(record_at(n, hoa));
		assert_int_equal(record_at(n, hoa)->state, RECORD_TOMBSTONE);
	}
}

/* --- kinds of domains --- */

int begin_as(enum conf_mode mode, uint32_t ack_peers, bool has_store)
{
	lab.mode = mode;
	lab.ack_peers = ack_peers;
	lab.has_store = has_store;
	lab.remembers = true;
	lab_begin();
	return 0;
}

int begin_shared(void **state)
{
	(void)state;
	return begin_as(CONF_MODE_SHARED, 1, false);
}

int begin_unicast(void **state)
{
	(void)state;
	return begin_as(CONF_MODE_UNICAST, 1, false);
}

int begin_stored(void **state)
{
	(void)state;
	return begin_as(CONF_MODE_SHARED, 1, true);
}

int lab_teardown(void **state)
{
	(void)state;
	lab_end();
	return 0;
}

uint64_t counted(unsigned n, enum ctl_counter c)
{
	return sites[n].ctl.counters[c];
}
