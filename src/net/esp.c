/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/esp.h"

#include <string.h>

#define AAD_LEN 12 /* RFC 4106, 5: SPI and the whole number */

static void put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

static void make_aad(uint8_t aad[static AAD_LEN], uint32_t spi, uint64_t number)
{
	put32(aad, spi);
	put64(aad + 4, number);
}

/* Salt and the IV as it is sent. */
static void make_iv(
	uint8_t iv[static GCM_IV_LEN], const uint8_t salt[static ESP_SALT_LEN], const uint8_t *sent)
{
	memcpy(iv, salt, ESP_SALT_LEN);
	memcpy(iv + ESP_SALT_LEN, sent, GCM_IV_LEN - ESP_SALT_LEN);
}

/* RFC 4303, 2.4: 1, 2, 3, ... */
static uint8_t *put_padding(uint8_t *p, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++)
		*p++ = (uint8_t)i;
	return p;
}

static bool is_padding(const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++)
		if (*p++ != (uint8_t)i)
			return false;
	return true;
}

uint32_t esp_seal(const struct gcm *gcm, struct esp_out *sa, uint8_t *inner, uint32_t len,
	uint8_t next_header)
{
	uint8_t *esp = inner - ESP_HEAD, *end = inner + len;
	uint8_t aad[AAD_LEN], iv[GCM_IV_LEN];
	uint32_t pad = -(len + 2) & 3;

	if (sa->last >= ESP_NUMBERS)
		return 0;
	sa->last++;
	put32(esp, sa->spi);
	put32(esp + 4, (uint32_t)sa->last);
	put64(esp + 8, sa->last);
	end = put_padding(end, pad);
	*end++ = (uint8_t)pad;
	*end++ = next_header;
	make_aad(aad, sa->spi, sa->last);
	make_iv(iv, sa->salt, esp + 8);
	gcm_seal(gcm, sa->key, iv, aad, AAD_LEN, inner, (size_t)(end - inner), end);
	return (uint32_t)(end - esp) + GCM_TAG_LEN;
}

uint64_t esp_number(const struct window *w, uint32_t low)
{
	uint64_t top = w->next == 0 ? 0 : w->next - 1, high = top >> 32;
	uint32_t edge = (uint32_t)top - WINDOW_SIZE + 1; /* low half of the window's lower end */

	if ((uint32_t)top >= WINDOW_SIZE - 1) { /* the window lies within one high half */
		if (low < edge)
			high++;
	} else if (low >= edge) { /* it spans two, and this is the lower one */
		if (high == 0)
			return UINT64_MAX;
		high--;
	}
	return high << 32 | low;
}

enum esp_verdict esp_open(
	const struct gcm *gcm, struct esp_in *sa, uint8_t *esp, uint32_t len, struct esp_inner *out)
{
	uint8_t aad[AAD_LEN], iv[GCM_IV_LEN], *text = esp + ESP_HEAD, *tag;
	uint64_t number;
	uint32_t text_len, pad;

	if (len < esp_size(0) || (len & 3) != 0)
		return ESP_SHORT;
	if (get32(esp) != sa->spi)
		return ESP_OTHER;
	number = esp_number(&sa->window, get32(esp + 4));
	if (number == 0 || !window_is_new(&sa->window, number))
		return ESP_REPLAYED;
	text_len = len - ESP_HEAD - GCM_TAG_LEN;
	tag = text + text_len;
	make_aad(aad, sa->spi, number);
	make_iv(iv, sa->salt, esp + 8);
	if (!gcm_open(gcm, sa->key, iv, aad, AAD_LEN, text, text_len, tag))
		return ESP_FORGED;
	pad = tag[-2];
	if (pad + 2 > text_len || !is_padding(tag - 2 - pad, pad))
		return ESP_PADDING;
	window_take(&sa->window, number);
	*out = (struct esp_inner){ .at = text, .len = text_len - 2 - pad, .next_header = tag[-1] };
	return ESP_OPENED;
}
