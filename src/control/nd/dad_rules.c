/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nd/dad_rules.h"

static uint32_t give_up(struct dad_rules *d)
{
	d->state = DAD_DUPLICATE;
	d->in_use = false;
	return DAD_DO_GIVE_UP;
}

static bool is_running(const struct dad_rules *d)
{
	return d->state == DAD_DELAY || d->state == DAD_ASKED;
}

static uint32_t on_timer(struct dad_rules *d)
{
	if (d->state == DAD_DELAY) {
		d->state = DAD_ASKED;
		return DAD_DO_ASK;
	}
	if (d->state != DAD_ASKED)
		return 0;
	d->state = DAD_UNIQUE;
	d->in_use = true;
	return DAD_DO_USE;
}

uint32_t dad_rules_step(struct dad_rules *d, enum dad_event ev)
{
	if (d->state == DAD_DUPLICATE)
		return 0;
	switch (ev) {
	case DAD_EV_START:
		d->state = DAD_DELAY;
		return DAD_DO_DELAY;
	case DAD_EV_TIMER:
		return on_timer(d);
	case DAD_EV_NS_UNSPECIFIED: /* 5.4.3: two that ask at once: neither gets it */
		if (d->in_use)
			return DAD_DO_ANSWER;
		return is_running(d) ? give_up(d) : 0;
	case DAD_EV_NS:
		return d->in_use ? DAD_DO_ANSWER : 0;
	case DAD_EV_NA: /* 5.4.4 */
		if (is_running(d))
			return give_up(d);
		return d->in_use ? DAD_DO_WARN : 0;
	}
	return 0;
}
