/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Home Agent Switch (RFC 5142): mobile nodes are told to register with another home agent address,
 * where the domain has home-agent-switch. By a site that drains, those that are registered with its
 * address: the addresses of the sites that are ready, the best first, for as long as it says
 * draining. By the owner of a binding whose site is gone, retired or for home-agent-switch-after-s:
 * its own address alone, from its own address (5.1), for as long as that site is gone. Only who has
 * an MN-HA key: a message that nothing authenticates must not be sent. Why so:
 * docs/decisions/034-home-agent-switch.md. Control core only.
 *
 * A walk over all records, paced, finds who is to be told, and begins no more than
 * limits.home-agent-switch-per-s; two octets beside each record say who was. What was begun is in a
 * table of fixed size (waiting.h) until the mobile node answers, by a Binding Update that ends the
 * binding or takes it to another address, says that it knows no such message, or was told often
 * enough. A refresh is no answer; it is accepted, also by a site that drains.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ctl;
struct ctl_pkt;
struct record;
struct switches;

/* 0 or -ENOMEM. *out is NULL where no domain has home-agent-switch; then all else does nothing. */
int switches_new(struct ctl *ctl, struct switches **out);
void switches_free(struct switches *s); /* NULL is fine */
uint64_t switches_memory(const struct ctl *ctl); /* octets taken, with the number of bindings */

/* The record changed, and is live: its mobile node may have answered. */
void switch_changed(struct ctl *ctl, const struct record *rec);
/* The binding ends, before anybody else gets the handle. is_answer: by its mobile node. */
void switch_ended(struct ctl *ctl, const struct record *rec, bool is_answer);
/* A Binding Error of len octets at mh: true: a mobile node says that it cannot be told. Nothing
 * authenticates that; what it ends is a hint. */
bool switch_error(struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *mh, uint16_t len);

/* For the operator. */
struct switch_info {
	uint32_t waiting; /* told, and not answered yet */
	bool all_told; /* who is to be told now has been */
};
/* False: the domain tells nobody. */
bool switch_info(const struct ctl *ctl, uint16_t domain, struct switch_info *out);
/* Mobile nodes that are registered with that site's address are told now. */
bool switch_is_from(const struct ctl *ctl, uint16_t domain, uint8_t node);
