/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What other sites of the mesh say to this one: two UDP ports of the site address, for them only.
 * Strangers' datagrams are dropped here, before any queue. Made before workers run and not changed
 * afterwards; workers read.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conf_mesh;
struct dp_sync;
struct dp_worker;
struct rte_mbuf;

int dp_sync_new(const struct conf_mesh *conf, struct dp_sync **out); /* 0 or -ENOMEM */
void dp_sync_free(struct dp_sync *s); /* NULL is fine */

/* UDP to an address of ours, its headers walked. False: it is not the mesh's, and m as it was; else
 * it went into its queue or is dropped. */
bool dp_to_sync(struct dp_worker *w, struct rte_mbuf *m);
