/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The octets of one file of the store: a page that says what it is and how much of it is known to
 * be on disk, then frames one behind the other, never changed once written. All numbers are
 * big-endian, all checksums CRC-32C; those of marks and frames start from the file's nonce, so
 * that a block of another file is none of this one's. Pure: no file is touched here.
 *
 *      0  "HAMDSTOR"                      these 64 octets stay where they are in every version
 *      8  version, 1
 *     12  nonce
 *     16  number of the file
 *     24  made, milliseconds since 1970
 *     32  boot id of the machine that made it
 *     48  zero
 *     60  checksum of what is above
 *    512  mark, and another one at 1024; the one with the higher turn counts
 *   4096  frames
 *
 * A mark: turn (8), octets of the file known to be on disk (8), when that was, by the file's clock
 * (8), flags (4), checksum (4); behind it the same moment by the time of day (8) and by what the
 * machine has been up (8), and the checksum of all of it (4). Files of before these last 20 octets have
 * zeroes there, and their clock is the time of day. Two marks, because a loss of power may spoil
 * the one being written.
 *
 * The file's clock, milliseconds, is that of all times in its frames. It began as the time of day
 * and is never set. How long ago the last mark was written, the other two times say.
 *
 * A frame: checksum of what follows (4), length of the body (2), type (1), zero (1), body.
 *
 * What is not a frame at or behind the marked length was being written when the process or the
 * power ended: the file ends there. In front of it the file is damaged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_VERSION  1
#define SEGMENT_PAGE     4096 /* frames begin here */
#define SEGMENT_HEAD     64
#define SEGMENT_BOOT_LEN 16
#define SEGMENT_MARK_LEN 52

#define FRAME_HEAD     8
#define FRAME_BODY_MAX 1024 /* a longer one is no frame */

#define FRAME_KNOWN_LEN 11
#define FRAME_SEEN_MAX  82

struct segment_head {
	uint64_t number;
	uint64_t made_ms;
	uint32_t nonce;
	uint8_t boot[SEGMENT_BOOT_LEN];
};

enum segment_flag {
	SEGMENT_WHOLE = 1, /* with what follows it, it needs no earlier file */
	SEGMENT_CLOSED = 2, /* its writer stopped in order: all it was told is in it */
	SEGMENT_LOST = 4, /* its writer was told more and could not write it down */
};

struct segment_mark {
	uint64_t turn;
	uint64_t length; /* on disk; SEGMENT_PAGE at least */
	uint64_t at_ms; /* by the file's clock */
	uint64_t real_ms; /* since 1970 */
	uint64_t up_ms; /* since the machine was started, sleep included; 0: not known */
	uint32_t flags;
};

enum frame_type {
	FRAME_DOMAIN = 1, /* number (2), name: what the domain of later records is called */
	FRAME_RECORD = 2, /* records/image.h */
	/* Number of a domain (2), 1 if nothing is acknowledged there before it is written (1), since
	 * when all its bindings are known (8). */
	FRAME_KNOWN = 3,
	FRAME_SEEN = 4, /* number of a domain (2), a pair last seen (records/wire.h) */
	FRAME_CRITICAL = 128, /* types below that are not known are skipped */
};

struct frame {
	uint8_t type;
	uint16_t len; /* of the body */
	const uint8_t *body; /* inside the buffer */
};

/* The whole page, without a mark. */
void segment_head_write(const struct segment_head *h, uint8_t page[static SEGMENT_PAGE]);
/* Of the first SEGMENT_HEAD octets. 0; -ENOMSG: no file of a store; -EBADMSG: one, damaged;
 * -ENOTSUP: of a newer version. */
int segment_head_read(const uint8_t *buf, size_t len, struct segment_head *out);

/* Where in the file the mark of that turn goes. */
size_t segment_mark_at(uint64_t turn);
void segment_mark_write(
	const struct segment_mark *m, uint32_t nonce, uint8_t buf[static SEGMENT_MARK_LEN]);
/* The newer of the two in a file's first page. 0; -EBADMSG: neither is one. */
int segment_mark_read(
	const uint8_t page[static SEGMENT_PAGE], uint32_t nonce, struct segment_mark *out);

/* The body stands at frame + FRAME_HEAD already. Returns the frame's length. */
size_t frame_seal(uint8_t *frame, uint8_t type, uint16_t len, uint32_t nonce);
/* The frame that buf begins with. Its length; 0: there may be one when more octets come;
 * -EBADMSG: this is none. */
int frame_read(const uint8_t *buf, size_t len, uint32_t nonce, struct frame *out);
