/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * While the store is read: images for which there is no room yet. Its files are a history, and who
 * ended later in it makes room; only what is left at the end does not fit. Empty unless there are
 * about as many bindings as there may be. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "records/image.h"

struct spare {
	struct record_image *slot; /* NULL: nothing was ever put; state 0: free */
	uint32_t size, count; /* size is a power of two */
	uint64_t seed;
};

/* image->domain and image->hoa are the key, a later one replaces an earlier one. 0 or -ENOMEM. */
int spare_put(struct spare *s, const struct record_image *image);
void spare_del(struct spare *s, uint16_t domain, const struct ip6_addr *hoa);
/* From *cursor 0 on, NULL: that was all; nothing may be put or deleted meanwhile. */
const struct record_image *spare_next(const struct spare *s, uint32_t *cursor);
void spare_free(struct spare *s);
