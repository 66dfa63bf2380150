# SPDX-License-Identifier: BSD-3-Clause
"""Captures and single frames, with nothing but the standard library."""

import ipaddress
import struct

CAPTURE_PACKETS = 4096  # more slow net_pcap down, and l3fwd refuses them
ETHER = 14
IP6 = 40
DST_AT = ETHER + 24  # of a packet's destination, in the frame
SRC_AT = ETHER + 8
INNER_SRC_AT = ETHER + IP6 + 8

UDP, IP6_IN_IP6, ICMP6, DEST_OPTIONS, MOBILITY = 17, 41, 58, 60, 135
BINDING_UPDATE, FLAGS_A_H = 5, 0xc000


def address(text):
    return ipaddress.IPv6Address(text).packed


def checksum(src, dst, proto, data):
    data = src + dst + struct.pack("!II", len(data), proto) + data
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip6(src, dst, proto, payload, hop_limit=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, hop_limit) + src + dst + payload


def ether(dst_mac, payload):
    return dst_mac + bytes.fromhex("020000000099") + b"\x86\xdd" + payload


def plain(n, dst_mac, src, dst, octets):
    """UDP from flow n; octets: the frame's, without checksum. The random source rewrites the
    destination, so the UDP checksum is of no use and left alone."""
    udp = struct.pack("!HHHH", 1024 + n % 60000, 9, octets - ETHER - IP6, 1)
    data = udp.ljust(octets - ETHER - IP6, b"\x55")
    return ether(dst_mac, ip6(address(src), address(dst), UDP, data))


def tunnelled(n, dst_mac, coa, ha, hoa, dst, octets):
    """The same out of a mobile node's tunnel; octets: of the frame without the tunnel's header,
    so that sizes compare with those of plain()."""
    inner = plain(n, dst_mac, hoa, dst, octets)[ETHER:]
    return ether(dst_mac, ip6(address(coa), address(ha), IP6_IN_IP6, inner))


def advertisement(router, router_mac, to, dst_mac=bytes(6)):
    """A solicited Neighbour Advertisement (RFC 4861, 4.4); where scripts/bench/rnd sends it, it
    puts the port's own MAC in."""
    src, dst = address(router), address(to)
    body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + src + b"\x02\x01" + router_mac
    body = body[:2] + struct.pack("!H", checksum(src, dst, ICMP6, body)) + body[4:]
    return ether(dst_mac, ip6(src, dst, ICMP6, body, 255))


def binding_update(dst_mac, coa, ha, hoa, sequence, lifetime_s):
    """A home registration from away (RFC 6275, 6.1.7) with the Home Address and the alternate
    care-of address option; the checksum is over the home address (6.1.1)."""
    coa, ha, hoa = map(address, (coa, ha, hoa))
    body = struct.pack("!BBBBHHHH", 59, 3, BINDING_UPDATE, 0, 0, sequence, FLAGS_A_H,
                       lifetime_s // 4) + b"\x01\x00\x03\x10" + coa
    body = body[:4] + struct.pack("!H", checksum(hoa, ha, MOBILITY, body)) + body[6:]
    options = struct.pack("!BBBBBB", MOBILITY, 2, 1, 2, 0, 0) + b"\xc9\x10" + hoa
    return ether(dst_mac, ip6(coa, ha, DEST_OPTIONS, options + body))


def write_capture(path, make, count=CAPTURE_PACKETS):
    """make(n) -> frame."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n in range(count):
            frame = make(n)
            f.write(struct.pack("<IIII", 0, n, len(frame), len(frame)) + frame)
    return path
