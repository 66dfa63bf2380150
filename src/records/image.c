/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/image.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "net/cursor.h"
#include "records/put.h"
#include "records/records.h"

#define FORM 1

enum field {
	FIELD_TIMESTAMP = 1, /* the highest one accepted, NTP's 64 bits */
	FIELD_COUNTERS = 2, /* packets and octets to the mobile node, and from it: 64 bits each */
	FIELD_SESSION = 3, /* 64 bits */
	/* content: number 8, hlc 8, epoch 4, node 1; owner: number 8, epoch 4, term 3, node 1;
	 * whose word the end is: term 3, node 1; what the numbers are: 1 */
	FIELD_VERSIONS = 4,
	FIELD_EXTRA = 5, /* fields that came with it from a site of a later release, as they came */
	FIELD_ALONE = 6, /* 1 */
	FIELD_CRITICAL = 128,
};

#define FIXED_LEN     76
#define TIMESTAMP_LEN 8
#define COUNTERS_LEN  32
#define SESSION_LEN   8
#define VERSIONS_LEN  42
#define ALONE_LEN     1

static_assert(FIXED_LEN + 2 + TIMESTAMP_LEN + 2 + COUNTERS_LEN + 2 + SESSION_LEN + 2 +
			      VERSIONS_LEN + 2 + RECORD_EXTRA_MAX + 2 + ALONE_LEN ==
		      RECORD_IMAGE_MAX,
	"all fields");

static uint8_t *put_term(uint8_t *p, uint32_t term, uint8_t node)
{
	return put_u32(p, term << 8 | node);
}

static uint8_t *put_versions(uint8_t *p, const struct record_image *r)
{
	p = put_u8(p, FIELD_VERSIONS);
	p = put_u8(p, VERSIONS_LEN);
	p = put_u64(p, r->content.ext_seq);
	p = put_u64(p, r->content.hlc);
	p = put_u32(p, r->content.epoch);
	p = put_u8(p, r->content.node);
	p = put_u64(p, r->owner.ext_seq);
	p = put_u32(p, r->owner.epoch);
	p = put_term(p, r->owner.term, r->owner.node);
	p = put_term(p, r->remaining_by.term, r->remaining_by.node);
	return put_u8(p, r->order);
}

static uint8_t *put_mesh(uint8_t *p, const struct record_image *r)
{
	p = put_versions(p, r);
	if (r->extra_len > 0) {
		p = put_u8(p, FIELD_EXTRA);
		p = put_u8(p, r->extra_len);
		p = put_bytes(p, r->extra, r->extra_len);
	}
	if (r->alone) {
		p = put_u8(p, FIELD_ALONE);
		p = put_u8(p, ALONE_LEN);
		p = put_u8(p, 1);
	}
	return p;
}

static uint8_t *put_fields(uint8_t *p, const struct record_image *r)
{
	if (r->ntp_last != 0) {
		p = put_u8(p, FIELD_TIMESTAMP);
		p = put_u8(p, TIMESTAMP_LEN);
		p = put_u64(p, r->ntp_last);
	}
	if ((r->packets_to | r->bytes_to | r->packets_from | r->bytes_from) != 0) {
		p = put_u8(p, FIELD_COUNTERS);
		p = put_u8(p, COUNTERS_LEN);
		p = put_u64(p, r->packets_to);
		p = put_u64(p, r->bytes_to);
		p = put_u64(p, r->packets_from);
		p = put_u64(p, r->bytes_from);
	}
	if (r->session != 0) {
		p = put_u8(p, FIELD_SESSION);
		p = put_u8(p, SESSION_LEN);
		p = put_u64(p, r->session);
	}
	return r->content.node != 0 ? put_mesh(p, r) : p;
}

size_t record_image_encode(const struct record_image *r, uint8_t buf[static RECORD_IMAGE_MAX])
{
	uint8_t *p = buf;

	p = put_u8(p, FORM);
	p = put_u8(p, r->state);
	p = put_u16(p, r->domain);
	p = put_u16(p, r->seq);
	p = put_u16(p, r->flags);
	p = put_u32(p, r->lifetime_s);
	p = put_u64(p, r->ends_ms);
	p = put_u64(p, r->since_ms);
	p = put_bytes(p, &r->hoa, sizeof(r->hoa));
	p = put_bytes(p, &r->ha, sizeof(r->ha));
	p = put_bytes(p, &r->coa, sizeof(r->coa));
	return (size_t)(put_fields(p, r) - buf);
}

static struct owner_term read_term(struct net_rd *r)
{
	uint32_t v = net_rd_u32(r);

	return (struct owner_term){ .node = v & 0xff, .term = v >> 8 };
}

static void read_versions(struct net_rd *r, struct record_image *out)
{
	struct owner_term owner;

	out->content.ext_seq = net_rd_u64(r);
	out->content.hlc = net_rd_u64(r);
	out->content.epoch = net_rd_u32(r);
	out->content.node = net_rd_u8(r);
	out->owner.ext_seq = net_rd_u64(r);
	out->owner.epoch = net_rd_u32(r);
	owner = read_term(r);
	out->owner.term = owner.term;
	out->owner.node = owner.node;
	out->remaining_by = read_term(r);
	out->order = net_rd_u8(r);
	/* no site has the number 0; whose word the end is may be nobody's */
	if (out->content.node == 0 || owner.node == 0 || out->order > RECORD_BY_STAMP)
		r->bad = true;
}

static int read_field(uint8_t field, struct net_rd *r, struct record_image *out)
{
	switch (field) {
	case FIELD_TIMESTAMP:
		out->ntp_last = net_rd_u64(r);
		break;
	case FIELD_COUNTERS:
		out->packets_to = net_rd_u64(r);
		out->bytes_to = net_rd_u64(r);
		out->packets_from = net_rd_u64(r);
		out->bytes_from = net_rd_u64(r);
		break;
	case FIELD_SESSION:
		out->session = net_rd_u64(r);
		break;
	case FIELD_VERSIONS:
		read_versions(r, out);
		break;
	case FIELD_EXTRA:
		out->extra_len = (uint8_t)net_rd_left(r);
		out->extra = net_rd_bytes(r, out->extra_len);
		break;
	case FIELD_ALONE:
		out->alone = net_rd_u8(r) == 1;
		break;
	default:
		return field >= FIELD_CRITICAL ? -ENOTSUP : 0;
	}
	return r->bad || net_rd_left(r) > 0 ? -EBADMSG : 0;
}

static int read_fields(struct net_rd *r, struct record_image *out)
{
	int last = 0, ret = 0;

	while (ret == 0 && net_rd_left(r) > 0) {
		uint8_t field = net_rd_u8(r);
		struct net_rd value = net_rd_sub(r, net_rd_u8(r));

		/* in the order of their numbers, so none comes twice */
		if (r->bad || field <= last)
			return -EBADMSG;
		last = field;
		ret = read_field(field, &value, out);
	}
	return ret;
}

static bool is_state(uint8_t state)
{
	return state == RECORD_LIVE || state == RECORD_TOMBSTONE;
}

int record_image_decode(const uint8_t *buf, size_t len, struct record_image *out)
{
	struct net_rd r = net_rd_init(buf, len);
	uint8_t form = net_rd_u8(&r);

	*out = (struct record_image){ 0 };
	if (r.bad || form == 0)
		return -EBADMSG;
	if (form != FORM)
		return -ENOTSUP;
	out->state = net_rd_u8(&r);
	out->domain = net_rd_u16(&r);
	out->seq = net_rd_u16(&r);
	out->flags = net_rd_u16(&r);
	out->lifetime_s = net_rd_u32(&r);
	out->ends_ms = net_rd_u64(&r);
	out->since_ms = net_rd_u64(&r);
	net_rd_ip6(&r, &out->hoa);
	net_rd_ip6(&r, &out->ha);
	net_rd_ip6(&r, &out->coa);
	if (r.bad || !is_state(out->state) || out->lifetime_s > RECORD_LIFETIME_MAX_S)
		return -EBADMSG;
	return read_fields(&r, out);
}
