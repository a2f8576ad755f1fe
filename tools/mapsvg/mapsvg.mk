# SPDX-License-Identifier: BSD-2-Clause
#
# make map: the picture of the address space. docs/map.svg is what the default build gives; any
# other picture goes to the build folder. Included by the top Makefile.

LOG ?=
MAP_O := $(O)$(if $(filter-out 3g,$(VMSPLIT)),/vmsplit-$(VMSPLIT))$(if $(filter 1,$(DEBUG)),/debug)
MAP_SVG := $(if $(LOG)$(filter-out $(O),$(MAP_O))$(filter-out vexpress-a15,$(BOARD)),$(MAP_O)/map.svg,docs/map.svg)

.PHONY: map
ifneq ($(LOG),)
map:
	@mkdir -p $(MAP_O)
	@$(PYTHON) tools/mapsvg --log '$(LOG)' -o $(MAP_SVG)
else
map: deps
	+@$(MAKE_QUIETLY) all O=$(MAP_O)
	@$(PYTHON) tools/mapsvg --build $(MAP_O) --board $(BOARD) -o $(MAP_SVG)
endif
