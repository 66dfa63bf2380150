/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP (RFC 4303) with AES-128-GCM and a tag of 16 octets (RFC 4106), extended sequence numbers:
 * one packet at a time, in place.
 *
 *	SPI, low half of the number, IV of 8 octets | sealed: inner, padding, its length, kind | tag
 *
 * The IV is the whole 64-bit number: a key belongs to one sender, so it never comes twice. (Keys
 * that several senders share, of mobile nodes, need another one and are not for this.) What is
 * authenticated but not sent is the high half of the number; the receiver finds it from the low
 * half and the window (RFC 4303, appendix A): the number of a packet from behind the window is
 * taken for one far ahead, and it does not open.
 *
 * An esp_out has one owner, an esp_in too: no number is taken twice, none is used twice.
 */
#pragma once

#include <stdint.h>

#include "common/gcm.h"
#include "common/window.h"

#define ESP_HEAD     16 /* octets in front of the inner packet */
#define ESP_TAIL_MAX (3 + 2 + GCM_TAG_LEN) /* behind it, at most */
#define ESP_SALT_LEN 4

/* Number after which nothing is sealed any more: keys are renewed long before. */
#define ESP_NUMBERS (1ULL << 60)

struct esp_out {
	const struct gcm_key *key;
	uint64_t last; /* number sent last; the first one is 1 (RFC 4303, 3.3.3) */
	uint32_t spi;
	uint8_t salt[ESP_SALT_LEN];
};

struct esp_in {
	const struct gcm_key *key;
	uint32_t spi;
	uint8_t salt[ESP_SALT_LEN];
	struct window window;
};

/* X(id, name, help): what became of an ESP packet. */
#define ESP_LIST(X)                                                                                \
	X(OPENED, "opened", "genuine and new")                                                     \
	X(SHORT, "short", "shorter than any ESP packet, or its length is no multiple of 4")        \
	X(OTHER, "other", "of another SPI")                                                        \
	X(REPLAYED, "replayed", "its number was taken before, or no sender uses it")               \
	X(FORGED, "forged", "changed on the way, made up, or older than the window")               \
	X(PADDING, "padding", "genuine, but its padding is not as the RFC says")

enum esp_verdict {
#define X(id, name, help) ESP_##id,
	ESP_LIST(X)
#undef X
		ESP_VERDICT_COUNT
};

/* What was in a packet: len octets at `at`, inside the buffer that was opened. */
struct esp_inner {
	uint8_t *at;
	uint32_t len;
	uint8_t next_header;
};

/* How many octets an ESP packet around len octets takes: head, padding and tag included. */
static inline uint32_t esp_size(uint32_t len)
{
	return ESP_HEAD + ((len + 2 + 3) & ~3u) + GCM_TAG_LEN;
}

/*
 * Seals len octets at inner, with ESP_HEAD octets of room in front of them and esp_size(len) in
 * all. Returns how long it is, from inner - ESP_HEAD on; 0: the numbers of this key are used up,
 * nothing was changed.
 */
uint32_t esp_seal(const struct gcm *gcm, struct esp_out *sa, uint8_t *inner, uint32_t len,
	uint8_t next_header);

/* len octets at esp, from the SPI to the tag. Unless it was ESP_OPENED (then the number is taken)
 * the window is as it was; what lies at esp is not to be used. */
enum esp_verdict esp_open(const struct gcm *gcm, struct esp_in *sa, uint8_t *esp, uint32_t len,
	struct esp_inner *out);

/* The 64-bit number whose low half was received, or UINT64_MAX: it would lie before the first one
 * (RFC 4303, A2.2). */
uint64_t esp_number(const struct window *w, uint32_t low);
