# SPDX-License-Identifier: BSD-2-Clause
"""Counts what a guest does for each item of its work: instructions by the plugin (bench/plugin/count.c), notifications and
interrupts by QEMU's trace log. bench/counts.py counts reads with it, bench/net_counts.py frames and datagrams.

A plugin in QEMU counts instructions from one turn of a loop of the guest's to the next, and holds the guest up in between
until the device has finished all that it was given. So each turn finds as many items as were begun together; the median of
the turns is what counts, for a few contain the regular look at a queue or the clock's interrupt as well. Notifications and
interrupts are the difference of two runs, so that what firmware and set-up do is not among them.
"""

import bisect
import collections
import dataclasses
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
TURNS, FEW_TURNS = 25, 5
PATIENCE = 120


def machine_of(name, ring, wait):
    arch, machine, transport = MACHINES[name]
    return Machine(arch, machine, transport, ring=ring, irq="poll" if wait == "poll" else "").checked()


def symbols(arch):
    """[(address, name, file)], ascending: functions only. The file is '' where the image does not tell."""
    output = subprocess.run(["nm", "-n", "-l", BUILD / arch / "ringlet.elf"], capture_output=True, text=True,
                            check=True).stdout
    found = []
    for line in output.splitlines():
        words, _, place = line.partition("\t")
        address, kind, name = words.split()[-3:] if len(words.split()) == 3 else (None, "", "")
        if kind in ("t", "T"):
            file = os.path.relpath(place.rpartition(":")[0], TOP) if place else ""
            found.append((int(address, 16), name, file))
    return found


@dataclasses.dataclass(frozen=True)
class Loop:
    """Where a turn begins, and what runs once for each item: functions. How long the guest is held up; whether a turn
    without an item is part of the next one; and where it is held up, if not where a turn begins."""
    turn: str
    item: str
    pause_us: int
    keep: bool = False
    hold: str = ""


@dataclasses.dataclass
class Run:
    """What one boot counted: (instructions, items) of each turn, {address: times}."""
    turns: list
    places: dict
    notifications: int
    interrupts: int
    output: str

    def median(self, items):
        """Instructions of a turn of so many items; None: there was no such turn."""
        whole = sorted(instructions for instructions, count in self.turns if count == items)
        return statistics.median_low(whole) if whole else None

    def each(self, items):
        """And for each of the items."""
        median = self.median(items)
        return median / items if median else None

    def odd(self, items):
        return sum(count != items for _, count in self.turns)


def run(machine, loop, arguments, words, only=0):
    """Boots the image with those arguments of the emulator's and words of the guest's. `only`: the places are those of turns of
    so many instructions."""
    kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
    address = {name: value for value, name, _ in symbols(machine.arch)}
    with tempfile.TemporaryDirectory() as folder:
        plugin = (f"{BUILD}/bench/count.so,turn={address[loop.turn]:x},item={address[loop.item]:x},pause={loop.pause_us},"
                  f"keep={'on' if loop.keep else 'off'},only={only},hold={address[loop.hold or loop.turn]:x},"
                  f"out={folder}/counts")
        arguments = arguments + ["-plugin", plugin, "-trace", "virtio_queue_notify", "-trace", "virtio_notify*", "-D",
                                 f"{folder}/trace"]
        status, output, _ = boot(Qemu(arguments=shlex.join(arguments)), machine, Guest(str(kernel), words, rng=False),
                                 PATIENCE)
        if status != 0:
            raise SystemExit(f"{machine}: status {status}\n{output}")
        lines = [line.split() for line in pathlib.Path(folder, "counts").read_text().splitlines()]
        trace = pathlib.Path(folder, "trace").read_text()
    return Run(turns=[(int(line[1]), int(line[2])) for line in lines if line[0] == "turn"],
               places={int(line[1], 16): int(line[2]) for line in lines if line[0] == "at"},
               notifications=len(re.findall(r"\bvirtio_queue_notify ", trace)),
               interrupts=len(re.findall(r"\bvirtio_notify(?:_irqfd)? ", trace)), output=output)


@dataclasses.dataclass
class Counts:
    """For each item; and how many turns had another number of them."""
    instructions: float
    notifications: float
    interrupts: float
    odd: int


def compare(run_turns, batch):
    """The counts of a loop of which run_turns(turns) makes a Run, of `batch` items a turn."""
    many, few = run_turns(TURNS), run_turns(FEW_TURNS)
    items = (TURNS - FEW_TURNS) * batch
    instructions = many.each(batch)
    if instructions is None:
        raise SystemExit(f"no turn of {batch}: {many.turns}")
    # A few that the emulator announced twice, or not at all, at one of the two ends make a negative number of none.
    return Counts(instructions, max(0, many.notifications - few.notifications) / items,
                  max(0, many.interrupts - few.interrupts) / items, many.odd(batch))


def by_function(arch, run_only, batch):
    """Where the median turn goes, by two runs of which the first one finds it, and run_only(only) makes a Run:
    [(instructions for an item, name, file)], the most first."""
    median = run_only(0).median(batch)
    counted = run_only(median)
    items = sum(count for instructions, count in counted.turns if instructions == median)
    if not items:
        raise SystemExit(f"no turn of {median} instructions again: {counted.turns}")
    functions = symbols(arch)
    starts = [address for address, _, _ in functions]
    times = collections.Counter()
    for address, count in counted.places.items():
        times[functions[max(0, bisect.bisect_right(starts, address) - 1)]] += count
    return [(count / items, name, file) for (_, name, file), count in times.most_common()]


def histogram(arch, run_only, batch):
    """Prints each function's instructions for an item."""
    lines = by_function(arch, run_only, batch)
    for count, name, file in lines:
        print(f"{count:>8.2f}  {name:<32} {file}")
    print(f"{sum(count for count, _, _ in lines):>8.2f}  in all, for each")


def tell(lines, section, title, command="make bench-counts"):
    """Prints them as they come; with --evidence they go into docs/evidence.md as well."""
    told = []
    for line in lines:
        print(line, flush=True)
        told.append(line)
    if sys.argv[1:] == ["--evidence"]:
        subprocess.run([TOP / "tools/evidence.py", section, "--title", title, "--command", command],
                       input="```\n" + "\n".join(told) + "\n```\n", text=True, check=True)
