# SPDX-License-Identifier: BSD-2-Clause
"""Network interfaces whose other end is the test's: what the program netcheck does, looked at from there.

Where frames only have to go there and back, that end is a Unix datagram socket of QEMU's `-netdev dgram`. What needs
more than one pair of queues, or offloads, has a tap device in a network namespace of the test's own, and a bridge to
another tap device, which the test holds; where the machine allows no such thing, these tests are skipped and say so.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import functools
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

from ringlet import qmp
from ringlet.machine import Guest, Machine
from ringlet.test import Failed, Skipped, Test
from ringlet.vmm import Qemu
from vhost.peers import BUILD, Peer

PATIENCE = 120
MACHINES = {
    "q35-msix": Machine(arch="x86_64", machine="q35", irq="msix"),
    "microvm": Machine(arch="x86_64", machine="microvm"),
    "virt-mmio": Machine(arch="aarch64"),
    "virt-pci-its": Machine(arch="aarch64", transport="pci", gic="3"),
}
TYPE = 0x88b5
PEER_MAC = bytes((2, 0, 0, 0, 0, 1))
GUEST_MAC = bytes.fromhex("525400123456")
VLAN_5, VLAN_6 = struct.pack(">HH", 0x8100, 5), struct.pack(">HH", 0x8100, 6)


@dataclasses.dataclass
class Running:
    """A guest that runs netcheck, with what QEMU and the peer need."""
    machine: Machine
    vmm: Qemu
    folder: str
    guest: Peer

    def says(self, text, seconds=PATIENCE):
        self.guest.wait_for(f"the guest says {text!r}", lambda output: text in output, seconds)

    def ask(self, command, **arguments):
        """(The guest may have ended by what it asks for, before the answer to that comes.)"""
        with contextlib.suppress(ConnectionError, ValueError):
            qmp.ask(f"{self.folder}/qmp", command, **arguments)

    def ended(self):
        """Its output, when it has ended with status 0."""
        try:
            code = self.guest.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed("it does not end", self.guest.text()) from None
        self.guest.reader.join()
        output = self.guest.text()
        status = self.vmm.status(self.machine, code, bytes(output, "utf-8"))
        if status != 0:
            raise Failed(f"status {status}", output)
        return output


@contextlib.contextmanager
def running(machine, words, netdev, options="", app="netcheck"):
    machine = machine.checked()
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        more = [option for option in (options, "romfile=" if machine.transport == "pci" else "") if option]
        device = Qemu.device(machine, 0, "virtio-net,netdev=net0", ",".join(more))
        vmm = Qemu(arguments=f"-qmp unix:{folder}/qmp,server=on,wait=off -netdev {netdev.format(folder=folder)} "
                             f"-device {device}")
        line = " ".join([f"app={app}", *machine.kernel_options(), "--", words])
        with Peer(vmm.command(machine, Guest(str(kernel), line, rng=False))) as guest:
            yield Running(machine, vmm, folder, guest)


# ---- A datagram socket ---------------------------------------------------------------------
DGRAM = "dgram,id=net0,local.type=unix,local.path={folder}/guest,remote.type=unix,remote.path={folder}/peer"


class Socket:
    """The other end: a thread that gives each frame to `take`, which may return one to send back."""

    def __init__(self, folder, take):
        self.guest = f"{folder}/guest"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"{folder}/peer")
        self.take, self.stopped = take, False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def send(self, frame):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.socket.sendto(frame, self.guest)
            except (BlockingIOError, FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.001)

    def work(self):
        while not self.stopped:
            if select.select([self.socket], [], [], 0.2)[0]:
                answer = self.take(self.socket.recv(70000))
                if answer:
                    self.send(answer)

    def close(self):
        self.stopped = True
        self.thread.join()
        self.socket.close()


@contextlib.contextmanager
def on_a_socket(machine, words, take):
    with running(machine, words, DGRAM) as guest, contextlib.closing(Socket(guest.folder, take)) as wire:
        yield guest, wire


BYTES = bytes(at * 7 & 255 for at in range(256)) * 8
INVERSE = pow(7, -1, 256)


class Lengths:
    """Checks numbered frames, as apps/netcheck/lengths.c makes them, and sends them back."""

    def __init__(self):
        self.next, self.wrong = 0, ""

    def take(self, frame):
        if frame[12:14] != struct.pack(">H", TYPE):
            return None
        number, = struct.unpack_from(">I", frame, 14)
        length, first = 60 + number % 1455, number * 13 * INVERSE % 256
        if number != self.next or len(frame) != length or frame[:6] != PEER_MAC or \
                frame[18:] != BYTES[first + 18:first + length]:
            self.wrong = self.wrong or f"frame {self.next} came as number {number} of {len(frame)} bytes, or wrong"
        self.next = number + 1
        return frame[6:12] + frame[:6] + frame[12:]


def lengths(machine, count):
    """Frames of every length there and back, each checked at both ends for content and order."""
    checker = Lengths()
    with on_a_socket(machine, f"net0 lengths {count}", checker.take) as (guest, _):
        output = guest.ended()
    if checker.wrong or checker.next != count:
        raise Failed(checker.wrong or f"{checker.next} frames arrived, not {count}", output)
    return output


def sustained(machine, count):
    """A long time of nothing but sending, as fast as it can: every frame arrives, and nothing stalls. (However slow the
    machine is: it must only go on.)"""
    arrived = [0]

    def take(_):
        arrived[0] += 1

    with running(machine, f"-n {count} net0 tx", DGRAM, app="netbench") as guest, \
            contextlib.closing(Socket(guest.folder, take)):
        before = -1
        while guest.guest.process.poll() is None and arrived[0] != before:
            before = arrived[0]
            with contextlib.suppress(subprocess.TimeoutExpired):
                guest.guest.process.wait(PATIENCE)
        output = guest.ended()
    if not re.search(rf"^bench: net net0 tx .* n={count} errors=0$", output, re.MULTILINE):
        raise Failed("not all were sent", output)
    if arrived[0] < count:
        raise Failed(f"{arrived[0]} frames arrived, not {count}", output)
    return output


def link(machine):
    """set_link, down and up again."""
    with on_a_socket(machine, "net0 link 4", lambda frame: None) as (guest, _):
        guest.says("link is up at first")
        for change, up in enumerate((False, True, False, True), 1):
            guest.ask("set_link", name="net0", up=up)
            guest.says(f"change {change}: link {'up' if up else 'down'}")
        return guest.ended()


def announce(machine):
    """announce-self: the guest sends a frame of its own, has its upper layers told, and tells the device."""
    with on_a_socket(machine, "net0 announce 2", lambda frame: None) as (guest, _):
        guest.says("netcheck: ready")
        for number in (1, 2):
            text, end = f"netcheck: announced {number}", time.monotonic() + PATIENCE
            # QEMU has one bit for all: what is asked for before the guest has acknowledged the last one is lost.
            while text not in guest.guest.text() and guest.guest.reader.is_alive() and time.monotonic() < end:
                guest.ask("announce-self", initial=50, max=50, rounds=1, step=1)
                with contextlib.suppress(Failed):
                    guest.says(text, 2)
            guest.says(text)
        return guest.ended()


def frame_for(mac, kind, tag=b""):
    return mac + PEER_MAC + tag + struct.pack(">HB", TYPE, kind) + bytes(60)


GROUP, BROADCAST = bytes((0x33, 0x33, 0, 0, 0, 0x77)), bytes([255] * 6)
OTHER, NEW = bytes((2, 0, 0, 0, 0, 0x77)), bytes((2, 0, 0, 0, 0, 0x99))
# The kinds of apps/netcheck/control.c, from 1 on.
FILTERED = (frame_for(GUEST_MAC, 1), frame_for(OTHER, 2), frame_for(bytes((2, 0, 0, 0, 0, 0x78)), 3),
            frame_for(GROUP, 4), frame_for(bytes((0x33, 0x33, 0, 0, 0, 0x78)), 5), frame_for(BROADCAST, 6),
            frame_for(GUEST_MAC, 7, VLAN_5), frame_for(GUEST_MAC, 8, VLAN_6), frame_for(NEW, 9))
# Promiscuous means everything to QEMU, whatever the VLAN table and the broadcast mode say.
HEARD = (("nothing but ours", GUEST_MAC, (1, 6)),
         ("what the filters let in", GUEST_MAC, (1, 2, 4, 6, 7)),
         ("everything", GUEST_MAC, (1, 2, 3, 4, 5, 6, 7, 8, 9)),
         ("another address", NEW, (2, 4, 6, 9)))


def filters(machine):
    """What comes in with this filter and that: MAC address, unicast and multicast tables, VLANs, modes."""
    with on_a_socket(machine, "net0 filters 0", lambda frame: None) as (guest, wire):
        for number, (what, mac, _) in enumerate(HEARD, 1):
            guest.says(f"netcheck: ready for {what}")
            for frame in FILTERED:
                wire.send(frame)
            wire.send(frame_for(mac, 0))
            guest.guest.wait_for("the guest has heard", lambda text, n=number: text.count("netcheck: heard") == n)
        output = guest.ended()
    heard = [tuple(n for n, count in enumerate(line.split()[2:], 1) if count != "0")
             for line in re.findall(r"^netcheck: heard.*$", output, re.MULTILINE)]
    for (what, _, expected), kinds in zip(HEARD, heard, strict=True):
        if kinds != expected:
            raise Failed(f"{what}: heard kinds {kinds}, not {expected}", output)
    return output


# ---- A tap device, in a network namespace of one's own --------------------------------------
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454ca, 2, 0x1000, 0x4000
VNET_HDR = struct.Struct("<BBHHHH")
NEEDS_CSUM, GSO_TCPV4 = 1, 1


@contextlib.contextmanager
def namespace():
    """This thread, and what it starts, has a network of its own meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/self/task/{threading.get_native_id()}/ns/net", "rb") as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise Skipped(f"no network namespace of one's own: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            if libc.setns(before.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "the network namespace cannot be left")


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skipped(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Tap:
    """The test's own end of the bridge: frames behind a header of 10 bytes, as of 5.1.9."""

    def __init__(self):
        try:
            self.file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.file, TUNSETIFF, struct.pack("16sH22x", b"far", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        except OSError as error:
            raise Skipped(f"no tap device: {error.strerror}") from error

    def send(self, frame, flags=0, gso=0, header=0, size=0, start=0, offset=0):  # pylint: disable=too-many-arguments
        data = VNET_HDR.pack(flags, gso, header, size, start, offset) + frame
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return os.write(self.file, data)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.001)

    def receive(self, wanted, count):
        """So many frames that are `wanted`, each with its header; or as many as come in time."""
        frames, end = [], time.monotonic() + PATIENCE
        while len(frames) < count and time.monotonic() < end:
            if not select.select([self.file], [], [], 1)[0]:
                continue
            with contextlib.suppress(BlockingIOError):
                data = os.read(self.file, 70000)
                if wanted(data[VNET_HDR.size:]):
                    frames.append((VNET_HDR.unpack_from(data), data[VNET_HDR.size:]))
        return frames

    def close(self):
        os.close(self.file)


@contextlib.contextmanager
def on_a_tap(machine, words, queues=1, options=""):
    """The guest on a tap device, bridged to the test's own."""
    if not shutil.which("ip"):
        raise Skipped("there is no ip")
    with namespace(), contextlib.closing(Tap()) as tap:
        ip("tuntap", "add", "dev", "near", "mode", "tap", "vnet_hdr", *(("multi_queue",) if queues > 1 else ()))
        ip("link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        for name in ("near", "far"):
            ip("link", "set", name, "master", "bridge")
        for name in ("near", "far", "bridge"):
            ip("link", "set", name, "up")
        netdev = "tap,id=net0,ifname=near,script=no,downscript=no,vhost=off" + \
            (f",queues={queues}" if queues > 1 else "")
        with running(machine, words, netdev, options) as guest:
            yield guest, tap


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


PAYLOAD = bytes((at * 7 + at // 256) & 255 for at in range(60000))
SEGMENT, HEADERS, ADDRESSES = 1400, 54, bytes((192, 0, 2, 2, 192, 0, 2, 1))
GUEST_PORT = 4000


def large_segment(number):
    """TCP with all of the payload, and the pseudo header's sum for a checksum."""
    ip4 = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(PAYLOAD), number, 0, 64, 6, 0) + ADDRESSES
    ip4 = ip4[:10] + struct.pack(">H", 0xffff ^ checksum(ip4)) + ip4[12:]
    pseudo = checksum(ADDRESSES + struct.pack(">HH", 6, 20 + len(PAYLOAD)))
    tcp = struct.pack(">HHIIBBHHH", GUEST_PORT + 1, GUEST_PORT, number << 16, 0, 5 << 4, 0x18, 65535, pseudo, 0)
    return GUEST_MAC + PEER_MAC + struct.pack(">H", 0x0800) + ip4 + tcp + PAYLOAD


def is_whole(frame):
    """A segment with both of its checksums right."""
    ip4, tcp = frame[14:34], frame[34:]
    pseudo = ip4[12:20] + struct.pack(">HH", 6, len(tcp))
    return checksum(ip4) == 0xffff and checksum(pseudo + tcp) == 0xffff


def segments(machine, count):
    """Checksum and segmentation offload, both ways: what the guest sends in one frame arrives in many, each complete;
    what is sent to it uncut arrives uncut, until it does not want that any more."""
    with on_a_tap(machine, f"net0 segments {count}") as (guest, tap):
        parts = -(-len(PAYLOAD) // SEGMENT)
        arrived = tap.receive(lambda frame: frame[6:12] == GUEST_MAC and frame[12:14] == b"\x08\x00", count * parts)
        if len(arrived) != count * parts:
            raise Failed(f"{len(arrived)} segments arrived, not {count * parts}", guest.guest.text())
        for number in range(count):
            mine = arrived[number * parts:(number + 1) * parts]
            if b"".join(frame[HEADERS:] for _, frame in mine) != PAYLOAD:
                raise Failed(f"the segments of frame {number} do not hold what it held", guest.guest.text())
            if not all(header[:2] == (0, 0) and is_whole(frame) for header, frame in mine):
                raise Failed(f"a segment of frame {number} has a wrong checksum", guest.guest.text())
        for size in ("large", "small"):
            guest.says(f"netcheck: ready for {size} ones")
            for number in range(count):
                tap.send(large_segment(number), NEEDS_CSUM, GSO_TCPV4, HEADERS, SEGMENT, 34, 16)
        return guest.ended()


def spread(machine, count, queues):
    """RSS: each flow goes to the pair that its hash, which comes with it, names in the table; all of them have some."""
    options = f"mq=on,rss=on,hash=on,vectors={2 * queues + 2}" if machine.transport == "pci" or \
        machine.machine in ("q35", "pc") else "mq=on,rss=on,hash=on"
    with on_a_tap(machine, f"net0 spread {count}", queues, options) as (guest, tap):
        guest.says(f"netcheck: ready with {queues} pairs")
        for number in range(count):
            udp = struct.pack(">HHHH", 1024 + number * 7, GUEST_PORT, 8 + 26, 0) + bytes(26)
            ip4 = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + ADDRESSES
            ip4 = ip4[:10] + struct.pack(">H", 0xffff ^ checksum(ip4)) + ip4[12:]
            tap.send(GUEST_MAC + PEER_MAC + struct.pack(">H", 0x0800) + ip4 + udp)
            if number % 16 == 15:
                time.sleep(0.03)  # there are only so many buffers
        tap.send(frame_for(GUEST_MAC, 0))
        output = guest.ended()
    counts = [int(word) for word in re.search(r"^netcheck: spread ([\d ]+) wrong 0", output, re.MULTILINE)[1].split()]
    if len(counts) != queues or not all(counts) or sum(counts) != count:
        raise Failed(f"the pairs had {counts}", output)
    return output


# ---- All of them -------------------------------------------------------------------------------
def tests():
    for name, plain in MACHINES.items():
        for ring in ("split", "packed"):
            machine = dataclasses.replace(plain, ring=ring)
            suffix = "" if ring == "split" else f"-{ring}"
            for smp in (1, 4):
                yield Test(f"boot/net-lengths/{name}{suffix}-smp{smp}",
                           functools.partial(lengths, dataclasses.replace(machine, smp=smp), 3200))
            yield Test(f"boot/net-sustained/{name}{suffix}", functools.partial(sustained, machine, 60000))
            yield Test(f"boot/net-link/{name}{suffix}", functools.partial(link, machine))
            yield Test(f"boot/net-announce/{name}{suffix}", functools.partial(announce, machine))
            yield Test(f"boot/net-filters/{name}{suffix}", functools.partial(filters, machine))
            yield Test(f"boot/net-segments/{name}{suffix}", functools.partial(segments, machine, 20))
            yield Test(f"boot/net-spread/{name}{suffix}",
                       functools.partial(spread, dataclasses.replace(machine, smp=4), 400, 4))
