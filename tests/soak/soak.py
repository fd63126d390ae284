#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Keeps disks busy for a long time on every kind of machine: `make soak SECONDS=n`.

Each machine boots iocheck with two disks for that long, two machines at a time. A single failed read, reset, or
second without reads is a failure. The figures are of no use for speed; they say how much was done.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from ringlet.machine import Disk, Guest, Machine  # noqa: E402
from ringlet.vmm import Qemu, boot  # noqa: E402

LINE = re.compile(r"^iocheck: (\w+) t=(\d+) ok=(\d+) errors=(\d+) resets=(\d+) slowest_ms=(\d+)$", re.M)

MACHINES = {f"{name}, {ring}": Machine(ring=ring, **fields).checked()
            for ring in ("split", "packed") for name, fields in {
                "q35": {},
                "q35 by INTx": {"irq": "intx"},
                "microvm": {"machine": "microvm"},
                "virt, MMIO": {"arch": "aarch64"},
                "virt, PCI, GICv2m": {"arch": "aarch64", "transport": "pci"},
                "virt, PCI, ITS": {"arch": "aarch64", "transport": "pci", "gic": "3"},
                "virt, PCI, polled": {"arch": "aarch64", "transport": "pci", "irq": "poll"},
            }.items()}


def soak(machine, image, seconds):
    """(reads, errors, resets, slowest in ms, what is wrong or "")"""
    build = TOP / os.environ.get("O", "build") / machine.arch
    kernel = build / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
    options = " ".join(["app=iocheck"] + machine.kernel_options())
    guest = Guest(str(kernel), f"{options} -- -t {seconds}", (Disk(image), Disk(image)))
    status, text, _ = boot(Qemu(), machine, guest, seconds + 60)
    rows = [tuple(map(int, row[1:])) for row in LINE.findall(text)]
    wrong = f"status {status}" if status else ""
    if len(rows) < 2 * seconds:
        wrong = wrong or f"{len(rows)} lines of {2 * seconds}"
    if any(ok == 0 or errors or resets for _, ok, errors, resets, _ in rows):
        wrong = wrong or "an error, a reset, or a second without reads"
    return (sum(row[1] for row in rows), sum(row[2] for row in rows), sum(row[3] for row in rows),
            max((row[4] for row in rows), default=0), wrong)


def main():
    seconds = int(sys.argv[1])
    failed = False
    lines = [f"{seconds} seconds a machine, two disks each, 8 random reads of 4 KiB in flight on each.", "",
             "| machine | reads | errors | resets | slowest, ms |", "|---|---:|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        image = f"{folder}/disk.raw"
        subprocess.run([TOP / "test-images/pattern.py", image, str(64 << 20)], check=True)
        jobs = {name: pool.submit(soak, machine, image, seconds)
                for name, machine in MACHINES.items()}
        for name, job in jobs.items():
            reads, errors, resets, slowest, wrong = job.result()
            lines.append(f"| {name} | {reads:,} | {errors} | {resets} | {slowest} |")
            print(f"soak: {name}: {reads} reads, slowest {slowest} ms{': FAILED: ' + wrong if wrong else ''}",
                  flush=True)
            failed |= bool(wrong)
    subprocess.run([TOP / "tools/evidence.py", "soak", "--command", f"make soak SECONDS={seconds}"],
                   input="\n".join(lines), text=True, check=True)
    return 1 if failed else 0


sys.exit(main())
