/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the recorder's counts and each CPU's last events (DEBUG=1). Must never execute what it
 * records, take a lock, or touch anything but memory: its hooks are inside locks, windows and
 * reports. A CPU writes its own ring, with interrupts masked; what reads another's takes what it
 * finds.
 */
#include <arch/record.h>

#if CONFIG_DEBUG

#include <arch/current.h>

#define RING_EVENTS 512 /* a power of two */

struct recorder {
	u32 counts[RECORD_KINDS];
	u32 events; /* that ever went into the ring */
	struct record_event ring[RING_EVENTS];
};
static struct recorder recorders[NR_CPUS];
static u32 last_order;
static bool started;

vaddr_t record_suspect;
void (*record_observer)(const struct record_event *event);

static const char *const names[] = {
#define RECORD_NAME(name, text) [RECORD_##name] = (text),
	RECORD_KINDS_LIST(RECORD_NAME)
#undef RECORD_NAME
};

const char *record_kind_name(enum record_kind kind)
{
	return kind < RECORD_KINDS ? names[kind] : "?";
}

void record_start(void)
{
	started = true;
}

void record_stop(void)
{
	started = false;
}

/* Each spinlock that is dropped executes both: they would push out all that is worth keeping. */
static bool is_kept(enum record_kind kind)
{
	return kind != RECORD_DSB_ISHST && kind != RECORD_RELEASE;
}

/* Interrupts are masked; flags: whether they were before. */
static void note(struct record_event *event, u32 flags)
{
	void (*observer)(const struct record_event *) = READ_ONCE(record_observer);
	const struct thread_core *core = current_core();
	struct recorder *mine = &recorders[core->cpu];

	event->order = __atomic_add_fetch(&last_order, 1, __ATOMIC_RELAXED);
	event->cpu = (u8)core->cpu;
	event->masked = flags & CPSR_I;
	event->in_irq = core->atomic & ATOMIC_IRQ;
	mine->counts[event->kind]++;
	if (is_kept((enum record_kind)event->kind)) {
		mine->ring[mine->events++ % RING_EVENTS] = *event;
	}
	if (observer) {
		observer(event);
	}
}

__noinline void record(enum record_kind kind, u32 address, u64 old, u64 value)
{
	struct record_event event = {
		.pc = (u32)(vaddr_t)__builtin_return_address(0),
		.kind = (u8)kind,
		.address = address,
		.old = old,
		.value = value,
	};

	if (started) {
		u32 flags = irq_save();

		note(&event, flags);
		irq_restore(flags);
	}
}

__noinline void record_store(const struct record_store *begun, const u64 *entry, u64 value)
{
	struct record_event event = {
		.pc = (u32)(vaddr_t)__builtin_return_address(0),
		.kind = RECORD_WRITE,
		.address = (u32)(vaddr_t)entry,
		.old = begun->old,
		.value = value,
	};

	if (started) {
		note(&event, begun->flags);
	}
	irq_restore(begun->flags);
}

u32 record_count(u32 cpu, enum record_kind kind)
{
	return READ_ONCE(recorders[cpu].counts[kind]);
}

bool record_get(u32 cpu, u32 n, struct record_event *event)
{
	u32 events = READ_ONCE(recorders[cpu].events);

	if (n >= min(events, (u32)RING_EVENTS)) {
		return false;
	}
	*event = recorders[cpu].ring[(events - 1 - n) % RING_EVENTS];
	return true;
}

#endif
