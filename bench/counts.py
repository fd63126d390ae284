#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guest instructions, notifications and interrupts for each 4 KiB read: figures that repeat exactly.

    make bench-counts            the table, for every machine, ring format, depth and way of waiting, which
                                 goes into docs/evidence.md as well
    make bench-profile           where a read of depth 1 by interrupts goes, by function: into docs/evidence.md
    bench/counts.py --profile virt-mmio split 32 poll        the same for any row of the table

How it counts, bench/counting.py says. The disk has nothing behind it, and answers after some milliseconds, when the guest
is asleep.
"""

import itertools
import sys

import counting
from counting import MACHINES, Loop, Qemu

# At most so many instructions a read, by (depth, way of waiting).
GOALS = {("blk", 32, "poll"): 150, ("blk", 32, "irq"): 200, ("blk", 1, "irq"): 500,
         ("scsi", 32, "poll"): 300, ("scsi", 32, "irq"): 300}
DEVICE_NS = 4_000_000  # until the disk answers: the guest is asleep by then
PAUSE_US = 12_000  # and until it has answered everything
# A turn begins with what runs once for each look at the queue.
LOOP = {"poll": Loop("vport_relax", "bench_request_done", PAUSE_US), "irq": Loop("irq_dispatch", "bench_request_done", PAUSE_US)}
# What a read of depth 1 passes by: (part, where its functions stand).
PARTS = (("the ring", ("drivers/virtio/virtq", "drivers/virtio/split", "drivers/virtio/packed")),
         ("the queue: drain, doorbell, interrupt", ("drivers/virtio/queue", "drivers/virtio/device", "kernel/port")),
         ("the transport: why the line is up", ("drivers/virtio/mmio", "drivers/virtio/pci")),
         ("block requests", ("drivers/virtio/bl",)),
         ("the interrupt: entry, controller, handlers", ("kernel/irq", "arch/")),
         ("the event loop and its sleep", ("kernel/event",)),
         ("the measuring program and its clock", ("apps/bench",)))
ELSEWHERE = {"arch_now": PARTS[-1][0], "vport_now": PARTS[-1][0], "arch_sleep": PARTS[-2][0], "vport_mark_in_interrupt": PARTS[1][0]}


def devices(machine, bus):
    """The emulator's options for a disk with nothing behind it."""
    drive = ["-drive", f"if=none,id=null,driver=null-co,size=1G,latency-ns={DEVICE_NS}", "-device"]
    if bus == "scsi":
        return drive + [Qemu.device(machine, 0, "virtio-scsi,id=bus", ""), "-device", "scsi-hd,bus=bus.0,drive=null"]
    return drive + [Qemu.device(machine, 0, "virtio-blk,drive=null", "")]


def run(machine_name, ring, depth, wait, turns=counting.TURNS, bus="blk", fixed=1, only=0):
    """One boot."""
    machine, requests = counting.machine_of(machine_name, ring, wait), turns * depth
    words = ["app=bench"] + machine.kernel_options() + ["--", "blk", f"qd={depth}", f"n={requests}", f"fixed={fixed}"]
    counted = counting.run(machine, LOOP[wait], devices(machine, bus), " ".join(words), only)
    if f"n={requests} errors=0" not in counted.output:
        raise SystemExit(f"{machine_name} {ring}:\n{counted.output}")
    return counted


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
        each = counting.compare(lambda turns: run(machine, ring, depth, wait, turns, bus, fixed), depth)
        goal = GOALS.get((bus, depth, wait)) if fixed else None
        over = goal is not None and each.instructions > goal
        missed += over
        note = f"   goal {goal}" + (": missed" if over else "") if goal else ""
        note += "" if fixed else "   not prepared: fixed=0"
        note += f"   {each.odd} turns with other answers" if each.odd else ""
        yield (f"{bus:<5} {machine:<10} {ring:<7} {depth:>5} {wait:<5} {each.instructions:>12.1f} "
               f"{each.notifications:>14.4f} {each.interrupts:>11.4f}{note}")
    yield f"bench-counts: {missed} goals missed" if missed else "bench-counts: all goals reached"


# ---- Where they go ------------------------------------------------------------------------
def part_of(name, file):
    """What has no file is the trap code's."""
    return ELSEWHERE.get(name) or next(part for part, places in PARTS
                                       if (file or "arch/").startswith(places))


def parts():
    """Where a read of depth 1 by interrupts goes: the table's lines, as they come."""
    profiles = {}
    for machine, ring in itertools.product(MACHINES, ("split", "packed")):
        profiles[machine, ring] = counting.by_function(
            MACHINES[machine][0], lambda only: run(machine, ring, 1, "irq", only=only), 1)
    names = [f"{machine} {ring}" for machine, ring in profiles]
    yield "".join(f"{name:>17}" for name in names) + "   instructions of a 4 KiB read"
    for part, _ in PARTS:
        functions = {}
        for column, lines in enumerate(profiles.values()):
            for count, name, file in lines:
                if part_of(name, file) == part:
                    functions.setdefault(name, [0.0] * len(names))[column] += count
        yield "".join(f"{sum(column):>17.1f}" for column in zip(*functions.values())) + f"   {part}"
        for name, columns in sorted(functions.items(), key=lambda item: -sum(item[1])):
            if sum(columns) >= 1:
                yield "".join(f"{count:>17.1f}" if count else f"{'':>17}" for count in columns) + f"     {name}"
    yield "".join(f"{sum(count for count, _, _ in lines):>17.1f}" for lines in profiles.values()) + "   in all"


def main():
    if sys.argv[1:2] == ["--profile"]:
        machine, ring, depth, wait = sys.argv[2:6]
        counting.histogram(MACHINES[machine][0], lambda only: run(machine, ring, int(depth), wait, only=only), int(depth))
    elif sys.argv[1:2] == ["--parts"]:
        del sys.argv[1]
        counting.tell(parts(), "bench-profile", "Where a read of depth 1 goes", "make bench-profile")
    else:
        counting.tell(table(), "bench-counts", "What a read costs")


if __name__ == "__main__":
    main()
