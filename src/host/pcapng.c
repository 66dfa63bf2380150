/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/pcapng.h"

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define UNKNOWN_LENGTH   UINT32_MAX /* of the section, 64 bits of it */

enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_MAC = 6,
	IF_SPEED = 8,
	IF_TSRESOL = 9,
	IF_HARDWARE = 15,
	EPB_FLAGS = 2,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
};

#define TSRESOL_NS 9 /* 10^-9 s */

/* --- blocks and options --- */

/* Its length comes when it ends. */
static uint8_t *begin(struct net_wr *w, enum block type)
{
	net_wr_u32(w, type);
	return net_wr_room(w, sizeof(uint32_t));
}

static void pad(struct net_wr *w, size_t len)
{
	net_wr_zero(w, -len & 3);
}

static void end(struct net_wr *w, uint8_t *length)
{
	uint32_t total;
	struct net_wr at;

	if (w->bad)
		return;
	total = (uint32_t)(w->p - length) + 2 * (uint32_t)sizeof(uint32_t);
	net_wr_u32(w, total); /* once more, for who reads backwards */
	at = net_wr_init(length, sizeof(uint32_t));
	net_wr_u32(&at, total);
}

static void put_u64(struct net_wr *w, uint64_t v)
{
	net_wr_u32(w, (uint32_t)(v >> 32));
	net_wr_u32(w, (uint32_t)v);
}

static void option(struct net_wr *w, enum option code, const void *value, size_t len)
{
	net_wr_u16(w, (uint16_t)code);
	net_wr_u16(w, (uint16_t)len);
	net_wr_bytes(w, value, len);
	pad(w, len);
}

/* Texts are UTF-8: what is cut, here or before, ends with a whole character. */
static size_t text_len(const char *text)
{
	size_t n = strnlen(text, PCAPNG_COMMENT_MAX), more = 0, wanted;
	uint8_t lead;

	while (more < 3 && more < n && ((uint8_t)text[n - more - 1] & 0xc0) == 0x80)
		more++;
	lead = n > more ? (uint8_t)text[n - more - 1] : 0;
	wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	return wanted > more ? n - more - 1 : n;
}

static void option_text(struct net_wr *w, enum option code, const char *text)
{
	if (text != NULL)
		option(w, code, text, text_len(text));
}

static void option_u64(struct net_wr *w, enum option code, uint64_t v)
{
	net_wr_u16(w, (uint16_t)code);
	net_wr_u16(w, sizeof(v));
	put_u64(w, v);
}

static void option_end(struct net_wr *w)
{
	option(w, OPT_END, NULL, 0);
}

/* --- the blocks --- */

void pcapng_section(struct net_wr *w, const char *application)
{
	uint8_t *length = begin(w, BLOCK_SECTION);

	net_wr_u32(w, BYTE_ORDER_MAGIC);
	net_wr_u16(w, 1); /* version 1.0 */
	net_wr_u16(w, 0);
	net_wr_u32(w, UNKNOWN_LENGTH);
	net_wr_u32(w, UNKNOWN_LENGTH);
	option_text(w, SHB_USERAPPL, application);
	option_end(w);
	end(w, length);
}

void pcapng_interface(struct net_wr *w, const struct pcapng_interface *i)
{
	uint8_t *length = begin(w, BLOCK_INTERFACE);
	uint8_t resolution = TSRESOL_NS;

	net_wr_u16(w, i->link_type);
	net_wr_u16(w, 0);
	net_wr_u32(w, i->snaplen);
	option_text(w, IF_NAME, i->name);
	option_text(w, IF_DESCRIPTION, i->description);
	if (i->mac != NULL)
		option(w, IF_MAC, i->mac, 6);
	if (i->bits_per_s > 0)
		option_u64(w, IF_SPEED, i->bits_per_s);
	option(w, IF_TSRESOL, &resolution, 1);
	option_text(w, IF_HARDWARE, i->hardware);
	option_end(w);
	end(w, length);
}

void pcapng_packet(struct net_wr *w, const struct pcapng_packet *p)
{
	const uint8_t flags[4] = { 0, 0, 0, (uint8_t)p->direction };
	uint8_t *length = begin(w, BLOCK_PACKET);

	net_wr_u32(w, p->interface);
	put_u64(w, p->ns);
	net_wr_u32(w, p->kept);
	net_wr_u32(w, p->len);
	net_wr_bytes(w, p->octets, p->kept);
	pad(w, p->kept);
	option_text(w, OPT_COMMENT, p->comment);
	if (p->direction != PCAPNG_UNKNOWN)
		option(w, EPB_FLAGS, flags, sizeof(flags));
	option_end(w);
	end(w, length);
}

void pcapng_statistics(struct net_wr *w, const struct pcapng_statistics *s)
{
	uint8_t *length = begin(w, BLOCK_STATISTICS);

	net_wr_u32(w, s->interface);
	put_u64(w, s->end_ns);
	option_u64(w, ISB_STARTTIME, s->start_ns);
	option_u64(w, ISB_ENDTIME, s->end_ns);
	option_u64(w, ISB_IFRECV, s->received);
	option_u64(w, ISB_IFDROP, s->lost);
	option_end(w);
	end(w, length);
}
