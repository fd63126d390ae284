#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The table of function names for backtraces (kernel/symbols.h).

    nm -n KERNEL | tools/symbols.py > symbols.c

The kernel is linked twice: first with the table of an empty input, then with that of the first
link. The table is read-only data, which stands behind the code, so no function moves.

Names repeat their parts, so they are packed: a byte from 128 on stands for two others (byte pair encoding).
"""

import collections
import sys

FIRST_PAIR, LAST_PAIR = 128, 255
INSTRUCTION = 4  # bytes, where all are of one length
MAX_STEP = 255


def functions(lines):
    """(offset from the image's start, name) of every function, ascending, one for each address."""
    base, found = None, {}
    for line in lines:
        value, kind, name = line.split()[-3:]
        if name == "image_start":
            base = int(value, 16)
        elif kind in "tTwW" and not name.startswith(("$", ".")):
            found.setdefault(int(value, 16), name.split(".")[0])  # not .isra.0, .cold …
    return [(address - base, name) for address, name in sorted(found.items())
            if base is not None and address >= base]


def pack(names):
    """(names as lists of bytes, the pairs that bytes from FIRST_PAIR on stand for): most frequent pairs first."""
    names, pairs = [list(name.encode("ascii")) for name in names], []
    for code in range(FIRST_PAIR, LAST_PAIR + 1):
        times = collections.Counter(pair for name in names for pair in zip(name, name[1:]))
        pair, count = min(times.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
        if count < 4:  # a pair costs two bytes itself
            break
        pairs.append(pair)
        names = [replace(name, pair, code) for name in names]
    return names, pairs


def replace(name, pair, code):
    packed, at = [], 0
    while at < len(name):
        found = tuple(name[at:at + 2]) == pair
        packed.append(code if found else name[at])
        at += 2 if found else 1
    return packed


def main():
    found = functions(line for line in sys.stdin if len(line.split()) == 3)
    unit = 1 if any(offset % INSTRUCTION for offset, _ in found) else INSTRUCTION
    steps, last = [], 0
    for offset, name in found:
        # A step that does not fit into a byte is made in several, to places without a name.
        while offset - last > MAX_STEP * unit:
            steps.append((MAX_STEP, ""))
            last += MAX_STEP * unit
        steps.append(((offset - last) // unit, name))
        last = offset
    print("/* Made by tools/symbols.py from the linked kernel. */")
    print('#include "kernel/symbols.h"\n')
    print(f"const uint32_t symbol_count = {len(steps)};")
    print(f"const uint32_t symbol_unit = {unit};")
    print("const uint8_t symbol_steps[] = {")
    print("\n".join(f"\t{step:#x}," for step, _ in steps) or "\t0,")
    names, pairs = pack([name for _, name in steps])
    print("};\nconst uint8_t symbol_names[] = {")
    print("\n".join("\t" + "".join(f"{byte}, " for byte in name + [0]) for name in names) or "\t0,")
    print("};\nconst uint8_t symbol_pairs[][2] = {")
    print("\n".join(f"\t{{ {first}, {second} }}," for first, second in pairs) or "\t{ 0, 0 },")
    print("};")


main()
