# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 in the middle of a storm of Binding Updates, again and again: no acknowledged binding may
be missing afterwards. Run by scripts/soak --store.

usage: killstorm.py [TIMES [RATE [NODES]]]        20 times, 10000 a second, 5000 mobile nodes
"""

import random
import sys
import time

from .daemon import Hamd, home_agent_config, runtime
from .netns import Lab
from .shell import LabError
from .storm import DOMAIN, Storm
from .world import HA, HAMD_DEV, World


def start(hamd):
    begin = time.monotonic()
    hamd.start()
    return time.monotonic() - begin


def once(hamd, storm, number, times):
    storm.start(HA, HAMD_DEV)
    time.sleep(random.uniform(1, 3))
    store = hamd.ctl.show("store")[0]
    hamd.kill9()
    said = storm.stop()
    took = start(hamd)
    bindings = hamd.ctl.bindings()
    faults = storm.missing(bindings)
    print(f"{number}/{times}: {said['acknowledged']} of {said['sent']} acknowledged, "
          f"{said['acknowledged'] / (said['seconds'] - 0.3):.0f} a second on average, "
          f"disk behind by at most {store['disk-longest-ms']} ms; started again in {took:.2f} s "
          f"with {len(bindings)} bindings, {len(faults)} missing", flush=True)
    for fault in faults[:10]:
        print(fault)
    return not faults


def main(times=20, rate=10000, nodes=5000):
    with Lab() as lab:
        world = World(lab)
        config = home_agent_config(
            domain={**DOMAIN, "ack-peers": "store"},
            runtime=runtime(**{"max-bindings": 2 * nodes}),
            store={"path": str(lab.dir / "store")})
        config["domains"][0]["limits"] = {**DOMAIN["limits"], "max-bindings": 2 * nodes}
        hamd = Hamd(world.ha, config, lab.dir, "kill")
        storm = Storm(world, lab.dir, nodes, rate)
        start(hamd)
        good = all([once(hamd, storm, n, times) for n in range(1, times + 1)])
        hamd.stop()
        print("every acknowledged binding was there" if good else "bindings are missing")
        return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*map(int, sys.argv[1:])))
    except LabError as error:
        sys.exit(f"killstorm: {error}")
