/* SPDX-License-Identifier: BSD-3-Clause */
/* Sites that start again with what their stores know; and that crash, one by one or all at once. */
#include "mesh_lab.h"

#include "rng.h"

/* --- the store --- */

static bool has_pair(unsigned n, const char *hoa, unsigned agent, struct seen_value *out)
{
	struct ip6_addr a = addr(hoa), ha = agent_of(agent);

	return seen_get(mesh_seen_table(&sites[n].ctl), 0, &a, &ha, out);
}

/* Order outlives a restart of all: of what is bound, of what was ended, and of what is gone. */
static void test_restart(void **state)
{
	struct record_mesh before;
	struct seen_value seen;

	(void)state;
	ask(&(struct msg){ .at = 2, .seq = 300, .hoa = HOA3, .lifetime = 10 }, HA_ACCEPTED, 300);
	pass(40000 + 20000);
	assert_null(record_at(1, HOA3));
	ask(&(struct msg){ .at = 1, .seq = 65535 }, HA_ACCEPTED, 65535);
	ask(&(struct msg){ .at = 2, .seq = 2, .coa = COA2 }, HA_ACCEPTED, 2);
	ask(&(struct msg){ .at = 1, .seq = 20, .hoa = HOA2 }, HA_ACCEPTED, 20);
	ask(&(struct msg){ .at = 1, .seq = 21, .hoa = HOA2, .lifetime = -1 }, HA_ACCEPTED, 21);
	pass(200);
	/* one has written everything anew: what no record says is in there, too */
	feed_want_all(ctl_feed(&sites[3].ctl));
	pass(200);
	assert_true(sites[3].disk->count < 10);
	before = *mesh_at(3, HOA);
	assert_int_equal(before.content.ext_seq, 65536 + 2);
	for (unsigned n = 1; n <= SITES; n++)
		stop_site(n);
	lab_ms += 30000;
	start_site(3);
	assert_int_equal(content_version_cmp(&mesh_at(3, HOA)->content, &before.content), 0);
	assert_int_equal(owner_version_cmp(&mesh_at(3, HOA)->owner, &before.owner), 0);
	assert_int_equal(mesh_at(3, HOA)->remaining_by.node, 0); /* nobody's word */
	assert_non_null(entry_at(3, HOA));
	assert_int_equal(record_at(3, HOA2)->state, RECORD_TOMBSTONE);
	assert_in_range(record_at(3, HOA2)->ends_ms, sites[3].ctl.now_ms + 300000,
		sites[3].ctl.now_ms + 370000); /* 400 s were granted */
	assert_true(has_pair(3, HOA3, 1, &seen));
	assert_int_equal(seen.ext_seq, 300);
	start_site(1);
	start_site(2);
	pass(2000);
	for (unsigned n = 1; n <= SITES; n++) {
		assert_int_equal(sites[n].says, NEXT_READY);
		ask(&(struct msg){ .at = n, .seq = 65535 }, HA_SEQUENCE, 2);
		ask(&(struct msg){ .at = n, .seq = 2 }, HA_SEQUENCE, 2);
		ask(&(struct msg){ .at = n, .seq = 21, .hoa = HOA2 }, HA_SEQUENCE, 21);
		ask(&(struct msg){ .at = n, .seq = 300, .hoa = HOA3 }, HA_SEQUENCE, 300);
	}
	assert_bound(HOA, COA2, 1, 0); /* who was ready first took it over */
	ask(&(struct msg){ .at = 3, .seq = 22, .hoa = HOA2 }, HA_ACCEPTED, 22);
}

/* From one address to the other before the store was told of a refresh of the first: its number
 * belongs to no record any more, and is on disk for itself. */
static void test_restart_moved(void **state)
{
	struct seen_value seen;

	(void)state;
	begin_as(CONF_MODE_UNICAST, 1, true);
	ask(&(struct msg){ .at = 1, .seq = 1000 }, HA_ACCEPTED, 1000);
	pass(200);
	send_bu(&(struct msg){ .at = 1, .seq = 1001 });
	assert_answered(1, 1, HA_ACCEPTED, 1001);
	send_bu(&(struct msg){ .at = 1, .agent = 2, .seq = 3, .coa = COA2 });
	pass(200);
	for (unsigned n = 1; n <= SITES; n++)
		stop_site(n);
	start_site(1);
	assert_true(has_pair(1, HOA, 2, &seen));
	assert_int_equal(seen.ext_seq, 3);
	assert_true(has_pair(1, HOA, 1, &seen));
	assert_int_equal(seen.ext_seq, 1001);
}

static struct engine_domain_info info_of(unsigned n)
{
	struct engine_domain_info info;

	assert_int_equal(engine_domain_info(sites[n].ctl.mesh->engine, 0, &info), 0);
	return info;
}

/* What nobody else has is still known to be so. */
static void test_restart_alone(void **state)
{
	(void)state;
	sites[1].is_cut = true;
	pass(10);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	assert_int_equal(info_of(1).alone, 1);
	pass(10);
	stop_site(1);
	start_site(1);
	pass(10);
	assert_int_equal(info_of(1).alone, 1);
	assert_true(mesh_at(1, HOA)->flags & RECORD_ALONE);
	pass(3000);
	assert_int_equal(info_of(1).alone, 0);
	assert_bound(HOA, COA, 1, 0);
}

/* The same where it turned out after its image had been written: there was nobody in time, or all
 * went while it waited. */
static void test_restart_late_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const char *hoa = i == 0 ? HOA : HOA2;

		sites[1].is_deaf = true;
		send_bu(&(struct msg){ .at = 1, .seq = 7, .hoa = hoa });
		pass(50);
		assert_answered(1, 0, -1, 0);
		sites[1].is_cut = i == 1;
		pass(i == 1 ? 10 : 1000);
		assert_answered(1, 0, HA_ACCEPTED, 7);
		assert_true(mesh_at(1, hoa)->flags & RECORD_ALONE);
		pass(10);
		stop_site(1);
		start_site(1);
		assert_true(mesh_at(1, hoa)->flags & RECORD_ALONE);
		pass(3000);
		assert_int_equal(info_of(1).alone, 0);
	}
}

/* Who it was given to is on disk, too. */
static void test_restart_handed(void **state)
{
	uint8_t heir;

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(100);
	assert_int_equal(engine_move(sites[1].ctl.mesh->engine, record_at(1, HOA), 2,
				 sites[1].ctl.now_ms, sites[1].ctl.wall_ms),
		0);
	pass(100);
	heir = (uint8_t)mesh_at(1, HOA)->owner.node;
	assert_int_equal(heir, 2);
	stop_site(1);
	start_site(1);
	assert_int_equal(mesh_at(1, HOA)->owner.node, 2);
}

/* A store of before the mesh: bindings get versions, and numbers go on. */
static void test_restart_from_alone(void **state)
{
	struct seen_value seen;

	(void)state;
	for (unsigned n = 1; n <= SITES; n++)
		stop_site(n);
	sites[1].disk->count = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct feed_item *it = &sites[1].disk->item[sites[1].disk->count++];

		*it = (struct feed_item){ .kind = FEED_RECORD };
		it->image = (struct record_image){
			.hoa = addr(i < 2 ? HOA : HOA2),
			.ha = agent_of(1),
			.coa = addr(i == 0 ? COA : COA2),
			.ends_ms = WALL_MS + lab_ms + (i < 2 ? 300000 : 0),
			.lifetime_s = 400,
			.seq = i == 0 ? 65530 : 4,
			.flags = MH_BU_A | MH_BU_H,
			.state = RECORD_LIVE,
		};
	}
	sites[2].disk->count = sites[3].disk->count = 0;
	for (unsigned n = 1; n <= SITES; n++)
		start_site(n);
	assert_int_equal(mesh_at(1, HOA)->content.ext_seq, 65536 + 4);
	assert_int_equal(mesh_at(1, HOA)->content.epoch, 1);
	assert_int_equal(mesh_at(1, HOA)->owner.node, 1);
	assert_null(record_at(1, HOA2)); /* over, but for its number */
	assert_true(has_pair(1, HOA2, 1, &seen));
	assert_int_equal(seen.ext_seq, 4);
	pass(2000);
	assert_bound(HOA, COA2, 1, 0);
	ask(&(struct msg){ .at = 3, .seq = 4 }, HA_SEQUENCE, 4);
	ask(&(struct msg){ .at = 3, .seq = 5 }, HA_ACCEPTED, 5);
	ask(&(struct msg){ .at = 1, .seq = 4, .hoa = HOA2 }, HA_SEQUENCE, 4);
}

/* Where nobody answers a domain may be served from a store that is fresh. */
static void test_cold_start(void **state)
{
	(void)state;
	lab.mode = CONF_MODE_SHARED;
	lab.ack_peers = 1;
	lab.has_store = lab.remembers = lab.serve_cold = true;
	lab_begin();
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(100);
	for (unsigned n = 1; n <= SITES; n++)
		stop_site(n);
	start_site(1);
	pass(2900);
	assert_int_equal(sites[1].says, NEXT_JOINING);
	pass(300);
	assert_int_equal(sites[1].says, NEXT_READY);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_SEQUENCE, 7);
	ask(&(struct msg){ .at = 1, .seq = 8 }, HA_ACCEPTED, 8);
	/* one that is older than all that is in it, says not how old it is, or lacks something is not */
	for (unsigned i = 0; i < 3; i++) {
		stop_site(1);
		away_ms = i == 0 ? 400000 : 0;
		no_clock = i == 1;
		store_lost = i == 2;
		start_site(1);
		away_ms = 0;
		no_clock = store_lost = false;
		pass(4000);
		assert_int_equal(sites[1].says, NEXT_JOINING);
	}
	lab.serve_cold = false;
}

/* --- sites that crash --- */

/* What a mobile node knows of itself at one agent address. What was acknowledged at once is a
 * refresh, or a number without a binding: a crash may lose these. */
static struct series {
	uint16_t sent, acked; /* the last ones; sent 0: none */
	bool is_acked;
} series[HOMES][SITES + 1];
static uint64_t said_ms;

/* Takes what a site sent since the last call. */
static void hear(unsigned n, unsigned *heard, unsigned home, unsigned agent)
{
	struct series *s = &series[home][agent];

	for (; *heard < sites[n].answers; ++*heard) {
		const struct answer *a = &sites[n].got[*heard % GOT];

		if (a->ba.status == HA_SEQUENCE || a->ba.seq != s->sent || a->at_ms == said_ms)
			continue;
		s->acked = s->sent;
		s->is_acked = true;
	}
}

static void say(uint64_t *rng, unsigned down)
{
	unsigned home = (unsigned)rng_below(rng, HOMES), at, agent, heard;
	struct series *s;

	do
		at = 1 + (unsigned)rng_below(rng, SITES);
	while (at == down || !sites[at].runs || sites[at].says != NEXT_READY);
	/* at another's address where that one is gone */
	agent = lab.mode == CONF_MODE_SHARED ? 1 : down != 0 && rng_below(rng, 2) ? down : at;
	s = &series[home][agent];
	heard = sites[at].answers;
	said_ms = lab_ms;
	s->sent = (uint16_t)((s->sent != 0 ? s->sent : 1000 * agent) + 1 + rng_below(rng, 3));
	send_bu(&(struct msg){ .at = at,
		.agent = agent,
		.hoa = all_homes[home],
		.coa = rng_below(rng, 2) ? COA : COA2,
		.seq = s->sent,
		.lifetime = rng_below(rng, 5) == 0 ? -1 : 1 + (int)rng_below(rng, 20) });
	for (unsigned i = 0; i < 100 && heard == sites[at].answers; i++)
		pass(1 + (unsigned)rng_below(rng, 20));
	hear(at, &heard, home, agent);
}

/* No number that was taken anywhere is taken again, at any site, by any address. */
static void check_numbers(void)
{
	for (unsigned home = 0; home < HOMES; home++)
		for (unsigned agent = 1; agent <= SITES; agent++)
			for (unsigned n = 1; n <= SITES; n++) {
				const struct series *s = &series[home][agent];
				unsigned before = sites[n].answers;

				if (!s->is_acked)
					continue;
				send_bu(&(struct msg){ .at = n,
					.agent = agent,
					.hoa = all_homes[home],
					.seq = s->acked });
				assert_answered(
					n, before, HA_SEQUENCE, sites[n].got[before % GOT].ba.seq);
			}
}

static void crash(uint64_t *rng, unsigned n)
{
	/* what it was told last is not on its disk */
	sites[n].disk_stuck = rng_below(rng, 2) == 0;
	say(rng, 0);
	stop_site(n);
	pass(1 + (unsigned)rng_below(rng, 1000));
}

/* One site after the other, with time to settle; its disk knows less than it did. */
static void test_crashes(void **state)
{
	uint64_t rng = rng_start("crashes");

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		memset(series, 0, sizeof(series));
		begin_as(round % 2 ? CONF_MODE_UNICAST : CONF_MODE_SHARED, 1, true);
		for (unsigned i = 0; i < 40; i++) {
			unsigned n = 1 + (unsigned)rng_below(&rng, SITES);

			for (uint64_t k = rng_below(&rng, 6); k > 0; k--)
				say(&rng, 0);
			crash(&rng, n);
			for (uint64_t k = rng_below(&rng, 4); k > 0; k--)
				say(&rng, n);
			start_site(n);
			pass(3000 + (unsigned)rng_below(&rng, 60000));
			assert_int_equal(sites[n].says, NEXT_READY);
			check_numbers();
		}
		if (round == 0)
			lab_end();
	}
}

/* All at once: what waited for the store is on each one's own disk. */
static void test_crash_of_all(void **state)
{
	uint64_t rng = rng_start("crash of all");

	(void)state;
	memset(series, 0, sizeof(series));
	begin_as(CONF_MODE_SHARED, CONF_ACK_STORE, true);
	for (unsigned i = 0; i < 40; i++) {
		for (uint64_t k = rng_below(&rng, 10); k > 0; k--)
			say(&rng, 0);
		for (unsigned n = 1; n <= SITES; n++) {
			sites[n].disk_stuck = rng_below(&rng, 2) == 0;
			say(&rng, 0);
		}
		for (unsigned n = 1; n <= SITES; n++)
			stop_site(n);
		lab_ms += rng_below(&rng, 100000);
		for (unsigned n = 1; n <= SITES; n++)
			start_site(n);
		pass(3000);
		check_numbers();
	}
}

int main(void)
{
#define T(f, begin) cmocka_unit_test_setup_teardown(f, begin, lab_teardown)
	const struct CMUnitTest tests[] = {
		T(test_restart, begin_stored),
		T(test_restart_alone, begin_stored),
		T(test_restart_late_alone, begin_stored),
		T(test_restart_handed, begin_stored),
		T(test_restart_moved, NULL),
		T(test_restart_from_alone, begin_stored),
		T(test_cold_start, NULL),
		T(test_crashes, NULL),
		T(test_crash_of_all, NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
