# SPDX-License-Identifier: BSD-2-Clause
#
# Kernels that are wrong on purpose: tests/mutants/, docs/testing.md. Included by the top Makefile.
#
#	make MUTANT=name	what is changed, and the image, in $(O)/mutants/name/
#	make run MUTANT=name	boots it, and says who caught it
#	make mutants		all of them, or MUTANT='glob,…'
#
# A mutant's tree names it in a file, and its kernel in the banner and in @boot. Nothing that a board
# could start is made of one.

MUTATED := $(file <.mutant)
MUTATE = $(PYTHON) tools/mutant --out $(O) --jobs $(shell nproc)
NOT_OF_MUTANTS := dist flash sdcard flash-board load lava

ifneq ($(MUTATED),)
ifneq ($(filter $(NOT_OF_MUTANTS),$(MAKECMDGOALS)),)
$(error make $(MAKECMDGOALS): this is the tree of the mutant $(MUTATED), which is wrong on purpose)
endif
$(O)/obj/kernel/report.o: EXTRA += -DMUTANT='"$(MUTATED)"'
endif

ifneq ($(MUTANT),)
ifneq ($(filter-out all run mutants,$(MAKECMDGOALS)),)
$(error make $(MAKECMDGOALS): MUTANT= is for make, make run and make mutants)
endif
ifneq ($(filter 1,$(DEBUG) $(COUNT) $(UBSAN))$(filter-out 3g,$(VMSPLIT)),)
$(error MUTANT=$(MUTANT): its entry says which build it needs: without DEBUG=, COUNT=, UBSAN=, VMSPLIT=)
endif
MUTANT_TROUBLE := $(shell $(MUTATE) known '$(MUTANT)' 2>&1)
ifneq ($(MUTANT_TROUBLE),)
$(error $(MUTANT_TROUBLE))
endif

all: mutant
.PHONY: mutant
mutant: deps-run
	@$(MUTATE) build '$(MUTANT)'
endif

.PHONY: mutants mutants-quick
mutants: deps-run
	@$(MUTATE) all '$(MUTANT)'
mutants-quick: deps-run
	@$(MUTATE) all --quick
