/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What monitoring sees beside counters and drops (dataplane/counter.h, control/counter.h,
 * dataplane/drop.h): one row a metric. `hamctl metrics` puts "hamd_" in front of a name and
 * "_total" behind a counter's. Aggregates only: no label ever names a mobile node, so that the
 * number of series does not depend on how many there are.
 */
#pragma once

/* X(id, name, type, unit, labels, help); a unit is the end of the name (OpenMetrics, 4.6) */
#define METRIC_LIST(X)                                                                             \
	X(BUILD_INFO, "build_info", GAUGE, "", "version, dpdk, node, id", "always 1")              \
	X(START_TIME, "start_time_seconds", GAUGE, "seconds", "",                                  \
		"when hamd was started, since 1970")                                               \
	X(READY, "ready", GAUGE, "", "", "1 when duplicate address detection has settled all")     \
	X(BINDINGS, "bindings", GAUGE, "", "domain", "live bindings")                              \
	X(BINDINGS_LIMIT, "bindings_limit", GAUGE, "", "domain", "limits.max-bindings")            \
	X(BINDINGS_MAX, "bindings_max", GAUGE, "", "", "runtime.max-bindings")                     \
	X(DOMAIN_DROPPED, "domain_dropped_packets", COUNTER, "", "domain",                         \
		"packets above limits.traffic-mbps or limits.traffic-packets-per-s")               \
	X(DOMAIN_READY, "domain_ready", GAUGE, "", "domain",                                       \
		"1 when this site is a ready one of the mesh in it and no lcore stands still")     \
	X(BINDINGS_ALONE, "bindings_alone", GAUGE, "", "domain",                                   \
		"acknowledged, and held by no other site")                                         \
	X(ACKS_WAITING, "acknowledgements_waiting", GAUGE, "", "domain",                           \
		"Binding Acknowledgements that wait for other sites")                              \
	X(RELAYED_PACKETS, "relayed_packets", COUNTER, "", "domain",                               \
		"packets that came from outside the mesh handed to other sites")                   \
	X(RELAYED_BYTES, "relayed_bytes", COUNTER, "bytes", "domain", "octets of these")           \
	X(RELAYED_FURTHER_PACKETS, "relayed_further_packets", COUNTER, "", "domain",               \
		"packets of another site handed to a third one")                                   \
	X(RELAYED_FURTHER_BYTES, "relayed_further_bytes", COUNTER, "bytes", "domain",              \
		"octets of these")                                                                 \
	X(RELAYED_MISMATCHES, "relayed_mismatches", COUNTER, "", "domain",                         \
		"of all these, tunnels that do not fit a binding here")                            \
	X(PEER_UP, "peer_up", GAUGE, "", "peer", "1 when that site and this one hear each other")  \
	X(PEER_RTT, "peer_rtt_seconds", GAUGE, "seconds", "peer", "round trip time of hellos")     \
	X(PEER_CLOCK, "peer_clock_offset_seconds", GAUGE, "seconds", "peer",                       \
		"that site's clock less this one's")                                               \
	X(PEER_LAG, "peer_lag_records", GAUGE, "", "peer",                                         \
		"changes of bindings that it has not acknowledged")                                \
	X(PEER_LAG_TIME, "peer_lag_seconds", GAUGE, "seconds", "peer",                             \
		"for how long there have been some")                                               \
	X(PEER_TX, "peer_sent_bytes", COUNTER, "bytes", "peer", "sealed for it, without hellos")   \
	X(PEER_RX, "peer_received_bytes", COUNTER, "bytes", "peer",                                \
		"of its datagrams, opened, without hellos")                                        \
	X(PEER_RECORDS, "peer_records", COUNTER, "", "peer", "bindings told by it")                \
	X(PEER_REFUSED, "peer_records_refused", COUNTER, "", "peer",                               \
		"of these refused here: a fence, or no room")                                      \
	X(PEER_REPAIRED, "peer_records_repaired", COUNTER, "", "peer",                             \
		"sent to it because digests differed")                                             \
	X(TOMBSTONES, "tombstones", GAUGE, "", "",                                                 \
		"ended bindings whose sequence number is remembered")                              \
	X(BINDINGS_MEMORY, "bindings_memory_bytes", GAUGE, "bytes", "",                            \
		"memory of binding records and cache")                                             \
	X(NEIGHBORS, "neighbors", GAUGE, "", "", "entries of the neighbor cache")                  \
	X(GATEWAYS_UNRESOLVED, "gateways_unresolved", GAUGE, "", "",                               \
		"gateways whose Ethernet address is not known")                                    \
	X(BUFFERS, "packet_buffers", GAUGE, "", "", "packet buffers there are")                    \
	X(BUFFERS_FREE, "packet_buffers_free", GAUGE, "", "", "of these, not in use")              \
	X(FREES_WAITING, "frees_waiting", GAUGE, "", "",                                           \
		"table entries that wait until no worker reads them")                              \
	X(FREES_REFUSED, "frees_refused", COUNTER, "", "",                                         \
		"changes refused because too many wait for that")                                  \
	X(PUNT_QUEUE, "punt_queue_packets", GAUGE, "packets", "class",                             \
		"packets that wait for the control core")                                          \
	X(PUNT_QUEUE_LIMIT, "punt_queue_limit_packets", GAUGE, "packets", "class",                 \
		"room in that queue")                                                              \
	X(LCORE_TURNS, "lcore_turns", COUNTER, "", "lcore, role", "turns of the loop")             \
	X(LCORE_BUSY, "lcore_busy_cycles", COUNTER, "cycles", "lcore, role",                       \
		"processor cycles in turns that found work")                                       \
	X(LCORE_IDLE, "lcore_idle_cycles", COUNTER, "cycles", "lcore, role",                       \
		"processor cycles in turns that found none, and asleep")                           \
	X(LCORE_LONGEST, "lcore_longest_turn_seconds", GAUGE, "seconds", "lcore, role",            \
		"the longest turn since the start")                                                \
	X(LCORE_SLOW, "lcore_slow_turns", COUNTER, "", "lcore, role",                              \
		"turns of 10 ms and more, the least hello-ms")                                     \
	X(STAGE_CALLS, "stage_calls", COUNTER, "", "lcore, stage", "bursts through a stage")       \
	X(STAGE_PACKETS, "stage_packets", COUNTER, "packets", "lcore, stage",                      \
		"packets through a stage")                                                         \
	X(STAGE_CYCLES, "stage_cycles", COUNTER, "cycles", "lcore, stage",                         \
		"processor cycles in a stage")                                                     \
	X(PORT_UP, "port_up", GAUGE, "", "port", "1 when the port has a link")                     \
	X(PORT_SPEED, "port_speed_bits_per_second", GAUGE, "", "port", "0: not known")             \
	X(PORT_RX_PACKETS, "port_rx_packets", COUNTER, "packets", "port",                          \
		"received, as the driver counts")                                                  \
	X(PORT_RX_BYTES, "port_rx_bytes", COUNTER, "bytes", "port",                                \
		"received, as the driver counts")                                                  \
	X(PORT_RX_MISSED, "port_rx_missed_packets", COUNTER, "packets", "port",                    \
		"lost because workers were too slow")                                              \
	X(PORT_RX_ERRORS, "port_rx_errors", COUNTER, "", "port", "received and broken")            \
	X(PORT_RX_NO_BUFFER, "port_rx_no_buffer", COUNTER, "", "port",                             \
		"lost because there was no packet buffer")                                         \
	X(PORT_TX_PACKETS, "port_tx_packets", COUNTER, "packets", "port",                          \
		"sent, as the driver counts")                                                      \
	X(PORT_TX_BYTES, "port_tx_bytes", COUNTER, "bytes", "port", "sent, as the driver counts")  \
	X(PORT_TX_ERRORS, "port_tx_errors", COUNTER, "", "port", "could not be sent")              \
	X(DROPPED, "dropped_packets", COUNTER, "packets", "reason",                                \
		"dropped; the reasons are those of hamctl show drops")                             \
	X(SESSIONS, "accounting_sessions", GAUGE, "", "", "sessions that are accounted for")       \
	X(ACCT_QUEUE, "accounting_queue_events", GAUGE, "events", "",                              \
		"events that wait for the thread that writes them")                                \
	X(ACCT_WAITING, "accounting_waiting_bytes", GAUGE, "bytes", "",                            \
		"lines that wait for the disk or the collector")                                   \
	X(ACCT_LINES, "accounting_lines", COUNTER, "", "", "lines written")                        \
	X(ACCT_BYTES, "accounting_written_bytes", COUNTER, "bytes", "", "octets of these")         \
	X(ACCT_BLOCKED, "accounting_blocked", GAUGE, "", "",                                       \
		"1 when the disk or the collector takes no lines")                                 \
	X(LOG_LOST, "log_lost_lines", COUNTER, "lines", "",                                        \
		"log lines lost because standard error did not take them")                         \
	X(ALARM, "alarm_raised", GAUGE, "", "alarm, severity",                                     \
		"1 when it is raised; the alarms are those of hamctl show alarms --all")           \
	X(ALARM_COUNT, "alarm_raises", COUNTER, "", "alarm, severity", "times it was raised")

enum metric_type { METRIC_GAUGE, METRIC_COUNTER };

enum metric {
#define X(id, ...) METRIC_##id,
	METRIC_LIST(X)
#undef X
		METRIC_COUNT
};
