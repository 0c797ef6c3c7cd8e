#!/usr/bin/python3
"""Datagrams through a virtual address: sluice's XDP tier against nftables (DNAT and masquerade) and against routing alone.

    +----------------+  veth  +-------------------------------+  veth  +------------------+
    | eth0           |--------| Xa                         Xb |--------| eth0             |
    | 198.18.0.2     |        | 198.18.0.1         198.18.1.1 |        | 198.18.1.11:53   |
    +----------------+        +-------------------------------+        +------------------+
     sends to the VIP 198.18.0.10:53, in bursts of 64

Every subject has namespaces of its own; "wire" is a client and a receiver with nothing in between. A veth does its receive work where
the sender runs, so one CPU sends, balances and receives, and what a balancer costs is the difference to the wire: the balancer itself
and its second veth. Delivered is what reached the receiver's UDP: right checksum, right port. Each flow is answered once before the
clock starts, so the way back works too. Nothing is asserted.

    BENCH_ROUNDS (5), BENCH_SECONDS per measurement (1), BENCH_FLOWS ("1000"; several: "1 1000")
"""
import os
import select
import statistics
import subprocess
import time

import lab

VIP, PORT, BACKEND = "198.18.0.10", 53, "198.18.1.11"
FLOWS = [int(n) for n in os.environ.get("BENCH_FLOWS", "1000").split()]

SLUICE = """
log: { level: WARN }
workers: 1
entryPoints: { dns: { address: "198.18.0.10:53/udp" } }
control: { socket: %(dir)s/l4.sock }
kernel: { interfaces: [%(if)sa, %(if)sb], xdpMode: native, pinPath: %(pin)s }
udp:
  routers: { dns: { entryPoints: [dns], service: dns } }
  services: { dns: { loadBalancer: { datapath: xdp, forwarding: snat, servers: [ { address: "198.18.1.11:53" } ] } } }
"""

NAT = """
table ip lb {
    %(flowtable)s
    chain in { type nat hook prerouting priority dstnat; ip daddr 198.18.0.10 udp dport 53 dnat to 198.18.1.11:53; }
    chain out { type nat hook postrouting priority srcnat; oifname "%(if)sb" masquerade; }
    %(forward)s
}
"""
FLOWTABLE = 'flowtable fast { hook ingress priority 0; devices = { "%(if)sa", "%(if)sb" }; }'
FORWARD = "chain through { type filter hook forward priority 0; ip protocol udp flow add @fast; }"


def run(*argv, text=None):
    done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit("%s: %s" % (" ".join(argv), done.stdout))
    return done.stdout


def softirq_thread(cpu):
    """The kernel thread that takes over when there is more receive work than a process may be burdened with."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as f:
                if f.read() == "ksoftirqd/%d\n" % cpu:
                    return int(pid)
        except OSError:
            pass
    raise SystemExit("no ksoftirqd/%d" % cpu)


class Subject:
    """A balancer in a network of its own."""

    def __init__(self, name, index, target):
        self.name, self.target = name, target
        self.prefix = "slb%d-%d" % (os.getpid(), index)
        self.interface = "b%d%d" % (os.getpid() % 100000, index)
        self.client, self.lb, self.backend = (self.prefix + s for s in ("-c", "-lb", "-b"))
        self.pin = "/sys/fs/bpf/" + self.prefix
        self.rate = {n: [] for n in FLOWS}
        self.cost = {n: [] for n in FLOWS}
        self.lost = {n: [] for n in FLOWS}

    def build(self):
        for namespace in (self.client, self.lb, self.backend):
            run("ip", "netns", "add", namespace)
            run("nsenter", "--net=/run/netns/" + namespace, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        if self.name == "wire":
            run("ip", "-n", self.client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.backend)
        else:
            self._between()
        # VIP and balancer are off the client's own network, so that it does not ask for the VIP by ARP.
        self._end(self.client, "198.18.0.2/30", "198.18.0.1")
        self._end(self.backend, "198.18.1.11/24", "198.18.1.1")
        if self.name == "wire":
            run("ip", "-n", self.client, "route", "replace", "default", "dev", "eth0")
            run("ip", "-n", self.backend, "route", "replace", "default", "dev", "eth0")

    def _between(self):
        a, b = self.interface + "a", self.interface + "b"
        run("ip", "-n", self.lb, "-batch", "-", text="""
            link add %s type veth peer name eth0 netns %s
            link add %s type veth peer name eth0 netns %s
            addr add 198.18.0.1/30 dev %s
            addr add 198.18.1.1/24 dev %s
            link set %s up
            link set %s up
        """ % (a, self.client, b, self.backend, a, b, a, b))
        self._offload(self.lb, a)
        self._offload(self.lb, b)
        run("nsenter", "--net=/run/netns/" + self.lb, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def _end(self, namespace, own, gateway):
        run("ip", "-n", namespace, "-batch", "-", text="addr add %s dev eth0\nlink set eth0 up\n" % own)
        if self.name != "wire":
            run("ip", "-n", namespace, "route", "add", "default", "via", gateway)
        self._offload(namespace, "eth0")

    @staticmethod
    def _offload(namespace, interface):
        """A local stack leaves checksums to the device, which a program that rewrites packets cannot know. GRO makes a veth receive
        by NAPI, with a program or without."""
        run("nsenter", "--net=/run/netns/" + namespace, "ethtool", "-K", interface, "tx", "off", "gro", "on")

    def start(self, bench):
        """None, or why this kernel cannot do it."""
        self.build()
        values = {"if": self.interface, "dir": bench.dir, "pin": self.pin}
        enter = ["nsenter", "--net=/run/netns/" + self.lb]
        if self.name == "sluice":
            path = bench.file("l4.conf", SLUICE % values)
            self.agent = bench.start(lab.LOAD_CPU, enter + [lab.SLUICE, "run", "-c", path], "l4")
            self._await_programs(bench)
        elif self.name.startswith("nft"):
            fast = self.name.endswith("flowtable")
            rules = NAT % dict(values, flowtable=FLOWTABLE % values if fast else "", forward=FORWARD if fast else "")
            loaded = subprocess.run(enter + ["nft", "-f", "-"], input=rules, stderr=subprocess.PIPE, text=True)
            if loaded.returncode:
                return "this kernel or nft refuses it"
        self.receiver = bench.start(lab.LOAD_CPU, ["nsenter", "--net=/run/netns/" + self.backend, lab.compiled("blast"), "receive", BACKEND,
                                                   str(PORT)], self.prefix)
        return None

    def _await_programs(self, bench):
        end = time.monotonic() + 5
        while self.agent.poll() is None and time.monotonic() < end:
            if run("ip", "-n", self.lb, "-d", "link", "show").count("prog/xdp") == 2:
                return
            time.sleep(0.05)
        with open(os.path.join(bench.dir, "l4.log")) as f:
            raise SystemExit("sluice did not attach to its interfaces:\n" + f.read()[-2000:])

    def delivered(self):
        """Datagrams that reached the receiver's UDP, whether or not its buffer had room."""
        with open("/proc/%d/net/snmp" % self.receiver.pid) as f:
            keys, values = [line.split()[1:] for line in f if line.startswith("Udp:")]
        udp = dict(zip(keys, map(int, values)))
        return udp["InDatagrams"] + udp["RcvbufErrors"]

    def measure(self, flows, softirq):
        argv = ["nsenter", "--net=/run/netns/" + self.client, lab.compiled("blast"), "send", self.target, str(PORT), str(flows),
                str(lab.SECONDS)]
        sender = subprocess.Popen(argv, preexec_fn=lambda: os.sched_setaffinity(0, {lab.PROXY_CPU}), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        try:
            if not select.select([sender.stdout], [], [], 30)[0] or sender.stdout.readline() != "ready\n":
                raise SystemExit("%s: the path does not work" % self.name)
            cpu, got = lab.cpu_ns(sender.pid) + lab.cpu_ns(softirq), self.delivered()
            start = time.monotonic()
            select.select([sender.stdout], [], [], lab.SECONDS + 20)
            used, seconds = lab.cpu_ns(sender.pid) + lab.cpu_ns(softirq) - cpu, time.monotonic() - start
            sent, got = int(sender.stdout.readline()), self.delivered() - got
        finally:
            sender.kill()
            sender.wait()
        self.rate[flows].append(got / seconds / 1e3)
        self.cost[flows].append(used / max(got, 1))
        self.lost[flows].append(100 * (1 - got / sent))

    def remove(self):
        for namespace in (self.client, self.lb, self.backend):
            if os.path.exists("/run/netns/" + namespace):
                subprocess.run(["ip", "netns", "del", namespace])
        if os.path.isdir(self.pin):
            run("rm", "-r", self.pin)


def report(every):
    median = statistics.median
    known = {s.name: s for s in every}
    nft, wire = known["nftables"], known["wire"]
    rows = []
    for n in FLOWS:
        for s in every:
            own = median(s.cost[n]) - median(wire.cost[n])
            rows.append([s.name, n, lab.spread(s.rate[n], "%.0f"), "%.2f" % (median(s.rate[n]) / median(nft.rate[n])),
                         lab.spread(s.cost[n], "%.0f"), "%.0f" % own, "%.2f" % (own / (median(nft.cost[n]) - median(wire.cost[n]))),
                         "%.1f" % median(s.lost[n])])
    lab.table(["path", "flows", "1000 datagrams/s", "/nft", "CPU ns/datagram", "less wire", "/nft", "lost %"], rows)
    print("medians (and ranges) of %d interleaved rounds of %d s; datagrams of 18 bytes, counted where they arrive" % (lab.ROUNDS, lab.SECONDS))
    print("CPU: sender, balancer and receiving stack on one CPU; less wire: what the balancer and the second veth added")
    print("routing forwards without changing anything; a flowtable is nftables' own short cut for flows that were answered")


def main():
    lab.need("ip", "ethtool", "nft", "nsenter")
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        raise SystemExit(77)
    print("packets: %s" % lab.machine())
    names = ["sluice", "nftables", "nft flowtable", "routing", "wire"]
    every = [Subject(name, i, BACKEND if name in ("routing", "wire") else VIP) for i, name in enumerate(names)]
    softirq = softirq_thread(lab.PROXY_CPU)
    try:
        with lab.Lab() as bench:
            able = []
            for s in every:
                problem = s.start(bench)
                if problem:
                    print("left out: %s: %s" % (s.name, problem))
                else:
                    able.append(s)
            for i in range(lab.ROUNDS):
                for n in FLOWS:
                    for s in able[i % len(able):] + able[:i % len(able)]:
                        s.measure(n, softirq)
    finally:
        for s in every:
            s.remove()
    report(able)


if __name__ == "__main__":
    main()
