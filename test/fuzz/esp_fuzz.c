/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: an ESP packet as it comes from the network, which never opens; and once more as the text
 * of a genuine one, from a peer that makes its padding as it likes: what opens lies inside.
 */
#include "fuzz.h"

#include "net/esp.h"

static struct gcm *gcm;
static struct gcm_key *key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t octets[GCM_KEY_LEN] = { 1 };

	(void)argc;
	(void)argv;
	FUZZ_CHECK(gcm_new(&gcm) == 0);
	key = gcm_key_new(gcm, octets);
	FUZZ_CHECK(key != NULL);
	return 0;
}

static void as_it_is(const uint8_t *data, size_t size)
{
	struct esp_in sa = { .key = key, .spi = 0x01020304 };
	uint8_t *esp = malloc(size + 1);
	struct esp_inner in;

	memcpy(esp, data, size);
	FUZZ_CHECK(esp_open(gcm, &sa, esp, (uint32_t)size, &in) != ESP_OPENED);
	FUZZ_CHECK(sa.window.next == 0);
	free(esp);
}

static void genuine(const uint8_t *text, size_t len)
{
	size_t size = ESP_HEAD + len + GCM_TAG_LEN;
	struct esp_in sa = { .key = key, .spi = 0 };
	uint8_t *esp = calloc(1, size), iv[GCM_IV_LEN] = { 0 }, aad[12] = { 0 };
	struct esp_inner in;

	aad[11] = esp[7] = 1; /* the number */
	memcpy(esp + ESP_HEAD, text, len);
	gcm_seal(gcm, key, iv, aad, sizeof(aad), esp + ESP_HEAD, len, esp + ESP_HEAD + len);
	switch (esp_open(gcm, &sa, esp, (uint32_t)size, &in)) {
	case ESP_OPENED:
		FUZZ_CHECK(in.at == esp + ESP_HEAD && in.len + 2 <= len);
		FUZZ_CHECK(memcmp(in.at, text, in.len) == 0);
		FUZZ_CHECK(in.next_header == text[len - 1]);
		FUZZ_CHECK(sa.window.next == 2);
		break;
	case ESP_PADDING:
		FUZZ_CHECK(sa.window.next == 0);
		break;
	case ESP_SHORT:
		FUZZ_CHECK(len < 4 || len % 4 != 0);
		break;
	default:
		FUZZ_CHECK(false);
	}
	free(esp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_it_is(data, size);
	genuine(data, size);
	return 0;
}
