#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Frames of 64 bytes a second: Ringlet as a process, beside DPDK's own driver for the same back end.

    make bench ARCH=host         or: bench/net.py [ROUNDS]

The back end is dpdk-testpmd's vhost port, which takes all that is sent to it, or sends all it can, and
counts; both front ends are measured by its counts. DPDK's is virtio-user, in another dpdk-testpmd. Each
process polls, on a processor of its own. They take turns, and what is printed is the median of the ratios
of each round. Nothing here passes or fails; figures of a machine that has less than two processors to itself
mean little.
"""

import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from vhost.peers import PROGRAMS, Peer, Switch  # noqa: E402

SECONDS, WARM_UP = 2, 0.5
FOREVER = 2**32 - 1  # frames
CPUS = sorted(os.sched_getaffinity(0))
# What the back end does while a front end sends or receives; DPDK's options for the format of the ring.
BACK = {"tx": "take", "rx": "send"}
DPDK = {"split": "packed_vq=0", "packed": "packed_vq=1"}


@contextlib.contextmanager
def ringlet(socket, _, ring, way):
    with Peer(["taskset", "-c", CPUS[-1], PROGRAMS["plain"],
               f"app=netbench irq=poll ring={ring} net=vhost-user:{socket} -- -p -n {FOREVER} net0 {way}"]) as peer:
        yield peer


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
            with front(socket, folder, ring, way) as peer:
                back.rates(WARM_UP)
                received, sent = back.rates(SECONDS)
                if not peer.reader.is_alive():
                    raise SystemExit(f"{front.__name__}: it has ended\n{peer.text()}")
    return received if way == "tx" else sent


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"bench: frames of 64 bytes a second, medians of {rounds} rounds; ratios are medians of each round's",
          flush=True)
    for ring in ("split", "packed"):
        for way in ("tx", "rx"):
            pairs = [(rate(ringlet, ring, way), rate(dpdk, ring, way)) for _ in range(rounds)]
            if not all(map(all, pairs)):
                raise SystemExit(f"bench: {ring} {way}: nothing moved: {pairs}")
            ours, theirs = (statistics.median(values) for values in zip(*pairs))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"bench: frames/s host {ring} {way} size=64 polled ringlet={ours:.0f} dpdk={theirs:.0f} "
                  f"ringlet/dpdk={ratio:.2f} rounds={rounds} goal=0.95", flush=True)


main()
