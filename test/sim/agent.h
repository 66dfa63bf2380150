/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A home agent as the simulator runs it: the real records, engine, hello, forward and the real
 * rules for Binding Updates, put together as control does it, over the simulator's network, clock
 * and store. What is simulated here is only what surrounds them.
 */
#pragma once

#include "site.h"
#include "sync/noise.h"

extern const struct site_kind agent_kind;

/* A site's static key, which all know. */
void agent_public_key(const struct world *w, uint8_t node, uint8_t out[NOISE_KEY_LEN]);
