"""The agent and its backends as processes of a test: started, configured, asked, killed."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile

from client import Http, eventually

SLUICE = os.environ.get("SLUICE", os.path.join(os.path.dirname(__file__), "../../build/sluice"))
SLUICE = os.path.abspath(SLUICE)
SANITIZED = bool(os.environ.get("SAN"))
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)


def spawn(argv, **kw):
    return subprocess.Popen(argv, preexec_fn=_die_with_parent, stdin=subprocess.DEVNULL, **kw)


class Backend:
    """`sluice whoami` in a namespace of its own: HTTP on 80, TCP on 5432, UDP on 53."""

    def __init__(self, net, index, address):
        self.name = "b%d" % (index + 1)
        self.net, self.namespace, self.address = net, net.backends[index], address
        self.process = None

    def start(self):
        self.process = spawn(self.net.enter(self.namespace) + [
            SLUICE, "whoami", "--name", self.name, "--listen", self.address + ":80", "--tcp", self.address + ":5432",
            "--udp", self.address + ":53"])
        eventually(lambda: self.ask("/health").status, 5, 0.02, self.name + " listening")

    def ask(self, path, **kw):
        with Http(self.address, 80, self.namespace, timeout=2) as c:
            return c.request(path, **kw)

    def health(self, status):
        assert self.ask("/health", method="POST", body=b"%d" % status).status == 200

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process:
            self.kill()


def merge(a, b):
    """b over a, mappings key by key; None removes."""
    out = dict(a)
    for key, value in b.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


class Agent:
    """`sluice run` in the balancer's namespace. Start-up configuration in sluice.yml, routing in dynamic.yml, written as JSON,
    which is YAML."""

    def __init__(self, net, static=None, dynamic=None, user=None):
        self.net, self.user = net, user
        self.dir = tempfile.mkdtemp(prefix="sluice-e2e-")
        os.chmod(self.dir, 0o777)
        self.pin = "/sys/fs/bpf/" + net.name
        self.log_path, self.access_path = self.dir + "/log", self.dir + "/access.log"
        self.config, self.dynamic_path = self.dir + "/sluice.yml", self.dir + "/dynamic.yml"
        self.socket = self.dir + "/control.sock"
        self.process = None
        self.static = merge(self._static(), static or {})
        with open(self.config, "w") as f:
            json.dump(self.static, f, indent=1)
        self.write(dynamic or {})

    def _static(self):
        return {
            "log": {"level": "DEBUG"},
            "accessLog": {"format": "json", "filePath": self.access_path},
            "api": {"insecure": True},
            "ping": {},
            "metrics": {"prometheus": {"addRoutersLabels": True}},
            "entryPoints": {
                "web": {"address": ":8000"},
                "db": {"address": "198.18.0.10:5432"},
                "dns": {"address": "198.18.0.10:53/udp"},
            },
            "providers": {"file": {"filename": self.dynamic_path, "watch": True}, "providersThrottleDuration": "50ms"},
            "kernel": {"interfaces": ["lb0", "lb1"], "xdpMode": "auto", "pinPath": self.pin},
            "control": {"socket": self.socket},
            "workers": 2,
        }

    def write(self, dynamic):
        """Replaces the routing configuration in one step, as careful people and tools do."""
        text = dynamic if isinstance(dynamic, str) else json.dumps(dynamic, indent=1)
        with open(self.dynamic_path + ".new", "w") as f:
            f.write(text)
        os.rename(self.dynamic_path + ".new", self.dynamic_path)

    def command(self, *args):
        """A command line of the binary, run to its end inside the balancer's namespace."""
        return subprocess.run(self.net.enter(self.net.lb) + [SLUICE] + list(args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=20)

    def start(self, wait=True):
        binary, prefix = SLUICE, []
        if self.user is not None:
            # The build directory need not be open to everybody.
            binary = shutil.copy(SLUICE, self.dir + "/sluice")
            prefix = ["setpriv", "--reuid", str(self.user), "--regid", str(self.user), "--clear-groups", "--no-new-privs"]
        with open(self.log_path, "a") as log:
            self.process = spawn(self.net.enter(self.net.lb) + prefix + [binary, "run", "-c", self.config], stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the agent ended with %s:\n%s" % (self.process.returncode, self.log()[-4000:]))
            return self.ask("/ping").status == 200
        eventually(ready, 30 if SANITIZED else 10, 0.03, "the agent's /ping")

    def ask(self, path, **kw):
        """Of the agent's own entry point."""
        with Http("127.0.0.1", 8080, self.net.lb, timeout=5) as c:
            return c.request(path, **kw)

    def client(self, **kw):
        """A new connection from the client's host to the entry point web."""
        return Http("198.18.0.1", 8000, self.net.client, **kw)

    def get(self, path="/", **kw):
        with self.client() as c:
            return c.request(path, **kw)

    def api(self, path):
        a = self.ask(path)
        assert a.status == 200, (path, a.status, a.text)
        return json.loads(a.text)

    def metrics(self):
        """{name{labels as written}: value}"""
        out = {}
        for line in self.ask("/metrics").text.splitlines():
            if line and not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                out[key] = float(value)
        return out

    def metric(self, name, **labels):
        """Sum over the series of that name that carry these labels."""
        wanted = ['%s="%s"' % pair for pair in labels.items()]
        found = [v for k, v in self.metrics().items() if k.split("{")[0] == name and all(w in k for w in wanted)]
        if not found:
            raise KeyError("%s %s" % (name, labels))
        return sum(found)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def access(self):
        with open(self.access_path) as f:
            return [json.loads(line) for line in f]

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def xdp(self):
        """What `ip link` says about XDP per interface, for those that have a program."""
        out = subprocess.run(["ip", "-n", self.net.lb, "-d", "-j", "link", "show"], stdout=subprocess.PIPE, check=True).stdout
        return {link["ifname"]: link["xdp"] for link in json.loads(out) if link.get("xdp", {}).get("prog")}

    def terminate(self, timeout=20):
        """SIGTERM, and its exit status."""
        self.process.terminate()
        status = self.process.wait(timeout)
        self.process = None
        return status

    def sigkill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """End of the test: gone with everything that was pinned, whatever state it is in."""
        problem = None
        if self.process and self.process.poll() is None:
            try:
                problem = self.terminate() or None
            except subprocess.TimeoutExpired:
                self.sigkill()
                problem = "hung at SIGTERM"
        shutil.rmtree(self.pin, ignore_errors=True)
        text = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        for word in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
            at = text.find(word)
            assert at < 0, text[max(0, at - 500):at + 3000]
        assert problem is None, "the agent ended with %r\n%s" % (problem, text[-3000:])
