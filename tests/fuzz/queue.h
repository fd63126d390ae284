/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver's side of a queue asks of drivers/virtio/queue_interrupt.c, for targets that have queues of their own: none has
 * a doorbell, so each notification is virtio_queue_notify's. */
#ifndef TESTS_FUZZ_QUEUE_H
#define TESTS_FUZZ_QUEUE_H

#include "drivers/virtio/device.h"
#include "tests/fuzz/fuzz.h"

void virtio_queue_notify_otherwise(struct virtio_queue *queue, bool tell)
{
	if (tell)
		virtio_queue_notify(queue);
}

void vport_reg_write(vport_reg_t reg, unsigned width, uint32_t value)
{
	(void)reg;
	(void)width;
	(void)value;
	FUZZ_CHECK(false);
}

#endif
