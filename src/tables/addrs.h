/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses we answer for: one table with an owner per row. Control only; workers see the rows
 * as FIB_LOCAL and FIB_HOME_AGENT.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

enum addr_owner {
	ADDR_PORT, /* configured on a port, or its link-local address */
	ADDR_HOME_AGENT, /* a domain's home agent address */
	ADDR_PEER, /* the one that another site of the mesh has for it: ours while it is adopted */
};

enum addr_state {
	ADDR_TENTATIVE, /* duplicate address detection runs: not used, not answered for */
	ADDR_PREFERRED,
	ADDR_DUPLICATE, /* somebody else has it: never used */
	ADDR_ELSEWHERE, /* ADDR_PEER: its site answers for it; else, adopted, it is ADDR_PREFERRED */
};

#define ADDR_NO_PORT UINT16_MAX

struct addr_row {
	struct ip6_addr addr;
	uint8_t prefix_len; /* 128 for home agent and link-local addresses */
	enum addr_owner owner;
	enum addr_state state;
	uint16_t port; /* ADDR_NO_PORT for home agent addresses */
	uint16_t domain; /* ADDR_HOME_AGENT, ADDR_PEER */
};

struct addrs;

int addrs_new(uint32_t max, struct addrs **out);
void addrs_free(struct addrs *t);
/* Row number, or -EEXIST (same address; of link-local ones: on the same port), -ENOSPC. */
int addrs_add(struct addrs *t, const struct addr_row *row);
struct addr_row *addrs_row(struct addrs *t, uint32_t row); /* NULL past the end */
uint32_t addrs_count(const struct addrs *t);
/* The row of a global address, or of a link-local one on that port; NULL. */
struct addr_row *addrs_find(struct addrs *t, const struct ip6_addr *a, uint16_t port);
/* The source for something of ours to dst leaving by `port` (RFC 6724 in the small): preferred
 * addresses only; link-local for what stays on the link; else one of that port sharing the longest prefix
 * with dst, else any global one of a port, else a home agent address, but no peer's. NULL: none. */
const struct ip6_addr *addrs_source(
	const struct addrs *t, const struct ip6_addr *dst, uint16_t port);
