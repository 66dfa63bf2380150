/* SPDX-License-Identifier: BSD-3-Clause */
/* Every refusal of a configuration, with the whole line that the operator reads. */
#include "test.h"

#include <errno.h>

#include "conf/conf.h"

/* JSON, with ' for ". */
#define WAN           "{'name':'wan','device':'net_null0','addresses':['2001:db8:1::10/64']}"
#define LAN           "{'name':'lan','device':'net_null1','addresses':['2001:db8:2::10/64']}"
#define PORTS         "'ports':[" WAN "," LAN "]"
#define NODE(keys)    "{'node':{" keys "}," PORTS "}"
#define RUNTIME(keys) "{'runtime':{" keys "}," PORTS "}"
#define REASS(keys)   "{'reassembly':{" keys "}," PORTS "}"
#define PORT(keys)    "{'ports':[{'name':'wan','device':'net_null0'," keys "}]}"
#define TWO(keys)     "{'ports':[" WAN ",{" keys "}]}"
#define ROUTES(list)  "{" PORTS ",'routes':[" list "]}"
#define MSP(name, prefix, ha, keys)                                                                \
	"{'name':'" name "','mobile-prefixes':['" prefix "'],'home-agent-address':'" ha "'" keys "}"
#define MSP1(keys)      MSP("msp1", "2001:db8:a::/48", "2001:db8:a::1", keys)
#define DOMAIN(keys)    "{" PORTS ",'domains':[" MSP1("," keys) "]}"
#define DOMAINS(list)   "{" PORTS ",'domains':[" list "]}"
#define STORE(keys)     "{" PORTS ",'store':{" keys "}}"
#define STORED(keys)    "{" PORTS ",'store':{'path':'/s'},'domains':[" MSP1("," keys) "]}"
#define MN(hoa)         "{'home-address':'" hoa "','auth':{'type':'none'}}"
#define WHERE           "domains[0].mobile-nodes[0].auth"
#define AUTH(keys)      DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{" keys "}}]")
#define MSP1(keys)      MSP("msp1", "2001:db8:a::/48", "2001:db8:a::1", keys)
#define DOMAIN(keys)    "{" PORTS ",'domains':[" MSP1("," keys) "]}"
#define DOMAINS(list)   "{" PORTS ",'domains':[" list "]}"
#define MN(hoa)         "{'home-address':'" hoa "','auth':{'type':'none'}}"
#define WHERE           "domains[0].mobile-nodes[0].auth"
#define AUTH(keys)      DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{" keys "}}]")
#define LIFETIMES(list) DOMAIN("'prefix-lifetimes':[" list "]")
#define HIDING(route)                                                                              \
	"{" PORTS ",'routes':[" route "],'domains':[" MSP1(                                        \
		",'mobile-nodes':[" MN("2001:db8:a:5::7") "," MN("2001:db8:a::100") "]") "]}"
#define VIA         ",'via':'2001:db8:1::1'}"
#define SUBS(keys)  DOMAIN("'lifetime-max-s':600,'subscribers':{" keys "}")
#define RANGE(keys) SUBS("'ranges':[{'home-addresses':'2001:db8:a:1::/64'," keys "}]")
#define SUBSCRIBERS "t.json: domains[0].subscribers"
#define ACCT(keys)  "{" PORTS ",'accounting':{" keys "}}"

#define NO_NAME "is not a name: a-z, 0-9 and \"-\" make one, no \"-\" in front"
#define NO_DEVICE                                                                                  \
	"is neither a PCI address like 0000:3b:00.0 "                                              \
	"nor a DPDK device like net_af_packet0,iface=eth0"

static const struct {
	const char *text, *message;
} cases[] = {
	/* Shape. */
	{ "{'ports':[}", "t.json:1:11: expected a value" },
	{ "[]", "t.json: expected an object, not an array" },
	{ "7", "t.json: expected an object, not a number" },
	{ "{}", "t.json: ports: is missing" },
	{ "{'ports':{}}", "t.json: ports: expected an array, not an object" },
	{ "{'ports':null}", "t.json: ports: expected an array, not null" },
	{ "{'ports':[]}", "t.json: ports: an empty list; at least 1 is needed" },
	{ "{'ports':[1]}", "t.json: ports[0]: expected an object, not a number" },
	{ "{'prots':[]}", "t.json: prots: unknown key; did you mean \"ports\"?" },
	{ "{'xyz':[]}", "t.json: xyz: unknown key" },
	{ "{'':1}", "t.json: : unknown key" },
	{ "{'a\\nb':1}", "t.json: a?b: unknown key" },
	{ "{" PORTS "," PORTS "}", "t.json: ports: stands here twice" },
	{ "{" PORTS ",'node':[]}", "t.json: node: expected an object, not an array" },
	{ "{'ports':[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}",
		"t.json: ports: 17 items are more than 16" },
	{ PORT("'mtu':1500,'mtu':1500"), "t.json: ports[0].mtu: stands here twice" },
	{ PORT("'addressez':[]"),
		"t.json: ports[0].addressez: unknown key; did you mean \"addresses\"?" },
	{ PORT("'name_that_is_far_longer_than_anything_that_would_fit_in_a_message_x_here':1"),
		"t.json: ports[0].name_that_is_far_longer_than_anything_that_would_fit_in_a_messag"
		": unknown key" },

	/* Types and ranges. */
	{ NODE("'id':'1'"), "t.json: node.id: expected an integer, not a string" },
	{ NODE("'id':true"), "t.json: node.id: expected an integer, not true or false" },
	{ NODE("'id':1.5"), "t.json: node.id: 1.5 is not an integer" },
	{ NODE("'id':0"), "t.json: node.id: 0 is outside 1..255" },
	{ NODE("'id':-1"), "t.json: node.id: -1 is outside 1..255" },
	{ NODE("'id':256"), "t.json: node.id: 256 is outside 1..255" },
	{ NODE("'id':4294967297"), "t.json: node.id: 4294967297 is outside 1..255" },
	{ NODE("'id':9007199254740993"),
		"t.json: node.id: 9.00719925474099e+15 is outside 1..255" },
	{ NODE("'id':1e999"), "t.json: node.id: inf is outside 1..255" },
	{ NODE("'id':NaN"), "t.json:1:15: expected a value" },
	{ NODE("'name':1"), "t.json: node.name: expected a string, not a number" },
	{ NODE("'name':''"), "t.json: node.name: \"\" " NO_NAME },
	{ NODE("'name':'Paris'"), "t.json: node.name: \"Paris\" " NO_NAME },
	{ NODE("'name':'a\\u0000'"), "t.json:1:19: a string holds a zero octet" },
	{ NODE("'name':'0123456789abcdef0123456789abcdef'"),
		"t.json: node.name: longer than 31 octets" },
	{ NODE("'roles':'ha'"), "t.json: node.roles: expected an array, not a string" },
	{ NODE("'roles':[]"), "t.json: node.roles: an empty list; at least 1 is needed" },
	{ NODE("'roles':[1]"), "t.json: node.roles[0]: expected a string, not a number" },
	{ NODE("'roles':['ha','lma']"),
		"t.json: node.roles[1]: \"lma\" is not supported, \"ha\" is the only choice" },
	{ NODE("'roles':['ha','ha']"), "t.json: node.roles[1]: \"ha\" stands here twice" },

	{ RUNTIME("'lcores':'0-'"), "t.json: runtime.lcores: \"0-\" is not a list of cores like "
				    "\"0\", \"0-3\" or \"0,2-3\"" },
	{ RUNTIME("'lcores':'128'"), "t.json: runtime.lcores: \"128\" names a core above 127" },
	{ RUNTIME("'lcores':'0,0'"), "t.json: runtime.lcores: \"0,0\" names a core twice" },
	{ RUNTIME("'memory-mb':63"), "t.json: runtime.memory-mb: 63 is outside 64..1048576" },
	{ RUNTIME("'memory_mb':64"),
		"t.json: runtime.memory_mb: unknown key; did you mean \"memory-mb\"?" },
	{ RUNTIME("'hugepages':1"),
		"t.json: runtime.hugepages: expected true or false, not a number" },
	{ RUNTIME("'pdump':true,'hugepages':false"),
		"t.json: runtime.pdump: needs huge pages, runtime.hugepages is false" },
	{ RUNTIME("'idle-sleep-us':10001"),
		"t.json: runtime.idle-sleep-us: 10001 is outside 0..10000" },
	{ RUNTIME("'watchdog-ms':600001"),
		"t.json: runtime.watchdog-ms: 600001 is outside 0..600000" },
	{ RUNTIME("'watchdog-ms':999"),
		"t.json: runtime.watchdog-ms: 999 is neither 0 nor at least 1000" },
	{ RUNTIME("'max-bindings':0"), "t.json: runtime.max-bindings: 0 is outside 1..16777216" },
	{ RUNTIME("'max-neighbors':15"),
		"t.json: runtime.max-neighbors: 15 is outside 16..1048576" },
	{ RUNTIME("'max-routes':65537"), "t.json: runtime.max-routes: 65537 is outside 16..65536" },
	{ RUNTIME("'mbufs':8388608"), "t.json: runtime.mbufs: 8388608 is outside 0..8388607" },
	{ RUNTIME("'socket':'x.sock'"),
		"t.json: runtime.socket: \"x.sock\" is not an absolute path" },
	{ RUNTIME("'socket':'/0123456789012345678901234567890123456789012345678901234567890123456"
		  "7890123456789012345678901234567890123456'"),
		"t.json: runtime.socket: longer than 107 octets" },
	{ RUNTIME("'dpdk-drivers':'pmd.so'"),
		"t.json: runtime.dpdk-drivers: \"pmd.so\" is not an absolute path" },
	{ RUNTIME("'log-level':'warning'"),
		"t.json: runtime.log-level: \"warning\" is not one of \"err\", \"warn\", \"info\", "
		"\"debug\"" },
	{ "{'icmp':{'errors-per-s':0}}", "t.json: icmp.errors-per-s: 0 is outside 1..1000000" },
	{ "{'icmp':{'burst':0}}", "t.json: icmp.burst: 0 is outside 1..1000000" },
	{ ACCT("'interim-s':300"), "t.json: accounting: has neither file nor socket" },
	{ ACCT("'file':'a'"), "t.json: accounting.file: \"a\" is not an absolute path" },
	{ ACCT("'file':'/var/log/'"), "t.json: accounting.file: \"/var/log/\" is a directory" },
	{ ACCT("'socket':'a'"), "t.json: accounting.socket: \"a\" is not an absolute path" },
	{ ACCT("'socket':'/0123456789012345678901234567890123456789012345678901234567890123456"
	       "7890123456789012345678901234567890123456'"),
		"t.json: accounting.socket: longer than 107 octets" },
	{ ACCT("'file':'/a','socket':'/b'"),
		"t.json: accounting.socket: there is a file too; lines go to one of them" },
	{ ACCT("'socket':'/run/hamd/hamd.sock'"), "t.json: accounting.socket: is runtime.socket" },
	{ ACCT("'socket':'/b','rotate-mb':1"),
		"t.json: accounting.rotate-mb: means nothing with a socket" },
	{ ACCT("'socket':'/b','rotate-s':1"),
		"t.json: accounting.rotate-s: means nothing with a socket" },
	{ ACCT("'interim-s':0"), "t.json: accounting.interim-s: 0 is outside 1..86400" },
	{ ACCT("'interim-s':86401"), "t.json: accounting.interim-s: 86401 is outside 1..86400" },
	{ ACCT("'rotate-mb':1048577"),
		"t.json: accounting.rotate-mb: 1048577 is outside 0..1048576" },
	{ ACCT("'rotate-s':604801"), "t.json: accounting.rotate-s: 604801 is outside 0..604800" },
	{ ACCT("'rotate-keep':0"), "t.json: accounting.rotate-keep: 0 is outside 1..1000" },
	{ ACCT("'rotate-keep':1001"), "t.json: accounting.rotate-keep: 1001 is outside 1..1000" },
	{ ACCT("'sync-s':3601"), "t.json: accounting.sync-s: 3601 is outside 0..3600" },
	{ ACCT("'buffer-mb':0"), "t.json: accounting.buffer-mb: 0 is outside 1..4096" },
	{ ACCT("'buffer-mb':4097"), "t.json: accounting.buffer-mb: 4097 is outside 1..4096" },

	/* Reassembly. */
	{ REASS("'timeout-ms':99"), "t.json: reassembly.timeout-ms: 99 is outside 100..60000" },
	{ REASS("'timeout-ms':60001"),
		"t.json: reassembly.timeout-ms: 60001 is outside 100..60000" },
	{ REASS("'max-datagrams':63"),
		"t.json: reassembly.max-datagrams: 63 is outside 64..65536" },
	{ REASS("'max-datagrams':65537"),
		"t.json: reassembly.max-datagrams: 65537 is outside 64..65536" },
	{ REASS("'max-fragments':63"),
		"t.json: reassembly.max-fragments: 63 is outside 64..1048576" },
	{ REASS("'max-fragments':1048577"),
		"t.json: reassembly.max-fragments: 1048577 is outside 64..1048576" },
	{ REASS("'max-per-source':31"),
		"t.json: reassembly.max-per-source: 31 is outside 32..32768" },
	{ REASS("'max-per-source':32769"),
		"t.json: reassembly.max-per-source: 32769 is outside 32..32768" },
	{ REASS("'max-octets':1499"), "t.json: reassembly.max-octets: 1499 is outside 1500..9600" },
	{ REASS("'max-octets':9601"), "t.json: reassembly.max-octets: 9601 is outside 1500..9600" },
	{ REASS("'max-per-source':33,'max-datagrams':65"),
		"t.json: reassembly.max-per-source: 33 is more than half of max-datagrams (65)" },
	{ REASS("'max-per-source':33,'max-fragments':65"),
		"t.json: reassembly.max-per-source: 33 is more than half of max-fragments (65)" },
	{ RUNTIME("'lcores':'0-2','mbufs':12287"), /* control may receive as well */
		"t.json: runtime.mbufs: 12287 is less than twice reassembly.max-fragments (2048) "
		"of each core (3)" },
	{ RUNTIME("'lcores':'0-1','mbufs':8191"),
		"t.json: runtime.mbufs: 8191 is less than twice reassembly.max-fragments (2048) of "
		"each core (2)" },
	{ RUNTIME("'mbufs':4095"),
		"t.json: runtime.mbufs: 4095 is less than twice reassembly.max-fragments (2048) of "
		"each core (1)" },

	/* Ports. */
	{ "{'ports':[{'device':'net_null0'}]}", "t.json: ports[0].name: is missing" },
	{ "{'ports':[{'name':'wan'}]}", "t.json: ports[0].device: is missing" },
	{ "{'ports':[{'name':'wan','device':'eth0'}]}",
		"t.json: ports[0].device: \"eth0\" " NO_DEVICE },
	{ "{'ports':[{'name':'wan','device':'0000:3b:20.0'}]}",
		"t.json: ports[0].device: \"0000:3b:20.0\" " NO_DEVICE },
	{ "{'ports':[{'name':'wan','device':''}]}", "t.json: ports[0].device: \"\" " NO_DEVICE },
	{ "{'ports':[{'name':'wan','device':'net_null0, x'}]}",
		"t.json: ports[0].device: \"net_null0, x\" holds white space or what is not "
		"printable" },
	{ PORT("'mtu':1279"), "t.json: ports[0].mtu: 1279 is outside 1280..9600" },
	{ PORT("'vlan':4095"), "t.json: ports[0].vlan: 4095 is outside 0..4094" },
	{ PORT("'rx-queues':65"), "t.json: ports[0].rx-queues: 65 is outside 0..64" },
	{ PORT("'dad':0"), "t.json: ports[0].dad: expected true or false, not a number" },
	{ PORT("'addresses':'2001:db8:1::1/64'"),
		"t.json: ports[0].addresses: expected an array, not a string" },
	{ PORT("'addresses':[1]"),
		"t.json: ports[0].addresses[0]: expected an IPv6 prefix, not a number" },
	{ PORT("'addresses':['2001:db8:1::1/64','2001:db8:1::2']"),
		"t.json: ports[0].addresses[1]: \"2001:db8:1::2\" is not an IPv6 address with its "
		"prefix length" },
	{ PORT("'addresses':['2001:db8:1::1/129']"),
		"t.json: ports[0].addresses[0]: \"2001:db8:1::1/129\" is not an IPv6 address with "
		"its "
		"prefix length" },
	{ PORT("'addresses':['2001:db8:1::1/0']"),
		"t.json: ports[0].addresses[0]: 2001:db8:1::1/0: a link has a prefix length of "
		"1..128" },
	{ PORT("'addresses':['ff02::1/64']"),
		"t.json: ports[0].addresses[0]: ff02::1/64 is not a unicast routable address" },
	{ PORT("'addresses':['fe80::1/64']"),
		"t.json: ports[0].addresses[0]: fe80::1/64 is not a unicast routable address" },
	{ PORT("'addresses':['::1/128']"),
		"t.json: ports[0].addresses[0]: ::1/128 is not a unicast routable address" },
	{ PORT("'addresses':['2001:db8:1::/64']"), "t.json: ports[0].addresses[0]: 2001:db8:1::/64 "
						   "is the anycast address of the link's "
						   "routers" },
	{ PORT("'addresses':['2001:db8:1::1/64','2001:db8:1::1/64']"),
		"t.json: ports[0].addresses[1]: 2001:db8:1::1/64 is an address of ports[0]" },
	{ TWO("'name':'wan','device':'net_null1'"),
		"t.json: ports[1].name: \"wan\" is the name of ports[0]" },
	{ TWO("'name':'lan','device':'net_null0,size=64'"),
		"t.json: ports[1].device: \"net_null0\" is the device of ports[0]" },
	{ "{'ports':[{'name':'a','device':'0000:3B:00.0'},{'name':'b','device':'0000:3b:00.0'}]}",
		"t.json: ports[1].device: \"0000:3b:00.0\" is the device of ports[0]" },
	{ "{'ports':[{'name':'a','device':'net_af_packet0,iface=x'},"
	  "{'name':'b','device':'net_af_packet1,qpairs=1,iface=x'}]}",
		"t.json: ports[1].device: \"x\" is the interface of ports[0]" },
	{ TWO("'name':'lan','device':'net_null1','addresses':['2001:db8:1::10/48']"),
		"t.json: ports[1].addresses[0]: 2001:db8:1::10/48 is an address of ports[0]" },
	{ TWO("'name':'lan','device':'net_null1','addresses':['2001:db8:1::11/64']"),
		"t.json: ports[1].addresses[0]: the link of 2001:db8:1::11/64 is that of "
		"ports[0].addresses[0]" },
	{ "{" PORTS ",'domains':[" MSP("a", "2001:db8::/32", "2001:db8:a::1", "") "]}",
		"t.json: ports[0].addresses[0]: 2001:db8:1::10/64 is in "
		"domains[0].mobile-prefixes[0] "
		"(2001:db8::/32)" },

	/* Routes. */
	{ ROUTES("{'via':'2001:db8:1::1'}"), "t.json: routes[0].prefix: is missing" },
	{ ROUTES("{'prefix':'::/0'}"), "t.json: routes[0].via: is missing" },
	{ ROUTES("{'prefix':'2001:db8:5::1/48'" VIA),
		"t.json: routes[0].prefix: \"2001:db8:5::1/48\" has bits set behind its prefix "
		"length; "
		"2001:db8:5::/48 is meant?" },
	{ ROUTES("{'prefix':'default'" VIA),
		"t.json: routes[0].prefix: \"default\" is not an IPv6 prefix" },
	{ ROUTES("{'prefix':'10.0.0.0/8'" VIA),
		"t.json: routes[0].prefix: \"10.0.0.0/8\" is not an IPv6 prefix" },
	{ ROUTES("{'prefix':'ff00::/8'" VIA),
		"t.json: routes[0].prefix: ff00::/8 is not unicast routable" },
	{ ROUTES("{'prefix':'fe80::/64'" VIA),
		"t.json: routes[0].prefix: fe80::/64 is not unicast routable" },
	{ ROUTES("{'prefix':'2001:db8:1::/64'" VIA),
		"t.json: routes[0].prefix: 2001:db8:1::/64 is the link of ports[0].addresses[0]" },
	{ ROUTES("{'prefix':'2001:db8:2::10/128'" VIA),
		"t.json: routes[0].prefix: 2001:db8:2::10/128 is the address "
		"ports[1].addresses[0]" },
	{ ROUTES("{'prefix':'::/0'" VIA ",{'prefix':'2001:db8:5::/48'" VIA ",{'prefix':'::/0'" VIA),
		"t.json: routes[2].prefix: ::/0 is that of routes[0]" },
	{ ROUTES("{'prefix':'::/0','via':'fe80::1%wan'}"),
		"t.json: routes[0].via: \"fe80::1%wan\" is not an IPv6 address" },
	{ ROUTES("{'prefix':'::/0','via':7}"),
		"t.json: routes[0].via: expected an IPv6 address, not a number" },
	{ ROUTES("{'prefix':'::/0','via':'fe80::1'}"),
		"t.json: routes[0].via: link-local fe80::1 needs a port" },
	{ ROUTES("{'prefix':'::/0','via':'ff02::2'}"),
		"t.json: routes[0].via: ff02::2 is not a unicast address" },
	{ ROUTES("{'prefix':'::/0','via':'2001:db8:2::10'}"),
		"t.json: routes[0].via: 2001:db8:2::10 is an address of ports[1]" },
	{ ROUTES("{'prefix':'::/0','via':'2001:db8:3::1'}"),
		"t.json: routes[0].via: 2001:db8:3::1 is on-link at no port" },
	{ ROUTES("{'prefix':'::/0','via':'2001:db8:1::1','port':'lan'}"),
		"t.json: routes[0].via: 2001:db8:1::1 is not on-link at port \"lan\"" },
	{ ROUTES("{'prefix':'::/0','via':'2001:db8:1::1','port':'dmz'}"),
		"t.json: routes[0].port: no port is named \"dmz\"" },
	{ ROUTES("{'prefix':'::/0','via':'2001:db8:1::1','port':1}"),
		"t.json: routes[0].port: expected the name of a port, not a number" },
	{ HIDING("{'prefix':'::/0','via':'2001:db8:a::5'}"),
		"t.json: routes[0].via: 2001:db8:a::5 is in domains[0].mobile-prefixes[0] "
		"(2001:db8:a::/48)" },
	{ HIDING("{'prefix':'2001:db8:a::/48'" VIA),
		"t.json: routes[0].prefix: 2001:db8:a::/48 is domains[0].mobile-prefixes[0]" },
	{ HIDING("{'prefix':'2001:db8:a::/64'" VIA),
		"t.json: routes[0].prefix: 2001:db8:a::/64 hides domains[0].home-agent-address "
		"(2001:db8:a::1)" },
	{ HIDING("{'prefix':'2001:db8:a::100/128'" VIA),
		"t.json: routes[0].prefix: 2001:db8:a::100/128 hides a mobile node of domains[0] "
		"(2001:db8:a::100)" },
	{ HIDING("{'prefix':'2001:db8:a:4::/62'" VIA),
		"t.json: routes[0].prefix: 2001:db8:a:4::/62 hides a mobile node of domains[0] "
		"(2001:db8:a:5::7)" },
	{ "{'runtime':{'max-routes':16},'ports':[{'name':'wan','device':'net_null0','addresses':["
	  "'2001:db8:1::1/64','2001:db8:1::2/64','2001:db8:1::3/64','2001:db8:1::4/64',"
	  "'2001:db8:1::5/64','2001:db8:1::6/64','2001:db8:1::7/64','2001:db8:1::8/64']}]}",
		"t.json: runtime.max-routes: 16 is less than the 17 entries that ports, routes and "
		"domains need" },
	{ "{'runtime':{'max-routes':16},'ports':[{'name':'wan','device':'net_null0','addresses':["
	  "'2001:db8:1::1/64','2001:db8:1::2/64','2001:db8:1::3/64','2001:db8:1::4/64',"
	  "'2001:db8:1::5/64','2001:db8:1::6/64']}],'domains':[" MSP1("") "]}",
		"t.json: runtime.max-routes: 16 is less than the 17 entries that ports, routes and "
		"domains need" },

	/* Domains. */
	{ DOMAINS("{}"), "t.json: domains[0].name: is missing" },
	{ DOMAINS("{'name':'msp1'}"), "t.json: domains[0].mobile-prefixes: is missing" },
	{ DOMAINS("{'name':'msp1','mobile-prefixes':[]}"),
		"t.json: domains[0].mobile-prefixes: an empty list; at least 1 is needed" },
	{ DOMAINS("{'name':'msp1','mobile-prefixes':['2001:db8:a::/48']}"),
		"t.json: domains[0].home-agent-address: is missing" },
	{ DOMAINS(MSP("msp1", "2001:db8:a::1/48", "2001:db8:a::1", "")),
		"t.json: domains[0].mobile-prefixes[0]: \"2001:db8:a::1/48\" has bits set behind "
		"its "
		"prefix length; 2001:db8:a::/48 is meant?" },
	{ DOMAINS(MSP("msp1", "::/0", "2001:db8:a::1", "")),
		"t.json: domains[0].mobile-prefixes[0]: ::/0 is not unicast routable" },
	{ DOMAINS(MSP("msp1", "f000::/4", "f000::1", "")),
		"t.json: domains[0].mobile-prefixes[0]: f000::/4 is not unicast routable" },
	{ DOMAINS(MSP1("") "," MSP("msp1", "2001:db8:b::/48", "2001:db8:b::1", "")),
		"t.json: domains[1].name: \"msp1\" is the name of domains[0]" },
	{ DOMAINS(MSP1("") "," MSP("msp2", "2001:db8:a:1::/64", "2001:db8:a:1::1", "")),
		"t.json: domains[1].mobile-prefixes[0]: 2001:db8:a:1::/64 overlaps "
		"domains[0].mobile-prefixes[0] (2001:db8:a::/48)" },
	{ DOMAINS(MSP("msp1", "2001:db8:a:1::/64", "2001:db8:a:1::1", "") "," MSP(
		  "msp2", "2001:db8:a::/48", "2001:db8:a::1", "")),
		"t.json: domains[1].mobile-prefixes[0]: 2001:db8:a::/48 overlaps "
		"domains[0].mobile-prefixes[0] (2001:db8:a:1::/64)" },
	{ DOMAINS(MSP1("") "," MSP("msp2", "2001:db8:a::/48", "2001:db8:a::1", "")),
		"t.json: domains[1].mobile-prefixes[0]: 2001:db8:a::/48 overlaps "
		"domains[0].mobile-prefixes[0] (2001:db8:a::/48)" },
	{ DOMAINS(MSP("msp1", "2001:db8:a::/48','2001:db8:a::/48", "2001:db8:a::1", "")),
		"t.json: domains[0].mobile-prefixes[1]: 2001:db8:a::/48 overlaps "
		"domains[0].mobile-prefixes[0] (2001:db8:a::/48)" },
	{ DOMAINS(MSP("msp1", "2001:db8:a::/48", "2001:db8:b::1", "")),
		"t.json: domains[0].home-agent-address: 2001:db8:b::1 is in no mobile prefix of "
		"the "
		"domain" },
	{ DOMAINS(MSP1("") "," MSP("msp2", "2001:db8:b::/48", "2001:db8:a::1", "")),
		"t.json: domains[1].home-agent-address: 2001:db8:a::1 is in no mobile prefix of "
		"the "
		"domain" },
	{ DOMAINS(MSP("msp1", "2001:db8:a::/48", "2001:db8:a::", "")),
		"t.json: domains[0].home-agent-address: 2001:db8:a:: is the anycast address of the "
		"link's routers" },
	{ DOMAINS(MSP("msp1", "2001:db8:a::/48", "2001:db8:a:7:fdff:ffff:ffff:fffe", "")),
		"t.json: domains[0].home-agent-address: 2001:db8:a:7:fdff:ffff:ffff:fffe is an "
		"anycast address that RFC 2526 reserves" },
	{ DOMAIN("'home-link':'eth0'"), "t.json: domains[0].home-link: the real home link is not "
					"built; only null is possible" },
	{ DOMAIN("'mobile-nodes':[{'auth':{'type':'none'}}]"),
		"t.json: domains[0].mobile-nodes[0].home-address: is missing" },
	{ DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2'}]"),
		"t.json: domains[0].mobile-nodes[0].auth: is missing" },
	{ DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{}}]"),
		"t.json: domains[0].mobile-nodes[0].auth.type: is missing" },
	{ DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{'type':'mn-ha'}}]"),
		"t.json: domains[0].mobile-nodes[0].auth.spi: is missing" },
	{ AUTH("'type':'ipsec'"),
		"t.json: " WHERE ".type: \"ipsec\" is not one of \"none\", \"mn-ha\"" },
	{ AUTH("'type':'mn-ha','spi':256"), "t.json: " WHERE ".key-file: is missing" },
	{ AUTH("'type':'mn-ha','spi':255"),
		"t.json: " WHERE ".spi: 255 is outside 256..4294967295" },
	{ AUTH("'type':'mn-ha','spi':256,'key-file':'key'"),
		"t.json: " WHERE ".key-file: \"key\" is not an absolute path" },
	{ AUTH("'type':'mn-ha','spi':256,'key-file':'/dev/null/x'"),
		"t.json: " WHERE ".key-file: /dev/null/x: Not a directory" },
	{ AUTH("'type':'mn-ha','spi':256,'key-file':'/dev/null'"),
		"t.json: " WHERE ".key-file: /dev/null: is not a regular file" },
	{ AUTH("'type':'mn-ha','spi':256,'key-file':'/dev/null','nai':''"),
		"t.json: " WHERE ".nai: \"\" is empty" },
	{ AUTH("'type':'mn-ha','spi':256,'key-file':'/dev/null','nai':'a b'"),
		"t.json: " WHERE ".nai: \"a b\" holds a blank or a control character" },
	{ AUTH("'type':'none','spi':256"),
		"t.json: " WHERE ".spi: means nothing with type \"none\"" },
	{ AUTH("'type':'none','key-file':'/x'"),
		"t.json: " WHERE ".key-file: means nothing with type \"none\"" },
	{ AUTH("'type':'none','replay':true"),
		"t.json: " WHERE ".replay: means nothing with type \"none\"" },
	{ AUTH("'type':'none','nai':'a@b'"),
		"t.json: " WHERE ".nai: means nothing with type \"none\"" },
	{ DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':'none'}]"),
		"t.json: domains[0].mobile-nodes[0].auth: expected an object, not a string" },
	{ DOMAIN("'mobile-nodes':[" MN("2001:db8:a::2") "," MN("2001:db8:b::2") "]"),
		"t.json: domains[0].mobile-nodes[1].home-address: 2001:db8:b::2 is in no mobile "
		"prefix "
		"of the domain" },
	{ DOMAIN("'mobile-nodes':[" MN("2001:db8:a::1") "]"),
		"t.json: domains[0].mobile-nodes[0].home-address: 2001:db8:a::1 is the home agent "
		"address" },
	{ DOMAIN("'mobile-nodes':[" MN("ff0e::1") "]"),
		"t.json: domains[0].mobile-nodes[0].home-address: ff0e::1 is not a unicast "
		"routable "
		"address" },
	{ DOMAIN("'mobile-nodes':[" MN("fe80::2") "]"),
		"t.json: domains[0].mobile-nodes[0].home-address: fe80::2 is not a unicast "
		"routable "
		"address" },
	{ DOMAIN("'mobile-nodes':[" MN("2001:db8:a::") "]"),
		"t.json: domains[0].mobile-nodes[0].home-address: 2001:db8:a:: is the anycast "
		"address "
		"of the link's routers" },
	{ DOMAIN("'mobile-nodes':[" MN("2001:db8:a:ffff:ffff:ffff:ffff:ff80") "]"),
		"t.json: domains[0].mobile-nodes[0].home-address: "
		"2001:db8:a:ffff:ffff:ffff:ffff:ff80 is an anycast address that RFC 2526 "
		"reserves" },
	{ DOMAIN("'mobile-nodes':[" MN("2001:db8:a::9") "," MN("2001:db8:a::2") "," MN(
		  "2001:db8:a::9") "]"),
		"t.json: domains[0].mobile-nodes[2].home-address: 2001:db8:a::9 is that of "
		"mobile-nodes[0]" },
	{ DOMAIN("'lifetime-max-s':600,'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{"
		 "'type':'none'},'lifetime-max-s':604}]"),
		"t.json: domains[0].mobile-nodes[0].lifetime-max-s: 604 is more than that of the "
		"domain" },
	{ DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{'type':'none'},"
		 "'prefixes':['2001:db8:f::/48']}]"),
		"t.json: domains[0].mobile-nodes[0].prefixes: mobile network prefixes are not "
		"built; "
		"only an empty list is possible" },
	{ DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','auth':{'type':'none'},"
		 "'prefixes':null}]"),
		"t.json: domains[0].mobile-nodes[0].prefixes: expected an array, not null" },
	{ AUTH("'type':'mn-ha','spi':256,'key':'00112233445566778899aabbccddeeff'"),
		"t.json: " WHERE ".key: unknown key" },
	{ "{'runtime':{'max-subscribers':1}," PORTS ",'domains':[" MSP1(
		  ",'mobile-nodes':[" MN("2001:db8:a::2") "," MN("2001:db8:a::3") "]") "]}",
		"t.json: runtime.max-subscribers: 1 is less than the 2 mobile-nodes there are" },
	/* Subscribers. */
	{ SUBS("'file':'msp1.jsonl'"),
		SUBSCRIBERS ".file: \"msp1.jsonl\" is not an absolute path" },
	{ SUBS("'files':'/msp1.jsonl'"),
		SUBSCRIBERS ".files: unknown key; did you mean \"file\"?" },
	{ SUBS("'default':{'lifetime-max-s':604}"),
		SUBSCRIBERS ".default.lifetime-max-s: 604 is more than that of the domain" },
	{ SUBS("'default':{'auth':{'spi':256}}"), SUBSCRIBERS ".default.auth.type: is missing" },
	{ SUBS("'default':{'auth':{'type':'none','spi':256}}"),
		SUBSCRIBERS ".default.auth.spi: means nothing with type \"none\"" },
	{ SUBS("'default':{'auth':{'type':'mn-ha','key-file':'/dev/null'}}"),
		SUBSCRIBERS ".default.auth.key-file: /dev/null: is not a regular file" },
	{ SUBS("'default':{'auth':{'type':'mn-ha','nai':'a@b'}}"),
		SUBSCRIBERS ".default.auth.nai: unknown key; did you mean \"spi\"?" },
	{ SUBS("'default':{'home-address':'2001:db8:a::2'}"),
		SUBSCRIBERS ".default.home-address: unknown key" },
	{ SUBS("'ranges':[{'auth':{'type':'none'}}]"),
		SUBSCRIBERS ".ranges[0].home-addresses: is missing" },
	{ SUBS("'ranges':[{'home-addresses':'2001:db8:b::/64','auth':{'type':'none'}}]"),
		SUBSCRIBERS ".ranges[0].home-addresses: 2001:db8:b::/64 is in no mobile prefix of "
			    "the domain" },
	{ SUBS("'ranges':[{'home-addresses':'2001:db8::/32','auth':{'type':'none'}}]"),
		SUBSCRIBERS ".ranges[0].home-addresses: 2001:db8::/32 is in no mobile prefix of "
			    "the domain" },
	{ SUBS("'ranges':[{'home-addresses':'2001:db8:a::1/64','auth':{'type':'none'}}]"),
		SUBSCRIBERS ".ranges[0].home-addresses: \"2001:db8:a::1/64\" has bits set behind "
			    "its prefix length; 2001:db8:a::/64 is meant?" },
	{ SUBS("'ranges':[{'home-addresses':'2001:db8:a::/64','auth':{'type':'none'}},"
	       "{'home-addresses':'2001:db8:a::/48','auth':{'type':'none'}},"
	       "{'home-addresses':'2001:db8:a::/64','auth':{'type':'none'}}]"),
		SUBSCRIBERS ".ranges[2].home-addresses: 2001:db8:a::/64 is that of ranges[0]" },
	{ RANGE("'lifetime-max-s':604,'auth':{'type':'none'}"),
		SUBSCRIBERS ".ranges[0].lifetime-max-s: 604 is more than that of the domain" },
	{ SUBS("'ranges':[{'home-addresses':'2001:db8:a:1::/64'}]"),
		SUBSCRIBERS ".ranges[0].auth.type: is missing" },
	{ RANGE("'auth':{'spi':256}"), SUBSCRIBERS ".ranges[0].auth.type: is missing" },
	{ RANGE("'auth':{'type':'mn-ha'}"), SUBSCRIBERS ".ranges[0].auth.spi: is missing" },
	{ RANGE("'auth':{'type':'mn-ha','spi':256}"),
		SUBSCRIBERS ".ranges[0].auth.key-file: is missing" },
	{ RANGE("'auth':{'type':'none','key-file':'/k'}"),
		SUBSCRIBERS ".ranges[0].auth.key-file: means nothing with type \"none\"" },
	{ RANGE("'auth':{'type':'mn-ha','spi':256,'key-file':'/dev/null'}"),
		SUBSCRIBERS ".ranges[0].auth.key-file: /dev/null: is not a regular file" },
	{ DOMAIN("'subscribers':{'default':{'auth':{'type':'none'}},'ranges':[{'home-addresses':"
		 "'2001:db8:a:1::/64','auth':{'type':'mn-ha','spi':256}}]}"),
		SUBSCRIBERS ".ranges[0].auth.key-file: is missing" },
	{ DOMAIN("'subscribers':{'default':{'auth':{'type':'mn-ha','spi':256}},'ranges':[{"
		 "'home-addresses':'2001:db8:a:1::/64','auth':{'type':'mn-ha'}}]}"),
		SUBSCRIBERS ".ranges[0].auth.key-file: is missing" },
	{ DOMAIN("'lifetime-max-s':3601"),
		"t.json: domains[0].lifetime-max-s: 3601 is not a multiple of 4" },
	{ DOMAIN("'lifetime-max-s':0"),
		"t.json: domains[0].lifetime-max-s: 0 is outside 4..262140" },
	{ DOMAIN("'lifetime-max-s':262144"),
		"t.json: domains[0].lifetime-max-s: 262144 is outside 4..262140" },
	{ DOMAIN("'ack-peers':'any'"),
		"t.json: domains[0].ack-peers: \"any\" is not one of \"all\", \"store\", \"none\", "
		"\"auto\"" },
	{ DOMAIN("'ack-peers':255"), "t.json: domains[0].ack-peers: 255 is outside 0..254" },
	{ DOMAIN("'ack-peers':true"),
		"t.json: domains[0].ack-peers: expected an integer or a word, not true or false" },
	{ DOMAIN("'ack-peers':'all'"),
		"t.json: domains[0].ack-peers: \"all\", but the domain has no peers" },
	{ DOMAIN("'ack-peers':1"),
		"t.json: domains[0].ack-peers: 1 is more than the domain has peers (0)" },
	{ DOMAIN("'ack-peers':'store'"),
		"t.json: domains[0].ack-peers: \"store\", but there is no store" },
	{ DOMAIN("'refresh-advice-s':0"),
		"t.json: domains[0].refresh-advice-s: 0 is outside 4..262136" },
	{ DOMAIN("'refresh-advice-s':262140"),
		"t.json: domains[0].refresh-advice-s: 262140 is outside 4..262136" },
	{ DOMAIN("'refresh-advice-s':6"),
		"t.json: domains[0].refresh-advice-s: 6 is not a multiple of 4" },
	{ DOMAIN("'refresh-advice-s':'on'"),
		"t.json: domains[0].refresh-advice-s: \"on\" is not one of \"off\", \"auto\"" },
	{ STORED("'refresh-advice-s':60"),
		"t.json: domains[0].refresh-advice-s: 60, but bindings are in the store: \"off\" "
		"or \"auto\" (RFC 6275, 10.3.1)" },
	{ STORE(""), "t.json: store.path: is missing" },
	{ STORE("'path':'var/lib'"), "t.json: store.path: \"var/lib\" is not an absolute path" },
	{ STORE("'path':'/s','sync-ms':0"), "t.json: store.sync-ms: 0 is outside 1..1000" },
	{ STORE("'path':'/s','sync-ms':1001"), "t.json: store.sync-ms: 1001 is outside 1..1000" },
	{ STORE("'path':'/s','counters-s':0"), "t.json: store.counters-s: 0 is outside 1..86400" },
	{ STORE("'path':'/s','counters-s':86401"),
		"t.json: store.counters-s: 86401 is outside 1..86400" },
	{ STORE("'path':'/s','on-damage':'repair'"),
		"t.json: store.on-damage: \"repair\" is not one of \"move-aside\", \"refuse\"" },
	{ STORE("'path':'/s','size-mb':1"), "t.json: store.size-mb: unknown key" },
	{ DOMAIN("'discovery':{'prefixes':'on'}"),
		"t.json: domains[0].discovery.prefixes: \"on\" is not one of \"auto\", \"always\", "
		"\"never\"" },
	{ DOMAIN("'discovery':{'min-interval-s':0}"),
		"t.json: domains[0].discovery.min-interval-s: 0 is outside 1..2592000" },
	{ DOMAIN("'discovery':{'max-interval-s':2592001}"),
		"t.json: domains[0].discovery.max-interval-s: 2592001 is outside 1..2592000" },
	{ DOMAIN("'discovery':{'max-interval-s':599}"),
		"t.json: domains[0].discovery.min-interval-s: 600 is more than max-interval-s "
		"(599)" },
	{ LIFETIMES("{'prefix':'2001:db8:a::/48','valid-s':59}"),
		"t.json: domains[0].prefix-lifetimes[0].valid-s: 59 is outside 60..4294967295" },
	{ LIFETIMES("{'prefix':'2001:db8:a::/48','valid-s':60,'preferred-s':61}"),
		"t.json: domains[0].prefix-lifetimes[0].preferred-s: 61 is more than valid-s "
		"(60)" },
	{ LIFETIMES("{'valid-s':60}"),
		"t.json: domains[0].prefix-lifetimes[0].prefix: is missing" },
	{ LIFETIMES("{'prefix':'2001:db8:a::/49'}"),
		"t.json: domains[0].prefix-lifetimes[0].prefix: 2001:db8:a::/49 is no mobile "
		"prefix of the domain" },
	{ LIFETIMES("{'prefix':'2001:db8:b::/48'}"),
		"t.json: domains[0].prefix-lifetimes[0].prefix: 2001:db8:b::/48 is no mobile "
		"prefix of the domain" },
	{ LIFETIMES("{'prefix':'2001:db8:a::/48'},{'prefix':'2001:db8:a::/48'}"),
		"t.json: domains[0].prefix-lifetimes[1].prefix: 2001:db8:a::/48 is that of "
		"prefix-lifetimes[0]" },
	{ DOMAIN("'encap-limit':'never'"),
		"t.json: domains[0].encap-limit: \"never\" is not one of \"auto\", \"always\"" },
	{ DOMAIN("'tcp-mss-clamp':'on'"),
		"t.json: domains[0].tcp-mss-clamp: \"on\" is not one of \"off\", \"auto\"" },
	{ DOMAIN("'tcp-mss-clamp':999"),
		"t.json: domains[0].tcp-mss-clamp: 999 is outside 1000..9500" },
	{ DOMAIN("'tcp-mss-clamp':9501"),
		"t.json: domains[0].tcp-mss-clamp: 9501 is outside 1000..9500" },
	{ DOMAIN("'tcp-mss-clamp':1"),
		"t.json: domains[0].tcp-mss-clamp: 1 is outside 1000..9500" },
	{ DOMAIN("'tcp-mss-clamp':true"),
		"t.json: domains[0].tcp-mss-clamp: expected an integer or a word, not true or "
		"false" },
	{ DOMAIN("'care-of-allowed':['::1/0']"),
		"t.json: domains[0].care-of-allowed[0]: \"::1/0\" has bits set behind its prefix "
		"length; ::/0 is meant?" },
	{ DOMAIN("'care-of-denied':['2001:db8::']"),
		"t.json: domains[0].care-of-denied[0]: \"2001:db8::\" is not an IPv6 prefix" },
	{ DOMAIN("'limits':{'max-bindings':0}"),
		"t.json: domains[0].limits.max-bindings: 0 is outside 1..16777216" },
	{ DOMAIN("'limits':{'max-bindings-per-care-of':0}"),
		"t.json: domains[0].limits.max-bindings-per-care-of: 0 is outside 1..16777216" },
	{ DOMAIN("'limits':{'bu-per-s-per-source':0}"),
		"t.json: domains[0].limits.bu-per-s-per-source: 0 is outside 1..1000000" },
	{ DOMAIN("'limits':{'bu-burst-per-source':0}"),
		"t.json: domains[0].limits.bu-burst-per-source: 0 is outside 1..1000000" },
	{ DOMAIN("'limits':{'bu-per-s-per-mobile-node':0}"),
		"t.json: domains[0].limits.bu-per-s-per-mobile-node: 0 is outside 1..1000000" },
	{ DOMAIN("'limits':{'bu-burst-per-mobile-node':1000001}"),
		"t.json: domains[0].limits.bu-burst-per-mobile-node: 1000001 is outside "
		"1..1000000" },
	{ DOMAIN("'limits':{'bu-per-s':1000001}"),
		"t.json: domains[0].limits.bu-per-s: 1000001 is outside 1..1000000" },
	{ DOMAIN("'limits':{'mismatch-per-s':0}"),
		"t.json: domains[0].limits.mismatch-per-s: 0 is outside 1..100000000" },
	{ DOMAIN("'limits':{'mismatch-burst':1000001}"),
		"t.json: domains[0].limits.mismatch-burst: 1000001 is outside 1..1000000" },
	{ DOMAIN("'limits':{'relay-mbps':0}"),
		"t.json: domains[0].limits.relay-mbps: 0 is outside 1..1000000" },
	{ DOMAIN("'limits':{'relay-packets-per-s':1000000001}"),
		"t.json: domains[0].limits.relay-packets-per-s: 1000000001 is outside "
		"1..1000000000" },
	{ DOMAIN("'limits':{'traffic-mbps':1000001}"),
		"t.json: domains[0].limits.traffic-mbps: 1000001 is outside 1..1000000" },
	{ DOMAIN("'limits':{'traffic-packets-per-s':0}"),
		"t.json: domains[0].limits.traffic-packets-per-s: 0 is outside 1..1000000000" },
	{ DOMAIN("'mode':'anycast'"),
		"t.json: domains[0].mode: \"anycast\" is not one of \"unicast\", \"shared\"" },
	{ DOMAIN("'delivery':'fast'"),
		"t.json: domains[0].delivery: \"fast\" is not one of \"direct\", \"primary\"" },
	{ DOMAIN("'peers':[{'name':'tokyo'}]"), "t.json: domains[0].peers: there is no mesh" },
	{ DOMAIN("'peers':[{}]"), "t.json: domains[0].peers[0].name: is missing" },
	{ DOMAIN("'commit-timeout-ms':9"),
		"t.json: domains[0].commit-timeout-ms: 9 is outside 10..900" },
	{ DOMAIN("'commit-timeout-ms':901"),
		"t.json: domains[0].commit-timeout-ms: 901 is outside 10..900" },
	{ DOMAIN("'cold-start':'go'"),
		"t.json: domains[0].cold-start: \"go\" is not one of \"wait\", \"serve\"" },
	{ DOMAIN("'cold-start':'serve'"),
		"t.json: domains[0].cold-start: \"serve\", but there is no store" },
	{ DOMAIN("'join-timeout-ms':99"),
		"t.json: domains[0].join-timeout-ms: 99 is outside 100..600000" },
	{ DOMAIN("'drain-wait-ms':600001"),
		"t.json: domains[0].drain-wait-ms: 600001 is outside 0..600000" },
	{ DOMAIN("'home-agent-switch':'drain'"),
		"t.json: domains[0].home-agent-switch: expected true or false, not a string" },
	{ DOMAIN("'home-agent-switch-after-s':9"),
		"t.json: domains[0].home-agent-switch-after-s: 9 is outside 10..86400" },
	{ DOMAIN("'limits':{'home-agent-switch-per-s':0}"),
		"t.json: domains[0].limits.home-agent-switch-per-s: 0 is outside 1..1000000" },
	{ DOMAIN("'home-agent-switch':true"),
		"t.json: domains[0].home-agent-switch: true, but the domain has no peers" },
	{ DOMAIN("'old-coa-grace-ms':10001"),
		"t.json: domains[0].old-coa-grace-ms: 10001 is outside 0..10000" },
	{ DOMAIN("'remember-sequence':'auto'"),
		"t.json: domains[0].remember-sequence: expected true or false, not a string" },
	{ DOMAIN("'limits':{'bu-per-sec':1}"),
		"t.json: domains[0].limits.bu-per-sec: unknown key; did you mean \"bu-per-s\"?" },
};

/* A copy without the terminating zero, with " for '. */
static struct buf json(const char *text)
{
	struct buf b = buf_copy(text, strlen(text));

	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '\'')
			b.p[i] = '"';
	}
	return b;
}

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = json(cases[i].text);
		struct conf *conf = NULL;
		char err[256] = "";
		int ret = conf_parse("t.json", (const char *)b.p, b.n, &conf, err, sizeof(err));

		buf_free(&b);
		if (ret != -EINVAL || strcmp(err, cases[i].message) != 0)
			fail_msg("%s\ngot:    %d \"%s\"\nwanted: \"%s\"", cases[i].text, ret, err,
				cases[i].message);
	}
}

/* What is close to an error and none. */
static void test_fine(void **state)
{
	static const char *const fine[] = {
		"{" PORTS "}",
		NODE("'id':1.0e1"),
		RUNTIME("'pdump':true"),
		RUNTIME("'watchdog-ms':0"),
		RUNTIME("'watchdog-ms':1000"),
		PORT("'addresses':['2001:db8:1::1/128','2001:db8:2::/127','2001:db8:3::3/1']"),
		PORT("'addresses':['2001:db8:1::1/64','2001:db8:1::2/64']"),
		"{'ports':[{'name':'a','device':'net_af_packet0,iface=xy'},"
		"{'name':'b','device':'net_af_packet1,iface=x'}]}",
		TWO("'name':'lan','device':'net_null1','addresses':['2001:db8:1::20/48']"),
		ROUTES("{'prefix':'::/0','via':'fe80::1','port':'lan'}"),
		ROUTES("{'prefix':'2001:db8:1::/48','via':'2001:db8:1::1'}"),
		ROUTES("{'prefix':'2001:db8:1::77/128','via':'2001:db8:1::1'}"),
		HIDING("{'prefix':'2001:db8:a:6::/63'" VIA),
		HIDING("{'prefix':'2001:db8::/32'" VIA),
		HIDING("{'prefix':'2001:db8:a::/47'" VIA),
		DOMAINS(MSP1("") "," MSP("msp2", "2001:db8:b::/48", "2001:db8:b::1", "")),
		DOMAIN("'care-of-allowed':['2001:db8::/32'],'care-of-denied':['::/0']"),
		DOMAIN("'limits':{'max-bindings':16777216}"),
		DOMAIN("'mobile-nodes':[{'home-address':'2001:db8:a::2','prefixes':[],"
		       "'lifetime-max-s':4,'auth':{'type':'none'}}]"),
		SUBS("'default':{}"),
		SUBS("'ranges':[]"),
		SUBS("'file':'/no/such/file.jsonl','default':{'auth':{'type':'mn-ha','spi':256,"
		     "'replay':true},'lifetime-max-s':600}"),
		RANGE("'lifetime-max-s':600,'auth':{'type':'none'}"),
		SUBS("'default':{'auth':{'type':'none'}},'ranges':[{'home-addresses':"
		     "'2001:db8:a:1::/64'},{'home-addresses':'2001:db8:a:1::/80','auth':{}}]"),
	};

	(void)state;
	for (size_t i = 0; i < DIM(fine); i++) {
		struct buf b = json(fine[i]);
		struct conf *conf = NULL;
		char err[256] = "";
		int ret = conf_parse("t.json", (const char *)b.p, b.n, &conf, err, sizeof(err));

		buf_free(&b);
		if (ret != 0)
			fail_msg("%s: %s", fine[i], err);
		conf_free(conf);
	}
}

/* The line is cut to the room there is. */
static void test_short_buffer(void **state)
{
	struct buf b = json("{'prots':[]}");
	struct conf *conf = NULL;

	(void)state;
	for (size_t room = 0; room < 64; room++) {
		struct buf err = { malloc(room > 0 ? room : 1), room };

		assert_int_equal(
			conf_parse("t.json", (const char *)b.p, b.n, &conf, (char *)err.p, err.n),
			-EINVAL);
		if (room > 0)
			assert_int_equal(
				strnlen((const char *)err.p, room), room < 50 ? room - 1 : 49);
		buf_free(&err);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_fine),
		cmocka_unit_test(test_short_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
