# SPDX-License-Identifier: BSD-3-Clause
"""What a row runs on: mobile nodes, their packets, hamd's configuration, the peer's routes.

Mobile nodes are numbered (rnd/frame.h); home addresses lie in 2^SUBNET_BITS subnets of one /48,
care-of addresses in as many of another. The home agent address lies in the first of them."""

import ipaddress
import secrets
import subprocess
from pathlib import Path

import packets
from programs import Hamd, L3fwd, Secgw, Site, Testpmd

SUBNET_BITS = 6  # the peer has one route for each: 64
HOME, CARE_OF, HA = "2001:db8:a::", "2001:db8:c::", "2001:db8:a::1"
PORT, ROUTER, CORRESPONDENT = "2001:db8:1::10", "2001:db8:1::1", "2001:db8:99::1"
SIGNALLING_PORT = "2001:db8:2::10"

DATA_DEVICE, QUIET_DEVICE, SIGNALLING_DEVICE = "net_pcap0", "net_null0", "net_null1"
PCAP_MAC = bytes.fromhex("027063617000")  # what net_pcap gives its first port
ROUTER_MAC = bytes.fromhex("020000000099")

MTU = 1600  # a frame of 1514 octets goes into a tunnel
LIFETIME_S = 60000
IMIX = {78: 28, 570: 16, 1514: 4}  # octets without the checksum, and how many of them
SPI = 256
SLEEP_US = 50  # of hamd's idle cores: on a virtual machine they are the worker's sibling


def prefix(base, subnet):
    n = int(ipaddress.IPv6Address(base)) | subnet << 64
    return f"{ipaddress.IPv6Address(n)}/64"


def sizes(size, n):
    if size != "imix":
        return size
    n %= sum(IMIX.values())
    for octets, count in IMIX.items():
        if n < count:
            return octets
        n -= count
    raise AssertionError


class MeshScenario:
    """Packets that go into the tunnel of a mesh, or come out of it; size: octets of a frame as it is
    without that tunnel."""

    def __init__(self, options, directory, *, bindings, opens, size):
        self.options, self.directory = options, Path(directory)
        self.bindings, self.opens = bindings, opens
        self._binary = options.build / "scripts" / "bench" / "site" / "bench-site"
        self._config = self.directory / "secgw.cfg"
        self._config.write_text(self._tool("peer"))
        self._own = self._theirs = self.directory / "packets.pcap"
        if opens:
            self._theirs = self.directory / "no-esn.pcap"
            self._tool("write", "esn", str(self._own), str(size))
            self._tool("write", "no-esn", str(self._theirs), str(size))
        else:
            packets.write_capture(self._own, lambda n: packets.plain(
                n, PCAP_MAC, CORRESPONDENT, HOME, size))

    def _tool(self, *arguments):
        return subprocess.run([self._binary, *arguments], check=True, capture_output=True,
                              text=True).stdout

    def _kind(self, capture):
        flows = (f"{DATA_DEVICE} flows at={packets.DST_AT} count={self.bindings}"
                 f" subnet-bits={SUBNET_BITS} seed=1")
        # Nothing can be written into what is sealed; the source is there, as for all others.
        idle = (f"{DATA_DEVICE} beacon every-ms=3600000"
                f" frame={packets.advertisement(ROUTER, ROUTER_MAC, PORT).hex()}")
        return {"lcore": self.options.core, "plugin": self.options.plugin,
                "source": [idle] if self.opens else [flows], "directory": self.directory,
                "vdevs": [f"{DATA_DEVICE},rx_pcap={capture},infinite_rx=1"]}

    def floor(self):
        return Testpmd(**self._kind(self._own))

    def peers(self):
        """One for each driver of IPsec-MB: the better one counts."""
        if not self.options.peers:
            return []
        return [Secgw(binary=self.options.peers / "ipsec-secgw", config=self._config, pmd=pmd,
                      opens=self.opens, **self._kind(self._theirs))
                for pmd in ("aesni_gcm", "aesni_mb")]

    def hamd(self):
        return Site(binary=self._binary, opens=self.opens, bindings=self.bindings,
                    **self._kind(self._own))


class Scenario:
    """kind: "intercept", "decap", or "quiet", a port without any data; size: octets of a frame as it
    is without a tunnel, or "imix"; stored: bindings are kept on disk, and one lcore does
    everything, so that the threads that write have the other core."""

    def __init__(self, options, directory, *, bindings, kind="intercept", size=78, signed=False,
                 stored=False):
        self.options = options
        self.directory = Path(directory)
        self.bindings, self.kind, self.size = bindings, kind, size
        self.stored = stored
        self.key = secrets.token_hex(20) if signed else None
        self._port = QUIET_DEVICE if kind == "quiet" else DATA_DEVICE
        if kind != "quiet":
            self._capture = packets.write_capture(self.directory / "packets.pcap", self._packet)

    def _packet(self, n):
        octets = sizes(self.size, n)
        if self.kind == "decap":
            return packets.tunnelled(n, PCAP_MAC, CARE_OF, HA, HOME, CORRESPONDENT, octets)
        return packets.plain(n, PCAP_MAC, CORRESPONDENT, HOME, octets)

    def _flows(self):
        at = [packets.SRC_AT, packets.INNER_SRC_AT] if self.kind == "decap" else [packets.DST_AT]
        return (f"{DATA_DEVICE} flows at={','.join(map(str, at))} count={self.bindings}"
                f" subnet-bits={SUBNET_BITS} seed=1")

    def _source(self):
        na = packets.advertisement(ROUTER, ROUTER_MAC, PORT)
        key = f" spi={SPI} key={self.key}" if self.key else ""
        return [*([] if self.kind == "quiet" else [self._flows()]),
                f"{self._port} beacon every-ms=500 frame={na.hex()}",
                f"{SIGNALLING_DEVICE} updates hoa={HOME} coa={CARE_OF} ha={HA}"
                f" count={self.bindings} subnet-bits={SUBNET_BITS} lifetime-s={LIFETIME_S}{key}"]

    def _device(self):
        if self.kind == "quiet":
            return f"{self._port},no-rx=1"
        return f"{DATA_DEVICE},rx_pcap={self._capture},infinite_rx=1"

    def _peer(self):
        return {"lcore": self.options.core, "vdevs": [self._device()],
                "plugin": self.options.plugin, "source": [self._flows()],
                "directory": self.directory}

    def floor(self):
        return Testpmd(**self._peer())

    def peer(self):
        """Where the packets go: to home addresses, or, tunnelled, to the home agent."""
        subnets = range(1 << SUBNET_BITS)
        return L3fwd(binary=self.options.peers / "l3fwd",
                     routes=[prefix(HOME, s) for s in subnets], **self._peer())

    def _auth(self):
        if not self.key:
            return {"type": "none"}
        path = self.directory / "key"
        path.touch(0o600)
        path.write_text(self.key + "\n")
        return {"type": "mn-ha", "spi": SPI, "key-file": str(path), "replay": True}

    def _lcores(self):
        return str(self.options.core) if self.stored else \
            f"{self.options.control_core},{self.options.core}"

    def config(self):
        store = {"store": {"path": str(self.directory / "store")}} if self.stored else {}
        return store | {
            "runtime": {"lcores": self._lcores(),
                        "memory-mb": 256, "idle-sleep-us": SLEEP_US,
                        "max-bindings": max(self.bindings, 1000)},
            "ports": [{"name": "wan", "device": self._device(), "mtu": MTU, "dad": False,
                       "addresses": [f"{PORT}/64"]},
                      {"name": "signalling", "device": f"{SIGNALLING_DEVICE},no-rx=1",
                       "dad": False, "addresses": [f"{SIGNALLING_PORT}/64"]}],
            "routes": [{"prefix": "::/0", "via": ROUTER}],
            "domains": [{
                "name": "home", "mobile-prefixes": [f"{HOME}/48"], "home-agent-address": HA,
                "lifetime-max-s": LIFETIME_S,
                "limits": {"bu-per-s": 1000000, "bu-per-s-per-source": 1000000},
                "subscribers": {"ranges": [{"home-addresses": f"{HOME}/48",
                                            "auth": self._auth()}]}}]}

    def hamd(self, name="hamd"):
        return Hamd(self.directory, self.options.build, self.config(), name=name,
                    plugin=self.options.plugin, source=self._source())
