#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""config/routing: hamd-gate runs its commands when it has to; BIRD and FRR take the samples, where
they are installed.

usage: gate_test.py SOURCE_ROOT [unittest's arguments]
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROUTING = None
PATIENCE_S = 60

# "hamctl -n NAME ready [DOMAIN]" as the file "answer" says: a status, or "hang".
HAMCTL = '''#!/bin/sh
case $* in "-n paris ready"|"-n paris ready msp1") ;; *) exit 2;; esac
echo "$*" >>asked
read -r answer <answer
[ "$answer" = hang ] && exec sleep 60
exit "$answer"
'''


class Gate(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory(prefix='hamd-gate-')
        self.dir = pathlib.Path(self.tmp.name)
        (self.dir / 'hamctl').write_text(HAMCTL)
        (self.dir / 'hamctl').chmod(0o755)
        self.proc = None

    def tearDown(self):
        if self.proc is not None and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        self.tmp.cleanup()

    def answer(self, text):
        (self.dir / 'new').write_text(f'{text}\n')
        (self.dir / 'new').replace(self.dir / 'answer')

    def start(self, up='echo up >>did', down='echo down >>did', name='paris'):
        env = {**os.environ, 'PATH': f'{self.dir}:{os.environ["PATH"]}'}
        self.proc = subprocess.Popen([ROUTING / 'hamd-gate', name, up, down, '0.01'],
                                     cwd=self.dir, env=env, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)

    def lines(self, name):
        path = self.dir / name
        return path.read_text().split('\n')[:-1] if path.exists() else []

    def wait(self, name, count):
        """Until so many lines are in the file."""
        end = time.monotonic() + PATIENCE_S
        while len(self.lines(name)) < count:
            self.assertLess(time.monotonic(), end, f'{name}: {self.lines(name)}')
            time.sleep(0.01)
        return self.lines(name)

    def asked_again(self, times):
        self.wait('asked', len(self.lines('asked')) + times)

    def test_follows(self):
        self.answer(1)
        self.start()
        self.assertEqual(self.wait('did', 1), ['down'])
        self.asked_again(3)
        self.answer(0)
        self.assertEqual(self.wait('did', 2), ['down', 'up'])
        self.asked_again(3)
        self.answer(1)
        self.assertEqual(self.wait('did', 3), ['down', 'up', 'down'])
        self.asked_again(3)
        self.assertEqual(len(self.lines('did')), 3)  # once each

    def test_up_needs_two(self):
        self.answer(0)
        self.start()
        self.wait('did', 1)
        self.assertGreaterEqual(len(self.lines('asked')), 2)
        self.assertEqual(self.lines('did'), ['up'])

    def test_one_domain(self):
        self.answer(0)
        self.start(name='paris:msp1')
        self.assertEqual(self.wait('did', 1), ['up'])
        self.assertEqual(set(self.lines('asked')), {'-n paris ready msp1'})

    def test_hang_is_down(self):
        self.answer(0)
        self.start()
        self.wait('did', 1)
        self.answer('hang')
        self.assertEqual(self.wait('did', 2), ['up', 'down'])

    def test_end_is_down(self):
        self.answer(0)
        self.start()
        self.wait('did', 1)
        self.proc.send_signal(signal.SIGTERM)
        self.assertEqual(self.proc.wait(PATIENCE_S), 0)
        self.assertEqual(self.lines('did'), ['up', 'down'])

    def test_failure_is_repeated(self):
        self.answer(0)
        self.start(up='echo up >>did; [ "$(wc -l <did)" -ge 3 ]')
        self.assertEqual(self.wait('did', 3), ['up'] * 3)
        self.asked_again(3)
        self.assertEqual(len(self.lines('did')), 3)

    def test_usage(self):
        got = subprocess.run([ROUTING / 'hamd-gate', 'paris'], capture_output=True, text=True,
                             check=False, timeout=30)
        self.assertEqual((got.returncode, got.stdout), (2, ''))
        self.assertIn('usage: hamd-gate NAME[:DOMAIN] UP DOWN', got.stderr)


class Samples(unittest.TestCase):
    def check(self, *command):
        got = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        self.assertEqual((got.returncode, got.stdout + got.stderr), (0, ''))

    @unittest.skipUnless(shutil.which('bird'), 'no bird')
    def test_bird(self):
        self.check('bird', '-p', '-c', ROUTING / 'bird.conf')

    @unittest.skipUnless(os.path.exists('/usr/lib/frr/bgpd'), 'no FRR')
    def test_frr(self):
        self.check('/usr/lib/frr/bgpd', '-C', '-S', '-f', ROUTING / 'frr.conf')


if __name__ == '__main__':
    ROUTING = pathlib.Path(sys.argv[1], 'config/routing')
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
