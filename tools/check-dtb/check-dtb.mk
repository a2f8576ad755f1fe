# SPDX-License-Identifier: BSD-2-Clause
#
# make check-dtb: the kernel's own reading of a device tree, on this machine, under ASan and UBSan.
# One program per split, for the split is a constant of the kernel. Included by the top Makefile
# behind tests/host/host.mk, whose compiler and objects it shares.

CHECK_DTB_C := $(addprefix tools/check-dtb/,console.c devices.c kernel.c main.c memory.c report.c)
CHECK_DTB_KERNEL := kernel/memory.c mm/lowmem.c mm/memblock.c
CHECK_DTB := $(addprefix $(O)/host/check-dtb-,3g 2g 1g)
# The kernel's own barriers and the like, which the host never executes; %llx and the host's long.
CHECK_DTB_CFLAGS = $(subst -I tests/host/include ,,$(HOST_CFLAGS)) -Wno-format \
	-DCONFIG_VMSPLIT=$(1)
check_dtb_obj = $(patsubst %.c,$(O)/host/check-dtb/$(1)g/%.o,$(2))

# $(1): how many GiB are the user's.
define check_dtb_prog
$(O)/host/check-dtb-$(1)g: $(call check_dtb_obj,$(1),$(CHECK_DTB_C) $(CHECK_DTB_KERNEL)) \
		$(call host_obj,$(HOST_LIB))
	$$(call host_say,LD)
	$(Q)$$(HOSTCC) $$(HOST_CFLAGS) -o $$@ $$^

$(O)/host/check-dtb/$(1)g/tools/%.o: tools/%.c tools/check-dtb/check-dtb.mk
	@mkdir -p $$(@D)
	$$(call host_say,CC)
	$(Q)$$(HOSTCC) $$(call CHECK_DTB_CFLAGS,$(1)) -iquote tests/host/include -MMD -MP -c -o $$@ $$<

$(O)/host/check-dtb/$(1)g/%.o: %.c tools/check-dtb/check-dtb.mk
	@mkdir -p $$(@D)
	$$(call host_say,CC)
	$(Q)$$(HOSTCC) $$(call CHECK_DTB_CFLAGS,$(1)) -include tests/host/include/rename.h -MMD -MP -c -o $$@ $$<
endef
$(foreach split,3 2 1,$(eval $(call check_dtb_prog,$(split))))

host-tests: $(CHECK_DTB)

.PHONY: check-dtb
check-dtb: $(O)/host/check-dtb-$(VMSPLIT)
	$(if $(DTB),,$(error make check-dtb DTB=FILE: which device tree?))
	@$(PYTHON) tools/check-dtb/check-dtb --program $< $(if $(JSON),--json) \
		$(if $(IMAGE),--image '$(IMAGE)') $(if $(ARGS),--append '$(ARGS)') '$(DTB)'

-include $(sort $(wildcard $(O)/host/check-dtb/*/*/*.d $(O)/host/check-dtb/*/*/*/*.d))
