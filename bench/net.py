#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Frames of 64 bytes a second: Ringlet beside a bare loop with nothing around it, and beside Linux; as a process
beside DPDK's own driver for the same back end.

    make bench                   on emulated machines          or: bench/net.py metal [ROUNDS]
    make bench ARCH=host         as a process                  or: bench/net.py host [ROUNDS]
    make bench-smoke             whether everything but Linux still runs, briefly; no figures

On emulated machines the other end is bench/peer.c on a Unix datagram socket: it takes what is sent (tx), sends as
much as is taken (rx), or sends back what it gets (rr). The bare loop polls, without the
processor's hint that it waits (poll) and with it (pause); so does Ringlet, and it waits for interrupts (irq), as Linux
does. A TCP stream goes from one machine to another of the same kind; its bare loop (bench/floor/stream.h) moves full
segments and acknowledgements, and does nothing with them.

As a process the back end is dpdk-testpmd's vhost port, which takes all that is sent to it, or sends all it can,
and counts; both front ends are measured by its counts. DPDK's is virtio-user, in another dpdk-testpmd. Each
process polls, on a processor of its own.

They take turns, and what is printed is the median of the ratios of each round. Nothing here passes or fails;
figures of a machine that has less than two processors to itself mean little.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import shlex
import statistics
import sys
import tempfile
import threading
import time

from floors import between
from peers import BUILD, PEER, Process, Qemu, dgram, peer

from ringlet.machine import Guest, Machine
from vhost.peers import PROGRAMS, Peer, Switch

GOAL = 0.95
MACHINES = (("q35", Machine("x86_64", "q35", "pci")), ("virt-mmio", Machine("aarch64", "virt", "mmio")))
# How many frames a floor moves: its COUNT in bench/bench.mk, and that of a brief one.
FRAMES = {"tx": 100_000, "rx": 100_000, "rr": 20_000}
BRIEF = 1000
MANY = 20_000  # more than it takes until the peer has no room for some
SECONDS, WARM_UP = 2, 0.5
PATIENCE = 120  # seconds, for a floor
LINE = re.compile(rb"^(?:bench|linux): .* pps=(\d+) n=(\d+) errors=(\d+)", re.MULTILINE)
FOREVER = 2**32 - 1  # frames


# ---- Emulated machines --------------------------------------------------------------------
@contextlib.contextmanager
def emulated(machine, way, kernel, command_line="", initrd=None):
    """The machine, running, and its peer."""
    with tempfile.TemporaryDirectory() as folder, peer(folder, PEER[way]):
        arguments = dgram(machine, folder) + (["-initrd", str(initrd)] if initrd else [])
        command = Qemu(arguments=shlex.join(arguments)).command(machine, Guest(str(kernel), command_line, rng=False))
        if initrd:
            command[command.index("-m") + 1] = "512"
        with Process(command) as process:
            yield process


def said(process, who):
    """By the line that the guest prints at its end."""
    process.run(120)
    found = LINE.search(process.output)
    if not found or int(found[3]):
        raise SystemExit(f"{who}: no good line\n{process.output.decode(errors='replace')}")
    return int(found[1])


def booted(machine, way, wait, frames):
    kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
    option = {"poll": "-p", "pause": "-y", "irq": ""}[wait]
    machine = dataclasses.replace(machine, irq="" if wait == "irq" else "poll").checked()
    words = ["app=netbench"] + machine.kernel_options() + ["--", option, f"-n {frames} net0 {way}"]
    return emulated(machine, way, kernel, " ".join(words))


def ringlet(machine, way, wait, frames):
    with booted(machine, way, wait, frames) as process:
        return said(process, f"ringlet {way} {wait}")


def floor(machine, way, wait, brief=""):
    kernel = BUILD / "bench" / f"floor-{machine.arch}-{way}{'-pause' if wait == 'pause' else ''}{brief}"
    with emulated(machine, way, kernel) as process:
        seconds = between(process, f"{way} {wait}", PATIENCE)
    return int((BRIEF if brief else FRAMES[way]) / seconds)


def booted_linux(machine, way, seconds):
    folder = BUILD / "bench" / "linux" / machine.arch
    words = f"console={'ttyAMA0' if machine.arch == 'aarch64' else 'ttyS0'} quiet panic=-1 ipv6.disable=1"
    return emulated(machine, way, folder / "vmlinuz", f"{words} net={list(PEER).index(way) + 1} seconds={seconds}",
                    folder / "initrd")


def linux(machine, way):
    with booted_linux(machine, way, SECONDS) as process:
        return said(process, f"linux {way}")


# ---- Whose time it is ---------------------------------------------------------------------------
def watch(process, seconds):
    """Until it ends: its processor time."""
    while process.process.poll() is None:
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
            seconds[0] = sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")
        time.sleep(0.02)


def spent(guest):
    """(the emulator's processor time for one run, in seconds; frames)"""
    seconds = [0.0]
    with guest as process:
        watcher = threading.Thread(target=watch, args=(process, seconds))
        watcher.start()
        process.run(300)
        watcher.join()
    found = LINE.search(process.output)
    if not found or int(found[3]):
        raise SystemExit(f"no good line\n{process.output.decode(errors='replace')}")
    return seconds[0], int(found[2])


def frame_time(short, long):
    """Microseconds of the emulator for a frame: the difference of a short run and a long one, so that booting is not in
    it. They are its own time: a machine that is busy with something else changes little of it."""
    (before, few), (after, many) = spent(short), spent(long)
    return (after - before) / (many - few) * 1e6


def costs(name, machine, has_linux):
    for way in PEER:
        ours = frame_time(booted(machine, way, "irq", BRIEF), booted(machine, way, "irq", FRAMES[way]))
        words = f"ringlet={ours:.2f}"
        if has_linux:
            theirs = frame_time(booted_linux(machine, way, 1), booted_linux(machine, way, 1 + 2 * SECONDS))
            words += f" linux={theirs:.2f} linux/ringlet={theirs / ours:.2f}"
        print(f"bench: processor time of the emulator for a frame, us: {name} {way} irq {words}", flush=True)


# ---- A TCP stream from one guest to another ----------------------------------------------------
# Each is given: whether it listens. The one that listens tells how much came.
BITS = re.compile(rb"^(?:iperf: tcp received|linux: tcp rx) .*?(?:mbits=(\d+)\.(\d+)|kbits=(\d+) errors=0)", re.MULTILINE)
# How many segments the bare loop sends, and the bytes of data that each would have.
SEGMENTS, SEGMENT_BYTES = 440_000, 1460


def ringlet_end(machine, listens):
    kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
    words = f"ip=10.0.0.{1 if listens else 2}/24 -- " + (f"-s -t {SECONDS + 8}" if listens else f"-c 10.0.0.1 -t {SECONDS}")
    return kernel, " ".join(["app=iperf"] + machine.kernel_options() + [words]), None


def linux_end(machine, listens):
    folder = BUILD / "bench" / "linux" / machine.arch
    words = f"console={'ttyAMA0' if machine.arch == 'aarch64' else 'ttyS0'} quiet panic=-1 ipv6.disable=1"
    return folder / "vmlinuz", f"{words} tcp={1 if listens else 2} seconds={SECONDS}", folder / "initrd"


def floor_end(machine, listens, brief=""):
    return BUILD / "bench" / f"floor-{machine.arch}-{'taker' if listens else 'sender' + brief}", "", None


@contextlib.contextmanager
def linked(machine, end):
    """Two machines whose interfaces are connected: the one that listens and, when it is there, the other one."""
    with tempfile.TemporaryDirectory() as folder:
        def command(listens):
            kernel, words, initrd = end(machine, listens)
            server = "on" if listens else "off"
            arguments = ["-netdev", f"stream,id=net,server={server},addr.type=unix,addr.path={folder}/link", "-device",
                         Qemu.device(machine, 0, f"virtio-net,netdev=net,mac=52:54:00:00:00:0{1 if listens else 2}",
                                     "romfile=" if machine.transport == "pci" else "")]
            arguments += ["-initrd", str(initrd)] if initrd else []
            words = Qemu(arguments=shlex.join(arguments)).command(machine, Guest(str(kernel), words, rng=False))
            if initrd:
                words[words.index("-m") + 1] = "512"
            return words

        with Peer(command(True)) as server:
            while not os.path.exists(f"{folder}/link"):
                time.sleep(0.01)
            with Process(command(False)) as client:
                yield server, client


def stream(machine, end):
    """Mbit/s that arrive."""
    with linked(machine, end) as (server, client):
        client.run(120)
        server.wait_for("what was received", lambda text: BITS.search(text.encode()))
        found = BITS.search(server.text().encode())
    return int(found[3]) / 1000 if found[3] else int(found[1]) + int(found[2]) / 1000


def stream_floor(machine, brief=""):
    """What would be Mbit/s of data if segments had any; by the sender, for which all are acknowledged in the end."""
    with linked(machine, lambda _, listens: floor_end(machine, listens, brief)) as (_, client):
        seconds = between(client, "stream", PATIENCE)
    return (BRIEF if brief else SEGMENTS) * SEGMENT_BYTES * 8 / seconds / 1e6


def compare(label, contestants, rounds, unit="frames/s"):
    """contestants: {name: function}; the first one is compared with each of the others."""
    results = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            results[name].append(function())
    first = next(iter(results))
    words = [f"{name}={statistics.median(values):.0f}" for name, values in results.items()]
    words += [f"{first}/{name}={statistics.median(a / b for a, b in zip(results[first], values)):.2f}"
              for name, values in results.items() if name != first]
    print(f"bench: {unit} {label} {' '.join(words)} rounds={rounds}", flush=True)


def metal(rounds):
    for name, machine in MACHINES:
        has_linux = (BUILD / "bench" / "linux" / machine.arch / "initrd").exists()
        if not has_linux:
            print(f"bench: no Linux kernel for {machine.arch}: make bench-linux fetches Debian's")
        checked = machine.checked()
        costs(name, checked, has_linux)
        for way in PEER:
            for wait in ("poll", "pause"):
                compare(f"{name} {way} {wait}", {"ringlet": lambda: ringlet(checked, way, wait, FRAMES[way]),
                                                 "floor": lambda: floor(checked, way, wait)}, rounds)
            contestants = {"ringlet": lambda: ringlet(checked, way, "irq", FRAMES[way]),
                           "floor": lambda: floor(checked, way, "pause")}
            if has_linux:
                contestants["linux"] = lambda: linux(checked, way)
            compare(f"{name} {way} irq", contestants, rounds)
        if not (BUILD / "lwip" / "fetched.mk").exists():
            print("bench: no network programs in the image: make deps fetches what they need")
            continue
        contestants = {"ringlet": lambda: stream(checked, ringlet_end), "floor": lambda: stream_floor(checked)}
        if has_linux:
            contestants["linux"] = lambda: stream(checked, linux_end)
        compare(f"{name} tcp", contestants, rounds, "Mbit/s guest to guest")


def smoke():
    for name, machine in MACHINES:
        for way in PEER:
            floor(machine.checked(), way, "pause", "-brief")
            for wait in ("poll", "pause", "irq"):
                ringlet(machine.checked(), way, wait, BRIEF)
        stream_floor(machine.checked(), "-brief")
        ringlet(dataclasses.replace(machine, ring="packed").checked(), "tx", "irq", MANY)
        print(f"bench: smoke {name}: all of them end, with no errors", flush=True)


# ---- As a process -------------------------------------------------------------------------
CPUS = sorted(os.sched_getaffinity(0))
# What the back end does while a front end sends or receives; DPDK's options for the format of the ring.
BACK = {"tx": "take", "rx": "send"}
DPDK = {"split": "packed_vq=0", "packed": "packed_vq=1"}


@contextlib.contextmanager
def hosted(socket, _, ring, way):
    with Peer(["taskset", "-c", CPUS[-1], PROGRAMS["plain"],
               f"app=netbench irq=poll ring={ring} net=vhost-user:{socket} -- -p -n {FOREVER} net0 {way}"]) as process:
        yield process


@contextlib.contextmanager
def dpdk(socket, folder, ring, way):
    with Switch(socket, folder, f"{DPDK[ring]},in_order=1", CPUS[-1]) as switch:
        switch.mode({"tx": "send", "rx": "take"}[way])
        yield switch


def rate(front, ring, way):
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/net.sock"
        with Switch(socket, folder, cpu=CPUS[0]) as back:
            back.mode(BACK[way])
            with front(socket, folder, ring, way) as process:
                back.rates(WARM_UP)
                received, sent = back.rates(SECONDS)
                if not process.reader.is_alive():
                    raise SystemExit(f"{front.__name__}: it has ended\n{process.text()}")
    moved = received if way == "tx" else sent
    if not moved:
        raise SystemExit(f"bench: {front.__name__} {ring} {way}: nothing moved")
    return moved


def host(rounds):
    for ring in ("split", "packed"):
        for way in ("tx", "rx"):
            compare(f"host {ring} {way} size=64 polled", {"ringlet": lambda: rate(hosted, ring, way),
                                                          "dpdk": lambda: rate(dpdk, ring, way)}, rounds)


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else "metal"
    if what == "smoke":
        smoke()
        return
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"bench: frames of 64 bytes a second, medians of {rounds} rounds; ratios are medians of each round's; the goal "
          f"is {GOAL} of a bare loop and of DPDK", flush=True)
    {"metal": metal, "host": host}[what](rounds)


main()
