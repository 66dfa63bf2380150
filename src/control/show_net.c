/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes, neighbours, addresses, and what hamd itself is. */
#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "control/pmtu.h"
#include "control/show_priv.h"
#include "records/records.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define CONFIG_STEP 16384 /* octets of configuration a step */

static void put_route_target(struct ctl *ctl, struct jw *w, uint32_t value)
{
	uint32_t index = fib_index(value);
	const struct addr_row *row;

	switch (fib_kind(value)) {
	case FIB_LOCAL:
		row = addrs_row(ctl->t->addrs, index);
		jw_str(w, "port", row != NULL ? show_port_name(ctl, row->port) : "?");
		break;
	case FIB_HOME_AGENT:
	case FIB_ANYCAST:
	case FIB_DOMAIN:
		jw_str(w, "domain", show_domain_name(ctl, fib_domain(value)));
		break;
	case FIB_ONLINK:
		jw_str(w, "port", show_port_name(ctl, index));
		break;
	case FIB_VIA:
		jw_ip6(w, "next-hop", adj_addr(ctl->t->adj, index));
		jw_str(w, "port", show_port_name(ctl, adj_port(ctl->t->adj, index)));
		break;
	default:
		break;
	}
}

bool show_routes(struct ctl *ctl, struct ctl_req *req)
{
	static const char *const kinds[FIB_KIND_COUNT] = {
		[FIB_UNREACHABLE] = "unreachable",
		[FIB_LOCAL] = "local",
		[FIB_HOME_AGENT] = "home-agent",
		[FIB_DOMAIN] = "mobile-prefix",
		[FIB_ONLINK] = "on-link",
		[FIB_VIA] = "via",
		[FIB_ANYCAST] = "home-agents-anycast",
	};
	struct jw *w = &req->out;
	struct ip6_prefix prefix;
	uint32_t value;

	if (!fib_next(ctl->t->fib, &req->cursor, &prefix, &value))
		return false;
	jw_object(w, NULL);
	jw_prefix(w, "prefix", &prefix);
	jw_str(w, "kind", fib_kind(value) < FIB_KIND_COUNT ? kinds[fib_kind(value)] : "?");
	put_route_target(ctl, w, value);
	jw_end(w, '}');
	jw_newline(w);
	return true;
}

bool show_neighbors(struct ctl *ctl, struct ctl_req *req)
{
	struct jw *w = &req->out;
	struct nd_info n;

	if (!nd_next(ctl, &req->cursor, &n))
		return false;
	if (n.state == NULL)
		return true;
	jw_object(w, NULL);
	jw_ip6(w, "address", &n.addr);
	jw_str(w, "port", show_port_name(ctl, n.port));
	if (n.has_mac)
		jw_strf(w, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", n.mac[0], n.mac[1], n.mac[2],
			n.mac[3], n.mac[4], n.mac[5]);
	else
		jw_null(w, "mac");
	jw_str(w, "state", n.state);
	jw_u64(w, "age-ms", n.age_ms);
	jw_bool(w, "gateway", n.gateway);
	jw_u64(w, "queued", n.queued);
	jw_end(w, '}');
	jw_newline(w);
	return true;
}

bool show_addresses(struct ctl *ctl, struct ctl_req *req)
{
	static const char *const owners[] = {
		[ADDR_PORT] = "port",
		[ADDR_HOME_AGENT] = "home-agent",
		[ADDR_PEER] = "peer",
	};
	static const char *const states[] = {
		[ADDR_TENTATIVE] = "tentative",
		[ADDR_PREFERRED] = "preferred",
		[ADDR_DUPLICATE] = "duplicate",
		[ADDR_ELSEWHERE] = "elsewhere",
	};
	const struct addr_row *row = addrs_row(ctl->t->addrs, req->cursor);
	struct jw *w = &req->out;

	if (row == NULL)
		return false;
	jw_object(w, NULL);
	jw_ip6(w, "address", &row->addr);
	jw_u64(w, "prefix-length", row->prefix_len);
	jw_str(w, "owner", owners[row->owner]);
	if (row->port != ADDR_NO_PORT)
		jw_str(w, "port", show_port_name(ctl, row->port));
	if (row->owner != ADDR_PORT)
		jw_str(w, "domain", show_domain_name(ctl, row->domain));
	jw_str(w, "state", states[row->state]);
	jw_end(w, '}');
	jw_newline(w);
	req->cursor++;
	return true;
}

/* One document, of any length: it goes out in pieces. */
bool show_config(struct ctl *ctl, struct ctl_req *req)
{
	const char *json;
	size_t n;

	if (req->cursor == 0)
		req->generation = ctl->generation;
	else if (req->generation != ctl->generation)
		return show_fail(req, -EAGAIN, "a reload came in between; ask again");
	json = ctl->json + req->cursor;
	n = strnlen(json, CONFIG_STEP);
	jw_raw(&req->out, json, n);
	req->cursor += (uint32_t)n;
	if (json[n] != '\0')
		return true;
	jw_newline(&req->out);
	return false;
}

bool show_version(struct ctl *ctl, struct ctl_req *req)
{
	struct jw *w = &req->out;
	uint32_t available, total;

	dp_pool_info(ctl->dp, &available, &total);
	jw_object(w, NULL);
	jw_str(w, "version", HAMD_VERSION);
	jw_str(w, "node", ctl->conf->node.name);
	jw_u64(w, "node-id", ctl->conf->node.id);
	if (ctl->records != NULL) {
		jw_u64(w, "bindings", records_live(ctl->records));
		jw_u64(w, "tombstones", records_tombstones(ctl->records));
		jw_u64(w, "bindings-max", ctl->conf->runtime.max_bindings);
		jw_u64(w, "bindings-bytes",
			records_memory(ctl->records) + bc_memory(ctl->t->bc) +
				pmtu_memory(ctl->pmtu) + mip6_memory(ctl));
	}
	jw_u64(w, "buffers-free", available);
	jw_u64(w, "buffers", total);
	jw_end(w, '}');
	jw_newline(w);
	return false;
}
