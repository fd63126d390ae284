#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that every file includes only what its layer may.

    tools/layers.py [FOLDER]      the tree (or a test's own); status 1 and a line for each breach

A layer may include itself and the layers before it in this table, and nothing behind it.
"""

import pathlib
import re
import sys

# (layer, the files in it: as they are named from the top folder)
LAYERS = (
    ("L0", r"lib/.*"),
    ("L1", r"drivers/virtio/port\.h|drivers/pci/.*"),
    ("L2", r"drivers/virtio/(virtq|virtq_format|split|packed)\.[ch]"),
    ("L3", r"drivers/virtio/(virtio|device|config|queue|queue_interrupt|queue_resize|queue_ring|recover|mmio|drivers|probe|inspect|describe"
           r"|pci|pci_\w+|vhost_\w+)\.[ch]"),
    ("L4", r"drivers/virtio/(block|blk|scsi|net|rng|console|iommu)(_\w+)?\.[ch]"),
    ("L5", r"drivers/virtio/(\w+_sync|partition(_\w+)?)\.[ch]"),
    ("K", r"(kernel|arch|boot)/.*"),
    ("programs", r"apps/.*"),
)
# What a program uses of the kit: devices, not what they are made of.
PROGRAMS_SEE = re.compile(r"lib/.*|kernel/.*|drivers/pci/pci\.h"
                          r"|drivers/virtio/(port|block|partition|net|rng|scsi|console|inspect)\.h|apps/.*")
# The headers that a freestanding compiler brings, all that the kit may have.
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h"}
KNOWS_ARCHITECTURE = re.compile(r"arch/.*|boot/.*|lib/barrier(/.*|\.h)")

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
ARCHITECTURE = re.compile(r"^\s*#\s*(?:el)?if.*\b(__x86_64__|__aarch64__|__i386__|__linux__)\b")


def layer_of(path):
    """Its place in LAYERS, the most particular one; None when it is in none."""
    places = [n for n, (_, files) in enumerate(LAYERS) if re.fullmatch(files, path)]
    return places[-1] if places else None


def breaches(top):
    for folder in ("lib", "drivers", "kernel", "arch", "boot", "apps"):
        for file in sorted((top / folder).rglob("*.[chS]")):
            path = file.relative_to(top).as_posix()
            layer = layer_of(path)
            if layer is None:
                yield f"{path}: in no layer; tools/layers.py has the table"
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                for complaint in line_breaches(top, path, layer, line):
                    yield f"{path}:{number}: {complaint}"


def line_breaches(top, path, layer, line):
    if ARCHITECTURE.match(line) and not KNOWS_ARCHITECTURE.fullmatch(path):
        yield "knows which architecture or system it is"
    match = INCLUDE.match(line)
    if not match:
        return
    ours, system = match.groups()
    name, kit = LAYERS[layer][0], LAYERS[layer][0].startswith("L")
    if system:
        if kit and system not in FREESTANDING:
            yield f"the kit has no <{system}>"
        return
    if name == "programs" and ((top / path).parent / ours).exists():
        return  # the program's own
    if not (top / ours).exists():
        yield f"{ours} is not a path from the top folder"
        return
    other = layer_of(ours)
    if other is None or other > layer:
        yield f"{name} includes {ours} of {'no layer' if other is None else LAYERS[other][0]}"
    elif ours.startswith(("arch/", "boot/")) and not path.startswith(("arch/", "boot/")):
        yield f"{ours} belongs to an architecture"
    elif name == "programs" and not PROGRAMS_SEE.fullmatch(ours):
        yield f"a program includes {ours}, which is the kit's own"


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                       pathlib.Path(__file__).resolve().parent.parent)
    found = list(breaches(top))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
