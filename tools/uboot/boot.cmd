# SPDX-License-Identifier: BSD-2-Clause
#
# U-Boot's script on a card or disk that `make sdcard` made (there: boot.scr). Boots Fanlight as
# fanlight.txt beside it says, which can be edited there. Overwrites kernel_addr_r and what U-Boot
# itself takes; writes to no medium.
#
#	fl_how=fit|uimage|bootz	fanlight.itb, uImage or fanlight.zImage
#	fl_config=NAME		of the FIT; empty: what is compatible with U-Boot's own tree
#	fl_tree=ADDRESS|control	the device tree, where the FIT's is not meant; control: U-Boot's own
#	fl_memory=tree		the tree's banks count, and not U-Boot's idea of them
#	fl_first=COMMANDS	before anything else
#	fl_args=WORDS		boot arguments
#	fl_force=1		another board's tree than U-Boot's own, all the same
#	fl_else=COMMANDS	if it was refused, in place of what U-Boot tries next
#
# U-Boot writes its own idea of the RAM into the tree, in many builds a 32-bit one. So bootm goes by
# steps here: the memory node is read before and after, and the difference is said. (bootz has no
# steps.)

setenv fl_how fit
setenv fl_config
setenv fl_tree
setenv fl_memory
setenv fl_first
setenv fl_else
setenv fl_force
setenv fl_args "selftest panic=halt"
setenv fl_from ${devtype} ${devnum}:${distro_bootpart}
if load ${fl_from} ${kernel_addr_r} ${prefix}fanlight.txt; then
	env import -t ${kernel_addr_r} ${filesize} fl_how fl_config fl_tree fl_memory fl_first fl_args fl_else fl_force
fi
if test -n "${fl_first}"; then run fl_first; fi
setenv bootargs ${fl_args}
if test "${fl_tree}" = control; then setenv fl_tree ${fdtcontroladdr}; fi
setenv fl_second
if test -n "${fl_tree}"; then setenv fl_second - ${fl_tree}; fi

# reg with two cells each: bytes are swapped in each of what `fdt get value` makes 8 digits.
setenv fl_swap 'setexpr fl_line gsub (..)(..)(..)(..) \\\\\\\\4\\\\\\\\3\\\\\\\\2\\\\\\\\1 ${fl_before}'
setenv fl_bank 'setexpr fl_line gsub (................)(................) mem=0x\\\\\\\\2@0x\\\\\\\\1_ ${fl_line}'
setenv fl_repair 'if test "${fl_memory}" = tree; then echo "Fanlight: fl_memory=tree: passed on"; fdt set /chosen bootargs "${bootargs} ${fl_line}"; else echo "Fanlight: if the tree is right, add it to fl_args in fanlight.txt"; fi'
setenv fl_tell 'echo "Fanlight: U-Boot has rewritten the memory node: ${fl_before} became ${fl_after}"; run fl_swap fl_bank; setexpr fl_line gsub _ " " "${fl_line}"; echo "Fanlight: the tree had named ${fl_line}"; run fl_repair'
setenv fl_compare 'if test -n "${fl_before}" -a "${fl_before}" != "${fl_after}"; then run fl_tell; fi'
setenv fl_before
setenv fl_after
setenv fl_steps 'if bootm start ${fl_image} ${fl_second}; then fdt get value fl_its / compatible; fdt get value fl_before /memory reg; run fl_whose; if test -z "${fl_stop}"; then run fl_prepare; fi; fi'
setenv fl_prepare 'if bootm loados && bootm fdt && bootm prep; then fdt get value fl_after /memory reg; run fl_compare; bootm go; fi'

# Whose tree: U-Boot's own against what is to be booted. A card's was looked at when it was made.
setenv fl_own
setenv fl_stop
if test -n "${fdtcontroladdr}"; then fdt addr ${fdtcontroladdr} && fdt get value fl_own / compatible; fi
setenv fl_whose 'if test -n "${fl_own}" -a "${fl_own}" != "${fl_its}"; then echo "Fanlight: the tree is for ${fl_its}, this U-Boot runs on ${fl_own}"; run fl_allowed; fi'
setenv fl_allowed 'if test "${fl_config}" != card -a "${fl_force}" != 1; then setenv fl_stop 1; echo "Fanlight: fl_force=1 in fanlight.txt boots it all the same"; fi'

if test "${fl_how}" = bootz; then
	load ${fl_from} ${kernel_addr_r} ${prefix}fanlight.zImage && bootz ${kernel_addr_r} ${fl_second}
fi
if test "${fl_how}" = uimage; then
	setenv fl_image ${kernel_addr_r}
	load ${fl_from} ${kernel_addr_r} ${prefix}uImage && run fl_steps
fi
if test "${fl_how}" = fit; then
	setenv fl_image ${kernel_addr_r}
	if test -n "${fl_config}"; then setenv fl_image ${kernel_addr_r}#${fl_config}; fi
	load ${fl_from} ${kernel_addr_r} ${prefix}fanlight.itb && run fl_steps
fi
echo "Fanlight: not booted: ${fl_how} was refused, see above"
if test -n "${fl_else}"; then run fl_else; fi
