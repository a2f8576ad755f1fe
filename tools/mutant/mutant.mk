# SPDX-License-Identifier: BSD-2-Clause
#
# Kernels that are wrong on purpose: tests/mutants/, docs/testing.md. Included by the top Makefile.
#
#	make MUTANT=name	what is changed, and the image, in $(O)/mutants/name/
#	make run MUTANT=name	boots it, and says who caught it
#	make mutants		all of them, or MUTANT='glob,…'; JOBS= at a time
#	make mutants MUTANT=list	names them, and does nothing
#
# A mutant's tree names it in a file, and its kernel in the banner and in @boot. Nothing that a board
# could start is made of one.

MUTATED := $(file <.mutant)
JOBS ?= $(shell nproc)
MUTATE = $(PYTHON) tools/mutant --out $(O) --jobs '$(JOBS)'
NOT_OF_MUTANTS := dist flash sdcard flash-board load lava

ifneq ($(MUTATED),)
ifneq ($(filter $(NOT_OF_MUTANTS),$(MAKECMDGOALS)),)
$(error make $(MAKECMDGOALS): this is the tree of the mutant $(MUTATED), which is wrong on purpose)
endif
$(O)/obj/kernel/report.o: EXTRA += -DMUTANT='"$(MUTATED)"'
endif

# Its entry says what is built and where it runs. From the environment as well as from the command line.
MUTANT_TAKES := MUTANT O V NO_INSTALL JOBS $(if $(filter run,$(MAKECMDGOALS)),ARGS)
ifneq ($(MUTANT)$(filter mutants mutants-quick,$(MAKECMDGOALS)),)
MUTANT_GIVEN := $(foreach v,$(filter-out $(MUTANT_TAKES),$(.VARIABLES)),$(if $(filter command,$(origin $v)),$v))
MUTANT_GIVEN += $(if $(filter-out 0,$(DEBUG)),DEBUG) $(if $(filter-out 0,$(COUNT)),COUNT) \
	$(if $(filter-out 0,$(UBSAN)),UBSAN) $(if $(filter-out 3g,$(VMSPLIT)),VMSPLIT) \
	$(if $(filter-out gcc,$(COMPILER)),COMPILER) $(if $(filter-out vexpress-a15,$(BOARD)),BOARD)
ifneq ($(strip $(MUTANT_GIVEN)),)
$(error $(strip make $(MAKECMDGOALS)) MUTANT=$(MUTANT): a mutant's entry says what is built and where it runs: \
without $(sort $(MUTANT_GIVEN)))
endif
endif

ifneq ($(MUTANT),)
ifneq ($(filter-out all run mutants,$(MAKECMDGOALS)),)
$(error make $(MAKECMDGOALS): MUTANT= is for make, make run and make mutants)
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
