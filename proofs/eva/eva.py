#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Proves by Frama-C Eva that no access of the rings and of the FDT reader can go wrong.

    proofs/eva/eva.py [--evidence] [--build DIRECTORY]         everything, and the controls        (make prove)
    proofs/eva/eva.py --tree DIRECTORY --quick --for FILE    another copy of the sources, for make mutants

What was found is kept in the directory, and holds as long as the files that a proof reads, its options and
Frama-C are the same.

Status 0: no alarm, and each control, which is the sources without one check, has one. 1: not so.
2: Eva did not finish.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
OPTIONS = ["-c11", "-machdep", "gcc_x86_64", "-eva", "-eva-auto-loop-unroll", "40",
           "-eva-split-limit", "300", "-eva-split-return", "full", "-eva-slevel", "100",
           "-eva-msg-key=-initial-state,-final-states", "-eva-no-show-progress"]
RINGS = ["proofs/eva/rings.c", "drivers/virtio/virtq.c", "drivers/virtio/split.c", "drivers/virtio/packed.c"]
RING_OPTIONS = ["-eva-slevel-function", "main:0,use:0,push:0"]
QUEUES = [f"VIRTQ_SPLIT_{size}" for size in (1, 2, 4, 8, 16, 128)] + [
    f"VIRTQ_PACKED_{size}" for size in (1, 2, 3, 5, 7, 8, 13, 127)]


class Proof:
    def __init__(self, name, sources, defines=(), options=(), quick_for=()):
        self.name, self.sources, self.defines = name, list(sources), list(defines)
        self.options = list(options)
        self.quick_for = quick_for  # files for which it is worth a quick try


BOTH = ["drivers/virtio/virtq.c", "drivers/virtio/virtq.h", "drivers/virtio/virtq_format.h"]
QUICK = {"VIRTQ_SPLIT_2": [*BOTH, "drivers/virtio/split.c"], "VIRTQ_PACKED_2": [*BOTH, "drivers/virtio/packed.c"]}
# Several used buffers at a time only where Eva keeps their states apart: where not, one.
POP_MAX = {"VIRTQ_SPLIT_1": 3, "VIRTQ_SPLIT_2": 3, "VIRTQ_PACKED_1": 3, "VIRTQ_PACKED_2": 2}
APART = {"VIRTQ_PACKED_2": ["-eva-slevel-function", "packed_pop:1000,packed_pop_others:1000"]}
LONG_CHAINS = [f"VIRTQ_{queue}" for queue in ("SPLIT_8", "SPLIT_16", "PACKED_5", "PACKED_7", "PACKED_8", "PACKED_13")]
PROOFS = [Proof(queue, RINGS, [f"-DQUEUE_IS={queue}", f"-DPOP_MAX={POP_MAX.get(queue, 1)}"] +
                (["-DLONG_CHAINS"] if queue in LONG_CHAINS else []),
                RING_OPTIONS + APART.get(queue, []), QUICK.get(queue, ())) for queue in QUEUES]
# With arrays of buffers in the place of lists.
PROOFS += [Proof(f"{queue}, arrays", RINGS, [f"-DQUEUE_IS={queue}", "-DPOP_MAX=1", "-DSINGLES"], RING_OPTIONS)
           for queue in ("VIRTQ_SPLIT_2", "VIRTQ_PACKED_3")]
PROOFS.append(Proof("both formats, one after another", RINGS, ["-DPOP_MAX=1"], RING_OPTIONS))

# What lengths properties may have, and which functions read them (proofs/eva/fdt_values.c).
FDT_OPTIONS = ["-eva-auto-loop-unroll", "70", "-eva-slevel", "100000"]
FDT_VALUES = ["proofs/eva/fdt_values.c", "lib/fdt_find.c", "lib/fdt_address.c"]
MAP_STANDS_IN = ["-eva-use-spec", "map_once"]
PROOFS += [Proof(f"FDT tokens, {size} bytes of structure", ["proofs/eva/fdt_tree.c", "lib/fdt.c"],
                 [f"-DSMALL={size}", f"-DSTRUCTS_SIZE={size}", f"-include {TOP}/proofs/eva/cells.h"],
                 FDT_OPTIONS, ["lib/fdt.c"] if size == 20 else ())
           for size in (20, 28)]
PROOFS += [Proof(f"FDT {name}, values of {odd} and {even} bytes", FDT_VALUES,
                 [f"-DCASE=ASK_{case}", f"-DODD={odd}", f"-DEVEN={even}"], FDT_OPTIONS + more,
                 [f"lib/fdt_{file}.c"])
           for case, file, name, odd, even, more in (
               ("FIND", "find", "paths, phandles, compatible", 1, 5, []),
               ("REG", "address", "reg", 7, 12, []), ("REG", "address", "reg", 8, 24, []),
               ("PCI_RANGE", "address", "PCI ranges", 7, 28, []),
               ("PCI_RANGE", "address", "PCI ranges", 24, 56, []),
               ("MSI", "interrupt", "msi-map", 7, 16, []), ("MSI", "interrupt", "msi-map", 32, 48, []),
               ("MAP", "interrupt", "one step by interrupt-map", 12, 28, []),
               ("MAP", "", "one step by interrupt-map", 36, 48, []),
               ("INTERRUPT", "interrupt", "interrupts", 4, 12, []),
               ("INTERRUPT", "interrupt", "interrupts", 8, 24, MAP_STANDS_IN),
               ("PCI_INTERRUPT", "interrupt", "PCI interrupts", 24, 56, MAP_STANDS_IN))]

# Without this text, that proof has an alarm. The text is taken out of the file.
CONTROLS = [
    ("drivers/virtio/virtq_format.h", "id <= last && slots[id].count != 0 && ", "VIRTQ_SPLIT_1"),
    ("drivers/virtio/virtq_format.h", "id <= last && slots[id].count != 0 && ", "VIRTQ_PACKED_1"),
    ("drivers/virtio/virtq_format.h", "!= 0 && written <= slots[id].writable", "VIRTQ_SPLIT_1"),
    ("drivers/virtio/virtq_format.h", "!= 0 && written <= slots[id].writable", "VIRTQ_PACKED_1"),
    ("drivers/virtio/virtq_format.h", "id <= last && written <= slots[id].writable && ", "VIRTQ_SPLIT_1"),
    ("drivers/virtio/virtq_format.h", "id <= last && written <= slots[id].writable && ", "VIRTQ_PACKED_1"),
    ("drivers/virtio/packed.c",
     "\t\tif (__builtin_expect(desc > last, false)) {\n\t\t\tdesc = ring;\n\t\t\tused ^= OTHER_ROUND;\n\t\t}\n",
     "VIRTQ_PACKED_1"),
    ("drivers/virtio/packed.c",
     "\t\tif (__builtin_expect(desc > last, false)) {\n\t\t\tdesc = ring;\n\t\t\tavailable ^= OTHER_ROUND;\n\t\t}\n",
     "VIRTQ_PACKED_2"),
    ("drivers/virtio/packed.c",
     "\t\tif (__builtin_expect(desc > last, false)) {\n\t\t\tdesc = ring;\n\t\t\teach ^= OTHER_ROUND;\n\t\t}\n",
     "VIRTQ_PACKED_3, arrays"),
    ("drivers/virtio/packed.c",
     "\tif (next >= vq->size) {\n\t\tnext -= vq->size;\n"
     "\t\tpacked->used_flags ^= OTHER_ROUND;\n\t}\n", "VIRTQ_PACKED_1"),
    ("drivers/virtio/packed.c", "\t\tpacked->used = 0;\n", "VIRTQ_PACKED_1"),
    ("lib/fdt.c", "name >= fdt->strings_size || ", "FDT tokens, 20 bytes of structure"),
    ("lib/fdt.c", " || token->length > size - at", "FDT tokens, 20 bytes of structure"),
    ("lib/fdt_find.c", "\t\tif (end == length)\n\t\t\treturn false; /* the last one is not terminated */\n",
     "FDT paths, phandles, compatible, values of 1 and 5 bytes"),
    ("lib/fdt_address.c", "\tif (index >= length / 4 / entry)\n\t\treturn ERR_NODEV;\n",
     "FDT reg, values of 7 and 12 bytes"),
    ("lib/fdt_address.c", " parent < 1 || parent > 2 ||\n", "FDT PCI ranges, values of 7 and 28 bytes"),
    ("lib/fdt_interrupt.c", "\t\tif (cells - at < key->count + 1u)\n\t\t\treturn ERR_FORMAT;\n",
     "FDT one step by interrupt-map, values of 12 and 28 bytes"),
    ("lib/fdt_interrupt.c", "addresses > MAX_ADDRESS_CELLS || (addresses && !reg) ||",
     "FDT interrupts, values of 8 and 24 bytes"),
    ("lib/fdt_interrupt.c", "\tif (length % 16)\n\t\treturn ERR_FORMAT;\n",
     "FDT msi-map, values of 7 and 16 bytes"),
    ("lib/fdt_interrupt.c", "\t\t.count = MAX_ADDRESS_CELLS + 1,\n", "FDT PCI interrupts, values of 24 and 56 bytes"),
]


class Result:
    def __init__(self, output, status, seconds):
        self.seconds = seconds
        self.finished = status == 0 and "ANALYSIS SUMMARY" in output
        self.alarms = len(re.findall(r"^\[eva:alarm\]", output, re.MULTILINE))
        # Assertions of the harness, and conditions of Frama-C's own, that were not proved.
        found = re.search(r"(\d+) alarms? generated", output)
        self.alarms = max(self.alarms, int(found.group(1)) if found else 0)
        reached = re.search(r"(\d+) statements reached \(out of (\d+)\): (\d+)%", output)
        self.reached = reached.groups() if reached else ("0", "0", "0")
        self.output = output[-4000:]


def sources_of(proof):
    return [source if source.startswith("drivers") or source.startswith("lib")
            else str(TOP / source) for source in proof.sources]


def kept_in(build, tree, proof):
    """The file for what the proof says of these sources: its name tells what was read, and how."""
    place = [f"-I{tree}", *(word for define in proof.defines for word in define.split())]
    read = subprocess.run(["gcc", "-MM", "-MG", *place, *sources_of(proof)], cwd=tree, capture_output=True,
                          text=True, check=True).stdout
    files = {tree / name for name in read.replace("\\\n", " ").split() if not name.endswith(":")}
    version = subprocess.run(["frama-c", "-version"], capture_output=True, text=True, check=True).stdout
    whole = hashlib.sha256(repr([version, OPTIONS, proof.sources, proof.options,
                                 [define.replace(str(TOP), "") for define in proof.defines]]).encode())
    for digest in sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()):
        whole.update(digest.encode())
    return build / f"{whole.hexdigest()}.json"


def analyse(tree, proof, limit=3600, build=None):
    kept = kept_in(build, tree, proof) if build else None
    if kept and kept.exists():
        result = Result("", 0, 0)
        result.__dict__.update(json.loads(kept.read_text(encoding="utf-8")))
        return result
    arguments = f"-I{tree}" + "".join(f" {define}" for define in proof.defines)
    start = time.monotonic()
    try:
        done = subprocess.run(["frama-c", *OPTIONS, *proof.options, f"-cpp-extra-args={arguments}",
                               *sources_of(proof)], cwd=tree, env={**os.environ, "PWD": str(tree)},
                              capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return Result("", 1, time.monotonic() - start)
    result = Result(done.stdout + done.stderr, done.returncode, time.monotonic() - start)
    if kept and result.finished:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(result.__dict__), encoding="utf-8")
    return result


def control(change, build):
    """What a control's proof says. None: the text is not in the file any more."""
    file, text, name = change
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place)
        for part in ("lib", "drivers"):
            shutil.copytree(TOP / part, copy / part)
        source = (copy / file).read_text(encoding="utf-8")
        if source.count(text) != 1:
            return None
        (copy / file).write_text(source.replace(text, ""), encoding="utf-8")
        return analyse(copy, next(proof for proof in PROOFS if proof.name == name), build=build)


def quick(options):
    for proof in (proof for proof in PROOFS if options.changed in proof.quick_for):
        result = analyse(options.tree.absolute(), proof, 120)
        if not result.finished:
            return 2
        if result.alarms:
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tree", type=pathlib.Path, default=TOP)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--for", dest="changed", default="")
    parser.add_argument("--only", default="", help="a regular expression for the proofs' names")
    parser.add_argument("--evidence", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, help="where results are kept")
    options = parser.parse_args()
    if options.quick:
        return quick(options)

    bad = 0
    table = ["| what | alarms | statements reached | seconds |", "|---|---:|---:|---:|"]
    workers = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
    proofs = [proof for proof in PROOFS if re.search(options.only, proof.name)]
    controls = [change for change in CONTROLS if re.search(options.only, change[2])]
    build = options.build.absolute() if options.build else None
    results = workers.map(lambda proof: analyse(options.tree.absolute(), proof, build=build), proofs)
    controlled = workers.map(lambda change: control(change, build), controls)  # all are under way from here on
    for proof, result in zip(proofs, results):
        alarms = result.alarms if result.finished else "did not finish"
        if alarms:
            bad += 1
            print(result.output, file=sys.stderr)
        reached, of, percent = result.reached
        table.append(f"| {proof.name} | {alarms} | {reached} of {of}, {percent} % "
                     f"| {result.seconds:.0f} |")
        print(table[-1], flush=True)

    table += ["", "Each control is one of these proofs on sources that lack a check, and must have an alarm:", "",
              "| file | without | alarms |", "|---|---|---:|"]
    for change, result in zip(controls, controlled):
        found = result.alarms if result and result.finished else 0
        if not found:
            bad += 1
        without = " ".join(change[1].split()).replace("|", "\\|")
        table.append(f"| {change[0]} ({change[2]}) | `{without}` | {found if result else 'not there'} |")
        print(table[-1], flush=True)

    if options.evidence and not options.only:
        version = subprocess.run(["frama-c", "-version"], capture_output=True, text=True, check=True)
        text = (f"Frama-C {version.stdout.strip()}, Eva. Memory that a device shares holds any value at "
                "every load (`proofs/eva`). Statements that are not reached are those of functions as far "
                "as a proof's own queue cannot use them.\n\n" + "\n".join(table) + "\n")
        subprocess.run([TOP / "tools/evidence.py", "eva", "--title", "Frama-C Eva", "--command", "make prove"],
                       input=text, text=True, check=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
