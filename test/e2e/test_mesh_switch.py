# SPDX-License-Identifier: BSD-3-Clause
"""Home Agent Switch (RFC 5142): a mobile node with a key is told to register with another site, by
its own that drains, and by the one that took over from a site that is gone for good. The messages
are read by hand, their MACs python's; tshark reads the addresses, too (4.0 looks for the options
where the addresses are)."""

import ipaddress
import struct
from dataclasses import dataclass

import pytest
from scapy.layers.inet6 import MIP6MH_BE, IPv6

from lab import mip6
from lab.mesh import MeshWorld, agent_address
from lab.mnha import KEY, MAC_LEN, SPI, exchange, mac_of, ntp, signed_bu
from lab.raw import checksum, send_ip6
from lab.shell import until
from lab.world import HOA

MH_SWITCH = 12
LIMITS = {"home-agent-switch-per-s": 100}


@pytest.fixture(scope="module")
def pair(lab, daemon):
    key = lab.dir / "mn.key"
    key.touch(mode=0o600)
    key.write_text(KEY.hex() + "\n")
    domain = {"home-agent-switch": True, "limits": LIMITS, "join-timeout-ms": 500,
              "drain-wait-ms": 60000,
              "mobile-nodes": [{"home-address": HOA, "auth": {
                  "type": "mn-ha", "spi": SPI, "key-file": str(key), "replay": True}}]}
    world = MeshWorld(lab, sites=2, delay_ms=2.0)
    for k, site in world.sites.items():
        site.settings = world.config(k, domain=domain, store={"path": str(lab.dir / f"store{k}")})
        site.hamd = daemon(site.ns, site.settings, site.name)
        site.hamd.start(ready=False)
    for site in world.sites.values():
        site.hamd.wait_log(site.hamd.READY, 30)
    world.gate.wait(site1=True, site2=True)
    world.mn.link = world.mn.links["site1"]
    yield world
    assert world.mn.counter("stray") == 0, "a tunnel packet from someone else's address"
    assert world[2].hamd.stop() == 0


@dataclass
class Switch:
    """As it was on the wire, its MAC and checksum found to be right."""

    src: str
    dst: str
    agents: list
    stamp: int


def read_switch(pkt, coa, hoa):
    """By hand: routing header type 2, then the message, its options the last three."""
    data = bytes(pkt[IPv6])
    assert data[6] == mip6.PROTO_ROUTING and data[40:44] == bytes([mip6.PROTO_MH, 2, 2, 1])
    assert data[48:64] == ipaddress.IPv6Address(hoa).packed
    mh = data[64:64 + 8 * (data[65] + 1)]
    assert checksum(pkt[IPv6].src, hoa, mip6.PROTO_MH, mh) == 0
    at = 8 + 16 * mh[6]
    agents = [str(ipaddress.IPv6Address(mh[i:i + 16])) for i in range(8, at, 16)]
    assert mh[at:at + 4] == bytes([1, 0, 10, 8]), "the replay protection option (RFC 4285, 6)"
    assert mh[at + 12:at + 20] == bytes([0, 9, 17, 1]) + struct.pack("!I", SPI)
    assert len(mh) == at + 20 + MAC_LEN and mh[-MAC_LEN:] == mac_of(coa, hoa, mh[:-MAC_LEN])
    return Switch(pkt[IPv6].src, pkt[IPv6].dst, agents, int.from_bytes(mh[at + 4:at + 12], "big"))


def expect_switch(mn, timeout=20.0):
    def is_switch(pkt):
        data = bytes(pkt[IPv6])
        return len(data) > 66 and data[40] == mip6.PROTO_MH and data[66] == MH_SWITCH

    pkt = mn.wire(mn.link).expect(is_switch, timeout, first=(mip6.PROTO_ROUTING,))
    assert pkt is not None, "no Home Agent Switch"
    return read_switch(pkt, mn.coa, HOA)


def register(mn, k):
    """With site k's address; repeated, as mobile nodes do."""
    mn.use_agent(agent_address(k))
    for _ in range(4):
        mn.seq += 1
        got = exchange(mn, signed_bu(mn, mn.seq & 0xffff, ntp(), ha=mn.ha))
        if got is not None:
            break
    assert got is not None and got[0].status == 0 and got[0].src == mn.ha


def counters(site):
    return {name.removeprefix("home_agent_switch_"): n for name, n in site.ctl.counters().items()
            if name.startswith("home_agent_switch_") and n > 0}


def told(site):
    return site.ctl.show("domains")[0]["home-agent-switch"]


def test_drain(pair, capture):
    """It arrives at the care-of address; the mobile node does as it was told; nothing is repeated,
    and the drain, which waited for that, is over."""
    mn, one = pair.mn, pair[1]
    register(mn, 1)
    mn.wire(mn.link).flush()
    cap = capture(mn.ns, mn.link.dev, "ip6")
    # ready is not known to be before all digests are compared
    until("it drains", lambda: one.ctl.run("drain").returncode == 0, 20)
    drain = one.ctl.start("drain", "--wait")
    said = expect_switch(mn)
    assert (said.src, said.dst, said.agents) == (agent_address(1), mn.coa, [agent_address(2)])
    assert abs(said.stamp - ntp()) >> 32 < 60
    assert told(one)["waiting"] == 1 and len(told(one)["sites"]) == 1
    register(mn, 2)
    until("answered", lambda: counters(one).get("answered") == 1, 10)
    sent = counters(one)["sent"]
    out, err = drain.communicate(timeout=30)
    assert drain.returncode == 0, out + err
    assert counters(one) == {"sent": sent, "answered": 1} and not counters(pair[2])
    assert told(one) == {"sites": [], "all-told": True, "waiting": 0}
    for site in (one, pair[2]):
        assert site.ctl.binding(HOA)["home-agent-address"] == agent_address(2)
    cap.stop()
    switch = f"mip6.mhtype == {MH_SWITCH}"
    assert cap.fields(switch, "ipv6.src", "mip6.has.num_addrs", "mip6.has.address") == sent * [
        (agent_address(1), "1", agent_address(2))]
    one.ctl("undrain")
    pair.gate.wait(site1=True)


def test_retired(pair):
    """Who took over tells, from its own address. The mobile node says that it does not know the
    message, and is served from the address that it knows."""
    mn, two = pair.mn, pair[2]
    register(mn, 1)
    pair.until_known(2, mn)
    until("that address", lambda: (
        two.ctl.binding(HOA)["home-agent-address"] == agent_address(1)), 10)
    assert two.hamd.stop() == 0
    pair[1].hamd.kill9()
    mn.wire(mn.link).flush()
    two.settings["mesh"]["peers"][0]["retired"] = True
    pair.start(2, two.settings)
    said = expect_switch(mn)
    assert (said.src, said.dst, said.agents) == (agent_address(2), mn.coa, [agent_address(2)])
    pair.gate.wait(20, site2=True)
    mn.native(mn.link, agent_address(2))
    send_ip6(mn.ns, mip6.with_hao(mn.coa, HOA, agent_address(2))
             / MIP6MH_BE(status=mip6.BE_UNKNOWN_MH_TYPE, ha="::"))
    until("understood", lambda: counters(two).get("unknown") == 1, 10)
    assert told(two) == {"sites": ["site1"], "all-told": True, "waiting": 0}
    register(mn, 1)
