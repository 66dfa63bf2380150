#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hamctl genkey and pubkey: who may read a key, what is printed, what hamd takes.

usage: key_test.py HAMCTL HAMD [unittest's arguments]
"""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HAMCTL = HAMD = None

PRIVATE = bytes(range(32)).hex()
# Private 00 01 .. 1f, public by another implementation (Python's cryptography).
OWN = base64.b64encode(bytes(range(32))).decode()
OWN_PUBLIC = 'j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8='


def run(*args, stdin='', **kwargs):
    return subprocess.run([HAMCTL, *map(str, args)], input=stdin, capture_output=True, text=True,
                          timeout=30, check=False, **kwargs)


class Keys(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix='hamctl-key-')
        self.path = pathlib.Path(self.dir.name, 'site.key')

    def tearDown(self):
        self.dir.cleanup()

    def fails(self, result, message):
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (1, '', f'hamctl: {message}\n'))

    def prints(self, result, text):
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, text + '\n', ''))

    def test_file(self):
        old = os.umask(0)
        try:
            made = run('genkey', self.path)
        finally:
            os.umask(old)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o600)
        key = self.path.read_text()
        self.assertEqual((len(key), key[-1], len(base64.b64decode(key))), (45, '\n', 32))
        self.assertNotIn(key.strip(), made.stdout)
        self.prints(run('pubkey', self.path), made.stdout.strip())

    def test_is_never_written_over(self):
        self.path.write_text('mine\n')
        self.fails(run('genkey', self.path), f'{self.path}: is there already; move it away, or see '
                                             'its public key by hamctl pubkey')
        self.assertEqual(self.path.read_text(), 'mine\n')
        link = pathlib.Path(self.dir.name, 'link')
        link.symlink_to(pathlib.Path(self.dir.name, 'elsewhere'))
        self.assertEqual(run('genkey', link).returncode, 1)
        self.assertFalse(link.exists())

    def test_standard_output(self):
        made = run('genkey')
        key = base64.b64decode(made.stdout)
        self.assertEqual((made.returncode, len(key), made.stderr), (0, 32, ''))
        self.assertEqual((key[0] & 7, key[31] & 0xc0), (0, 0x40)) # RFC 7748, 5
        self.assertNotEqual(run('genkey').stdout, made.stdout)
        with open(self.path, 'w', encoding='ascii') as f:
            os.fchmod(f.fileno(), 0o644)
            told = subprocess.run([HAMCTL, 'genkey'], stdout=f, stderr=subprocess.PIPE, text=True,
                                  check=True)
        self.assertIn('others may open', told.stderr)

    def test_public(self):
        for text in (OWN, OWN + '\n', f' \t{OWN}\r\n', bytes(range(32)).hex()):
            self.prints(run('pubkey', stdin=text), OWN_PUBLIC)
            self.path.write_text(text)
            self.prints(run('pubkey', self.path), OWN_PUBLIC)

    def test_no_key(self):
        why = 'holds no private key: 32 octets in base64'
        for text in ('', 'AAAA', OWN[:-1], OWN + 'AAAA', f'{OWN}\n{OWN}\n', PRIVATE + '00',
                     PRIVATE[:-2], 'x' * 5000):
            self.fails(run('pubkey', stdin=text), f'standard input: {why}')
        self.fails(run('pubkey', self.path), f'{self.path}: No such file or directory')
        self.fails(run('pubkey', self.dir.name), f'{self.dir.name}: Is a directory')
        self.fails(run('genkey', self.path / 'x'), f'{self.path}/x: No such file or directory')

    def test_usage(self):
        for command in ('genkey', 'pubkey'):
            self.assertEqual(run(command, 'a', 'b').returncode, 2)
            self.assertEqual(run(command, '--all').returncode, 2)
            self.assertIn('FILE', run('help', command).stdout)
        self.assertIn('genkey|pubkey', run('completion', 'bash').stdout)

    def test_hamd_takes_it(self):
        other = pathlib.Path(self.dir.name, 'other.key')
        run('genkey', self.path)
        conf = pathlib.Path(self.dir.name, 'hamd.json')
        conf.write_text(json.dumps({
            'node': {'id': 1},
            'ports': [{'name': 'wan', 'device': 'net_null0', 'addresses': ['2001:db8:1::10/64']}],
            'mesh': {'site-address': '2001:db8:1::10', 'private-key-file': str(self.path),
                     'peers': [{'id': 2, 'name': 'tokyo', 'address': '2001:db8:2::10',
                                'public-key': run('genkey', other).stdout.strip()}]}}))
        check = subprocess.run([HAMD, '-t', '-c', conf], capture_output=True, text=True,
                               check=False, timeout=30)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.path.chmod(0o640)
        check = subprocess.run([HAMD, '-t', '-c', conf], capture_output=True, text=True,
                               check=False, timeout=30)
        self.assertIn('mesh.private-key-file', check.stderr)
        self.assertEqual(check.returncode, 1)


if __name__ == '__main__':
    HAMCTL, HAMD = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
