/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The maximum segment size that TCP announces in a SYN (RFC 9293, 3.7.1), lowered in passing so
 * that full segments fit a tunnel also where Packet Too Big does not get through. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NET_TCP_FLAGS 13 /* offset of the octet of flags in a TCP header */
#define NET_TCP_SYN   0x02

/*
 * tcp: a TCP header, len: octets that are really there, whatever the header says; any len, any
 * alignment. In a SYN, each MSS option above `mss` octets is set to it and the checksum is
 * adapted (RFC 1624): one that was wrong stays wrong. Nothing is added and nothing raised; a
 * header or an option that runs past its end, and what stands behind it, is left alone. True:
 * something was lowered. Any thread.
 */
bool net_tcp_clamp_mss(uint8_t *tcp, uint32_t len, uint16_t mss);
