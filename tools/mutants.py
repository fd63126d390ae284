#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks one check of the sources at a time and counts how often a test, or the proof, notices.

    tools/mutants.py --programs NAME|FLAGS|ARGUMENTS|SOURCES… --files FILE…     (make mutants)

tools/mutations.py says what is broken, one change a mutant. Each program is built twice, plainly and with
sanitizers, from sources that hold all mutants, each asleep; MUTANT=number in the environment wakes one. A
first run, with all asleep, tells which program evaluates which of the changed expressions: a mutant is tried
with those, and is noticed when one fails, crashes or does not end. First comes the program that noticed it the
last time, then those that have noticed most of the file's mutants in the least time. Those that none notices go
to Frama-C Eva (proofs/eva/eva.py), as far as it knows the file. proofs/mutants/equivalent.txt names the mutants
that change nothing that can be seen, each with its reason; they are not counted.

Each result is put into build/mutants/results.jsonl as soon as it is known. With --resume a mutant that was
noticed is not tried again, as long as its file and the test that noticed it are what they were; with --resume=file
as long as its file is. The report tells at which commits they were tried.

Writes docs/evidence.md, and all survivors to build/mutants/survived.txt. Status 1 below 95 % noticed.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
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
WALL_SECONDS = 600
MOST_IN_A_FILE = 1000
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


def commit():
    """What the working tree holds: a commit, and a plus sign where something has been changed since."""
    def git(*words):
        done = subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = git("status", "--porcelain", "--untracked-files=no", "--", *SOURCES, ":!docs/evidence.md")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def digest(parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def closure(tree, sources):
    """These, and the headers of the tests that they include."""
    found, names = [], [tree / source for source in sources]
    while names:
        file = names.pop()
        if file in found or not file.is_file():
            continue
        found.append(file)
        for name in re.findall(r'^#include "([^"]+)"', file.read_text(encoding="utf-8"), re.MULTILINE):
            names += [tree / name] if name.startswith("tests/") else [file.parent / name]
    return found


# ---- Building -------------------------------------------------------------------------


class Program:
    def __init__(self, description, tree):
        self.name, flags, arguments, sources = description.split("|")
        self.flags, self.sources, self.tree = flags.split(), sources.split(), tree
        self.arguments = sorted(str(path) for pattern in arguments.split() for path in tree.glob(pattern))
        self.seconds, self.evaluated = {}, {}
        # What the test itself consists of, besides what it tests.
        files = closure(tree, (source for source in self.sources if source.startswith(("tests/", "docs/"))))
        files += [pathlib.Path(argument) for argument in self.arguments]
        self.digest = digest(file.read_bytes() for file in sorted(files))

    def binary(self, kind):
        return self.tree / "programs" / kind / self.name


def command(arguments, tree):
    done = subprocess.run([str(argument) for argument in arguments], cwd=tree, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"does not build: {done.stderr}")


def build(tree, programs, pool, cache):
    """All programs of both kinds, from objects that they share. Both stay in `cache`, each under a name made of all
    that it was made from."""
    headers = digest(file.read_bytes() for file in sorted(tree.glob("**/*.h")))
    steps = {}

    def compiled(kind, flags, source):
        step = [*CC, *KINDS[kind], "-include", "mutants.h", "-I.", "-Itests/host", *flags, "-c", source]
        name = digest([" ".join(step).encode(), headers.encode(), (tree / source).read_bytes()])
        target = cache / f"{name}.o"
        if not target.exists():
            steps[target] = step
        return target

    links, binaries = {}, []
    cache.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for program in programs:
            step = [*CC, *KINDS[kind], compiled(kind, [], "mutants.c"),
                    *(compiled(kind, program.flags, source) for source in program.sources)]
            target = cache / (digest([" ".join(map(str, step)).encode()]) + ".program")
            binaries.append((target, program.binary(kind)))
            if not target.exists():
                links[target] = step

    def make(step):
        target, words = step
        new = target.with_suffix(f".{os.getpid()}")
        command([*words, "-o", new], tree)
        new.rename(target)

    for kind in KINDS:
        (tree / "programs" / kind).mkdir(parents=True)
    list(pool.map(make, steps.items()))
    list(pool.map(make, links.items()))
    for target, binary in binaries:
        os.link(target, binary)


# ---- Running --------------------------------------------------------------------------


def run(program, kind, seconds, environment):
    """Runs it until it ends, or says that a case is not ok: whether it passes, and how long it computed. `seconds`
    are of a process' own computing, for others may be busy; WALL_SECONDS are for what sleeps."""
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
        good = not any(line.startswith(b"not ok") for line in process.stdout)
        if not good:
            end()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return good and process.returncode == 0, usage.ru_utime + usage.ru_stime
    finally:
        alarm.cancel()
        end()
        process.stdout.close()


def measure(program, kind, count, cache):
    """How long it takes with all mutants asleep, and which of them it evaluates."""
    known = cache / (digest([program.binary(kind).read_bytes(), program.digest.encode()]) + ".evaluated")
    if known.exists():
        seconds, program.evaluated[kind] = known.read_bytes().split(b"\n", 1)
        program.seconds[kind] = float(seconds)
        return
    record = program.tree / "programs" / f"{program.name}.{kind}.evaluated"
    record.write_bytes(bytes(count + 1))
    good, program.seconds[kind] = run(program, kind, 600, {"MUTANTS_EVALUATED": str(record)})
    if not good:
        sys.exit(f"{program.name} fails without any change ({kind})")
    program.evaluated[kind] = record.read_bytes()
    known.write_bytes(f"{program.seconds[kind]}\n".encode() + program.evaluated[kind])


class Results:
    """Who noticed what, in this run and in earlier ones."""

    def __init__(self, path, programs, originals):
        self.path, self.tally, self.commit = path, {}, commit()
        self.digests = {program.name: program.digest for program in programs}
        proof = [file for part in ("lib", "proofs/eva", "drivers/virtio") for file in (originals / part).iterdir()
                 if file.is_file() and (part != "drivers/virtio" or PROVED.search(f"{part}/{file.name}"))]
        self.digests["Eva"] = digest(file.read_bytes() for file in sorted(proof))
        self.before = collections.defaultdict(list)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            entry = json.loads(line)
            if entry["noticed_by"].split()[0] in self.digests:
                self.before[entry["mutant"]].append(entry)

    def digest(self, mutant, noticed_by):
        return digest([mutant.original.encode(), self.digests[noticed_by.split()[0]].encode()])

    def last(self, mutant):
        """Who noticed it the last time, or None."""
        return self.before[mutant.key][-1]["noticed_by"] if mutant.key in self.before else None

    def resume(self, mutant, what):
        """Fills in who noticed it, if that need not be tried again; the commit that it was tried at, or None."""
        source = digest([mutant.original.encode()])
        for entry in reversed(self.before.get(mutant.key, [])):
            if (what == "file" and entry.get("source") == source
                    or what and entry["digest"] == self.digest(mutant, entry["noticed_by"])):
                mutant.noticed_by = entry["noticed_by"]
                return entry["commit"]
        return None

    def keep(self, mutant):
        if mutant.noticed_by is None:
            return
        entry = {"mutant": mutant.key, "noticed_by": mutant.noticed_by, "commit": self.commit,
                 "source": digest([mutant.original.encode()]), "digest": self.digest(mutant, mutant.noticed_by)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def promise(self, program, kind, mutant):
        """The time that it takes to notice one of this file's mutants, as far as is known."""
        noticed, tried = self.tally.get((program.name, kind, mutant.file), (0, 0))
        return program.seconds[kind] * (tried + 2) / (noticed + 1)

    def tried(self, program, kind, mutant, noticed):
        key = (program.name, kind, mutant.file)
        self.tally[key] = tuple(map(sum, zip(self.tally.get(key, (0, 0)), (noticed, 1))))


def try_mutant(programs, mutant, originals, results, patience):
    """Fills in who noticed it: a program's name and its kind, "Eva", or None."""
    def rank(pair):
        program, kind = pair
        return (f"{program.name} ({kind})" != last, list(KINDS).index(kind), results.promise(program, kind, mutant))

    last = results.last(mutant)
    left = dict.fromkeys(KINDS, patience or len(programs))
    for program, kind in sorted(((program, kind) for kind in KINDS for program in programs
                                 if program.evaluated[kind][mutant.number]), key=rank):
        left[kind] -= 1
        if left[kind] < 0:
            continue
        good, _ = run(program, kind, 1 + int(4 * program.seconds[kind]), {"MUTANT": str(mutant.number)})
        results.tried(program, kind, mutant, not good)
        if not good:
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


def report(files, mutants, same, seconds, commits):
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
        group = [mutant for mutant in mutants if mutant.file == file]
        if group:
            row(file, group)
    share = row("all", mutants)
    survived = [mutant for mutant in mutants if mutant.noticed_by is None]
    text = (f"{len(mutants)} mutants, {share:.1f} % noticed (goal: {GOAL:.0f} %). "
            f"Not counted: {same} that change nothing that can be seen "
            f"(`proofs/mutants/equivalent.txt`).\n\nTried at {', '.join(commits)}; these last ones in "
            f"{seconds:.0f} s.\n\n" + "\n".join(table) + "\n")
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
    parser.add_argument("--without", default="^$", help="a regular expression: files that are left out, as is told")
    parser.add_argument("--tests", default="", help="a regular expression that a program's name must hold")
    parser.add_argument("--again", action="store_true", help="only those that survived the last time")
    parser.add_argument("--patience", type=int, default=0,
                        help="give a mutant up that so many programs of each kind, the most promising, did not notice")
    parser.add_argument("--resume", nargs="?", const="test", choices=("test", "file"),
                        help="only those not noticed yet, or no longer the same")
    parser.add_argument("--no-proof", action="store_true")
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    options = parser.parse_args()

    last = options.build / "survived.txt"
    again = set(last.read_text(encoding="utf-8").splitlines()) if options.again else None

    # All of it from one copy: nobody changes that meanwhile. In a second one the mutants are asleep.
    originals, tree = (options.build.absolute() / name for name in ("originals", "tree"))
    for folder in (originals, tree, originals.parent / "eva"):
        shutil.rmtree(folder, ignore_errors=True)
    for part in SOURCES:
        shutil.copytree(TOP / part, originals / part)
    shutil.copytree(originals, tree)

    same = equivalents(originals / "proofs/mutants/equivalent.txt")
    mutants, names = [], {}
    for file in options.files:
        text = (originals / file).read_text(encoding="utf-8")
        found = list(mutations.mutants_of(file, text))
        # Numbers that do not depend on other files, so that objects stay the same.
        for number, mutant in enumerate(found, 1 + MOST_IN_A_FILE * options.files.index(file)):
            names[mutant.name] = names.get(mutant.name, 0) + 1
            mutant.number, mutant.original, mutant.key = number, text, f"{mutant.name}  #{names[mutant.name]}"
        mutants += found
        (tree / file).write_text(mutations.switchable(text, found), encoding="utf-8")
        if len(found) > MOST_IN_A_FILE:
            sys.exit(f"more than {MOST_IN_A_FILE} mutants in {file}")
    count = MOST_IN_A_FILE * len(options.files)
    for name in sorted(same.keys() - {mutant.name for mutant in mutants}):
        sys.exit(f"equivalent.txt names what is no mutant: {name}")
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
    (tree / "mutants.c").write_text(f"#define COUNT {count + 1}\n{RECORD}", encoding="utf-8")
    programs = [Program(text, tree) for text in options.programs]
    results = Results(options.build / "results.jsonl", programs, originals)
    kept = collections.Counter(filter(None, (results.resume(mutant, options.resume) for mutant in mutants)))
    left = [mutant for mutant in mutants if mutant.noticed_by is None]
    programs = [program for program in programs if re.search(options.tests, program.name) and
                any(mutant.file in program.sources or mutant.file.endswith(".h") for mutant in left)]
    cache = options.build.absolute() / "cache"
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        build(tree, programs, pool, cache)
        for kind in KINDS:
            list(pool.map(lambda program: measure(program, kind, count, cache), programs))
        tasks = {pool.submit(try_mutant, programs, mutant, None if options.no_proof else originals, results,
                             options.patience): mutant for mutant in left}
        for done, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            task.result()
            results.keep(tasks[task])
            if tasks[task].noticed_by is None:
                print(f"survived: {tasks[task].name}", flush=True)
            if done % 100 == 0:
                print(f"{done} of {len(left)}", flush=True)

    commits = [f"{name} ({number} of them)" for name, number in [*kept.items(), (results.commit, len(left))]]
    if options.patience:
        commits[-1] += f", with at most {options.patience} programs of each kind"
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
