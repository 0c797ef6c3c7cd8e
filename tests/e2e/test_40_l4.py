"""TCP and UDP through the virtual address: rewritten by XDP, real kernel stacks at both ends, no socket in between.

    client 198.18.0.2 --- lb0 [XDP: VIP 198.18.0.10] lb1 --- b1 b2 b3 :5432/tcp :53/udp
"""
import os
import socket
import threading

import pytest

from client import Datagrams, Stream, eventually
from conftest import routing
from topology import VIP


def connect(agent, **kw):
    return Stream(VIP, 5432, agent.net.client, **kw)


def test_programs_are_attached_to_both_interfaces(agent):
    assert set(agent.xdp()) == {"lb0", "lb1"}


def test_connections_reach_all_servers(agent):
    names = set()
    for _ in range(60):
        with connect(agent) as s:
            assert s.local == "198.18.1.1%s:5432" % s.name[1]
            names.add(s.name)
    assert names == {"b1", "b2", "b3"}


@pytest.mark.parametrize("size", [1, 1448, 1449, 65536, 5 << 20])
def test_bytes_arrive_unchanged(agent, size):
    data = os.urandom(size)
    with connect(agent, timeout=15) as s:
        sender = threading.Thread(target=s.sock.sendall, args=(data,))
        sender.start()
        got = b""
        while len(got) < size:
            more = s.sock.recv(262144)
            assert more
            got += more
        sender.join()
    assert got == data


def test_a_connection_stays_with_its_server(agent):
    streams = [connect(agent) for _ in range(30)]
    for _ in range(3):
        for s in streams:
            assert s.echo(s.name.encode() * 100)
    for s in streams:
        s.close()


def test_half_close_is_passed_on(agent):
    with connect(agent) as s:
        s.sock.sendall(b"last words")
        s.sock.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            more = s.sock.recv(100)
            if not more:
                break
            got += more
        assert got == b"last words"


def test_datagrams(agent):
    names = set()
    for i in range(60):
        with Datagrams(VIP, 53, agent.net.client) as d:
            name, payload = d.ask(b"question %d" % i)
            assert payload == b"question %d" % i
            assert {d.ask(b"x")[0] for _ in range(5)} == {name}
            names.add(name)
    assert names == {"b1", "b2", "b3"}
    with Datagrams(VIP, 53, agent.net.client) as d:
        assert d.ask(b"z" * 1400)[1] == b"z" * 1400


def test_other_traffic_of_the_interface_is_left_alone(agent):
    """HTTP to the agent uses the same lb0 and lb1."""
    assert agent.get("/?size=1000000").status == 200


def test_removed_service_is_no_longer_served(agent):
    without = routing(udp={"routers": {"dns": None}})

    def silent():
        try:
            with Datagrams(VIP, 53, agent.net.client, timeout=0.2) as d:
                d.ask(b"x")
            return False
        except OSError:
            return True
    try:
        agent.write(without)
        eventually(silent, what="the removed service going silent")
        with connect(agent) as s:
            assert s.echo(b"others stay")
    finally:
        agent.write(routing())
    eventually(lambda: not silent(), what="the service coming back")


def test_established_connections_survive_a_change_of_servers(agent):
    streams = [connect(agent) for _ in range(30)]
    two = [{"address": "198.18.1.%d:5432" % i} for i in (11, 12)]
    try:
        agent.write(routing(tcp={"services": {"db": {"loadBalancer": {"servers": two}}}}))

        def only_two():
            names = set()
            for _ in range(20):
                with connect(agent) as s:
                    names.add(s.name)
            return names == {"b1", "b2"}
        eventually(only_two, what="new connections going to two servers")
        assert any(s.name == "b3" for s in streams)
        for s in streams:
            assert s.echo(b"still here")
    finally:
        agent.write(routing())
        for s in streams:
            s.close()


def test_counters_move_with_traffic(agent):
    def forwarded():
        return sum(v for k, v in agent.metrics().items() if k.startswith("sluice_kernel_packets_total") and 'reason="forwarded"' in k)
    before = forwarded()
    with connect(agent) as s:
        s.echo(b"x" * 1000)
    assert eventually(lambda: forwarded() > before, what="the forwarded counter")
