#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a disk image in which every sector of 512 bytes tells its own number.

    test-images/pattern.py FILE BYTES

Sector n is SHAKE-128 of n as eight little-endian bytes: no two sectors are alike, so a read from the
wrong place shows, and whoever wants to check one sector needs nothing but its number. Bytes after
the last whole sector are the beginning of the sector that would follow.
"""

import hashlib
import sys


def sector(number):
    return hashlib.shake_128(number.to_bytes(8, "little")).digest(512)


def main():
    path, size = sys.argv[1], int(sys.argv[2])
    with open(path, "wb") as file:
        for first in range(0, (size + 511) // 512, 2048):
            file.write(b"".join(sector(first + n) for n in range(2048)))
        file.truncate(size)


if __name__ == "__main__":
    main()
