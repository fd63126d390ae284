#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Keeps machines of every kind busy for a long time: `make soak SECONDS=n`, `make soak-writes REQUESTS=n`,
`make soak-cpus RUNS=n`.

    tests/soak/soak.py reads [SECONDS] | writes [REQUESTS] | cpus [RUNS]

Two machines at a time. reads: each boots iocheck with two disks for that long; a single failed read, reset, or second
without reads is a failure. writes: so many requests, dealt over the machines, each with four CPUs that write blocks and
read them again (apps/writecheck), and at the end the image is read from outside; a single block that is not what was
written last is a failure, and so is an error. cpus: each boots apps/smp and apps/selftest so many times; a run that does not
end well, or not at all (a wake that is lost keeps all waiting), is a failure. The figures are of no use for speed; they say how much was done.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

import checks  # noqa: E402
from ringlet.machine import Disk, Guest, Machine  # noqa: E402
from ringlet.vmm import Qemu, boot  # noqa: E402

BUILD = pathlib.Path(os.environ.get("O") or TOP / "build")
LINE = re.compile(r"^iocheck: (\w+) t=(\d+) ok=(\d+) errors=(\d+) resets=(\d+) slowest_ms=(\d+)$", re.M)
TOLD = re.compile(r"^writecheck: \w+ cpus=(\d+) written=(\d+) read=(\d+) flushed=(\d+) errors=(\d+) "
                  r"resets=(\d+) unknown=(\d+) bad=(\d+) sum=\d+$", re.M)

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
CPUS = 4
UNITS = {"": "num-queues=4", ", scsi": ""}  # a disk of virtio-blk, or a unit behind virtio-scsi


def booted(machine, words, disks, timeout, scsi=""):
    """(status, output)"""
    kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
    app, _, arguments = words.partition(" ")
    options = " ".join([f"app={app}", *machine.kernel_options(), "--", arguments])
    status, text, _ = boot(Qemu(), machine, Guest(str(kernel), options, disks, scsi=scsi), timeout)
    return status, text


# ---- Reads ------------------------------------------------------------------------
def reads(machine, image, seconds):
    """(a row's figures, what is wrong or "")"""
    status, text = booted(machine, f"iocheck -t {seconds}", (Disk(image), Disk(image)), seconds + 60)
    rows = [tuple(map(int, row[1:])) for row in LINE.findall(text)]
    wrong = f"status {status}" if status else ""
    if len(rows) < 2 * seconds:
        wrong = wrong or f"{len(rows)} lines of {2 * seconds}"
    if any(ok == 0 or errors or resets for _, ok, errors, resets, _ in rows):
        wrong = wrong or "an error, a reset, or a second without reads"
    return [sum(row[1] for row in rows), sum(row[2] for row in rows), sum(row[3] for row in rows),
            max((row[4] for row in rows), default=0)], wrong


def soak_reads(seconds, folder):
    image = f"{folder}/disk.raw"
    subprocess.run([TOP / "test-images/pattern.py", image, str(64 << 20)], check=True)
    text = f"{seconds} seconds a machine, two disks each, 8 random reads of 4 KiB in flight on each."
    jobs = {name: (reads, machine, image, seconds) for name, machine in MACHINES.items()}
    return text, ("reads", "errors", "resets", "slowest, ms"), jobs


# ---- Writes -----------------------------------------------------------------------
def writes(machine, kind, image, requests):
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    scsi = "0:0" if kind else ""
    disk = Disk(image, writable=True, options=UNITS[kind], scsi=scsi)
    status, text = booted(machine, f"writecheck -n {requests}", (disk,), 120 + requests // 500,
                          f"num_queues={CPUS}" if kind else "")
    told = TOLD.search(text)
    if status or not told:
        return [0] * 6, f"status {status}: {text[-400:]}"
    cpus, written, read, flushed, errors, resets, unknown, bad = map(int, told.groups())
    wrong = checks.stamped(text, [disk]) or ""
    if cpus != CPUS or errors or resets or unknown:
        wrong = wrong or told[0]
    return [written, read, flushed, errors, resets, bad], wrong


def soak_writes(requests, folder):
    machines = {f"{name}{kind}": (dataclasses.replace(machine, smp=CPUS), kind)
                for kind in UNITS for name, machine in MACHINES.items() if machine.irq != "intx"}
    share = -(-requests // len(machines))
    text = (f"At least {requests:,} requests in all, by {CPUS} CPUs with 8 of 4 KiB in flight each; half of those "
            "are prepared.")
    jobs = {name: (writes, machine, kind, f"{folder}/{number}.raw", share)
            for number, (name, (machine, kind)) in enumerate(machines.items())}
    return text, ("writes", "reads", "flushes", "errors", "resets", "bad"), jobs


# ---- CPUs -------------------------------------------------------------------------
CPU_MACHINES = {"q35": {}, "pc": {"machine": "pc"}, "microvm": {"machine": "microvm"},
                "virt, GICv2": {"arch": "aarch64"}, "virt, GICv3": {"arch": "aarch64", "gic": "3"},
                "virt, EL2": {"arch": "aarch64", "options": "virtualization=on"}}
PATIENCE = 300  # seconds for a run that takes one or two: the machine may be busy with others


def cpu_runs(machine, runs):
    ended, slowest = 0, 0.0
    for words in (f"smp {machine.smp}", "selftest") * runs:
        begin = time.monotonic()
        status, text = booted(machine, words, (), PATIENCE)
        slowest = max(slowest, time.monotonic() - begin)
        if status:
            return [ended, round(slowest)], f"{words}: status {status}: {text[-400:]}"
        ended += 1
    return [ended, round(slowest)], ""


def soak_cpus(runs, _):
    text = (f"`apps/smp` and `apps/selftest`, {runs} times each: marks, wakes, removals, work and locks between CPUs, "
            "of which QEMU has more here than the machine that it runs on.")
    jobs = {f"{name}, {smp} CPUs": (cpu_runs, Machine(smp=smp, **fields).checked(), runs)
            for name, fields in CPU_MACHINES.items() for smp in (2, 4, 8)}
    return text, ("runs that ended well", "slowest, s"), jobs


# ---- All of them -------------------------------------------------------------------------
def main():
    what = sys.argv[1]
    section, variable, usual, kind = {"reads": ("soak", "SECONDS", 60, soak_reads),
                                      "writes": ("soak-writes", "REQUESTS", 240000, soak_writes),
                                      "cpus": ("soak-cpus", "RUNS", 20, soak_cpus)}[what]
    given = sys.argv[2] if len(sys.argv) > 2 else str(usual)
    if not given.isdecimal() or int(given) == 0:
        print(f"{variable}={given}: a number of at least 1 is wanted")
        return 2
    amount = int(given)
    failed = False
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        text, columns, jobs = kind(amount, folder)
        lines = [text, "", f"| machine | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
        started = {name: pool.submit(*job) for name, job in jobs.items()}
        for name, job in started.items():
            figures, wrong = job.result()
            row = " | ".join(f"{figure:,}" for figure in figures)
            lines.append(f"| {name} | {row} |")
            print(f"soak: {name}: {row}{': FAILED: ' + wrong if wrong else ''}", flush=True)
            failed |= bool(wrong)
    if not failed:
        subprocess.run([TOP / "tools/evidence.py", section, "--command", f"make {section} {variable}={amount}",
                        "--done", str(amount), "--usual", str(usual)],
                       input="\n".join(lines), text=True, check=True)
    return 1 if failed else 0


sys.exit(main())
