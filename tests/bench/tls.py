#!/usr/bin/python3
"""TLS 1.3 through sluice, nginx and HAProxy: requests on kept connections, handshakes, memory of idle connections.

    CPU 0: wrk or this script's clients, backend        CPU 1: the proxy, one worker or thread

Everybody shows the same ECDSA P-256 certificate and gets the suites it prefers by itself. A handshake is a connection with one
request whose answer closes it; resumed ones offer the newest ticket. What is measured of a proxy is CPU time, so the clients' own
speed does not matter. Interleaved rounds, as in http.py, whose parts are used here.

    BENCH_ROUNDS (5), BENCH_SECONDS per measurement (1), BENCH_CONNECTIONS ("16 64")
"""
import importlib.util
import os
import re
import socket
import ssl
import statistics
import subprocess
import time

import lab

_spec = importlib.util.spec_from_file_location("bench_http", os.path.join(os.path.dirname(os.path.abspath(__file__)), "http.py"))
http = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(http)

CONNECTIONS = [int(n) for n in os.environ.get("BENCH_CONNECTIONS", "16 64").split()]
IDLE = 1000

SLUICE = http.SLUICE.replace('"127.0.0.1:%(port)d" }', '"127.0.0.1:%(port)d", http: { tls: {} } }') + """
tls: { certificates: [ { certFile: "%(dir)s/bench.crt", keyFile: "%(dir)s/bench.key" } ] }
"""
NGINX = http.NGINX.replace("listen 127.0.0.1:%(port)d backlog=4096;", """listen 127.0.0.1:%(port)d ssl backlog=4096;
        ssl_certificate %(dir)s/bench.crt; ssl_certificate_key %(dir)s/bench.key;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets on;""")
HAPROXY = http.HAPROXY.replace("bind 127.0.0.1:%(port)d backlog 4096", "bind 127.0.0.1:%(port)d ssl crt %(dir)s/bench.pem backlog 4096")


def make_certificate(directory):
    key, cert = directory + "/bench.key", directory + "/bench.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                    cert, "-days", "3", "-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test"], check=True,
                   stderr=subprocess.DEVNULL)
    with open(directory + "/bench.pem", "w") as out:
        for path in (cert, key):
            with open(path) as f:
                out.write(f.read())


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    return c


def connect(port, c, session=None):
    plain = socket.create_connection(("127.0.0.1", port))
    return c.wrap_socket(plain, server_hostname="bench.test", session=session)


def once(port, c, session):
    """One connection with one request; the session to resume next time."""
    with connect(port, c, session) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n")
        while s.recv(65536):
            pass
        return s.session, s.session_reused


def handshakes(subject, resume):
    """CPU microseconds of the proxy per connection."""
    c, session, done = context(), None, 0
    if resume:
        session, _ = once(subject.port, c, None)
    cpu, end = lab.cpu_ns(subject.process.pid), time.monotonic() + lab.SECONDS
    while time.monotonic() < end:
        newer, reused = once(subject.port, c, session)
        if reused != resume:
            raise SystemExit("%s: resumed %s, wanted %s" % (subject.name, reused, resume))
        session = newer if resume else None
        done += 1
    return (lab.cpu_ns(subject.process.pid) - cpu) / done / 1e3


def load(subject, connections):
    """CPU microseconds per request and requests per second."""
    cpu = lab.cpu_ns(subject.process.pid)
    out = lab.pinned(lab.LOAD_CPU, ["wrk", "-t1", "-c%d" % connections, "-d%ds" % lab.SECONDS,
                                    "https://127.0.0.1:%d/some/path?with=query" % subject.port], lab.SECONDS + 20)
    cpu = lab.cpu_ns(subject.process.pid) - cpu
    if "Socket errors" in out or "Non-2xx" in out:
        raise SystemExit("%s: errors under load:\n%s" % (subject.name, out))
    done = re.search(r"^\s+(\d+) requests in ([\d.]+)s", out, re.M)
    return cpu / int(done.group(1)) / 1e3, int(done.group(1)) / float(done.group(2))


def memory(subject):
    """PSS per idle connection, KiB."""
    c, held = context(), []
    http.exchange(connect(subject.port, c), subject.port)
    before = lab.pss_kib(subject.process.pid)
    try:
        for _ in range(IDLE):
            held.append(connect(subject.port, c))
            http.exchange(held[-1], subject.port)
        return (lab.pss_kib(subject.process.pid) - before) / IDLE
    finally:
        for s in held:
            s.close()


def main():
    lab.need("wrk", "nginx", "haproxy", "openssl")
    os.sched_setaffinity(0, {lab.LOAD_CPU})
    print("TLS 1.3: %s" % lab.machine())
    every = [http.Subject("sluice", SLUICE, [lab.SLUICE, "run", "-c", "%(file)s"], CONNECTIONS, observe=""),
             http.Subject("nginx", NGINX, ["nginx", "-p", "%(dir)s", "-c", "%(file)s"], CONNECTIONS),
             http.Subject("haproxy", HAPROXY, ["haproxy", "-db", "-f", "%(file)s"], CONNECTIONS)]
    with lab.Lab() as bench:
        make_certificate(bench.dir)
        ports = lab.free_ports(len(every) + 1)
        backend = bench.start(lab.LOAD_CPU, [lab.compiled("backend"), str(ports[0])], "backend")
        bench.listening(backend, ports[0], "backend")
        for s, port in zip(every, ports[1:]):
            s.start(bench, port, ports[0])
            s.full, s.resumed = [], []
            s.memory = memory(s)
        for i in range(lab.ROUNDS):
            for s in every[i % len(every):] + every[:i % len(every)]:
                for n in CONNECTIONS:
                    cpu, rate = load(s, n)
                    s.cpu[n].append(cpu)
                    s.rate[n].append(rate)
                s.full.append(handshakes(s, False))
                s.resumed.append(handshakes(s, True))
        nginx, haproxy = every[1], every[2]
        rows = []
        for n in CONNECTIONS:
            rows += [[s.name, "%d connections" % n, lab.spread(s.cpu[n]), http.ratio(s.cpu[n], nginx.cpu[n]),
                      http.ratio(s.cpu[n], haproxy.cpu[n])] for s in every]
        for what in ("full", "resumed"):
            rows += [[s.name, what + " handshake", lab.spread(getattr(s, what)), http.ratio(getattr(s, what), getattr(nginx, what)),
                      http.ratio(getattr(s, what), getattr(haproxy, what))] for s in every]
        lab.table(["proxy", "work", "CPU us each", "/nginx", "/haproxy"], rows)
        lab.table(["proxy", "PSS KiB per idle connection"], [[s.name, "%.2f" % s.memory] for s in every])
        print("medians (and ranges) of %d interleaved rounds of %d s" % (lab.ROUNDS, lab.SECONDS))


if __name__ == "__main__":
    start = time.monotonic()
    main()
    print("%.0f s" % (time.monotonic() - start))
