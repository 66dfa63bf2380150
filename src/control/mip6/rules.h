/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a home agent answers to a Binding Update (RFC 6275, 9.5.1, 10.3.1, 10.3.2), on the virtual
 * home link. Pure: message, record, configuration and time go in, a verdict comes out; mip6.c
 * gathers the facts and carries the verdict out. Where the RFC leaves a choice,
 * docs/decisions/002-mipv6-choices.md says what was chosen.
 *
 * In a mesh a record is the home address's, whichever home agent address it was registered with,
 * and where a message stands in its mobile node's own order is said by records/order.h.
 *
 * The order is the RFC's: first what is discarded in silence, then who speaks (RFC 4285, 5.1.1 and
 * 6), before anything that tells about bindings or mobile nodes, then the tests of 9.5.1 that are
 * answered (sequence number, registration type), then those of the home agent. Whatever is
 * refused leaves record and last accepted number as they were.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "dataplane/drop.h"
#include "net/mh.h"
#include "records/order.h"

struct conf_domain;
struct record;
struct sub;

/* All that the rules look at. Counts are of live bindings, this home address's own included. */
struct mip6_facts {
	/* the message */
	const struct mh_bu_msg *bu;
	struct ip6_addr src; /* IPv6 source on the wire */
	struct ip6_addr hoa; /* the Home Address option's, else src */
	struct ip6_addr coa; /* mip6_coa() */
	bool has_hao;
	bool in_tunnel; /* came out of a tunnel, checked or not */

	/* what is known here */
	const struct conf_domain *domain; /* whose home agent address was asked; NULL: nobody's */
	const struct sub *sub; /* whose home address it is; NULL: no subscriber's of the domain */
	bool domain_has_keys; /* some subscriber of the domain has one */
	bool mac_ok; /* there is an MN-HA option, of sub's SPI, and its MAC is right */
	uint64_t ntp, ntp_last; /* the time of day; highest timestamp accepted until now */
	bool coa_refused_here; /* coa is ours, or inside a mobile prefix of any domain */
	bool src_answerable; /* something sent to src leaves this machine */
	const struct record *rec; /* of (domain, hoa), live or tombstone; NULL: none */
	bool in_mesh; /* with these two: */
	bool is_elsewhere; /* rec was registered with another home agent address than was asked */
	enum order_verdict order;
	bool remembers; /* without a mesh: numbers outlive bindings. With: */
	bool has_last;
	uint16_t seq_last; /* ORDER_TOO_OLD, has_last: the last number accepted */
	uint32_t bindings, bindings_max; /* runtime.max-bindings */
	uint32_t bindings_in_domain;
	bool no_room; /* in a mesh: for one more record of the domain, with its tombstones */
	uint32_t bindings_at_coa;
	uint64_t now_ms; /* monotonic, as rec->ends_ms */
};

enum mip6_action {
	MIP6_DISCARD, /* silent, counted as `drop` */
	MIP6_REFUSE, /* answered with `status`, nothing changes */
	MIP6_REGISTER, /* no binding until now (rec may be a tombstone) */
	MIP6_REFRESH, /* same care-of address */
	MIP6_MOVE, /* another one */
	MIP6_DEREGISTER,
	/* In a mesh: */
	MIP6_BURY, /* as MIP6_REFUSE, but it may end what another site holds: it leaves a tombstone */
	MIP6_ELSEWHERE, /* accepted; the binding is another home agent address's and stays */
};

struct mip6_verdict {
	enum mip6_action action;
	enum dp_drop drop; /* MIP6_DISCARD only */
	enum ha_status status; /* of the Binding Acknowledgement, and its */
	uint16_t seq;
	uint32_t lifetime_s; /* granted, a multiple of 4; 0 when refused or de-registered */
	uint32_t
		refresh_s; /* after how long it had better come again; a multiple of 4, 0: not said */
	bool sign; /* with the key that f->sub names */
	bool has_timestamp; /* this one goes into the answer: */
	uint64_t timestamp;
};

/* The care-of address a Binding Update names (9.5.1): the option's, else the source. */
const struct ip6_addr *mip6_coa(const struct mh_bu_msg *bu, const struct ip6_addr *src);

/* is_refused_here: it is ours, or inside a mobile prefix of any domain. */
bool mip6_may_hold_coa(
	const struct conf_domain *d, const struct ip6_addr *coa, bool is_refused_here);

/* The mobile node speaks from its home address and not through a tunnel: it is at home. */
bool mip6_is_home(const struct mip6_facts *f);

/* Timestamps further apart from our clock are refused (RFC 4285, 6). */
#define MIP6_REPLAY_WINDOW_S 7

/* The message carries an MN-HA option for the mobile node's key: its MAC is worth computing. */
bool mip6_has_sa(const struct mip6_facts *f);

void mip6_judge(const struct mip6_facts *f, struct mip6_verdict *out);

/* RFC 6275, 10.3.2; RFC 3963, 6.2: or the care-of address is the home address. */
bool mip6_is_deregistration(const struct mip6_facts *f);

/* Is a record's binding in force? An ended one that is still stored binds nothing. */
bool mip6_is_bound(const struct record *rec, uint64_t now_ms);

/*
 * Data with a Home Address option came from src (9.3.1). rec: of its home address or NULL. A
 * Binding Error, status 1, is owed for MIP6_HAO_UNBOUND only: a mobile node that was configured
 * before a start may hold a binding that this hamd has forgotten, and a Binding Error would
 * silence it for minutes, so until quiet_until_ms it is told nothing.
 */
enum mip6_hao { MIP6_HAO_BOUND, MIP6_HAO_UNBOUND, MIP6_HAO_FORGOTTEN };
enum mip6_hao mip6_judge_hao(const struct record *rec, const struct ip6_addr *src,
	bool hoa_configured, uint64_t now_ms, uint64_t quiet_until_ms);
