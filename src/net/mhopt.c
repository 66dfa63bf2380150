/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/mhopt.h"

#include <assert.h>
#include <errno.h>

#include "common/util.h"

struct mhopt_desc {
	uint8_t len; /* the only right Option Length; 0 = no such option */
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

/* In the order in which they are written. */
static const struct mhopt_desc mhopt_desc[] = {
	/* RFC 6275, 6.2.4 */
	[MHOPT_REFRESH] = { 2, 2, 0, false, read_refresh, write_refresh },
	/* 6.2.5 */
	[MHOPT_ALT_COA] = { 16, 8, 6, false, read_alt_coa, write_alt_coa },
	/* 6.2.6 */
	[MHOPT_NONCE] = { 4, 2, 0, false, read_nonce, write_nonce },
	/* 6.2.7; last (6.2) */
	[MHOPT_AUTH_DATA] = { 12, 8, 2, true, read_auth_data, write_auth_data },
};
static_assert(DIM(mhopt_desc) <= 64, "one bit each in mh_opts.present");

static const struct mhopt_desc *mhopt_find(uint8_t type)
{
	if (type >= DIM(mhopt_desc) || mhopt_desc[type].len == 0)
		return NULL;
	return &mhopt_desc[type];
}

int mhopt_decode(struct net_rd r, struct mh_opts *out, uint16_t *bad_at)
{
	*out = (struct mh_opts){ 0 };
	while (net_rd_left(&r) > 0) {
		uint16_t at = net_rd_offset(&r);
		uint8_t type = net_rd_u8(&r);

		if (type == MHOPT_PAD1)
			continue;
		struct net_rd body = net_rd_sub(&r, net_rd_u8(&r));
		const struct mhopt_desc *d = mhopt_find(type);

		*bad_at = at;
		if (r.bad)
			return -EBADMSG; /* runs past the message */
		if (d == NULL)
			continue; /* PadN, and what we do not know (RFC 6275, 6.2.1) */
		if (net_rd_left(&body) != d->len || mh_opts_has(out, type))
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
	for (uint8_t type = 0; type < DIM(mhopt_desc); type++) {
		const struct mhopt_desc *d = mhopt_find(type);

		if (d == NULL || !mh_opts_has(opts, type))
			continue;
		pad(w, d->align, d->at);
		net_wr_u8(w, type);
		net_wr_u8(w, d->len);
		d->write(w, opts);
	}
	pad(w, 8, 0);
}
