# SPDX-License-Identifier: BSD-3-Clause
"""Pktgen as a program: which ports and cores it gets, a script to run, the result it leaves."""

import json
import os
import pty
import re
import subprocess
import threading
from pathlib import Path

from programs import BenchError

VERSION = "23.06.1"
SCRIPTS = Path(__file__).resolve().parents[2] / "pktgen"
PCI = re.compile(r"(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.IGNORECASE)
MEMIF = re.compile(r"net_memif[0-9]+")
MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
RING = 12  # memif's: 4096 slots, some 100 ms at the rates that make sense without cores to spare
START_S = 60  # pools of packets, ports and links


def is_pci(device):
    return PCI.fullmatch(device) is not None


def _whole(address):
    """With its domain, so that addresses compare as numbers do."""
    return address.lower() if address.count(":") == 2 else f"0000:{address.lower()}"


def is_memif(device):
    return MEMIF.fullmatch(device) is not None


def lua(value):
    """A Python value as a Lua literal."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "{" + ",".join(lua(v) for v in value) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(f"[{lua(k)}]={lua(v)}" for k, v in value.items()
                              if v is not None) + "}"
    return '"' + re.sub(r'[^ !#-\[\]-~]',
                        lambda c: "".join(f"\\{b:03d}" for b in c[0].encode()), str(value)) + '"'


def lcores(text):
    """"0,1" or "2,3,4" -> (numbers, Pktgen's map of ports 0 and 1): the first core shows and
    counts, the second receives, the last sends; one that sends for both ports, so that both keep
    the same beat."""
    numbers = [int(n) for n in text.split(",")]
    if not 2 <= len(numbers) <= 3 or len(set(numbers)) != len(numbers):
        raise ValueError(text)
    work = str(numbers[1]) if len(numbers) == 2 else f"[{numbers[1]}:{numbers[2]}]"
    return numbers, f"{work}.[0-1]"


class Ports:
    """The two ports: devices as EAL takes them, and the number Pktgen knows each by."""

    def __init__(self, tx, rx):
        self.is_virtual = not is_pci(tx)
        # The PCI bus is searched by address, whatever the order of the arguments is.
        self.tx = 1 if is_pci(tx) and _whole(tx) > _whole(rx) else 0
        self.rx = 1 - self.tx
        self.devices = (tx, rx)

    def eal(self, device=str):
        """device: makes the whole device out of what was given."""
        kind = "--vdev" if self.is_virtual else "-a"
        return [word for d in self.devices for word in (kind, device(d))]


class Pktgen:
    """directory: for parameters, results and logs; cores: of lcores(); is_virtual: needs no huge
    pages."""

    def __init__(self, path, directory, *, cores, memory_mb, is_virtual):
        self.path, self.directory = path, Path(directory)
        self.cores, self.map = cores
        self.memory_mb, self.is_virtual = memory_mb, is_virtual

    def command(self, eal, captures, script):
        """captures: {port: path}"""
        no_pages = ["--no-huge", "--no-pci"] if self.is_virtual else []
        streams = [word for port, path in sorted(captures.items())
                   for word in ("-s", f"{port}:{path}")]
        # Jumbo frames: what the tunnel makes of 1518 octets has to come back whole.
        return [str(self.path), "-l", ",".join(map(str, self.cores)), "-m", str(self.memory_mb),
                f"--file-prefix=bench-{os.getpid()}-pktgen", *no_pages, *eal, "--", "-P", "-j",
                "-m", self.map, *streams, "-f", str(script)]

    def run(self, name, eal, captures, params, seconds):
        """What the script NAME.lua leaves as its result. seconds: it may take, beside the start."""
        result = self.directory / f"{name}.result"
        result.unlink(missing_ok=True)
        written = self.directory / f"{name}.params"
        written.write_text(f"return {lua({**params, 'result': str(result)})}\n")
        log = self.directory / f"{name}.log"
        command = self.command(eal, captures, SCRIPTS / f"{name}.lua")
        status = on_terminal(command, log, START_S + seconds,
                             {**os.environ, "TERM": "vt100", "HAMD_PKTGEN_PARAMS": str(written)})
        return self.read(name, result, status, log, command)

    @staticmethod
    def read(name, path, status, log, command):
        try:
            result = json.loads(path.read_text())
        except OSError:
            end = "ran out of time" if status is None else f"ended with {status}"
            words = last_words(log)
            raise BenchError(f"Pktgen {end}, {name}.lua has no result: {reason(words)}\n"
                             + "\n".join(words) + f"\ncommand: {' '.join(command)}") from None
        except ValueError as e:
            raise BenchError(f"{path} is no JSON: {e}") from None
        if "error" in result:
            raise BenchError(f"{name}.lua: {result['error']}")
        if status != 0:
            raise BenchError(f"Pktgen ended with {status} after {name}.lua had its result; see"
                             f" {log}")
        return result


def last_words(log):
    """Of a log full of a terminal's control sequences: the last lines that say something."""
    text = log.read_bytes().decode(errors="replace")
    text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[78])", "\n", text).replace("\r", "")
    lines = [line.strip() for line in text.splitlines() if re.search("[A-Za-z]{3}", line)]
    return lines[-12:]


def reason(words):
    """Of last words, the ones that say why."""
    return next((w for w in words if re.search("PANIC|scripts/pktgen:|[Ee]rror|[Cc]annot", w)),
                words[-1] if words else "it said nothing")


def on_terminal(command, log, seconds, env):
    """Runs a program that insists on a terminal; its exit status, None: it was ended after so many
    seconds. What it says goes to the file `log`."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env,
                                   start_new_session=True)
    except OSError as e:
        os.close(master)
        raise BenchError(f"{command[0]} cannot be run: {e.strerror}") from None
    finally:
        os.close(slave)
    reader = threading.Thread(target=_copy, args=(master, log), daemon=True)
    reader.start()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(5)
        os.close(master)


def _copy(master, log):
    with open(log, "wb") as f:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO: nobody has the other end open any more
                return
            if not data:
                return
            f.write(data)
            f.flush()
