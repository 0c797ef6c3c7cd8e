#!/usr/bin/python3
"""Random services, changes and packets: run.py DRIVER PACKETS [SEED]. The model says what happens to each packet, the
driver shows what does. The first disagreement ends the run, with everything needed to see it again."""
import ipaddress
import random
import subprocess
import sys

import frame
import model
from model import ACKED, DNAT, DSR, FIN, GUE, IPIP, RST, SNAT, STEP, SYN, TCP, UDP, Backend, Model, Service

WORLD = 20000  # packets before everything begins anew
SUMMARY = {'SYN': SYN, 'ACK': ACKED, 'FIN': ACKED | FIN, 'RST': RST, 'SYNACK': 0, '': 0}
TX, PASS, DROP = 3, 2, 1
VERDICT = {'forwarded': TX, 'replied': TX, 'not_ours': PASS}


def addr(text):
    a = ipaddress.ip_address(text)
    return a.packed if a.version == 6 else model.MAPPED + a.packed


def text(a):
    return str(ipaddress.ip_address(a[12:] if model.family(a) == 4 else a))


def endpoint(a, port):
    return f'[{text(a)}]:{port}' if model.family(a) == 6 else f'{text(a)}:{port}'


# name, VIP, first and last port, protocol
SERVICES = [('web', '198.19.0.1', 80, 0, TCP), ('dns', '198.19.0.1', 53, 0, UDP), ('app', '198.19.0.2', 80, 0, TCP),
            ('many', '198.19.0.1', 70, 90, TCP), ('all', '198.19.0.3', 0, 65535, UDP),
            ('web6', 'fd00:f::1', 80, 0, TCP), ('dns6', 'fd00:f::1', 53, 0, UDP), ('twin', '198.19.0.4', 80, 0, TCP)]
CLIENTS = {4: [f'10.1.0.{i + 1}' for i in range(20)], 6: [f'fd00:c::{i + 1:x}' for i in range(20)]}
SNAT_ADDRESS = {4: addr('198.18.0.1'), 6: addr('fd00::1')}


def servers(f):
    return [addr(f'198.18.0.{11 + i}' if f == 4 else f'fd00::{11 + i:x}') for i in range(8)]


def mac_of(a):
    """As tests/bench/xdp/net.c gives them out."""
    return bytes([2, 0, 0, model.family(a), 0, a[15]])


class Disagreement(Exception):
    pass


class World:
    def __init__(self, driver, seed):
        self.rng = random.Random(seed)
        self.run = subprocess.Popen([driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        first = self.run.stdout.readline()
        if first.startswith('skipped'):
            print(first, end='')
            sys.exit(77)
        self.model = Model([int(w) for w in first.split()[1:]], SNAT_ADDRESS)
        self.services = {n: Service(n, addr(v), first, last, proto) for n, v, first, last, proto in SERVICES}
        self.wanted = {}  # name -> its backends
        self.ids = {}
        self.recent_answers = []
        self.used = {'packets': 0, 'changes': 0, 'explained': 0}
        self.trace = []
        self.reasons = {}

    def ask(self, line, answers=True):
        if not line.startswith(('table', 'rows', 'explain')):
            self.trace.append(line)
        self.run.stdin.write(line + '\n')
        if not answers:
            return None
        self.run.stdin.flush()
        return self.run.stdout.readline().rstrip('\n')

    def expect(self, what, got, want):
        if got != want:
            raise Disagreement(f'{what}: the program says {got}, the model {want}')

    def close(self):
        self.run.stdin.close()
        self.run.wait(timeout=20)

    # ---- changes ----

    def configure(self):
        """What a new configuration may say: who is there, with what weight and health, forwarded how."""
        r = self.rng
        for s in self.services.values():
            if self.wanted and r.random() < 0.6:
                continue  # as it was
            if r.random() < 0.12 or not self.wanted:
                s.mode, s.track = r.choice([SNAT, DNAT, DSR, DSR, IPIP, IPIP, GUE]), r.random() < 0.2
                s.affinity = r.choice([0, 0, 500])
            some = r.sample(servers(model.family(s.vip)), r.choice([0, 1, 2, 3, 4, 5, 6]))
            self.wanted[s.name] = [(a, 0 if s.last else s.first, r.choice([0, 1, 1, 1, 3]), r.random() < 0.85)
                                   for a in some]
            if r.random() < 0.1:
                self.wanted.pop(s.name)

    def sync(self):
        self.configure()
        wanted = self.wanted
        for name, backends in wanted.items():
            s = self.services[name]
            self.ask(f'service {name} {endpoint(s.vip, s.first)} {s.last} {"tcp" if s.proto == TCP else "udp"} '
                     f'{s.mode} {int(s.track)} {s.affinity}', False)
            for a, port, weight, up in backends:
                self.ask(f'backend {endpoint(a, port)} {weight} {int(up)}', False)
        self.expect('sync', self.ask('sync'), 'ok')
        self.take_ids()
        for name in set(self.model.services) - set(wanted):
            s = self.model.services.pop(name)
            s.rows, s.past = None, {}
        for b in self.model.backends:
            b.up = False
        for name, backends in wanted.items():
            s = self.model.services[name] = self.services[name]
            for a, port, weight, up in backends:
                self.backend(s, a, port).up = bool(weight and up)
        for s in self.model.services.values():
            self.take_rows(s)
        self.used['changes'] += 1

    def backend(self, s, a, port):
        return next(b for b in self.model.backends
                    if (b.service, b.addr, b.port, b.mode) == (s, a, port, s.mode))

    def take_ids(self):
        """Ids are the agent's to give; who gets one that was another's ends what the table says of that other."""
        now = {}
        for one in self.ask('table').split(',')[:-1]:
            i, gen, name, a, port, mode = one.split('/')
            was = self.ids.get(int(i))
            if not was or was[0] != gen:
                if was:
                    was[1].alive = False
                was = gen, Backend(self.services[name], addr(a), int(port), int(mode))
            now[int(i)] = was
        self.ids = now
        self.model.backends = [b for _, b in now.values()]

    def take_rows(self, s):
        """Which backend has a row is Maglev's to say; what moved, since when and from whom is the model's."""
        rows = [r.split('/') for r in self.ask(f'rows {s.name}').split()]
        want = [self.ids[int(r[0]) & 0x7fff][1] if int(r[0]) & 0x7fff != 0x7fff else None for r in rows]
        usable = {b for b in self.model.backends if b.service is s and b.up}
        self.expect(f'{s.name}: who has rows', set(want) - {None}, usable)
        self.model.move_rows(s, want)
        self.check_rows(s, rows)

    def check_rows(self, s, rows):
        for i, r in enumerate(rows):
            moved = bool(int(r[0]) & 0x8000)
            self.expect(f'{s.name}: row {i} moved', moved, i in s.past)
            was, when = s.past.get(i, (None, 0))
            if was and was.alive and moved:
                self.expect(f'{s.name}: row {i} before', self.ids[int(r[1])][1] if int(r[1]) in self.ids else None, was)
                self.expect(f'{s.name}: row {i} since', int(r[2]) // STEP, self.model.now - when)

    def grow_old(self):
        self.ask(f'age {STEP}')
        self.model.now += 1

    def settle(self):
        self.ask('settle')
        self.model.settle()
        for s in self.model.services.values():
            self.check_rows(s, [r.split('/') for r in self.ask(f'rows {s.name}').split()])

    # ---- packets ----

    def draw_key(self):
        r = self.rng
        if r.random() < 0.3:
            back = [e for e in self.model.flows.values() if e.reverse] if r.random() < 0.02 else self.recent_answers
            if back:
                return r.choice(back).key
        _, vip, first, last, proto = r.choice(SERVICES)
        client = addr(r.choice(CLIENTS[model.family(addr(vip))]))
        port = first if not last or r.random() < 0.3 else r.choice([72, 80, 85])
        if r.random() < 0.02:
            port, vip = r.choice([(81, vip), (port, '198.19.9.9' if ':' not in vip else 'fd00:f::9')])
        return client, addr(vip), 2000 + r.randrange(12), port, proto

    def packet(self):
        key = self.draw_key()
        known = self.model.flows.get(key)
        if key[4] == UDP:
            flags = ''
        elif known and known.reverse:
            flags = self.rng.choice(['SYNACK', 'ACK', 'ACK', 'ACK', 'FIN', 'RST'])
        else:
            flags = self.rng.choice(['SYN', 'SYN', 'ACK', 'ACK', 'ACK', 'ACK', 'FIN', 'RST'])
        told = self.explain(key) if self.rng.random() < 0.01 else None
        verdict, reason, out = self.ask(f'packet {frame.build(key, flags).hex()}').split(' ')
        out = bytes.fromhex(out)
        want = self.model.decide(key, SUMMARY[flags], lambda: frame.Packet(out[14:]).key[2])
        self.expect(f'{key} {flags}', (int(verdict), reason), (VERDICT.get(want[0], DROP), want[0]))
        if int(verdict) == TX:
            self.check_bytes(key, flags, out, want)
        if told:
            self.check_explained(told, key, flags, want)
        if want[2] and want[2].mirror and not want[2].reverse:
            self.recent_answers = (self.recent_answers + [want[2].mirror])[-200:]
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        self.used['packets'] += 1

    def check_bytes(self, key, flags, out, want):
        reason, b, e = want
        if reason == 'replied':
            self.expect('MACs', out[:12], frame.MACS[6:] + frame.MACS[:6])
            wanted = (b.service.vip, e.client, e.vport, e.port, key[4])
            outer, inner = frame.unpack(out, SNAT)
        else:
            self.expect('destination MAC', out[:6], mac_of(b.addr))
            outer, inner = frame.unpack(out, b.mode)
            wanted = key if b.direct else (e.mirror.key[1], b.addr, e.mirror.key[3], b.port or key[3], key[4])
        if outer:
            self.expect('outer addresses', outer.key[:2], (SNAT_ADDRESS[model.family(b.addr)], b.addr))
            self.expect('outer header is right', outer.right, True)
        self.expect(f'{key} {flags} leaves as', inner.key, wanted)
        ttl = 64 if reason != 'replied' and b.mode == DSR else 63
        self.expect('bytes', out[len(out) - len(inner.l4) - inner.header:], frame.build(wanted, flags, ttl)[14:])

    def explain(self, key):
        src, dst, sport, dport, proto = key
        return self.ask(f'explain {"tcp" if proto == TCP else "udp"} {endpoint(src, sport)} {endpoint(dst, dport)}')

    def check_explained(self, told, key, flags, want):
        words = told.split()
        kind = 2 if key[4] == UDP else 0 if flags == 'SYN' else 1
        reason, b = words[2 * kind], int(words[2 * kind + 1])
        if want[0] == 'client_taken':
            return  # depends on the other flow, which explain does not look for
        self.expect(f'explain {key} {flags}', (reason, self.ids[b][1] if b in self.ids else None), want[:2])
        self.used['explained'] += 1

    def step(self):
        x = self.rng.random()
        if x < 0.002 or not self.used['changes']:
            self.sync()
        elif x < 0.0035:
            self.grow_old()
        elif x < 0.005:
            self.settle()
        elif x < 0.0052:
            self.ask('restart')
        else:
            self.packet()


def main():
    driver, packets = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 31)
    total, done = {}, 0
    print(f'model: {packets} packets, seed {seed}')
    while done < packets:
        world = World(driver, seed + done)
        try:
            while world.used['packets'] < min(WORLD, packets - done):
                world.step()
        except Disagreement as d:
            print(f'FAIL after {world.used["packets"]} packets of the world with seed {seed + done}: {d}')
            print('\n'.join(['last of what was done:'] + world.trace[-20:]))
            sys.exit(1)
        world.close()
        done += world.used['packets']
        print(f'{done} packets', flush=True)
        for k, v in list(world.used.items()) + list(world.reasons.items()):
            total[k] = total.get(k, 0) + v
    print('agreed: ' + ', '.join(f'{k} {v}' for k, v in total.items()))


main()
