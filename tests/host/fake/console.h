/* SPDX-License-Identifier: BSD-2-Clause */
/* A console with several ports (VIRTIO 1.4, 5.3.6.2), which a test has say and do what it likes. */
#ifndef TESTS_HOST_FAKE_CONSOLE_H
#define TESTS_HOST_FAKE_CONSOLE_H

#include "tests/host/fake/device.h"

#define FAKE_PORTS 31
#define FAKE_PORT_BYTES 65536

enum {
	FAKE_DEVICE_READY,
	FAKE_PORT_ADD,
	FAKE_PORT_REMOVE,
	FAKE_PORT_READY,
	FAKE_CONSOLE_PORT,
	FAKE_RESIZE,
	FAKE_PORT_OPEN,
	FAKE_PORT_NAME,
};

struct fake_console_port {
	/* What the host has, and tells when the driver is ready. */
	bool there, console, open;
	const char *name;
	bool slow; /* it keeps what it is sent, and the test takes it */
	/* What the driver has done. */
	unsigned readies, opens, closes; /* messages */
	bool guest_open;
	char got[FAKE_PORT_BYTES];
	size_t length;
};

/* state of fake_ports */
struct fake_host {
	struct fake_console_port ports[FAKE_PORTS];
	unsigned device_readies, messages;
	bool mute;  /* it does not use what it is told */
	bool noisy; /* it tells of a port that comes and goes, for each message of the driver's */
	unsigned unheard; /* messages for which there was no buffer */
	char emergency[16];
	size_t emergency_length;
};

extern const struct fake_model fake_ports;

/* A device with those ports, of which none is there yet. */
void fake_ports_init(struct fake_device *device, enum fake_bus bus, enum fake_format format,
		     struct fake_host *host, unsigned max_nr_ports);
/* A control message of the device's: so many bytes are in it, so many are said to be. False: there is no buffer. */
bool fake_say(struct fake_device *device, const void *bytes, size_t length, uint32_t written);
bool fake_tell(struct fake_device *device, uint32_t id, unsigned event, unsigned value);
bool fake_tell_more(struct fake_device *device, uint32_t id, unsigned event, unsigned value,
		    const void *more, size_t length);
/* The host sends through a port: how much the driver had buffers for. */
size_t fake_port_send(struct fake_device *device, unsigned id, const void *bytes, size_t length);
/* The host of a slow port takes a buffer: false when there is none. */
bool fake_port_take(struct fake_device *device, unsigned id);

#endif
