#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs programs built with gcc --coverage and tells which lines and branches of each file they reached.

    tools/coverage.py --programs PROGRAM… --replays PROGRAM… --objects OBJECT…    (make coverage)

A replay build/coverage/fuzz_NAME is given the files of tests/fuzz/corpus/NAME. The branch that a kit_assert
has is left out: its other side is a bug of a caller, at which the machine ends. Writes docs/evidence.md,
and what was not reached to build/coverage/missing.txt. Status 1 below the goal, which is 95 % of all
lines and 90 % of all branches.
"""

import argparse
import json
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
LINES_GOAL, BRANCHES_GOAL = 95.0, 90.0
ASSERTION = "kit_assert("


def run(program, arguments=()):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace",
                          timeout=600, check=False)
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-20:]), file=sys.stderr)
        sys.exit(f"{program}: status {done.returncode}")


def gcov(compiled):
    """Of an object: its source's name, and gcov's lines."""
    done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", compiled],
                          capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    for file in report["files"]:
        if compiled.as_posix().endswith(file["file"][:-2] + ".o"):
            return file["file"], file["lines"]
    sys.exit(f"{compiled}: gcov tells nothing of its source")


class File:
    def __init__(self, compiled):
        self.name, lines = gcov(compiled)
        text = (TOP / self.name).read_text(encoding="utf-8").splitlines()
        # A line may be told of more than once, where it is in several functions.
        reached, self.branches = {}, []
        for line in lines:
            number = line["line_number"]
            reached[number] = reached.get(number, 0) + line["count"]
            if ASSERTION not in text[number - 1]:
                self.branches += [(number, branch["count"]) for branch in line["branches"]]
        self.lines = sorted(reached.items())
        self.text = text

    def missing(self):
        bad = {number for number, count in self.lines if not count}
        half = {number for number, count in self.branches if not count}
        for number in sorted(bad | half):
            kind = "line" if number in bad else "branch"
            yield f"{self.name}:{number}: {kind}: {self.text[number - 1].strip()}"


def share(counts):
    """(reached, all, percent)"""
    reached = sum(count > 0 for _, count in counts)
    # Rounded down: 100 % is all of them.
    return reached, len(counts), (1000 * reached // max(len(counts), 1)) / 10


def row(name, lines, branches):
    return (f"| {name} | {lines[0]} of {lines[1]} | {lines[2]:.1f} % "
            f"| {branches[0]} of {branches[1]} | {branches[2]:.1f} % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for group in ("programs", "replays", "objects"):
        parser.add_argument(f"--{group}", nargs="+", type=pathlib.Path, required=True)
    options = parser.parse_args()

    for compiled in options.objects:
        compiled.with_suffix(".gcda").unlink(missing_ok=True)
    for program in options.programs:
        run(program)
    for program in options.replays:
        run(program, sorted((TOP / "tests/fuzz/corpus" / program.name.removeprefix("fuzz_")).iterdir()))

    files = [File(compiled) for compiled in options.objects]
    lines = share([count for file in files for count in file.lines])
    branches = share([count for file in files for count in file.branches])
    table = ["| file | lines | | branches | |", "|---|---:|---:|---:|---:|"]
    table += [row(file.name, share(file.lines), share(file.branches)) for file in files]
    table.append(row("all", lines, branches))
    text = ("Reached by the hosted tests (`tests/host`) and the fuzzers' seeds, gcc's `--coverage` "
            f"without optimisation. The goal is {LINES_GOAL:.0f} % of lines and "
            f"{BRANCHES_GOAL:.0f} % of branches; the failing side of an assertion counts as no "
            "branch.\n\n" + "\n".join(table) + "\n")
    print(text)
    missing = options.objects[0].parents[2] / "missing.txt"
    missing.write_text("".join(f"{line}\n" for file in files for line in file.missing()),
                       encoding="utf-8")
    print(f"not reached: {missing}")
    subprocess.run([TOP / "tools/evidence.py", "coverage"], input=text, text=True, check=True)
    return 0 if lines[2] >= LINES_GOAL and branches[2] >= BRANCHES_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
