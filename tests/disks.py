# SPDX-License-Identifier: BSD-2-Clause
"""The disks that tests name: made for one test in its own folder, or shared and only read."""

import dataclasses
import pathlib

import files
from ringlet.machine import Disk


def pattern_of(size):
    """A part of the pattern image, for when its 64 MiB would take too long."""
    def make(folder, images, name):
        path = folder / f"{name}.raw"
        with open(images / "pattern.raw", "rb") as source:
            path.write_bytes(source.read(size))
        return Disk(str(path))
    return make


def shared(file, kind):
    return lambda folder, images, name: Disk(str(images / file), kind)


def scratch(size, **options):
    """An empty disk, to be written to."""
    def make(folder, images, name):
        path = folder / f"{name}.raw"
        with open(path, "wb") as file:
            file.truncate(size)
        return Disk(str(path), writable=True, **options)
    return make


def read_only(folder, images, name):
    return Disk(pattern_of(1 << 20)(folder, images, name).path, read_only=True)


def failing(disk, kind, event, sector=None):
    """That disk, with an error of each request of that kind, at one sector or anywhere, from the first such event on:
    QEMU's blkdebug says so."""
    def make(folder, images, name):
        made = disk(folder, images, name)
        config = folder / f"{name}.blkdebug"
        at = "" if sector is None else f'sector = "{sector}"\n'
        config.write_text(f'[inject-error]\nevent = "{event}"\niotype = "{kind}"\nerrno = "5"\n{at}'
                          'once = "off"\n', encoding="ascii")
        return dataclasses.replace(made, driver=f"blkdebug:{config}")
    return make


BLOCKS_OF_4096 = "logical_block_size=4096,physical_block_size=4096"
def drive(folder, images, name):
    """A CD-ROM drive with nothing in it."""
    return Disk("", kind="cd")


DISKS = {
    "drive": drive,
    "pattern": shared("pattern.raw", "raw"),
    "pattern-qcow2": shared("pattern.qcow2", "qcow2"),
    "gpt": shared("gpt.raw", "raw"),
    "pattern-16M": pattern_of(16 << 20),
    "scratch": scratch(16 << 20),
    "scratch-4096": scratch(16 << 20, options=BLOCKS_OF_4096),
    "scratch-small-queue": scratch(16 << 20, options="queue-size=8,seg-max-adjust=on"),
    "scratch-no-indirect": scratch(16 << 20, options="indirect_desc=off,event_idx=off"),
    "scratch-1M": scratch(1 << 20),
    "scratch-4M": scratch(4 << 20),
    "scratch-4M-queues": scratch(4 << 20, options="num-queues=4"),
    "scratch-unmap": scratch(16 << 20, drive="discard=unmap", options="discard=on,write-zeroes=on"),
    "scratch-unmap-scsi": scratch(16 << 20, drive="discard=unmap"),
    "scratch-no-ranges": scratch(16 << 20, options="discard=off,write-zeroes=off"),
    "scratch-queues": scratch(16 << 20, options="num-queues=4"),
    "scratch-topology": scratch(16 << 20, options="physical_block_size=4096,min_io_size=8192,"
                                                  "opt_io_size=65536"),
    "scratch-write-back": scratch(16 << 20, options="write-cache=on,config-wce=off"),
    "scratch-write-through": scratch(16 << 20, options="write-cache=off,config-wce=on"),
    "scratch-uncached": scratch(16 << 20, options="write-cache=off,config-wce=off"),
    "slow": scratch(1 << 20, drive="throttling.iops-total=50"),
    "write-fails": failing(scratch(1 << 20), "write", "write_aio", 803),
    "flush-fails": failing(scratch(1 << 20), "flush", "flush_to_disk"),
    "flush-fails-uncached": failing(scratch(1 << 20, options="write-cache=off"), "flush", "flush_to_disk"),
    "read-only": read_only,
    "failing": failing(pattern_of(16 << 20), "read", "read_aio", 18437),
    "incomplete-block": scratch((1 << 20) + 512, options=BLOCKS_OF_4096),
    "less-than-a-block": scratch(512, options=BLOCKS_OF_4096),
    "odd": pattern_of((1 << 20) + 512),
    **files.DISKS,
}


def make(name, folder, images):
    """One of them; NAME@TARGET:UNIT is behind a virtio-scsi device."""
    name, _, scsi = name.partition("@")
    made = DISKS[name](pathlib.Path(folder), pathlib.Path(images), name)
    return dataclasses.replace(made, scsi=scsi) if scsi else made
