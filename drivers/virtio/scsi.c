/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-scsi, the SCSI host device: VIRTIO 1.4 section 5.6. This file brings the device up and knows its
 * configuration; which file does what is told in scsi_host.h; programs see block.h, and scsi.h.
 *
 * See it at work: make run BUS=scsi APP=disksum
 * Left out: VIRTIO_SCSI_F_INOUT, VIRTIO_SCSI_F_T10_PI; units that are neither disks nor drives are only listed.
 */
#include "drivers/virtio/drivers.h"
#include "drivers/virtio/scsi_host.h"
#include "lib/format.h"
#include "lib/mem.h"

static const uint8_t wanted[] = { VIRTIO_SCSI_F_HOTPLUG, VIRTIO_SCSI_F_CHANGE };

static struct virtio_scsi *hosts;
static unsigned host_count;

struct virtio_scsi *virtio_scsi_first(void)
{
	return hosts;
}

/* ---- Configuration (5.6.4) ------------------------------------------------------------------------ */

static uint32_t limited(uint32_t value, uint32_t most)
{
	return value < most ? value : most;
}

/* 5.6.4.1-1: the only fields that a driver may write; and needs not, unless the device broke 5.6.4.2-1. */
static int keep_size(struct virtio_device *device, unsigned field, uint32_t size)
{
	uint32_t told;
	int error = virtio_config_read(device, field, 4, 1, &told);

	if (!error && told != size)
		error = virtio_config_write(device, field, 4, size);
	if (!error && told != size)
		error = virtio_config_read(device, field, 4, 1, &told);
	if (!error && told != size) {
		virtio_log(device, VPORT_LOG_ERROR, "its %s is %u and does not change to %u",
			   field == SCSI_CONFIG_CDB_SIZE ? "cdb_size" : "sense_size", told, size);
		error = ERR_UNSUPPORTED;
	}
	return error;
}

static int keep_sizes(struct virtio_device *device)
{
	int error = keep_size(device, SCSI_CONFIG_SENSE_SIZE, SCSI_SENSE_SIZE);

	return error ? error : keep_size(device, SCSI_CONFIG_CDB_SIZE, SCSI_CDB_SIZE);
}

/* A limit that makes no sense is replaced by one that does, and named. */
static int read_config(struct virtio_scsi *scsi, uint32_t *num_queues)
{
	struct virtio_device *device = scsi->device;
	uint32_t words[5]; /* num_queues, seg_max, max_sectors, cmd_per_lun, event_info_size */
	uint32_t max_lun;
	uint16_t max_target;
	int error = virtio_config_read(device, SCSI_CONFIG_NUM_QUEUES, 4, 5, words);

	if (!error)
		error = virtio_config_read(device, SCSI_CONFIG_MAX_TARGET, 2, 1, &max_target);
	if (!error)
		error = virtio_config_read(device, SCSI_CONFIG_MAX_LUN, 4, 1, &max_lun);
	if (!error)
		error = keep_sizes(device);
	if (error)
		return error;
	if (words[0] == 0) {
		virtio_log(device, VPORT_LOG_ERROR, "it has no request queue");
		return ERR_UNSUPPORTED;
	}
	if (words[1] == 0) {
		virtio_log(device, VPORT_LOG_ERROR, "impossible seg_max 0: taken as 1");
		words[1] = 1;
	}
	*num_queues = words[0];
	scsi->seg_max = words[1];
	scsi->max_sectors = words[2];
	scsi->per_lun_max = words[3];
	scsi->event_bytes = limited(words[4], SCSI_EVENT_BYTES);
	if (scsi->event_bytes < sizeof(struct virtio_scsi_event))
		scsi->event_bytes = sizeof(struct virtio_scsi_event);
	scsi->max_target = limited(max_target, SCSI_MAX_TARGETS - 1);
	scsi->max_lun = limited(max_lun, SCSI_MAX_LUN);
	return 0;
}

/* ---- Probe and remove ---------------------------------------------------------------------------------- */

static int create_control_queues(struct virtio_scsi *scsi)
{
	struct virtio_device *device = scsi->device;
	struct virtio_queue_options options = { .size_limit = 2,
						.has_deadline = true,
						.driver = scsi };
	int error = virtio_queue_create(device, SCSI_CONTROLQ, &options);

	options.size_limit = SCSI_EVENT_BUFFERS;
	options.has_deadline = false; /* its buffers wait for the device */
	if (!error)
		error = virtio_queue_create(device, SCSI_EVENTQ, &options);
	if (error)
		return error;
	scsi->control = device->queues[SCSI_CONTROLQ];
	scsi->events = device->queues[SCSI_EVENTQ];
	if (scsi->control->setup.size < 2)
		return ERR_UNSUPPORTED;
	return 0;
}

/*
 * 5.6.4.1-2: no more commands to one unit than cmd_per_lun, nor than a queue holds: the queues together are made no
 * larger than that.
 */
static uint16_t queue_size(const struct virtio_scsi *scsi, unsigned count)
{
	uint32_t each = scsi->per_lun_max / count;
	uint16_t size = SCSI_QUEUE_SIZE;

	while (scsi->per_lun_max && size > each && size > SCSI_QUEUE_LEAST)
		size /= 2;
	return size;
}

static int create_request_queues(struct virtio_scsi *scsi, uint32_t count)
{
	struct virtio_device *device = scsi->device;
	/* Parts bring their own indirect tables. QEMU counts dataout as written. */
	struct virtio_queue_options options = { .has_deadline = true,
						.counts_read = true,
						.driver = scsi };

	scsi->many_cpus = vport_cpu_count() > 1;
	count = limited(count, limited(vport_cpu_count(), SCSI_REQUEST_QUEUES));
	options.size_limit = queue_size(scsi, count);
	for (unsigned i = 0; i < count; i++) {
		options.cpu = i;
		int error = virtio_queue_create(device, SCSI_REQUESTQ + i, &options);
		if (error)
			return error;
		struct virtio_queue *queue = device->queues[SCSI_REQUESTQ + i];
		if (queue->setup.size < 3) {
			virtio_log(device, VPORT_LOG_ERROR, "its queue is too small: %u",
				   queue->setup.size);
			return ERR_UNSUPPORTED;
		}
		scsi->seg_max = limited(scsi->seg_max, queue->setup.size - 2u);
		block_queue_init(&scsi->queues[i], &scsi->pool, queue);
		scsi->queue_count++;
	}
	return 0;
}

static int allocate(struct virtio_scsi *scsi)
{
	struct vport_device *port = scsi->device->port;

	scsi->shared = vport_dma_alloc(port, sizeof(*scsi->shared), SCSI_SHARED_ALIGN,
				       &scsi->shared_address);
	if (!scsi->shared)
		return ERR_NOMEM;
	int error = block_pool_init(&scsi->pool, scsi->device, &scsi_wire,
				    scsi->queue_count * scsi->queues[0].queue->setup.size);
	if (error)
		vport_dma_free(port, scsi->shared, sizeof(*scsi->shared));
	return error;
}

/* The disk that commands of our own are requests to: whatever they are about, they fit into one. */
static void init_self(struct virtio_scsi *scsi)
{
	scsi->self.whole = &scsi->self;
	scsi->self.block_size = BLOCK_SECTOR;
	scsi->self.limits = (struct block_limits){
		.piece_bytes_max = SCSI_DATA_BYTES,
		.pieces_max = limited(scsi->seg_max, BLOCK_MAX_PIECES),
		.part_bytes_max = SCSI_DATA_BYTES,
		.discard_sectors_max = 1, /* of nothing, which must be possible */
	};
}

static int probe(struct virtio_device *device)
{
	uint32_t num_queues;
	struct virtio_scsi *scsi = vport_alloc(sizeof(*scsi));
	if (!scsi)
		return ERR_NOMEM;
	scsi->device = device;
	scsi->luns_end = &scsi->luns;
	scsi->answered_end = &scsi->answered;
	device->data = scsi;

	int error = read_config(scsi, &num_queues);
	if (!error)
		error = create_control_queues(scsi);
	if (!error)
		error = create_request_queues(scsi, num_queues);
	if (!error)
		error = allocate(scsi);
	if (error) {
		vport_free(scsi, sizeof(*scsi));
		return error;
	}
	init_self(scsi);
	return 0;
}

static void remove(struct virtio_device *device)
{
	struct virtio_scsi *scsi = device->data;

	block_pool_free(&scsi->pool);
	vport_dma_free(device->port, scsi->shared, sizeof(*scsi->shared));
	vport_free(scsi, sizeof(*scsi));
}

/* ---- What the core tells ------------------------------------------------------------------------------- */

static void list_host(struct virtio_scsi *scsi)
{
	struct virtio_scsi **end = &hosts;

	while (*end)
		end = &(*end)->next;
	*end = scsi;
	format(scsi->device->name, sizeof(scsi->device->name), "scsi%u", host_count++);
	scsi_attend_init(scsi);
}

/*
 * The first time the scan is waited for, so that a program finds its disks: its steps are a work item, and this is none then.
 * After a reset it is, and work items wait for one another: the scan is wished, and comes later.
 */
static void ready(struct virtio_device *device)
{
	struct virtio_scsi *scsi = device->data;
	bool first = !device->name[0];

	if (first)
		list_host(scsi);
	else if (keep_sizes(device) != 0)
		virtio_device_fail(device, ERR_IO, "its sizes cannot be set again, reset",
				   device->resets);
	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next)
		lun->disk.resets = device->resets;
	scsi_events_start(scsi);
	virtio_queues_mark(device); /* what waited during a reset */
	if (first || scsi->failed_scans < SCSI_FAILED_SCANS)
		scsi_wish_scan(scsi);
	while (first && scsi->scans == 0)
		vport_relax(VPORT_NEVER);
}

static void drain(struct virtio_queue *queue)
{
	struct virtio_scsi *scsi = queue->driver;

	switch (queue->index) {
	case SCSI_CONTROLQ:
		scsi_control_drain(scsi);
		break;
	case SCSI_EVENTQ:
		scsi_events_drain(scsi);
		break;
	default:
		scsi_drain_requests(&scsi->queues[queue->index - SCSI_REQUESTQ]);
	}
}

static void abort_buffer(struct virtio_queue *queue, void *cookie, int error)
{
	struct virtio_scsi *scsi = queue->driver;

	if (queue->index == SCSI_CONTROLQ)
		scsi_control_abort(scsi, error);
	else if (queue->index >= SCSI_REQUESTQ)
		block_queue_abort(&scsi->queues[queue->index - SCSI_REQUESTQ], cookie, error);
}

static bool overdue(struct virtio_queue *queue, void *cookie)
{
	return queue->index >= SCSI_REQUESTQ && scsi_data_overdue(queue->driver, cookie);
}

static void queue_ready(struct virtio_queue *queue)
{
	vport_mark(&queue->event);
}

static void gone(struct virtio_device *device)
{
	struct virtio_scsi *scsi = device->data;

	for (struct scsi_lun *lun = scsi->luns; lun; lun = lun->next)
		scsi_disk_removed(lun);
	for (unsigned i = 0; i < scsi->queue_count; i++)
		block_queue_fail(&scsi->queues[i]);
	vport_mark(&scsi->timer);
}

const struct virtio_driver virtio_scsi_driver = {
	.type = VIRTIO_TYPE_SCSI,
	.name = "scsi",
	.wanted = wanted,
	.wanted_count = sizeof(wanted),
	.probe = probe,
	.remove = remove,
	.ready = ready,
	.drain = drain,
	.abort = abort_buffer,
	.overdue = overdue,
	.queue_ready = queue_ready,
	.gone = gone,
};

/* ---- For people and programs ------------------------------------------------------------------------------ */

struct scsi_lun *scsi_next(struct scsi_lun *lun)
{
	struct virtio_scsi *scsi = lun->host;

	if (lun->next)
		return lun->next;
	for (scsi = scsi->next; scsi && !scsi->luns; scsi = scsi->next)
		;
	return scsi ? scsi->luns : NULL;
}

struct scsi_lun *scsi_first(void)
{
	struct virtio_scsi *scsi = hosts;

	while (scsi && !scsi->luns)
		scsi = scsi->next;
	return scsi ? scsi->luns : NULL;
}

struct scsi_lun *scsi_find(const char *disk)
{
	const struct block_device *found = block_find(disk);

	for (struct scsi_lun *lun = scsi_first(); lun; lun = scsi_next(lun)) {
		if (&lun->disk == found)
			return lun;
	}
	return NULL;
}

static size_t name(const struct scsi_lun *lun, char *line, size_t size)
{
	return format(line, size, "%s %u:%u", lun->host->device->name, lun->target, lun->number);
}

void scsi_log(const struct scsi_lun *lun, enum vport_log_level level, const char *fmt, ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	format_va(line, sizeof(line), fmt, ap);
	va_end(ap);
	virtio_log(lun->host->device, level, "%s %u:%u%s%s: %s", lun->host->device->name,
		   lun->target, lun->number, lun->disk.name[0] ? " " : "", lun->disk.name, line);
}

static const char *type_name(uint8_t type)
{
	static const char *const types[] = {
		"disk", "tape",    "printer", "processor", "write-once",
		"cd",   "scanner", "optical", "changer",   "",
		"",     "",        "raid",    "enclosure", "disk",
	};
	const char *found = type < sizeof(types) / sizeof(types[0]) ? types[type] : "";

	return found[0] ? found : "other";
}

size_t scsi_describe(struct scsi_lun *lun, char *line, size_t size)
{
	const struct block_device *disk = &lun->disk;
	size_t at = name(lun, line, size);

	at += format(line + at, size - at, " %s %s %s %s", type_name(lun->type), lun->vendor,
		     lun->product, lun->revision);
	if (disk->name[0])
		at += format(line + at, size - at, " %s", disk->name);
	if (!lun->present)
		return at + format(line + at, size - at, " (removed)");
	if (!lun->ready)
		return at + format(line + at, size - at, disk->name[0] ? " no medium" : "");
	return at + format(line + at, size - at, " %llux%u%s%s",
			   (unsigned long long)(disk->capacity >> lun->block_shift),
			   disk->block_size, disk->read_only ? " read-only" : "",
			   disk->write_back ? " write-back" : "");
}

size_t scsi_describe_sense(struct scsi_lun *lun, char *line, size_t size)
{
	struct scsi_sense sense = scsi_sense_kept(lun);

	if (!sense.valid)
		return 0;
	size_t at = name(lun, line, size);
	at += format(line + at, size - at, "%s%s ", lun->disk.name[0] ? " " : "", lun->disk.name);
	return at + scsi_sense_text(&sense, line + at, size - at);
}
