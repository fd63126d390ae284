/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header before each frame, VIRTIO 1.4 section 5.1.9: checksums and segments, which are done by the device for
 * frames that are sent, and may be left to us in frames that are received. What a caller asks for is checked against
 * the frame and against what the device can do; what a device says is checked against the frame, and believed only
 * where the feature was negotiated.
 *
 * See it at work: make run APP=nettest NET=tap
 * Left out: outer headers, UDP tunnels, IPsec, receive segment coalescing (RSC_EXT).
 */
#include "drivers/virtio/net_nic.h"

/* virtio_net_hdr.flags */
enum { VIRTIO_NET_HDR_F_NEEDS_CSUM = 1, VIRTIO_NET_HDR_F_DATA_VALID = 2 };
/* .gso_type */
enum {
	VIRTIO_NET_HDR_GSO_NONE = 0,
	VIRTIO_NET_HDR_GSO_TCPV4 = 1,
	VIRTIO_NET_HDR_GSO_UDP = 3,
	VIRTIO_NET_HDR_GSO_TCPV6 = 4,
	VIRTIO_NET_HDR_GSO_UDP_L4 = 5,
	VIRTIO_NET_HDR_GSO_ECN = 0x80,
};

/* By net_offload.segments: on the wire, and what the device must be able to do, or may have us do. */
static const struct kind {
	uint8_t gso_type;
	uint32_t can;   /* 5.1.9.2.1-5, -6, -7, -8 */
	uint32_t hears; /* any of them: 5.1.9.4.1-6, -7, -8, -9 */
} kinds[] = {
	[NET_TCP4] = { VIRTIO_NET_HDR_GSO_TCPV4, NET_CAN_TSO4, NET_HEARS_TCP4 },
	[NET_TCP6] = { VIRTIO_NET_HDR_GSO_TCPV6, NET_CAN_TSO6, NET_HEARS_TCP6 },
	[NET_UDP_L4] = { VIRTIO_NET_HDR_GSO_UDP_L4, NET_CAN_USO, NET_HEARS_USO4 | NET_HEARS_USO6 },
	[NET_UFO] = { VIRTIO_NET_HDR_GSO_UDP, NET_CAN_UFO, NET_HEARS_UFO },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool is_tcp(unsigned segments)
{
	return segments == NET_TCP4 || segments == NET_TCP6;
}

/* ---- Sent (5.1.9.2) ------------------------------------------------------------------------- */

/* Where the checksum ends that is to be stored. */
static uint64_t checksum_end(const struct net_offload *offload)
{
	return (uint64_t)offload->checksum_start + offload->checksum_offset + sizeof(le16);
}

static int check_segments(const struct virtio_net *nic, const struct net_buffer *frame)
{
	const struct net_offload *offload = &frame->offload;

	if (offload->segments >= KINDS || offload->segment_bytes == 0 ||
	    offload->header_bytes < checksum_end(offload))
		return ERR_INVALID;
	if ((nic->net.can & kinds[offload->segments].can) == 0)
		return ERR_UNSUPPORTED;
	if (offload->header_bytes > frame->length)
		return ERR_RANGE;
	if (!(offload->flags & NET_SEGMENTS_ECN))
		return 0;
	if (!is_tcp(offload->segments))
		return ERR_INVALID;
	return nic->net.can & NET_CAN_ECN ? 0 : ERR_UNSUPPORTED; /* 5.1.9.2.1-9 */
}

static int check(const struct virtio_net *nic, const struct net_buffer *frame, uint64_t length)
{
	const struct net_offload *offload = &frame->offload;

	if (!(offload->flags & NET_CHECKSUM_START))
		return ERR_INVALID; /* segments need it: 5.1.9.2.1-22 */
	if (!(nic->net.can & NET_CAN_CHECKSUM))
		return ERR_UNSUPPORTED; /* 5.1.9.2.1-3 */
	if (checksum_end(offload) > length)
		return ERR_RANGE;
	return offload->segments == NET_WHOLE ? 0 : check_segments(nic, frame);
}

int net_offload_write(const struct virtio_net *nic, const struct net_buffer *frame, uint64_t length,
		      struct virtio_net_hdr *header)
{
	const struct net_offload *offload = &frame->offload;
	int error = check(nic, frame, length);

	if (error)
		return error;
	uint8_t gso_type = VIRTIO_NET_HDR_GSO_NONE;
	if (offload->segments != NET_WHOLE)
		gso_type = kinds[offload->segments].gso_type;
	if (offload->segments != NET_WHOLE && (offload->flags & NET_SEGMENTS_ECN))
		gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	shared_store8(&header->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	shared_store8(&header->gso_type, gso_type);
	shared_store16(&header->hdr_len, offload->header_bytes); /* 5.1.9.2.1-23, -24 */
	shared_store16(&header->gso_size, gso_type ? offload->segment_bytes : 0);
	shared_store16(&header->csum_start, offload->checksum_start);
	shared_store16(&header->csum_offset, offload->checksum_offset);
	shared_store16(&header->num_buffers, 0); /* 5.1.9.2.1-2 */
	if (nic->header_bytes == NET_HDR_HASH) {
		shared_store32(&header->hash_value, 0);
		shared_store16(&header->hash_report, 0);
		shared_store16(&header->padding_reserved, 0);
	}
	return 0;
}

/* ---- Received (5.1.9.4) ------------------------------------------------------------------------ */

/* The kind with that gso_type, ECN apart; NET_WHOLE: none of ours. */
static unsigned kind_of(uint8_t gso_type)
{
	for (unsigned i = NET_WHOLE + 1; i < KINDS; i++) {
		if (kinds[i].gso_type == gso_type)
			return i;
	}
	return NET_WHOLE;
}

static bool read_segments(const struct virtio_net *nic, const struct virtio_net_hdr *header,
			  struct net_offload *offload)
{
	uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	unsigned segments = kind_of(type);

	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	/* 5.1.9.4.1-22. (A tunnel is of no kind that we know: 5.1.9.4.2-8, -10.) */
	if (segments == NET_WHOLE || !(nic->net.may_hear & kinds[segments].hears) ||
	    !(offload->flags & NET_CHECKSUM_START) || le16_get(header->gso_size) == 0)
		return false;
	offload->segments = (uint8_t)segments;
	offload->segment_bytes = le16_get(header->gso_size);
	if ((header->gso_type & VIRTIO_NET_HDR_GSO_ECN) && is_tcp(segments))
		offload->flags |= NET_SEGMENTS_ECN;
	return true;
}

/* 5.1.9.4.4.6; what it says when it has not negotiated that, or says of no packet, is not looked at. */
static void read_hash(const struct virtio_net *nic, const struct virtio_net_hdr *header,
		      struct net_offload *offload)
{
	uint16_t report = le16_get(header->hash_report);

	if (!nic->reports_hash || report == NET_HASHED_NONE || report > NET_HASHED_LAST)
		return;
	offload->hashed = report;
	offload->hash = le32_get(header->hash_value);
}

/* Without GUEST_CSUM nothing of it means anything, and no flag is one that we know (5.1.9.4.2-1). */
bool net_offload_read(const struct virtio_net *nic, const struct virtio_net_hdr *header,
		      uint64_t length, struct net_offload *offload)
{
	*offload = (struct net_offload){ 0 };
	read_hash(nic, header, offload);
	if (!(nic->net.may_hear & NET_HEARS_CHECKSUM))
		return true;
	if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		offload->flags |= NET_CHECKSUM_GOOD;
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		offload->flags |= NET_CHECKSUM_START;
		offload->checksum_start = le16_get(header->csum_start);
		offload->checksum_offset = le16_get(header->csum_offset);
		if (offload->checksum_start < NET_HEADER_BYTES || checksum_end(offload) > length)
			return false;
	}
	if (!read_segments(nic, header, offload))
		return false;
	/* 5.1.9.4.2-5, -6: a hint. */
	uint16_t header_bytes = le16_get(header->hdr_len);
	if (header_bytes >= NET_HEADER_BYTES && header_bytes <= length)
		offload->header_bytes = header_bytes;
	return true;
}
