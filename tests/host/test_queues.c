/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues as no driver of the kit happens to use them: some left out, polled, of another size while something
 * goes wrong; and what transports refuse before there is a device. The driver is one of our own with queues 0
 * and 2; the device gives every buffer back as it is.
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/probe.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;
static struct virtio_device *device;

/* ---- The driver ----------------------------------------------------------------------------- */

static unsigned popped, aborted, gone, ready_queues, config_changes;
static dma_addr_t data;
static bool lacks_queue_2;
static unsigned indirect_entries, drains, leaves_unfinished;
static bool quiet, endless, pops_one;
static void *overdue_one; /* the cookie of the one that was told last */

static int probe(struct virtio_device *here)
{
	struct virtio_queue_options options = { .size_limit = 8,
						.has_deadline = !endless,
						.quiet = quiet,
						.indirect_entries = indirect_entries };

	device = here;
	int error = virtio_queue_create(here, 2, &options);
	if (error == ERR_NODEV && lacks_queue_2)
		error = 0;
	return error ? error : virtio_queue_create(here, 0, &options);
}

static void nothing(struct virtio_device *here)
{
	(void)here;
}

static void drain(struct virtio_queue *queue)
{
	void *cookie;
	uint32_t written;

	drains++;
	queue->unfinished = leaves_unfinished > 0;
	if (queue->unfinished)
		leaves_unfinished--;
	else
		while (virtio_queue_pop(queue, &cookie, &written)) {
			popped++;
			if (pops_one)
				break;
		}
}

static void queue_ready(struct virtio_queue *queue)
{
	CHECK_EQ(queue->ring.in_flight, 0);
	ready_queues++;
}

static void abort_one(struct virtio_queue *queue, void *cookie, int error)
{
	(void)queue;
	CHECK(cookie != NULL && error < 0);
	aborted++;
}

static bool overdue(struct virtio_queue *queue, void *cookie)
{
	(void)queue;
	overdue_one = cookie;
	return false;
}

static void config_changed(struct virtio_device *here)
{
	(void)here;
	config_changes++;
}

static void is_gone(struct virtio_device *here)
{
	(void)here;
	gone++;
}

static const struct virtio_driver driver = {
	.type = VIRTIO_TYPE_ENTROPY,
	.name = "test",
	.probe = probe,
	.remove = nothing,
	.ready = nothing,
	.drain = drain,
	.queue_ready = queue_ready,
	.abort = abort_one,
	.overdue = overdue,
	.config_changed = config_changed,
	.gone = is_gone,
};

const struct virtio_driver *virtio_driver_for(uint32_t type)
{
	return type == driver.type ? &driver : NULL;
}

/* ---- The device ------------------------------------------------------------------------------- */

static bool serve(struct fake_queue *queue, struct ring_chain *chain, uint32_t *written)
{
	(void)queue;
	(void)chain;
	*written = 1;
	return true;
}

static const struct fake_model model = {
	.type = VIRTIO_TYPE_ENTROPY, .queues = 3, .queue_size = 8, .config_bytes = 8, .serve = serve
};

static void make(void)
{
	fake_device_init(&fake, bus, &model, ring);
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	fake_setting("deadline_ms", "500");
}

static void start(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	CHECK(vport_dma_alloc(&fake.port, 64, 64, &data) != NULL);
}

static int push(unsigned index)
{
	struct virtq_segment segment = { data, 64 };
	int id = virtio_queue_push(virtio_queue_at(device, index), &segment, 0, 1, &fake,
				   VIRTIO_ONE_DEADLINE);

	if (id >= 0)
		virtio_queue_publish(virtio_queue_at(device, index));
	return id;
}

/* A buffer on each queue comes back. */
static void works(void)
{
	unsigned before = popped;

	CHECK(push(0) >= 0);
	CHECK(push(2) >= 0);
	CHECK(FAKE_WAIT(popped == before + 2, 100));
}

/* ---- Queues that are left out -------------------------------------------------------------------- */

static void with_a_gap(void)
{
	make();
	start();
	CHECK(virtio_queue_at(device, 1) == NULL);
	CHECK_EQ(device->queue_count, 2);
	works();
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	CHECK(FAKE_WAIT(device->resets == 1 && device->state == VIRTIO_RUNNING, 2000));
	works();
	CHECK_EQ(aborted, 0);
}

static void with_a_gap_and_one_vector(void)
{
	make();
	fake.vectors_held = 1;
	start();
	CHECK_EQ(device->vectors, 1);
	works();
}

static void with_a_gap_and_a_line(void)
{
	make();
	fake.vectors_held = 0;
	start();
	CHECK_EQ(device->interrupts, VIRTIO_LINE);
	works();
}

/* The table keeps what it is told, the capability's enable bit does not. */
static void msix_that_cannot_be_enabled(void)
{
	make();
	fake.pci_writable[FAKE_CAP_MSIX + 3] = 0;
	start();
	CHECK_EQ(device->interrupts, VIRTIO_LINE);
	works();
}

static void without_an_interrupt_of_any_kind(void)
{
	make();
	fake.vectors_held = 0;
	fake.port.no_line = true;
	fake.port.msi_limit = 0;
	start();
	CHECK_EQ(device->interrupts, VIRTIO_POLLED);
	works();
}

/* The lower queue is created last; nothing of it stays when the device does not come up. */
static void one_that_cannot_be_had(void)
{
	make();
	fake.queue_count = 1;
	for (unsigned i = 1; i < 3; i++)
		fake.queues[i].size_max = 0;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_NOTHING_LEFT();
	lacks_queue_2 = true;
	make();
	fake.queue_count = 1;
	for (unsigned i = 1; i < 3; i++)
		fake.queues[i].size_max = 0;
	start();
	CHECK_EQ(device->queue_count, 1);
}

/* Each allocation fails once, that of the tables for chains too: the device does not come up, and nothing stays. */
static void without_memory(void)
{
	unsigned count = 0;

	indirect_entries = 4;
	do {
		make();
		fake_offer(&fake, VIRTIO_F_INDIRECT_DESC);
	} while (probe_without_memory(&fake, ++count) && count < 50);
	CHECK_EQ(count - 1,
		 1 + 2 * 4); /* the device; a queue, its ring, its private table, its chains' */
	CHECK(fake_port.allocated < fake_port.allocation_fails);
	CHECK(virtio_queue_at(device, 2)->setup.indirect != NULL);
}

static void no_tables_without_the_feature(void)
{
	indirect_entries = 4;
	make();
	fake_withdraw(&fake, VIRTIO_F_INDIRECT_DESC);
	start();
	CHECK(virtio_queue_at(device, 2)->setup.indirect == NULL);
	CHECK_EQ(virtio_queue_at(device, 2)->setup.indirect_entries, 0);
	works();
}

/* ---- Another size --------------------------------------------------------------------------------- */

static void another_size(void)
{
	make();
	start();
	works();
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 2), 2), 0);
	CHECK_EQ(virtio_queue_at(device, 2)->setup.size, 2);
	CHECK_EQ(ready_queues, 1);
	works();
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 2), 8), 0);
	works();
	CHECK_EQ(fake_log_count(), 0);
}

/* How long that takes, in milliseconds of the device's time. */
static uint64_t time_of_another_size(void)
{
	uint64_t begun = fake_port.now;

	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 0), 4), 0);
	return (fake_port.now - begun) / 1000000;
}

/* What the device has is waited for, but not for ever; nothing is, where nothing is in flight, or where buffers stay
 * with the device as long as it likes. */
static void another_size_waits(void)
{
	make();
	start();
	CHECK(time_of_another_size() < 10);
	fake.deaf = true;
	CHECK(push(0) >= 0);
	uint64_t ms = time_of_another_size();
	CHECK(ms > 100 && ms < 10000);
	CHECK_EQ(aborted, 1);
}

static void another_size_waits_for_nothing(void)
{
	endless = true;
	make();
	start();
	fake.deaf = true;
	CHECK(push(0) >= 0);
	CHECK(time_of_another_size() < 10);
	CHECK_EQ(aborted, 1);
}

static void another_size_polled(void)
{
	fake_setting("irq", "poll");
	another_size();
}

static void another_size_without_memory(void)
{
	make();
	start();
	fake_port.allocation_fails = fake_port.allocated + 1;
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 0), 4), ERR_NOMEM);
	CHECK_EQ(virtio_queue_at(device, 0)->setup.size, 8);
	works();
}

static void another_size_is_not_offered(void)
{
	make();
	fake_withdraw(&fake, VIRTIO_F_RING_RESET);
	start();
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 0), 4), ERR_UNSUPPORTED);
	works();
}

/* While it waits for the last buffers, it asks the queue a second time; they never come. */
static void ask_again(struct vport_work *work)
{
	(void)work;
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 0), 2), ERR_BUSY);
	CHECK_EQ(push(0), ERR_FULL);
}

static void another_size_while_it_hangs(void)
{
	static struct vport_work work = { .run = ask_again };

	make();
	start();
	fake.deaf = true;
	CHECK(push(0) >= 0);
	vport_work_queue(&work);
	int error = virtio_queue_resize(virtio_queue_at(device, 0), 4);
	CHECK(error == 0 || error == ERR_BROKEN);
	CHECK(FAKE_WAIT(aborted == 1, 3000));
	fake.deaf = false;
	CHECK(FAKE_WAIT(device->state == VIRTIO_RUNNING, 3000));
	works();
}

/* As a work item, which no recovery can overtake. */
static void another_size_in_vain(struct vport_work *work)
{
	uint64_t begun = fake_port.now;

	(void)work;
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 0), 4), ERR_BROKEN);
	CHECK((fake_port.now - begun) / 1000000 < 500);
	CHECK_EQ(virtio_queue_at(device, 0)->setup.size, 8);
	CHECK_EQ(aborted, 0);
}

/* The device gives a buffer back that was never lent, which the regular look finds: nothing more is waited for. */
static void another_size_when_the_ring_breaks(void)
{
	static struct vport_work work = { .run = another_size_in_vain };

	make();
	start();
	fake.deaf = true;
	CHECK(push(0) >= 0);
	ring_device_lie_used(&fake.queues[0].ring, 7, 1, 1);
	vport_work_queue(&work);
	CHECK(FAKE_WAIT(aborted == 1, 3000));
	fake.deaf = false;
	CHECK(FAKE_WAIT(device->state == VIRTIO_RUNNING, 3000));
	CHECK_EQ(device->resets, 1);
	works();
}

static void refuse_when_reset(struct fake_device *here, const char *step)
{
	(void)step;
	here->refuse_queue = true;
}

/* It resets its queue and does not enable it again: the whole device is reset. */
static void another_size_is_refused(void)
{
	make();
	start();
	fake.after_step = refuse_when_reset;
	CHECK(virtio_queue_resize(virtio_queue_at(device, 0), 4) < 0);
	fake.after_step = NULL;
	fake.refuse_queue = false;
	CHECK(FAKE_WAIT(device->resets > 0 && device->state == VIRTIO_RUNNING, 3000));
	works();
}

/* ---- The end ---------------------------------------------------------------------------------------- */

/* A device that is given up on its way back takes nothing any more. */
static void given_up(void)
{
	make();
	start();
	fake.deaf = true;
	CHECK(push(0) >= 0);
	fake.refuse_queue = true;
	CHECK(FAKE_WAIT(gone == 1, 5000));
	CHECK_EQ(aborted, 1);
	CHECK_EQ(device->state, VIRTIO_FAILED);
	CHECK_EQ(push(0), ERR_BROKEN);
	CHECK_EQ(push(2), ERR_BROKEN);
	CHECK_EQ(virtio_queue_resize(virtio_queue_at(device, 0), 4), ERR_BROKEN);
	CHECK_EQ(aborted, 1);
}

static void one_fault_at_a_time(void)
{
	make();
	start();
	virtio_device_fail(device, ERR_IO, "for a test", 1);
	virtio_device_fail(device, ERR_IO, "for another", 2);
	CHECK(FAKE_WAIT(device->state == VIRTIO_RUNNING, 2000));
	CHECK_EQ(device->resets, 1);
	CHECK_EQ(fake_logged_times("for a test"), 1);
	CHECK_EQ(fake_logged_times("for another"), 0);
	CHECK_EQ(device->error, ERR_IO);
	works();
}

static void configuration_changes(void)
{
	make();
	start();
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(config_changes == 1, 1000));
	fake.generation++;
	CHECK(FAKE_WAIT(config_changes == 2, 1000)); /* without an interrupt: it is looked at */
}

static void config_interrupt_when_reset(struct fake_device *here, const char *step)
{
	(void)here;
	if (strcmp(step, "status=0") == 0)
		virtio_config_interrupt(device);
}

/* While a device is being reset, its configuration is nobody's business: this one is as it was, and stays so. */
static void configuration_changes_meanwhile(void)
{
	make();
	start();
	fake.hang_reset = true;
	fake.after_step = config_interrupt_when_reset;
	virtio_device_fail(device, ERR_IO, "for a test", 1);
	CHECK(FAKE_WAIT(gone == 1, 5000));
	CHECK_EQ(config_changes, 0);
}

/* Waits until it has been notified so often: when that was. */
static uint64_t notified(unsigned times)
{
	while (fake.queues[0].notifications < times && fake_port.now < UINT64_C(60000000000))
		fake_sleep(1);
	CHECK_EQ(fake.queues[0].notifications, times);
	return fake_port.now;
}

/* The device has the buffer and does nothing: two looks of a quarter of a second each may pass (or four), then it is
 * notified once more, and has until the next look. */
static void overdue_after(unsigned deadlines)
{
	static char first, second;
	struct virtq_segment segment = { data, 64 };

	make();
	start();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	fake.deaf = true;
	fake_sleep(10);
	uint64_t begun = fake_port.now;
	CHECK(virtio_queue_push(queue, &segment, 0, 1, &first, deadlines) >= 0);
	CHECK(virtio_queue_push(queue, &segment, 0, 1, &second, deadlines) >= 0);
	virtio_queue_publish(queue);
	uint64_t again = notified(2);
	CHECK(again - begun > 500 * deadlines * UINT64_C(1000000));
	CHECK(again - begun < (500 * deadlines + 260) * UINT64_C(1000000));
	CHECK(FAKE_WAIT(aborted == 2, 260));
	CHECK(overdue_one == &first);
	CHECK(fake_port.now - again > 200 * UINT64_C(1000000));
	CHECK_EQ(fake.queues[0].notifications, 2);
	CHECK(fake_logged("no answer within the deadline"));
	fake.deaf = false;
	works();
}

static void overdue_after_one_deadline(void)
{
	overdue_after(VIRTIO_ONE_DEADLINE);
}

static void overdue_after_two_deadlines(void)
{
	overdue_after(VIRTIO_TWO_DEADLINES);
}

/* Each that is overdue gets its chance, and the device takes it. */
static void answers_when_asked_again(void)
{
	make();
	start();
	for (unsigned i = 1; i <= 3; i++) {
		fake.deaf = true;
		CHECK(push(0) >= 0);
		notified(2 * i);
		fake.deaf = false;
		CHECK(FAKE_WAIT(popped == i, 100));
		fake_sleep(600);
	}
	CHECK_EQ(device->resets, 0);
}

static void no_deadline_at_all(void)
{
	endless = true;
	make();
	start();
	fake.deaf = true;
	CHECK(push(0) >= 0);
	fake_sleep(10000);
	CHECK_EQ(fake.queues[0].notifications, 1);
	CHECK_EQ(device->resets, 0);
	fake.deaf = false;
	CHECK(FAKE_WAIT(popped == 1, 1000));
}

/* The device does not ask to be told of a buffer, and then does not look: it is told at the next look, once. */
static void told_at_the_next_look(void)
{
	endless = true;
	make();
	start();
	fake.wants_no_notifications = true;
	CHECK(push(0) >= 0);
	CHECK(FAKE_WAIT(popped == 1, 100)); /* the first one it asks for */
	fake_sleep(900);                    /* between two looks */
	CHECK_EQ(fake.queues[0].notifications, 1);
	CHECK(push(0) >= 0);
	fake_sleep(1);
	CHECK_EQ(fake.queues[0].notifications, 1);
	CHECK(FAKE_WAIT(popped == 2, 260));
	CHECK_EQ(fake.queues[0].notifications, 2);
	fake_sleep(2000);
	CHECK_EQ(fake.queues[0].notifications, 2);
	/* It has looked by itself: there is nothing left to be told of. */
	CHECK(push(0) >= 0);
	fake_serve(&fake.queues[0]);
	CHECK(FAKE_WAIT(popped == 3, 100));
	fake_sleep(2000);
	CHECK_EQ(fake.queues[0].notifications, 2);
}

/* What it says of the ring's position is where that was at the last publish (the fake looks, and so does the device); not what
 * was pushed since. */
static void told_of_what_is_published(void)
{
	endless = true;
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	start();
	fake.wants_no_notifications = true;
	CHECK(push(0) >= 0);
	CHECK(FAKE_WAIT(popped == 1, 100));
	fake_sleep(900);
	CHECK(push(0) >= 0);
	struct virtq_segment segment = { data, 64 };
	CHECK(virtio_queue_push(virtio_queue_at(device, 0), &segment, 0, 1, &fake,
				VIRTIO_ONE_DEADLINE) >= 0);
	virtio_queue_notify(virtio_queue_at(device, 0)); /* as a look does */
	virtio_queue_publish(virtio_queue_at(device, 0));
	CHECK(FAKE_WAIT(popped == 3, 260));
}

static void a_deadline_of_hours(void)
{
	make();
	fake_setting("deadline_ms", "10000000"); /* as looks, more than a slot can count */
	start();
	fake.deaf = true;
	CHECK(push(0) >= 0);
	fake_sleep(5000);
	CHECK_EQ(fake.queues[0].notifications, 1);
	CHECK_EQ(device->resets, 0);
}

/* ---- Marks, drains and interrupts ----------------------------------------------------------------- */

/* A mark may come from another CPU when the device is gone, or its queue about to be replaced. */
static void marks_that_come_late(void)
{
	make();
	start();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	fake_sleep(1);
	drains = 0;
	queue->resizing = true;
	vport_mark(&queue->event);
	fake_sleep(1);
	CHECK_EQ(drains, 0);
	queue->resizing = false;
	vport_mark(&queue->event);
	fake_sleep(1);
	CHECK_EQ(drains, 1);
	fake.gone = true;
	CHECK(FAKE_WAIT(gone, 2000));
	drains = 0;
	vport_mark(&queue->event);
	fake_sleep(1);
	CHECK_EQ(drains, 0);
}

/* What does not fit has no deadline either. */
static void a_full_queue(void)
{
	struct virtq_segment segment = { 0 };

	make();
	start();
	segment = (struct virtq_segment){ data, 64 };
	fake.deaf = true;
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(push(0), i);
	for (unsigned deadlines = VIRTIO_ONE_DEADLINE; deadlines <= VIRTIO_TWO_DEADLINES;
	     deadlines++)
		CHECK_EQ(virtio_queue_push(virtio_queue_at(device, 0), &segment, 0, 1, &fake,
					   deadlines),
			 ERR_FULL);
	fake.deaf = false;
	CHECK(FAKE_WAIT(popped == 8, 1000));
}

static void nothing_for_a_paused_queue(void)
{
	struct virtq_buffer buffer = { .length = 64, .writable = 64, .flags = VIRTQ_DESC_F_WRITE };

	make();
	start();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	buffer.address = data;
	queue->paused = true;
	CHECK_EQ(push(0), ERR_FULL);
	CHECK_EQ(virtio_queue_push_buffer(queue, &buffer, VIRTIO_ONE_DEADLINE), ERR_FULL);
	CHECK_EQ(queue->ring.in_flight, 0);
	queue->paused = false;
	CHECK(virtio_queue_push_buffer(queue, &buffer, VIRTIO_ONE_DEADLINE) >= 0);
	virtio_queue_publish(queue);
	CHECK(FAKE_WAIT(popped == 1, 100));
}

/* What the driver has said to the device about interrupts: not now. Without EVENT_IDX. */
static bool silenced(void)
{
	return ring_device_driver_event(&fake.queues[0].ring) ==
	       (ring == FAKE_PACKED ? 1u << 16 : 1);
}

static void make_without_event_idx(void)
{
	make();
	fake_withdraw(&fake, VIRTIO_F_EVENT_IDX);
	start();
	fake_sleep(1);
}

/* An interrupt silences its queue until it has been drained; not one that is about to be replaced. */
static void interrupts_are_silenced(void)
{
	make_without_event_idx();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	CHECK(!silenced());
	virtio_queue_interrupt(queue);
	CHECK(silenced());
	fake_sleep(1);
	CHECK(!silenced());
	queue->ring.broken = true;
	virtio_queue_interrupt(queue);
	CHECK(!silenced());
	queue->ring.broken = false;
}

/* One that is all queues' drains those that can have caused it: not one of which the device has nothing, nor one that asks
 * for none. */
static void an_interrupt_of_all_queues(void)
{
	make();
	start();
	fake_sleep(1);
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	drains = 0;
	virtio_shared_interrupt(device);
	fake_sleep(1);
	CHECK_EQ(drains, 0);
	fake.deaf = true;
	CHECK(push(0) >= 0);
	virtio_shared_interrupt(device);
	fake_sleep(1);
	CHECK_EQ(drains, 1);
	queue->awaited = false;
	virtio_shared_interrupt(device);
	fake_sleep(1);
	CHECK_EQ(drains, 1);
	queue->awaited = true;
	fake.deaf = false;
	CHECK(FAKE_WAIT(popped == 1, 1000));
}

/* A drain that leaves something comes again at once, and no interrupt is asked for meanwhile. */
static void drains_that_leave_something(void)
{
	make_without_event_idx();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	leaves_unfinished = 5;
	drains = 0;
	vport_mark(&queue->event);
	for (unsigned i = 1; i <= 5; i++) {
		vport_relax(0);
		CHECK_EQ(drains, i);
		CHECK(silenced());
	}
	vport_relax(0);
	CHECK_EQ(drains, 6);
	CHECK(!silenced());
	fake_sleep(1);
	CHECK_EQ(drains, 6);
}

/* One that says nothing of it, and has asked to be interrupted, comes again for what is left. */
static void drains_that_take_one(void)
{
	make_without_event_idx();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	pops_one = true;
	fake.deaf = true;
	for (unsigned i = 0; i < 4; i++)
		CHECK(push(0) >= 0);
	fake.deaf = false;
	drains = 0;
	CHECK(FAKE_WAIT(popped == 4, 20));
	CHECK(drains >= 4);
	fake_sleep(1);
	CHECK(!silenced());
	CHECK(queue->awaited);
}

/* And one that has not asked, but says that it has left something. */
static void quiet_drains_that_leave_something(void)
{
	quiet = true;
	make_without_event_idx();
	leaves_unfinished = 5;
	drains = 0;
	vport_mark(&virtio_queue_at(device, 0)->event);
	fake_sleep(1);
	CHECK_EQ(drains, 6);
	CHECK(silenced());
}

/* Nobody can interrupt for it: it is looked at all the time, whoever awaits something, and no interrupt is asked for. */
static void a_polled_queue_that_is_awaited(void)
{
	fake_setting("irq", "poll");
	make_without_event_idx();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	CHECK(silenced());
	for (unsigned i = 1; i <= 3; i++) {
		virtio_queue_await(queue);
		CHECK(!virtio_queue_ask(queue));
		fake_sleep(1);
		CHECK(silenced());
		CHECK(push(0) >= 0);
		CHECK(FAKE_WAIT(popped == i, 20));
	}
	/* Nor whether there is something already. */
	fake.deaf = true;
	CHECK(push(0) >= 0);
	fake_serve(&fake.queues[0]);
	CHECK(!virtio_queue_ask(queue));
	CHECK(silenced());
}

/* Who asks for an interrupt is told whether what it would be for is there. */
static void asked_for_an_interrupt(void)
{
	make_without_event_idx();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	virtio_queue_interrupt(queue);
	CHECK(silenced());
	CHECK(!virtio_queue_ask(queue));
	CHECK(!silenced());
	fake.silent = true;
	CHECK(push(0) >= 0);
	CHECK(!virtio_queue_ask(queue));
	fake_serve(&fake.queues[0]);
	CHECK(virtio_queue_ask(queue));
	fake.silent = false;
	CHECK(FAKE_WAIT(popped == 1, 300));
}

static void a_quiet_queue(void)
{
	quiet = true;
	make_without_event_idx();
	struct virtio_queue *queue = virtio_queue_at(device, 0);
	CHECK(silenced());
	CHECK(push(0) >= 0);
	fake_sleep(20);
	CHECK_EQ(popped, 0); /* the regular look finds it */
	CHECK(FAKE_WAIT(popped == 1, 300));
	CHECK(silenced());
	virtio_queue_await(queue);
	fake_sleep(1);
	CHECK(!silenced());
	CHECK(push(0) >= 0);
	CHECK(FAKE_WAIT(popped == 2, 10));
	/* It is awaited still: nothing is to be done for that. */
	fake_sleep(1);
	drains = 0;
	virtio_queue_await(queue);
	fake_sleep(1);
	CHECK_EQ(drains, 0);
	queue->awaited = false;
	vport_mark(&queue->event);
	fake_sleep(1);
	CHECK(silenced());
}

static void deadlines_of_any_length(void)
{
	make();
	fake_setting("deadline_ms", "99999999");
	start();
	CHECK(virtio_queue_at(device, 0)->deadline_looks <
	      0x4000); /* so that two of them do not wrap around */
	works();
}

static void a_deadline_of_nothing(void)
{
	make();
	fake_setting("deadline_ms", "0");
	start();
	CHECK_EQ(virtio_queue_at(device, 0)->deadline_looks, 1);
	works();
}

/* ---- Before there is a device ------------------------------------------------------------------------ */

static void registers_that_cannot_be(void)
{
	make();
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE + 2, FAKE_MMIO_BYTES), ERR_FORMAT);
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE, 0xfc), ERR_FORMAT);
	CHECK_EQ(fake_logged_times("its register block is malformed"), 2);
	fake.port.unmappable_to = UINT64_MAX;
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE, FAKE_MMIO_BYTES), ERR_RANGE);
	CHECK(fake_logged("its registers cannot be mapped"));
	fake_port.allocation_fails = fake_port.allocated + 1;
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE, FAKE_MMIO_BYTES), ERR_NOMEM);
	CHECK_NOTHING_LEFT();
	fake.port.unmappable_to = 0;
	CHECK_EQ(virtio_mmio_probe(&fake.port, FAKE_MMIO_BASE, 0x10000), 0);
	CHECK_EQ(device->config_size, 0x1000); /* more than any device has */
}

static void a_bar_without_an_address(void)
{
	make();
	fake_pci_set(&fake, PCI_BAR0 + 4, 4, 0);
	CHECK_EQ(fake_probe(&fake), ERR_RANGE);
	CHECK(fake_logged("it cannot be enabled: a BAR has no address"));
	CHECK_NOTHING_LEFT();
	make();
	fake.pci_writable[PCI_COMMAND] = 0;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK(fake_logged("its command register does not take what is written"));
	CHECK_NOTHING_LEFT();
}

/* 4.1.4.3.2: it is enabled before it was told where it is. */
static void enable_early(struct fake_device *here, const char *step)
{
	if (strcmp(step, "status=11") == 0)
		here->queues[0].ready = true;
}

static void a_queue_that_is_enabled_already(void)
{
	make();
	fake.after_step = enable_early;
	CHECK(fake_probe(&fake) < 0);
	CHECK(fake_logged("queue 0 could not be enabled"));
	CHECK_NOTHING_LEFT();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(with_a_gap, ON_ALL),
		SCENARIO(with_a_gap_and_one_vector, ON_PCI | ON_SPLIT),
		SCENARIO(with_a_gap_and_a_line, ON_PCI | ON_SPLIT),
		SCENARIO(msix_that_cannot_be_enabled, ON_PCI | ON_SPLIT),
		SCENARIO(without_an_interrupt_of_any_kind, ON_BUSES),
		SCENARIO(one_that_cannot_be_had, ON_BUSES),
		SCENARIO(without_memory, ON_RINGS),
		SCENARIO(no_tables_without_the_feature, ON_RINGS),
		SCENARIO(another_size, ON_ALL),
		SCENARIO(another_size_polled, ON_ALL),
		SCENARIO(another_size_waits, ON_ALL),
		SCENARIO(another_size_waits_for_nothing, ON_ALL),
		SCENARIO(another_size_without_memory, ON_BUSES),
		SCENARIO(another_size_is_not_offered, ON_BUSES),
		SCENARIO(another_size_while_it_hangs, ON_ALL),
		SCENARIO(another_size_when_the_ring_breaks, ON_ALL),
		SCENARIO(another_size_is_refused, ON_BUSES),
		SCENARIO(given_up, ON_ALL),
		SCENARIO(one_fault_at_a_time, ON_BUSES),
		SCENARIO(configuration_changes, ON_BUSES),
		SCENARIO(configuration_changes_meanwhile, ON_BUSES),
		SCENARIO(overdue_after_one_deadline, ON_ALL),
		SCENARIO(overdue_after_two_deadlines, ON_ALL),
		SCENARIO(answers_when_asked_again, ON_ALL),
		SCENARIO(no_deadline_at_all, ON_ALL),
		SCENARIO(told_at_the_next_look, ON_ALL),
		SCENARIO(told_of_what_is_published, ON_ALL),
		SCENARIO(a_deadline_of_hours, ON_RINGS),
		SCENARIO(marks_that_come_late, ON_BUSES),
		SCENARIO(a_full_queue, ON_RINGS),
		SCENARIO(nothing_for_a_paused_queue, ON_RINGS),
		SCENARIO(interrupts_are_silenced, ON_RINGS),
		SCENARIO(an_interrupt_of_all_queues, ON_RINGS),
		SCENARIO(drains_that_leave_something, ON_RINGS),
		SCENARIO(drains_that_take_one, ON_RINGS),
		SCENARIO(quiet_drains_that_leave_something, ON_RINGS),
		SCENARIO(a_polled_queue_that_is_awaited, ON_RINGS),
		SCENARIO(asked_for_an_interrupt, ON_RINGS),
		SCENARIO(a_quiet_queue, ON_RINGS),
		SCENARIO(deadlines_of_any_length, ON_BUSES),
		SCENARIO(a_deadline_of_nothing, ON_BUSES),
		SCENARIO(registers_that_cannot_be, ON_MMIO | ON_SPLIT),
		SCENARIO(a_bar_without_an_address, ON_PCI | ON_SPLIT),
		SCENARIO(a_queue_that_is_enabled_already, ON_BUSES),
	};

	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
