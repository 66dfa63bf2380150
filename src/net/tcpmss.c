/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/tcpmss.h"

#define HEADER_MIN 20
#define DATA_OFF   12 /* offset of the octet that begins with the data offset */
#define CKSUM      16

#define OPT_END     0
#define OPT_NOP     1
#define OPT_MSS     2
#define OPT_MSS_LEN 4

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void store16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t swap16(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
static uint16_t adapted(uint16_t cksum, uint16_t was, uint16_t is)
{
	uint32_t sum = (uint16_t)~cksum + (uint32_t)(uint16_t)~was + is;

	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~sum;
}

static bool lower(uint8_t *tcp, uint32_t at, uint16_t mss)
{
	uint16_t was = load16(tcp + at), is = mss;

	if (was <= mss)
		return false;
	store16(tcp + at, is);
	/* At an odd offset its octets are the halves of two words that change places in the sum. */
	if (at % 2 != 0) {
		was = swap16(was);
		is = swap16(is);
	}
	store16(tcp + CKSUM, adapted(load16(tcp + CKSUM), was, is));
	return true;
}

bool net_tcp_clamp_mss(uint8_t *tcp, uint32_t len, uint16_t mss)
{
	uint32_t at = HEADER_MIN, end;
	bool lowered = false;

	if (len < HEADER_MIN || !(tcp[NET_TCP_FLAGS] & NET_TCP_SYN))
		return false;
	end = (uint32_t)(tcp[DATA_OFF] >> 4) * 4;
	if (end > len)
		return false;
	while (at < end && tcp[at] != OPT_END) {
		if (tcp[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > end - at)
			break;
		if (tcp[at] == OPT_MSS && tcp[at + 1] == OPT_MSS_LEN)
			lowered |= lower(tcp, at + 2, mss);
		at += tcp[at + 1];
	}
	return lowered;
}
