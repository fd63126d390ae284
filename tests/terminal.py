# SPDX-License-Identifier: BSD-2-Clause
"""tools/run on a terminal: it gives it back as it was, however the run ends."""

import functools
import os
import pathlib
import pty
import select
import signal
import subprocess
import termios
import time

from ringlet.test import Failed, Test

TOP = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 120
PROMPT = b"ringlet> "  # by then the terminal is raw
ARCHES = ("x86_64", "aarch64", "host")


def tests(build):
    for arch in ARCHES:
        for end in (timeout, killed, terminated):
            yield Test(f"tools/terminal-{arch}-{end.__name__}", functools.partial(kept, build, arch, end))


def timeout(_):
    """TIMEOUT= ends it: nothing is typed."""
    return 124


def killed(runner):
    """What it started is killed. (The status is of no interest.)"""
    path = f"/proc/{runner.pid}/task/{runner.pid}/children"
    for child in pathlib.Path(path).read_text(encoding="ascii").split():
        os.kill(int(child), signal.SIGKILL)


def terminated(runner):
    runner.terminate()
    return 128 + signal.SIGTERM


def read_until(end, wanted, seen):
    """More of what is printed, until `wanted` is in it, or, without it, all of it."""
    late = time.monotonic() + PATIENCE
    while not (wanted and wanted in seen):
        if not select.select([end], [], [], max(0, late - time.monotonic()))[0]:
            raise Failed(f"no {wanted} after {PATIENCE} seconds", seen.decode(errors="replace"))
        seen += os.read(end, 4096)


def kept(build, arch, end):
    ours, theirs = pty.openpty()
    seen = bytearray()
    before, blocking = termios.tcgetattr(theirs), os.get_blocking(theirs)
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    environment |= {"ARCH": arch, "O": str(build)} | ({} if arch == "host" else {"DISK": "none"})
    # Until the prompt a machine that is busy may take long; the timeout is tried where nothing else ends the run.
    environment["TIMEOUT"] = "8" if end is timeout else str(PATIENCE)
    runner = subprocess.Popen([TOP / "tools/run"], env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
                              start_new_session=True)
    try:
        if end is not timeout:
            read_until(ours, PROMPT, seen)
            if termios.tcgetattr(theirs) == before:
                raise Failed("the terminal was not raw: nothing is shown", seen.decode(errors="replace"))
        status = end(runner)
        while runner.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 4096)
        after, text = termios.tcgetattr(theirs), seen.decode(errors="replace")
        if after != before or os.get_blocking(theirs) != blocking:
            raise Failed(f"the terminal is not as it was: {before}, now {after}", text)
        if status is not None and runner.returncode != status:
            raise Failed(f"status {runner.returncode}, not {status}", text)
        return text
    finally:
        runner.kill()
        runner.wait()
        os.close(ours)
        os.close(theirs)
