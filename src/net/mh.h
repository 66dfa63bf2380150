/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobility Header messages (RFC 6275, 6.1). Decoders check and copy out, encoders write whole
 * messages with checksum. Pure: no state, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "net/cursor.h"
#include "net/mhopt.h"

enum mh_type {
	MH_BRR = 0,
	MH_HOTI = 1,
	MH_COTI = 2,
	MH_HOT = 3,
	MH_COT = 4,
	MH_BU = 5,
	MH_BA = 6,
	MH_BE = 7,
	MH_HA_SWITCH = 12,
	MH_HEARTBEAT = 13,
	MH_REVOCATION = 16,
	MH_LRI = 17,
	MH_LRA = 18,
};

enum mh_bu_flag { /* 16 bits, host order */
	MH_BU_A = 0x8000,
	MH_BU_H = 0x4000,
	MH_BU_L = 0x2000,
	MH_BU_K = 0x1000,
	MH_BU_M = 0x0800,
	MH_BU_R = 0x0400,
	MH_BU_P = 0x0200,
};

enum mh_ba_flag { /* 8 bits */
	MH_BA_K = 0x80,
	MH_BA_R = 0x40,
	MH_BA_P = 0x20,
};

/* Binding Acknowledgement status: what hamd decides about a Binding Update is one of these. */
enum ha_status {
	HA_ACCEPTED = 0,
	HA_ACCEPTED_PREFIX_DISCOVERY = 1,
	HA_UNSPECIFIED = 128,
	HA_PROHIBITED = 129,
	HA_NO_RESOURCES = 130,
	HA_NOT_SUPPORTED = 131,
	HA_NOT_HOME_SUBNET = 132,
	HA_NOT_HOME_AGENT = 133,
	HA_DAD_FAILED = 134,
	HA_SEQUENCE = 135,
	HA_EXPIRED_HOME_NONCE = 136,
	HA_EXPIRED_COA_NONCE = 137,
	HA_EXPIRED_NONCES = 138,
	HA_TYPE_CHANGE = 139,
	HA_MR_NOT_PERMITTED = 140,
	HA_INVALID_PREFIX = 141,
	HA_NOT_AUTHORIZED_FOR_PREFIX = 142,
	HA_FORWARDING_FAILED = 143,
	HA_ID_MISMATCH = 144,
	HA_MESG_ID_REQUIRED = 145,
	HA_AUTH_FAIL = 146,
};
/* "sequence number out of window" and so on; never NULL. */
const char *ha_status_str(uint8_t status);

enum mh_be_status { MH_BE_UNKNOWN_BINDING = 1, MH_BE_UNKNOWN_TYPE = 2 };

#define MH_LIFETIME_UNIT_S 4

/* What 9.2 asks of every Mobility Header before its type is looked into. */
enum mh_check {
	MH_OK,
	MH_TRUNCATED, /* shorter than its own length, or than the fixed part: silent */
	MH_BAD_CHECKSUM, /* silent */
	MH_UNKNOWN_TYPE, /* not one of RFC 6275's, 0 to 7: Binding Error, status 2 */
	MH_BAD_PROTO, /* payload proto is not 59: parameter problem code 0 at octet 0 */
	MH_BAD_LENGTH, /* Header Len below the type's least: parameter problem code 0 at octet 1 */
};

struct mh_hdr {
	uint8_t type;
	uint16_t len; /* octets: 8 + 8 x Header Len */
};

/*
 * `mh`, `left`: the Mobility Header and what the packet holds from there. src and dst as the
 * checksum wants them: the home address in place of the care-of address (a HAO's for src).
 * Checks in the order of RFC 6275, 9.2. *out is valid unless MH_TRUNCATED.
 */
enum mh_check mh_check(const uint8_t *mh, uint16_t left, const struct ip6_addr *src,
	const struct ip6_addr *dst, struct mh_hdr *out);

struct mh_bu_msg {
	uint16_t seq;
	uint16_t flags; /* enum mh_bu_flag, others cleared */
	uint16_t lifetime; /* units of 4 s */
	struct mh_opts opts;
};

/* After mh_check(); len = mh_hdr.len. 0, or -EBADMSG with *bad_at: offset of the faulty option
 * in the message. */
int mh_bu_decode(const uint8_t *mh, uint16_t len, struct mh_bu_msg *out, uint16_t *bad_at);

struct mh_ba_msg {
	uint8_t status;
	uint8_t flags; /* enum mh_ba_flag */
	uint16_t seq;
	uint16_t lifetime; /* units of 4 s */
	struct mh_opts opts;
};

int mh_ba_decode(const uint8_t *mh, uint16_t len, struct mh_ba_msg *out, uint16_t *bad_at);
/* src, dst: for the checksum (home address, not care-of address). Flags that are not ours are
 * left out. Returns the length, a multiple of 8, or -ENOSPC. */
int mh_ba_encode(const struct mh_ba_msg *ba, const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t *buf, uint16_t cap);
int mh_bu_encode(const struct mh_bu_msg *bu, const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t *buf, uint16_t cap);

/* Anew, for a message that was written to after it was encoded. */
void mh_set_cksum(
	uint8_t *mh, uint16_t len, const struct ip6_addr *src, const struct ip6_addr *dst);
#define MH_CKSUM_AT 4 /* its offset, two octets */

struct mh_be_msg {
	uint8_t status; /* enum mh_be_status */
	struct ip6_addr hoa;
};

int mh_be_decode(const uint8_t *mh, uint16_t len, struct mh_be_msg *out);
int mh_be_encode(const struct mh_be_msg *be, const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t *buf, uint16_t cap);

/* Home Agent Switch (RFC 5142, 4): a home agent's word to a mobile node, which mh_check() does not
 * know. */
struct mh_switch_msg {
	const struct ip6_addr *agents; /* decoded: inside the message that was read */
	uint8_t agent_count; /* 0: the mobile node has to find one by itself */
	struct mh_opts opts;
};

/* As mh_bu_decode(); more addresses than the message has room for: *bad_at is 1. */
int mh_switch_decode(const uint8_t *mh, uint16_t len, struct mh_switch_msg *out, uint16_t *bad_at);
/* As mh_ba_encode(). -ENOSPC also for what no Mobility Header holds (2,048 octets). */
int mh_switch_encode(const struct mh_switch_msg *sw, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint8_t *buf, uint16_t cap);

/*
 * The routing header type 2 that leads what we send to a bound home address (RFC 6275, 6.4):
 * 24 octets.
 */
#define MH_RH2_LEN 24
void mh_rh2_write(uint8_t buf[static MH_RH2_LEN], uint8_t next_header, const struct ip6_addr *hoa);
