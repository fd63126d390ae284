# SPDX-License-Identifier: BSD-2-Clause
"""What is tested with each of the peers."""

import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import signal
import stat
import tempfile
import time

import checks
import disks
from ringlet.machine import Guest, Machine
from ringlet.test import Failed, Test
from ringlet.vmm import Process, Qemu, boot
from vhost.peers import BUILD, PATIENCE, PROGRAMS, Peer, Switch, backend, ringlet, storage_daemon

TIMEOUT = 120
FRAMES = 20000
# Words for the command line: no limit that a busy machine could reach.
PATIENT = "answer_ms=20000 reset_ms=20000"
LINE = re.compile(r"^iocheck: vda t=(\d+) ok=(\d+) errors=(\d+) resets=(\d+) slowest_ms=\d+$",
                  re.MULTILINE)


def folder_of():
    return tempfile.TemporaryDirectory(prefix="ringlet-")


def judge(status, expected, output, *patterns):
    """The status is that one, there is each of the patterns, and nothing went wrong below us."""
    if status != expected:
        raise Failed(f"status {status}, not {expected}", output)
    for pattern in patterns:
        if not re.search(pattern, output, re.MULTILINE):
            raise Failed(f"nothing that matches {pattern!r} was printed", output)
    for bad in ("Sanitizer", "runtime error", "assertion failed"):
        if bad in output:
            raise Failed(bad, output)
    return output


# ---- Nobody at the other end --------------------------------------------------
def nobody(build):
    """The line names the socket and why there is no connection."""
    with folder_of() as folder:
        pathlib.Path(f"{folder}/file").write_text("no socket\n")
        os.mknod(f"{folder}/left.sock", stat.S_IFSOCK | 0o600)
        for path, cause in ((f"{folder}/nosuch", "No such file or directory"),
                            (f"{folder}/file", "Socket operation on non-socket"),
                            (f"{folder}/left.sock", "Connection refused"),
                            ("/" + "x" * 108, "File name too long")):
            status, output = ringlet(build, f"app=disksum disk=vhost-user:{path}", TIMEOUT)
            judge(status, 1, output,
                  f"^virtio vhost-user: {cause}: no back end that answers at {re.escape(path)}$")
    return output


# ---- A real disk: qemu-storage-daemon -----------------------------------------
def with_daemon(build, wait, app, disk, check):
    with folder_of() as folder:
        made = disks.make(disk, folder, BUILD / "images")
        socket = f"{folder}/disk.sock"
        with storage_daemon(socket, made.path):
            status, output = ringlet(build, f"app={app} {wait} {PATIENT} disk=vhost-user:{socket}", TIMEOUT)
        judge(status, 0, output)
        complaint = checks.CHECKS[check](output, [made])
        if complaint:
            raise Failed(complaint, output)
        return output


def killed_daemon(build, wait):
    """The daemon is killed in the middle of the reads and started again: errors, one reset, and all is
    well at the end."""
    with folder_of() as folder:
        image = disks.make("pattern-16M", folder, BUILD / "images").path
        socket = f"{folder}/disk.sock"
        words = f"app=iocheck {wait} {PATIENT} disk=vhost-user:{socket} -- -t 6"
        with storage_daemon(socket, image) as daemon:
            with Peer([PROGRAMS[build], words]) as peer:
                peer.wait_for("the first second", lambda text: " t=1 " in text)
                daemon.kill()
                daemon.process.wait()
                with storage_daemon(socket, image):
                    peer.wait_for("the end", lambda text: "EXIT: STATUS=" in text)
                    status = peer.process.wait(PATIENCE)
        return recovered(status, f"{words}\n{peer.text()}", "running again after reset 1$")


def killed_in_mid_write(build, wait):
    """The same twice, under a program that writes: every block for which a write was acknowledged holds it, as the
    program reads it and as it stands in the image."""
    with folder_of() as folder:
        disk = disks.make("scratch-4M", folder, BUILD / "images")
        socket = f"{folder}/disk.sock"
        words = f"app=writecheck {wait} {PATIENT} disk=vhost-user:{socket} -- -t 4"
        with contextlib.ExitStack() as stack:
            daemon = stack.enter_context(storage_daemon(socket, disk.path))
            peer = stack.enter_context(Peer([PROGRAMS[build], words]))
            peer.wait_for("it writes", lambda text: "writecheck: running" in text)
            for _ in range(2):
                time.sleep(1)
                daemon.kill()
                daemon.process.wait()
                daemon = stack.enter_context(storage_daemon(socket, disk.path))
            peer.wait_for("the end", lambda text: "EXIT: STATUS=" in text)
            status = peer.process.wait(PATIENCE)
        output = f"{words}\n{peer.text()}"
        return intact(status, output, disk, r"errors=[1-9]\d* resets=2 ")


def intact(status, output, disk, counts):
    judge(status, 0, output, rf"^writecheck: vda cpus=\d .* {counts}unknown=0 bad=0 ")
    complaint = checks.stamped(output, [disk])
    if complaint:
        raise Failed(complaint, output)
    return output


def stopped_daemon(build, wait):
    """The daemon is stopped in the middle of the reads, with the memory mapped: given up, and none of what was
    in flight is used again."""
    with folder_of() as folder:
        image = disks.make("pattern-16M", folder, BUILD / "images").path
        socket = f"{folder}/disk.sock"
        words = f"app=iocheck {wait} deadline_ms=2000 disk=vhost-user:{socket} -- -t 6"
        with storage_daemon(socket, image) as daemon, Peer([PROGRAMS[build], words]) as peer:
            peer.wait_for("the first second", lambda text: " t=1 " in text)
            daemon.process.send_signal(signal.SIGSTOP)
            peer.wait_for("the end", lambda text: "EXIT: STATUS=" in text)
            status = peer.process.wait(PATIENCE)
        return judge(status, 1, f"{words}\n{peer.text()}", SILENT, "given up: ")


def totals(output):
    """(good reads, errors, resets) of all seconds together."""
    seconds = [tuple(map(int, found)) for found in LINE.findall(output)]
    return tuple(sum(second[i] for second in seconds) for i in (1, 2, 3))


def recovered(status, output, *patterns, least=1):
    """One reset, and at least so many errors, of what was in flight then."""
    judge(status, 0, output, *patterns)
    _, errors, resets = totals(output)
    if errors < least or resets != 1:
        raise Failed(f"{errors} errors and {resets} resets, not at least {least} and one", output)
    return output


# ---- A real packet switch: dpdk-testpmd -----------------------------------------
def with_switch(build, ring):
    """Frames to it, from it, and there and back; each side counts."""
    with folder_of() as folder:
        socket = f"{folder}/net.sock"
        shown = ""
        with Switch(socket, folder) as switch:
            for mode, kind in (("take", "tx"), ("send", "rx"), ("return", "rr")):
                switch.mode(mode)
                before = switch.counters()
                words = f"app=netbench ring={ring} {PATIENT} net=vhost-user:{socket} -- -n {FRAMES} net0 {kind}"
                status, output = ringlet(build, words, TIMEOUT)
                switch.tell("stop")
                after = switch.counters()
                received, sent = (now - then for now, then in zip(after, before))
                shown += f"{output}the switch received {received} frames and sent {sent}\n"
                # The switch drops a frame for which it finds no room at the moment: no answer to that.
                lost = received - sent if kind == "rr" else 0
                judge(status, 1 if lost else 0, shown,
                      rf"^bench: net net0 {kind} size=64 .* n=\d+ errors={lost}$")
                if kind != "rx" and received != FRAMES:
                    raise Failed(f"the switch received {received} frames, not {FRAMES}", shown)
                if kind != "tx" and sent < FRAMES - 2:
                    raise Failed(f"the switch sent {sent} frames, not {FRAMES}", shown)
        return shown


PAIRS = 3


def with_pairs(build, ring):
    """A switch with several pairs of queues, which sends by all of them."""
    with folder_of() as folder:
        socket = f"{folder}/net.sock"
        with Switch(socket, folder, queues=PAIRS) as switch:
            switch.mode("send")
            words = f"app=netcheck ring={ring} pairs={PAIRS} {PATIENT} net=vhost-user:{socket} -- net0 pairs 1000"
            status, output = ringlet(build, words, TIMEOUT)
            return judge(status, 0, output, rf"^netcheck: ready with {PAIRS} pairs$",
                         rf"^netcheck: {PAIRS} pairs with 1000 frames each, 0 malformed$")


# ---- A bad back end ------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Bad:
    """One case: what the back end does, and what must come of it."""
    faults: str
    outcome: str  # recovers, errors, fine, refused, useless, lost
    line: str = ""  # a regular expression that is printed
    seconds: int = 2
    rings: bool = False  # on both formats
    least: int = 1  # where it recovers: requests that must have ended with an error

    def name(self):
        return re.sub(r"[^\w-]+", "-", self.faults).lower()

    def limits(self):
        """Words for the command line. Limits are short only where one of them ends what is wrong. Elsewhere none may pass:
        a busy machine can leave a back end without a processor for a second."""
        first, *others = self.faults.split()
        if first in ("twice", "jump", "back", "never", "silence"):
            return "deadline_ms=1500" + ("" if others else f" {PATIENT}")
        return "" if first == "leave" or first.split(":")[0] in MESSAGE_FAULTS else PATIENT

    def arguments(self):
        for word in self.faults.split():
            yield from (word,) if word.startswith("--") else ("--fault", word)


MESSAGE_FAULTS = ("vanish", "silent", "short", "other", "long", "deaf", "refuse", "accepts-nobody")
SILENT = "no answer within the deadline"
BAD_RINGS = (
    Bad("wrong-id", "recovers", "used id is not below the queue size"),
    Bad("idle-id", "recovers", "used id is not in flight"),
    # The request itself has its answer, and by chance so have all others when the second one is seen.
    Bad("twice", "recovers", seconds=6, least=0),
    Bad("jump", "recovers", seconds=6),
    Bad("back", "recovers", seconds=6),
    Bad("too-long", "recovers", "more bytes written than the buffer has"),
    Bad("too-short", "errors"),
    Bad("no-status", "errors"),
    Bad("odd-status", "errors"),
    Bad("reorder", "fine"),
    Bad("scribble", "fine"),
    Bad("never", "recovers", SILENT, seconds=6),
    Bad("silence", "recovers", SILENT, seconds=6),
    Bad("storm", "fine"),
    Bad("idle-interrupt", "fine"),
    Bad("no-kicks", "fine", seconds=3),
    Bad("die", "recovers", "it needs a reset"),
    Bad("leave", "lost", "given up: .*\n.*: its back end did not come back within reset_ms=1000$", seconds=4),
)
QUESTIONS = ("GET_FEATURES", "GET_PROTOCOL_FEATURES", "GET_QUEUE_NUM", "GET_CONFIG")
ORDERS = ("SET_FEATURES", "SET_OWNER", "SET_MEM_TABLE", "SET_VRING_NUM", "SET_VRING_BASE",
          "SET_VRING_ADDR", "SET_VRING_CALL", "SET_VRING_KICK", "SET_VRING_ENABLE")
UP = "no back end that answers|could not be brought up"


def bad_messages():
    for message in (*QUESTIONS, *ORDERS):
        for fault in ("vanish", "silent", "short", "other", "long"):
            yield Bad(f"{fault}:{message}", "refused", UP)
    # One line, for the message is the cause.
    yield Bad("vanish:SET_PROTOCOL_FEATURES", "refused",
              r"\A.*\nvirtio vhost-user: message 17: closed by the other end: no back end that answers at ")
    for message in ORDERS:
        yield Bad(f"refuse:{message}", "refused", UP)
    # The reset after a request that never ended: whatever becomes of it, there is a new connection.
    for fault in ("vanish", "silent", "short", "other", "long"):
        yield Bad(f"never {fault}:GET_VRING_BASE", "recovers", SILENT, seconds=6)
    # One that neither answers nor hangs up still has the memory, even if it would talk to us anew.
    yield Bad("never deaf:GET_VRING_BASE", "lost", "given up: ", seconds=5)
    yield Bad("accepts-nobody", "refused", UP)


BAD_OFFERS = (
    Bad("no-features", "refused", "VERSION_1 is not offered"),
    Bad("no-protocol", "refused", "offers no configuration"),
    Bad("no-config", "refused", "offers no configuration"),
    Bad("config-empty", "refused", "could not be brought up"),
    Bad("queues:0", "refused", "could not be brought up: no such device"),
    Bad("queues:65535", "fine"),
    Bad("no-reply-ack", "fine"),
    Bad("config:0=ffffffffffffffff", "fine", "impossible capacity 0xffffffffffffffff: limited"),
    Bad("config:0=0000000000000000", "useless"),
    Bad("config:20=03000000", "fine", "impossible block size 3: taken as 512"),
    Bad("config:20=00000000", "fine", "impossible block size 0: taken as 512"),
    Bad("config:12=00000000", "fine", "impossible seg_max 0: taken as 1"),
    Bad("config:12=ffffffff", "fine"),
)


def outcome(case, status, output):
    good, errors, resets = totals(output)
    if case.outcome == "refused":
        return judge(status, 1, output, case.line, "^iocheck: there is no disk$")
    if case.outcome == "useless":  # a disk that nothing can be read from
        return judge(status, 1, output, "^iocheck: vda t=1 ok=0 ")
    if case.outcome == "lost":
        return judge(status, 1, output, case.line)
    if case.outcome == "recovers":
        return recovered(status, output, case.line, "running again after reset 1$", least=case.least)
    judge(status, 0, output, case.line)
    if good == 0 or resets or (errors != 0) != (case.outcome == "errors"):
        raise Failed(f"{good} good reads, {errors} errors, {resets} resets", output)
    return output


def with_bad(case, ring):
    with folder_of() as folder:
        socket = f"{folder}/disk.sock"
        words = f"app=iocheck ring={ring} {case.limits()} disk=vhost-user:{socket} " \
            f"-- -t {case.seconds}"
        with backend(socket, *case.arguments()) as peer:
            status, output = ringlet("sanitized", words, TIMEOUT)
            return outcome(case, status, output + peer.text())


DROPPED = "^netbench: net0 dropped 1 malformed frame$"
BAD_NETWORK = (
    Bad("runt", "fine", DROPPED),
    Bad("no-frame", "fine", DROPPED),
    Bad("no-buffers", "fine", DROPPED),
    Bad("many-buffers", "takes the next", DROPPED),
    Bad("config:10=0000", "fine", "impossible mtu 0: taken as 1500"),
    Bad("config:10=ffff", "fine"),
    # Of a frame that was sent.
    Bad("wrong-id", "recovers", "used id is not below the queue size"),
    Bad("never", "recovers", SILENT),
    Bad("die", "recovers", "it needs a reset"),
    Bad("never deaf:GET_VRING_BASE", "lost", "given up: "),
)


def with_bad_network(case, ring):
    """A frame that goes wrong, among a thousand that are sent and come back: dropped and counted, or ended
    by an error, and then all is well again."""
    with folder_of() as folder:
        socket = f"{folder}/net.sock"
        words = f"app=netbench ring={ring} {case.limits()} net=vhost-user:{socket} -- -w -n 1000 net0 rr"
        with backend(socket, "--type", "net", *case.arguments()):
            status, output = ringlet("sanitized", words, TIMEOUT)
        if case.outcome == "fine":
            return judge(status, 0, output, case.line, r"^bench: net net0 rr .* n=1000 errors=0$")
        if case.outcome == "takes the next":  # where the answer is there already, it counts as one of those buffers
            return judge(status, int("errors=1" in output), output, case.line,
                         r"^bench: net net0 rr .* n=(1000 errors=0|999 errors=1)$")
        if case.outcome == "lost":
            return judge(status, 1, output, case.line, r"^bench: net net0 rr .* errors=[1-9]\d*$")
        return judge(status, 1, output, case.line, "running again after reset 1$",
                     r"^bench: net net0 rr .* n=(99\d|1000) errors=[1-3]$")


# ---- The same back end under a booted kernel --------------------------------------
MACHINES = {
    "q35-msix": Machine(arch="x86_64", machine="q35", irq="msix"),
    "microvm": Machine(arch="x86_64", machine="microvm"),
    "virt-mmio": Machine(arch="aarch64"),
    "virt-pci-its": Machine(arch="aarch64", transport="pci", gic="3"),
}
BOOTED = ("wrong-id", "idle-id", "too-long", "too-short", "no-status", "never", "silence", "scribble")


def vhost_qemu(machine, socket, connection=""):
    """With a disk whose back end is at the socket."""
    device = "vhost-user-blk,chardev=c" if machine.transport == "mmio" else \
        "vhost-user-blk-pci,chardev=c,disable-legacy=on"
    device += f",num-queues={machine.smp}"
    device += ",packed=on" if machine.ring == "packed" else ""
    return Qemu(arguments=f"-object memory-backend-memfd,id=m,size={machine.mem}M,share=on "
                          f"-machine memory-backend=m -chardev socket,id=c,path={socket}{connection} "
                          f"-device {device}")


def booted(case, machine, ring):
    machine = dataclasses.replace(machine, ring=ring).checked()
    with folder_of() as folder:
        socket = f"{folder}/disk.sock"
        vmm = vhost_qemu(machine, socket)
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        words = " ".join(["app=iocheck", case.limits(), *machine.kernel_options(), "--",
                          f"-t {case.seconds}"])
        with backend(socket, *case.arguments()) as peer:
            status, output, _ = boot(vmm, machine, Guest(str(kernel), words), TIMEOUT)
            return outcome(case, status, output + peer.text())


def killed_under_a_guest(machine):
    """The storage daemon behind QEMU's vhost-user-blk is killed while the guest writes, and started again: QEMU
    connects anew, and lets the new one go on at the used index (vhost_virtqueue_stop in its hw/virtio/vhost.c). Where requests
    have ended out of order, that does some of them again, whose descriptors meanwhile belong to others. So there is one
    in flight in each queue: it is done again as a whole."""
    machine = machine.checked()
    with folder_of() as folder:
        disk = disks.make("scratch-4M", folder, BUILD / "images")
        socket = f"{folder}/disk.sock"
        vmm = vhost_qemu(machine, socket, ",reconnect=1")
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        words = " ".join(["app=writecheck", "deadline_ms=2000", *machine.kernel_options(), "--", "-t 6 -d 1"])
        command = vmm.command(machine, Guest(str(kernel), words))
        with contextlib.ExitStack() as stack:
            daemon = stack.enter_context(storage_daemon(socket, disk.path, machine.smp))
            peer = stack.enter_context(Peer(command))
            peer.wait_for("it writes", lambda text: "writecheck: running" in text)
            time.sleep(1)
            daemon.kill()
            daemon.process.wait()
            stack.enter_context(storage_daemon(socket, disk.path, machine.smp))
            peer.wait_for("the end", lambda text: "EXIT: STATUS=" in text)
            code = peer.process.wait(PATIENCE)
        output = peer.text()
        status = vmm.status(machine, code, bytes(output, "utf-8"))
        return intact(status, output, disk, r"")


# ---- All of them --------------------------------------------------------------
def tests():
    for build in PROGRAMS:
        yield Test(f"vhost/nobody-{build}", functools.partial(nobody, build))
        for wait in ("irq", "poll"):
            words = "irq=poll" if wait == "poll" else ""
            for app, disk, check in (("disksum", "pattern-16M", "sha256"),
                                     ("blktest", "scratch", "written")):
                yield Test(f"vhost/storage-daemon/{app}-{wait}-{build}", functools.partial(
                    with_daemon, build, words, app, disk, check))
            yield Test(f"vhost/storage-daemon/killed-{wait}-{build}",
                       functools.partial(killed_daemon, build, words))
            yield Test(f"vhost/storage-daemon/killed-in-mid-write-{wait}-{build}",
                       functools.partial(killed_in_mid_write, build, words))
            yield Test(f"vhost/storage-daemon/stopped-{wait}-{build}",
                       functools.partial(stopped_daemon, build, words))
        for ring in ("split", "packed"):
            yield Test(f"vhost/packet-switch/{ring}-{build}",
                       functools.partial(with_switch, build, ring))
            yield Test(f"vhost/packet-switch-pairs/{ring}-{build}",
                       functools.partial(with_pairs, build, ring))
    for ring in ("split", "packed"):
        for case in BAD_RINGS:
            yield Test(f"vhost/bad/{case.name()}-{ring}", functools.partial(with_bad, case, ring))
        for case in BAD_NETWORK:
            yield Test(f"vhost/bad-network/{case.name()}-{ring}",
                       functools.partial(with_bad_network, case, ring))
        for name, machine in MACHINES.items():
            for case in BAD_RINGS:
                if case.faults in BOOTED:
                    yield Test(f"vhost/booted/{case.name()}-{name}-{ring}",
                               functools.partial(booted, case, machine, ring))
    for name, machine in MACHINES.items():
        yield Test(f"vhost/booted/killed-in-mid-write-{name}",
                   functools.partial(killed_under_a_guest, machine))
        yield Test(f"vhost/booted/killed-in-mid-write-4-cpus-{name}",
                   functools.partial(killed_under_a_guest, dataclasses.replace(machine, smp=4)))
    for case in (*bad_messages(), *BAD_OFFERS):
        yield Test(f"vhost/bad/{case.name()}",
                   functools.partial(with_bad, dataclasses.replace(case, seconds=case.seconds if
                                     case.outcome in ("recovers", "lost") else 1), "split"))
