#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is generated from the field tables and kept in the tree: the same as the tables say?

usage: generated_test.py [--update] SCHEMA_GEN SOURCE_ROOT
"""
import pathlib
import subprocess
import sys

BEGIN, END = '.\\" begin generated\n', '.\\" end generated\n'


def generate(tool, what):
    return subprocess.run([tool, what], check=True, capture_output=True, text=True).stdout


def with_tables(page, tables):
    """The man page with other tables between its marks."""
    head, rest = page.split(BEGIN)
    return head + BEGIN + tables + END + rest.split(END)[1]


def main(args):
    update = '--update' in args
    tool, root = [a for a in args if a != '--update']
    schema = pathlib.Path(root, 'config/hamd.schema.json')
    page = pathlib.Path(root, 'docs/man/hamd.json.5')
    wanted = {
        schema: generate(tool, 'schema'),
        page: with_tables(page.read_text(), generate(tool, 'man')),
    }
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text() != text]
    for path in stale:
        if update:
            path.write_text(wanted[path])
        print(f'{path}: {"written" if update else "differs from src/conf/fields.c"}')
    if stale and not update:
        print('run: ninja -C BUILD update-generated')
    return 1 if stale and not update else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
