/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/trace_json.h"

#include <stdio.h>
#include <time.h>

#include "dataplane/dp.h"

static const char *port_name(const struct watch *watch, unsigned port)
{
	const struct watch_port *ports;

	return port < watch_ports(watch, &ports) ? ports[port].name : "?";
}

static void put_time(struct jw *w, const char *key, uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	jw_strf(w, key, "%s.%06uZ", text, (unsigned)(ns % 1000000000 / 1000));
}

static void put_packet(struct jw *w, const struct trace_hop *h)
{
	if (h->len == 0)
		return;
	jw_ip6(w, "source", &h->src);
	jw_ip6(w, "destination", &h->dst);
	jw_u64(w, "length", h->len);
	jw_u64(w, "next-header", h->next_header);
	jw_u64(w, "hop-limit", h->hop_limit);
}

static void put_more(struct jw *w, const struct trace_hop *h)
{
	const uint8_t *mac = h->hop.mac;

	switch (h->more) {
	case TRACE_BINDING:
		jw_object(w, "binding");
		jw_ip6(w, "home-address", &h->binding.hoa);
		jw_ip6(w, "care-of-address", &h->binding.coa);
		jw_end(w, '}');
		break;
	case TRACE_NEXT_HOP:
		if (h->hop.has_addr)
			jw_ip6(w, "next-hop", &h->hop.addr);
		jw_strf(w, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			mac[4], mac[5]);
		break;
	case TRACE_SITE:
		jw_object(w, "site");
		jw_u64(w, "node", h->site.node);
		jw_bool(w, "relayed", h->site.relayed);
		jw_end(w, '}');
		break;
	case TRACE_VERDICT:
		jw_str(w, "engine", h->verdict.who);
		jw_str(w, "verdict", h->verdict.what);
		if (h->verdict.status >= 0)
			jw_i64(w, "status", h->verdict.status);
		break;
	default:
		break;
	}
}

static void put_door(struct jw *w, const struct watch *watch, const struct trace_hop *h)
{
	if (h->door == TRACE_VECTOR)
		jw_str(w, "door", trace_vec_name(h->arg));
	else
		jw_str(w, "door", trace_door_name((enum trace_door)h->door));
	switch (h->door) {
	case TRACE_PUNT:
	case TRACE_TAKEN:
		jw_str(w, "class", dp_punt_class_name((enum dp_punt_class)h->arg));
		if (h->door == TRACE_PUNT && h->arg == DP_PUNT_ERROR)
			jw_str(w, "reason", dp_drop_name((enum dp_drop)h->reason));
		break;
	case TRACE_DROP:
	case TRACE_COUNTED:
		jw_str(w, "reason", dp_drop_name((enum dp_drop)h->arg));
		break;
	case TRACE_HANDED:
		jw_u64(w, "worker", h->arg);
		break;
	case TRACE_TX:
	case TRACE_RING:
	case TRACE_WIRE:
		jw_str(w, "port", port_name(watch, h->arg));
		if (h->door == TRACE_WIRE)
			jw_u64(w, "queue", h->queue);
		break;
	default:
		break;
	}
}

static void put_hop(
	struct jw *w, const struct watch *watch, const struct traced_hop *t, uint64_t start)
{
	jw_object(w, NULL);
	jw_dbl(w, "us", watch_us(watch, start, t->hop.tsc));
	if (t->lane + 1 == watch_lanes(watch))
		jw_str(w, "by", "control");
	else
		jw_strf(w, "by", "worker %u", t->lane);
	jw_str(w, "stage", trace_stage_name(t->hop.stage));
	put_door(w, watch, &t->hop);
	if (t->is_answer)
		jw_bool(w, "answer", true);
	put_packet(w, &t->hop);
	put_more(w, &t->hop);
	jw_end(w, '}');
}

void trace_json(struct jw *w, struct watch *watch, const struct traced *t, uint64_t number)
{
	uint64_t start = t->hop[0].hop.tsc;
	const char *reason, *fate = traced_fate(t, &reason);

	jw_object(w, NULL);
	jw_u64(w, "packet", number);
	put_time(w, "at", watch_ns(watch, start));
	if (t->is_received) {
		jw_str(w, "port", port_name(watch, t->port));
		jw_u64(w, "queue", t->queue);
	}
	put_packet(w, &t->hop[0].hop);
	jw_str(w, "fate", fate);
	if (reason != NULL)
		jw_str(w, "reason", reason);
	jw_bool(w, "whole", t->is_whole);
	jw_array(w, "stages");
	for (unsigned i = 0; i < t->hops; i++)
		put_hop(w, watch, &t->hop[i], start);
	jw_end(w, ']');
	jw_end(w, '}');
	jw_newline(w);
}
