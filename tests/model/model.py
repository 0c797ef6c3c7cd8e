"""What the kernel tier decides, in the fewest words: the specification that the XDP program is compared with.

A decision is (reason, backend, flow): backend is None where the packet goes nowhere, flow is the entry that says how
addresses are rewritten. Time is counted in steps of STEP seconds: within one nothing grows old."""
import dataclasses

STEP = 300
UDP_IDLE = OPENING = CLOSED = 100  # seconds of silence that a flow survives
TCP_IDLE = 1000
SNAT_PORTS = range(10000, 32768)
ROWS = 251
TCP, UDP, CLIENT = 6, 17, 0x80
SYN, ACKED, FIN, RST = 1, 2, 4, 8  # of a packet; SYN is one without ACK, ACKED one without SYN
SNAT, DNAT, DSR, IPIP, GUE = range(5)
M64 = (1 << 64) - 1
MAPPED = bytes(10) + b'\xff\xff'  # addresses are 16 bytes, IPv4 ones mapped


def family(addr):
    return 4 if addr[:12] == MAPPED else 6


def flow_hash(key, words):
    """include/lb/hash.h: NH over the tuple's words, then one round of mixing."""
    src, dst, sport, dport, proto = key
    parts = [int.from_bytes((src + dst)[i:i + 4], 'little') for i in range(0, 32, 4)]
    swap = lambda port: int.from_bytes(port.to_bytes(2, 'big'), 'little')
    parts += [swap(sport) << 16 | swap(dport), proto]
    at = [(p + k) & 0xffffffff for p, k in zip(parts, words)]
    h = sum(at[i] * at[i + 1] for i in range(0, 10, 2)) & M64
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15 & M64
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93 & M64
    return h ^ h >> 32


@dataclasses.dataclass(eq=False)
class Backend:
    service: 'Service'
    addr: bytes
    port: int  # 0: the one the client asked for
    mode: int
    up: bool = False
    alive: bool = True  # False: its id is another's by now

    @property
    def direct(self):
        return self.mode >= DSR


@dataclasses.dataclass(eq=False)
class Service:
    name: str
    vip: bytes
    first: int
    last: int  # 0: one port
    proto: int
    mode: int = SNAT
    track: bool = False
    affinity: int = 0
    rows: list = None  # backends; None: nobody
    past: dict = dataclasses.field(default_factory=dict)  # row -> (backend or None, step in which it was taken away)

    @property
    def tracks(self):
        return self.track or self.mode < DSR


@dataclasses.dataclass(eq=False)
class Entry:
    """One direction of a flow, or (port 0) where all flows of a client go."""
    client: bytes
    port: int
    vport: int
    proto: int
    backend: Backend
    seen: int
    reverse: bool = False
    tcp: int = 0
    mirror: 'Entry' = None
    key: tuple = None


class Model:
    def __init__(self, words, snat):
        self.words, self.snat = words, snat  # snat: our address towards backends, by family
        self.now = 0
        self.services = {}  # in force, by name
        self.backends = []  # every one that has an id
        self.flows = {}

    # ---- changes of the table ----

    def move_rows(self, s, want):
        """want: the backend of each row, None for nobody. Rows that go elsewhere remember whose they were when they
        last belonged to one alone."""
        was = s.rows or [None] * ROWS
        remember = s.mode >= DSR or s.affinity
        for i in range(ROWS):
            if not remember:
                s.past.pop(i, None)
            elif i not in s.past and was[i] is not None and was[i] is not want[i]:
                s.past[i] = (was[i], self.now)
        s.rows = want

    def memory(self, s):
        return max(s.affinity, TCP_IDLE if s.proto == TCP else UDP_IDLE)

    def settle(self):
        """A moved row is an ordinary one again when no live flow could tell the difference."""
        keep = set()
        for e in self.flows.values():
            s = e.backend.service
            if e.reverse or not e.backend.alive or not s.rows or self.idle(e) > self.memory(s):
                continue
            key = e.client, s.vip, e.port, e.vport, e.proto
            row = self.row(self.client_key(key) if s.affinity else key)
            if s.rows[row] is not e.backend:
                keep.add((s, row))
        for s in self.services.values():
            for row, (_, when) in list(s.past.items()):
                if (self.now - when) * STEP > self.memory(s) and (s, row) not in keep:
                    del s.past[row]

    # ---- rows ----

    def row(self, key):
        return (flow_hash(key, self.words) >> 32) * ROWS >> 32

    def by_row(self, s, key, kind, window):
        """The backend of a flow without an entry. kind: 'begins', 'continues', 'unknown'."""
        row = self.row(key)
        now = s.rows[row] if s.rows else None
        was, when = s.past.get(row, (None, 0))
        if kind == 'begins' or was is None or not was.alive:
            return now
        if kind == 'continues' or was.up and (self.now - when) * STEP <= window:
            return was
        return now

    # ---- the flow table ----

    def idle(self, e):
        return (self.now - e.seen) * STEP

    def find(self, key):
        e = self.flows.get(key)
        return e if e and e.backend.alive else None

    def put(self, key, e):
        e.key = key
        self.flows[key] = e

    def mirror_of(self, e):
        m = e.mirror
        return m if m and self.flows.get(m.key) is m else None

    def forget(self, e):
        for one in (e, self.mirror_of(e)):
            if one:
                del self.flows[one.key]

    def patience(self, forward, reverse):
        if forward.proto == UDP:
            return UDP_IDLE
        if (forward.tcp | reverse.tcp) & RST or forward.tcp & reverse.tcp & FIN:
            return CLOSED
        return TCP_IDLE if forward.tcp & ACKED else OPENING

    def is_stale(self, rev):
        fwd = self.mirror_of(rev)
        return not fwd or min(self.idle(fwd), self.idle(rev)) >= self.patience(fwd, rev)

    def may_move(self, e, flags):
        if e.reverse:
            return False
        if e.proto == TCP:
            return bool(flags & SYN) and not e.backend.up
        m = self.mirror_of(e)
        return not e.backend.up or self.idle(e) > UDP_IDLE and (not m or self.idle(m) > UDP_IDLE)

    def touch(self, e, flags):
        m = self.mirror_of(e)
        if flags & SYN and not e.reverse:
            e.tcp = SYN
            if m:
                m.tcp = 0
        else:
            e.tcp |= flags
            if m and not e.reverse and flags & ACKED:
                m.tcp |= ACKED
        e.seen = self.now

    # ---- the walk ----

    def service_of(self, dst, port, proto):
        here = [s for s in self.services.values() if s.vip == dst and s.proto == proto]
        exact = [s for s in here if not s.last and s.first == port]
        ranges = [s for s in here if s.last and s.first <= port <= s.last]
        return (exact + ranges + [None])[0]

    def may_answer(self, key):
        src, dst, _, dport, _ = key
        snat = any(b.mode == SNAT and self.snat[family(b.addr)] == dst for b in self.backends)
        dnat = any(b.mode == DNAT and b.addr in (src, dst) for b in self.backends)
        return snat and dport in SNAT_PORTS or dnat

    def client_key(self, key):
        src, dst, _, dport, proto = key
        return src, dst, 0, dport, proto | CLIENT

    def by_client(self, s, key, flags):
        middle = key[4] == TCP and not flags & SYN
        who = self.client_key(key)
        row = self.row(who)
        if row not in s.past:
            return s.rows[row] if s.rows else None
        e = self.find(who)
        if e and (middle or e.backend.up and self.idle(e) <= s.affinity):
            e.seen = self.now
            return e.backend
        b = self.by_row(s, who, 'continues' if middle else 'unknown', s.affinity)
        if b:
            self.put(who, Entry(who[0], 0, who[3], who[4], b, self.now))
        return b

    def decide(self, key, flags, port_of=None):
        """port_of: asks for the source port that the program chose for a new flow."""
        src, dst, sport, dport, proto = key
        s = self.service_of(dst, dport, proto)
        if not s and not self.may_answer(key):
            return 'not_ours', None, None
        if s and not s.tracks and not s.affinity and self.row(key) not in s.past:
            b = s.rows[self.row(key)] if s.rows else None
            return ('forwarded' if b else 'no_backend'), b, None
        if s and s.affinity and not s.tracks:
            b = self.by_client(s, key, flags)
            if not b or b.direct:
                return ('forwarded' if b else 'no_backend'), b, None
        e = self.find(key)
        if e and self.may_move(e, flags):
            self.forget(e)
            e = None
        if e:
            self.touch(e, flags)
            return ('replied' if e.reverse else 'forwarded'), e.backend, e
        return self.begin(s, key, flags, port_of) if s else ('not_ours', None, None)

    def begin(self, s, key, flags, port_of):
        src, dst, sport, dport, proto = key
        middle = proto == TCP and not flags & SYN
        kind = 'continues' if middle else 'begins' if proto == TCP or s.tracks else 'unknown'
        b = self.by_client(s, key, flags) if s.affinity else self.by_row(s, key, kind, UDP_IDLE)
        if not b:
            return 'no_backend', None, None
        if middle and not b.direct:
            return 'no_flow', None, None
        e = Entry(src, sport, dport, proto, b, self.now, tcp=flags & SYN)
        if not b.direct:
            back = (b.addr, src, b.port or dport, sport, proto)
            if b.mode == SNAT:
                port = port_of()
                assert port in SNAT_PORTS, port
                back = (b.addr, self.snat[family(src)], b.port or dport, port, proto)
            taken = self.find(back)
            if taken and not self.is_stale(taken):
                assert b.mode == DNAT, 'a source port that another flow has'
                return 'client_taken', None, None
            if taken:
                self.forget(taken)
            e.mirror = Entry(src, sport, dport, proto, b, self.now, reverse=True, mirror=e)
            self.put(back, e.mirror)
        self.put(key, e)
        return 'forwarded', b, e
