"""How packets get to the servers: dnat, dsr, ipip and gue, with a real stack at both ends (snat is test_40's).

With dsr, ipip and gue the servers have the virtual address on lo, and their answers go to the client past the program, by the
balancer's host as a plain router. ipip and gue are unpacked by the program on the servers' own interface.
"""
import os
import socket
import struct
import threading

import pytest

from client import Datagrams, Stream, eventually
from conftest import routing
from direct import Direct
from topology import BACKENDS, CLIENT, VIP, inside, run

MODES = ["dnat", "dsr", "ipip", "gue"]
DIRECT = ["dsr", "ipip", "gue"]


def configured(mode):
    return routing(tcp={"services": {"db": {"loadBalancer": {"forwarding": mode}}}},
                   udp={"services": {"dns": {"loadBalancer": {"forwarding": mode}}}})


@pytest.fixture(scope="module", params=MODES)
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def agent(net, backends, mode):
    from agent import Agent
    servers = Direct(net)
    a = Agent(net, None, configured(mode))
    with servers if mode in DIRECT else open(os.devnull):
        if mode in ("ipip", "gue"):
            servers.unpack()
        try:
            a.start()
            yield a
        finally:
            a.stop()
            forget_path_mtu(net)


def forget_path_mtu(net):
    run("ip", "-n", net.client, "route", "flush", "cache")


def connect(agent, **kw):
    return Stream(VIP, 5432, agent.net.client, **kw)


def test_servers_see_the_client(agent, mode):
    names = set()
    for _ in range(40):
        with connect(agent) as s:
            address = VIP if mode in DIRECT else BACKENDS[int(s.name[1]) - 1]
            assert s.local == address + ":5432"
            assert s.echo(b"hello")
            names.add(s.name)
    assert names == {"b1", "b2", "b3"}


def test_bytes_arrive_unchanged(agent):
    """More than one segment each way: full-size ones do not fit into another header, and the client's stack must learn that."""
    data = os.urandom(1 << 20)
    forget_path_mtu(agent.net)
    with connect(agent, timeout=15) as s:
        sender = threading.Thread(target=s.sock.sendall, args=(data,))
        sender.start()
        got = b""
        while len(got) < len(data):
            more = s.sock.recv(262144)
            assert more
            got += more
        sender.join()
    assert got == data


def test_the_client_is_told_what_fits(agent, mode):
    if mode not in ("ipip", "gue"):
        pytest.skip("adds nothing to the packet")
    room = {"ipip": 20, "gue": 28}[mode]
    forget_path_mtu(agent.net)
    told = agent.metric("sluice_kernel_packets_total", reason="too_big_told")
    with connect(agent, timeout=10) as s:
        assert s.echo(os.urandom(100000))
    assert agent.metric("sluice_kernel_packets_total", reason="too_big_told") > told
    assert "mtu %d" % (1500 - room) in run("ip", "-n", agent.net.client, "route", "get", VIP)


def test_a_connection_stays_with_its_server(agent):
    streams = [connect(agent) for _ in range(30)]
    for _ in range(3):
        for s in streams:
            assert s.echo(s.name.encode() * 100)
    for s in streams:
        s.close()


def test_datagrams(agent):
    names = set()
    for i in range(60):
        with Datagrams(VIP, 53, agent.net.client) as d:
            name, payload = d.ask(b"question %d" % i)
            assert payload == b"question %d" % i
            assert {d.ask(b"x")[0] for _ in range(5)} == {name}
            names.add(name)
    assert names == {"b1", "b2", "b3"}


def test_established_connections_survive_a_change_of_servers(agent, mode):
    streams = [connect(agent) for _ in range(30)]
    two = [{"address": "198.18.1.%d:5432" % i} for i in (11, 12)]
    changed = configured(mode)
    changed["tcp"]["services"]["db"]["loadBalancer"]["servers"] = two
    try:
        agent.write(changed)

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
        agent.write(configured(mode))
        for s in streams:
            s.close()


def test_an_error_message_reaches_the_server(agent, mode):
    """A router near the client says that the server's packets are too long: the server's stack must remember it. By UDP: TCP
    would compare sequence numbers, which a test can not know."""
    with Datagrams(VIP, 53, agent.net.client) as d:
        name, _ = d.ask(b"x")
        sent = agent.metric("sluice_kernel_packets_total", reason="icmp_forwarded")
        too_long(agent.net, d.sock.getsockname()[1])
        eventually(lambda: agent.metric("sluice_kernel_packets_total", reason="icmp_forwarded") == sent + 1, what="the message")
    server = agent.net.backends[int(name[1]) - 1]
    eventually(lambda: "mtu 1300" in run("ip", "-n", server, "route", "get", CLIENT), what="the server's new path MTU")
    for namespace in agent.net.backends:
        run("ip", "-n", namespace, "route", "flush", "cache")


def checksum(data):
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def too_long(net, port):
    """Fragmentation needed, MTU 1300, quoting the least a router must quote of a datagram from the VIP to this port."""
    quote = struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 1400, 1, 0x4000, 60, 17, 0, socket.inet_aton(VIP), socket.inet_aton(CLIENT),
                        53, port, 1380, 0)
    quote = quote[:10] + struct.pack("!H", checksum(quote[:20])) + quote[12:]
    message = struct.pack("!BBHHH", 3, 4, 0, 0, 1300) + quote
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    with inside(net.client):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with raw:
        raw.sendto(message, (VIP, 0))
