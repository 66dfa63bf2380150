#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hamctl from outside: what it prints and what it exits with, against fake_hamd's socket.

usage: hamctl_test.py HAMCTL FAKE_HAMD [unittest's arguments]
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HAMCTL = FAKE_HAMD = None
BOUND, UNBOUND = '2001:db8:a::1', '2001:db8:a::dead'
SHOWS = ['bindings', 'ports', 'lcores', 'counters', 'drops', 'routes', 'neighbors', 'addresses',
         'config', 'version', 'alarms', 'domains', 'peers']


@contextlib.contextmanager
def daemon(path, bindings=3):
    proc = subprocess.Popen([FAKE_HAMD, path, str(bindings)], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    try:
        assert proc.stdout.readline() == b'ready\n'
        yield proc
    finally:
        proc.terminate()
        proc.wait(10)
        proc.stdout.close()


@contextlib.contextmanager
def says(path, text):
    """A daemon that answers everything with `text` and closes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        conn, _ = listener.accept()
        with conn:
            conn.recv(65536)
            conn.sendall(text)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        listener.close()
        os.unlink(path)


def run(*args, **kwargs):
    return subprocess.run([HAMCTL, *map(str, args)], capture_output=True, text=True, timeout=30,
                          check=False, **kwargs)


def blocks(octets):
    """(type, body) of each block of a pcapng file, as far as its lengths fit together."""
    while octets:
        kind, length = struct.unpack('>II', octets[:8])
        assert length % 4 == 0 and 12 <= length <= len(octets), length
        assert struct.unpack('>I', octets[length - 4:length])[0] == length
        yield kind, octets[8:length - 4]
        octets = octets[length:]


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix='hamctl-test-')
        self.addCleanup(self.dir.cleanup)
        self.path = pathlib.Path(self.dir.name, 'run/a.sock')

    def good(self, *args):
        got = run('-s', self.path, *args)
        self.assertEqual((got.returncode, got.stderr), (0, ''), args)
        return got.stdout

    def bad(self, status, message, *args):
        """Fails with one line that holds `message`, and prints nothing else."""
        got = run('-s', self.path, *args)
        self.assertEqual((got.returncode, got.stdout), (status, ''), args)
        self.assertIn(message, got.stderr)
        self.assertEqual(got.stderr.count('\n'), 1, got.stderr)

    def documents(self, *args):
        return [json.loads(line) for line in self.good('--json', *args).splitlines()]


class Answers(Case):
    def setUp(self):
        super().setUp()
        hamd = daemon(self.path)
        hamd.__enter__()
        self.addCleanup(hamd.__exit__, None, None, None)

    def test_every_show_as_table_and_as_json(self):
        for what in SHOWS:
            with self.subTest(what):
                self.assertTrue(self.good('show', what).strip())
                for doc in self.documents('show', what):
                    self.assertNotIn('end', doc)

    def test_table_is_aligned(self):
        lines = self.good('show', 'bindings').splitlines()
        self.assertEqual(len(lines), 4)
        at = lines[0].index('CARE-OF ADDRESS')
        for i, line in enumerate(lines[1:]):
            self.assertEqual(line.split()[0], f'2001:db8:a::{i + 1}')
            self.assertEqual(line[at - 2:at + 8], '  2001:db8')
            self.assertEqual(len(line), len(lines[0]))

    def test_json_is_what_the_daemon_said(self):
        docs = self.documents('show', 'bindings')
        self.assertEqual([d['home-address'] for d in docs],
                         ['2001:db8:a::1', '2001:db8:a::2', '2001:db8:a::3'])
        self.assertEqual(self.documents('show', 'config'), [{'node': {'id': 1, 'name': 'paris'}}])

    def test_one_binding(self):
        self.assertEqual(len(self.documents('show', 'binding', BOUND)), 1)
        self.assertRegex(self.good('show', 'binding', BOUND), r'(?m)^lifetime-s +420$')

    def test_no_such_binding(self):
        for cmd in ['show binding', 'binding delete']:
            self.bad(1, f'no such binding: {UNBOUND}', *cmd.split(), UNBOUND)
            self.bad(1, f'no such binding: {UNBOUND}', '--json', *cmd.split(), UNBOUND)

    def test_delete(self):
        self.assertIn(BOUND, self.good('binding', 'delete', BOUND))

    def test_move(self):
        self.assertEqual(self.documents('binding', 'move', BOUND, '--to', 'tokyo'),
                         [{'moved': BOUND, 'site': 'tokyo'}])
        self.bad(1, f'no such binding: {UNBOUND}', 'binding', 'move', UNBOUND, '--to', 'tokyo')
        self.bad(2, '"binding move" needs --to SITE', 'binding', 'move', BOUND)
        self.bad(2, '"binding move" needs HOME-ADDRESS', 'binding', 'move', '--to', 'tokyo')

    def test_peers(self):
        head, tokyo, osaka = self.good('show', 'peers').splitlines()
        self.assertRegex(tokyo, r'^tokyo +2 +2001:db8:2::10 +up +12 +-3 .* paris, osaka .*'
                                r'msp1 up ready, msp2 dead$')
        self.assertRegex(osaka, r'^osaka .* channel: handshake +7 ')
        self.assertEqual(head.index('HEARS'), tokyo.index('paris'))

    def test_columns_that_nobody_fills_are_left_out(self):
        self.assertNotIn('WAITS FOR', self.good('show', 'domains').splitlines()[0])
        self.assertNotIn('OWNER', self.good('show', 'bindings').splitlines()[0])
        self.assertIn('LAST FAILURE', self.good('show', 'peers').splitlines()[0])

    def test_health_gate(self):
        self.assertEqual(self.documents('ready'), [{'domain': 'msp1', 'ready': True}])
        self.assertEqual(self.documents('ready', 'msp2', '--force')[0]['domain'], 'msp2')
        self.good('drain')
        got = run('-s', self.path, 'ready')
        self.assertEqual((got.returncode, got.stderr),
                         (1, 'hamctl: not ready: domain msp1 is draining\n'))
        self.assertRegex(got.stdout, r'msp1 +no')
        self.good('undrain')
        self.good('ready')

    def test_drain(self):
        self.assertEqual(self.documents('drain', 'msp1'),
                         [{'domain': 'msp1', 'state': 'draining'}])
        self.assertEqual(self.documents('show', 'domains')[0]['state'], 'draining')
        self.good('undrain', 'msp1')
        self.good('drain', 'msp1', '--wait')
        self.assertTrue(self.documents('show', 'domains')[0]['left-is-quiet'])
        self.good('undrain')
        self.good('drain', 'msp1', '--wait', '--seconds', '60')
        self.bad(1, 'no other site is ready', 'drain', 'msp2')
        self.bad(1, 'no other site is ready', 'drain', 'msp2', '--wait')
        self.assertEqual(len(self.documents('drain', 'msp2', '--force')), 1)
        self.bad(2, '--seconds says how long to --wait', 'drain', '--seconds', '5')

    def test_drain_takes_too_long(self):
        self.good('undrain')
        got = run('-s', self.path, 'drain', 'msp1', '--wait', '--seconds', '0')
        self.assertEqual((got.returncode, got.stderr),
                         (1, 'hamctl: not left after 0 s: it drains on\n'))
        got = run('-s', self.path, 'drain', '--wait')  # msp2 is not draining here
        self.assertEqual((got.returncode, got.stderr),
                         (1, 'hamctl: it does not drain any more\n'))

    def test_reload(self):
        out = self.good('reload')
        self.assertRegex(out, r'removed +2\n')
        self.assertEqual(self.documents('reload')[0]['added'], 1)

    def test_filters_reach_the_daemon(self):
        self.bad(1, 'no such domain: nix', 'show', 'bindings', '--domain', 'nix')
        self.bad(1, 'no such site: nix', 'show', 'bindings', '--owner', 'nix')
        self.good('show', 'bindings', '--domain', 'msp1', '--prefix', '2001:db8::/32', '--coa',
                  '2001:db8:1::1', '--all')
        self.assertEqual(len(self.documents('show', 'drops')), 1)
        self.assertEqual(len(self.documents('show', 'drops', '--all')), 2)

    def test_big_numbers_stay_exact(self):
        self.assertIn('9007199254740993', self.good('show', 'counters'))

    def test_lcores_have_stages(self):
        self.assertRegex(self.good('show', 'lcores'), r'CYCLES/PACKET(.|\n)*classify')

    def test_trace(self):
        got = run('-s', self.path, 'trace', '-c', '2')
        self.assertEqual((got.returncode, got.stderr), (0, '2 packets\n'))
        taken, dropped = got.stdout.rstrip().split('\n\n')
        for line in ('in by wan queue 3, 2001:db8::1 > 2001:db8::2, 104 octets: taken',
                     'classify   punt signalling', 'verdict mip6: registered',
                     'tx wan  next hop 2001:db8::2 00:00:00:00:00:07', 'wire wan queue 1'):
            self.assertIn(line, taken)
        for line in ('dropped intercept_no_binding', 'intercept  drop intercept_no_binding',
                     'to classify  binding 2001:db8::1 at 2001:db8::2'):
            self.assertIn(line, dropped)

    def test_trace_as_json(self):
        *packets, summary = self.documents('trace', '--count', '4', '--drops')
        self.assertEqual([p['packet'] for p in packets], [1, 2, 3, 4])
        self.assertEqual({p['reason'] for p in packets}, {'intercept_no_binding'})
        self.assertEqual(summary, {'traced': 4, 'lost': 0})
        self.assertEqual([s['stage'] for s in packets[0]['stages']], ['decap', 'intercept'])

    def test_trace_is_refused(self):
        self.bad(1, 'no such port: nix', 'trace', '--port', 'nix')
        self.bad(1, 'reason: "x" is none', 'trace', '--reason', 'x')
        self.bad(2, '--count: "x" is not a number', 'trace', '-c', 'x')
        self.bad(2, '--count: "-1" is not a number', 'trace', '--count=-1')
        self.bad(2, '"2001:db8::/64" is not an IPv6 address', 'trace', '--mobile-node',
                 '2001:db8::/64')
        self.bad(2, '--source: "x" is not an IPv6 prefix', 'trace', '--source', 'x')
        self.bad(2, 'does not take --snaplen', 'trace', '--snaplen', '1')

    def test_capture(self):
        path = pathlib.Path(self.dir.name, 'c.pcapng')
        got = run('-s', self.path, 'capture', path, '-c', '300')
        self.assertEqual((got.returncode, got.stdout, got.stderr), (0, '', '300 packets\n'))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        got = subprocess.run([HAMCTL, '-s', self.path, 'capture', '-', '-c', '300'],
                             capture_output=True, timeout=30, check=True)
        for octets in (path.read_bytes(), got.stdout):
            kinds = [kind for kind, _ in blocks(octets)]
            self.assertEqual(kinds[:4], [0x0a0d0d0a, 1, 1, 1])
            self.assertEqual(kinds[4:], [6] * 300 + [5] * 3)
            comments = [body for kind, body in blocks(octets) if kind == 6 and b'=' in body]
            self.assertTrue(any(b'drop=no_route port=wan: ' in c for c in comments))
            self.assertTrue(any(b'punt=local port=wan' in c for c in comments))

    def test_capture_until_told(self):
        """Ctrl-C ends it, and what was captured until then is whole."""
        path = pathlib.Path(self.dir.name, 'c.pcapng')
        for sig in (signal.SIGINT, signal.SIGTERM):
            proc = subprocess.Popen([HAMCTL, '-s', self.path, 'capture', path],
                                    stderr=subprocess.PIPE, text=True)
            while not path.exists() or path.stat().st_size < 1000:
                time.sleep(0.01)
            proc.send_signal(sig)
            _, said = proc.communicate(timeout=10)
            self.assertEqual(proc.returncode, 0)
            self.assertRegex(said, r'^\d+ packets')
            self.assertEqual([kind for kind, _ in blocks(path.read_bytes())][-3:], [5, 5, 5])
            path.unlink()

    def test_capture_without_a_file(self):
        """Nothing is written before the daemon agrees, and a full disk is an error."""
        path = pathlib.Path(self.dir.name, 'c.pcapng')
        self.bad(1, 'no such port: nix', 'capture', path, '--port', 'nix')
        self.assertFalse(path.exists())
        self.bad(2, '"capture" needs FILE', 'capture')
        self.bad(2, 'does not take --json', 'capture', path, '--json')
        self.bad(1, 'no/c.pcapng: No such file or directory', 'capture', 'no/c.pcapng')
        got = run('-s', self.path, 'capture', '/dev/full')
        self.assertEqual(got.returncode, 1)
        self.assertIn('/dev/full: No space left on device', got.stderr)
        self.bad(2, 'the argument is too long', 'capture', '/' + 5000 * 'x')

    def test_top(self):
        text = self.good('top', '--once')
        self.assertRegex(text, r'rx_packets +\d+')
        self.assertNotIn('bu_received', text)  # it does not move
        busy = [line for line in text.splitlines() if line.startswith('2001:')]
        self.assertEqual([line.split()[0] for line in busy], ['2001:db8:a::3', '2001:db8:a::2'])
        docs = self.documents('top', '-1')
        rates = {d['counter']: d['per-second'] for d in docs if 'counter' in d}
        self.assertGreater(rates['rx_packets'], 0)
        self.assertEqual(rates['bu_received'], 0)
        busiest = [d for d in docs if 'home-address' in d]
        self.assertGreater(busiest[0]['bytes-per-second'], busiest[1]['bytes-per-second'])

    def test_output_that_cannot_be_written(self):
        with open('/dev/full', 'w', encoding='ascii') as full:
            got = subprocess.run([HAMCTL, '-s', self.path, 'show', 'drops'], stdout=full,
                                 stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((got.returncode, got.stderr), (1, 'hamctl: standard output: write failed\n'))


class Many(Case):
    def test_100000(self):
        with daemon(self.path, 100000):
            lines = self.good('show', 'bindings').splitlines()
            self.assertEqual(len(lines), 100001)
            self.assertIn('2001:db8:a::186a0 ', lines[-1])
            self.assertEqual(self.good('--json', 'show', 'bindings').count('\n'), 100000)


class Failures(Case):
    def test_not_running(self):
        self.bad(1, f'hamd is not running: there is no {self.path}', 'show', 'ports')

    def test_killed(self):
        with daemon(self.path) as hamd:
            hamd.kill()
            hamd.wait()
        self.bad(1, f'hamd is not running: nobody listens at {self.path}', 'show', 'ports')
        with daemon(self.path):  # and can be started again
            self.good('show', 'ports')
        self.assertFalse(self.path.exists())

    @unittest.skipIf(os.getuid() != 0, 'only root can become somebody without permission')
    def test_no_permission(self):
        os.chmod(self.dir.name, 0o755)
        with daemon(self.path):
            os.chmod(self.path.parent, 0o755)
            got = run('-s', self.path, 'show', 'ports', user=65534, group=65534, extra_groups=[])
        self.assertEqual(got.returncode, 1)
        self.assertIn(f'no permission for {self.path}', got.stderr)

    def test_too_many_clients(self):
        with daemon(self.path):
            others = [socket.socket(socket.AF_UNIX) for _ in range(16)]
            for other in others:
                other.connect(str(self.path))
                other.sendall(b'{"cmd":"show ports"}\n')
                other.recv(1)  # it is served
            self.bad(1, 'too many clients', 'show', 'ports')
            for other in others:
                other.close()

    def test_answers_that_are_none(self):
        self.path.parent.mkdir()
        for text, message in [(b'', 'closed the connection before its answer ended'),
                              (b'{"port":"x"', 'closed the connection before its answer ended'),
                              (b'{"error":"no"}\n{"end":true,"status":-1}\n', 'hamctl: no\n')]:
            with self.subTest(text), says(self.path, text):
                self.bad(1, message, 'show', 'ports')
        with says(self.path, b'nonsense\n{"end":true,"status":0}\n'):
            got = run('-s', self.path, 'show', 'ports')
            self.assertEqual(got.returncode, 1)
            self.assertIn('is not JSON', got.stderr)

    def test_terminal_is_safe(self):
        self.path.parent.mkdir()
        with says(self.path, b'{"version":"\\u001b[2J"}\n{"end":true,"status":0}\n'):
            self.assertEqual(self.good('show', 'version'), 'version  ?[2J\n')


class Metrics(Case):
    def setUp(self):
        super().setUp()
        hamd = daemon(self.path)
        hamd.__enter__()
        self.addCleanup(hamd.__exit__, None, None, None)

    WANTED = r"""# TYPE hamd_rx_bytes counter
# UNIT hamd_rx_bytes bytes
# HELP hamd_rx_bytes what came\nand \\ more
hamd_rx_bytes_total{port="wan"} 9007199254740993
hamd_rx_bytes_total{port="l\"\\\nan",role="x"} 7
# TYPE hamd_port_up gauge
# HELP hamd_port_up a link
hamd_port_up{port="wan"} 1
hamd_port_up{port="l\"\\\nan",role="x"} 0
# TYPE hamd_turn_seconds gauge
# UNIT hamd_turn_seconds seconds
# HELP hamd_turn_seconds longest
hamd_turn_seconds 0.000123
# EOF
"""

    def test_text(self):
        self.assertEqual(self.good('metrics'), self.WANTED)

    def test_parsers(self):
        """OpenMetrics' parser and that of the older text format, which collectors of text files
        have, read the same."""
        try:
            from prometheus_client.openmetrics.parser import (
                text_string_to_metric_families as openmetrics)
            from prometheus_client.parser import text_string_to_metric_families as prometheus
        except ImportError:
            self.skipTest('python3-prometheus-client is missing')
        text = self.good('metrics')

        def samples(parse):
            return {(s.name, tuple(sorted(s.labels.items()))): float(s.value)
                    for family in parse(text) for s in family.samples}

        self.assertEqual(samples(openmetrics), samples(prometheus))
        self.assertEqual(samples(openmetrics)[('hamd_port_up', (('port', 'wan'),))], 1)
        types = {f.name: (f.type, f.unit) for f in openmetrics(text)}
        self.assertEqual(types, {'hamd_rx_bytes': ('counter', 'bytes'),
                                 'hamd_port_up': ('gauge', ''),
                                 'hamd_turn_seconds': ('gauge', 'seconds')})

    def test_json(self):
        self.assertEqual(len(self.documents('metrics')), 7)


class Usage(Case):
    def test_wrong_calls(self):
        for args, message in [
                ('', 'no command'),
                ('foo', 'unknown command "foo", see hamctl help'),
                ('shov ports', 'unknown command "shov ports", did you mean "show ports"?'),
                ('show bindigs', 'did you mean "show bindings"?'),
                ('binding deletee ' + BOUND, 'did you mean "binding delete"?'),
                ('tpo', 'see hamctl help'),
                ('show', 'show what? bindings, binding, '),
                ('show binding', '"show binding" needs HOME-ADDRESS'),
                ('show binding 1.2.3.4', '"1.2.3.4" is not an IPv6 address'),
                ('show ports x', '"show ports" does not take "x"'),
                ('show binding ::1 x', '"show binding": nobody knows what "x" is for'),
                ('show ports --all', '"show ports" does not take --all'),
                ('show bindings --prefix 2001:db8::1/32', '--prefix: "2001:db8::1/32" has bits'),
                ('show bindings --coa x/32', '--coa: "x/32" is not an IPv6 prefix'),
                ('completion fish', 'for bash only')]:
            with self.subTest(args):
                got = run(*args.split())
                self.assertEqual((got.returncode, got.stdout), (2, ''))
                self.assertIn(message, got.stderr)
                self.assertEqual(got.stderr.count('\n'), 1, got.stderr)
        self.assertEqual(run('--nonsense').returncode, 2)
        self.assertEqual(run('-n', 'a/b', 'show', 'ports').returncode, 2)
        self.assertEqual(run('-s', 'x' * 200, 'show', 'ports').returncode, 2)

    def test_help_names_everything(self):
        text = run('help').stdout
        self.assertEqual(text, run('--help').stdout)
        for what in SHOWS:
            self.assertIn(f'show {what}', text)
            one = run('help', 'show', what)
            self.assertEqual(one.returncode, 0)
            self.assertEqual(one.stdout, run('show', what, '-h').stdout)
            self.assertEqual('--all' in one.stdout, what in ('bindings', 'drops', 'alarms'))
        self.assertRegex(run('-V').stdout, r'^hamctl \d+\.\d+\.\d+\n$')

    def complete(self, *words):
        script = ('eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hamctl; '
                  'echo "${COMPREPLY[@]}"')
        got = subprocess.run(
            ['bash', '-c', script, 'bash', run('completion', 'bash').stdout, 'hamctl', *words],
            capture_output=True, text=True, check=True)
        self.assertEqual(got.stderr, '')
        return got.stdout.split()

    def test_completion(self):
        self.assertEqual(self.complete(''), ['show', 'binding', 'ready', 'drain', 'undrain',
                                             'reload', 'metrics', 'top', 'trace', 'capture',
                                             'genkey', 'pubkey', 'help', 'completion'])
        self.assertEqual(self.complete('show', 'b'), ['bindings', 'binding'])
        self.assertEqual(self.complete('-s', 'x', 'binding', ''), ['delete', 'move'])
        self.assertIn('--coa', self.complete('show', 'bindings', '--'))
        self.assertNotIn('--coa', self.complete('show', 'binding', '::1', '--'))
        self.assertEqual(self.complete('show', 'ports', ''), [])
        self.assertIn('--stage', self.complete('trace', '--mobile-node', '::1', '--s'))
        self.assertEqual(self.complete('trace', '--reason', ''), [])


if __name__ == '__main__':
    HAMCTL, FAKE_HAMD = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
