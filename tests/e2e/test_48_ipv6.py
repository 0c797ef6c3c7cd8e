"""IPv6 through XDP, real stacks at both ends.

    client fd00::2 --- lb0 [XDP: VIP fd00::10] lb1 --- b1 b2 b3 fd00:1::11-13 :5432/tcp :53/udp
"""
import os
import threading

import pytest

from agent import SLUICE, Agent, spawn
from client import Datagrams, Stream, eventually
from conftest import routing
from topology import BACKENDS6, VIP6

STATIC6 = {"entryPoints": {"db": {"address": "[%s]:5432" % VIP6}, "dns": {"address": "[%s]:53/udp" % VIP6}}}


def dynamic6():
    def to(port):
        return {"loadBalancer": {"servers": [{"address": "[%s]:%d" % (b, port)} for b in BACKENDS6]}}
    return routing(tcp={"services": {"db": to(5432)}}, udp={"services": {"dns": to(53)}})


@pytest.fixture(scope="module")
def six(net, backends):
    """An agent with VIPs and servers of IPv6 only."""
    servers, agent = [], None
    with net.ipv6():
        try:
            for i, address in enumerate(BACKENDS6):
                servers.append(spawn(net.enter(net.backends[i]) + [
                    SLUICE, "whoami", "--name", "b%d" % (i + 1), "--listen", "[%s]:80" % address, "--tcp", "[%s]:5432" % address,
                    "--udp", "[%s]:53" % address]))
            agent = Agent(net, STATIC6, dynamic6())
            agent.start()

            def served():
                with Stream(VIP6, 5432, net.client, timeout=0.5) as s:
                    return s.name
            eventually(served, what="the IPv6 VIP answering")
            yield agent
        finally:
            if agent:
                agent.stop()
            for s in servers:
                s.kill()
                s.wait()


def test_ipv6_connections_reach_all_servers(six):
    names = set()
    for _ in range(60):
        with Stream(VIP6, 5432, six.net.client) as s:
            names.add(s.name)
    assert names == {"b1", "b2", "b3"}


@pytest.mark.parametrize("size", [1, 1428, 1429, 2 << 20])
def test_ipv6_bytes_arrive_unchanged(six, size):
    data = os.urandom(size)
    with Stream(VIP6, 5432, six.net.client, timeout=15) as s:
        sender = threading.Thread(target=s.sock.sendall, args=(data,))
        sender.start()
        got = b""
        while len(got) < size:
            more = s.sock.recv(262144)
            assert more
            got += more
        sender.join()
    assert got == data


def test_ipv6_datagrams(six):
    names = set()
    for i in range(60):
        with Datagrams(VIP6, 53, six.net.client) as d:
            name, payload = d.ask(b"question %d" % i)
            assert payload == b"question %d" % i
            names.add(name)
    assert names == {"b1", "b2", "b3"}


def test_families_do_not_mix(six):
    six.write(routing())  # IPv4 servers behind the IPv6 VIP
    eventually(lambda: "same family" in six.log(), what="the refusal in the log")
    with Stream(VIP6, 5432, six.net.client) as s:
        assert s.echo(b"what was in force stays")
    six.write(dynamic6())
