/* SPDX-License-Identifier: BSD-2-Clause */
/* include/lib/list.h: what is on a list, in which order, after each operation. */
#include "check.h"

#include <lib/list.h>

struct item {
	int value;
	struct list link;
};

/* The values on the list as one decimal number, checked in both directions. */
static int values(struct list *head)
{
	struct item *item;
	struct list *node;
	int forth = 0, back = 0, scale = 1;

	list_for_each_entry(item, head, link) {
		forth = 10 * forth + item->value;
	}
	for (node = head->prev; node != head; node = node->prev) {
		back += scale * list_entry(node, struct item, link)->value;
		scale *= 10;
	}
	CHECK_EQ(back, forth);
	return forth;
}

TEST(order_is_kept)
{
	struct list head = LIST_INIT(head);
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };

	CHECK(list_is_empty(&head));
	CHECK(list_first(&head, struct item, link) == NULL);
	list_add_tail(&a.link, &head);
	list_add_tail(&b.link, &head);
	list_add(&c.link, &head);
	CHECK_EQ(values(&head), 312);
	CHECK(list_first(&head, struct item, link) == &c);
	list_del(&a.link);
	CHECK_EQ(values(&head), 32);
	list_del(&a.link);
	CHECK_EQ(values(&head), 32);
	list_add(&a.link, &c.link);
	CHECK_EQ(values(&head), 312);
}

TEST(entries_may_go_while_visited)
{
	struct list head = LIST_INIT(head);
	struct item items[9], *item, *tmp;
	int i;

	for (i = 0; i < 9; i++) {
		items[i].value = i + 1;
		list_add_tail(&items[i].link, &head);
	}
	list_for_each_entry_safe(item, tmp, &head, link) {
		if (item->value % 3 != 0) {
			list_del(&item->link);
			item->link.next = NULL;
		}
	}
	CHECK_EQ(values(&head), 369);
}

TEST(splice_moves_all_behind)
{
	struct list one = LIST_INIT(one), two = LIST_INIT(two);
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };

	list_splice_tail(&two, &one);
	CHECK(list_is_empty(&one));
	list_add_tail(&a.link, &one);
	list_add_tail(&b.link, &two);
	list_add_tail(&c.link, &two);
	list_splice_tail(&two, &one);
	CHECK_EQ(values(&one), 123);
	CHECK(list_is_empty(&two));
	list_splice_tail(&one, &two);
	CHECK_EQ(values(&two), 123);
	CHECK(list_is_empty(&one));
}
