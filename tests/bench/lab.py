"""What the benchmarks share: compiling their small C programs, pinned processes that never outlive us, and reading /proc."""
import ctypes
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(HERE, "../../build")))
SLUICE = os.path.join(BUILD, "sluice")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "1"))

CPUS = sorted(os.sched_getaffinity(0))
LOAD_CPU, PROXY_CPU = CPUS[0], CPUS[-1]

_libc = ctypes.CDLL(None)


def need(*programs):
    """Ends the run as skipped when a program is missing."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        print("skipped: %s not installed (scripts/deps.sh bench)" % ", ".join(missing))
        sys.exit(77)


def compiled(name):
    """The program of NAME.c, built into the build directory if it is older than its source."""
    source, binary = os.path.join(HERE, name + ".c"), os.path.join(BUILD, "bench", name)
    if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(binary), exist_ok=True)
        subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary,
                        source], check=True)
    return binary


class Lab:
    """Owns every process and file of a run; leaving it, however, removes them."""

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
        self.dir = tempfile.mkdtemp(prefix="sluice-bench-")
        self.processes = []
        return self

    def __exit__(self, *exc):
        for p in list(self.processes):
            self.stop(p)
        shutil.rmtree(self.dir, ignore_errors=True)

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, cpu, argv, name):
        """In a session of its own, so that its children end with it; SIGTERM when we die."""
        def prepare():
            os.setsid()
            _libc.prctl(1, signal.SIGTERM)
            os.sched_setaffinity(0, {cpu})
        log = open(os.path.join(self.dir, name + ".log"), "wb")
        p = subprocess.Popen(argv, preexec_fn=prepare, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.processes.append(p)
        return p

    def listening(self, process, port, name):
        end = time.monotonic() + 5
        while process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        with open(os.path.join(self.dir, name + ".log")) as f:
            raise SystemExit("%s does not listen:\n%s" % (name, f.read()[-2000:]))

    def stop(self, process):
        """Politely, so that a master reaps its workers; then not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(3)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.processes.remove(process)


def pinned(cpu, argv, timeout):
    """Runs a program to its end on one CPU; its output."""
    def prepare():
        _libc.prctl(1, signal.SIGKILL)
        os.sched_setaffinity(0, {cpu})
    return subprocess.run(argv, preexec_fn=prepare, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=True).stdout


def free_ports(n):
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def family(pid):
    """The process and all its descendants."""
    out = [pid]
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task)) as f:
            for child in f.read().split():
                out += family(int(child))
    return out


def cpu_ns(pid):
    """Time on a CPU, user and system, of a process, its threads and its descendants. schedstat holds the sum that utime and stime
    are scaled to, in nanoseconds instead of ticks of 10 ms."""
    total = 0
    for p in family(pid):
        for task in os.listdir("/proc/%d/task" % p):
            with open("/proc/%d/task/%s/schedstat" % (p, task)) as f:
                total += int(f.read().split()[0])
    return total


def busy_ns(cpu):
    """Time that CPU was not idle, whoever used it, stolen time included."""
    with open("/proc/stat") as f:
        for line in f:
            if line.startswith("cpu%d " % cpu):
                v = [int(x) for x in line.split()[1:9]]
                return (sum(v) - v[3] - v[4]) * (1000000000 // os.sysconf("SC_CLK_TCK"))
    raise KeyError(cpu)


def pss_kib(pid):
    """Memory of a process and its descendants, shared pages divided among those who share them."""
    total = 0
    for p in family(pid):
        with open("/proc/%d/smaps_rollup" % p) as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def rss_kib(pid):
    total = 0
    for p in family(pid):
        with open("/proc/%d/status" % p) as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    return total


def spread(values, form="%.1f"):
    """Median and range."""
    return "%s (%s-%s)" % (form % statistics.median(values), form % min(values), form % max(values))


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]
    for row in [head, ["-" * w for w in widths]] + rows:
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))))
    print(flush=True)


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    return "%s, %d CPUs, kernel %s, load %.1f" % (model, os.cpu_count(), os.uname().release, os.getloadavg()[0])
