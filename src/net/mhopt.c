/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/mhopt.h"

#include <assert.h>
#include <errno.h>

#include "common/util.h"

struct mhopt_desc {
	uint8_t len; /* the only right Option Length; 0 = no such option */
	uint8_t subtype; /* the first octet must be that, or the option is skipped; 0 = has none */
	bool is_longer; /* len is the least */
	uint8_t align, at; /* the type octet lies at align x n + at */
	bool is_last; /* nothing follows, not even padding */
	void (*read)(struct net_rd *r, struct mh_opts *opts);
	void (*write)(struct net_wr *w, const struct mh_opts *opts);
};

static void read_refresh(struct net_rd *r, struct mh_opts *opts)
{
	opts->refresh = net_rd_u16(r);
}

static void write_refresh(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_u16(w, opts->refresh);
}

static void read_alt_coa(struct net_rd *r, struct mh_opts *opts)
{
	net_rd_ip6(r, &opts->alt_coa);
}

static void write_alt_coa(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_ip6(w, &opts->alt_coa);
}

static void read_nonce(struct net_rd *r, struct mh_opts *opts)
{
	opts->home_nonce = net_rd_u16(r);
	opts->coa_nonce = net_rd_u16(r);
}

static void write_nonce(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_u16(w, opts->home_nonce);
	net_wr_u16(w, opts->coa_nonce);
}

static void read_auth_data(struct net_rd *r, struct mh_opts *opts)
{
	const uint8_t *p = net_rd_bytes(r, sizeof(opts->auth_data));

	if (p != NULL)
		memcpy(opts->auth_data, p, sizeof(opts->auth_data));
}

static void write_auth_data(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_bytes(w, opts->auth_data, sizeof(opts->auth_data));
}

static void read_nai(struct net_rd *r, struct mh_opts *opts)
{
	opts->nai_len = (uint8_t)net_rd_left(r);
	opts->nai = net_rd_bytes(r, opts->nai_len);
}

static void write_nai(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_bytes(w, opts->nai, opts->nai_len);
}

static void read_mn_auth(struct net_rd *r, struct mh_opts *opts)
{
	const uint8_t *p;

	opts->spi = net_rd_u32(r);
	opts->mac_at = net_rd_offset(r);
	p = net_rd_bytes(r, sizeof(opts->mac));
	if (p != NULL)
		memcpy(opts->mac, p, sizeof(opts->mac));
}

static void write_mn_auth(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_u32(w, opts->spi);
	net_wr_bytes(w, opts->mac, sizeof(opts->mac));
}

static void read_replay(struct net_rd *r, struct mh_opts *opts)
{
	opts->timestamp = net_rd_u64(r);
}

static void write_replay(struct net_wr *w, const struct mh_opts *opts)
{
	net_wr_u64(w, opts->timestamp);
}

static const struct mhopt_desc mhopt_desc[] = {
	/* RFC 6275, 6.2.4 */
	[MHOPT_REFRESH] = { 2, 0, false, 2, 0, false, read_refresh, write_refresh },
	/* 6.2.5 */
	[MHOPT_ALT_COA] = { 16, 0, false, 8, 6, false, read_alt_coa, write_alt_coa },
	/* 6.2.6 */
	[MHOPT_NONCE] = { 4, 0, false, 2, 0, false, read_nonce, write_nonce },
	/* 6.2.7; last (6.2) */
	[MHOPT_AUTH_DATA] = { 12, 0, false, 8, 2, true, read_auth_data, write_auth_data },
	/* RFC 4283, 3 and 3.1 */
	[MHOPT_MN_ID] = { 2, 1, true, 1, 0, false, read_nai, write_nai },
	/* RFC 4285, 5 and 5.1; 4n + 1, and being last it ends the message: 8n + 5 */
	[MHOPT_MN_AUTH] = { 17, 1, false, 8, 5, false, read_mn_auth, write_mn_auth },
	/* RFC 4285, 6 */
	[MHOPT_REPLAY] = { 8, 0, false, 8, 2, false, read_replay, write_replay },
};

static const uint8_t write_order[] = { MHOPT_REFRESH, MHOPT_ALT_COA, MHOPT_NONCE, MHOPT_MN_ID,
	MHOPT_REPLAY, MHOPT_AUTH_DATA, MHOPT_MN_AUTH };
static_assert(DIM(mhopt_desc) <= 64, "one bit each in mh_opts.present");

static const struct mhopt_desc *mhopt_find(uint8_t type)
{
	if (type >= DIM(mhopt_desc) || mhopt_desc[type].len == 0)
		return NULL;
	return &mhopt_desc[type];
}

/* Of the subtype we read; what comes after the subtype is left in *body. */
static bool is_ours(const struct mhopt_desc *d, struct net_rd *body)
{
	return d->subtype == 0 || net_rd_u8(body) == d->subtype;
}

static bool is_length_right(const struct mhopt_desc *d, size_t len)
{
	return d->is_longer ? len >= d->len : len == d->len;
}

int mhopt_decode(struct net_rd r, struct mh_opts *out, uint16_t *bad_at)
{
	bool closed = false; /* by MN-AAA, which is not ours to check */

	*out = (struct mh_opts){ 0 };
	while (net_rd_left(&r) > 0) {
		uint16_t at = net_rd_offset(&r);
		uint8_t type = net_rd_u8(&r);

		if (type == MHOPT_PAD1)
			continue;
		struct net_rd body = net_rd_sub(&r, net_rd_u8(&r));
		const struct mhopt_desc *d = mhopt_find(type);
		size_t len = net_rd_left(&body);

		*bad_at = at;
		if (r.bad)
			return -EBADMSG; /* runs past the message */
		if (type == MHOPT_PADN)
			continue;
		if (closed || (mh_opts_has(out, MHOPT_MN_AUTH) && type != MHOPT_MN_AUTH))
			return -EBADMSG;
		if (d == NULL)
			continue; /* what we do not know (RFC 6275, 6.2.1) */
		if (!is_ours(d, &body)) {
			closed = type == MHOPT_MN_AUTH;
			continue;
		}
		if (!is_length_right(d, len) || mh_opts_has(out, type))
			return -EBADMSG;
		if (d->is_last && net_rd_left(&r) > 0)
			return -EBADMSG;
		d->read(&body, out);
		out->present |= 1ULL << type;
	}
	return r.bad ? -EBADMSG : 0;
}

/* Until the message is align x n + at octets long (RFC 6275, 6.2.2 and 6.2.3). */
static void pad(struct net_wr *w, unsigned align, unsigned at)
{
	unsigned n = (align + at - (unsigned)(net_wr_len(w) % align)) % align;

	if (n == 1) {
		net_wr_u8(w, MHOPT_PAD1);
	} else if (n > 1) {
		net_wr_u8(w, MHOPT_PADN);
		net_wr_u8(w, (uint8_t)(n - 2));
		net_wr_zero(w, n - 2);
	}
}

void mhopt_encode(struct net_wr *w, const struct mh_opts *opts)
{
	for (size_t i = 0; i < DIM(write_order); i++) {
		uint8_t type = write_order[i];
		const struct mhopt_desc *d = mhopt_find(type);

		if (!mh_opts_has(opts, type))
			continue;
		pad(w, d->align, d->at);
		net_wr_u8(w, type);
		net_wr_u8(w, type == MHOPT_MN_ID ? (uint8_t)(1 + opts->nai_len) : d->len);
		if (d->subtype != 0)
			net_wr_u8(w, d->subtype);
		d->write(w, opts);
	}
	pad(w, 8, 0);
}
