# SPDX-License-Identifier: BSD-3-Clause
"""A TCP transfer between two namespaces: what arrives is compared with what was sent, and the
longest pause between two arrivals is the gap a user would have noticed."""

import hashlib
import random
import select
import socket
import struct
import threading
import time

CHUNK = 16384
TCP_INFO_LEN, TOTAL_RETRANS_AT = 104, 100  # struct tcp_info: tcpi_total_retrans


class Transfer:
    """`src` sends `size` octets to address `dst_addr` of `dst`, at most `rate` octets a second.
    Runs in two threads; join() returns when all has arrived, or raises."""

    def __init__(self, src, src_addr, dst, dst_addr, size, rate=None, port=5001):
        self.size, self.rate = size, rate
        self.retransmissions = None  # segments sent again, known after join()
        self.received, self.seconds, self.max_gap, self.gap_at = 0, 0.0, 0.0, 0.0
        self.failure = None
        self._sent, self._got = hashlib.sha256(), hashlib.sha256()
        self._listener = dst.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((dst_addr, port))
        self._listener.listen(1)
        self._client = src.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self._client.bind((src_addr, 0))
        self._to = (dst_addr, port)
        self._stop, self._done = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(fn,), daemon=True)
                         for fn in (self._receive, self._send)]
        self.start_time = time.monotonic()
        for t in self._threads:
            t.start()

    def _guard(self, fn):
        try:
            fn()
        except OSError as e:
            if not self._stop.is_set():
                self.failure = self.failure or f"{fn.__name__[1:]}: {e}"

    def _send(self):
        # Not one pattern again and again: a chunk delivered twice or elsewhere must be seen.
        rnd = random.Random(1)
        self._client.settimeout(20)
        self._client.connect(self._to)
        done, begin = 0, time.monotonic()
        while done < self.size and not self._stop.is_set():
            chunk = rnd.randbytes(min(CHUNK, self.size - done))
            self._client.sendall(chunk)
            self._sent.update(chunk)
            done += len(chunk)
            if self.rate:
                ahead = done / self.rate - (time.monotonic() - begin)
                if ahead > 0:
                    time.sleep(ahead)
        self._client.shutdown(socket.SHUT_WR)
        self._done.wait(20)
        info = self._client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LEN)
        self.retransmissions = struct.unpack_from("=I", info, TOTAL_RETRANS_AT)[0]

    def _receive(self):
        if not select.select([self._listener], [], [], 20)[0]:
            raise OSError("nobody connected")
        conn, _ = self._listener.accept()
        with conn:
            conn.settimeout(20)
            last = time.monotonic()
            while chunk := conn.recv(65536):
                now = time.monotonic()
                if self.received and now - last > self.max_gap:
                    self.max_gap, self.gap_at = now - last, last - self.start_time
                last = now
                self._got.update(chunk)
                self.received += len(chunk)
            self.seconds = last - self.start_time
        self._done.set()

    def wait_for(self, octets, timeout=20):
        """Until that much has arrived: the middle of a transfer is a place, not a time."""
        end = time.monotonic() + timeout
        while self.received < octets:
            if self.failure or time.monotonic() > end:
                raise AssertionError(f"transfer stands at {self.received} of {self.size} octets"
                                     f" ({self.failure or 'timeout'})")
            time.sleep(0.005)

    def join(self, timeout=40):
        end = time.monotonic() + timeout
        for t in self._threads:
            t.join(max(0.0, end - time.monotonic()))
        hung = any(t.is_alive() for t in self._threads)
        self.close()
        if self.failure or hung or self.received != self.size:
            raise AssertionError(f"{self.received} of {self.size} octets arrived"
                                 f" ({self.failure or ('timeout' if hung else 'closed')})")
        if self._sent.digest() != self._got.digest():
            raise AssertionError("what arrived is not what was sent")
        return self

    def close(self):
        self._stop.set()
        self._done.set()
        self._client.close()
        self._listener.close()

    @property
    def mbit_s(self):
        return self.received * 8 / 1e6 / self.seconds if self.seconds else 0.0
