"""Entry point options with real clients.

    curl --haproxy-protocol, raw sockets --- web :8000 (trusts the client's host), strict :8001 (trusts nobody) [agent] --- b1 b2 b3
"""
import struct
import subprocess

import pytest

from agent import Agent
from client import Closed, Http, eventually
from conftest import routing

STATIC = {"entryPoints": {"web": {"proxyProtocol": {"trustedIPs": ["198.18.0.2"]}, "reusePort": True},
                          "strict": {"address": "198.18.0.1:8001", "proxyProtocol": {"trustedIPs": ["192.0.2.0/24"]},
                                     "http": {"encodedCharacters": {"allowEncodedSlash": False}, "underscoreHeadersStrategy": "delete"}}}}


@pytest.fixture(scope="module")
def fronted(net, backends):
    rules = routing(http={"routers": {"strict": {"entryPoints": ["strict"], "rule": "PathPrefix(`/`)", "service": "app"}}})
    a = Agent(net, STATIC, rules)
    try:
        a.start()
        yield a
    finally:
        a.stop()


def test_curl_with_a_proxy_header(fronted):
    out = subprocess.run(fronted.net.enter(fronted.net.client) + ["curl", "-sS", "--haproxy-protocol", "http://198.18.0.1:8000/"],
                         stdout=subprocess.PIPE, check=True, text=True).stdout
    assert "X-Forwarded-For: 198.18.0.2" in out


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_version_2_in_pieces(fronted, pieces):
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12) + bytes([203, 0, 113, 9, 198, 18, 0, 1]) + struct.pack(">HH", 4711, 80)
    with fronted.client() as c:
        data = header + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for i in range(0, len(data), pieces):
            c.send(data[i:i + pieces])
        assert c.answer().lines()["x-forwarded-for"] == "203.0.113.9"
        assert c.request("/").lines()["x-real-ip"] == "203.0.113.9"  # of the connection, not of the request
    line = eventually(lambda: [x for x in fronted.access() if x["ClientAddr"] == "203.0.113.9:4711"], 5)[0]
    assert line["ClientHost"] == "203.0.113.9"


def test_without_a_header(fronted):
    assert fronted.get("/").lines()["x-forwarded-for"] == "198.18.0.2"


def test_strangers_are_not_believed(fronted):
    with Http("198.18.0.1", 8001, fronted.net.client) as c:
        c.send("PROXY TCP4 203.0.113.9 198.18.0.1 4711 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.answer().status == 400
        assert c.closed_by_peer()


def test_broken_headers_end_the_connection(fronted):
    with fronted.client() as c:
        c.send("PROXY TCP4 x\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises((Closed, ConnectionResetError)):
            c.answer()


def test_encoded_characters_and_underscores(fronted):
    with Http("198.18.0.1", 8001, fronted.net.client) as c:
        a = c.request("/a%2fb")
        assert (a.status, a.body) == (400, b"")
        assert c.request("/a%5cb").status == 200
        seen = c.request("/", headers=[("X_One", "1"), ("X-Two", "2")]).lines()
        assert "x_one" not in seen and seen["x-two"] == "2"


def test_two_processes_on_one_address(fronted):
    other = Agent(fronted.net, {"entryPoints": {"web": {"reusePort": True}, "traefik": {"address": "127.0.0.1:8090"}, "db": None,
                                                "dns": None}, "kernel": None}, routing(tcp=None, udp=None))
    try:
        other.start(wait=False)

        def both():
            assert {fronted.get("/").status for _ in range(20)} == {200}, other.log()
            return other.access()
        eventually(both, 10, 0.1, "the second one serves too")
    finally:
        other.stop()
    assert {fronted.get("/").status for _ in range(10)} == {200}
