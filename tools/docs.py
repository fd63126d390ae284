#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that README.md and docs/ say what is so; status 1 and a line for each thing that is not.

    tools/docs.py             checks
    tools/docs.py --write     puts the table of what is supported into README.md

The table's rows are the machines of tests/matrix.toml, no more and no fewer. A path in `code` exists,
and so does what a link points to; in [`name`](file.c) the file has a name that begins so. docs/kernel.md lists
every key that the kernel looks for on its command line, and no other, and so does kernel/options.c, which says of all
others that nobody knows them.
"""

import pathlib
import re
import sys
import tomllib

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from ringlet.machine import Machine  # noqa: E402

BEGIN, END = "<!-- supported: tools/docs.py --write -->\n", "<!-- /supported -->\n"
FOLDERS = "apps arch bench boot docs drivers kernel lib linker test-images tests tools".split()
PATH = re.compile(r"`((?:" + "|".join(FOLDERS) + r")/[^`\s]*|Makefile)`")
LINK = re.compile(r"\[([^\]]*)\]\(([^)#:]+)\)")
KEY = re.compile(r"\b(?:vport_setting|vport_setting_is|vport_setting_text|cmdline_get|cmdline_get_nth|discover)\(\"([^\"]+)\"")
KNOWN_KEY = re.compile(r"\.key = \"([^\"]+)\"")
DOCUMENTED_KEY = re.compile(r"^\| `([\w.]+)=", re.MULTILINE)


def what(fields, machine):
    """The machine in a person's words."""
    words = [machine.machine]
    words += ["behind a root port"] if machine.root_port else []
    words += [f"behind `{machine.iommu}`"] if machine.iommu else []
    words += [f"`{option}`" for option in machine.options.split(",") if option]
    if "text_offset" in fields:
        words.append(f"Image at {fields['text_offset'] >> 10} KiB")
    return ", ".join(words)


def table():
    with open(TOP / "tests/matrix.toml", "rb") as file:
        matrix = tomllib.load(file)
    rings = ", ".join(matrix["rings"])
    yield "| architecture | machine | transport | rings | interrupts | in the matrix |\n"
    yield "|---|---|---|---|---|---|\n"
    for name, fields in matrix["machines"].items():
        own = {key: value for key, value in fields.items() if key not in ("route", "text_offset")}
        machine = Machine(**own).checked()
        yield (f"| {machine.arch} | {what(fields, machine)} | {machine.transport.upper()} | {rings} "
               f"| {fields['route']} | `{name}` |\n")


def bad_table():
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    if BEGIN + "".join(table()) + END not in readme:
        yield ("README.md: the table of what is supported is not that of tests/matrix.toml: "
               "tools/docs.py --write")


def write_table():
    path = TOP / "README.md"
    readme = path.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    path.write_text(before + BEGIN + "".join(table()) + END + rest.split(END)[1], encoding="utf-8")


def bad_names(path):
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(TOP)
    for place in PATH.findall(text):
        if "NAME" not in place and not list(TOP.glob(place.rstrip("/"))):
            yield f"{name}: there is no {place}"
    for label, target in LINK.findall(text):
        file = path.parent / target
        if not file.exists():
            yield f"{name}: there is no {target}"
        elif re.fullmatch(r"`[\w-]+`", label) and file.is_file() and not re.search(
                rf"\b{label.strip('`')}", file.read_text(encoding="utf-8")):
            yield f"{name}: {target} has no {label.strip('`')}"


def bad_keys():
    used = set()
    for folder in ("arch", "drivers", "kernel"):
        for file in (TOP / folder).rglob("*.c"):
            used |= set(KEY.findall(file.read_text(encoding="utf-8")))
    for name, pattern in (("docs/kernel.md", DOCUMENTED_KEY), ("kernel/options.c", KNOWN_KEY)):
        listed = set(pattern.findall((TOP / name).read_text(encoding="utf-8")))
        for key in sorted(used ^ listed):
            yield f"{name}: {key}= is {'not listed' if key in used else 'looked for nowhere'}"


def main():
    if sys.argv[1:] == ["--write"]:
        write_table()
    found = [*bad_table(), *bad_keys()]
    for path in (TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))):
        found += bad_names(path)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
