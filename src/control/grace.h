/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a mobile node that moved may still speak from where it was (old-coa-grace-ms): packets on
 * their way through the old tunnel would be dropped otherwise, as RFC 6275, 10.4.5 has it. Workers
 * know the old care-of address (bc_entry.old_coa); here is when they forget it.
 *
 * At most GRACE_MAX mobile nodes at a time: who moves while there are so many has none. ctl->grace is
 * NULL where no domain has any: all of this is fine then. Control core only.
 */
#pragma once

#include <stdbool.h>

#include "common/ip6.h"

/* 6.5 moves a millisecond for the greatest grace of 10 s; 5 MB. */
#define GRACE_MAX 65536

struct ctl;
struct grace;

int grace_new(struct ctl *ctl, struct grace **out); /* 0 or -ENOMEM */
void grace_free(struct grace *g); /* NULL is fine; behind the wheel */

/* There is one, of its domain, for a mobile node that moves now. */
bool grace_is_given(const struct ctl *ctl, uint16_t domain);
/* It moved from old_coa, and workers know that there is a grace. */
void grace_begin(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *old_coa);
