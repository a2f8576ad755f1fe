# SPDX-License-Identifier: BSD-2-Clause
#
# What U-Boot takes: uImage, FIT, boot script. By Debian's mkimage (u-boot-tools); without it `make`
# says that these are left out. And the way onto a board: by cable, by card. Included by the top
# Makefile.

MKIMAGE ?= mkimage
# Times inside the images: of the last commit, so that a build can be repeated bit for bit.
SOURCE_DATE_EPOCH ?= $(or $(if $(wildcard .git),$(shell git log -1 --format=%ct 2>/dev/null)),1700000000)
mkimage = SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(MKIMAGE)

UBOOT_IMAGES := $(O)/uImage $(O)/fanlight.itb $(O)/boot.scr
ifneq ($(shell command -v $(MKIMAGE)),)
all: $(UBOOT_IMAGES)
else
all: no-mkimage
endif

.PHONY: no-mkimage
no-mkimage:
	@echo "  no $(MKIMAGE) (u-boot-tools, see make deps): uImage, fanlight.itb and boot.scr are left out"

$(O)/uImage: $(O)/fanlight.zImage
	$(Q)$(mkimage) -A arm -O linux -T kernel_noload -C none -a 0 -e 0 -n Fanlight -d $< $@ >/dev/null

$(O)/obj/fanlight.its: tools/uboot/fanlight.its
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -nostdinc -undef -x assembler-with-cpp -o $@ $<

$(O)/fanlight.itb: $(O)/obj/fanlight.its $(O)/fanlight.zImage $(DTBS)
	$(Q)$(mkimage) -D '-I dts -O dtb -i $(O)' -f $< $@ >/dev/null

$(O)/boot.scr: tools/uboot/boot.cmd
	@mkdir -p $(@D)
	$(Q)$(mkimage) -A arm -O linux -T script -C none -n 'Fanlight boot script' -d $< $@ >/dev/null

# ---- onto a board ----

given = $(if $($(1)),$(2) '$($(1))')

.PHONY: load sdcard flash-board
load: deps
	$(if $(SERIAL),,$(error make load SERIAL=PORT BOARD=NAME: which port?))
	+@$(MAKE_QUIETLY) all BOARD=vexpress-a15
	@$(PYTHON) tools/load --build $(O) --board '$(BOARD)' --serial '$(SERIAL)' \
		$(call given,BAUD,--baud) $(call given,DTB,--dtb) $(call given,ARGS,--args) \
		$(call given,IMAGE_AT,--image-at) $(call given,DTB_AT,--dtb-at) \
		$(call given,MEM,--memory) $(call given,POWER,--power) $(call given,STOP,--stop) \
		$(call given,WAIT,--wait) $(call given,MAY_SKIP,--may-skip) $(if $(FORCE),--force)

sdcard: deps
	+@$(MAKE_QUIETLY) all BOARD=vexpress-a15
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(PYTHON) tools/card image --build $(O) \
		--board '$(BOARD)' $(call given,DTB,--dtb) $(call given,ARGS,--args) \
		$(call given,FS,--filesystem) $(if $(FORCE),--force)

flash-board:
	@$(PYTHON) tools/card flash --build $(O) --board '$(BOARD)' $(call given,DEVICE,--device) \
		$(call given,REALLY,--really) $(if $(filter 1,$(RUN_IT)),--run)
