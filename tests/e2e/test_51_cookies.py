"""kernel.protection.synCookies: while spoofed SYNs flood an entry point, real clients get in by cookies.

    client 198.18.0.2, fd00::2 (and the flood's sources 198.18.64.0/18, fd00::1:0:0/96) --- lb0 [agent: web :8000]
"""
import contextlib
import random
import socket
import struct
import threading
import time

import pytest

from client import Http
from topology import LB_CLIENT_SIDE, inside, run

LB6 = "fd00::1"
SYSCTL = "/proc/sys/net/ipv4/tcp_syncookies"


def in_lb(net, command):
    return run(*net.enter(net.lb), "sh", "-c", command)


@contextlib.contextmanager
def syncookies(net, value):
    before = in_lb(net, "cat " + SYSCTL).strip()
    in_lb(net, "echo %d > %s" % (value, SYSCTL))
    try:
        yield
    finally:
        in_lb(net, "echo %s > %s" % (before, SYSCTL))


def began_with_ours(sock):
    """A connection by a cookie of the kernel tier has no options; the stack's own, cookie or not, has timestamps."""
    return not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5]


def sent(agent):
    return agent.metric("sluice_kernel_packets_total", reason="cookie_sent")


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(source, destination, sport, port):
    """A SYN with an MSS as its only option."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    src, dst = socket.inet_pton(family, source), socket.inet_pton(family, destination)
    tcp = struct.pack("!HHIIBBHHHBBH", sport, port, random.getrandbits(32), 0, 6 << 4, 2, 65535, 0, 0, 2, 4, 1460)
    pseudo = src + dst + struct.pack("!II", len(tcp), 6)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + src + dst + tcp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + src + dst
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


class Flood:
    """A few thousand SYNs per second from everywhere, for as long as the block runs and ten seconds at most."""

    def __init__(self, net, destination):
        six = ":" in destination
        to, own = self._mac(net.lb, net, "lb0"), self._mac(net.client, net, "eth0")
        head = to + own + struct.pack("!H", 0x86dd if six else 0x0800)
        self.frames = [head + syn(self._source(six), destination, random.randrange(1024, 65536), 8000) for _ in range(4000)]
        with inside(net.client):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.sock.bind(("eth0", 0))
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    @staticmethod
    def _mac(namespace, net, interface):
        text = run(*net.enter(namespace), "ip", "-br", "link", "show", interface)
        return bytes.fromhex(text.split()[2].replace(":", ""))

    @staticmethod
    def _source(six):
        if six:
            return "fd00::1:%x:%x" % (random.getrandbits(16), random.getrandbits(16))
        return "198.18.%d.%d" % (random.randrange(64, 128), random.randrange(1, 255))

    def _run(self):
        until = time.monotonic() + 10
        while not self.over.is_set() and time.monotonic() < until:
            for frame in random.sample(self.frames, 50):
                self.sock.send(frame)
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()
        self.sock.close()


def served(net, address, n=20):
    """Asks so many times and returns how many connections began with a cookie of ours."""
    ours = 0
    for _ in range(n):
        with Http(address, 8000, net.client, timeout=5) as c:
            c.host = "web.test"
            assert c.request("/").status == 200
            ours += began_with_ours(c.sock)
    return ours


def protection(syns):
    return {"kernel": {"protection": {"synCookies": syns}}}


@pytest.mark.parametrize("address", [LB_CLIENT_SIDE, LB6])
def test_clients_get_in_by_cookies_while_syns_flood(net, launch, address):
    with net.ipv6(), syncookies(net, 2):
        agent = launch(static=protection(60))
        assert "tcp_syncookies" not in agent.log()
        with Flood(net, address):
            time.sleep(0.5)
            assert served(net, address) >= 3  # the first of each second go to the stack
            assert sent(agent) > 500
        time.sleep(1.1)
        before = sent(agent)
        assert served(net, address, 5) == 0
        assert sent(agent) == before  # it is over


def test_bytes_of_a_connection_by_cookie_arrive(net, launch):
    """The first SYN of a second may go to the stack; the rest cannot."""
    with syncookies(net, 2):
        agent = launch(static=protection(1))
        ours = tries = 0
        while ours < 3 and tries < 60:  # a slow machine makes few in a second
            tries += 1
            with Http(LB_CLIENT_SIDE, 8000, net.client, timeout=5) as c:
                assert c.request("/", method="POST", body=b"x" * 300000).status == 200
                assert c.request("/").status == 200
                ours += began_with_ours(c.sock)
        assert sent(agent) >= ours >= 3


def test_below_the_threshold_nothing_changes(net, launch):
    with syncookies(net, 2):
        agent = launch(static=protection(100000))
        assert served(net, LB_CLIENT_SIDE) == 0
        assert sent(agent) == 0


def test_without_the_sysctl_the_stack_answers_as_ever_and_that_is_said(net, launch):
    with syncookies(net, 1):
        agent = launch(static=protection(1))
        assert "`sysctl net.ipv4.tcp_syncookies=2`" in agent.log()
        assert served(net, LB_CLIENT_SIDE) == 0
        assert sent(agent) == 0
        said = agent.command("bpf", "check", "-c", agent.config).stdout
        assert "net.ipv4.tcp_syncookies is 1, not 2" in said and "sysctl net.ipv4.tcp_syncookies=2" in said
    with syncookies(net, 2):
        assert "SYN cookies: net.ipv4.tcp_syncookies is 2" in agent.command("bpf", "check", "-c", agent.config).stdout


def test_only_addresses_of_this_host_are_answered_for(net, launch):
    """The entry point is on every address; what is routed through to another host's port of that number is not ours."""
    with syncookies(net, 2):
        agent = launch(static=protection(1))
        run("ip", "-n", net.client, "route", "add", "198.18.1.0/24", "via", LB_CLIENT_SIDE)
        try:
            for _ in range(6):
                with inside(net.client):
                    s = socket.socket()
                s.setblocking(False)
                s.connect_ex(("198.18.1.11", 8000))
                s.close()
            assert sent(agent) == 0
            served(net, "198.18.1.1", 6)
            assert sent(agent) > 0
            before = sent(agent)
            in_lb(net, "ip addr add 198.18.0.99/24 dev lb0")
            time.sleep(1.5)
            served(net, "198.18.0.99", 6)
            assert sent(agent) > before
        finally:
            run("ip", "-n", net.client, "route", "del", "198.18.1.0/24")
            in_lb(net, "ip addr del 198.18.0.99/24 dev lb0 || true")
