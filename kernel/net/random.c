/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that nobody else can guess, for ports and sequence numbers: SHA-256 of a secret and a counter. The secret comes
 * from the host's entropy device; without one, from the clock, which somebody who knows the machine well might guess.
 *
 * See it at work: make run APP=sockettest
 */
#include <stddef.h>
#include <string.h>

#include "drivers/virtio/port.h"
#include "drivers/virtio/rng.h"
#include "kernel/net/random.h"
#include "lib/sha256.h"

#define SECRET_BYTES 32

static struct {
	uint8_t secret[SECRET_BYTES];
	uint64_t counter, clock;
} state;
static uint32_t numbers[SHA256_SIZE / sizeof(uint32_t)];
static unsigned left; /* of them */

void network_random_start(void)
{
	struct virtio_rng *rng = virtio_rng_first();

	if (rng)
		virtio_rng_read(rng, state.secret, sizeof(state.secret));
	state.clock = vport_now();
}

uint32_t network_random(void)
{
	if (left == 0) {
		struct sha256 sum;
		state.counter++;
		state.clock ^= vport_now();
		sha256_begin(&sum);
		sha256_add(&sum, &state, sizeof(state));
		sha256_end(&sum, (uint8_t *)numbers);
		left = sizeof(numbers) / sizeof(numbers[0]);
	}
	return numbers[--left];
}
