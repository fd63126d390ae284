#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fuzzes targets, two at a time, and writes what came out into docs/evidence.md.

    tests/fuzz/run.py [--seconds N] TARGET…      they have been built: see `make fuzz`
    tests/fuzz/run.py --smoke TARGET             the seeds and a few more, always the same, for `make test`

A run goes on from build/fuzz/corpus/TARGET, where earlier runs left what they found worth keeping, and
from the seeds in tests/fuzz/corpus/TARGET. Status 1 when an input broke something; it is then in
build/fuzz/findings, and the command that shows it again is printed. Once the bug is mended, the
input belongs into tests/fuzz/corpus/TARGET.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FUZZ = pathlib.Path(__file__).resolve().parent
TOP = FUZZ.parent.parent
BUILD = pathlib.Path(os.environ.get("O") or TOP / "build").resolve() / "fuzz"
LONGEST = {"cmdline": 4200, "fdt": 4096, "acpi": 4100, "mptable": 2048, "vhost": 2048,
           "pci_layout": 512, "msix": 1024, "tar": 12289, "partition": 8192, "scsi": 2048, "http": 8192, "console": 1024, "net": 2048}
LONGEST_OF_OTHERS = 512
MEMORY_MIB, INPUT_SECONDS = 1024, 10
USUAL = 60  # seconds a target; fewer do not get into docs/evidence.md
SMOKE_RUNS = 1500


@dataclasses.dataclass
class Outcome:
    target: str
    executions: int
    covered: int
    places: int
    corpus: int
    findings: list
    output: str


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def command(target, options, *folders):
    dictionary = FUZZ / f"{target}.dict"
    return [str(BUILD / target), f"-max_len={LONGEST.get(target, LONGEST_OF_OTHERS)}",
            f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", "-print_final_stats=1",
            *([f"-dict={dictionary}"] if dictionary.exists() else []), *options,
            *map(str, folders)]


def fuzz(target, seconds):
    corpus, findings = BUILD / "corpus" / target, BUILD / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    before = set(findings.glob(f"{target}-*"))
    done = subprocess.run(
        ["nice", "-n", "10", *command(target, [f"-max_total_time={seconds}",
                                               f"-artifact_prefix={findings}/{target}-"],
                                      corpus, FUZZ / "corpus" / target)],
        capture_output=True, text=True, errors="replace", timeout=seconds + 300, check=False)
    found = sorted(set(findings.glob(f"{target}-*")) - before)
    if done.returncode and not found:
        found = [findings / f"{target}-status-{done.returncode}"]
    text = done.stderr
    return Outcome(target, number(r"stat::number_of_executed_units: (\d+)", text),
                   number(r"cov: (\d+)", text), number(r"\((\d+) inline 8-bit counters\)", text),
                   number(r"corp: (\d+)", text), found, text)


def smoke(target):
    """What is found is in the output, which ends with the input in base64."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        return subprocess.run(command(target, [f"-runs={SMOKE_RUNS}", "-seed=1"], folder,
                                      FUZZ / "corpus" / target), check=False).returncode


def report(outcomes, seconds):
    """The section of docs/evidence.md."""
    lines = [f"{seconds} seconds a target, clang's address and undefined-behaviour sanitizers, from "
             "the seeds in `tests/fuzz/corpus`. Coverage is libFuzzer's: places in the code "
             "under test and in the target itself.", "",
             "| target | executions | coverage | corpus | findings |", "|---|---:|---:|---:|---:|"]
    for one in outcomes:
        lines.append(f"| {one.target} | {one.executions:,} | {one.covered} of {one.places} "
                     f"| {one.corpus} | {len(one.findings)} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=USUAL)
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--part", action="store_true", help="these are not all: docs/evidence.md stays as it is")
    options = parser.parse_args()

    if options.smoke:
        return max(smoke(target) for target in options.targets)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda target: fuzz(target, options.seconds), options.targets))
    text = report(outcomes, options.seconds)
    print(text)
    for one in outcomes:
        for finding in one.findings:
            print("\n".join(one.output.splitlines()[-40:]))
            print(f"again: {BUILD / one.target} {finding}")
    if not options.part:
        subprocess.run([TOP / "tools/evidence.py", "fuzz", "--command", f"make fuzz SECONDS={options.seconds}",
                        "--done", str(options.seconds), "--usual", str(USUAL)], input=text, text=True, check=True)
    return 1 if any(one.findings for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
