/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the slabs: lowmem pages cut into objects of one size class, and each CPU's stacks of
 * free objects in front of them. Must never sleep, and never write into an object that
 * somebody holds.
 *
 * A free object is either on a CPU's stack, or on its slab's list: then its first byte is
 * the number of the list's next object. A slab with free objects is on its class's list of
 * partial slabs. Empty slabs stay there until a quarter of that list is empty: then one
 * walk frees them all, so a slab costs at most four steps of it.
 *
 * A class's lock guards its lists and its slabs' fields in struct page; stacks are used with
 * interrupts masked. Order: class, then nothing: pages come and go without the lock.
 */
#include <mm/slab.h>

#include <arch/spinlock.h>
#include <bug.h>
#include <interleave.h>
#include <lib/string.h>
#include <mm/page_alloc.h>

#define OBJECT_SHIFT(class) (4 + (class))
STATIC_ASSERT(KMALLOC_MIN == 1 << OBJECT_SHIFT(0));
STATIC_ASSERT(KMALLOC_MAX == 1 << OBJECT_SHIFT(KMALLOC_CLASSES - 1));

#define STACK_BATCH 7 /* objects moved between a stack and the slabs at once */

/* In page->index of a block of pages that is one large object. */
#define LARGE_MAGIC 0x4c415247u

struct slab_class {
	spinlock_t lock;
	/* under lock */
	pfn_t partial; /* slabs with free objects */
	u32 partials;
	u32 empties; /* of these, without any object in use */
};

static struct slab_class classes[KMALLOC_CLASSES];

DEFINE_PER_CPU(struct slab_cpu, slab_cpu) __aligned(64);

static inline u32 slab_objects(u32 class)
{
	return PAGE_SIZE >> OBJECT_SHIFT(class);
}

static inline struct slab_stack *this_stack(u32 class)
{
	return this_cpu_ptr(slab_cpu.stack[class]);
}

static inline bool stack_is_full(const struct slab_stack *stack)
{
	return ((vaddr_t)stack->top & (sizeof(*stack) - 1)) == 0;
}

/* ---- DEBUG: a free object holds a pattern, but for the byte of its slab's list ---- */

#define POISON_FREE 0x6b6b6b6bu
#define POISON_NEW  0x5a5a5a5au

static void object_fill(u32 *object, u32 class, u32 pattern)
{
	for (u32 i = 0; i < 1u << OBJECT_SHIFT(class) >> 2; i++) {
		object[i] = pattern;
	}
}

/* The index of the first word, from the second on, that is not the pattern of free ones. */
static u32 object_poisoned(const u32 *object, u32 class)
{
	u32 i = 1;

	while (i < 1u << OBJECT_SHIFT(class) >> 2 && object[i] == POISON_FREE) {
		i++;
	}
	return i;
}

static __noinline void debug_alloc(u32 *object, u32 class)
{
	u32 i = object_poisoned(object, class);

	BUG_ON(i < 1u << OBJECT_SHIFT(class) >> 2, "slab.use_after_free",
	       "free object %p of %u bytes: 0x%08x at offset %u", (void *)object,
	       1u << OBJECT_SHIFT(class), object[i], i * 4);
	object_fill(object, class, POISON_NEW);
}

static __noinline void debug_free(u32 *object, u32 class)
{
	BUG_ON(object_poisoned(object, class) == 1u << OBJECT_SHIFT(class) >> 2, "slab.double_free",
	       "object %p of %u bytes is free already", (void *)object, 1u << OBJECT_SHIFT(class));
	object_fill(object, class, POISON_FREE);
}

/* ---- slabs, under their class's lock ---- */

static void partial_push(struct slab_class *class, struct page *slab)
{
	slab->slab_next = class->partial;
	class->partial = page_to_pfn(slab);
	class->partials++;
}

/* The next object of the first partial slab. */
static void *partial_take(struct slab_class *class, u32 id)
{
	struct page *slab = pfn_to_page(class->partial);
	u32 number = slab->slab_free;
	u8 *object = (u8 *)lowmem_page_address(slab) + (number << OBJECT_SHIFT(id));

	BUG_ON(number >= slab_objects(id), "slab.use_after_free",
	       "page %08x: its list of free objects leads to number %u", page_to_pfn(slab), number);
	class->empties -= slab->slab_inuse == 0;
	slab->slab_inuse++;
	slab->slab_free = object[0];
	if (slab->slab_inuse == slab_objects(id)) {
		class->partial = slab->slab_next;
		class->partials--;
	}
	return object;
}

static void object_return(struct slab_class *class, u32 id, u8 *object)
{
	struct page *slab = virt_to_page(object);

	BUG_ON(slab->slab_inuse == 0, "slab.double_free",
	       "object %p, and no object in use beside it", (void *)object);
	if (slab->slab_inuse == slab_objects(id)) {
		partial_push(class, slab);
	}
	slab->slab_inuse--;
	class->empties += slab->slab_inuse == 0;
	object[0] = slab->slab_free;
	slab->slab_free = (u8)((vaddr_t)object % PAGE_SIZE >> OBJECT_SHIFT(id));
}

/* Unlinks the empty slabs, if they are enough to pay for the walk; returns their list. */
static pfn_t empties_take(struct slab_class *class, bool all)
{
	pfn_t *link = &class->partial, found = 0;

	if (class->empties == 0 || (!all && class->empties * 4 <= class->partials + 4)) {
		return 0;
	}
	while (*link) {
		struct page *slab = pfn_to_page(*link);

		if (slab->slab_inuse == 0) {
			pfn_t pfn = *link;

			*link = slab->slab_next;
			slab->slab_next = found;
			found = pfn;
		} else {
			link = &slab->slab_next;
		}
	}
	class->partials -= class->empties;
	class->empties = 0;
	return found;
}

/* ---- slabs and pages, without the lock ---- */

static void slabs_free(pfn_t list)
{
	while (list) {
		struct page *slab = pfn_to_page(list);

		list = slab->slab_next;
		slab->flags = PAGE_ALLOCATED;
		free_page(slab);
	}
}

static struct page *slab_create(u32 id)
{
	struct page *slab = alloc_page(GFP_KERNEL);
	u32 objects = slab_objects(id);
	u8 *object;

	if (!slab) {
		return NULL;
	}
	object = lowmem_page_address(slab);
	for (u32 i = 0; i < objects; i++, object += 1u << OBJECT_SHIFT(id)) {
		if (CONFIG_DEBUG) {
			object_fill((u32 *)object, id, POISON_FREE);
		}
		object[0] = (u8)(i + 1); /* the last one's is never followed */
	}
	slab->slab_class = (u8)id;
	slab->slab_free = 0;
	slab->slab_inuse = 0;
	slab->flags = PAGE_SLAB | ((1u << OBJECT_SHIFT(id)) - 1) << PAGE_SLAB_SHIFT;
	return slab;
}

/* ---- stacks, interrupts masked ---- */

/* Puts a few objects on an empty stack: the slab's among them, if it is not NULL. */
static void stack_take(struct slab_stack *stack, u32 id, struct page *slab)
{
	struct slab_class *class = &classes[id];

	spin_raw_lock(&class->lock);
	if (slab) {
		partial_push(class, slab);
		class->empties++;
	}
	for (u32 i = 0; i < STACK_BATCH && class->partial; i++) {
		*stack->top++ = partial_take(class, id);
	}
	spin_raw_unlock(&class->lock);
}

/* False: no memory. */
static bool stack_refill(struct slab_stack *stack, u32 id)
{
	bool seen = READ_ONCE(classes[id].partial) != 0;

	interleave_point(POINT_SLAB_LOOKED);
	if (seen) {
		stack_take(stack, id, NULL); /* nothing, if others were faster */
	}
	if (!stack->top[-1]) {
		stack_take(stack, id, slab_create(id));
	}
	return stack->top[-1];
}

/* Gives the objects from the bottom, which have been there longest, back to their slabs. */
static void stack_drain(struct slab_stack *stack, u32 id, u32 count)
{
	struct slab_class *class = &classes[id];
	pfn_t empties;
	u32 left;

	spin_raw_lock(&class->lock);
	for (u32 i = 0; i < count; i++) {
		object_return(class, id, stack->object[i]);
	}
	empties = empties_take(class, false);
	spin_raw_unlock(&class->lock);
	slabs_free(empties);
	stack->top -= count;
	left = (u32)(stack->top - stack->object);
	for (u32 i = 0; i < left; i++) {
		stack->object[i] = stack->object[i + count];
	}
}

/* ---- kmalloc ---- */

void *slab_alloc_slow(u32 id)
{
	u32 flags = irq_save();
	struct slab_stack *stack = this_stack(id);
	void *object = NULL;

	if (alloc_fails()) {
		irq_restore(flags);
		return NULL;
	}
	if (stack->top[-1] || stack_refill(stack, id)) {
		object = *--stack->top;
	}
	irq_restore(flags);
	if (CONFIG_DEBUG && object) {
		debug_alloc(object, id);
	}
	return object;
}

static __noinline __cold void *kmalloc_large(size_t size)
{
	u32 order = size > PAGE_SIZE << MAX_ORDER ? MAX_ORDER + 1 :
		    size <= PAGE_SIZE		  ? 0 :
						    20 - (u32)__builtin_clz((u32)size - 1);
	struct page *page = alloc_pages(GFP_KERNEL, order);

	if (!page) {
		return NULL;
	}
	page->index = LARGE_MAGIC;
	return lowmem_page_address(page);
}

void *kmalloc_any(size_t size)
{
	if (alloc_fails()) {
		return NULL;
	}
	if (size > KMALLOC_MAX) {
		return kmalloc_large(size);
	}
	return slab_alloc(kmalloc_class(size));
}

void *kzalloc(size_t size)
{
	void *object = alloc_fails() ? NULL : kmalloc_any(size);

	return object ? memset(object, 0, size) : NULL;
}

/* ---- kfree ---- */

/* True for an address that is no object's: the page is no slab, or it is between two objects. */
static __always_inline bool is_no_object(const struct page *page, vaddr_t object)
{
	u32 flags = page->flags;
	STATIC_ASSERT(PAGE_STATE_MASK == 0xffffffffu >> 28);

	/* Nothing stands above the object size in a slab's flags: lowmem has no kmap windows. */
	return ((object & (flags >> PAGE_SLAB_SHIFT)) | flags << 28) != (u32)PAGE_SLAB << 28;
}

/* Not in a slab: NULL, a large object, or a mistake. */
static void kfree_other(void *object)
{
	struct page *page;

	if (!object) {
		return;
	}
	if (is_lowmem(object) && IS_ALIGNED((vaddr_t)object, PAGE_SIZE)) {
		page = virt_to_page(object);
		if (page_state(page) == PAGE_ALLOCATED && page->index == LARGE_MAGIC) {
			page->index = 0;
			free_pages(page, page_order(page));
			return;
		}
	}
	bug("slab.free_not_object", "%p was not allocated by kmalloc", object);
}

/* Everything but an object that its CPU's stack has room for. */
static __noinline void kfree_slow(void *object)
{
	struct slab_stack *stack;
	u32 flags, id;

	if (!is_lowmem(object) || is_no_object(virt_to_page(object), (vaddr_t)object)) {
		kfree_other(object);
		return;
	}
	id = virt_to_page(object)->slab_class;
	if (CONFIG_DEBUG) {
		debug_free(object, id);
	}
	flags = irq_save();
	stack = this_stack(id);
	BUG_ON(stack->top[-1] == object, "slab.double_free", "object %p was freed just before",
	       object);
	if (stack_is_full(stack)) {
		stack_drain(stack, id, STACK_BATCH);
	}
	*stack->top++ = object;
	irq_restore(flags);
}

void kfree(void *object)
{
	u32 flags = irq_save();
	struct slab_cpu *cpu = this_cpu_ptr(slab_cpu);
	const struct page *page;
	struct slab_stack *stack;
	void **top;

	if (unlikely(CONFIG_DEBUG || (vaddr_t)object - PAGE_OFFSET >= cpu->lowmem_bytes)) {
		goto slow;
	}
	page = (const struct page *)(cpu->page_bias + (((vaddr_t)object >> PAGE_SHIFT) << 4));
	if (unlikely(is_no_object(page, (vaddr_t)object))) {
		goto slow;
	}
	stack = &cpu->stack[page->slab_class];
	top = stack->top;
	if (unlikely(stack_is_full(stack) || top[-1] == object)) {
		goto slow;
	}
	*top = object;
	stack->top = top + 1;
	irq_restore(flags);
	return;
slow:
	irq_restore(flags);
	kfree_slow(object);
}

/* ---- boot and baselines ---- */

__cold void slab_shrink(void)
{
	for (u32 id = 0; id < KMALLOC_CLASSES; id++) {
		u32 flags = irq_save();
		struct slab_stack *stack = this_stack(id);
		pfn_t empties;

		stack_drain(stack, id, (u32)(stack->top - stack->object));
		spin_raw_lock(&classes[id].lock);
		empties = empties_take(&classes[id], true);
		spin_raw_unlock(&classes[id].lock);
		irq_restore(flags);
		slabs_free(empties);
	}
}

__cold void slab_cpu_init(void)
{
	struct slab_cpu *cpu = this_cpu_ptr(slab_cpu);

	BUG_ON(!IS_ALIGNED((vaddr_t)cpu, sizeof(struct slab_stack)), "slab.percpu",
	       "per-CPU data at %p are not aligned", (void *)cpu);
	for (u32 id = 0; id < KMALLOC_CLASSES; id++) {
		cpu->stack[id].bottom = NULL;
		cpu->stack[id].top = cpu->stack[id].object;
	}
	cpu->lowmem_bytes = mm.lowmem_end - PAGE_OFFSET;
	cpu->page_bias = mm.low_page_bias;
}

__cold void slab_init(void)
{
	for (u32 class = 0; class < KMALLOC_CLASSES; class ++) {
		classes[class].lock = (spinlock_t)SPINLOCK_RANKED(LOCK_RANK_MEMORY);
	}
	slab_cpu_init();
}
