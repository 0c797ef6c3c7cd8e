"""HTTPS clients, and a configuration with many certificates and options for them."""
import socket
import ssl
import subprocess

from agent import merge
from client import Http
from conftest import routing
from pki import Authority
from topology import inside

LB = "198.18.0.1"


class Https(Http):
    """A TLS connection to the entry point; `name` is what is asked for, None: nothing."""

    duplex = False  # OpenSSL's object is not for two threads at once: a read beside a write may see an end that is none

    def __init__(self, agent, name="a.test", port=8443, context=None, ca=None, session=None, timeout=10):
        self.context = context or trusting(ca)
        with inside(agent.net.client):
            plain = socket.create_connection((LB, port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = self.context.wrap_socket(plain, server_hostname=name, session=session)
        except BaseException:
            plain.close()
            raise
        self.host = name or LB
        self.pending = b""

    def subject(self):
        return names_in(self.sock.getpeercert(True))


def trusting(ca=None, version=None, cert=None, groups=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = bool(ca)
    c.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        c.load_verify_locations(ca)
    if version:
        c.minimum_version = c.maximum_version = version
    if cert:
        c.load_cert_chain(*cert)
    return c


def names_in(der):
    out = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=der, stdout=subprocess.PIPE, check=True)
    return out.stdout.decode().strip().split("CN = ")[-1]


def s_client(agent, *args, port=8443, name="a.test"):
    argv = agent.net.enter(agent.net.client) + ["openssl", "s_client", "-connect", "%s:%d" % (LB, port), "-servername", name] + list(args)
    return subprocess.run(argv, input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20).stdout.decode(errors="replace")


def make_pki(directory):
    ca = Authority(directory)
    ca.a = ca.conf("a", ["DNS:a.test", "DNS:m.test", "DNS:v.test", "DNS:r.test", "DNS:n.test", "DNS:y.test"])
    ca.wild = ca.conf("wild", ["DNS:*.w.test"])
    ca.exact = ca.conf("exact", ["DNS:x.w.test"])
    ca.both_ec = ca.conf("both-ec", ["DNS:both.test"])
    ca.both_rsa = ca.conf("both-rsa", ["DNS:both.test"], rsa=True)
    ca.default = ca.conf("default", ["DNS:default.test", "IP:198.18.0.1"])
    ca.client = ca.issue("client", ["DNS:client.test"], subject="/O=Acme/CN=client")
    other = Authority(directory, "other")
    ca.stranger = other.issue("stranger", subject="/CN=stranger")
    return ca


def auth(kind, ca):
    return {"clientAuth": {"clientAuthType": kind, "caFiles": [ca.cert]}}


def configuration(ca, **over):
    tls = {
        "certificates": [dict(ca.a, ocspFile=ca.ocsp("a")), ca.wild, ca.exact, ca.both_ec, ca.both_rsa],
        "options": {
            "mtls": auth("RequireAndVerifyClientCert", ca), "given": auth("VerifyClientCertIfGiven", ca),
            "any": {"clientAuth": {"clientAuthType": "RequireAnyClientCert"}}, "request": {"clientAuth": {"clientAuthType": "RequestClientCert"}},
            "strict": {"sniStrict": True}, "old": {"maxVersion": "VersionTLS12", "cipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]},
            "new": {"minVersion": "VersionTLS13", "curvePreferences": ["CurveP384"]}, "cold": {"disableSessionTickets": True},
        },
    }
    routers = {"all": None, "plain": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "app"},
               "secure": {"entryPoints": ["web", "secure"], "rule": "PathPrefix(`/`)", "service": "app", "tls": {}}}
    hosts = {"mtls": "m.test", "given": "v.test", "any": "y.test", "request": "r.test", "old": "old.w.test", "new": "new.w.test",
             "cold": "cold.w.test", "strict": "nobody.test"}
    for options, host in hosts.items():
        routers[options] = {"entryPoints": ["secure"], "rule": "Host(`%s`)" % host, "service": "app",
                            "priority": 100, "tls": {"options": options}}
    return merge(routing(http={"routers": routers}), merge({"tls": tls}, over))


STATIC = {"entryPoints": {"secure": {"address": ":8443"}, "down": {"address": ":8001", "http": {"redirections": {"entryPoint": {"to": "secure"}}}}}}
