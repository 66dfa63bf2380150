/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ip6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool ip6_is_loopback(const struct ip6_addr *a)
{
	static const struct ip6_addr loopback = { { [15] = 1 } };

	return ip6_eq(a, &loopback);
}

bool ip6_is_routable(const struct ip6_addr *a)
{
	return !ip6_is_unspecified(a) && !ip6_is_loopback(a) && !ip6_is_multicast(a) &&
	       !ip6_is_link_local(a) && memcmp(a->b, v4_mapped, sizeof(v4_mapped)) != 0;
}

/* Do the first `len` bits agree? */
static bool same_bits(const struct ip6_addr *a, const struct ip6_addr *b, unsigned len)
{
	unsigned octets = len / 8, rest = len % 8;

	if (memcmp(a->b, b->b, octets) != 0)
		return false;
	return rest == 0 || (a->b[octets] ^ b->b[octets]) >> (8 - rest) == 0;
}

bool ip6_in_prefix(const struct ip6_addr *a, const struct ip6_prefix *p)
{
	return same_bits(a, &p->addr, p->len);
}

bool ip6_prefix_overlap(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return same_bits(&a->addr, &b->addr, a->len < b->len ? a->len : b->len);
}

void ip6_prefix_mask(struct ip6_prefix *p)
{
	unsigned at = p->len / 8;

	if (at == sizeof(p->addr.b))
		return;
	p->addr.b[at] &= (uint8_t)(0xff00 >> p->len % 8);
	memset(p->addr.b + at + 1, 0, sizeof(p->addr.b) - at - 1);
}

void ip6_solicited_node(const struct ip6_addr *a, struct ip6_addr *out)
{
	*out = (struct ip6_addr){ { 0xff,
		0x02, [11] = 1, [12] = 0xff, [13] = a->b[13], [14] = a->b[14], [15] = a->b[15] } };
}

void ip6_link_local_from_mac(const uint8_t mac[6], struct ip6_addr *out)
{
	*out = (struct ip6_addr){ { 0xfe, 0x80, [8] = mac[0] ^ 0x02, [9] = mac[1], [10] = mac[2],
		[11] = 0xff, [12] = 0xfe, [13] = mac[3], [14] = mac[4], [15] = mac[5] } };
}

void ip6_multicast_mac(const struct ip6_addr *group, uint8_t mac[6])
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

int ip6_parse(const char *text, struct ip6_addr *out)
{
	return inet_pton(AF_INET6, text, out->b) == 1 ? 0 : -EINVAL;
}

int ip6_prefix_parse(const char *text, struct ip6_prefix *out)
{
	const char *slash = strchr(text, '/');
	char buf[IP6_STRLEN];
	struct ip6_prefix masked;
	unsigned len = 0;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, (size_t)(slash - text));
	buf[slash - text] = '\0';
	if (ip6_parse(buf, &out->addr) < 0)
		return -EINVAL;
	if (slash[1] == '\0' || (slash[1] == '0' && slash[2] != '\0'))
		return -EINVAL;
	for (const char *p = slash + 1; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || (len = len * 10 + (unsigned)(*p - '0')) > 128)
			return -EINVAL;
	}
	out->len = (uint8_t)len;
	masked = *out;
	ip6_prefix_mask(&masked);
	return ip6_eq(&masked.addr, &out->addr) ? 0 : -EDOM;
}

const char *ip6_str(const struct ip6_addr *a, char buf[static IP6_STRLEN])
{
	/* Room for every address: inet_ntop has no other way to fail. */
	return inet_ntop(AF_INET6, a->b, buf, IP6_STRLEN);
}

const char *ip6_prefix_str(const struct ip6_prefix *p, char buf[static IP6_PREFIX_STRLEN])
{
	ip6_str(&p->addr, buf);
	size_t n = strlen(buf);

	snprintf(buf + n, IP6_PREFIX_STRLEN - n, "/%u", p->len);
	return buf;
}
