# SPDX-License-Identifier: BSD-3-Clause
"""Three sites of a mesh, each with its home agent address, far from each other: where packets go,
and what becomes of them when a site moves, leaves, freezes, is killed or cannot be heard. The mobile
node drops tunnel packets from any address but its home agent's, and counts them."""

import signal
import socket

import pytest

from lab.mesh import DOMAIN, MeshWorld, agent_address, between, site_address
from lab.pings import Pings, Stream
from lab.raw import Wire, send_ip6
from lab.shell import until
from lab.transfer import Transfer
from lab.world import MOBILE_PREFIX, hoa_of
from scapy.layers.inet6 import UDP, IPv6
from scapy.packet import Raw

SETTINGS = {"drain-wait-ms": 1000, "join-timeout-ms": 500, "remember-sequence": True}
PORT = 4750
HOA, HOA2 = hoa_of(1), hoa_of(2)


@pytest.fixture(scope="module")
def mesh(lab, daemon):
    world = MeshWorld(lab, sites=3, delay_ms=4, mobile_nodes=2)
    for k, site in world.sites.items():
        site.hamd = daemon(site.ns, world.config(k, domain=SETTINGS), site.name)
        site.hamd.start(ready=False)
    for site in world.sites.values():
        site.hamd.wait_log(site.hamd.READY, 30)
    yield world
    assert set(world.stop().values()) == {0}


@pytest.fixture(autouse=True)
def whole(mesh):
    """All sites run and hear each other; the mobile nodes are where they register next."""
    mesh.heal()
    for site in mesh.sites.values():
        if not site.hamd.is_running():
            site.hamd.start()
    all_up(mesh)
    for mn in mesh.mns:
        mn.use_agent(agent_address(1))
    yield
    for mn in mesh.mns:
        assert mn.counter("stray") == 0, "a tunnel packet from someone else's address"


def states(mesh, k):
    return {p["site"]: p["state"] for p in mesh[k].ctl.show("peers")}


def all_up(mesh, timeout=20):
    mesh.gate.wait(timeout, **{f"site{k}": True for k in mesh.sites})
    for k in mesh.sites:
        until(f"all up at site {k}", lambda k=k: set(states(mesh, k).values()) == {"up"}, timeout)


def owner(mesh, k, hoa=HOA):
    """Number of the owner as site k sees it, None: it has no binding."""
    row = mesh[k].ctl.binding(hoa)
    return int(row["owner"][-1]) if row else None


def owners(mesh, hoa=HOA, sites=None):
    return {owner(mesh, k, hoa) for k in sites or mesh.sites}


def agree(mesh, on, hoa=HOA, sites=None, timeout=10):
    until(f"{hoa} is site {on}'s everywhere", lambda: owners(mesh, hoa, sites) == {on}, timeout)


def reached(mesh, hoa=HOA, sites=None):
    for k in sites or mesh.sites:
        got, said = mesh[k].cn.ping(hoa, count=1)
        assert got == 1, f"from site {k}: {said}"


def taken_over(mesh, sites=None):
    return [mesh[k].ctl.counters()["mesh_taken_over"] for k in sites or mesh.sites]


def said(mesh):
    """{site: lines in its log}"""
    return {k: len(site.hamd.lines) for k, site in mesh.sites.items()}


def stood_still(mesh, since, *sites):
    """One of them did, as on a machine that is busy: the others took over and traffic was lost,
    whatever else happened."""
    return any("this site stood still" in line for k in sites
               for line in mesh[k].hamd.lines[since[k]:])


def alarm(mesh, k, name, site):
    """Site k raises it and names the other."""
    return [a for a in mesh[k].ctl.show("alarms") if a["alarm"] == name and site in a["detail"]]


def asked_in_vain(mesh, k):
    """No route leads to a site that is not ready: here one does, and it answers nobody all the
    same, nor does it say of anybody that he cannot be reached."""
    site = mesh[k]
    site.router.ip("-6", "route", "replace", MOBILE_PREFIX, "via", site.address, "dev", "r-ha")
    before = site.ctl.counters()["rx_packets"]
    with site.ctl.moves("drops", not_ready=-2):
        assert mesh.mn.update(site.name, timeout=0.5) is None
        got, said = site.cn.ping(HOA, count=1, wait=1)
        assert got == 0 and "nreachable" not in said, said
    assert site.ctl.counters()["rx_packets"] >= before + 2
    assert owner(mesh, k) is None


def home(mesh, k, mn=None):
    """Registered with site k, from there."""
    mn = mn or mesh.mn
    mn.use_agent(agent_address(k), keep=[mn.ha])
    mn.register(f"site{k}")
    agree(mesh, k, mn.hoa)
    mn.use_agent(agent_address(k))


def test_known_everywhere(mesh):
    """When the acknowledgement has come another site has the binding; soon all have it, with the
    same versions, and each of them delivers."""
    home(mesh, 1)
    rows = [mesh[k].ctl.binding(HOA) for k in mesh.sites]
    for key in ("care-of-address", "home-agent-address", "sequence", "version", "owner-version"):
        assert len({row[key] for row in rows}) == 1, key
    reached(mesh)


def test_direct(mesh):
    """No detour: the site next to the correspondent tunnels to the care-of address, the one next to
    the mobile node opens its tunnel, whoever has the binding."""
    home(mesh, 1)
    assert mesh.mn.register("site2").src == agent_address(1)
    assert owners(mesh) == {1}, "a Binding Update for site 1's address was relayed to site 1"
    until("all know the care-of address", lambda: {
        mesh[k].ctl.binding(HOA)["care-of-address"] for k in mesh.sites} == {mesh.mn.coa})
    assert mesh.crossings(2, HOA, repeats=0) == {}
    assert mesh.crossings(3, HOA, repeats=0) == {between(2, 3): 2}


def test_move(mesh):
    """From site 1 to site 2, with its home agent address too: nothing that is sent to it is lost on
    the way."""
    home(mesh, 1)
    flows = [Stream(mesh[k].cn, mesh.mn.ns, HOA, port=6000 + k) for k in mesh.sites]
    for flow in flows:
        flow.wait_for(5)
    mesh.mn.use_agent(agent_address(2), keep=[agent_address(1)])
    mesh.mn.move("site2")
    for flow in flows:
        flow.wait_for(20)
    assert [flow.stop() for flow in flows] == [[], [], []]
    agree(mesh, 2)


def test_two_mobile_nodes(mesh):
    """Owners at two sites, each mobile node next to the other's."""
    home(mesh, 1, mesh.mns[0])
    home(mesh, 2, mesh.mns[1])
    mesh.mns[0].register("site2")
    mesh.mns[1].register("site1")
    assert (owner(mesh, 1, HOA), owner(mesh, 1, HOA2)) == (1, 2)
    for mn, other in ((mesh.mns[0], HOA2), (mesh.mns[1], HOA)):
        got, said = mn.ns.ping(other, "-I", mn.hoa, count=3)
        assert got == 3, said


def test_transfer_through_a_kill(mesh):
    """kill -9 of the owner in the middle of a TCP transfer: another site has the binding and
    adopts the address; the site comes back and gets its bindings again."""
    home(mesh, 2)
    run = Transfer(mesh[1].cn, mesh[1].cn_address, mesh.mn.ns, HOA, size=6 << 20, rate=3 << 20)
    run.wait_for(run.size // 3)
    mesh[2].hamd.kill9()
    run.join()
    assert run.max_gap < 5
    assert owners(mesh, sites=(1, 3)) in ({1}, {3})
    ba = mesh.mn.update()
    assert (ba.status, ba.src) == (0, agent_address(2)), "the adopted address answers"
    reached(mesh)
    flow = Pings(mesh[1].cn, HOA)
    mesh[2].hamd.start()
    all_up(mesh)
    agree(mesh, 2)
    flow.wait_for(10)
    assert flow.stop() == []
    reached(mesh)


def test_drain_and_return(mesh):
    """Leave, stop, come back: no packet is lost."""
    home(mesh, 1)
    flows = [Pings(mesh[k].cn, HOA) for k in (1, 3)]
    mesh[1].ctl("drain", "--wait", "--seconds", 15)
    mesh.gate.wait(site1=False)
    assert owners(mesh, sites=(2, 3)) in ({2}, {3})
    for flow in flows:
        flow.wait_for(10)
    assert mesh[1].hamd.stop() == 0
    mesh[1].hamd.start()
    all_up(mesh)
    agree(mesh, 1)
    for flow in flows:
        flow.wait_for(10)
    assert [flow.stop() for flow in flows] == [[], []]


def test_late_update_to_a_draining_site(mesh):
    """The mobile node's next Binding Update goes to the address of the site that leaves."""
    home(mesh, 1)
    mesh[1].ctl("drain", "--wait", "--seconds", 15)
    mesh.gate.wait(site1=False)
    assert mesh.mn.update().status == 0
    reached(mesh)
    mesh[1].ctl("undrain")
    mesh.gate.wait(site1=True)
    reached(mesh)


def test_frozen_site(mesh):
    """SIGSTOP for longer than dead-ms; meanwhile the mobile node registers elsewhere. The site that
    wakes up does not fight for what it had: it joins, takes over nothing, and of what is sent
    beside it nothing is lost."""
    home(mesh, 1)
    hamd, since = mesh[1].hamd, said(mesh)
    before = taken_over(mesh, (1,))
    flows = [Stream(mesh[2].cn, mesh.mn.ns, HOA, port=6002)]
    hamd.send_signal(signal.SIGSTOP)
    try:
        mesh.gate.wait(site1=False)
        until("taken over", lambda: owners(mesh, sites=(2, 3)) in ({2}, {3}), 10)
        flows.append(Stream(mesh[1].cn, mesh.mn.ns, HOA, port=6001))
        mesh.mn.register("site2", tries=3)
        coa = mesh.mn.coa
        before += taken_over(mesh, (2, 3))
        woke = len(hamd.lines)
    finally:
        hamd.send_signal(signal.SIGCONT)
    hamd.wait_log("this site stood still", 10, since=woke)
    since[1] = len(hamd.lines)
    hamd.wait_log("has another state now.*joining", 10, since=woke)
    all_up(mesh)
    until("one care-of address", lambda: {
        mesh[k].ctl.binding(HOA)["care-of-address"] for k in mesh.sites} == {coa}, 10)
    until("one owner", lambda: len(owners(mesh)) == 1, 10)
    for flow in flows:
        flow.wait_for(20)
    lost, after = [flow.stop() for flow in flows], taken_over(mesh)
    if not stood_still(mesh, since, *mesh.sites):
        assert (lost, after) == ([[], []], before)
    reached(mesh)


def test_partition(mesh):
    """Site 1 alone, both halves serve who reaches them; then the newest registration is
    everywhere."""
    home(mesh, 1)
    home(mesh, 2, mesh.mns[1])
    mesh.mn.register("site3")
    mesh.cut(1, 2)
    mesh.cut(1, 3)
    until("site 1 is alone", lambda: set(states(mesh, 1).values()) == {"dead"}, 10)
    until("the others know", lambda: states(mesh, 2)["site1"] == "dead", 10)
    assert mesh.mn.register("site1").status == 0
    assert mesh[1].ctl.binding(HOA)["alone"]
    reached(mesh, HOA, (1,))
    mesh.mns[1].register("site3")
    reached(mesh, HOA2, (2, 3))
    mesh.heal()
    all_up(mesh)
    for hoa, mn in ((HOA, mesh.mn), (HOA2, mesh.mns[1])):
        until(f"{hoa} is the same everywhere", lambda h=hoa, m=mn: {
            (row := mesh[k].ctl.binding(h)) and (row["care-of-address"], row["sequence"])
            for k in mesh.sites} == {(m.coa, m.seq)}, 10)
        reached(mesh, hoa)
    assert not mesh[1].ctl.binding(HOA)["alone"]


def test_shorter_registration(mesh):
    """Registered for long with site 1, which is cut off then; for four seconds with the others, and
    silent afterwards. What site 1 still holds does not come back when it is heard again."""
    home(mesh, 1)
    mesh.cut(1, 2)
    mesh.cut(1, 3)
    until("the others know", lambda: {states(mesh, k)["site1"] for k in (2, 3)} == {"dead"}, 10)
    mesh.mn.register("site3", lifetime_s=4)
    by = owner(mesh, 3)
    until("it has ended", lambda: owner(mesh, by) is None, 10)
    assert owner(mesh, 1) == 1
    mesh.heal()
    all_up(mesh)
    until("all have heard of it", lambda: owner(mesh, 1) is None, 5)
    assert owner(mesh, by) is None
    until("nobody has it", lambda: owners(mesh) == {None}, 10)
    home(mesh, 1)
    reached(mesh)


def test_cut_off(mesh):
    """Sites 1 and 2 lose each other, site 3 hears both: nothing is taken over; site 1 is who would
    take over what site 2 has."""
    home(mesh, 1)
    home(mesh, 2, mesh.mns[1])
    mesh.mn.register("site3")
    before = taken_over(mesh)
    mesh.cut(1, 2)
    until("cut off", lambda: "cut" in states(mesh, 1)["site2"] and "cut" in states(mesh, 2)["site1"],
          10)
    assert mesh.mn.update().status == 0
    until("site 2 hears of it by site 3", lambda: mesh[2].ctl.binding(HOA)["sequence"] ==
          mesh.mn.seq, 5)
    reached(mesh)
    assert taken_over(mesh) == before
    assert (owners(mesh), owners(mesh, HOA2)) == ({1}, {2})


def test_one_way(mesh):
    """What site 2 says no longer arrives at site 1: a path that is not up, at both ends, and nothing
    is taken over (site 1 is who would)."""
    home(mesh, 1)
    home(mesh, 2, mesh.mns[1])
    since, before = said(mesh), taken_over(mesh)
    mesh.cut(1, 2, way=(2, 1))
    until("not up", lambda: states(mesh, 1)["site2"] != "up" and states(mesh, 2)["site1"] != "up",
          10)
    mesh.mn.register("site3", tries=3)
    for k in mesh.sites:
        mesh.until_known(k, mesh.mn)
    reached(mesh)
    assert owners(mesh) == {1}
    now = taken_over(mesh), owners(mesh, HOA2)
    assert now == (before, {2}) or stood_still(mesh, since, *mesh.sites)


WORSE = ("lost", "duplicated", "late")


def harm(mesh):
    """{(line, what): frames that it happened to}"""
    total = {(name, what): 0 for name in mesh.wires.names for what in WORSE}
    for (name, _), row in mesh.wires.show().items():
        for what in WORSE:
            total[name, what] += row[what]
    return total


def test_bad_lines(mesh):
    """Loss, copies, frames out of order on every line: who repeats what was lost registers, all
    sites know it, and a transfer meanwhile arrives whole."""
    home(mesh, 1)
    before = harm(mesh)
    mesh.delays(loss_percent=3, duplicate_percent=3, reorder_percent=5, jitter_ms=3)
    try:
        run = Transfer(mesh[2].cn, mesh[2].cn_address, mesh.mn.ns, HOA, size=512 << 10)
        for n in range(10):
            link = f"site{1 + n % 3}"
            until("an answer", lambda at=link: mesh.mn.update(at, timeout=1), 10)
            mesh.mn.attach(link)
        run.join()
        agree(mesh, 1)
        until("the last one is known", lambda: {
            mesh[k].ctl.binding(HOA)["sequence"] for k in mesh.sites} == {mesh.mn.seq}, 10)
        until("each line was bad in each way", lambda: all(
            n > before[what] for what, n in harm(mesh).items()), 20)
    finally:
        mesh.delays(loss_percent=0, duplicate_percent=0, reorder_percent=0, jitter_ms=0)
    all_up(mesh)
    reached(mesh)


FLOOD, BURST = 6000, 200  # datagrams; so many of them at once find room at a port


def flood(mesh, k):
    """Datagrams from addresses that are nobody's to both ports of site k, as fast as it counts
    them."""
    def packet(n):
        return bytes(IPv6(src=f"2001:db8:c{k}::bad:{n:x}", dst=site_address(k))
                     / UDP(sport=PORT, dport=PORT + n % 2) / Raw(n.to_bytes(2, "big") * 100))
    packets = [packet(n) for n in range(BURST)]
    begin = mesh[k].ctl.drops()["mesh_stranger"]
    with mesh[k].cn.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for sent in range(BURST, FLOOD + 1, BURST):
            for data in packets:
                sock.sendto(data, (site_address(k), 0))
            until("they are counted", lambda n=begin + sent: mesh[k].ctl.drops()[
                "mesh_stranger"] >= n, 10, every=0)


def test_strangers_and_replays(mesh):
    """A flood on the ports of the mesh from addresses that are nobody's is dropped before any ring,
    and nothing of the traffic beside it is lost; what was heard before is not taken again."""
    home(mesh, 1)
    flow = Stream(mesh[1].cn, mesh.mn.ns, HOA)
    with mesh[1].ctl.moves("drops", mesh_stranger=FLOOD):
        flood(mesh, 1)
    flow.wait_for(5)
    assert flow.stop() == []
    heard = []
    with Wire(mesh[1].router, "r-r2") as wire:
        mesh.mn.update()
        heard = wire.collect(lambda p: UDP in p and p[UDP].dport == PORT, 1)
    assert heard
    with mesh[1].ctl.moves("drops", sync_replayed=len(heard)):
        for pkt in heard:
            send_ip6(mesh[1].router, bytes(pkt[IPv6]))
    reached(mesh)


def test_all_again(mesh):
    """All killed, without a store: a new beginning that needs no operator."""
    home(mesh, 1)
    for site in mesh.sites.values():
        site.hamd.kill9()
    for site in mesh.sites.values():
        site.hamd.start()
    all_up(mesh)
    home(mesh, 1)
    reached(mesh)


def test_wrong_key(mesh):
    """A first start of all where one site has another key than the others know: nothing is served
    before the operator says so, and alarms name that site. Then the others serve and it does not;
    with its own key again it does."""
    good = mesh[3].hamd.path.read_text()
    for site in mesh.sites.values():
        site.hamd.kill9()
    mesh.gate.wait(site1=False, site2=False, site3=False)
    mesh[3].hamd.path.write_text(good.replace(str(mesh.key_file(3)), str(mesh.other_key())))
    try:
        for site in mesh.sites.values():
            site.hamd.start()
        for k, other in ((1, "site3"), (2, "site3"), (3, "site")):
            until("the alarm names the site", lambda k=k, other=other: alarm(
                mesh, k, "domain_waits", other)
                and (k == 3 or states(mesh, 3 - k)[f"site{k}"] == "up"), 10)
            assert mesh[k].ctl.run("ready").returncode == 1
        for k in (1, 2):
            until("an alarm says why", lambda k=k: alarm(mesh, k, "peer_key", "site3"), 10)
            assert not alarm(mesh, k, "peer_key", f"site{3 - k}")
        for k in mesh.sites:
            asked_in_vain(mesh, k)
        mesh[1].ctl("ready", "--force", DOMAIN)
        mesh.gate.wait(site1=True, site2=True)
        assert mesh.mn.register("site1").status == 0
        agree(mesh, 1, sites=(1, 2))
        reached(mesh)   # who is near site 3 by another one
        asked_in_vain(mesh, 3)
        assert mesh[3].ctl.run("ready").returncode == 1
        assert set(states(mesh, 3).values()) == {"dead"}
    finally:
        mesh[3].hamd.kill9()
        mesh[3].hamd.path.write_text(good)
    mesh[3].hamd.start()
    all_up(mesh)
    agree(mesh, 1)
    reached(mesh)


def test_first_start_with_one_missing(mesh):
    """Two of three serve nothing before the operator says so at one of them; afterwards all do."""
    for site in mesh.sites.values():
        site.hamd.kill9()
    mesh.gate.wait(site1=False, site2=False, site3=False)
    for k in (1, 2):
        mesh[k].hamd.start()
    until("they hear each other", lambda: states(mesh, 1)["site2"] == "up", 10)
    for k in (1, 2):
        until("the alarm names the site", lambda k=k: alarm(mesh, k, "domain_waits", "site3"), 5)
        assert mesh[k].ctl.run("ready").returncode == 1
        asked_in_vain(mesh, k)
    mesh[1].ctl("ready", "--force", DOMAIN)
    mesh.gate.wait(site1=True, site2=True)
    assert mesh.mn.register("site1").status == 0
    agree(mesh, 1, sites=(1, 2))
    reached(mesh)
    mesh[3].hamd.start()
    all_up(mesh)
    agree(mesh, 1)
    reached(mesh)
