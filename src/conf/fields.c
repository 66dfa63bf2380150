/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables, leaves first. Fields are read in the order of their table, not in that of the file:
 * a key may refer to what stands above it (routes to ports).
 */
#include "conf/fields.h"

#include <assert.h>

#include "conf/keyfile.h"
#include "conf/text.h"

#define LCORES_PATTERN "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"
#define DEVICE_PATTERN                                                                             \
	"^([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[01][0-9A-Fa-f]\\.[0-7]|net_[A-Za-z0-9_]+)(,[!-~]+)?$"

#define BINDINGS_MAX 16777216

static_assert(sizeof(enum conf_auth_type) == sizeof(uint32_t), "CONF_ENUM is 32 bits");
static_assert(sizeof(enum conf_encap_limit) == sizeof(uint32_t), "CONF_ENUM is 32 bits");
static_assert(sizeof(enum conf_prefixes) == sizeof(uint32_t), "CONF_ENUM is 32 bits");

static const char *const roles[] = { "ha", NULL };
static const char *const log_levels[] = { "err", "warn", "info", "debug", NULL };
static const char *const auth_types[] = {
	[CONF_AUTH_NONE] = "none", [CONF_AUTH_MN_HA] = "mn-ha", NULL
};
static const char *const ack_peers[] = {
	[CONF_ACK_ALL - CONF_ACK_WORDS] = "all",
	[CONF_ACK_STORE - CONF_ACK_WORDS] = "store",
	[CONF_ACK_ZERO - CONF_ACK_WORDS] = "none",
	[CONF_ACK_AUTO - CONF_ACK_WORDS] = "auto",
	NULL,
};
static const char *const timeouts[] = { [CONF_TIMEOUT_AUTO] = "auto", NULL };
static const char *const modes[] = {
	[CONF_MODE_UNICAST] = "unicast", [CONF_MODE_SHARED] = "shared", NULL
};
static const char *const deliveries[] = {
	[CONF_DELIVERY_DIRECT] = "direct", [CONF_DELIVERY_PRIMARY] = "primary", NULL
};
static const char *const cold_starts[] = {
	[CONF_COLD_WAIT] = "wait", [CONF_COLD_SERVE] = "serve", NULL
};
static const char *const on_damage[] = {
	[CONF_DAMAGE_MOVE_ASIDE] = "move-aside", [CONF_DAMAGE_REFUSE] = "refuse", NULL
};
static const char *const off[] = { "off", NULL };
static const char *const advices[] = {
	[CONF_ADVICE_OFF] = "off", [CONF_ADVICE_AUTO] = "auto", NULL
};
static const char *const encap_limits[] = {
	[CONF_ENCAP_LIMIT_AUTO] = "auto",
	[CONF_ENCAP_LIMIT_ALWAYS] = "always",
	NULL,
};
static const char *const prefixes[] = {
	[CONF_PREFIXES_AUTO] = "auto",
	[CONF_PREFIXES_ALWAYS] = "always",
	[CONF_PREFIXES_NEVER] = "never",
	NULL,
};

/* Two tunnels and two limits less than the least MTU of IPv6 leave 1124; the largest MTU of a
 * port leaves 9500. */
static const char *const mss_clamps[] = {
	[CONF_MSS_OFF] = "off",
	[CONF_MSS_AUTO] = "auto",
	NULL,
};

#define AT(member) offsetof(struct conf_node, member)
static const struct conf_field node_fields[] = {
	{ "id", CONF_U32, AT(id), .def = 1, .min = 1, .max = 255, .help = "Number of this node." },
	{ "name", CONF_STR, AT(name), .def_text = "hamd", .max = CONF_NAME_MAX,
		.check = conf_check_name, .pattern = CONF_NAME_PATTERN,
		.help = "Name of this node. The control socket is called after it." },
	{ "roles", CONF_SET, AT(role_ha), .values = roles, .min = 1, .max = 1, .def = 1,
		.help = "What this node is: ha, a Mobile IPv6 home agent (RFC 6275)." },
};
static const struct conf_section node_section = { CONF_SECTION(conf_node, node_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_runtime, member)
static const struct conf_field runtime_fields[] = {
	{ "lcores", CONF_STR, AT(lcores), .def_text = "0", .max = CONF_ROOM(conf_runtime, lcores),
		.check = conf_check_lcores, .pattern = LCORES_PATTERN,
		.help = "Processor cores to run on, like 0-3 or 0,2-3, none above 127. "
			"The first runs the control core, a single one runs everything." },
	{ "memory-mb", CONF_U32, AT(memory_mb), .def = 512, .min = 64, .max = 1048576,
		.help = "Memory for packet buffers and DPDK, in MiB." },
	{ "hugepages", CONF_BOOL, AT(hugepages), .def = true,
		.help = "Take that memory from huge pages. "
			"Ports of a network card need them; virtual devices do without." },
	{ "pdump", CONF_BOOL, AT(pdump), .def = false,
		.help = "Let DPDK's secondary processes attach, for dpdk-dumpcap. Needs huge pages "
			"and a mounted hugetlbfs, in which files stay behind. hamctl capture needs "
			"none of this." },
	{ "idle-sleep-us", CONF_U32, AT(idle_sleep_us), .def = 0, .min = 0, .max = 10000,
		.help = "How long a core without work sleeps, in microseconds. "
			"0 polls without a break, which is fastest and takes the whole core." },
	{ "watchdog-ms", CONF_U32, AT(watchdog_ms), .def = 10000, .min = 0, .max = 600000,
		.help = "For how long a core may finish no turn, in milliseconds, before hamd ends "
			"itself with a core file (systemd starts it anew). Time in which the whole "
			"process was stopped does not count. 0: for ever; else at least 1000." },
	{ "max-bindings", CONF_U32, AT(max_bindings), .def = 100000, .min = 1, .max = BINDINGS_MAX,
		.help = "Bindings of all domains. "
			"Their memory, about 400 octets each, is taken at start; in a mesh some "
			"300 more, without one some 170 more where remember-sequence holds in any "
			"domain." },
	{ "max-neighbors", CONF_U32, AT(max_neighbors), .def = 4096, .min = 16, .max = 1048576,
		.help = "Entries of the neighbor cache of all ports." },
	{ "max-routes", CONF_U32, AT(max_routes), .def = 1024, .min = 16, .max = 65536,
		.help = "Entries of the forwarding table: routes, on-link and mobile prefixes, "
			"our own addresses." },
	{ "max-subscribers", CONF_U32, AT(max_subscribers), .def = 1000000, .min = 1,
		.max = BINDINGS_MAX,
		.help = "Home addresses in mobile-nodes and subscribers files of all domains. "
			"Their memory, about 130 octets each, is taken as they are read, and "
			"twice while a reload runs." },
	{ "mbufs", CONF_U32, AT(mbufs), .def = 0, .min = 0, .max = 8388607,
		.help = "Packet buffers. 0 derives their number from the ports and lcores: as many "
			"as all queues and fragments can hold; with fewer a warning is logged. At "
			"least twice reassembly.max-fragments for each core." },
	{ "socket", CONF_STR, AT(socket), .derived = "/run/hamd/NAME.sock, NAME being node.name",
		.max = CONF_PATH_MAX, .check = conf_check_path, .pattern = "^/",
		.help = "Absolute path of the Unix socket that hamctl talks to." },
	{ "dpdk-drivers", CONF_TEXT, AT(dpdk_drivers), .optional = true, .max = 4096,
		.check = conf_check_path, .pattern = "^/",
		.help = "Absolute path of a shared object, or of a directory of them, that DPDK "
			"loads at start: drivers of devices that it does not come with. "
			"Nobody but their owner may be able to write there." },
	{ "log-level", CONF_WORD, AT(log_level), .def_text = "info", .values = log_levels,
		.max = CONF_ROOM(conf_runtime, log_level), .live = true,
		.help = "Lines of the log below this level are left out." },
};
static const struct conf_section runtime_section = { CONF_SECTION(
	conf_runtime, runtime_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf, member)
static const struct conf_field icmp_fields[] = {
	{ "errors-per-s", CONF_U32, AT(icmp_errors_per_s), .def = 1000, .min = 1, .max = 1000000,
		.help = "ICMPv6 errors sent per second (RFC 4443, 2.4 f)." },
	{ "burst", CONF_U32, AT(icmp_burst), .def = 100, .min = 1, .max = 1000000,
		.help = "ICMPv6 errors sent in one go after a quiet time." },
};
static const struct conf_section icmp_section = { CONF_SECTION(conf, icmp_fields, icmp_given) };
#undef AT

#define AT(member) offsetof(struct conf_store, member)
static const struct conf_field store_fields[] = {
	{ "path", CONF_TEXT, AT(path), .required = true, .max = 4096, .check = conf_check_path,
		.pattern = "^/",
		.help = "Absolute path of the directory. "
			"It is made when it is missing, is for hamd alone and holds nothing else; "
			"two daemons need two." },
	{ "sync-ms", CONF_U32, AT(sync_ms), .def = 10, .min = 1, .max = 1000,
		.help = "What a loss of power may cost: what is written is forced to disk twice "
			"in this time, as far as the disk goes." },
	{ "counters-s", CONF_U32, AT(counters_s), .def = 60, .min = 1, .max = 86400, .values = off,
		.help = "How often the packets and octets of bindings that do not change are "
			"stored, in seconds. "
			"off stores them with each Binding Update only." },
	{ "on-damage", CONF_ENUM, AT(on_damage), .def = CONF_DAMAGE_MOVE_ASIDE, .values = on_damage,
		.help = "What becomes of a store that is damaged. "
			"move-aside moves its files to PATH/bad-TIME and starts without "
			"bindings, refuse does not start." },
};
static const struct conf_section store_section = { CONF_SECTION(conf_store, store_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_reassembly, member)
static const struct conf_field reassembly_fields[] = {
	{ "timeout-ms", CONF_U32, AT(timeout_ms), .def = 60000, .min = 100, .max = 60000,
		.help = "How long a fragment waits for the others of its datagram, in "
			"milliseconds. RFC 8200 says 60 seconds." },
	{ "max-datagrams", CONF_U32, AT(max_datagrams), .def = 1024, .min = 64, .max = 65536,
		.help = "Incomplete datagrams of a worker. "
			"A new one pushes out the oldest." },
	{ "max-fragments", CONF_U32, AT(max_fragments), .def = 2048, .min = 64, .max = 1048576,
		.help = "Fragments that a worker holds, each in a packet buffer. "
			"A new one pushes out the oldest datagram." },
	{ "max-per-source", CONF_U32, AT(max_per_source), .def = 128, .min = 32, .max = 32768,
		.help = "Fragments of one source that a worker holds. "
			"A new one pushes out the oldest datagram of that source. "
			"At most half of max-datagrams and of max-fragments." },
	{ "max-octets", CONF_U32, AT(max_octets), .def = 3072, .min = 1500, .max = 9600,
		.help = "Largest datagram that is put together, IPv6 header included; not less "
			"than the MTU of a port and a tunnel header. Each packet buffer has room "
			"for it, in a mesh inside a tunnel between sites." },
};
static const struct conf_section reassembly_section = { CONF_SECTION(
	conf_reassembly, reassembly_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_port, member)
static const struct conf_field port_fields[] = {
	{ "name", CONF_STR, AT(name), .required = true, .max = CONF_NAME_MAX,
		.check = conf_check_name, .pattern = CONF_NAME_PATTERN,
		.help = "Name of the port in routes, hamctl and the log." },
	{ "device", CONF_STR, AT(device), .required = true, .max = CONF_DEVICE_MAX,
		.check = conf_check_device, .pattern = DEVICE_PATTERN,
		.help = "PCI address of a network card, like 0000:3b:00.0, or a virtual device of "
			"DPDK with its arguments, like net_af_packet0,iface=eth0." },
	{ "mtu", CONF_U32, AT(mtu), .def = 1500, .min = 1280, .max = 9600,
		.help = "Largest IPv6 packet sent and received, in octets." },
	{ "vlan", CONF_U32, AT(vlan), .def = 0, .min = 0, .max = 4094,
		.help = "IEEE 802.1Q tag of all frames. 0 is untagged." },
	{ "rx-queues", CONF_U32, AT(rx_queues), .def = 0, .min = 0, .max = 64,
		.help = "Receive queues. 0 asks for one per worker, as far as the device goes." },
	{ "dad", CONF_BOOL, AT(dad), .def = true,
		.help = "Duplicate address detection before an address of the port is used "
			"(RFC 4862, 5.4)." },
	{ "addresses", CONF_IFADDR, AT(addresses), .list = true, .count = AT(address_count),
		.max = 32,
		.help = "Addresses of the port with the prefix length of the link, like "
			"2001:db8:1::10/64. "
			"The prefix is on-link, except that of a /128. "
			"The port has a link-local address besides." },
};
static const struct conf_section port_section = { CONF_SECTION(conf_port, port_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_route, member)
static const struct conf_field route_fields[] = {
	{ "prefix", CONF_PREFIX, AT(prefix), .required = true,
		.help = "Destinations of the route; ::/0 is the default route." },
	{ "via", CONF_IP6, AT(via), .required = true,
		.help = "Next hop: an address that is on-link at a port." },
	{ "port", CONF_PORT, AT(port), .derived = "the port that via is on-link at",
		.max = CONF_NAME_MAX, .pattern = CONF_NAME_PATTERN,
		.help = "Name of the port to send by. A link-local via needs it." },
};
static const struct conf_section route_section = { CONF_SECTION(conf_route, route_fields, given) };
#undef AT

/* What an auth object consists of; which place has which of it, and must have, is below. */
#define AT(member) offsetof(struct conf_auth, member)
#define AUTH_TYPE                                                                                  \
	"type", CONF_ENUM, AT(type),                                                               \
		.values = auth_types,                                                              \
		.help = "none: Binding Updates of this mobile node are accepted from anyone. "     \
			"It has to be written out, and hamd warns of it at every start. "          \
			"mn-ha: they carry the MN-HA authentication option of RFC 4285, "          \
			"HMAC-SHA1 with a key that mobile node and home agent share; "             \
			"spi and a key are needed."
#define AUTH_SPI                                                                                   \
	"spi", CONF_U32, AT(spi),                                                                  \
		.optional = true, .min = 256, .max = UINT32_MAX,                                   \
		.help = "mn-ha: Security Parameters Index in the option, which names the key."
#define AUTH_KEY_FILE                                                                              \
	"key-file", CONF_TEXT, AT(key_file),                                                       \
		.optional = true, .max = 4096, .check = conf_check_path, .pattern = "^/",          \
		.help = "mn-ha: absolute path of the file with the key, 16 to 64 octets as hex "   \
			"or base64 text. "                                                         \
			"It belongs to root or to the user of hamd, and nobody else may read it."
#define AUTH_REPLAY                                                                                \
	"replay", CONF_BOOL, AT(replay),                                                           \
		.optional = true,                                                                  \
		.help = "mn-ha: whether the replay protection option is demanded, which needs "    \
			"clocks that are less than 7 seconds apart. "                              \
			"Not demanded, it is checked where it comes."
#define AUTH_NAI                                                                                   \
	"nai", CONF_TEXT, AT(nai),                                                                 \
		.optional = true, .max = 254, .check = conf_check_nai, .pattern = "^[^ ]+$",       \
		.help = "mn-ha: network access identifier of the mobile node (RFC 4283). "         \
			"A Binding Update that names another one is ignored."

static const struct conf_field node_auth_fields[] = {
	{ AUTH_TYPE, .required = true },
	{ AUTH_SPI },
	{ AUTH_KEY_FILE },
	{ AUTH_REPLAY },
	{ AUTH_NAI },
};
static const struct conf_field default_auth_fields[] = {
	{ AUTH_TYPE, .required = true },
	{ AUTH_SPI },
	{ AUTH_KEY_FILE },
	{ AUTH_REPLAY },
};
static const struct conf_field range_auth_fields[] = {
	{ AUTH_TYPE, .optional = true },
	{ AUTH_SPI },
	{ AUTH_KEY_FILE },
	{ AUTH_REPLAY },
};
static const struct conf_field line_auth_fields[] = {
	{ AUTH_TYPE, .optional = true },
	{ AUTH_SPI },
	{ "key", CONF_SECRET, AT(key_text), .optional = true, .max = KEYFILE_TEXT_MAX + 1,
		.help = "mn-ha: the key, 16 to 64 octets as hex or base64 text. "
			"A file with keys in it belongs to root or to the user of hamd, and nobody "
			"else may read it." },
	{ AUTH_KEY_FILE, .quiet = true },
	{ AUTH_REPLAY },
	{ AUTH_NAI },
};
static const struct conf_section auth_sections[CONF_AUTH_PLACE_COUNT] = {
	[CONF_AUTH_NODE] = { CONF_SECTION(conf_auth, node_auth_fields, given) },
	[CONF_AUTH_DEFAULT] = { CONF_SECTION(conf_auth, default_auth_fields, given) },
	[CONF_AUTH_RANGE] = { CONF_SECTION(conf_auth, range_auth_fields, given) },
	[CONF_AUTH_LINE] = { CONF_SECTION(conf_auth, line_auth_fields, given) },
};
#undef AT

#define LIFETIME_MAX                                                                               \
	"lifetime-max-s", CONF_U32, AT(lifetime_max_s), .optional = true, .min = 4, .max = 262140, \
							.multiple = 4

#define AT(member) offsetof(struct conf_mobile_node, member)
#define HOME_ADDRESS                                                                               \
	"home-address", CONF_IP6, AT(home_address),                                                \
		.required = true,                                                                  \
		.help = "Home address; it lies in a mobile prefix of the domain."
#define PREFIXES                                                                                   \
	"prefixes", CONF_EMPTY, 0, .optional = true,                                               \
				   .why = "mobile network prefixes are not built",                 \
				   .help = "An empty list: the mobile node is no mobile router."
#define NODE_LIFETIME_MAX                                                                          \
	LIFETIME_MAX, .help = "Longest lifetime granted to this mobile node, in seconds, at most " \
			      "that of the domain."

static const struct conf_field mobile_node_fields[] = {
	{ HOME_ADDRESS },
	{ PREFIXES },
	{ "auth", CONF_OBJECT, AT(auth), .required = true,
		.section = &auth_sections[CONF_AUTH_NODE],
		.help = "How the mobile node proves that a Binding Update is its own." },
	{ NODE_LIFETIME_MAX },
};
static const struct conf_section mobile_node_section = { CONF_SECTION(
	conf_mobile_node, mobile_node_fields, given) };

static const struct conf_field line_fields[] = {
	{ HOME_ADDRESS },
	{ PREFIXES },
	{ "auth", CONF_OBJECT, AT(auth), .optional = true,
		.section = &auth_sections[CONF_AUTH_LINE],
		.help = "How the mobile node proves that a Binding Update is its own. "
			"What it leaves out comes from default.auth if that is of the same type." },
	{ NODE_LIFETIME_MAX },
};
static const struct conf_section line_section = { CONF_SECTION(
	conf_mobile_node, line_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_subscriber_default, member)
static const struct conf_field default_fields[] = {
	{ "auth", CONF_OBJECT, AT(auth), .optional = true,
		.section = &auth_sections[CONF_AUTH_DEFAULT],
		.help = "Authentication; a key that is given here is that of many." },
	{ LIFETIME_MAX,
		.help = "Longest lifetime granted, in seconds, at most that of the domain." },
};
static const struct conf_section default_section = { CONF_SECTION(
	conf_subscriber_default, default_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_range, member)
static const struct conf_field range_fields[] = {
	{ "home-addresses", CONF_PREFIX, AT(home_addresses), .required = true,
		.help = "Prefix of home addresses, in a mobile prefix of the domain." },
	{ "auth", CONF_OBJECT, AT(auth), .optional = true,
		.section = &auth_sections[CONF_AUTH_RANGE],
		.help = "How their mobile nodes prove that a Binding Update is their own. "
			"With one key for all of them, each can speak for any other. "
			"What it leaves out comes from default.auth if that is of the same type." },
	{ LIFETIME_MAX, .help = "Longest lifetime granted to each, in seconds, at most that of the "
				"domain." },
};
static const struct conf_section range_section = { CONF_SECTION(conf_range, range_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_subscribers, member)
static const struct conf_field subscribers_fields[] = {
	{ "file", CONF_TEXT, AT(file), .optional = true, .max = 4096, .check = conf_check_path,
		.pattern = "^/",
		.help = "Absolute path of a file with one JSON object a line, see SUBSCRIBERS "
			"FILE below." },
	{ "default", CONF_OBJECT, AT(def), .optional = true, .section = &default_section,
		.help = "What lines and ranges leave out." },
	{ "ranges", CONF_OBJECT, AT(ranges), .section = &range_section, .list = true,
		.count = AT(range_count), .max = 4096,
		.help = "Home addresses that may register without a line or mobile-nodes item of "
			"their own. "
			"The longest prefix that holds an address counts." },
};
static const struct conf_section subscribers_section = { CONF_SECTION(
	conf_subscribers, subscribers_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_limits, member)
static const struct conf_field limits_fields[] = {
	{ "max-bindings", CONF_U32, AT(max_bindings), .derived = "runtime.max-bindings", .min = 1,
		.max = BINDINGS_MAX,
		.help = "Bindings of this domain. "
			"In a mesh there is room for twice as many together with those that "
			"ended, which count for as long as they could have lasted; when it is "
			"taken a mobile node that is new is refused, too (status 130). "
			"Domains cannot take each other's room where the sum of theirs is no more "
			"than runtime.max-bindings." },
	{ "max-bindings-per-care-of", CONF_U32, AT(max_bindings_per_care_of), .def = 16, .min = 1,
		.max = BINDINGS_MAX, .help = "Bindings with one care-of address." },
	{ "bu-per-s-per-source", CONF_U32, AT(bu_per_s_per_source), .def = 20, .min = 1,
		.max = 1000000,
		.help = "Binding Updates taken per second from one IPv6 source address. "
			"Those from where a mobile node is bound count for the mobile node "
			"instead, "
			"and in each worker, too, before they wait for the control core." },
	{ "bu-burst-per-source", CONF_U32, AT(bu_burst_per_source), .def = 40, .min = 1,
		.max = 1000000,
		.help = "Binding Updates taken in one go from one source after a quiet time." },
	{ "bu-per-s-per-mobile-node", CONF_U32, AT(bu_per_s_per_mobile_node), .def = 20, .min = 1,
		.max = 1000000,
		.help = "Registrations, refreshes and moves of one mobile node carried out per "
			"second." },
	{ "bu-burst-per-mobile-node", CONF_U32, AT(bu_burst_per_mobile_node), .def = 40, .min = 1,
		.max = 1000000,
		.help = "Registrations, refreshes and moves of one mobile node carried out in one "
			"go "
			"after a quiet time." },
	{ "bu-per-s", CONF_U32, AT(bu_per_s), .def = 10000, .min = 1, .max = 1000000,
		.help = "Binding Updates taken per second from all sources; counted once for "
			"mobile nodes that speak from the care-of address they are bound to, and "
			"once for all others, so that a flood of invented addresses holds up no "
			"refresh." },
	{ "haad-per-s-per-source", CONF_U32, AT(haad_per_s_per_source), .def = 1, .min = 1,
		.max = 1000000,
		.help = "Requests for home agents' addresses answered per second to one IPv6 "
			"source address." },
	{ "haad-burst-per-source", CONF_U32, AT(haad_burst_per_source), .def = 5, .min = 1,
		.max = 1000000,
		.help = "Such requests answered in one go to one source after a quiet time." },
	{ "haad-per-s", CONF_U32, AT(haad_per_s), .def = 100, .min = 1, .max = 1000000,
		.help = "Such requests answered per second to all sources." },
	{ "mpa-per-s", CONF_U32, AT(mpa_per_s), .def = 500, .min = 1, .max = 1000000,
		.help = "Mobile nodes that are sent a Mobile Prefix Advertisement which they did "
			"not ask for, per second. "
			"Up to three repetitions to each of them come on top." },
	{ "home-agent-switch-per-s", CONF_U32, AT(switch_per_s), .def = 1, .min = 1, .max = 1000000,
		.help = "Mobile nodes that are told to switch their home agent, per second. "
			"1 is what RFC 5142 says where nothing is known of the other home agents: "
			"a million mobile nodes take 12 days then. What they can take is far "
			"below bu-per-s there. "
			"Up to three repetitions to each of them come on top." },
	{ "mismatch-per-s", CONF_U32, AT(mismatch_per_s), .def = 1000, .min = 1, .max = 100000000,
		.help = "Packets per second, tunnelled by no mobile node that is bound here like "
			"that, which are relayed to the site that may know better." },
	{ "mismatch-burst", CONF_U32, AT(mismatch_burst), .def = 200, .min = 1, .max = 1000000,
		.help = "Such packets relayed in one go after a quiet time." },
	{ "relay-mbps", CONF_U32, AT(relay_mbps), .def = CONF_RATE_OFF, .min = 1, .max = 1000000,
		.values = off,
		.help = "What this site relays to other sites of the domain, in megabits per "
			"second. "
			"off sets no bound." },
	{ "relay-packets-per-s", CONF_U32, AT(relay_packets_per_s), .def = CONF_RATE_OFF, .min = 1,
		.max = 1000000000, .values = off,
		.help = "The same in packets per second. What is above one of the two counts for "
			"neither. off sets no bound." },
	{ "traffic-mbps", CONF_U32, AT(traffic_mbps), .def = CONF_RATE_OFF, .min = 1,
		.max = 1000000, .values = off,
		.help = "What this site carries for the domain, in megabits per second: packets to "
			"home addresses and tunnel packets to its home agent addresses, added up, "
			"with all their headers above Ethernet. "
			"What is above is dropped, so that no domain takes the others' share. "
			"Each worker has its part of the bound. off sets none." },
	{ "traffic-packets-per-s", CONF_U32, AT(traffic_packets_per_s), .def = CONF_RATE_OFF,
		.min = 1, .max = 1000000000, .values = off,
		.help = "The same in packets per second. What is above one of the two counts for "
			"neither. off sets no bound." },
};
static const struct conf_section limits_section = { CONF_SECTION(
	conf_limits, limits_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_discovery, member)
static const struct conf_field discovery_fields[] = {
	{ "home-agents", CONF_BOOL, AT(home_agents), .def = true,
		.help = "Answer requests for the addresses of home agents, sent to the anycast "
			"address of a mobile prefix (RFC 6275, 10.5; RFC 2526). "
			"Anybody may ask." },
	{ "prefixes", CONF_ENUM, AT(prefixes), .def = CONF_PREFIXES_AUTO, .values = prefixes,
		.help = "Which bound mobile nodes are told the mobile prefixes and their "
			"lifetimes (RFC 6275, 10.6). "
			"Nothing authenticates these messages. "
			"auto leaves out mobile nodes with auth.type mn-ha, as RFC 4285 wants it; "
			"always is for networks that protect the messages themselves; never tells "
			"nobody." },
	{ "unsolicited", CONF_BOOL, AT(unsolicited), .def = true,
		.help = "Tell them also without being asked: some time after a registration that "
			"is new here, and when nothing was told for max-interval-s." },
	{ "min-interval-s", CONF_U32, AT(min_interval_s), .def = 600, .min = 1, .max = 2592000,
		.help = "Least random delay of that, in seconds: MinMobPfxAdvInterval "
			"(RFC 6275, 13)." },
	{ "max-interval-s", CONF_U32, AT(max_interval_s), .def = 86400, .min = 1, .max = 2592000,
		.help = "Greatest random delay of that, in seconds: MaxMobPfxAdvInterval." },
};
static const struct conf_section discovery_section = { CONF_SECTION(
	conf_discovery, discovery_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_prefix_lifetime, member)
static const struct conf_field prefix_lifetime_fields[] = {
	{ "prefix", CONF_PREFIX, AT(prefix), .required = true, .help = "One of mobile-prefixes." },
	{ "valid-s", CONF_U32, AT(lifetimes.valid_s), .def = CONF_LIFETIME_INFINITE, .min = 60,
		.max = UINT32_MAX,
		.help = "Valid lifetime, in seconds; 4294967295 is for ever. "
			"No binding is granted for longer." },
	{ "preferred-s", CONF_U32, AT(lifetimes.preferred_s), .def = CONF_LIFETIME_INFINITE,
		.max = UINT32_MAX,
		.help = "Preferred lifetime, in seconds: at most valid-s, or 4294967295, which is "
			"as long as that. "
			"0: deprecated. "
			"A mobile node whose binding lasts longer is told so in the "
			"acknowledgement (status 1)." },
};
static const struct conf_section prefix_lifetime_section = { CONF_SECTION(
	conf_prefix_lifetime, prefix_lifetime_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_domain, member)
static const struct conf_field domain_fields[] = {
	{ "name", CONF_STR, AT(name), .required = true, .max = CONF_NAME_MAX,
		.check = conf_check_name, .pattern = CONF_NAME_PATTERN,
		.help = "Name of the domain in hamctl and the log." },
	{ "mobile-prefixes", CONF_PREFIX, AT(mobile_prefixes), .required = true, .list = true,
		.count = AT(mobile_prefix_count), .min = 1, .max = 64,
		.help = "Prefixes that home addresses are taken from. "
			"They overlap with none other, and no port has an address in them." },
	{ "home-agent-address", CONF_IP6, AT(home_agent_address), .required = true,
		.help = "Where mobile nodes send Binding Updates. "
			"It lies in a mobile prefix of the domain." },
	{ "mode", CONF_ENUM, AT(mode), .def = CONF_MODE_UNICAST, .values = modes,
		.help = "How the sites of the domain are addressed. "
			"unicast: each has a home agent address of its own. "
			"shared: all answer on home-agent-address, and the one that hears a "
			"Binding Update is the owner of the binding. "
			"It is the same at all sites of the domain." },
	{ "delivery", CONF_ENUM, AT(delivery), .def = CONF_DELIVERY_DIRECT, .values = deliveries,
		.help = "How packets get to a mobile node whose binding another site owns. "
			"direct: the site that they reach tunnels them to the care-of address, "
			"and takes reverse tunnels. "
			"primary: it sends them to the owner, which does. "
			"It is the same at all sites of the domain." },
	{ "peers", CONF_OBJECT, AT(peers), .section = &conf_domain_peer_section, .list = true,
		.count = AT(peer_count), .max = CONF_PEERS_MAX,
		.help = "The other sites of the domain. "
			"Nothing of a domain is sent to any that is not here." },
	{ "home-link", CONF_NULL, 0, .why = "the real home link is not built",
		.help = "null: the home link is virtual, no port is attached to it." },
	{ "mobile-nodes", CONF_OBJECT, AT(mobile_nodes), .section = &mobile_node_section,
		.list = true, .count = AT(mobile_node_count), .max = 1000000, .live = true,
		.help = "Mobile nodes that may register." },
	{ "subscribers", CONF_OBJECT, AT(subscribers), .section = &subscribers_section,
		.optional = true, .live = true,
		.help = "Mobile nodes that may register besides those of mobile-nodes, which is "
			"for small sites." },
	{ "lifetime-max-s", CONF_U32, AT(lifetime_max_s), .def = 3600, .min = 4, .max = 262140,
		.multiple = 4,
		.help = "Longest lifetime granted to a binding, in seconds, a multiple of 4." },
	{ "refresh-advice-s", CONF_U32, AT(refresh_advice_s), .def = CONF_ADVICE_AUTO,
		.min = CONF_ADVICE_MIN, .max = CONF_ADVICE_MAX, .multiple = 4, .values = advices,
		.help = "After how many seconds mobile nodes are asked to refresh their binding, "
			"a multiple of 4, where its lifetime is longer (RFC 6275, 6.2.4). "
			"auto is 300 without a store, because bindings do not survive a restart "
			"then, and off with one; a number is refused with a store." },
	{ "ack-peers", CONF_U32, AT(ack_peers), .def = CONF_ACK_AUTO, .min = 0, .max = CONF_ACK_MAX,
		.word_base = CONF_ACK_WORDS, .values = ack_peers,
		.help = "What a Binding Acknowledgement waits for. "
			"A number: until so many sites hold the binding besides this one, or as "
			"many as there are; 0 and none: nothing. "
			"all: until each of them does. "
			"store: until the store has the binding, so that none that was "
			"acknowledged is lost when hamd is killed; while the store cannot be "
			"written nothing is acknowledged. "
			"auto is 1 in a domain with peers that are not retired, 0 in one without. "
			"No more than there are of those." },
	{ "commit-timeout-ms", CONF_U32, AT(commit_timeout_ms), .def = CONF_TIMEOUT_AUTO, .min = 10,
		.max = 900, .values = timeouts,
		.help = "How long that waits for other sites at most, in milliseconds; then it is "
			"sent all the same, and the binding is alone. "
			"auto is twice the round trip time of the nearest peer and 50, at least "
			"200 and at most 900: a mobile node asks again after a second." },
	{ "cold-start", CONF_ENUM, AT(cold_start), .def = CONF_COLD_WAIT, .values = cold_starts,
		.help = "What a site does that starts when no site of the domain is ready. "
			"wait: until it has heard from all of them, or hamctl ready --force. "
			"serve: until join-timeout-ms, if what the store holds is all that was "
			"known, and not too old to be true; a site that is only not reached may "
			"know better." },
	{ "join-timeout-ms", CONF_U32, AT(join_timeout_ms), .def = 3000, .min = 100, .max = 600000,
		.help = "That time, in milliseconds; and, whatever cold-start says, how long a "
			"site joins before alarm domain_waits names the one that it waits for." },
	{ "drain-wait-ms", CONF_U32, AT(drain_wait_ms), .def = 10000, .min = 0, .max = 600000,
		.help = "How long a site that drains waits, in milliseconds, for Binding Updates "
			"and tunnelled packets of the domain to cease that do not come from "
			"another site; it goes on earlier when they do. "
			"As long at most lasts what follows: with hamctl drain --force, until "
			"other sites have acknowledged the bindings that they were given (without "
			"it there is no limit to that); and, once all know that the site has left, "
			"with hamctl drain --wait, until for a second nothing came that it had to "
			"relay and the others hold all that it holds." },
	{ "home-agent-switch", CONF_BOOL, AT(home_agent_switch), .def = false,
		.help = "Tell mobile nodes to register with another home agent address "
			"(Home Agent Switch, RFC 5142): while this site drains those that are "
			"registered with its address, and with home-agent-switch-after-s those "
			"whose site is gone. "
			"Only who has auth.type mn-ha is told, and has to understand that option "
			"in this message, which no RFC says. "
			"Only with peers, and where mode is unicast." },
	{ "home-agent-switch-after-s", CONF_U32, AT(switch_after_s), .def = 600, .min = 10,
		.max = 86400, .values = off,
		.help = "For how long a site must be gone, in seconds, before the sites that "
			"took its bindings over tell their mobile nodes, each to register with "
			"its own address; longer than a restart takes. "
			"A site with retired in mesh.peers is gone at once. "
			"off tells nobody because of any other one." },
	{ "old-coa-grace-ms", CONF_U32, AT(old_coa_grace_ms), .def = 0, .min = 0, .max = 10000,
		.help = "How long tunnelled packets from the former care-of address are still "
			"taken when a mobile node moved, in milliseconds. "
			"0 drops them, as RFC 6275, 10.4.5 has it." },
	{ "remember-sequence", CONF_BOOL, AT(remember_sequence),
		.derived = "true where a mobile node, a range or default has auth.type mn-ha "
			   "without replay",
		.help = "Whether the last sequence number of a mobile node outlives its binding, "
			"so that an old Binding Update which somebody kept is refused. "
			"A mobile node that lost its number meanwhile learns it from the "
			"refusal (status 135); RFC 6275, 9.5.1 would have taken any number. "
			"By default that is for mobile nodes with mn-ha without replay only, but "
			"in "
			"a mesh for all of the domain. "
			"In a mesh a reload that would change it is refused, otherwise it begins "
			"with the next start. "
			"There is room for twice limits.max-bindings at least; then the oldest one "
			"without a binding is forgotten (counter mesh_forgotten)." },
	{ "encap-limit", CONF_ENUM, AT(encap_limit), .def = CONF_ENCAP_LIMIT_AUTO,
		.values = encap_limits,
		.help = "Tunnel Encapsulation Limit option (RFC 2473, 4.1.1). "
			"auto adds it where tunnels nest, always adds it to each tunnel packet." },
	{ "tcp-mss-clamp", CONF_U32, AT(tcp_mss_clamp), .def = CONF_MSS_AUTO, .min = CONF_MSS_MIN,
		.max = CONF_MSS_MAX, .values = mss_clamps,
		.help = "Maximum segment size, in octets, above which the one in a TCP SYN is "
			"lowered, both ways through the tunnel. "
			"auto takes what fits the tunnel: the MTU of the port, or of the path to "
			"the care-of address where Packet Too Big told a smaller one, less 100, "
			"and less 8 for the option where encap-limit is always. "
			"off leaves it alone." },
	{ "care-of-allowed", CONF_PREFIX, AT(care_of_allowed), .list = true,
		.count = AT(care_of_allowed_count), .max = 256,
		.help = "Prefixes that care-of addresses have to be in. "
			"An empty list allows all." },
	{ "care-of-denied", CONF_PREFIX, AT(care_of_denied), .list = true,
		.count = AT(care_of_denied_count), .max = 256,
		.help = "Prefixes that no care-of address may be in. "
			"It outweighs care-of-allowed." },
	{ "discovery", CONF_OBJECT, AT(discovery), .section = &discovery_section,
		.help = "What mobile nodes can find out about home agents and prefixes." },
	{ "prefix-lifetimes", CONF_OBJECT, AT(prefix_lifetimes), .list = true,
		.count = AT(prefix_lifetime_count), .max = 64, .section = &prefix_lifetime_section,
		.help = "Mobile prefixes that do not last for ever. "
			"They do not run down: each message starts them anew." },
	{ "limits", CONF_OBJECT, AT(limits), .section = &limits_section,
		.help = "Bounds on what mobile nodes may ask." },
};
static const struct conf_section domain_section = { CONF_SECTION(
	conf_domain, domain_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_accounting, member)
static const struct conf_field accounting_fields[] = {
	{ "file", CONF_TEXT, AT(file), .optional = true, .max = 4096, .check = conf_check_path,
		.pattern = "^/",
		.help = "Absolute path of the file that lines are appended to, and which is "
			"nothing "
			"else: not the configuration, a key or subscribers file, the log, nor in "
			"the store. SIGUSR1 opens it anew, for logrotate." },
	{ "socket", CONF_TEXT, AT(socket), .optional = true, .max = CONF_PATH_MAX,
		.check = conf_check_path, .pattern = "^/",
		.help = "Absolute path of a Unix stream socket at which a collector listens; "
			"hamd connects, and connects again when the collector went away." },
	{ "interim-s", CONF_U32, AT(interim_s), .def = 300, .min = 1, .max = 86400,
		.help = "Seconds between two interim lines of a session: what a crash loses at "
			"most." },
	{ "rotate-mb", CONF_U32, AT(rotate_mb), .def = 0, .min = 0, .max = 1048576,
		.help = "Size of the file, in MiB, at which it is renamed to FILE.1, FILE.1 to "
			"FILE.2 and so on. 0 is never." },
	{ "rotate-s", CONF_U32, AT(rotate_s), .def = 0, .min = 0, .max = 604800,
		.help = "The same whenever the time of day (UTC) passes a multiple of so many "
			"seconds and something was written; 3600 is every full hour. 0 is never." },
	{ "rotate-keep", CONF_U32, AT(rotate_keep), .def = 10, .min = 1, .max = 1000,
		.help = "Renamed files that are kept; an older one is overwritten." },
	{ "sync-s", CONF_U32, AT(sync_s), .def = 5, .min = 0, .max = 3600,
		.help = "Seconds after which what was written is forced to the disk. "
			"0 leaves it to the kernel. "
			"Only a crash of the whole machine makes a difference." },
	{ "buffer-mb", CONF_U32, AT(buffer_mb), .def = 16, .min = 1, .max = 4096,
		.help = "Memory for lines that the disk or the collector does not take, in MiB; "
			"what does not fit is lost, and counted." },
};
static const struct conf_section accounting_section = { CONF_SECTION(
	conf_accounting, accounting_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf, member)
static const struct conf_field root_fields[] = {
	{ "node", CONF_OBJECT, AT(node), .section = &node_section, .help = "Who this node is." },
	{ "runtime", CONF_OBJECT, AT(runtime), .section = &runtime_section,
		.help = "Cores, memory and bounds." },
	{ "icmp", CONF_OBJECT, 0, .section = &icmp_section,
		.help = "Limits of the ICMPv6 errors sent." },
	{ "store", CONF_OBJECT, AT(store), .section = &store_section, .optional = true,
		.help = "Where bindings are kept, so that they survive a restart. "
			"Left out, they are not kept." },
	{ "mesh", CONF_OBJECT, AT(mesh), .section = &conf_mesh_section, .optional = true,
		.help = "The other sites that serve the same domains. "
			"Left out, this home agent is alone." },
	{ "reassembly", CONF_OBJECT, AT(reassembly), .section = &reassembly_section,
		.help = "Bounds on fragments sent to this node, tunnel packets included." },
	{ "ports", CONF_OBJECT, AT(ports), .section = &port_section, .required = true, .list = true,
		.count = AT(port_count), .min = 1, .max = CONF_PORTS_MAX,
		.help = "Network cards and virtual devices." },
	{ "routes", CONF_OBJECT, AT(routes), .section = &route_section, .list = true,
		.count = AT(route_count), .max = 65536, .help = "Static routes." },
	{ "domains", CONF_OBJECT, AT(domains), .section = &domain_section, .list = true,
		.count = AT(domain_count), .max = CONF_DOMAINS_MAX,
		.help = "Home agents. "
			"Without one hamd is a plain IPv6 router between its ports." },
	{ "accounting", CONF_OBJECT, AT(accounting), .section = &accounting_section,
		.help = "What mobile nodes used, for billing: JSON lines to a file or to a socket, "
			"see hamd-accounting(5). Without either of them there is no accounting." },
};
static const struct conf_section root_section = { CONF_SECTION(conf, root_fields, given) };
#undef AT

const struct conf_section *conf_root(void)
{
	return &root_section;
}

const struct conf_section *conf_node(void)
{
	return &node_section;
}

const struct conf_section *conf_domain(void)
{
	return &domain_section;
}

const struct conf_section *conf_line(void)
{
	return &line_section;
}

const struct conf_section *conf_auth_section(enum conf_auth_place place)
{
	return &auth_sections[place];
}

size_t conf_item_size(const struct conf_field *f)
{
	static const size_t size[CONF_TYPE_COUNT] = {
		[CONF_U32] = sizeof(uint32_t),
		[CONF_BOOL] = sizeof(bool),
		[CONF_TEXT] = sizeof(char *),
		[CONF_SECRET] = sizeof(char *),
		[CONF_ENUM] = sizeof(uint32_t),
		[CONF_IP6] = sizeof(struct ip6_addr),
		[CONF_PREFIX] = sizeof(struct ip6_prefix),
		[CONF_IFADDR] = sizeof(struct ip6_prefix),
		[CONF_PORT] = sizeof(int),
		[CONF_KEY] = CONF_KEY_LEN,
	};

	if (f->type == CONF_OBJECT)
		return f->section->size;
	return f->type == CONF_STR || f->type == CONF_WORD ? f->max : size[f->type];
}
