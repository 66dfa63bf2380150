/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What other sites of the mesh say to this one: two UDP ports of the site address, for them only.
 * Strangers' datagrams are dropped here, before any queue; so are hellos under keys that the peer
 * whose address they come from does not have: to be heard in its name one must have seen its
 * hellos. Made before workers run; afterwards only the words of dp_sync_keys() and
 * dp_sync_was_unknown() change, one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dp.h"

struct conf_mesh;
struct dp_sync;
struct dp_worker;
struct rte_mbuf;

int dp_sync_new(const struct conf_mesh *conf, struct dp_sync **out); /* 0 or -ENOMEM */
void dp_sync_free(struct dp_sync *s); /* NULL is fine */

/* dp_hello_keys() and dp_hello_was_unknown(). */
void dp_sync_keys(struct dp_sync *s, uint8_t node, const struct dp_hello_keys *keys);
bool dp_sync_was_unknown(struct dp_sync *s, uint8_t node);

/* UDP to an address of ours, its headers walked. False: it is not the mesh's, and m as it was; else
 * it went into its queue or is dropped. */
bool dp_to_sync(struct dp_worker *w, struct rte_mbuf *m);
