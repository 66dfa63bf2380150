#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are the man page's lists of commands and options those of hamctl's tables?

usage: man_test.py [--update] HAMCTL_MAN_GEN PAGE
"""
import pathlib
import shutil
import subprocess
import sys

BEGIN, END = '.\\" begin generated\n', '.\\" end generated\n'


def main(args):
    generator, page = [a for a in args if a != '--update']
    page = pathlib.Path(page)
    text = page.read_text()
    head, rest = text.split(BEGIN)
    lists = subprocess.run([generator], check=True, capture_output=True, text=True).stdout
    wanted = head + BEGIN + lists + END + rest.split(END)[1]
    if '--update' in args:
        page.write_text(wanted)
    elif text != wanted:
        print(f'{page}: differs from src/cli/cmd.c; run: man_test.py --update {generator} {page}')
        return 1
    if shutil.which('mandoc'):
        return subprocess.run(['mandoc', '-Tlint', '-W', 'warning', page], check=False).returncode
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
