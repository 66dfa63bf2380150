/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sum does not care about the order of octets as long as all words are read in the same one
 * (RFC 1071, 2 (B)): words of the machine are summed and only the result is swapped.
 */
#include "net/cksum.h"

#include <arpa/inet.h>
#include <string.h>

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* Plus the carry: one's complement addition. */
static inline uint64_t add(uint64_t sum, uint64_t w)
{
	sum += w;
	return sum + (sum < w);
}

static uint64_t sum_data(const uint8_t *p, uint32_t len)
{
	/* Two chains, because an addition with its carry waits for the one before. */
	uint64_t a = 0, b = 0, tail = 0;

	for (; len >= 32; p += 32, len -= 32) {
		a = add(a, load64(p));
		b = add(b, load64(p + 8));
		a = add(a, load64(p + 16));
		b = add(b, load64(p + 24));
	}
	for (; len >= 8; p += 8, len -= 8)
		a = add(a, load64(p));
	if (len > 0)
		memcpy(&tail, p, len); /* an odd octet is followed by a zero (RFC 1071, 1) */
	return add(add(a, b), tail);
}

static uint16_t fold16(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

uint16_t net_cksum(const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t proto,
	const void *data, uint32_t len)
{
	uint64_t sum = sum_data(data, len);

	sum = add(sum, ip6_word(src, 0));
	sum = add(sum, ip6_word(src, 1));
	sum = add(sum, ip6_word(dst, 0));
	sum = add(sum, ip6_word(dst, 1));
	sum = add(sum, htonl(len));
	sum = add(sum, htonl(proto));
	return ntohs((uint16_t)~fold16(sum));
}
