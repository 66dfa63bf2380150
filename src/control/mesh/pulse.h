/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hello (sync/hello.h) beside the control core: it runs on the first worker's lcore, so that a
 * control core at work never looks dead, and falls silent when control or a worker stands still.
 * The two sides talk by mailboxes (mail.h), neither waits for the other, and nothing gets lost:
 * what does not fit is told at the next turn, the newest of its kind.
 *
 * What is below is control's side. ctl->pulse is NULL without a mesh. Domains have the
 * configuration's numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/hello.h"
#include "sync/next.h"

struct ctl;
struct pulse;
struct session_keys;

/* 0 or -errno with a line in err; sets ctl->pulse and puts hello in front of what the first worker's
 * lcore does (dp_add_first()): before dp_run(). */
int pulse_new(struct ctl *ctl, char *err, size_t err_len);
void pulse_free(struct ctl *ctl); /* the data plane has stopped running; fine without one */

/* Calls mesh_on_view(), _hello(), _info() for what hello said since the last turn, and hands over
 * what pulse_say() and pulse_keys() were told. True: there was something. */
bool pulse_run(struct ctl *ctl);

/* What we say of ourselves in a domain, until told otherwise. (Hello itself says joining after it
 * stood still; HELLO_STALL tells, and only what is said afterwards counts.) */
void pulse_say(struct ctl *ctl, uint16_t domain, enum next_says says);
/* Every live peer of the domain echoes what was said last. */
bool pulse_is_known(const struct ctl *ctl, uint16_t domain);
/* New keys of the session with a peer; copied, wiped when handed over. */
void pulse_keys(struct ctl *ctl, uint8_t node, const struct session_keys *keys);

/* What a datagram of class HELLO is counted as: enum dp_drop; -1: it was taken. */
int pulse_drop(enum hello_verdict v);

/* Milliseconds for which hello has been silent because an lcore, perhaps its own, stands still; 0: it
 * is not. */
uint64_t pulse_silent_ms(const struct ctl *ctl);
