# SPDX-License-Identifier: BSD-2-Clause
# The pictures of docs/rings.md: drawn from a run of the rings as they are.

RING_SCENES = $(O)/tests/ring_scenes
$(RING_SCENES): tools/rings/scenes.c $(RINGS) $(RING_DEVICE) $(HOST_HEADERS) | need-test
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 $(WARNINGS) -g -O1 -I. -Itests/host -o $@ $(filter %.c,$^)

rings-pictures: $(RING_SCENES) ## draw docs/rings-*.svg from a run of the rings
	@for format in split packed; do \
	$(RING_SCENES) $$format | tools/rings/draw.py $$format >$(or $(INTO),docs)/rings-$$format.svg; done

.PHONY: rings-pictures
