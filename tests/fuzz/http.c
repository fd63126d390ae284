/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: requests to the web server (apps/httpd/request.c). */
#include "apps/httpd/request.h"
#include "tests/fuzz/fuzz.h"

/* What a path that leads to a file looks like, whatever was asked for. */
static void check_path(const char *path)
{
	size_t length = strlen(path);

	FUZZ_CHECK(length > 0 && length <= PATH_MAX_BYTES && path[0] == '/');
	FUZZ_CHECK(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
	FUZZ_CHECK(length < 3 || strcmp(path + length - 3, "/..") != 0);
	FUZZ_CHECK(length < 2 || strcmp(path + length - 2, "/.") != 0);
	FUZZ_CHECK(content_type_of(path)[0] != '\0');
}

static int parse(const uint8_t *data, size_t length, struct request *request)
{
	/* In memory of its own size, so that one byte more is noticed. */
	char *copy = malloc(length + !length);

	memcpy(copy, data, length);
	int result = request_parse(copy, length, request);
	free(copy);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request, again;

	if (size > REQUEST_MAX)
		size = REQUEST_MAX;
	int used = parse(data, size, &request);
	FUZZ_CHECK(used <= (int)size);
	if (used < 0)
		FUZZ_CHECK(strcmp(status_text(-used), "Error") != 0);
	if (used <= 0) {
		FUZZ_CHECK(used != 0 || size < REQUEST_MAX);
		return 0;
	}
	check_path(request.path);
	/* It ends where it says so: not a byte before, and what stands behind it has no part in it. */
	FUZZ_CHECK(parse(data, (size_t)used, &again) == used);
	FUZZ_CHECK(strcmp(request.path, again.path) == 0 && request.method == again.method &&
		   request.keep_alive == again.keep_alive);
	int shorter = parse(data, (size_t)used - 1, &again);
	FUZZ_CHECK(shorter == 0);
	return 0;
}
