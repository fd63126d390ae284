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
    print("/* Made by tools/symbols.py from the linked kernel. */")
    print('#include "kernel/symbols.h"\n')
    print(f"const uint32_t symbol_count = {len(found)};")
    print("const uint32_t symbol_offsets[] = {")
    print("\n".join(f"\t{offset:#x}," for offset, _ in found) or "\t0,")
    print("};\nconst char symbol_names[] =")
    print("\n".join(f'\t"{name}\\0"' for _, name in found) or '\t""')
    print("\t;")


main()
