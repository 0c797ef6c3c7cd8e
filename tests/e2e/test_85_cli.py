"""The command line: check finds every error at once and says where; status, version and help talk to people.

    sluice check|status|version|help, in the balancer's namespace
"""
import re
import shutil

import pytest

BAD = """\
log: { level: LOUD }
entryPoints:
  web: { adress: ":8000" }
  other: { address: "no-port" }
kernel: { interfaces: [lb0], xdpMode: fast }
http:
  routers:
    a: { rule: "Hots(`x`)", service: nobody }
    b: { rule: "Host(`x`", service: s }
  services:
    s: { loadBalancer: { servers: [ { url: "ftp://x" }, { url: "http://1.2.3.4:80", weight: -1 } ], healthCheck: { interval: soon } } }
"""


@pytest.fixture
def binary(net):
    from agent import Agent
    a = Agent(net)
    yield a
    shutil.rmtree(a.dir, ignore_errors=True)


def check(binary, text):
    path = binary.dir + "/try.yml"
    with open(path, "w") as f:
        f.write(text)
    return binary.command("check", "-c", path)


def test_check_lists_every_error_with_its_place(binary):
    result = check(binary, BAD)
    assert result.returncode == 1
    for line, words in [(1, "level"), (3, "address"), (5, "xdpMode"), (8, "Host"), (9, "rule"), (11, "url"), (11, "weight"), (11, "interval")]:
        assert re.search(r"try\.yml:%d:\d+: .*%s" % (line, words), result.stdout), (line, words, result.stdout)
    assert "nobody" in result.stdout


@pytest.mark.parametrize("text,place,says", [
    ("entryPoints: { web: { adress: ':80' } }\n", "1:23", "address"),
    ("entryPonts: {}\n", "1:1", "entryPoints"),
    ("http:\n  routers:\n    a:\n      rul: x\n", "4:7", "rule"),
    ("http: [\n", "", ""),
    ("a: 1\na: 2\n", "2:1", "a"),
    ("entryPoints: { web: { address: ':99999' } }\n", "1:32", "99999"),
    ("kernel: { maxFlows: many }\n", "1:21", "maxFlows"),
    ("http: { services: { s: { loadBalancer: { healthCheck: { timeout: 1parsec } } } } }\n", "1:66", "timeout"),
])
def test_one_mistake_one_precise_error(binary, text, place, says):
    result = check(binary, text)
    assert result.returncode == 1
    assert "try.yml:" + place in result.stdout, result.stdout
    assert says in result.stdout


def test_check_accepts_what_is_right(binary):
    result = binary.command("check", "-c", "config/quickstart.yml")
    assert result.returncode == 0, result.stdout


def test_check_of_a_missing_file(binary):
    result = binary.command("check", "-c", "/nonexistent.yml")
    assert result.returncode == 1 and "/nonexistent.yml" in result.stdout


def test_version_and_help(binary):
    with open("VERSION") as f:
        assert f.read().strip() in binary.command("version").stdout
    everything = binary.command("help")
    assert everything.returncode == 0
    for command in ("run", "check", "status", "whoami", "version"):
        assert command in everything.stdout
        assert binary.command("help", command).returncode == 0
    assert binary.command("nonsense").returncode != 0
    assert binary.command("run").returncode != 0


def test_run_refuses_a_broken_configuration(binary):
    path = binary.dir + "/try.yml"
    with open(path, "w") as f:
        f.write(BAD)
    result = binary.command("run", "-c", path)
    assert result.returncode == 1 and "try.yml:3:" in result.stdout


def test_status_without_an_agent(binary):
    result = binary.command("status", "-c", binary.config)
    assert result.returncode == 2 and result.stdout.strip()


def test_status_of_a_running_agent(launch):
    agent = launch()
    for words in (("-c", agent.config), ("--socket", agent.socket)):
        result = agent.command("status", *words)
        assert result.returncode == 0, result.stdout
        for text in ("web", "lb0", "native", "app@file", "198.18.1.11"):
            assert text in result.stdout, (text, result.stdout)


def test_explain_says_what_the_agent_does(launch):
    """The running agent's answer, the configuration's answer, and where the request really goes."""
    import json
    agent = launch()
    for arguments, request, router, name in [
        (["GET", "http://198.18.0.1:8000/", "-H", "Host: api.test"], {"host": "api.test"}, "all@file", None),
        (["GET", "http://api.test:8000/v1/x"], {"host": "api.test", "path": "/v1/x"}, "cut@file", None),
        (["POST", "http://method.test:8000/"], {"host": "method.test", "method": "POST", "body": b"x"}, "post@file", "b1"),
        (["GET", "http://a.test:8000/", "-H", "X-Pick: two"], {"headers": {"X-Pick": "two"}}, "header@file", "b2"),
    ]:
        asked = agent.command("explain", "--socket", agent.socket, "--json", *arguments)
        assert asked.returncode == 0, asked.stdout
        live = json.loads(asked.stdout)
        offline = json.loads(agent.command("explain", "-c", agent.config, "--json", *arguments).stdout)
        assert live["router"]["name"] == router
        assert (live["router"], live["runnersUp"], live["middlewares"]) == (offline["router"], offline["runnersUp"], offline["middlewares"])
        path = request.pop("path", "/")
        answered = agent.get(path, **request).lines()["name"]
        candidates = [s["server"] for s in live["service"]["servers"] if s["candidate"]]
        assert "http://198.18.1.1%s:80" % answered[1] in candidates
        assert name in (None, answered)
    page = agent.command("explain", "--socket", agent.socket, "GET", "http://api.test:8000/v1").stdout
    assert "cut@file" in page and "runners-up    all@file" in page
    assert agent.command("explain", "--socket", "/nonexistent.sock", "GET", "/").returncode == 2
    assert agent.command("explain", "-c", "/nonexistent.yml", "GET", "/").returncode == 1
