"""Frames as bytes: made from a tuple, and what one that left says."""
import struct

from model import GUE, IPIP, TCP, UDP, family

MACS = bytes.fromhex('020000000001' '020000000002')
FLAGS = {'SYN': 0x02, 'SYNACK': 0x12, 'ACK': 0x10, 'FIN': 0x11, 'RST': 0x04, '': 0}


def fold(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def check(data):
    return ~fold(data) & 0xffff


def pseudo(src, dst, proto, l4):
    if family(src) == 4:
        src, dst = src[12:], dst[12:]
    return src + dst + struct.pack('!IHBB', len(l4), 0, 0, proto) + l4


def build(key, flags, ttl=64):
    """An Ethernet frame with 8 bytes of payload and right checksums."""
    src, dst, sport, dport, proto = key
    if proto == TCP:
        l4 = struct.pack('!HHIIBBHHH', sport, dport, 1, 2, 0x50, FLAGS[flags], 1000, 0, 0) + b'payload.'
        at = 16
    else:
        l4 = struct.pack('!HHHH', sport, dport, 16, 0) + b'payload.'
        at = 6
    right = check(pseudo(src, dst, proto, l4))
    if proto == UDP:
        right = right or 0xffff  # zero would say that there is none (RFC 768)
    l4 = l4[:at] + struct.pack('!H', right) + l4[at + 2:]
    if family(src) == 6:
        return MACS + b'\x86\xdd' + struct.pack('!IHBB', 6 << 28, len(l4), proto, ttl) + src + dst + l4
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(l4), 7, 0x4000, ttl, proto, 0) + src[12:] + dst[12:]
    return MACS + b'\x08\x00' + ip[:10] + struct.pack('!H', check(ip)) + ip[12:] + l4


class Packet:
    """The IP packet in b: its tuple, and whether its header is right."""

    def __init__(self, b):
        if b[0] >> 4 == 4:
            self.header, length, self.ttl, proto = 20, struct.unpack('!H', b[2:4])[0], b[8], b[9]
            self.right = fold(b[:20]) == 0xffff
            src, dst = (bytes(10) + b'\xff\xff' + b[i:i + 4] for i in (12, 16))
        else:
            self.header, length, self.ttl, proto = 40, 40 + struct.unpack('!H', b[4:6])[0], b[7], b[6]
            self.right = True
            src, dst = b[8:24], b[24:40]
        self.l4 = b[self.header:length]
        ports = struct.unpack('!HH', self.l4[:4]) if proto in (6, 17) else (0, 0)
        self.right = self.right and length == len(b)
        self.key = src, dst, *ports, proto


def unpack(frame, mode):
    """(outer packet or None, inner packet) of a frame that left to a backend with this mode."""
    outer = Packet(frame[14:])
    if mode not in (IPIP, GUE):
        return None, outer
    return outer, Packet(frame[14 + outer.header + (8 if mode == GUE else 0):])
