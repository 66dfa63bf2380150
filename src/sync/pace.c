/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast datagrams go to a peer: octets are paced by a rate that grows by a quarter a round trip
 * and shrinks by a quarter when something was lost in one; what is under way is bounded by twice
 * that rate times the round trip time, and by what a peer's queue takes. Datagrams are counted over
 * all streams to a peer, so an acknowledgement says how many left the network and how many are
 * missing. hello's round trip time knows nothing of the queues that our own datagrams stand in, up
 * to the peer's control core: that is measured too, and nothing is taken for lost, or sent again,
 * before it. Records are paced, too:
 * a peer leaves what exceeds its records-per-s, so we tell no more than ours, which is the same as
 * a rule; where its is smaller, it reports what it left as lost.
 */
#include "common/plant.h"
#include "sync/stream_priv.h"

#define UNTIMED_MAX 8 /* ways that may be none: so many in a row are */

/* How long it takes until a peer has said what became of a datagram. */
uint32_t pace_answer_ms(const struct peer *p)
{
	uint32_t quiet = p->rtt_ms + ACK_DELAY_MS;

	return p->lag_ms > quiet ? p->lag_ms : quiet;
}

uint32_t rto_ms(const struct peer *p)
{
	return least(p->rtt_ms + pace_answer_ms(p) + RTO_MIN_MS, RTO_MAX_MS);
}

uint32_t pace_under_way(const struct peer *p)
{
	return p->numbered - p->heard_until;
}

/* --- datagrams --- */

void tx_begin_full(struct engine *e, struct peer *p, uint8_t *buf, struct net_wr *w)
{
	*w = net_wr_init(buf, ENGINE_DATAGRAM);
	message_write_head(w, &(struct message_head){ e->opts.boot, p->boot });
}

void tx_begin(struct engine *e, struct peer *p, uint8_t *buf, struct net_wr *w)
{
	tx_begin_full(e, p, buf, w);
	if (p->is_open)
		receive_acks(e, p, w);
}

/* Tokens at most, and the greatest debt: 10 ms; 20 datagrams. */
static int64_t burst(const struct peer *p)
{
	return (int64_t)(p->rate * 10 + 20000ULL * ENGINE_DATAGRAM);
}

void tx_end(struct engine *e, struct peer *p, struct net_wr *w)
{
	assert(!w->bad);
	/* answers and acknowledgements leave even on credit: never so many that streams fall
	 * silent for long */
	p->tokens -= (int64_t)net_wr_len(w) * 1000;
	if (p->tokens < -burst(p))
		p->tokens = -burst(p);
	e->opts.ops.send(e->opts.ops.ctx, p->node, w->base, net_wr_len(w));
}

/*
 * Tokens are often owed while a round asks: for the questions themselves, or because streams are full.
 * What answers goes all the same, or the round would come to nothing; but for a part of the rate, so
 * that the rest pays the debt, not where a debt is as high as it gets and more costs nothing, and not
 * where streams tell the peer all the records that it takes: those would be lost for these.
 */
bool pace_may_push(const struct peer *p)
{
	return p->tokens >= 0 || (p->credit > 0 && p->told > 0 && p->tokens > -burst(p));
}

void pace_pushed(struct peer *p, int64_t before)
{
	int64_t owed = p->tokens < 0 ? p->tokens : 0;

	p->credit += owed - (before < 0 ? before : 0);
	if (p->credit < -burst(p))
		p->credit = -burst(p); /* or it would be paid back for long */
}

/* --- how fast --- */

void stream_refill(struct engine *e, struct peer *p)
{
	uint64_t ms = e->now_ms - p->tokens_ms;

	if (ms > 1000)
		ms = 1000;
	p->tokens_ms = e->now_ms;
	p->tokens += (int64_t)(p->rate * ms);
	if (p->tokens > burst(p))
		p->tokens = burst(p);
	p->credit += (int64_t)(p->rate / CREDIT_PART * ms);
	if (p->credit > burst(p))
		p->credit = burst(p);
	p->told += (int64_t)(ms * e->opts.records_s);
	if (p->told > 1000LL * e->opts.records_s)
		p->told = 1000LL * e->opts.records_s;
}

/* Datagrams that may be under way. */
static uint64_t window_of(const struct peer *p)
{
	uint64_t in_1_s = p->rate / ENGINE_DATAGRAM;
	uint64_t window = 2 * in_1_s * (p->rtt_ms + ACK_DELAY_MS) / 1000;
	uint64_t most = in_1_s * p->rtt_ms / 1000 + WINDOW_QUEUED;

	if (window > most)
		window = most;
	return window > WINDOW_MIN ? window : WINDOW_MIN;
}

bool pace_may_send(const struct peer *p)
{
	return planted(PLANT_PACE_IGNORED) ||
	       (p->tokens > 0 && p->told > 0 && pace_under_way(p) < window_of(p));
}

void pace_slow_down(struct engine *e, struct peer *p)
{
	if (e->now_ms - p->slowed_ms < pace_answer_ms(p))
		return;
	p->slowed_ms = p->sped_ms = e->now_ms;
	p->rate -= p->rate / 4;
	if (p->rate < RATE_MIN)
		p->rate = RATE_MIN;
}

static void speed_up(struct engine *e, struct peer *p)
{
	if (e->now_ms - p->sped_ms < pace_answer_ms(p) || p->lag_ms > p->rtt_ms + LAG_MAX_MS)
		return;
	p->sped_ms = e->now_ms;
	p->rate += p->rate / 4;
	if (p->rate > e->opts.rate_max)
		p->rate = e->opts.rate_max;
}

/* Rises at once, falls slowly: a queue that is empty now fills again. Where something was lost it may
 * have been the datagram that was timed, and then a later one was heard: how long that one took to
 * be sent is no way. No way is longer than what was measured all the same; and where each
 * acknowledgement says that something was lost, the queue is full of what is heard soon after. */
static void measure_lag(struct engine *e, struct peer *p, uint32_t highest, bool is_loss)
{
	uint32_t ms = least((uint32_t)(e->now_ms - p->timed_ms), RTO_MAX_MS);

	if (p->timed == 0 || is_later(p->timed, highest))
		return;
	p->timed = 0;
	if (is_loss && ms > p->lag_ms && ++p->untimed < UNTIMED_MAX)
		return;
	p->untimed = 0;
	p->lag_ms = ms > p->lag_ms ? ms : p->lag_ms - (p->lag_ms - ms) / 8;
}

void pace_heard(struct engine *e, struct peer *p, const struct message_ack *m)
{
	uint32_t lost = m->highest - m->received; /* "below 0" where some came twice */

	if (is_later(m->highest, p->numbered)) /* makes no sense */
		return;
	p->heard_ms = e->now_ms;
	measure_lag(e, p, m->highest, is_later(lost, p->lost));
	if (is_later(m->highest, p->heard_until))
		p->heard_until = m->highest;
	if (is_later(lost, p->lost))
		pace_slow_down(e, p);
	else
		speed_up(e, p);
	p->lost = lost;
}
