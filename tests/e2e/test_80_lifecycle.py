"""Starting, dying and coming back: XDP keeps forwarding without the agent, and nothing stays behind when it is asked to leave.

    client --- VIP [XDP, pinned; agent comes and goes] --- b1 b2 b3
"""
import json
import os
import subprocess
import time

import pytest

from client import Closed, Datagrams, Stream, eventually
from topology import VIP


def connect(agent, **kw):
    return Stream(VIP, 5432, agent.net.client, **kw)


def pins(agent):
    return os.listdir(agent.pin) if os.path.isdir(agent.pin) else []


def programs():
    out = subprocess.run(["bpftool", "prog", "list"], stdout=subprocess.PIPE, text=True).stdout
    return {line.split(":")[0] for line in out.splitlines() if " xdp " in line}


def wait_for_nothing(agent, before):
    eventually(lambda: agent.xdp() == {}, what="no XDP program on an interface")
    assert pins(agent) == []
    eventually(lambda: programs() <= before, what="no program left loaded")


def test_sigterm_detaches_and_removes(launch):
    before = programs()
    agent = launch()
    assert set(agent.xdp()) == {"lb0", "lb1"} and pins(agent)
    assert agent.terminate() == 0
    wait_for_nothing(agent, before)
    assert not os.path.exists(agent.socket)


def test_sigterm_lets_requests_finish(launch):
    agent = launch()
    with agent.client() as c:
        c.send("GET /?wait=800ms HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)  # the request must be on its way to the server
        agent.process.terminate()
        a = c.answer()
        assert a.status == 200
    assert agent.process.wait(15) == 0
    agent.process = None


def test_sigkill_leaves_the_kernel_forwarding_and_a_restart_breaks_no_flow(launch):
    agent = launch()
    old = [connect(agent) for _ in range(20)]
    datagrams = Datagrams(VIP, 53, agent.net.client)
    server = datagrams.ask(b"1")[0]

    agent.sigkill()
    assert set(agent.xdp()) == {"lb0", "lb1"}
    for s in old:
        assert s.echo(b"without an agent")
    new = [connect(agent) for _ in range(20)]
    assert {s.name for s in new} == {"b1", "b2", "b3"}
    assert datagrams.ask(b"2")[0] == server

    agent.start()
    for s in old + new:
        assert s.echo(b"after the restart")
    assert datagrams.ask(b"3")[0] == server
    assert {connect(agent).name for _ in range(30)} == {"b1", "b2", "b3"}
    assert agent.get("/").status == 200
    for s in old + new:
        s.close()


def test_on_exit_keep_hands_flows_to_the_next_agent(launch):
    agent = launch(static={"kernel": {"onExit": "keep"}})
    streams = [connect(agent) for _ in range(10)]
    assert agent.terminate() == 0
    assert set(agent.xdp()) == {"lb0", "lb1"} and pins(agent)
    for s in streams:
        assert s.echo(b"kept")
    agent.start()
    for s in streams:
        assert s.echo(b"adopted")
        s.close()
    agent.sigkill()
    # Leave as the default would: another start without keep, then an orderly end.
    with open(agent.config, "w") as f:
        json.dump(dict(agent.static, kernel=dict(agent.static["kernel"], onExit="detach")), f)
    agent.start()
    assert agent.terminate() == 0
    assert agent.xdp() == {} and pins(agent) == []


@pytest.mark.parametrize("mode,shown", [("generic", 2), ("native", 1)])
def test_modes(launch, mode, shown):
    """`ip link` numbers them: 1 native, 2 generic."""
    agent = launch(static={"kernel": {"xdpMode": mode}})
    assert {x["mode"] for x in agent.xdp().values()} == {shown}
    names = set()
    for _ in range(30):
        with connect(agent) as s:
            assert s.echo(b"through " + mode.encode())
            names.add(s.name)
    assert names == {"b1", "b2", "b3"}
    with Datagrams(VIP, 53, agent.net.client) as d:
        assert d.ask(b"x")[1] == b"x"


def test_a_missing_interface_does_not_stop_the_rest(launch):
    agent = launch(static={"kernel": {"interfaces": ["lb0", "lb1", "lb7"]}})
    assert "lb7" in agent.log()
    assert set(agent.xdp()) == {"lb0", "lb1"}
    with connect(agent) as s:
        assert s.echo(b"x")


def test_without_root_http_still_works(launch):
    agent = launch(start=False, user=65534)
    agent.start()
    assert [agent.get("/").status for _ in range(6)] == [200] * 6
    assert agent.xdp() == {}
    log = agent.log().lower()
    assert "root" in log or "cap_" in log or "privilege" in log or "permission" in log
    with pytest.raises((OSError, Closed)):
        connect(agent, timeout=0.5)


def test_second_agent_of_the_same_configuration_is_refused(launch):
    agent = launch()
    second = agent.command("run", "-c", agent.config)
    assert second.returncode == 1
    assert "control.socket" in second.stdout
    assert agent.get("/").status == 200
    with connect(agent) as s:
        assert s.echo(b"the first one is unharmed")


def test_a_client_that_does_not_read_is_cut_off_by_the_write_timeout(launch):
    a = launch({"entryPoints": {"web": {"transport": {"respondingTimeouts": {"writeTimeout": "1s"}}}}})
    with a.client() as c:
        c.send("GET /?size=500000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        began = time.monotonic()
        deadline = began + 8
        while a.metric("sluice_request_failures_total", reason="write_timeout") != 1:
            assert time.monotonic() < deadline, "the connection was not ended"
            time.sleep(0.05)
        assert time.monotonic() - began >= 0.9
    with a.client() as c:
        c.send("GET /?wait=300ms HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.answer().status == 200
