#!/usr/bin/python3
"""A small network of namespaces: a client, a balancer, three backend hosts.

    NAME-client            NAME-lb (or the caller's own)           NAME-switch          NAME-b1, -b2, -b3
  +--------------+  veth  +-------------------------------+  veth  +---------+  veth  +--------------------+
  | eth0         |--------| lb0                       lb1 |--------| bridge  |--------| eth0               |
  | 198.18.0.2   |        | 198.18.0.1         198.18.1.1 |        |         |  x 3   | 198.18.1.11 .. .13 |
  +--------------+        +-------------------------------+        +---------+        +--------------------+
   route 198.18.0.10/32
   via 198.18.0.1          the VIP 198.18.0.10 is nobody's address: XDP on lb0 is the only one who knows it

Usable as a module and as a command: topology.py up NAME [--host] | down NAME | reap.
Two properties of veth matter here. A frame that XDP redirects into a veth is only delivered when the other end has GRO on (or a
program), and a local stack leaves checksums to the device, which a program that rewrites packets cannot know: so GRO is on
behind lb0 and lb1, and checksum offload is off everywhere.
Processes are put into a namespace with `nsenter --net`, because `ip netns exec` mounts /sys anew and hides the BPF file system.
"""
import contextlib
import ctypes
import os
import re
import subprocess
import sys

CLIENT = "198.18.0.2"
LB_CLIENT_SIDE = "198.18.0.1"
LB_BACKEND_SIDE = "198.18.1.1"
VIP = "198.18.0.10"
BACKENDS = ["198.18.1.11", "198.18.1.12", "198.18.1.13"]
# Only within Topology.ipv6().
VIP6 = "fd00::10"
BACKENDS6 = ["fd00:1::11", "fd00:1::12", "fd00:1::13"]

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw).stdout


def _setns(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)
    finally:
        os.close(fd)


@contextlib.contextmanager
def inside(namespace):
    """The calling thread's new sockets belong to that namespace within the block. None: stay."""
    if namespace is None:
        yield
        return
    _setns("/run/netns/" + namespace)
    try:
        yield
    finally:
        _setns("/proc/%d/ns/net" % os.getpid() if _MAIN_NS is None else _MAIN_NS)


_MAIN_NS = None


def _remember_own():
    """A name for the process's first namespace that stays right while the main thread is elsewhere."""
    global _MAIN_NS
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)
    _MAIN_NS = "/proc/%d/fd/%d" % (os.getpid(), fd)


_remember_own()


class Topology:
    def __init__(self, name, host=False):
        """host: lb0 and lb1 live in the caller's own namespace instead of NAME-lb."""
        self.name = name
        self.lb = None if host else name + "-lb"
        self.client = name + "-client"
        self.switch = name + "-switch"
        self.backends = ["%s-b%d" % (name, i + 1) for i in range(len(BACKENDS))]

    def namespaces(self):
        return [n for n in [self.lb, self.client, self.switch] + self.backends if n]

    def enter(self, namespace):
        """Prefix of a command line that runs it inside; empty for the caller's own namespace."""
        return ["nsenter", "--net=/run/netns/" + namespace] if namespace else []

    def _ip(self, namespace, *lines):
        argv = ["ip"] + (["-n", namespace] if namespace else []) + ["-batch", "-"]
        run(*argv, input="\n".join(lines) + "\n")

    def _offload(self, namespace, interface, gro):
        run(*self.enter(namespace), "ethtool", "-K", interface, "tx", "off", "gro", "on" if gro else "off")

    def _no_ipv6(self, namespace):
        # Router solicitations and duplicate address detection only blur packet counts.
        run(*self.enter(namespace), "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")

    def _refuse_if_taken(self):
        for interface in ("lb0", "lb1") if self.lb is None else ():
            if os.path.exists("/sys/class/net/" + interface):
                raise SystemExit("an interface named %s exists already on this host: remove it first (ip link del %s)" %
                                 (interface, interface))
        for namespace in self.namespaces():
            if os.path.exists("/run/netns/" + namespace):
                raise SystemExit("network namespace %s exists already: is another one running?" % namespace)

    def up(self):
        self._refuse_if_taken()
        try:
            self._build()
        except BaseException:
            self.down()
            raise

    def _build(self):
        for namespace in self.namespaces():
            run("ip", "netns", "add", namespace)
            self._no_ipv6(namespace)
            self._ip(namespace, "link set lo up")
        self._ip(self.lb, "link add lb0 type veth peer name eth0 netns " + self.client,
                 "link add lb1 type veth peer name up0 netns " + self.switch,
                 "addr add %s/24 dev lb0" % LB_CLIENT_SIDE, "addr add %s/24 dev lb1" % LB_BACKEND_SIDE)
        self._ip(self.switch, "link add br0 type bridge forward_delay 0", "link set up0 master br0")
        self._offload(self.lb, "lb0", False)
        self._offload(self.lb, "lb1", False)
        self._offload(self.client, "eth0", True)
        self._offload(self.switch, "up0", True)
        for i, namespace in enumerate(self.backends):
            port = "port%d" % (i + 1)
            self._ip(self.switch, "link add %s type veth peer name eth0 netns %s" % (port, namespace),
                     "link set %s master br0" % port, "link set %s up" % port)
            self._offload(self.switch, port, False)
            self._offload(namespace, "eth0", False)
            self._ip(namespace, "addr add %s/24 dev eth0" % BACKENDS[i], "link set eth0 up",
                     "route add default via " + LB_BACKEND_SIDE)
        self._ip(self.switch, "link set up0 up", "link set br0 up")
        self._ip(self.lb, "link set lb0 up", "link set lb1 up")
        self._ip(self.client, "addr add %s/24 dev eth0" % CLIENT, "link set eth0 up",
                 "route add %s/32 via %s" % (VIP, LB_CLIENT_SIDE))

    def _sysctl_ipv6(self, namespace, interface, on):
        run(*self.enter(namespace), "sh", "-c", "echo %d > /proc/sys/net/ipv6/conf/%s/disable_ipv6" % (not on, interface))

    @contextlib.contextmanager
    def ipv6(self):
        """IPv6 addresses beside the others: fd00::/64 towards the client, fd00:1::/64 towards the backends."""
        places = [(self.client, "eth0"), (self.lb, "lb0"), (self.lb, "lb1")] + [(b, "eth0") for b in self.backends]
        try:
            for namespace, interface in places:
                self._sysctl_ipv6(namespace, interface, True)
            self._ip(self.client, "addr add fd00::2/64 dev eth0 nodad", "route add %s/128 via fd00::1" % VIP6)
            self._ip(self.lb, "addr add fd00::1/64 dev lb0 nodad", "addr add fd00:1::1/64 dev lb1 nodad")
            for namespace, address in zip(self.backends, BACKENDS6):
                self._ip(namespace, "addr add %s/64 dev eth0 nodad" % address, "route add default via fd00:1::1")
            yield
        finally:
            for namespace, interface in places:
                self._sysctl_ipv6(namespace, interface, False)

    def _mtu(self, n):
        for namespace, interfaces in [(self.client, ["eth0"]), (self.lb, ["lb0", "lb1"]),
                                      (self.switch, ["up0"] + ["port%d" % (i + 1) for i in range(len(self.backends))] + ["br0"])] + \
                                     [(b, ["eth0"]) for b in self.backends]:
            self._ip(namespace, *["link set %s mtu %d" % (i, n) for i in interfaces])

    @contextlib.contextmanager
    def mtu(self, n):
        """Every interface takes packets of n bytes; nothing may be attached that cannot."""
        try:
            self._mtu(n)
            yield
        finally:
            self._mtu(1500)

    def down(self):
        """Removes what is there of it; processes inside must have ended."""
        if self.lb is None and os.path.exists("/run/netns/" + self.client):
            for interface in ("lb0", "lb1"):
                subprocess.run(["ip", "link", "del", interface], stderr=subprocess.DEVNULL)
        for namespace in reversed(self.namespaces()):
            if os.path.exists("/run/netns/" + namespace):
                subprocess.run(["ip", "netns", "del", namespace])

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *exc):
        self.down()


def test_name():
    """Unique per process, and recognisable later as left behind by one that was killed."""
    return "slt%d" % os.getpid()


def reap():
    """Removes what killed test runs left behind."""
    left = set()
    for entry in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        match = re.match(r"(slt(\d+))-", entry)
        if match and not os.path.exists("/proc/" + match.group(2)):
            left.add(match.group(1))
    for name in sorted(left):
        Topology(name).down()


def main(argv):
    if len(argv) >= 2 and argv[0] in ("up", "down"):
        topology = Topology(argv[1], host="--host" in argv[2:])
        topology.up() if argv[0] == "up" else topology.down()
        return 0
    if argv == ["reap"]:
        reap()
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
