/* SPDX-License-Identifier: BSD-3-Clause */
/* What a domain says of its subscribers beside their authentication. */
#include <errno.h>
#include <stdlib.h>

#include "conf/check.h"

#define WHERE "domains[%u].subscribers"

static int check_range(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct conf_domain *d = &k->conf->domains[i];
	const struct conf_range *r = &d->subscribers.ranges[j];
	const struct conf_place *in = conf_mobile_prefix(k, &r->home_addresses.addr);
	const char *why = conf_why_no_lifetime(d, r->lifetime_max_s);
	char text[IP6_PREFIX_STRLEN];

	if (in == NULL || in->i != i || in->prefix.len > r->home_addresses.len)
		return conf_refuse(k->c,
			WHERE ".ranges[%u].home-addresses: %s is in no mobile prefix of the domain",
			i, j, ip6_prefix_str(&r->home_addresses, text));
	if (why != NULL)
		return conf_refuse(k->c, WHERE ".ranges[%u].lifetime-max-s: %u %s", i, j,
			r->lifetime_max_s, why);
	return 0;
}

static int refuse_twice(
	const struct conf_check *k, const struct conf_place *a, const struct conf_place *b)
{
	char text[IP6_PREFIX_STRLEN];

	return conf_refuse(k->c, WHERE ".ranges[%u].home-addresses: %s is that of ranges[%u]", b->i,
		b->j, ip6_prefix_str(&b->prefix, text), a->j);
}

/* Ranges may lie in each other, but no two are the same. */
static int check_twice(const struct conf_check *k, uint32_t i)
{
	const struct conf_subscribers *s = &k->conf->domains[i].subscribers;
	struct conf_place *all = calloc(s->range_count, sizeof(*all));
	int ret = 0;

	if (all == NULL)
		return conf_no_memory(k->c);
	for (uint32_t j = 0; j < s->range_count; j++)
		all[j] = (struct conf_place){ s->ranges[j].home_addresses, i, j };
	qsort(all, s->range_count, sizeof(*all), conf_place_cmp);
	for (uint32_t j = 1; j < s->range_count && ret == 0; j++) {
		if (all[j].prefix.len == all[j - 1].prefix.len &&
			ip6_eq(&all[j].prefix.addr, &all[j - 1].prefix.addr))
			ret = refuse_twice(k, &all[j - 1], &all[j]);
	}
	free(all);
	return ret;
}

int conf_check_subscribers(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];
	const struct conf_subscribers *s = &d->subscribers;
	const char *why = conf_why_no_lifetime(d, s->def.lifetime_max_s);

	if (why != NULL)
		return conf_refuse(k->c, WHERE ".default.lifetime-max-s: %u %s", i,
			s->def.lifetime_max_s, why);
	for (uint32_t j = 0; j < s->range_count; j++) {
		if (check_range(k, i, j) < 0)
			return -EINVAL;
	}
	return s->range_count > 1 ? check_twice(k, i) : 0;
}
