#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the tests; ends with one line, `N passed, N failed, N skipped`, and status 1 when any failed.

    tests/run.py [--filter REGEX] [--jobs N] [--junit FILE] [--list] [-v] GROUP…

Groups: lint, kit, host, fuzz, images, tools, boot, vhost. What they test must have been built: see `make test`.
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="+", choices=groups.GROUPS, metavar="GROUP")
    parser.add_argument("--filter", default="", help="only tests whose name this matches")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--junit", help="write the results as JUnit XML")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("-v", "--verbose", action="store_true", help="print all output")
    options = parser.parse_args()

    tests = [one for group in options.groups for one in groups.GROUPS[group]()
             if re.search(options.filter, one.name)]
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
    print(test.summary(results))
    return 1 if not results or any(result.verdict == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
