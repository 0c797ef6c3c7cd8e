"""TLS at the entry points: certificates, options, client certificates, resumption.

    client 198.18.0.2 --- lb0 [agent: web :8000 plain and TLS, secure :8443 TLS only, down :8001 redirects, db, dns] lb1 --- b1 b2 b3
"""
import contextlib
import re
import socket
import ssl
import time

import pytest

from agent import Agent
from client import Closed, Http, eventually
from https import LB, STATIC, Https, configuration, s_client, trusting


@pytest.fixture(scope="module")
def agent(net, backends, pki):
    a = Agent(net, STATIC, configuration(pki))
    try:
        a.start()
        yield a
    finally:
        a.stop()


# ---- certificates ----

def test_a_request_over_tls_is_verified_and_forwarded(agent, pki):
    with Https(agent, ca=pki.cert) as c:
        answer = c.request("/x?size=200000", host="a.test")
        assert answer.status == 200 and len(answer.body) == 200000
        page = c.request("/", host="a.test").lines()
        assert page["x-forwarded-proto"] == "https" and page["x-forwarded-port"] == "443"
        assert c.sock.version() == "TLSv1.3"
        echoed = c.request("/", method="POST", body=b"x" * 300000, host="a.test")
        assert echoed.status == 200


@pytest.mark.parametrize("asked,shown", [
    ("a.test", "a"), ("A.TEST", "a"), ("x.w.test", "exact"), ("y.w.test", "wild"), ("a.b.w.test", "SLUICE DEFAULT CERT"),
    ("w.test", "SLUICE DEFAULT CERT"), ("unknown.test", "SLUICE DEFAULT CERT"), (None, "SLUICE DEFAULT CERT")])
def test_the_certificate_is_chosen_by_name(agent, asked, shown):
    with Https(agent, asked) as c:
        assert c.subject() == shown


def test_rsa_and_ecdsa_stand_side_by_side(agent):
    for argument, subject in (("ECDSA+SHA256", "both-ec"), ("RSA-PSS+SHA256:RSA+SHA256", "both-rsa")):
        for version in ("-tls1_2", "-tls1_3"):
            out = s_client(agent, version, "-sigalgs", argument, name="both.test")
            assert "CN = " + subject in out, out
    assert "CN = both-ec" in s_client(agent, name="both.test")


def test_plain_and_tls_share_an_entry_point_and_routers_do_not_mix(agent, pki):
    assert agent.get("/").lines()["x-forwarded-proto"] == "http"
    with Https(agent, port=8000, ca=pki.cert) as c:
        assert c.request("/", host="a.test").lines()["x-forwarded-proto"] == "https"
    with Http(LB, 8443, agent.net.client) as c:
        assert c.request("/").status == 404
    assert agent.get("/", host="m.test").status == 200  # the router of m.test is about TLS


def test_an_ocsp_response_is_stapled(agent):
    assert "Cert Status: good" in s_client(agent, "-status")
    assert "OCSP response: no response sent" in s_client(agent, "-status", name="x.w.test")


# ---- versions, suites, groups ----

def test_versions_and_suites_are_those_of_the_options(agent):
    with Https(agent, "old.w.test") as c:
        assert (c.sock.version(), c.sock.cipher()[0]) == ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")
    with Https(agent, "new.w.test") as c:
        assert c.sock.version() == "TLSv1.3"
    assert "Server Temp Key: ECDH, secp384r1" in s_client(agent, name="new.w.test")
    with pytest.raises(ssl.SSLError):
        Https(agent, "new.w.test", context=trusting(version=ssl.TLSVersion.TLSv1_2))
    assert "alert protocol version" in s_client(agent, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")


def test_alpn_offers_what_is_spoken(agent):
    assert "ALPN protocol: http/1.1" in s_client(agent, "-alpn", "h2,http/1.1")
    assert "no application protocol" in s_client(agent, "-alpn", "h2")


def test_a_strict_host_refuses_names_without_a_certificate(agent):
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        Https(agent, "nobody.test")


# ---- clients' certificates ----

CASES = [  # host, certificate shown, works
    ("m.test", None, False), ("m.test", "client", True), ("m.test", "stranger", False),
    ("v.test", None, True), ("v.test", "client", True), ("v.test", "stranger", False),
    ("y.test", None, False), ("y.test", "client", True), ("y.test", "stranger", True),
    ("r.test", None, True), ("r.test", "client", True), ("r.test", "stranger", True),
    ("a.test", "client", True)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host,shown,works", CASES)
def test_client_certificates(agent, pki, version, host, shown, works):
    context = trusting(pki.cert, version, getattr(pki, shown) if shown else None)
    try:
        with Https(agent, host, context=context) as c:
            assert c.request("/", host=host).status == 200 and works
    except (ssl.SSLError, ConnectionResetError, Closed):
        assert not works


def test_the_log_names_version_suite_host_and_client(agent, pki):
    with Https(agent, "m.test", context=trusting(pki.cert, None, pki.client)) as c:
        assert c.request("/logged", host="m.test").status == 200
    line = eventually(lambda: [e for e in agent.access() if e["RequestPath"] == "/logged"], what="the log line")[0]
    assert (line["TLSVersion"], line["TLSServerName"], line["RequestScheme"]) == ("1.3", "m.test", "https")
    assert line["TLSClientSubject"] == "CN=client,O=Acme" and line["TLSCipher"] == "TLS_AES_128_GCM_SHA256"
    assert agent.metric("traefik_entrypoint_requests_tls_total", entrypoint="secure", tls_version="1.3") >= 1
    assert agent.metric("sluice_tls_handshakes_total", entrypoint="secure", result="full") >= 1


def test_another_host_than_that_of_the_handshake_is_misdirected(agent, pki):
    with Https(agent, "a.test", ca=pki.cert) as c:
        assert c.request("/", host="x.w.test").status == 200  # the same options
        assert c.request("/", host="m.test").status == 421
        assert c.request("/", host="a.test").status == 200
    with Https(agent, "m.test", context=trusting(pki.cert, None, pki.client)) as c:
        assert c.request("/", host="a.test").status == 421


# ---- sessions ----

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_on_any_worker(agent, pki, version):
    context = trusting(pki.cert, version)
    with Https(agent, context=context) as c:
        c.request("/", host="a.test")
        session = c.sock.session
    assert session.has_ticket
    for _ in range(8):  # two workers: some land on the other one
        with Https(agent, context=context, session=session) as c:
            assert c.sock.session_reused
            assert c.request("/", host="a.test").status == 200


def test_a_session_is_not_resumed_under_other_options(agent, pki):
    context = trusting(pki.cert, ssl.TLSVersion.TLSv1_3)
    with Https(agent, "a.test", context=context) as c:
        c.request("/", host="a.test")
        session = c.sock.session
    with pytest.raises((ssl.SSLError, ConnectionResetError, Closed)):
        with Https(agent, "m.test", context=context, session=session) as c:
            c.request("/", host="m.test")


def test_no_tickets_where_they_are_off(agent):
    context = trusting(version=ssl.TLSVersion.TLSv1_2)
    with Https(agent, "cold.w.test", context=context) as c:
        c.request("/", host="cold.w.test")
        assert not c.sock.session.has_ticket


# ---- what is not a handshake ----

def test_rubbish_and_silence_cost_nothing_but_their_connection(agent, pki):
    for data in (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x16\x03\x01\xff\xff" + b"\0" * 40, b"\x16" * 20000, b"\x16\x03\x01\x02\x00\x01"):
        with Http(LB, 8443, agent.net.client, timeout=3) as c:
            c.send(data)
            with contextlib.suppress(OSError):
                c.sock.shutdown(socket.SHUT_WR)
                while c.sock.recv(4096):
                    pass
    with Https(agent, ca=pki.cert) as c:
        assert c.request("/", host="a.test").status == 200
    assert agent.metric("sluice_tls_handshakes_total", entrypoint="secure", result="failed") >= 1


def test_a_hello_in_single_bytes_is_a_hello(agent, pki):
    """The way of a client whose every byte is a segment of its own."""
    context = trusting(pki.cert)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    with Http(LB, 8443, agent.net.client, timeout=5) as c:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    c.sock.send(bytes([byte]))
                incoming.write(c.sock.recv(65536))
        c.send(outgoing.read())
        tls.write(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        for byte in outgoing.read():
            c.sock.send(bytes([byte]))
        text = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while True:
                incoming.write(c.sock.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    while True:
                        data = tls.read(65536)
                        if not data:  # close_notify
                            raise ssl.SSLZeroReturnError()
                        text += data
        assert text.startswith(b"HTTP/1.1 200")


def test_slow_readers_get_everything(agent, pki):
    """The answer is larger than all buffers on the way, and the connection ends behind it."""
    with Https(agent, ca=pki.cert) as c:
        c.send("GET /?size=8000000 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        time.sleep(1)
        head = c.head()
        assert head.status == 200
        assert len(c._exactly(8000000)) == 8000000
        assert c.closed_by_peer()


# ---- redirections ----

def test_an_entry_point_redirects(agent):
    with Http(LB, 8001, agent.net.client) as c:
        for method, status in (("GET", 301), ("POST", 308)):
            answer = c.request("/p%20q?x=1", method=method, host="a.test:8001")
            assert (answer.status, answer.get("Location")) == (status, "https://a.test:8443/p%20q?x=1")


def test_no_key_is_in_the_log(agent, pki):
    with open(pki.a["keyFile"]) as f:
        secret = f.read().split("\n")[1]
    assert secret not in agent.log() and not re.search("BEGIN.*PRIVATE", agent.log())
