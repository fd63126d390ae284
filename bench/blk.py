#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random 4 KiB reads a second: Ringlet beside a bare loop with nothing around it, and beside Linux.

    make bench                   on emulated machines          or: bench/blk.py metal [ROUNDS]
    make bench ARCH=host         as a process, on qemu-storage-daemon   bench/blk.py host [ROUNDS]

All read a disk with nothing behind it (null-co). They take turns, and what is printed is the median of
the ratios of each round: a machine that is busy with something else slows all of a round down. Nothing
here passes or fails; figures of a machine that has less than two processors to itself mean little.
"""

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

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from ringlet.machine import Guest, Machine  # noqa: E402
from ringlet.vmm import Process, Qemu  # noqa: E402

BUILD = pathlib.Path(os.environ.get("O") or TOP / "build")
SECONDS = 2
MACHINES = (("q35", Machine("x86_64", "q35", "pci")), ("virt-mmio", Machine("aarch64", "virt", "mmio")))
# How many reads a floor makes, by depth: its COUNT in bench/bench.mk. They take a second or two.
READS = {1: 50_000, 32: 500_000}
LINE = re.compile(rb"^(?:bench|floor|linux): .* iops=(\d+) .*errors=(\d+)", re.MULTILINE)


def reads_a_second(output, who):
    found = LINE.search(output)
    if not found or int(found[2]):
        raise SystemExit(f"{who}: no good line\n{output.decode(errors='replace')}")
    return int(found[1])


def null_disk(machine, bus, queues):
    if bus == "scsi":
        return ["-device", Qemu.device(machine, 0, f"virtio-scsi,id=bus,num_queues={queues}", ""),
                "-device", "scsi-hd,bus=bus.0,drive=null"]
    return ["-device", Qemu.device(machine, 0, f"virtio-blk,drive=null,num-queues={queues}", "")]


def emulated(machine, kernel, command_line="", initrd=None, memory=None, bus="blk", queues=1, threads=0):
    """The emulator's command line with the empty disk; or with so many, each served by an I/O thread of its own."""
    arguments = ["-name", "bench,debug-threads=on"]
    for disk in range(threads):
        arguments += ["-object", f"iothread,id=io{disk}", "-drive", f"if=none,id=null{disk},driver=null-co,size=1G",
                      "-device", Qemu.device(machine, 0, f"virtio-blk,drive=null{disk},num-queues={queues},"
                                                         f"iothread=io{disk}", "")]
    if not threads:
        arguments += ["-drive", "if=none,id=null,driver=null-co,size=1G", *null_disk(machine, bus, queues)]
    arguments += ["-initrd", str(initrd)] if initrd else []
    command = Qemu(arguments=shlex.join(arguments)).command(
        machine, Guest(str(kernel), command_line, rng=False))
    if memory:
        command[command.index("-m") + 1] = str(memory)
    return command


def run(command, who):
    with Process(command) as process:
        process.run(60)
    return reads_a_second(bytes(process.output), who)


def booted(machine, depth, length, bus="blk", cpus=1, threads=0):
    """The command line for a measurement of that length: t=SECONDS or n=REQUESTS."""
    kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
    words = ["app=bench"] + machine.kernel_options() + [
        "--", f"blk qd={depth} {length} cpus={cpus} disks={threads or 1}"]
    return emulated(machine, kernel, " ".join(words), bus=bus, queues=cpus, threads=threads)


def ringlet(machine, depth, bus="blk", cpus=1, threads=0):
    return run(booted(machine, depth, f"t={SECONDS}", bus, cpus, threads), "ringlet")


def floor(machine, depth):
    with Process(emulated(machine, BUILD / "bench" / f"floor-{machine.arch}-{depth}")) as process:
        seconds = between(process, f"qd={depth}", 60)
    return int(READS[depth] / seconds)


def linux(machine, depth, bus="blk", cpus=1):
    folder = BUILD / "bench" / "linux" / machine.arch
    return run(emulated(machine, folder / "vmlinuz", f"console={'ttyAMA0' if machine.arch == 'aarch64' else 'ttyS0'}"
                        f" quiet panic=-1 depth={depth} seconds={SECONDS} cpus={cpus}", folder / "initrd", 512, bus, cpus),
               "linux")


# ---- Whose time it is --------------------------------------------------------------
def watch(process, times):
    """Until it ends: the processor time, in seconds, of each of its threads."""
    tick = os.sysconf("SC_CLK_TCK")
    while process.process.poll() is None:
        for path in pathlib.Path(f"/proc/{process.process.pid}/task").glob("*/stat"):
            try:
                name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue  # it has just ended
            times[(name, path.parent.name)] = sum(map(int, rest.split()[11:13])) / tick
        time.sleep(0.02)


def processor_time(machine, reads, threads=0):
    """(of CPUs, of I/O threads, of all others), in seconds, for a boot and so many reads."""
    times = {}
    with Process(booted(machine, 32, f"n={reads}", threads=threads)) as process:
        watcher = threading.Thread(target=watch, args=(process, times))
        watcher.start()
        process.run(120)
        watcher.join()
    reads_a_second(bytes(process.output), "ringlet")
    kinds = [0.0, 0.0, 0.0]
    for (name, _), seconds in times.items():
        kinds[0 if name.startswith("CPU ") else 1 if name.startswith("IO ") else 2] += seconds
    return kinds


def costs(name, machine, threads):
    """Prints how long a read keeps each thread of the emulator busy, and what follows from that for two CPUs. It is
    the threads' own time: a machine that is busy with something else changes little of it."""
    few, many = 1_000, 1_000_000
    boot, all_of_it = processor_time(machine, few, threads), processor_time(machine, many, threads)
    cpu, thread, others = ((b - a) / (many - few) * 1e6 for a, b in zip(boot, all_of_it))
    one = max(cpu, thread, others)  # each in a thread of its own: the slowest one says how fast it goes
    two = max(cpu / 2, thread / 2, others)  # the main loop stays one
    print(f"bench: processor time a read, us: {name} qd=32 interrupts, {'an I/O thread' if threads else 'no I/O thread'} "
          f"cpu={cpu:.2f} io={thread:.2f} main={others:.2f}: with two CPUs{' and I/O threads' if threads else ''} "
          f"{one / two:.2f} times one at most, on {(cpu + thread + others) / two:.1f} processors; here are "
          f"{len(os.sched_getaffinity(0))}", flush=True)


def compare(label, contestants, rounds):
    """contestants: {name: function}; ringlet is compared with each of the others."""
    results = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            results[name].append(function())
    words = [f"{name}={statistics.median(values):.0f}" for name, values in results.items()]
    words += [f"ringlet/{name}={statistics.median(a / b for a, b in zip(results['ringlet'], values)):.2f}"
              for name, values in results.items() if name != "ringlet"]
    print(f"bench: reads/s {label} {' '.join(words)} rounds={rounds}", flush=True)


def metal(rounds):
    for name, machine in MACHINES:
        has_linux = (BUILD / "bench" / "linux" / machine.arch / "initrd").exists()
        if not has_linux:
            print(f"bench: no Linux kernel for {machine.arch}: make bench-linux fetches Debian's")
        for depth in (1, 32):
            polled = Machine(machine.arch, machine.machine, machine.transport, irq="poll").checked()
            compare(f"{name} qd={depth} polled", {"ringlet": lambda: ringlet(polled, depth),
                                                  "floor": lambda: floor(machine.checked(), depth)}, rounds)
            contestants = {"ringlet": lambda: ringlet(machine.checked(), depth)}
            if has_linux:
                contestants["linux"] = lambda: linux(machine.checked(), depth)
            compare(f"{name} qd={depth} interrupts", contestants, rounds)
        contestants = {"ringlet": lambda: ringlet(machine.checked(), 32, "scsi")}
        if has_linux:
            contestants["linux"] = lambda: linux(machine.checked(), 32, "scsi")
        compare(f"{name} scsi qd=32 interrupts", contestants, rounds)
        two = dataclasses.replace(machine, smp=2).checked()
        contestants = {"ringlet": lambda: ringlet(two, 32, cpus=2), "one": lambda: ringlet(two, 32)}
        if has_linux:
            contestants["linux"] = lambda: linux(two, 32, cpus=2)
        compare(f"{name} qd=32 interrupts, 2 CPUs and 2 queues beside 1", contestants, rounds)
    # On MMIO QEMU has no I/O threads, and the device works in the CPU's thread, under a lock that is all CPUs'.
    for name, machine in (MACHINES[0], ("virt-pci", Machine("aarch64", "virt", "pci"))):
        two = dataclasses.replace(machine, smp=2).checked()
        compare(f"{name} qd=32 interrupts, 2 CPUs with a disk and an I/O thread each beside 1",
                {"ringlet": lambda: ringlet(two, 32, cpus=2, threads=2), "one": lambda: ringlet(two, 32, threads=1)},
                rounds)
        costs(name, machine.checked(), 0)
        costs(name, machine.checked(), 1)


def host(rounds):
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/disk.sock"
        daemon = ["qemu-storage-daemon", "--object", "iothread,id=io", "--blockdev",
                  "driver=null-co,node-name=null,size=1073741824,read-zeroes=off", "--export",
                  f"type=vhost-user-blk,id=disk,node-name=null,addr.type=unix,addr.path={socket},iothread=io"]
        with Process(daemon):
            deadline = time.monotonic() + 10
            while not os.path.exists(socket):
                if time.monotonic() > deadline:
                    raise SystemExit("qemu-storage-daemon does not come up")
                time.sleep(0.05)
            for depth in (1, 32):
                ours = [str(BUILD / "host/ringlet/ringlet"),
                        f"app=bench irq=poll disk=vhost-user:{socket} net=none -- blk qd={depth} t={SECONDS}"]
                bare = {name: [str(BUILD / f"bench/{name}"), socket, str(depth), str(SECONDS)]
                        for name in ("floor-host", "floor-host-indirect")}
                # The second one has its reads in tables, as Ringlet has: they are what the daemon takes longer for.
                compare(f"host qd={depth} polled", {
                    "ringlet": lambda: run(ours, "ringlet"),
                    "floor": lambda: run(bare["floor-host"], "floor"),
                    "floor_indirect": lambda: run(bare["floor-host-indirect"], "floor")}, rounds)


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"bench: 4 KiB reads a second, medians of {rounds} rounds; ratios are medians of each round's",
          flush=True)
    {"metal": metal, "host": host}[sys.argv[1] if len(sys.argv) > 1 else "metal"](rounds)


main()
