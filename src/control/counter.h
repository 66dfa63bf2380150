/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control core counts beside drops. Monotonic; one writer, the control core. */
#pragma once

#include <stdint.h>

/* X(id, name, unit, help) */
#define CTL_COUNTER_LIST(X)                                                                        \
	X(BU_RECEIVED, "bu_received", "messages",                                                  \
		"Binding Updates with a valid header and checksum")                                \
	X(BU_REGISTERED, "bu_registered", "messages", "accepted: a new binding")                   \
	X(BU_REFRESHED, "bu_refreshed", "messages", "accepted: same care-of address")              \
	X(BU_MOVED, "bu_moved", "messages", "accepted: another care-of address")                   \
	X(BU_DEREGISTERED, "bu_deregistered", "messages", "accepted: lifetime 0 or at home")       \
	X(BU_REFUSED, "bu_refused", "messages", "answered with a status of 128 or more")           \
	X(BU_AUTHENTICATED, "bu_authenticated", "messages",                                        \
		"Binding Updates whose MN-HA authentication is right")                             \
	X(BU_AUTH_FAILED, "bu_auth_failed", "messages", "refused with 146: the MAC is wrong")      \
	X(BU_REPLAYED, "bu_replayed", "messages",                                                  \
		"refused with 144: timestamp not close to our clock, or not above the last one")   \
	X(BA_SENT, "ba_sent", "messages", "Binding Acknowledgements sent")                         \
	X(BA_HELD, "ba_held", "messages", "Binding Acknowledgements that waited for the store")    \
	X(BA_NOT_STORED, "ba_not_stored", "messages",                                              \
		"Binding Acknowledgements not sent: the store cannot be written, or too many "     \
		"wait for it")                                                                     \
	X(BU_BURIED, "bu_buried", "messages",                                                      \
		"in a mesh: de-registrations of a binding that is not known here, answered with "  \
		"133 and told to the other sites")                                                 \
	X(BU_ELSEWHERE, "bu_elsewhere", "messages",                                                \
		"in a mesh: de-registrations at another home agent address than the binding's, "   \
		"which stays")                                                                     \
	X(BA_WAITED, "ba_waited", "messages",                                                      \
		"Binding Acknowledgements that waited for other sites")                            \
	X(BA_UNCONFIRMED, "ba_unconfirmed", "messages",                                            \
		"of them sent when commit-timeout-ms had passed, with too few sites that hold "    \
		"the "                                                                             \
		"binding")                                                                         \
	X(BA_NO_ROOM, "ba_no_room", "messages",                                                    \
		"Binding Acknowledgements not sent: mesh.max-waits lets no more wait")             \
	X(BE_SENT, "be_sent", "messages", "Binding Errors sent")                                   \
	X(BINDINGS_EXPIRED, "bindings_expired", "bindings", "lifetime ran out")                    \
	X(BINDINGS_DELETED, "bindings_deleted", "bindings", "deleted by the operator")             \
	X(BINDINGS_REMOVED, "bindings_removed", "bindings",                                        \
		"ended because a reload took the subscriber away")                                 \
	X(RELOADS, "reloads", "reloads", "sets of subscribers taken after the start")              \
	X(HAAD_ANSWERED, "haad_answered", "messages", "requests for home agents answered")         \
	X(MPS_RECEIVED, "mps_received", "messages",                                                \
		"requests for prefixes by bound mobile nodes that may be told")                    \
	X(MPA_SENT, "mpa_sent", "messages", "Mobile Prefix Advertisements sent")                   \
	X(MPA_UNSOLICITED, "mpa_unsolicited", "messages",                                          \
		"of them those that nobody asked for, repetitions included")                       \
	X(MPA_UNANSWERED, "mpa_unanswered", "bindings",                                            \
		"never asked for prefixes after an unsolicited one and its repetitions")           \
	X(HA_SWITCH_SENT, "home_agent_switch_sent", "messages",                                    \
		"Home Agent Switch messages sent, repetitions included")                           \
	X(HA_SWITCH_ANSWERED, "home_agent_switch_answered", "bindings",                            \
		"registered elsewhere, or ended, by a mobile node that was told to switch")        \
	X(HA_SWITCH_UNANSWERED, "home_agent_switch_unanswered", "bindings",                        \
		"of mobile nodes that did neither after all repetitions")                          \
	X(HA_SWITCH_UNKNOWN, "home_agent_switch_unknown", "bindings",                              \
		"of mobile nodes that answered with a Binding Error, status 2")                    \
	X(HA_SWITCH_NO_SA, "home_agent_switch_no_sa", "bindings",                                  \
		"of mobile nodes that were not told: nothing could authenticate it")               \
	X(NS_RECEIVED, "ns_received", "messages", "valid neighbour solicitations")                 \
	X(NA_RECEIVED, "na_received", "messages", "valid neighbour advertisements")                \
	X(NS_SENT, "ns_sent", "messages", "neighbour solicitations sent")                          \
	X(NA_SENT, "na_sent", "messages", "neighbour advertisements sent")                         \
	X(ECHO_ANSWERED, "echo_answered", "messages", "echo replies sent")                         \
	X(ICMP6_ERRORS_SENT, "icmp6_errors_sent", "messages", "ICMPv6 errors sent")                \
	X(ICMP6_ERRORS_RECEIVED, "icmp6_errors_received", "messages",                              \
		"ICMPv6 errors about something of ours")                                           \
	X(ICMP6_ERRORS_PASSED_ON, "icmp6_errors_passed_on", "messages",                            \
		"ICMPv6 errors about tunnel packets of which the inner source was told")           \
	X(ICMP6_ERRORS_OF_SITES, "icmp6_errors_of_sites", "messages",                              \
		"in a mesh: of these, about tunnel packets that another site sent")                \
	X(PATH_MTU_LOWERED, "path_mtu_lowered", "messages",                                        \
		"Packet Too Big that lowered the MTU of a path, to a care-of address or another "  \
		"destination")                                                                     \
	X(SESSIONS_MADE, "sessions_made", "times",                                                 \
		"keys of a session with another site were made, or made anew")                     \
	X(SYNC_OPENED, "sync_opened", "datagrams", "of sessions with other sites, opened")         \
	X(SYNC_SENT, "sync_sent", "datagrams", "of sessions with other sites, sealed and sent")    \
	X(SYNC_NOT_SENT, "sync_not_sent", "datagrams",                                             \
		"to other sites, not sent: there are no keys at this moment, or no way")           \
	X(ACCT_EVENTS, "accounting_events", "events",                                              \
		"accounting events: sessions begun, moved, ended, and in between")                 \
	X(ACCT_LOST, "accounting_lost", "events", "of these, lost because nobody took them")       \
	X(ACCT_UNSTORED, "accounting_unstored", "events",                                          \
		"of these, told before the store had what they tell: it could not be written, or " \
		"too many waited for it")                                                          \
	X(STORE_RECORDS, "store_records", "records", "handed over to the store")                   \
	X(STORE_PAIRS, "store_pairs", "pairs",                                                     \
		"in a mesh: what was last seen of a mobile node at a home agent address, "         \
		"handed over to the store where no record says it")                                \
	X(STORE_COALESCED, "store_coalesced", "records",                                           \
		"changes of a record that was waiting to be handed over")                          \
	X(STORE_LATE, "store_late", "times",                                                       \
		"a change was on disk later than store.sync-ms after it was made")                 \
	X(STORE_FAILURES, "store_failures", "times",                                               \
		"the store became one that cannot be written")                                     \
	X(STORE_LOADED, "store_loaded", "bindings", "taken over from the store at the start")      \
	X(STORE_LEFT_OUT, "store_left_out", "records",                                             \
		"in the store at the start, but the configuration has no place for them")          \
	X(STORE_DAMAGED, "store_damaged", "times",                                                 \
		"the store was damaged at the start, and was moved aside")                         \
	X(STORE_NO_CLOCK, "store_no_clock", "times",                                               \
		"the clock does not say how long ago the store was written: bindings went on "     \
		"with what they had left then")                                                    \
	X(MESH_HEARD, "mesh_heard", "records",                                                     \
		"changes of bindings that other sites told, and that were news here")              \
	X(MESH_TAKEN_OVER, "mesh_taken_over", "bindings",                                          \
		"taken over from a site that is gone or gave them away")                           \
	X(MESH_HANDED_ON, "mesh_handed_on", "bindings",                                            \
		"given to another site: drain, return of a site, binding move")                    \
	X(MESH_ALONE, "mesh_alone", "bindings", "acknowledged while no other site held them")      \
	X(MESH_FORGOTTEN, "mesh_forgotten", "numbers",                                             \
		"of mobile nodes without a binding that were to be remembered "                    \
		"(remember-sequence) "                                                             \
		"and gave way, the oldest first: more of them than there is room for")             \
	X(MESH_SUPERSEDED, "mesh_superseded", "bindings",                                          \
		"ended before their time, or their tombstones were: their mobile nodes "           \
		"registered "                                                                      \
		"again at a site that was not heard then")                                         \
	X(TURNS, "control_turns", "turns", "turns of the control core")

enum ctl_counter {
#define X(id, name, unit, help) CTL_##id,
	CTL_COUNTER_LIST(X)
#undef X
		CTL_COUNTER_COUNT
};

const char *ctl_counter_name(enum ctl_counter c);
const char *ctl_counter_unit(enum ctl_counter c);
const char *ctl_counter_help(enum ctl_counter c);
