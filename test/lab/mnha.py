# SPDX-License-Identifier: BSD-3-Clause
"""Binding Updates with the MN-HA authentication option of RFC 4285. The MACs are python's, the
messages scapy's with the options put in by hand."""

import hashlib
import hmac
import ipaddress
import struct
import time

from scapy.layers.inet6 import IPv6

from . import mip6
from .raw import checksum, send_ip6
from .world import HA, HOA

SPI, KEY = 0x01020304, bytes(range(100, 116))
NTP_EPOCH = 2208988800
MH_OFF = 40 + 24  # IPv6, Destination Options with the home address
MAC_LEN = 12
ID_MISMATCH, MESG_ID_REQUIRED, AUTH_FAIL = 144, 145, 146


def ntp(shift_s=0.0):
    return int((time.time() + shift_s + NTP_EPOCH) * (1 << 32)) & (1 << 64) - 1


def packed(address):
    return ipaddress.IPv6Address(address).packed


def mac_of(coa, hoa, covered, key=KEY):
    data = packed(coa) + packed(hoa) + covered[:4] + b"\0\0" + covered[6:]
    return hmac.new(key, data, hashlib.sha1).digest()[:MAC_LEN]


def pad_to(mh, align, at):
    n = (at - len(mh)) % align
    return mh + (b"\0" if n == 1 else bytes([1, n - 2]) + bytes(n - 2) if n else b"")


def signed_bu(mn, seq, stamp=None, spi=SPI, key=KEY, nai=None, hoa=HOA, lifetime_s=600, ha=HA):
    """The octets of a Binding Update with these options behind scapy's."""
    pkt = bytes(mip6.binding_update(hoa, mn.coa, ha, seq, lifetime_s))
    mh = pkt[MH_OFF:]
    if nai is not None:
        mh += bytes([8, 1 + len(nai), 1]) + nai.encode()
    if stamp is not None:
        mh = pad_to(mh, 8, 2) + bytes([10, 8]) + struct.pack("!Q", stamp)
    mh = pad_to(mh, 8, 5) + bytes([9, 17, 1]) + struct.pack("!I", spi)
    total = len(mh) + MAC_LEN
    assert total % 8 == 0
    mh = mh[:1] + bytes([total // 8 - 1]) + mh[2:]
    mh += mac_of(mn.coa, hoa, mh, key)
    mh = mh[:4] + b"\0\0" + mh[6:]
    mh = mh[:4] + struct.pack("!H", checksum(hoa, ha, mip6.PROTO_MH, mh)) + mh[6:]
    return pkt[:4] + struct.pack("!H", MH_OFF - 40 + total) + pkt[6:MH_OFF] + mh


def exchange(mn, pkt, timeout=3.0):
    """Send these octets; (BindingAck, octets of the Mobility Header) or None."""
    mn.native(mn.link)
    wire = mn.wire(mn.link)
    wire.flush()
    send_ip6(mn.ns, pkt)
    got = wire.expect(lambda p: mip6.read_ba(p) is not None, timeout,
                      first=(mip6.PROTO_ROUTING, mip6.PROTO_MH))
    if got is None:
        return None
    return mip6.read_ba(got), bytes(got[IPv6])[40 + 24:]
