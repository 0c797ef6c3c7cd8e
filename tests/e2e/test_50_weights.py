"""Shares follow the weights within 1 % on both planes, and ten thousand connections cost no descriptor.

    client --- web :8000 [agent] --- b1 (weight 3) b2 (1)
    client --- VIP :5432 [XDP]   --- b1 (weight 3) b2 (1)
"""
from collections import Counter

import pytest

from agent import SANITIZED
from client import Http, Stream, eventually
from conftest import routing
from topology import VIP, inside

WEIGHTED = routing(
    http={"services": {"app": {"loadBalancer": {"servers": [{"url": "http://198.18.1.11:80", "weight": 3}, {"url": "http://198.18.1.12:80"}]}}}},
    tcp={"services": {"db": {"loadBalancer": {"servers": [{"address": "198.18.1.11:5432", "weight": 3}, {"address": "198.18.1.12:5432"}]}}}},
)


def shares(names):
    count = Counter(names)
    total = sum(count.values())
    return {name: n / total for name, n in count.items()}


@pytest.fixture
def weighted(launch):
    return launch(dynamic=WEIGHTED)


def test_http_over_10000_connections(weighted):
    names = []
    with inside(weighted.net.client):
        with Http("198.18.0.1", 8000) as c:
            c.request("/")
        before = weighted.fds()
        for _ in range(10000):
            c = Http("198.18.0.1", 8000)
            names.append(c.request("/", headers={"Connection": "close"}).lines()["name"])
            c.close()
    share = shares(names)
    assert abs(share["b1"] - 0.75) < 0.01 and abs(share["b2"] - 0.25) < 0.01, share
    eventually(lambda: weighted.fds() <= before + 16, what="descriptors after 10,000 connections back at %d" % before)


def test_tcp_through_the_vip(weighted):
    """A connection's server is a hash of its addresses, so n connections scatter by sqrt(pq/n): 30,000 put 1 % at four sigma.
    Every source port is used once, so that each is a draw of its own; they lie below those the kernel chooses from."""
    n = 10000 if SANITIZED else 30000
    names = []
    with inside(weighted.net.client):
        for port in range(2000, 2000 + n):
            s = Stream(VIP, 5432, source_port=port)
            names.append(s.name)
            s.reset()
    share = shares(names)
    limit = 0.02 if SANITIZED else 0.01
    assert abs(share["b1"] - 0.75) < limit and abs(share["b2"] - 0.25) < limit, share
    assert len(names) == n
