/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What only PCI has (VIRTIO 1.4, 4.1: capabilities, the notification address, the vector ladder, the
 * configuration window) and what only MMIO has (4.2: versions, empty slots), and FAULTS 23 to 26, 28, 46. Besides,
 * on both: notifications that carry data (2.9) and queues that are reset alone (2.6.1).
 */
#include "drivers/virtio/device.h"
#include "drivers/virtio/inspect.h"
#include "drivers/virtio/rng.h"
#include "tests/host/fake/scenario.h"

static struct fake_device fake;

static void make(void)
{
	fake_device_init(&fake, bus, &fake_rng, ring);
}

static void works(void)
{
	uint8_t bytes[40];

	CHECK(virtio_rng_first() != NULL);
	if (!virtio_rng_first())
		return;
	memset(bytes, 0, sizeof(bytes));
	CHECK_EQ(virtio_rng_read(virtio_rng_first(), bytes, sizeof(bytes)), 0);
	for (unsigned i = 1; i < sizeof(bytes); i++)
		CHECK_EQ(bytes[i], (uint8_t)(bytes[0] + i));
}

static void starts(void)
{
	CHECK_EQ(fake_probe(&fake), 0);
	works();
}

static void fails(int error, const char *line)
{
	CHECK_EQ(fake_probe(&fake), error);
	CHECK(fake_logged(line));
	CHECK(virtio_first() == NULL);
	CHECK_NOTHING_LEFT();
}

/* ---- PCI: capabilities ------------------------------------------------------------------ */

static void row24_capability_list_loops(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_SHM + 1, 1, FAKE_CAP_COMMON);
	fails(ERR_FORMAT, "capability list is malformed");
}

static void row24_capability_pointer_unaligned(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_ISR + 1, 1, FAKE_CAP_CONFIG + 2);
	fails(ERR_FORMAT, "capability list is malformed");
}

static void row24_capability_pointer_below_0x40(void)
{
	make();
	fake_pci_set(&fake, PCI_CAPABILITIES, 1, 0x3c);
	fails(ERR_FORMAT, "capability list is malformed");
}

/* A capability that is needed and no good, in each way that there is. */
static void no_good(unsigned at, const char *name)
{
	static const struct {
		unsigned offset, width;
		uint32_t value;
	} lies[] = {
		{ 2, 1, 15 },                   /* too short for the fields */
		{ 2, 1, 0 },                    /* and at all */
		{ 2, 1, 255 },                  /* longer than configuration space */
		{ 4, 1, 6 },                    /* no such BAR */
		{ 4, 1, 255 },                  /* nor that */
		{ 4, 1, 0 },                    /* a BAR that is not there */
		{ 4, 1, 5 },                    /* the upper half of one */
		{ 8, 4, FAKE_BAR4_BYTES },      /* it begins behind the BAR */
		{ 8, 4, 0xfffffff0 },           /* offset + length overflows 32 bits */
		{ 12, 4, FAKE_BAR4_BYTES + 1 }, /* it ends behind the BAR */
		{ 12, 4, UINT32_MAX },          /* the same */
		{ 12, 4, 0 },                   /* nothing */
		{ 3, 1, 0 },                    /* a type that is reserved */
		{ 3, 1, 255 },                  /* and another */
	};

	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		make();
		fake_pci_set(&fake, at + lies[i].offset, lies[i].width, lies[i].value);
		fails(ERR_FORMAT, name);
		fake_log_clear();
	}
}

static void row25_common_configuration_no_good(void)
{
	no_good(FAKE_CAP_COMMON, "no usable common configuration structure");
	make();
	fake_pci_set(&fake, FAKE_CAP_COMMON + 12, 4, 0x37); /* one byte less than its fields */
	fails(ERR_FORMAT, "no usable common configuration structure");
	make();
	fake_pci_set(&fake, FAKE_CAP_COMMON + 8, 4, 2); /* unaligned: 4.1.4.1 */
	fails(ERR_FORMAT, "no usable common configuration structure");
}

static void row25_notification_no_good(void)
{
	no_good(FAKE_CAP_NOTIFY, "no usable notification structure");
	make();
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 2, 1, 16); /* no room for the multiplier */
	fails(ERR_FORMAT, "no usable notification structure");
	make();
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 8, 4, FAKE_NOTIFY + 1);
	fails(ERR_FORMAT, "no usable notification structure");
}

static void row25_isr_no_good(void)
{
	no_good(FAKE_CAP_ISR, "no usable ISR structure");
}

/* The device configuration is optional: an entropy device has none. */
static void row25_device_configuration_no_good(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_CONFIG + 8, 4, 0xfffffff0);
	starts();
	CHECK_EQ(virtio_first()->config_size, 0);
}

/* A second capability of the same type, in the place of the one for shared memory. */
static void second_common(void)
{
	make();
	for (unsigned i = 2; i < 16; i++)
		fake_pci_set(&fake, FAKE_CAP_SHM + i, 1,
			     fake_pci_get(&fake, FAKE_CAP_COMMON + i, 1));
}

static void row26_second_capability_is_ignored(void)
{
	second_common();
	fake_pci_set(&fake, FAKE_CAP_SHM + 8, 4, 0x5000); /* where nothing answers */
	starts();
}

static void row26_second_capability_is_the_first_good_one(void)
{
	second_common();
	fake_pci_set(&fake, FAKE_CAP_COMMON + 4, 1, 7);
	starts();
}

/* The same of the notification structure and of the window: the first one counts. */
static void row26_second_notification_structure(void)
{
	make();
	for (unsigned i = 2; i < 20; i++)
		fake_pci_set(&fake, FAKE_CAP_SHM + i, 1,
			     fake_pci_get(&fake, FAKE_CAP_NOTIFY + i, 1));
	fake_pci_set(&fake, FAKE_CAP_SHM + 8, 4, 0x5000);
	fake_pci_set(&fake, FAKE_CAP_SHM + 16, 4, 64);
	starts();
}

static void row26_second_window(void)
{
	make();
	for (unsigned i = 2; i < 20; i++)
		fake_pci_set(&fake, FAKE_CAP_SHM + i, 1,
			     fake_pci_get(&fake, FAKE_CAP_WINDOW + i, 1));
	fake.port.unmappable_from = FAKE_BAR4;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_BAR4_BYTES;
	starts();
}

/* One of the three that make a device modern is enough to tell that it is no legacy one. */
static void row25_two_of_three_no_good(void)
{
	static const unsigned needed[] = { FAKE_CAP_COMMON, FAKE_CAP_NOTIFY, FAKE_CAP_ISR };

	for (unsigned good = 0; good < 3; good++) {
		make();
		for (unsigned i = 0; i < 3; i++) {
			if (i != good)
				fake_pci_set(&fake, needed[i] + 4, 1, 6);
		}
		fails(ERR_FORMAT, good == 0 ? "no usable notification structure"
					    : "no usable common configuration structure");
		fake_log_clear();
	}
}

static void legacy_only(void)
{
	make();
	fake_pci_set(&fake, PCI_DEVICE_ID, 2, 0x1005);
	fake_pci_set(&fake, PCI_CAPABILITIES, 1, FAKE_CAP_MSIX);
	fake_pci_set(&fake, FAKE_CAP_MSIX + 1, 1, 0);
	fails(ERR_UNSUPPORTED, "disable-modern=on");
}

/* Matched by its capabilities; its type is its subsystem id. */
static void transitional(void)
{
	make();
	fake_pci_set(&fake, PCI_DEVICE_ID, 2, 0x1005);
	fake_pci_set(&fake, PCI_SUBSYSTEM_ID, 2, VIRTIO_TYPE_ENTROPY);
	starts();
}

/* A structure of shared memory at the end of configuration space, as long as it says or not. */
static void shared_memory_at_the_end_of_configuration_space(void)
{
	uint64_t address, length;

	for (unsigned at = 0xf0; at <= 0xfc; at += 4) {
		fake_device_init(&fake, bus, &fake_rng, ring);
		fake_pci_set(&fake, FAKE_CAP_SHM + 1, 1, at);
		fake_pci_set(&fake, FAKE_CAP_SHM + 3, 1, 0);
		fake_pci_set(&fake, at, 4, 0x08ff0000 | PCI_CAP_VENDOR);
		if (at < 0xfc)
			fake_pci_set(&fake, at + 5, 1, 1);
		CHECK_EQ(fake_probe(&fake), 0);
		struct virtio_device *device = virtio_first();
		while (virtio_next(device))
			device = virtio_next(device);
		CHECK_EQ(device->transport->shared_memory(device, 1, &address, &length), ERR_NODEV);
		CHECK_EQ(device->transport->shared_memory(device, 0, &address, &length), ERR_NODEV);
	}
}

/* Its command register keeps memory decoding off: nothing of it can be reached. */
static void command_register_is_stuck(void)
{
	make();
	fake.pci_writable[PCI_COMMAND] = 0;
	CHECK_EQ(fake_probe(&fake), ERR_IO);
	CHECK_EQ(fake_log_count(), 1);
	CHECK_TEXT(fake.steps, "");
	CHECK_NOTHING_LEFT();
}

/* ---- PCI: the notification address -------------------------------------------------------- */

static void notify_at(uint32_t multiplier, uint16_t off, int error)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 16, 4, multiplier);
	fake.multiplier = multiplier;
	fake.queues[0].notify_off = off;
	if (error) {
		fails(error, "queue 0 could not be enabled");
		fake_log_clear();
	} else {
		starts();
	}
}

static void row23_notify_address_outside(void)
{
	notify_at(4, FAKE_NOTIFY_BYTES / 4, ERR_RANGE); /* the first place behind it */
	notify_at(2, FAKE_NOTIFY_BYTES / 2, ERR_RANGE);
	notify_at(1, FAKE_NOTIFY_BYTES - 1, ERR_RANGE); /* half of it is behind */
	notify_at(1, 1, ERR_RANGE);                     /* unaligned */
	notify_at(4, 65535, ERR_RANGE);
	notify_at(UINT32_MAX, 65535, ERR_RANGE); /* 32 bits would overflow: to 0xffff0001 */
	notify_at(0x80000000, 2, ERR_RANGE);     /* to 0 */
}

static void notify_at_the_last_place(void)
{
	notify_at(4, FAKE_NOTIFY_BYTES / 4 - 1, 0);
}

static void notify_with_multiplier_0(void)
{
	notify_at(0, 9, 0);
}

/* With data a notification has 4 bytes, which must be where 4 bytes can be. */
static void row23_notify_address_unaligned_for_data(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 8, 4, FAKE_NOTIFY + 2);
	fails(ERR_RANGE, "queue 0 could not be enabled");
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 16, 4, 2);
	fake.queues[0].notify_off = 1;
	fails(ERR_RANGE, "queue 0 could not be enabled");
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	fake_pci_set(&fake, FAKE_CAP_NOTIFY + 12, 4, 6); /* 2 bytes behind the first place */
	fails(ERR_RANGE, "queue 0 could not be enabled");
}

/* ---- PCI: the vector ladder ------------------------------------------------------------------ */

static void ladder(enum virtio_interrupts interrupts, unsigned vectors)
{
	char line[300];

	starts();
	struct virtio_device *device = virtio_first();
	CHECK_EQ(device->interrupts, interrupts);
	CHECK_EQ(device->vectors, vectors);
	CHECK_EQ(fake_port.interrupts_requested, interrupts == VIRTIO_LINE ? 1 : vectors);
	CHECK_EQ(fake_port.interrupts > 0, interrupts != VIRTIO_POLLED);
	virtio_describe(device, line, sizeof(line));
	CHECK(strstr(line, interrupts == VIRTIO_MSIX   ? "msix:"
			   : interrupts == VIRTIO_LINE ? "intx"
						       : "poll") != NULL);
	bool msix = fake_pci_get(&fake, FAKE_CAP_MSIX + 2, 2) & 0x8000;
	bool intx = !(fake_pci_get(&fake, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	CHECK_EQ(msix, interrupts == VIRTIO_MSIX);
	CHECK_EQ(intx, interrupts == VIRTIO_LINE);

	/* The same after a reset; and a change of the configuration comes through. */
	fake.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	fake_interrupt_config(&fake);
	CHECK(FAKE_WAIT(device->resets == 1 && device->state == VIRTIO_RUNNING,
			interrupts == VIRTIO_POLLED ? 1000 : 100));
	CHECK_EQ(device->interrupts, interrupts);
	CHECK_EQ(fake_port.interrupts_requested, interrupts == VIRTIO_LINE ? 1 : vectors);
	works();
}

static void ladder_vector_per_queue(void)
{
	make();
	ladder(VIRTIO_MSIX, 2);
	CHECK_EQ(fake.queues[0].vector, 1);
	CHECK_EQ(fake.config_vector, 0);
}

static void row28_one_vector_accepted(void)
{
	make();
	fake.vectors_held = 1;
	ladder(VIRTIO_MSIX, 1);
	CHECK_EQ(fake.queues[0].vector, 0);
}

static void ladder_one_vector_in_the_table(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_MSIX + 2, 2, 0);
	ladder(VIRTIO_MSIX, 1);
}

static void ladder_one_message_to_be_had(void)
{
	make();
	fake.port.msi_limit = 1;
	ladder(VIRTIO_MSIX, 1);
}

static void row28_vectors_read_back_ffff(void)
{
	make();
	fake.vectors_held = 0;
	ladder(VIRTIO_LINE, 0);
	CHECK_EQ(fake.config_vector, FAKE_NO_VECTOR);
	CHECK_EQ(fake.queues[0].vector, FAKE_NO_VECTOR);
}

static void row28_vectors_of_queues_refused(void)
{
	make();
	fake.no_queue_vectors = true;
	ladder(VIRTIO_LINE, 0);
	CHECK_EQ(fake.config_vector, FAKE_NO_VECTOR);
}

static void row28_table_outside_its_bar(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_MSIX + 4, 4, 0x1000 | 1);
	ladder(VIRTIO_LINE, 0);
	CHECK(fake_logged("MSI-X table is not inside its BAR"));
}

static void row28_table_in_a_bar_that_is_none(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_MSIX + 4, 4, 7);
	ladder(VIRTIO_LINE, 0);
	CHECK(fake_logged("MSI-X table is not inside its BAR"));
}

static void ladder_no_msix_capability(void)
{
	make();
	fake_pci_set(&fake, FAKE_CAP_WINDOW + 1, 1, FAKE_CAP_SHM);
	ladder(VIRTIO_LINE, 0);
}

static void ladder_no_messages_on_this_platform(void)
{
	make();
	fake.port.msi_limit = 0;
	ladder(VIRTIO_LINE, 0);
}

static void ladder_intx_by_setting(void)
{
	fake_setting("irq", "intx");
	make();
	ladder(VIRTIO_LINE, 0);
}

static void row28_nothing_but_polling(void)
{
	make();
	fake.vectors_held = 0;
	fake.port.no_line = true;
	ladder(VIRTIO_POLLED, 0);
}

static void ladder_no_interrupt_pin(void)
{
	make();
	fake.vectors_held = 0;
	fake_pci_set(&fake, PCI_INTERRUPT_PIN, 1, 0);
	ladder(VIRTIO_POLLED, 0);
}

static void ladder_polling_by_setting(void)
{
	fake_setting("irq", "poll");
	make();
	ladder(VIRTIO_POLLED, 0);
}

/* A line is shared: interrupts of others are not this device's. */
static void line_interrupt_of_another_device(void)
{
	fake_setting("irq", "intx");
	make();
	starts();
	for (unsigned i = 0; i < 100; i++)
		fake_raise_line(&fake.port); /* the ISR reads 0 */
	works();
	CHECK_EQ(virtio_first()->resets, 0);
}

/* ---- PCI: the configuration window (4.1.4.9) ----------------------------------------------------- */

static void window_where_the_bar_cannot_be_mapped(void)
{
	make();
	fake.port.unmappable_from = FAKE_BAR4;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_BAR4_BYTES;
	starts();
	for (unsigned i = 0; i < 20; i++)
		works();
}

static void window_for_the_doorbell_only(void)
{
	make();
	fake.port.unmappable_from = FAKE_BAR4 + FAKE_NOTIFY;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_BAR4_BYTES;
	starts();
	CHECK_EQ(virtio_first()->queues[0]->doorbell_register, 0);
}

static void window_for_the_isr_only(void)
{
	make();
	fake.port.unmappable_from = FAKE_BAR4 + FAKE_ISR;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_CONFIG;
	starts();
	CHECK_EQ(virtio_first()->interrupts, VIRTIO_MSIX);
	for (unsigned i = 0; i < 10; i++)
		works();
}

/* An interrupt handler cannot read the ISR by the window: no line then. */
static void window_for_the_isr_and_no_msix(void)
{
	make();
	fake.vectors_held = 0;
	fake.port.unmappable_from = FAKE_BAR4 + FAKE_ISR;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_CONFIG;
	starts();
	CHECK_EQ(virtio_first()->interrupts, VIRTIO_POLLED);
	works();
}

static void window_for_the_configuration_only(void)
{
	static struct fake_disk disk;
	static struct fake_model model;

	model = fake_blk;
	model.config_written = NULL; /* all of it can be written */
	fake_device_init(&fake, bus, &model, ring);
	fake_disk_init(&fake, &disk);
	fake.port.unmappable_from = FAKE_BAR4 + FAKE_CONFIG;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_NOTIFY;
	CHECK_EQ(fake_probe(&fake), 0);
	uint64_t capacity = 0;
	CHECK_EQ(virtio_config_read(virtio_first(), 0, 8, 1, &capacity), 0);
	CHECK_EQ(capacity, FAKE_DISK_SECTORS);
	CHECK_EQ(virtio_config_write(virtio_first(), 33, 1, 0x77), 0);
	CHECK_EQ(fake.config[33], 0x77);
}

static void no_window_and_nothing_mapped(void)
{
	make();
	fake.port.unmappable_from = FAKE_BAR4;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_BAR4_BYTES;
	fake_pci_set(&fake, FAKE_CAP_WINDOW + 3, 1, 0);
	fails(ERR_RANGE, "registers cannot be mapped");
}

static void no_window_and_no_doorbell(void)
{
	make();
	fake.port.unmappable_from = FAKE_BAR4 + FAKE_NOTIFY;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_BAR4_BYTES;
	fake_pci_set(&fake, FAKE_CAP_WINDOW + 3, 1, 0);
	fails(ERR_RANGE, "queue 0 could not be enabled");
}

/* ---- MMIO ------------------------------------------------------------------------------------------- */

static void row46_empty_slot(void)
{
	make();
	fake.device_id = 0;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_EQ(fake_log_count(), 0);
	CHECK_TEXT(fake.steps, "");
	CHECK_NOTHING_LEFT();
}

static void row46_version_1(void)
{
	make();
	fake.version = 1;
	fails(ERR_UNSUPPORTED, "virtio-mmio.force-legacy=false");
	CHECK_TEXT(fake.steps, "");
}

/* QEMU's empty slots are of version 1 as well, and are not worth a line. */
static void row46_empty_slot_of_version_1(void)
{
	make();
	fake.version = 1;
	fake.device_id = 0;
	CHECK_EQ(fake_probe(&fake), ERR_NODEV);
	CHECK_EQ(fake_log_count(), 0);
}

static void row46_version_99(void)
{
	make();
	fake.version = 99;
	fails(ERR_UNSUPPORTED, "unknown virtio-mmio version 99");
	CHECK_TEXT(fake.steps, "");
}

/* QEMU: words from 2 on are word 1 again. */
static void feature_words_alias(void)
{
	make();
	fake.words_alias = true;
	starts();
	CHECK(fake_accepted(&fake, VIRTIO_F_VERSION_1));
	CHECK_EQ(virtio_first()->features.word[2], 0);
	CHECK_EQ(virtio_first()->features.word[3], 0);
	CHECK_EQ(virtio_first()->offered.word[2], 0);
	CHECK_EQ(virtio_first()->offered.word[3], 0);
}

/* ---- Notifications with data, and with another name (2.9) --------------------------------------------- */

static void notification_data(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	starts();
	CHECK(fake_accepted(&fake, VIRTIO_F_NOTIFICATION_DATA));
	for (unsigned i = 0; i < 40; i++)
		works();
	CHECK(fake.queues[0].notifications >= 40);
}

static void notification_data_through_the_window(void)
{
	fake_setting("irq", "poll");
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	fake_offer(&fake, VIRTIO_F_NOTIF_CONFIG_DATA);
	fake.port.unmappable_from = FAKE_BAR4;
	fake.port.unmappable_to = FAKE_BAR4 + FAKE_BAR4_BYTES;
	starts();
	for (unsigned i = 0; i < 20; i++)
		works();
}

static void notification_config_data(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_NOTIF_CONFIG_DATA);
	starts();
	CHECK(bus == FAKE_MMIO || fake_accepted(&fake, VIRTIO_F_NOTIF_CONFIG_DATA));
}

static void both_notification_features(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_NOTIFICATION_DATA);
	fake_offer(&fake, VIRTIO_F_NOTIF_CONFIG_DATA);
	starts();
	for (unsigned i = 0; i < 20; i++)
		works();
}

/* Without room in the structure for their fields, the features are not taken. */
static void short_common_configuration(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_NOTIF_CONFIG_DATA);
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	fake_pci_set(&fake, FAKE_CAP_COMMON + 12, 4, 0x3a);
	starts();
	CHECK(fake_accepted(&fake, VIRTIO_F_NOTIF_CONFIG_DATA));
	CHECK(!fake_accepted(&fake, VIRTIO_F_RING_RESET));
}

static void shortest_common_configuration(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_NOTIF_CONFIG_DATA);
	fake_offer(&fake, VIRTIO_F_RING_RESET);
	fake_pci_set(&fake, FAKE_CAP_COMMON + 12, 4, 0x38);
	starts();
	CHECK(!fake_accepted(&fake, VIRTIO_F_NOTIF_CONFIG_DATA));
	CHECK(!fake_accepted(&fake, VIRTIO_F_RING_RESET));
}

/* ---- In order ------------------------------------------------------------------------------------------- */

static void in_order(void)
{
	make();
	fake_offer(&fake, VIRTIO_F_IN_ORDER);
	starts();
	CHECK(fake_accepted(&fake, VIRTIO_F_IN_ORDER));
	for (unsigned i = 0; i < 40; i++)
		works();
}

int main(void)
{
	static const struct scenario scenarios[] = {
		SCENARIO(row24_capability_list_loops, ON_PCI | ON_SPLIT),
		SCENARIO(row24_capability_pointer_unaligned, ON_PCI | ON_SPLIT),
		SCENARIO(row24_capability_pointer_below_0x40, ON_PCI | ON_SPLIT),
		SCENARIO(row25_common_configuration_no_good, ON_PCI | ON_SPLIT),
		SCENARIO(row25_notification_no_good, ON_PCI | ON_SPLIT),
		SCENARIO(row25_isr_no_good, ON_PCI | ON_SPLIT),
		SCENARIO(row25_device_configuration_no_good, ON_PCI | ON_SPLIT),
		SCENARIO(row26_second_capability_is_ignored, ON_PCI | ON_SPLIT),
		SCENARIO(row26_second_capability_is_the_first_good_one, ON_PCI | ON_SPLIT),
		SCENARIO(row26_second_notification_structure, ON_PCI | ON_SPLIT),
		SCENARIO(row26_second_window, ON_PCI | ON_SPLIT),
		SCENARIO(row25_two_of_three_no_good, ON_PCI | ON_SPLIT),
		SCENARIO(legacy_only, ON_PCI | ON_SPLIT),
		SCENARIO(transitional, ON_RINGS),
		SCENARIO(shared_memory_at_the_end_of_configuration_space, ON_PCI | ON_SPLIT),
		SCENARIO(command_register_is_stuck, ON_PCI | ON_SPLIT),
		SCENARIO(row23_notify_address_outside, ON_PCI | ON_SPLIT),
		SCENARIO(notify_at_the_last_place, ON_RINGS),
		SCENARIO(notify_with_multiplier_0, ON_PCI | ON_SPLIT),
		SCENARIO(row23_notify_address_unaligned_for_data, ON_PCI | ON_SPLIT),
		SCENARIO(ladder_vector_per_queue, ON_RINGS),
		SCENARIO(row28_one_vector_accepted, ON_RINGS),
		SCENARIO(ladder_one_vector_in_the_table, ON_PCI | ON_SPLIT),
		SCENARIO(ladder_one_message_to_be_had, ON_PCI | ON_SPLIT),
		SCENARIO(row28_vectors_read_back_ffff, ON_RINGS),
		SCENARIO(row28_vectors_of_queues_refused, ON_PCI | ON_SPLIT),
		SCENARIO(row28_table_outside_its_bar, ON_PCI | ON_SPLIT),
		SCENARIO(row28_table_in_a_bar_that_is_none, ON_PCI | ON_SPLIT),
		SCENARIO(ladder_no_msix_capability, ON_PCI | ON_SPLIT),
		SCENARIO(ladder_no_messages_on_this_platform, ON_PCI | ON_SPLIT),
		SCENARIO(ladder_intx_by_setting, ON_RINGS),
		SCENARIO(row28_nothing_but_polling, ON_RINGS),
		SCENARIO(ladder_no_interrupt_pin, ON_PCI | ON_SPLIT),
		SCENARIO(ladder_polling_by_setting, ON_RINGS),
		SCENARIO(line_interrupt_of_another_device, ON_BUSES),
		SCENARIO(window_where_the_bar_cannot_be_mapped, ON_RINGS),
		SCENARIO(window_for_the_doorbell_only, ON_RINGS),
		SCENARIO(window_for_the_isr_only, ON_RINGS),
		SCENARIO(window_for_the_isr_and_no_msix, ON_RINGS),
		SCENARIO(window_for_the_configuration_only, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_and_nothing_mapped, ON_PCI | ON_SPLIT),
		SCENARIO(no_window_and_no_doorbell, ON_PCI | ON_SPLIT),
		SCENARIO(row46_empty_slot, ON_MMIO | ON_SPLIT),
		SCENARIO(row46_version_1, ON_MMIO | ON_SPLIT),
		SCENARIO(row46_empty_slot_of_version_1, ON_MMIO | ON_SPLIT),
		SCENARIO(row46_version_99, ON_MMIO | ON_SPLIT),
		SCENARIO(feature_words_alias, ON_MMIO | ON_SPLIT | ON_PACKED),
		SCENARIO(notification_data, ON_ALL),
		SCENARIO(notification_data_through_the_window, ON_RINGS),
		SCENARIO(notification_config_data, ON_ALL),
		SCENARIO(both_notification_features, ON_ALL),
		SCENARIO(short_common_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(shortest_common_configuration, ON_PCI | ON_SPLIT),
		SCENARIO(in_order, ON_ALL),
	};
	return scenarios_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
