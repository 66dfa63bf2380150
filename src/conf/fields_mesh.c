/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of mesh and of a domain's peers. */
#include "conf/fields.h"

#include "conf/text.h"

#define SITE_ID_MAX 255

#define AT(member) offsetof(struct conf_mesh_peer, member)
static const struct conf_field peer_fields[] = {
	{ "id", CONF_U32, AT(id), .required = true, .min = 1, .max = SITE_ID_MAX,
		.help = "The other site's node.id." },
	{ "name", CONF_STR, AT(name), .required = true, .max = CONF_NAME_MAX,
		.check = conf_check_name, .pattern = CONF_NAME_PATTERN,
		.help = "Name of the site in domains, hamctl and the log." },
	{ "address", CONF_IP6, AT(address), .required = true,
		.help = "Its site address. It lies in no mobile prefix." },
	{ "public-key", CONF_KEY, AT(public_key), .required = true,
		.help = "Its public key in base64, as hamctl pubkey prints it there." },
	{ "hello-ms", CONF_U32, AT(hello_ms), .derived = "mesh.hello-ms", .min = 10, .max = 10000,
		.help = "How often hellos go to this peer, in milliseconds." },
	{ "dead-ms", CONF_U32, AT(dead_ms), .derived = "mesh.dead-ms", .min = 30, .max = 600000,
		.help = "For how long this peer may be silent, in milliseconds; at least three "
			"times hello-ms." },
	{ "retired", CONF_BOOL, AT(retired), .def = false,
		.help = "The site is gone for good: nobody waits for it, its bindings and its "
			"home agent address stay with the others, and there is no session with "
			"it. "
			"Its id and its addresses are not given to another site." },
};
static const struct conf_section peer_section = { CONF_SECTION(
	conf_mesh_peer, peer_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_mesh, member)
static const struct conf_field mesh_fields[] = {
	{ "site-address", CONF_IP6, AT(site_address), .required = true,
		.help = "Where the other sites reach this one: an address of a port, in no mobile "
			"prefix." },
	{ "private-key-file", CONF_TEXT, AT(private_key_file), .required = true, .max = 4096,
		.check = conf_check_path, .pattern = "^/",
		.help = "Absolute path of the file with this site's private key, made by hamctl "
			"genkey. "
			"It belongs to root or to the user of hamd, and nobody else may read it." },
	{ "port", CONF_U32, AT(port), .def = 4750, .min = 1, .max = 65534,
		.help = "UDP port of the sessions; hellos use the next one. "
			"It is the same at all sites." },
	{ "hello-ms", CONF_U32, AT(hello_ms), .def = 100, .min = 10, .max = 10000,
		.help = "How often each site says hello to every other, in milliseconds." },
	{ "dead-ms", CONF_U32, AT(dead_ms), .def = 300, .min = 30, .max = 600000,
		.help = "How long a site may be silent before the others serve its mobile nodes, "
			"in milliseconds; at least three times hello-ms. "
			"It is the same at all sites of a domain." },
	{ "clock-limit-ms", CONF_U32, AT(clock_limit_ms), .def = 500, .min = 10, .max = 60000,
		.help = "How far the clock may be off, in milliseconds, against two or "
			"more live sites of a domain that agree with each other, where fewer "
			"others agree with this one: beyond that it does not become ready in that "
			"domain, and where it is ready raises an alarm. "
			"Of two against two it is the two with this one that are the more." },
	{ "rate-mbps", CONF_U32, AT(rate_mbps), .def = 1000, .min = 1, .max = 100000,
		.help = "What is sent to one peer to keep its bindings up to date, in megabits "
			"per second at most. "
			"Relayed packets do not count." },
	{ "records-per-s", CONF_U32, AT(records_per_s), .def = 500000, .min = 100, .max = 10000000,
		.help = "Records of bindings taken from one peer, and told to it, per second at "
			"most. "
			"A peer with a smaller value leaves what exceeds it and is told again, "
			"more "
			"slowly: it is best the same at all sites." },
	{ "max-waits", CONF_U32, AT(max_waits), .def = 16384, .min = 16, .max = 1048576,
		.help = "Binding Acknowledgements that may wait for other sites at once. "
			"Half of them are kept for the domains, in equal parts, the other half is "
			"for any. "
			"One more is not sent: the mobile node repeats its Binding Update." },
	{ "protect-data", CONF_BOOL, AT(protect_data), .def = true,
		.help = "Encrypt and authenticate what is relayed between sites (ESP, "
			"AES-128-GCM). "
			"false sends it in clear, and needs accept-cleartext-mesh. "
			"It is the same at all sites." },
	{ "accept-cleartext-mesh", CONF_BOOL, AT(accept_cleartext_mesh), .def = false,
		.help = "true, to say that protect-data is false on purpose: anyone who can send "
			"with a peer's address can then put packets into the mobile prefixes." },
	{ "key-log-file", CONF_TEXT, AT(key_log_file), .optional = true, .max = 4096,
		.check = conf_check_path, .pattern = "^/",
		.help = "Absolute path of a file that the keys of all sessions are appended to, "
			"for Wireshark. "
			"Whoever reads it reads the mesh." },
	{ "peers", CONF_OBJECT, AT(peers), .section = &peer_section, .list = true,
		.count = AT(peer_count), .max = CONF_PEERS_MAX,
		.help = "The other sites. A site of which no domain speaks is not talked to." },
};
const struct conf_section conf_mesh_section = { CONF_SECTION(conf_mesh, mesh_fields, given) };
#undef AT

#define AT(member) offsetof(struct conf_domain_peer, member)
static const struct conf_field domain_peer_fields[] = {
	{ "name", CONF_STR, AT(name), .required = true, .max = CONF_NAME_MAX,
		.check = conf_check_name, .pattern = CONF_NAME_PATTERN,
		.help = "Name of one of mesh.peers." },
	{ "home-agent-address", CONF_IP6, AT(home_agent_address), .optional = true,
		.help = "mode unicast: its home agent address in this domain, in a mobile prefix "
			"of the domain; required. "
			"mode shared: left out." },
};
const struct conf_section conf_domain_peer_section = { CONF_SECTION(
	conf_domain_peer, domain_peer_fields, given) };
