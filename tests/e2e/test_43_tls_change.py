"""TLS while it changes, and its limits: each test has an agent of its own.

    client 198.18.0.2 --- lb0 [agent: secure :8443 ...] lb1 --- b1 b2 b3
"""
import contextlib
import ssl

from agent import merge
from client import Http, Load, eventually
from https import LB, STATIC, Https, configuration, names_in, trusting


def test_a_stalled_handshake_ends(launch, pki):
    static = merge(STATIC, {"entryPoints": {"secure": {"transport": {"respondingTimeouts": {"handshakeTimeout": "300ms"}}}}})
    agent = launch(static, configuration(pki))
    with Http(LB, 8443, agent.net.client, timeout=5) as c:
        context = trusting()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            context.wrap_bio(incoming, outgoing, server_hostname="a.test").do_handshake()
        c.send(outgoing.read())
        assert c.sock.recv(65536)
        with contextlib.suppress(ConnectionResetError):
            while c.sock.recv(65536):
                pass
    assert eventually(lambda: agent.metric("sluice_tls_handshakes_total", entrypoint="secure", result="timeout"), what="it being counted") == 1


def test_too_many_handshakes_end_the_oldest(launch, pki):
    agent = launch(merge(STATIC, {"maxHandshakes": 4, "workers": 1}), configuration(pki))
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        trusting().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="a.test").do_handshake()
    hello = hello.read()
    stalled = [Http(LB, 8443, agent.net.client) for _ in range(12)]
    for c in stalled:
        c.send(hello)
    eventually(lambda: agent.metric("sluice_tls_handshakes_total", entrypoint="secure", result="evicted") == 8, what="eight being ended")
    with Https(agent, ca=pki.cert) as c:
        assert c.request("/", host="a.test").status == 200
    for c in stalled:
        c.close()


def test_certificates_change_under_load_without_one_failed_request(launch, pki):
    agent = launch(STATIC, configuration(pki))
    kept = {}

    def request(thread):
        if thread not in kept:
            kept[thread] = Https(agent, ca=pki.cert)
        answer = kept[thread].request("/?size=3000", host="a.test")
        assert answer.status == 200 and len(answer.body) == 3000

    def fresh(_):
        with Https(agent, ca=pki.cert) as c:
            assert c.request("/", host="a.test").status == 200
            return names_in(c.sock.getpeercert(True))

    renewed = pki.conf("renewed", ["DNS:a.test"])
    with Load(request, 2) as old, Load(fresh, 1) as new:
        old.wait_for(100)
        for name, certificate in (("renewed", renewed), ("a", pki.a), ("renewed", renewed)):
            agent.write(configuration(pki, tls={"certificates": [certificate]}))
            eventually(lambda: name == fresh(0), what="certificate %s being shown" % name)
        old.wait_for(100)
    assert not old.errors and not new.errors, (old.errors[:3], new.errors[:3])


def test_a_certificate_file_that_changes_is_taken_up(launch, pki):
    cert, key = pki.issue("moving", ["DNS:moving.test"], subject="/CN=first")
    agent = launch(STATIC, configuration(pki, tls={"certificates": [{"certFile": cert, "keyFile": key}]}))

    def shown():
        with Https(agent, "moving.test") as c:
            return c.subject()

    assert shown() == "first"
    with open(key, "w") as f:  # half of a change is no change
        f.write("nothing\n")
    eventually(lambda: "holds no private key" in agent.log(), what="the broken key being told")
    assert shown() == "first"
    pki.issue("moving", ["DNS:moving.test"], subject="/CN=second")
    eventually(lambda: shown() == "second", what="the new certificate being shown")


def test_a_configured_default_is_shown_and_found_by_address(launch, pki):
    agent = launch(STATIC, configuration(pki, tls={"stores": {"default": {"defaultCertificate": pki.default}}}))
    with Https(agent, "unknown.test") as c:
        assert c.subject() == "default"


def test_connections_of_changed_options_end_after_their_request(launch, pki):
    agent = launch(STATIC, configuration(pki))
    with Https(agent, ca=pki.cert) as c:
        assert c.request("/", host="a.test").get("Connection") is None
        agent.write(configuration(pki, tls={"options": {"default": {"minVersion": "VersionTLS13"}}}))
        eventually(lambda: agent.log().count("configuration applied") >= 2, what="the change")
        answer = c.request("/", host="a.test")
        assert answer.status == 200 and answer.get("Connection") == "close"
