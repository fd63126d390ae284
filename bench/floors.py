# SPDX-License-Identifier: BSD-2-Clause
"""How long a bare loop of bench/floor takes on an emulated machine: it has no clock, and says B and E instead."""

import time


def between(process, who, patience):
    """Runs it to its end: the seconds between the two lines. It has so many for all of it."""
    times = {}

    def look(_):
        for letter in b"BE":
            if letter in process.output:
                times.setdefault(letter, time.monotonic())

    process.run(patience, look)
    if len(times) != 2:
        raise SystemExit(f"floor {who}: it did not finish\n{process.output.decode(errors='replace')}")
    return times[ord("E")] - times[ord("B")]
