"""The routing changes under load and no request fails; what is wrong changes nothing and is shown.

    client: keep-alive and short connections, TCP flows --- [agent: dynamic.yml valid -> invalid -> valid] --- b1 b2 b3
"""
import time
import json
import os

from client import Load, Stream, eventually
from conftest import routing
from topology import VIP


def to_only(host):
    servers = [{"url": "http://198.18.1.%d:80" % host}]
    l4 = [{"address": "198.18.1.%d:5432" % host}]
    return routing(http={"services": {"app": {"loadBalancer": {"servers": servers}}}},
                   tcp={"services": {"db": {"loadBalancer": {"servers": l4}}}})


def name(agent):
    return agent.get("/").lines()["name"]


class Pinned:
    """Requests on a connection per thread, kept as long as the agent keeps it."""

    def __init__(self, agent):
        self.agent, self.connections = agent, {}

    def __call__(self, thread):
        if thread not in self.connections:
            self.connections[thread] = self.agent.client()
        a = self.connections[thread].request("/?size=3000")
        assert a.status == 200 and len(a.body) == 3000
        return 200


def test_no_request_fails_across_valid_invalid_valid(launch):
    agent = launch()
    flow = Stream(VIP, 5432, agent.net.client)

    def short(_):
        a = agent.get("/?size=3000")
        assert a.status == 200 and len(a.body) == 3000
        time.sleep(0.003)  # each leaves a port in TIME-WAIT, of which there are 28,000
        return a.status

    def new_flow(_):
        with Stream(VIP, 5432, agent.net.client, timeout=2) as s:
            return s.name

    with Load(Pinned(agent), 2) as kept, Load(short, 1) as fresh, Load(new_flow, 1) as flows:
        kept.wait_for(200)
        for round_number in range(3):
            agent.write(to_only(11))
            eventually(lambda: {name(agent) for _ in range(6)} == {"b1"}, what="traffic only to b1")
            agent.write({"http": {"routers": {"all": {"rule": "PathPrefix(`/`)", "servce": "app"}}}})
            eventually(lambda: agent.log().count("servce") > round_number, what="the invalid file being noticed")
            assert {name(agent) for _ in range(6)} == {"b1"}
            agent.write(routing())
            eventually(lambda: {name(agent) for _ in range(9)} == {"b1", "b2", "b3"}, what="traffic to all three")
            assert flow.echo(b"round %d" % round_number)
        kept.wait_for(200)
        flows.wait_for(20)
    assert kept.errors == [] and fresh.errors == [] and flows.errors == []
    assert kept.count() > 1000


def test_request_in_flight_finishes_on_the_old_configuration(launch):
    agent = launch()
    with agent.client() as c:
        c.send("GET /?wait=1500ms HTTP/1.1\r\nHost: a\r\n\r\n")
        agent.write(to_only(12))
        eventually(lambda: {name(agent) for _ in range(6)} == {"b2"}, timeout=1.2, what="the new configuration")
        assert c.answer().status == 200


def test_invalid_change_is_shown_by_status_log_and_api(launch):
    agent = launch()
    agent.write({"http": {"services": {"app": {"loadBalancer": {"serverz": []}}}}})
    eventually(lambda: "serverz" in agent.log(), what="the log naming the key")
    status = agent.command("status", "-c", agent.config)
    assert status.returncode == 1 and "serverz" in status.stdout and "servers" in status.stdout
    assert "serverz" in json.dumps(agent.api("/api/status"))
    assert agent.get("/").status == 200
    agent.write(routing())
    eventually(lambda: "serverz" not in agent.command("status", "-c", agent.config).stdout, what="status being clean again")


def test_routers_and_services_in_the_api(launch):
    agent = launch()
    services = agent.api("/api/http/services")
    app = next(s for s in services if s["name"] == "app@file")
    assert app["serverStatus"] == {"http://198.18.1.%d:80" % i: "UP" for i in (11, 12, 13)}
    assert "all@file" in [r["name"] for r in agent.api("/api/http/routers")]


def test_directory_of_files(launch):
    """Several files make one configuration; one that is added counts at once."""
    agent = launch(start=False)
    directory = agent.dir + "/dynamic.d"
    os.mkdir(directory)
    ports = {"web": agent.static["entryPoints"]["web"]}
    static = dict(agent.static, entryPoints=ports, providers={"file": {"directory": directory, "watch": True}, "providersThrottleDuration": "50ms"})
    with open(agent.config, "w") as f:
        json.dump(static, f)
    base = routing()
    with open(directory + "/services.yml", "w") as f:
        json.dump({"http": {"services": base["http"]["services"]}}, f)
    agent.start()
    assert agent.get("/").status == 404
    with open(directory + "/routers.yml", "w") as f:
        json.dump({"http": {"routers": {"all": {"rule": "PathPrefix(`/`)", "service": "app"}}}}, f)
    eventually(lambda: agent.get("/").status == 200, what="the added file")
    os.unlink(directory + "/routers.yml")
    eventually(lambda: agent.get("/").status == 404, what="the removed file")
