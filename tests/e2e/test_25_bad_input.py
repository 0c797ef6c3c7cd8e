"""Whoever sends rubbish, too much, or too slowly loses that connection and nothing else.

    rude client --- web :8000 [agent] --- b1 b2 b3
"""
import random
import socket
import time

import pytest

from client import Closed, Load

STATIC = {"entryPoints": {"web": {"transport": {"respondingTimeouts": {"readTimeout": "2s", "idleTimeout": "2s"}}}}}


@pytest.fixture(scope="module")
def rude(net, backends):
    from agent import Agent
    from conftest import routing
    a = Agent(net, STATIC, routing())
    try:
        a.start()
        yield a
    finally:
        a.stop()


BAD = [
    ("no method", "/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("lower case protocol", "GET / http/1.1\r\nHost: a\r\n\r\n", None),
    ("version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400),
    ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("space before colon", "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400),
    ("folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400),
    ("NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    ("negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ("plus length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
    ("length overflow", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    ("length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", None),
    ("unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ("broken escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("control in target", "GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("too many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + "X: 1\r\n" * 300 + "\r\n", 431),
]


@pytest.mark.parametrize("name,text,status", BAD, ids=[b[0] for b in BAD])
def test_malformed_heads_are_refused_and_the_connection_ends(rude, name, text, status):
    with rude.client() as c:
        c.send(text)
        a = c.answer()
        assert a.status == status if status else 400 <= a.status < 600
        assert c.closed_by_peer()


def test_request_smuggling_by_a_bad_chunk_ends_the_connection(rude):
    with rude.client() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET /secret HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            a = c.answer()
            assert a.status in (400, 502)
            assert c.closed_by_peer()
        except (Closed, ConnectionResetError):
            pass


def test_truncated_heads_and_bodies(rude):
    head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"
    for n in range(0, len(head), 3):
        with rude.client() as c:
            c.send(head[:n])
            c.sock.shutdown(socket.SHUT_WR)
            try:
                c._to_the_end()
            except ConnectionResetError:
                pass
    assert rude.get("/").status == 200


def test_random_bytes(rude):
    rng = random.Random(7)
    for _ in range(150):
        with rude.client() as c:
            junk = rng.randbytes(rng.randrange(1, 3000))
            if rng.random() < 0.5:
                junk = b"GET / HTTP/1.1\r\nHost: a\r\n" + junk + b"\r\n\r\n"
            try:
                c.send(junk)
                c.sock.shutdown(socket.SHUT_WR)
                c._to_the_end()
            except OSError:
                pass
    assert rude.get("/").status == 200


def test_slow_heads_time_out_while_others_are_served(rude):
    slow = [rude.client() for _ in range(50)]
    for c in slow:
        c.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    with Load(lambda _: rude.get("/").status, threads=1) as load:
        start = time.monotonic()
        ended = 0
        while time.monotonic() - start < 4 and ended < len(slow):
            for c in slow:
                try:
                    c.send("y")
                except OSError:
                    pass
            time.sleep(0.25)
            ended = sum(1 for c in slow if _is_over(c))
    assert ended == len(slow)
    assert not load.errors and set(load.since(0)) == {200}
    for c in slow:
        c.close()


def _is_over(c):
    c.sock.setblocking(False)
    try:
        return c.sock.recv(4096, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        c.sock.settimeout(5)


def test_idle_connections_are_ended(rude):
    with rude.client() as c:
        assert c.request("/").status == 200
        assert c.closed_by_peer(timeout=5)


def test_endless_head_is_cut_at_the_limit(rude):
    with rude.client() as c:
        sent = 0
        try:
            while sent < 1 << 20:
                c.send("GET / HTTP/1.1\r\nHost: a\r\nX: " if sent == 0 else "x" * 4096)
                sent += 4096
        except OSError:
            pass
        assert sent < 1 << 20 or c.answer().status == 431


def test_no_descriptor_is_lost_to_any_of_this(rude):
    for _ in range(5):
        rude.get("/")
    deadline = time.monotonic() + 6
    while rude.fds() > 120 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert rude.fds() <= 120
