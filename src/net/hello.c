/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/hello.h"

#include <errno.h>

int net_hello_check(const uint8_t *buf, size_t len)
{
	const struct net_hello *h = (const struct net_hello *)buf;

	if (len < NET_HELLO_OVERHEAD || len > NET_HELLO_MAX || h->type != NET_HELLO_TYPE)
		return -EBADMSG;
	return h->version == NET_HELLO_VERSION ? 0 : -EPROTONOSUPPORT;
}

uint32_t net_hello_key(const uint8_t *buf)
{
	const uint8_t *k = ((const struct net_hello *)buf)->key;

	return (uint32_t)k[0] << 24 | (uint32_t)k[1] << 16 | (uint32_t)k[2] << 8 | k[3];
}
