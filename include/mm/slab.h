/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slab: small objects cut from lowmem pages. kmalloc size classes 16, 32, 64 … 2048 bytes,
 * each with a per-CPU stack of free objects; larger requests go to the page allocator.
 *
 * irq-safe, never sleeps. Freeing what is not an object is a BUG ("slab.free_not_object"), and
 * so is freeing one twice in a row ("slab.double_free"); DEBUG=1 finds every object that is freed
 * twice, and by poison those that are written to while free ("slab.use_after_free").
 */
#pragma once

#include <arch/current.h>
#include <arch/irqflags.h>
#include <config.h>
#include <types.h>

#define KMALLOC_MIN	16
#define KMALLOC_MAX	2048
#define KMALLOC_CLASSES 8

/*
 * A CPU's free objects of one class, one cache line: used with interrupts masked. `top`
 * is where the next freed object goes; below the first there is NULL. The stack is full
 * when top reaches the end, which a 64-byte boundary shows.
 */
struct slab_stack {
	void **top;
	void *bottom; /* NULL */
	void *object[14];
} __aligned(64);

struct slab_cpu {
	struct slab_stack stack[KMALLOC_CLASSES];
	/* what kfree() needs to know of mm, near the stacks */
	u32 lowmem_bytes; /* of the direct mapping */
	u32 page_bias;	  /* mm.low_page_bias */
};
DECLARE_PER_CPU(struct slab_cpu, slab_cpu);

/* From the slabs, when the stack is empty. */
void *__must_check slab_alloc_slow(u32 class);

/* An object of a class; inline, for it is short when the class is a constant. */
static __always_inline __must_check void *slab_alloc(u32 class)
{
	u32 flags = irq_save();
	struct slab_stack *stack = this_cpu_ptr(slab_cpu.stack[class]);
	void **top = stack->top;
	void *object = *--top;

	if (unlikely(CONFIG_DEBUG || !object)) {
		irq_restore(flags);
		return slab_alloc_slow(class);
	}
	stack->top = top;
	irq_restore(flags);
	return object;
}

/* Any size, not known when compiled. */
void *__must_check kmalloc_any(size_t size);

static __always_inline u32 kmalloc_class(size_t size)
{
	return size <= KMALLOC_MIN ? 0 : 28 - (u32)__builtin_clz((u32)size - 1);
}

/* size bytes, aligned to the next power of two of their size up to 4096, and to 16 at least.
 * NULL: no memory. Not zeroed. */
static __always_inline __must_check void *kmalloc(size_t size)
{
	if (HOT_INLINE && __builtin_constant_p(size) && size <= KMALLOC_MAX) {
		return slab_alloc(kmalloc_class(size));
	}
	return kmalloc_any(size);
}

void *__must_check kzalloc(size_t size);

/* NULL is allowed. */
void kfree(void *object);

/* Boot, after page_alloc_init(). */
void slab_init(void);

/* Each other CPU, before it allocates: its stacks start empty. */
void slab_cpu_init(void);

/* Hands this CPU's free objects and all empty slabs back to the page allocator, for baselines. */
void slab_shrink(void);
