# SPDX-License-Identifier: BSD-2-Clause
"""Writes results as JUnit XML, which continuous integration services read."""

import re
from xml.etree import ElementTree


def clean(text):
    """Without the control characters that XML cannot hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def write(path, results):
    suite = ElementTree.Element("testsuite", name="ringlet", tests=str(len(results)),
                                failures=str(sum(r.verdict == "failed" for r in results)),
                                skipped=str(sum(r.verdict == "skipped" for r in results)))
    for result in results:
        group, _, name = result.name.partition("/")
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=name,
                                      time=f"{result.seconds:.3f}")
        if result.verdict != "passed":
            kind = "failure" if result.verdict == "failed" else "skipped"
            ElementTree.SubElement(case, kind, message=clean(result.reason))
        ElementTree.SubElement(case, "system-out").text = clean(result.output)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
