/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is that a zImage, and can it be entered? What `boot` asks of an address, and of a file that came
 * over the line. The input is memory, an address, and the header there; a bit of the first byte
 * makes each of its words right, so that what lies behind is reached. An image is good exactly if a
 * second look says so, byte by byte of its borders; and what is no free RAM is never read.
 */
#include "machine.h"

#include <kernel/reenter.h>
#include <lib/ram_alias.h>
#include <lib/string.h>
#include <mm/highmem.h>

#define HEADER 0x30u

static phys_addr_t image;
static u32 header[HEADER / 4];

/* Of a page's struct only its number is asked: there is no array, so that is its address. */
static struct page *const sections[1u << (PHYS_BITS - SECTION_SHIFT)];

static bool free_ram(phys_addr_t start, phys_addr_t end)
{
	u32 flags;

	for (phys_addr_t at = start; at < end; at = machine_border(&memblock.reserved, at)) {
		if (machine_has(&memblock.reserved, at, &flags)) {
			return false;
		}
	}
	return machine_has_all(&memblock.memory, start, end);
}

void memcpy_from_page(void *to, struct page *page, u32 offset, u32 len)
{
	phys_addr_t pa = ((phys_addr_t)(uintptr_t)page << (PAGE_SHIFT - 4)) + offset;

	FUZZ_CHECK(offset + len <= PAGE_SIZE && free_ram(pa, pa + len));
	FUZZ_CHECK(pa >= image && pa - image + len <= HEADER); /* that is where one stands */
	memcpy(to, (const u8 *)header + (pa - image), len);
}

static bool below_4g(phys_addr_t pa)
{
	return pa_without_mmu(pa) <= UINT32_MAX;
}

/* The whole pages of these bytes. */
static bool can_lie(phys_addr_t pa, phys_addr_t bytes)
{
	phys_addr_t start = pa / PAGE_SIZE * PAGE_SIZE;
	phys_addr_t end = (pa + bytes + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;

	return pa % 4 == 0 && free_ram(start, end) && below_4g(start) && below_4g(end - 1);
}

static bool is_good(u32 most)
{
	u64 start = header[0x28 / 4], end = header[0x2c / 4];

	return can_lie(image, HEADER) && header[0x24 / 4] == 0x016f2818 &&
	       (start == 0 || start == pa_without_mmu(image)) && end >= start + HEADER &&
	       end - start <= most && can_lie(image, end - start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	u8 how = fuzz_byte(&in);
	u32 most, bytes = 0;
	const char *why;

	mm.section = sections;
	boot_info.image_pa = how & 1 ? RAM_ALIAS_REAL : 0; /* on a Keystone, or not */
	machine_memory(&in);
	image = machine_address(&in);
	most = how & 2 ? UINT32_MAX : machine_size(&in);
	for (u32 i = 0; i < ARRAY_SIZE(header); i++) {
		header[i] = i < 0x24 / 4 ? 0xe1a00000 : fuzz_word(&in);
	}
	if (how & 4) {
		header[0x24 / 4] = 0x016f2818;
	}
	if (how & 8) {
		header[0x28 / 4] = how & 16 ? 0 : (u32)pa_without_mmu(image);
	}
	if (how & 32) {
		header[0x2c / 4] = header[0x28 / 4] + machine_size(&in);
	}
	why = reenter_check(image, most, &bytes);
	FUZZ_CHECK(!why == is_good(most));
	FUZZ_CHECK(why || bytes == header[0x2c / 4] - header[0x28 / 4]);
	return 0;
}
