/* SPDX-License-Identifier: BSD-3-Clause */
#include "two_sites.h"

struct site sites[SITES];

static struct {
	uint8_t to, from, buf[CHANNEL_MAX];
	size_t len;
} queue[QUEUE];
unsigned queued;
uint64_t arrived[DOMAINS];
static uint32_t domains = 1;

static struct site *site_of(const struct ctl *ctl)
{
	return container_of(ctl, struct site, ctl);
}

struct site *node(unsigned n)
{
	return &sites[n - 1];
}

static const char *const domain_names[DOMAINS] = { "msp", "isp" };

/* --- what is around --- */

int channel_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	(void)ctl;
	(void)p;
	return -1;
}

int channel_send(struct ctl *ctl, uint8_t to, const uint8_t *buf, size_t len)
{
	assert_true(len > 0 && len <= CHANNEL_MAX);
	assert_true(queued < QUEUE);
	queue[queued].to = to;
	queue[queued].from = (uint8_t)ctl->conf->node.id;
	memcpy(queue[queued].buf, buf, len);
	queue[queued++].len = len;
	return 0;
}

int channel_info(const struct ctl *ctl, uint8_t n, struct session_info *out)
{
	(void)n;
	*out = site_of(ctl)->session;
	return 0;
}

void channel_heard(struct ctl *ctl, uint8_t n, uint64_t heard_ms)
{
	struct site *s = node(ctl->conf->node.id);

	assert_int_not_equal(n, ctl->conf->node.id);
	s->hellos++;
	s->hello_ms = heard_ms;
}

struct channel_count channel_count(const struct ctl *ctl, uint8_t n)
{
	(void)ctl;
	(void)n;
	return (struct channel_count){ .tx = 7 };
}

/* Of what a site says the other one hears at once. */
static struct next_view view_by_hello(const struct site *s, uint16_t d)
{
	unsigned self = s->ctl.conf->node.id, other = SITES + 1 - self;
	struct next_view v;

	memset(&v, 0, sizeof(v)); /* to be compared */
	v.domain = next_domain(domain_names[d]);
	v.self = (uint8_t)self;
	v.site[self] = (struct next_site){ .reach = NEXT_UP, .says = s->says[d] };
	if (!s->is_cut)
		v.site[other] =
			(struct next_site){ .reach = NEXT_UP, .says = node(other)->says[d] };
	return v;
}

bool pulse_run(struct ctl *ctl)
{
	struct site *s = site_of(ctl);

	for (uint16_t d = 0; d < domains; d++) {
		struct next_view v = view_by_hello(s, d);

		if (memcmp(&v, &s->told[d], sizeof(v)) != 0)
			mesh_on_view(ctl, d, &v);
		s->told[d] = v;
	}
	return false;
}

void pulse_say(struct ctl *ctl, uint16_t domain, enum next_says says)
{
	site_of(ctl)->says[domain] = says;
}

bool pulse_is_known(const struct ctl *ctl, uint16_t domain)
{
	(void)domain;
	return site_of(ctl)->is_known;
}

void route_publish(struct ctl *ctl, uint16_t domain, const struct next_view *view,
	const struct next_table *next)
{
	struct next_table mine;

	next_fill(view, &mine);
	assert_memory_equal(next, &mine, sizeof(mine));
	if (domain > 0)
		return;
	site_of(ctl)->view = *view;
	site_of(ctl)->routes++;
}

void route_place(const struct ctl *ctl, const struct record *r, uint8_t *owner, uint8_t *bucket)
{
	*owner = records_mesh(ctl->records, r)->owner.node;
	*bucket = 7;
}

void mip6_committed(struct ctl *ctl, uint64_t token, enum engine_commit how)
{
	struct site *s = site_of(ctl);

	s->token = token;
	s->how = how;
	s->committed++;
}

void switch_changed(struct ctl *ctl, const struct record *rec)
{
	(void)ctl;
	(void)rec;
}

void switch_ended(struct ctl *ctl, const struct record *rec, bool is_answer)
{
	(void)ctl;
	(void)rec;
	(void)is_answer;
}

bool mip6_is_switching(const struct ctl *ctl, uint16_t domain)
{
	(void)ctl;
	(void)domain;
	return false;
}

void advert_cancel(struct ctl *ctl, const struct record *rec)
{
	(void)rec;
	site_of(ctl)->cancelled++;
}

void acct_hear(struct ctl *ctl, struct record *r)
{
	r->session = 0;
	site_of(ctl)->heard++;
}

void acct_move(struct ctl *ctl, struct record *r, const struct ip6_addr *old_coa)
{
	assert_memory_not_equal(&r->coa, old_coa, sizeof(*old_coa));
	site_of(ctl)->moved++;
}

void acct_stop(struct ctl *ctl, const struct record *r, enum acct_cause cause)
{
	(void)r;
	site_of(ctl)->cause = cause;
	site_of(ctl)->stopped++;
}

void persist_touch(struct ctl *ctl, const struct record *r)
{
	(void)ctl;
	(void)r;
}

/* ctl->dp is the site itself here. */
void dp_relay_counts(const struct dp *dp, uint16_t domain, struct dp_relay_counts *out)
{
	*out = (struct dp_relay_counts){ 0 };
	if (((const struct site *)dp)->conf.node.id == 1)
		out->arrived = arrived[domain];
}

bool show_fail(struct ctl_req *req, int status, const char *fmt, ...)
{
	va_list ap;

	req->status = status;
	va_start(ap, fmt);
	vsnprintf(req->error, sizeof(req->error), fmt, ap);
	va_end(ap);
	return false;
}

/* --- sites --- */

static void describe(struct site *s, unsigned n, unsigned d)
{
	static const char *const prefixes[] = { "2001:db8:a::/48", "2001:db8:b::/48" };
	static const char *const agents[][SITES] = { { "2001:db8:a::1", "2001:db8:a::2" },
		{ "2001:db8:b::1", "2001:db8:b::2" } };

	s->served[d] = prefix(prefixes[d]);
	s->member[d] = (struct conf_domain_peer){ .peer = 0 };
	snprintf(s->member[d].name, CONF_NAME_MAX, "%s", s->peer.name);
	s->member[d].home_agent_address = addr(agents[d][s->peer.id - 1]);
	s->domain[d] = (struct conf_domain){
		.mobile_prefixes = &s->served[d],
		.mobile_prefix_count = 1,
		.home_agent_address = addr(agents[d][n - 1]),
		.peers = &s->member[d],
		.peer_count = 1,
		.ack_peers = 1,
		.join_timeout_ms = 3000,
		.drain_wait_ms = 60000,
		.lifetime_max_s = 600,
		.limits = { .max_bindings = MAX },
	};
	snprintf(s->domain[d].name, CONF_NAME_MAX, "%s", domain_names[d]);
}

static void configure(struct site *s, unsigned n)
{
	static const char *const places[] = { "paris", "tokyo" };
	unsigned other = SITES + 1 - n;

	s->peer = (struct conf_mesh_peer){ .id = other, .hello_ms = 100, .dead_ms = 300 };
	snprintf(s->peer.name, CONF_NAME_MAX, "%s", places[other - 1]);
	for (unsigned d = 0; d < domains; d++)
		describe(s, n, d);
	s->conf = (struct conf){
		.node = { .id = n },
		.domains = s->domain,
		.domain_count = domains,
		.runtime.max_bindings = MAX,
		.icmp_errors_per_s = 1000,
		.icmp_burst = 100,
		.mesh = { .dead_ms = 300,
			.rate_mbps = 100,
			.records_per_s = 100000,
			.max_waits = 16,
			.peers = &s->peer,
			.peer_count = 1 },
	};
	snprintf(s->conf.node.name, CONF_NAME_MAX, "%s", places[n - 1]);
}

static void make_tables(struct site *s)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	struct tables *t = &s->tables;
	struct ip6_prefix all = prefix("::/0");

	t->rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t->rcu, 1), 0);
	assert_int_equal(dq_new(t->rcu, 64, &t->dq), 0);
	assert_int_equal(bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t->dq, &t->bc), 0);
	assert_int_equal(fib_new(&(struct fib_opts){ .max_routes = 16 }, t->dq, &t->fib), 0);
	assert_int_equal(fib_set(t->fib, &all, fib_value(FIB_VIA, 7)), 0);
}

static void start(unsigned n)
{
	struct site *s = node(n);
	struct subs_opts subs = { .max = 10, .domains = domains, .seed = 1 };
	struct records_opts records = {
		.max = 2 * MAX, .seed = 1, .now_ms = START_MS, .mesh = true
	};
	char err[128];

	configure(s, n);
	make_tables(s);
	s->ctl = (struct ctl){ .conf = &s->conf,
		.t = &s->tables,
		.dp = (struct dp *)s,
		.now_ms = START_MS,
		.wall_ms = WALL_MS,
		.ntp = ntp_from_unix(WALL_MS / 1000, 0),
		.seed = 1,
		.ready = true };
	assert_int_equal(records_new(&records, &s->ctl.records), 0);
	assert_int_equal(pmtu_new(MAX, 1, &s->ctl.pmtu), 0);
	assert_int_equal(subs_new(&subs, &s->ctl.subs), 0);
	subs_seal(s->ctl.subs);
	assert_int_equal(mesh_new(&s->ctl, err, sizeof(err)), 0);
}

static void stop(struct site *s)
{
	mesh_free(&s->ctl);
	assert_null(s->ctl.mesh);
	subs_free(s->ctl.subs);
	pmtu_free(s->ctl.pmtu);
	records_free(s->ctl.records);
	bc_free(s->tables.bc);
	fib_free(s->tables.fib);
	dq_free(s->tables.dq);
	free(s->tables.rcu);
}

int setup(void **state)
{
	(void)state;
	memset(sites, 0, sizeof(sites));
	memset(arrived, 0, sizeof(arrived));
	queued = 0;
	log_set_level(LOG_ERR);
	for (unsigned n = 1; n <= SITES; n++)
		start(n);
	return 0;
}

int setup_two_domains(void **state)
{
	domains = 2;
	return setup(state);
}

int teardown(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= SITES; n++)
		stop(node(n));
	domains = 1;
	return 0;
}

void deliver(void)
{
	unsigned n = queued;

	for (unsigned i = 0; i < n; i++)
		if (!node(queue[i].to)->is_cut && !node(queue[i].from)->is_cut &&
			!node(queue[i].from)->is_mute)
			mesh_input(
				&node(queue[i].to)->ctl, queue[i].from, queue[i].buf, queue[i].len);
	memmove(queue, queue + n, (queued - n) * sizeof(queue[0]));
	queued -= n;
}

void turn_one(struct site *s)
{
	mesh_run(&s->ctl);
	dq_run(s->tables.dq, 64);
}

void turn(void)
{
	deliver();
	for (unsigned n = 1; n <= SITES; n++)
		turn_one(node(n));
}

void pass(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 5) {
		for (unsigned n = 1; n <= SITES; n++) {
			node(n)->ctl.now_ms += 5;
			node(n)->ctl.wall_ms += 5;
		}
		turn();
	}
}

void become_ready(void)
{
	pass(1000);
	assert_int_equal(node(1)->says[0], NEXT_READY);
	assert_int_equal(node(2)->says[0], NEXT_READY);
}

/* --- bindings --- */

struct record *record_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return records_find(node(n)->ctl.records, 0, &a);
}

const struct bc_entry *entry_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(node(n)->tables.bc, &a);
}

bool accept_bu(unsigned n, const char *hoa, const char *coa, uint16_t seq, bool is_refresh)
{
	struct ctl *ctl = &node(n)->ctl;
	struct ip6_addr h = addr(hoa), c = addr(coa);
	struct record *r = records_find(ctl->records, 0, &h);
	struct order_result o = { .ext_seq = seq, .epoch = 1 };

	if (r == NULL)
		r = records_add(ctl->records, 0, &h);
	assert_non_null(r);
	r->ha = node(n)->domain[0].home_agent_address;
	r->seq = seq;
	r->flags = MH_BU_A | MH_BU_H;
	r->lifetime_s = 600;
	records_set(ctl->records, r, RECORD_LIVE, &c, ctl->now_ms + 600000);
	assert_int_equal(publish(ctl, r), 0);
	return mesh_accepted(ctl, r, &o, RECORD_BY_SEQUENCE, is_refresh);
}

void accept_and_hold(unsigned n, const char *hoa, const char *coa, uint16_t seq)
{
	assert_true(accept_bu(n, hoa, coa, seq, false));
	assert_int_equal(mesh_wait(&node(n)->ctl, record_at(n, hoa), seq), ENGINE_WAITS);
}

void assert_entry(unsigned n, const char *hoa, const char *coa, const char *ha)
{
	const struct bc_entry *e = entry_at(n, hoa);
	struct ip6_addr c = addr(coa), h = addr(ha);

	assert_non_null(e);
	assert_memory_equal(&e->coa, &c, sizeof(c));
	assert_memory_equal(&e->ha, &h, sizeof(h));
}

void cut(unsigned n, bool is_cut)
{
	for (unsigned i = 1; i <= SITES; i++)
		node(i)->is_cut = is_cut;
	(void)n;
}

/* --- what the operator says --- */

bool ask(unsigned n, show_step_fn step, struct ctl_req *req)
{
	jw_init(&req->out, 65536);
	while (step(&node(n)->ctl, req))
		;
	jw_raw(&req->out, "", 1); /* makes it a string */
	return req->status == 0;
}
