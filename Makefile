# SPDX-License-Identifier: BSD-2-Clause
#
# Fanlight's one Makefile, not recursive but for the variants that tests need.
# `make help` tells all of it.

BOARD ?= vexpress-a15
O ?= build
VMSPLIT ?= 3g
DEBUG ?= 0
COUNT ?= 0
UBSAN ?= 0
COMPILER ?= gcc
MUTANT ?=
NO_INSTALL ?= 0
V ?= 0
CROSS ?= arm-none-eabi-
PYTHON := /usr/bin/python3

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
Q := $(if $(filter 1,$(V)),,@)

ifneq ($(filter-out 3g 2g 1g,$(VMSPLIT)),)
$(error VMSPLIT=$(VMSPLIT): 3g, 2g or 1g)
endif
ifneq ($(filter-out gcc clang,$(COMPILER)),)
$(error COMPILER=$(COMPILER): gcc or clang)
endif
$(foreach v,DEBUG COUNT UBSAN,$(if $(filter x0 x1,x$(subst $() ,_,$($(v)))),,$(error $(v)=$($(v)): 0 or 1)))
ifeq ($(wildcard boards/$(BOARD)/),)
$(error BOARD=$(BOARD): there is no boards/$(BOARD)/)
endif

# ---- sources, sorted; each in one list ----

# Runs before the MMU too: position-independent, no unaligned accesses; and on CPUs without LPAE,
# to refuse them: no instruction that only newer ones have.
PIC_SRCS := arch/arm/early_print.c arch/arm/early_tables.c arch/arm/io.c lib/bootargs.c lib/console_find.c \
	lib/fdt.c lib/fdt_addr.c lib/fdt_find.c lib/mem.c lib/ram_alias.c lib/string.c

LIB_SRCS := lib/crc32.c lib/div.c lib/failalloc.c lib/fdt_edit.c lib/fdt_irq.c lib/inflate.c lib/interleave.c lib/ktap.c lib/machine.c lib/printf.c lib/symtab.c lib/words.c lib/ymodem.c
ARCH_SRCS := arch/arm/copypage.S arch/arm/fault.c arch/arm/head.S arch/arm/leave.S arch/arm/maintain.S arch/arm/memcpy.S \
	arch/arm/probe.S arch/arm/record.c arch/arm/secondary.S arch/arm/setup.c arch/arm/smp.c arch/arm/spinlock.c arch/arm/sweep.S arch/arm/switch.S \
	arch/arm/thumb.c arch/arm/trap.c arch/arm/unwind.c arch/arm/vectors.S arch/arm/walk.c
MM_SRCS := mm/area_pages.c mm/bigwin.c mm/buddy.c mm/directmap.c mm/discipline.c mm/fdtmap.c mm/highmem.c mm/image_late.c mm/lowmem.c mm/memblock.c mm/page.c \
	mm/page_alloc.c mm/page_type.c mm/pgtable.c mm/pkmap.c mm/pkmap_query.c mm/pkmap_wait.c mm/shadow.c mm/slab.c \
	mm/va_space.c mm/vm_area.c mm/vmalloc.c mm/walk_check.c
ifeq ($(DEBUG),1)
MM_SRCS += mm/kmap_debug.c
endif
KERNEL_SRCS := kernel/balance.c kernel/console.c kernel/console_input.c kernel/errata.c kernel/events.c kernel/irq.c kernel/log.c kernel/main.c \
	kernel/memory.c kernel/memory_baseline.c kernel/memory_start.c kernel/mutex.c kernel/oops.c kernel/panic.c kernel/power.c \
	kernel/pristine.c \
	kernel/reenter.c kernel/reenter_image.c kernel/report.c kernel/sched.c kernel/smp.c kernel/smp_leave.c kernel/smp_start.c kernel/story.c kernel/thread.c kernel/time.c kernel/wait.c kernel/watchdog.c \
	kernel/whereis.c
MONITOR_SRCS := kernel/monitor/command.c kernel/monitor/cpus.c kernel/monitor/do.c kernel/monitor/dump.c kernel/monitor/line.c kernel/monitor/load.c kernel/monitor/look.c \
	kernel/monitor/make.c kernel/monitor/monitor.c kernel/monitor/opened.c kernel/monitor/owners.c \
	kernel/monitor/phys.c kernel/monitor/tables.c kernel/monitor/trace.c
MEMTEST_SRCS := kernel/memtest/again.c kernel/memtest/all.c kernel/memtest/engine.c kernel/memtest/options.c kernel/memtest/output.c kernel/memtest/passes.c \
	kernel/memtest/patterns.c kernel/memtest/ranges.c kernel/memtest/words.c
DRIVER_SRCS := drivers/arch_timer.c drivers/gic.c drivers/ns16550.c drivers/pl011.c drivers/psci.c \
	drivers/samsung_uart.c drivers/sp805.c drivers/vexpress_sysreg.c
# Linked by the builds that have what they test.
DEBUG_TESTS := $(addprefix tests/kernel/,refuse.c takers.c test_failalloc.c test_failalloc_stress.c)
TEST_SRCS := $(filter-out $(if $(filter 1,$(UBSAN)),,%/fatal_ubsan.c) $(if $(filter 1,$(DEBUG)),,$(DEBUG_TESTS)), \
	$(sort $(wildcard tests/kernel/*.c tests/kernel/mmu/*.c tests/kernel/mmu/*.S)))

# ---- flags ----

CC := $(CROSS)gcc
LD := $(CROSS)gcc
SPLIT_GIB := $(VMSPLIT:g=)
DEFINES := -DCONFIG_VMSPLIT=$(SPLIT_GIB) -DCONFIG_DEBUG=$(DEBUG) -DCONFIG_COUNT=$(COUNT)
# O may be a whole path: the same flags, or all would be built anew.
INCLUDES := -I include -I arch/arm/include -I $(O:$(CURDIR)/%=%)/include
ARCHFLAGS := -march=armv7ve -mthumb -mgeneral-regs-only -mfloat-abi=soft -mlittle-endian
WARNINGS := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wundef \
	-Wvla
CFLAGS := -std=gnu11 -g -ffreestanding -fno-common -fno-strict-aliasing \
	-fno-delete-null-pointer-checks -funwind-tables -fno-asynchronous-unwind-tables \
	-ffunction-sections -fdata-sections \
	-fno-tree-loop-distribute-patterns -fmacro-prefix-map=$(CURDIR)/= \
	-fdebug-prefix-map=$(CURDIR)=. $(ARCHFLAGS) $(WARNINGS) $(INCLUDES) $(DEFINES)
PICFLAGS := -march=armv7-a -fpie -mno-unaligned-access -include arch/arm/pic.h
# Undefined behaviour is reported, and the end: arch/arm/ubsan.c. Alignment is asked for only where
# it counts, in what runs before the MMU too. Elsewhere hardware does what is unaligned, and faults
# where it does not (LDRD, LDREX); and a list's iterator ends on an address where no entry is.
ifeq ($(UBSAN),1)
CFLAGS += -fsanitize=undefined -fno-sanitize-recover=all -fno-sanitize=alignment
PICFLAGS += -fsanitize=alignment
PIC_SRCS += arch/arm/ubsan.c
$(O)/obj/arch/arm/ubsan.o: private EXTRA += -fno-sanitize=all
endif
# What is measured: -O2; or, where that is enough to stay within the targets, small but for what
# include/types.h says is inline there. All else only has to be small.
HOT_SRCS := mm/area_pages.c mm/pkmap.c mm/slab.c mm/vm_area.c mm/vmalloc.c tests/kernel/bench.c
WARM_SRCS := arch/arm/spinlock.c kernel/sched.c mm/buddy.c mm/highmem.c mm/page_alloc.c tests/kernel/bench_smp.c
code = $(if $(filter $(HOT_SRCS),$(1)),$(FAST),$(SMALL) $(if $(filter $(WARM_SRCS),$(1)),-U__OPTIMIZE_SIZE__))
# What is to be inlined says so.
FAST := -O2 -falign-functions=2 -falign-loops=1 -falign-jumps=1 -falign-labels=1 -fno-inline-functions -fno-inline-small-functions
SMALL := -Os -fno-jump-tables -fno-move-loop-invariants -fno-tree-pre -fno-code-hoisting -fno-tree-sink \
	-fno-schedule-insns2 -fno-tree-loop-ivcanon -fno-inline-small-functions -fipa-pta
# An allocation is told by the call it is made by: none is a jump.
ifeq ($(DEBUG),1)
CFLAGS += -fno-optimize-sibling-calls
endif
# All that differs for clang. It has no -mgeneral-regs-only on this target, nor these optimizations'
# names, and no attribute no_reorder: it never reorders. `-meabi gnu`: calls of memcpy, not of
# __aeabi_memcpy. DWARF 4: addresses stand where they are used, for tools/ptread. The linker is
# GNU's all the same: the very script that the release is linked by.
ifeq ($(COMPILER),clang)
CC := clang --target=arm-none-eabi
CFLAGS := $(filter-out -mgeneral-regs-only -fno-tree-loop-distribute-patterns,$(CFLAGS)) -meabi gnu \
	-gdwarf-4 -fomit-frame-pointer -Wno-unknown-attributes -Wno-pass-failed
FAST := -O2
SMALL := -Os -fno-jump-tables
endif
LDFLAGS := -nostdlib -static -Wl,--build-id=sha1 -Wl,--gc-sections -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments -Wl,--fatal-warnings

# ---- objects ----

SRCS := $(PIC_SRCS) $(LIB_SRCS) $(ARCH_SRCS) $(MM_SRCS) $(KERNEL_SRCS) $(MONITOR_SRCS) $(MEMTEST_SRCS) $(DRIVER_SRCS) $(TEST_SRCS)
OBJS := $(addprefix $(O)/obj/,$(addsuffix .o,$(basename $(SRCS))))
PIC_OBJS := $(addprefix $(O)/obj/,$(addsuffix .o,$(basename $(PIC_SRCS))))
IMAGES := $(O)/fanlight $(O)/fanlight.zImage $(patsubst boards/%.dts,$(O)/%.dtb,$(notdir $(wildcard boards/$(BOARD)/*.dts)))
DTBS := $(patsubst %,$(O)/%.dtb,$(basename $(notdir $(wildcard boards/*/*.dts))))

.PHONY: all
all: $(O)/fanlight $(O)/fanlight.zImage $(DTBS)

# A change of any flag rebuilds what depends on it.
# This folder's own name is no part of them: what is built has it mapped away.
FLAGS_NOW := $(subst $(CURDIR),,$(CC) $(LD) $(CFLAGS) $(PICFLAGS) $(FAST) $(SMALL) $(HOT_SRCS) $(WARM_SRCS) $(LDFLAGS) $(SRCS))
$(O)/flags: FORCE
	@mkdir -p $(O)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' >$@
.PHONY: FORCE
FORCE:

ASM_OFFSETS := $(O)/include/asm-offsets.h
$(ASM_OFFSETS): arch/arm/asm-offsets.c $(O)/flags
	@mkdir -p $(@D) $(O)/obj
	$(Q)$(CC) $(CFLAGS) -g0 -MMD -MP -MT $@ -MF $(O)/obj/asm-offsets.d -S -o $(O)/obj/asm-offsets.s $<
	$(Q)sed -n 's/.*\.ascii[ \t]"->\([A-Z0-9_]*\) #\{0,1\}\(.*\)"/#define \1 \2/p' $(O)/obj/asm-offsets.s >$@

$(PIC_OBJS): EXTRA := $(PICFLAGS)
$(O)/obj/tests/kernel/bench_smp.o: EXTRA := -marm

$(O)/obj/%.o: %.c $(O)/flags $(ASM_OFFSETS)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $<")
	$(Q)$(CC) $(CFLAGS) $(call code,$<) $(EXTRA) -MMD -MP -c -o $@ $<

$(O)/obj/%.o: %.S $(O)/flags $(ASM_OFFSETS)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AS   $<")
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/fanlight.lds: arch/arm/fanlight.lds.S $(ASM_OFFSETS)
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp -I $(O)/include -o $@ $<

# Linked twice: the symbol table for backtraces comes from the first link. It stands behind
# the text, so it moves nothing that it names. So does the room for what is packed.
link = $(LD) $(ARCHFLAGS) $(LDFLAGS) -T $(O)/obj/fanlight.lds -Wl,--defsym,packed_bytes=$(1) -o $@ $(filter %.o,$^)

$(O)/obj/symtab-empty.S: tools/symtab.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) $< --empty >$@

$(O)/obj/fanlight.first: $(OBJS) $(O)/obj/symtab-empty.o $(O)/obj/fanlight.lds
	$(Q)$(call link,1)

$(O)/obj/symtab.S: $(O)/obj/fanlight.first tools/symtab.py
	$(Q)($(CROSS)nm -n $<; $(CROSS)readelf -u $<) | $(PYTHON) tools/symtab.py >$@

$(O)/obj/symtab-empty.o $(O)/obj/symtab.o: %.o: %.S
	$(Q)$(LD) $(ARCHFLAGS) -c -o $@ $<

$(O)/obj/packed-bytes: $(O)/obj/fanlight.first tools/pack.py
	$(Q)$(PYTHON) tools/pack.py --cross $(CROSS) --bytes $< >$@

$(O)/obj/fanlight.linked: $(OBJS) $(O)/obj/symtab.o $(O)/obj/packed-bytes $(O)/obj/fanlight.lds
	$(if $(Q),@echo "  LD   $(O)/fanlight")
	$(Q)$(call link,$$(cat $(O)/obj/packed-bytes))

$(O)/fanlight: $(O)/obj/fanlight.linked tools/pack.py
	$(Q)$(PYTHON) tools/pack.py --cross $(CROSS) $< -o $@

$(O)/fanlight.zImage: $(O)/fanlight
	$(Q)$(CROSS)objcopy -O binary -R .late.text -R .late.rodata -R .late.bss -R .pte_writes -R .comment $< $@
	@echo "  $@: $$(stat -c %s $@) bytes"

vpath %.dts $(sort $(wildcard boards/*))
$(O)/%.dtb: %.dts
	@mkdir -p $(@D)
	$(Q)dtc -q -I dts -O dtb -o $@ $<
$(O)/k2e-evm.dtb $(O)/k2hk-evm.dtb: boards/keystone2/keystone2.dtsi

# ---- what people type ----

RUNNER := $(PYTHON) tools/runner
# Builds on all processors, but where -j was given.
MAKE_QUIETLY = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: deps deps-run deps-linux run test test-board test-labgrid lava soak bench bench-linux check gdb format docs clean help variants
deps:
	@NO_INSTALL=$(NO_INSTALL) tools/deps.sh

# Without what only tests of farms need.
deps-run:
	@NO_INSTALL=$(NO_INSTALL) tools/deps.sh run

# And what builds a program for Linux.
deps-linux:
	@NO_INSTALL=$(NO_INSTALL) tools/deps.sh linux

# What makes this build another one than `make` alone: a run's rerun line says it.
NOT_DEFAULT := $(filter-out VMSPLIT=3g DEBUG=0 COUNT=0 UBSAN=0 COMPILER=gcc,$(foreach v,VMSPLIT DEBUG COUNT UBSAN COMPILER,$(v)=$($(v))))
run: deps-run
	+@$(if $(MUTANT),:,$(MAKE_QUIETLY) all)
	@$(if $(MUTANT),$(MUTATE) run '$(MUTANT)' --args '$(ARGS)',$(RUNNER) run --build $(O) --board $(BOARD) --variables '$(NOT_DEFAULT)' -- $(ARGS))

# The images that tests and benchmarks need beside the release one.
variants:
	+@$(MAKE_QUIETLY) all O=$(O)/vmsplit-2g VMSPLIT=2g
	+@$(MAKE_QUIETLY) all O=$(O)/vmsplit-1g VMSPLIT=1g
	+@$(MAKE_QUIETLY) all O=$(O)/debug DEBUG=1
	+@$(MAKE_QUIETLY) all flash-loader O=$(O)/count COUNT=1
	+@$(MAKE_QUIETLY) all O=$(O)/ubsan UBSAN=1
	+@$(MAKE_QUIETLY) all O=$(O)/clang COMPILER=clang
	+@$(MAKE_QUIETLY) all O=$(O)/clang-debug COMPILER=clang DEBUG=1
	@$(PYTHON) tools/check/check --build $(O)/clang --only pte-writer
	@$(PYTHON) tools/check/check --build $(O)/debug --only late

test: deps
	+@$(MAKE_QUIETLY) all
	+@$(MAKE_QUIETLY) variants flash-loader host-tests fuzz-tests host-corpus stream-kit
	+@$(MAKE_QUIETLY) check
	@T='$(T)' RUN='$(RUN)' SHARD='$(SHARD)' $(RUNNER) test --build $(O)

# On a real board. With ELF= it already holds an image, which is not to be built anew.
test-board: deps-run
	$(if $(SERIAL),,$(error SERIAL= is missing: make test-board SERIAL=/dev/ttyUSB0 BOARD=…))
	+@$(if $(ELF),:,$(MAKE_QUIETLY) all)
	@$(RUNNER) board --build $(O) --serial '$(SERIAL)' --board '$(BOARD)' --power '$(POWER)' --load '$(LOAD)' \
		--tests '$(T)' --args '$(ARGS)' --kind '$(KIND)' --may-skip '$(MAY_SKIP)' --vmsplit $(VMSPLIT) --variables '$(NOT_DEFAULT)' \
		$(if $(BAUD),--baud $(BAUD)) $(if $(ELF),--elf '$(ELF)') $(if $(WAIT),--wait $(WAIT)) \
		$(if $(filter 1,$(MONITOR)),--monitor)

# The same suites under labgrid's pytest plugin, on the target of an environment file.
LG_ENV ?= tools/labgrid/vexpress-a15.yaml
test-labgrid: deps
	$(if $(wildcard $(LG_ENV)),,$(error make test-labgrid: LG_ENV=$(LG_ENV): no such file))
	+@$(MAKE_QUIETLY) all
	@LG_BUILD='$(abspath $(O))' LG_TESTS='$(or $(T),*)' LG_SERIAL='$(LG_SERIAL)' LG_POWER='$(LG_POWER)' \
		$(PYTHON) -m pytest -p no:cacheprovider -c tools/labgrid/pytest.ini --lg-env '$(LG_ENV)' \
		--junitxml='$(abspath $(O))/results/labgrid.xml' tools/labgrid

# LAVA jobs of a board's runs; URL= is where the farm fetches the images from.
lava: deps-run
	+@$(MAKE_QUIETLY) all
	+@$(MAKE_QUIETLY) variants flash-loader host-tests
	@$(RUNNER) lava --build $(O) --board '$(BOARD)' --runs '$(RUN)' --url '$(URL)' --args '$(ARGS)' --dtb '$(DTB)'

# The stress suite for 10^8 operations with CPUs in turns, and 3 * 10^7 with two at once.
soak: deps-run
	+@$(MAKE_QUIETLY) all
	@T= RUN=soak,soak-parallel SHARD= $(RUNNER) test --build $(O)

bench: deps-run
	+@$(MAKE_QUIETLY) all flash-loader
	+@$(MAKE_QUIETLY) all flash-loader O=$(O)/count COUNT=1
	@$(RUNNER) bench --build $(O) --count-build $(O)/count

# Some minutes, and a network or what was fetched before. RECORD=1: tools/linux/measured.json is this one.
bench-linux: deps-linux
	+@$(MAKE_QUIETLY) all flash-loader
	+@$(MAKE_QUIETLY) all flash-loader O=$(O)/count COUNT=1
	@$(PYTHON) tools/linux --build $(O) bench $(if $(filter 1,$(RECORD)),--record)

check: deps-run
	+@$(MAKE_QUIETLY) all
	@$(PYTHON) tools/check/check --build $(O) --cflags '$(CFLAGS)'

gdb: all
	gdb-multiarch -q -x tools/gdb.py -ex 'fl-boot $(O) $(BOARD)'

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

docs:
	$(PYTHON) tools/memdoc.py >docs/memory.md
	$(PYTHON) tools/mutant doc >docs/mutants.md

clean:
	rm -rf $(O)

help:
	@sed -n 's/^#? \{0,1\}//p' Makefile

include tools/uboot/uboot.mk
include tests/host/host.mk
include tests/fuzz/fuzz.mk
include boards/vexpress-a15/flash/flash.mk
include tools/check-dtb/check-dtb.mk
include tools/mapsvg/mapsvg.mk
include tools/dist/dist.mk
include tools/mutant/mutant.mk

#? Fanlight: a kernel of high windows
#?
#?   make run          builds, boots under QEMU (4 CPUs, 8 GiB), runs every suite; ARGS='…' adds
#?                     boot arguments
#?   make test         every tier of tests; T=GLOB (tests) RUN=GLOB (runs) SHARD=i/n
#?   make test-board   the same suites on a real board: SERIAL=/dev/ttyUSB0 BOARD= [POWER='command %s']
#?                     [LOAD=command] [BAUD=] [T=GLOB] [MONITOR=1] [ELF=]; see docs/testing.md
#?   make test-labgrid LG_ENV=FILE [T=GLOB]: the suites under labgrid; by default QEMU's vexpress-a15
#?   make lava         LAVA jobs for BOARD's runs, in build/lava/; [RUN=GLOB] [URL=https://…]
#?   make              release build for BOARD into O (build/): fanlight (ELF), fanlight.zImage, DTBs;
#?                     for U-Boot: uImage, fanlight.itb (FIT), boot.scr
#?   make soak         the stress suite for more than 10^8 operations: an hour or two
#?   make flash        vexpress-a15's NOR flash, bootable from reset, two slots: only makes the image;
#?                     ARGS='…' FLASH_RAM=2G FLASH_B=ZIMAGE (slot B's, if it is another one)
#?   make mutants      kernels that are wrong on purpose, each found by whom its entry names;
#?                     MUTANT='glob' JOBS=n (at once); MUTANT=list names all;
#?                     make run MUTANT=NAME watches one
#?   make bench        instructions for each operation, beside Linux's
#?   make bench-linux  the same for Linux, fetched from Debian, on the same QEMU; some minutes;
#?                     RECORD=1 keeps it as what `make bench` compares with
#?   make check        formatting, who includes whom, headers, sizes, descriptor stores, barriers, caches
#?                     behind written code, what runs before the image's late part is unpacked
#?   make fuzz         TARGET=NAME TIME=SECONDS: bytes that nobody vouches for (tests/fuzz/fuzz.mk)
#?   make check-dtb    DTB=FILE says without hardware what would happen on that board; JSON=1,
#?                     ARGS='…' (boot arguments), IMAGE=ADDRESS (where the loader puts it), VMSPLIT=
#?   make map          the address space as a picture, docs/map.svg; of another VMSPLIT, BOARD or
#?                     DEBUG=1, or of a serial log (LOG=FILE): map.svg in the build folder
#?   make stream-kit   build/stream-kit.tar: good and damaged recordings, for other people's harnesses
#?   make dist         images, device trees, sums and a how-to in one archive, the same bytes from
#?                     the same commit; DIST=DIR puts it elsewhere than O
#?   make load         SERIAL=PORT BOARD=NAME: into a board that has U-Boot, over the cable alone;
#?                     ARGS='…' DTB=FILE POWER='command' MEM=tree FORCE=1, docs/boards/README.md
#?   make sdcard       BOARD=NAME: build/NAME-sdcard.img with boot.scr and FIT; DTB=FILE ARGS='…'
#?   make flash-board  BOARD=NAME DEVICE=/dev/NAME: prints what writes it; RUN_IT=1 does it
#?   make gdb          QEMU stopped at the first instruction under gdb, with fl-walk and fl-layout
#?   make deps         installs what is missing (Debian, Ubuntu); NO_INSTALL=1 only checks
#?   make format docs  clang-format over all of it; docs/memory.md from include/layout.h,
#?                     docs/mutants.md from tests/mutants/
#?   make clean help
#?
#?   BOARD=vexpress-a15   VMSPLIT=3g|2g|1g   DEBUG=1   COUNT=1   UBSAN=1   MUTANT=NAME
#?   COMPILER=gcc|clang (gcc is the release's, and what is measured)
#?   O=DIR   V=1 (show commands)   NO_INSTALL=1

-include $(OBJS:.o=.d) $(O)/obj/asm-offsets.d
