# SPDX-License-Identifier: BSD-2-Clause
#
# Host unit tests: the kernel's pure code, compiled from the very same sources under
# ASan and UBSan. Included by the top Makefile, which defines O. To add one: put its name
# into HOST_TESTS, and name the sources it tests in host_src_<name>; lib/ is always linked.
#
#	make host-tests		builds all programs and their device trees
#	make host-corpus	fetches the device trees of the corpus, once (may fail: tests then skip)
#
# They are run by tests/host/test_host.py, or one by one: $(O)/host/test_fdt [--list | NAME].

HOSTCC ?= cc
DTC ?= dtc
HOST_CORPUS ?= $(O)/cache/dtbs

HOST_TESTS := bootargs console_find crc32 div fdt fdt_corpus fdt_edit fdt_irq fdt_mutate flash_slot inflate ktap list log ns16550 printf ram_alias samsung_uart string words ymodem
# Tests of higher floors, as they appear.
HOST_TESTS += $(patsubst tests/host/test_%.c,%,$(sort $(wildcard $(addprefix tests/host/test_, \
	buddy.c memblock.c ranges.c slab.c va_space.c))))

host_src_buddy := mm/buddy.c
host_src_log := kernel/log.c
host_src_memblock := mm/memblock.c
host_src_ranges := kernel/memtest/ranges.c
host_src_slab := mm/slab.c
host_src_va_space := mm/va_space.c
host_src_console_find := tests/host/blob.c
host_src_fdt := tests/host/blob.c
host_src_fdt_corpus := tests/host/blob.c
host_src_fdt_edit := tests/host/blob.c
host_src_fdt_irq := tests/host/blob.c
host_src_fdt_mutate := tests/host/blob.c tests/host/fdt_walk.c
host_src_flash_slot := boards/vexpress-a15/flash/slot.c
host_src_ns16550 := drivers/ns16550.c
host_src_samsung_uart := drivers/samsung_uart.c
host_src_ram_alias := tests/host/blob.c
host_src_ymodem := tests/host/ymodem_line.c
host_libs_fdt_corpus := -lfdt
host_libs_fdt_edit := -lfdt
host_libs_inflate := -lz

HOST_LIB := lib/bootargs.c lib/console_find.c lib/crc32.c lib/div.c lib/fdt.c lib/fdt_addr.c \
	lib/fdt_edit.c lib/fdt_find.c lib/fdt_irq.c lib/inflate.c lib/ktap.c lib/machine.c lib/mem.c lib/printf.c lib/ram_alias.c lib/string.c lib/words.c \
	lib/ymodem.c

HOST_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra -Werror \
	-I tests/host/include -I include -I arch/arm/include -include tests/host/include/host.h

# A short line for each step, unless V=1 (Q is the top Makefile's) shows the whole.
host_say = $(if $(Q),@echo "  HOST$(1) $@")
host_obj = $(patsubst %.c,$(O)/host/obj/%.o,$(1))
HOST_LIB_OBJS := $(call host_obj,$(HOST_LIB) tests/host/check.c)
HOST_PROGS := $(addprefix $(O)/host/test_,$(HOST_TESTS))
HOST_DTBS := $(patsubst tests/host/dts/%.dts,$(O)/host/dts/%.dtb,$(sort $(wildcard tests/host/dts/*.dts)))

.PHONY: host-tests host-corpus
host-tests: $(HOST_PROGS) $(HOST_DTBS) $(O)/host/ram_alias.so $(O)/host/barriers.so
host-corpus:
	-tools/fetch-linux.sh $(HOST_CORPUS)

# One rule per program, for each has its own sources under test.
define host_prog
$(O)/host/test_$(1): $(call host_obj,tests/host/test_$(1).c $(host_src_$(1))) $(HOST_LIB_OBJS)
	$$(call host_say,LD)
	$(Q)$$(HOSTCC) $$(HOST_CFLAGS) -o $$@ $$^ $$(host_libs_$(1))
endef
$(foreach t,$(HOST_TESTS),$(eval $(call host_prog,$(t))))

# The tests themselves see the host's names, the code under test its own.
$(O)/host/obj/tests/host/%.o: tests/host/%.c tests/host/host.mk
	@mkdir -p $(@D)
	$(call host_say,CC)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/host/obj/%.o: %.c tests/host/host.mk
	@mkdir -p $(@D)
	$(call host_say,CC)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -include tests/host/include/rename.h -MMD -MP -c -o $@ $<

# For QEMU, not for us: without sanitizers.
$(O)/host/ram_alias.so $(O)/host/barriers.so: $(O)/host/%.so: tests/system/%.c tests/host/host.mk
	@mkdir -p $(@D)
	$(call host_say,LD)
	$(Q)$(HOSTCC) -std=gnu11 -O1 -fPIC -shared -Wall -Wextra -Werror -o $@ $< -ldl

# old.dts is compiled to version 16, which has no size_dt_struct.
$(O)/host/dts/%.dtb: tests/host/dts/%.dts tests/host/host.mk
	@mkdir -p $(@D)
	$(Q)$(DTC) -q -I dts -O dtb $(if $(filter old,$*),-V 16) -o $@ $<

-include $(sort $(wildcard $(O)/host/obj/*/*.d $(O)/host/obj/*/*/*.d $(O)/host/obj/*/*/*/*.d))
