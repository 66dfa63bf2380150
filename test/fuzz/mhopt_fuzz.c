/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: one octet that says where in a message the options start, then options. */
#include "net_fuzz.h"

#include <errno.h>

#define MSG_MAX 512

static void check_encode(const struct mh_opts *opts, unsigned before)
{
	uint8_t buf[MSG_MAX];
	struct net_wr w = net_wr_init(buf, sizeof(buf));
	struct net_rd r;
	struct mh_opts again;
	uint16_t at;
	size_t len;

	net_wr_zero(&w, before);
	mhopt_encode(&w, opts);
	len = net_wr_len(&w);
	FUZZ_CHECK(!w.bad && len % 8 == 0);
	r = net_rd_init(buf, len);
	net_rd_bytes(&r, before);
	FUZZ_CHECK(mhopt_decode(r, &again, &at) == 0);
	FUZZ_CHECK(fuzz_same_opts(opts, &again));

	/* One octet less than it needs is refused. */
	if (len > before) {
		w = net_wr_init(buf, len - 1);
		net_wr_zero(&w, before);
		mhopt_encode(&w, opts);
		FUZZ_CHECK(w.bad);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mh_opts opts;
	uint16_t at = UINT16_MAX;
	int ret;

	if (size < 1 || size > 2048)
		return 0;
	ret = mhopt_decode(net_rd_init(data + 1, size - 1), &opts, &at);
	FUZZ_CHECK(ret == 0 || (ret == -EBADMSG && at < size - 1));
	FUZZ_CHECK((opts.present & ~0x73cULL) == 0);
	if (ret == 0)
		check_encode(&opts, data[0] % 32);
	return 0;
}
