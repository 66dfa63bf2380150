# SPDX-License-Identifier: BSD-3-Clause
"""The home agent's data path by the kernel and without signalling: routes with seg6 in both
directions. It stands in for hamd where the mobile node and the lab themselves are on trial."""

RULES = """
table ip6 ha {{
	chain in {{
		type filter hook prerouting priority -300
		meta l4proto 41 ip6 daddr {ha} meta mark set 41
	}}
}}
"""


class KernelHomeAgent:
    def __init__(self, ns, dev, address, router, ha):
        self.ns, self.dev, self.ha = ns, dev, ha
        # The interface was silenced for hamd.
        ns.sysctl(**{f"net__ipv6__conf__{dev}__disable_ipv6": 0})
        ns.ip("link", "set", dev, "addrgenmode", "eui64", "down")
        ns.ip("link", "set", dev, "up")
        ns.sysctl(net__ipv6__conf__all__forwarding=1, net__ipv6__conf__all__seg6_enabled=1,
                  **{f"net__ipv6__conf__{dev}__seg6_enabled": 1})
        ns.ip("addr", "add", f"{address}/64", "dev", dev, "nodad")
        ns.ip("addr", "add", f"{ha}/128", "dev", "lo", "nodad")
        ns.ip("-6", "route", "add", "default", "via", router, "dev", dev)
        ns.ip("sr", "tunsrc", "set", ha)
        ns.nft(RULES.format(ha=ha))
        ns.ip("-6", "rule", "add", "pref", 5, "fwmark", 41, "lookup", 41)
        ns.ip("-6", "rule", "add", "pref", 10, "lookup", "local")
        ns.ip("-6", "rule", "del", "pref", 0)
        ns.ip("-6", "route", "add", f"{ha}/128", "encap", "seg6local", "action", "End.DT6",
              "table", 254, "dev", dev, "table", 41)

    def bind(self, hoa, coa):
        self.ns.ip("-6", "route", "replace", f"{hoa}/128", "encap", "seg6", "mode", "encap.red",
                   "segs", coa, "dev", self.dev)
