"""Health checks of dsr, ipip and gue travel the way packets do: to the virtual address, by way of the one server they are about.

    client --- lb0 [agent: checks from 198.18.1.1 to 198.18.0.10:5432] lb1 === (outer header) ===> b1 b2 b3 [decap, VIP on lo]
                                                                    lb1 <--- answers from 198.18.0.10 ---
"""
import contextlib
import socket
import struct
import time

import pytest

from client import Stream, eventually
from conftest import routing
from detour import in_place_once, nothing_left, routes, rules, states
from direct import Direct, sysctl
from topology import BACKENDS, LB_BACKEND_SIDE, VIP, inside, run

MODES = ["ipip", "gue", "dsr"]
CHECK = {"interval": "200ms", "timeout": "400ms"}


def checked(mode, check=CHECK):
    return routing(tcp={"services": {"db": {"loadBalancer": {"forwarding": mode, "healthCheck": check}}}})


@pytest.fixture(scope="module", params=MODES)
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def servers(net, backends, mode):
    with Direct(net) as d:
        if mode != "dsr":
            d.unpack()
        yield d


@pytest.fixture
def agent(launch, servers, mode):
    return launch(dynamic=checked(mode))


def says(mode, i, reason):
    return "%s:5432 through %s to %s: %s" % (VIP, mode, BACKENDS[i], reason)


def all_pass(agent, mode):
    wanted = {"%s:5432" % b: (True, says(mode, i, "health check passed")) for i, b in enumerate(BACKENDS)}
    eventually(lambda: states(agent) == wanted, what="three servers up: %r" % states(agent))


def goes_down(agent, mode, i, reason):
    wanted = (False, says(mode, i, reason))
    eventually(lambda: states(agent)["%s:5432" % BACKENDS[i]] == wanted, what="a server down: %r" % states(agent))
    assert says(mode, i, reason) in agent.log()


def accepts(agent, i):
    """At its own address, as a check would have seen that knew no better."""
    with Stream(BACKENDS[i], 5432, agent.net.lb) as s:
        return s.name == "b%d" % (i + 1)


def names(agent, n=30):
    got = set()
    for _ in range(n):
        with Stream(VIP, 5432, agent.net.client) as s:
            got.add(s.name)
    return got


def frames(net, interface, seconds):
    """What leaves by an interface of the balancer within that time: (outer, rest) of IPv4 frames."""
    with inside(net.lb):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    with tap:
        tap.bind((interface, 3))
        tap.settimeout(0.05)
        end, out = seconds / 0.05, []
        while end > 0:
            try:
                data, where = tap.recvfrom(2048)
            except socket.timeout:
                end -= 1
                continue
            if where[2] == socket.PACKET_OUTGOING and where[1] == 0x0800:
                out.append((data[14:34], data[34:]))
    return out


def is_syn_to_vip(ip, rest):
    return ip[9] == 6 and ip[16:20] == socket.inet_aton(VIP) and rest[13] == 2 and struct.unpack("!H", rest[2:4])[0] == 5432


def test_checks_travel_as_packets_do(agent, mode):
    all_pass(agent, mode)
    sent = frames(agent.net, "lb1", 1)
    own = [ip for ip, rest in sent if ip[9] == 6 and ip[16:20] in map(socket.inet_aton, BACKENDS) and rest[2:4] == struct.pack("!H", 5432)]
    assert own == []
    to = set()
    for ip, rest in sent:
        if mode == "dsr":
            if is_syn_to_vip(ip, rest):
                to.add("anybody")
            continue
        if ip[9] != {"ipip": 4, "gue": 17}[mode]:
            continue
        if mode == "gue":
            sport, dport, length, check = struct.unpack("!4H", rest[:8])
            assert sport >= 0xc000 and dport == 6080 and check == 0 and length == struct.unpack("!H", ip[2:4])[0] - 20
            rest = rest[8:]
        assert ip[12:16] == socket.inet_aton(LB_BACKEND_SIDE) and ip[8] == 64 and ip[6:8] == rest[6:8] == b"\x40\0"
        if is_syn_to_vip(rest[:20], rest[20:]):
            assert rest[12:16] == socket.inet_aton(LB_BACKEND_SIDE)
            to.add(socket.inet_ntoa(ip[16:20]))
    assert to == ({"anybody"} if mode == "dsr" else set(BACKENDS))


def test_missing_address_takes_a_server_out(agent, mode):
    all_pass(agent, mode)
    server = agent.net.backends[1]
    run("ip", "-n", server, "addr", "del", VIP + "/32", "dev", "lo")
    try:
        goes_down(agent, mode, 1, "connect timed out")
        assert accepts(agent, 1)
        assert names(agent) == {"b1", "b3"}
    finally:
        run("ip", "-n", server, "addr", "add", VIP + "/32", "dev", "lo")
    all_pass(agent, mode)
    eventually(lambda: names(agent) == {"b1", "b2", "b3"}, what="b2 back")


def test_server_that_sends_strangers_on_is_not_passed_by_another(agent, mode):
    """A server that routes sends a packet for an address it has not got to its gateway, which is us: were that balanced, most such
    checks would be answered by another server."""
    all_pass(agent, mode)
    server = agent.net.backends[1]
    sysctl(agent.net, server, ip_forward=1)
    run("ip", "-n", server, "addr", "del", VIP + "/32", "dev", "lo")
    try:
        # With dsr the server is the hop that ends it, and says so.
        goes_down(agent, mode, 1, "connect failed" if mode == "dsr" else "connect timed out")
        for _ in range(20):
            time.sleep(0.1)
            assert not states(agent)["198.18.1.12:5432"][0]
    finally:
        run("ip", "-n", server, "addr", "add", VIP + "/32", "dev", "lo")
        sysctl(agent.net, server, ip_forward=0)
    all_pass(agent, mode)


def test_missing_decapsulator_takes_a_server_out(agent, servers, mode):
    if mode == "dsr":
        pytest.skip("has none")
    all_pass(agent, mode)
    servers.unload(agent.net.backends[2])
    try:
        goes_down(agent, mode, 2, "connect timed out")
        assert accepts(agent, 2)
        assert names(agent) == {"b1", "b2"}
    finally:
        servers.load(agent.net.backends[2])
    all_pass(agent, mode)
    eventually(lambda: names(agent) == {"b1", "b2", "b3"}, what="b3 back")


def test_refusal_comes_back_the_short_way(agent, servers, mode):
    """The server's stack answers with a reset from the virtual address, which XDP must leave to this host's."""
    all_pass(agent, mode)
    servers.processes[0].kill()
    servers.processes[0].wait()
    try:
        goes_down(agent, mode, 0, "connection refused")
        assert accepts(agent, 0)
    finally:
        servers.processes[0] = servers.start(0)
    all_pass(agent, mode)


def test_no_port_is_held_by_past_checks(agent, mode):
    all_pass(agent, mode)
    left = run(*agent.net.enter(agent.net.lb), "ss", "-Htan", "state", "time-wait", "dst", VIP)
    assert left == ""


def test_rule_and_routes_come_and_go(agent, mode):
    net = agent.net
    all_pass(agent, mode)
    assert in_place_once(net)
    assert rules(net, "-6") == [] and routes(net, "-6") == ([], [])
    assert rules(net)[0]["priority"] == 900 and rules(net)[0]["fwmark"] == "0x51ce0000" and rules(net)[0]["fwmask"] == "0xffff0000"
    agent.sigkill()
    assert in_place_once(net)
    agent.start()
    all_pass(agent, mode)
    assert in_place_once(net)
    agent.write(checked(mode, None))
    eventually(lambda: nothing_left(net), what="no rule without checks")
    agent.write(checked(mode))
    eventually(lambda: in_place_once(net), what="the rule with the first check")
    all_pass(agent, mode)
    assert agent.terminate() == 0
    assert nothing_left(net)


def test_unload_removes_what_a_killed_agent_left(agent, mode):
    all_pass(agent, mode)
    agent.sigkill()
    assert in_place_once(agent.net)
    result = agent.command("bpf", "unload", "--pin", agent.pin)
    assert result.returncode == 0, result.stdout
    assert nothing_left(agent.net)


def test_no_effect_without_such_checks(launch, servers, mode):
    agent = launch(dynamic=routing(tcp={"services": {"db": {"loadBalancer": {"forwarding": "snat", "healthCheck": CHECK}}}}))
    eventually(lambda: states(agent)["198.18.1.11:5432"] == (True, "health check passed"), what="a check")
    assert nothing_left(agent.net)


def test_interface_that_went_and_came_back(agent, mode):
    all_pass(agent, mode)
    run("ip", "-n", agent.net.lb, "link", "set", "lb1", "down")
    eventually(lambda: not any(up for up, _ in states(agent).values()), what="everything down")
    assert routes(agent.net)[0] == []
    run("ip", "-n", agent.net.lb, "link", "set", "lb1", "up")
    all_pass(agent, mode)
    assert in_place_once(agent.net)


@contextlib.contextmanager
def rp_filter(net, value):
    sysctl(net, net.lb, conf__lb1__rp_filter=value)
    try:
        yield
    finally:
        sysctl(net, net.lb, conf__lb1__rp_filter=0)


def test_strict_rp_filter_is_told_and_gone_around(agent, servers, mode):
    """Answers from the virtual address would be dropped: better checks that see less than no server at all."""
    all_pass(agent, mode)
    with rp_filter(agent.net, 1):
        eventually(lambda: set(states(agent).values()) == {(True, "health check passed")}, what="checks at the servers' own addresses")
        assert "rp_filter of lb1 would drop the answers" in agent.log() and "sysctl net.ipv4.conf.lb1.rp_filter=2" in agent.log()
        told = agent.log().count("health checks go to the servers' own addresses")
        assert told == 1
        found = agent.command("bpf", "check", "-c", agent.config).stdout
        assert "checks would not travel as packets do: rp_filter of lb1" in found
    all_pass(agent, mode)


def test_loose_rp_filter_lets_answers_in(agent, mode):
    with rp_filter(agent.net, 2):
        all_pass(agent, mode)
        time.sleep(1)  # several checks
        all_pass(agent, mode)
