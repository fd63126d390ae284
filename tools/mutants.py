#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks one check of the sources at a time and counts how often a test, or the proof, notices.

    tools/mutants.py --programs NAME|FLAGS|ARGUMENTS|SOURCES… --files FILE…     (make mutants)

tools/mutations.py says what is broken, one change a mutant. Programs are built from sources that hold all mutants,
each asleep; MUTANT=number in the environment wakes one (tools/mutant_programs.py). A first run, with all asleep, tells
which case of which program evaluates which of the changed expressions: a mutant is tried with those, and is noticed
when one fails, crashes or does not end. First comes the case that noticed it the last time, then those that have
noticed most of the same function's and file's mutants in the least time. Those that none notices are tried again
with the sanitizers, and then by Frama-C Eva (proofs/eva/eva.py), as far as it knows the file.
proofs/mutants/equivalent.txt names the mutants that change nothing that can be seen, each with its reason; they are
not counted.

Each result is put into build/mutants/results.jsonl as soon as it is known. With --resume a mutant that was
noticed is not tried again, as long as its file and the test that noticed it are what they were; with --resume=file
as long as its file is. The report tells at which commits they were tried.

Writes docs/evidence.md, and all survivors to build/mutants/survived.txt. Status 1 below 95 % noticed.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import mutations
from mutant_programs import KINDS, RECORD, SWITCH, Program, build, digest, measure

TOP = pathlib.Path(__file__).resolve().parent.parent
GOAL = 95.0
PROVED = re.compile(r"drivers/virtio/(virtq\.[ch]|virtq_format\.h|split\.c|packed\.c)|lib/fdt\w*\.c")
SOURCES = ("lib", "drivers", "kernel", "arch", "tests", "docs", "proofs")
MOST_IN_A_FILE = 1000


def commit():
    """What the working tree holds: a commit, and a plus sign where something has been changed since."""
    def git(*words):
        done = subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = git("status", "--porcelain", "--untracked-files=no", "--", *SOURCES, ":!docs/evidence.md")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


# ---- Trying ---------------------------------------------------------------------------


class Results:
    """Who noticed what, in this run and in earlier ones."""

    def __init__(self, path, programs, originals, tried_at):
        self.path, self.commit = path, tried_at
        self.tally = collections.defaultdict(lambda: [0, 0])  # (program, case, function or file): noticed, tried
        self.digests = {program.name: program.digest for program in programs}
        proof = [file for part in ("lib", "proofs/eva", "drivers/virtio") for file in (originals / part).iterdir()
                 if file.is_file() and (part != "drivers/virtio" or PROVED.search(f"{part}/{file.name}"))]
        self.digests["Eva"] = digest(file.read_bytes() for file in sorted(proof))
        self.before = collections.defaultdict(list)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            entry = json.loads(line)
            name = entry["noticed_by"].split()[0]
            if name not in self.digests:
                continue
            self.before[entry["mutant"]].append(entry)
            if entry.get("case"):
                self.count(name, entry["case"], *places(entry["mutant"]), noticed=True)

    def count(self, program, case, *where, noticed):
        for place in where:
            tally = self.tally[program, case, place]
            tally[0] += noticed
            tally[1] += 1

    def digest(self, mutant, noticed_by):
        return digest([mutant.original.encode(), self.digests[noticed_by.split()[0]].encode()])

    def last(self, mutant):
        """The program and the case that noticed it the last time, as far as is known."""
        entry = self.before[mutant.key][-1] if mutant.key in self.before else {"noticed_by": "nobody"}
        return entry["noticed_by"].split()[0], entry.get("case")

    def resume(self, mutant, what):
        """Fills in who noticed it, if that need not be tried again; the commit that it was tried at, or None."""
        source = digest([mutant.original.encode()])
        for entry in reversed(self.before.get(mutant.key, [])):
            if (what == "file" and entry.get("source") == source
                    or what and entry["digest"] == self.digest(mutant, entry["noticed_by"])):
                mutant.noticed_by, mutant.case = entry["noticed_by"], entry.get("case")
                return entry["commit"]
        return None

    def keep(self, mutant):
        if mutant.noticed_by is None:
            return
        entry = {"mutant": mutant.key, "noticed_by": mutant.noticed_by, "case": mutant.case,
                 "seconds": round(mutant.seconds, 3), "commit": self.commit,
                 "source": digest([mutant.original.encode()]), "digest": self.digest(mutant, mutant.noticed_by)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def promise(self, test, function, file):
        """The time that it takes to notice a mutant in this place, as far as is known."""
        noticed, tried = self.tally.get((test.program.name, test.case, function), (0, 0))
        noticed_there, tried_there = self.tally.get((test.program.name, test.case, file), (0, 0))
        share = (noticed_there + 1) / (tried_there + 2)
        return (test.seconds + 0.005) * (tried + 2) / (noticed + 2 * share)

    def order(self, tests, mutant):
        """The most promising first: the one that noticed it the last time, then its program's others."""
        program, case = self.last(mutant)
        where = places(mutant.key)
        for known in (True, False):
            yield from sorted((test for test in tests if (test.program.name == program) == known),
                              key=lambda test: (known and test.case != case, self.promise(test, *where)))


def places(key):
    """The function and the file, as they stand in a mutant's name."""
    file, function = key.split(": ", 2)[:2]
    return f"{file}: {function}", file


def try_tests(tests, kind, mutant, results, patience):
    """Fills in who noticed it: a program's name and its kind; None as long as nobody did. Gives up when `patience`
    seconds were computed (0: never)."""
    begun = mutant.seconds
    for test in results.order(tests, mutant):
        noticed, seconds = test.notices(kind, mutant.number)
        mutant.seconds += seconds
        results.count(test.program.name, test.case, *places(mutant.key), noticed=noticed)
        if noticed:
            if kind != "plain" and not test.passes(kind, {}, 600)[0]:
                sys.exit(f"{test.program.name} {test.case} fails without any change ({kind})")
            mutant.noticed_by, mutant.case = f"{test.program.name} ({kind})", test.case
            return
        if patience and mutant.seconds - begun > patience:
            return


def try_proof(mutant, originals):
    copy = originals.parent / "eva" / str(mutant.number)
    for part in ("lib", "drivers", "proofs"):
        shutil.copytree(originals / part, copy / part)
    (copy / mutant.file).write_text(mutant.text, encoding="utf-8")
    done = subprocess.run([copy / "proofs/eva/eva.py", "--quick", "--for", mutant.file],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode == 1:
        mutant.noticed_by = "Eva"
    shutil.rmtree(copy)


def try_all(mutants, programs, tree, originals, results, options):
    """Each with all tests that evaluate it, then with sanitizers, then by Eva."""
    cache = options.build.absolute() / "cache"
    tests = collections.defaultdict(list)  # by mutants' numbers
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        def rounds(what, attempt, left):
            tasks = {pool.submit(attempt, mutant): mutant for mutant in left}
            for done, task in enumerate(concurrent.futures.as_completed(tasks), 1):
                task.result()
                results.keep(tasks[task])
                if done % 100 == 0 or done == len(left):
                    print(f"{what}: {done} of {len(left)}", flush=True)
            return [mutant for mutant in left if mutant.noticed_by is None]

        build(tree, "plain", programs, pool, cache)
        count = MOST_IN_A_FILE * len(options.files)
        for found in pool.map(lambda program: measure(program, count, cache), programs):
            for test, numbers in found:
                for number in numbers:
                    tests[number].append(test)
        left = mutants
        for kind in list(KINDS)[:1 if options.no_sanitizers else None]:
            needed = {test.program for mutant in left for test in tests[mutant.number]}
            build(tree, kind, [program for program in programs if program in needed], pool, cache)
            left = rounds(kind, lambda mutant: try_tests(tests[mutant.number], kind, mutant, results,
                                                         options.patience), left)
        if not options.no_proof:
            rounds("Eva", lambda mutant: try_proof(mutant, originals),
                   [mutant for mutant in left if PROVED.fullmatch(mutant.file)])


# ---- Telling --------------------------------------------------------------------------


def equivalents(top):
    """The names of the mutants that change nothing, from lines `NAME` each followed by `    reason`."""
    found, name = {}, None
    for line in (top / "proofs/mutants/equivalent.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[name] = line.strip()
        elif line and not line.startswith("#"):
            name = line.strip()
    return found


def find(top, files):
    """Of each file: its name, its text and its mutants."""
    for file in files:
        text = (top / file).read_text(encoding="utf-8")
        yield file, text, list(mutations.mutants_of(file, text))


def check(same, mutants):
    """Ends where names stand for no mutant any more: of a line that has been changed since."""
    strangers = sorted(same.keys() - {mutant.name for mutant in mutants})
    if strangers:
        sys.exit("equivalent.txt names what is no mutant:\n" + "\n".join(strangers))


def report(files, mutants, same, seconds, commits):
    table = ["| file | mutants | noticed by a test | by a sanitizer | by Eva | survived | noticed | s |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]

    def row(name, group):
        plain = sum("(plain)" in (mutant.noticed_by or "") for mutant in group)
        sanitizer = sum("(sanitized)" in (mutant.noticed_by or "") for mutant in group)
        eva = sum(mutant.noticed_by == "Eva" for mutant in group)
        share = 100.0 * (plain + sanitizer + eva) / max(len(group), 1)
        table.append(f"| {name} | {len(group)} | {plain} | {sanitizer} | {eva} "
                     f"| {len(group) - plain - sanitizer - eva} | {share:.1f} % "
                     f"| {sum(mutant.seconds for mutant in group):.0f} |")
        return share

    for file in files:
        group = [mutant for mutant in mutants if mutant.file == file]
        if group:
            row(file, group)
    share = row("all", mutants)
    survived = [mutant for mutant in mutants if mutant.noticed_by is None]
    text = (f"{len(mutants)} mutants, {share:.1f} % noticed (goal: {GOAL:.0f} %). "
            f"Not counted: {same} that change nothing that can be seen "
            f"(`proofs/mutants/equivalent.txt`).\n\nTried at {', '.join(commits)}; these last ones in "
            f"{seconds:.0f} s (in the table: what the tests computed).\n\n" + "\n".join(table) + "\n")
    if survived:
        text += "\nSurvived:\n\n```\n" + "".join(f"{mutant.name}\n" for mutant in survived) + "```\n"
    return text, share


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", nargs="+", default=[])
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="a regular expression that a mutant's name must hold")
    parser.add_argument("--without", default="^$", help="a regular expression: files that are left out, as is told")
    parser.add_argument("--tests", default="", help="a regular expression that a program's name must hold")
    parser.add_argument("--again", action="store_true", help="only those that survived the last time")
    parser.add_argument("--patience", type=int, default=0,
                        help="give a mutant up when its tests have computed so many seconds, the most promising first; "
                             "and again with sanitizers")
    parser.add_argument("--resume", nargs="?", const="test", choices=("test", "file"),
                        help="only those not noticed yet, or no longer the same")
    parser.add_argument("--no-sanitizers", action="store_true")
    parser.add_argument("--no-proof", action="store_true")
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    parser.add_argument("--check", action="store_true", help="look whether equivalent.txt names mutants only, and stop")
    options = parser.parse_args()

    if options.check:
        check(equivalents(TOP), (mutant for _, _, found in find(TOP, options.files) for mutant in found))
        return 0

    last = options.build / "survived.txt"
    again = set(last.read_text(encoding="utf-8").splitlines()) if options.again else None

    # All of it from one copy: nobody changes that meanwhile. In a second one the mutants are asleep.
    tried_at = commit()
    originals, tree = (options.build.absolute() / name for name in ("originals", "tree"))
    for folder in (originals, tree, originals.parent / "eva"):
        shutil.rmtree(folder, ignore_errors=True)
    for part in SOURCES:
        shutil.copytree(TOP / part, originals / part)
    shutil.copytree(originals, tree)

    same = equivalents(originals)
    mutants, names = [], {}
    for file, text, found in find(originals, options.files):
        # Numbers that do not depend on other files, so that objects stay the same.
        for number, mutant in enumerate(found, 1 + MOST_IN_A_FILE * options.files.index(file)):
            names[mutant.name] = names.get(mutant.name, 0) + 1
            mutant.number, mutant.original, mutant.key = number, text, f"{mutant.name}  #{names[mutant.name]}"
        mutants += found
        (tree / file).write_text(mutations.switchable(text, found), encoding="utf-8")
        if len(found) > MOST_IN_A_FILE:
            sys.exit(f"more than {MOST_IN_A_FILE} mutants in {file}")
    check(same, mutants)
    without = [file for file in options.files if re.search(options.without, file)]
    mutants = [mutant for mutant in mutants if re.search(options.only, mutant.name) and mutant.file not in without
               and (again is None or mutant.name in again)]
    equal = [mutant for mutant in mutants if mutant.name in same]
    mutants = [mutant for mutant in mutants if mutant.name not in same]
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0

    start = time.monotonic()
    (tree / "mutants.h").write_text(SWITCH, encoding="utf-8")
    (tree / "mutants.c").write_text(f"#define COUNT {MOST_IN_A_FILE * len(options.files) + 1}\n{RECORD}",
                                    encoding="utf-8")
    programs = [Program(text, tree) for text in options.programs]
    results = Results(options.build / "results.jsonl", programs, originals, tried_at)
    kept = collections.Counter(filter(None, (results.resume(mutant, options.resume) for mutant in mutants)))
    left = [mutant for mutant in mutants if mutant.noticed_by is None]
    programs = [program for program in programs if re.search(options.tests, program.name) and
                any(mutant.file in program.files for mutant in left)]
    try_all(left, programs, tree, originals, results, options)
    for mutant in left:
        if mutant.noticed_by is None:
            print(f"survived: {mutant.name}")

    commits = [f"{name} ({number} of them)" for name, number in [*kept.items(), (results.commit, len(left))]]
    if options.patience:
        commits[-1] += f", each given up after {options.patience} s"
    if options.no_sanitizers:
        commits[-1] += ", without sanitizers"
    if options.no_proof:
        commits[-1] += ", without Eva"
    if without:
        commits[-1] += f", and without {', '.join(without)}"
    text, share = report(options.files, mutants, len(equal), time.monotonic() - start, commits)
    print(text)
    last.write_text("".join(f"{mutant.name}\n" for mutant in mutants if mutant.noticed_by is None),
                    encoding="utf-8")
    if not options.only and not options.tests and not options.again:
        subprocess.run([TOP / "tools/evidence.py", "mutants"], input=text, text=True, check=True)
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
