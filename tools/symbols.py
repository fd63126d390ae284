#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The table of function names for backtraces (kernel/symbols.h).

    nm -n KERNEL | tools/symbols.py > symbols.c

The kernel is linked twice: first with the table of an empty input, then with that of the first
link. The table is read-only data, which stands behind the code, so no function moves.
"""

import sys


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


def main():
    found = functions(line for line in sys.stdin if len(line.split()) == 3)
    steps, last = [], 0
    for offset, name in found:
        # A step that does not fit into 16 bits is made in several, to places without a name.
        while offset - last > 0xffff:
            steps.append((0xffff, ""))
            last += 0xffff
        steps.append((offset - last, name))
        last = offset
    print("/* Made by tools/symbols.py from the linked kernel. */")
    print('#include "kernel/symbols.h"\n')
    print(f"const uint32_t symbol_count = {len(steps)};")
    print("const uint16_t symbol_steps[] = {")
    print("\n".join(f"\t{step:#x}," for step, _ in steps) or "\t0,")
    print("};\nconst char symbol_names[] =")
    print("\n".join(f'\t"{name}\\0"' for _, name in steps) or '\t""')
    print("\t;")


main()
