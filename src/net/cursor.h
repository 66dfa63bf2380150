/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounded reading and writing of wire formats, big-endian, with a sticky error: a decoder
 * reads everything it wants and asks once whether it was there. Nothing is ever read or
 * written outside. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ip6.h"

struct net_rd {
	const uint8_t *base, *p, *end;
	bool bad; /* something was asked for that is not there; every later read gives 0 */
};

static inline struct net_rd net_rd_init(const void *buf, size_t len)
{
	const uint8_t *b = buf;

	return (struct net_rd){ .base = b, .p = b, .end = b + len };
}

static inline size_t net_rd_left(const struct net_rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* From the start of the outermost buffer, also in a cursor made by net_rd_sub(). */
static inline uint16_t net_rd_offset(const struct net_rd *r)
{
	return (uint16_t)(r->p - r->base);
}

/* n octets in place, or NULL. */
static inline const uint8_t *net_rd_bytes(struct net_rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (net_rd_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static inline uint8_t net_rd_u8(struct net_rd *r)
{
	const uint8_t *p = net_rd_bytes(r, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t net_rd_u16(struct net_rd *r)
{
	const uint8_t *p = net_rd_bytes(r, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t net_rd_u32(struct net_rd *r)
{
	const uint8_t *p = net_rd_bytes(r, 4);

	return p == NULL ? 0
			 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t net_rd_u64(struct net_rd *r)
{
	uint64_t high = net_rd_u32(r);

	return high << 32 | net_rd_u32(r);
}

static inline void net_rd_ip6(struct net_rd *r, struct ip6_addr *out)
{
	const uint8_t *p = net_rd_bytes(r, sizeof(*out));

	if (p == NULL)
		memset(out, 0, sizeof(*out));
	else
		memcpy(out, p, sizeof(*out));
}

/* The next n octets as a cursor of their own; the outer one moves past them. */
static inline struct net_rd net_rd_sub(struct net_rd *r, size_t n)
{
	struct net_rd sub = *r;
	const uint8_t *p = net_rd_bytes(r, n);

	if (p == NULL) {
		sub.bad = true;
		sub.end = sub.p;
	} else {
		sub.end = p + n;
	}
	return sub;
}

struct net_wr {
	uint8_t *base, *p, *end;
	bool bad; /* did not fit; what is there is not a message */
};

static inline struct net_wr net_wr_init(void *buf, size_t cap)
{
	uint8_t *b = buf;

	return (struct net_wr){ .base = b, .p = b, .end = b + cap };
}

static inline size_t net_wr_len(const struct net_wr *w)
{
	return (size_t)(w->p - w->base);
}

/* Room for n octets, or NULL. */
static inline uint8_t *net_wr_room(struct net_wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void net_wr_u8(struct net_wr *w, uint8_t v)
{
	uint8_t *p = net_wr_room(w, 1);

	if (p != NULL)
		p[0] = v;
}

static inline void net_wr_u16(struct net_wr *w, uint16_t v)
{
	uint8_t *p = net_wr_room(w, 2);

	if (p != NULL) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void net_wr_u32(struct net_wr *w, uint32_t v)
{
	net_wr_u16(w, (uint16_t)(v >> 16));
	net_wr_u16(w, (uint16_t)v);
}

static inline void net_wr_u64(struct net_wr *w, uint64_t v)
{
	net_wr_u32(w, (uint32_t)(v >> 32));
	net_wr_u32(w, (uint32_t)v);
}

static inline void net_wr_bytes(struct net_wr *w, const void *src, size_t n)
{
	uint8_t *p = net_wr_room(w, n);

	if (p != NULL && n > 0)
		memcpy(p, src, n);
}

static inline void net_wr_zero(struct net_wr *w, size_t n)
{
	uint8_t *p = net_wr_room(w, n);

	if (p != NULL)
		memset(p, 0, n);
}

static inline void net_wr_ip6(struct net_wr *w, const struct ip6_addr *a)
{
	net_wr_bytes(w, a, sizeof(*a));
}
