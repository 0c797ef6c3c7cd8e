"""Virtual addresses answer pings where asked to: kernel.answerPing."""
import re
import subprocess

import pytest

from agent import Agent
from client import eventually
from test_48_ipv6 import STATIC6, dynamic6
from topology import CLIENT, LB_BACKEND_SIDE, LB_CLIENT_SIDE, VIP, VIP6


def ping(net, address, *options, namespace=None):
    """How many answers came."""
    out = subprocess.run(net.enter(namespace or net.client) + ["ping", "-n", "-i", "0.01", "-W", "1", *options, address],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    found = re.search(r"(\d+) received", out)
    assert found, out
    return int(found.group(1))


def test_a_vip_does_not_answer_unasked(launch):
    a = launch()
    assert ping(a.net, VIP, "-c", "2") == 0
    assert a.metric("sluice_kernel_packets_total", reason="echoed") == 0


@pytest.fixture
def answering(launch):
    return launch(static={"kernel": {"answerPing": True}})


def test_a_vip_answers(answering):
    before = answering.metric("sluice_kernel_packets_total", reason="echoed")
    assert ping(answering.net, VIP, "-c", "20") == 20
    assert ping(answering.net, VIP, "-c", "5", "-s", "1472") == 5
    assert ping(answering.net, VIP, "-c", "5", "-t", "1") == 5
    eventually(lambda: answering.metric("sluice_kernel_packets_total", reason="echoed") == before + 30, what="30 counted")


def test_other_pings_are_the_stacks(answering):
    net = answering.net
    before = answering.metric("sluice_kernel_packets_total", reason="echoed")
    assert ping(net, LB_CLIENT_SIDE, "-c", "3") == 3
    assert ping(net, CLIENT, "-c", "3", namespace=net.lb) == 3
    assert ping(net, LB_BACKEND_SIDE, "-c", "3", namespace=net.backends[0]) == 3
    assert answering.metric("sluice_kernel_packets_total", reason="echoed") == before


def test_answers_are_bounded(answering):
    assert ping(answering.net, VIP, "-l", "1000", "-c", "1000", "-i", "0.0001") < 900  # all at once; a CPU answers 100 and 100 a second
    eventually(lambda: answering.metric("sluice_kernel_packets_total", reason="echo_limited") > 0, what="the rest counted")


def test_an_ipv6_vip_answers(net, backends):
    with net.ipv6():
        a = Agent(net, dict(STATIC6, kernel={"answerPing": True}), dynamic6())
        try:
            a.start()
            assert ping(net, VIP6, "-c", "10") == 10
            assert ping(net, VIP6, "-c", "3", "-s", "1401") == 3
            eventually(lambda: a.metric("sluice_kernel_packets_total", reason="echoed") == 13, what="13 counted")
        finally:
            a.stop()
