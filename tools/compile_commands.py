#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns the commands that make would run into compile_commands.json.

    make -B -n V=1 | tools/compile_commands.py
"""

import json
import os
import shlex
import sys


def main():
    entries = []
    for line in sys.stdin:
        words = line.split()
        if "-c" not in words or not words[-1].endswith((".c", ".S")):
            continue
        words = shlex.split(line)
        if os.path.exists(words[-1]):
            entries.append({"directory": os.getcwd(), "arguments": words, "file": words[-1],
                            "output": words[words.index("-o") + 1]})
    json.dump(entries, sys.stdout, indent=1)
    print()


main()
