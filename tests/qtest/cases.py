# SPDX-License-Identifier: BSD-2-Clause
"""What is tested with QEMU's own devices."""

import contextlib
import functools
import re
import struct
import tempfile

import checks
import disks
from qtest.qemu import MACHINES, devices
from ringlet.test import Failed, Test
from vhost.cases import judge, recovered
from vhost.peers import BUILD, PATIENCE, PROGRAMS, Peer, ringlet

TIMEOUT = 120


def with_disk(build, machine, ring, words, disk, check, *patterns):
    """One program with a disk of that kind, which is looked at from outside afterwards."""
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        made = disks.make(disk, folder, BUILD / "images")
        with devices(machine, ring, made.path) as qemu:
            app, _, arguments = words.partition(" -- ")
            status, output = ringlet(
                build, f"app={app} ring={ring} {qemu.words()} -- {arguments}", TIMEOUT)
        judge(status, 0, output, *patterns)
        complaint = check and checks.CHECKS[check](output, [made])
        if complaint:
            raise Failed(complaint, output)
        return output


# ---- A ring that is written to by somebody else ---------------------------------
# They get the QEMU, what it says of the ring, and how often they have done it before.
def jump(qemu, ring, _):
    """Row 4: the split ring's used index, far beyond what is in flight."""
    qemu.write(ring["vring-used"] + 2, struct.pack("<H", ring["used-idx"] + 0x4000 & 0xffff))


def wrong_id(qemu, ring, turn):
    """Row 1: every packed descriptor is used, of a buffer that cannot be; used by one wrap counter (2.8.1),
    or the next time by the other."""
    flags = (0x8080, 0)[turn % 2]
    for slot in range(ring["vring-num"]):
        qemu.write(ring["vring-desc"] + 16 * slot + 8, struct.pack("<IHH", 1, 0xfff0, flags))


SCRIBBLES = {"split": (jump, "used index"), "packed": (wrong_id, "used id is not below the queue size")}
# A disk that takes its time: requests are in flight, and what has been scribbled stays until the next one
# of them ends, which is long enough for the driver to have its turn on a busy machine.
SLOW = ",throttling.iops-total=16"


def scribbled(machine, ring):
    """Errors for what was in flight, a reset by the device's own registers, and all is well again."""
    scribble, complaint = SCRIBBLES[ring]
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        image = disks.make("pattern-16M", folder, BUILD / "images").path
        with devices(machine, ring, image, SLOW) as qemu:
            words = f"app=iocheck ring={ring} deadline_ms=5000 reset_ms=20000 {qemu.words()} -- -t 3"
            with Peer([PROGRAMS["sanitized"], words]) as peer:
                peer.wait_for("the first second", lambda text: " t=1 " in text)
                for turn in range(4):
                    scribble(qemu, qemu.ring(), turn)
                    with contextlib.suppress(Failed):
                        peer.wait_for(complaint, lambda text: complaint in text, 0.3)
                        break
                peer.wait_for("the end", lambda text: "EXIT: STATUS=" in text)
                status = peer.process.wait(PATIENCE)
                output = f"{words}\n{peer.text()}"
    return recovered(status, output, complaint, "running again after reset 1$")


def ended(machine):
    """QEMU is killed in the middle of it all: one line, errors, and an end."""
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        image = disks.make("pattern-16M", folder, BUILD / "images").path
        with devices(machine, "split", image) as qemu:
            words = f"app=iocheck deadline_ms=2000 {qemu.words()} -- -t 3"
            with Peer([PROGRAMS["sanitized"], words]) as peer:
                peer.wait_for("the first second", lambda text: " t=1 " in text)
                qemu.kill()
                peer.wait_for("the end", lambda text: "EXIT: STATUS=" in text)
                status = peer.process.wait(PATIENCE)
                output = f"{words}\n{peer.text()}"
    judge(status, 1, output, "^qtest: QEMU has ended: its devices are gone$", "given up: ")
    if len(re.findall("^qtest:", output, re.MULTILINE)) != 1:
        raise Failed("more than one line about it", output)
    return output


def refused(words, line):
    status, output = ringlet("sanitized", f"app=lsvirtio {words}", TIMEOUT)
    return judge(status, 1, output, line)


def without_ram(ram):
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        image = disks.make("scratch", folder, BUILD / "images").path
        with devices("q35-pci", "split", image) as qemu:
            return refused(f"qtest={qemu.qtest} machine=q35 {ram}", "^qtest: ram= is the file")


# ---- All of them --------------------------------------------------------------
def tests():
    for machine in MACHINES:
        kind = machine.rpartition("-")[2]
        for ring in ("split", "packed"):
            for name, words, disk, check, pattern in (
                    ("lsvirtio", "lsvirtio", "pattern-16M", None,
                     rf"^vda +{kind} \S+ blk {ring} \d+x\d+ poll "),
                    ("disksum", "disksum", "pattern-16M", "sha256", ""),
                    ("blktest", "blktest", "scratch", "written", ""),
                    ("rng", 'shell -- "rng 32"', "scratch", None, "^[0-9a-f]{64}$")):
                yield Test(f"qtest/{name}/{machine}-{ring}", functools.partial(
                    with_disk, "sanitized", machine, ring, words, disk, check, pattern))
            if machine != "virt-pci":
                yield Test(f"qtest/scribbled/{machine}-{ring}",
                           functools.partial(scribbled, machine, ring))
        yield Test(f"qtest/ended/{machine}", functools.partial(ended, machine))
    for name, words, line in (
            ("no-qemu", "qtest=/nowhere machine=q35", "^qtest: no QEMU listens at /nowhere$"),
            ("no-machine", "qtest=/nowhere machine=pc", "^qtest: machine= is q35 or virt, not pc$")):
        yield Test(f"qtest/refused/{name}", functools.partial(refused, words, line))
    for name, ram in (("no-ram", ""), ("other-ram", "ram=/nowhere")):
        yield Test(f"qtest/refused/{name}", functools.partial(without_ram, ram))
