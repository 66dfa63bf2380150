/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/police.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/bucket_tab.h"
#include "conf/conf.h"

struct police {
	const struct conf_domain *domains;
	uint64_t cycles_per_ms;
	struct bucket_tab *nodes;
};

int police_new(const struct conf *conf, uint64_t hz, struct police **out)
{
	struct police *p;
	uint64_t seed;
	int ret;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->domains = conf->domains;
	p->cycles_per_ms = hz >= 1000 ? hz / 1000 : 1;
	ret = bucket_tab_new(POLICE_NODES, seed, &p->nodes);
	if (ret < 0) {
		free(p);
		return ret;
	}
	*out = p;
	return 0;
}

void police_free(struct police *p)
{
	if (p == NULL)
		return;
	bucket_tab_free(p->nodes);
	free(p);
}

void police_ask(const struct police *p, uint32_t domain, const struct ip6_addr *hoa)
{
	if (p != NULL)
		bucket_tab_ask(p->nodes, domain, hoa);
}

bool police_take(struct police *p, uint32_t domain, const struct ip6_addr *hoa, uint64_t now)
{
	const struct conf_limits *l;

	if (p == NULL)
		return true;
	l = &p->domains[domain].limits;
	return bucket_tab_take(p->nodes, domain, hoa, l->bu_per_s_per_source,
		l->bu_burst_per_source, now / p->cycles_per_ms);
}
