# SPDX-License-Identifier: BSD-2-Clause
"""The drivers as a process, against QEMU's own devices: the real registers and rings, under sanitizers.

qemu.py starts a QEMU whose processor sleeps, cases.py says what is tested with it.
"""
