# SPDX-License-Identifier: BSD-3-Clause
"""Mobile IPv6 messages, by scapy's own layers (RFC 6275, 6.1)."""

from dataclasses import dataclass

from scapy.layers.inet6 import (HAO, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BA,
                                MIP6MH_BE, MIP6MH_BU, MIP6MH_HoTI, MIP6OptAltCoA,
                                MIP6OptBRAdvice)

PROTO_IPV6, PROTO_ROUTING, PROTO_ICMP6, PROTO_DSTOPT, PROTO_MH = 41, 43, 58, 60, 135

ACCEPTED = 0
ADMIN_PROHIBITED = 129
INSUFFICIENT_RESOURCES = 130
HOME_REGISTRATION_NOT_SUPPORTED = 131
NOT_HOME_SUBNET = 132
NOT_HOME_AGENT_FOR_THIS_MN = 133
SEQUENCE_OUT_OF_WINDOW = 135
REGISTRATION_TYPE_CHANGE = 139
MR_OPERATION_NOT_PERMITTED = 140

BE_UNKNOWN_BINDING = 1
BE_UNKNOWN_MH_TYPE = 2


def binding_update(hoa, coa, ha, seq, lifetime_s=600, flags="AHK", alt_coa=True, hao=True,
                   src=None, options=()):
    """A home registration from away. alt_coa: True = the care-of address, False = no option,
    else an address of its own. hao=False leaves the Home Address option out. Scapy computes
    padding and the checksum (over the home address, 6.1.1) when the packet is built."""
    opts = list(options)
    if alt_coa:
        opts.append(MIP6OptAltCoA(acoa=coa if alt_coa is True else alt_coa))
    mh = MIP6MH_BU(seq=seq & 0xffff, flags=flags, mhtime=lifetime_s // 4, options=opts)
    ip = IPv6(src=src or coa, dst=ha)
    return ip / IPv6ExtHdrDestOpt(options=[HAO(hoa=hoa)]) / mh if hao else ip / mh


def with_hao(coa, hoa, dst):
    """The headers in front of something that a mobile node sends from away past the tunnel."""
    return IPv6(src=coa, dst=dst) / IPv6ExtHdrDestOpt(options=[HAO(hoa=hoa)])


def home_test_init(hoa, cn, cookie=b"\1\2\3\4\5\6\7\x08"):
    return IPv6(src=hoa, dst=cn) / MIP6MH_HoTI(cookie=cookie)


@dataclass
class BindingAck:
    """A Binding Acknowledgement as it was on the wire."""

    status: int
    seq: int
    lifetime_s: int
    flags: int
    src: str
    dst: str
    home_address: str | None  # of the routing header type 2; None: there was none
    packet: object


def read_ba(pkt):
    """BindingAck of a packet, None when it is something else."""
    if MIP6MH_BA not in pkt:
        return None
    ba, ip = pkt[MIP6MH_BA], pkt[IPv6]
    rh = pkt.getlayer(IPv6ExtHdrRouting)
    home = rh.addresses[0] if rh is not None and rh.type == 2 and rh.addresses else None
    return BindingAck(ba.status, ba.seq, ba.mhtime * 4, int(ba.flags), ip.src, ip.dst, home, pkt)


def refresh_advice_s(ba):
    """What its Binding Refresh Advice says (RFC 6275, 6.2.4), None without one."""
    option = ba.packet.getlayer(MIP6OptBRAdvice)
    return option.rinter * 4 if option is not None else None


def read_be(pkt):
    """(status, home address) of a Binding Error, else None."""
    if MIP6MH_BE not in pkt:
        return None
    be = pkt[MIP6MH_BE]
    return be.status, be.ha
