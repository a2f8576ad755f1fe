# SPDX-License-Identifier: BSD-2-Clause
#
# make dist: the images, every board's device tree, sums and a how-to in one archive that is the same
# byte for byte wherever it is made from the same sources. Included by the top Makefile behind the
# fragments that make images: what they define goes in.

DIST ?= $(O)
DIST_IMAGES = $(O)/fanlight $(O)/fanlight.zImage $(UBOOT_IMAGES) $(FLASH_IMG) $(DTBS) $(STREAM_KIT)
# Of the last commit, if this folder is the repository's: not of one that happens to lie around it.
DIST_GIT = $(or $(shell git $(1) 2>/dev/null),$(error make dist: git does not answer here: give DIST_VERSION= and SOURCE_DATE_EPOCH=))
DIST_VERSION ?= $(if $(wildcard .git),$(call DIST_GIT,describe --tags --always --dirty --abbrev=12),unversioned)
SOURCE_DATE_EPOCH ?= $(if $(wildcard .git),$(call DIST_GIT,log -1 --format=%ct),1700000000)

# U-Boot's images hold a time, so another commit makes them anew.
ifneq ($(UBOOT_IMAGES),)
$(UBOOT_IMAGES): $(O)/epoch
endif
$(O)/epoch: FORCE
	@mkdir -p $(@D)
	@echo '$(SOURCE_DATE_EPOCH)' | cmp -s - $@ || echo '$(SOURCE_DATE_EPOCH)' >$@

# The stream kit, with the protocol: other harnesses need nothing else of ours.
STREAM_KIT := $(O)/stream-kit.tar
STREAM_KIT_FILES := LICENSE docs/serial-protocol.md \
	$(sort $(wildcard $(addprefix tests/streams/,*.bin *.md *.py *.toml)))
$(STREAM_KIT): $(STREAM_KIT_FILES) tools/dist/dist.mk
	@mkdir -p $(@D)
	$(Q)tar --create --file=$@ --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 \
		--mode=u=rwX,go=rX --transform='s,^,stream-kit/,' $(STREAM_KIT_FILES)

.PHONY: dist stream-kit
stream-kit: $(STREAM_KIT)

dist: deps
	$(if $(filter-out 3g,$(VMSPLIT))$(filter 1,$(DEBUG) $(COUNT) $(UBSAN)),$(error make dist: the release build only, without VMSPLIT=, DEBUG=1 and the like))
	+@$(MAKE_QUIETLY) all flash stream-kit BOARD=vexpress-a15 FLASH_RAM=2G FLASH_B= ARGS=
	@mkdir -p $(DIST)
	@$(PYTHON) tools/dist --version '$(DIST_VERSION)' --epoch $(SOURCE_DATE_EPOCH) --never '$(CURDIR)' \
		--never '$(abspath $(O))' --out $(DIST) $(DIST_IMAGES)
