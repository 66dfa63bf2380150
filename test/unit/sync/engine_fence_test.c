/* SPDX-License-Identifier: BSD-3-Clause */
/* What one site, or one domain, may not do to another. */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites, const char *name)
{
	open_world(sites, name);
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
}

/* Site 2's clock is 10 s ahead; what site 1 removes all the same stays removed. */
static void test_removed_stays(void **state)
{
	struct record_mesh *m;
	struct record *r;
	uint64_t ahead;

	(void)state;
	open_ready(2, "engine_removed");
	update(2, 1, 1, 1, 1, 600, 1);
	m = mesh_at(2, 1);
	ahead = (WALL + world.now_ms + 10000) << 16;
	m->content.hlc = ahead;
	change_own(world.site[2].e, &world.site[2].e->domain[0], at(2, 1), true);
	RUN_UNTIL(is_converged() && has(1, 1, 1), 300);
	r = at(1, 1);
	records_set(world.site[1].rs, r, RECORD_TOMBSTONE, &r->coa, world.now_ms + 600000);
	engine_touched(world.site[1].e, r, world.now_ms, WALL + world.now_ms);
	assert_int_equal(mesh_at(1, 1)->content.hlc, ahead + 1);
	RUN_UNTIL(is_converged() && at(2, 1)->state == RECORD_TOMBSTONE, 1000);
	assert_int_equal(at(1, 1)->state, RECORD_TOMBSTONE);
	/* our own clock did not follow */
	update(1, 2, 1, 2, 1, 600, 2);
	assert_true(mesh_at(1, 2)->content.hlc < (WALL + world.now_ms + 1000) << 16);
}

static unsigned took_ms(unsigned token, uint64_t since_ms)
{
	return (unsigned)(world.site[1].committed_ms[token] - since_ms);
}

/* A registration that the only peer refuses holds up none that come after it. */
static void test_refused_is_passed(void **state)
{
	uint64_t t;

	(void)state;
	open_ready(2, "engine_refused");
	world.refuser = 2;
	world.refused = 77;
	t = world.now_ms;
	assert_int_equal(update(1, 77, 1, 77, 1, 600, 77), ENGINE_WAITS);
	run(2);
	assert_int_equal(update(1, 101, 1, 101, 1, 600, 101), ENGINE_WAITS);
	run(60);
	assert_int_equal(world.site[1].committed[77], ENGINE_ALONE);
	assert_int_equal(world.site[1].committed[101], ENGINE_HELD);
	assert_in_range(took_ms(77, t), 0, 40);
	assert_in_range(took_ms(101, t), 0, 40);
	assert_true(mesh_at(1, 77)->flags & RECORD_ALONE);
	assert_false(mesh_at(1, 101)->flags & RECORD_ALONE);
}

/* ... nor one that another peer may still take. */
static void test_undecided_is_passed(void **state)
{
	uint64_t t;

	(void)state;
	open_ready(3, "engine_undecided");
	world.refuser = 2;
	world.refused = 77;
	world.site[3].has_no_room = true;
	t = world.now_ms;
	assert_int_equal(update(1, 77, 1, 77, 1, 600, 77), ENGINE_WAITS);
	run(2);
	assert_int_equal(update(1, 101, 1, 101, 1, 600, 101), ENGINE_WAITS);
	run(60);
	assert_int_equal(world.site[1].committed[101], ENGINE_HELD);
	assert_in_range(took_ms(101, t), 0, 40);
	assert_int_equal(world.site[1].committed[77], ENGINE_WAITS);
	world.site[3].has_no_room = false;
	RUN_UNTIL(world.site[1].committed[77] == ENGINE_HELD, 190);
}

static void move_to_2(unsigned mn)
{
	assert_int_equal(
		engine_move(world.site[1].e, at(1, mn), 2, world.now_ms, WALL + world.now_ms), 0);
	assert_int_equal(owner_at(1, mn), 2);
}

/* Each binding of those that are refused together comes back. */
static void test_all_refused_come_back(void **state)
{
	(void)state;
	open_ready(2, "engine_come_back");
	for (unsigned mn = 1; mn <= 4; mn++)
		update(1, mn, 1, mn, 1, 600, mn);
	RUN_UNTIL(is_converged() && at(2, 4) != NULL, 1000);
	world.covers_none = true;
	for (unsigned mn = 1; mn <= 4; mn++)
		move_to_2(mn);
	run(500);
	for (unsigned mn = 1; mn <= 4; mn++)
		assert_int_equal(owner_at(1, mn), 1);
}

/* What is lost behind one that comes back is sent again, and not held before it is. */
static void test_lost_behind_refused(void **state)
{
	(void)state;
	open_world(2, "engine_lost_behind");
	world.conf.commit_timeout_ms = 900;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	update(1, 1, 1, 1, 1, 600, 1);
	RUN_UNTIL(is_converged() && at(2, 1) != NULL, 1000);
	run(300);
	world.refuser = 2;
	world.refused = 1;
	move_to_2(1);
	RUN_UNTIL(
		world.site[1].e->peer[2]->out[STREAM_CHANGES].sent == mesh_at(1, 1)->change.number,
		200);
	assert_int_equal(update(1, 2, 1, 2, 1, 600, 2), ENGINE_WAITS);
	world.loss_percent = 100;
	step();
	world.loss_percent = 0;
	RUN_UNTIL(owner_at(1, 1) == 1, 100);
	world.refuser = 0; /* what was refused in front of a change says nothing of it */
	RUN_UNTIL(world.site[1].committed[2] != ENGINE_WAITS, 900);
	assert_int_equal(world.site[1].committed[2], ENGINE_HELD);
	assert_true(has(2, 2, 2));
}

static void remove_at_2(unsigned mn)
{
	struct site *s = &world.site[2];
	struct record *r = at(2, mn);

	records_set(s->rs, r, RECORD_TOMBSTONE, &r->coa, world.now_ms + 6000000);
	engine_touched(s->e, r, world.now_ms, WALL + world.now_ms);
}

/* What ended counts, too, and what lives again. Site 2 has a larger fence than site 1. */
static void test_quota(void **state)
{
	(void)state;
	open_world(2, "engine_quota");
	world.conf.max_bindings = 50;
	start_site(1);
	world.conf.max_bindings = 4000;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	for (unsigned mn = 0; mn < 300; mn++) {
		update(2, mn, 1, mn, 1, 6000, 1 + mn);
		if (mn % 2 == 0)
			run(10); /* as a binding first, or at once as a tombstone */
		remove_at_2(mn);
		run(10);
	}
	run(1000);
	assert_int_equal(records_tombstones_in(world.site[1].rs, DOMAIN), 100);
	assert_int_equal(records_live_in(world.site[1].rs, DOMAIN), 0);
	assert_true(world.site[1].events[ENGINE_EV_FULL] > 0);
	for (unsigned mn = 0; mn < 300; mn++) {
		update(2, mn, 1, mn, 2, 6000, 1 + mn);
		run(10);
	}
	run(1000);
	assert_int_equal(records_live_in(world.site[1].rs, DOMAIN), 50);
	assert_int_equal(records_tombstones_in(world.site[1].rs, DOMAIN), 50);
	/* a removal is always taken */
	for (unsigned mn = 0; mn < 300; mn++)
		remove_at_2(mn);
	RUN_UNTIL(records_live_in(world.site[1].rs, DOMAIN) == 0, 3000);
	assert_int_equal(records_tombstones_in(world.site[1].rs, DOMAIN), 100);
}

static void no_next(
	void *ctx, uint16_t domain, const struct next_view *v, const struct next_table *t)
{
	(void)ctx;
	(void)domain;
	(void)v;
	(void)t;
}

static void no_state(void *ctx, uint16_t domain, enum next_says says)
{
	(void)ctx;
	(void)domain;
	(void)says;
}

/* An engine of site 1 with two domains: sites 2 and 3 are in the first and, or but for site 2, in
 * the second. Both are up and ready. */
static void open_two(struct site *s, bool is_2_in_both, bool is_3_in_both)
{
	struct engine_member both[] = { { .node = 3 }, { .node = 2 }, { .node = 3 } };
	struct ip6_addr ha = agent(1);
	struct engine_domain d[] = {
		{ .number = 1, .id = 1, .members = both + 1, .member_count = 1U + is_3_in_both },
		{ .number = 2, .id = 2, .members = both, .member_count = 1U + is_2_in_both },
	};
	uint8_t secret[32] = { 1 };

	*s = (struct site){ .node = 1 };
	for (unsigned i = 0; i < 2; i++) {
		d[i].addresses = &ha;
		d[i].address_count = 1;
		d[i].max_bindings = 100;
	}
	assert_int_equal(
		records_new(&(struct records_opts){ .max = 100, .mesh = true }, &s->rs), 0);
	assert_int_equal(seen_new(
				 &(struct seen_opts){
					 .max = 100, .addresses = 4, .markers = ENGINE_MARKERS(2) },
				 &s->seen),
		0);
	assert_int_equal(engine_new(&(struct engine_opts){ .self = 1,
					    .boot = 1,
					    .records = s->rs,
					    .seen = s->seen,
					    .secret = secret,
					    .domains = d,
					    .domain_count = 2,
					    .dead_ms = 300,
					    .rate_max = 1000000,
					    .records_s = 1000,
					    .max_waits = 10,
					    .now_ms = START_MS,
					    .wall_ms = WALL,
					    .ops = { s, op_send, op_covers, op_changed, no_next,
						    op_committed, no_state, op_event, NULL } },
				 &s->e),
		0);
	for (uint16_t n = 1; n <= 2; n++) {
		struct next_view v = { .self = 1, .domain = n };

		v.site[2] = v.site[3] = (struct next_site){ .reach = NEXT_UP, .says = NEXT_READY };
		engine_view(s->e, n, &v, START_MS);
	}
}

static void close_two(struct site *s)
{
	engine_free(s->e);
	seen_free(s->seen);
	records_free(s->rs);
}

/* Sites 2 and 3 say that they hear site 1, and nobody else. */
static bool is_cut_between_2_and_3(bool have_common_domain)
{
	uint64_t up[4] = { 1U << 1 };
	struct site s;
	bool is;

	open_two(&s, false, have_common_domain);
	engine_hears(s.e, 2, up, START_MS);
	engine_hears(s.e, 3, up, START_MS);
	is = is_cut(s.e, 2, 3);
	assert_int_equal(has_cut(s.e, 2), is);
	assert_int_equal(has_cut(s.e, 3), is);
	close_two(&s);
	return is;
}

static void test_no_common_domain(void **state)
{
	(void)state;
	open_world(2, "engine_common");
	assert_false(is_cut_between_2_and_3(false));
	assert_true(is_cut_between_2_and_3(true));
}

static void hear_ack(struct site *s, struct message_ack m)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w = net_wr_init(buf, sizeof(buf));

	m.id = s->e->peer[2]->out[STREAM_CHANGES].id;
	message_write_head(&w, &(struct message_head){ 9, s->e->opts.boot });
	message_write_ack(&w, &m);
	engine_input(s->e, 2, buf, net_wr_len(&w), START_MS, WALL);
}

/* A peer that is full in one domain counts in another. */
static void test_full_in_one(void **state)
{
	struct site s;
	const struct domain *d;

	(void)state;
	open_world(2, "engine_full");
	open_two(&s, true, false);
	d = s.e->domain;
	hear_ack(&s, (struct message_ack){ 0 }); /* opens it */
	hear_ack(&s, (struct message_ack){ .full_count = 1, .full = { 2 } });
	assert_false(set_has(d[0].full, 2));
	assert_true(set_has(d[1].full, 2));
	assert_int_equal(s.events[ENGINE_EV_PEER_FULL], 1);
	hear_ack(&s, (struct message_ack){ .flags = ACK_FULL });
	assert_true(set_has(d[0].full, 2) && set_has(d[1].full, 2));
	assert_int_equal(s.events[ENGINE_EV_PEER_FULL], 2);
	hear_ack(&s, (struct message_ack){ 0 });
	assert_false(set_has(d[0].full, 2) || set_has(d[1].full, 2));
	close_two(&s);
}

static void remember_some(struct site *s, uint16_t domain, unsigned count)
{
	struct seen_pair pair = { .ha = agent(1), .domain = domain, .value = { .epoch = 1 } };

	for (unsigned mn = 0; mn < count; mn++) {
		pair.hoa = home(mn);
		assert_int_equal(seen_raise(s->seen, &pair, SEEN_REMEMBERED, 0), 1);
	}
}

/* A domain has all the room that it may need until another one needs its share. */
static void test_shares_of_pairs(void **state)
{
	struct site s;

	(void)state;
	open_world(2, "engine_shares");
	open_two(&s, true, false);
	remember_some(&s, 1, 100);
	assert_int_equal(seen_count_in(s.seen, 1), 100);
	remember_some(&s, 2, 60);
	assert_int_equal(seen_count_in(s.seen, 1), 50);
	assert_int_equal(seen_count_in(s.seen, 2), 50);
	assert_int_equal(s.events[ENGINE_EV_FORGOTTEN], 60);
	close_two(&s);
}

static enum engine_commit wait_in(struct site *s, uint16_t domain, unsigned mn, uint64_t token)
{
	const struct order_result o = { .epoch = 1, .ext_seq = 1 };
	struct ip6_addr hoa = home(mn), coa = care_of(mn);
	struct record *r = records_add(s->rs, domain, &hoa);

	assert_non_null(r);
	r->ha = agent(1);
	r->lifetime_s = 600;
	records_set(s->rs, r, RECORD_LIVE, &coa, START_MS + 600000);
	s->committed[token] = ENGINE_WAITS;
	assert_true(engine_accepted(s->e, r, &o, RECORD_BY_SEQUENCE, false, START_MS, WALL));
	return engine_wait(s->e, r, token, START_MS);
}

/* A domain whose peers are slow leaves others room to wait: of ten places half, in equal parts. */
static void test_waits_are_shared(void **state)
{
	struct ip6_addr first = home(1), second = home(2);
	struct site s;
	uint64_t token = 0;

	(void)state;
	open_world(2, "engine_shared");
	open_two(&s, true, false);
	for (unsigned i = 0; i < 2; i++)
		s.e->domain[i].conf.ack_peers = 1;
	for (unsigned mn = 1; mn <= 8; mn++)
		assert_int_equal(wait_in(&s, 1, mn, ++token), ENGINE_WAITS);
	assert_int_equal(wait_in(&s, 1, 9, ++token), ENGINE_OUT_OF_TIME);
	for (unsigned mn = 1; mn <= 2; mn++)
		assert_int_equal(wait_in(&s, 2, mn, ++token), ENGINE_WAITS);
	assert_int_equal(wait_in(&s, 2, 3, ++token), ENGINE_OUT_OF_TIME);
	/* one that was beyond its domain's goes: who comes first has its place */
	records_del(s.rs, records_find(s.rs, 1, &first));
	assert_int_equal(s.committed[1], ENGINE_OUT_OF_TIME);
	assert_int_equal(wait_in(&s, 2, 4, ++token), ENGINE_WAITS);
	assert_int_equal(wait_in(&s, 1, 10, ++token), ENGINE_OUT_OF_TIME);
	records_del(s.rs, records_find(s.rs, 2, &first));
	assert_int_equal(wait_in(&s, 1, 11, ++token), ENGINE_WAITS);
	/* one of its own is its own again */
	records_del(s.rs, records_find(s.rs, 2, &second));
	assert_int_equal(wait_in(&s, 1, 12, ++token), ENGINE_OUT_OF_TIME);
	assert_int_equal(wait_in(&s, 2, 5, ++token), ENGINE_WAITS);
	close_two(&s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_removed_stays, tear_down),
	cmocka_unit_test_teardown(test_refused_is_passed, tear_down),
	cmocka_unit_test_teardown(test_undecided_is_passed, tear_down),
	cmocka_unit_test_teardown(test_all_refused_come_back, tear_down),
	cmocka_unit_test_teardown(test_lost_behind_refused, tear_down),
	cmocka_unit_test_teardown(test_quota, tear_down),
	cmocka_unit_test_teardown(test_no_common_domain, tear_down),
	cmocka_unit_test_teardown(test_full_in_one, tear_down),
	cmocka_unit_test_teardown(test_shares_of_pairs, tear_down),
	cmocka_unit_test_teardown(test_waits_are_shared, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
