"""`sluice bpf` as tests use it: its rows, its captures."""
import json
import struct
import subprocess

from agent import SLUICE, spawn
from client import Stream, eventually
from topology import VIP


def connect(agent, **kw):
    return Stream(VIP, 5432, agent.net.client, **kw)


def bpf(agent, *args):
    return agent.command("bpf", *args)


def rows(agent, what, *args):
    result = bpf(agent, "dump", what, "--pin", agent.pin, "--json", *args)
    assert result.returncode == 0, result.stdout
    return json.loads(result.stdout)


def reason(agent, name):
    return next(r["packets"] for r in rows(agent, "reasons") if r["reason"] == name)


def pcap(data):
    """[(wall seconds, frame, original length)] of a little endian nanosecond capture."""
    magic, major, minor, _, _, snap, link = struct.unpack_from("<IHHIIII", data)
    assert (magic, major, minor, snap, link) == (0xa1b23c4d, 2, 4, 256, 1)
    out, at = [], 24
    while at < len(data):
        seconds, ns, kept, length = struct.unpack_from("<IIII", data, at)
        assert ns < 10**9 and kept <= snap and len(data) >= at + 16 + kept
        out.append((seconds + ns / 1e9, data[at + 16:at + 16 + kept], length))
        at += 16 + kept
    return out


class Capture:
    """`sluice bpf capture` in the background; `out` and `err` when it has ended."""

    def __init__(self, agent, *args):
        self.path = agent.dir + "/capture.pcap"
        self.process = spawn(agent.net.enter(agent.net.lb) + [SLUICE, "bpf", "capture", "--pin", agent.pin, "-w", self.path] + list(args),
                             stderr=subprocess.PIPE, text=True)
        eventually(lambda: switch(agent)["reasons"] != 0, what="sampling on")

    def end(self, signo=None):
        if signo:
            self.process.send_signal(signo)
        self.err = self.process.communicate(timeout=15)[1]
        with open(self.path, "rb") as f:
            self.packets = pcap(f.read())
        return self.process.returncode


def switch(agent):
    """The map `capture`, as bpftool shows it."""
    out = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", agent.pin + "/capture"], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)[0]["formatted"]["value"]
