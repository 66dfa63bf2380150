/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole IPv6 packets made by scapy 2.5 (scapy.layers.inet6), checksums included: what another
 * implementation says these messages look like. VEC_HA is the home agent, VEC_HOA a mobile
 * node's home address, VEC_COA where it is, VEC_CN a correspondent.
 */
#pragma once

#define VEC_HA  "2001:db8:a::1"
#define VEC_HOA "2001:db8:a::100"
#define VEC_COA "2001:db8:c::9"
#define VEC_CN  "2001:db8:f::f"

#define VEC_HEX_HA  "20010db8000a00000000000000000001"
#define VEC_HEX_HOA "20010db8000a00000000000000000100"
#define VEC_HEX_COA "20010db8000c00000000000000000009"
#define VEC_HEX_CN  "20010db8000f0000000000000000000f"

/* Binding Update: DestOpt(HAO), AHLK, sequence 0x1234, 60 units, Alternate Care-of Address. */
#define VEC_BU                                                                                     \
	"6000000000383c40" VEC_HEX_COA VEC_HEX_HA "870201020000c910" VEC_HEX_HOA                   \
	"3b0305002e7f1234f000003c01000310" VEC_HEX_COA
/* From home: AH, sequence 7, lifetime 0, no option. */
#define VEC_BU_HOME "6000000000108740" VEC_HEX_HOA VEC_HEX_HA "3b010500a1d60007c000000001020000"
/* Binding Acknowledgement: RH2, status 0, K, 45 units, Refresh Advice 30. */
#define VEC_BA                                                                                     \
	"6000000000282b40" VEC_HEX_HA VEC_HEX_COA "8702020100000000" VEC_HEX_HOA                   \
	"3b0106004cdf00801234002d0202001e"
/* Status 135, sequence 255. */
#define VEC_BA_135                                                                                 \
	"6000000000282b40" VEC_HEX_HA VEC_HEX_COA "8702020100000000" VEC_HEX_HOA                   \
	"3b010600d8de870000ff000001020000"
/* Binding Error: status 1. */
#define VEC_BE   "6000000000188740" VEC_HEX_HA VEC_HEX_COA "3b02070032090100" VEC_HEX_HOA
#define VEC_HOTI "6000000000108740" VEC_HEX_HOA VEC_HEX_CN "3b01010056b900000102030405060708"
#define VEC_BRR  "6000000000088740" VEC_HEX_CN VEC_HEX_HOA "3b00000067d60000"

/* Home Agent Address Discovery: request 0x1234 to the anycast address (with R of RFC 3963), reply with
 * two agents. */
#define VEC_HEX_ANYCAST    "20010db8000a0000fdfffffffffffffe"
#define VEC_HAAD_REQUEST   "6000000000083a40" VEC_HEX_COA VEC_HEX_ANYCAST "900003f912340000"
#define VEC_HAAD_REQUEST_R "6000000000083a40" VEC_HEX_COA VEC_HEX_ANYCAST "900083f812348000"
#define VEC_HAAD_REPLY                                                                             \
	"6000000000283a40" VEC_HEX_HA VEC_HEX_COA "9100a54d12340000" VEC_HEX_HA                    \
	"20010db8000a00000000000000000002"
/* Mobile Prefix Solicitation 0xbeef: DestOpt(HAO); Advertisement to the home address: a /48 with R,
 * for ever, and 2001:db8:b::/64 with A, 7200 s, deprecated. */
#define VEC_MPS                                                                                    \
	"6000000000203c40" VEC_HEX_COA VEC_HEX_HA "3a0201020000c910" VEC_HEX_HOA "92005246beef000" \
	"0"
#define VEC_MPA                                                                                    \
	"6000000000483a40" VEC_HEX_HA VEC_HEX_HOA "930062f5beef0000"                               \
	"03043020ffffffffffffffff00000000" VEC_HEX_HA "0304404000001c200000000000000000"           \
	"20010db8000b00000000000000000000"

/* Neighbour discovery about VEC_HOA; link-layer address 02:00:5e:10:00:01. */
#define VEC_NS                                                                                     \
	"6000000000203afffe800000000000000000000000000001"                                         \
	"ff0200000000000000000001ff0001008700eb4800000000" VEC_HEX_HOA "010102005e100001"
#define VEC_NS_DAD                                                                                 \
	"6000000000183aff00000000000000000000000000000000"                                         \
	"ff0200000000000000000001ff00010087004ae500000000" VEC_HEX_HOA
#define VEC_NA                                                                                     \
	"6000000000203aff" VEC_HEX_HOA "fe800000000000000000000000000001"                          \
	"8800d989e0000000" VEC_HEX_HOA "020102005e100001"
#define VEC_NA_ALL                                                                                 \
	"6000000000203aff" VEC_HEX_HA "ff020000000000000000000000000001"                           \
	"88009a0720000000" VEC_HEX_HOA "020102005e100001"

/* ICMPv6: the errors quote VEC_ECHO. */
#define VEC_ECHO        "60000000000d3a40" VEC_HEX_CN VEC_HEX_HA "8000dfd00077000368656c6c6f"
#define VEC_ECHO_REPLY  "60000000000d3a40" VEC_HEX_HA VEC_HEX_CN "8100ded00077000368656c6c6f"
#define VEC_TOO_BIG     "60000000003d3a40" VEC_HEX_HA VEC_HEX_CN "0200026f00000578" VEC_ECHO
#define VEC_UNREACHABLE "60000000003d3a40" VEC_HEX_HA VEC_HEX_CN "010308e400000000" VEC_ECHO
#define VEC_PARAM       "60000000003d3a40" VEC_HEX_HA VEC_HEX_CN "040105e000000006" VEC_ECHO

/* A tunnel packet with encapsulation limit 4; UDP with an odd length; a router alert; a routing
 * header type 0 with 2 segments left; two fragments; an echo request with a HAO. */
#define VEC_TUNNEL                                                                                 \
	"6000000000393c40" VEC_HEX_HA VEC_HEX_COA "290004010401010060000000000911"                 \
	"40" VEC_HEX_CN VEC_HEX_HOA "0001000200092b3f78"
#define VEC_UDP   "60000000000b1140" VEC_HEX_CN VEC_HEX_HOA "14e90035000bbabb6f6464"
#define VEC_ALERT "6000000000100040" VEC_HEX_CN VEC_HEX_HA "3a000502000001008000242000010001"
#define VEC_RH0                                                                                    \
	"6000000000302b40" VEC_HEX_CN VEC_HEX_HA "3a04000200000000" VEC_HEX_HOA VEC_HEX_CN         \
	"8000240d00010001"
#define VEC_FRAGMENT_1 "6000000000102c40" VEC_HEX_CN VEC_HEX_HA "3a0000010000abcd8000000000010001"
#define VEC_FRAGMENT_2 "6000000000102c40" VEC_HEX_CN VEC_HEX_HA "3a0000080000abcd3132333435363738"
#define VEC_HAO_ECHO                                                                               \
	"6000000000223c40" VEC_HEX_COA VEC_HEX_HA "3a0201020000c910" VEC_HEX_HOA                   \
	"8000babf000500066869"
