/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In front of the queue of signalling of mobile nodes that speak from where they are bound: who
 * knows one home address and its care-of address may fill it otherwise, and all others' refreshes
 * wait outside. A token bucket for each home address, of each worker its own: with what its
 * domain's limits take from one source. As all of it has one source, control would refuse what is
 * above that too, but behind the queue.
 *
 * Bounded: POLICE_NODES mobile nodes are remembered, as many as the queue holds packets; who is
 * forgotten was the longest silent of a few and starts with a full burst. One owner, the worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define POLICE_NODES 4096

struct conf;
struct police;

/* hz: of the clock that police_take() is told. 0, -ENOMEM or -errno. conf must outlive it. */
int police_new(const struct conf *conf, uint64_t hz, struct police **out);
void police_free(struct police *p); /* NULL is fine */

/* Such a message may come soon: its memory is asked for, which is in no cache with many of them. */
void police_ask(const struct police *p, uint32_t domain, const struct ip6_addr *hoa);

/* One message of a mobile node of the domain: true when it may go on to control. now: rte_rdtsc().
 * A NULL police lets everything pass. */
bool police_take(struct police *p, uint32_t domain, const struct ip6_addr *hoa, uint64_t now);
