/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the tables in the image and builds them with the MMU off, so that the first
 * translated instruction finds the kernel at its link address:
 *
 *	kernel_pmds	level 2 of TTBR1: image, fixmap, fdt. Later everything.
 *	boot table	level 1 of TTBR0: the image and one identity page.
 *
 * This file runs at the physical address: it is compiled position-independent, without
 * unaligned accesses (memory is strongly-ordered while the MMU is off), and must use no
 * static pointers and nothing outside itself and the equally compiled lib files.
 */
#include <arch/early_tables.h>

#include <arch/alternative.h>
#include <arch/barrier.h>
#include <arch/cpreg.h>
#include <arch/early_boot.h>
#include <arch/irqflags.h>
#include <arch/pte_write.h>
#include <arch/secondary.h>
#include <arch/trap.h>

#include "early_print.h"

#define TABLE __section(".tables") __aligned(4096)

pmd_t kernel_pmds[KERNEL_PGDS * PTRS_PER_TABLE] TABLE;
pte_t image_table[PTRS_PER_TABLE] TABLE;
pte_t fixmap_table[PTRS_PER_TABLE] TABLE;

/* Level 1 of TTBR1, unless the kernel part is 1 GiB and TTBR1 starts at level 2 (B3.6.6). */
static pgd_t kernel_pgds[4] __aligned(32);

/*
 * The boot table. Level 2 and 3 are for the identity page; level 2 of the kernel part is shared.
 * It is walked for a few instructions only, so its pages are lent: they are stacks afterwards,
 * once TTBR0's walks are off. When other CPUs start it stands again, for the same few
 * instructions, on pages that are lent by whoever starts them.
 */
static pgd_t boot_pgds[4] __aligned(32);
#define boot_pmds ((pmd_t *)trap_boot_stack) /* nothing can fault yet */
#define boot_ptes ((pte_t *)boot_stack)	     /* the lower page; early_boot is in the upper */
STATIC_ASSERT(ABORT_STACK_SIZE == PAGE_SIZE && BOOT_STACK_SIZE >= 2 * PAGE_SIZE);

/* In the last page of the image's content: see identity_place(). */
static u32 identity_spare[32] __section(".last_page") __aligned(128);

struct boot_info boot_info;
struct boot_mmu boot_mmu __aligned(32);
u32 pen_release;
struct secondary_incoherent secondary_incoherent;

extern const u32 mmu_on[], mmu_on_end[];

/* Also at the link address. With the MMU off an address is physical, and pa_real() the real one. */
static phys_addr_t pa_of(const void *object)
{
	return boot_info.image_pa + ((vaddr_t)object - (vaddr_t)__image_start);
}

static pmd_t *early_pmd(vaddr_t va)
{
	return &kernel_pmds[(va - PAGE_OFFSET) >> PMD_SHIFT];
}

/* Level-3 entries for the pages of [from, to), symbols of the image. */
static void map_image_part(const char *from, const char *to, pgprot_t prot)
{
	u32 first = (u32)(from - __image_start) >> PAGE_SHIFT;
	u32 end = (u32)(to - __image_start) >> PAGE_SHIFT;

	for (u32 i = first; i < end; i++) {
		pte_write(&image_table[i], pfn_pte(pa_to_pfn(pa_of(__image_start)) + i, prot));
	}
}

static void build_kernel_tables(void)
{
	map_image_part(__image_start, __text_end, PAGE_KERNEL_RX);
	map_image_part(__rodata_start, __rodata_end, PAGE_KERNEL_RO);
	map_image_part(__data_start, __content_end, PAGE_KERNEL);
	pmd_write(early_pmd(IMAGE_START), pmd_table(pa_of(image_table)));
	pmd_write(early_pmd(FIXMAP_START), pmd_table(pa_of(fixmap_table)));
	/*
	 * TTBR1 is indexed by the address bits below T1SZ: with a 2 GiB kernel part its two
	 * entries are GiB 2 and 3; with 3 GiB (T1SZ = 0) all four, the first one never walked.
	 */
	for (u32 i = 0; i < KERNEL_PGDS; i++) {
		u32 slot = KERNEL_PGDS == 3 ? i + 1 : i;

		pgd_write(&kernel_pgds[slot],
			  (pgd_t){ pa_of(&kernel_pmds[i * PTRS_PER_TABLE]) | DESC_TABLE });
	}
	boot_mmu.ttbr1 = KERNEL_PGDS == 1 ? pa_of(kernel_pmds) : pa_of(kernel_pgds);
}

/*
 * Where mmu_on can run: at a virtual address equal to its physical one. Where the image
 * was loaded across its own link address that place may be taken by another page of the
 * image; then either the first or the last page is free of that (the overlap reaches only
 * one end), and the code is copied to the last.
 */
static const u32 *identity_place(void)
{
	u32 start = (vaddr_t)__image_start;
	u32 overlap = start - IMAGE_START;

	if (overlap == 0 || overlap >= (u32)(__content_end - __image_start)) {
		return mmu_on;
	}
	for (u32 i = 0; &mmu_on[i] < mmu_on_end; i++) {
		identity_spare[i] = mmu_on[i];
	}
	return identity_spare;
}

/*
 * The boot table for the page at `page`, virtual and physical, on two empty pages. It shares
 * level-2 entries with the kernel's part as far as the identity page does not stand between.
 */
static void build_boot_table(vaddr_t page, const struct boot_pages *lent)
{
	u32 gib = page >> PGD_SHIFT;
	u32 kernel_gib = (u32)IMAGE_START >> PGD_SHIFT;
	pte_t identity = pfn_pte(pa_to_pfn(pa_real(page)), PAGE_KERNEL_RX);

	pgd_write(&boot_pgds[kernel_gib],
		  (pgd_t){ pa_of(early_pmd((vaddr_t)kernel_gib << PGD_SHIFT)) | DESC_TABLE });
	pgd_write(&boot_pgds[gib], (pgd_t){ lent->pmds_pa | DESC_TABLE });
	if (gib == kernel_gib) {
		pmd_write(&lent->pmds[pmd_index(FIXMAP_START)], *early_pmd(FIXMAP_START));
		pmd_write(&lent->pmds[pmd_index(IMAGE_START)], *early_pmd(IMAGE_START));
		if (pmd_index(page) == pmd_index(IMAGE_START)) {
			for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
				pte_write(&lent->ptes[i], image_table[i]);
			}
		}
	}
	pte_write(&lent->ptes[pte_index(page)], identity);
	pmd_write(&lent->pmds[pmd_index(page)], pmd_table(lent->ptes_pa));
	boot_mmu.ttbr0 = pa_of(boot_pgds);
}

void boot_table_clear(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(boot_pgds); i++) {
		pgd_write(&boot_pgds[i], (pgd_t){ 0 });
	}
	dsb_sy(); /* the cleared entries, before their pages are used for anything else */
}

/*
 * The identity page is the image's first, where mmu_on lies. If it hides another page of the image
 * that does no harm: a CPU on this table touches nothing but the first page, at both addresses.
 */
void boot_table_rebuild(const struct boot_pages *lent)
{
	boot_table_clear();
	build_boot_table(boot_info.image_low, lent);
	dsb_sy(); /* the table, before a CPU is told to use it */
}

void alternatives_swap(char *image)
{
	u32 offset = (vaddr_t)image - IMAGE_START;
	struct alternative *a = (void *)((char *)__alternatives_start + (image - __image_start));

	for (u32 i = 0; i < (u32)(__alternatives_end - __alternatives_start); i++, a++) {
		u16 *site = (u16 *)(a->site + offset);

		for (u32 k = 0; k < ARRAY_SIZE(a->insn); k++) {
			u16 was = site[k];

			site[k] = a->insn[k];
			a->insn[k] = was;
		}
	}
}

/*
 * Patches the text for CPUs whose table walks bypass the data cache (B4.1.92 ID_MMFR3).
 * DEBUG patches always: cleaning more than needed is correct, and so the patch is tested.
 */
static void apply_alternatives(void)
{
	if (((read_id_mmfr3() >> 20) & 0xf) != 0 && !CONFIG_DEBUG) {
		return;
	}
	boot_info.walks_cleaned = 1;
	alternatives_swap(__image_start);
	/* Until early_boot ends the sites may run as NOPs: walks are off, nothing needs a clean. */
}

phys_addr_t pa_without_mmu(phys_addr_t pa)
{
	return pa_below_4g(boot_info.image_pa) ? pa : ram_alias_low(pa);
}

/*
 * Where RAM has two addresses all tables lead to the real one: the MMU never translates to the
 * other, and no cache holds a line of it. Caches tell lines apart by physical address, and would
 * keep two truths of one byte (ARM DDI 0406C, B3.11.1). What was in them went to memory by set and
 * way, which does not ask for addresses, before our first write (head.S). From there to the first
 * translation nothing is allocated, at either address: with the MMU off data is strongly-ordered,
 * and fetched instructions are not cached (B3.2.1, SCTLR.I = 0). The DSB before the MMU is on ends
 * our writes to the low address. The identity page is the same by both. Only a loader in that half
 * of the address space hands over such a tree; where nothing answers it is not looked for.
 */
static void find_real_address(u32 dtb, u32 answer)
{
	struct fdt tree;

	if (answer && boot_info.image_low >> RAM_ALIAS_SHIFT && early_tree(dtb, &tree) &&
	    ram_has_alias(&tree)) {
		boot_info.image_pa = ram_alias_real(boot_info.image_low);
		boot_info.dtb_pa = ram_alias_real(dtb);
	}
}

/* Long descriptors: ID_MMFR0.VMSA is 5 or more (B4.1.89). */
static bool cpu_has_lpae(void)
{
	return (read_id_mmfr0() & 0xf) >= 5;
}

/*
 * From head.S, MMU and caches off, on the boot stack. Returns the physical address at
 * which mmu_on can run; does not return where the kernel cannot. answer: the byte at dtb, if dtb is
 * in the upper half and anything is there; else 0.
 */
u32 early_boot(u32 dtb, u32 cpsr, u32 image, u32 answer);
u32 early_boot(u32 dtb, u32 cpsr, u32 image, u32 answer)
{
	const u32 *place;

	boot_info.image_low = image;
	boot_info.image_pa = image;
	boot_info.dtb_pa = dtb;
	boot_info.entry_cpsr = cpsr;
	if (!cpu_has_lpae()) {
		early_die(dtb, EARLY_NO_LPAE, "this CPU has no LPAE (long page-table descriptors)");
	}
	find_real_address(dtb, answer);
	apply_alternatives();
	build_kernel_tables();
	place = identity_place();
	build_boot_table(ALIGN_DOWN((vaddr_t)place, PAGE_SIZE),
			 &(struct boot_pages){ boot_pmds, boot_ptes, pa_of(boot_pmds),
					       pa_of(boot_ptes) });
	dsb_sy(); /* tables and patched text are in memory, before head.S turns the MMU on */
	write_iciallu();
	dsb_sy(); /* invalidated, before the patched text is fetched */
	isb();
	return (vaddr_t)place;
}
