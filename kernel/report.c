/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the face of a boot: what people read first, and the two machine lines that open
 * every run. Only reads; all numbers come from where they are used.
 */
#include <kernel/report.h>

#include <arch/cpreg.h>
#include <arch/early_tables.h>
#include <arch/irqflags.h>
#include <config.h>
#include <kernel/console.h>
#include <layout.h>
#include <lib/crc32.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>
#include <printk.h>

/* A kernel that is wrong on purpose (tools/mutant) says so wherever it says which it is. */
#ifdef MUTANT
#define MUTANT_WORDS ", MUTANT " MUTANT
#define MUTANT_KEY   ",\"mutant\":\"" MUTANT "\""
#else
#define MUTANT_WORDS ""
#define MUTANT_KEY   ""
#endif

#define JSON_MAX 1408

#define NOTE_HEADER 16					       /* three words and "GNU" */
extern const u8 __build_id_note[NOTE_HEADER + BUILD_ID_BYTES]; /* the linker's */

u32 report_boot_cycles;

static const char *bootargs = "";
static const struct fdt *tree;
static u64 this_boot; /* its id */

const struct fdt *report_tree(void)
{
	return tree;
}

const char *report_bootargs(void)
{
	return bootargs;
}

const u8 *report_build_id(void)
{
	return __build_id_note + NOTE_HEADER;
}

/* ---- facts ---- */

bool region_get(u32 index, struct region *region)
{
	static const struct region fixed[] = {
#define REGION(name, size, kind, rule) { #name, kind, rule, REGION_START(name), REGION_END(name) },
		LAYOUT_REGIONS(REGION)
#undef REGION
	};
	u32 skip = CONFIG_DEBUG ? 0 : 1; /* kmapdebug is empty, and the first */

	switch (index) {
	case 0:
		*region = (struct region){ "lowmem", "direct",
					   "RAM at a fixed distance, built once", PAGE_OFFSET,
					   mm.lowmem_end };
		return true;
	case 1:
		*region = (struct region){ "vmalloc", "vmalloc",
					   "pages from anywhere, a guard behind each area",
					   vmalloc_start(), VMALLOC_END };
		return true;
	default:
		if (index - 2 + skip >= ARRAY_SIZE(fixed)) {
			return false;
		}
		*region = fixed[index - 2 + skip];
		return true;
	}
}

phys_addr_t ram_below(phys_addr_t end)
{
	phys_addr_t bytes = 0;

	for (u32 i = 0; i < memblock.memory.count; i++) {
		const struct memblock_range *bank = &memblock.memory.range[i];

		if (bank->start < end) {
			bytes += min(bank->start + bank->size, end) - bank->start;
		}
	}
	return bytes;
}

/* The board's name in the tree, fit for a JSON string. */
static void board_name(const struct fdt *f, char *name, size_t size)
{
	const char *text = fdt_prop_string(f, fdt_root(f), "model");

	if (!text) {
		text = fdt_prop_string(f, fdt_root(f), "compatible");
	}
	strlcpy(name, text ? text : "unknown", size);
	for (char *c = name; *c; c++) {
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') {
			*c = '?';
		}
	}
}

/* Another value at each boot: time since power-on, and the loader's seed if it gives one. */
static u64 boot_id(const struct fdt *f)
{
	u64 now = read_cntvct();
	u32 cycles = read_pmccntr(), len = 0;
	const void *seed = fdt_prop(f, fdt_path_node(f, "/chosen"), "rng-seed", &len);
	u32 high = crc32_update(0, &cycles, sizeof(cycles));

	if (seed) {
		high = crc32_update(high, seed, len);
	}
	return (u64)high << 32 | crc32_update(high, &now, sizeof(now));
}

static void build_id(char *hex, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		(void)snprintf(hex + 2 * i, 3, "%02x", __build_id_note[NOTE_HEADER + i]);
	}
}

/* ---- for people ---- */

static u32 mib(phys_addr_t bytes)
{
	return (u32)(bytes / SZ_1M);
}

static void cpu_name(char *buf, size_t size)
{
	static const struct {
		u16 part;
		char name[4];
	} cores[] = { { 0xc07, "A7" }, { 0xc0d, "A12" }, { 0xc0e, "A17" }, { 0xc0f, "A15" } };
	u32 midr = read_midr(), part = (midr >> 4) & 0xfff;
	const char *core = "?";

	for (u32 i = 0; midr >> 24 == 0x41 && i < ARRAY_SIZE(cores); i++) {
		if (cores[i].part == part) {
			core = cores[i].name;
		}
	}
	(void)snprintf(buf, size, "Cortex-%s r%up%u (MIDR 0x%08x), entered in %s", core,
		       (midr >> 20) & 0xf, midr & 0xf, midr,
		       (boot_info.entry_cpsr & CPSR_MODE_MASK) == MODE_HYP ? "HYP" : "SVC");
}

static void print_banner(const struct fdt *f)
{
	char board[64], cpu[64], build[41];

	board_name(f, board, sizeof(board));
	cpu_name(cpu, sizeof(cpu));
	build_id(build, BUILD_ID_BYTES);
	printk("Fanlight: a kernel of high windows");
	printk(" ");
	printk("       .--\"|\"--.        board   %s", board);
	printk("    .'\\    |    /'.     cpu     %s", cpu);
	printk("   /   \\   |   /   \\    memory  %u MiB in %u bank%s, 0x%010llx to 0x%010llx",
	       mib(memblock_total()), memblock.memory.count, memblock.memory.count == 1 ? "" : "s",
	       memblock_start(), memblock_end());
	printk("  |'-.  \\  |  /  .-'|   image   %u KiB at 0x%010llx, linked at 0x%08x",
	       (u32)(__content_end - __image_start) / 1024, boot_info.image_pa, (u32)IMAGE_START);
	printk("  |   '-.\\ | /.-'   |   build   %.12s, %s, split %ug" MUTANT_WORDS, build,
	       CONFIG_DEBUG ? "debug" :
	       CONFIG_COUNT ? "counting" :
			      "release",
	       CONFIG_VMSPLIT);
	printk("  '--------^--------'   args    %s", bootargs[0] ? bootargs : "(none)");
	printk(" ");
}

static void print_region(const char *name, vaddr_t start, vaddr_t end, const char *kind,
			 const char *rule)
{
	u32 bytes = (u32)end - (u32)start; /* end 0 is the top of the address space */

	printk("  0x%08x %4u MiB  %-9s %-9s  %s", (u32)start, bytes / SZ_1M, name, kind, rule);
}

void report_map(void)
{
	phys_addr_t low_end = pfn_to_pa(mm.low_end_pfn), total = memblock_total();
	phys_addr_t below_4g = ram_below((phys_addr_t)1 << 32), low = ram_below(low_end);
	vaddr_t above = LAYOUT_END;
	struct region region;
	u32 count = 0;

	printk("  start          size  region    kind       rule");
	print_region("", LAYOUT_END, 0, "", "never mapped");
	while (region_get(count, &region)) {
		count++;
	}
	while (count-- > 0) {
		(void)region_get(count, &region);
		if (region.end < above) {
			print_region("", region.end, above, "", "never mapped");
		}
		print_region(region.name, region.start, region.end, region.kind, region.rule);
		above = region.start;
	}
	print_region("user", 0, PAGE_OFFSET, "", "TTBR0; the kernel's part above is TTBR1's");
	printk(" ");
	printk("  lowmem  %6u MiB  physical 0x%010llx to 0x%010llx, always mapped", mib(low),
	       mm.phys_offset, low_end - 1);
	printk("  HighMem %6u MiB  reached through windows only, %u MiB of it above 4 GiB",
	       mib(total - low), mib(total - max(below_4g, low)));
	printk(" ");
}

/* ---- for machines ---- */

/* A line longer than printk's. */
struct json {
	size_t len;
	char text[JSON_MAX];
};

static void json_add(struct json *j, const char *fmt, ...) __printf(2, 3);
static void json_add(struct json *j, const char *fmt, ...)
{
	size_t room = sizeof(j->text) - j->len;
	va_list args;

	va_start(args, fmt);
	j->len += min((size_t)vsnprintf(j->text + j->len, room, fmt, args), room - 1);
	va_end(args);
}

static void print_boot(void)
{
	char board[64], build[41];

	board_name(tree, board, sizeof(board));
	build_id(build, BUILD_ID_BYTES);
	printk("@boot {\"v\":1,\"id\":\"%016llx\",\"build\":\"%s\",\"board\":\"%s\"" MUTANT_KEY "}",
	       this_boot, build, board);
}

static void print_layout(void)
{
	phys_addr_t total = memblock_total(), low = ram_below(pfn_to_pa(mm.low_end_pfn));
	struct zone_info normal;
	struct region region;
	struct json j = { .len = 0 };

	zone_query(ZONE_NORMAL, &normal);
	json_add(&j, "@layout {\"v\":1,\"split\":\"%ug\",\"page_offset\":\"0x%08x\",",
		 CONFIG_VMSPLIT, (u32)PAGE_OFFSET);
	json_add(&j,
		 "\"phys_offset\":\"0x%010llx\",\"ttbr0\":\"0x%010llx\",\"ttbr1\":\"0x%010llx\",",
		 mm.phys_offset, read_ttbr0(), read_ttbr1());
	json_add(
		&j,
		"\"ttbcr\":\"0x%08x\",\"mair0\":\"0x%08x\",\"mair1\":\"0x%08x\",\"sctlr\":\"0x%08x\",",
		read_ttbcr(), read_mair0(), read_mair1(), read_sctlr());
	json_add(&j, "\"mem\":{\"total\":%llu,\"lowmem\":%llu,\"highmem\":%llu,\"reserved\":%llu,",
		 total, low, total - low, memblock_reserved_total());
	json_add(&j, "\"free\":%llu,\"lowmem_free\":%llu},\"regions\":[",
		 pfn_to_pa(free_page_count()), pfn_to_pa(normal.free_pages));
	for (u32 i = 0; region_get(i, &region); i++) {
		json_add(
			&j,
			"%s{\"name\":\"%s\",\"start\":\"0x%08x\",\"size\":\"0x%08x\",\"kind\":\"%s\"}",
			i ? "," : "", region.name, (u32)region.start,
			(u32)(region.end - region.start), region.kind);
	}
	json_add(&j, "]}");
	console_write_line(j.text, j.len);
}

void report_boot(const struct fdt *f)
{
	const char *text = fdt_prop_string(f, fdt_path_node(f, "/chosen"), "bootargs");

	if (text) {
		bootargs = text;
	}
	tree = f;
	this_boot = boot_id(f);
	print_banner(f);
	report_map();
	report_boot_cycles = read_pmccntr();
	report_again();
}

void report_again(void)
{
	print_boot();
	print_layout();
}
