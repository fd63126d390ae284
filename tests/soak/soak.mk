# SPDX-License-Identifier: BSD-2-Clause
# Long runs, whose result is docs/evidence.md's.

soak: kernels | need-test ## keep disks busy on every kind of machine for SECONDS each
	@O=$(O) tests/soak/soak.py $(SECONDS)

.PHONY: soak
