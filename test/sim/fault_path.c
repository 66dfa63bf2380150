/* SPDX-License-Identifier: BSD-3-Clause */
/* What befalls paths between sites. */
#include "fault_priv.h"
#include "net.h"
#include "oracle.h"

/* --- partition: two sides; now and then it works one way still --- */

static void partition(struct world *w, struct one *f, int by)
{
	for (uint8_t a = 1; a <= w->shape.sites; a++)
		for (uint8_t b = 1; b <= w->shape.sites; b++) {
			if (f->side[a] == f->side[b] || (f->one_way && f->side[a]))
				continue;
			net_path(w, a, b)->partitions += by;
		}
}

bool partition_begins(struct world *w, struct one *f)
{
	unsigned in = 0;

	for (unsigned n = 1; n <= w->shape.sites; n++) {
		f->side[n] = rng_chance(&w->rng_plan, 500);
		in += f->side[n];
	}
	if (in == 0 || in == w->shape.sites)
		f->side[fault_some_site(w)] ^= true;
	f->one_way = rng_chance(&w->rng_plan, 200);
	partition(w, f, 1);
	w->stats.partitions++;
	w->stats.with_partition = 1;
	for (unsigned n = 1; n <= w->shape.sites; n++)
		world_tell(w, "  site %u is on side %c", n, f->side[n] ? 'A' : 'B');
	return true;
}

void partition_ends(struct world *w, struct one *f)
{
	partition(w, f, -1);
}

/* --- single paths --- */

static bool two_sites(struct world *w, struct one *f)
{
	f->a = fault_some_site(w);
	f->b = fault_some_site(w);
	return f->a != f->b;
}

bool cut_pair_begins(struct world *w, struct one *f)
{
	if (!two_sites(w, f))
		return false;
	net_path(w, f->a, f->b)->cuts++;
	net_path(w, f->b, f->a)->cuts++;
	w->stats.cut_pairs++;
	world_tell(w, "  between sites %u and %u", f->a, f->b);
	return true;
}

void cut_pair_ends(struct world *w, struct one *f)
{
	net_path(w, f->a, f->b)->cuts--;
	net_path(w, f->b, f->a)->cuts--;
}

bool one_way_begins(struct world *w, struct one *f)
{
	if (!two_sites(w, f))
		return false;
	net_path(w, f->a, f->b)->cuts++;
	w->stats.one_ways++;
	world_tell(w, "  from site %u to %u", f->a, f->b);
	return true;
}

void one_way_ends(struct world *w, struct one *f)
{
	net_path(w, f->a, f->b)->cuts--;
}

static void bad_links(struct world *w, struct one *f, int by)
{
	for (uint8_t a = 1; a <= w->shape.sites; a++)
		for (uint8_t b = 1; b <= w->shape.sites; b++) {
			struct net_path *p = net_path(w, a, b);

			p->loss_ppm += (uint32_t)by * f->loss_ppm;
			p->copy_ppm += (uint32_t)by * f->copy_ppm;
			p->jitter_us += (uint32_t)by * f->jitter_us;
			if (f->octets_s > 0)
				p->octets_s = by > 0 ? f->octets_s : 0;
		}
}

bool bad_links_begins(struct world *w, struct one *f)
{
	f->loss_ppm = (uint32_t)rng_below(&w->rng_plan, 250000);
	f->copy_ppm = rng_chance(&w->rng_plan, 500) ? 100000 : 0;
	f->jitter_us = (uint32_t)rng_below(&w->rng_plan, 50 * MS);
	f->octets_s = rng_chance(&w->rng_plan, 250) ? 20000 : 0;
	bad_links(w, f, 1);
	w->stats.bad_links++;
	return true;
}

void bad_links_ends(struct world *w, struct one *f)
{
	bad_links(w, f, -1);
}
