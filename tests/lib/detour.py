"""What health checks of dsr, ipip and gue put into the balancer's routing, and what they found."""
import json
import subprocess

from topology import run

TABLE = "20942"


def states(agent):
    """{server: (up, reason)} of the service db."""
    service = next(s for s in agent.api("/api/status")["services"] if s["name"].startswith("db@"))
    return {s["server"]: (s["up"], s["reason"]) for s in service["servers"]}


def rules(net, family="-4"):
    out = run("ip", "-n", net.lb, family, "-j", "rule", "show")
    return [r for r in json.loads(out) if r.get("table") == TABLE]


def routes(net, family="-4"):
    """Of the table: those with a program, and others."""
    text = subprocess.run(["ip", "-n", net.lb, family, "route", "show", "table", TABLE], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    return [r for r in text if "encap bpf xmit sluice_probe" in r], [r for r in text if "sluice_probe" not in r]


def nothing_left(net):
    return not any(rules(net, f) or any(routes(net, f)) for f in ("-4", "-6"))


def in_place_once(net, family="-4"):
    detour, refusal = routes(net, family)
    return len(rules(net, family)) == 1 and len(detour) == 1 and len(refusal) == 1 and "unreachable" in refusal[0]
