# SPDX-License-Identifier: BSD-2-Clause
# Long runs, whose result is docs/evidence.md's. Their defaults are in soak.py, that of SECONDS in tests/fuzz/fuzz.mk too.

soak: kernels | need-test ## keep disks busy on every kind of machine for SECONDS each
	@O=$(O) tests/soak/soak.py reads $(SECONDS)

soak-writes: kernels | need-test ## write REQUESTS blocks and read them again, by four CPUs of every kind of machine
	@O=$(O) tests/soak/soak.py writes $(REQUESTS)

soak-cpus: kernels | need-test ## boot smp and selftest RUNS times on 2, 4 and 8 CPUs of every kind of machine
	@O=$(O) tests/soak/soak.py cpus $(RUNS)

.PHONY: soak soak-writes soak-cpus
