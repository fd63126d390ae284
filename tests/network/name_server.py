# SPDX-License-Identifier: BSD-2-Clause
"""A name server that knows a few names: RFC 1035, as far as a stub resolver asks."""

import socket
import struct
import threading

A, AAAA = 1, 28
NO_SUCH_NAME = 3


class NameServer:
    """`names`: name → (IPv4 address, IPv6 address), or the RCODE of the answer."""

    def __init__(self, names):
        self.names = names
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(10)
        self.socket.close()

    def serve(self):
        while True:
            question, sender = self.socket.recvfrom(4096)
            if not question:
                return
            self.socket.sendto(self.answer(question), sender)

    def answer(self, question):
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1:at + 1 + length].decode())
            at += 1 + length
        kind = struct.unpack_from(">H", question, at + 1)[0]
        addresses = self.names.get(".".join(labels))
        record = b""
        rcode = NO_SUCH_NAME if addresses is None else addresses if isinstance(addresses, int) else 0
        if rcode == 0 and kind in (A, AAAA):
            four = kind == A
            packed = socket.inet_pton(socket.AF_INET if four else socket.AF_INET6, addresses[0 if four else 1])
            record = struct.pack(">HHHIH", 0xc00c, kind, 1, 60, len(packed)) + packed
        return question[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, bool(record), 0, 0) + question[12:at + 5] + record
