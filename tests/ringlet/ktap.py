# SPDX-License-Identifier: BSD-2-Clause
"""Reads KTAP version 1 out of whatever else was printed: flat results, no nesting."""

import dataclasses
import re

POINT = re.compile(r"^(not )?ok (\d+)(?: -)? ?([^#]*?)\s*(?:#\s*(SKIP)?\s*(.*))?$")


@dataclasses.dataclass
class Point:
    name: str
    passed: bool
    skipped: bool


def parse(text):
    """(points, complaint): the complaint is None when the plan was kept."""
    points, plan, seen = [], None, False
    for line in text.splitlines():
        line = line.strip()
        if line == "KTAP version 1":
            seen = True
        elif not seen:
            continue
        elif match := re.fullmatch(r"1\.\.(\d+)", line):
            plan = int(match[1])
        elif match := POINT.match(line):
            points.append(Point(match[3], not match[1], bool(match[4])))
            if int(match[2]) != len(points):
                return points, f"point {match[2]} where {len(points)} was next"
    if not seen:
        return points, "no KTAP version 1"
    if plan is None:
        return points, "no plan"
    if plan != len(points):
        return points, f"{len(points)} of {plan} planned points"
    return points, None
