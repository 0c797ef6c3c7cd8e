"""What every end-to-end test shares: one network (drawn in tests/lib/topology.py), three backends, and a base configuration.

    client 198.18.0.2 --- lb0 [agent: web :8000, db 198.18.0.10:5432, dns 198.18.0.10:53/udp] lb1 --- b1 b2 b3 198.18.1.11-13
"""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))

import topology  # noqa: E402
from agent import SLUICE, Agent, Backend, merge  # noqa: E402

ROUTING = {
    "http": {
        "routers": {
            "all": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "app"},
            "cut": {"entryPoints": ["web"], "rule": "Host(`api.test`) && PathPrefix(`/v1`)", "middlewares": ["cut"], "service": "app"},
            "post": {"entryPoints": ["web"], "rule": "Host(`method.test`) && Method(`POST`)", "service": "one"},
            "header": {"entryPoints": ["web"], "rule": "Header(`X-Pick`, `two`)", "priority": 1000, "service": "two"},
        },
        "middlewares": {"cut": {"stripPrefix": {"prefixes": ["/v1"]}}},
        "services": {
            "app": {"loadBalancer": {"servers": [{"url": "http://198.18.1.%d:80" % i} for i in (11, 12, 13)]}},
            "one": {"loadBalancer": {"servers": [{"url": "http://198.18.1.11:80"}]}},
            "two": {"loadBalancer": {"servers": [{"url": "http://198.18.1.12:80"}], "passHostHeader": False}},
            "refused": {"loadBalancer": {"servers": [{"url": "http://198.18.1.11:81"}]}},
        },
    },
    "tcp": {
        "routers": {"db": {"entryPoints": ["db"], "rule": "HostSNI(`*`)", "service": "db"}},
        "services": {"db": {"loadBalancer": {"datapath": "xdp", "forwarding": "snat",
                                             "servers": [{"address": "198.18.1.%d:5432" % i} for i in (11, 12, 13)]}}},
    },
    "udp": {
        "routers": {"dns": {"entryPoints": ["dns"], "service": "dns"}},
        "services": {"dns": {"loadBalancer": {"datapath": "xdp", "forwarding": "snat",
                                              "servers": [{"address": "198.18.1.%d:53" % i} for i in (11, 12, 13)]}}},
    },
}


def routing(**over):
    return merge(ROUTING, over)


@pytest.fixture(scope="session")
def net():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    assert os.access(SLUICE, os.X_OK), SLUICE + " has not been built"
    topology.reap()
    with topology.Topology(topology.test_name()) as t:
        yield t


@pytest.fixture(scope="session")
def backends(net):
    all_of_them = [Backend(net, i, address) for i, address in enumerate(topology.BACKENDS)]
    try:
        for b in all_of_them:
            b.start()
        yield all_of_them
    finally:
        for b in all_of_them:
            b.stop()


@pytest.fixture
def launch(net, backends):
    """launch(static=..., dynamic=...): a running agent that is gone when the test ends."""
    agents = []

    def go(static=None, dynamic=None, start=True, user=None):
        a = Agent(net, static, routing() if dynamic is None else dynamic, user)
        agents.append(a)
        return a.start() if start else a

    yield go
    for a in reversed(agents):
        a.stop()


@pytest.fixture(scope="module")
def agent(net, backends):
    """One agent with the base configuration for all tests of a file."""
    a = Agent(net, None, routing())
    try:
        a.start()
        yield a
    finally:
        a.stop()


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    from https import make_pki
    directory = tmp_path_factory.mktemp("pki")
    os.chmod(directory, 0o755)
    return make_pki(str(directory))
