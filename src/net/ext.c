/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/ext.h"

#include "net/ip6hdr.h"

/* Option types (RFC 8200, 4.2; RFC 2473, 4.1.1; RFC 6275, 6.3). */
enum {
	OPT_PAD1 = 0,
	OPT_PADN = 1,
	OPT_LIMIT = 4,
	OPT_HAO = 0xc9,
};

#define LIMIT_LEN 1
#define HAO_LEN   16

struct walk {
	const uint8_t *pkt;
	uint16_t len;
	enum ext_mode mode;
	unsigned options; /* seen so far, in all headers */
	bool after_fragment_or_ah; /* no place for a Home Address option any more */
	struct ext_info *out;
};

static enum ext_verdict bad(struct walk *w, unsigned off, enum ext_verdict verdict)
{
	w->out->bad_off = (uint16_t)off;
	return verdict;
}

static bool is_extension(uint8_t nh)
{
	const uint64_t set = 1ULL << IP6_HOPOPT | 1ULL << IP6_ROUTING | 1ULL << IP6_FRAGMENT |
			     1ULL << IP6_AH | 1ULL << IP6_DSTOPT;

	return nh < 64 && (set >> nh & 1) != 0;
}

/* RFC 8200, 4.2: the type's two highest bits say what becomes of the packet. */
static enum ext_verdict unknown_option(struct walk *w, unsigned off)
{
	switch (w->pkt[off] >> 6) {
	case 0:
		return EXT_OK;
	case 1:
		return EXT_BAD_OPTION_DROP;
	case 2:
		return bad(w, off, EXT_BAD_OPTION);
	default:
		return bad(w, off, EXT_BAD_OPTION_UNI);
	}
}

static enum ext_verdict take_limit(struct walk *w, unsigned off)
{
	if (w->pkt[off + 1] != LIMIT_LEN)
		return bad(w, off + 1, EXT_BAD_LENGTH);
	if ((w->out->flags & EXT_LIMIT) == 0) {
		w->out->flags |= EXT_LIMIT;
		w->out->limit_off = (uint16_t)off;
	}
	return EXT_OK;
}

static enum ext_verdict take_hao(struct walk *w, unsigned off)
{
	if (w->pkt[off + 1] != HAO_LEN)
		return bad(w, off + 1, EXT_BAD_LENGTH);
	if (w->after_fragment_or_ah || (w->out->flags & EXT_HAO) != 0)
		return EXT_BAD_ORDER; /* RFC 6275, 6.3: once, before Fragment, AH and ESP */
	w->out->flags |= EXT_HAO;
	w->out->hao_off = (uint16_t)off;
	return EXT_OK;
}

/* Hop-by-hop or Destination Options: the header's hdr_len octets at off are there. */
static enum ext_verdict take_options(struct walk *w, uint8_t nh, unsigned off, unsigned hdr_len)
{
	unsigned end = off + hdr_len;

	for (off += 2; off < end;) {
		uint8_t type = w->pkt[off];
		enum ext_verdict verdict = EXT_OK;

		if (++w->options > EXT_MAX_OPTIONS)
			return EXT_TOO_MANY;
		if (type == OPT_PAD1) {
			off++;
			continue;
		}
		if (end - off < 2)
			return bad(w, off, EXT_BAD_LENGTH);
		if (end - off - 2 < w->pkt[off + 1])
			return bad(w, off + 1, EXT_BAD_LENGTH);
		if (nh == IP6_DSTOPT && type == OPT_LIMIT)
			verdict = take_limit(w, off);
		else if (nh == IP6_DSTOPT && type == OPT_HAO)
			verdict = take_hao(w, off);
		else if (type != OPT_PADN)
			verdict = unknown_option(w, off);
		if (verdict != EXT_OK && w->mode == EXT_TO_US)
			return verdict;
		off += 2u + w->pkt[off + 1];
	}
	return EXT_OK;
}

static enum ext_verdict take_routing(struct walk *w, unsigned off)
{
	uint8_t type = w->pkt[off + 2], segments_left = w->pkt[off + 3];

	w->out->flags |= EXT_RH;
	w->out->rh_off = (uint16_t)off;
	/* Nothing left: the header is skipped, whatever its type (RFC 8200, 4.4; RFC 5095, 3). */
	if (segments_left > 0)
		return type == 2 ? EXT_RH2 : bad(w, off + 2, EXT_RH_REFUSED);
	/* RFC 6275, 6.3: the Home Address option comes after the routing header. */
	return (w->out->flags & EXT_HAO) != 0 ? EXT_BAD_ORDER : EXT_OK;
}

static enum ext_verdict take_fragment(struct walk *w, unsigned off)
{
	uint16_t field = (uint16_t)(w->pkt[off + 2] << 8 | w->pkt[off + 3]);
	bool again = (w->out->flags & (EXT_FRAGMENT | EXT_ATOMIC)) != 0;

	w->after_fragment_or_ah = true;
	/* A source makes fragments once. Fragments of fragments would be work without a bound. */
	if (again && w->mode == EXT_TO_US)
		return EXT_BAD_ORDER;
	if (!again) {
		w->out->frag_off = (uint16_t)off;
		w->out->frag_nh_off = w->out->nh_off;
	}
	if ((field & 0xfff9) == 0) { /* offset and M; the two bits between are reserved */
		w->out->flags |= EXT_ATOMIC;
		return EXT_OK;
	}
	w->out->flags |= EXT_FRAGMENT;
	if ((field & 0xfff8) != 0)
		w->out->flags |= EXT_NOT_FIRST;
	return EXT_OK;
}

static enum ext_verdict take_header(struct walk *w, uint8_t nh, unsigned off, unsigned hdr_len)
{
	switch (nh) {
	case IP6_HOPOPT:
		if (w->out->headers > 1 && w->mode == EXT_TO_US)
			return bad(w, w->out->nh_off, EXT_BAD_ORDER);
		return take_options(w, nh, off, hdr_len);
	case IP6_DSTOPT:
		return take_options(w, nh, off, hdr_len);
	case IP6_ROUTING:
		return take_routing(w, off);
	case IP6_FRAGMENT:
		return take_fragment(w, off);
	default: /* AH */
		w->after_fragment_or_ah = true;
		return EXT_OK;
	}
}

static unsigned header_len(uint8_t nh, uint8_t len_octet)
{
	if (nh == IP6_FRAGMENT)
		return 8;
	if (nh == IP6_AH)
		return (len_octet + 2u) * 4; /* RFC 4302, 2.2 */
	return (len_octet + 1u) * 8;
}

static enum ext_verdict walk_headers(struct walk *w)
{
	struct ext_info *out = w->out;
	const unsigned start = sizeof(struct net_ip6);
	unsigned off = start;

	while (is_extension(out->upper)) {
		unsigned hdr_len;
		enum ext_verdict verdict;

		if (++out->headers > EXT_MAX_HEADERS)
			return EXT_TOO_MANY;
		if (w->len - off < 8)
			return EXT_TRUNCATED;
		hdr_len = header_len(out->upper, w->pkt[off + 1]);
		if (w->len - off < hdr_len)
			return EXT_TRUNCATED;
		if (off + hdr_len - start > EXT_MAX_BYTES)
			return EXT_TOO_MANY;
		verdict = take_header(w, out->upper, off, hdr_len);
		if (verdict == EXT_TOO_MANY || (verdict != EXT_OK && w->mode == EXT_TO_US))
			return verdict;
		if ((out->flags & EXT_NOT_FIRST) != 0)
			return EXT_OK;
		out->nh_off = (uint16_t)off;
		out->upper = w->pkt[off];
		off += hdr_len;
	}
	/* RFC 8200, 4.5: a first fragment holds all headers, the upper layer's too. */
	if ((out->flags & EXT_FRAGMENT) != 0 && out->upper != IP6_NONE && off == w->len &&
		w->mode == EXT_TO_US)
		return EXT_TRUNCATED;
	out->upper_off = (uint16_t)off;
	return EXT_OK;
}

enum ext_verdict ext_walk(
	const uint8_t *pkt, uint16_t len, enum ext_mode mode, struct ext_info *out)
{
	struct walk w = { .pkt = pkt, .len = len, .mode = mode, .out = out };
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	enum ext_verdict verdict;

	*out = (struct ext_info){
		.nh_off = offsetof(struct net_ip6, next_header),
		.upper_off = sizeof(*h),
		.upper = h->next_header,
	};
	if (likely(!is_extension(out->upper)))
		return EXT_OK;
	out->upper_off = 0;
	verdict = walk_headers(&w);
	if (mode == EXT_TRANSIT) {
		out->bad_off = 0; /* nobody's business here */
		return verdict;
	}
	/* Last, so that the caller knows the upper layer when it decides on a Binding Error. */
	if (verdict == EXT_OK && (out->flags & EXT_HAO) != 0 &&
		!ip6_is_routable((const struct ip6_addr *)(pkt + out->hao_off + 2)))
		return bad(&w, out->hao_off, EXT_HAO_REFUSED);
	return verdict;
}
