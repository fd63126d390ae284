#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guest instructions, notifications and interrupts for each 4 KiB read: figures that repeat exactly.

    make bench-counts            the table, for every machine, ring format, depth and way of waiting, which
                                 goes into docs/evidence.md as well
    bench/counts.py --profile virt-mmio split 32 poll        where the instructions go, by function

A plugin in QEMU counts instructions from one turn of the event loop to the next, and holds the guest up
in between until the disk (which has nothing behind it, and answers after some milliseconds) has finished
all that it was given. So each turn finds as many answers as requests are in flight; the median of the
turns is the count that is printed, for a few contain the regular look at the queue or the clock's
interrupt as well. Notifications and interrupts are counted in QEMU's trace log, as the difference of two
runs, so that what firmware and set-up do is not among them.
"""

import collections
import itertools
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from ringlet.machine import Guest, Machine  # noqa: E402
from ringlet.vmm import Qemu, boot  # noqa: E402

BUILD = pathlib.Path(os.environ.get("O") or TOP / "build")
MACHINES = {"q35": ("x86_64", "q35", "pci"), "microvm": ("x86_64", "microvm", "mmio"),
            "virt-mmio": ("aarch64", "virt", "mmio"), "virt-pci": ("aarch64", "virt", "pci")}
# At most so many instructions a read, by (depth, way of waiting).
GOALS = {("blk", 32, "poll"): 150, ("blk", 32, "irq"): 200, ("blk", 1, "irq"): 500,
         ("scsi", 32, "poll"): 300, ("scsi", 32, "irq"): 300}
TURNS, FEW_TURNS = 25, 5
DEVICE_NS = 4_000_000  # until the disk answers: the guest is asleep by then
PAUSE_US = 12_000  # and until it has answered everything
# Where a turn begins: what runs once for each look at the queue.
TURN = {"poll": "vport_relax", "irq": "irq_dispatch"}


def symbols(elf):
    """[(address, name)], ascending: functions only."""
    output = subprocess.run(["nm", "-n", elf], capture_output=True, text=True, check=True).stdout
    return [(int(address, 16), name) for address, kind, name in map(str.split, output.splitlines())
            if kind in "tT"]


def devices(machine, bus):
    """The emulator's options for a disk with nothing behind it."""
    drive = ["-drive", f"if=none,id=null,driver=null-co,size=1G,latency-ns={DEVICE_NS}", "-device"]
    if bus == "scsi":
        return drive + [Qemu.device(machine, 0, "virtio-scsi,id=bus", ""), "-device", "scsi-hd,bus=bus.0,drive=null"]
    return drive + [Qemu.device(machine, 0, "virtio-blk,drive=null", "")]


def run(machine_name, ring, depth, wait, turns=TURNS, bus="blk", fixed=1):
    """One boot: (turns as (instructions, items), {address: times}, notifications, interrupts)"""
    arch, machine, transport = MACHINES[machine_name]
    machine = Machine(arch, machine, transport, ring=ring, irq="poll" if wait == "poll" else "").checked()
    elf = BUILD / arch / "ringlet.elf"
    kernel = BUILD / arch / "Image" if arch == "aarch64" else elf
    address = {name: value for value, name in symbols(elf)}
    requests = turns * depth
    with tempfile.TemporaryDirectory() as folder:
        arguments = devices(machine, bus) + [
                     "-plugin", f"{BUILD}/bench/count.so,turn={address[TURN[wait]]:x},"
                     f"item={address['bench_request_done']:x},pause={PAUSE_US},out={folder}/counts",
                     "-trace", "virtio_queue_notify", "-trace", "virtio_notify*", "-D", f"{folder}/trace"]
        words = ["app=bench"] + machine.kernel_options() + ["--", "blk", f"qd={depth}", f"n={requests}", f"fixed={fixed}"]
        guest = Guest(str(kernel), " ".join(words), rng=False)
        status, output, _ = boot(Qemu(arguments=shlex.join(arguments)), machine, guest, 120)
        if status != 0 or f"n={requests} errors=0" not in output:
            raise SystemExit(f"{machine_name} {ring}: status {status}\n{output}")
        lines = [line.split() for line in pathlib.Path(folder, "counts").read_text().splitlines()]
        trace = pathlib.Path(folder, "trace").read_text()
    counted = [(int(line[1]), int(line[2])) for line in lines if line[0] == "turn"]
    places = {int(line[1], 16): int(line[2]) for line in lines if line[0] == "at"}
    return (counted, places, len(re.findall(r"\bvirtio_queue_notify ", trace)),
            len(re.findall(r"\bvirtio_notify(?:_irqfd)? ", trace)))


def count(machine, ring, depth, wait, bus="blk", fixed=1):
    """(instructions, notifications, interrupts for each request, turns that were not as they should be)"""
    turns, _, notifications, interrupts = run(machine, ring, depth, wait, TURNS, bus, fixed)
    _, _, before, interrupts_before = run(machine, ring, depth, wait, FEW_TURNS, bus, fixed)
    requests = (TURNS - FEW_TURNS) * depth
    whole = sorted(instructions for instructions, items in turns if items == depth)
    if not whole:
        raise SystemExit(f"{machine} {ring}: no turn of {depth} answers: {turns}")
    return (statistics.median_low(whole) / depth, (notifications - before) / requests,
            (interrupts - interrupts_before) / requests, len(turns) - len(whole))


def cases():
    """(bus, prepared or not, machine, ring, depth, wait)"""
    rings, waits = ("split", "packed"), ("poll", "irq")
    for machine, ring, depth, wait in itertools.product(MACHINES, rings, (1, 32), waits):
        yield "blk", 1, machine, ring, depth, wait
    for machine, ring, wait in itertools.product(MACHINES, rings, waits):
        yield "scsi", 1, machine, ring, 32, wait
    for machine in MACHINES:
        yield "blk", 0, machine, "split", 32, "poll"


def table():
    """The table's lines, as they come."""
    yield (f"{'disk':<5} {'machine':<10} {'ring':<7} {'depth':>5} {'wait':<5} {'instructions':>12} "
           f"{'notifications':>14} {'interrupts':>11}   each a 4 KiB read")
    missed = 0
    for bus, fixed, machine, ring, depth, wait in cases():
        instructions, notifications, interrupts, odd = count(machine, ring, depth, wait, bus, fixed)
        goal = GOALS.get((bus, depth, wait)) if fixed else None
        over = goal is not None and instructions > goal
        missed += over
        note = f"   goal {goal}" + (": missed" if over else "") if goal else ""
        note += "" if fixed else "   not prepared: fixed=0"
        note += f"   {odd} turns with other answers" if odd else ""
        yield (f"{bus:<5} {machine:<10} {ring:<7} {depth:>5} {wait:<5} {instructions:>12.1f} {notifications:>14.4f} "
               f"{interrupts:>11.4f}{note}")
    yield f"bench-counts: {missed} goals missed" if missed else "bench-counts: all goals reached"


def profile(machine, ring, depth, wait):
    turns, places, _, _ = run(machine, ring, int(depth), wait)
    histogram(machine, places, sum(count for _, count in turns))


def histogram(machine, places, items):
    """Prints each function's instructions for one of so many items."""
    functions = symbols(BUILD / MACHINES[machine][0] / "ringlet.elf")
    times = collections.Counter()
    for address, count in places.items():
        low, high = 0, len(functions)
        while high - low > 1:  # the last function that begins at or before it
            middle = (low + high) // 2
            low, high = (middle, high) if functions[middle][0] <= address else (low, middle)
        times[functions[low][1]] += count
    for name, count in times.most_common():
        if count >= items / 20:
            print(f"{count / items:>8.2f}  {name}")
    print(f"{sum(times.values()) / items:>8.2f}  in all, for each")


def main():
    if sys.argv[1:2] == ["--profile"]:
        profile(*sys.argv[2:6])
        return
    lines = []
    for line in table():
        print(line, flush=True)
        lines.append(line)
    if sys.argv[1:] == ["--evidence"]:
        subprocess.run([TOP / "tools/evidence.py", "bench-counts", "--title", "What a read costs", "--command",
                        "make bench-counts"], input="```\n" + "\n".join(lines) + "\n```\n", text=True, check=True)


if __name__ == "__main__":
    main()
