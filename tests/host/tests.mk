# SPDX-License-Identifier: BSD-2-Clause
# The hosted unit tests. Each is tests/host/NAME.c with the sources under test, built with the
# address and undefined-behaviour sanitizers by gcc and by clang; it prints KTAP (check.h).

HOST_TESTS = test_format
HOST_HEADERS = $(wildcard lib/*.h lib/*/*.h drivers/*/*.h kernel/*.h tests/host/*.h)

test_format = lib/format.c
