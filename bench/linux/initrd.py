#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes an initial file system (cpio, "newc") of our /init and the modules that a virtio disk and a virtio network
interface need.

    bench/linux/initrd.py MODULES INIT INITRD
"""

import pathlib
import sys

WANTED = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "sd_mod", "virtio_net", "af_packet")


def needed(folder):
    """The modules' files, each behind those that it needs, from modules.dep or what the files say."""
    files = {path.name.split(".ko")[0].replace("-", "_"): path for path in folder.rglob("*.ko*")}
    order = []

    def add(name):
        if name not in files or files[name] in order:
            return  # built in
        text = files[name].read_bytes()
        at = text.find(b"\0depends=")
        for other in text[at + 9:text.index(b"\0", at + 9)].decode().split(",") if at >= 0 else ():
            add(other.replace("-", "_"))
        order.append(files[name])

    for name in WANTED:
        add(name)
    return order


def entry(number, name, mode, data=b"", device=(0, 0)):
    name = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def main():
    modules, init, out = map(pathlib.Path, sys.argv[1:4])
    things = [("dev", 0o40755, b"", (0, 0)), ("modules", 0o40755, b"", (0, 0)),
              ("dev/console", 0o20600, b"", (5, 1)), ("init", 0o100755, init.read_bytes(), (0, 0))]
    things += [(f"modules/{i:02}", 0o100644, path.read_bytes(), (0, 0))
               for i, path in enumerate(needed(modules))]
    archive = b"".join(entry(i + 1, name, mode, data, device)
                       for i, (name, mode, data, device) in enumerate(things))
    out.write_bytes(archive + entry(0, "TRAILER!!!", 0))


main()
