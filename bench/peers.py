# SPDX-License-Identifier: BSD-2-Clause
"""The other end of a guest's network, and the emulator's options that connect the two: see bench/peer.c."""

import contextlib
import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from ringlet.vmm import Process, Qemu  # noqa: E402

BUILD = pathlib.Path(os.environ.get("O") or TOP / "build")
PATIENCE = 10
# What it does while the guest sends, receives, or does both.
PEER = {"tx": "sink", "rx": "source", "rr": "echo"}


@contextlib.contextmanager
def peer(folder, *words):
    with Process([str(BUILD / "bench/peer"), words[0], f"{folder}/peer", f"{folder}/guest",
                  *map(str, words[1:])]) as process:
        end = time.monotonic() + PATIENCE
        while not os.path.exists(f"{folder}/peer"):
            if time.monotonic() > end or process.process.poll() is not None:
                raise SystemExit("bench: the peer does not come up")
            time.sleep(0.01)
        yield process


def dgram(machine, folder):
    """The emulator's options for one network interface, with that peer."""
    return ["-netdev", f"dgram,id=net,local.type=unix,local.path={folder}/guest,remote.type=unix,"
            f"remote.path={folder}/peer",
            "-device", Qemu.device(machine, 0, "virtio-net,netdev=net", "romfile=" if machine.transport == "pci" else "")]
