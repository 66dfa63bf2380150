/* SPDX-License-Identifier: BSD-3-Clause */
/* The cross-checks' common ground; private to check*.c. */
#pragma once

#include "conf/parse.h"

/* A prefix and where it stands: domain[i].mobile-prefixes[j], routes[i] (j is 0). */
struct conf_place {
	struct ip6_prefix prefix;
	uint32_t i, j;
};

/* By address, then length, then place: of prefixes that overlap, two are neighbours. */
int conf_place_cmp(const void *a, const void *b);

struct conf_check {
	struct conf_ctx *c;
	struct conf *conf;
	struct conf_place *mobile; /* all mobile prefixes, sorted; they do not overlap */
	uint32_t mobile_count;
};

/* The mobile prefix that holds the address, or NULL. */
const struct conf_place *conf_mobile_prefix(const struct conf_check *k, const struct ip6_addr *a);

/* Does any of the prefix, or all of it, lie where no unicast routable address is? */
bool conf_touches_special(const struct ip6_prefix *p);
bool conf_is_special(const struct ip6_prefix *p);
/* The address of all routers of its link, not of a node (RFC 4291, 2.6.1). */
bool conf_is_router_anycast(const struct ip6_addr *a, const struct ip6_prefix *p);

/* Why the address, in mobile prefix p, is no node's; NULL: it may be one's. */
const char *conf_why_no_node(const struct ip6_addr *a, const struct ip6_prefix *p);

/* Each: 0, -EINVAL, -ENOMEM. */
int conf_check_ports(const struct conf_check *k);
int conf_check_domains(struct conf_check *k); /* fills in `mobile` */
int conf_check_routes(const struct conf_check *k);
/* Before the mobile nodes are sorted; reads key files into conf->keys. */
int conf_check_auth(const struct conf_check *k);
int conf_check_accounting(const struct conf_check *k);
/* Each: there is one; they look at files. */
int conf_check_accounting_file(const struct conf_check *k);
int conf_check_key_log_file(const struct conf_check *k);
/* After domains and ports: the mesh, and the peers of domains. Reads the private key. */
int conf_check_mesh(const struct conf_check *k);
/* Peers of the domain that are not retired, by their names: before conf_check_mesh(), too. */
uint32_t conf_peers_left(const struct conf *conf, const struct conf_domain *d);
int conf_check_subscribers(const struct conf_check *k, uint32_t domain);

/* Whether sequence numbers are all that tells old Binding Updates of authenticated mobile nodes
 * of the domain from new ones, as far as the configuration itself says. */
bool conf_has_bare_numbers(const struct conf_domain *d);

/* An auth object's key, and what is wrong with it. */
struct conf_auth_fault {
	const char *key, *why; /* why: static text; NULL: nothing */
};

/* Fill in what an object in such a place leaves out from def (of which it takes the key's number,
 * not its file; NULL: from nowhere) and see whether its keys go together. */
struct conf_auth_fault conf_auth_complete(
	enum conf_auth_place place, const struct conf_auth *def, struct conf_auth *a);

/* Why the lifetime is none for a mobile node of the domain, or NULL. */
const char *conf_why_no_lifetime(const struct conf_domain *d, uint32_t lifetime_max_s);
