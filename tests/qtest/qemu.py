# SPDX-License-Identifier: BSD-2-Clause
"""A QEMU whose devices are driven from outside: registers by its -qtest socket, RAM as a shared file.

It is running (a stopped one has no entropy for its guest), with firmware that puts the processor to sleep.
"""

import contextlib
import mmap
import os
import pathlib
import struct
import tempfile

from ringlet import qmp
from vhost.peers import Peer

MEMORY = 64  # MiB
# What the processor does for good. x86: at the reset vector, 16 bytes before the end, `cli; 1: hlt;
# jmp 1b`; arm: at the beginning, `1: wfi; b 1b`.
SLEEP = {"x86_64": bytes(65536 - 16) + bytes.fromhex("faf4ebfd") + bytes(12),
         "aarch64": struct.pack("<II", 0xd503207f, 0x17ffffff)}
MACHINES = {"q35-pci": ("x86_64", "q35"), "virt-pci": ("aarch64", "virt"),
            "virt-mmio": ("aarch64", "virt")}
RAM_AT = {"q35": 0, "virt": 0x40000000}


class Devices(Peer):
    """That QEMU, with a disk and an entropy device."""

    def __init__(self, name, ring, disk, folder, options):
        arch, self.machine = MACHINES[name]
        bus = "pci" if name.endswith("pci") else "device"
        packed = ",packed=on" if ring == "packed" else ""
        self.qtest, self.qmp_socket = f"{folder}/qtest.sock", f"{folder}/qmp.sock"
        self.ram = f"{folder}/ram"
        firmware = pathlib.Path(folder, "firmware")
        firmware.write_bytes(SLEEP[arch])
        command = [f"qemu-system-{arch}", "-M", f"{self.machine},memory-backend=ram", "-accel", "tcg",
                   "-object", f"memory-backend-file,id=ram,size={MEMORY}M,share=on,mem-path={self.ram}",
                   "-m", MEMORY, "-nodefaults", "-no-user-config", "-display", "none", "-bios", firmware,
                   "-global", "virtio-mmio.force-legacy=false", "-qtest-log", "none",
                   "-qtest", f"unix:{self.qtest},server=on,wait=off",
                   "-qmp", f"unix:{self.qmp_socket},server=on,wait=off",
                   "-drive", f"if=none,id=disk,format=raw,file={disk}{options}",
                   "-device", f"virtio-blk-{bus},drive=disk{packed}",
                   "-device", f"virtio-rng-{bus}{packed}"]
        if arch == "aarch64":
            command += ["-cpu", "cortex-a72"]
        super().__init__(command)
        self.wait_for("QEMU has made its machine", lambda _: self.answers())

    def words(self):
        """What the host port has to be told."""
        return f"qtest={self.qtest} machine={self.machine} ram={self.ram}"

    def answers(self):
        try:
            return self.ask("query-status")["running"]
        except OSError:  # not yet
            return False

    def ask(self, command, **arguments):
        """One QMP command."""
        return qmp.ask(self.qmp_socket, command, **arguments)

    def ring(self):
        """Where the disk's ring is, as QEMU has been told."""
        disk = next(device for device in self.ask("x-query-virtio") if device["name"] == "virtio-blk")
        return self.ask("x-query-virtio-queue-status", path=disk["path"], queue=0)

    def write(self, address, data):
        """Into its RAM, which nobody is told of."""
        start = address - RAM_AT[self.machine]
        with open(self.ram, "r+b") as file, mmap.mmap(file.fileno(), 0) as ram:
            ram[start:start + len(data)] = data


@contextlib.contextmanager
def devices(name, ring, disk, options=""):
    """Such a QEMU; the options are its -drive's. Its RAM is a file in memory, where there is such a folder."""
    where = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="ringlet-", dir=where) as folder:
        with Devices(name, ring, disk, folder, options) as peer:
            yield peer
