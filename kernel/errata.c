/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the table of errata: who is affected, by MIDR and REVIDR, and what is done. What only
 * firmware can set (registers that are the secure world's) is read back and reported.
 *
 * Locks: none; the work-around for 798181 calls other CPUs (smp.c).
 */
#include <kernel/errata.h>

#include <arch/cpreg.h>
#include <arch/irqflags.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <errno.h>
#include <kernel/smp.h>
#include <lib/printf.h>
#include <printk.h>

#define CORTEX_A7  0x410fc070u
#define CORTEX_A15 0x410fc0f0u
#define BRAHMA_B15 0x420f00f0u

/* A revision rXpY as the MIDR has it: variant in bits 23:20, revision in 3:0. */
#define REV(r, p)    ((r) << 4 | (p))
#define REV_OF(midr) (((midr) >> 16 & 0xf0) | ((midr)&0xf))
#define REV_ALL	     0xff

enum how {
	HOW_BROADCAST, /* by tlb_after_broadcast */
	HOW_ACTLR,     /* the kernel sets bits in ACTLR, where it may */
	HOW_FIRMWARE,  /* firmware has to set bits in ACTLR */
	HOW_L2ACTLR,   /* or in L2ACTLR */
	HOW_ACTLR2,    /* or in ACTLR2, which not every world may read */
	HOW_BUILT_IN,  /* always done, on any CPU */
	HOW_NOTHING,   /* concerns what this kernel does not do */
};

static const struct erratum {
	char name[12];
	u32 part;	  /* MIDR without variant and revision */
	u8 from, to;	  /* revisions, inclusive */
	u8 how;		  /* enum how */
	u32 revidr_fixed; /* any of these REVIDR bits: repaired */
	u32 bits;	  /* of the register */
	const char *what;
} errata[] = {
	{ "798181", CORTEX_A15, REV(0, 0), REV(3, 3), HOW_BROADCAST, 0, 0,
	  "a broadcast TLBI may end too early" },
	{ "798181-B15", BRAHMA_B15, REV(0, 0), REV(0, 2), HOW_BROADCAST, 0, 0,
	  "a broadcast TLBI may end too early" },
	{ "773022", CORTEX_A15, REV(0, 0), REV(0, 4), HOW_ACTLR, 0, 1u << 1,
	  "the loop buffer may give wrong instructions" },
	{ "774769", CORTEX_A15, REV(0, 0), REV(0, 4), HOW_FIRMWARE, 0, 1u << 25,
	  "streaming stores may corrupt data" },
	{ "801819", CORTEX_A15, REV(2, 0), REV(2, 4), HOW_FIRMWARE, 1u << 3, 0xfu << 25,
	  "streaming stores may hang the L2" },
	{ "798870", CORTEX_A15, REV(2, 0), REV(2, 15), HOW_L2ACTLR, 0, 1u << 7,
	  "a read may stall in the L2" },
	{ "827671", CORTEX_A15, REV(3, 0), REV_ALL, HOW_ACTLR2, 0, 1u << 0,
	  "an invalidated line may lose what others wrote" },
	{ "766422", CORTEX_A15, REV(0, 4), REV(0, 4), HOW_NOTHING, 0, 0,
	  "a hypervisor may be told a wrong register" },
	{ "814220", CORTEX_A7, REV(0, 0), REV_ALL, HOW_BUILT_IN, 0, 0,
	  "set/way maintenance of two levels may overtake" },
	/* The predictor is flushed only if IBE is set; then by ICIALLU, when user code changes. */
	{ "ACTLR.IBE", CORTEX_A15, REV(0, 0), REV_ALL, HOW_FIRMWARE, 0, 1u << 0,
	  "branch predictor flush (CVE-2017-5715)" },
};

STATIC_ASSERT(ARRAY_SIZE(errata) <= 32);
static u32 needed;  /* bits: some CPU is affected; atomic */
static u32 missing; /* some affected CPU's register does not have the bits; atomic */
static u32 forced;  /* constant after boot */

/* Words read back, of the CPU that looked last; all have one firmware. */
static u32 actlr_seen, l2actlr_seen, actlr2_seen;
static bool actlr2_hidden; /* reading it is undefined, as in QEMU */

/* ---- 798181 ---- */

static u32 barriers; /* atomic */

static void execute_barrier(__unused void *arg)
{
	dmb_ish(); /* the accesses that used the old translation, before the caller goes on */
	__atomic_fetch_add(&barriers, 1, __ATOMIC_RELAXED);
}

enum extent { EXTENT_NONE = 0, EXTENT_REPEAT = 1, EXTENT_BARRIERS = 3 };
static u32 extent; /* the most that some CPU needs: the values contain each other; atomic */

/*
 * A CPU may answer a broadcast while an access by the old entry is still under way. One more
 * invalidation and a DSB; and, on most revisions, a DMB on every CPU, which only an interrupt can
 * bring about.
 */
static void broadcast_again(void)
{
	tlbi_nothing(0);
	dsb_ish(); /* the second one, complete, before the others are asked */
	if (extent == EXTENT_BARRIERS && cpu_count() > 1) {
		smp_call(cpus_online(), execute_barrier, NULL);
	}
}

/* REVIDR bit 4: repaired in part; bit 9: wholly, from r2p4 on. */
static enum extent extent_of(u32 rev, u32 revidr)
{
	enum extent unless_repaired = revidr & (1u << 4) ? EXTENT_REPEAT : EXTENT_BARRIERS;

	if (rev < REV(2, 2)) {
		return EXTENT_BARRIERS;
	}
	if (rev < REV(2, 4)) {
		return unless_repaired;
	}
	if (rev < REV(3, 3)) {
		return (revidr & 0x210) == 0x200 ? EXTENT_NONE : unless_repaired;
	}
	return revidr & (1u << 9) ? EXTENT_NONE : EXTENT_REPEAT;
}

static void use_798181(enum extent wanted)
{
	__atomic_fetch_or(&extent, wanted, __ATOMIC_RELAXED);
	dmb_ishst(); /* how far it goes, before anybody does it */
	WRITE_ONCE(tlb_after_broadcast, broadcast_again);
}

bool errata_798181_set(bool on)
{
	bool was = tlb_after_broadcast != NULL;

	if (on) {
		use_798181(EXTENT_BARRIERS);
	} else {
		WRITE_ONCE(tlb_after_broadcast, NULL);
	}
	return was;
}

u32 errata_798181_count(void)
{
	return READ_ONCE(barriers);
}

/* ---- the table ---- */

static bool affected(const struct erratum *e, u32 midr, u32 revidr)
{
	u32 rev = REV_OF(midr);

	if ((midr & 0xff0ffff0u) != e->part || rev < e->from || rev > e->to ||
	    (revidr & e->revidr_fixed)) {
		return false;
	}
	return e->how != HOW_BROADCAST || e->part != CORTEX_A15 ||
	       extent_of(rev, revidr) != EXTENT_NONE;
}

/* False: there is none, or it is the secure world's (Cortex-A15 TRM 4.3.29). */
static bool actlr2_read(u32 *value)
{
	register u32 status __asm__("r12") = 0;

	*value = 0;
	__asm__ volatile("1:	mrc	p15, 1, %0, c15, c0, 4\n2:\n" EX_TABLE_1_TO_2
			 : "+r"(*value), "+r"(status));
	return status == 0;
}

static bool bits_are_set(const struct erratum *e)
{
	switch (e->how) {
	case HOW_ACTLR:
		write_actlr(read_actlr() | e->bits); /* ignored where it is the secure world's */
		isb();				     /* the write, before it is read back */
		break;
	case HOW_L2ACTLR:
		l2actlr_seen = read_l2actlr();
		return (l2actlr_seen & e->bits) == e->bits;
	case HOW_ACTLR2:
		actlr2_hidden = !actlr2_read(&actlr2_seen);
		return actlr2_hidden || (actlr2_seen & e->bits) == e->bits;
	case HOW_FIRMWARE:
		break;
	default:
		return true;
	}
	actlr_seen = read_actlr();
	return (actlr_seen & e->bits) == e->bits;
}

void errata_apply_cpu(void)
{
	u32 midr = read_midr(), revidr = read_revidr();

	if (revidr == midr) {
		revidr = 0; /* there is none (B4.1.128) */
	}
	for (u32 i = 0; i < ARRAY_SIZE(errata); i++) {
		const struct erratum *e = &errata[i];

		if (affected(e, midr, revidr)) {
			__atomic_fetch_or(&needed, 1u << i, __ATOMIC_RELAXED);
		} else if (!(forced & (1u << i))) {
			continue;
		}
		if (e->how == HOW_BROADCAST) {
			use_798181((forced & (1u << i)) || e->part != CORTEX_A15 ?
					   EXTENT_BARRIERS :
					   extent_of(REV_OF(midr), revidr));
		} else if (!bits_are_set(e)) {
			__atomic_fetch_or(&missing, 1u << i, __ATOMIC_RELAXED);
		}
	}
}

int errata_force(struct span name)
{
	for (u32 i = 0; i < ARRAY_SIZE(errata); i++) {
		if (span_eq(name, errata[i].name) &&
		    (errata[i].how == HOW_BROADCAST || errata[i].how == HOW_ACTLR)) {
			forced |= 1u << i;
			return 0;
		}
	}
	return -ENOENT;
}

static const char *decision(u32 i)
{
	static const char *const texts[] = {
		[HOW_BROADCAST] = "barriers on all CPUs", [HOW_ACTLR] = "set",
		[HOW_FIRMWARE] = "set by firmware",	  [HOW_L2ACTLR] = "set by firmware",
		[HOW_ACTLR2] = "set by firmware",	  [HOW_BUILT_IN] = "always avoided",
		[HOW_NOTHING] = "of no effect here",
	};

	if (!((needed | forced) & (1u << i))) {
		return "no CPU affected";
	}
	if (errata[i].how == HOW_BROADCAST && READ_ONCE(extent) == EXTENT_REPEAT) {
		return "each repeated";
	}
	if (errata[i].how == HOW_ACTLR2 && actlr2_hidden) {
		return "firmware's to set, and hidden from us";
	}
	return missing & (1u << i) ? "NOT SET, and is firmware's to set" : texts[errata[i].how];
}

static void print_one(u32 i)
{
	const struct erratum *e = &errata[i];
	char text[48] = "";

	bool l2 = e->how == HOW_L2ACTLR, second = e->how == HOW_ACTLR2;

	if (e->bits && ((needed | forced) & (1u << i)) && !(second && actlr2_hidden)) {
		(void)snprintf(text, sizeof(text), " (%s %08x, bits %08x)",
			       l2     ? "L2ACTLR" :
			       second ? "ACTLR2" :
					"ACTLR",
			       l2     ? l2actlr_seen :
			       second ? actlr2_seen :
					actlr_seen,
			       e->bits);
	}
	printk("errata: %-10s %s: %s%s%s", e->name, e->what,
	       forced & ~needed & (1u << i) ? "forced: " : "", decision(i), text);
}

void errata_print(bool all)
{
	printk("errata: %u known, MIDR %08x, REVIDR %08x", (u32)ARRAY_SIZE(errata), read_midr(),
	       read_revidr());
	for (u32 i = 0; i < ARRAY_SIZE(errata); i++) {
		if (all || ((needed | forced) & (1u << i))) {
			print_one(i);
		}
	}
}
