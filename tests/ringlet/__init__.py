# SPDX-License-Identifier: BSD-2-Clause
"""Boots a kernel on virtual machines and judges what it says.

Kept apart, so that each can be replaced: machine.py says what a machine is, vmm.py how a virtual
machine monitor starts it, test.py what is booted on it and how it is judged, ktap.py and junit.py
read and write results.
"""
