# SPDX-License-Identifier: BSD-2-Clause
#
# make flash: the NOR flash of vexpress-a15, bootable from reset. A loader of its own, which is
# executed in flash, and two slots that tools/flashimage.py fills. Included by the top Makefile, whose
# compiler, flags and rule for arch/arm/maintain.S it shares.

comma := ,
FLASH_RAM ?= 2G
FLASH_B ?=
FLASH_DIR := boards/vexpress-a15/flash
FLASH_SRCS := $(addprefix $(FLASH_DIR)/,main.c port.c slot.c start.S) arch/arm/maintain.S \
	lib/crc32.c lib/div.c lib/mem.c lib/printf.c lib/string.c
FLASH_OBJS := $(addprefix $(O)/flash/,$(addsuffix .o,$(basename $(FLASH_SRCS))))
FLASH_LOADER := $(O)/flash/vexpress-a15
FLASH_IMG := $(O)/vexpress-a15-flash.img
# The MMU is off: every access is to Strongly-ordered memory, so none may be unaligned (A3.2.1).
# Nothing is counted either: it has no variables.
FLASH_CFLAGS = $(CFLAGS) -O2 -mno-unaligned-access -fno-unwind-tables -UCONFIG_COUNT -DCONFIG_COUNT=0

$(O)/flash/%.o: %.c $(O)/flags $(ASM_OFFSETS) $(FLASH_DIR)/flash.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $@")
	$(Q)$(CC) $(FLASH_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/flash/%.o: %.S $(O)/flags $(ASM_OFFSETS) $(FLASH_DIR)/flash.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AS   $@")
	$(Q)$(CC) $(FLASH_CFLAGS) -MMD -MP -c -o $@ $<

# The ELF is for a debugger.
$(FLASH_LOADER): $(FLASH_OBJS) $(FLASH_DIR)/flash.lds
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(LD) $(ARCHFLAGS) $(filter-out -Wl$(comma)--build-id%,$(LDFLAGS)) -T $(FLASH_DIR)/flash.lds -o $@ $(FLASH_OBJS)

$(FLASH_LOADER).bin: $(FLASH_LOADER)
	$(Q)$(CROSS)objcopy -O binary $< $@

.PHONY: flash flash-loader
flash-loader: $(FLASH_LOADER).bin

# Always made anew, for it depends on what make was told; it is the same when that is the same.
flash: $(FLASH_LOADER).bin $(O)/fanlight.zImage $(O)/vexpress-a15.dtb
	$(if $(filter vexpress-a15,$(BOARD)),,$(error make flash: BOARD=$(BOARD) has no flash that we know; vexpress-a15 has))
	@$(PYTHON) tools/flashimage.py --loader $< --kernel $(O)/fanlight.zImage --dtb $(O)/vexpress-a15.dtb \
		$(if $(FLASH_B),--kernel-b '$(FLASH_B)') --ram '$(FLASH_RAM)' --append '$(ARGS)' --output $(FLASH_IMG)
	@echo "  Only made: nothing was written to a flash. To start it from reset, with the RAM that it was told:"
	@echo "  qemu-system-aarch64 -M vexpress-a15 -m $(FLASH_RAM) -smp 4 -nographic -no-reboot" \
		"-drive if=pflash,index=0,format=raw,file=$(FLASH_IMG)"

-include $(FLASH_OBJS:.o=.d)
