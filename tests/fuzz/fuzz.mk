# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzers: what reads bytes that nobody vouches for, under libFuzzer, ASan and UBSan of Debian's
# clang. Included by the top Makefile. To add one: its name into FUZZ_TARGETS, the sources it tests
# into fuzz_src_<name> (lib/ is always linked), and a folder with a few inputs, corpus/<name>/.
#
#	make fuzz-tests			builds all of them
#	make fuzz TARGET=fdt TIME=60	seconds; what it finds new stays in build/fuzz/corpus/<target>/
#
# tests/fuzz/test_fuzz.py runs each for a fixed number of inputs. The host's own readers, which are
# Python, are targets too: of tests/fuzz/mutate.py.

FUZZCC ?= clang
FUZZ_TARGETS := bootargs fdt handover image inflate memory memtest monitor ranges slot ymodem
FUZZ_READERS := dump judge lava said sender

fuzz_src_fdt := tests/host/fdt_walk.c
fuzz_src_handover := kernel/memtest/again.c mm/memblock.c tests/fuzz/machine.c
fuzz_src_image := kernel/reenter_image.c mm/memblock.c tests/fuzz/machine.c
fuzz_src_memory := kernel/memory.c mm/lowmem.c mm/memblock.c tests/fuzz/machine.c
fuzz_src_memtest := kernel/memtest/words.c
fuzz_src_monitor := kernel/monitor/command.c kernel/monitor/line.c
fuzz_src_ranges := kernel/memtest/ranges.c
fuzz_src_slot := boards/vexpress-a15/flash/slot.c
fuzz_libs_fdt := -lfdt
fuzz_libs_inflate := -lz

FUZZ_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -Wall -Wextra -Werror \
	-DCONFIG_VMSPLIT=3 -I tests/fuzz/include -I tests/host/include -I include -I arch/arm/include \
	-include tests/host/include/host.h
# The kernel's formats are its own compiler's to check: the host's u64 is no long long.
FUZZ_KERNEL_CFLAGS := -include tests/host/include/rename.h -Wno-format

fuzz_obj = $(patsubst %.c,$(O)/fuzz/obj/%.o,$(1))
FUZZ_LIB_OBJS := $(call fuzz_obj,$(HOST_LIB) tests/fuzz/fuzz.c)
FUZZ_PROGS := $(addprefix $(O)/fuzz/fuzz_,$(FUZZ_TARGETS))

.PHONY: fuzz fuzz-tests
fuzz-tests: $(FUZZ_PROGS)

TIME ?= 60
ifneq ($(filter fuzz,$(MAKECMDGOALS)),)
ifeq ($(filter $(subst $() ,_,$(TARGET)),$(FUZZ_TARGETS) $(FUZZ_READERS)),)
$(error make fuzz: TARGET=$(TARGET): one of: $(FUZZ_TARGETS); on the host: $(FUZZ_READERS))
endif
ifneq ($(shell printf '%s' '$(subst ','\'',$(TIME))' | grep -cx '[1-9][0-9]*'),1)
$(error make fuzz: TIME=$(TIME): seconds)
endif
endif
fuzz: $(if $(filter $(TARGET),$(FUZZ_TARGETS)),$(O)/fuzz/fuzz_$(TARGET))
	@mkdir -p $(O)/fuzz/corpus/$(TARGET)
	@$(PYTHON) $(if $^,tests/fuzz/run.py $(O)/fuzz $(TARGET) -max_total_time=$(TIME) -print_final_stats=1,\
		tests/fuzz/mutate.py $(TARGET) --time $(TIME) --out $(O)/fuzz)

define fuzz_prog
$(O)/fuzz/fuzz_$(1): $(call fuzz_obj,tests/fuzz/fuzz_$(1).c $(fuzz_src_$(1))) $(FUZZ_LIB_OBJS)
	$$(if $(Q),@echo "  FUZZLD $$@")
	$(Q)$$(FUZZCC) -fsanitize=fuzzer,address,undefined -o $$@ $$^ $$(fuzz_libs_$(1))
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_prog,$(t))))

# The targets themselves see the host's names, the code under test its own.
$(O)/fuzz/obj/tests/fuzz/%.o: tests/fuzz/%.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  FUZZ $<")
	$(Q)$(FUZZCC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/fuzz/obj/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  FUZZ $<")
	$(Q)$(FUZZCC) $(FUZZ_CFLAGS) $(FUZZ_KERNEL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(sort $(wildcard $(O)/fuzz/obj/*/*.d $(O)/fuzz/obj/*/*/*.d $(O)/fuzz/obj/*/*/*/*.d))
