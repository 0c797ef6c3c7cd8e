"""Health checks that travel as packets do, of either family inside and outside, unpacked by another decapsulator than ours.

    lb [agent: checks of 198.18.0.10 and fd00::10] lb1 === (IPv4 or IPv6) ===> b1 [sockets -> tun0, both on lo]
"""
import socket

import pytest

from agent import SLUICE, spawn
from client import eventually
from conftest import routing
from detour import in_place_once, nothing_left, states
from direct import Direct, Unpacker, sysctl
from topology import BACKENDS, BACKENDS6, VIP, VIP6, run

FAMILIES = [("ipip", VIP6, BACKENDS6[0]), ("ipip", VIP6, BACKENDS[0]), ("ipip", VIP, BACKENDS6[0]),
            ("gue", VIP6, BACKENDS6[0]), ("gue", VIP6, BACKENDS[0]), ("gue", VIP, BACKENDS6[0]), ("dsr", VIP6, BACKENDS6[0])]


def endpoint(address, port=5432):
    return ("[%s]:%d" if ":" in address else "%s:%d") % (address, port)


@pytest.fixture(scope="module")
def both(net, backends):
    """b1 with both virtual addresses and a server on each, and the unpacker."""
    server = net.backends[0]
    with net.ipv6(), Direct(net), Unpacker(net, server) as unpacker:
        run("ip", "-n", server, "addr", "add", VIP6 + "/128", "dev", "lo", "nodad")
        sysctl(net, server, conf__tun0__rp_filter=0)
        process = spawn(net.enter(server) + [SLUICE, "whoami", "--name", "six", "--tcp", endpoint(VIP6)])
        try:
            yield unpacker
        finally:
            process.kill()
            process.wait()
            run("ip", "-n", server, "addr", "del", VIP6 + "/128", "dev", "lo")


@pytest.mark.parametrize("how,vip,server", FAMILIES)
def test_either_family_inside_and_outside(launch, both, how, vip, server):
    balancer = {"forwarding": how, "healthCheck": {"interval": "200ms", "timeout": "400ms"}, "servers": [{"address": endpoint(server)}]}
    del both.seen[:]
    agent = launch(static={"entryPoints": {"db": {"address": endpoint(vip)}}},
                   dynamic=routing(tcp={"services": {"db": {"loadBalancer": balancer}}}))
    passed = "%s through %s to %s: health check passed" % (endpoint(vip), how, server)
    eventually(lambda: states(agent) == {endpoint(server): (True, passed)}, what="up: %r" % states(agent))
    family = "-6" if ":" in vip else "-4"
    assert in_place_once(agent.net, family)
    if how != "dsr":
        outer = socket.AF_INET6 if ":" in server else socket.AF_INET
        protocol = 0 if how == "gue" else 41 if ":" in vip else 4
        assert {(f, p) for f, p, _ in both.seen} == {(outer, protocol)}
    on_lo = (vip + "/128" if ":" in vip else vip + "/32")
    run("ip", "-n", agent.net.backends[0], "addr", "del", on_lo, "dev", "lo")
    try:
        eventually(lambda: not states(agent)[endpoint(server)][0], what="down")
    finally:
        run("ip", "-n", agent.net.backends[0], "addr", "add", on_lo, "dev", "lo", *(["nodad"] if ":" in vip else []))
    eventually(lambda: states(agent) == {endpoint(server): (True, passed)}, what="up again: %r" % states(agent))
    assert agent.terminate() == 0
    assert nothing_left(agent.net)
