# SPDX-License-Identifier: BSD-3-Clause
"""RFC 4285: signed Binding Updates and Acknowledgements, replayed and time-shifted ones. The MACs
are python's, the messages scapy's with the options put in by hand."""

import struct
import subprocess

import pytest
from scapy.layers.inet6 import ICMPv6MPSol, MIP6MH_BA

from lab import mip6
from lab.daemon import HAMD
from lab.mnha import (AUTH_FAIL, ID_MISMATCH, KEY, MAC_LEN, MESG_ID_REQUIRED, NTP_EPOCH, SPI,
                      exchange, mac_of, ntp, signed_bu)
from lab.raw import checksum, send_ip6
from lab.shell import until
from lab.world import HA, HOA, hoa_of

HOA_PLAIN = hoa_of(2)  # without a key
STRANGER = hoa_of(9)
MOBILE_NODES = 2
OLD_S = 4  # what was sent before the start is not taken: let tests send what is some seconds old


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "mn1"
    path.touch(mode=0o600)
    path.write_text(KEY.hex() + "\n")
    return path


@pytest.fixture(scope="module", autouse=True)
def with_key(request, key_file):
    """`home` reads CONFIG after this has run."""
    request.module.CONFIG = {"domain": {"mobile-nodes": [
        {"home-address": HOA, "auth": {"type": "mn-ha", "spi": SPI, "key-file": str(key_file),
                                       "replay": True, "nai": "mn1@example.net"}},
        {"home-address": HOA_PLAIN, "auth": {"type": "none"}}]}}


@pytest.fixture(autouse=True)
def unbound(home):
    for mn in home.mns:
        mn.link = mn.links["link1"]
    yield
    for hoa in home.ctl.bindings():
        home.ctl("binding", "delete", hoa)


def assert_signed(mn, answer, status, seq, stamp=None):
    """The acknowledgement says that, python finds its MAC right, and it ends with it."""
    assert answer is not None, "no Binding Acknowledgement"
    ba, mh = answer
    assert (ba.status, ba.seq, ba.dst, ba.home_address) == (status, seq, mn.coa, HOA)
    assert MIP6MH_BA in ba.packet and len(mh) == 8 * (mh[1] + 1)
    assert checksum(HA, HOA, mip6.PROTO_MH, mh) == 0
    at = len(mh) - MAC_LEN
    assert mh[at - 7:at] == bytes([9, 17, 1]) + struct.pack("!I", SPI)
    assert mh[at:] == mac_of(mn.coa, HOA, mh[:at])
    replay = mh.find(bytes([10, 8]), 12)
    if stamp is None:
        assert replay < 0
    else:
        assert replay % 8 == 2
        assert struct.unpack_from("!Q", mh, replay + 2)[0] == stamp


def assert_clock(mn, answer, seq, stamp):
    """144: the upper half is hamd's time, the lower one the message's."""
    assert answer is not None, "no Binding Acknowledgement"
    got = struct.unpack_from("!Q", answer[1], answer[1].index(bytes([10, 8]), 12) + 2)[0]
    assert got & 0xffffffff == stamp & 0xffffffff
    assert abs((got >> 32) - (ntp() >> 32)) <= 2
    assert_signed(mn, answer, ID_MISMATCH, seq, got)


def test_register_and_leave(home):
    mn, stamp = home.mn, ntp()
    with home.ctl.moves("counters", bu_authenticated=1, bu_registered=1, ba_sent=1):
        answer = exchange(mn, signed_bu(mn, 7, stamp, nai="mn1@example.net"))
    assert_signed(mn, answer, mip6.ACCEPTED, 7, stamp)
    assert home.ctl.binding(HOA)["care-of-address"] == mn.coa
    stamp = ntp()
    assert_signed(mn, exchange(mn, signed_bu(mn, 8, stamp, lifetime_s=0)), mip6.ACCEPTED, 8, stamp)
    assert home.ctl.binding(HOA) is None


def test_prefixes_are_not_told(home):
    """Section 2: nothing protects prefix discovery, so it is not for who has a key."""
    mn, stamp = home.mn, ntp()
    assert_signed(mn, exchange(mn, signed_bu(mn, 12, stamp)), mip6.ACCEPTED, 12, stamp)
    with home.ctl.moves("drops", mps_off=1), home.ctl.moves("counters", mpa_sent=0):
        send_ip6(mn.ns, bytes(mip6.with_hao(mn.coa, HOA, HA) / ICMPv6MPSol(id=1)))


def test_replayed(home):
    """While it is bound, after it is deleted, after its end: the same octets are not taken."""
    mn, stamp = home.mn, ntp()
    pkt = signed_bu(mn, 20, stamp, lifetime_s=4)
    assert_signed(mn, exchange(mn, pkt), mip6.ACCEPTED, 20, stamp)
    with home.ctl.moves("counters", bu_replayed=1, bu_refused=1):
        assert_clock(mn, exchange(mn, pkt), 20, stamp)
    home.clocks.uptime_s += 3.5
    until("the binding to expire", lambda: home.ctl.binding(HOA) is None, 8)
    assert_clock(mn, exchange(mn, pkt), 20, stamp)
    assert home.ctl.binding(HOA) is None
    # A delayed one: a number of its own, but signed before the last one that was accepted.
    assert_clock(mn, exchange(mn, signed_bu(mn, 21, stamp - 1)), 21, stamp - 1)
    assert home.ctl.binding(HOA) is None


@pytest.mark.parametrize("shift_s", [-60, -8, 8, 3600, -NTP_EPOCH])
def test_time_shifted(home, shift_s):
    mn, stamp = home.mn, ntp(shift_s)
    with home.ctl.moves("counters", bu_replayed=1):
        assert_clock(mn, exchange(mn, signed_bu(mn, 30, stamp)), 30, stamp)
    assert home.ctl.binding(HOA) is None


def test_clock_ahead(home):
    """Within the 7 s; then the clock must not go back."""
    mn, stamp = home.mn, ntp(5)
    assert_signed(mn, exchange(mn, signed_bu(mn, 40, stamp)), mip6.ACCEPTED, 40, stamp)
    now = ntp()
    assert_clock(mn, exchange(mn, signed_bu(mn, 41, now)), 41, now)
    stamp += 1
    assert_signed(mn, exchange(mn, signed_bu(mn, 41, stamp)), mip6.ACCEPTED, 41, stamp)


def test_bad_mac(home):
    mn, stamp = home.mn, ntp(6)
    pkt = signed_bu(mn, 50, stamp, key=KEY[::-1])
    with home.ctl.moves("counters", bu_auth_failed=1, bu_authenticated=0):
        assert_signed(mn, exchange(mn, pkt), AUTH_FAIL, 50, stamp)
    assert home.ctl.binding(HOA) is None


def test_timestamp_missing(home):
    mn = home.mn
    assert_signed(mn, exchange(mn, signed_bu(mn, 60)), MESG_ID_REQUIRED, 60)
    assert home.ctl.binding(HOA) is None


@pytest.mark.parametrize("reason, hoa, message", [
    ("bu_auth_missing", HOA, None),
    ("bu_auth_unknown", HOA, {"spi": SPI + 1}),
    ("bu_auth_unknown", HOA_PLAIN, {}),
    ("bu_auth_unknown", STRANGER, {}),
    ("bu_auth_unknown", STRANGER, None),
    ("bu_auth_identity", HOA, {"nai": "mn2@example.net"}),
])
def test_silent(home, reason, hoa, message):
    """Who has no key learns nothing, not even which home addresses there are."""
    mn = home.mn
    if message is None:
        pkt = bytes(mip6.binding_update(hoa, mn.coa, HA, 70))
    else:
        pkt = signed_bu(mn, 70, ntp(), hoa=hoa, **message)
    with home.ctl.moves("drops", **{reason: 1}), home.ctl.moves("counters", ba_sent=0):
        assert exchange(mn, pkt, timeout=0.5) is None
    assert home.ctl.bindings() == {}


def test_without_a_key(home):
    """The other mobile node of the domain is served as ever, and its answer is not signed."""
    mn = home.mns[1]
    ba = mn.update("link1")
    assert ba.status == mip6.ACCEPTED
    assert len(bytes(ba.packet[MIP6MH_BA])) == 16


def test_key_is_not_shown(home, key_file):
    shown = home.ctl.run("show", "config").stdout
    assert str(key_file) in shown
    assert KEY.hex() not in shown
    assert KEY.hex() not in "\n".join(home.hamd.lines)


def test_key_file_of_all(home, key_file):
    """A key that others may read stops the start, with the path."""
    key_file.chmod(0o644)
    try:
        done = subprocess.run([HAMD, "-t", "-c", home.hamd.path], capture_output=True, text=True,
                              timeout=10)
    finally:
        key_file.chmod(0o600)
    assert done.returncode != 0
    assert f"{key_file}: is open to others (mode 0644)" in done.stderr
