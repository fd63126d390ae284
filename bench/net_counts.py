#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guest instructions, notifications and interrupts for each 64-byte frame: figures that repeat exactly.

    make bench-counts            the table, for every machine and ring format, sent (tx), received (rx) and sent
                                 and answered (rr), and by UDP sockets, which goes into docs/evidence.md as well
    bench/net_counts.py --profile virt-mmio split rx poll       where the instructions go, by function
    bench/net_counts.py --profile q35 split udp-tx irq

How it counts, bench/counting.py says. The peer (bench/peer.c) takes what is sent, sends so many at once with a pause behind
them, or answers. A turn is a batch: 32 frames sent, or 64 received, or one that is answered. (What is sent one by one is
taken back 32 at a time: in a turn of one, mostly nothing.) By UDP sockets 64 datagrams are a turn, with all that it takes
to be their program: its clock, its turns of the event loop, the stack's.
"""

import itertools
import re
import sys
import tempfile

import counting
from counting import MACHINES, Loop
from peers import PEER, dgram, peer

GOAL = 200  # instructions for a frame
BATCH = {"tx": 32, "rx": 64, "rr": 1}
PAUSE_US = {"tx": 100_000, "rx": 20_000, "rr": 20_000}  # until the peer, and what is between, have done their part
SOURCE_US = 100_000  # between two batches: the guest has dealt with the first one by then
# Where a turn begins, and what runs once for each frame.
TURN = {("tx", "poll"): "net_send", ("tx", "irq"): "net_send", ("rx", "poll"): "net_poll", ("rx", "irq"): "irq_dispatch",
        ("rr", "poll"): "net_poll", ("rr", "irq"): "irq_dispatch"}
ITEM = {"tx": "netbench_done", "rx": "net_release", "rr": "net_send"}


def run(machine_name, ring, way, wait, turns=counting.TURNS, only=0):
    """One boot."""
    machine, frames = counting.machine_of(machine_name, ring, wait), turns * BATCH[way]
    loop = Loop(TURN[way, wait], ITEM[way], PAUSE_US[way], way == "rr")
    words = ["app=netbench"] + machine.kernel_options() + ["--"] + (["-p"] if wait == "poll" else [])
    with tempfile.TemporaryDirectory() as folder, \
            peer(folder, PEER[way], *((BATCH[way], SOURCE_US) if way == "rx" else ())):
        counted = counting.run(machine, loop, dgram(machine, folder), " ".join(words + [f"-n {frames} net0 {way}"]),
                               only)
    if not re.search(r"n=\d+ errors=0", counted.output):
        raise SystemExit(f"{machine_name} {ring} {way} {wait}:\n{counted.output}")
    return counted


# By a UDP socket, where the image has the network programs: (the peer, the program and its arguments, the loop, how many
# datagrams a turn has, at most so many instructions for each).
SOCKETS = {
    "udp-tx": (("sink",), "iperf", "-c 10.0.0.1 -u -b 0 -l 22 -t 3", Loop("vport_relax", "net_send", 1000, True, "net_send"), 64,
               1500),
    "udp-rr": (("source", 64, SOURCE_US), "echo", "-p 9000 -t 5", Loop("irq_dispatch", "sendto", 20_000, True), 64, 3000),
}


def has_sockets(machine_name):
    return any(name == "sendto" for _, name, _ in counting.symbols(MACHINES[machine_name][0]))


def run_socket(machine_name, ring, way, only=0):
    """The same, by a socket; for a second or more."""
    peer_words, app, words, loop, _, _ = SOCKETS[way]
    machine = counting.machine_of(machine_name, ring, "irq")
    options = ["app=" + app, "ip=10.0.0.2/24"] + machine.kernel_options() + ["--", words]
    with tempfile.TemporaryDirectory() as folder, peer(folder, *peer_words):
        return counting.run(machine, loop, dgram(machine, folder), " ".join(options), only)


def table():
    """The table's lines, as they come."""
    yield (f"{'machine':<10} {'ring':<7} {'way':<6} {'batch':>3} {'wait':<5} {'instructions':>12} {'notifications':>14} "
           f"{'interrupts':>11}   each a frame of 64 bytes")
    missed = 0
    for machine, ring, way, wait in itertools.product(MACHINES, ("split", "packed"), BATCH, ("poll", "irq")):
        each = counting.compare(lambda turns: run(machine, ring, way, wait, turns), BATCH[way])
        goal = GOAL if way != "rr" else None
        over = goal is not None and each.instructions > goal
        missed += over
        note = f"   goal {goal}" + (": missed" if over else "") if goal else ""
        note += f"   {each.odd} turns with other numbers" if each.odd else ""
        yield (f"{machine:<10} {ring:<7} {way:<6} {BATCH[way]:>3} {wait:<5} {each.instructions:>12.1f} "
               f"{each.notifications:>14.4f} {each.interrupts:>11.4f}{note}")
    for machine, ring, way in itertools.product(MACHINES, ("split", "packed"), SOCKETS):
        if not has_sockets(machine):
            yield "no network programs in the image (make deps fetches what they need): nothing by UDP sockets"
            break
        batch, goal = SOCKETS[way][4:]
        instructions = run_socket(machine, ring, way).each(batch)
        if instructions is None:
            raise SystemExit(f"{machine} {ring} {way}: no turn of {batch}")
        missed += instructions > goal
        yield (f"{machine:<10} {ring:<7} {way:<6} {batch:>3} {'irq':<5} {instructions:>12.1f} {'':>14} {'':>11}   goal {goal}"
               + (": missed" if instructions > goal else ""))
    yield f"bench-counts: {missed} goals missed" if missed else "bench-counts: all goals reached"


def main():
    if sys.argv[1:2] == ["--profile"]:
        machine, ring, way, wait = sys.argv[2:6]
        if way in SOCKETS:
            counting.histogram(MACHINES[machine][0], lambda only: run_socket(machine, ring, way, only), SOCKETS[way][4])
        else:
            counting.histogram(MACHINES[machine][0], lambda only: run(machine, ring, way, wait, only=only), BATCH[way])
    else:
        counting.tell(table(), "bench-counts-net", "What a frame costs")


if __name__ == "__main__":
    main()
