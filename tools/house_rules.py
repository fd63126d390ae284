#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks what every file of ours keeps to; status 1 and a line for each breach.

A licence line at the top; a C file begins with what it is; nothing left for later; no file but a test
that is too long to be read in one go, and a Makefile of at most 250 lines.
"""

import pathlib
import re
import subprocess
import sys

LICENCE = "SPDX-License-Identifier: BSD-2-Clause"
CODE = re.compile(r".*\.(c|h|S|ld|py|sh|mk)|Makefile|.*/(run|ringlet\.gdb)")
LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LONGEST = {"Makefile": 250}
LONGEST_C = 500


def complaints(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    top = lines[1:3] if text.startswith("#!") else lines[:1]
    if not any(LICENCE in line for line in top):
        yield 1, f"no licence line ({LICENCE})"
    if path.suffix == ".c" and not any(line.startswith("/*") for line in lines[1:2]):
        yield 2, "a C file begins with a comment that says what it is"
    ours = path.suffix in (".c", ".h", ".S") and "tests" not in path.parts
    longest = LONGEST.get(path.name, LONGEST_C if ours else None)
    if longest and len(lines) > longest:
        yield longest, f"{len(lines)} lines, more than {longest}"
    if text and not text.endswith("\n"):
        yield len(lines), "the last line does not end"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if LATER.search(line) and path.name != "house_rules.py":
            yield number, "left for later"


def main():
    top = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.run(["git", "-C", top, "ls-files", "-z"], capture_output=True, check=True)
    bad = 0
    for name in listed.stdout.decode().split("\0"):
        if CODE.fullmatch(name) and (top / name).exists():
            for number, complaint in complaints(top / name):
                print(f"{name}:{number}: {complaint}")
                bad += 1
    return 1 if bad else 0


sys.exit(main())
