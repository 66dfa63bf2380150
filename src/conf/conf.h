/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: one JSON file, read once into this structure. Field tables (conf/fields.c)
 * say name, type, default and range of each key; they make the parser, the JSON Schema, the
 * man page's tables and `hamd -t -v`. Relations between fields are code (conf/check.c). Nothing
 * here is changed after conf_load(): any thread may read it.
 *
 * `given` in a structure has bit i set when the i-th key of its table was written in the file;
 * the other values are defaults.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/ip6.h"

struct mac_key;

#define CONF_NAME_MAX    32 /* names of node, ports, domains, with the terminating zero */
#define CONF_DEVICE_MAX  256 /* DPDK device string */
#define CONF_PATH_MAX    108 /* a Unix socket's */
#define CONF_PORTS_MAX   16
#define CONF_DOMAINS_MAX 64
#define CONF_PEERS_MAX   254 /* sites of a mesh beside this one */
#define CONF_KEY_LEN     32 /* octets of an X25519 key */

enum conf_auth_type { CONF_AUTH_NONE, CONF_AUTH_MN_HA };

enum conf_encap_limit { CONF_ENCAP_LIMIT_AUTO, CONF_ENCAP_LIMIT_ALWAYS };

enum conf_prefixes { CONF_PREFIXES_AUTO, CONF_PREFIXES_ALWAYS, CONF_PREFIXES_NEVER };

enum { CONF_MSS_OFF, CONF_MSS_AUTO, CONF_MSS_MIN = 1000, CONF_MSS_MAX = 9500 };

/* conf_domain.ack_peers, or a number of peers. The last two stand in files only. */
enum {
	CONF_ACK_NONE,
	CONF_ACK_MAX = 254,
	CONF_ACK_WORDS,
	CONF_ACK_ALL = CONF_ACK_WORDS,
	CONF_ACK_STORE,
	CONF_ACK_ZERO,
	CONF_ACK_AUTO
};

enum { CONF_TIMEOUT_AUTO, CONF_RATE_OFF = 0, CONF_SWITCH_NEVER = 0 };

enum conf_mode {
	CONF_MODE_UNICAST, /* each site has a home agent address of its own */
	CONF_MODE_SHARED, /* all sites answer on one */
};

enum conf_delivery {
	CONF_DELIVERY_DIRECT, /* whoever intercepts tunnels to the care-of address */
	CONF_DELIVERY_PRIMARY, /* whoever intercepts relays to the owner */
};

enum conf_cold_start { CONF_COLD_WAIT, CONF_COLD_SERVE };

enum conf_on_damage { CONF_DAMAGE_MOVE_ASIDE, CONF_DAMAGE_REFUSE };

enum { CONF_ADVICE_OFF, CONF_ADVICE_AUTO, CONF_ADVICE_MIN = 4, CONF_ADVICE_MAX = 262136 };

struct conf_node {
	uint32_t id; /* 1..255 */
	char name[CONF_NAME_MAX];
	bool role_ha;
	uint32_t given;
};

struct conf_runtime {
	char lcores[64]; /* EAL core list, "0" or "0-3" or "0,2"; the first runs control */
	uint32_t lcore_count; /* cores named in lcores */
	uint32_t memory_mb;
	bool hugepages;
	bool pdump; /* secondary processes may attach; needs hugepages */
	uint32_t idle_sleep_us; /* 0 = busy polling */
	uint32_t watchdog_ms; /* 0 = none */
	uint32_t max_bindings;
	uint32_t max_neighbors;
	uint32_t max_routes;
	uint32_t max_subscribers; /* home addresses that are configured one by one */
	uint32_t mbufs; /* packet buffers; 0 = derived from ports and lcores */
	char socket[CONF_PATH_MAX]; /* hamctl's; default /run/hamd/NAME.sock */
	char *dpdk_drivers; /* absolute path, NULL: none */
	char log_level[8]; /* "err" "warn" "info" "debug" */
	uint32_t given;
};

struct conf_port {
	char name[CONF_NAME_MAX];
	char device[CONF_DEVICE_MAX]; /* PCI address or vdev string */
	uint32_t mtu; /* 1280..9600 */
	uint32_t vlan; /* 0 = untagged */
	uint32_t rx_queues; /* 0 = one per worker, as the device allows */
	bool dad; /* duplicate address detection for its addresses */
	struct ip6_prefix *addresses; /* host bits kept: address and prefix length */
	uint32_t address_count;
	uint32_t given;
};

struct conf_reassembly { /* each of a worker */
	uint32_t timeout_ms; /* 100..60000 */
	uint32_t max_datagrams;
	uint32_t max_fragments; /* each holds a packet buffer */
	uint32_t max_per_source; /* fragments; at most half of the two above */
	uint32_t max_octets; /* 1500..9600; a datagram's, IPv6 header included */
	uint32_t given;
};

struct conf_route {
	struct ip6_prefix prefix;
	struct ip6_addr via;
	int port; /* index; -1 until conf_load() found the port that `via` is on-link at */
	uint32_t given;
};

struct conf_auth {
	enum conf_auth_type type;
	uint32_t spi; /* MN_HA: 256 and up */
	char *key_file; /* absolute path */
	char *key_text; /* the key itself, only in a line of a subscribers file: a secret */
	char *nai; /* NULL: any */
	bool replay; /* the replay protection option is demanded */
	bool has_key; /* key is one */
	uint32_t key; /* MN_HA: index in conf->keys */
	uint32_t given;
};

struct conf_store {
	char *path; /* a directory, absolute; NULL: there is no store */
	uint32_t sync_ms; /* what a loss of power may cost: 1..1000 */
	uint32_t counters_s; /* how often traffic alone makes a binding be stored; 0 = never */
	enum conf_on_damage on_damage;
	uint32_t given;
};

/* An item of mobile-nodes, or a line of a subscribers file. */
struct conf_mobile_node {
	struct ip6_addr home_address;
	struct conf_auth auth;
	uint32_t lifetime_max_s; /* 0: the domain's */
	uint32_t number; /* its place in the list that is written, which is sorted later */
	uint32_t given;
};

/* What lines and ranges leave out; zero where it says nothing either. */
struct conf_subscriber_default {
	struct conf_auth auth;
	uint32_t lifetime_max_s;
	uint32_t given;
};

/* Whoever has a home address in there and no line of their own. */
struct conf_range {
	struct ip6_prefix home_addresses;
	struct conf_auth auth;
	uint32_t lifetime_max_s; /* 0: the domain's */
	uint32_t given;
};

struct conf_subscribers {
	char *file; /* absolute path; NULL: none */
	struct conf_subscriber_default def;
	struct conf_range *ranges;
	uint32_t range_count;
	uint32_t given;
};

struct conf_limits {
	uint32_t max_bindings; /* of this domain */
	uint32_t max_bindings_per_care_of;
	uint32_t bu_per_s_per_source; /* Binding Updates from one IPv6 source address */
	uint32_t bu_burst_per_source;
	uint32_t bu_per_s_per_mobile_node; /* accepted ones */
	uint32_t bu_burst_per_mobile_node;
	uint32_t bu_per_s; /* of the domain, in all; once for bound mobile nodes, once for others */
	uint32_t haad_per_s_per_source; /* Home Agent Address Discovery Requests */
	uint32_t haad_burst_per_source;
	uint32_t haad_per_s;
	uint32_t mpa_per_s; /* unsolicited Mobile Prefix Advertisements begun */
	uint32_t switch_per_s; /* mobile nodes that are told to switch (RFC 5142, 7) */
	uint32_t mismatch_per_s; /* packets of a tunnel relayed because a peer may know better */
	uint32_t mismatch_burst;
	uint32_t relay_mbps; /* what this site relays to peers, in all; CONF_RATE_OFF: no bound */
	uint32_t relay_packets_per_s; /* CONF_RATE_OFF: no bound */
	uint32_t traffic_mbps; /* what it carries for mobile nodes, both ways together; the same */
	uint32_t traffic_packets_per_s;
	uint32_t given;
};

#define CONF_LIFETIME_INFINITE UINT32_MAX /* RFC 4861, 4.6.2 */

/* How long mobile nodes may use a mobile prefix: what they are told, time and again. */
struct conf_lifetimes {
	uint32_t valid_s; /* 60 and up */
	uint32_t preferred_s; /* <= valid_s; 0: deprecated */
};

struct conf_prefix_lifetime {
	struct ip6_prefix prefix; /* one of the domain's mobile prefixes */
	struct conf_lifetimes lifetimes; /* as written: read it with conf_lifetimes_of() */
	uint32_t given;
};

struct conf_discovery {
	bool home_agents; /* requests for home agents' addresses are answered */
	enum conf_prefixes prefixes; /* who is told prefixes: auto = not who has an mn-ha key */
	bool unsolicited; /* also without being asked */
	uint32_t min_interval_s; /* MinMobPfxAdvInterval (RFC 6275, 13), */
	uint32_t max_interval_s; /* MaxMobPfxAdvInterval, not less */
	uint32_t given;
};

/* Another site of the mesh. */
struct conf_mesh_peer {
	uint32_t id; /* 1..255, neither this node's nor another peer's */
	char name[CONF_NAME_MAX];
	struct ip6_addr address; /* its site address */
	uint8_t public_key[CONF_KEY_LEN];
	uint32_t hello_ms, dead_ms; /* the mesh's where the file says nothing */
	bool retired; /* gone for good: not waited for, its addresses stay adopted */
	uint32_t given;
};

struct conf_mesh {
	struct ip6_addr site_address; /* an address of a port; unspecified: there is no mesh */
	char *private_key_file; /* absolute path */
	uint8_t *private_key; /* CONF_KEY_LEN octets in guarded memory, NULL behind
			       * conf_forget_private_key(); never shown */
	uint8_t public_key[CONF_KEY_LEN]; /* made of it */
	uint32_t port; /* UDP: the session's; hello's is the next one */
	uint32_t hello_ms, dead_ms; /* dead_ms >= 3 x hello_ms, also of each peer */
	uint32_t clock_limit_ms;
	uint32_t rate_mbps; /* of the stream to one peer, at most */
	uint32_t records_per_s; /* taken from one peer, at most */
	uint32_t max_waits; /* Binding Acknowledgements that may wait for peers at once */
	bool protect_data; /* false: what is relayed goes in clear */
	bool accept_cleartext_mesh; /* must be true then */
	char *key_log_file; /* absolute path, NULL: session keys are written nowhere */
	struct conf_mesh_peer *peers;
	uint32_t peer_count; /* <= CONF_PEERS_MAX */
	uint32_t given;
};

/* A site that serves a domain too. */
struct conf_domain_peer {
	char name[CONF_NAME_MAX]; /* one of mesh.peers */
	int peer; /* its index there */
	struct ip6_addr home_agent_address; /* CONF_MODE_SHARED: unspecified */
	uint32_t given;
};

struct conf_domain {
	char name[CONF_NAME_MAX];
	struct ip6_prefix *mobile_prefixes;
	uint32_t mobile_prefix_count;
	struct ip6_addr home_agent_address;
	enum conf_mode mode;
	enum conf_delivery delivery;
	struct conf_domain_peer *peers;
	uint32_t peer_count; /* <= CONF_PEERS_MAX; 0 without a mesh */
	struct conf_mobile_node *mobile_nodes; /* sorted by home address */
	uint32_t mobile_node_count;
	struct conf_subscribers subscribers;
	uint32_t lifetime_max_s; /* granted at most; a multiple of 4 */
	uint32_t refresh_advice_s; /* a multiple of 4; 0 = none is given */
	uint32_t ack_peers; /* 0..CONF_ACK_MAX, CONF_ACK_ALL, CONF_ACK_STORE; without peers
			     * CONF_ACK_NONE or CONF_ACK_STORE */
	uint32_t commit_timeout_ms; /* CONF_TIMEOUT_AUTO: by the RTT of the nearest peer */
	enum conf_cold_start cold_start;
	uint32_t join_timeout_ms;
	uint32_t drain_wait_ms;
	bool home_agent_switch; /* mobile nodes are told; CONF_MODE_UNICAST, with peers */
	uint32_t switch_after_s; /* CONF_SWITCH_NEVER: not because a site is not heard of */
	uint32_t old_coa_grace_ms; /* 0 = none */
	bool remember_sequence; /* numbers outlive bindings */
	bool remember_given; /* the configuration says so, of all */
	enum conf_encap_limit encap_limit;
	uint32_t tcp_mss_clamp; /* CONF_MSS_OFF, CONF_MSS_AUTO, or CONF_MSS_MIN..MAX octets */
	struct ip6_prefix *care_of_allowed; /* none: all that is not denied */
	uint32_t care_of_allowed_count;
	struct ip6_prefix *care_of_denied;
	uint32_t care_of_denied_count;
	struct conf_discovery discovery;
	struct conf_prefix_lifetime *prefix_lifetimes;
	uint32_t prefix_lifetime_count;
	struct conf_limits limits;
	uint32_t given;
};

/* On when there is a file or a socket; never both. */
struct conf_accounting {
	char *file, *socket; /* absolute path, NULL */
	uint32_t interim_s;
	uint32_t rotate_mb, rotate_s; /* 0 = never */
	uint32_t rotate_keep;
	uint32_t sync_s; /* 0 = never */
	uint32_t buffer_mb;
	uint32_t given;
};

struct conf {
	char path[256]; /* the file it came from, for messages */
	struct conf_node node;
	struct conf_runtime runtime;
	struct conf_store store;
	struct conf_mesh mesh;
	struct conf_port *ports;
	uint32_t port_count; /* <= CONF_PORTS_MAX */
	struct conf_route *routes;
	uint32_t route_count;
	struct conf_domain *domains;
	uint32_t domain_count; /* <= CONF_DOMAINS_MAX */
	struct conf_accounting accounting;
	struct mac_key *keys; /* what key files held; NULL without any. Never shown */
	uint32_t key_count;
	struct conf_reassembly reassembly;
	uint32_t icmp_errors_per_s; /* icmp.errors-per-s */
	uint32_t icmp_burst;
	uint32_t icmp_given;
	uint32_t given;
	char **warnings; /* one line each, without the file's name: to be logged at every start */
	uint32_t warning_count;
	char *json; /* conf_json() */
};

/*
 * Read and check. 0 and *out, or -EINVAL/-errno and one line in err (at most err_len octets with
 * the zero): "hamd.json: ports[0].mtu: 100 is outside 1280..9600", for a syntax error
 * "hamd.json:12:7: ...".
 */
int conf_load(const char *path, struct conf **out, char *err, size_t err_len);
/* The same while hamd runs: never waits. A pipe, which conf_load() reads to its end for as long as
 * somebody writes into it, is refused. */
int conf_load_again(const char *path, struct conf **out, char *err, size_t err_len);
/* The same from memory; `name` stands in messages. */
int conf_parse(const char *name, const char *text, size_t len, struct conf **out, char *err,
	size_t err_len);
void conf_free(struct conf *c); /* NULL is fine */

/*
 * Whether a configuration that runs can become another one while it runs: true, or false and in
 * path the first value that is not the same and cannot be changed, like "ports[0].mtu". Values
 * count, not how they are written, nor whether they are written out.
 */
#define CONF_DIFF_MAX 256
bool conf_can_become(
	const struct conf *running, const struct conf *wanted, char path[static CONF_DIFF_MAX]);
/* Every value in force, one "path = value" line each, " (default)" behind those not written. */
void conf_print(const struct conf *c, FILE *to);
void conf_print_schema(FILE *to); /* JSON Schema, draft 2020-12 */

/* A DPDK virtual device; any other that conf_load() let through is a PCI address. */
static inline bool conf_port_is_virtual(const struct conf_port *p)
{
	return strncmp(p->device, "net_", 4) == 0;
}

static inline bool conf_has_accounting(const struct conf *c)
{
	return c->accounting.file != NULL || c->accounting.socket != NULL;
}

static inline bool conf_has_mesh(const struct conf *c)
{
	return !ip6_is_unspecified(&c->mesh.site_address);
}

/* Of the domain's mobile prefix number i: what prefix-lifetimes says, else infinite. */
struct conf_lifetimes conf_lifetimes_of(const struct conf_domain *d, uint32_t i);
/* The mobile prefix of the domain that holds the address: its number, or -1. */
int conf_mobile_prefix_of(const struct conf_domain *d, const struct ip6_addr *a);
/* Why the address is no mobile node's of the domain, as text that reads on behind the address:
 * "is the home agent address"; NULL: it may be one's. */
const char *conf_why_no_home_address(const struct conf_domain *d, const struct ip6_addr *a);
/* Wipe what key files held when somebody else keeps it: those of mobile nodes, the site's. */
void conf_forget_keys(struct conf *c);
void conf_forget_private_key(struct conf *c);
/* The original text as compact JSON for `hamctl show config`; owned by the conf. */
const char *conf_json(const struct conf *c);
