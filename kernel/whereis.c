/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies at an address: the address map's regions, each asked for the owner of the
 * part in question. Queries only, without locks: an answer may be out of date, but
 * reading it neither faults in a sane kernel nor waits in a broken one.
 */
#include <kernel/oops.h>

#include <arch/early_tables.h>
#include <arch/probe.h>
#include <kernel/thread.h>
#include <lib/printf.h>
#include <mm/directmap.h>
#include <mm/bigwin.h>
#include <mm/highmem.h>
#include <mm/image_late.h>
#include <mm/page.h>
#include <mm/vmalloc.h>

static int describe_lowmem(char *buf, size_t size, vaddr_t va)
{
	static const char states[][16] = {
		[PAGE_INSIDE] = "inside a block",
		[PAGE_BUDDY] = "free",
		[PAGE_PCP] = "free",
		[PAGE_ALLOCATED] = "allocated",
		[PAGE_SLAB] = "slab",
		[PAGE_RESERVED] = "reserved",
	};
	pfn_t pfn = pa_to_pfn(virt_to_phys((void *)va));

	if (!pfn_valid(pfn)) {
		return snprintf(buf, size, "lowmem, no RAM at pfn 0x%x", pfn);
	}
	enum page_state state = page_state(pfn_to_page(pfn));

	return snprintf(buf, size, "lowmem, pfn 0x%x, page %s", pfn,
			state < ARRAY_SIZE(states) ? states[state] : "in no known state");
}

static int describe_vmalloc(char *buf, size_t size, vaddr_t va)
{
	const struct thread *owner = thread_of_stack(va);
	struct vmalloc_info info;
	const char *guard = "";

	if (owner) {
		return snprintf(buf, size, "vmalloc area, %s stack of thread %s",
				va < owner->core.stack_start ? "guard below the" : "the",
				owner->name);
	}

	bool found = vmalloc_query(va, false, &info);

	if (found ? va - info.start >= info.pages * PAGE_SIZE :
		    vmalloc_query(va - PAGE_SIZE, false, &info)) {
		guard = "guard behind ";
	} else if (!found) {
		return snprintf(buf, size, "vmalloc area, free");
	}
	return snprintf(buf, size, "vmalloc area, %s%u pages of %s at %p", guard, info.pages,
			info.kind, (void *)info.start);
}

static int describe_fixmap(char *buf, size_t size, u32 slot)
{
	u32 window = slot - FIX_KMAP_BEGIN;

	if (slot < FIX_KMAP_BEGIN || slot >= FIX_KMAP_END) {
		return snprintf(buf, size, "fixmap slot %u", slot);
	}
	return snprintf(buf, size, "fixmap slot %u, kmap_local window %u of CPU %u", slot,
			window % KMAP_LOCAL_STRIDE, window / KMAP_LOCAL_STRIDE);
}

static int describe_kmapdebug(char *buf, size_t size, vaddr_t va)
{
	struct kmap_debug_info info;
	char whose[8] = "all";

	if (!kmap_debug_query(va, &info)) {
		return snprintf(buf, size, "kmapdebug, no window yet");
	}
	if (!info.shared) {
		(void)snprintf(whose, sizeof(whose), "CPU %u", info.cpu);
	}
	return snprintf(buf, size, "%sdebug window of %s, page 0x%06x, mapped %s, unmapped %s",
			info.guard ? "guard behind " : "", whose, info.pfn, info.opened,
			info.closed ? info.closed : "not yet");
}

static int describe_image(char *buf, size_t size, vaddr_t va)
{
	const char *part = va < (vaddr_t)__text_end	   ? "text" :
			   va < (vaddr_t)__rodata_end	   ? "rodata" :
			   va < (vaddr_t)__content_end	   ? "data" :
			   va < (vaddr_t)__late_start	   ? "nothing, behind its end" :
			   va < (vaddr_t)__late_text_end   ? "late text" :
			   va < (vaddr_t)__late_rodata_end ? "late rodata" :
			   va < (vaddr_t)__late_end	   ? "late data" :
							     "nothing, behind its late end";

	return snprintf(buf, size, "image, %s", part);
}

static int describe_fixed_region(char *buf, size_t size, vaddr_t va)
{
	static const struct {
		const char *name;
		vaddr_t end;
	} regions[] = {
#define REGION(name, size, kind, rule) { #name, REGION_END(name) },
		LAYOUT_REGIONS(REGION)
#undef REGION
	};

	for (u32 i = 0; i < ARRAY_SIZE(regions); i++) {
		if (va < regions[i].end) {
			return snprintf(buf, size, "%s", regions[i].name);
		}
	}
	return snprintf(buf, size, "the unmapped end of the address space");
}

int address_describe(char *buf, size_t size, vaddr_t va)
{
	if (va < PAGE_SIZE) {
		return snprintf(buf, size, "the NULL page");
	}
	if (va < PAGE_OFFSET) {
		return snprintf(buf, size, "user part");
	}
	if (is_lowmem((void *)va)) {
		return describe_lowmem(buf, size, va);
	}
	if (va < vmalloc_start()) {
		return snprintf(buf, size, "guard between lowmem and vmalloc");
	}
	if (va < VMALLOC_END) {
		return describe_vmalloc(buf, size, va);
	}
	if (va - PKMAP_START < REGION_SIZE(pkmap)) {
		return snprintf(buf, size, "pkmap window %u", pte_index(va));
	}
	if (va - FIXMAP_START < REGION_SIZE(fixmap)) {
		return describe_fixmap(buf, size, pte_index(va));
	}
	if (CONFIG_DEBUG && va >= REGION_START(kmapdebug) && va < REGION_END(kmapdebug)) {
		return describe_kmapdebug(buf, size, va);
	}
	if (va - BIGWIN_START < REGION_SIZE(bigwin)) {
		return snprintf(buf, size, "bigwin of CPU %u", (u32)(va - BIGWIN_START) / SZ_2M);
	}
	if (va - IMAGE_START < REGION_SIZE(image)) {
		return describe_image(buf, size, va);
	}
	return describe_fixed_region(buf, size, va);
}

bool phys_peek(phys_addr_t pa, u64 *value)
{
	pfn_t pfn = pa_to_pfn(pa);

	*value = 0;
	if (image_va(pa)) {
		return probe_read64((const void *)image_va(pa), value) == 0;
	}
	if (mm.low_end_pfn == 0 || !pfn_valid(pfn) ||
	    !ram_may_be_mapped(pfn_to_pa(pfn), PAGE_SIZE)) {
		return false;
	}
	if (pfn < mm.low_end_pfn) {
		return probe_read64(phys_to_virt(pa), value) == 0;
	}
	/* A cacheable window of an uncached page would be a second type. */
	if (page_type(pfn_to_page(pfn)) != MT_NORMAL ||
	    current_core()->kmap_depth >= KMAP_LOCAL_DEPTH) {
		return false;
	}
	const char *window = kmap_local_pfn(pfn, PAGE_KERNEL_RO);
	bool read = probe_read64(window + pa_offset(pa, PAGE_SIZE), value) == 0;

	kunmap_local_window(window);
	return read;
}
