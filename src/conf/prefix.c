/* SPDX-License-Identifier: BSD-3-Clause */
/* A domain's mobile prefixes: which one an address is in, and how long it lasts. */
#include "conf/conf.h"

int conf_mobile_prefix_of(const struct conf_domain *d, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < d->mobile_prefix_count; i++)
		if (ip6_in_prefix(a, &d->mobile_prefixes[i]))
			return (int)i;
	return -1;
}

struct conf_lifetimes conf_lifetimes_of(const struct conf_domain *d, uint32_t i)
{
	const struct ip6_prefix *p = &d->mobile_prefixes[i];
	struct conf_lifetimes l = { CONF_LIFETIME_INFINITE, CONF_LIFETIME_INFINITE };

	for (uint32_t j = 0; j < d->prefix_lifetime_count; j++) {
		const struct conf_prefix_lifetime *pl = &d->prefix_lifetimes[j];

		if (pl->prefix.len == p->len && ip6_eq(&pl->prefix.addr, &p->addr))
			l = pl->lifetimes;
	}
	/* An infinite preferred lifetime, the default, is as long as the valid one. */
	if (l.preferred_s > l.valid_s)
		l.preferred_s = l.valid_s;
	return l;
}
