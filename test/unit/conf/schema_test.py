#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""config/hamd.schema.json is a JSON Schema; it takes the samples and refuses what is wrong.

usage: schema_test.py SOURCE_ROOT
"""
import copy
import json
import pathlib
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print('python3-jsonschema is missing: skipped')
    sys.exit(77)

# Where in home-agent.json, the value put there, and the rule that has to refuse it.
MESH = {
    'site-address': '2001:db8:1::10', 'private-key-file': '/etc/hamd/site.key',
    'peers': [{'id': 2, 'name': 'tokyo', 'address': '2001:db8:2::10',
               'public-key': 'NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ='}],
}
WRONG = [
    (['mesh'], {k: MESH[k] for k in MESH if k != 'site-address'}, 'required'),
    (['mesh'], MESH | {'hello-ms': 9}, 'minimum'),
    (['mesh'], MESH | {'peers': [MESH['peers'][0] | {'id': 0}]}, 'minimum'),
    (['mesh'], MESH | {'peers': [MESH['peers'][0] | {'public-key': 'AAAA'}]}, 'pattern'),
    (['domains', 0, 'mode'], 'anycast', 'enum'),
    (['domains', 0, 'ack-peers'], 255, 'anyOf'),
    (['domains', 0, 'ack-peers'], 'any', 'anyOf'),
    (['domains', 0, 'peers'], [{}], 'required'),
    (['prots'], [], 'additionalProperties'),
    (['node', 'id'], 0, 'minimum'),
    (['node', 'id'], 256, 'maximum'),
    (['node', 'id'], 1.5, 'type'),
    (['node', 'id'], '1', 'type'),
    (['node', 'name'], 'Paris', 'pattern'),
    (['node', 'name'], '', 'pattern'),
    (['node', 'name'], 'a' * 32, 'maxLength'),
    (['node', 'roles'], [], 'minItems'),
    (['node', 'roles'], ['lma'], 'enum'),
    (['runtime', 'memory_mb'], 64, 'additionalProperties'),
    (['runtime', 'lcores'], '0-', 'pattern'),
    (['runtime', 'hugepages'], 1, 'type'),
    (['runtime', 'pdump'], 'yes', 'type'),
    (['runtime', 'socket'], 'x.sock', 'pattern'),
    (['runtime', 'log-level'], 'warning', 'enum'),
    (['icmp'], {'burst': 0}, 'minimum'),
    (['ports'], [], 'minItems'),
    (['ports'], None, 'type'),
    (['ports', 0], {'name': 'wan'}, 'required'),
    (['ports', 0, 'device'], 'eth0', 'pattern'),
    (['ports', 0, 'mtu'], 1279, 'minimum'),
    (['ports', 0, 'vlan'], 4095, 'maximum'),
    (['ports', 0, 'addresses'], ['2001:db8::1'], 'pattern'),
    (['ports', 0, 'addresses'], ['2001:db8::1/129'], 'pattern'),
    (['routes', 0, 'via'], 'next', 'pattern'),
    (['domains', 0, 'home-link'], 'eth0', 'type'),
    (['domains', 0, 'mobile-prefixes'], [], 'minItems'),
    (['domains', 0, 'mobile-nodes', 0], {'home-address': '2001:db8:a::2'}, 'required'),
    (['domains', 0, 'mobile-nodes', 0, 'auth', 'type'], 'ipsec', 'enum'),
    (['domains', 0, 'mobile-nodes', 0, 'auth'],
     {'type': 'mn-ha', 'spi': 255, 'key-file': '/k'}, 'minimum'),
    (['domains', 0, 'mobile-nodes', 0, 'auth'],
     {'type': 'mn-ha', 'spi': 256, 'key-file': 'k'}, 'pattern'),
    (['domains', 0, 'lifetime-max-s'], 3601, 'multipleOf'),
    (['domains', 0, 'encap-limit'], 'never', 'enum'),
    (['domains', 0, 'tcp-mss-clamp'], 'on', 'anyOf'),
    (['domains', 0, 'tcp-mss-clamp'], 999, 'anyOf'),
    (['domains', 0, 'limits', 'bu-per-s'], 0, 'minimum'),
    (['accounting'], {'file': 'a'}, 'pattern'),
    (['accounting'], {'file': '/a', 'interim-s': 0}, 'minimum'),
    (['accounting'], {'file': '/a', 'rotate-keep': 1001}, 'maximum'),
]


def put(doc, path, value):
    """A copy of doc with another value at path."""
    doc = copy.deepcopy(doc)
    node = doc
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return doc


def walk(schema):
    """Every schema inside a schema."""
    yield schema
    for inner in list(schema.get('properties', {}).values()) + [schema.get('items', {})]:
        if inner:
            yield from walk(inner)


def faults(root):
    """What is wrong with the schema, a line each."""
    config = pathlib.Path(root, 'config')
    schema = json.loads((config / 'hamd.schema.json').read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    samples = [p for p in config.glob('*.json') if p.name != 'hamd.schema.json']
    if len(samples) < 4:
        yield f'{config}: {len(samples)} samples'
    for path in samples:
        for error in validator.iter_errors(json.loads(path.read_text())):
            yield f'{path}: {error.json_path}: {error.message}'

    good = json.loads((config / 'home-agent.json').read_text())
    for path, value, rule in WRONG:
        found = [e.validator for e in validator.iter_errors(put(good, path, value))]
        if found != [rule]:
            yield f'{path} = {value!r}: refused by {found}, not by {rule}'

    for inner in walk(schema):
        if inner.get('type') == 'object' and inner.get('additionalProperties') is not False:
            yield f'{inner}: takes unknown keys'
        if 'default' in inner:
            for error in Draft202012Validator(inner).iter_errors(inner['default']):
                yield f'default of {inner}: {error.message}'
        for key, value in inner.get('properties', {}).items():
            if not value.get('description'):
                yield f'{key}: no description'


def main(args):
    lines = list(faults(args[0]))
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
