/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a fuzz target's inputs once each, without libFuzzer, for `make coverage`: replay FILE… */
#include "tests/fuzz/fuzz.h"

static int replay(const char *name)
{
	uint8_t data[8192];
	FILE *file = fopen(name, "rb");

	if (!file) {
		perror(name);
		return 1;
	}
	size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		status |= replay(argv[i]);
	return status;
}
