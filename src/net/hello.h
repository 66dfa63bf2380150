/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands in clear in a hello (sync/hello_seal.h), as octets: enough for a worker to tell what
 * may be genuine from what cannot be, before it takes room in a queue. Pure.
 *
 *      0       4       8              16                 n - 16           n
 *      | type, version, node, 0 | key's name | counter | ChaCha20-Poly1305 | tag |
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NET_HELLO_TYPE     1
#define NET_HELLO_VERSION  1
#define NET_HELLO_OVERHEAD 32 /* head and tag */
#define NET_HELLO_MAX      1232 /* octets of the longest datagram: 1,280 with IPv6 and UDP */

/* As on the wire: numbers big-endian, no alignment. */
struct net_hello {
	uint8_t type, version, node, zero;
	uint8_t key[4], counter[8];
};

/* A datagram's form. 0: it is as long as one may be, and begins with a struct net_hello; -EBADMSG:
 * too short, too long, or of an unknown type; -EPROTONOSUPPORT: of another version. */
int net_hello_check(const uint8_t *buf, size_t len);

/* Of one that has a form: the name of the keys that it is sealed with. */
uint32_t net_hello_key(const uint8_t *buf);
