#!/usr/bin/python3
"""Datagrams through a virtual address: sluice's XDP tier against nftables (DNAT and masquerade) and against routing alone.

    CPU 0: sender, receiver                        CPU 1: the balancer's packet work
    +----------------+  veth  +-------------------------------+  veth  +------------------+
    | eth0           |--------| Xa                         Xb |--------| eth0             |
    | 198.18.0.2     |        | 198.18.0.1         198.18.1.1 |        | 198.18.1.11:53   |
    +----------------+        +-------------------------------+        +------------------+
     sends to the VIP 198.18.0.10:53

Every subject has three namespaces of its own. The receive work of the balancer's Xa runs in a kernel thread of its own (threaded
NAPI) that is alone on CPU 1, that of the receiver's eth0 in one on CPU 0; so the balancer's cost is the CPU time of one thread, and
for nftables that is the whole stack from receive to transmit. Delivered is what reached the receiver's UDP: right checksum, right
port. Each flow is answered once before the clock starts, so the way back works too. Nothing is asserted.

    BENCH_ROUNDS (5), BENCH_SECONDS per measurement (1), BENCH_FLOWS ("1 1000")
"""
import os
import re
import select
import statistics
import subprocess
import time

import lab

VIP, PORT, BACKEND = "198.18.0.10", 53, "198.18.1.11"
FLOWS = [int(n) for n in os.environ.get("BENCH_FLOWS", "1 1000").split()]

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


def napi_threads(interface):
    """The kernel threads that do the interface's receive work."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as f:
                if f.read().startswith("napi/%s-" % interface):
                    found.append(int(pid))
        except OSError:
            pass
    return found


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
        self.busy = {n: [] for n in FLOWS}

    def build(self):
        for namespace in (self.client, self.lb, self.backend):
            run("ip", "netns", "add", namespace)
            run("nsenter", "--net=/run/netns/" + namespace, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        a, b = self.interface + "a", self.interface + "b"
        run("ip", "-n", self.lb, "-batch", "-", text="""
            link set lo up
            link add %s type veth peer name eth0 netns %s
            link add %s type veth peer name eth0 netns %s
            addr add 198.18.0.1/30 dev %s
            addr add 198.18.1.1/24 dev %s
            link set %s up
            link set %s up
        """ % (a, self.client, b, self.backend, a, b, a, b))
        self._end(self.client, "198.18.0.2/30", "198.18.0.1")
        self._end(self.backend, "198.18.1.11/24", "198.18.1.1")
        # A local stack leaves checksums to the device, which a program that rewrites packets cannot know. GRO makes veth receive
        # by NAPI, program or not.
        for namespace, interface in ((self.client, "eth0"), (self.backend, "eth0"), (self.lb, a), (self.lb, b)):
            run("nsenter", "--net=/run/netns/" + namespace, "ethtool", "-K", interface, "tx", "off", "gro", "on")
        run("nsenter", "--net=/run/netns/" + self.lb, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.backend_napi = self._threaded(self.backend, "eth0", lab.LOAD_CPU)

    @staticmethod
    def _end(namespace, own, gateway):
        run("ip", "-n", namespace, "-batch", "-", text="addr add %s dev eth0\nlink set eth0 up\nroute add default via %s\n" % (own, gateway))

    @staticmethod
    def _threaded(namespace, interface, cpu):
        """`ip netns exec`, because /sys has to be that of the namespace."""
        before = set(napi_threads(interface))
        run("ip", "netns", "exec", namespace, "sh", "-c", "echo 1 > /sys/class/net/%s/threaded" % interface)
        new = set(napi_threads(interface)) - before
        for pid in new:
            os.sched_setaffinity(pid, {cpu})
        return new

    def start(self, bench):
        """None, or why this kernel cannot do it."""
        self.build()
        values = {"if": self.interface, "dir": bench.dir, "pin": self.pin}
        if self.name == "sluice":
            path = bench.file("l4.conf", SLUICE % values)
            enter = ["nsenter", "--net=/run/netns/" + self.lb]
            self.agent = bench.start(lab.LOAD_CPU, enter + [lab.SLUICE, "run", "-c", path], "l4")
            self._await_programs(bench)
        elif self.name != "routing":
            fast = self.name.endswith("flowtable")
            rules = NAT % dict(values, flowtable=FLOWTABLE % values if fast else "", forward=FORWARD if fast else "")
            loaded = subprocess.run(["nsenter", "--net=/run/netns/" + self.lb, "nft", "-f", "-"], input=rules, stderr=subprocess.PIPE, text=True)
            if loaded.returncode:
                return loaded.stderr.strip().split("\n")[0]
        self._threaded(self.lb, self.interface + "a", lab.PROXY_CPU)
        self._threaded(self.lb, self.interface + "b", lab.PROXY_CPU)
        self.napi = napi_threads(self.interface + "a")
        if not self.napi:
            raise SystemExit("no NAPI thread of %sa" % self.interface)
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

    def processed(self):
        """Packets that the balancer's thread took from its interface."""
        out = run("ip", "-n", self.lb, "-s", "link", "show", self.interface + "a")
        return int(re.search(r"RX:.*\n\s+\d+\s+(\d+)", out).group(1))

    def measure(self, flows):
        argv = ["nsenter", "--net=/run/netns/" + self.client, lab.compiled("blast"), "send", self.target, str(PORT), str(flows),
                str(lab.SECONDS)]
        sender = subprocess.Popen(argv, preexec_fn=lambda: os.sched_setaffinity(0, {lab.LOAD_CPU}), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        try:
            if not select.select([sender.stdout], [], [], 30)[0] or sender.stdout.readline() != "ready\n":
                raise SystemExit("%s: the path does not work" % self.name)
            start, cpu, took, got = time.monotonic(), self._cpu(), self.processed(), self.delivered()
            sender.wait(lab.SECONDS + 20)
            cpu, took, got, seconds = self._cpu() - cpu, self.processed() - took, self.delivered() - got, time.monotonic() - start
        finally:
            sender.kill()
            sender.wait()
        self.rate[flows].append(got / seconds / 1e3)
        self.cost[flows].append(cpu / max(took, 1))
        self.busy[flows].append(cpu / seconds / 1e7)

    def _cpu(self):
        return sum(lab.cpu_ns(pid) for pid in self.napi)

    def remove(self):
        for namespace in (self.client, self.lb, self.backend):
            if os.path.exists("/run/netns/" + namespace):
                subprocess.run(["ip", "netns", "del", namespace])
        if os.path.isdir(self.pin):
            run("rm", "-r", self.pin)


def report(every):
    rows = []
    base = {s.name: s for s in every}["nftables"]
    for n in FLOWS:
        for s in every:
            rate, cost = statistics.median(s.rate[n]), statistics.median(s.cost[n])
            rows.append([s.name, n, lab.spread(s.rate[n], "%.0f"), "%.2f" % (rate / statistics.median(base.rate[n])),
                         lab.spread(s.cost[n], "%.0f"), "%.2f" % (cost / statistics.median(base.cost[n])),
                         "%.0f" % statistics.median(s.busy[n])])
    lab.table(["path", "flows", "1000 datagrams/s", "/nft", "CPU ns/packet", "/nft", "CPU %"], rows)
    print("medians (and ranges) of %d interleaved rounds of %d s; datagrams of 18 bytes, counted where they arrive" % (lab.ROUNDS, lab.SECONDS))
    print("CPU: of the balancer's receive thread, per packet it took. Where it is below 100 % the sender or receiver was the limit.")
    print("routing forwards without changing anything; flowtable is nftables' own short cut for flows that were answered.")


def main():
    lab.need("ip", "ethtool", "nft", "nsenter")
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        raise SystemExit(77)
    print("packets: %s" % lab.machine())
    names = ["sluice", "nftables", "nft flowtable", "routing"]
    every = [Subject(name, i, BACKEND if name == "routing" else VIP) for i, name in enumerate(names)]
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
                        s.measure(n)
    finally:
        for s in every:
            s.remove()
    report(able)


if __name__ == "__main__":
    main()
