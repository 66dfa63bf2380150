/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "net/ip6hdr.h"
#include "net/parties.h"

#define A "20010db8000000000000000000000001"
#define B "20010db8000000000000000000000002"
#define C "20010db8000000000000000000000003"
#define D "20010db8000000000000000000000004"

/* IPv6 header from x to y; next header and payload length in hex. */
#define IP(len, next, x, y) "60000000" len next "40" x y

#define HAO(next, x)    next "02 01 02 0000 c910" x
#define HAO_BAD(next)   next "02 01 02 0000 c90f" D
#define RH2(next, x)    next "02 02 01 00000000" x
#define RH2_SHORT(next) next "00 02 01 00000000"
#define RH0(next, x)    next "02 00 01 00000000" x
#define FRAG(next, off) next "00" off "00000001"
#define NS(x)           "87 00 0000 00000000" x
#define NA(x)           "88 00 0000 e0000000" x
#define TOO_BIG         "02 00 0000 00000578"
#define ECHO            "80 00 0000 00000578"
#define UDP             "1234 1235 0008 0000"

/* Who: "<1 >2" is from A to B. cut: octets that are missing at the end. */
static const struct {
	const char *name, *hex, *who;
	unsigned cut;
} cases[] = {
	{ "plain", IP("0008", "11", A, B) UDP, "<1 >2", 0 },
	{ "cut behind the header", IP("0008", "11", A, B) UDP, "<1 >2", 8 },
	{ "cut in the header", IP("0008", "11", A, B) UDP, "", 9 },
	{ "another version", "40000000 0000 11 40" A B, "", 0 },
	{ "tunnel", IP("0028", "29", A, B) IP("0000", "3b", C, D), "<1 >2 <3 >4", 0 },
	{ "tunnel, inner cut", IP("0028", "29", A, B) IP("0000", "3b", C, D), "<1 >2", 1 },
	{ "tunnel, inner length past the end", IP("0028", "29", A, B) IP("0800", "3b", C, D),
		"<1 >2 <3 >4", 0 },
	{ "tunnel, length hides the inner", IP("0027", "29", A, B) IP("0000", "3b", C, D),
		"<1 >2 <3 >4", 0 },
	{ "home address", IP("0018", "3c", A, B) HAO("3b", C), "<1 >2 <3", 0 },
	{ "home address of a wrong length", IP("0018", "3c", A, B) HAO_BAD("3b"), "<1 >2", 0 },
	{ "home address, cut", IP("0018", "3c", A, B) HAO("3b", C), "<1 >2", 1 },
	{ "routing header 2", IP("0018", "2b", A, B) RH2("3b", C), "<1 >2 >3", 0 },
	{ "routing header 2 without an address", IP("0008", "2b", A, B) RH2_SHORT("3b") D, "<1 >2",
		0 },
	{ "routing header 2, cut", IP("0018", "2b", A, B) RH2("3b", C), "<1 >2", 1 },
	{ "routing header 0", IP("0018", "2b", A, B) RH0("3b", C), "<1 >2", 0 },
	{ "both, and a tunnel",
		IP("0058", "2b", A, B) RH2("3c", C) HAO("29", D) IP("0000", "3b", B, A),
		"<1 >2 <4 >3 <2 >1", 0 },
	{ "solicitation", IP("0018", "3a", A, B) NS(C), "<1 >2 >3", 0 },
	{ "advertisement", IP("0018", "3a", A, B) NA(C), "<1 >2 >3", 0 },
	{ "solicitation, cut", IP("0018", "3a", A, B) NS(C), "<1 >2", 1 },
	{ "echo", IP("0030", "3a", A, B) ECHO IP("0000", "3b", C, D), "<1 >2", 0 },
	{ "error", IP("0030", "3a", A, B) TOO_BIG IP("0500", "3b", C, D), "<1 >2 <3 >4", 0 },
	{ "error without a quotation", IP("0008", "3a", A, B) TOO_BIG, "<1 >2", 0 },
	{ "error, header cut", IP("0008", "3a", A, B) TOO_BIG, "<1 >2", 1 },
	{ "first fragment", IP("0030", "2c", A, B) FRAG("29", "0001") IP("0000", "3b", C, D),
		"<1 >2 <3 >4", 0 },
	{ "later fragment", IP("0030", "2c", A, B) FRAG("29", "0008") IP("0000", "3b", C, D),
		"<1 >2", 0 },
	{ "as deep as is looked",
		IP("00a0", "29", A, B) IP("0078", "29", B, C) IP("0050", "29", C, D)
			IP("0028", "29", D, A) IP("0000", "3b", A, A),
		"<1 >2 <2 >3 <3 >4 <4 >1", 0 },
};

static void who_is(const struct buf *b, char *text, size_t n)
{
	struct net_parties p;
	size_t used = 0;

	net_parties(b->p, (uint32_t)b->n, &p);
	assert_true(p.n <= NET_PARTIES_MAX);
	text[0] = '\0';
	for (uint32_t i = 0; i < p.n; i++)
		used += (size_t)snprintf(text + used, n - used, "%s%c%u", i > 0 ? " " : "",
			p.at[i].is_to ? '>' : '<', p.at[i].addr->b[15]);
}

static void test_parties(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf all = buf_from_hex(cases[i].hex);
		struct buf b = buf_copy(all.p, all.n - cases[i].cut);
		char text[200];

		who_is(&b, text, sizeof(text));
		if (strcmp(text, cases[i].who) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].name, text, cases[i].who);
		buf_free(&all);
		buf_free(&b);
	}
}

/* Every kind cut at every octet, in buffers of that size. */
static void test_cut(void **state)
{
	char text[200];

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf all = buf_from_hex(cases[i].hex);

		for (size_t n = 0; n < all.n; n++) {
			struct buf b = buf_copy(all.p, n);

			who_is(&b, text, sizeof(text));
			buf_free(&b);
		}
		buf_free(&all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parties),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
