# SPDX-License-Identifier: BSD-2-Clause
"""Disks that something is done to, from outside, while the machine runs."""

import dataclasses
import functools
import pathlib
import re
import tempfile

import checks
import disks
from ringlet import qmp
from ringlet.machine import Guest, Machine
from ringlet.test import Failed, Test
from ringlet.vmm import Qemu
from vhost.peers import BUILD, PATIENCE, Peer

MIB = 1 << 20
MACHINES = {
    "q35-msix": Machine(arch="x86_64", machine="q35", irq="msix"),
    "q35-poll": Machine(arch="x86_64", machine="q35", irq="poll"),
    "microvm": Machine(arch="x86_64", machine="microvm"),
    "virt-mmio": Machine(arch="aarch64"),
    "virt-pci-its": Machine(arch="aarch64", transport="pci", gic="3"),
}
SIZES = (24 * MIB, 8 * MIB, 40 * MIB)  # that a disk of 16 MiB is given, one after the other


def resized(machine, ring):
    """block_resize, larger and smaller, under a program that reads: it finds the new end, the kernel tells of each
    change once, and in the image is what was written, as far as it was not cut off."""
    machine = dataclasses.replace(machine, ring=ring).checked()
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        disk = disks.make("scratch", folder, BUILD / "images")
        expected = bytearray(16 * MIB)
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        words = " ".join(["app=blktest", *machine.kernel_options(), "--", f"-r {len(SIZES)}"])
        vmm = Qemu(arguments=f"-qmp unix:{folder}/qmp,server=on,wait=off")
        with Peer(vmm.command(machine, Guest(str(kernel), words, (disk,)))) as peer:
            for number, size in enumerate((*SIZES, None), 1):
                peer.wait_for(f"end {number}", lambda text, n=number: text.count("# pattern at") == n)
                expected[-512:] = checks.pattern(len(expected) - 512, len(expected))
                if size:
                    qmp.ask(f"{folder}/qmp", "block_resize", device="disk0", size=size)
                    del expected[size:]
                    expected.extend(bytes(size - len(expected)))
            code = peer.process.wait(PATIENCE)
        output = peer.text()
        if vmm.status(machine, code, bytes(output, "utf-8")) != 0:
            raise Failed(f"status {code}", output)
        for size in SIZES:
            lines = re.findall(rf"^.*: vda now has {size // 512} sectors$", output, re.MULTILINE)
            if len(lines) != 1:
                raise Failed(f"{len(lines)} lines tell of {size // 512} sectors", output)
        if pathlib.Path(disk.path).read_bytes() != expected:
            raise Failed("the image does not hold what blktest wrote, or holds more", output)
        return output


def tests():
    for name, machine in MACHINES.items():
        for ring in ("split", "packed"):
            suffix = "" if ring == "split" else f"-{ring}"
            yield Test(f"boot/resized/{name}{suffix}", functools.partial(resized, machine, ring))
