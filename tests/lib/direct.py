"""Servers that take packets for the virtual address and answer clients past the balancer: what dsr, ipip and gue need."""
import fcntl
import os
import select
import socket
import struct
import subprocess
import threading

from agent import SLUICE, spawn
from client import Stream, eventually
from topology import VIP, inside, run


def sysctl(net, namespace, **values):
    for key, value in values.items():
        run(*net.enter(namespace), "sh", "-c", "echo %s > /proc/sys/net/ipv4/%s" % (value, key.replace("__", "/")))


class Direct:
    """The servers as dsr, ipip and gue need them."""

    def __init__(self, net):
        self.net, self.processes = net, []

    def __enter__(self):
        sysctl(self.net, self.net.lb, ip_forward=1, conf__all__rp_filter=0, conf__lb0__rp_filter=0, conf__lb1__rp_filter=0,
               conf__all__send_redirects=0, conf__lb1__send_redirects=0)
        for i, namespace in enumerate(self.net.backends):
            sysctl(self.net, namespace, conf__all__rp_filter=0, conf__eth0__rp_filter=0)
            run("ip", "-n", namespace, "addr", "add", VIP + "/32", "dev", "lo")
            self.processes.append(self.start(i))
        for namespace in self.net.backends:
            eventually(lambda: listening(namespace), 5, 0.02, "the server on the virtual address")
        return self

    def start(self, i):
        return spawn(self.net.enter(self.net.backends[i]) + [SLUICE, "whoami", "--name", "b%d" % (i + 1), "--tcp", VIP + ":5432",
                                                             "--udp", VIP + ":53"])

    def pin(self, namespace):
        return "/sys/fs/bpf/%s-decap" % namespace

    def unpack(self):
        for namespace in self.net.backends:
            self.load(namespace)

    def load(self, namespace):
        run(*self.net.enter(namespace), SLUICE, "bpf", "load", "decap", "--interface", "eth0", "--pin", self.pin(namespace), "--vip", VIP)

    def unload(self, namespace):
        run(*self.net.enter(namespace), SLUICE, "bpf", "unload", "decap", "--interface", "eth0", "--pin", self.pin(namespace))

    def __exit__(self, *exc):
        for p in self.processes:
            p.kill()
            p.wait()
        for namespace in self.net.backends:
            if os.path.isdir(self.pin(namespace)):
                self.unload(namespace)
            subprocess.run(["ip", "-n", namespace, "addr", "del", VIP + "/32", "dev", "lo"])
        sysctl(self.net, self.net.lb, ip_forward=0)


def listening(namespace):
    with Stream(VIP, 5432, namespace) as s:
        return s.name


class Unpacker:
    """A decapsulator of another make, for both families inside and outside: raw sockets and UDP port 6080 to a TUN device. `seen`:
    (family outside, protocol, bytes from the outer IPv4 header on; with IPv6, and behind UDP, from the inner one on)."""

    TUNSETIFF, TUN_NO_PI = 0x400454ca, 0x1001
    IPV6_NO_CHECK6_RX = 102  # UDPv6 without checksum, linux/udp.h

    def __init__(self, net, namespace):
        self.seen, self.sockets = [], []
        with inside(namespace):
            self.tun = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.tun, self.TUNSETIFF, struct.pack("16sH", b"tun0", self.TUN_NO_PI))
            for family in socket.AF_INET, socket.AF_INET6:
                for protocol in 4, 41:
                    self.sockets.append(socket.socket(family, socket.SOCK_RAW, protocol))
                udp = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    udp.setsockopt(socket.IPPROTO_UDP, self.IPV6_NO_CHECK6_RX, 1)
                udp.bind(("", 6080))
                self.sockets.append(udp)
        run(*net.enter(namespace), "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/tun0/disable_ipv6")
        run("ip", "-n", namespace, "link", "set", "tun0", "up")
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.ended.is_set():
            for s in select.select(self.sockets, [], [], 0.05)[0]:
                data = s.recv(65536)
                self.seen.append((s.family, s.proto, data))
                plain = s.family == socket.AF_INET and s.type == socket.SOCK_RAW
                os.write(self.tun, data[20:] if plain else data)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.thread.join()
        for s in self.sockets:
            s.close()
        os.close(self.tun)
