# SPDX-License-Identifier: BSD-2-Clause
# The host port, as it is and sanitized, for the tests with devices that are other processes.

processes: | need-build
	@$(MAKE) --no-print-directory ARCH=host all
	@$(MAKE) --no-print-directory ARCH=host SANITIZE=1 O=$(O)/sanitized all

test-vhost: kernels processes images | need-test ## the drivers as processes, with real back ends and with bad ones
	@O=$(abspath $(O)) tests/run.py $(TEST_OPTIONS) vhost

.PHONY: processes test-vhost
