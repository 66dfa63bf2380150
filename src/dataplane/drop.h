/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet was dropped: one list makes the enum, the names in `hamctl show drops`, the help
 * and docs/counters.md. Workers and the control core count into the same reasons.
 */
#pragma once

/* X(id, name, help) */
#define DP_DROP_LIST(X)                                                                            \
	X(RX_CHAINED, "rx_chained",                                                                \
		"the driver delivered a packet in several buffers that do not fit one")            \
	X(RX_TOO_SHORT, "rx_too_short", "frame shorter than Ethernet and IPv6 headers")            \
	X(RX_NOT_FOR_US, "rx_not_for_us",                                                          \
		"Ethernet destination is neither ours nor a group we joined")                      \
	X(RX_NOT_IPV6, "rx_not_ipv6", "ethertype is not IPv6")                                     \
	X(RX_VLAN, "rx_vlan", "VLAN tag missing, unexpected or of another VLAN")                   \
	X(RX_BAD_SOURCE_MAC, "rx_bad_source_mac", "Ethernet source is a group address or our own") \
	X(IP6_VERSION, "ip6_version", "version is not 6")                                          \
	X(IP6_LENGTH, "ip6_length", "payload length runs past the frame")                          \
	X(IP6_JUMBO, "ip6_jumbo",                                                                  \
		"payload length 0 with a next header: jumbograms are not supported")               \
	X(SRC_INVALID, "src_invalid", "source is multicast, loopback, IPv4-mapped or unspecified") \
	X(SRC_OURS, "src_ours", "source is one of our own addresses")                              \
	X(SRC_SCOPE, "src_scope", "link-local source cannot be forwarded")                         \
	X(DST_INVALID, "dst_invalid", "destination is loopback, unspecified or IPv4-mapped")       \
	X(DST_SCOPE, "dst_scope", "link-local destination is not ours")                            \
	X(DST_MULTICAST, "dst_multicast", "multicast group that nobody here listens to")           \
	X(EXT_TRUNCATED, "ext_truncated", "an extension header runs past the packet")              \
	X(EXT_TOO_MANY, "ext_too_many", "more extension headers or options than are looked at")    \
	X(EXT_ORDER, "ext_order", "extension header or Home Address option in the wrong place")    \
	X(EXT_OPTION, "ext_option", "unknown option that asks for the packet to be discarded")     \
	X(EXT_OPTION_LENGTH, "ext_option_length", "known option with a wrong length")              \
	X(RH_REFUSED, "rh_refused",                                                                \
		"routing header type 0 or unknown type with segments left (RFC 5095)")             \
	X(RH2_TO_US, "rh2_to_us", "routing header type 2 to a home agent (RFC 6275, 8.2)")         \
	X(FRAG_EMPTY, "frag_empty", "fragment to us without an octet of data")                     \
	X(FRAG_LENGTH, "frag_length",                                                              \
		"fragment to us that is not the last and no multiple of 8 octets: parameter "      \
		"problem sent")                                                                    \
	X(FRAG_BEYOND, "frag_beyond",                                                              \
		"fragment to us that would end beyond 65535 octets: parameter problem sent")       \
	X(FRAG_DUPLICATE, "frag_duplicate", "fragment that is here already, the same octets")      \
	X(FRAG_OVERLAP, "frag_overlap",                                                            \
		"fragments of a datagram that overlap or disagree about its end: none of it is "   \
		"taken (RFC 5722)")                                                                \
	X(FRAG_TOO_BIG, "frag_too_big",                                                            \
		"fragments of a datagram that would be larger than reassembly.max-octets")         \
	X(FRAG_TOO_MANY, "frag_too_many", "fragments of a datagram in more than 16 pieces")        \
	X(FRAG_ECN, "frag_ecn",                                                                    \
		"fragments of a datagram of which one is marked for congestion and another not "   \
		"ECN-capable (RFC 3168, 5.3)")                                                     \
	X(FRAG_TIMEOUT, "frag_timeout",                                                            \
		"fragments whose others did not come in time: time exceeded sent if the first "    \
		"was here")                                                                        \
	X(FRAG_SOURCE_LIMIT, "frag_source_limit",                                                  \
		"fragments that made room for newer ones of the same source: "                     \
		"reassembly.max-per-source")                                                       \
	X(FRAG_EVICTED, "frag_evicted",                                                            \
		"fragments that made room for newer ones of anyone: reassembly.max-datagrams, "    \
		"reassembly.max-fragments")                                                        \
	X(HAO_INVALID, "hao_invalid", "Home Address option is not a unicast routable address")     \
	X(HAO_NO_BINDING, "hao_no_binding",                                                        \
		"Home Address option without a matching binding: Binding Error sent")              \
	X(DECAP_NO_BINDING, "decap_no_binding", "inner source has no binding")                     \
	X(DECAP_WRONG_COA, "decap_wrong_coa", "outer source is not the binding's care-of address") \
	X(DECAP_WRONG_DOMAIN, "decap_wrong_domain",                                                \
		"tunnel to the home agent address of another domain")                              \
	X(DECAP_INNER, "decap_inner", "no whole IPv6 packet inside the tunnel")                    \
	X(DECAP_ECN, "decap_ecn",                                                                  \
		"congestion marked outside, inner packet not ECN-capable (RFC 6040)")              \
	X(DECAP_LINK_LOCAL, "decap_link_local", "link-local inner source or destination")          \
	X(DECAP_LIMIT, "decap_limit", "more tunnels inside each other than a worker opens")        \
	X(DOMAIN_RATE, "domain_rate",                                                              \
		"above what a domain may have carried: limits.traffic-mbps, "                      \
		"limits.traffic-packets-per-s")                                                    \
	X(NOT_READY, "not_ready",                                                                  \
		"this site serves nothing of its own yet, or no more, and no ready one is there")  \
	X(MESH_FOREIGN_DOMAIN, "mesh_foreign_domain",                                              \
		"from a site of the mesh, for what lies in no domain of that site")                \
	X(MESH_HOP_LIMIT, "mesh_hop_limit", "was relayed as often as it may be")                   \
	X(MESH_BACK, "mesh_back", "would go back to the site that it came from")                   \
	X(MESH_MISMATCH_RATE, "mesh_mismatch_rate",                                                \
		"tunnel that does not fit the binding here, above what a domain has relayed to "   \
		"sites that may know better: limits.mismatch-per-s")                               \
	X(MESH_RELAY_RATE, "mesh_relay_rate",                                                      \
		"above what a domain has relayed: limits.relay-mbps, limits.relay-packets-per-s")  \
	X(INTERCEPT_NO_BINDING, "intercept_no_binding", "home address without a binding")          \
	X(ENCAP_LIMIT, "encap_limit", "inner tunnel encapsulation limit is 0 (RFC 2473, 4.1.1)")   \
	X(ENCAP_LOOP, "encap_loop",                                                                \
		"tunnel would lead to ourselves or back into itself (RFC 2473, 4.1.2)")            \
	X(ENCAP_TOO_BIG, "encap_too_big",                                                          \
		"tunnel packet exceeds the path MTU: Packet Too Big sent")                         \
	X(ENCAP_HEADROOM, "encap_headroom", "no room in front of the packet for another header")   \
	X(MESH_STRANGER, "mesh_stranger",                                                          \
		"to the mesh (tunnel or UDP port) from no other site's address, or not straight")  \
	X(MESH_SOURCE, "mesh_source",                                                              \
		"mesh tunnel packet whose source is not the address of the peer that it names")    \
	X(MESH_NESTED, "mesh_nested", "mesh tunnel packet inside another tunnel")                  \
	X(MESH_CLEAR, "mesh_clear",                                                                \
		"unprotected mesh tunnel packet of a peer, though mesh.protect-data is on")        \
	X(MESH_ESP_KEYS, "mesh_esp_keys",                                                          \
		"mesh tunnel packet sealed with keys that are not there, or not any more")         \
	X(MESH_ESP_SHORT, "mesh_esp_short",                                                        \
		"mesh tunnel packet shorter than ESP, or no multiple of 4 octets")                 \
	X(MESH_ESP_REPLAYED, "mesh_esp_replayed", "mesh tunnel packet that was taken before")      \
	X(MESH_ESP_FORGED, "mesh_esp_forged",                                                      \
		"mesh tunnel packet changed on the way, made up, or older than the window")        \
	X(MESH_ESP_PADDING, "mesh_esp_padding",                                                    \
		"genuine mesh tunnel packet with padding that is not as RFC 4303 says")            \
	X(MESH_INNER, "mesh_inner", "no whole IPv6 packet inside the mesh tunnel")                 \
	X(MESH_HAND_FULL, "mesh_hand_full",                                                        \
		"mesh tunnel packet for another worker whose queue is full")                       \
	X(MESH_NO_KEYS, "mesh_no_keys", "to a peer with which there are no keys now")              \
	X(MESH_TOO_BIG, "mesh_too_big", "larger than the mesh tunnel takes: Packet Too Big sent")  \
	X(HOP_LIMIT, "hop_limit", "hop limit exceeded in transit: time exceeded sent")             \
	X(NO_ROUTE, "no_route", "no route to the destination")                                     \
	X(TOO_BIG, "too_big", "larger than the outgoing port's MTU: Packet Too Big sent")          \
	X(NEIGHBOR_PENDING, "neighbor_pending",                                                    \
		"waited for a neighbour longer than the queue holds")                              \
	X(NEIGHBOR_FAILED, "neighbor_failed", "neighbour never answered")                          \
	X(NEIGHBOR_FULL, "neighbor_full", "no room for another unresolved neighbour")              \
	X(PORT_DOWN, "port_down", "outgoing port has no link")                                     \
	X(TX_FULL, "tx_full", "outgoing queue or ring is full")                                    \
	X(NO_BUFFER, "no_buffer", "no packet buffer left")                                         \
	X(PUNT_ND_FULL, "punt_nd_full", "control core's queue for neighbour discovery is full")    \
	X(PUNT_SYNC_FULL, "punt_sync_full",                                                        \
		"control core's queue for the sessions with other sites is full")                  \
	X(PUNT_HELLO_FULL, "punt_hello_full", "queue for hellos of other sites is full")           \
	X(PUNT_KNOWN_FULL, "punt_known_full",                                                      \
		"control core's queue for signalling of bound mobile nodes is full")               \
	X(PUNT_KNOWN_RATE, "punt_known_rate",                                                      \
		"signalling in the name of one bound mobile node above "                           \
		"limits.bu-per-s-per-source")                                                      \
	X(PUNT_SIGNALLING_FULL, "punt_signalling_full",                                            \
		"control core's queue for other signalling is full")                               \
	X(PUNT_DISCOVERY_FULL, "punt_discovery_full",                                              \
		"control core's queue for what asks for home agents or prefixes is full")          \
	X(PUNT_LOCAL_FULL, "punt_local_full", "control core's queue for local delivery is full")   \
	X(PUNT_RESOLVE_FULL, "punt_resolve_full",                                                  \
		"control core's queue for unresolved neighbours is full")                          \
	X(PUNT_ERROR_FULL, "punt_error_full", "control core's queue for ICMPv6 errors is full")    \
	X(UDP_LENGTH, "udp_length",                                                                \
		"UDP length of a datagram to a port of the mesh is not what the packet holds")     \
	X(UDP_CHECKSUM, "udp_checksum",                                                            \
		"UDP checksum of a datagram to a port of the mesh is missing or wrong (RFC 8200, " \
		"8.1)")                                                                            \
	X(SYNC_MALFORMED, "sync_malformed",                                                        \
		"session with another site: too short, too long, or of an unknown type")           \
	X(SYNC_OTHER_VERSION, "sync_other_version",                                                \
		"session with another site: of a version that is not spoken here")                 \
	X(SYNC_STRANGER, "sync_stranger",                                                          \
		"session with another site: of a node, or from an address, that is no peer's")     \
	X(SYNC_MAC, "sync_mac",                                                                    \
		"session with another site: handshake made without knowing our public key")        \
	X(SYNC_FLOOD, "sync_flood",                                                                \
		"session with another site: more handshakes than are taken; asked for a cookie")   \
	X(SYNC_HANDSHAKE, "sync_handshake",                                                        \
		"session with another site: handshake made with other keys than are configured")   \
	X(SYNC_OLD, "sync_old",                                                                    \
		"session with another site: handshake begun earlier than one that was taken")      \
	X(SYNC_CROSSED, "sync_crossed",                                                            \
		"session with another site: handshake while ours goes first")                      \
	X(SYNC_UNASKED, "sync_unasked",                                                            \
		"session with another site: answer or cookie that nobody waits for")               \
	X(SYNC_NO_KEYS, "sync_no_keys",                                                            \
		"session with another site: sealed with keys that are not there any more, or "     \
		"never were")                                                                      \
	X(SYNC_EXPIRED, "sync_expired",                                                            \
		"session with another site: sealed with keys that are too old")                    \
	X(SYNC_REPLAYED, "sync_replayed",                                                          \
		"session with another site: its number was taken before, or is too old to tell")   \
	X(SYNC_FORGED, "sync_forged", "session with another site: changed on the way, or made up") \
	X(HELLO_OLDER, "hello_older", "hello that was overtaken by a newer one")                   \
	X(HELLO_LATE, "hello_late", "hello that was held back on the way for too long")            \
	X(HELLO_MALFORMED, "hello_malformed",                                                      \
		"hello that is too short, too long, or of an unknown type")                        \
	X(HELLO_OTHER_VERSION, "hello_other_version", "hello of a form that is not spoken here")   \
	X(HELLO_STRANGER, "hello_stranger",                                                        \
		"hello of a node, or from an address, that is no peer's")                          \
	X(HELLO_NO_KEYS, "hello_no_keys",                                                          \
		"hello sealed with keys that are not there (one site has restarted, the session "  \
		"is not made anew yet)")                                                           \
	X(HELLO_EXPIRED, "hello_expired", "hello sealed with keys that are too old")               \
	X(HELLO_REPLAYED, "hello_replayed",                                                        \
		"hello whose number was taken before, or is too old to tell")                      \
	X(HELLO_FORGED, "hello_forged", "hello that was changed on the way, or made up")           \
	X(HELLO_CONTENT, "hello_content", "genuine hello whose fields make no sense")              \
	X(LOCAL_PROTO, "local_proto",                                                              \
		"nothing here speaks the upper-layer protocol: parameter problem sent")            \
	X(LOCAL_PORT, "local_port", "no UDP or TCP service here: port unreachable sent")           \
	X(LOCAL_ICMP6, "local_icmp6", "ICMPv6 type that a home agent does not take")               \
	X(ICMP6_INVALID, "icmp6_invalid", "ICMPv6 checksum or length is wrong")                    \
	X(ICMP6_NO_TUNNEL, "icmp6_no_tunnel",                                                      \
		"ICMPv6 error about a packet in a tunnel that no binding has, or that cannot be "  \
		"told")                                                                            \
	X(ICMP6_MTU, "icmp6_mtu",                                                                  \
		"Packet Too Big below 1280, or about a packet that fits or that no port takes")    \
	X(ICMP6_UNPROVEN, "icmp6_unproven",                                                        \
		"ICMPv6 error about a tunnel packet, not passed on: it quotes none that hamd "     \
		"made")                                                                            \
	X(ND_INVALID, "nd_invalid", "neighbour discovery message fails RFC 4861, 7.1")             \
	X(ND_FRAGMENT, "nd_fragment", "neighbour discovery in a fragment (RFC 6980)")              \
	X(ND_IGNORED, "nd_ignored",                                                                \
		"neighbour discovery that is not for us: router messages, redirects, other "       \
		"targets")                                                                         \
	X(ND_RATE, "nd_rate", "more neighbour solicitations than are answered")                    \
	X(MH_TRUNCATED, "mh_truncated", "Mobility Header shorter than it says")                    \
	X(MH_CHECKSUM, "mh_checksum", "Mobility Header checksum is wrong")                         \
	X(MH_PROTO, "mh_proto",                                                                    \
		"Mobility Header with a payload behind it: parameter problem sent")                \
	X(MH_LENGTH, "mh_length", "Mobility Header shorter than its type: parameter problem sent") \
	X(MH_TYPE, "mh_type", "unknown Mobility Header type: Binding Error sent")                  \
	X(MH_IGNORED, "mh_ignored", "Mobility Header message that a home agent does not take")     \
	X(MH_ANYCAST, "mh_anycast", "Mobility Header to home agents' anycast address")             \
	X(MH_OPTION, "mh_option", "mobility option runs past the message or has a wrong length")   \
	X(BU_NO_HAO, "bu_no_hao", "Binding Update without a Home Address option from away")        \
	X(BU_HOA_INVALID, "bu_hoa_invalid", "home address is not a unicast routable address")      \
	X(BU_COA_INVALID, "bu_coa_invalid", "care-of address is not a unicast routable address")   \
	X(BU_NO_ALT_COA, "bu_no_alt_coa",                                                          \
		"home registration from away without Alternate Care-of Address")                   \
	X(BU_NOT_HOME, "bu_not_home", "Binding Update without the H flag: no correspondent here")  \
	X(BU_NONCE, "bu_nonce", "home registration with a Nonce Indices option")                   \
	X(BU_AUTH_MISSING, "bu_auth_missing",                                                      \
		"no MN-HA authentication option, though the mobile node has a key")                \
	X(BU_AUTH_UNKNOWN, "bu_auth_unknown",                                                      \
		"no key for this home address or SPI (RFC 4285, 5.1.1)")                           \
	X(BU_AUTH_IDENTITY, "bu_auth_identity",                                                    \
		"mobile node identifier that is not the configured one")                           \
	X(BU_RATE, "bu_rate", "Binding Updates from one source, or of a domain, above the limit")  \
	X(BU_RATE_MOBILE_NODE, "bu_rate_mobile_node",                                              \
		"acceptable Binding Updates of one mobile node above the limit")                   \
	X(BU_SHORTAGE, "bu_shortage", "nothing free at this moment: the mobile node will repeat")  \
	X(BU_SOURCE, "bu_source", "refused, and the source cannot be answered")                    \
	X(HAAD_INVALID, "haad_invalid",                                                            \
		"request for home agents with a code other than 0, or from no node's address")     \
	X(HAAD_RATE, "haad_rate",                                                                  \
		"requests for home agents from one source, or of a domain, above the limit")       \
	X(MPS_INVALID, "mps_invalid",                                                              \
		"request for prefixes with a code other than 0 or an option without end")          \
	X(MPS_NO_HAO, "mps_no_hao", "request for prefixes without a Home Address option")          \
	X(MPS_NOT_AGENT, "mps_not_agent",                                                          \
		"request for prefixes to another address than the binding's home agent")           \
	X(MPS_OFF, "mps_off", "this mobile node is not told prefixes (discovery.prefixes)")        \
	X(MPS_RATE, "mps_rate",                                                                    \
		"request for prefixes above 1 per second, and too many wait for their answer")     \
	X(OWN_NO_BINDING, "own_no_binding",                                                        \
		"something of ours for a home address that is not bound")                          \
	X(OWN_NO_ROUTE, "own_no_route", "something of ours without a route or a source address")   \
	X(ICMP6_NOT_DUE, "icmp6_not_due",                                                          \
		"no ICMPv6 error may be sent about this packet (RFC 4443, 2.4)")                   \
	X(ICMP6_RATE, "icmp6_rate", "ICMPv6 error above the rate limit")                           \
	X(SHUTDOWN, "shutdown", "was waiting when hamd stopped")

enum dp_drop {
#define X(id, name, help) DP_DROP_##id,
	DP_DROP_LIST(X)
#undef X
		DP_DROP_COUNT
};

const char *dp_drop_name(enum dp_drop reason);
const char *dp_drop_help(enum dp_drop reason);
