"""A client in a VLAN, servers outside.

    client 198.18.0.2 in VLAN 100 --- lb0 [XDP: VIP 198.18.0.10] lb1 --- b1 b2 b3, untagged
"""
import socket
import struct

from topology import CLIENT, VIP, inside, run


def tagged_question(net, source, vid, payload):
    """A UDP datagram to the VIP in an 802.1Q frame, made by hand: not every kernel has VLAN devices."""
    link = run(*net.enter(net.lb), "ip", "-br", "link", "show", "lb0")
    dst = bytes.fromhex(link.split()[2].replace(":", ""))
    udp = struct.pack("!HHHH", source, 53, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(CLIENT), socket.inet_aton(VIP))
    total = sum(struct.unpack("!10H", ip))
    check = ~((total & 0xffff) + (total >> 16)) & 0xffff
    ip = ip[:10] + struct.pack("!H", check) + ip[12:]
    return dst, struct.pack("!HHH", 0x8100, vid, 0x0800) + ip + udp


def test_client_in_a_vlan(agent):
    """Asked in VLAN 100, answered in VLAN 100; the server sees no tag."""
    sol_packet, packet_auxdata = 263, 8
    with inside(agent.net.client):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    raw.bind(("eth0", 0x0003))
    raw.settimeout(3)
    raw.setsockopt(sol_packet, packet_auxdata, 1)
    with raw:
        own = raw.getsockname()[4]
        dst, rest = tagged_question(agent.net, 40404, 100, b"in a vlan")
        raw.send(dst + own + rest)
        while True:
            frame, extra, _, _ = raw.recvmsg(2048, 256)
            if frame[:6] == own and struct.pack("!HH", 53, 40404) in frame:
                break
    tci = [struct.unpack("=IIIHHHH", data[:20])[5] for level, kind, data in extra if level == sol_packet]
    assert tci == [100]
    assert frame.endswith(b" in a vlan")
