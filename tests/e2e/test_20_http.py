"""HTTP/1.1 through the agent, seen from both ends.

    curl or a raw socket on the client's host --- web :8000 [agent] --- b1 b2 b3 :80 (whoami shows what reached it)
"""
import hashlib
import os
import socket
import subprocess
import time

import pytest

from client import Http


def curl(agent, *args, data=None):
    return subprocess.run(agent.net.enter(agent.net.client) + ["curl", "-sS", "--max-time", "60"] + list(args), input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


URL = "http://198.18.0.1:8000"


def test_every_server_answers_in_turn(agent):
    with agent.client() as c:
        names = [c.request("/").lines()["name"] for _ in range(12)]
    assert sorted(names) == ["b1"] * 4 + ["b2"] * 4 + ["b3"] * 4


def test_routes(agent):
    one = agent.get("/", host="method.test", method="POST", body=b"x")
    assert one.lines()["name"] == "b1"
    assert agent.get("/", headers={"X-Pick": "two"}).lines()["name"] == "b2"
    cut = agent.get("/v1/sub/path?q=1", host="api.test")
    assert "GET /sub/path?q=1 HTTP/1.1" in cut.text
    assert cut.lines()["x-forwarded-prefix"] == "/v1"
    assert "GET /v1/sub HTTP/1.1" in agent.get("/v1/sub", host="other.test").text


def test_host_is_passed_or_not(agent):
    assert agent.get("/", host="shop.test:8000").lines()["host"] == "shop.test:8000"
    assert agent.get("/", host="shop.test", headers={"X-Pick": "two"}).lines()["host"] == "198.18.1.12:80"


def test_forwarded_headers_of_a_stranger_are_replaced(agent):
    a = agent.get("/", host="shop.test:81", headers=[("X-Forwarded-For", "1.2.3.4"), ("X-Real-Ip", "1.2.3.4"), ("X_Forwarded_Host", "evil"),
                                                    ("X-Forwarded-Proto", "https"), ("X-Forwarded-Prefix", "/evil")])
    seen = a.lines()
    assert seen["x-forwarded-for"] == "198.18.0.2"
    assert seen["x-real-ip"] == "198.18.0.2"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == "shop.test:81"
    assert seen["x-forwarded-port"] == "81"
    assert seen["x-forwarded-server"] == socket.gethostname()
    assert "evil" not in a.text


def test_hop_by_hop_headers_end_here(agent):
    a = agent.get("/", headers=[("Connection", "X-Mine, keep-alive"), ("X-Mine", "1"), ("Keep-Alive", "timeout=5"), ("Te", "gzip"),
                                ("Proxy-Connection", "keep-alive"), ("X-Other", "2")])
    seen = a.lines()
    assert seen["x-other"] == "2"
    for name in ("x-mine", "keep-alive", "proxy-connection", "te", "connection"):
        assert name not in seen
    assert "user-agent" not in seen


def test_many_requests_on_one_connection_reuse_server_connections(agent):
    with agent.client() as c:
        ports = {c.request("/", headers={"X-Pick": "two"}).lines()["remoteaddr"] for _ in range(50)}
    assert len(ports) <= 2


@pytest.mark.parametrize("size", [0, 1, 1024, 16383, 16384, 16385, 65536, 1 << 20, 10 << 20, 50 << 20])
def test_bodies_arrive_whole_in_both_framings(agent, size):
    """The echo answers while it is still being asked: both directions stream at once."""
    body = os.urandom(size)
    want = hashlib.sha256(body).digest()
    with agent.client(timeout=30) as c:
        a = c.request("/echo", method="POST", body=body)
        assert a.status == 200 and a.get("Content-Length") == str(size)
        assert hashlib.sha256(a.body).digest() == want
    with agent.client(timeout=30) as c:
        step = max(1, size // 37)
        a = c.request("/echo", method="POST", chunks=[body[i:i + step] for i in range(0, size, step)])
        assert a.status == 200 and a.get("Transfer-Encoding") == "chunked"
        assert hashlib.sha256(a.body).digest() == want


def test_connection_goes_on_after_uploads(agent):
    with agent.client() as c:
        for body in ({"body": b"x" * 100000}, {"chunks": [b"y" * 7000] * 9}, {"body": b""}, {"chunks": []}):
            a = c.request("/", method="POST", **body)
            assert a.status == 200 and a.get("Connection") is None, body
        assert c.request("/").status == 200


def test_curl_uploads_and_downloads(agent, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(os.urandom(3 << 20))
    want = path.read_bytes()
    assert curl(agent, "--data-binary", "@%s" % path, URL + "/echo").stdout == want
    assert curl(agent, "-T", "-", URL + "/echo", data=want).stdout == want
    assert curl(agent, "-0", "--data-binary", "@%s" % path, URL + "/echo").stdout == want
    assert len(curl(agent, URL + "/?size=20000000").stdout) == 20000000
    assert curl(agent, URL + "/chunked?n=1000").stdout.count(b"\n") == 1000


def test_expect_100_continue(agent):
    with agent.client() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert c.head().status == 100
        c.send("hello")
        a = c.answer()
        assert (a.status, a.body) == (200, b"hello")


def test_head_and_bodiless_statuses(agent):
    with agent.client() as c:
        a = c.request("/?size=100", method="HEAD")
        assert (a.status, a.get("Content-Length")) == (200, "100")
        assert c.request("/?status=204").status == 204
        assert c.request("/?status=304").status == 304
        assert c.request("/?status=418").status == 418
        assert c.request("/").status == 200


def test_pipelined_requests_are_answered_in_order(agent):
    with agent.client() as c:
        c.send("".join("GET /?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(40)))
        for n in range(40):
            assert len(c.answer().body) == n


def test_http_1_0(agent):
    with agent.client() as c:
        c.send("GET /chunked?n=3 HTTP/1.0\r\nHost: a\r\n\r\n")
        a = c.head()
        assert a.status == 200 and a.get("Transfer-Encoding") is None
        assert c._to_the_end() == b"chunk 0\nchunk 1\nchunk 2\n"
    with agent.client() as c:
        for _ in range(2):
            c.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            a = c.answer()
            assert a.status == 200 and (a.get("Connection") or "").lower() == "keep-alive"


def test_connection_close_is_honoured(agent):
    with agent.client() as c:
        a = c.request("/", headers={"Connection": "close"})
        assert a.status == 200 and (a.get("Connection") or "").lower() == "close"
        assert c.closed_by_peer()


def test_large_heads(agent):
    with agent.client() as c:
        a = c.request("/", headers={"X-Big": "x" * 50000})
        assert a.status == 200 and len(a.lines()["x-big"]) == 50000
    with agent.client() as c:
        assert c.request("/", headers={"X-Big": "x" * 70000}).status == 431
        assert c.closed_by_peer()


def test_client_that_leaves_while_a_body_streams(agent):
    for _ in range(20):
        with agent.client() as c:
            c.send("GET /?size=1000000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            c.sock.recv(1000)
    assert agent.get("/").status == 200


def test_slow_reader_does_not_grow_the_agent(agent):
    before = agent.rss_kib()
    with agent.client() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.send("GET /?size=200000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.7)  # as long as an unbounded reader would need to swallow it
        assert agent.rss_kib() - before < 8192
        assert agent.get("/").status == 200


def test_answers_made_by_the_agent(launch_errors):
    agent = launch_errors
    a = agent.get("/nowhere", host="nobody.test")
    assert (a.status, a.body) == (404, b"404 page not found\n")
    assert a.get("X-Content-Type-Options") == "nosniff"
    assert a.get("Content-Type") == "text/plain; charset=utf-8"
    a = agent.get("/", host="refused.test")
    assert (a.status, a.body) == (502, b"Bad Gateway")
    a = agent.get("/", host="empty.test")
    assert (a.status, a.body) == (503, b"no available server\n")
    with agent.client() as c:  # errors keep the connection
        assert [c.request("/", host=h).status for h in ("nobody.test", "refused.test", "empty.test")] == [404, 502, 503]


@pytest.fixture
def launch_errors(agent):
    """The base agent with another routing for the length of a test."""
    from conftest import routing
    rules = {n: {"entryPoints": ["web"], "rule": "Host(`%s.test`)" % n, "service": n} for n in ("refused", "empty")}
    rules["all"] = None
    agent.write(routing(http={"routers": rules, "services": {"empty": {"loadBalancer": {"servers": []}}}}))
    deadline = time.monotonic() + 5
    while agent.get("/", host="nobody.test").status != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield agent
    agent.write(routing())
    while agent.get("/", host="nobody.test").status != 200:
        assert time.monotonic() < deadline + 5
        time.sleep(0.05)


def test_agent_reaches_servers_over_fresh_connections_after_they_restart(agent, backends):
    """Idle connections to a server that restarted must not fail a request."""
    for _ in range(6):
        agent.get("/", headers={"X-Pick": "two"})
    backends[1].kill()
    backends[1].start()
    assert [agent.get("/", headers={"X-Pick": "two"}).status for _ in range(10)] == [200] * 10


def test_raw_bytes_of_an_answer_are_passed_unchanged(agent):
    """Header order, spelling and values of the server's answer."""
    with Http("198.18.1.11", 80, agent.net.lb) as direct, agent.client() as via:
        want = direct.request("/?size=3").headers
        got = via.request("/?size=3").headers
    drop = ("date",)
    assert [h for h in got if h[0].lower() not in drop] == [h for h in want if h[0].lower() not in drop]
