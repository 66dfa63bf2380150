/* SPDX-License-Identifier: BSD-3-Clause */
/* The mesh: who its sites are, this one's key, and what domains say of them. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "conf/check.h"
#include "conf/keyfile.h"
#include "conf/text.h"

static_assert(
	CONF_KEY_LEN == crypto_scalarmult_BYTES && CONF_KEY_LEN == crypto_scalarmult_SCALARBYTES,
	"keys are X25519's");

#define DEAD_HELLOS 3 /* a lost hello, and one that is late, are no death */

/* --- this site --- */

static const struct ip6_addr *site(const struct conf_check *k)
{
	return &k->conf->mesh.site_address;
}

/* Why the address is no site's, or NULL. */
static const char *why_no_site(const struct conf_check *k, const struct ip6_addr *a)
{
	if (!ip6_is_routable(a))
		return "is not a unicast routable address";
	return conf_mobile_prefix(k, a) != NULL ? "is in a mobile prefix" : NULL;
}

static int check_site(const struct conf_check *k)
{
	const struct conf *conf = k->conf;
	const char *why = why_no_site(k, site(k));
	char text[IP6_STRLEN];
	bool is_ours = false;

	if (!conf_is_given_at(conf_node(), &conf->node, offsetof(struct conf_node, id)))
		return conf_refuse(k->c, "node.id: is missing; each site of a mesh has its own");
	for (uint32_t i = 0; i < conf->port_count; i++) {
		for (uint32_t j = 0; j < conf->ports[i].address_count; j++)
			is_ours |= ip6_eq(&conf->ports[i].addresses[j].addr, site(k));
	}
	if (why == NULL && !is_ours)
		why = "is not an address of a port";
	if (why != NULL)
		return conf_refuse(k->c, "mesh.site-address: %s %s", ip6_str(site(k), text), why);
	return 0;
}

static int check_data(const struct conf_check *k)
{
	const struct conf_mesh *m = &k->conf->mesh;

	if (!m->protect_data && !m->accept_cleartext_mesh)
		return conf_refuse(
			k->c, "mesh.protect-data: false needs \"accept-cleartext-mesh\": true");
	if (!m->protect_data)
		return conf_warn(k->c,
			"mesh.protect-data: false: what is relayed between sites is neither "
			"encrypted nor authenticated; anyone who can send with a peer's address "
			"can put packets into the mobile prefixes");
	if (m->accept_cleartext_mesh)
		return conf_warn(k->c, "mesh.accept-cleartext-mesh: means nothing while "
				       "protect-data is true");
	return 0;
}

static int take_key(const struct conf_check *k, struct keyfile *file)
{
	struct conf_mesh *m = &k->conf->mesh;
	char why[KEYFILE_WHY_MAX];

	if (keyfile_read(m->private_key_file, file, why) < 0)
		return conf_refuse(k->c, "mesh.private-key-file: %s: %s", m->private_key_file, why);
	if (file->len != CONF_KEY_LEN)
		return conf_refuse(k->c,
			"mesh.private-key-file: %s: holds a key of %zu octets, not of %d",
			m->private_key_file, file->len, CONF_KEY_LEN);
	memcpy(m->private_key, file->key, CONF_KEY_LEN);
	crypto_scalarmult_base(m->public_key, m->private_key);
	return 0;
}

static int read_private_key(const struct conf_check *k)
{
	struct keyfile *file = sodium_malloc(sizeof(*file));
	int ret;

	k->conf->mesh.private_key = sodium_malloc(CONF_KEY_LEN);
	if (file == NULL || k->conf->mesh.private_key == NULL)
		ret = conf_no_memory(k->c);
	else
		ret = take_key(k, file);
	sodium_free(file);
	return ret;
}

/* --- its peers --- */

static const char *why_no_key(const struct conf_mesh *m, const struct conf_mesh_peer *p)
{
	uint8_t shared[CONF_KEY_LEN];
	bool is_weak = crypto_scalarmult(shared, m->private_key, p->public_key) != 0;

	sodium_memzero(shared, sizeof(shared));
	if (memcmp(p->public_key, m->public_key, CONF_KEY_LEN) == 0)
		return "is this site's";
	return is_weak ? "is one that gives no secret" : NULL;
}

static int check_self(const struct conf_check *k, uint32_t i)
{
	const struct conf_mesh_peer *p = &k->conf->mesh.peers[i];
	const char *why = why_no_site(k, &p->address);
	char text[IP6_STRLEN], key[CONF_KEY_TEXT];

	if (p->id == k->conf->node.id)
		return conf_refuse(k->c, "mesh.peers[%u].id: %u is node.id", i, p->id);
	if (strcmp(p->name, k->conf->node.name) == 0)
		return conf_refuse(k->c, "mesh.peers[%u].name: \"%s\" is node.name", i, p->name);
	for (uint32_t n = 0; why == NULL && n < k->conf->port_count; n++) {
		for (uint32_t j = 0; j < k->conf->ports[n].address_count; j++) {
			if (ip6_eq(&k->conf->ports[n].addresses[j].addr, &p->address))
				why = "is an address of this node";
		}
	}
	if (why != NULL)
		return conf_refuse(
			k->c, "mesh.peers[%u].address: %s %s", i, ip6_str(&p->address, text), why);
	if (sodium_memcmp(p->public_key, k->conf->mesh.private_key, CONF_KEY_LEN) == 0)
		return conf_refuse(k->c,
			"mesh.peers[%u].public-key: is this site's private key; who has read this "
			"file knows it: make another one (hamctl genkey)",
			i);
	why = why_no_key(&k->conf->mesh, p);
	if (why != NULL)
		return conf_refuse(k->c, "mesh.peers[%u].public-key: %s %s", i,
			conf_key_str(p->public_key, key), why);
	return 0;
}

static int check_others(const struct conf_check *k, uint32_t i)
{
	const struct conf_mesh_peer *p = &k->conf->mesh.peers[i];
	char text[IP6_STRLEN], key[CONF_KEY_TEXT];

	for (uint32_t j = 0; j < i; j++) {
		const struct conf_mesh_peer *o = &k->conf->mesh.peers[j];

		if (p->id == o->id)
			return conf_refuse(
				k->c, "mesh.peers[%u].id: %u is that of peers[%u]", i, p->id, j);
		if (strcmp(p->name, o->name) == 0)
			return conf_refuse(k->c, "mesh.peers[%u].name: \"%s\" is that of peers[%u]",
				i, p->name, j);
		if (ip6_eq(&p->address, &o->address))
			return conf_refuse(k->c, "mesh.peers[%u].address: %s is that of peers[%u]",
				i, ip6_str(&p->address, text), j);
		if (memcmp(p->public_key, o->public_key, CONF_KEY_LEN) == 0)
			return conf_refuse(k->c,
				"mesh.peers[%u].public-key: %s is that of peers[%u]", i,
				conf_key_str(p->public_key, key), j);
	}
	return 0;
}

static int check_times(const struct conf_check *k, uint32_t i)
{
	const struct conf_mesh_peer *p = &k->conf->mesh.peers[i];

	if (p->dead_ms >= DEAD_HELLOS * p->hello_ms)
		return 0;
	return conf_refuse(k->c, "mesh.peers[%u].dead-ms: %u is less than %d x hello-ms (%u)", i,
		p->dead_ms, DEAD_HELLOS, p->hello_ms);
}

static bool is_routed(const struct conf *conf, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < conf->route_count; i++)
		if (ip6_in_prefix(a, &conf->routes[i].prefix))
			return true;
	for (uint32_t i = 0; i < conf->port_count; i++)
		for (uint32_t j = 0; j < conf->ports[i].address_count; j++)
			if (ip6_in_prefix(a, &conf->ports[i].addresses[j]))
				return true;
	return false;
}

static int warn_no_route(const struct conf_check *k, uint32_t i)
{
	const struct conf_mesh_peer *p = &k->conf->mesh.peers[i];
	char text[IP6_STRLEN];

	if (p->retired || is_routed(k->conf, &p->address))
		return 0;
	return conf_warn(k->c,
		"mesh.peers[%u].address: no route leads to %s, so the site is never heard", i,
		ip6_str(&p->address, text));
}

static int warn_unused(const struct conf_check *k, uint32_t i)
{
	const struct conf *conf = k->conf;

	for (uint32_t d = 0; d < conf->domain_count; d++) {
		for (uint32_t j = 0; j < conf->domains[d].peer_count; j++) {
			if (strcmp(conf->domains[d].peers[j].name, conf->mesh.peers[i].name) == 0)
				return 0;
		}
	}
	return conf_warn(k->c, "mesh.peers[%u] (%s): is in no domain, so nothing is sent to it", i,
		conf->mesh.peers[i].name);
}

static int check_mesh(const struct conf_check *k)
{
	static int (*const of_peers[])(const struct conf_check *k, uint32_t i) = { check_self,
		check_others, check_times, warn_no_route, warn_unused };
	const struct conf_mesh *m = &k->conf->mesh;
	int ret = check_site(k);

	if (ret == 0)
		ret = check_data(k);
	if (ret == 0 && m->dead_ms < DEAD_HELLOS * m->hello_ms)
		ret = conf_refuse(k->c, "mesh.dead-ms: %u is less than %d x hello-ms (%u)",
			m->dead_ms, DEAD_HELLOS, m->hello_ms);
	if (ret == 0)
		ret = read_private_key(k);
	for (uint32_t i = 0; i < m->peer_count; i++)
		for (size_t j = 0; ret == 0 && j < DIM(of_peers); j++)
			ret = of_peers[j](k, i);
	if (ret == 0 && m->key_log_file != NULL)
		ret = conf_check_key_log_file(k);
	if (ret == 0 && m->key_log_file != NULL)
		ret = conf_warn(k->c,
			"mesh.key-log-file: the keys of all sessions are written to %s: who reads "
			"it reads the mesh",
			m->key_log_file);
	return ret;
}

/* --- the sites of a domain --- */

#define PEER "domains[%u].peers[%u]"

static int find_peer(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct conf_mesh *m = &k->conf->mesh;
	struct conf_domain *d = &k->conf->domains[i];
	struct conf_domain_peer *p = &d->peers[j];

	for (p->peer = 0; p->peer < (int)m->peer_count; p->peer++) {
		if (strcmp(m->peers[p->peer].name, p->name) == 0)
			break;
	}
	if (p->peer == (int)m->peer_count)
		return conf_refuse(k->c, PEER ".name: mesh.peers has no \"%s\"", i, j, p->name);
	for (uint32_t n = 0; n < j; n++) {
		if (d->peers[n].peer == p->peer)
			return conf_refuse(
				k->c, PEER ".name: \"%s\" is that of peers[%u]", i, j, p->name, n);
	}
	return 0;
}

static bool has_address(const struct conf_domain_peer *p)
{
	return !ip6_is_unspecified(&p->home_agent_address);
}

static int check_agent(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct conf_domain *d = &k->conf->domains[i];
	const struct ip6_addr *a = &d->peers[j].home_agent_address;
	int in = conf_mobile_prefix_of(d, a);
	const char *why = in < 0 ? "is in no mobile prefix of the domain"
				 : conf_why_no_node(a, &d->mobile_prefixes[in]);
	char text[IP6_STRLEN];

	ip6_str(a, text);
	if (why == NULL && ip6_eq(a, &d->home_agent_address))
		why = "is this site's";
	if (why != NULL)
		return conf_refuse(k->c, PEER ".home-agent-address: %s %s", i, j, text, why);
	for (uint32_t n = 0; n < j; n++) {
		if (ip6_eq(a, &d->peers[n].home_agent_address))
			return conf_refuse(k->c,
				PEER ".home-agent-address: %s is that of peers[%u]", i, j, text, n);
	}
	return 0;
}

static int check_peer(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct conf_domain *d = &k->conf->domains[i];
	const struct conf_domain_peer *p = &d->peers[j];

	if (find_peer(k, i, j) < 0)
		return -EINVAL;
	if (d->mode == CONF_MODE_SHARED && has_address(p))
		return conf_refuse(k->c,
			PEER ".home-agent-address: mode is \"shared\", all sites answer on that of "
			     "the domain",
			i, j);
	if (d->mode == CONF_MODE_UNICAST && !has_address(p))
		return conf_refuse(k->c,
			PEER ".home-agent-address: is missing; in mode \"unicast\" each site has "
			     "its own",
			i, j);
	return d->mode == CONF_MODE_UNICAST ? check_agent(k, i, j) : 0;
}

static bool is_retired(const struct conf_mesh *m, const char *name)
{
	for (uint32_t i = 0; i < m->peer_count; i++)
		if (strcmp(m->peers[i].name, name) == 0)
			return m->peers[i].retired;
	return false;
}

uint32_t conf_peers_left(const struct conf *conf, const struct conf_domain *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->peer_count; i++)
		n += !is_retired(&conf->mesh, d->peers[i].name);
	return n;
}

static int check_ack(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];
	uint32_t left = conf_peers_left(k->conf, d);
	const char *which = left < d->peer_count ? " that are not retired" : "";

	if (d->ack_peers == CONF_ACK_NONE || d->ack_peers == CONF_ACK_STORE)
		return 0;
	if (left == 0 && d->ack_peers == CONF_ACK_ALL)
		return conf_refuse(k->c,
			"domains[%u].ack-peers: \"all\", but the domain has no peers%s", i, which);
	if (d->ack_peers != CONF_ACK_ALL && d->ack_peers > left)
		return conf_refuse(k->c,
			"domains[%u].ack-peers: %u is more than the domain has peers%s (%u)", i,
			d->ack_peers, which, left);
	return 0;
}

/* Who is told to switch needs somewhere to go: another address of the domain. */
static int check_switch(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];

	if (!d->home_agent_switch)
		return 0;
	if (d->mode == CONF_MODE_SHARED)
		return conf_refuse(k->c,
			"domains[%u].home-agent-switch: true, but mode is \"shared\": there is no "
			"other address to switch to",
			i);
	if (d->peer_count == 0)
		return conf_refuse(k->c,
			"domains[%u].home-agent-switch: true, but the domain has no peers", i);
	return 0;
}

static int check_domain(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];

	if (d->peer_count > 0 && !conf_has_mesh(k->conf))
		return conf_refuse(k->c, "domains[%u].peers: there is no mesh", i);
	for (uint32_t j = 0; j < d->peer_count; j++) {
		if (check_peer(k, i, j) < 0)
			return -EINVAL;
	}
	if (d->cold_start == CONF_COLD_SERVE && k->conf->store.path == NULL)
		return conf_refuse(
			k->c, "domains[%u].cold-start: \"serve\", but there is no store", i);
	if (check_switch(k, i) < 0)
		return -EINVAL;
	return check_ack(k, i);
}

int conf_check_mesh(const struct conf_check *k)
{
	int ret = conf_has_mesh(k->conf) ? check_mesh(k) : 0;

	for (uint32_t i = 0; ret == 0 && i < k->conf->domain_count; i++)
		ret = check_domain(k, i);
	return ret;
}
