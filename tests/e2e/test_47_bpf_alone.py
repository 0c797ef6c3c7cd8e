"""sluice bpf without an agent: after it was killed, instead of it, and before it: status, capture, load, unload, check.

    client --- lb0 [XDP: VIP 198.18.0.10, pinned] lb1 --- b1 b2 b3
"""
import json
import os
import subprocess

import pytest

from agent import SLUICE, spawn
from bpfcli import bpf, connect, pcap, rows, switch
from client import eventually
from conftest import routing


def clean(agent):
    """What is pinned without an agent is nobody's to remove but the test's."""
    subprocess.run(["rm", "-rf", agent.pin])


@pytest.fixture
def idle(launch):
    """idle(static=..., dynamic=...): configured, not started."""
    def go(**kw):
        agent = launch(start=False, **kw)
        open(agent.log_path, "a").close()
        return agent
    return go


def test_status_and_dump_after_sigkill(launch):
    agent = launch()
    with connect(agent) as s:
        agent.sigkill()
        assert "sluice_xdp" in bpf(agent, "status", "-c", agent.config).stdout
        assert s.echo(b"on")
        assert "%s:%d" % s.sock.getsockname() in [f["client"] for f in rows(agent, "flows")]


def test_capture_to_a_pipe_without_an_agent(launch):
    agent = launch()
    agent.sigkill()
    process = spawn(agent.net.enter(agent.net.lb) + [SLUICE, "bpf", "capture", "--pin", agent.pin, "--reason", "forwarded", "--count", "1", "--seconds", "10", "-w", "-"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: switch(agent)["reasons"] != 0, what="sampling on")
    with connect(agent) as s:
        s.echo(b"x")
    out, err = process.communicate(timeout=15)
    assert process.returncode == 0 and len(pcap(out)) == 1, err


# ---- load and unload ----

def test_load_without_an_agent_forwards_and_unload_leaves_nothing(idle):
    agent = idle()
    try:
        result = bpf(agent, "load", "-c", agent.config)
        assert result.returncode == 0 and "lb0: native" in result.stdout, result.stdout
        assert set(agent.xdp()) == {"lb0", "lb1"}
        names = set()
        for _ in range(40):
            with connect(agent) as s:
                assert s.echo(b"no agent anywhere")
                names.add(s.name)
        assert names == {"b1", "b2", "b3"}
        with connect(agent) as s:
            agent.start()
            assert s.echo(b"adopted")
            refused = bpf(agent, "unload", "-c", agent.config)
            assert refused.returncode == 1 and "another process" in refused.stdout
            assert bpf(agent, "load", "-c", agent.config).returncode == 1
            assert s.echo(b"still there")
            agent.sigkill()
        result = bpf(agent, "unload", "-c", agent.config)
        assert result.returncode == 0, result.stdout
        assert not os.path.exists(agent.pin)
        eventually(lambda: agent.xdp() == {}, what="no XDP program on an interface")
        assert bpf(agent, "unload", "-c", agent.config).returncode == 1
    finally:
        clean(agent)


def test_unload_keeps_its_hands_off_what_is_not_ours(idle):
    agent = idle()
    os.mkdir(agent.pin)
    try:
        subprocess.run(["bpftool", "map", "create", agent.pin + "/theirs", "type", "array", "key", "4", "value", "4", "entries", "1", "name", "theirs"],
                       check=True)
        result = bpf(agent, "unload", "--pin", agent.pin)
        assert result.returncode == 1 and "nothing was removed" in result.stdout
        assert os.listdir(agent.pin) == ["theirs"]
    finally:
        clean(agent)


def test_load_says_what_is_wrong_with_the_configuration(idle):
    agent = idle(dynamic=routing(tcp={"services": {"db": {"loadBalancer": {"datapath": "cable"}}}}))
    result = bpf(agent, "load", "-c", agent.config)
    assert result.returncode == 1 and "datapath" in result.stdout
    assert not os.path.exists(agent.pin)


# ---- check ----

def findings(agent, level, *args):
    result = bpf(agent, "check", *(args or ["-c", agent.config]))
    lines = [line for line in result.stdout.splitlines() if line.startswith(level)]
    return result, lines


def test_check_finds_nothing_in_the_way(idle):
    agent = idle()
    result, fails = findings(agent, "fail")
    assert result.returncode == 0 and fails == [], result.stdout
    for words in ["lb0: XDP would run in native mode", "lb0: up, MTU 1500", "198.18.1.11:5432: reached by lb1", "ip_forward", "rp_filter"]:
        assert words in result.stdout, result.stdout
    assert not os.path.exists(agent.pin) and agent.xdp() == {}
    agent.start()
    result, fails = findings(agent, "fail")
    assert result.returncode == 0 and "lb0: sluice's program is on it" in result.stdout, result.stdout


def test_check_of_the_host_alone(idle):
    agent = idle()
    result = agent.command("bpf", "check")
    assert result.returncode == 0 and "runs XDP programs" in result.stdout


def with_servers(*addresses):
    return routing(tcp={"services": {"db": {"loadBalancer": {"servers": [{"address": a} for a in addresses]}}}})


def test_check_reports_backends_that_cannot_be_reached(idle):
    agent = idle(dynamic=with_servers("203.0.113.5:5432", "198.18.1.99:5432", "198.18.1.1:5432", "198.18.1.12:5432"))
    result, fails = findings(agent, "fail")
    assert result.returncode == 1
    assert [f.split(":")[0].split()[1] for f in fails] == ["203.0.113.5", "198.18.1.99", "198.18.1.1"], result.stdout
    assert "no route" in fails[0] and "ARP" in fails[1] and "address of this host" in fails[2]
    assert "-> ip route add 203.0.113.5" in result.stdout


def test_check_reports_interfaces_and_vips(idle):
    agent = idle(static={"kernel": {"interfaces": ["lb0", "lb9"]}, "entryPoints": {"db": {"address": "198.18.0.1:5432"}}})
    result, fails = findings(agent, "fail")
    assert result.returncode == 1
    assert any("lb9: no such interface" in f for f in fails)
    assert any("198.18.1.11:5432" in f and "lb1, which has no program" in f for f in fails), result.stdout
    assert "198.18.0.1:5432: the VIP is an address of this host (lb0)" in result.stdout
    assert "-> add lb1 to kernel.interfaces" in result.stdout


def test_check_reports_offloads_of_veth(idle, net):
    agent = idle()
    ethtool = net.enter(net.lb) + ["ethtool", "-K", "lb0", "tx"]
    subprocess.run(ethtool + ["on"], check=True, stdout=subprocess.DEVNULL)
    try:
        _, warnings = findings(agent, "warn")
        assert any("lb0: veth with tx checksum offload" in w for w in warnings)
    finally:
        subprocess.run(ethtool + ["off"], check=True, stdout=subprocess.DEVNULL)
    assert not any("lb0" in w for w in findings(agent, "warn")[1])


def test_check_reports_a_foreign_program(launch):
    agent = launch()
    agent.sigkill()
    # Under another pin path the same program is somebody else's.
    conf = json.load(open(agent.config))
    conf["kernel"]["pinPath"] = agent.pin + "-2"
    other = agent.dir + "/other.yml"
    with open(other, "w") as f:
        json.dump(conf, f)
    result, fails = findings(agent, "fail", "-c", other)
    assert result.returncode == 1 and "lb0: another XDP program is attached" in fails[0], result.stdout
    assert "ip link set dev lb0 xdp off" in result.stdout


def test_check_reports_too_little_room_for_outer_headers(idle):
    agent = idle(dynamic=routing(tcp={"services": {"db": {"loadBalancer": {"forwarding": "ipip"}}}}))
    result, warnings = findings(agent, "warn")
    assert any("198.18.1.11:5432: packets of up to 1500 bytes and their outer headers" in w for w in warnings), result.stdout
    assert "MTU of that way to 1520" in result.stdout
