/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture_file.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/util.h"
#include "dataplane/dp.h"
#include "host/pcapng.h"

#define PIECE      65536 /* octets of the file that go out in one go */
#define PACKET_MAX 16384 /* a port's largest MTU and its frame are less */
#define HEAD_MAX   8192 /* section and interfaces */

struct capture_file {
	struct watch *watch;
	uint32_t snaplen;
	bool has_head;
	uint16_t ports;
	uint64_t start_ns;
	uint64_t received[WATCH_PLACES];
	struct net_wr w;
	uint8_t buf[HEAD_MAX + PIECE + PACKET_MAX + PCAPNG_PACKET_ROOM];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int capture_file_new(struct watch *w, uint32_t snaplen, struct capture_file **out)
{
	struct capture_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->watch = w;
	f->snaplen = snaplen;
	f->start_ns = now_ns();
	f->w = net_wr_init(f->buf, sizeof(f->buf));
	*out = f;
	return 0;
}

void capture_file_free(struct capture_file *f)
{
	free(f);
}

/* Ports are known when the watch is on. */
static void put_head(struct capture_file *f)
{
	static const struct pcapng_interface behind[] = {
		{ .link_type = PCAPNG_IPV6,
			.name = "dropped",
			.description = "packets dropped, as they were, with the reason" },
		{ .link_type = PCAPNG_IPV6,
			.name = "control",
			.description = "packets handed to the control core" },
	};
	const struct watch_port *port;

	f->has_head = true;
	f->ports = watch_ports(f->watch, &port);
	pcapng_section(&f->w, "hamd " HAMD_VERSION);
	for (uint16_t i = 0; i < f->ports; i++) {
		struct pcapng_interface p = { .link_type = PCAPNG_ETHERNET,
			.snaplen = f->snaplen,
			.name = port[i].name,
			.hardware = port[i].hardware,
			.mac = port[i].mac,
			.bits_per_s = port[i].mbps * 1000000ULL };

		pcapng_interface(&f->w, &p);
	}
	for (unsigned i = 0; i < DIM(behind); i++) {
		struct pcapng_interface p = behind[i];

		p.snaplen = f->snaplen;
		pcapng_interface(&f->w, &p);
	}
}

bool capture_file_has_room(const struct capture_file *f)
{
	return net_wr_len(&f->w) < PIECE;
}

static unsigned place_of(const struct watch_frame *frame)
{
	if (frame->what == WATCH_DROPPED)
		return WATCH_AT_DROPPED;
	return frame->what == WATCH_PUNTED ? WATCH_AT_CONTROL : frame->port;
}

/* The file has only the ports that there are. */
static uint32_t interface_of(const struct capture_file *f, unsigned place)
{
	return place < WATCH_PORTS ? place : f->ports + (place - WATCH_PORTS);
}

/* NULL: there is nothing to say. */
static const char *comment_on(
	const struct capture_file *f, const struct watch_frame *frame, char *text, size_t room)
{
	const struct watch_port *port;
	bool is_inside = frame->what == WATCH_DROPPED || frame->what == WATCH_PUNTED;
	const char *from = is_inside && frame->port < watch_ports(f->watch, &port)
				   ? port[frame->port].name
				   : NULL;

	if (frame->is_dropped)
		snprintf(text, room, "drop=%s%s%s: %s", dp_drop_name((enum dp_drop)frame->arg),
			from != NULL ? " port=" : "", from != NULL ? from : "",
			dp_drop_help((enum dp_drop)frame->arg));
	else if (frame->what == WATCH_PUNTED)
		snprintf(text, room, "punt=%s%s%s",
			dp_punt_class_name((enum dp_punt_class)frame->arg),
			from != NULL ? " port=" : "", from != NULL ? from : "");
	else
		return NULL;
	return text;
}

void capture_file_add(struct capture_file *f, const struct watch_frame *frame, uint32_t len)
{
	char comment[PCAPNG_COMMENT_MAX + 1];
	struct pcapng_packet p = {
		.ns = watch_ns(f->watch, frame->tsc),
		.len = frame->len,
		.kept = len - (uint32_t)offsetof(struct watch_frame, octets),
		.octets = frame->octets,
		.direction = frame->what == WATCH_OUT ? PCAPNG_OUT : PCAPNG_IN,
		.comment = comment_on(f, frame, comment, sizeof(comment)),
	};

	if (!f->has_head)
		put_head(f);
	p.interface = interface_of(f, place_of(frame));
	if (p.kept > PACKET_MAX)
		p.kept = PACKET_MAX;
	f->received[place_of(frame)]++;
	pcapng_packet(&f->w, &p);
}

void capture_file_flush(struct capture_file *f, struct jw *out)
{
	size_t len;

	if (!f->has_head)
		put_head(f); /* a file without packets is one */
	len = net_wr_len(&f->w);
	if (len == 0)
		return;
	jw_object(out, NULL);
	jw_u64(out, "octets", len);
	jw_end(out, '}');
	jw_newline(out);
	jw_raw(out, (const char *)f->buf, len);
	f->w = net_wr_init(f->buf, sizeof(f->buf));
}

void capture_file_end(struct capture_file *f, struct jw *out)
{
	struct pcapng_statistics s = { .start_ns = f->start_ns, .end_ns = now_ns() };

	if (!f->has_head)
		put_head(f);
	for (unsigned place = 0; place < WATCH_PLACES; place++) {
		if (place >= f->ports && place < WATCH_PORTS)
			continue;
		s.interface = interface_of(f, place);
		s.lost = watch_lost_at(f->watch, place);
		s.received = f->received[place] + s.lost;
		pcapng_statistics(&f->w, &s);
	}
	capture_file_flush(f, out);
}
