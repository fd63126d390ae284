#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A vhost-user back end that can misbehave: a disk, or a network peer.

    tests/vhost/backend.py SOCKET [--type net] [--fault NAME[:DETAIL]]… [--once] [--after N]

It listens at SOCKET, serves one front end after another (QEMU, or the host port), and commits the faults:
some of FAULTS below. A fault of the ring is committed once, with the N-th request; one of the protocol
each time, or with --once on the first connection only. What is on the disk content() says; it is kept as
long as the process runs.

It shares nothing with the driver but the specification's numbers.
"""

import argparse
import errno
import mmap
import os
import select
import socket
import struct
import sys
import threading

# ---- The protocol's numbers (QEMU, docs/interop/vhost-user.rst) ---------------
MESSAGES = {
    "GET_FEATURES": 1, "SET_FEATURES": 2, "SET_OWNER": 3, "SET_MEM_TABLE": 5, "SET_VRING_NUM": 8,
    "SET_VRING_ADDR": 9, "SET_VRING_BASE": 10, "GET_VRING_BASE": 11, "SET_VRING_KICK": 12,
    "SET_VRING_CALL": 13, "SET_VRING_ERR": 14, "GET_PROTOCOL_FEATURES": 15,
    "SET_PROTOCOL_FEATURES": 16, "GET_QUEUE_NUM": 17, "SET_VRING_ENABLE": 18, "GET_CONFIG": 24,
    "SET_CONFIG": 25,
}
NAMES = {number: name for name, number in MESSAGES.items()}
FLAG_REPLY, FLAG_NEED_REPLY = 4, 8
PROTOCOL_MQ, PROTOCOL_REPLY_ACK, PROTOCOL_CONFIG = 1 << 0, 1 << 3, 1 << 9
INVALID_FD = 1 << 8

# ---- VIRTIO -------------------------------------------------------------------
F_INDIRECT, F_EVENT_IDX, F_PROTOCOL, F_VERSION_1, F_PACKED = (1 << bit for bit in (28, 29, 30, 32, 34))
BLK_F_SEG_MAX, BLK_F_BLK_SIZE, BLK_F_FLUSH = 1 << 2, 1 << 6, 1 << 9
NET_F_MTU, NET_F_MAC, NET_F_STATUS = 1 << 3, 1 << 5, 1 << 16
DESC_NEXT, DESC_WRITE, DESC_INDIRECT = 1, 2, 4
PACKED_AVAIL, PACKED_USED = 1 << 7, 1 << 15
BLK_IN, BLK_OUT, BLK_FLUSH, BLK_GET_ID = 0, 1, 4, 8
SECTORS = 8192


def content():
    """The disk: every sector begins with its number."""
    disk = bytearray(SECTORS * 512)
    for sector in range(SECTORS):
        struct.pack_into("<QQ", disk, sector * 512, sector, ~sector & (1 << 64) - 1)
    return disk


BARRIER = threading.Lock()


def barrier():
    """Orders what was written before what is read: an atomic operation, which a lock is made of."""
    with BARRIER:
        pass


class Gone(Exception):
    """The front end closed the connection, or we do."""


class Deaf(Exception):
    """We keep the connection, and the memory, and take no notice of either any more."""


class Memory:
    """The front end's memory: regions that it sends a descriptor for."""

    def __init__(self):
        self.regions = []

    def table(self, payload, fds):
        self.close()
        count = struct.unpack_from("<I", payload)[0]
        for i in range(count):
            guest, size, user, offset = struct.unpack_from("<QQQQ", payload, 8 + 32 * i)
            self.regions.append((guest, user, size, offset, mmap.mmap(fds[i], offset + size)))
            os.close(fds[i])

    def close(self):
        for *_, area in self.regions:
            area.close()
        self.regions = []

    def at(self, address, length, user=False):
        """(area, offset) of that address."""
        for guest, user_address, size, offset, area in self.regions:
            start = user_address if user else guest
            if start <= address and address + length <= start + size:
                return area, offset + address - start
        raise Gone(f"address {address:#x} is in no region")

    def read(self, address, length, user=False):
        area, offset = self.at(address, length, user)
        return area[offset:offset + length]

    def write(self, address, data, user=False):
        area, offset = self.at(address, len(data), user)
        area[offset:offset + len(data)] = data


# ---- Rings: what the specification's chapters 2.7 and 2.8 say of the device -----
class Ring:
    def __init__(self, memory):
        self.memory = memory
        self.size, self.desc, self.avail, self.used = 0, 0, 0, 0
        self.kick = self.call = -1
        self.enabled = False
        self.event_idx = False

    def setup(self, base):
        raise NotImplementedError

    def interrupt(self):
        if self.call >= 0:
            os.eventfd_write(self.call, 1)

    def u16(self, address):
        return struct.unpack("<H", self.memory.read(address, 2, user=True))[0]

    def put16(self, address, value):
        self.memory.write(address, struct.pack("<H", value & 0xffff), user=True)

    def close(self):
        for fd in (self.kick, self.call):
            if fd >= 0:
                os.close(fd)
        self.kick = self.call = -1

    def table(self, address, count):
        """The descriptors of an indirect table, raw."""
        data = self.memory.read(address, count * 16)
        return [struct.unpack_from("<QIHH", data, i * 16) for i in range(count)]


class Split(Ring):
    def setup(self, base):
        self.next_avail = self.next_used = base & 0xffff

    def base(self):
        return self.next_avail

    def pop(self):
        """The next available chain: (id, [(address, length, writable)]), or None."""
        if self.u16(self.avail + 2) == self.next_avail:
            return None
        head = self.u16(self.avail + 4 + 2 * (self.next_avail % self.size))
        self.next_avail = self.next_avail + 1 & 0xffff
        chain, at, table = [], head, None
        for _ in range(self.size + 1):
            if table is None:
                raw = self.memory.read(self.desc + 16 * at, 16, user=True)
                address, length, flags, follow = struct.unpack("<QIHH", raw)
            else:
                address, length, flags, follow = table[at]
            if flags & DESC_INDIRECT:
                table, at = self.table(address, length // 16), 0
                continue
            chain.append((address, length, bool(flags & DESC_WRITE)))
            if not flags & DESC_NEXT:
                return head, chain
            at = follow
        raise Gone("a chain without an end")

    def put_used(self, number, length):
        place = self.used + 4 + 8 * (self.next_used % self.size)
        self.memory.write(place, struct.pack("<II", number, length), user=True)
        self.next_used = self.next_used + 1 & 0xffff

    def push(self, number, chain, length):
        self.put_used(number, length)
        self.put16(self.used + 2, self.next_used)
        barrier()
        # Told so often as it does not ask us to be quiet; one interrupt too many harms nobody.
        if self.event_idx or not self.u16(self.avail) & 1:
            self.interrupt()

    def want_kicks(self):
        if self.event_idx:
            self.put16(self.used + 4 + 8 * self.size, self.next_avail)

    def no_kicks(self):
        self.put16(self.used, 1)
        self.put16(self.used + 4 + 8 * self.size, self.next_avail - 2)

    # Faults of the index
    def jump(self):
        self.put16(self.used + 2, self.next_used + self.size + 7)
        self.interrupt()

    def back(self):
        self.put16(self.used + 2, self.next_used - 3)
        self.interrupt()


class Packed(Ring):
    def setup(self, base):
        base = base or 0x80008000
        self.next_avail, self.avail_wrap = base & 0x7fff, base >> 15 & 1
        self.next_used, self.used_wrap = base >> 16 & 0x7fff, base >> 31 & 1

    def base(self):
        return self.next_avail | self.avail_wrap << 15 | self.next_used << 16 | self.used_wrap << 31

    def slot(self, at):
        return struct.unpack("<QIHH", self.memory.read(self.desc + 16 * at, 16, user=True))

    def pop(self):
        flags = self.slot(self.next_avail)[3]
        if bool(flags & PACKED_AVAIL) != bool(self.avail_wrap) or \
                bool(flags & PACKED_USED) == bool(self.avail_wrap):
            return None
        chain, count = [], 0
        while True:
            address, length, number, flags = self.slot(self.next_avail)
            count += 1
            self.next_avail += 1
            if self.next_avail == self.size:
                self.next_avail, self.avail_wrap = 0, self.avail_wrap ^ 1
            if flags & DESC_INDIRECT:
                for piece in self.table(address, length // 16):
                    chain.append((piece[0], piece[1], bool(piece[3] & DESC_WRITE)))
            else:
                chain.append((address, length, bool(flags & DESC_WRITE)))
            if not flags & DESC_NEXT:
                self.counts = getattr(self, "counts", {})
                self.counts[number] = count
                return number, chain

    def put_used(self, number, length, count=None):
        flags = (PACKED_AVAIL | PACKED_USED) if self.used_wrap else 0
        flags |= DESC_WRITE if length else 0
        place = self.desc + 16 * self.next_used
        self.memory.write(place + 8, struct.pack("<IH", length, number), user=True)
        self.put16(place + 14, flags)
        self.next_used += self.counts.get(number, 1) if count is None else count
        if self.next_used >= self.size:
            self.next_used, self.used_wrap = self.next_used - self.size, self.used_wrap ^ 1

    def push(self, number, chain, length):
        self.put_used(number, length)
        barrier()
        if self.u16(self.avail + 2) & 3 != 1:
            self.interrupt()

    def want_kicks(self):
        self.put16(self.used + 2, 0)

    def no_kicks(self):
        self.put16(self.used + 2, 1)

    # There is no index; what comes nearest: a used descriptor where none can be.
    def jump(self):
        for _ in range(self.size + 7):
            self.put_used(self.size - 1, 0, 1)
        self.interrupt()

    def back(self):
        self.put_used(0x7fff, 0)
        self.interrupt()


# ---- Faults -------------------------------------------------------------------
# With one request of the disk (rows of docs/hardening.md in brackets). They get the server, the ring, the
# request's number, its chain and the length that would be right; True: it has been completed.
def wrong_id(server, ring, number, chain, length):  # 1
    ring.push(ring.size + 5, chain, length)
    return True


def idle_id(server, ring, number, chain, length):  # 2
    busy = {number} | {other for other, _ in server.held}
    ring.push(next(i for i in range(ring.size - 1, -1, -1) if i not in busy), chain, length)
    return True


def twice(server, ring, number, chain, length):  # 3
    ring.push(number, chain, length)
    ring.push(number, chain, length)
    return True


def jump(server, ring, number, chain, length):  # 4
    ring.jump()
    return True


def back(server, ring, number, chain, length):  # 5
    ring.back()
    return True


def too_long(server, ring, number, chain, length):  # 6
    ring.push(number, chain, sum(piece[1] for piece in chain if piece[2]) + 1)
    return True


def too_short(server, ring, number, chain, length):  # 7
    ring.push(number, chain, 0)
    return True


def no_status(server, ring, number, chain, length):  # 8; poisoned by the driver, kept by us
    server.put_status(chain, server.poison)
    ring.push(number, chain, length)
    return True


def odd_status(server, ring, number, chain, length):  # 9
    server.put_status(chain, 77)
    ring.push(number, chain, length)
    return True


def reorder(server, ring, number, chain, length):  # 10
    if len(server.held) < 2:
        server.held.append((number, (chain, length)))
        server.armed = True
        return True
    ring.push(number, chain, length)
    for other, (its_chain, its_length) in reversed(server.held):
        ring.push(other, its_chain, its_length)
    server.held = []
    return True


def scribble(server, ring, number, chain, length):  # 11, 12: the header, and the descriptor it came by
    server.memory.write(chain[0][0], b"\xa5" * chain[0][1])
    if isinstance(ring, Split):
        server.memory.write(ring.desc + 16 * number, b"\xff" * 16, user=True)
    ring.push(number, chain, length)
    return True


def die(server, ring, number, chain, length):
    raise Gone("died")


def leave(server, ring, number, chain, length):
    os._exit(0)  # for good


def never(server, ring, number, chain, length):  # 13
    return True


def silence(server, ring, number, chain, length):  # 13: and nothing any more until the reset
    server.mute = True
    return True


def storm(server, ring, number, chain, length):  # 15
    server.storm = 20000
    return False


def idle_interrupt(server, ring, number, chain, length):  # 16
    for _ in range(10):
        ring.interrupt()
    return False


def no_kicks(server, ring, number, chain, length):  # 20: looks only when it is notified
    server.lie = True
    ring.no_kicks()
    return False


RING_FAULTS = {
    "wrong-id": wrong_id, "idle-id": idle_id, "twice": twice, "jump": jump, "back": back,
    "too-long": too_long, "too-short": too_short, "no-status": no_status, "odd-status": odd_status,
    "reorder": reorder, "scribble": scribble, "never": never, "silence": silence, "storm": storm,
    "idle-interrupt": idle_interrupt, "no-kicks": no_kicks, "die": die,
    "leave": leave,
}
# With one message of the protocol, DETAIL: the connection is closed at it; it is not answered; the answer
# is cut off, is another one's, is too long, or is "no" (REPLY_ACK); the connection is neither read nor closed
# from then on, but the next one is served.
MESSAGE_FAULTS = {"vanish", "silent", "short", "other", "long", "refuse", "deaf"}
# In what is offered or said of itself; `config:OFFSET=HEX` puts bytes into the configuration space.
OFFER_FAULTS = {"no-features", "no-protocol", "no-reply-ack", "no-config", "queues", "config",
                "config-empty", "accepts-nobody"}
# Of a network peer: a frame's header.
NET_FAULTS = {"runt": (4, 1), "no-frame": (12, 1), "no-buffers": (76, 0), "many-buffers": (76, 0xffff)}
FAULTS = RING_FAULTS.keys() | MESSAGE_FAULTS | OFFER_FAULTS | NET_FAULTS.keys()


class Server:
    def __init__(self, options):
        self.kind = options.type
        faults = [fault.partition(":")[::2] for fault in options.fault]
        self.messages = {(detail, name) for name, detail in faults if name in MESSAGE_FAULTS}
        self.offered = {name: detail for name, detail in faults if name in OFFER_FAULTS}
        self.ring_fault = next((name for name, _ in faults if name in RING_FAULTS or
                                name in NET_FAULTS), None)
        self.once, self.after = options.once, options.after
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(options.socket)
        self.listener.listen(1)
        self.disk = content()
        self.memory = Memory()
        self.connections = self.requests = 0
        self.armed = self.ring_fault is not None
        self.held, self.storm, self.poison = [], 0, 0xff
        self.mute = self.lie = False
        self.connection = None
        self.kept = []  # connections that we are deaf to, and what belongs to them

    # ---- Messages
    def over(self):
        return self.once and self.connections > 1

    def faulty(self, name, fault):
        return (name, fault) in self.messages and not self.over()

    def offers(self, fault):
        return fault in self.offered and not self.over()

    def features(self):
        if self.offers("no-features"):
            return 0
        bits = F_INDIRECT | F_EVENT_IDX | F_VERSION_1 | F_PACKED
        bits |= 0 if self.offers("no-protocol") else F_PROTOCOL
        if self.kind == "net":
            return bits | NET_F_MAC | NET_F_MTU | NET_F_STATUS
        return bits | BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_FLUSH

    def protocol_features(self):
        bits = PROTOCOL_MQ | PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG
        bits &= ~PROTOCOL_REPLY_ACK if self.offers("no-reply-ack") else bits
        return bits & (~PROTOCOL_CONFIG if self.offers("no-config") else bits)

    def config(self):
        if self.kind == "net":
            space = struct.pack("<6sHHH", b"\x52\x54\0\x12\x34\x56", 1, 1, 1500)
        else:
            space = struct.pack("<QIIHBBI", SECTORS, 0, 64, 0, 0, 0, 512)
        space = bytearray(space.ljust(256, b"\0"))
        if self.offers("config"):
            offset, _, data = self.offered["config"].partition("=")
            data = bytes.fromhex(data)
            space[int(offset):int(offset) + len(data)] = data
        return space

    def queue_num(self):
        return int(self.offered["queues"], 0) if self.offers("queues") else 2 if self.kind == "net" else 1

    def receive(self):
        data, fds, _, _ = socket.recv_fds(self.connection, 12, 16)
        if not data:
            raise Gone("closed")
        while len(data) < 12:
            data += self.connection.recv(12 - len(data)) or b"\0" * 12
        request, flags, size = struct.unpack("<III", data)
        payload = b""
        while len(payload) < size:
            piece = self.connection.recv(size - len(payload))
            if not piece:
                raise Gone("closed")
            payload += piece
        return request, flags, payload, fds

    def reply(self, request, payload):
        name = NAMES.get(request, "")
        message = struct.pack("<III", request, 1 | FLAG_REPLY, len(payload)) + payload
        if self.faulty(name, "silent"):
            return
        if self.faulty(name, "short"):
            message = message[:-3]
        if self.faulty(name, "other"):
            message = struct.pack("<III", request + 1, 1 | FLAG_REPLY, len(payload)) + payload
        if self.faulty(name, "long"):
            message = struct.pack("<III", request, 1 | FLAG_REPLY, 0x7fffffff) + payload * 4
        self.connection.sendall(message)

    def handle(self):
        request, flags, payload, fds = self.receive()
        name = NAMES.get(request, str(request))
        if self.faulty(name, "vanish"):
            raise Gone(f"vanished at {name}")
        if self.faulty(name, "deaf"):
            raise Deaf(f"deaf at {name}")
        answer = self.ANSWERS.get(name)
        answer = answer(self, payload) if answer else None
        if answer is None:
            action = self.ACTIONS.get(name)
            if action:
                action(self, payload, fds)
            if flags & FLAG_NEED_REPLY:
                answer = struct.pack("<Q", self.faulty(name, "refuse"))
        if answer is not None:
            self.reply(request, answer)

    def get_config(self, payload):
        offset, size, flags = struct.unpack_from("<III", payload)
        if self.offers("config-empty"):
            return b""
        return struct.pack("<III", offset, size, flags) + self.config()[offset:offset + size]

    def get_base(self, payload):
        index = struct.unpack_from("<I", payload)[0]
        ring = self.rings[index]
        base = ring.base() if ring.enabled or ring.kick >= 0 else 0
        ring.close()
        ring.enabled = False
        return struct.pack("<II", index, base)

    def set_features(self, payload, _):
        bits = struct.unpack("<Q", payload)[0]
        if bool(bits & F_PACKED) != isinstance(self.rings[0], Packed):
            fresh = Packed if bits & F_PACKED else Split
            for i, old in enumerate(self.rings):
                self.rings[i] = fresh(self.memory)
                self.rings[i].kick, self.rings[i].call = old.kick, old.call
        for ring in self.rings:
            ring.event_idx = bool(bits & F_EVENT_IDX)
            if not bits & F_PROTOCOL:
                ring.enabled = True

    def vring(self, payload):
        index, value = struct.unpack_from("<II", payload)
        return self.rings[index & 0xff], value

    def set_num(self, payload, _):
        ring, ring.size = self.vring(payload)

    def set_base(self, payload, _):
        ring, value = self.vring(payload)
        ring.setup(value)

    def set_addr(self, payload, _):
        ring, _ = self.vring(payload)
        _, _, ring.desc, ring.used, ring.avail, _ = struct.unpack("<IIQQQQ", payload)

    def set_kick(self, payload, fds):
        ring, _ = self.vring(payload + b"\0" * 4)
        if ring.kick >= 0:
            os.close(ring.kick)
        ring.kick = fds[0] if fds else -1
        self.held, self.mute, self.lie = [], False, False

    def set_call(self, payload, fds):
        ring, _ = self.vring(payload + b"\0" * 4)
        if ring.call >= 0:
            os.close(ring.call)
        ring.call = fds[0] if fds else -1
        if ring.call >= 0:
            os.set_blocking(ring.call, False)

    def set_enable(self, payload, _):
        ring, value = self.vring(payload)
        ring.enabled = value != 0
        if ring.enabled and ring.size:
            ring.want_kicks()

    def drop_fds(self, _, fds):
        for fd in fds:
            os.close(fd)

    ANSWERS = {
        "GET_FEATURES": lambda self, _: struct.pack("<Q", self.features()),
        "GET_PROTOCOL_FEATURES": lambda self, _: struct.pack("<Q", self.protocol_features()),
        "GET_QUEUE_NUM": lambda self, _: struct.pack("<Q", self.queue_num()),
        "GET_CONFIG": get_config,
        "GET_VRING_BASE": get_base,
    }
    ACTIONS = {
        "SET_FEATURES": set_features,
        "SET_MEM_TABLE": lambda self, payload, fds: self.memory.table(payload, fds),
        "SET_VRING_NUM": set_num, "SET_VRING_BASE": set_base, "SET_VRING_ADDR": set_addr,
        "SET_VRING_KICK": set_kick, "SET_VRING_CALL": set_call, "SET_VRING_ENABLE": set_enable,
        "SET_VRING_ERR": drop_fds,
    }

    def pop(self, ring):
        """The next chain; when there is none, asks to be notified, and looks once more."""
        got = ring.pop()
        if got is None and not self.lie:
            ring.want_kicks()
            barrier()
            got = ring.pop()
        return got

    # ---- The disk
    def put_status(self, chain, status):
        address, length, _ = chain[-1]
        self.memory.write(address + length - 1, bytes([status]))

    def transfer(self, chain):
        """Does what the request asks for; how many bytes were written."""
        header = b"".join(self.memory.read(a, n) for a, n, writable in chain if not writable)
        kind, _, sector = struct.unpack_from("<IIQ", header)
        at, written = sector * 512, 0
        if kind == BLK_OUT:
            data = header[16:]
            self.disk[at:at + len(data)] = data
        for address, length, writable in chain:
            if not writable:
                continue
            length -= 1 if (address, length, writable) == chain[-1] else 0
            data = self.disk[at:at + length] if kind == BLK_IN else b"hostile".ljust(length, b"\0")
            self.memory.write(address, bytes(data))
            at, written = at + length, written + length
        self.poison = self.memory.read(chain[-1][0] + chain[-1][1] - 1, 1)[0]
        self.put_status(chain, 0)
        return written + 1

    def serve_disk(self, ring):
        while not self.mute and (got := self.pop(ring)):
            number, chain = got
            length = self.transfer(chain)
            self.requests += 1
            if self.armed and self.requests >= self.after:
                self.armed = False
                if RING_FAULTS[self.ring_fault](self, ring, number, chain, length):
                    continue
            ring.push(number, chain, length)

    # ---- The network peer: answers whatever is sent with the frame itself
    def serve_net(self):
        receive, transmit = self.rings[0], self.rings[1]
        while got := self.pop(transmit):
            number, chain = got
            frame = b"".join(self.memory.read(a, n) for a, n, _ in chain)[12:]
            self.requests += 1
            fault = self.ring_fault if self.armed and self.requests >= self.after else None
            self.armed = self.armed and fault is None
            if fault not in RING_FAULTS or \
                    not RING_FAULTS[fault](self, transmit, number, chain, 0):
                transmit.push(number, chain, 0)
            if fault in NET_FAULTS:
                length, buffers = NET_FAULTS[fault]
                self.send_frame(receive, frame, length, buffers)
            self.send_frame(receive, frame, 12 + len(frame), 1)

    def send_frame(self, ring, frame, length, buffers):
        if not ring.size or not (got := ring.pop()):
            return
        number, chain = got
        self.memory.write(chain[0][0], struct.pack("<10xH", buffers) + frame)
        ring.push(number, chain, length)

    # ---- The loop
    def serve(self):
        for i, ring in enumerate(self.rings):
            if not ring.enabled or ring.kick < 0 or not ring.size or not self.memory.regions:
                continue
            if self.kind == "net":
                if i == 1:
                    self.serve_net()
            else:
                self.serve_disk(ring)

    def wait(self):
        waiting = {self.connection.fileno(): None}
        waiting.update({ring.kick: ring for ring in self.rings if ring.kick >= 0})
        for _ in range(min(self.storm, 100)):
            self.storm -= 1
            self.rings[0].interrupt()
        ready, _, _ = select.select(waiting, (), (), 0 if self.storm else 5)
        for fd in ready:
            if waiting[fd] is not None:
                try:
                    os.eventfd_read(fd)
                except BlockingIOError:
                    pass
        return self.connection.fileno() in ready, any(waiting[fd] for fd in ready)

    def converse(self):
        self.rings = [Split(self.memory) for _ in range(2 if self.kind == "net" else 1)]
        try:
            while True:
                message, kicked = self.wait()
                if message:
                    self.handle()
                # What was made available before a ring was started brings no notification.
                if kicked or message:
                    self.serve()
        except Deaf as why:
            print(f"backend: {why}", flush=True)
            self.kept.append((self.connection, self.memory, self.rings))
            self.connection, self.memory = None, Memory()
        except Gone as why:
            print(f"backend: {why}", flush=True)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise
        finally:
            if self.connection:
                for ring in self.rings:
                    ring.close()
                self.memory.close()
                self.connection.close()

    def run(self):
        print("backend: listening", flush=True)
        while True:
            if "accepts-nobody" in self.offered:
                select.select((), (), (), 60)
                continue
            self.connection, _ = self.listener.accept()
            self.connections += 1
            self.converse()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket")
    parser.add_argument("--type", choices=("blk", "net"), default="blk")
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--after", type=int, default=50)
    options = parser.parse_args()
    for fault in options.fault:
        if fault.partition(":")[0] not in FAULTS:
            parser.error(f"there is no fault {fault}; there are {' '.join(sorted(FAULTS))}")
    Server(options).run()


if __name__ == "__main__":
    sys.exit(main())
