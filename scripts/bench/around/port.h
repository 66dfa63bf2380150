/* SPDX-License-Identifier: BSD-3-Clause */
/* A link with one router at its other end, by a packet socket. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flow.h"

#define PORT_FRAME_MAX 2048

struct port {
	char name[NAME_MAX_LEN];
	int fd;
	uint8_t place; /* of the mobile nodes on this link, 0: correspondents' */
	uint8_t mac[6], router[6];
	uint64_t refused; /* by the interface: not sent */
	uint64_t missed; /* arrived, and there was no room in the socket */
	uint64_t others; /* IPv6 packets that are neither a flow's nor an acknowledgement */
};

/* text: NAME=DEV,MAC,PLACE. 0, -EINVAL, or what the kernel says. */
int port_open(struct port *p, const char *text);

/* Writes the Ethernet header before it sends. */
void port_send(struct port *p, uint8_t *frame, size_t len);

/* Length of a frame into buf of PORT_FRAME_MAX; 0: there is none. */
size_t port_receive(struct port *p, uint8_t *buf);

uint64_t port_missed(struct port *p);
