"""Limits on what servers may take and are given, over both workers.

    clients --- web :8000 [agent] --- b1 (at most 2 requests at a time), b2 (slow answers), nobody at 198.18.1.99
"""
import threading
import time

import pytest

from agent import Agent
from client import eventually
from conftest import routing

STATIC = {"serversTransport": {"forwardingTimeouts": {"dialTimeout": "300ms", "responseHeaderTimeout": "700ms"}}}


@pytest.fixture(scope="module")
def limited(net, backends):
    def service(address, **lb):
        return {"loadBalancer": dict(lb, servers=[{"url": "http://%s:80" % address}])}
    rules = routing(http={
        "routers": {name: {"entryPoints": ["web"], "rule": "Host(`%s.test`)" % name, "service": name, **more} for name, more in
                    (("two", {}), ("few", {}), ("slow", {}), ("nobody", {}), ("short", {"requestTimeout": "200ms"}))},
        "services": {"two": service("198.18.1.11", maxConnections=2, queueTimeout="5s"),
                     "few": service("198.18.1.11", maxConnections=1, maxQueue=0),
                     "slow": service("198.18.1.12"), "short": service("198.18.1.12"), "nobody": service("198.18.1.99")}})
    a = Agent(net, STATIC, rules)
    try:
        a.start()
        yield a
    finally:
        a.stop()


def timed(agent, host, path="/"):
    start = time.monotonic()
    return agent.get(path, host=host).status, time.monotonic() - start


def reason_of(agent, host):
    return eventually(lambda: [x for x in agent.access() if x["RequestHost"] == host and "FailureReason" in x], 5)[-1]["FailureReason"]


def test_dial_timeout(limited):
    status, took = timed(limited, "nobody.test")
    assert status == 504 and 0.25 < took < 3
    assert reason_of(limited, "nobody.test") == "dial_timeout"
    assert limited.metric("sluice_request_failures_total", reason="dial_timeout") >= 1


def test_response_timeout(limited):
    status, took = timed(limited, "slow.test", "/?wait=5s")
    assert status == 504 and 0.6 < took < 3
    assert reason_of(limited, "slow.test") == "response_timeout"


def test_whole_request(limited):
    status, took = timed(limited, "short.test", "/?wait=5s")
    assert status == 504 and 0.15 < took < 3
    assert reason_of(limited, "short.test") == "request_timeout"


def test_two_at_a_time_over_all_workers(limited):
    """Twelve requests of 100 ms on connections that both workers hold: six turns of two, none refused."""
    results = []

    def one():
        results.append(timed(limited, "two.test", "/?wait=100ms"))
    threads = [threading.Thread(target=one) for _ in range(12)]
    start = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [s for s, _ in results] == [200] * 12
    assert 0.58 < time.monotonic() - start < 5


def test_no_queue(limited):
    results = []
    threads = [threading.Thread(target=lambda: results.append(timed(limited, "few.test", "/?wait=300ms")[0])) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(results) == [200, 503, 503, 503]
    assert reason_of(limited, "few.test") == "queue_full"
    assert timed(limited, "few.test")[0] == 200
