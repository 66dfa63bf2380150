/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Duplicate address detection of our own addresses (RFC 4862, 5.4): dad_rules.c decides, here
 * rows of addrs change and the FIB learns an address once it is ours. Home agent addresses
 * have no link (virtual home link) and are not asked for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "control/nd/nd_priv.h"
#include "control/rng.h"
#include "tables/addrs.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define DAD_RETRY_MS 1000

#define MAC_FMT    "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARG(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

static const char *port_name(const struct ctl *ctl, const struct addr_row *row)
{
	return ctl->conf->ports[row->port].name;
}

/*
 * Workers deliver to us what the FIB says is ours. Link-local addresses are not in it: a port
 * knows its own. Changing it can fail for want of room (nodes, or the deferred-free queue for
 * what a removal frees): then it is owed, and the timer asks again.
 */
static bool tell_workers(struct ctl *ctl, struct dad *d, const struct addr_row *row, bool ours)
{
	struct ip6_prefix host = { row->addr, 128 };
	char text[IP6_STRLEN];
	int ret = 0;

	if (!ip6_is_link_local(&row->addr))
		ret = ours ? fib_set(ctl->t->fib, &host, fib_value(FIB_LOCAL, d->row))
			   : fib_del(ctl->t->fib, &host);
	if (ret == 0 || ret == -ENOENT) {
		d->owed = false;
		return true;
	}
	if (!d->owed)
		log_err("nd", "no room in the FIB to change an own address addr=%s port=%s",
			ip6_str(&row->addr, text), port_name(ctl, row));
	d->owed = true;
	ctl_timer_set(ctl, &d->timer, ctl->now_ms + DAD_RETRY_MS);
	return false;
}

static bool take(struct ctl *ctl, struct dad *d, struct addr_row *row)
{
	char text[IP6_STRLEN];

	if (!tell_workers(ctl, d, row, true))
		return false;
	row->state = ADDR_PREFERRED;
	log_info("nd", "address is unique and in use addr=%s port=%s", ip6_str(&row->addr, text),
		port_name(ctl, row));
	return true;
}

/* Neighbours hear of it at once, also after the link was away: they may know a predecessor
 * (RFC 4861, 7.2.6). */
static void use(struct ctl *ctl, struct dad *d, struct addr_row *row)
{
	if (row->state == ADDR_PREFERRED || take(ctl, d, row))
		nd_advertise(ctl, row, NULL, NULL);
}

static void give_up(struct ctl *ctl, struct dad *d, struct addr_row *row, const uint8_t mac[6])
{
	bool was_ours = row->state == ADDR_PREFERRED;
	char text[IP6_STRLEN];

	wheel_del(ctl->wheel, &d->timer.t);
	d->owed = false;
	row->state = ADDR_DUPLICATE;
	if (was_ours)
		tell_workers(ctl, d, row, false);
	log_err("nd", "another node has this address, it is not used addr=%s port=%s mac=" MAC_FMT,
		ip6_str(&row->addr, text), port_name(ctl, row), MAC_ARG(mac));
}

static void warn_claim(struct ctl *ctl, const struct addr_row *row, const uint8_t mac[6])
{
	uint32_t suppressed;
	char text[IP6_STRLEN];

	if (log_rl_pass(&ctl->nd->log_claim, ctl->now_ms, &suppressed))
		log_warn("nd",
			"another node claims an address of ours addr=%s port=%s mac=" MAC_FMT
			" suppressed=%" PRIu32,
			ip6_str(&row->addr, text), port_name(ctl, row), MAC_ARG(mac), suppressed);
}

static uint32_t step(struct ctl *ctl, struct dad *d, enum dad_event ev, const uint8_t mac[6])
{
	struct addr_row *row = addrs_row(ctl->t->addrs, d->row);
	uint32_t todo = dad_rules_step(&d->rules, ev);

	if (todo & DAD_DO_DELAY) {
		d->owed = false; /* all is decided anew */
		ctl_timer_set(
			ctl, &d->timer, ctl->now_ms + rng_between(&ctl->nd->rng, 0, DAD_DELAY_MS));
	}
	if (todo & DAD_DO_ASK) {
		nd_solicit_dad(ctl, row);
		ctl_timer_set(ctl, &d->timer, ctl->now_ms + DAD_WAIT_MS);
	}
	if (todo & DAD_DO_USE)
		use(ctl, d, row);
	if (todo & DAD_DO_GIVE_UP)
		give_up(ctl, d, row, mac);
	if (todo & DAD_DO_WARN)
		warn_claim(ctl, row, mac);
	return todo;
}

static void on_timer(struct ctl *ctl, struct ctl_timer *timer)
{
	struct dad *d = container_of(timer, struct dad, timer);
	struct addr_row *row = addrs_row(ctl->t->addrs, d->row);

	if (!d->owed)
		step(ctl, d, DAD_EV_TIMER, NULL);
	else if (row->state == ADDR_DUPLICATE)
		tell_workers(ctl, d, row, false);
	else
		use(ctl, d, row);
}

void dad_start(struct ctl *ctl, uint16_t port)
{
	struct nd *nd = ctl->nd;

	if (!ctl->conf->ports[port].dad)
		return;
	for (uint32_t i = 0; i < nd->dad_count; i++) {
		const struct addr_row *row = addrs_row(ctl->t->addrs, i);

		if (row->owner == ADDR_PORT && row->port == port)
			step(ctl, &nd->dad[i], DAD_EV_START, NULL);
	}
}

bool dad_heard(
	struct ctl *ctl, const struct addr_row *row, enum dad_event ev, const uint8_t src_mac[6])
{
	for (uint32_t i = 0; i < ctl->nd->dad_count; i++) {
		if (addrs_row(ctl->t->addrs, i) == row)
			return (step(ctl, &ctl->nd->dad[i], ev, src_mac) & DAD_DO_ANSWER) != 0;
	}
	return false;
}

int dad_new(struct ctl *ctl, struct nd *nd)
{
	nd->dad_count = addrs_count(ctl->t->addrs);
	nd->dad = calloc(nd->dad_count, sizeof(nd->dad[0]));
	if (nd->dad == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < nd->dad_count; i++) {
		nd->dad[i].timer.fn = on_timer;
		nd->dad[i].row = i;
		if (addrs_row(ctl->t->addrs, i)->state == ADDR_PREFERRED) /* "dad": false */
			nd->dad[i].rules = (struct dad_rules){ DAD_UNIQUE, .in_use = true };
	}
	return 0;
}

void dad_free(struct nd *nd)
{
	free(nd->dad);
}
