"""What the agent tells: metrics that promtool accepts and that count right, access log lines in both formats.

    client --- [agent] --- b1 b2 b3;   promtool reads :8080/metrics
"""
import re
import subprocess

import pytest

from client import Stream, eventually
from topology import VIP


def test_promtool_is_content(agent):
    agent.get("/")
    Stream(VIP, 5432, agent.net.client).close()
    text = agent.ask("/metrics").body
    result = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and result.stdout.strip() == b"", result.stdout.decode()


def test_request_counters(agent):
    def counted():
        return (agent.metric("traefik_entrypoint_requests_total", entrypoint="web", code="418", method="GET", protocol="http"),
                agent.metric("traefik_router_requests_total", router="all@file", service="app@file", code="418"),
                agent.metric("traefik_service_requests_total", service="app@file", code="418"))
    agent.get("/?status=418")
    first = eventually(counted)
    for _ in range(7):
        agent.get("/?status=418")
    assert tuple(n - 7 for n in counted()) == first


def test_byte_counters_and_durations(agent):
    agent.get("/?status=299&size=12345")
    assert eventually(lambda: agent.metric("traefik_service_responses_bytes_total", code="299")) == 12345
    agent.get("/echo?status=298", method="POST", body=b"x" * 777)
    assert eventually(lambda: agent.metric("traefik_service_requests_bytes_total", code="298")) == 777
    assert agent.metric("traefik_entrypoint_request_duration_seconds_count", code="299") == 1
    assert agent.metric("traefik_entrypoint_request_duration_seconds_bucket", code="299", le="+Inf") == 1


def test_open_connections_and_reloads(agent):
    with agent.client() as c:
        c.request("/")
        assert agent.metric("traefik_open_connections", entrypoint="web", protocol="TCP") == 1
    eventually(lambda: agent.metric("traefik_open_connections", entrypoint="web") == 0, what="no open connection")
    assert agent.metric("traefik_config_reloads_total") >= 1
    assert agent.metric("traefik_config_last_reload_success") > 1.6e9


def test_kernel_counters(agent):
    def flows():
        return sum(v for k, v in agent.metrics().items() if k.startswith("sluice_kernel") and "flows" in k and "db" in k)
    before = flows()
    for _ in range(10):
        Stream(VIP, 5432, agent.net.client).close()
    eventually(lambda: flows() >= before + 10, what="ten more flows of db")


def test_access_log_as_json(agent):
    agent.get("/some/path?x=1", host="log.test", headers={"User-Agent": "tester/1"})

    def line():
        return next((e for e in agent.access() if e.get("RequestHost") == "log.test"), None)
    entry = eventually(line)
    assert entry["RequestMethod"] == "GET" and entry["RequestPath"] == "/some/path?x=1" and entry["RequestProtocol"] == "HTTP/1.1"
    assert entry["DownstreamStatus"] == 200 and entry["OriginStatus"] == 200
    assert entry["ClientHost"] == "198.18.0.2" and entry["RouterName"] == "all@file" and entry["ServiceName"] == "app@file"
    assert entry["entryPointName"] == "web" and entry["Duration"] > 0
    assert re.match(r"http://198\.18\.1\.1[123]:80$", entry["ServiceURL"]["String"] if isinstance(entry["ServiceURL"], dict) else entry["ServiceURL"])


def test_hostile_values_stay_inside_their_log_line(agent):
    before = len(agent.access())
    agent.get('/"}%0a{', host="evil.test", headers={"User-Agent": 'a"b\\c\x7f'.replace("\x7f", "")})
    eventually(lambda: len(agent.access()) == before + 1, what="exactly one more line")


@pytest.fixture
def common(agent, launch):
    agent.terminate()
    yield launch(static={"accessLog": {"format": "common"}})


def test_access_log_in_common_format(common):
    """Header values are not logged unless asked for, here as in Traefik: two dashes."""
    common.get("/x?y=1", headers={"User-Agent": "tester/1", "Referer": "http://ref/"})

    def line():
        with open(common.access_path) as f:
            return next((text for text in f if "/x?y=1" in text), None)
    text = eventually(line)
    assert re.match(r'198\.18\.0\.2 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /x\?y=1 HTTP/1\.1" 200 \d+ '
                    r'"-" "-" \d+ "all@file" "http://198\.18\.1\.1[123]:80" \d+ms$', text.strip()), text
