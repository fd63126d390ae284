# SPDX-License-Identifier: BSD-2-Clause
"""The drivers against devices that are other processes: the storage daemon, a packet switch, and a back end
of ours that misbehaves.

peers.py starts those, backend.py is the last of them, cases.py says what is tested with each.
"""
