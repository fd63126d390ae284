/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs in the redistributor (Arm IHI 0069, 5.1): a table of one byte for each says how it is configured,
 * and every redistributor has memory in which it keeps what is pending.
 *
 *     make run ARCH=aarch64 GIC=3 TRANSPORT=pci
 */
#include "arch/aarch64/gic.h"
#include "arch/aarch64/its.h"
#include "arch/aarch64/sysreg.h"
#include "lib/error.h"

#define GICR_CTLR 0x0000
#define GICR_CTLR_LPIS (1 << 0)
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078

/* Inner write-back, inner-shareable; the outer cacheability is that of the inner one. */
#define GICR_MEMORY ((UINT64_C(7) << 7) | (UINT64_C(1) << 10))
#define PENDBASER_ZEROED (UINT64_C(1) << 62)

#define ID_BITS 14 /* the fewest that there can be when there are LPIs: 8192 of them */
#define CONFIG_SIZE ((1 << ID_BITS) - INTID_LPI)
#define PENDING_SIZE ((1 << ID_BITS) / 8)
#define PENDING_ALIGN 0x10000

#define CONFIG_PRIORITY 0xa0
#define CONFIG_ENABLED 1

_Static_assert(LPI_COUNT <= CONFIG_SIZE, "every LPI that has a slot has a configuration");

static uint8_t *config; /* one for all redistributors */

int lpi_init(void)
{
	uintptr_t base = gicv3_redistributors[arch_cpu()->id].base;
	if (gicv3_id_bits() < ID_BITS)
		return ERR_UNSUPPORTED;
	/* Once they are on, a redistributor's tables cannot be changed any more. */
	if (mmio_read32(base + GICR_CTLR) & GICR_CTLR_LPIS)
		return ERR_BUSY;
	if (config == NULL)
		config = its_alloc(CONFIG_SIZE, 0);
	void *pending = its_alloc(PENDING_SIZE, PENDING_ALIGN);
	if (config == NULL || pending == NULL)
		return ERR_NOMEM;
	its_write64(base + GICR_PROPBASER, its_phys(config) | GICR_MEMORY | (ID_BITS - 1));
	its_write64(base + GICR_PENDBASER, its_phys(pending) | GICR_MEMORY | PENDBASER_ZEROED);
	mmio_write32(base + GICR_CTLR, mmio_read32(base + GICR_CTLR) | GICR_CTLR_LPIS);
	dsb(sy);
	return mmio_read32(base + GICR_CTLR) & GICR_CTLR_LPIS ? 0 : ERR_IO;
}

void lpi_enable(unsigned lpi, bool on)
{
	config[lpi] = CONFIG_PRIORITY | (on ? CONFIG_ENABLED : 0);
	its_clean(&config[lpi], 1);
}
