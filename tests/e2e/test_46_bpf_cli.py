"""sluice bpf beside a running agent: what it shows, what it records.

    client --- lb0 [agent, XDP: VIP 198.18.0.10] lb1 --- b1 b2 b3;   sluice bpf status|dump|capture next to it
"""
import json
import signal
import struct
import subprocess
import time

import pytest

from bpfcli import Capture, bpf, connect, reason, rows, switch
from client import Datagrams, eventually
from topology import BACKENDS, CLIENT, VIP


# ---- status and dump ----

def test_status_tells_what_is_pinned(agent):
    result = bpf(agent, "status", "-c", agent.config)
    assert result.returncode == 0, result.stdout
    for word in ["lb0", "lb1", "native", "sluice_xdp", "db@file", "dns@file", VIP + ":5432", VIP + ":53", "maglev", "flows"] + BACKENDS:
        assert word in result.stdout, (word, result.stdout)
    status = json.loads(bpf(agent, "status", "--pin", agent.pin, "--json").stdout)
    assert {i["interface"]: i["mode"] for i in status["interfaces"]} == {"lb0": "native", "lb1": "native"}
    assert status["kernel"][0]["pinPath"] == agent.pin
    maps = {m["map"]: m for m in status["maps"]}
    assert maps["services"]["used"] == 2 and maps["backends"]["used"] == 6
    assert maps["addresses"]["room"] >= 64 and maps["addresses"]["memoryBytes"] > 0
    assert maps["flows"]["room"] >= 2 * status["kernel"][0]["maxFlows"]


def test_dump_of_services_vips_and_backends(agent):
    services = {s["service"]: s for s in rows(agent, "services")}
    assert services["db@file"]["vip"] == VIP + ":5432" and services["db@file"]["state"] == "active"
    assert services["dns@file"]["protocol"] == "udp"
    vips = {(v["vip"], v["protocol"]): v["service"] for v in rows(agent, "vips")}
    assert vips[(VIP + ":5432", "tcp")] == "db@file" and vips[(VIP + ":53", "udp")] == "dns@file"
    backends = [b for b in rows(agent, "backends") if b["service"] == "db@file"]
    assert {b["backend"] for b in backends} == {a + ":5432" for a in BACKENDS}
    for b in backends:
        assert (b["state"], b["interface"], b["forwarding"], b["mtu"], b["source"]) == ("up", "lb1", "snat", 1500, "198.18.1.1")
        assert b["nextHop"] != "00:00:00:00:00:00"


def test_dump_of_flows_with_filters(agent):
    with connect(agent) as a, connect(agent) as b, Datagrams(VIP, 53, agent.net.client) as c:
        assert a.echo(b"1") and b.echo(b"2")
        server = c.ask(b"3")[0]
        mine = {"%s:%d" % s.sock.getsockname() for s in (a, b, c)}
        found = {f["client"]: f for f in rows(agent, "flows", "--client", CLIENT) if f["client"] in mine}
        assert set(found) == mine
        first = found["%s:%d" % a.sock.getsockname()]
        assert first["backend"] == "198.18.1.1%s:5432" % a.name[1] == a.local
        assert (first["vip"], first["protocol"], first["state"], first["service"]) == (VIP + ":5432", "tcp", "established", "db@file")
        assert first["source"].startswith("198.18.1.1:") and first["idleSeconds"] < 5
        assert {f["protocol"] for f in rows(agent, "flows", "--vip", VIP + ":53")} == {"udp"}
        here = rows(agent, "flows", "--backend", "198.18.1.1%s:53" % server[1])
        assert found["%s:%d" % c.sock.getsockname()] | {"idleSeconds": 0} in [f | {"idleSeconds": 0} for f in here]
        assert rows(agent, "flows", "--client", "192.0.2.1") == []
    text = bpf(agent, "dump", "flows", "--pin", agent.pin).stdout.splitlines()
    assert text[0].split() == ["PROTOCOL", "CLIENT", "VIP", "SOURCE", "BACKEND", "SERVICE", "STATE", "IDLE-SECONDS"]
    assert all(len(line.split()) == 8 for line in text)


def test_dump_of_reasons_counts(agent):
    before = reason(agent, "forwarded")
    with connect(agent) as s:
        s.echo(b"x")
    assert reason(agent, "forwarded") >= before + 3
    assert agent.metric("sluice_kernel_packets_total", reason="forwarded") >= before + 3


@pytest.mark.parametrize("args,says", [
    (["dump"], "say what"),
    (["dump", "flow"], "flow"),
    (["dump", "vips", "--client", "1.2.3.4"], "flows"),
    (["dump", "flows", "--client", "there"], "no IP address"),
    (["dump", "flows", "--vip", "1.2.3.4:x"], "ADDR:PORT"),
    (["capture", "--reason", "no_flw", "-w", "-"], "no_flow"),
    (["capture", "--sample", "0", "-w", "-"], "--sample"),
    (["capture"], "-w"),
    (["statsu"], "status"),
    (["unload"], "--pin"),
    (["load"], "-c FILE"),
    (["check", "more"], "more"),
    (["load", "decap", "--interface", "lb0"], "--vip"),
    ([], "usage"),
])
def test_wrong_usage_is_explained(agent, args, says):
    result = bpf(agent, *args)
    assert result.returncode == 2 and says in result.stdout, result.stdout


@pytest.mark.parametrize("args", [["status"], ["dump", "vips"], ["capture", "-w", "-"], ["unload"]])
def test_nothing_pinned_is_said_so(agent, args):
    result = bpf(agent, *args, "--pin", "/sys/fs/bpf/nobody-was-here")
    assert result.returncode == 1 and "nobody-was-here" in result.stdout, result.stdout


def test_bpftool_shows_the_maps_with_names(agent):
    def dump(name):
        return subprocess.run(["bpftool", "map", "dump", "pinned", agent.pin + "/" + name], stdout=subprocess.PIPE, text=True, check=True).stdout
    for name, words in {
        "abi": ["abi", "maglev_size", "max_flows"], "addresses": ["addr", "flags", "id"], "ports": ["port", "proto", "rules", "service"],
        "backends": ["snat", "gen", "ifindex", "dmac"], "services": ["name", "vip", "active"], "capture": ["reasons", "until", "sample"],
    }.items():
        text = dump(name)
        for word in words:
            assert '"%s"' % word in text, (name, word)
    links = subprocess.run(agent.net.enter(agent.net.lb) + ["bpftool", "link", "show", "pinned", agent.pin + "/link_lb0"],
                           stdout=subprocess.PIPE, text=True).stdout
    assert "xdp" in links


# ---- explain ----

def explain(agent, *args):
    result = agent.command("explain", *args, "--pin", agent.pin, "--json")
    assert result.returncode == 0, result.stdout
    return json.loads(result.stdout)


def test_explain_agrees_with_where_connections_went(agent):
    with connect(agent) as a, Datagrams(VIP, 53, agent.net.client) as d:
        assert a.echo(b"1")
        server = d.ask(b"2")[0]
        told = explain(agent, "tcp", "%s:%d" % a.sock.getsockname(), VIP + ":5432")
        assert told["service"] == "db@file" and told["rules"] == "track" and "established" in told["entry"]
        for packet in told["packets"]:
            assert (packet["backend"], packet["reason"], packet["forwarding"]) == (a.local, "forwarded", "snat")
        told = explain(agent, "udp", "%s:%d" % d.sock.getsockname(), VIP + ":53")
        assert [p["backend"] for p in told["packets"]] == ["198.18.1.1%s:53" % server[1]]
        text = agent.command("explain", "-c", agent.config, "tcp", "%s:%d" % a.sock.getsockname(), VIP + ":5432").stdout
        assert "db@file" in text and "to %s, up, snat, next hop" % a.local in text and "the flow table has it" in text


def test_explain_tells_a_new_flow_before_it_comes(agent):
    told = explain(agent, "tcp", CLIENT + ":1999", VIP + ":5432")
    assert told["entry"] == "" and {p["packet"]: p["reason"] for p in told["packets"]} == {"SYN": "forwarded", "data": "no_flow"}
    with connect(agent, source_port=1999) as s:
        assert s.local == told["packets"][0]["backend"] == told["rowBackend"]


@pytest.mark.parametrize("dst,says", [(VIP + ":81", "no service has this port"), ("198.18.0.99:80", "the address is not virtual")])
def test_explain_of_what_is_not_ours(agent, dst, says):
    result = agent.command("explain", "tcp", CLIENT + ":1000", dst, "--pin", agent.pin)
    assert result.returncode == 0 and "pass (not_ours)" in result.stdout and says in result.stdout, result.stdout


def test_explain_without_a_port_wants_one(agent):
    result = agent.command("explain", "tcp", CLIENT, VIP + ":5432", "--pin", agent.pin)
    assert result.returncode == 0 and "give it as SRC:PORT" in result.stdout


@pytest.mark.parametrize("args,says", [
    (["icmp", "1.2.3.4:1", "1.2.3.4:5"], "neither tcp nor udp"),
    (["tcp", "here", "1.2.3.4:5"], "ADDR:PORT"),
    (["tcp", "1.2.3.4:1", "1.2.3.4"], "ADDR:PORT"),
    (["tcp", "1.2.3.4:1", "[fd00::1]:80"], "families"),
    (["tcp", "1.2.3.4:1"], "protocol, source and destination"),
    (["tcp", "1.2.3.4:1", "1.2.3.4:5", "-c", "x", "--pin", "y"], "exclude"),
])
def test_wrong_usage_of_explain(agent, args, says):
    result = agent.command("explain", *args)
    assert result.returncode == 2 and says in result.stdout, result.stdout


def test_explain_of_nothing_pinned(agent):
    result = agent.command("explain", "tcp", "1.2.3.4:1", "1.2.3.4:5", "--pin", "/sys/fs/bpf/nobody-was-here")
    assert result.returncode == 1 and "nobody-was-here" in result.stdout


# ---- capture ----

def test_capture_of_one_reason(agent):
    capture = Capture(agent, "--reason", "forwarded")
    with connect(agent) as s:
        s.echo(b"to be seen" * 200)
        source = next(f["source"] for f in rows(agent, "flows") if f["client"] == "%s:%d" % s.sock.getsockname())
    assert capture.end(signal.SIGINT) == 0
    assert "forwarded" in capture.err and "replied" not in capture.err
    assert len(capture.packets) >= 3
    for when, frame, length in capture.packets:
        assert abs(when - time.time()) < 60
        assert frame[12:14] == b"\x08\x00" and len(frame) == min(length, 256)
        # As they leave: from us to a backend, with the flow's port.
        assert frame[26:30] == bytes([198, 18, 1, 1]) and frame[30:33] == bytes([198, 18, 1])
        assert struct.unpack(">H", frame[34:36])[0] == int(source.split(":")[1])
    assert max(length for _, _, length in capture.packets) > 1000
    assert switch(agent)["reasons"] == 0


# Of connections the table does not know.
ACKS = """
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for i in range(5):
    s.sendto(struct.pack(">HHIIBBHHH", 1000 + i, 5432, 1, 1, 0x50, 0x10, 1000, 0, 0), ("%s", 0))
"""


def test_capture_of_what_is_dropped(agent):
    capture = Capture(agent, "--reason", "no_flow", "--reason", "bad_flags", "--count", "3")
    subprocess.run(agent.net.enter(agent.net.client) + ["/usr/bin/python3", "-c", ACKS % VIP], check=True)
    assert capture.end() == 0
    assert len(capture.packets) == 3 and "no_flow" in capture.err
    for _, frame, _ in capture.packets:
        assert frame[30:34] == bytes([198, 18, 0, 10])
    assert switch(agent)["reasons"] == 0


def test_capture_samples(agent):
    with Datagrams(VIP, 53, agent.net.client) as d:
        d.ask(b"first")
        capture = Capture(agent, "--reason", "forwarded", "--sample", "10")
        for i in range(100):
            d.ask(b"%d" % i)
        assert capture.end(signal.SIGTERM) == 0
    assert 9 <= len(capture.packets) <= 12, capture.err


def test_only_one_capture_at_a_time_and_a_killed_one_ends_by_itself(agent):
    capture = Capture(agent)
    other = bpf(agent, "capture", "--pin", agent.pin, "-w", "-", "--seconds", "1")
    assert other.returncode == 1 and "another capture" in other.stdout
    capture.process.kill()
    capture.process.communicate()
    assert switch(agent)["reasons"] != 0

    def next_one():
        return bpf(agent, "capture", "--pin", agent.pin, "-w", "/dev/null", "--seconds", "100ms").returncode == 0
    eventually(next_one, 8, 0.2, "the lease of the killed capture to end")
    assert switch(agent)["reasons"] == 0
