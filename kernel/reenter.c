/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the steps from this kernel to the next. All that can fail comes first, memory above all;
 * from smp_leave() on there is no way back, and what goes wrong is a panic. Must never write to
 * memory that the next image lies in.
 */
#include <kernel/reenter.h>

#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <arch/secondary.h>
#include <bug.h>
#include <kernel/console.h>
#include <kernel/irq.h>
#include <kernel/report.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <lib/fdt_edit.h>
#include <lib/string.h>
#include <mm/highmem.h>
#include <mm/page_alloc.h>
#include <printk.h>

static const char no_tree[] = "no such device tree can be made";

/* ---- memory ---- */

/* Free, alone or inside a block, says the first page of the smallest block that it can be in. */
static bool page_is_free(pfn_t pfn)
{
	for (u32 order = 0; order <= MAX_ORDER; order++) {
		enum page_state state = page_state(pfn_to_page(pfn >> order << order));

		if (state != PAGE_INSIDE) {
			return state == PAGE_BUDDY || state == PAGE_PCP;
		}
	}
	return false;
}

static bool pages_are_free(phys_addr_t pa, u32 bytes)
{
	pfn_t pfn = pa_to_pfn(pa);

	while (pfn <= pa_to_pfn(pa + bytes - 1) && page_is_free(pfn)) {
		pfn++;
	}
	return pfn > pa_to_pfn(pa + bytes - 1);
}

struct page *reenter_alloc(u32 order, const struct memblock_list *good)
{
	u32 bytes = PAGE_SIZE << order;
	struct page *page;
	pfn_t refused = 0;

	while ((page = alloc_pages(GFP_KERNEL, order)) &&
	       (!pa_below_4g(pa_without_mmu(page_to_pa(page) + bytes - 1)) ||
		(good && !memblock_list_has(good, page_to_pa(page), bytes, ~0u)))) {
		page->next = refused;
		refused = page_to_pfn(page);
	}
	while (refused) {
		struct page *other = pfn_to_page(refused);

		refused = other->next;
		free_pages(other, order);
	}
	return page;
}

/*
 * What the way out needs, in one block of lowmem: two pages for the boot table, one for the pen,
 * the device tree, and room for it when it is half made.
 */
enum { PAGE_PEN = 2, PAGE_TREE = 3 };

static const char *tree_make(struct page *block, u32 room, const struct reenter *r, bool pen)
{
	void *whole = lowmem_page_address(block + PAGE_TREE), *half = whole + room;
	struct fdt_changes args = { .taken = page_to_pa(block + PAGE_PEN),
				    .bytes = pen ? PAGE_SIZE : 0 };
	struct fdt_changes handover = { .value = r->handover, .len = r->handover_bytes };

	if (r->bootargs) {
		args.name = "bootargs";
		args.value = r->bootargs;
		args.len = (u32)strlen(r->bootargs) + 1;
	}
	if (r->handover) {
		handover.name = REENTER_HANDOVER;
	}
	return fdt_edit(report_tree()->blob, room, &args, half, room) < 0 ||
			       fdt_edit(half, room, &handover, whole, room) < 0 ?
		       no_tree :
		       NULL;
}

/* ---- the way out ---- */

static void quiet(void)
{
	const struct uart_driver *uart;
	void *port = console_hardware(&uart);

	console_drain();
	uart->receive_irq(port, false);
	if (irq_controller_present()) {
		time_alarm_us(UINT64_MAX);
		irq_controller()->leave(true);
	}
}

/* By address, a page at a time: not all of it need be lowmem. */
static void clean_image(const struct reenter *r)
{
	for (pfn_t pfn = pa_to_pfn(r->image); pfn <= pa_to_pfn(r->image + r->bytes - 1); pfn++) {
		void *va = kmap_local_page(pfn_to_page(pfn));

		clean_for_uncached(va, PAGE_SIZE);
		kunmap_local(va);
	}
}

static void __noreturn go(struct page *block, u32 order, const struct reenter *r, bool pen)
{
	u32 dtb = pa_low32(pa_without_mmu(page_to_pa(block + PAGE_TREE)));

	if (r->announce) {
		printk("%s", r->announce);
	}
	printk("boot: image at %010llx, %u bytes; device tree at %08x", r->image, r->bytes, dtb);
	printk("boot: entered in %s, %ssecure", leave_mode() ? "HYP" : "SVC",
	       cpu_is_secure() ? "" : "non-");
	/* no other thread runs here from now on, and waits for a CPU that is gone */
	(void)irq_save();
	boot_table_stand(lowmem_page_address(block)); /* for CPUs that are parked, too */
	smp_leave(pen ? lowmem_page_address(block + PAGE_PEN) : NULL);
	printk("boot: other CPUs %s", pen ? "in the pen" : "off");
	quiet();
	/*
	 * Set and way reach this cluster's caches; what is read next goes to the point of
	 * coherency.
	 */
	clean_for_uncached(lowmem_page_address(block), PAGE_SIZE << order);
	clean_image(r);
	cpu_leave(pa_low32(pa_without_mmu(r->image)), ~0u, dtb, leave_mode());
}

const char *reenter(const struct reenter *r)
{
	struct page *block;
	u32 bytes = 0, order = 0;
	const char *why;
	bool pen;

	why = smp_leave_check(&pen);
	if (!why && fdt_total_size(report_tree()->blob, &bytes) < 0) {
		why = no_tree;
	}
	if (why) {
		return why;
	}
	bytes += FDT_EDIT_ROOM(r->bootargs ? (u32)strlen(r->bootargs) + 1 : 0) +
		 FDT_EDIT_ROOM(r->handover_bytes);
	bytes = ALIGN_UP(bytes, 8u);
	while ((PAGE_SIZE << order) < 2 * bytes + PAGE_TREE * PAGE_SIZE) {
		order++;
	}
	block = reenter_alloc(order, r->good);
	if (!block) {
		why = "no memory below 4 GiB";
	} else if (!r->owned && !pages_are_free(r->image, r->bytes)) {
		why = "some of it is in use";
	} else {
		why = tree_make(block, bytes, r, pen);
	}
	if (!why) {
		go(block, order, r, pen);
	}
	if (block) {
		free_pages(block, order);
	}
	return why;
}
