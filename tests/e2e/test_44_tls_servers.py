"""TLS towards servers: who is trusted, as whom sluice shows itself, what a failure looks like.

    client --- [agent: web :8000] --- b1 :8443 (any client), :8444 (asks for a certificate): tls_server.py
"""
import json
import os
import sys

import pytest

from agent import Agent, spawn
from client import Http, eventually
from conftest import routing
from topology import BACKENDS

SERVER = os.path.join(os.path.dirname(__file__), "../lib/tls_server.py")


@pytest.fixture(scope="module")
def servers(net, pki):
    pki.server = pki.issue("server", ["DNS:server.test", "URI:spiffe://test/server"])
    argv = net.enter(net.backends[0]) + ["/usr/bin/python3", SERVER, BACKENDS[0]]
    running = [spawn(argv + ["8443"] + list(pki.server)), spawn(argv + ["8444"] + list(pki.server) + [pki.cert])]

    def up():
        for port in (8443, 8444):
            Http(BACKENDS[0], port, net.backends[0], timeout=1).close()
        return True

    try:
        eventually(up, what="the servers")
        yield
    finally:
        for p in running:
            p.kill()
            p.wait()


def transports(pki):
    trusted = {"rootCAs": [pki.cert], "serverName": "server.test"}
    return {
        "own": trusted, "name": {"rootCAs": [pki.cert], "serverName": "other.test"}, "open": {"insecureSkipVerify": True},
        "uri": {"rootCAs": [pki.cert], "peerCertURI": "spiffe://test/server"},
        "wrong-uri": {"rootCAs": [pki.cert], "peerCertURI": "spiffe://test/another"},
        "mtls": dict(trusted, certificates=[{"certFile": pki.client[0], "keyFile": pki.client[1]}]),
        "stranger": dict(trusted, certificates=[{"certFile": pki.stranger[0], "keyFile": pki.stranger[1]}]),
        "hasty": dict(trusted, forwardingTimeouts={"responseHeaderTimeout": "300ms"}),
    }


def https_routing(pki):
    services, routers = {}, {}
    for port in (8443, 8444):
        for name in list(transports(pki)) + ["system"]:
            lb = {"servers": [{"url": "https://%s:%d" % (BACKENDS[0], port)}]}
            if name != "system":
                lb["serversTransport"] = name
            full = "%s-%d" % (name, port)
            services[full] = {"loadBalancer": lb}
            routers[full] = {"entryPoints": ["web"], "rule": "Host(`%s`)" % full, "service": full, "priority": 100}
    services["checked"] = {"loadBalancer": {"servers": [{"url": "https://%s:8443" % BACKENDS[0]}], "serversTransport": "own",
                                            "healthCheck": {"interval": "100ms"}}}
    services["failing"] = {"loadBalancer": {"servers": [{"url": "https://%s:8443" % BACKENDS[0]}], "serversTransport": "name",
                                            "healthCheck": {"interval": "100ms"}}}
    return routing(http={"routers": routers, "services": services, "serversTransports": transports(pki)})


@pytest.fixture(scope="module")
def agent(net, backends, pki, servers):
    a = Agent(net, None, https_routing(pki))
    try:
        a.start()
        yield a
    finally:
        a.stop()


def ask(agent, host, path="/", **kw):
    return agent.get(path, host=host, **kw)


def test_a_trusted_server_answers(agent):
    answer = json.loads(ask(agent, "own-8443").text)
    assert (answer["version"], answer["sni"], answer["client"], answer["host"]) == ("TLSv1.3", "server.test", None, "own-8443")
    big = ask(agent, "own-8443", "/?size=5000000")
    assert big.body == b"x" * 5000000
    posted = ask(agent, "own-8443", method="POST", body=b"y" * 3000000)
    assert json.loads(posted.text)["received"] == 3000000


def test_connections_are_kept_and_sessions_resumed(agent):
    with agent.client() as c:
        numbers = {json.loads(c.request("/", host="open-8443").text)["connection"] for _ in range(5)}
        assert len(numbers) == 1
        first = [json.loads(c.request("/close", host="uri-8443").text) for _ in range(3)]
    assert len({a["connection"] for a in first}) == 3
    assert [a["resumed"] for a in first] == [False, True, True]


REFUSED = {"tls_certificate"}
# The alert of a TLS 1.3 server comes when the request is on its way already, and the reset behind it may overtake it.
REFUSED_LATE = {"tls_certificate", "server_reset", "server_closed"}


@pytest.mark.parametrize("host,reasons", [("system-8443", REFUSED), ("name-8443", REFUSED), ("wrong-uri-8443", REFUSED),
                                          ("own-8444", REFUSED_LATE), ("stranger-8444", REFUSED_LATE)])
def test_what_cannot_be_verified_is_502_with_its_reason(agent, host, reasons):
    answer = ask(agent, host, "/" + host)
    assert (answer.status, answer.text) == (502, "Bad Gateway")
    line = eventually(lambda: [e for e in agent.access() if e["RequestPath"] == "/" + host], what="the log line")[0]
    assert line["FailureReason"] in reasons


@pytest.mark.parametrize("host", ["open-8443", "uri-8443", "mtls-8444"])
def test_what_can_be_verified_is_served(agent, host):
    assert ask(agent, host).status == 200


def test_the_client_certificate_is_shown(agent):
    assert json.loads(ask(agent, "mtls-8444").text)["client"]["commonName"] == "client"


def test_plain_and_tls_do_not_speak_to_each_other(agent, pki):
    with_tls_to_plain = https_routing(pki)
    with_tls_to_plain["http"]["services"]["own-8443"]["loadBalancer"]["servers"] = [{"url": "https://%s:80" % BACKENDS[0]}]
    agent.write(with_tls_to_plain)
    eventually(lambda: ask(agent, "own-8443").status == 502, what="502")
    eventually(lambda: [e for e in agent.access() if e.get("FailureReason") == "tls_failed"], what="the reason")
    agent.write(https_routing(pki))
    eventually(lambda: ask(agent, "own-8443").status == 200, what="the way back")


    agent.net  # the head of /slow comes at once, its body late: no timeout


def test_a_server_that_takes_too_long_is_504(agent):
    assert ask(agent, "hasty-8443", "/slow").status == 200  # its head comes at once, which is what is limited
    assert ask(agent, "hasty-8443", "/late").status == 504
    eventually(lambda: [e for e in agent.access() if e.get("FailureReason") == "response_timeout"], what="the reason")


def test_health_checks_speak_tls(agent):
    def state(service):
        return list(agent.api("/api/http/services/%s@file" % service)["serverStatus"].values())

    eventually(lambda: state("failing") == ["DOWN"], what="the server whose name is wrong being down")
    assert state("checked") == ["UP"]
    assert "certificate refused" in agent.log()
