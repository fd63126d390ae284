#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks one check of the sources at a time and counts how often a test, or the proof, notices.

    tools/mutants.py --programs NAME|FLAGS|ARGUMENTS|SOURCES… --files FILE…     (make mutants)

A mutant is one file with one change: a condition of an `if` negated or never true; an operand of && or ||,
or the condition of a ?:, taken out; a comparison off by one. It is built into every program that has the
file among its sources, first plainly, then with sanitizers, and is noticed when a program fails, crashes or
does not end. Those that no program notices go to Frama-C Eva (proofs/eva/eva.py), as far as it knows the file.
Assertions are left alone: they are about callers. proofs/mutants/equivalent.txt names the mutants that
change nothing that can be seen, each with its reason; they are not counted.

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
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
GOAL = 95.0
PROVED = re.compile(r"drivers/virtio/(virtq|split|packed)\.c|lib/fdt\w*\.c")
SOURCES = ("lib", "drivers", "kernel", "arch", "tests", "docs", "proofs")
CC = ["gcc", "-std=gnu11", "-w", "-g"]
KINDS = {
    "plain": ["-O1"],
    "sanitized": ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}

# ---- Finding what can be changed ------------------------------------------------------


def masked(text):
    """The text with comments, strings and preprocessor lines blanked, so that places stay the same."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.DOTALL)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)


def closing(code, at):
    """Where the bracket that opens at `at` closes."""
    depth = 0
    for place in range(at, len(code)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0:
            return place
    raise ValueError("unbalanced brackets")


def split_top(code, begin, end, operator):
    """[begin, end) cut at an operator that stands in no brackets."""
    parts, depth, last, place = [], 0, begin, begin
    while place < end:
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0 and code.startswith(operator, place):
            parts.append((last, place))
            place = last = place + len(operator)
            continue
        place += 1
    return parts + [(last, end)]


def trim(code, begin, end):
    while begin < end and code[begin].isspace():
        begin += 1
    while end > begin and code[end - 1].isspace():
        end -= 1
    return begin, end


COMPARISON = re.compile(r"(?<![<>=!\-])(<=|>=|<|>)(?![<>=])")
OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


def operand_changes(code, begin, end):
    """Changes inside an expression: (begin, end, replacement)."""
    begin, end = trim(code, begin, end)
    negated = re.compile(r"!\s*(?=\()").match(code, begin, end)
    inner = negated.end() if negated else begin
    if inner < end and code[inner] == "(" and closing(code, inner) == end - 1:
        yield from operand_changes(code, inner + 1, end - 1)
        return
    choice = split_top(code, begin, end, "?")
    if len(choice) > 1:
        condition = choice[0]
        last = code[begin:condition[1]].rfind("= ")  # a value that is chosen and stored
        first = begin + last + 2 if last >= 0 and code[begin + last - 1] not in "=!<>" else begin
        yield from whole_changes(code, first, condition[1])
        yield from operand_changes(code, condition[1] + 1, end)
        return
    for operator, neutral in (("||", "0"), ("&&", "1")):
        parts = split_top(code, begin, end, operator)
        if len(parts) > 1:
            for part in parts:
                first, last = trim(code, *part)
                yield first, last, neutral
                yield first, last, f"!({code[first:last]})"
                yield from operand_changes(code, first, last)
            return
    depth = 0
    for place in range(begin, end):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        match = COMPARISON.match(code, place, end) if depth == 0 else None
        if match:
            yield place, match.end(), OFF_BY_ONE[match.group(1)]


def whole_changes(code, begin, end):
    begin, end = trim(code, begin, end)
    yield begin, end, f"!({code[begin:end]})"
    yield begin, end, "0"
    yield from operand_changes(code, begin, end)


def changes(code):
    for match in re.finditer(r"\b(if|while|for)\s*(?=\()", code):
        begin = match.end() + 1
        end = closing(code, match.end())
        if match.group(1) == "if":
            yield from whole_changes(code, begin, end)
        elif match.group(1) == "while":
            yield from operand_changes(code, begin, end)
        else:
            parts = split_top(code, begin, end, ";")
            yield from operand_changes(code, *parts[1])
    # Values of expressions: what is returned, stored or chosen.
    for match in re.finditer(r"\breturn\b([^;{}]*);|(?<![=!<>])=(?!=)([^;{}]*);", code):
        begin, end = match.span(1) if match.group(1) is not None else match.span(2)
        if re.search(r"&&|\|\||\?|[<>=!]=|\s[<>]\s", code[begin:end]):
            if match.group(1) is not None and "?" not in match.group(1):
                first, last = trim(code, begin, end)
                yield first, last, f"!({code[first:last]})"
            yield from operand_changes(code, begin, end)


class Mutant:
    def __init__(self, file, text, code, change):
        begin, end, replacement = change
        self.file = file
        self.text = text[:begin] + restored(text, code, change) + text[end:]
        self.line = text.count("\n", 0, begin) + 1
        heads = re.findall(r"^[a-z][^\n;=]*?(\w+)\([^;{]*\)\s*\{", code[:begin], re.MULTILINE)
        where = heads[-1] if heads else "?"
        lines = text.splitlines()
        last = self.line + text.count("\n", begin, end)
        was = " ".join(line.strip() for line in lines[self.line - 1:last])
        now = " ".join(line.strip() for line in self.text.splitlines()[
            self.line - 1:self.line + self.text.count("\n", begin, begin + len(replacement))])
        self.name = f"{file}: {where}: {was}  =>  {now}"
        self.noticed_by = None


def restored(text, code, change):
    """The replacement, with strings and characters as they were."""
    begin, end, replacement = change
    return replacement.replace(code[begin:end], text[begin:end]) if end - begin > 1 else replacement


def mutants_of(tree, file):
    text = (tree / file).read_text(encoding="utf-8")
    code = masked(text)
    seen = set()
    for change in changes(code):
        if "vport_logs(" in code[change[0]:change[1]]:
            continue
        mutant = Mutant(file, text, code, change)
        if mutant.text not in seen:
            seen.add(mutant.text)
            yield mutant


# ---- Building and running -------------------------------------------------------------


class Program:
    def __init__(self, description, tree):
        self.name, flags, arguments, sources = description.split("|")
        self.flags = flags.split()
        self.arguments = sorted(str(path) for pattern in arguments.split()
                                for path in tree.glob(pattern))
        self.sources = sources.split()
        self.seconds = {}


def compiled(tree, program, kind, source, text=None, where=None):
    """The object of a source, with other text in its place if there is one. None: does not compile."""
    key = re.sub(r"\W", "_", " ".join(program.flags))
    target = (where or tree / "objects" / kind / key) / (source + ".o")
    if text is None and target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    command = CC + KINDS[kind] + ["-I.", "-Itests/host"] + program.flags + ["-c", "-o", str(target)]
    # Its name is said as it was, for includes beside it and for what it prints.
    done = subprocess.run(command + (["-I" + str(pathlib.Path(source).parent), "-x", "c", "-"]
                                     if text is not None else [source]),
                          cwd=tree, input=f'#line 1 "{source}"\n{text}' if text is not None else None,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode and text is None:
        sys.exit(f"{source} does not compile:\n{done.stderr}")
    return None if done.returncode else target


def link(tree, program, kind, target, replaced=None):
    objects = [str(replaced[1]) if replaced and source == replaced[0]
               else str(compiled(tree, program, kind, source)) for source in program.sources]
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(CC + KINDS[kind] + ["-o", str(target)] + objects, cwd=tree,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{program.name} does not link:\n{done.stderr}")


def passes(tree, program, binary, kind, limit):
    def prepare():
        os.setsid()
        if kind == "plain":
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    process = subprocess.Popen([str(binary), *program.arguments], cwd=tree, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=prepare)
    try:
        return process.wait(timeout=limit) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


def try_mutant(tree, programs, mutant, number, prove):
    """Fills in who noticed it: a program's name, "Eva", None, or "" for one that does not compile."""
    folder = tree / "mutants" / str(number)
    try:
        for kind in KINDS:
            objects = {}
            for program in sorted(programs, key=lambda program: program.seconds[kind]):
                if mutant.file not in program.sources:
                    continue
                key = " ".join(program.flags)
                if key not in objects:
                    objects[key] = compiled(tree, program, kind, mutant.file, mutant.text,
                                            folder / kind / str(len(objects)))
                if objects[key] is None:
                    mutant.noticed_by = ""
                    return
                binary = folder / program.name
                link(tree, program, kind, binary, (mutant.file, objects[key]))
                if not passes(tree, program, binary, kind, 5 + 10 * program.seconds[kind]):
                    mutant.noticed_by = f"{program.name} ({kind})"
                    return
        if prove and PROVED.fullmatch(mutant.file):
            copy = folder / "tree"
            for part in ("lib", "drivers", "proofs"):
                shutil.copytree(tree / part, copy / part)
            (copy / mutant.file).write_text(mutant.text, encoding="utf-8")
            done = subprocess.run([TOP / "proofs/eva/eva.py", "--tree", copy, "--quick",
                                   "--for", mutant.file],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if done.returncode == 1:
                mutant.noticed_by = "Eva"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- Telling --------------------------------------------------------------------------


def equivalents(path):
    """The names of the mutants that change nothing, from lines `NAME` each followed by `    reason`."""
    if not path.exists():
        return {}
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
    parser.add_argument("--no-proof", action="store_true")
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    options = parser.parse_args()

    # All of it from one copy: nobody changes that meanwhile.
    tree = options.build.absolute() / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for part in SOURCES:
        if (TOP / part).exists():
            shutil.copytree(TOP / part, tree / part)

    same = equivalents(TOP / "proofs/mutants/equivalent.txt")
    mutants = [mutant for file in options.files for mutant in mutants_of(tree, file)
               if re.search(options.only, mutant.name)]
    for name in sorted(same.keys() - {mutant.name for mutant in mutants}):
        if re.search(options.only, name):
            print(f"equivalent.txt names what is no mutant: {name}", file=sys.stderr)
    equal = [mutant for mutant in mutants if mutant.name in same]
    mutants = [mutant for mutant in mutants if mutant.name not in same]
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0

    start = time.monotonic()
    programs = [program for program in (Program(text, tree) for text in options.programs)
                if set(program.sources) & set(options.files)]
    for kind in KINDS:
        for program in programs:
            binary = tree / "programs" / kind / program.name
            link(tree, program, kind, binary)
            began = time.monotonic()
            if not passes(tree, program, binary, kind, 600):
                sys.exit(f"{program.name} fails without any change ({kind})")
            program.seconds[kind] = time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        tasks = {pool.submit(try_mutant, tree, programs, mutant, number, not options.no_proof): mutant
                 for number, mutant in enumerate(mutants)}
        for count, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            task.result()
            if tasks[task].noticed_by is None:
                print(f"survived: {tasks[task].name}", flush=True)
            if count % 100 == 0:
                print(f"{count} of {len(mutants)}", flush=True)

    mutants = [mutant for mutant in mutants if mutant.noticed_by != ""]
    text, share = report(options.files, mutants, len(equal), time.monotonic() - start)
    print(text)
    (options.build / "survived.txt").write_text(
        "".join(f"{mutant.name}\n" for mutant in mutants if mutant.noticed_by is None),
        encoding="utf-8")
    if not options.only and not options.no_proof:
        subprocess.run([TOP / "tools/evidence.py", "mutants"], input=text, text=True, check=True)
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
