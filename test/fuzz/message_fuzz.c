/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: a datagram between engines. What is read can be written, and is then read as the same. */
#include "fuzz.h"

#include <errno.h>

#include "../unit/sync/message_again.h"
#include "sync/message.h"

static void check_again(const struct message *m)
{
	uint8_t out[2][MESSAGE_MAX];
	struct net_wr w[2] = { net_wr_init(out[0], MESSAGE_MAX), net_wr_init(out[1], MESSAGE_MAX) };
	struct message again;
	struct net_rd r;

	if (!write_again(&w[0], m))
		return;
	FUZZ_CHECK(!w[0].bad && net_wr_len(&w[0]) <= MESSAGE_MAX - MESSAGE_HEADER);
	r = net_rd_init(out[0], net_wr_len(&w[0]));
	FUZZ_CHECK(message_read(&r, &again) == 1 && again.type == m->type);
	FUZZ_CHECK(message_read(&r, &again) == 0);
	r = net_rd_init(out[0], net_wr_len(&w[0]));
	FUZZ_CHECK(message_read(&r, &again) == 1);
	FUZZ_CHECK(write_again(&w[1], &again) && net_wr_len(&w[0]) == net_wr_len(&w[1]));
	FUZZ_CHECK(memcmp(out[0], out[1], net_wr_len(&w[0])) == 0);
}

static void check_sections(struct net_rd sections)
{
	size_t left = net_rd_left(&sections);
	struct net_rd items;
	uint32_t domain;

	while (message_read_section(&sections, &domain, &items) > 0) {
		FUZZ_CHECK(net_rd_left(&sections) < left);
		left = net_rd_left(&sections);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_rd r = net_rd_init(data, size);
	struct message_head head;
	struct message m;
	int ret = message_read_head(&r, &head);

	FUZZ_CHECK(ret == 0 || ret == -EBADMSG || ret == -EPROTONOSUPPORT);
	if (ret < 0)
		return 0;
	while ((ret = message_read(&r, &m)) > 0) {
		if (m.type == MESSAGE_DELTA)
			check_sections(m.delta.sections);
		else if (m.type == MESSAGE_RECORDS)
			check_sections(m.sections);
		else
			check_again(&m);
	}
	FUZZ_CHECK(ret == 0 || ret == -EBADMSG);
	return 0;
}
