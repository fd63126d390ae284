/* SPDX-License-Identifier: BSD-2-Clause */
/* The network's own memory, under use by chance and when it runs short, its checksum, and which acknowledgement takes
 * another one's place. */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "drivers/virtio/port.h"
#include "kernel/net/acknowledge.h"
#include "kernel/net/checksum.h"
#include "kernel/net/memory.h"

#define MIB (1u << 20)
#define MANY 4000
#define FRAME 1600

/* ---- The port --------------------------------------------------------------------------------------- */

static size_t largest = SIZE_MAX; /* that the kernel has in one piece */

void *vport_alloc(size_t size)
{
	return size <= largest ? calloc(1, size) : NULL;
}

void vport_free(void *memory, size_t size)
{
	(void)size;
	free(memory);
}

void vport_panic(const char *what, const char *file, int line)
{
	printf("# %s, %s:%d\n", what, file, line);
	abort();
}

/* ---- Memory ----------------------------------------------------------------------------------------- */

struct piece {
	uint8_t *at;
	size_t size;
	uint8_t mark;
};

static struct piece pieces[MANY];

static size_t in_use(void)
{
	size_t all;

	return network_memory_used(&all);
}

/* Whether nobody else has written to it. */
static bool whole(const struct piece *piece)
{
	for (size_t i = 0; i < piece->size; i++) {
		if (piece->at[i] != piece->mark)
			return false;
	}
	return true;
}

static void give_back(struct piece *piece)
{
	if (!piece->at)
		return;
	CHECK(whole(piece));
	network_free(piece->at);
	piece->at = NULL;
}

static void none_at_first(void)
{
	largest = 512 << 10;
	CHECK(!network_memory_start());
	largest = 2 * MIB;
	CHECK(network_memory_start());
	size_t all;
	network_memory_used(&all);
	CHECK_EQ(all, 2 * MIB);
	CHECK_EQ(in_use(), 0);
}

static void by_chance(void)
{
	for (unsigned round = 0; round < 200000; round++) {
		struct piece *piece = &pieces[rand() % MANY];
		if (piece->at) {
			give_back(piece);
			continue;
		}
		size_t size = (size_t)rand() % (rand() % 8 == 0 ? 70000 : 1700) + 1;
		piece->at = rand() % 2 ? network_malloc(size) : network_calloc(1, size);
		if (!piece->at)
			continue;
		CHECK_EQ((uintptr_t)piece->at % 8, 0);
		piece->size = size;
		piece->mark = (uint8_t)rand();
		memset(piece->at, piece->mark, size);
	}
	for (unsigned i = 0; i < MANY; i++)
		give_back(&pieces[i]);
	CHECK_EQ(in_use(), 0);
	/* It is in one piece again, or can be made so: as much as frames may have. */
	void *half = network_malloc(MIB);
	CHECK(half != NULL);
	network_free(half);
}

static unsigned as_many_as_go(size_t size)
{
	unsigned count = 0;

	while (count < MANY && (pieces[count].at = network_malloc(size)) != NULL) {
		pieces[count].size = 0;
		count++;
	}
	return count;
}

static void free_all(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		give_back(&pieces[i]);
}

/* Frames leave an eighth for others, and what is small leaves three quarters. */
static void bounds(void)
{
	unsigned count = as_many_as_go(FRAME);
	CHECK_EQ(count, 2 * MIB / 2048 * 7 / 8);
	void *small = network_malloc(64);
	CHECK(small != NULL);
	network_free(small);
	free_all(count);
	count = as_many_as_go(300);
	CHECK_EQ(count, 2 * MIB / 512 / 4);
	void *frame = network_malloc(FRAME);
	CHECK(frame != NULL);
	network_free(frame);
	free_all(count);
	CHECK(network_malloc(3 * MIB) == NULL);
	CHECK_EQ(in_use(), 0);
}

static void zeroed(void)
{
	static const uint8_t zeros[500];
	uint8_t *memory = network_malloc(sizeof(zeros));

	memset(memory, 0xa5, sizeof(zeros));
	network_free(memory);
	memory = network_calloc(5, 100);
	CHECK(memcmp(memory, zeros, sizeof(zeros)) == 0);
	network_free(memory);
}

/* ---- The checksum --------------------------------------------------------------------------------------- */

/* RFC 1071, section 4.1, in the machine's byte order. */
static uint16_t plain_sum(const uint8_t *data, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		uint8_t word[2] = { i % 2 == 0 ? data[i] : 0, i % 2 == 1 ? data[i] : 0 };
		uint16_t value;
		memcpy(&value, word, sizeof(value));
		sum += value;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void sums(void)
{
	static uint8_t data[2100], copy[2100];

	for (unsigned round = 0; round < 3000; round++) {
		size_t start = (size_t)rand() % 16, length = (size_t)rand() % 2000;
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = round % 3 == 0 ? 0xff : (uint8_t)rand();
		CHECK_EQ(network_checksum(data + start, (int)length),
			 plain_sum(data + start, length));
		/* And copied: so many bytes and no more. */
		size_t to = (size_t)rand() % 16;
		memset(copy, 0x5a, sizeof(copy));
		CHECK_EQ(network_checksum_copy(copy + to, data + start, length),
			 plain_sum(data + start, length));
		CHECK(memcmp(copy + to, data + start, length) == 0);
		CHECK_EQ(copy[to + length], 0x5a);
		CHECK(to == 0 || copy[to - 1] == 0x5a);
	}
	for (size_t length = 0; length < 40; length++)
		CHECK_EQ(network_checksum(data, (int)length), plain_sum(data, length));
}

/* ---- Acknowledgements ------------------------------------------------------------------------------------ */

/* From 10.0.0.2:5001 to 10.0.0.1:40000. */
static const uint8_t plain[ACKNOWLEDGE_BYTES] = {
	0x52, 0x54, 0,    0,    0, 1, 0x52, 0x54, 0,    0,    0,    2,    0x08, 0x00, /* Ethernet */
	0x45, 0,    0,    40,   0, 7, 0,    0,    255,  6,    0xaa, 0xbb, 10,   0,
	0,    2,    10,   0,    0, 1, /* IPv4 */
	0x13, 0x89, 0x9c, 0x40, 1, 2, 3,    4,    0xff, 0xff, 0xff, 0x00, 0x50, 0x10,
	0x80, 0,    0xcc, 0xdd, 0, 0,
};
enum { ID = 19, IP_SUM = 24, ACKNOWLEDGED = 42, WINDOW = 48, SUM = 50 };

/* One that comes behind it: so many bytes more. */
static void make_later(uint8_t *later, uint32_t more)
{
	uint32_t acknowledged = 0xffffff00u + more;

	memcpy(later, plain, sizeof(plain));
	later[ID]++;
	later[IP_SUM]--;
	later[WINDOW]++;
	later[SUM]++;
	for (unsigned i = 0; i < 4; i++)
		later[ACKNOWLEDGED + i] = (uint8_t)(acknowledged >> (24 - 8 * i));
}

static void later_acknowledgements(void)
{
	uint8_t later[ACKNOWLEDGE_BYTES];

	make_later(later, 1);
	CHECK(acknowledge_replaces(later, plain));
	make_later(later, 2920); /* beyond 2^32 */
	CHECK(acknowledge_replaces(later, plain));
	CHECK(!acknowledge_replaces(plain, later));
	make_later(later, 0); /* it tells of a loss */
	CHECK(!acknowledge_replaces(later, plain));
	make_later(later, 0x80000001);
	CHECK(!acknowledge_replaces(later, plain));
}

/* A byte of what makes them the same connection's, and nothing but acknowledgements, in either. */
static void other_frames(void)
{
	static const uint8_t free_bytes[] = { ID - 1, ID, 22, IP_SUM, IP_SUM + 1, SUM, SUM + 1 };
	uint8_t later[ACKNOWLEDGE_BYTES], earlier[ACKNOWLEDGE_BYTES];

	for (unsigned at = 0; at < ACKNOWLEDGED; at++) {
		bool is_free = at == 15; /* the class of service */
		for (unsigned i = 0; i < sizeof(free_bytes); i++)
			is_free |= at == free_bytes[i];
		make_later(later, 1460);
		later[at] ^= 0x08;
		CHECK_EQ(acknowledge_replaces(later, plain), is_free);
		make_later(later, 1460);
		memcpy(earlier, plain, sizeof(plain));
		earlier[at] ^= 0x08;
		CHECK_EQ(acknowledge_replaces(later, earlier), is_free);
	}
	for (unsigned flag = 0x01; flag <= 0x80; flag <<= 1) {
		make_later(later, 1460);
		later[47] ^= (uint8_t)flag; /* SYN, FIN, RST, PSH, … and without ACK */
		CHECK(!acknowledge_replaces(later, plain));
		memcpy(earlier, plain, sizeof(plain));
		earlier[47] ^= (uint8_t)flag;
		make_later(later, 1460);
		CHECK(!acknowledge_replaces(later, earlier));
	}
	make_later(later, 1460);
	later[46] = 0x60; /* options */
	CHECK(!acknowledge_replaces(later, plain));
}

int main(void)
{
	return check_run((struct check[]){ CHECK_CASE(none_at_first), CHECK_CASE(by_chance),
					   CHECK_CASE(bounds), CHECK_CASE(zeroed), CHECK_CASE(sums),
					   CHECK_CASE(later_acknowledgements),
					   CHECK_CASE(other_frames), CHECK_END });
}
