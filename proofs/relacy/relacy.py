#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Builds the litmus tests of the rings' barriers and of the event loop, and runs them:
proofs/relacy/relacy.py [--evidence]

The sources are compiled as C++ just as they are: the rings with lib/le.h and lib/barrier.h shadowed by those of
proofs/relacy/lib, the event loop with the machine's header and the compiler's atomic accesses shadowed by
proofs/relacy/machine. Status 1 when something fails, or goes unnoticed when it is weakened.
"""

import argparse
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
# C in C++: void pointers convert, `new` is a name, and two keywords have other names.
AS_CPP = ["-x", "c++", "-fpermissive", "-Dnew=new_index"]
FLAGS = ["-std=gnu++17", "-O1", "-g", "-w", "-D_Static_assert=static_assert", "-D_Noreturn=",
         "-Iproofs/relacy", "-I."]
# For each program: its sources, where headers are shadowed, and its section of docs/evidence.md.
PROGRAMS = {
    "litmus": (("drivers/virtio/virtq.c", "drivers/virtio/split.c", "drivers/virtio/packed.c"), (), "barriers",
               "Every execution of driver and device that the C++ memory model allows (`proofs/relacy/litmus.cpp`), "
               "with the ring sources themselves as the driver. before_publish and after_completion are weakened to "
               "no barrier, the two full ones to acquire and release: a lost notification and a lost interrupt.\n\n"
               "| barrier | format | suppression by | executions | without it, up to the first that goes wrong |\n"
               "|---|---|---|---|---|\n"),
    "wake": (("kernel/event.c", "kernel/irq.c"), ("-Iproofs/relacy/machine",), "wakes",
             "Every execution of two CPUs that the C++ memory model allows (`proofs/relacy/wake.cpp`), with "
             "`kernel/event.c` and `kernel/irq.c` themselves: the first is in `vport_relax`, from its look at what is "
             "marked to its sleep, or takes an interrupt; the other one does something to it. Nothing is slept over, "
             "nothing removed is drained, and no handler called that has been disconnected. A full "
             "barrier is weakened to acquire and release, an atomic access to a relaxed one.\n\n"
             "| what the other CPU does | executions | weakened, up to the first that goes wrong |\n"
             "|---|---|---|\n"),
}


def built(name, build):
    """The program's path."""
    sources, shadows, *_ = PROGRAMS[name]
    objects = []
    for source in sources:
        objects.append(build / (pathlib.Path(source).stem + ".o"))
        subprocess.run(["g++", *shadows, *FLAGS, *AS_CPP, "-c", "-o", objects[-1], source], cwd=TOP, check=True)
    program = build / name
    subprocess.run(["g++", *shadows, *FLAGS, "-o", program, f"proofs/relacy/{name}.cpp", *objects], cwd=TOP,
                   check=True)
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/relacy")
    parser.add_argument("--evidence", action="store_true")
    options = parser.parse_args()

    build = options.build.absolute()
    build.mkdir(parents=True, exist_ok=True)
    failed = False
    for name, (_, _, section, text) in PROGRAMS.items():
        done = subprocess.run([built(name, build)], stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="")
        failed |= done.returncode != 0
        if options.evidence and done.returncode == 0:
            subprocess.run([TOP / "tools/evidence.py", section, "--command", "make prove"],
                           input=text + done.stdout, text=True, check=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
