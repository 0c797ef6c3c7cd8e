"""One health state for both planes: a server that fails its check gets no HTTP request and no new flow, and comes back by itself.

    client --- web, VIP [agent + XDP, checks every 200 ms] --- b1 b2 b3
"""
import os
import signal

import pytest

from client import Load, Stream, eventually
from conftest import routing
from topology import VIP

CHECKED = routing(
    http={"services": {"app": {"loadBalancer": {"healthCheck": {"path": "/health", "interval": "200ms", "timeout": "100ms"}}}}},
    tcp={"services": {"db": {"loadBalancer": {"healthCheck": {"interval": "200ms", "timeout": "100ms"}}}}},
)


@pytest.fixture
def checked(launch):
    return launch(dynamic=CHECKED)


def http_name(agent):
    return agent.get("/").lines()["name"]


def tcp_name(agent):
    with Stream(VIP, 5432, agent.net.client, timeout=1) as s:
        return s.name


def up(agent, url):
    return agent.metric("traefik_service_server_up", service="app@file", url=url)


def names(agent, ask, n=30):
    return {ask(agent) for _ in range(n)}


def test_killed_server_leaves_both_planes_and_returns(checked, backends):
    url, address = "http://198.18.1.12:80", "198.18.1.12:5432"
    everybody = {"b1", "b2", "b3"}
    assert names(checked, http_name) == everybody and names(checked, tcp_name) == everybody
    with Load(lambda _: http_name(checked), threads=1) as http, Load(lambda _: tcp_name(checked), threads=1) as tcp:
        http.wait_for(50)
        backends[1].kill()
        try:
            eventually(lambda: up(checked, url) == 0, what="server_up 0")
            eventually(lambda: names(checked, tcp_name) == {"b1", "b3"}, what="XDP without b2")
            mark, http_errors, tcp_errors = http.mark(), len(http.errors), len(tcp.errors)
            http.wait_for(200)
            tcp.wait_for(200)
            assert set(http.since(mark)) == {"b1", "b3"}
            assert set(tcp.since(mark)) == {"b1", "b3"}
            assert http.errors[http_errors:] == [] and tcp.errors[tcp_errors:] == []
        finally:
            backends[1].start()
        eventually(lambda: up(checked, url) == 1, what="server_up 1")
        eventually(lambda: "b2" in names(checked, http_name), what="b2 back in the agent")
        eventually(lambda: "b2" in names(checked, tcp_name), what="b2 back in XDP")
    log = checked.log()
    assert "connection refused" in log and address in log and url in log


def test_status_decides_and_keeps_established_flows(checked, backends):
    stream = None
    while stream is None or stream.name != "b1":
        stream = Stream(VIP, 5432, checked.net.client)
    backends[0].health(503)
    try:
        eventually(lambda: names(checked, http_name) == {"b2", "b3"}, what="HTTP without the ill server")
        assert "unexpected status" in checked.log()
        # The TCP service has a check of its own, which still passes.
        assert "b1" in names(checked, tcp_name)
        assert stream.echo(b"untouched")
    finally:
        backends[0].health(200)
    eventually(lambda: "b1" in names(checked, http_name), what="HTTP with the recovered server")


def test_all_servers_ill_is_503_and_recovers(checked, backends):
    for b in backends:
        b.health(500)
    try:
        eventually(lambda: checked.get("/").status == 503, what="503")
        assert checked.get("/").body == b"no available server\n"
    finally:
        for b in backends:
            b.health(200)
    eventually(lambda: checked.get("/").status == 200, what="200 again")


def test_hanging_server_is_taken_out(checked, backends):
    os.kill(backends[2].process.pid, signal.SIGSTOP)
    try:
        eventually(lambda: up(checked, "http://198.18.1.13:80") == 0, what="server_up 0")
        assert "no answer in time" in checked.log()
        assert names(checked, http_name) == {"b1", "b2"}
    finally:
        os.kill(backends[2].process.pid, signal.SIGCONT)
    eventually(lambda: up(checked, "http://198.18.1.13:80") == 1, what="server_up 1")
