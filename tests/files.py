# SPDX-License-Identifier: BSD-2-Clause
"""Disks that hold files: tar archives made by tar, alone or in partitions made by sfdisk. What is in them stays
beside the image, in a folder NAME.tree, for tests/checks.py to compare with."""

import os
import random
import subprocess
import tarfile

from ringlet.machine import Disk

SECTOR = 512
TIME = 1577836800  # 2020-01-01
LONG = "long-" + "n" * 200
DEEP = "/".join(["deep-" + "d" * 60] * 6)


def some(tree):
    """Files of many kinds."""
    (tree / "folder/inner").mkdir(parents=True)
    (tree / DEEP).mkdir(parents=True)
    (tree / "readme.txt").write_text("Ringlet reads this.\n", encoding="ascii")
    (tree / "empty").touch()
    (tree / "two words").write_text("2\n", encoding="ascii")
    (tree / "zwölf").write_text("12\n", encoding="ascii")
    (tree / LONG).write_text("long\n", encoding="ascii")
    (tree / DEEP / LONG).write_text("deep and long\n", encoding="ascii")
    (tree / "folder/numbers").write_text("".join(f"{n}\n" for n in range(20000)), encoding="ascii")
    (tree / "folder/inner/large").write_bytes(random.Random(1).randbytes((5 << 20) + 1))
    (tree / "folder/block").write_bytes(bytes(range(256)) * 2)
    os.link(tree / "readme.txt", tree / "folder/hard")
    os.symlink("../readme.txt", tree / "folder/soft")


def thousand(tree):
    """Ten folders with a hundred files each, of all lengths around a block's."""
    chance = random.Random(2)
    for n in range(1000):
        path = tree / f"folder-{n // 100}" / f"file-{n:03}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(chance.randbytes(n * 7 % 1600))


def archive(folder, name, fill, form):
    """A tar archive: its path."""
    tree, path = folder / f"{name}.tree", folder / f"{name}.tar"
    tree.mkdir()
    fill(tree)
    command = ["tar", f"--format={form}", "--sort=name", f"--mtime=@{TIME}", "-C", tree, "-cf", path]
    subprocess.run([*map(str, command), *sorted(os.listdir(tree))], check=True, env={
        **os.environ, "LC_ALL": "C"})
    return path


def plain(fill, form, multiple=SECTOR, **options):
    """The archive is the disk."""
    def make(folder, images, name):
        path = archive(folder, name, fill, form)
        os.truncate(path, -(-path.stat().st_size // multiple) * multiple)
        return Disk(str(path), **options)
    return make


def changed(change):
    """An archive that somebody has spoilt."""
    def make(folder, images, name):
        path = archive(folder, name, some, "gnu")
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)
        return Disk(str(path))
    return make


def odd(folder, images, name):
    """Names and times as tar itself would hardly make them."""
    path = folder / f"{name}.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for member, time in (("a\x1b[31mb", -5), ("c\u009bd", 2**62), ("e", -2**62), ("f", 253402300799)):
            info = tarfile.TarInfo(member)
            info.mtime = time
            tar.addfile(info)
    return Disk(str(path))


def no_checksum(data):
    """The header of the second member counts for nothing."""
    at = data.index(b"empty\0", 512)
    data[at + 150] ^= 1


def partitioned(script, start, spoil=None):
    """A disk of 16 MiB with partitions as sfdisk makes them, and the archive in the one that begins there."""
    def make(folder, images, name):
        path, tar = folder / f"{name}.raw", archive(folder, name, some, "gnu")
        with open(path, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["sfdisk", "--quiet", str(path)], input=script, text=True, check=True, env={
            **os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        data = bytearray(path.read_bytes())
        bytes_of_tar = tar.read_bytes()
        data[start * SECTOR:start * SECTOR + len(bytes_of_tar)] = bytes_of_tar
        if spoil:
            spoil(data)
        path.write_bytes(data)
        return Disk(str(path))
    return make


MBR = """label: dos
start=2048, size=2048, type=c
start=4096, size=28672, type=5
start=6144, size=2048, type=82
start=10240, size=18432, type=83
"""
GPT = """label: gpt
start=2048, size=2048, name=first
start=10240, size=18432, name=zwölf
"""


def first_copy(data):
    """The GPT's header, in the disk's second sector."""
    data[SECTOR + 40] ^= 1


def both_copies(data):
    first_copy(data)
    data[-SECTOR + 40] ^= 1


def ring(data):
    """The first EBR's next is itself: sfdisk put it in front of the first logical partition."""
    at = 4096 * SECTOR + 446 + 16
    data[at + 8:at + 12] = bytes(4)


DISKS = {
    "files": plain(some, "gnu"),
    "files-pax": plain(some, "pax"),
    "files-4096": plain(some, "gnu", 4096, options="logical_block_size=4096,physical_block_size=4096"),
    "files-thousand": plain(thousand, "ustar"),
    "files-odd": odd,
    "files-damaged": changed(no_checksum),
    "files-cut": changed(lambda data: data.__delitem__(slice(1 << 20, None))),
    "files-in-mbr": partitioned(MBR, 10240),
    "files-in-gpt": partitioned(GPT, 10240),
    "files-in-gpt-backup": partitioned(GPT, 10240, first_copy),
    "gpt-damaged": partitioned(GPT, 10240, both_copies),
    "mbr-ring": partitioned(MBR, 10240, ring),
}
