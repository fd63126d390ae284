# SPDX-License-Identifier: BSD-2-Clause
"""The TCP/IP stack and its programs, booted: guest.py starts the machines, cases.py says what is tested with each."""
