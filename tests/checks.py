# SPDX-License-Identifier: BSD-2-Clause
"""What tests check from outside of the machine, and how some machines are made to be bad."""

import hashlib
import pathlib
import re
import struct


def file_digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- Checks: (output, disks) -> a complaint, or None ------------------------
def sha256(output, disks):
    """disksum's line for each disk, against the file as the host reads it."""
    said = re.findall(r"^disksum: (\w+) (\d+) sha256 ([0-9a-f]{64})$", output, re.MULTILINE)
    if len(said) != len(disks):
        return f"{len(said)} lines for {len(disks)} disks"
    for (name, size, digest), disk in zip(said, disks):
        data = content(disk)
        if int(size) != len(data):
            return f"{name} has {len(data)} bytes, not {size}"
        if digest != hashlib.sha256(data).hexdigest():
            return f"{name}: another SHA-256 than the file's"
    return None


def content(disk):
    """What is on the disk, as the guest sees it."""
    path = pathlib.Path(disk.path)
    return path.with_suffix(".raw").read_bytes() if disk.format != "raw" else path.read_bytes()


CHECKS = {"sha256": sha256}


# ---- Machines made to be bad ------------------------------------------------
def image_at(image, text_offset, folder):
    """A copy of the arm64 Image whose header asks for another place in RAM (text_offset)."""
    data = bytearray(image.read_bytes())
    struct.pack_into("<Q", data, 8, text_offset)
    path = pathlib.Path(folder) / "Image"
    path.write_bytes(data)
    return path


def prepare(how, vmm, machine, guest, folder):
    """The VMM and guest, changed as the test's `guest` says."""
    return (vmm, guest) if how is None else PREPARE[how](vmm, machine, guest, pathlib.Path(folder))


PREPARE = {}
