# SPDX-License-Identifier: BSD-3-Clause
"""Frames in and out of an interface, as they are: whatever a test wants to say to hamd, and
what hamd says, past the kernel's protocols."""

import contextlib
import select
import socket
import struct
import time

from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

ETH_P_ALL, ETH_P_IPV6 = 3, 0x86dd
SO_RCVBUFFORCE = 33
AFTERWARDS_S = 0.2


class Wire:
    """A packet socket on one interface of a namespace. Receives what came in over the link,
    not what this machine sent."""

    def __init__(self, ns, dev, peer=None):
        """peer: the Ethernet address that tell() and ask() send to."""
        self.ns, self.dev, self.peer = ns, dev, peer
        self.mac = ns.mac(dev)
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.sock.bind((dev, ETH_P_ALL))

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, frame):
        self.sock.send(bytes(frame))

    def frames(self, timeout):
        """Raw frames as they come, for `timeout` seconds."""
        end = time.monotonic() + timeout
        return self._frames_until(lambda: end)

    def _frames_until(self, end):
        while True:
            left = end() - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return
            frame, where = self.sock.recvfrom(65535)
            if where[2] != socket.PACKET_OUTGOING:
                yield frame

    def expect(self, match, timeout=3.0, first=None):
        """The first packet that match(packet) accepts, as scapy sees it; None: none came. first:
        next header values of the IPv6 header that are worth scapy's time."""
        for frame in self.frames(timeout):
            if first is not None and frame[20:21] and frame[20] not in first:
                continue
            pkt = Ether(frame)
            if IPv6 in pkt and match(pkt):
                return pkt
        return None

    def collect(self, match, timeout, count=None):
        """All that match within `timeout` seconds; when `count` are there, no longer than it takes
        for one more that should not have come."""
        got, end = [], time.monotonic() + timeout
        for frame in self._frames_until(lambda: end):
            pkt = Ether(frame)
            if IPv6 in pkt and match(pkt):
                got.append(pkt)
                if len(got) == count:
                    end = min(end, time.monotonic() + AFTERWARDS_S)
        return got

    def flush(self):
        """Forget what has come in until now."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recv(1, socket.MSG_DONTWAIT)

    def tell(self, pkt):
        """An IPv6 packet (scapy's, or octets) to the peer."""
        self.send(bytes(Ether(src=self.mac, dst=self.peer, type=ETH_P_IPV6)) + bytes(pkt))

    def ask(self, pkt, match, timeout=3.0):
        """The answer to an IPv6 packet, None: none came."""
        self.flush()
        self.tell(pkt)
        return self.expect(match, timeout)


def icmp6(pkt):
    """(type, code, 32-bit argument) of an ICMPv6 message, None for anything else."""
    ip = pkt[IPv6]
    data, proto = bytes(ip.payload), ip.nh
    while proto in (0, 43, 60) and len(data) >= 8:
        proto, data = data[0], data[8 * (data[1] + 1):]
    if proto != 58 or len(data) < 8:
        return None
    return data[0], data[1], int.from_bytes(data[4:8], "big")


def is_icmp6(kind, code=0):
    """For expect() and ask()."""
    return lambda pkt: (icmp6(pkt) or (0, 0))[:2] == (kind, code)


def send_ip6(ns, pkt):
    """A complete IPv6 packet by way of the namespace's own routes and neighbours."""
    data = bytes(pkt)
    dst = socket.inet_ntop(socket.AF_INET6, data[24:40])
    with ns.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(data, (dst, 0))


def fragments(pkt, *ends, head=40, ident=1):
    """The packet (octets) in fragments whose data end at these offsets behind `head`, and a last
    one with the rest (RFC 8200, 4.5)."""
    nh, at = 6, 40
    while at < head:
        nh, at = at, at + 8 * (pkt[at + 1] + 1)
    out, start = [], 0
    for end in (*ends, len(pkt) - head):
        more = head + end < len(pkt)
        data = pkt[head + start:head + end]
        ip = pkt[:4] + struct.pack("!H", head - 40 + 8 + len(data)) + pkt[6:head]
        ip = ip[:nh] + b"\x2c" + ip[nh + 1:]
        out.append(ip + struct.pack("!BBHI", pkt[nh], 0, start | more, ident) + data)
        start = end
    return out


def checksum(src, dst, next_header, upper):
    """The Internet checksum over pseudo-header and upper layer (RFC 8200, 8.1); 0 when the
    checksum inside `upper` is right. Written apart from scapy's, to judge it."""
    data = (socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst)
            + struct.pack("!IHBB", len(upper), 0, 0, next_header) + upper)
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
