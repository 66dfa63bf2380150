/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may register: the set of subscribers in use. */
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "records/subs.h"
#include "tables/fib.h"
#include "tables/tables.h"

/* A range is a whole prefix, and not every address in there can be a mobile node's: what is sent to
 * it has to come here, and it is not one that belongs to all of a link. */
static bool is_home_address(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	return fib_lookup(ctl->t->fib, hoa) == fib_value(FIB_DOMAIN, domain) &&
	       conf_why_no_home_address(&ctl->conf->domains[domain], hoa) == NULL;
}

const struct sub *ctl_subscriber(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	const struct sub *sub = subs_find(ctl->subs, domain, hoa);

	if (sub != NULL && subs_place(ctl->subs, sub).source == SUB_RANGE &&
		!is_home_address(ctl, domain, hoa))
		return NULL;
	return sub;
}
