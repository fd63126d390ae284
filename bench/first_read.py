#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How long it takes from starting QEMU to the first completed 4 KiB read of a disk.

    make bench            or: bench/first_read.py [RUNS]

The program apps/firstread prints a line when its first read has completed; the time at which the
line arrives is what counts. Each run is followed by one of QEMU alone, from start to quit, so the
two medians compare on whatever machine this is. Nothing here passes or fails.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from ringlet.machine import Disk, Guest, Machine  # noqa: E402
from ringlet.vmm import Process, Qemu  # noqa: E402

BUILD = pathlib.Path(os.environ.get("O") or TOP / "build")
MACHINES = (("q35", Machine("x86_64", "q35"), 0.10), ("microvm", Machine("x86_64", "microvm"), None),
            ("virt", Machine("aarch64", "virt"), 0.05))
LINE = b"firstread: ok"


def to_first_read(command):
    """Seconds until the line arrives; the process is ended then."""
    start = time.monotonic()
    with Process(command) as process:
        seen = []

        def look(_):
            if not seen and LINE in process.output:
                seen.append(time.monotonic() - start)
                process.kill()
        process.run(60, look)
    if not seen:
        raise SystemExit(f"no {LINE.decode()!r} came:\n{process.output.decode(errors='replace')}")
    return seen[0]


def alone(command):
    """Seconds from QEMU's start to its end when it is told to quit at once."""
    start = time.monotonic()
    subprocess.run(command + ["-S", "-monitor", "stdio"], input=b"quit\n", check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    disk = Disk(str(BUILD / "images" / "pattern.raw"))
    print(f"bench: from QEMU's start to the first completed 4 KiB read, medians of {runs} runs")
    for name, machine, goal in MACHINES:
        machine = machine.checked()
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        guest = Guest(str(kernel), "app=firstread", (disk,), rng=False)
        reads, quits = [], []
        for _ in range(runs):
            reads.append(to_first_read(Qemu().command(machine, guest)))
            quits.append(alone(Qemu().command(machine, guest, console="null")))
        read, bare = statistics.median(reads), statistics.median(quits)
        print(f"bench: firstread {name} seconds={read:.3f} qemu_alone={bare:.3f} "
              f"ratio={read / bare:.2f} n={runs}" + (f" goal={goal:.2f}" if goal else ""))


main()
