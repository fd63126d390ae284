# SPDX-License-Identifier: BSD-2-Clause
"""Tests with mutants asleep in them: builds the programs, says which case evaluates which of the changed expressions,
and runs a case with one mutant awake. tools/mutants.py decides which.

A program of check.h has cases, each of which is run on its own (CHECK_CASE=name); what replays a fuzzer's inputs
is one. A process limits itself, before its first case: SECONDS of computing, for others may be busy, and memory.
"""

import functools
import hashlib
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

CC = ["gcc", "-std=gnu11", "-w", "-O1"]
KINDS = {
    "plain": [],
    "sanitized": ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
WALL_SECONDS = 120  # for what sleeps
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
#include <sys/resource.h>
static unsigned char ignored[COUNT];
int mutant_awake;
unsigned char *mutants_evaluated = ignored;
static void limit(int what, const char *name)
{
	const char *value = getenv(name);
	struct rlimit most = { value ? strtoul(value, NULL, 10) : 0, value ? strtoul(value, NULL, 10) : 0 };
	if (value && setrlimit(what, &most) != 0)
		abort();
}
__attribute__((constructor)) static void wake(void)
{
	const char *number = getenv("MUTANT"), *file = getenv("MUTANTS_EVALUATED");
	int fd = file ? open(file, O_RDWR) : -1;
	limit(RLIMIT_CORE, "MUTANT_CORE");
	limit(RLIMIT_CPU, "MUTANT_SECONDS");
	limit(RLIMIT_DATA, "MUTANT_MEMORY");
	if (number)
		mutant_awake = atoi(number);
	if (fd < 0)
		return;
	mutants_evaluated = mmap(NULL, COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mutants_evaluated == MAP_FAILED)
		abort();
}
"""


def digest(parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


@functools.cache
def included(tree, file):
    """What that file of the tree includes itself."""
    names = re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]', file.read_text(encoding="utf-8"), re.MULTILINE)
    folders = (file.parent, tree, tree / "tests/host", tree / "arch/host/include")
    return [folder / name for name in names for folder in folders if (folder / name).is_file()]


@functools.cache
def bytes_of(file):
    return file.read_bytes()


def closure(tree, sources):
    """These, and all of the tree that they include."""
    found, files = set(), [tree / source for source in sources]
    while files:
        file = files.pop()
        if file not in found and file.is_file():
            found.add(file)
            files += included(tree, file)
    return sorted(found)


class Program:
    def __init__(self, description, tree):
        self.name, flags, arguments, sources = description.split("|")
        self.flags, self.sources, self.tree = flags.split(), sources.split(), tree
        self.arguments = sorted(str(path) for pattern in arguments.split() for path in tree.glob(pattern))
        # What the test itself consists of, besides what it tests.
        files = closure(tree, (source for source in self.sources if source.startswith(("tests/", "docs/"))))
        files = [file for file in files if file.relative_to(tree).parts[0] in ("tests", "docs")]
        self.digest = digest(file.read_bytes() for file in [*files, *map(pathlib.Path, self.arguments)])
        self.files = {str(file.relative_to(tree)) for file in closure(tree, self.sources)}

    def binary(self, kind):
        return self.tree / "programs" / kind / self.name


class Test:
    """A case of a program, or with `case` None all that it does."""

    def __init__(self, program, case, seconds):
        self.program, self.case, self.seconds = program, case, seconds

    def passes(self, kind, environment, seconds):
        """Whether it does, or fails, crashes or does not end; and how long it computed."""
        limits = {"MUTANT_CORE": "0", "MUTANT_SECONDS": str(seconds)}
        if kind == "plain":
            limits["MUTANT_MEMORY"] = str(MEMORY)
        if self.case:
            limits["CHECK_CASE"] = self.case
        return run(self.program, kind, {**limits, **environment})[:2]

    def notices(self, kind, number):
        """Whether it notices that mutant, and how long it computed."""
        most = {"plain": 1, "sanitized": 3}[kind] * max(1, math.ceil(10 * self.seconds))
        good, seconds = self.passes(kind, {"MUTANT": str(number)}, most)
        return not good, seconds


def run(program, kind, environment):
    """Until it ends, or says that a case is not ok: whether it passes, how long it computed, and what it says."""
    process = subprocess.Popen([str(program.binary(kind)), *program.arguments], cwd=program.tree,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               start_new_session=True, env={**os.environ, **environment})

    def end():
        try:
            os.killpg(process.pid, signal.SIGKILL)  # with all that it started
        except ProcessLookupError:
            pass

    alarm = threading.Timer(WALL_SECONDS, end)
    alarm.start()
    lines, good = [], True
    try:
        for line in process.stdout:
            lines.append(line.decode(errors="replace"))
            good = good and not line.startswith(b"not ok")
            if not good:
                end()
                break
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return good and process.returncode == 0, usage.ru_utime + usage.ru_stime, lines
    finally:
        alarm.cancel()
        end()
        process.stdout.close()


def command(arguments, tree):
    done = subprocess.run([str(argument) for argument in arguments], cwd=tree, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"does not build: {done.stderr}")


def build(tree, kind, programs, pool, cache):
    """Those that are not there yet, from objects that they share. All stays in `cache`, each under a name made of all
    that it was made from."""
    programs = [program for program in programs if not program.binary(kind).exists()]
    objects, links, binaries = {}, {}, []
    cache.mkdir(parents=True, exist_ok=True)
    program_folder = tree / "programs" / kind
    program_folder.mkdir(parents=True, exist_ok=True)

    @functools.cache
    def compiled(flags, source):
        step = [*CC, *KINDS[kind], "-include", "mutants.h", "-I.", "-Itests/host", *flags, "-c", source]
        files = closure(tree, [source, "mutants.h", *(flag for flag in flags if flag.endswith(".h"))])
        target = cache / (digest([" ".join(step).encode(), *map(bytes_of, files)]) + ".o")
        if not target.exists():
            objects[target] = step
        return target

    for program in programs:
        step = [*CC, *KINDS[kind], compiled((), "mutants.c"),
                *(compiled(tuple(program.flags), source) for source in program.sources)]
        target = cache / (digest([" ".join(map(str, step)).encode()]) + ".program")
        binaries.append((target, program.binary(kind)))
        if not target.exists():
            links[target] = step

    def make(step):
        target, words = step
        new = target.with_suffix(f".{os.getpid()}")
        command([*words, "-o", new], tree)
        new.rename(target)

    list(pool.map(make, objects.items()))
    list(pool.map(make, links.items()))
    for target, binary in binaries:
        os.link(target, binary)


def measure(program, count, cache):
    """Its tests, plainly built: which of the mutants each of them evaluates when all are asleep: [(Test, numbers)].
    A case that fails alone is no test; if there is one, the program is one test."""
    known = cache / (digest([program.binary("plain").read_bytes(), program.digest.encode()]) + ".evaluated")
    if known.exists():
        return [(Test(program, case, seconds), numbers)
                for case, seconds, numbers in json.loads(known.read_text(encoding="utf-8"))]
    record = program.tree / "programs" / f"{program.name}.evaluated"

    def one(case):
        record.write_bytes(bytes(count + 1))
        good, seconds, lines = run(program, "plain", {"MUTANTS_EVALUATED": str(record),
                                                      **({"CHECK_CASE": case} if case else {})})
        numbers = [place.start() for place in re.finditer(b"\1", record.read_bytes())]
        return good, lines, (Test(program, case, seconds), numbers)

    good, lines, whole = one(None)
    if not good:
        sys.exit(f"{program.name} fails without any change")
    cases = [match.group(1) for match in map(re.compile(r"ok \d+ (\S+)$").match, lines) if match]
    alone = [one(case) for case in cases]
    found = [test for _, _, test in alone] if alone and all(good for good, _, _ in alone) else [whole]
    known.write_text(json.dumps([[test.case, test.seconds, numbers] for test, numbers in found]), encoding="utf-8")
    return found
