/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any octets as a line of a subscribers file: either it is taken, then what it says holds in the
 * domain and is what cJSON reads in the same octets; or it is blank; or it is refused with one line
 * that says where and why. In all cases the octets are a buffer of their own: nothing is read
 * behind its zero.
 */
#include "fuzz.h"

#include <errno.h>

#include <cjson/cJSON.h>

#include "conf/conf.h"
#include "conf/line.h"

static const char config[] =
	"{\"ports\":[{\"name\":\"wan\",\"device\":\"net_null0\",\"addresses\":[\"2001:db8:1::10/"
	"64\"]}],\"routes\":[{\"prefix\":\"2001:db8:a:5::/64\",\"via\":\"2001:db8:1::1\"}],"
	"\"domains\":[{\"name\":\"msp1\",\"mobile-prefixes\":[\"2001:db8:a::/48\"],"
	"\"home-agent-address\":\"2001:db8:a::1\",\"lifetime-max-s\":600,\"subscribers\":{"
	"\"default\":{\"lifetime-max-s\":300,\"auth\":{\"type\":\"mn-ha\",\"spi\":256}}}}]}";

static struct conf *conf;
static struct conf_lines *lines;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char err[256];

	(void)argc;
	(void)argv;
	FUZZ_CHECK(conf_parse("f", config, strlen(config), &conf, err, sizeof(err)) == 0);
	FUZZ_CHECK(conf_lines_new(conf, 0, "f", &lines) == 0);
	return 0;
}

static void check_error(int ret, const char *err)
{
	size_t len = strlen(err);

	FUZZ_CHECK(ret == -EINVAL && strncmp(err, "f:7:", 4) == 0 && len > 5);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK((unsigned char)err[i] >= ' ' && err[i] != 0x7f);
}

static void check_text(const cJSON *object, const char *key, const char *text)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

	FUZZ_CHECK((v == NULL) == (text == NULL));
	if (text != NULL)
		FUZZ_CHECK(cJSON_IsString(v) && strcmp(v->valuestring, text) == 0);
}

static void check_taken(const struct conf_mobile_node *mn, const uint8_t *data, size_t size)
{
	cJSON *json = cJSON_ParseWithLength((const char *)data, size);
	const cJSON *auth = cJSON_GetObjectItemCaseSensitive(json, "auth");
	const cJSON *hoa = cJSON_GetObjectItemCaseSensitive(json, "home-address");
	const cJSON *spi = cJSON_GetObjectItemCaseSensitive(auth, "spi");
	struct ip6_addr a;

	FUZZ_CHECK(json != NULL && cJSON_IsString(hoa));
	FUZZ_CHECK(ip6_parse(hoa->valuestring, &a) == 0 && ip6_eq(&a, &mn->home_address));
	FUZZ_CHECK(conf_why_no_home_address(&conf->domains[0], &a) == NULL);
	FUZZ_CHECK(mn->lifetime_max_s >= 4 && mn->lifetime_max_s <= 600);
	FUZZ_CHECK(mn->lifetime_max_s % 4 == 0);
	check_text(auth, "key", mn->auth.key_text);
	check_text(auth, "key-file", mn->auth.key_file);
	check_text(auth, "nai", mn->auth.nai);
	if (mn->auth.type == CONF_AUTH_MN_HA) {
		FUZZ_CHECK((mn->auth.key_text == NULL) != (mn->auth.key_file == NULL));
		FUZZ_CHECK(mn->auth.spi == (spi != NULL ? spi->valuedouble : 256));
	} else {
		FUZZ_CHECK(spi == NULL && mn->auth.key_text == NULL);
	}
	cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_mobile_node mn;
	char err[512] = "", *text;
	int ret;

	if (size > CONF_LINE_MAX)
		return 0;
	text = malloc(size + 1);
	FUZZ_CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	ret = conf_line_read(lines, 7, text, size, &mn, err, sizeof(err));
	if (ret < 0)
		check_error(ret, err);
	else if (ret == 1)
		check_taken(&mn, data, size);
	free(text);
	return 0;
}
