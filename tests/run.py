#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the tests; ends with one line, `N passed, N failed, N skipped`, and status 1 when any failed.

    tests/run.py [--filter REGEX] [--jobs N] [--junit FILE] [--list] [-v] GROUP…

Groups: lint, kit, host, fuzz, images, tools, boot, network, vhost, qtest. What they test must have been built: see `make test`.
"""

import argparse
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import groups  # noqa: E402
from ringlet import junit, test  # noqa: E402
from ringlet.vmm import Process  # noqa: E402


def stop(number, _):
    raise SystemExit(128 + number)


class Parser(argparse.ArgumentParser):
    """Says in one line what it does not understand."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def pattern(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text}: no regular expression: {error}") from error


def count(text):
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: a number of at least 1 is wanted")
    return int(text)


def writable(path):
    """Found out now: at the end the results would be lost."""
    try:
        with open(path, "ab"):
            return path
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from error


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="+", choices=groups.GROUPS, metavar="GROUP")
    parser.add_argument("--filter", type=pattern, default="", help="only tests whose name this matches")
    # Most of what they take is waiting: for a deadline, a retry, the other end.
    parser.add_argument("--jobs", type=count, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--junit", type=writable, help="write the results as JUnit XML")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("-v", "--verbose", action="store_true", help="print all output")
    options = parser.parse_args()

    tests = [one for group in options.groups for one in groups.GROUPS[group]()
             if options.filter.search(one.name)]
    if not tests and options.filter.pattern:
        parser.error(f"--filter {options.filter.pattern}: no test of {' '.join(options.groups)} is so named")
    if options.list:
        print("\n".join(one.name for one in tests))
        return 0
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        results = test.run_all(tests, options.jobs, options.verbose)
    finally:
        Process.kill_all()
    if options.junit:
        junit.write(options.junit, results)
    test.print_failures(results)
    print(test.summary(results))
    return 1 if not results or any(result.verdict == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
