/* SPDX-License-Identifier: BSD-3-Clause */
/* Events of accounting as lines, to the letter: collectors are written against them. */
#include "test.h"

#include <cjson/cJSON.h>

#include "common/ntp.h"
#include "host/acct_line.h"

#define WHO                                                                                        \
	"\"time\":\"2023-11-14T22:13:20.250Z\",\"site\":7,\"node\":\"paris\",\"run\":"             \
	"\"000000000000abcd\""
#define SESSION                                                                                    \
	"\"session\":\"0700000000000001\",\"domain\":\"msp1\",\"mn\":\"alice@example.com\","       \
	"\"hoa\":\"2001:db8:a::100\",\"coa\":\"2001:db8:c::1\""
#define USAGE                                                                                      \
	"\"lifetime-s\":600,\"duration-ms\":1500,\"packets-to\":1,\"bytes-to\":100,"               \
	"\"packets-from\":2,\"bytes-from\":200"

static const struct acct_site site = { .id = 7, .node = "paris", .run = 0xabcd };

static struct acct_event event(enum acct_type type, enum acct_cause cause)
{
	struct acct_event e = {
		.seq = 12,
		.lost = 3,
		.time = ntp_from_unix(1700000000, 250000000),
		.session = type == ACCT_ON || type == ACCT_OFF ? 0 : 0x0700000000000001,
		.duration_ms = 1500,
		.packets_to = 1,
		.bytes_to = 100,
		.packets_from = 2,
		.bytes_from = 200,
		.hoa = addr("2001:db8:a::100"),
		.coa = addr("2001:db8:c::1"),
		.old_coa = addr("2001:db8:d::1"),
		.lifetime_s = 600,
		.type = (uint8_t)type,
		.cause = (uint8_t)cause,
		.domain = "msp1",
		.nai = "alice@example.com",
	};

	return e;
}

static void assert_line(const struct acct_event *e, const char *want)
{
	struct jw w;

	jw_init(&w, 65536);
	acct_line(&w, &site, e);
	assert_false(w.failed);
	jw_raw(&w, "", 1);
	assert_string_equal(w.buf, want);
	jw_done(&w);
}

static void test_lines(void **state)
{
	static const struct {
		enum acct_type type;
		enum acct_cause cause;
		const char *line;
	} rows[] = {
		{ ACCT_ON, ACCT_CAUSE_NONE,
			"{\"event\":\"on\",\"seq\":12,\"lost\":3," WHO
			",\"version\":\"" HAMD_VERSION "\"}\n" },
		{ ACCT_START, ACCT_CAUSE_REGISTERED,
			"{\"event\":\"start\",\"seq\":12,\"lost\":3," WHO "," SESSION
			",\"cause\":\"registered\"," USAGE "}\n" },
		{ ACCT_MOVE, ACCT_CAUSE_NONE,
			"{\"event\":\"move\",\"seq\":12,\"lost\":3," WHO "," SESSION
			",\"old-coa\":\"2001:db8:d::1\"," USAGE "}\n" },
		{ ACCT_INTERIM, ACCT_CAUSE_NONE,
			"{\"event\":\"interim\",\"seq\":12,\"lost\":3," WHO "," SESSION "," USAGE
			"}\n" },
		{ ACCT_STOP, ACCT_CAUSE_EXPIRED,
			"{\"event\":\"stop\",\"seq\":12,\"lost\":3," WHO "," SESSION
			",\"cause\":\"expired\"," USAGE "}\n" },
		{ ACCT_OFF, ACCT_CAUSE_SHUTDOWN,
			"{\"event\":\"off\",\"seq\":12,\"lost\":3," WHO
			",\"cause\":\"shutdown\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct acct_event e = event(rows[i].type, rows[i].cause);

		assert_line(&e, rows[i].line);
	}
}

/* RFC 5905: the seconds begin again on 7 February 2036. */
static void test_time(void **state)
{
	static const struct {
		uint64_t unix_s;
		uint32_t nsec;
		const char *text;
	} rows[] = {
		{ 1700000000, 0, "2023-11-14T22:13:20.000Z" },
		{ 1700000000, 999999999, "2023-11-14T22:13:20.999Z" },
		{ 2085978495, 1000001, "2036-02-07T06:28:15.001Z" },
		{ 2085978496, 0, "2036-02-07T06:28:16.000Z" },
		{ 4102444800, 0, "2100-01-01T00:00:00.000Z" },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct acct_event e = event(ACCT_ON, ACCT_CAUSE_NONE);
		char want[64];
		struct jw w;

		e.time = ntp_from_unix(rows[i].unix_s, rows[i].nsec);
		jw_init(&w, 65536);
		acct_line(&w, &site, &e);
		jw_raw(&w, "", 1);
		snprintf(want, sizeof(want), "\"time\":\"%s\"", rows[i].text);
		if (strstr(w.buf, want) == NULL)
			fail_msg("%s: %s", rows[i].text, w.buf);
		jw_done(&w);
	}
}

/* What a configuration may hold stays one line of JSON, and below what a writer has room for. */
static void test_longest(void **state)
{
	struct acct_event e = event(ACCT_STOP, ACCT_CAUSE_DEREGISTERED);
	cJSON *json;
	struct jw w;

	(void)state;
	memset(e.nai, '\001', sizeof(e.nai) - 1);
	e.nai[0] = '"';
	e.nai[1] = '\n';
	e.seq = e.lost = e.duration_ms = UINT64_MAX;
	e.packets_to = e.bytes_to = e.packets_from = e.bytes_from = UINT64_MAX;
	jw_init(&w, 4096);
	acct_line(&w, &site, &e);
	assert_false(w.failed);
	assert_ptr_equal(memchr(w.buf, '\n', w.len), w.buf + w.len - 1);
	json = cJSON_ParseWithLength(w.buf, w.len);
	assert_non_null(json);
	assert_string_equal(cJSON_GetObjectItem(json, "mn")->valuestring, e.nai);
	assert_string_equal(
		cJSON_GetObjectItem(json, "bytes-to")->valuestring, "18446744073709551615");
	cJSON_Delete(json);
	/* no identifier: no key */
	e = event(ACCT_START, ACCT_CAUSE_REGISTERED);
	e.nai[0] = '\0';
	jw_reset(&w);
	acct_line(&w, &site, &e);
	jw_raw(&w, "", 1);
	assert_null(strstr(w.buf, "\"mn\""));
	jw_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
