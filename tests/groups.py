# SPDX-License-Identifier: BSD-2-Clause
"""The groups of tests of this project: what each consists of, and how it is judged."""

import dataclasses
import functools
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import tomllib

import checks
import commands
import disks
import network.cases
import online
import ports
import qtest.cases
import terminal
import units
import vhost.cases
import wires
from ringlet import ktap
from ringlet.machine import Guest, Machine
from ringlet.test import Failed, Test
from ringlet.vmm import TIMED_OUT, Process, Qemu, boot

TESTS = pathlib.Path(__file__).resolve().parent
TOP = TESTS.parent
BUILD = pathlib.Path(os.environ.get("O") or TOP / "build")
METAL = ("x86_64", "aarch64")
TIMEOUT = 120  # seconds for one boot; two of them share a slow processor


def command(words, timeout=600):
    """Runs a command from the top folder: its output; Failed when its status is not 0."""
    words = [str(word) for word in words]
    with Process(words, environment=dict(os.environ, CLICOLOR="0")) as process:
        code = process.run(timeout)
        output = process.output.decode(errors="replace")
    if process.timed_out:
        raise Failed(f"not done after {timeout} seconds: {shlex.join(words)}", output)
    if code:
        raise Failed(f"status {code}: {shlex.join(words)}", output)
    return output


# ---- lint: what `make lint` does, one test for each of its parts ------------
def lint():
    for name, words in (("format", ["make", "-s", "format-check"]),
                        ("layers", ["tools/layers.py"]),
                        ("house-rules", ["tools/house_rules.py"]),
                        ("docs", ["tools/docs.py"]),
                        ("mutants", ["make", "-s", "mutants-check"])):
        yield Test(f"lint/{name}", functools.partial(command, words))
    yield Test("lint/layers-sees-breaches", breaches)
    yield Test("lint/ring-pictures", pictures)


def pictures():
    """The pictures of docs/rings.md are those of the rings as they are."""
    with tempfile.TemporaryDirectory() as folder:
        command(["make", "-s", f"O={BUILD}", f"INTO={folder}", "rings-pictures"])
        for name in ("rings-split.svg", "rings-packed.svg"):
            if checks.file_digest(f"{folder}/{name}") != checks.file_digest(TOP / "docs" / name):
                raise Failed(f"docs/{name} is not what `make rings-pictures` draws")


def breaches():
    """The layer check must find what is wrong in a tree made to be wrong, and nothing else."""
    done = subprocess.run([TOP / "tools/layers.py", TESTS / "broken-layers"], capture_output=True,
                          text=True, check=False)
    expected = (TESTS / "broken-layers/expected").read_text(encoding="utf-8")
    if done.returncode != 1 or done.stdout != expected:
        raise Failed(f"status {done.returncode}, and not the expected complaints", done.stdout)


# ---- kit: the drivers stand alone -------------------------------------------
ALLOWED = re.compile(r"vport_\w+|memcpy|memset|memmove|memcmp")


def kit():
    for arch in METAL:
        yield Test(f"kit/stands-alone-{arch}", functools.partial(stands_alone, arch))


def stands_alone(arch):
    """L0 to L5, linked into one object, want nothing but the port's contract and four functions."""
    output = command(["nm", "-u", BUILD / arch / "kit.o"])
    wanted = [line.split()[-1] for line in output.splitlines()]
    strangers = [name for name in wanted if not ALLOWED.fullmatch(name)]
    if strangers or not any(name.startswith("vport_") for name in wanted):
        raise Failed(f"it also wants {' '.join(strangers) or 'no port at all'}", output)
    return output


# ---- host: unit tests that run here, with the address and undefined-behaviour sanitizers ----
def host():
    for program in sorted((BUILD / "tests").glob("*/test_*[!.]?")):
        if os.access(program, os.X_OK) and program.is_file() and "." not in program.name:
            name = f"host/{program.name.removeprefix('test_')}-{program.parent.name}"
            yield Test(name, functools.partial(hosted, program))


def hosted(program):
    output = command([program], timeout=300)
    points, complaint = ktap.parse(output)
    bad = [point.name for point in points if not point.passed]
    if complaint or bad:
        raise Failed(complaint or f"{len(bad)} of {len(points)} points: {', '.join(bad[:3])}", output)
    return output


# ---- fuzz: each target over its seeds, and a little further ------------------
def fuzz():
    for program in sorted((BUILD / "fuzz").glob("*")):
        if program.is_file() and os.access(program, os.X_OK):
            yield Test(f"fuzz/{program.name}", functools.partial(
                command, [TESTS / "fuzz/run.py", "--smoke", program.name]))


# ---- images: the same to the last byte on every run -------------------------
def images():
    yield Test("images/deterministic", deterministic)


def deterministic():
    with tempfile.TemporaryDirectory() as folder:
        command([TOP / "test-images/make.sh", folder])
        for name in ("pattern.raw", "pattern.qcow2", "gpt.raw"):
            if checks.file_digest(f"{folder}/{name}") != checks.file_digest(BUILD / "images" / name):
                raise Failed(f"{name} came out otherwise than the first time")


# ---- boot: the matrix -------------------------------------------------------
MACHINE_FIELDS = {field.name for field in dataclasses.fields(Machine)}
TEST_FIELDS = {"name", "machines", "app", "args", "disks", "net", "rings", "options", "machine",
               "guest", "status", "expect", "check", "timeout", "repeat", "route", "scsi"}
# How lsvirtio shows what a machine's `route` begins with.
ROUTES = {"MSI-X": r"msix:\d+", "INTx": "intx", "line": "intx", "polled": "poll"}


def routed(machine, route):
    """What lsvirtio must print of the disk."""
    machine = machine.checked()
    return (rf"^vda +{machine.transport} \S+ blk {machine.ring} \d+x\d+ "
            rf"{ROUTES[route.split()[0]]} ")


def boot_tests():
    with open(TESTS / "matrix.toml", "rb") as file:
        matrix = tomllib.load(file)
    for spec in matrix["tests"]:
        unknown = set(spec) - TEST_FIELDS
        if unknown:
            raise ValueError(f"tests/matrix.toml: {spec.get('name')}: {unknown} means nothing")
        for name in spec.get("machines", matrix["machines"]):
            for ring in matrix["rings"] if spec.get("rings") else ["split"]:
                settings = {"ring": ring, **matrix["machines"][name], **spec.get("machine", {})}
                text_offset = settings.pop("text_offset", None)
                route = settings.pop("route")
                judged = spec
                if spec.get("route"):
                    judged = {**spec, "expect": [routed(Machine(**settings), route)]}
                suffix = "" if ring == "split" else f"-{ring}"
                for seed in range(spec.get("repeat", 1)):
                    suffix = f"-{seed}" if "repeat" in spec else suffix
                    yield Test(f"boot/{spec['name']}/{name}{suffix}", functools.partial(
                        booted, judged, Machine(**settings), text_offset, seed))
    yield from online.tests()
    yield from units.tests()
    yield from ports.tests()
    yield from wires.tests()


def booted(spec, machine, text_offset, seed):
    """One boot: disks made, machine started, output and status judged."""
    machine = machine.checked()
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        if text_offset is not None:
            kernel = checks.image_at(kernel, text_offset, folder)
        made = [disks.make(name, folder, BUILD / "images") for name in spec.get("disks", [])]
        words = [f"app={spec['app']}", *machine.kernel_options(), *spec.get("options", [])]
        if "args" in spec:
            words += ["--", spec["args"]]
        guest = Guest(str(kernel), " ".join(words), tuple(made), net=spec.get("net", "none"),
                      scsi=spec.get("scsi", ""))
        vmm = Qemu()
        guest = checks.prepare(spec.get("guest"), seed, vmm, machine, guest, folder)
        status, output, _ = boot(vmm, machine, guest, spec.get("timeout", TIMEOUT))
        shown = shlex.join(vmm.command(machine, guest)) + "\n" + output
        expected = spec.get("status", 0)
        if status not in (expected if isinstance(expected, list) else [expected]):
            raise Failed("timed out" if status == TIMED_OUT else f"status {status}", shown)
        for pattern in spec.get("expect", []):
            if not re.search(pattern, output, re.MULTILINE):
                raise Failed(f"nothing that matches {pattern!r} was printed", shown)
        if "check" in spec:
            complaint = checks.CHECKS[spec["check"]](output, made)
            if complaint:
                raise Failed(complaint, shown)
        return shown


# ---- tools: what a person types ----------------------------------------------
def tools():
    for typed in commands.COMMANDS:
        yield Test(f"tools/{typed.name}", functools.partial(commands.run, typed, BUILD))
    yield Test("tools/forward-taken", functools.partial(commands.taken, BUILD))
    yield from terminal.tests(BUILD)
    for arch in METAL:
        for drivers in ("", "blk", "net", "net rng"):
            yield Test(f"tools/drivers-{arch}-{drivers.replace(' ', '-') or 'none'}",
                       functools.partial(linked, arch, drivers))
    yield Test("tools/bench-smoke", functools.partial(command, ["make", "-s", f"O={BUILD}", "bench-smoke"]))


def linked(arch, drivers):
    """With any drivers the link ends well: a program whose drivers are missing is left out (apps/NAME/needs.mk)."""
    image = f"drivers-{drivers.replace(' ', '-') or 'none'}"
    return command(["make", "-s", f"O={BUILD}", f"ARCH={arch}", f"DRIVERS={drivers}", f"IMAGE={image}",
                    BUILD / arch / f"{image}.elf"])


GROUPS = {"lint": lint, "kit": kit, "host": host, "fuzz": fuzz, "images": images, "tools": tools,
          "boot": boot_tests, "network": network.cases.tests, "vhost": vhost.cases.tests, "qtest": qtest.cases.tests}
