#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Alert rules and dashboard use metrics that there are, and labels that these have.

usage: monitoring_test.py SOURCE_ROOT
"""
import json
import pathlib
import re
import sys

try:
    import yaml
except ImportError:
    print('python3-yaml is missing: skipped')
    sys.exit(77)

SCRAPED = {'instance', 'job'}  # what Prometheus adds


def section(doc, title):
    return doc.split(f'\n## {title}\n')[1].split('\n## ')[0]


def metrics(doc):
    """{metric: labels}, out of the tables that are made from the lists in the source."""
    known = {}
    for title in ('Data plane', 'Control core'):
        for name in re.findall(r'^\| `(\w+)` \|', section(doc, title), re.M):
            known[f'hamd_{name}_total'] = set()
    rows = re.findall(r'^\| `(hamd_\w+)` \| \w+ \| ([^|]*) \|', section(doc, 'Metrics'), re.M)
    for name, labels in rows:
        known[name] = set(filter(None, re.split(r'[, ]+', labels)))
    return known


def values(doc):
    """What alarms' and drops' labels can be."""
    return {title.lower(): set(re.findall(r'^\| `(\w+)` \|', section(doc, title), re.M))
            for title in ('Drops', 'Alarms')}


def expressions(config):
    rules = yaml.safe_load((config / 'hamd.rules.yml').read_text())
    for group in rules['groups']:
        for rule in group['rules']:
            yield rule['alert'], rule['expr']
            text = ' '.join(rule['annotations'].values())
            yield rule['alert'], ' '.join(re.findall(r'\$labels\.(\w+)', text)), rule['expr']
    board = json.loads((config / 'hamd.dashboard.json').read_text())
    for panel in board['panels']:
        for target in panel['targets']:
            yield panel['title'], target['expr']
            legend = ' '.join(re.findall(r'{{(\w+)}}', target['legendFormat']))
            yield panel['title'], legend, target['expr']
    for variable in board['templating']['list']:
        yield variable['name'], variable['query'].removeprefix('label_values')


def faults(root):
    doc = pathlib.Path(root, 'docs/counters.md').read_text()
    known, possible = metrics(doc), values(doc)
    if len(known) < 60 or len(possible['alarms']) < 10 or len(possible['drops']) < 50:
        yield f'docs/counters.md: {len(known)} metrics'
    seen = 0
    for where, *texts in expressions(pathlib.Path(root, 'config/monitoring')):
        expr = texts[-1]
        used = set(re.findall(r'\bhamd_\w+', expr))
        seen += len(used)
        for name in sorted(used - known.keys()):
            yield f'{where}: there is no {name}'
        labels = set().union(SCRAPED, {'file'}, *(known.get(n, set()) for n in used))
        wanted = re.findall(r'[{,]\s*(\w+)\s*=', expr) + re.findall(r'by \(([^)]*)\)', expr)
        if len(texts) == 2:  # what a text says about the series
            wanted = [texts[0]]
        for label in re.split(r'[, ]+', ' '.join(wanted)):
            if label and label not in labels:
                yield f'{where}: {", ".join(sorted(used))} has no label {label}'
        for pattern in re.findall(r'reason=~?"([^"]*)"', expr):
            for part in pattern.split('|'):
                if not any(re.fullmatch(part, v) for v in possible['drops']):
                    yield f'{where}: there is no reason {part}'
    if seen < 20:
        yield f'only {seen} uses of metrics: are the files there?'


def main(args):
    lines = list(faults(args[0]))
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
