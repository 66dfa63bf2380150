/* SPDX-License-Identifier: BSD-3-Clause */
/* Open addressing, linear probing, no more than half full. */
#include "control/spare.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_FIRST 1024

static uint32_t home_of(const struct spare *s, uint16_t domain, const struct ip6_addr *hoa)
{
	return (uint32_t)ip6_hash(hoa, s->seed + domain) & (s->size - 1);
}

/* Where it is, or the free slot where it belongs. */
static struct record_image *slot_of(
	const struct spare *s, uint16_t domain, const struct ip6_addr *hoa)
{
	uint32_t i = home_of(s, domain, hoa);

	while (s->slot[i].state != 0 &&
		(s->slot[i].domain != domain || !ip6_eq(&s->slot[i].hoa, hoa)))
		i = (i + 1) & (s->size - 1);
	return &s->slot[i];
}

static int grow(struct spare *s)
{
	struct spare more = { .size = s->size > 0 ? 2 * s->size : SIZE_FIRST, .seed = s->seed };

	more.slot = calloc(more.size, sizeof(*more.slot));
	if (more.slot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slot[i].state != 0)
			*slot_of(&more, s->slot[i].domain, &s->slot[i].hoa) = s->slot[i];
	more.count = s->count;
	free(s->slot);
	*s = more;
	return 0;
}

int spare_put(struct spare *s, const struct record_image *image)
{
	struct record_image *slot;

	if (2 * (s->count + 1) > s->size && grow(s) < 0)
		return -ENOMEM;
	slot = slot_of(s, image->domain, &image->hoa);
	s->count += slot->state == 0;
	*slot = *image;
	return 0;
}

/* What stands behind it in a row moves up, unless it would come before its place. */
void spare_del(struct spare *s, uint16_t domain, const struct ip6_addr *hoa)
{
	struct record_image *slot;
	uint32_t mask = s->size - 1, hole, i;

	if (s->count == 0)
		return;
	slot = slot_of(s, domain, hoa);
	if (slot->state == 0)
		return;
	hole = (uint32_t)(slot - s->slot);
	for (i = (hole + 1) & mask; s->slot[i].state != 0; i = (i + 1) & mask) {
		uint32_t home = home_of(s, s->slot[i].domain, &s->slot[i].hoa);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			s->slot[hole] = s->slot[i];
			hole = i;
		}
	}
	s->slot[hole].state = 0;
	s->count--;
}

const struct record_image *spare_next(const struct spare *s, uint32_t *cursor)
{
	while (*cursor < s->size) {
		const struct record_image *image = &s->slot[(*cursor)++];

		if (image->state != 0)
			return image;
	}
	return NULL;
}

void spare_free(struct spare *s)
{
	free(s->slot);
	*s = (struct spare){ 0 };
}
