/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is told about home prefixes, what and when (RFC 6275, 6.7, 6.8, 10.6), on the virtual home
 * link: the prefixes are the domain's mobile prefixes, and what changes them is the
 * configuration. Pure. Where the RFC leaves a choice, docs/decisions/008-discovery.md says what was
 * chosen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "dataplane/drop.h"
#include "net/discovery.h"

struct conf_discovery;
struct conf_domain;
struct record;
struct sub;

#define DISCOVERY_PREFIXES_MAX 64 /* mobile prefixes of a domain */
#define DISCOVERY_SPACING_MS   1000 /* 6.8: "MUST NOT send more than one [...] per second" */
#define DISCOVERY_TIMEOUT_MS   3000 /* PREFIX_ADV_TIMEOUT, doubled each time */
#define DISCOVERY_RETRIES      3 /* PREFIX_ADV_RETRIES */

/* May this mobile node of the domain be told? NULL: it is none of the domain's any more. */
bool discovery_is_told(const struct conf_domain *d, const struct sub *sub);

/* A Mobile Prefix Solicitation whose Home Address option, if there is one, names a binding to its
 * source (9.3.1). */
struct discovery_facts {
	bool is_valid; /* discovery_solicitation_decode() took it */
	bool has_hao;
	const struct ip6_addr *dst; /* on the wire */
	const struct record *rec; /* the binding; NULL without the option */
	const struct conf_domain *domain; /* of the binding */
	const struct sub *sub; /* of the mobile node */
};
/* False: not answered, counted as *drop. */
bool discovery_judge(const struct discovery_facts *f, enum dp_drop *drop);

/* A site of the domain that serves it. */
struct discovery_site {
	struct ip6_addr agent; /* its home agent address */
	uint32_t rtt_us; /* 0: not measured yet */
};

/*
 * The home agents that a request is answered with (10.5.1), the best first: this site's own, which
 * the network took for the nearest, then those of other live sites, by the time a packet takes there,
 * those that are not known last. is_serving: else its own is only told when there is no other. Sorts
 * the sites; equals change places with the random number. Returns how many of n + 1.
 */
uint32_t discovery_agents(const struct ip6_addr *own, bool is_serving, struct discovery_site *sites,
	uint32_t n, uint64_t random, struct ip6_addr *out);

/* now_ms in 32 bits, never 0; and how long from now_ms until the next advertisement may be sent
 * when the last one was at this stamp (0: never), 0: now. */
uint32_t discovery_stamp(uint64_t now_ms);
uint32_t discovery_spacing_ms(uint32_t sent, uint64_t now_ms);

/* RAND_ADV_DELAY (10.6.2) in s: preferred_s: of the prefix of the home address. At least 1. */
uint32_t discovery_delay_s(const struct conf_discovery *d, uint32_t preferred_s, uint64_t random);

/* All mobile prefixes of the domain (10.6.2: "in its entirety in all cases"), the one that the home
 * agent address is in with that address. Returns how many. */
uint32_t discovery_prefixes(
	const struct conf_domain *d, struct discovery_prefix out[static DISCOVERY_PREFIXES_MAX]);
