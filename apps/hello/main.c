/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest program: what C's library does, it does here too.
 *
 *     make run APP=hello              hello from ringlet on x86_64, pi is 3.14159
 *     make run APP=hello ARGS=3       … and ends with status 3
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/arch.h"

int main(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "usage: %s [STATUS]\n", argv[0]);
		return 2;
	}
	char *machine = malloc(strlen(arch_name) + 1);
	if (machine == NULL)
		return 1;
	strcpy(machine, arch_name);
	printf("%s from ringlet on %s, pi is %.5f\n", argv[0], machine, 3.14159265358979);
	free(machine);
	return argc == 2 ? atoi(argv[1]) : 0;
}
