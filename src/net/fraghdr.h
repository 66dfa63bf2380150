/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Fragment header (RFC 8200, 4.5): what a fragment says of itself, what is wrong with it
 * whatever its siblings say, and taking the header out of a packet that is whole again. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FRAGHDR_LEN 8

struct fraghdr {
	uint32_t id;
	uint16_t off; /* of its data in the fragmentable part, in octets */
	uint16_t len; /* of its data */
	uint16_t data_off; /* where they begin, from the first octet of the IPv6 header */
	bool more; /* fragments follow */
};

enum fraghdr_verdict {
	FRAGHDR_OK,
	FRAGHDR_EMPTY, /* not an octet of data: silent (choice) */
	FRAGHDR_ODD, /* not the last, and no multiple of 8 octets: parameter problem code 0 */
	FRAGHDR_BEYOND, /* the whole would exceed 65,535 octets: parameter problem code 0 */
};

/*
 * pkt: a packet from its IPv6 header on, len octets as its payload length says; at: its Fragment
 * header, all of it there (ext_walk() saw to both). *out is filled whatever the verdict;
 * *pointer with it when a parameter problem is due. Any thread.
 */
enum fraghdr_verdict fraghdr_read(
	const uint8_t *pkt, uint16_t len, uint16_t at, struct fraghdr *out, uint32_t *pointer);

/*
 * Takes the Fragment header at `at` out: what stands before it moves up to what stands behind,
 * and the octet at nh_off, which named it, names what followed it. The packet then begins
 * FRAGHDR_LEN octets later; its payload length is the caller's.
 */
void fraghdr_strip(uint8_t *pkt, uint16_t at, uint16_t nh_off);
