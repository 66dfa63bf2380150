# SPDX-License-Identifier: BSD-3-Clause
"""TCP through the tunnel where Packet Too Big does not get through: what a SYN announces is
lowered on its way in and out ("tcp-mss-clamp"), so that no segment is too big in the first place.
Both ends announce 1440, the tunnel takes 1400."""

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from lab import raw
from lab.raw import Wire, send_ip6
from lab.transfer import Transfer
from lab.world import CN, HA, HOA

ANNOUNCED, FITS = 1440, 1400

DEAF = """
table ip6 deaf {
	counter too_big { }
	chain in {
		type filter hook prerouting priority -400
		icmpv6 type packet-too-big counter name too_big drop
	}
}
"""


@pytest.fixture(autouse=True, scope="module")
def deaf(home):
    """Neither end hears Packet Too Big, and the mobile node's kernel believes in a whole MTU."""
    home.cn.nft(DEAF)
    home.mn.ns.nft(DEAF)
    home.mn.register("link1")
    home.mn.attach("link1", advmss=ANNOUNCED)


def mss_of(cap, show):
    return set(cap.fields(f"tcp.flags.syn == 1 && {show}", "tcp.options.mss_val"))


@pytest.mark.parametrize("direction", ["to", "from"])
def test_transfer_without_packet_too_big(home, capture, direction):
    """Whoever calls: both SYNs arrive lowered, as they were sent on the side of their sender, and
    all octets arrive with nothing too big."""
    mn, cn = (home.mn.ns, HOA), (home.cn, CN)
    at_cn = capture(home.cn, "cn-r", "ip6")
    at_mn = capture(home.mn.ns, home.mn.link.dev, "ip6")
    with home.ctl.moves("counters", tcp_mss_clamped=2), \
            home.ctl.moves("drops", encap_too_big=0):
        Transfer(*(cn + mn if direction == "to" else mn + cn), size=8 << 20).join()
    at_cn.stop()
    at_mn.stop()
    assert mss_of(at_cn, f"ipv6.src == {CN}") == {(str(ANNOUNCED),)}
    assert mss_of(at_cn, f"ipv6.src == {HOA}") == {(str(FITS),)}
    assert mss_of(at_mn, f"ipv6.src == {CN}") == {(str(FITS),)}
    assert mss_of(at_mn, f"ipv6.src == {HOA}") == {(str(ANNOUNCED),)}
    for ns in (home.cn, home.mn.ns):
        assert ns.nft_packets("deaf", "too_big") == 0


def syn(src, dst, options, flags="S", port=6000):
    """Whole, its checksum filled in."""
    return IPv6(bytes(IPv6(src=src, dst=dst) / TCP(sport=port, dport=9, flags=flags, seq=77,
                                                   options=options)))


def through(home, pkt, way):
    """The packet's inner octets from the IPv6 header on, when it has passed the tunnel."""
    mn = home.mn
    if way == "to":
        wire, tell = mn.wire(mn.link), lambda: send_ip6(home.cn, pkt)
    else:
        wire, tell = Wire(home.cn, "cn-r"), lambda: send_ip6(
            mn.ns, IPv6(src=mn.coa, dst=HA) / pkt)
    wire.flush()
    tell()
    port = bytes(pkt)[40:44]
    got = wire.expect(lambda p: port in bytes(p)[:120] and p[IPv6].nh in (6, 41))
    if way == "from":
        wire.close()
    assert got is not None
    octets = bytes(got[IPv6])
    return octets[40:] if octets[6] == 41 else octets


@pytest.mark.parametrize("way", ["to", "from"])
@pytest.mark.parametrize("name,options,flags,after", [
    ("lowered", [("MSS", 1440)], "S", [("MSS", 1400)]),
    ("answer", [("MSS", 8960)], "SA", [("MSS", 1400)]),
    ("odd", [("NOP", None), ("MSS", 1440)], "S", [("NOP", None), ("MSS", 1400)]),
    ("never-raised", [("MSS", 1220)], "S", None),
    ("absent", [("SAckOK", b"")], "S", None),
    ("no-syn", [("MSS", 1440)], "A", None),
])
def test_on_the_wire(home, way, name, options, flags, after):
    """One SYN each, and its checksum by another hand."""
    ends = (CN, HOA) if way == "to" else (HOA, CN)
    port = 6000 + sum(name.encode()) % 1000
    got = through(home, syn(*ends, options, flags, port), way)
    want = bytes(syn(*ends, after or options, flags, port))
    assert got[40:] == want[40:]
    assert raw.checksum(*ends, 6, got[40:]) == 0
