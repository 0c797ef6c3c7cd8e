#!/usr/bin/python3
"""HTTP/1.1 through sluice, nginx, HAProxy and a bare byte copier, side by side.

    CPU 0: wrk, backend (a canned answer of 143 bytes)         CPU 1: the proxy, one worker or thread

Per proxy and number of client connections: CPU time per request of all the proxy's threads and processes over the measured window,
p99 latency as wrk sees it, requests per second. All proxies run at once, one is under load at a time, and rounds are interleaved, so
that what disturbs the machine disturbs all. Keep-alive on both sides of every proxy. Then the memory of idle client connections.
Nothing is asserted and nothing is written into the tree; a proxy that answers with errors ends the run.

    BENCH_ROUNDS (5), BENCH_SECONDS per measurement (1), BENCH_CONNECTIONS ("1 16 64"), BENCH_ONLY (names, separated by spaces)

This file is a script; a module of this name would hide the standard library's.
"""
import os
import re
import socket
import statistics
import time

import lab

CONNECTIONS = [int(n) for n in os.environ.get("BENCH_CONNECTIONS", "1 16 64").split()]
ONLY = os.environ.get("BENCH_ONLY", "").split()
IDLE = 2000
REQUEST_HEADERS = {"User-Agent": "bench/1.0", "Accept": "*/*", "Accept-Encoding": "gzip"}

SLUICE = """
log: { level: ERROR }
%(observe)s
workers: 1
entryPoints: { web: { address: "127.0.0.1:%(port)d" } }
control: { socket: %(dir)s/%(name)s.sock }
http:
  routers: { all: { entryPoints: [web], rule: "PathPrefix(`/`)", service: app } }
  services: { app: { loadBalancer: { servers: [ { url: "http://127.0.0.1:%(backend)d" } ] } } }
"""
OBSERVE = """
accessLog: { format: json, filePath: /dev/null }
metrics: { prometheus: { addEntryPointsLabels: true, addRoutersLabels: true, addServicesLabels: true } }
"""

NGINX = """
daemon off;
user root;
pid %(dir)s/nginx.pid;
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile 12000;
events { worker_connections 5000; multi_accept on; }
http {
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path %(dir)s/t1; proxy_temp_path %(dir)s/t2; fastcgi_temp_path %(dir)s/t3;
    uwsgi_temp_path %(dir)s/t4; scgi_temp_path %(dir)s/t5;
    upstream app { server 127.0.0.1:%(backend)d; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:%(port)d backlog=4096;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }
    }
}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 5000
defaults
    mode http
    option http-keep-alive
    option forwardfor
    http-reuse always
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
frontend web
    bind 127.0.0.1:%(port)d backlog 4096
    default_backend app
backend app
    server b1 127.0.0.1:%(backend)d
"""


class Subject:
    """A proxy under test: how it is started, and what was measured of it."""

    def __init__(self, name, config, argv, connections, keep_alive_pool=True, **values):
        self.name, self.config, self.argv, self.connections, self.values = name, config, argv, connections, values
        self.pools = keep_alive_pool
        self.cpu = {n: [] for n in connections}
        self.p99 = {n: [] for n in connections}
        self.rate = {n: [] for n in connections}
        self.memory = None

    def start(self, bench, port, backend):
        self.port = port
        values = dict(self.values, name=self.name, port=port, backend=backend, dir=bench.dir)
        if self.config:
            values["file"] = bench.file(self.name + ".conf", self.config % values)
        self.process = bench.start(lab.PROXY_CPU, [a % values for a in self.argv], self.name)
        bench.listening(self.process, port, self.name)


def subjects():
    run = [lab.SLUICE, "run", "-c", "%(file)s"]
    some = [n for n in CONNECTIONS if n == 16] or CONNECTIONS[:1]
    every = [
        Subject("sluice", SLUICE, run, CONNECTIONS, observe=""),
        Subject("sluice+obs", SLUICE, run, some, observe=OBSERVE),
        Subject("nginx", NGINX, ["nginx", "-p", "%(dir)s", "-c", "%(file)s"], CONNECTIONS),
        Subject("haproxy", HAPROXY, ["haproxy", "-db", "-f", "%(file)s"], CONNECTIONS),
        Subject("floor", None, [lab.compiled("floor"), "%(port)d", "%(backend)d"], CONNECTIONS, keep_alive_pool=False),
    ]
    return [s for s in every if not ONLY or s.name in ONLY]


UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def load(subject, connections, seconds):
    """wrk's requests done, the seconds it took, and p99 in microseconds."""
    argv = ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--latency"]
    for pair in REQUEST_HEADERS.items():
        argv += ["-H", "%s: %s" % pair]
    out = lab.pinned(lab.LOAD_CPU, argv + ["http://127.0.0.1:%d/some/path?with=query" % subject.port], seconds + 20)
    if "Socket errors" in out or "Non-2xx" in out:
        raise SystemExit("%s, exit status %s: errors under load:\n%s" % (subject.name, subject.process.poll(), out))
    p99 = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s|m)$", out, re.M)
    done = re.search(r"^\s+(\d+) requests in ([\d.]+)(ms|s|m)", out, re.M)
    return int(done.group(1)), float(done.group(2)) * UNITS[done.group(3)] / 1e6, float(p99.group(1)) * UNITS[p99.group(2)]


def measure(subject, connections, strays):
    pid = subject.process.pid
    cpu, busy = lab.cpu_ns(pid), lab.busy_ns(lab.PROXY_CPU)
    done, took, p99 = load(subject, connections, lab.SECONDS)
    cpu, busy = lab.cpu_ns(pid) - cpu, lab.busy_ns(lab.PROXY_CPU) - busy
    subject.cpu[connections].append(cpu / done / 1e3)
    subject.p99[connections].append(p99)
    subject.rate[connections].append(done / took)
    strays.append(max(0.0, (busy - cpu) / 1e9 / took))


def exchange(sock, port):
    """One request whose answer is read to its end."""
    sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
    got = b""
    while b"\r\n\r\n" not in got or not got.endswith(b"asked...."):
        more = sock.recv(4096)
        if not more:
            raise SystemExit("connection closed instead of an answer: %r" % got)
        got += more


def memory(subject):
    """(RSS at start, PSS per idle connection), KiB. Each connection asks once, one after the other, and then stays open."""
    pid = subject.process.pid
    rss = lab.rss_kib(pid)
    with socket.create_connection(("127.0.0.1", subject.port)) as warm:
        exchange(warm, subject.port)
    before, held = lab.pss_kib(pid), []
    try:
        for _ in range(IDLE):
            held.append(socket.create_connection(("127.0.0.1", subject.port)))
            exchange(held[-1], subject.port)
        after = lab.pss_kib(pid)
        exchange(held[0], subject.port)  # still a connection
    finally:
        for s in held:
            s.close()
    return rss, (after - before) / IDLE


def ratio(a, b):
    """Round by round, because what disturbs a round disturbs all that is measured in it."""
    return "%.2f" % statistics.median(x / y for x, y in zip(a, b)) if b else "-"


def report(every, strays):
    known = {s.name: s for s in every}
    rows = []
    for n in CONNECTIONS:
        for s in every:
            if n not in s.cpu:
                continue
            against = [known[o].cpu.get(n) if o in known else None for o in ("nginx", "haproxy", "floor")]
            rows.append([s.name, n, lab.spread(s.cpu[n])] + [ratio(s.cpu[n], o) for o in against] +
                        [lab.spread(s.p99[n], "%.0f"), lab.spread(s.rate[n], "%.0f")])
    lab.table(["proxy", "conns", "CPU us/request", "/nginx", "/haproxy", "/floor", "p99 us", "requests/s"], rows)
    lab.table(["proxy", "RSS KiB at start", "PSS KiB per idle connection"],
              [[s.name, s.memory[0], "%.2f" % s.memory[1]] for s in every if s.memory])
    print("medians (and ranges) of %d interleaved rounds of %d s; ratios are of CPU per request within a round" %
          (lab.ROUNDS, lab.SECONDS))
    print("others used %.0f %% of the proxy's CPU in the median measurement, %.0f %% in the worst: believe it less the higher this is" %
          (100 * statistics.median(strays), 100 * max(strays)))
    print("nginx and HAProxy add X-Forwarded-For and keep Host; sluice also adds X-Forwarded-Host, -Port, -Proto, -Server and X-Real-Ip.")
    print("sluice+obs: JSON access log to /dev/null and Prometheus metrics per entry point, router and service. No other logs.")
    print("floor keeps one server connection per client connection and reads nothing; idle memory: %d connections, one request each." % IDLE)


def main():
    lab.need("wrk", "nginx", "haproxy")
    every, strays = subjects(), []
    os.sched_setaffinity(0, {lab.LOAD_CPU})
    print("HTTP: %s" % lab.machine())
    if lab.LOAD_CPU == lab.PROXY_CPU:
        print("one CPU only: proxy, load and backend share it")
    with lab.Lab() as bench:
        ports = lab.free_ports(len(every) + 1)
        backend = bench.start(lab.LOAD_CPU, [lab.compiled("backend"), str(ports[0])], "backend")
        bench.listening(backend, ports[0], "backend")
        for s, port in zip(every, ports[1:]):
            s.start(bench, port, ports[0])
        for s in every:
            s.memory = memory(s) if s.pools else None
            load(s, 16, 1) if lab.SECONDS > 1 else None  # grown, connected, paged in
        for i in range(lab.ROUNDS):
            for n in CONNECTIONS:
                turn = every[i % len(every):] + every[:i % len(every)]
                for s in turn:
                    if n in s.cpu:
                        measure(s, n, strays)
        report(every, strays)


if __name__ == "__main__":
    start = time.monotonic()
    main()
    print("%.0f s" % (time.monotonic() - start))
