# SPDX-License-Identifier: BSD-2-Clause
#
# What U-Boot takes: uImage, FIT, boot script. By Debian's mkimage (u-boot-tools); without it `make`
# says that these are left out. Included by the top Makefile.

MKIMAGE ?= mkimage
# Times inside the images: of the last commit, so that a build can be repeated bit for bit.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),1700000000)
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
