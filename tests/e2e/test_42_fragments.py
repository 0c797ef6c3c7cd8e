"""Datagrams longer than a packet, through a VIP and back: every fragment has to reach the server, or the client, that the first
one went to, or the stack there can put nothing together."""
import os

import pytest

from client import Datagrams, eventually
from conftest import routing
from test_44_modes import Direct
from topology import VIP


def ask(net, size):
    data = os.urandom(size)
    with Datagrams(VIP, 53, net.client) as d:
        name, payload = d.ask(data)
    assert payload == data
    return name


@pytest.mark.parametrize("size", [1473, 4000, 30000])
def test_long_datagrams_by_snat(launch, net, size):
    a = launch()
    assert len({ask(net, size) for _ in range(30)}) > 1
    assert a.metric("sluice_kernel_packets_total", reason="fragment") == 0


def test_long_datagrams_by_dsr(launch, net):
    with Direct(net):
        a = launch(dynamic=routing(udp={"services": {"dns": {"loadBalancer": {"forwarding": "dsr"}}}}))
        assert len({ask(net, 5000) for _ in range(30)}) > 1
        eventually(lambda: a.metric("sluice_kernel_packets_total", reason="forwarded") >= 120, what="four fragments each")
