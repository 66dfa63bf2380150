/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Alarms: conditions that an operator should know of, one row each. What is measured becomes one
 * number an alarm, the larger the worse; when it is raised and cleared follows from the row alone.
 * Pure: time is handed in. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * X(id, name, severity, unit, raise_at, clear_below, raise_ms, clear_ms, what, todo)
 *
 * Raised when the number was at least raise_at for raise_ms, cleared when it was below clear_below
 * for clear_ms. A new alarm is a row here and a function in alarm.c that measures it.
 */
#define ALARM_LIST(X)                                                                              \
	X(POOL_LOW, "pool_low", CRITICAL, "percent", 95, 90, 1000, 5000,                           \
		"packet buffers are nearly used up",                                               \
		"raise runtime.mbufs and runtime.memory-mb; drops no_buffer and port counters "    \
		"rx-no-buffer say whether packets are lost")                                       \
	X(FREES_STALLED, "frees_stalled", CRITICAL, "ms", 1000, 200, 0, 1000,                      \
		"what workers may still read cannot be freed: one of them does not report",        \
		"see alarm worker_wedged; when it lasts, new bindings are refused: restart hamd "  \
		"and report the fault")                                                            \
	X(WORKER_WEDGED, "worker_wedged", CRITICAL, "ms", 1000, 200, 0, 1000,                      \
		"an lcore has not finished a turn",                                                \
		"look for what else runs on that core (isolcpus, CPUAffinity); if it stays, "      \
		"restart hamd and report the fault")                                               \
	X(CONTROL_SLOW, "control_slow", WARNING, "us", 5000, 5000, 0, 60000,                       \
		"a turn of the control core took long: signalling waited",                         \
		"give the first of runtime.lcores a core of its own; when hamctl show lcores "     \
		"says "                                                                            \
		"as much in CPU US, report the fault")                                             \
	X(HELLO_SILENT, "hello_silent", CRITICAL, "ms", 1, 1, 0, 1000,                             \
		"this site says nothing to the other ones, for a core of it stands still: they "   \
		"take over from it",                                                               \
		"see alarms worker_wedged and control_slow; is the machine overloaded?")           \
	X(PUNT_OVERFLOW, "punt_overflow", WARNING, "packets/s", 1, 1, 0, 10000,                    \
		"a queue to the control core is full",                                             \
		"hamctl show drops: punt_*_full names the class; a flood of one class harms no "   \
		"other")                                                                           \
	X(TX_OVERFLOW, "tx_overflow", WARNING, "packets/s", 100, 10, 0, 10000,                     \
		"a port sends less than it is given",                                              \
		"the link is slower than the traffic, or the driver is: hamctl show ports")        \
	X(PORT_DOWN, "port_down", CRITICAL, "ports", 1, 1, 1000, 1000, "a port has no link",       \
		"hamctl show ports; check cable, transceiver, switch port")                        \
	X(DUPLICATE_ADDRESS, "duplicate_address", CRITICAL, "addresses", 1, 1, 0, 0,               \
		"another machine has an address of ours: it is not used",                          \
		"hamctl show addresses; take it from the other machine, then restart hamd")        \
	X(GATEWAY_UNRESOLVED, "gateway_unresolved", CRITICAL, "gateways", 1, 1, 5000, 1000,        \
		"a gateway does not answer neighbour solicitations",                               \
		"hamctl show neighbors; check the router, the VLAN and the address in routes")     \
	X(BINDINGS_FULL, "bindings_full", WARNING, "percent", 90, 85, 0, 10000,                    \
		"nearly as many bindings as may be",                                               \
		"raise runtime.max-bindings or the domain's limits.max-bindings; at the limit "    \
		"registrations are refused")                                                       \
	X(ACCOUNTING_BLOCKED, "accounting_blocked", CRITICAL, "outputs", 1, 1, 2000, 1000,         \
		"nothing takes accounting lines: they wait in memory",                             \
		"disk full? Is the collector running? The log says why")                           \
	X(ACCOUNTING_LOSING, "accounting_losing", CRITICAL, "events/s", 1, 1, 0, 60000,            \
		"accounting events are lost",                                                      \
		"see alarm accounting_blocked; raise accounting.buffer-mb or interim-s")           \
	X(STORE_FAILED, "store_failed", CRITICAL, "stores", 1, 1, 0, 1000,                         \
		"the store cannot be written: bindings are not kept, and not acknowledged where "  \
		"ack-peers is store",                                                              \
		"disk full, or read-only? hamctl show store and the log say why; it goes on by "   \
		"itself")                                                                          \
	X(STORE_BEHIND, "store_behind", WARNING, "ms", 1000, 100, 0, 10000,                        \
		"changes of bindings reach the disk late",                                         \
		"hamctl show store: the disk is slow, or something else keeps it busy")            \
	X(STORE_DAMAGED, "store_damaged", WARNING, "stores", 1, 1, 0, 0,                           \
		"the store was damaged at the start and was moved aside: bindings were lost",      \
		"the log says where it is; check the disk; the next start clears this")            \
	X(STORE_NO_CLOCK, "store_no_clock", WARNING, "stores", 1, 1, 0, 0,                         \
		"at the start the clock did not say how long ago the store was written: bindings " \
		"went on with what they had left then, so they may last too long",                 \
		"was the clock wrong, now or then? hamd should start after it is set "             \
		"(time-sync.target); the next start clears this")                                  \
	X(BINDINGS_ALONE, "bindings_alone", WARNING, "bindings", 1, 1, 1000, 1000,                 \
		"acknowledged bindings that no other site holds: the loss of this one would lose " \
		"them",                                                                            \
		"hamctl show peers: is another site up? They are sent as soon as one is")          \
	X(CLOCK_OFF, "clock_off", CRITICAL, "ms", 1, 1, 0, 5000,                                   \
		"other sites agree with each other about the time, and not with this one",         \
		"look after NTP on this machine; hamctl show peers has the differences")           \
	X(PEER_DOWN, "peer_down", CRITICAL, "sites", 1, 1, 2000, 1000,                             \
		"a site of the mesh is not heard, or does not hear us",                            \
		"hamctl show peers; is hamd running there, and is UDP between the site addresses " \
		"let through (mesh.port and the next one)?")                                       \
	X(PEER_DOMAIN, "peer_domain", CRITICAL, "domains", 1, 1, 2000, 1000,                       \
		"a site is there, but has not that domain, or not this site in it",                \
		"the detail names both: is the domain's name the same there, and is this site "    \
		"among its peers, with the right id?")                                             \
	X(PEER_KEY, "peer_key", CRITICAL, "sites", 1, 1, 0, 5000,                                  \
		"a site has another key than is configured, here or there",                        \
		"compare hamctl pubkey there with mesh.peers here, and the other way round")       \
	X(PEER_INCOMPATIBLE, "peer_incompatible", CRITICAL, "sites", 1, 1, 0, 1000,                \
		"a site speaks no version of the protocol that this one does",                     \
		"hamctl show peers has the versions; update the older one, one release at a time") \
	X(PEER_BEHIND, "peer_behind", WARNING, "ms", 5000, 1000, 0, 10000,                         \
		"a site that is up has not acknowledged changes for long",                         \
		"hamctl show peers; does the path lose packets, or is mesh.rate-mbps too small?")  \
	X(PEER_FULL, "peer_full", CRITICAL, "sites", 1, 1, 0, 5000,                                \
		"a site refuses bindings of ours: they are not safe there",                        \
		"runtime.max-bindings and the domain's limits.max-bindings are to be alike")       \
	X(SETTINGS_DIFFER, "settings_differ", WARNING, "settings", 1, 1, 2000, 1000,               \
		"a site has a domain configured differently",                                      \
		"the detail names the key: make it alike at all sites of the domain")              \
	X(RECORDS_DIFFER, "records_differ", WARNING, "records", 1, 1, 0, 60000,                    \
		"a site and this one cannot agree on some bindings",                               \
		"see alarms settings_differ and peer_full; if there is neither, report the fault") \
	X(DOMAIN_WAITS, "domain_waits", CRITICAL, "domains", 1, 1, 0, 0,                           \
		"not ready to serve: waits for a site that holds, or may hold, its bindings",      \
		"start that site; if it is gone for good set it to retired; hamctl ready --force " \
		"ends the waiting and may lose what only that site knew")

enum alarm_severity { ALARM_WARNING, ALARM_CRITICAL };

enum alarm_id {
#define X(id, ...) ALARM_##id,
	ALARM_LIST(X)
#undef X
		ALARM_COUNT
};

#define ALARM_DETAIL_MAX 64

struct alarm_desc {
	const char *name;
	enum alarm_severity severity;
	const char *unit;
	uint64_t raise_at, clear_below;
	uint32_t raise_ms, clear_ms;
	const char *what, *todo;
};

struct alarm {
	bool raised;
	bool turning; /* the number says otherwise since turning_ms */
	uint64_t turning_ms;
	uint64_t since_ms; /* raised or cleared then; 0: never was */
	uint64_t last_ms; /* the number was at least raise_at */
	uint32_t count; /* times raised */
	uint64_t value; /* now */
	char detail[ALARM_DETAIL_MAX]; /* which port, address, ...; kept when it clears */
};

/* What is measured. */
struct alarm_fact {
	uint64_t value;
	char detail[ALARM_DETAIL_MAX]; /* of what is wrong; "": nothing is, or it needs none */
};

enum alarm_change { ALARM_SAME, ALARM_RAISED, ALARM_CLEARED };

const struct alarm_desc *alarm_desc(enum alarm_id id);
const char *alarm_severity_name(enum alarm_severity s);

/* One alarm moves on with what was measured at now_ms. */
enum alarm_change alarm_step(
	enum alarm_id id, struct alarm *a, const struct alarm_fact *f, uint64_t now_ms);
