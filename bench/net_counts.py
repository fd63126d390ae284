#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guest instructions, notifications and interrupts for each 64-byte frame: figures that repeat exactly.

    make bench-counts            the table, for every machine and ring format, sent (tx), received (rx) and sent
                                 and answered (rr), which goes into docs/evidence.md as well
    bench/net_counts.py --profile virt-mmio split rx poll       where the instructions go, by function

As bench/counts.py counts reads, and by its plugin. The peer (bench/peer.c) takes what is sent, sends so many
at once with a pause behind them, or answers; and the guest is held up at the beginning of each turn until all
that is there. A turn is a batch: 32 frames sent, or 64 received, or one that is answered.
"""

import itertools
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

import counts
from counts import BUILD, MACHINES, TOP, Guest, Machine, Qemu, boot, symbols
from peers import PEER, dgram, peer

GOAL = 200  # instructions for a frame
TURNS, FEW_TURNS = 25, 5
BATCH = {"tx": 32, "rx": 64, "rr": 1}
PAUSE_US = {"tx": 100_000, "rx": 20_000, "rr": 20_000}  # until the peer, and what is between, have done their part
SOURCE_US = 100_000  # between two batches: the guest has dealt with the first one by then
# Where a turn begins, and what runs once for each frame.
TURN = {("tx", "poll"): "net_send", ("tx", "irq"): "net_send", ("rx", "poll"): "net_poll", ("rx", "irq"): "irq_dispatch",
        ("rr", "poll"): "net_poll", ("rr", "irq"): "irq_dispatch"}
ITEM = {"tx": "netbench_done", "rx": "net_release", "rr": "net_send"}


def run(machine_name, ring, way, wait, turns):
    """One boot: (turns as (instructions, frames), {address: times}, notifications, interrupts)"""
    arch, machine, transport = MACHINES[machine_name]
    machine = Machine(arch, machine, transport, ring=ring, irq="poll" if wait == "poll" else "").checked()
    elf = BUILD / arch / "ringlet.elf"
    kernel = BUILD / arch / "Image" if arch == "aarch64" else elf
    address = {name: value for value, name in symbols(elf)}
    frames = turns * BATCH[way]
    with tempfile.TemporaryDirectory() as folder, \
            peer(folder, PEER[way], *((BATCH[way], SOURCE_US) if way == "rx" else ())):
        arguments = dgram(machine, folder) + [
            "-plugin", f"{BUILD}/bench/count.so,turn={address[TURN[way, wait]]:x},item={address[ITEM[way]]:x},"
            f"pause={PAUSE_US[way]},keep={'on' if way == 'rr' else 'off'},out={folder}/counts",
            "-trace", "virtio_queue_notify", "-trace", "virtio_notify*", "-D", f"{folder}/trace"]
        words = ["app=netbench"] + machine.kernel_options() + ["--"] + (["-p"] if wait == "poll" else [])
        guest = Guest(str(kernel), " ".join(words + [f"-n {frames} net0 {way}"]), rng=False)
        status, output, _ = boot(Qemu(arguments=shlex.join(arguments)), machine, guest, 120)
        if status != 0 or not re.search(r"n=\d+ errors=0", output):
            raise SystemExit(f"{machine_name} {ring} {way} {wait}: status {status}\n{output}")
        lines = [line.split() for line in pathlib.Path(folder, "counts").read_text().splitlines()]
        trace = pathlib.Path(folder, "trace").read_text()
    counted = [(int(line[1]), int(line[2])) for line in lines if line[0] == "turn"]
    places = {int(line[1], 16): int(line[2]) for line in lines if line[0] == "at"}
    return (counted, places, len(re.findall(r"\bvirtio_queue_notify ", trace)),
            len(re.findall(r"\bvirtio_notify(?:_irqfd)? ", trace)))


def count(machine, ring, way, wait):
    """(instructions, notifications, interrupts for each frame, turns that were not as they should be)"""
    turns, _, notifications, interrupts = run(machine, ring, way, wait, TURNS)
    _, _, before, interrupts_before = run(machine, ring, way, wait, FEW_TURNS)
    frames = (TURNS - FEW_TURNS) * BATCH[way]
    whole = sorted(instructions for instructions, items in turns if items == BATCH[way])
    if not whole:
        raise SystemExit(f"{machine} {ring} {way} {wait}: no turn of {BATCH[way]} frames: {turns}")
    return (statistics.median_low(whole) / BATCH[way], (notifications - before) / frames,
            max(0, interrupts - interrupts_before) / frames, len(turns) - len(whole))


# By a UDP socket, where the image has the network programs: (the peer, the program and its arguments, where a turn
# begins, what runs once for each datagram, how many of them a turn has, at most so many instructions for each).
SOCKETS = {
    "udp-tx": (("sink",), "iperf", "-c 10.0.0.1 -u -b 0 -l 22 -t 1", "net_send", "udp_sendto", 1, 1500),
    "udp-rr": (("source", 64, SOURCE_US), "echo", "-p 9000 -t 5", "irq_dispatch", "sendto", 64, 3000),
}


def count_socket(machine_name, ring, way):
    """(instructions for each datagram of 22 bytes; how many in a turn; its goal)"""
    peer_words, app, words, turn, item, batch, goal = SOCKETS[way]
    arch, machine, transport = MACHINES[machine_name]
    machine = Machine(arch, machine, transport, ring=ring).checked()
    elf = BUILD / arch / "ringlet.elf"
    address = {name: value for value, name in symbols(elf)}
    if item not in address:
        return None
    with tempfile.TemporaryDirectory() as folder, peer(folder, *peer_words):
        arguments = dgram(machine, folder) + [
            "-plugin", f"{BUILD}/bench/count.so,turn={address[turn]:x},item={address[item]:x},pause=3000,keep=on,"
            f"out={folder}/counts"]
        options = ["app=" + app, "ip=10.0.0.2/24"] + machine.kernel_options() + ["--", words]
        kernel = BUILD / arch / "Image" if arch == "aarch64" else elf
        guest = Guest(str(kernel), " ".join(options), rng=False)
        status, output, _ = boot(Qemu(arguments=shlex.join(arguments)), machine, guest, 120)
        lines = [line.split() for line in pathlib.Path(folder, "counts").read_text().splitlines()]
    whole = [int(line[1]) for line in lines if line[0] == "turn" and int(line[2]) == batch]
    if status != 0 or not whole:
        raise SystemExit(f"{machine_name} {ring} {way}: status {status}\n{output}")
    return statistics.median_low(whole) / batch, batch, goal


def table():
    """The table's lines, as they come."""
    yield (f"{'machine':<10} {'ring':<7} {'way':<6} {'batch':>3} {'wait':<5} {'instructions':>12} {'notifications':>14} "
           f"{'interrupts':>11}   each a frame of 64 bytes")
    missed = 0
    for machine, ring, way, wait in itertools.product(MACHINES, ("split", "packed"), BATCH, ("poll", "irq")):
        instructions, notifications, interrupts, odd = count(machine, ring, way, wait)
        goal = GOAL if way != "rr" else None
        over = goal is not None and instructions > goal
        missed += over
        note = f"   goal {goal}" + (": missed" if over else "") if goal else ""
        note += f"   {odd} turns with other numbers" if odd else ""
        yield (f"{machine:<10} {ring:<7} {way:<6} {BATCH[way]:>3} {wait:<5} {instructions:>12.1f} {notifications:>14.4f} "
               f"{interrupts:>11.4f}{note}")
    for machine, ring, way in itertools.product(MACHINES, ("split", "packed"), SOCKETS):
        found = count_socket(machine, ring, way)
        if not found:
            yield "no network programs in the image (make deps fetches what they need): nothing by UDP sockets"
            break
        instructions, batch, goal = found
        missed += instructions > goal
        yield (f"{machine:<10} {ring:<7} {way:<6} {batch:>3} {'irq':<5} {instructions:>12.1f} {'':>14} {'':>11}   goal {goal}"
               + (": missed" if instructions > goal else ""))
    yield f"bench-counts: {missed} goals missed" if missed else "bench-counts: all goals reached"


def main():
    if sys.argv[1:2] == ["--profile"]:
        machine, ring, way, wait = sys.argv[2:6]
        turns, places, _, _ = run(machine, ring, way, wait, TURNS)
        counts.histogram(machine, places, sum(items for _, items in turns))
        return
    lines = []
    for line in table():
        print(line, flush=True)
        lines.append(line)
    if sys.argv[1:] == ["--evidence"]:
        subprocess.run([TOP / "tools/evidence.py", "bench-counts-net", "--title", "What a frame costs", "--command",
                        "make bench-counts"], input="```\n" + "\n".join(lines) + "\n```\n", text=True, check=True)


if __name__ == "__main__":
    main()
