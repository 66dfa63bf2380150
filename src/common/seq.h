/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence number arithmetic of the Mobility Header. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* RFC 6275, 9.5.1: modulo 2^16, in the 32,767 numbers after the last accepted one. */
static inline bool seq16_is_newer(uint16_t seq, uint16_t last)
{
	uint16_t ahead = (uint16_t)(seq - last);

	return ahead >= 1 && ahead <= 32767;
}
