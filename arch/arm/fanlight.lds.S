/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One image at one link address. Everything is in the file, BSS, stacks and tables too,
 * so that a loader knows how much memory it needs; pages change rights where the
 * sections are page-aligned. Behind the content: padding to move within.
 *
 * What nothing needs before the banner is in the file packed, by tools/pack.py, and linked to the
 * upper half of the image's region, where mm/image_late.c unpacks it.
 */
#include <asm-offsets.h>

/*
 * By file. Of kernel/memtest all but again.c. What LOADED leaves is taken further down.
 */
#define LATE_FILES                                                                     \
	*/tests/kernel* */kernel/monitor* */kernel/memtest/all.o */kernel/memtest/[e-w]* \
	*/kernel/memory_baseline.o */kernel/reenter*.o */kernel/smp_leave.o            \
	*/kernel/story.o */kernel/watchdog.o                                           \
	*/lib/fdt_edit.o */lib/ktap.o */lib/ymodem.o */mm/page_type.o
#define LOADED(sections) EXCLUDE_FILE(LATE_FILES) *(sections)

OUTPUT_ARCH(arm)
ENTRY(_start)

SECTIONS
{
	. = ASM_IMAGE_START;
	__image_start = .;
	.text : {
		__text_start = .;
		KEEP(*(.head.text))
		KEEP(*(.head.text.smp))
		__head_end = .;
		LOADED(SORT_BY_ALIGNMENT(.text) SORT_BY_ALIGNMENT(.text.*))
		*(.fixup)
		. = ALIGN(ASM_PAGE_SIZE);
		__text_end = .;
	}

	__rodata_start = .;
	.rodata : {
		LOADED(.rodata .rodata.*)
		*(.data*.Lubsan_*)		/* UBSAN=1: the compiler's own, never written */
		. = ALIGN(8);
		__ex_table_start = .;
		KEEP(*(__ex_table))
		__ex_table_end = .;
		__alternatives_start = .;
		KEEP(EXCLUDE_FILE(LATE_FILES) *(.alternatives))
		__alternatives_end = .;
	}
	.note.gnu.build-id : {
		__build_id_note = .;
		KEEP(*(.note.gnu.build-id))
	}
	.symtab_names : {
		KEEP(*(.symtab_names*))
	}
	.packed : ALIGN(4) {
		__packed_start = .;
		. = . + packed_bytes - 1;
		BYTE(0)				/* in the file */
		. = ALIGN(ASM_PAGE_SIZE);
		__packed_end = .;
	}
	__rodata_end = .;

	.data : {
		__data_start = .;
		KEEP(*(.boot_stack))
		*(.tables)
		LOADED(SORT_BY_ALIGNMENT(.bss*))	/* the stacks, then what is small */
		__initialized_start = .;
		*(SORT_BY_ALIGNMENT(.data*))
		__initialized_end = .;
		*(.last_page)
		. = ALIGN(ASM_PAGE_SIZE);
		__content_end = .;
	}
	.pad : {
		. = . + ASM_PAGE_SIZE - 4;
		LONG(0)				/* in the file */
		__image_end = .;
	}
	__content_size = __content_end - __image_start;
	__image_size = __image_end - __image_start;
	ASSERT(mmu_on_end - mmu_on <= 128, "mmu_on has outgrown its spare place")
	ASSERT((__tests_end - __tests_start) / 4 <= 320, "TESTS_MAX in tests/kernel/run.c is too small")
	ASSERT(__head_end - __image_start <= ASM_PAGE_SIZE, "what runs in the identity page has outgrown it")
	ASSERT(__image_size <= ASM_IMAGE_SIZE / 2, "the image has outgrown its half of the region")

	ASSERT(__initialized_end - __initialized_start <= ASM_INITIALIZED_MAX, "INITIALIZED_MAX is too small")

	. = ASM_IMAGE_START + ASM_IMAGE_SIZE / 2;
	.late.text : {
		__late_start = .;
		*(.text .text.*)
		. = ALIGN(ASM_PAGE_SIZE);
		__late_text_end = .;
	}
	.late.rodata : {
		*(.rodata .rodata.*)
		. = ALIGN(8);
		__tests_start = .;
		KEEP(*(.tests))
		__tests_end = .;
		__fatal_tests_start = .;
		KEEP(*(.fatal_tests))
		__fatal_tests_end = .;
		__late_alternatives_start = .;
		KEEP(*(.alternatives))
		__late_alternatives_end = .;
		. = ALIGN(ASM_PAGE_SIZE);
		__late_rodata_end = .;
	}
	.late.bss : {				/* not in the file */
		*(.bss*)
		. = ALIGN(ASM_PAGE_SIZE);
		__late_end = .;
	}
	ASSERT(__late_end - __image_start <= ASM_IMAGE_SIZE, "the late part has outgrown its half")

	/* Only places, not in the image: each CPU's memory for it is allocated. */
	.percpu ASM_PAGE_SIZE (INFO) : {
		__percpu_start = .;
		*(SORT_BY_ALIGNMENT(.percpu))
		. = ALIGN(64);
		__percpu_end = .;
	}
	.pte_writes 0 : { KEEP(*(.pte_writes)) }
	/* Not in the image: tools/symtab.py makes the kernel's own table of them. */
	.ARM.extab ASM_IMAGE_START + ASM_IMAGE_SIZE (INFO) : { *(.ARM.extab*) }
	.ARM.exidx ALIGN(4) (INFO) : { *(.ARM.exidx*) }
	.got : { *(.got .got.plt .igot*) }
	ASSERT(SIZEOF(.got) == 0, "position-independent code must not need a GOT")
	/DISCARD/ : { *(.comment) *(.ARM.attributes.*) *(.interp .dynamic .dynsym .dynstr .hash) }
}
