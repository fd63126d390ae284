# SPDX-License-Identifier: BSD-2-Clause
"""SCSI units and media that come and go while the machine runs, as the kernel tells of them and its shell shows."""

import dataclasses
import functools
import math
import pathlib
import re
import subprocess
import tempfile
import time

import disks
from online import MACHINES, MIB
from ringlet import qmp
from ringlet.machine import Guest
from ringlet.test import Failed, Test
from ringlet.vmm import Qemu
from vhost.peers import BUILD, PATIENCE, Peer


class Shell(Peer):
    """The machine in its shell, with somebody who types."""

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def until(self, pattern, line):
        """Types the line, again and again, until what matches is printed."""
        seen = len(self.text())
        typed = -math.inf

        def there(text):
            nonlocal typed
            if time.monotonic() - typed > 0.3:
                typed = time.monotonic()
                self.type(line)
            return re.search(pattern, text[seen:], re.MULTILINE)

        self.wait_for(pattern, there)


def visit(shell, ask, medium):
    """All of it, one after the other, while 0:0 stays as it is."""
    shell.until(r"^scsi0 9:1 cd .* sra no medium$", "scsi")
    ask("device_add", driver="scsi-hd", bus="scsi0.0", drive="guest", id="guest", **{"scsi-id": 3, "lun": 300})
    shell.until(r"^scsi0 3:300 disk .* sdb 32768x512", "scsi")
    shell.until(r"^read: 4096 bytes", "read sdb 32760 8")
    ask("block_resize", **{"node-name": "guest", "size": 8 * MIB})
    shell.until(r"^scsi0 3:300 disk .* sdb 16384x512", "scsi")
    shell.until(r"^read: sdb: out of range", "read sdb 32760 8")
    ask("device_del", id="guest")
    shell.until(r"^scsi0 3:300 disk .* sdb \(removed\)$", "scsi")
    shell.until(r"^read: sdb: no such device", "read sdb 0")
    ask("blockdev-change-medium", id="unit1", filename=medium, format="raw")
    shell.until(r"^scsi0 9:1 cd .* sra 512x2048 read-only$", "scsi")
    shell.until(r"^read: 2048 bytes", "read sra 2044 4")
    ask("eject", id="unit1", force=True)
    shell.until(r"^scsi0 9:1 cd .* sra no medium$", "scsi")
    shell.until(r"^read: 4096 bytes", "read sda 0 8")
    shell.type("halt")


def changing(machine, ring):
    """Plugged, resized, unplugged; a medium put in and taken out."""
    machine = dataclasses.replace(machine, ring=ring).checked()
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        made = tuple(disks.make(name, folder, BUILD / "images") for name in ("odd@0:0", "drive@9:1"))
        for name, size in (("guest", 16 * MIB), ("medium", MIB)):
            pathlib.Path(folder, name).write_bytes(bytes(size))
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        vmm = Qemu(arguments=f"-qmp unix:{folder}/qmp,server=on,wait=off "
                             f"-blockdev driver=file,node-name=file,filename={folder}/guest "
                             "-blockdev driver=raw,node-name=guest,file=file")
        guest = Guest(str(kernel), " ".join(["app=shell", *machine.kernel_options()]), made)
        with Shell(vmm.command(machine, guest), stdin=subprocess.PIPE) as shell:
            shell.wait_for("the shell", lambda text: "ringlet> " in text)
            visit(shell, functools.partial(qmp.ask, f"{folder}/qmp"), f"{folder}/medium")
            code = shell.process.wait(PATIENCE)
        output = shell.text()
        if vmm.status(machine, code, bytes(output, "utf-8")) != 0:
            raise Failed(f"status {code}", output)
        return output


def tests():
    for name, machine in MACHINES.items():
        for ring in ("split", "packed"):
            suffix = "" if ring == "split" else f"-{ring}"
            yield Test(f"boot/scsi-changing/{name}{suffix}", functools.partial(changing, machine, ring))
