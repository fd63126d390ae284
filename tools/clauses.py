#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Lists the clauses of VIRTIO 1.4 that code and tests cite, and where, as Markdown.

    tools/clauses.py >build/docs/clauses.md

A clause is cited by its id: the number of its section, a dash, its place there (2.7.13.3.1-1).
"""

import collections
import pathlib
import re

CLAUSE = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)+-\d+)(?![\w.]*\d)")
FOLDERS = ("lib", "drivers", "kernel", "arch", "boot", "apps", "tests")


def order(clause):
    return [int(number) for number in re.split(r"[.-]", clause)]


def main():
    top = pathlib.Path(__file__).resolve().parent.parent
    places = collections.defaultdict(list)
    for folder in FOLDERS:
        for file in sorted((top / folder).rglob("*.[chS]")):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                for clause in CLAUSE.findall(line):
                    places[clause].append(f"{file.relative_to(top)}:{number}")
    print("# Where each clause of VIRTIO 1.4 is kept\n")
    print(f"{len(places)} clauses are cited.\n\n| clause | cited at |\n|---|---|")
    for clause in sorted(places, key=order):
        print(f"| {clause} | {', '.join(places[clause])} |")


main()
