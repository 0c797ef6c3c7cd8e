"""What sluice passes on means the same to everybody: nginx, HAProxy and a strict reader see the same requests in the same order, and
what sluice refuses none of them sees.

    client --- :8101 [agent] ----------------- recorder (b3)
           --- :8102 [agent] --- nginx (b1) --- recorder (b1)
           --- :8103 [agent] --- HAProxy (b2) --- recorder (b2)
"""
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

from agent import Agent, spawn
from client import Closed, Http, eventually
from topology import inside

os.environ["PATH"] += ":/usr/sbin:/sbin"
WAYS = {"plain": (8101, "198.18.1.13", 8082), "nginx": (8102, "198.18.1.11", 8081), "haproxy": (8103, "198.18.1.12", 8081)}

NGINX = """
daemon off; user root; pid %(dir)s/nginx.pid; error_log stderr crit; worker_processes 1;
events { worker_connections 512; }
http {
    access_log off;
    merge_slashes off;
    client_body_temp_path %(dir)s/t1; proxy_temp_path %(dir)s/t2; fastcgi_temp_path %(dir)s/t3;
    uwsgi_temp_path %(dir)s/t4; scgi_temp_path %(dir)s/t5;
    server { listen 198.18.1.11:8081; location / { proxy_pass http://198.18.1.11:8082; proxy_http_version 1.1;
             proxy_set_header Connection ""; proxy_set_header Host $http_host; } }
}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 198.18.1.12:8081
    default_backend b
backend b
    server r 198.18.1.12:8082
"""


class Recorder:
    """A strict server that remembers every request it is sent."""

    def __init__(self, namespace, address):
        self.seen, self.lock, self.open = [], threading.Lock(), True
        with inside(namespace):
            self.sock = socket.socket()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((address, 8082))
            self.sock.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while self.open:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        s.settimeout(30)
        c = Http.__new__(Http)
        c.sock, c.pending = s, b""
        try:
            while True:
                c.send(self._one(c))
        except (Closed, OSError):
            s.close()

    def _one(self, c):
        method, target, version = c._line().split(b" ")
        assert version in (b"HTTP/1.1", b"HTTP/1.0")
        fields = {}
        while True:
            line = c._line()
            if not line:
                break
            name, _, value = line.partition(b":")
            fields.setdefault(name.lower(), value.strip())
        body = b""
        if fields.get(b"transfer-encoding") == b"chunked":
            body = c._chunks()
        elif b"content-length" in fields:
            body = c._exactly(int(fields[b"content-length"]))
        with self.lock:
            self.seen.append((method, target, body))
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"" if method == b"HEAD" else b"ok")

    def take(self):
        with self.lock:
            seen, self.seen = self.seen, []
        return seen

    def close(self):
        self.open = False
        self.sock.close()


@pytest.fixture(scope="module")
def world(net):
    for program in ("nginx", "haproxy"):
        if not shutil.which(program):
            pytest.skip(program + " is not installed (scripts/deps.sh test)")
    where = tempfile.mkdtemp(prefix="sluice-diff-")
    for name, text in (("nginx.conf", NGINX % {"dir": where}), ("haproxy.cfg", HAPROXY)):
        with open(os.path.join(where, name), "w") as f:
            f.write(text)
    recorders = {w: Recorder(net.backends[i], "198.18.1.%d" % (11 + i)) for w, i in (("nginx", 0), ("haproxy", 1), ("plain", 2))}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    servers = [spawn(net.enter(net.backends[0]) + ["nginx", "-p", where, "-c", where + "/nginx.conf"], **quiet),
               spawn(net.enter(net.backends[1]) + ["haproxy", "-db", "-f", where + "/haproxy.cfg"], **quiet)]
    static = {"entryPoints": {w: {"address": "198.18.0.1:%d" % p} for w, (p, _, _) in WAYS.items()}}
    dynamic = {"http": {
        "routers": {w: {"entryPoints": [w], "rule": "PathPrefix(`/`)", "service": w} for w in WAYS},
        "services": {w: {"loadBalancer": {"servers": [{"url": "http://%s:%d" % at[1:]}]}} for w, at in WAYS.items()}}}
    a = Agent(net, static, dynamic)
    try:
        a.start()
        for w in WAYS:
            eventually(lambda: ask(net, w, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == [200], 8, what=w)
            recorders[w].take()
        yield a, recorders
    finally:
        a.stop()
        for p in servers:
            p.terminate()
            p.wait(5)
        for r in recorders.values():
            r.close()
        shutil.rmtree(where, ignore_errors=True)


def ask(net, way, data):
    """Sends all of it and reads answers to the end of the connection: their statuses."""
    statuses = []
    with Http("198.18.0.1", WAYS[way][0], net.client, timeout=4) as c:
        try:
            c.send(data)
            while True:
                head = b"HEAD" if data.startswith(b"HEAD") and not statuses else b"GET"
                statuses.append(c.answer(head.decode()).status)
        except (Closed, OSError):
            return statuses


END = b"GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
TARGETS = [b"/", b"/a/b?c=d", b"/%41%2f%5C", b"/a//b", b"/x/../y", b"//h/x", b"http://a/abs?q", b"/a;b=c?d;e", b"/" + b"l" * 3000, b"/?"]
FRAMES = [
    (b"", b""),
    (b"Content-Length: 0\r\n", b""),
    (b"Content-Length: 5\r\n", b"hello"),
    (b"Content-Length:\t29 \r\n", b"GET /smuggled HTTP/1.1\r\n\r\n\r\n\r\n"[:29].ljust(29, b"x")),
    (b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: ChunKed\r\n", b"0005;x=\"y\"\r\nhello\r\n00;last\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nTrailer: X\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX: 1\r\nContent-Length: 9\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nContent_Length: 7\r\n", b"7\r\n0\r\n\r\nGE\r\n0\r\n\r\n"),
    (b"X: Content-Length: 3\r\nContent-Length: 1\r\n", b"x"),
    (b"Connection: Content-Length\r\nContent-Length: 4\r\n", b"body"),
    (b"Connection: Transfer-Encoding, X\r\nTransfer-Encoding: chunked\r\nX: y\r\n", b"4\r\nbody\r\n0\r\n\r\n"),
]
METHODS = [b"POST", b"PUT", b"GET", b"DELETE", b"PATCH"]
REFUSED = [
    b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5, 5\r\n\r\nhello", b"Content-Length: +5\r\n\r\nhello", b"Content-Length: 0x5\r\n\r\nhello",
    b"Content-Length : 5\r\n\r\nhello", b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X\0: y\r\n\r\n", b"X: \0\r\n\r\n", b"Host: b\r\n\r\n", b"Content-Length: -1\r\n\r\n", b"Content-Length: 18446744073709551621\r\n\r\nhello",
    b"\x00\r\n\r\n", b"Content-Length: 5\r\n \r\n\r\nhello", b": x\r\n\r\n", b"X y: z\r\n\r\n",
]
BAD_CHUNKS = [b"5\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"5;\nx\r\nhello\r\n0\r\n\r\n", b"-1\r\n\r\n",
              b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
              b"5\r\nhello\r\n0\r\n\r\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n"]


def same_everywhere(world, data):
    agent, recorders = world
    seen, statuses = {}, {}
    for way in WAYS:
        statuses[way] = ask(agent.net, way, data)
        seen[way] = recorders[way].take()
    for way in ("nginx", "haproxy"):
        assert seen[way] == seen["plain"], (data, way, statuses, seen)
        assert statuses[way] == statuses["plain"], (data, way, statuses)
    return statuses["plain"], seen["plain"]


@pytest.mark.parametrize("method", METHODS)
def test_what_is_passed_on_is_the_same_to_all(world, method):
    for target, (fields, body) in itertools.product(TARGETS, FRAMES):
        data = method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body + END
        statuses, seen = same_everywhere(world, data)
        assert statuses == [200, 200] and len(seen) == 2, (data, statuses, seen)
        assert seen[0][0] == method and seen[1][:2] == (b"GET", b"/end"), seen
        assert all(b"smuggled" not in s[1] for s in seen)


@pytest.mark.parametrize("fields", REFUSED)
def test_what_is_refused_is_seen_by_nobody(world, fields):
    for method in (b"POST", b"GET"):
        statuses, seen = same_everywhere(world, method + b" /first HTTP/1.1\r\nHost: a\r\n" + fields + END)
        assert seen == [] and len(statuses) == 1 and 400 <= statuses[0] <= 501, (fields, statuses, seen)


@pytest.mark.parametrize("body", BAD_CHUNKS)
def test_bad_chunks_end_everything(world, body):
    agent, recorders = world
    for way in WAYS:
        statuses = ask(agent.net, way, b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body + END)
        assert [s for s in statuses if s < 400] == [], (way, body, statuses)
        assert recorders[way].take() == [], (way, body)
