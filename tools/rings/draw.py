#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Draws what tools/rings/scenes.c prints: one picture, a row for each scene.

    scenes split | tools/rings/draw.py split > docs/rings-split.svg

A cell that has changed since the scene before is coloured by who wrote it: blue the driver, orange the
device. (The device's cells are those of the used ring; in a packed ring those of a scene in which it acts.)
"""

import html
import sys

ROW, TOP, LEFT, GAP = 18, 40, 12, 26
AREAS = {
    "split": (("desc", "descriptors", ("addr", "len", "flags", "next")),
              ("avail", "available ring", ("ring", "idx")),
              ("used", "used ring", ("id", "len", "idx")),
              ("slots", "private table", ("buffer", "count"))),
    "packed": (("desc", "descriptors", ("addr", "len", "id", "flags")),
               ("driver", "private places", ("avail", "used", "wrap")),
               ("slots", "private table", ("buffer", "count"))),
}
WIDTHS = {"addr": 82, "buffer": 52, "flags": 52}


def read(lines):
    """[(title, {(area, row, column): value})]"""
    scenes = []
    for line in lines:
        kind, rest = line.rstrip("\n").split(" ", 1)
        if kind == "scene":
            scenes.append((rest, {}))
        elif kind == "cell":
            area, row, column, value = rest.split(" ", 3)
            scenes[-1][1][area, int(row), column] = value
    return scenes


def text(x, y, content, style=""):
    return f'<text x="{x}" y="{y}"{style}>{html.escape(content)}</text>'


def draw_area(out, x, y, area, cells, before, by_device):
    """One table; returns its width and height."""
    name, title, columns = area
    rows = 1 + max(row for (where, row, _) in cells if where == name)
    out.append(text(x, y, title, ' class="title"'))
    at = x + 16
    for column in columns:
        width = WIDTHS.get(column, 40)
        out.append(text(at + 4, y + ROW, column, ' class="head"'))
        for row in range(rows):
            value = cells.get((name, row, column))
            if value is None:
                continue
            top = y + ROW + 6 + row * ROW
            changed = before is not None and before.get((name, row, column)) != value
            colour = "" if not changed else ' class="device"' if by_device(name) else ' class="driver"'
            out.append(f'<rect x="{at}" y="{top}" width="{width}" height="{ROW}"{colour}/>')
            out.append(text(at + 4, top + 13, value))
        at += width
    for row in range(rows):
        if any((name, row, column) in cells for column in columns):
            out.append(text(x, y + ROW + 19 + row * ROW, str(row) if row < 4 else "", ' class="head"'))
    return at - x, (rows + 2) * ROW


def main():
    kind = sys.argv[1]
    out, y, right = [], TOP, 0
    before = None
    for number, (title, cells) in enumerate(read(sys.stdin), 1):
        out.append(text(LEFT, y, f"{number}. {title}", ' class="scene"'))
        y += 24
        acts = title.startswith("The device")
        x, tallest = LEFT, 0
        for area in AREAS[kind]:
            width, height = draw_area(out, x, y, area, cells, before,
                                      lambda name: acts if kind == "packed" else name == "used")
            x += width + GAP
            tallest = max(tallest, height)
        right = max(right, x, LEFT + 8 * len(title) + 40)
        y += tallest + 22
        before = cells
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{right}" height="{y}" '
          'font-family="DejaVu Sans Mono, monospace" font-size="11">')
    print('<!-- Made by tools/rings/draw.py from a run of the rings (make rings-pictures). -->')
    print("<style>rect{fill:#fff;stroke:#888}.driver{fill:#bcdcff}.device{fill:#ffd9a8}"
          ".title{font-weight:bold}.head{fill:#666}.scene{font-size:13px;font-weight:bold}</style>")
    print(f'<rect x="0" y="0" width="{right}" height="{y}" style="stroke:none"/>')
    print(text(LEFT, 20, f"The {kind} ring, 4 descriptors", ' class="scene"'))
    print("\n".join(out))
    print("</svg>")


main()
