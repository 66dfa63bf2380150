/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests and fuzzing: a message as it was read goes back to octets. */
#pragma once

#include "sync/message.h"

/* What was read, written again; messages with items excepted. False: one of those. */
static inline bool write_again(struct net_wr *w, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_ACK:
		message_write_ack(w, &m->ack);
		return true;
	case MESSAGE_ASK:
		message_write_ask(w, &m->ask);
		return true;
	case MESSAGE_DIGEST:
		message_write_digest(w, &m->digest);
		return true;
	case MESSAGE_DIFFER:
		message_write_differ(w, &m->differ);
		return true;
	case MESSAGE_KEYS:
		message_write_keys(w, &m->keys);
		return true;
	case MESSAGE_WANT:
		message_write_want(w, &m->want);
		return true;
	default:
		return false;
	}
}
