#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The stack on a tap device, which offers checksums and segmentation both ways.

    unshare -Urn tests/network/tap.py NAME        one of the machines that cases.py names

It is run in a network namespace of its own, in which it is root: there the device is made. Prints what happened; status 1
when something was wrong.
"""

import pathlib
import random
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from network import http_client  # noqa: E402
from network.guest import kernel_of, variants  # noqa: E402
from ringlet.machine import Guest  # noqa: E402
from ringlet.test import Failed  # noqa: E402
from ringlet.vmm import Qemu  # noqa: E402
from units import Shell  # noqa: E402

OWN, OTHER = "10.9.0.1", "10.9.0.2"
BYTES = 8 << 20
SETUP = ("ip link set lo up", "ip tuntap add tap0 mode tap vnet_hdr", f"ip addr add {OWN}/24 dev tap0",
         "ip link set tap0 up")


# Written at once, once segments have grown: a little more than the peer takes of one, whose packet is larger than the MTU
# or, with the headers that it might have, is not.
A_LITTLE_MORE = (1461, 1472, 1480, 1492, 1500, 2921)


def there_and_back(connection, data):
    sender = threading.Thread(target=connection.sendall, args=(data,), daemon=True)
    sender.start()
    back = bytearray()
    while len(back) < len(data) and (piece := connection.recv(1 << 20)):
        back += piece
    sender.join()
    if back != data:
        raise Failed(f"{len(back)} bytes came back that are not the {len(data)} that were sent")


def echo(data):
    """By one connection, in large pieces, so that both sides have segments to merge and to cut, and then in such as are
    hardly to be cut."""
    with socket.create_connection((OTHER, 7), http_client.PATIENCE) as connection:
        there_and_back(connection, data)
        for length in A_LITTLE_MORE:
            there_and_back(connection, data[:length])
        connection.shutdown(socket.SHUT_WR)
        if connection.recv(1):
            raise Failed("more came back than was sent")


def frames(output, which):
    """(how many, bytes) of those, as `net stats` tells."""
    return [int(re.search(rf" {which}{what}=(\d+)", output)[1]) for what in ("", "_bytes")]


def main():
    for line in SETUP:
        subprocess.run(line.split(), check=True)
    machine = dict(variants())[sys.argv[1]]
    words = ["app=shell", f"ip={OTHER}/24,gw={OWN}", *machine.kernel_options()]
    guest = Guest(kernel_of(machine), " ".join(words), net="tap:tap0")
    with Shell(Qemu().command(machine, guest), stdin=subprocess.PIPE) as shell:
        shell.wait_for("the shell", lambda text: "ringlet> " in text)
        shell.type("run echo -n 1")
        shell.wait_for("it listens", lambda text: "echo: listening" in text)
        echo(random.Random(4).randbytes(BYTES))
        shell.until(r" received_bytes=", "net stats")
        shell.type("halt")
        shell.process.wait(http_client.PATIENCE)
        output = shell.text()
    print(output)
    if "assertion failed" in output or "EXIT: STATUS=0" not in output:
        raise Failed("it did not end well", output)
    for which in ("sent", "received"):
        count, length = frames(output, which)
        # Acknowledgements are frames too, and the last ones are not counted yet; cut by somebody else there would be three
        # times as many.
        if length < BYTES * 3 // 4 or length / count < 2000:
            raise Failed(f"{count} frames {which}, of {length} bytes: nothing was left to the device to cut")


try:
    main()
except Failed as failure:
    print(failure.output)
    print(f"tap: {failure}")
    sys.exit(1)
