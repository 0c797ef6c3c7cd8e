"""Interfaces with an MTU of 9,000: native XDP on frames of several buffers."""
import os
import threading

import pytest

from client import Datagrams, Stream
from test_44_modes import Direct, configured, forget_path_mtu
from topology import VIP, run

MTU = 9000


@pytest.fixture(scope="module")
def wide(net, backends):
    with net.mtu(MTU):
        forget_path_mtu(net)
        yield net
    forget_path_mtu(net)


def native(net):
    for interface in ("lb0", "lb1"):
        link = run("ip", "-n", net.lb, "-d", "link", "show", interface)
        assert " xdp " in link and "xdpgeneric" not in link, link


def transfer(net, size):
    data = os.urandom(size)
    with Stream(VIP, 5432, net.client, timeout=15) as s:
        sender = threading.Thread(target=s.sock.sendall, args=(data,))
        sender.start()
        got = b""
        while len(got) < size:
            more = s.sock.recv(262144)
            assert more
            got += more
        sender.join()
    assert got == data


def longest(net):
    """A datagram that fills the MTU, there and back."""
    data = os.urandom(MTU - 28 - len("b1 "))
    with Datagrams(VIP, 53, net.client) as d:
        assert d.ask(data)[1] == data


def test_snat(wide, launch):
    a = launch(static={"kernel": {"xdpMode": "native"}})
    native(wide)
    for _ in range(3):
        transfer(wide, 4 << 20)
    longest(wide)
    assert a.metric("sluice_kernel_packets_total", reason="bad_header") == 0
    per_packet = a.metric("sluice_kernel_service_bytes_total", service="db@file") / \
        a.metric("sluice_kernel_service_packets_total", service="db@file")
    assert per_packet > 1500


def test_ipip(wide, launch):
    with Direct(wide) as servers:
        servers.unpack()
        a = launch(static={"kernel": {"xdpMode": "native"}}, dynamic=configured("ipip"))
        native(wide)
        for _ in range(3):
            transfer(wide, 4 << 20)
        assert "mtu %d" % (MTU - 20) in run("ip", "-n", wide.client, "route", "get", VIP)
        assert a.metric("sluice_kernel_packets_total", reason="too_big_told") > 0


def test_the_preflight_says_so(wide, launch):
    a = launch()
    out = a.command("bpf", "check", "-c", a.config).stdout
    assert "lb0" in out and "MTU 9000: the driver has frames of several buffers" in out
