/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobile nodes (RFC 6275, 11.7): one number series for each home agent address, Binding Updates
 * that are repeated with growing patience and a new number each time, refreshed before their
 * lifetime ends, sent anew after a move, taken back at home. What one believes is what the oracle
 * holds the home agents to.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkt.h"

struct world;

int mns_new(struct world *w);
void mns_free(struct world *w);
void mns_begin(struct world *w); /* each one comes up some time soon */

void mn_hears(struct world *w, uint8_t mn, const struct pkt_ba *ba);
uint8_t mn_location(const struct world *w, uint8_t mn);
uint8_t mn_domain(const struct world *w, uint8_t mn);
struct ip6_addr mn_home(const struct world *w, uint8_t mn);

/* From world.end_us on: those that care come to rest at an acknowledged registration, the others
 * say nothing more. */
/* Its payload must be in ESP. */
bool mn_has_esp(const struct world *w, uint8_t mn);
bool mn_is_at_rest(const struct world *w, uint8_t mn);
