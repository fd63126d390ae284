#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Puts a result into docs/evidence.md.

    tools/evidence.py SECTION [--title TITLE] [--command COMMAND] [--done N --usual N] <TEXT

The text replaces what stands between the section's two marker comments; a section that is not there yet
comes at the end. The day, and the command that gives the result again, stand above it. A run of which less was done than
is usual (seconds, requests …) is none that others are shown: then the file stays as it is.
"""

import argparse
import datetime
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "evidence.md"
TOP = """# Evidence

What the long tests last said. Each section is written by the command that it names; none by hand.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section")
    parser.add_argument("--title", help="the section's own name with a capital letter")
    parser.add_argument("--command", help="what gives it again: make SECTION")
    parser.add_argument("--done", type=int, default=0)
    parser.add_argument("--usual", type=int, default=0)
    options = parser.parse_args()

    if options.done < options.usual:
        print(f"docs/evidence.md stays as it is: that is for runs of {options.usual} or more, and this was one of {options.done}")
        return
    name = options.section
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    title = options.title or name.replace("-", " ").capitalize()
    command = options.command or f"make {name}"
    day = datetime.date.today().isoformat()
    section = (f"{begin}\n## {title}\n\n`{command}`, {day}\n\n{sys.stdin.read().strip()}\n{end}\n")

    FILE.parent.mkdir(exist_ok=True)
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else TOP
    place = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end) + r"\n", re.DOTALL)
    text = place.sub(lambda _: section, text) if place.search(text) else f"{text}\n{section}"
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
