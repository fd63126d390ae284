#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks one check of the sources at a time and counts how often a test, or the proof, notices.

    tools/mutants.py --programs NAME|FLAGS|ARGUMENTS|SOURCES… --files FILE…     (make mutants)

tools/mutations.py says what is broken, one change a mutant. Each program is built twice, plainly and with
sanitizers, from sources that hold all mutants, each asleep; MUTANT=number in the environment wakes one. A
first run, with all asleep, tells which program evaluates which of the changed expressions: a mutant is tried
with those, the quickest first, and is noticed when one fails, crashes or does not end. Those that none
notices go to Frama-C Eva (proofs/eva/eva.py), as far as it knows the file. proofs/mutants/equivalent.txt names
the mutants that change nothing that can be seen, each with its reason; they are not counted.

Writes docs/evidence.md, and all survivors to build/mutants/survived.txt. Status 1 below 95 % noticed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import mutations

TOP = pathlib.Path(__file__).resolve().parent.parent
GOAL = 95.0
PROVED = re.compile(r"drivers/virtio/(virtq\.[ch]|virtq_format\.h|split\.c|packed\.c)|lib/fdt\w*\.c")
SOURCES = ("lib", "drivers", "kernel", "arch", "tests", "docs", "proofs")
CC = ["gcc", "-std=gnu11", "-w", "-g", "-O1"]
KINDS = {
    "plain": [],
    "sanitized": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
WALL_SECONDS = 120
MEMORY = 2 << 30

# Given to the compiler in front of each source. Who wakes a mutant wants no record.
SWITCH = """
extern int mutant_awake;
extern unsigned char *mutants_evaluated;
#define MUTANT(number) (mutants_evaluated[number] = 1, mutant_awake == (number))
"""
# Children of a program, too, write into the record.
RECORD = """
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
static unsigned char ignored[COUNT];
int mutant_awake;
unsigned char *mutants_evaluated = ignored;
__attribute__((constructor)) static void wake(void)
{
	const char *number = getenv("MUTANT"), *file = getenv("MUTANTS_EVALUATED");
	int fd = file ? open(file, O_RDWR) : -1;
	if (number)
		mutant_awake = atoi(number);
	if (fd < 0)
		return;
	mutants_evaluated = mmap(NULL, COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mutants_evaluated == MAP_FAILED)
		abort();
}
"""

# ---- Building -------------------------------------------------------------------------


class Program:
    def __init__(self, description, tree):
        self.name, flags, arguments, sources = description.split("|")
        self.flags, self.sources, self.tree = flags.split(), sources.split(), tree
        self.arguments = sorted(str(path) for pattern in arguments.split() for path in tree.glob(pattern))
        self.seconds, self.evaluated = {}, {}

    def binary(self, kind):
        return self.tree / "programs" / kind / self.name

    def object(self, kind, source):
        return self.tree / "objects" / kind / re.sub(r"\W", "_", "".join(self.flags)) / (source + ".o")


def command(arguments, tree):
    done = subprocess.run([str(argument) for argument in arguments], cwd=tree, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"does not build: {done.stderr}")


def build(tree, programs, pool):
    """All programs of both kinds, from objects that they share."""
    steps = {}
    for kind, flags in KINDS.items():
        for program in programs:
            for source in program.sources:
                target = program.object(kind, source)
                target.parent.mkdir(parents=True, exist_ok=True)
                steps[target] = [*CC, *flags, "-include", "mutants.h", "-I.", "-Itests/host", *program.flags,
                                 "-c", "-o", target, source]
    list(pool.map(lambda step: command(step, tree), steps.values()))
    for kind, flags in KINDS.items():
        (tree / "programs" / kind).mkdir(parents=True)
        list(pool.map(lambda program: command(
            [*CC, *flags, "-o", program.binary(kind), "mutants.c",
             *(program.object(kind, source) for source in program.sources)], tree), programs))


# ---- Running --------------------------------------------------------------------------


def passes(program, kind, seconds, environment):
    """Runs it until it ends, or says that a case is not ok. `seconds` are of a process' own computing, for others
    may be busy; WALL_SECONDS are for what sleeps."""
    def prepare():
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if kind == "plain":
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))

    process = subprocess.Popen([str(program.binary(kind)), *program.arguments], cwd=program.tree,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, preexec_fn=prepare,
                               env={**os.environ, **environment})

    def end():
        try:
            os.killpg(process.pid, signal.SIGKILL)  # with all that it started
        except ProcessLookupError:
            pass

    alarm = threading.Timer(WALL_SECONDS, end)
    alarm.start()
    try:
        return not any(line.startswith(b"not ok") for line in process.stdout) and process.wait() == 0
    finally:
        alarm.cancel()
        end()
        process.wait()
        process.stdout.close()


def measure(program, kind, count):
    """How long it takes with all mutants asleep, and which of them it evaluates."""
    record = program.tree / "programs" / f"{program.name}.{kind}.evaluated"
    record.write_bytes(bytes(count + 1))
    before = time.monotonic()
    if not passes(program, kind, 600, {"MUTANTS_EVALUATED": str(record)}):
        sys.exit(f"{program.name} fails without any change ({kind})")
    program.seconds[kind] = time.monotonic() - before
    program.evaluated[kind] = record.read_bytes()


def try_mutant(programs, mutant, originals):
    """Fills in who noticed it: a program's name and its kind, "Eva", or None."""
    for kind in KINDS:
        for program in sorted(programs, key=lambda program: program.seconds[kind]):
            if program.evaluated[kind][mutant.number] and not passes(
                    program, kind, 2 + int(3 * program.seconds[kind]), {"MUTANT": str(mutant.number)}):
                mutant.noticed_by = f"{program.name} ({kind})"
                return
    if originals and PROVED.fullmatch(mutant.file):
        copy = originals.parent / "eva" / str(mutant.number)
        for part in ("lib", "drivers", "proofs"):
            shutil.copytree(originals / part, copy / part)
        (copy / mutant.file).write_text(mutant.text, encoding="utf-8")
        done = subprocess.run([copy / "proofs/eva/eva.py", "--quick", "--for", mutant.file],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 1:
            mutant.noticed_by = "Eva"
        shutil.rmtree(copy)


# ---- Telling --------------------------------------------------------------------------


def equivalents(path):
    """The names of the mutants that change nothing, from lines `NAME` each followed by `    reason`."""
    found, name = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[name] = line.strip()
        elif line and not line.startswith("#"):
            name = line.strip()
    return found


def report(files, mutants, same, seconds):
    table = ["| file | mutants | noticed by a test | by a sanitizer | by Eva | survived | noticed |",
             "|---|---:|---:|---:|---:|---:|---:|"]

    def row(name, group):
        plain = sum("(plain)" in (mutant.noticed_by or "") for mutant in group)
        sanitizer = sum("(sanitized)" in (mutant.noticed_by or "") for mutant in group)
        eva = sum(mutant.noticed_by == "Eva" for mutant in group)
        share = 100.0 * (plain + sanitizer + eva) / max(len(group), 1)
        table.append(f"| {name} | {len(group)} | {plain} | {sanitizer} | {eva} "
                     f"| {len(group) - plain - sanitizer - eva} | {share:.1f} % |")
        return share

    for file in files:
        row(file, [mutant for mutant in mutants if mutant.file == file])
    share = row("all", mutants)
    survived = [mutant for mutant in mutants if mutant.noticed_by is None]
    text = (f"{len(mutants)} mutants, {share:.1f} % noticed, in {seconds:.0f} s (goal: {GOAL:.0f} %). "
            f"Not counted: {same} that change nothing that can be seen "
            "(`proofs/mutants/equivalent.txt`).\n\n" + "\n".join(table) + "\n")
    if survived:
        text += "\nSurvived:\n\n```\n" + "".join(f"{mutant.name}\n" for mutant in survived) + "```\n"
    return text, share


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", nargs="+", required=True)
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="a regular expression that a mutant's name must hold")
    parser.add_argument("--again", action="store_true", help="only those that survived the last time")
    parser.add_argument("--no-proof", action="store_true")
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    options = parser.parse_args()

    last = options.build / "survived.txt"
    again = set(last.read_text(encoding="utf-8").splitlines()) if options.again else None

    # All of it from one copy: nobody changes that meanwhile. In a second one the mutants are asleep.
    shutil.rmtree(options.build, ignore_errors=True)
    originals, tree = (options.build.absolute() / name for name in ("originals", "tree"))
    for part in SOURCES:
        shutil.copytree(TOP / part, originals / part)
    shutil.copytree(originals, tree)

    same = equivalents(originals / "proofs/mutants/equivalent.txt")
    mutants = []
    for file in options.files:
        text = (originals / file).read_text(encoding="utf-8")
        found = list(mutations.mutants_of(file, text))
        for number, mutant in enumerate(found, len(mutants) + 1):
            mutant.number = number
        mutants += found
        (tree / file).write_text(mutations.switchable(text, found), encoding="utf-8")
    count = len(mutants)
    for name in sorted(same.keys() - {mutant.name for mutant in mutants}):
        sys.exit(f"equivalent.txt names what is no mutant: {name}")
    mutants = [mutant for mutant in mutants if re.search(options.only, mutant.name)
               and (again is None or mutant.name in again)]
    equal = [mutant for mutant in mutants if mutant.name in same]
    mutants = [mutant for mutant in mutants if mutant.name not in same]
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0

    start = time.monotonic()
    (tree / "mutants.h").write_text(SWITCH, encoding="utf-8")
    (tree / "mutants.c").write_text(f"#define COUNT {count + 1}\n{RECORD}", encoding="utf-8")
    programs = [program for program in (Program(text, tree) for text in options.programs)
                if any(mutant.file in program.sources or mutant.file.endswith(".h") for mutant in mutants)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        build(tree, programs, pool)
        for kind in KINDS:
            for program in programs:
                measure(program, kind, count)
        tasks = {pool.submit(try_mutant, programs, mutant, None if options.no_proof else originals): mutant
                 for mutant in mutants}
        for done, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            task.result()
            if tasks[task].noticed_by is None:
                print(f"survived: {tasks[task].name}", flush=True)
            if done % 100 == 0:
                print(f"{done} of {len(mutants)}", flush=True)

    text, share = report(options.files, mutants, len(equal), time.monotonic() - start)
    print(text)
    last.write_text("".join(f"{mutant.name}\n" for mutant in mutants if mutant.noticed_by is None),
                    encoding="utf-8")
    if not options.only and not options.again and not options.no_proof:
        subprocess.run([TOP / "tools/evidence.py", "mutants"], input=text, text=True, check=True)
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
