# SPDX-License-Identifier: BSD-2-Clause
"""A path between the machine and QEMU's user network that loses frames, has some of them twice, and others late.

The machine's interface and the user network are two ends of one QEMU, each with a Unix datagram socket; what is between them
is here. What becomes of the n-th frame of a direction is the same in each run: it follows from a seed. Now and then several
frames that come together are lost together: then no later one tells of it, and the sender's timer has to.
"""

import collections
import contextlib
import random
import re
import select
import socket
import tempfile
import threading
import time

PATIENCE = 0.05  # seconds: so long a frame waits for later ones, and a loss for others to be lost with it
LOST, SEVERAL, TWICE, LATE = 0.01, 0.004, 0.01, 0.02  # parts of all frames
TOGETHER, BEHIND = 15, 5  # frames, at most


def begins_connection(frame):
    """TCP over IPv4, SYN without ACK: the user network, to which the machine is a server, sends that only once."""
    return len(frame) >= 54 and frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[47] & 0x12 == 0x02


class Direction:
    """One of two: frames from the socket that is read, to the address of the other end."""

    def __init__(self, name, source, to, seed):
        self.name, self.source, self.to = name, source, to
        self.chance = random.Random(seed)
        self.together, self.until = 0, 0.0  # so many are lost, until then
        self.waiting = collections.deque()
        self.late = []  # (after so many more, or then; the frame)
        self.counts = dict.fromkeys(("frames", "lost", "together", "twice", "late"), 0)

    def send(self, frame):
        self.waiting.append(frame)

    def flush(self):
        """As many as the other end has room for: neither direction waits for the other one."""
        with contextlib.suppress(BlockingIOError):
            while self.waiting:
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    self.source.sendto(self.waiting[0], self.to)
                self.waiting.popleft()

    def pass_on(self, frame):
        if begins_connection(frame):
            self.send(frame)
            return
        now, fate = time.monotonic(), self.chance.random()
        behind, together = self.chance.randint(1, BEHIND), self.chance.randint(2, TOGETHER)
        self.counts["frames"] += 1
        what = "lost"
        if self.together > 0 and now < self.until:
            self.together -= 1
        elif fate < SEVERAL:
            what, self.together, self.until = "together", together, now + PATIENCE
        elif fate >= SEVERAL + LOST:
            what = "twice" if fate < SEVERAL + LOST + TWICE else \
                "late" if fate < SEVERAL + LOST + TWICE + LATE else ""
            if what == "late":
                self.late.append([behind, now + PATIENCE, frame])
            for _ in range({"late": 0, "twice": 2}.get(what, 1)):
                self.send(frame)
        if what:
            self.counts[what] += 1
        self.release(1)

    def release(self, passed):
        """Those that were to wait for so many, or have waited long enough."""
        now, waiting = time.monotonic(), self.late
        for entry in waiting:
            entry[0] -= passed
        self.late = [entry for entry in waiting if entry[0] >= 0 and now < entry[1]]
        for entry in waiting:
            if entry not in self.late:
                self.send(entry[2])


class Path:
    """Both directions, as long as its `with` lasts; `command` has QEMU go by it."""

    def __init__(self, seed):
        self.seed, self.stopped = seed, False
        self.folder = tempfile.TemporaryDirectory(prefix="ringlet-")
        self.sockets, self.directions = [], []

    def __enter__(self):
        for name in ("near", "far"):
            self.sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            self.sockets[-1].bind(f"{self.folder.name}/{name}-here")
            self.sockets[-1].setblocking(False)
        for name, source, to in (("sent", self.sockets[0], "far"), ("received", self.sockets[1], "near")):
            self.directions.append(Direction(name, source, f"{self.folder.name}/{to}", f"{self.seed} {name}"))
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()
        for end in self.sockets:
            end.close()
        self.folder.cleanup()

    def work(self):
        while not self.stopped:
            some_wait = any(direction.waiting for direction in self.directions)
            ready = select.select(self.sockets, [], [], 0.001 if some_wait else PATIENCE / 5)[0]
            for direction in self.directions:
                if direction.source in ready:
                    direction.pass_on(direction.source.recv(70000))
                direction.release(0)
                direction.flush()

    def command(self, words):
        """The same command line, with this between the user network and the interface."""
        def end(name, id_):
            return f"dgram,id={id_},local.type=unix,local.path={self.folder.name}/{name}," \
                   f"remote.type=unix,remote.path={self.folder.name}/{name}-here"

        at = next(at for at, word in enumerate(words) if word.startswith("user,id=net0"))
        return [*words[:at], re.sub("^user,id=net0", "user,id=user0", words[at]), "-netdev", end("near", "net0"),
                "-netdev", end("far", "far0"), "-netdev", "hubport,id=hub0,hubid=0,netdev=user0",
                "-netdev", "hubport,id=hub1,hubid=0,netdev=far0", *words[at + 1:]]

    def told(self):
        return "\n".join(f"{direction.name}: " + " ".join(f"{name}={count}" for name, count in direction.counts.items())
                         for direction in self.directions)

    def was_bad(self):
        """Whether all of it has happened, both ways."""
        return all(count > 0 for direction in self.directions for count in direction.counts.values())
