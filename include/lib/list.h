/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A doubly linked list whose links live inside the objects. The head is a link too, so
 * an empty list points at itself and no operation has a special case. Locking is the
 * caller's; nothing here sleeps or allocates.
 */
#pragma once

#include <types.h>

struct list {
	struct list *next;
	struct list *prev;
};

/* Initialiser for a static head: struct list waiters = LIST_INIT(waiters); */
#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* Puts node between two neighbours. */
static inline void list_link_(struct list *node, struct list *prev, struct list *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

/* Adds behind `at`: at the front, when that is the head. */
static inline void list_add(struct list *node, struct list *at)
{
	list_link_(node, at, at->next);
}

/* Adds before `at`: at the end, when that is the head. */
static inline void list_add_tail(struct list *node, struct list *at)
{
	list_link_(node, at->prev, at);
}

/* Unlinks and leaves node a list of its own, so a second list_del is harmless. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *from, struct list *to)
{
	if (!list_is_empty(from)) {
		from->next->prev = to->prev;
		from->prev->next = to;
		to->prev->next = from->next;
		to->prev = from->prev;
		list_init(from);
	}
}

#define list_entry(node, type, member) container_of(node, type, member)

/* The first object, or NULL when the list is empty. */
#define list_first(head, type, member) \
	(list_is_empty(head) ? (type *)NULL : list_entry((head)->next, type, member))

/* Visits each object; the current one must stay linked meanwhile. */
#define list_for_each_entry(pos, head, member)                             \
	for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member); \
	     &(pos)->member != (head);                                     \
	     (pos) = list_entry((pos)->member.next, __typeof__(*(pos)), member))

/* The same, when the current object may be unlinked or freed; `tmp` is a second cursor. */
#define list_for_each_entry_safe(pos, tmp, head, member)                        \
	for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member),      \
	    (tmp) = list_entry((pos)->member.next, __typeof__(*(pos)), member); \
	     &(pos)->member != (head);                                          \
	     (pos) = (tmp), (tmp) = list_entry((tmp)->member.next, __typeof__(*(tmp)), member))
