# SPDX-License-Identifier: BSD-3-Clause
"""Two sites of a mesh on one link, each hamd with an interface of its own:

     2001:db8:1::a (paris, node 1) pa-wan ---- to-wan 2001:db8:1::b (tokyo, node 2)
"""

import subprocess

from .daemon import HAMCTL, runtime
from .shell import LabError

PORT = 4750
SITES = ("paris", "tokyo")
ADDRESS = {"paris": "2001:db8:1::a", "tokyo": "2001:db8:1::b"}
AGENT = {"paris": "2001:db8:a::1", "tokyo": "2001:db8:a::2"}
DEV = {"paris": "pa-wan", "tokyo": "to-wan"}
NODE = {"paris": 1, "tokyo": 2}


def other(site):
    return SITES[1 - SITES.index(site)]


def make_key(path):
    """A private key file; its public key."""
    done = subprocess.run([HAMCTL, "genkey", path], capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"hamctl genkey: {done.stderr.strip()}")
    return done.stdout.strip()


class Pair:
    """The link, and a key for each site."""

    def __init__(self, lab):
        self.lab = lab
        self.ns = {site: lab.ns(site) for site in SITES}
        lab.link(self.ns["paris"], DEV["paris"], self.ns["tokyo"], DEV["tokyo"])
        for site in SITES:
            lab.silence(self.ns[site], DEV[site])
        self.keys = {site: lab.dir / f"{site}.key" for site in SITES}
        self.public = {site: make_key(self.keys[site]) for site in SITES}

    def config(self, site, mesh=None, peer=None, domain=None, **sections):
        """mesh, peer, domain: changes to those sections; sections: "runtime", ... as a whole."""
        far = other(site)
        return {
            "node": {"id": NODE[site], "roles": ["ha"]},
            "runtime": runtime(),
            "ports": [{"name": "wan", "device": f"net_af_packet0,iface={DEV[site]}",
                       "addresses": [f"{ADDRESS[site]}/64"], "dad": False}],
            "mesh": {"site-address": ADDRESS[site], "private-key-file": str(self.keys[site]),
                     "peers": [{"id": NODE[far], "name": far, "address": ADDRESS[far],
                                "public-key": self.public[far], **(peer or {})}],
                     **(mesh or {})},
            "domains": [{"name": "msp1", "mobile-prefixes": ["2001:db8:a::/48"],
                         "home-agent-address": AGENT[site],
                         "peers": [{"name": far, "home-agent-address": AGENT[far]}],
                         "mobile-nodes": [{"home-address": "2001:db8:a::100",
                                           "auth": {"type": "none"}}],
                         **(domain or {})}],
            **sections,
        }
