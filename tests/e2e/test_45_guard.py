"""kernel.protection: who may send to a virtual address, and how much. The client's host has a second and a third address, of which
one misbehaves; the first one's traffic must not notice.
"""
import os
import signal
import socket
import time

import pytest

from client import Load, eventually
from topology import CLIENT, VIP, inside, run

BAD, THIRD = "198.18.0.3", "198.18.0.4"


@pytest.fixture(scope="module", autouse=True)
def addresses(net):
    for address in (BAD, THIRD):
        run("ip", "-n", net.client, "addr", "add", address + "/24", "dev", "eth0")
    yield
    for address in (BAD, THIRD):
        run("ip", "-n", net.client, "addr", "del", address + "/24", "dev", "eth0")


class Echo:
    """A TCP connection from an address of the client's host."""

    def __init__(self, net, source, timeout=2):
        with inside(net.client):
            self.sock = socket.create_connection((VIP, 5432), timeout, (source, 0))
        self.pending = b""
        while not self.pending.endswith(b"\n"):
            self.pending += self.sock.recv(256)

    def works(self, data=b"x"):
        self.sock.sendall(data)
        return self.sock.recv(len(data), socket.MSG_WAITALL) == data

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()


def connects(net, source, timeout=3):
    try:
        with Echo(net, source, timeout) as c:
            return c.works()
    except OSError:
        return False


def blocked(net, source):
    return not connects(net, source, 0.5)


def datagram_socket(net, source):
    with inside(net.client):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 0))
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.connect((VIP, 53))
    return s


def answers(sockets):
    n = 0
    for s in sockets:
        try:
            while True:
                s.recv(2048)
                n += 1
        except BlockingIOError:
            pass
    return n


def dropped(agent, reason):
    return agent.metric("sluice_kernel_packets_total", reason=reason)


def protection(**options):
    return {"kernel": {"protection": options}}


def with_file(launch, option, text, **more):
    """An agent whose list is in a file, and a function that writes another list and says when it is in force."""
    path = "/tmp/sluice-guard-%d.txt" % os.getpid()
    kind = option[:-4]

    def write(text):
        with open(path, "w") as f:
            f.write(text)

    write(text)
    agent = launch(static=protection(**{option: path}, **more))

    def replace(text, want=None):
        write(text)
        agent.process.send_signal(signal.SIGHUP)
        if want is None:
            want = text.count("\n")
        eventually(lambda: agent.metric("sluice_kernel_%s_prefixes" % kind) == want, what="the new list in force")
    return agent, replace


@pytest.fixture(autouse=True)
def no_files_left():
    yield
    try:
        os.unlink("/tmp/sluice-guard-%d.txt" % os.getpid())
    except FileNotFoundError:
        pass


def test_a_denied_source_cannot_connect_and_is_counted(net, launch):
    agent = launch(static=protection(deny=["192.0.2.0/24", BAD]))
    assert connects(net, CLIENT) and connects(net, THIRD)
    before = dropped(agent, "denied")
    assert blocked(net, BAD)
    assert dropped(agent, "denied") > before
    assert agent.get("/").status == 200
    with inside(net.client):  # what is not for a virtual address is none of the guard's business
        s = socket.create_connection(("198.18.0.1", 8000), 2, (BAD, 0))
    s.close()


def test_with_an_allow_list_all_others_stay_outside(net, launch):
    agent = launch(static=protection(allow=[CLIENT + "/32", THIRD], deny=[THIRD]))
    assert connects(net, CLIENT)
    assert blocked(net, BAD)
    assert dropped(agent, "not_allowed") > 0
    assert dropped(agent, "denied") == 0
    assert blocked(net, THIRD)  # on both lists
    assert dropped(agent, "denied") > 0


def test_a_list_is_replaced_under_established_connections(net, launch):
    agent, replace = with_file(launch, "denyFile", "# nobody yet\n192.0.2.1\n")
    assert agent.metric("sluice_kernel_deny_prefixes") == 1
    with Echo(net, CLIENT) as good, Echo(net, BAD) as bad:
        assert good.works() and bad.works()
        replace("192.0.2.1\n%s\n" % BAD)
        bad.sock.settimeout(0.4)
        with pytest.raises(OSError):
            bad.works()
        assert good.works()
        replace("192.0.2.1\n")
        bad.sock.settimeout(5)
        assert bad.sock.recv(1) == b"x"  # TCP tried again
        assert bad.works()


def test_a_broken_file_changes_nothing(net, launch):
    agent, replace = with_file(launch, "denyFile", BAD + "\n")
    with open(agent.static["kernel"]["protection"]["denyFile"], "w") as f:
        f.write("198.18.0.2\n10.0.0.0/40\n")
    agent.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the source prefixes stay as they were" in agent.log(), what="the refusal")
    assert agent.metric("sluice_kernel_deny_prefixes") == 1
    assert connects(net, CLIENT) and blocked(net, BAD)
    assert "10.0.0.0/40" in agent.log()
    replace(THIRD + "\n192.0.2.0/24\n")
    assert connects(net, BAD) and blocked(net, THIRD)


def test_a_broken_file_at_the_start_is_refused(net, launch):
    agent = launch(static=protection(denyFile="/nonexistent/deny.txt"), start=False)
    agent.start(wait=False)
    assert agent.process.wait(10) == 1
    agent.process = None
    assert "kernel.protection.denyFile: cannot read /nonexistent/deny.txt" in agent.log()


def paced(seconds, per_second, action):
    """Calls action so often, evenly; the time that really passed."""
    start = time.monotonic()
    for i in range(int(seconds * per_second)):
        ahead = start + i / per_second - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        action()
    return time.monotonic() - start


def test_packets_beyond_the_limit_are_dropped_and_nobody_else_notices(net, launch):
    agent = launch(static=protection(packetsPerSecond=400, packetsBurst=100))
    with Echo(net, CLIENT) as good, Load(lambda n: time.sleep(0.02) or good.works(), threads=1) as load:
        load.wait_for(3)
        mark, flood = load.mark(), datagram_socket(net, BAD)
        took = paced(2, 2000, lambda: flood.send(b"flood"))
        time.sleep(0.2)
        got, sent = answers([flood]), 4000
        flood.close()
        worked = len(load.since(mark))
    assert not load.errors
    assert worked > took / 0.02 * 0.3
    wanted = 100 + 400 * took
    assert 0.85 * wanted < got < 1.1 * wanted, (got, took)
    assert 0.95 * (sent - got) <= dropped(agent, "rate_packets") <= sent - got
    assert agent.metric("sluice_kernel_untracked_packets_total") == 0


def test_connections_beyond_the_limit_are_dropped_and_established_ones_go_on(net, launch):
    agent = launch(static=protection(connectionsPerSecond=40, connectionsBurst=10))
    with Echo(net, CLIENT) as good, Echo(net, BAD) as earlier:
        sockets = [datagram_socket(net, BAD) for _ in range(600)]
        waiting = iter(sockets)
        took = paced(2, 300, lambda: next(waiting).send(b"new"))
        assert good.works() and earlier.works()  # the flooder's own, too: only beginning is limited
        time.sleep(0.2)
        got = answers(sockets)
        for s in sockets:
            s.close()
        assert connects(net, THIRD) and connects(net, CLIENT)
    wanted = 9 + 40 * took  # one went into `earlier`
    assert 0.85 * wanted < got < 1.15 * wanted, (got, took)
    assert dropped(agent, "rate_connections") == 600 - got


def test_a_hundred_thousand_prefixes_are_taken_over_under_traffic(net, launch):
    many = "".join("%d.%d.%d.0/24\n" % (60 + i // 65536, i // 256 % 256, i % 256) for i in range(100000))
    agent, replace = with_file(launch, "denyFile", many)
    assert agent.metric("sluice_kernel_deny_prefixes") == 100000
    with Load(lambda n: connects(net, CLIENT, 1), threads=2) as load:
        load.wait_for(20)
        mark = load.mark()
        for last in (BAD, THIRD, BAD):
            start = time.monotonic()
            replace(many + last + "\n")
            assert time.monotonic() - start < 10
            assert blocked(net, last)
        load.wait_for(20)
        assert not load.errors and all(load.since(mark))
    assert connects(net, THIRD)
