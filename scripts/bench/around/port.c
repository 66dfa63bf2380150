/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_MAX (32 << 20) /* octets: a second of all flows, should this program stand still */

static int parse(struct port *p, const char *text, char dev[static IFNAMSIZ])
{
	uint8_t *m = p->router;
	unsigned place;

	if (sscanf(text, "%23[^=]=%15[^,],%hhx:%hhx:%hhx:%hhx:%hhx:%hhx,%u", p->name, dev, &m[0],
		    &m[1], &m[2], &m[3], &m[4], &m[5], &place) != 9 ||
		place > UINT8_MAX)
		return -EINVAL;
	p->place = (uint8_t)place;
	return 0;
}

static int prepare(struct port *p, const char *dev)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6) };
	struct ifreq r = { 0 };
	int one = 1, size = RECEIVE_MAX;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (ioctl(p->fd, SIOCGIFHWADDR, &r) < 0)
		return -errno;
	memcpy(p->mac, r.ifr_hwaddr.sa_data, sizeof(p->mac));
	at.sll_ifindex = (int)if_nametoindex(dev);
	if (setsockopt(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
		setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
		bind(p->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return 0;
}

int port_open(struct port *p, const char *text)
{
	char dev[IFNAMSIZ];
	int ret = parse(p, text, dev);

	if (ret != 0)
		return ret;
	/* protocol 0: nothing arrives from elsewhere before it is bound */
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return -errno;
	ret = prepare(p, dev);
	if (ret != 0)
		close(p->fd);
	return ret;
}

void port_send(struct port *p, uint8_t *frame, size_t len)
{
	static const uint8_t type[] = { 0x86, 0xdd };

	memcpy(frame, p->router, sizeof(p->router));
	memcpy(frame + sizeof(p->router), p->mac, sizeof(p->mac));
	memcpy(frame + sizeof(p->router) + sizeof(p->mac), type, sizeof(type));
	p->refused += send(p->fd, frame, len, MSG_DONTWAIT) < 0;
}

size_t port_receive(struct port *p, uint8_t *buf)
{
	ssize_t len;

	do
		len = recv(p->fd, buf, PORT_FRAME_MAX, MSG_DONTWAIT | MSG_TRUNC);
	while (len >= 0 && (len < ETH_HLEN || len > PORT_FRAME_MAX));
	return len > 0 ? (size_t)len : 0;
}

uint64_t port_missed(struct port *p)
{
	struct tpacket_stats s = { 0 };
	socklen_t len = sizeof(s);

	/* the kernel begins anew with each answer */
	if (getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		p->missed += s.tp_drops;
	return p->missed;
}
