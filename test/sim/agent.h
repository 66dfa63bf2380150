/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A home agent as the simulator runs it: the real records, engine, hello, forward and the real
 * rules for Binding Updates, put together as control does it, over the simulator's network, clock
 * and store. What is simulated here is only what surrounds them.
 */
#pragma once

#include "site.h"

extern const struct site_kind agent_kind;
