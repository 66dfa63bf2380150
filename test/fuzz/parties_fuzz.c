/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: whatever was received. Whoever is named is named inside of it. */
#include "fuzz.h"

#include "net/ip6hdr.h"
#include "net/parties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_parties p;

	net_parties(data, (uint32_t)size, &p);
	FUZZ_CHECK(p.n <= NET_PARTIES_MAX);
	FUZZ_CHECK((p.n == 0) == (size < sizeof(struct net_ip6) || data[0] >> 4 != 6));
	for (uint32_t i = 0; i < p.n; i++) {
		const uint8_t *a = p.at[i].addr->b;

		FUZZ_CHECK(a >= data + 8 && a + sizeof(struct ip6_addr) <= data + size);
	}
	if (p.n > 0) {
		FUZZ_CHECK(p.at[0].addr->b == data + 8 && !p.at[0].is_to);
		FUZZ_CHECK(p.at[1].addr->b == data + 24 && p.at[1].is_to);
	}
	return 0;
}
