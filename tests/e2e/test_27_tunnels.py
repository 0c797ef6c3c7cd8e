"""WebSocket through the agent, with a real client and a real server: messages both ways, over a reload, and the log line at the end.

    websockets client --- web :8000 [agent] --- b3 :9000 (websockets echo)
"""
import asyncio
import socket

import pytest

from agent import Agent, spawn
from client import Http, eventually
from conftest import routing
from topology import inside

websockets = pytest.importorskip("websockets")

SERVER = """
import asyncio, websockets
async def echo(ws, *path):
    async for m in ws:
        await ws.send(m)
async def main():
    async with websockets.serve(echo, "198.18.1.13", 9000, max_size=None, subprotocols=["chat"]):
        await asyncio.Future()
asyncio.run(main())
"""


def with_ws(**over):
    return routing(http={"routers": {"ws": {"entryPoints": ["web"], "rule": "PathPrefix(`/ws`)", "service": "ws"}},
                         "services": {"ws": {"loadBalancer": {"servers": [{"url": "http://198.18.1.13:9000"}]}}}}, **over)


@pytest.fixture(scope="module")
def ws(net, backends):
    server = spawn(net.enter(net.backends[2]) + ["/usr/bin/python3", "-c", SERVER])
    a = Agent(net, {"entryPoints": {"web": {"transport": {"tunnelIdleTimeout": "60s"}}}}, with_ws())
    try:
        a.start()

        def up():
            with Http("198.18.1.13", 9000, net.backends[2], timeout=1) as c:
                return c.request("/").status == 426
        eventually(up, 8, what="the echo server")
        yield a
    finally:
        a.stop()
        server.kill()
        server.wait()


def connect(agent):
    with inside(agent.net.client):
        sock = socket.create_connection(("198.18.0.1", 8000), timeout=5)
    sock.setblocking(False)
    return websockets.connect("ws://198.18.0.1:8000/ws", sock=sock, max_size=None, compression=None, subprotocols=["chat"])


async def talk(agent, between=None):
    async with connect(agent) as c:
        assert c.subprotocol == "chat"
        for n in (0, 1, 125, 126, 65535, 65536, 3 << 20):
            data = bytes(i * 7 % 251 for i in range(n)) if n < 1 << 17 else b"x" * n
            await c.send(data)
            assert await c.recv() == data
        if between:
            between()
        await c.ping()
        await c.send("after")
        assert await c.recv() == "after"


def test_messages_both_ways_and_the_log(ws):
    asyncio.run(asyncio.wait_for(talk(ws), 30))

    def logged():
        return [line for line in ws.access() if line["DownstreamStatus"] == 101]
    line = eventually(logged, 5, what="the log line")[0]
    assert line["RequestPath"] == "/ws" and line["RouterName"] == "ws@file" and line["ServiceURL"] == "http://198.18.1.13:9000"
    assert line["RequestContentSize"] > 3 << 20 and line["DownstreamContentSize"] > 3 << 20
    assert line["RequestHost"] == "198.18.0.1" and "FailureReason" not in line
    assert ws.metric("traefik_entrypoint_requests_total", protocol="websocket", code="101") == 1


def test_many_at_once(ws):
    async def many():
        await asyncio.gather(*(talk(ws) for _ in range(20)))
    asyncio.run(asyncio.wait_for(many(), 60))


def test_a_reload_cuts_nothing(ws):
    def reload():
        ws.write(with_ws())
        ws.write(routing())  # the route is gone; the tunnel is not
        eventually(lambda: "name" in ws.get("/ws").lines(), 8, what="the reload")
    asyncio.run(asyncio.wait_for(talk(ws, reload), 30))
    ws.write(with_ws())
    eventually(lambda: ws.get("/ws").status == 426, 8, what="the route is back")
