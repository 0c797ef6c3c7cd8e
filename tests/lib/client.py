"""Small, strict clients: HTTP/1.1 over a raw socket (so that tests see every byte), TCP and UDP through a VIP.
Strict on purpose: an answer that curl would forgive fails the test."""
import socket
import struct
import threading
import time

from topology import inside


class Answer:
    def __init__(self, status, headers, body, version):
        self.status, self.headers, self.body, self.version = status, headers, body, version

    def get(self, name):
        values = [v for k, v in self.headers if k.lower() == name.lower()]
        assert len(values) <= 1, "%s came %d times" % (name, len(values))
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode("latin-1")

    def lines(self):
        """The page of `whoami` as a dict: name, remote address, and the headers the server received, in lower case."""
        out = {}
        for line in self.text.split("\n"):
            key, colon, value = line.partition(": ")
            if colon:
                out.setdefault(key.lower(), value)
        return out


class Closed(Exception):
    """The other side ended the connection before the answer was complete."""


class Http:
    """One connection. namespace: where the socket is made."""

    duplex = True  # a body is sent beside the reading

    def __init__(self, address, port, namespace=None, timeout=10, source=None):
        with inside(namespace):
            self.sock = socket.create_connection((address, port), timeout=timeout, source_address=source)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = "%s:%d" % (address, port)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def _more(self):
        data = self.sock.recv(262144)
        if not data:
            raise Closed("after %r" % self.pending[:100])
        self.pending += data

    def _line(self):
        while b"\r\n" not in self.pending:
            self._more()
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def _exactly(self, n):
        parts, have = [self.pending[:n]], min(n, len(self.pending))
        self.pending = self.pending[n:]
        while have < n:
            data = self.sock.recv(min(262144, n - have))
            if not data:
                raise Closed("%d of %d bytes" % (have, n))
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def _chunks(self):
        parts = []
        while True:
            size = int(self._line().split(b";")[0], 16)
            if size == 0:
                while self._line():
                    pass
                return b"".join(parts)
            parts.append(self._exactly(size))
            assert self._line() == b""

    def _to_the_end(self):
        try:
            while True:
                self._more()
        except Closed:
            body, self.pending = self.pending, b""
            return body

    def head(self):
        version, status, _ = (self._line() + b" ").split(b" ", 2)
        assert version in (b"HTTP/1.1", b"HTTP/1.0"), version
        headers = []
        while True:
            line = self._line()
            if not line:
                break
            name, colon, value = line.partition(b":")
            assert colon and name.strip() == name, line
            headers.append((name.decode("latin-1"), value.strip().decode("latin-1")))
        return Answer(int(status), headers, b"", version.decode())

    def answer(self, method="GET"):
        a = self.head()
        if method == "HEAD" or a.status < 200 or a.status in (204, 304):
            return a
        if (a.get("Transfer-Encoding") or "").lower() == "chunked":
            assert a.get("Content-Length") is None
            a.body = self._chunks()
        elif a.get("Content-Length") is not None:
            a.body = self._exactly(int(a.get("Content-Length")))
        else:
            a.body = self._to_the_end()
        return a

    def request(self, path="/", method="GET", headers=(), body=None, chunks=None, host=None):
        """body: sent with Content-Length. chunks: sent chunked, each as one chunk."""
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: %s" % (host or self.host)]
        lines += ["%s: %s" % pair for pair in (headers.items() if isinstance(headers, dict) else headers)]
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        if chunks is not None:
            lines.append("Transfer-Encoding: chunked")
        self.send("\r\n".join(lines) + "\r\n\r\n")
        sender = None
        if not self.duplex:
            self._send_body(body, chunks)
        elif body is not None or chunks is not None:
            # Beside the reading: an echo of more than the buffers on the way would else stand still.
            sender = threading.Thread(target=self._send_body, args=(body, chunks), daemon=True)
            sender.start()
        a = self.answer(method)
        if sender:
            sender.join()
        return a

    def _send_body(self, body, chunks):
        try:
            if body is not None:
                self.sock.sendall(body)
            for chunk in chunks or ():
                self.sock.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if chunks is not None:
                self.sock.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # the answer, or its absence, says what happened

    def closed_by_peer(self, timeout=5):
        """True when the other side ends the connection in time without sending anything more."""
        self.sock.settimeout(timeout)
        try:
            return not self.pending and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False


class Stream:
    """A TCP connection to a `whoami` echo: says on connect which server it reached."""

    def __init__(self, address, port, namespace=None, timeout=3, source_port=None):
        with inside(namespace):
            self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.sock.settimeout(timeout)
        self.name = None
        try:
            if source_port is not None:
                self.sock.bind(("", source_port))
            self.sock.connect((address, port))
            self.name, self.local = self._line().split()
        except BaseException:
            self.sock.close()
            raise

    def _line(self):
        data = b""
        while not data.endswith(b"\n"):
            more = self.sock.recv(256)
            if not more:
                raise Closed(data)
            data += more
        return data.decode()

    def echo(self, data):
        self.sock.sendall(data)
        got = b""
        while len(got) < len(data):
            more = self.sock.recv(65536)
            if not more:
                raise Closed(got)
            got += more
        return got == data

    def close(self):
        self.sock.close()

    def reset(self):
        """Without TIME_WAIT, for tests that need tens of thousands of connections."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Datagrams:
    def __init__(self, address, port, namespace=None, timeout=2):
        with inside(namespace):
            self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(timeout)
        self.sock.connect((address, port))

    def ask(self, data):
        """(server's name, payload)"""
        self.sock.send(data)
        name, _, payload = self.sock.recv(65536).partition(b" ")
        return name.decode(), payload

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def eventually(condition, timeout=8, every=0.05, what="it"):
    """Waits for the condition to be true and returns its value; exceptions of the network count as not yet."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, Closed, ValueError, KeyError) as e:
            last = e
        if time.monotonic() > deadline:
            raise AssertionError("%s did not come true in %g s; last: %r" % (what, timeout, last))
        time.sleep(every)


class Load:
    """Threads that repeat an action until stopped, counting outcomes: results by value, and every exception's text."""

    def __init__(self, action, threads=2):
        self.action, self.stopping = action, threading.Event()
        self.results, self.errors, self.lock = [], [], threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]

    def _run(self, number):
        while not self.stopping.is_set():
            try:
                result = self.action(number)
            except Exception as e:  # whatever it is, it is a failed request
                with self.lock:
                    self.errors.append("%s: %s" % (type(e).__name__, e))
                time.sleep(0.01)
                continue
            with self.lock:
                self.results.append((time.monotonic(), result))

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(15)

    def mark(self):
        return time.monotonic()

    def since(self, mark):
        with self.lock:
            return [r for when, r in self.results if when >= mark]

    def count(self):
        with self.lock:
            return len(self.results)

    def wait_for(self, n, timeout=10):
        """n more results."""
        target = self.count() + n
        eventually(lambda: self.count() >= target, timeout, 0.01, "%d more answers" % n)
