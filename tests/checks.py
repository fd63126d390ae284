# SPDX-License-Identifier: BSD-2-Clause
"""What tests check from outside of the machine, and how some machines are made to be bad."""

import collections
import dataclasses
import hashlib
import json
import pathlib
import random
import re
import struct
import subprocess

from ringlet import ktap
from ringlet.vmm import Process


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
    if not disk.path:
        return b""
    path = pathlib.Path(disk.path)
    return path.with_suffix(".raw").read_bytes() if disk.format != "raw" else path.read_bytes()


def reported(output, disks):
    """All that was tested in the guest is well (KTAP)."""
    points, complaint = ktap.parse(output)
    bad = [point.name for point in points if not point.passed]
    return complaint or (", ".join(bad) + ": not ok" if bad else None)


def written(output, disks):
    """What blktest says that it wrote is in the image file, and nothing else."""
    found = content(disks[0])
    expected = bytearray(len(found))
    for first, last in told(output, "pattern"):
        expected[first:last] = pattern(first, last)
    if not any(expected):
        return "blktest told of nothing that it wrote"
    for first, last in told(output, "discarded"):  # this is, or nothing
        if found[first:last] == pattern(first, last):
            expected[first:last] = found[first:last]
    if found != expected:
        return "the image does not hold what blktest says it wrote, or holds more"
    return reported(output, disks)


def whole_lines(output, disks):
    """The tests of apps/smp are well, and each line that all CPUs printed at once is there, and whole."""
    told = re.search(r"^# (\d+) lines from each of (\d+)$", output, re.MULTILINE)
    if not told:
        return "smp told of no lines"
    lines = collections.Counter(output.splitlines())
    for cpu in range(int(told[2])):
        for number in range(int(told[1])):
            line = f"# line {number:02} of CPU {cpu}, which is {cpu}.125 and no other's"
            if lines[line] != 1:
                return f"{lines[line]} times, and not once: {line}"
    return reported(output, disks)


def last_word(output, disks):
    """Behind a report nothing comes from CPUs that were printing when it began."""
    report = re.search(r"^(EXCEPTION|exception|assertion failed): ", output, re.MULTILINE)
    if not report:
        return "there is no report"
    late = re.search(r"CPU \d+ prints", output[report.end():])
    return f"after the report: {late[0]}" if late else None


def files(output, disks):
    """filesum's lines for the files of the first disk that holds some, against those that were packed."""
    tree = next(path for path in (pathlib.Path(disk.path).with_suffix(".tree") for disk in disks)
                if path.exists())
    expected = {(str(path.relative_to(tree)), path.stat().st_size, file_digest(path))
                for path in tree.rglob("*") if path.is_file() and not path.is_symlink()}
    said = re.findall(r"^filesum: /disk/(.+) (\d+) sha256 ([0-9a-f]{64})$", output, re.MULTILINE)
    found = {(name, int(size), digest) for name, size, digest in said}
    if len(found) != len(said) or not expected:
        return f"{len(said)} lines, {len(found)} of them different, for {len(expected)} files"
    wrong = sorted(name for name, _, _ in expected ^ found)
    return f"{len(wrong)} files are wrong: {' '.join(wrong[:3])}" if wrong else None


def filled(output, disks):
    """Sectors 5 and 6 hold 0xa5, as the shell was told, and nothing else was written."""
    data = content(disks[0])
    expected = bytearray(len(data))
    expected[5 * 512:7 * 512] = b"\xa5" * 1024
    return None if data == expected else "the disk does not hold what the shell was told to write"


def gone(output, disks):
    """Of eight runs of 128 KiB with 0xa5, which filled the disk's first MiB, the shell had the third discarded and the
    sixth zeroed: these take no room in the image any more or hold zeroes, and all others are what they were."""
    run, discarded, zeroed = 128 << 10, 2, 5
    data = content(disks[0])
    expected = bytearray(len(data))
    for number in {*range(8)} - {discarded, zeroed}:
        expected[number * run:(number + 1) * run] = b"\xa5" * run
    if data != expected:
        return "the disk does not hold what the shell left of it"
    if [run_of for run_of in range(8) if not data_at(disks[0], run_of * run, run)] not in (
            [discarded], [discarded, zeroed]):
        return "the image has given up other sectors than those that were discarded"
    return None


def data_at(disk, first, length):
    """Whether the image has room for anything of that."""
    return any(extent["data"] for extent in extents(disk)
               if extent["start"] < first + length and first < extent["start"] + extent["length"])


def extents(disk):
    return json.loads(subprocess.run(["qemu-img", "map", "--output=json", disk.path],
                                     capture_output=True, check=True).stdout)


PATTERN = 0x52494e474c455400  # apps/blktest


def told(output, what):
    """The ranges (first and last byte) of which blktest says so."""
    found = re.findall(rf"^# {what} at sector (\d+) for (\d+)$", output, re.MULTILINE)
    return [(int(sector) * 512, (int(sector) + int(count)) * 512) for sector, count in found]


def pattern(first, last):
    return b"".join((PATTERN + n).to_bytes(8, "little") for n in range(first // 8, last // 8))


def unmapped(output, disks):
    """What was discarded, or zeroed so that it may be unmapped, takes no room in the image any more; what was
    zeroed otherwise does."""
    ranges = [(first, last, room) for what, room in (("discarded", False), ("unmapped", False),
                                                     ("zeroes", True))
              for first, last in told(output, what)]
    if len(ranges) != 3:
        return "blktest did not discard, zero and unmap"
    for extent in extents(disks[0]):
        for first, last, room in ranges:
            inside = extent["start"] < last and first < extent["start"] + extent["length"]
            if inside and extent["data"] != room:
                return f"bytes {first} to {last}: {'no room' if room else 'room'} in the image"
    return written(output, disks)


def stamped(output, disks):
    """Each block holds the version that writecheck wrote there last, but for those of which it knows nothing."""
    said = re.search(r"^writecheck: \w+ .* unknown=(\d+) bad=0 sum=(\d+)$", output, re.MULTILINE)
    if not said:
        return "writecheck told of no sum, or of bad blocks"
    data = content(disks[0])
    versions = [stamp(data[at:at + 4096], at // 4096) for at in range(0, len(data), 4096)]
    broken = [place for place, version in enumerate(versions) if version is None]
    if len(broken) > int(said[1]):
        return f"{len(broken)} blocks do not hold what was written to them: {broken[:8]}"
    if int(said[1]) == 0 and sum(versions) != int(said[2]):
        return "the blocks hold other versions than writecheck wrote"
    return None


def stamp(block, place):
    """The version that the block holds; None when it holds something else. See apps/writecheck/shard.c."""
    words = struct.unpack("<512Q", block)
    if words[:2] != (0x4b43454843455457, place):
        return None
    last = place << 32 | words[2]
    for word in words[3:]:
        last = last * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        if word != last:
            return None
    return words[2]


CHECKS = {"sha256": sha256, "written": written, "reported": reported, "files": files,
          "filled": filled, "gone": gone,
          "whole-lines": whole_lines, "last-word": last_word,
          "unmapped": unmapped, "stamped": stamped}


# ---- Machines made to be bad ------------------------------------------------
def image_at(image, text_offset, folder):
    """A copy of the arm64 Image whose header asks for another place in RAM (text_offset)."""
    data = bytearray(image.read_bytes())
    struct.pack_into("<Q", data, 8, text_offset)
    path = pathlib.Path(folder) / "Image"
    path.write_bytes(data)
    return path


def prepare(how, seed, vmm, machine, guest, folder):
    """The guest, changed as the test's `guest` says."""
    kind, _, detail = (how or "as it is").partition(":")
    return PREPARE[kind](detail, seed, vmm, machine, guest, pathlib.Path(folder))


# ---- Device trees made to be bad --------------------------------------------
# QEMU takes no tree that is damaged. So the kernel is started as another loader might: the Image and
# the tree somewhere in memory, and a few instructions that jump to the one with the other in x0.
STUB_AT, IMAGE_AT, TREE_AT = 0x41000000, 0x41200000, 0x43000000
STUB = struct.pack("<IIIIQQ", 0x58000080,  # ldr x0, the tree's address
                   0x580000A4,  # ldr x4, the Image's
                   0xD61F0080,  # br x4
                   0, TREE_AT, IMAGE_AT)


def device_tree(vmm, machine, guest, folder):
    """The tree that QEMU makes for the machine."""
    path = folder / "good.dtb"
    options = f"{machine.options},dumpdtb={path}".lstrip(",")
    dump = dataclasses.replace(machine, options=options)
    with Process(vmm.command(dump, guest)) as process:
        process.run(60)
    tree = path.read_bytes()
    size = struct.unpack_from(">I", tree, 4)[0]
    return bytearray(tree[:size])


def structure(tree):
    """Where in the tree its nodes and properties stand: (start, length)."""
    return struct.unpack_from(">I", tree, 8)[0], struct.unpack_from(">I", tree, 36)[0]


def cut(tree):
    """All up to the middle of its nodes; behind it zeros, as fresh memory has."""
    start, length = structure(tree)
    return tree[:start + length // 2]


def no_magic(tree):
    tree[0:4] = b"\xd0\x0d\xfe\xee"
    return tree


def no_end(tree):
    """Nodes that are opened and never closed, to the end."""
    start, length = structure(tree)
    for at in range(start, start + length - 3, 4):
        tree[at:at + 4] = b"\0\0\0\1" if at % 8 == 0 else b"a\0\0\0"
    return tree


def far_name(tree):
    """Every property's name far outside of the strings."""
    start, length = structure(tree)
    for at in range(start, start + length - 11, 4):
        if tree[at:at + 4] == b"\0\0\0\3":
            tree[at + 8:at + 12] = b"\x7f\xff\xff\xff"
    return tree


def huge(tree):
    tree[4:8] = b"\xff\xff\xff\xf0"
    return tree


def noise(tree, seed):
    """Two words in properties' values changed, others for every seed: the tree is well-formed, and
    says what is not so."""
    start, length = structure(tree)
    values, at = [], start
    while at < start + length - 11:
        token = struct.unpack_from(">I", tree, at)[0]
        if token == 3:  # FDT_PROP: length, name, value
            size = struct.unpack_from(">I", tree, at + 4)[0]
            values += range(at + 12, at + 12 + size - 3, 4)
            at += 12 + (size + 3) // 4 * 4
        elif token == 1:  # FDT_BEGIN_NODE: name
            at = (tree.index(b"\0", at + 4) + 4) // 4 * 4
        else:
            at += 4
    chance = random.Random(seed)
    for at in chance.sample(values, 2):
        struct.pack_into(">I", tree, at, chance.choice((0, 1, 0x7fffffff, 0xffffffff,
                                                        chance.getrandbits(32))))
    return tree


BAD_TREES = {"good": lambda tree: tree, "cut": cut, "no-magic": no_magic, "no-end": no_end,
             "far-name": far_name, "huge": huge}


def with_tree(kind, seed, vmm, machine, guest, folder):
    tree = device_tree(vmm, machine, guest, folder)
    tree = noise(tree, seed) if kind == "noise" else BAD_TREES[kind](tree)
    (folder / "stub").write_bytes(STUB)
    (folder / "bad.dtb").write_bytes(tree)
    memory = ((str(folder / "stub"), STUB_AT), (guest.kernel, IMAGE_AT),
              (str(folder / "bad.dtb"), TREE_AT))
    return dataclasses.replace(guest, memory=memory)


PREPARE = {"as it is": lambda detail, seed, vmm, machine, guest, folder: guest, "tree": with_tree}
