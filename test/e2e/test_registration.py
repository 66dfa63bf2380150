# SPDX-License-Identifier: BSD-3-Clause
"""Binding Updates and what hamd answers (RFC 6275, 9.5, 10.3): registration, refresh, move,
de-registration from away and from home, expiry, and each refusal that can be provoked. All that
hamd says is decoded by tshark."""

import time

import pytest
from scapy.layers.inet6 import (IPv6, MIP6MH_BU, MIP6MH_CoTI, MIP6MH_Generic, MIP6MH_HoTI,
                                ICMPv6EchoRequest, MIP6OptNonceIndices, MIP6OptUnknown, Raw)

from lab import mip6
from lab.capture import Capture
from lab.raw import checksum, icmp6, is_icmp6, send_ip6
from lab.shell import until
from lab.world import CN, HA, HAMD, HOA, hoa_of

OTHER_HA, OTHER_HOA = "2001:db8:b::1", "2001:db8:b::100"
DENIED = "2001:db8:12::66"
NONCES = MIP6OptNonceIndices(olen=4, hni=1, coni=2)  # scapy's own length is wrong
LIFETIME_MAX = 1200
MOBILE_NODES = 2
CONFIG = {
    "domain": {"lifetime-max-s": LIFETIME_MAX, "care-of-denied": [DENIED + "/128"],
               "mobile-nodes": [{"home-address": hoa_of(n), "auth": {"type": "none"}}
                                for n in (1, 2, 3)]},
    "domains": [{"name": "other", "mobile-prefixes": ["2001:db8:b::/48"],
                 "home-agent-address": OTHER_HA,
                 "mobile-nodes": [{"home-address": OTHER_HOA, "auth": {"type": "none"}}]}],
}


@pytest.fixture(scope="module", autouse=True)
def everything_decoded(home):
    """tshark finds nothing wrong with any Mobility Header message of hamd's, and each one's
    checksum, which tshark does not look at, is right over the home address."""
    world = home.world
    world.r.ip("-6", "route", "add", "2001:db8:b::/48", "via", HAMD, "dev", "r-ha")
    path = home.lab.dir / "signalling.pcap"
    with Capture(world.r, "r-ha", path, f"ether src {home.hamd.ns.mac('ha-wan')}") as cap:
        yield
    cap.assert_clean("mipv6")


@pytest.fixture(autouse=True)
def unbound(home):
    """Each test begins without bindings."""
    for mn in home.mns:
        mn.link = mn.links["link1"]
    yield
    for hoa in home.ctl.bindings():
        home.ctl("binding", "delete", hoa)


def assert_ba(ba, mn, status, lifetime_s=None, seq=None):
    """The parts that every Binding Acknowledgement to a mobile node away from home has."""
    assert ba is not None, "no Binding Acknowledgement"
    assert ba.status == status
    assert ba.seq == (mn.seq if seq is None else seq)
    assert ba.src == HA and ba.home_address == mn.hoa
    if lifetime_s is not None:
        assert ba.lifetime_s == lifetime_s
    if status >= 128:
        assert ba.lifetime_s == 0


def test_register(home):
    mn = home.mn
    with home.ctl.moves("counters", bu_received=1, bu_registered=1, ba_sent=1):
        ba = mn.update("link1", lifetime_s=600)
    assert_ba(ba, mn, mip6.ACCEPTED, 600)
    assert ba.dst == mn.links["link1"].coa
    assert checksum(HA, HOA, mip6.PROTO_MH, bytes(ba.packet[mip6.MIP6MH_BA])) == 0
    row = home.ctl.binding(HOA)
    assert row["care-of-address"] == mn.links["link1"].coa
    assert row["sequence"] == mn.seq and row["lifetime-s"] == 600
    assert 590 <= row["remaining-s"] <= 600
    assert row["domain"] == "home"


def test_refresh_and_move(home):
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    with home.ctl.moves("counters", bu_refreshed=1):
        assert_ba(mn.update("link1", lifetime_s=300), mn, mip6.ACCEPTED, 300)
    with home.ctl.moves("counters", bu_moved=1):
        ba = mn.update("link2")
    assert_ba(ba, mn, mip6.ACCEPTED)
    assert ba.dst == mn.links["link2"].coa
    assert home.ctl.binding(HOA)["care-of-address"] == mn.links["link2"].coa


def test_lifetime(home):
    """Granted: what was asked, at most the domain's."""
    mn = home.mn
    assert_ba(mn.update("link1", lifetime_s=4), mn, mip6.ACCEPTED, 4)
    assert_ba(mn.update("link1", lifetime_s=LIFETIME_MAX + 4), mn, mip6.ACCEPTED, LIFETIME_MAX)
    assert_ba(mn.update("link1", lifetime_s=0xffff * 4), mn, mip6.ACCEPTED, LIFETIME_MAX)


def test_expiry(home):
    mn = home.mn
    with home.ctl.moves("counters", timeout=8, bindings_expired=1):
        begin = time.monotonic() - 3
        assert_ba(mn.update("link1", lifetime_s=4), mn, mip6.ACCEPTED, 4)
        accepted = time.monotonic() - 3
        home.clocks.later(3)
        until("the binding to expire", lambda: home.ctl.binding(HOA) is None, 8)
        assert 3.5 < time.monotonic() - begin and time.monotonic() - accepted < 6.5
    got, said = home.cn.ping(HOA, count=1)
    assert got == 0 and "Address unreachable" in said, said


def test_deregister_from_away(home):
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    with home.ctl.moves("counters", bu_deregistered=1):
        assert_ba(mn.update("link1", lifetime_s=0), mn, mip6.ACCEPTED, 0)
    assert home.ctl.binding(HOA) is None
    # A delayed Binding Update finds the number remembered; the next one is welcome.
    assert_ba(mn.update("link1", seq=mn.seq - 1), mn, mip6.SEQUENCE_OUT_OF_WINDOW)
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)


def test_deregister_without_alternate_coa(home):
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    assert_ba(mn.update("link1", lifetime_s=0, alt_coa=False), mn, mip6.ACCEPTED, 0)
    assert home.ctl.binding(HOA) is None


def test_deregister_by_care_of_home_address(home):
    """RFC 3963, 6.2: care-of address = home address ends it as well."""
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    assert_ba(mn.update("link1", alt_coa=HOA), mn, mip6.ACCEPTED, 0)
    assert home.ctl.binding(HOA) is None


@pytest.mark.parametrize("lifetime_s", [0, 600])
def test_deregister_from_home(home, lifetime_s):
    """10.3.2: no Home Address option, the home address is the source; no routing header in the
    answer. It comes back to the Ethernet address that asked: the home link is virtual."""
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    mn.seq += 1
    pkt = mip6.binding_update(HOA, HOA, HA, mn.seq, lifetime_s, src=HOA, hao=False,
                              alt_coa=False)
    with home.world.wire() as wire:
        got = wire.ask(pkt, lambda p: mip6.read_ba(p) is not None)
    ba = mip6.read_ba(got)
    assert (ba.status, ba.lifetime_s, ba.seq) == (0, 0, mn.seq & 0xffff)
    assert ba.dst == HOA and ba.home_address is None
    assert home.ctl.binding(HOA) is None


def test_sequence_window(home):
    """9.5.1: newer by 1..32767 is accepted; else 135 with the last accepted number."""
    mn = home.mn
    base = (mn.seq + 1) & 0xffff
    assert_ba(mn.update("link1", seq=base), mn, mip6.ACCEPTED, seq=base)
    for old in (base, base - 1, base + 32768):
        assert_ba(mn.update("link1", seq=old & 0xffff), mn, mip6.SEQUENCE_OUT_OF_WINDOW, seq=base)
    mn.seq = (base + 32767) & 0xffff
    assert_ba(mn.update("link1", seq=mn.seq), mn, mip6.ACCEPTED)
    assert home.ctl.binding(HOA)["sequence"] == mn.seq


def test_refusal_leaves_no_trace(home):
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    before = home.ctl.binding(HOA)
    with home.ctl.moves("counters", bu_refused=1):
        assert_ba(mn.update("link2", flags="AHR", step=100), mn, mip6.MR_OPERATION_NOT_PERMITTED)
    after = home.ctl.binding(HOA)
    for key in ("care-of-address", "sequence", "lifetime-s"):
        assert after[key] == before[key]
    mn.seq -= 100
    assert_ba(mn.update("link2"), mn, mip6.ACCEPTED)


@pytest.mark.parametrize("status,message", [
    pytest.param(mip6.ADMIN_PROHIBITED, {"alt_coa": DENIED}, id="denied care-of address"),
    pytest.param(mip6.ADMIN_PROHIBITED, {"alt_coa": HAMD}, id="care-of address ours"),
    pytest.param(mip6.ADMIN_PROHIBITED, {"alt_coa": HA}, id="care-of address is the agent"),
    pytest.param(mip6.ADMIN_PROHIBITED, {"alt_coa": hoa_of(2)}, id="care-of is a home address"),
    pytest.param(mip6.NOT_HOME_SUBNET, {"hoa": "2001:db8:dead::1"}, id="home address elsewhere"),
    pytest.param(mip6.NOT_HOME_SUBNET, {"hoa": OTHER_HOA}, id="home address of another domain"),
    pytest.param(mip6.NOT_HOME_AGENT_FOR_THIS_MN, {"hoa": "2001:db8:a::999"}, id="not configured"),
    pytest.param(mip6.NOT_HOME_AGENT_FOR_THIS_MN, {"lifetime_s": 0}, id="nothing to end"),
    pytest.param(mip6.MR_OPERATION_NOT_PERMITTED, {"flags": "AHR"}, id="mobile router"),
])
def test_refused(home, status, message):
    mn = home.mn
    with home.ctl.moves("counters", bu_refused=1):
        ba = mn.update("link1", **message)
    assert ba is not None and ba.status == status and ba.lifetime_s == 0
    assert ba.seq == mn.seq and ba.home_address == message.get("hoa", HOA)
    assert ba.dst == mn.links["link1"].coa, "the answer goes to the source, never elsewhere"
    assert not home.ctl.bindings()


def test_refused_by_an_address_that_is_no_home_agent(home):
    mn = home.mn
    ba = mn.update("link1", ha=HAMD)
    assert ba is not None and ba.status == mip6.HOME_REGISTRATION_NOT_SUPPORTED
    assert ba.src == HAMD


def test_other_domain_has_its_own_agent(home):
    mn = home.mn
    ba = mn.update("link1", hoa=OTHER_HOA, ha=OTHER_HA)
    assert ba.status == 0 and ba.src == OTHER_HA
    assert home.ctl.binding(OTHER_HOA)["domain"] == "other"
    assert list(b["home-address"] for b in home.ctl.show("bindings", "--domain", "other")) == [
        OTHER_HOA]


def test_registration_type_change(home):
    mn = home.mn
    assert_ba(mn.update("link1"), mn, mip6.ACCEPTED)
    assert_ba(mn.update("link1", flags="A"), mn, mip6.REGISTRATION_TYPE_CHANGE)
    assert home.ctl.binding(HOA) is not None


@pytest.mark.parametrize("drop,message", [
    pytest.param("bu_no_alt_coa", {"alt_coa": False}, id="no alternate care-of address"),
    pytest.param("bu_coa_invalid", {"alt_coa": "ff0e::1"}, id="care-of multicast"),
    pytest.param("bu_coa_invalid", {"alt_coa": "fe80::1"}, id="care-of link-local"),
    pytest.param("bu_coa_invalid", {"alt_coa": "::"}, id="care-of unspecified"),
    pytest.param("bu_coa_invalid", {"alt_coa": "::1"}, id="care-of loopback"),
    pytest.param("bu_nonce", {"options": [NONCES]}, id="nonces"),
    pytest.param("bu_not_home", {"flags": "A"}, id="no H flag"),
    pytest.param("bu_no_hao", {"hao": False}, id="no home address option"),
])
def test_silence(home, drop, message):
    with home.ctl.moves("drops", **{drop: 1}):
        assert home.mn.update("link1", timeout=0.3, **message) is None
    assert not home.ctl.bindings()


def test_home_address_that_nobody_can_have(home):
    for hoa in ("ff02::1", "fe80::1", "::"):
        before = home.ctl.drops()
        assert home.mn.update("link1", timeout=0.3, hoa=hoa) is None
        after = home.ctl.drops()
        assert sum(after[n] - before[n] for n in ("bu_hoa_invalid", "hao_invalid")) == 1, hoa


def test_link_local_source_is_silent(home):
    """A care-of address that is only valid on a link, without the option."""
    with home.world.wire() as wire:
        pkt = mip6.binding_update(HOA, "fe80::1:1", HA, 1, alt_coa=False)
        assert wire.ask(pkt, lambda p: mip6.read_ba(p) is not None, 0.5) is None
    assert not home.ctl.bindings()


def test_without_a_flag_answered_all_the_same(home):
    """9.5.4: a home registration is always acknowledged."""
    assert_ba(home.mn.update("link1", flags="H"), home.mn, mip6.ACCEPTED)


def test_k_flag_is_not_granted(home):
    """Keys are not negotiated: K is 0 in the answer."""
    ba = home.mn.update("link1", flags="AHK")
    assert ba.flags & 0x80 == 0


def test_l_m_p_are_ignored(home):
    for flags in ("AHL", "AHM", "AHP"):
        assert_ba(home.mn.update("link1", flags=flags), home.mn, mip6.ACCEPTED)


def test_every_update_has_its_own_answer(home):
    """Repeats included: a mobile node ignores an answer that is not to its latest number."""
    mn = home.mn
    wire = mn.wire(mn.links["link1"])
    mn.native(mn.links["link1"])
    wire.flush()
    for n in range(3):
        send_ip6(mn.ns, mip6.binding_update(HOA, mn.links["link1"].coa, HA, mn.seq + 1 + n))
    got = [mip6.read_ba(p) for p in wire.collect(lambda p: mip6.read_ba(p) is not None, 0.7, 3)]
    assert [b.seq for b in got] == [(mn.seq + 1 + n) & 0xffff for n in range(3)]
    assert {b.status for b in got} == {0}
    mn.seq += 3


def test_unknown_options_are_skipped(home):
    opts = [MIP6OptUnknown(otype=200, odata=b"\xff" * 5), MIP6OptUnknown(otype=77, odata=b"")]
    assert_ba(home.mn.update("link1", options=opts), home.mn, mip6.ACCEPTED)


def test_option_past_the_end(home):
    """The message is dropped, nothing is answered (RFC 6275, 6.2.1 leaves it to us)."""
    mn = home.mn
    pkt = mip6.binding_update(HOA, mn.links["link1"].coa, HA, mn.seq + 1)
    mh = bytearray(bytes(pkt[MIP6MH_BU]))
    mh[15] = 200  # the Alternate Care-of Address option's length
    resealed(mh)
    with home.ctl.moves("drops", mh_option=1):
        assert ask_mh(home, bytes(mh), 0.3) is None


def resealed(mh, src=HOA):
    mh[4:6] = b"\0\0"
    mh[4:6] = checksum(src, HA, mip6.PROTO_MH, bytes(mh)).to_bytes(2, "big")
    return mh


def ask_mh(home, mh, timeout=2.0, match=lambda p: True):
    """A Mobility Header as it is, with a Home Address option, from link 1."""
    mn = home.mn
    link = mn.links["link1"]
    mn.native(link)
    pkt = mip6.with_hao(link.coa, HOA, HA) / Raw(mh)
    pkt[mip6.IPv6ExtHdrDestOpt].nh = mip6.PROTO_MH
    wire = mn.wire(link)
    wire.flush()
    send_ip6(mn.ns, pkt)
    interesting = lambda p: (mip6.MIP6MH_BA in p or mip6.MIP6MH_BE in p
                             or (icmp6(p) or (0,))[0] == 4)
    return wire.expect(lambda p: interesting(p) and match(p), timeout)


def good_mh(home):
    home.mn.seq += 1
    return bytearray(bytes(mip6.binding_update(
        HOA, home.mn.links["link1"].coa, HA, home.mn.seq)[MIP6MH_BU]))


def test_checksum_is_verified(home):
    mh = good_mh(home)
    mh[4] ^= 1
    with home.ctl.moves("drops", mh_checksum=1):
        assert ask_mh(home, bytes(mh), 0.3) is None


def test_checksum_counts_the_home_address(home):
    """6.1.1: computed over the care-of address it is wrong."""
    mh = resealed(good_mh(home), home.mn.links["link1"].coa)
    with home.ctl.moves("drops", mh_checksum=1):
        assert ask_mh(home, bytes(mh), 0.3) is None


def test_payload_proto(home):
    """9.2: parameter problem, code 0, at the Payload Proto."""
    mh = good_mh(home)
    mh[0] = 17
    with home.ctl.moves("drops", mh_proto=1):
        got = ask_mh(home, bytes(resealed(mh)))
    assert icmp6(got) == (4, 0, 40 + 24)


def test_header_length_below_the_least(home):
    """9.2: the same at the Header Len."""
    mh = bytearray(b"\x3b\x00\x05\x00\x00\x00\x00\x01")  # a Binding Update of 8 octets
    with home.ctl.moves("drops", mh_length=1):
        got = ask_mh(home, bytes(resealed(mh)))
    assert icmp6(got) == (4, 0, 40 + 24 + 1)


def test_header_length_past_the_packet(home):
    mh = good_mh(home)
    mh[1] = 40
    with home.ctl.moves("drops", mh_truncated=1):
        assert ask_mh(home, bytes(resealed(mh)), 0.3) is None


def test_unknown_type_is_a_binding_error(home):
    """9.2: Binding Error, status 2, with the home address of the Home Address option."""
    mh = bytearray(b"\x3b\x00\x63\x00\x00\x00\x00\x00")
    with home.ctl.moves("counters", be_sent=1):
        got = ask_mh(home, bytes(resealed(mh)))
    assert mip6.read_be(got) == (mip6.BE_UNKNOWN_MH_TYPE, HOA)
    assert got[IPv6].dst == home.mn.links["link1"].coa


def test_unknown_type_without_home_address(home):
    mn, link = home.mn, home.mn.links["link1"]
    mn.native(link)
    pkt = IPv6(src=link.coa, dst=HA) / MIP6MH_Generic(mhtype=99, len=0, msg=b"\0\0")
    wire = mn.wire(link)
    wire.flush()
    send_ip6(mn.ns, pkt)
    got = wire.expect(lambda p: mip6.read_be(p) is not None)
    assert mip6.read_be(got) == (mip6.BE_UNKNOWN_MH_TYPE, "::")


def test_unknown_binding_is_a_binding_error(home):
    """9.3.1: data with a Home Address option of somebody who has no binding. One that is not
    configured is told at once; a configured one may have been bound before hamd's start, and
    is told nothing while such a binding may still run (docs/decisions)."""
    mn, link = home.mn, home.mn.links["link1"]
    mn.native(link)
    wire = mn.wire(link)
    for hoa, told in (("2001:db8:a::999", True), (hoa_of(3), False)):
        wire.flush()
        with home.ctl.moves("drops", hao_no_binding=1):
            send_ip6(mn.ns, mip6.with_hao(link.coa, hoa, HA) / ICMPv6EchoRequest(id=3))
            got = wire.expect(lambda p: mip6.read_be(p) is not None, 2.0 if told else 0.5)
        assert (mip6.read_be(got) == (mip6.BE_UNKNOWN_BINDING, hoa)) if told else got is None


def test_home_address_option_with_a_binding(home):
    """... and of somebody who has one: answered as the home address, with routing header 2."""
    mn, link = home.mn, home.mn.links["link1"]
    mn.update("link1")
    wire = mn.wire(link)
    wire.flush()
    send_ip6(mn.ns, mip6.with_hao(link.coa, HOA, HA) / ICMPv6EchoRequest(id=4, data=b"direct"))
    got = wire.expect(is_icmp6(129))
    assert got is not None and got[IPv6].dst == link.coa
    assert got[mip6.IPv6ExtHdrRouting].type == 2
    assert got[mip6.IPv6ExtHdrRouting].addresses == [HOA]


@pytest.mark.parametrize("message", [MIP6MH_HoTI, MIP6MH_CoTI])
def test_return_routability_to_us(home, message):
    """We are no correspondent: Binding Error, status 2."""
    mn, link = home.mn, home.mn.links["link1"]
    mn.native(link)
    wire = mn.wire(link)
    wire.flush()
    send_ip6(mn.ns, IPv6(src=link.coa, dst=HA) / message())
    got = wire.expect(lambda p: mip6.read_be(p) is not None)
    assert mip6.read_be(got)[0] == mip6.BE_UNKNOWN_MH_TYPE


def test_binding_update_inside_the_old_tunnel(home):
    """A mobile node that moved may send its Binding Update through the tunnel it still has, from
    its new care-of address: judged like any other, while data there is not let through."""
    mn, old, new = home.mn, home.mn.links["link1"], home.mn.links["link2"]
    mn.register("link1")
    mn.seq += 1
    inner = mip6.binding_update(HOA, new.coa, HA, mn.seq)
    mn.native(new)
    wire = mn.wire(new)
    wire.flush()
    send_ip6(mn.ns, IPv6(src=new.coa, dst=HA) / inner)
    ba = mip6.read_ba(wire.expect(lambda p: mip6.read_ba(p) is not None))
    assert (ba.status, ba.seq, ba.dst) == (0, mn.seq & 0xffff, new.coa)
    assert home.ctl.binding(HOA)["care-of-address"] == new.coa
    with home.ctl.moves("drops", decap_wrong_coa=1):
        mn.native(old)
        send_ip6(mn.ns, IPv6(src=old.coa, dst=HA) / IPv6(src=HOA, dst=CN) / ICMPv6EchoRequest())


def test_two_mobile_nodes(home):
    first, second = home.mns
    assert_ba(first.update("link1"), first, mip6.ACCEPTED)
    assert_ba(second.update("link2"), second, mip6.ACCEPTED)
    assert set(home.ctl.bindings()) == {first.hoa, second.hoa}
    assert_ba(first.update("link1", lifetime_s=0), first, mip6.ACCEPTED)
    assert set(home.ctl.bindings()) == {second.hoa}
