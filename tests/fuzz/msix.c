/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a PCI function's MSI-X capability and table (drivers/pci/msix.c), in a BAR that may be
 * too short for it, with registers that may not keep what they are told.
 */
#include "lib/error.h"
#include "tests/fuzz/pci_function.h"

static void one_step(struct input *input)
{
	struct pci_function *function = &made.function;
	unsigned what = (unsigned)take(input, 1);
	unsigned index = (unsigned)take(input, 2) % function->msix_count;
	struct vport_msi msi = { take(input, 8), (uint32_t)take(input, 4) };
	int error;

	switch (what % 3) {
	case 0:
		error = pci_msix_set(function, index, &msi);
		FUZZ_CHECK(error == 0 || error == ERR_IO);
		FUZZ_CHECK(error == 0 || made.kept != UINT32_MAX);
		break;
	case 1:
		pci_msix_mask(function, index);
		break;
	case 2:
		error = pci_msix_enable(function, what & 128);
		FUZZ_CHECK(error == 0 || error == ERR_IO);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	make_function(&input);
	if (pci_function_init(&made.function) != 0)
		return 0;
	pci_bars_read(&made.function);
	int error = pci_msix_init(&made.function, NULL);
	FUZZ_CHECK((error == 0) == (made.function.msix_count > 0));
	for (unsigned i = 0; i < 32 && made.function.msix_count > 0 && input.left > 0; i++)
		one_step(&input);
	free_mappings();
	return 0;
}
