# SPDX-License-Identifier: BSD-2-Clause
"""The machine with a program that serves, and ports of this one that lead there."""

import contextlib
import dataclasses
import itertools
import re
import socket

from ringlet.machine import Guest, Machine
from ringlet.test import Failed
from ringlet.vmm import Qemu
from vhost.peers import BUILD, Peer

MACHINES = {
    "q35": Machine(arch="x86_64", machine="q35", irq="msix"),
    "microvm": Machine(arch="x86_64", machine="microvm"),
    "virt-mmio": Machine(arch="aarch64"),
    "virt-pci": Machine(arch="aarch64", transport="pci", gic="3"),
}
TROUBLE = re.compile(r"assertion failed|EXCEPTION|exception:|failed:")
TRIES = 5  # for ports that nobody else takes meanwhile


def variants():
    """(name, machine): each machine with both ring formats, on one CPU and on four."""
    for name, machine in MACHINES.items():
        for ring, smp in itertools.product(("split", "packed"), (1, 4)):
            yield f"{name}-{ring}-{smp}", dataclasses.replace(machine, ring=ring, smp=smp).checked()


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def kernel_of(machine):
    return str(BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf"))


def guest_of(machine, app, arguments="", disks=(), forward="", options=()):
    words = [f"app={app}", *machine.kernel_options(), *options]
    words += ["--", arguments] if arguments else []
    return Guest(kernel_of(machine), " ".join(words), tuple(disks), net="user", forward=forward)


@contextlib.contextmanager
def serving(machine, app, ready, tcp=(), udp=(), path=None, **more):  # pylint: disable=too-many-arguments
    """Yields the machine, which runs until the end of this, and a dictionary: "tcp:80" → the port here. `path`: what the
    command line becomes, so that something is between the two."""
    for _ in range(TRIES):
        ports = {f"tcp:{port}": free_port() for port in tcp}
        ports.update({f"udp:{port}": free_port(socket.SOCK_DGRAM) for port in udp})
        forward = ",".join(f"{name.split(':')[0]}:{outer}:{name.split(':')[1]}"
                           for name, outer in ports.items())
        command = Qemu().command(machine, guest_of(machine, app, forward=forward, **more))
        with Peer(path(command) if path else command) as peer:
            peer.wait_for("it listens", lambda text: re.search(ready, text, re.MULTILINE) or
                          "Could not set up host forwarding" in text)
            if "Could not set up host forwarding" in peer.text():
                continue
            yield peer, ports
            trouble = TROUBLE.search(peer.text())
            if trouble:
                raise Failed(f"it says: {trouble[0]}", peer.text())
            return
    raise Failed("no free port was found")
