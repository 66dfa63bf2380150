/* SPDX-License-Identifier: BSD-3-Clause */
/* One row per rule and per status of RFC 6275, 9.5.1, 9.5.4, 10.3.1, 10.3.2 and of
 * docs/decisions/002-mipv6-choices.md. */
#include "test.h"

#include "common/ntp.h"
#include "conf/conf.h"
#include "control/mip6/rules.h"
#include "records/records.h"
#include "records/subs.h"

#define NOW_MS  1000000
#define HOA     "2001:db8:a::100"
#define COA     "2001:db8:c::1"
#define OLD_COA "2001:db8:d::1"
#define AH      (MH_BU_A | MH_BU_H)
#define NONE    "" /* option absent */

/* A field left out is that of an ordinary first registration from away. */
struct row {
	const char *name;
	/* message */
	const char *src; /* COA */
	const char *hao; /* HOA */
	const char *alt; /* src */
	uint16_t seq;
	int flags; /* AH; -1: none */
	int lifetime; /* 100 units; -1: 0 */
	bool nonce, tunnel;
	/* authentication: options of the message */
	uint32_t spi; /* 0: no option */
	bool bad_mac;
	int64_t stamp; /* ms from now, + 1; 0: no option */
	const char *nai; /* absent */
	/* and the mobile node's */
	bool keyed, replay, keyed_domain;
	const char *want_nai;
	uint32_t max_s; /* longest lifetime; 600 */
	int64_t last; /* ms from now of the last timestamp, an hour ago */
	/* what is known */
	bool no_domain, stranger, coa_here, mute;
	int state; /* enum record_state; 0: no record */
	const char *rec_coa; /* OLD_COA */
	uint16_t rec_seq;
	int64_t rec_ends; /* in ms from now; 0: an hour */
	uint32_t all, in_domain, at_coa;
	bool no_room;
	int mesh; /* enum order_verdict + 1; 0: there is none */
	uint16_t seq_last;
	bool elsewhere;
	uint32_t valid_s, preferred_s; /* of HOA's prefix; 0: infinite; preferred 1: deprecated */
	/* verdict */
	enum mip6_action action;
	int drop, status;
	int ba_seq; /* 0: the message's */
	uint32_t granted_s;
};

#define NTP_NOW ntp_from_unix(1700000000, 250000000)
#define KEYED   .keyed = true, .spi = 256
#define AT(ms)  .stamp = (ms) >= 0 ? (ms) + 1 : (ms)

#define DISCARDED(reason) .action = MIP6_DISCARD, .drop = DP_DROP_##reason
#define REFUSED(code)     .action = MIP6_REFUSE, .status = (code)
#define ACCEPTED(what, s) .action = MIP6_##what, .granted_s = (s)
#define LIVE(n)           .state = RECORD_LIVE, .rec_seq = (n)
#define TOMBSTONE(n)      .state = RECORD_TOMBSTONE, .rec_seq = (n)
#define IN_MESH(verdict)  .mesh = ORDER_##verdict + 1
/* de-registration from home: no Home Address option, no Alternate Care-of Address */
#define FROM_HOME .src = HOA, .hao = NONE, .alt = NONE

static const struct row rows[] = {
	/* --- authentication (RFC 4285; RFC 4283) --- */
	{ "keyed", KEYED, ACCEPTED(REGISTER, 400) },
	{ "keyed: option absent", .keyed = true, DISCARDED(BU_AUTH_MISSING) },
	{ "keyed: option absent, lifetime 0", .keyed = true, .lifetime = -1, .seq = 2, LIVE(1),
		DISCARDED(BU_AUTH_MISSING) },
	{ "keyed: option absent, 135 is not told", .keyed = true, .seq = 1, LIVE(1),
		DISCARDED(BU_AUTH_MISSING) },
	{ "keyed: option absent, 139 is not told", .keyed = true, .flags = MH_BU_A, .seq = 2,
		LIVE(1), DISCARDED(BU_AUTH_MISSING) },
	{ "keyed: from home without the option", FROM_HOME, .keyed = true, .lifetime = -1, .seq = 2,
		LIVE(1), DISCARDED(BU_AUTH_MISSING) },
	{ "keyed: from home", FROM_HOME, KEYED, .lifetime = -1, .seq = 2, LIVE(1),
		ACCEPTED(DEREGISTER, 0) },
	{ "keyed: another SPI", .keyed = true, .spi = 257, DISCARDED(BU_AUTH_UNKNOWN) },
	{ "no key, but the option", .spi = 256, DISCARDED(BU_AUTH_UNKNOWN) },
	{ "no home agent, but the option", .no_domain = true, .spi = 256,
		DISCARDED(BU_AUTH_UNKNOWN) },
	{ "stranger with the option", .stranger = true, .spi = 256, DISCARDED(BU_AUTH_UNKNOWN) },
	{ "stranger where others have keys: 133 is not told", .stranger = true,
		.keyed_domain = true, DISCARDED(BU_AUTH_UNKNOWN) },
	{ "home address of elsewhere where others have keys", .hao = "2001:db8:b::100",
		.stranger = true, .keyed_domain = true, DISCARDED(BU_AUTH_UNKNOWN) },
	{ "no key where others have them", .keyed_domain = true, ACCEPTED(REGISTER, 400) },
	{ "bad MAC", KEYED, .bad_mac = true, REFUSED(HA_AUTH_FAIL) },
	{ "bad MAC before 135", KEYED, .bad_mac = true, .seq = 1, LIVE(9), REFUSED(HA_AUTH_FAIL) },
	{ "bad MAC before 139", KEYED, .bad_mac = true, .flags = MH_BU_A, .seq = 10, LIVE(9),
		REFUSED(HA_AUTH_FAIL) },
	{ "bad MAC before 130", KEYED, .bad_mac = true, .at_coa = 3, REFUSED(HA_AUTH_FAIL) },
	{ "bad MAC before 144", KEYED, .bad_mac = true, AT(-9000), REFUSED(HA_AUTH_FAIL) },
	{ "malformed before a bad MAC", KEYED, .bad_mac = true, .alt = NONE,
		DISCARDED(BU_NO_ALT_COA) },
	{ "right MAC, old number", KEYED, .seq = 1, LIVE(9), REFUSED(HA_SEQUENCE), .ba_seq = 9 },
	{ "right MAC, R", KEYED, .flags = AH | MH_BU_R, REFUSED(HA_MR_NOT_PERMITTED) },
	{ "right MAC, nobody to answer to", KEYED, .mute = true, DISCARDED(BU_SOURCE) },
	{ "timestamp demanded and absent", KEYED, .replay = true, REFUSED(HA_MESG_ID_REQUIRED) },
	{ "timestamp demanded, bad MAC", KEYED, .replay = true, .bad_mac = true,
		REFUSED(HA_AUTH_FAIL) },
	{ "timestamp demanded and there", KEYED, .replay = true, AT(0), ACCEPTED(REGISTER, 400) },
	{ "timestamp not demanded but there", KEYED, AT(0), ACCEPTED(REGISTER, 400) },
	{ "timestamp not demanded but stale", KEYED, AT(-8000), REFUSED(HA_ID_MISMATCH) },
	{ "timestamp 7 s old", KEYED, AT(-7000), ACCEPTED(REGISTER, 400) },
	{ "timestamp 7.001 s old", KEYED, AT(-7001), REFUSED(HA_ID_MISMATCH) },
	{ "timestamp 7 s ahead", KEYED, AT(7000), ACCEPTED(REGISTER, 400) },
	{ "timestamp 7.001 s ahead", KEYED, AT(7001), REFUSED(HA_ID_MISMATCH) },
	{ "timestamp of the last one", KEYED, AT(-1000), .last = -1000, REFUSED(HA_ID_MISMATCH) },
	{ "timestamp below the last one", KEYED, AT(-1001), .last = -1000,
		REFUSED(HA_ID_MISMATCH) },
	{ "timestamp above the last one", KEYED, AT(-999), .last = -1000, ACCEPTED(REGISTER, 400) },
	{ "timestamp before 135", KEYED, AT(-8000), .seq = 1, LIVE(9), REFUSED(HA_ID_MISMATCH) },
	{ "timestamp right, number old", KEYED, AT(0), .seq = 1, LIVE(9), REFUSED(HA_SEQUENCE),
		.ba_seq = 9 },
	{ "timestamp without a key means nothing", AT(-8000), ACCEPTED(REGISTER, 400) },
	{ "nai", KEYED, .want_nai = "a@b", .nai = "a@b", ACCEPTED(REGISTER, 400) },
	{ "nai left out", KEYED, .want_nai = "a@b", ACCEPTED(REGISTER, 400) },
	{ "nai of another", KEYED, .want_nai = "a@b", .nai = "a@c", DISCARDED(BU_AUTH_IDENTITY) },
	{ "nai that begins alike", KEYED, .want_nai = "a@b", .nai = "a@bc",
		DISCARDED(BU_AUTH_IDENTITY) },
	{ "nai, none configured", KEYED, .nai = "a@b", ACCEPTED(REGISTER, 400) },
	{ "nai of another and a bad MAC", KEYED, .want_nai = "a@b", .nai = "a@c", .bad_mac = true,
		DISCARDED(BU_AUTH_IDENTITY) },

	/* --- registration, refresh, move (10.3.1) --- */
	{ "first registration", ACCEPTED(REGISTER, 400) },
	{ "first: any sequence number", .seq = 65535, ACCEPTED(REGISTER, 400) },
	{ "first: number 0", .seq = 0, ACCEPTED(REGISTER, 400) },
	{ "refresh", .seq = 2, LIVE(1), .rec_coa = COA, ACCEPTED(REFRESH, 400) },
	{ "move", .seq = 2, LIVE(1), ACCEPTED(MOVE, 400) },
	{ "move, said through the old tunnel", .seq = 2, LIVE(1), .tunnel = true,
		ACCEPTED(MOVE, 400) },
	{ "alternate care-of address unlike the source", .src = "2001:db8:e::1", .alt = COA,
		.seq = 2, LIVE(1), .rec_coa = COA, ACCEPTED(REFRESH, 400) },
	{ "again after a tombstone", .seq = 2, TOMBSTONE(1), ACCEPTED(REGISTER, 400) },
	{ "an ended binding that is still stored is none: its number neither", .seq = 1, LIVE(9),
		.rec_coa = COA, .rec_ends = -1, ACCEPTED(REGISTER, 400) },
	{ "ends this very moment", .seq = 1, LIVE(9), .rec_coa = COA, .rec_ends = -2,
		ACCEPTED(REGISTER, 400) },
	{ "ended tombstone", .seq = 1, TOMBSTONE(9), .rec_ends = -1, ACCEPTED(REGISTER, 400) },
	{ "last millisecond of a binding", .seq = 1, LIVE(9), .rec_ends = 1, REFUSED(HA_SEQUENCE),
		.ba_seq = 9 },

	/* --- lifetime --- */
	{ "one unit", .lifetime = 1, ACCEPTED(REGISTER, 4) },
	{ "just below ours", .lifetime = 149, ACCEPTED(REGISTER, 596) },
	{ "ours", .lifetime = 150, ACCEPTED(REGISTER, 600) },
	{ "above ours", .lifetime = 151, ACCEPTED(REGISTER, 600) },
	{ "the mobile node's own, above it", .max_s = 100, ACCEPTED(REGISTER, 100) },
	{ "the mobile node's own, below it", .max_s = 800, .lifetime = 190,
		ACCEPTED(REGISTER, 760) },
	{ "0xffff is not infinite", .lifetime = 0xffff, ACCEPTED(REGISTER, 600) },

	/* --- lifetimes of the home prefix (10.3.1) --- */
	{ "valid for less than asked: that long", .valid_s = 203, ACCEPTED(REGISTER, 200),
		.status = 1 },
	{ "valid for less than the domain grants", .valid_s = 560, .lifetime = 0xffff,
		ACCEPTED(REGISTER, 560), .status = 1 },
	{ "becomes invalid at the end, in units of 4 s", .valid_s = 403, ACCEPTED(REGISTER, 400),
		.status = 1 },
	{ "valid for one unit more", .valid_s = 404, ACCEPTED(REGISTER, 400) },
	{ "valid for longer than the domain grants", .valid_s = 604, .lifetime = 0xffff,
		ACCEPTED(REGISTER, 600) },
	{ "deprecated", .valid_s = 7200, .preferred_s = 1, ACCEPTED(REGISTER, 400), .status = 1 },
	{ "deprecated before the end", .valid_s = 7200, .preferred_s = 399, ACCEPTED(REGISTER, 400),
		.status = 1 },
	{ "deprecated at the end: not during the binding", .valid_s = 7200, .preferred_s = 400,
		ACCEPTED(REGISTER, 400) },
	{ "deprecated before the end of what is granted only", .valid_s = 7200, .preferred_s = 599,
		.lifetime = 0xffff, ACCEPTED(REGISTER, 600), .status = 1 },
	{ "preferred for ever is as long as valid", .valid_s = 7200, .preferred_s = UINT32_MAX,
		ACCEPTED(REGISTER, 400) },
	{ "refresh in a deprecated prefix", .valid_s = 7200, .preferred_s = 1, .seq = 2, LIVE(1),
		.rec_coa = COA, ACCEPTED(REFRESH, 400), .status = 1 },
	{ "leaving a deprecated prefix", .valid_s = 7200, .preferred_s = 1, .lifetime = -1,
		.seq = 2, LIVE(1), ACCEPTED(DEREGISTER, 0) },
	{ "another prefix of the domain lasts", .hao = "2001:db8:aa::1", .valid_s = 60,
		.preferred_s = 1, ACCEPTED(REGISTER, 400) },

	/* --- sequence number (9.5.1) --- */
	{ "+1", .seq = 101, LIVE(100), ACCEPTED(MOVE, 400) },
	{ "+32767", .seq = 32867, LIVE(100), ACCEPTED(MOVE, 400) },
	{ "+32768", .seq = 32868, LIVE(100), REFUSED(HA_SEQUENCE), .ba_seq = 100 },
	{ "equal: a repetition takes the next number", .seq = 100, LIVE(100), REFUSED(HA_SEQUENCE),
		.ba_seq = 100 },
	{ "-1", .seq = 99, LIVE(100), REFUSED(HA_SEQUENCE), .ba_seq = 100 },
	{ "over the end", .seq = 0, LIVE(65535), ACCEPTED(MOVE, 400) },
	{ "over the end, +32767", .seq = 32766, LIVE(65535), ACCEPTED(MOVE, 400) },
	{ "over the end, +32768", .seq = 32767, LIVE(65535), REFUSED(HA_SEQUENCE),
		.ba_seq = 65535 },
	{ "back over the end", .seq = 65535, LIVE(1), REFUSED(HA_SEQUENCE), .ba_seq = 1 },
	{ "from 0 to 32767", .seq = 32767, LIVE(0), ACCEPTED(MOVE, 400) },
	{ "RFC's example, 15 after 15", .seq = 15, LIVE(15), REFUSED(HA_SEQUENCE), .ba_seq = 15 },
	{ "RFC's example, 32783 after 15", .seq = 32783, LIVE(15), REFUSED(HA_SEQUENCE),
		.ba_seq = 15 },
	{ "RFC's example, 32782 after 15", .seq = 32782, LIVE(15), ACCEPTED(MOVE, 400) },
	{ "delayed, after de-registration (10.3.2)", .seq = 100, TOMBSTONE(101),
		REFUSED(HA_SEQUENCE), .ba_seq = 101 },
	{ "de-registration out of sequence", .seq = 100, LIVE(100), .lifetime = -1,
		REFUSED(HA_SEQUENCE), .ba_seq = 100 },
	{ "sequence before limits", .seq = 1, LIVE(1), .at_coa = 3, REFUSED(HA_SEQUENCE),
		.ba_seq = 1 },

	/* --- flags --- */
	{ "A not set: answered all the same (10.3.1)", .flags = MH_BU_H, ACCEPTED(REGISTER, 400) },
	{ "L: nothing to defend on a virtual link", .flags = AH | MH_BU_L,
		ACCEPTED(REGISTER, 400) },
	{ "K", .flags = AH | MH_BU_K, ACCEPTED(REGISTER, 400) },
	{ "M is a reserved bit here", .flags = AH | MH_BU_M, ACCEPTED(REGISTER, 400) },
	{ "P is a reserved bit here", .flags = AH | MH_BU_P, ACCEPTED(REGISTER, 400) },
	{ "R: no mobile routers (3963, 6.2)", .flags = AH | MH_BU_R, REFUSED(HA_MR_NOT_PERMITTED) },
	{ "R changes nothing at the end (3963, 6.7)", .flags = AH | MH_BU_R, .lifetime = -1,
		.seq = 2, LIVE(1), ACCEPTED(DEREGISTER, 0) },
	{ "H=0, no binding: no correspondent", .flags = MH_BU_A, DISCARDED(BU_NOT_HOME) },
	{ "H=0, no flags at all", .flags = -1, DISCARDED(BU_NOT_HOME) },
	{ "H=0 with nonces", .flags = MH_BU_A, .nonce = true, DISCARDED(BU_NOT_HOME) },
	{ "H=0, bound: type change (9.5.1)", .flags = MH_BU_A, .seq = 2, LIVE(1),
		REFUSED(HA_TYPE_CHANGE) },
	{ "H=0, bound, without the option", .flags = MH_BU_A, .alt = NONE, .seq = 2, LIVE(1),
		REFUSED(HA_TYPE_CHANGE) },
	{ "H=0, bound, lifetime 0", .flags = MH_BU_A, .lifetime = -1, .seq = 2, LIVE(1),
		REFUSED(HA_TYPE_CHANGE) },
	{ "H=0, bound, out of sequence", .flags = MH_BU_A, .seq = 1, LIVE(1), REFUSED(HA_SEQUENCE),
		.ba_seq = 1 },
	{ "H=0, tombstone", .flags = MH_BU_A, .seq = 2, TOMBSTONE(1), DISCARDED(BU_NOT_HOME) },
	{ "H=0, ended", .flags = MH_BU_A, .seq = 2, LIVE(1), .rec_ends = -1,
		DISCARDED(BU_NOT_HOME) },
	{ "H=0 to an address of a port", .flags = MH_BU_A, .no_domain = true,
		DISCARDED(BU_NOT_HOME) },
	{ "H=1 with nonces (9.5.1)", .nonce = true, DISCARDED(BU_NONCE) },
	{ "PBU: P, no home address", .flags = AH | MH_BU_P, .src = COA, .hao = NONE, .alt = NONE,
		DISCARDED(BU_NO_HAO) },

	/* --- silent (9.5.1, 6.1.7, 11.7.1) --- */
	{ "home address multicast", .hao = "ff0e::1", DISCARDED(BU_HOA_INVALID) },
	{ "home address link-local", .hao = "fe80::1", DISCARDED(BU_HOA_INVALID) },
	{ "home address unspecified", .hao = "::", DISCARDED(BU_HOA_INVALID) },
	{ "home address loopback", .hao = "::1", DISCARDED(BU_HOA_INVALID) },
	{ "home address anycast (RFC 2526)", .hao = "2001:db8:a:9:fdff:ffff:ffff:fffe",
		DISCARDED(BU_HOA_INVALID) },
	{ "home address anycast, at the end of the prefix",
		.hao = "2001:db8:a:ffff:ffff:ffff:ffff:ff80", DISCARDED(BU_HOA_INVALID) },
	{ "anycast of a subnet that is not ours to know", .hao = "2001:db8:b::fdff:ffff:ffff:fffe",
		REFUSED(HA_NOT_HOME_SUBNET) },
	{ "care-of address multicast", .alt = "ff0e::1", DISCARDED(BU_COA_INVALID) },
	{ "care-of address link-local", .alt = "fe80::1", DISCARDED(BU_COA_INVALID) },
	{ "care-of address unspecified", .alt = "::", DISCARDED(BU_COA_INVALID) },
	{ "care-of address loopback", .alt = "::1", DISCARDED(BU_COA_INVALID) },
	{ "silent wins over 135", .alt = "ff0e::1", .seq = 1, LIVE(1), DISCARDED(BU_COA_INVALID) },
	{ "no Alternate Care-of Address", .alt = NONE, DISCARDED(BU_NO_ALT_COA) },
	{ "no Alternate Care-of Address on a move", .alt = NONE, .seq = 2, LIVE(1),
		DISCARDED(BU_NO_ALT_COA) },
	{ "no Home Address option from away", .hao = NONE, DISCARDED(BU_NO_HAO) },
	{ "no Home Address option from away, lifetime 0", .hao = NONE, .lifetime = -1,
		DISCARDED(BU_NO_HAO) },
	{ "at home, but another care-of address and no option", .src = HOA, .hao = NONE, .alt = COA,
		DISCARDED(BU_NO_HAO) },
	{ "no Home Address option inside the tunnel", FROM_HOME, .lifetime = -1, .tunnel = true,
		.seq = 2, LIVE(1), DISCARDED(BU_NO_HAO) },
	{ "no Home Address option, to an address of a port", FROM_HOME, .lifetime = -1,
		.no_domain = true, DISCARDED(BU_NO_HAO) },
	{ "source that cannot be answered, accepted", .mute = true, DISCARDED(BU_SOURCE) },
	{ "source that cannot be answered, refused", .mute = true, .stranger = true,
		DISCARDED(BU_SOURCE) },
	{ "the fault of the message is counted first", .mute = true, .nonce = true,
		DISCARDED(BU_NONCE) },

	/* --- whose home agent (10.3.1) --- */
	{ "address of a port", .no_domain = true, REFUSED(HA_NOT_SUPPORTED) },
	{ "home address of another domain", .hao = "2001:db8:b::100", REFUSED(HA_NOT_HOME_SUBNET) },
	{ "home address elsewhere", .hao = "2001:db8:ffff::1", REFUSED(HA_NOT_HOME_SUBNET) },
	{ "second served prefix", .hao = "2001:db8:aa::1", ACCEPTED(REGISTER, 400) },
	{ "no such mobile node", .stranger = true, REFUSED(HA_NOT_HOME_AGENT) },

	/* --- care-of address (15.1, care-of-allowed, care-of-denied) --- */
	{ "ours or a home address", .coa_here = true, REFUSED(HA_PROHIBITED) },
	{ "denied", .alt = "2001:db8:c:bad::1", REFUSED(HA_PROHIBITED) },
	{ "not allowed", .alt = "2001:db9::1", REFUSED(HA_PROHIBITED) },
	{ "refused move leaves the binding", .alt = "2001:db9::1", .seq = 2, LIVE(1),
		REFUSED(HA_PROHIBITED) },

	/* --- limits --- */
	{ "last place in all", .all = 9, ACCEPTED(REGISTER, 400) },
	{ "full", .all = 10, REFUSED(HA_NO_RESOURCES) },
	{ "full: a tombstone is no place", .all = 10, .seq = 2, TOMBSTONE(1),
		REFUSED(HA_NO_RESOURCES) },
	{ "full: refresh goes on", .all = 10, .seq = 2, LIVE(1), .rec_coa = COA,
		ACCEPTED(REFRESH, 400) },
	{ "full: move goes on", .all = 10, .seq = 2, LIVE(1), ACCEPTED(MOVE, 400) },
	{ "full: an ended binding has not lost its place yet", .all = 10, .in_domain = 5,
		.at_coa = 3, LIVE(9), .rec_ends = -1, .rec_coa = COA, ACCEPTED(REGISTER, 400) },
	{ "last place in the domain", .in_domain = 4, ACCEPTED(REGISTER, 400) },
	{ "domain full", .in_domain = 5, REFUSED(HA_NO_RESOURCES) },
	{ "domain full: move goes on", .in_domain = 5, .seq = 2, LIVE(1), ACCEPTED(MOVE, 400) },
	{ "no room beside tombstones", .no_room = true, IN_MESH(NEWER), REFUSED(HA_NO_RESOURCES) },
	{ "no room: a tombstone has it", .no_room = true, IN_MESH(NEWER), .seq = 2, TOMBSTONE(1),
		ACCEPTED(REGISTER, 400) },
	{ "no room: refresh goes on", .no_room = true, IN_MESH(NEWER), .seq = 2, LIVE(1),
		.rec_coa = COA, ACCEPTED(REFRESH, 400) },
	{ "no room: so does one to another home agent address", .no_room = true, IN_MESH(NEWER),
		.seq = 2, LIVE(1), .elsewhere = true, ACCEPTED(REGISTER, 400) },
	{ "no room: leaving needs none", .no_room = true, IN_MESH(NEWER), .lifetime = -1, .seq = 2,
		LIVE(1), ACCEPTED(DEREGISTER, 0) },
	{ "last place at the care-of address", .at_coa = 2, ACCEPTED(REGISTER, 400) },
	{ "care-of address full", .at_coa = 3, REFUSED(HA_NO_RESOURCES) },
	{ "care-of address full: nobody moves there", .at_coa = 3, .seq = 2, LIVE(1),
		REFUSED(HA_NO_RESOURCES) },
	{ "care-of address full: who is there refreshes", .at_coa = 3, .seq = 2, LIVE(1),
		.rec_coa = COA, ACCEPTED(REFRESH, 400) },
	{ "everything full: leaving is free", .all = 10, .in_domain = 5, .at_coa = 3,
		.lifetime = -1, .seq = 2, LIVE(1), ACCEPTED(DEREGISTER, 0) },

	/* --- de-registration (10.3.2) --- */
	{ "from away, lifetime 0", .lifetime = -1, .seq = 2, LIVE(1), ACCEPTED(DEREGISTER, 0) },
	{ "from away, without Alternate Care-of Address", .lifetime = -1, .alt = NONE, .seq = 2,
		LIVE(1), ACCEPTED(DEREGISTER, 0) },
	{ "from away, care-of address = home address (3963, 6.2)", .alt = HOA, .coa_here = true,
		.seq = 2, LIVE(1), ACCEPTED(DEREGISTER, 0) },
	{ "from home", FROM_HOME, .lifetime = -1, .seq = 2, LIVE(1), .coa_here = true,
		ACCEPTED(DEREGISTER, 0) },
	{ "from home, lifetime left in", FROM_HOME, .seq = 2, LIVE(1), .coa_here = true,
		ACCEPTED(DEREGISTER, 0) },
	{ "from home, with the option", .src = HOA, .lifetime = -1, .seq = 2, LIVE(1),
		.coa_here = true, ACCEPTED(DEREGISTER, 0) },
	{ "from home, out of sequence", FROM_HOME, .lifetime = -1, .seq = 1, LIVE(1),
		REFUSED(HA_SEQUENCE), .ba_seq = 1 },
	{ "never registered", .lifetime = -1, REFUSED(HA_NOT_HOME_AGENT) },
	{ "already de-registered", .lifetime = -1, .seq = 2, TOMBSTONE(1),
		REFUSED(HA_NOT_HOME_AGENT) },
	{ "already ended", .lifetime = -1, .seq = 2, LIVE(1), .rec_ends = -1,
		REFUSED(HA_NOT_HOME_AGENT) },
	{ "of another domain", .lifetime = -1, .hao = "2001:db8:b::100",
		REFUSED(HA_NOT_HOME_SUBNET) },
	{ "from a care-of address that is denied by now", .lifetime = -1, .seq = 2,
		.alt = "2001:db8:c:bad::1", LIVE(1), ACCEPTED(DEREGISTER, 0) },

	/* --- in a mesh: the order is records/order.h's, the record may be another address's --- */
	{ "mesh: first registration", IN_MESH(NEWER), ACCEPTED(REGISTER, 400) },
	{ "mesh: no binding here, but an old number", IN_MESH(TOO_OLD), .seq = 4, .seq_last = 9,
		REFUSED(HA_SEQUENCE), .ba_seq = 9 },
	{ "mesh: above the record's number, below the last one seen", IN_MESH(TOO_OLD), .seq = 5,
		LIVE(4), .seq_last = 6, REFUSED(HA_SEQUENCE), .ba_seq = 6 },
	{ "mesh: the record's number is not asked", IN_MESH(NEWER), .seq = 3, LIVE(4),
		ACCEPTED(MOVE, 400) },
	{ "mesh: an old number after a bad MAC", IN_MESH(TOO_OLD), KEYED, .bad_mac = true,
		.seq_last = 9, REFUSED(HA_AUTH_FAIL) },
	{ "mesh: an old number of who is not known", IN_MESH(TOO_OLD), .stranger = true,
		.keyed_domain = true, DISCARDED(BU_AUTH_UNKNOWN) },
	{ "mesh: refresh", IN_MESH(NEWER), .seq = 5, LIVE(4), .rec_coa = COA,
		ACCEPTED(REFRESH, 400) },
	{ "mesh: same care-of address, another home agent address", IN_MESH(NEWER), .seq = 5,
		LIVE(4), .rec_coa = COA, .elsewhere = true, ACCEPTED(REGISTER, 400) },
	{ "mesh: another home agent address, no room for one more", IN_MESH(NEWER), .seq = 5,
		LIVE(4), .elsewhere = true, .all = 10, .in_domain = 5, ACCEPTED(REGISTER, 400) },
	{ "mesh: another home agent address, care-of address full", IN_MESH(NEWER), .seq = 5,
		LIVE(4), .rec_coa = COA, .elsewhere = true, .at_coa = 3, ACCEPTED(REGISTER, 400) },
	{ "mesh: no H, bound at another address", IN_MESH(NEWER), .flags = MH_BU_A, .seq = 5,
		LIVE(4), .elsewhere = true, DISCARDED(BU_NOT_HOME) },
	{ "mesh: de-registration", IN_MESH(NEWER), .lifetime = -1, .seq = 5, LIVE(4),
		ACCEPTED(DEREGISTER, 0) },
	{ "mesh: de-registration, old", IN_MESH(TOO_OLD), .lifetime = -1, .seq = 3, LIVE(4),
		.seq_last = 4, REFUSED(HA_SEQUENCE), .ba_seq = 4 },
	{ "mesh: de-registration of what is another address's", IN_MESH(ELSEWHERE), .lifetime = -1,
		.seq = 5, LIVE(4), .elsewhere = true, ACCEPTED(ELSEWHERE, 0) },
	{ "mesh: the same, old", IN_MESH(TOO_OLD), .lifetime = -1, .seq = 5, LIVE(4),
		.elsewhere = true, .seq_last = 5, REFUSED(HA_SEQUENCE), .ba_seq = 5 },
	{ "mesh: de-registration, nothing known", IN_MESH(NEWER), .lifetime = -1, .seq = 5,
		.action = MIP6_BURY, .status = HA_NOT_HOME_AGENT },
	{ "mesh: de-registration again", IN_MESH(NEWER), .lifetime = -1, .seq = 5, TOMBSTONE(4),
		.action = MIP6_BURY, .status = HA_NOT_HOME_AGENT },
	{ "mesh: de-registration, its time is just over", IN_MESH(NEWER), .lifetime = -1, .seq = 5,
		LIVE(4), .rec_ends = -2, .action = MIP6_BURY, .status = HA_NOT_HOME_AGENT },
	{ "mesh: de-registration, ended at another address", IN_MESH(NEWER), .lifetime = -1,
		.seq = 5, TOMBSTONE(4), .elsewhere = true, .action = MIP6_BURY,
		.status = HA_NOT_HOME_AGENT },
	{ "mesh: de-registration by no subscriber leaves no trace", IN_MESH(NEWER), .lifetime = -1,
		.stranger = true, REFUSED(HA_NOT_HOME_AGENT) },
	{ "mesh: de-registration nobody can be told of", IN_MESH(NEWER), .lifetime = -1,
		.mute = true, DISCARDED(BU_SOURCE) },
};

static struct ip6_prefix served[2], allowed[2], denied[1];
static struct conf_domain domain = {
	.mobile_prefixes = served,
	.mobile_prefix_count = DIM(served),
	.lifetime_max_s = 1200,
	.care_of_allowed = allowed,
	.care_of_allowed_count = DIM(allowed),
	.care_of_denied = denied,
	.care_of_denied_count = DIM(denied),
	.limits = { .max_bindings = 5, .max_bindings_per_care_of = 3 },
};

static struct sub sub;
static struct conf_prefix_lifetime lifetime;

static uint64_t ntp_in(int64_t ms)
{
	return NTP_NOW + (uint64_t)(ms * (int64_t)NTP_SECOND / 1000);
}

static int setup(void **state)
{
	(void)state;
	served[0] = prefix("2001:db8:a::/48");
	served[1] = prefix("2001:db8:aa::/64");
	allowed[0] = prefix("2001:db8:c::/48");
	allowed[1] = prefix("2001:db8:e::/48");
	denied[0] = prefix("2001:db8:c:bad::/64");
	return 0;
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

static void authenticate(const struct row *r, struct mip6_facts *f, struct mh_bu_msg *bu)
{
	sub = (struct sub){
		.auth = r->keyed ? SUB_AUTH_MN_HA : SUB_AUTH_NONE,
		.spi = r->keyed ? 256 : 0,
		.lifetime_max_s = r->max_s != 0 ? r->max_s : 600,
		.replay = r->replay,
		.nai = r->want_nai,
	};
	f->domain_has_keys = !r->no_domain && (r->keyed || r->keyed_domain);
	f->mac_ok = r->keyed && r->spi == 256 && !r->bad_mac;
	f->ntp = NTP_NOW;
	f->ntp_last = ntp_in(r->last != 0 ? r->last : -3600000);
	if (r->spi != 0)
		bu->opts.present |= 1ULL << MHOPT_MN_AUTH;
	bu->opts.spi = r->spi;
	if (r->stamp != 0)
		bu->opts.present |= 1ULL << MHOPT_REPLAY;
	bu->opts.timestamp = ntp_in(r->stamp > 0 ? r->stamp - 1 : r->stamp);
	if (r->nai == NULL)
		return;
	bu->opts.present |= 1ULL << MHOPT_MN_ID;
	bu->opts.nai = (const uint8_t *)r->nai;
	bu->opts.nai_len = (uint8_t)strlen(r->nai);
}

/* Signed is what a key of both sides allows; the timestamp comes back whole, or after 144 with
 * our time in its upper half. */
static void assert_answer(
	const struct row *r, const struct mip6_facts *f, const struct mip6_verdict *v)
{
	bool answered = v->action != MIP6_DISCARD;
	bool sign = answered && r->keyed && r->spi == 256;
	uint64_t stamp = f->bu->opts.timestamp;

	if (v->status == HA_ID_MISMATCH)
		stamp = (NTP_NOW >> 32 << 32) | (stamp & 0xffffffff);
	if (v->sign != sign || v->has_timestamp != (sign && r->stamp != 0) ||
		v->timestamp != (v->has_timestamp ? stamp : 0))
		fail_msg("%s: sign %d has_timestamp %d %#llx", r->name, v->sign, v->has_timestamp,
			(unsigned long long)v->timestamp);
}

static void set_lifetimes(const struct row *r)
{
	lifetime.prefix = served[0];
	lifetime.lifetimes.valid_s = r->valid_s;
	lifetime.lifetimes.preferred_s = r->preferred_s == 0   ? UINT32_MAX
					 : r->preferred_s == 1 ? 0
							       : r->preferred_s;
	domain.prefix_lifetimes = &lifetime;
	domain.prefix_lifetime_count = r->valid_s != 0;
}

static void facts_of(
	const struct row *r, struct mip6_facts *f, struct mh_bu_msg *bu, struct record *rec)
{
	const char *src = or_else(r->src, COA), *hao = or_else(r->hao, HOA);
	const char *alt = or_else(r->alt, src);

	*bu = (struct mh_bu_msg){
		.seq = r->seq,
		.flags = (uint16_t)(r->flags < 0   ? 0
				    : r->flags > 0 ? r->flags
						   : AH),
		.lifetime = (uint16_t)(r->lifetime < 0   ? 0
				       : r->lifetime > 0 ? r->lifetime
							 : 100),
	};
	if (*alt != '\0') {
		bu->opts.present |= 1ULL << MHOPT_ALT_COA;
		bu->opts.alt_coa = addr(alt);
	}
	if (r->nonce)
		bu->opts.present |= 1ULL << MHOPT_NONCE;
	*rec = (struct record){
		.coa = addr(or_else(r->rec_coa, OLD_COA)),
		.seq = r->rec_seq,
		.state = (uint8_t)r->state,
		/* -2 stands for "now": 0 is an hour */
		.ends_ms = (uint64_t)(NOW_MS + (r->rec_ends == 0           ? 3600000
						       : r->rec_ends == -2 ? 0
									   : r->rec_ends)),
	};
	*f = (struct mip6_facts){
		.bu = bu,
		.src = addr(src),
		.hoa = addr(*hao != '\0' ? hao : src),
		.has_hao = *hao != '\0',
		.in_tunnel = r->tunnel,
		.domain = r->no_domain ? NULL : &domain,
		.sub = r->stranger || r->no_domain ? NULL : &sub,
		.coa_refused_here = r->coa_here,
		.src_answerable = !r->mute,
		.rec = r->state != 0 ? rec : NULL,
		.bindings = r->all,
		.bindings_max = 10,
		.bindings_in_domain = r->in_domain,
		.no_room = r->no_room,
		.bindings_at_coa = r->at_coa,
		.now_ms = NOW_MS,
		.in_mesh = r->mesh != 0,
		.order = (enum order_verdict)(r->mesh != 0 ? r->mesh - 1 : 0),
		.seq_last = r->seq_last,
		.is_elsewhere = r->elsewhere,
	};
	f->coa = *mip6_coa(bu, &f->src);
	set_lifetimes(r);
	authenticate(r, f, bu);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		const struct row *r = &rows[i];
		unsigned seq = r->action == MIP6_DISCARD ? 0
			       : r->ba_seq != 0          ? (unsigned)r->ba_seq
							 : r->seq;
		struct mip6_verdict v;
		struct mip6_facts f;
		struct mh_bu_msg bu;
		struct record rec;

		facts_of(r, &f, &bu, &rec);
		memset(&v, 0xa5, sizeof(v));
		mip6_judge(&f, &v);
		if (v.action != r->action || (int)v.drop != r->drop || (int)v.status != r->status ||
			v.seq != seq || v.lifetime_s != r->granted_s)
			fail_msg("%s: action %d drop %d status %d seq %u lifetime %u", r->name,
				v.action, v.drop, v.status, v.seq, v.lifetime_s);
		assert_answer(r, &f, &v);
	}
}

/* Every distance there is, against the RFC's sentence taken literally. */
/* RFC 6275, 10.3.1: less than the lifetime, or none; only where a binding is granted. */
static const struct {
	const char *name;
	uint32_t advice_s;
	struct row row;
	uint32_t refresh_s;
} advices[] = {
	{ "none", 0, { NULL, ACCEPTED(REGISTER, 400) }, 0 },
	{ "shorter than what was asked for", 300, { NULL, ACCEPTED(REGISTER, 400) }, 300 },
	{ "just shorter", 396, { NULL, ACCEPTED(REGISTER, 400) }, 396 },
	{ "as long", 400, { NULL, ACCEPTED(REGISTER, 400) }, 0 },
	{ "longer", 500, { NULL, ACCEPTED(REGISTER, 400) }, 0 },
	{ "as long as what is granted", 600, { NULL, .lifetime = 1000, ACCEPTED(REGISTER, 600) },
		0 },
	{ "refresh", 300, { NULL, .seq = 2, LIVE(1), .rec_coa = COA, ACCEPTED(REFRESH, 400) },
		300 },
	{ "move", 300, { NULL, .seq = 2, LIVE(1), ACCEPTED(MOVE, 400) }, 300 },
	{ "end", 4, { NULL, .seq = 2, .lifetime = -1, LIVE(1), ACCEPTED(DEREGISTER, 0) }, 0 },
	{ "refused", 4, { NULL, .seq = 1, LIVE(1), REFUSED(HA_SEQUENCE) }, 0 },
};

static void test_refresh_advice(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(advices); i++) {
		struct conf_domain d;
		struct mip6_verdict v;
		struct mip6_facts f;
		struct mh_bu_msg bu;
		struct record rec;

		facts_of(&advices[i].row, &f, &bu, &rec);
		d = *f.domain;
		d.refresh_advice_s = advices[i].advice_s;
		f.domain = &d;
		memset(&v, 0xa5, sizeof(v));
		mip6_judge(&f, &v);
		if (v.action != advices[i].row.action || v.lifetime_s != advices[i].row.granted_s ||
			v.refresh_s != advices[i].refresh_s)
			fail_msg("%s: action %d lifetime %u advice %u", advices[i].name, v.action,
				v.lifetime_s, v.refresh_s);
	}
}

static void test_sequence_exhaustive(void **state)
{
	static const uint16_t lasts[] = { 0, 1, 15, 32767, 32768, 65534, 65535 };
	struct mip6_verdict v;
	struct mip6_facts f;
	struct mh_bu_msg bu;
	struct record rec;

	(void)state;
	facts_of(&(struct row){ LIVE(0) }, &f, &bu, &rec);
	for (size_t i = 0; i < DIM(lasts); i++) {
		bool is_old[65536] = { false };

		/* "the last received number and the preceding 32768 values, inclusive" */
		for (unsigned back = 0; back <= 32768; back++)
			is_old[(uint16_t)(lasts[i] - back)] = true;
		rec.seq = lasts[i];
		for (unsigned seq = 0; seq < 65536; seq++) {
			bu.seq = (uint16_t)seq;
			mip6_judge(&f, &v);
			if ((v.action == MIP6_MOVE) == is_old[seq])
				fail_msg("%u after %u: action %d", seq, lasts[i], v.action);
		}
	}
}

static void test_nothing_listed_is_allowed(void **state)
{
	struct conf_domain open = domain;
	struct mip6_verdict v;
	struct mip6_facts f;
	struct mh_bu_msg bu;
	struct record rec;

	(void)state;
	open.care_of_allowed_count = 0;
	facts_of(&(struct row){ .alt = "2001:db9::1" }, &f, &bu, &rec);
	f.domain = &open;
	mip6_judge(&f, &v);
	assert_int_equal(v.action, MIP6_REGISTER);
	f.coa = addr("2001:db8:c:bad::1");
	mip6_judge(&f, &v);
	assert_int_equal(v.status, HA_PROHIBITED);
}

static void test_is_home(void **state)
{
	static const struct {
		const char *name;
		struct row row;
		bool home;
	} cases[] = {
		{ "away", { .name = NULL }, false },
		{ "home", { FROM_HOME }, true },
		{ "home, with the option", { .src = HOA }, true },
		{ "home address inside a tunnel", { .src = HOA, .tunnel = true }, false },
	};
	struct mip6_facts f;
	struct mh_bu_msg bu;
	struct record rec;

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		facts_of(&cases[i].row, &f, &bu, &rec);
		if (mip6_is_home(&f) != cases[i].home)
			fail_msg("%s", cases[i].name);
	}
}

static void test_hao(void **state)
{
	static const struct {
		const char *name;
		int state;
		const char *coa;
		int64_t ends;
		bool configured, late;
		enum mip6_hao want;
	} cases[] = {
		{ "bound", RECORD_LIVE, COA, 1, true, true, MIP6_HAO_BOUND },
		{ "bound, soon after the start", RECORD_LIVE, COA, 1, true, false, MIP6_HAO_BOUND },
		{ "bound elsewhere", RECORD_LIVE, OLD_COA, 1, true, true, MIP6_HAO_UNBOUND },
		{ "bound elsewhere: known since the start", RECORD_LIVE, OLD_COA, 1, true, false,
			MIP6_HAO_UNBOUND },
		{ "ended", RECORD_LIVE, COA, 0, true, true, MIP6_HAO_UNBOUND },
		{ "de-registered", RECORD_TOMBSTONE, COA, 1, true, false, MIP6_HAO_UNBOUND },
		{ "none", 0, COA, 0, true, true, MIP6_HAO_UNBOUND },
		{ "may have been bound before the start", 0, COA, 0, true, false,
			MIP6_HAO_FORGOTTEN },
		{ "cannot have been bound here", 0, COA, 0, false, false, MIP6_HAO_UNBOUND },
	};
	struct ip6_addr src = addr(COA);

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct record rec = {
			.state = (uint8_t)cases[i].state,
			.coa = addr(cases[i].coa),
			.ends_ms = (uint64_t)(NOW_MS + cases[i].ends),
		};
		uint64_t quiet_until_ms = cases[i].late ? NOW_MS : NOW_MS + 1;
		enum mip6_hao got = mip6_judge_hao(cases[i].state != 0 ? &rec : NULL, &src,
			cases[i].configured, NOW_MS, quiet_until_ms);

		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refresh_advice),
		cmocka_unit_test(test_sequence_exhaustive),
		cmocka_unit_test(test_nothing_listed_is_allowed),
		cmocka_unit_test(test_is_home),
		cmocka_unit_test(test_hao),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
