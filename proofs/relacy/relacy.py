#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Builds the litmus tests of the rings' barriers and runs them: proofs/relacy/relacy.py [--evidence]

The ring sources are compiled as C++ just as they are, with lib/le.h and lib/barrier.h shadowed by those of
proofs/relacy/lib. Status 1 when a site fails, or its weakened barrier goes unnoticed.
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
HEAD = ("| barrier | format | suppression by | executions | without it, up to the first that goes wrong |\n"
        "|---|---|---|---|---|\n")
TEXT = ("Every execution of driver and device that the C++ memory model allows (`proofs/relacy/litmus.cpp`), "
        "with the ring sources themselves as the driver. before_publish and after_completion are weakened to "
        "no barrier, the two full ones to acquire and release: a lost notification and a lost interrupt.\n\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/relacy")
    parser.add_argument("--evidence", action="store_true")
    options = parser.parse_args()

    build = options.build.absolute()
    build.mkdir(parents=True, exist_ok=True)
    for name in ("virtq", "split", "packed"):
        subprocess.run(["g++", *FLAGS, *AS_CPP, "-c", "-o", build / f"{name}.o",
                        f"drivers/virtio/{name}.c"], cwd=TOP, check=True)
    subprocess.run(["g++", *FLAGS, "-o", build / "litmus", "proofs/relacy/litmus.cpp",
                    *(build / f"{name}.o" for name in ("virtq", "split", "packed"))], cwd=TOP, check=True)
    done = subprocess.run([build / "litmus"], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    if options.evidence:
        subprocess.run([TOP / "tools/evidence.py", "barriers", "--command", "make prove"],
                       input=TEXT + HEAD + done.stdout, text=True, check=True)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
