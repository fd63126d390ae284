/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: frames as capture shows them (apps/capture/frame.c). The input's first two bytes say how long the line may be,
 * and how much of the frame is there. */
#include "apps/capture/frame.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t room = data[0] + (size_t)1, length = size - 2;
	size_t there = data[1] % 4 == 0 ? length * data[1] / 256 : length;
	/* Each in memory of its own size, so that one byte more is noticed. */
	uint8_t *frame = malloc(there + !there);
	char *line = malloc(room);

	memcpy(frame, data + 2, there);
	frame_describe(frame, there, length, line, room);
	FUZZ_CHECK(memchr(line, '\0', room) != NULL);
	for (const char *c = line; *c; c++)
		FUZZ_CHECK(*c >= ' ' && *c < 0x7f);
	free(line);
	free(frame);
	return 0;
}
