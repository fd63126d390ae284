# SPDX-License-Identifier: BSD-2-Clause
"""What a test is, and running many of them at the same time.

A test is a name and a function that returns its output, or raises Failed or Skipped. What the
function does, and whether a virtual machine has a part in it, is its own business.
"""

import concurrent.futures
import dataclasses
import sys
import threading
import time
import traceback


class Failed(Exception):
    def __init__(self, reason, output=""):
        super().__init__(reason)
        self.output = output


class Skipped(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Test:
    name: str  # "group/name"
    run: object  # () -> output


@dataclasses.dataclass(frozen=True)
class Result:
    name: str
    verdict: str  # passed, failed, skipped
    reason: str
    output: str
    seconds: float


def run_one(test):
    start = time.monotonic()
    verdict, reason, output = "passed", "", ""
    try:
        output = test.run() or ""
    except Failed as failure:
        verdict, reason, output = "failed", str(failure), failure.output
    except Skipped as why:
        verdict, reason = "skipped", str(why)
    except Exception as error:  # pylint: disable=broad-except # a test's bug is a failure of it
        verdict, reason = "failed", f"{type(error).__name__}: {error}"
        output = traceback.format_exc()
    return Result(test.name, verdict, reason, output, time.monotonic() - start)


def print_output(result, most):
    lines = result.output.rstrip().splitlines()
    left_out = 0 if most is None else max(0, len(lines) - most)
    if left_out:
        print(f"    … {left_out} lines before")
    for line in lines[left_out:]:
        print(f"    | {line}")


def run_all(tests, jobs, verbose=False):
    """Runs them, prints one line for each as it ends, and what a failed one printed."""
    results, lock = [], threading.Lock()

    def one(test):
        result = run_one(test)
        with lock:
            results.append(result)
            reason = f": {result.reason}" if result.reason else ""
            print(f"{result.verdict:7} {result.name} ({result.seconds:.1f} s){reason}")
            if verbose:
                print_output(result, None)
            elif result.verdict == "failed":
                print_output(result, 60)
            sys.stdout.flush()

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(one, test) for test in tests]
        try:
            for future in waiting:
                future.result()
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
    return results


def print_failures(results):
    """Once more, in short, what failed: of a long log often only the end is kept."""
    for result in results:
        if result.verdict == "failed":
            print(f"failed  {result.name}: {result.reason}")
            print_output(result, 12)


def summary(results):
    count = {verdict: sum(r.verdict == verdict for r in results)
             for verdict in ("passed", "failed", "skipped")}
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"
