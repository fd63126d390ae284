# SPDX-License-Identifier: BSD-2-Clause
# The drivers as a process against QEMU's own devices.

test-qtest: processes images | need-test ## the drivers as a process, with QEMU's own devices by its -qtest socket
	@O=$(abspath $(O)) tests/run.py $(TEST_OPTIONS) qtest

.PHONY: test-qtest
