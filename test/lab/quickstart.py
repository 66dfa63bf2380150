# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/quickstart shows once hamd is built; each step is explained in a line. The same
pieces make the end-to-end tests."""

import contextlib
import hashlib
import http.server
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from . import fig6
from .daemon import ROOT, Hamd
from .netns import Lab
from .shell import LabError, until
from .world import CN, HA, HAMD, HOA, World

CONFIG = ROOT / "config" / "quickstart.json"
SIZE, RATE = 60_000_000, 20_000_000
STEPS = 9 + fig6.TITLES


class Steps:
    """The number and title of what is being done, for the reader and for a failure."""

    def __init__(self, done):
        self.number, self.title = done, ""

    def __call__(self, title, why=""):
        self.number, self.title = self.number + 1, title
        print(f"[{self.number}/{STEPS}] {title}{': ' if why else ''}{why}", flush=True)


def say(text):
    for line in text.rstrip().splitlines():
        print(f"      {line}", flush=True)


class Download:
    """An HTTP server at the correspondent that sends SIZE octets at RATE, and curl at the mobile
    node that fetches them from the home address."""

    def __init__(self, cn, mn):
        self.got, self.longest, self._last = 0, 0.0, None
        self.digest = hashlib.sha256()
        self.content = random.Random(1).randbytes(SIZE)
        content = self.content

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(SIZE))
                self.end_headers()
                begin, step = time.monotonic(), RATE // 200
                for at in range(0, SIZE, step):
                    self.wfile.write(content[at:at + step])
                    time.sleep(max(0.0, begin + at / RATE - time.monotonic()))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6
            daemon_threads = True

            def handle_error(self, *_):  # a client that was interrupted
                pass

        with cn.inside():
            self.server = Server((CN, 8080), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.curl = mn.popen("curl", "-sS", "-N", "--max-time", "60", "--interface", HOA,
                             f"http://[{CN}]:8080/", stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.begin = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while chunk := self.curl.stdout.read1(65536):
            now = time.monotonic()
            if self._last is not None:
                self.longest = max(self.longest, now - self._last)
            self._last = now
            self.digest.update(chunk)
            self.got += len(chunk)

    def wait_for(self, octets):
        until(f"{octets} octets of the download", lambda: self.got >= octets, 30)

    def finish(self):
        rc = self.curl.wait(70)
        self._reader.join(5)
        said = self.curl.stderr.read().decode().strip()
        if rc != 0 or self.got != SIZE:
            raise LabError(f"curl: exit status {rc}, {self.got} of {SIZE} octets: {said}")
        if self.digest.digest() != hashlib.sha256(self.content).digest():
            raise LabError("what curl received is not what was sent")
        return self._last - self.begin

    def close(self):
        if self.curl.poll() is None:
            self.curl.kill()
        self.server.shutdown()
        self.server.server_close()


def show(step, lab):
    with contextlib.ExitStack() as stack:
        step("Network", "a correspondent, a router, the home agent's place and a mobile node with "
             "two links, each in a namespace")
        world = World(lab)
        mn = world.mn
        say(f"correspondent {CN}; hamd {HAMD}, home agent address {HA}; home address {HOA}")
        say(", ".join(f"{name} {link.coa}" for name, link in mn.links.items()))

        step("Start", f"hamd -c {CONFIG.relative_to(ROOT)}, on an ordinary veth interface by "
             "DPDK's af_packet driver")
        hamd = Hamd(world.ha, CONFIG, lab.dir)
        stack.callback(hamd.stop)
        begin = time.monotonic()
        say(f"{hamd.start().wait_log(hamd.READY)} (after {time.monotonic() - begin:.1f} s, "
            "duplicate address detection included)")

        step("Registration", "the mobile node sends a Binding Update from link1")
        ba = mn.register("link1", lifetime_s=600)
        say(f"Binding Acknowledgement: status {ba.status}, sequence {ba.seq}, "
            f"{ba.lifetime_s} s, home address {ba.home_address} in its routing header")

        step("Ping", "the correspondent asks the home address; hamd carries it to link1 and back")
        got, said = world.cn.ping(HOA, count=5, interval=0.2)
        say("\n".join(line for line in said.splitlines() if line.strip()))
        if got != 5:
            raise LabError(f"{got} of 5 echo requests were answered")

        step("Download and move", f"curl fetches {SIZE // 10**6} MB to the home address; in the "
             "middle of it the mobile node leaves link1 for link2")
        download = Download(world.cn, mn.ns)
        stack.callback(download.close)
        download.wait_for(SIZE // 2)
        at, calm = download.got, download.longest
        begin = time.monotonic()
        mn.move("link2")
        took = time.monotonic() - begin
        seconds = download.finish()
        stray = mn.counter("stray")
        say(f"moved at {at / 1e6:.0f} MB; the Binding Update was answered and the tunnel switched"
            f" in {took * 1000:.0f} ms")
        say(f"{download.got} octets in {seconds:.1f} s ({download.got * 8 / seconds / 1e6:.0f}"
            f" Mbit/s), content as sent; longest pause {download.longest * 1000:.0f} ms"
            f" (before the move {calm * 1000:.0f} ms)")
        say(f"{mn.counter('tunnelled')} tunnel packets from the home agent, {stray} from others")
        if stray:
            raise LabError("tunnel packets came from someone else than the home agent")

        step("hamctl", "what hamd says about it")
        for command in (("show", "bindings"), ("show", "counters"), ("show", "drops")):
            say(f"$ hamctl {' '.join(command)}")
            say(hamd.ctl(*command))

        step("De-registration", "the mobile node de-registers, hamd is stopped, the namespaces go")
        ba = mn.deregister()
        if ba is None or ba.status != 0 or hamd.ctl.bindings():
            raise LabError(f"de-registration: {ba}")
        rc = hamd.stop()
        if rc != 0:
            raise LabError(f"hamd ended with {rc}")


FAILURES = (LabError, AssertionError, OSError, subprocess.SubprocessError)


def main():
    step = Steps(done=2)
    begin = time.monotonic()
    kept = None
    try:
        for part in (show, lambda step, lab: fig6.show(step, say, lab)):
            with Lab() as lab:
                try:
                    part(step, lab)
                except FAILURES:
                    kept = tempfile.mkdtemp(prefix="hamd-quickstart.")
                    shutil.copytree(lab.dir, kept, dirs_exist_ok=True,
                                    ignore=shutil.ignore_patterns("*.sock", "*.key"))
                    raise
    except KeyboardInterrupt:
        print("\nquickstart: interrupted; everything is removed", file=sys.stderr)
        return 130
    except FAILURES as e:
        print(f"quickstart: FAILED at step {step.number} ({step.title or 'network'}): {e}",
              file=sys.stderr)
        if kept:
            print(f"quickstart: logs are in {kept}", file=sys.stderr)
        return 1
    print(f"Done in {time.monotonic() - begin:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
