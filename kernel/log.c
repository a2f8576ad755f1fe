/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the log: a ring of lines that end in NUL. Positions count all bytes ever written, modulo
 * 2^32, so a reader sees when the writer has overtaken it. No lock: one writer at a time
 * (the console's lock), who moves `tail` before it overwrites and `head` when the line is there.
 */
#include <kernel/log.h>

#include <arch/barrier.h>
#include <lib/string.h>
#include <mm/page_alloc.h>

#define LOG_ORDER   2 /* 16 KiB */
#define EARLY_BYTES 512

static char early[EARLY_BYTES];

static struct {
	char *ring;
	u32 size;	/* a power of two */
	u32 tail, head; /* the oldest line's position, and where the next one goes */
} log = { .ring = early, .size = EARLY_BYTES };

static char *byte_at(u32 position)
{
	return &log.ring[position & (log.size - 1)]; /* pa-ok: an offset in the ring */
}

static u32 skip_line(u32 at)
{
	while (*byte_at(at++)) {
	}
	return at;
}

void log_append(const char *line, size_t len)
{
	u32 tail = log.tail, head = log.head;

	len = min(len, (size_t)LOG_LINE_MAX - 1);
	while (head + len + 1 - tail > log.size) {
		tail = skip_line(tail);
	}
	WRITE_ONCE(log.tail, tail);
	dmb_ishst(); /* before its bytes change */
	for (size_t i = 0; i < len; i++) {
		*byte_at(head++) = line[i];
	}
	*byte_at(head++) = '\0';
	dmb_ishst(); /* the line, before it can be found */
	WRITE_ONCE(log.head, head);
}

u32 log_start(void)
{
	return READ_ONCE(log.tail);
}

bool log_next(u32 *at, char *line, size_t size)
{
	u32 head = READ_ONCE(log.head), tail, from;
	size_t len;

	do {
		tail = READ_ONCE(log.tail);
		from = (s32)(*at - tail) < 0 ? tail : *at;
		if (from == head) {
			return false;
		}
		dmb_ish(); /* where it is, before what it says */
		for (len = 0; len < LOG_LINE_MAX && *byte_at(from + len); len++) {
			line[min(len, size - 1)] = *byte_at(from + len);
		}
		line[min(len, size - 1)] = '\0';
		dmb_ish(); /* what it says, before it may have been overwritten */
	} while ((s32)(from - READ_ONCE(log.tail)) < 0);
	*at = from + len + 1;
	return true;
}

/* Boot: nobody reads or writes meanwhile. */
void log_init(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, LOG_ORDER);
	u32 head = 0;
	char *ring;

	if (!page) {
		return;
	}
	ring = lowmem_page_address(page);
	for (u32 i = log.tail; i != log.head; i++) {
		ring[head++] = *byte_at(i);
	}
	log.ring = ring;
	log.size = PAGE_SIZE << LOG_ORDER;
	log.tail = 0;
	log.head = head;
}
