/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words everything else is written in: fixed-width integers, the address
 * types, and the few compiler idioms we use.
 *
 * An address is one of three things, and the types say which:
 *   void * / vaddr_t   virtual, 32 bits: what a load or store uses
 *   phys_addr_t        physical, 40 bits in a 64-bit word: what a descriptor holds
 *   pfn_t              a page's number: physical >> 12, fits 32 bits
 * Bus addresses (dma_addr_t) are a fourth, and never mixed with these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef unsigned int u32; /* not uint32_t, a long in this ABI: %u and %x mean u32 */
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int s32;
typedef int64_t s64;

typedef u64 phys_addr_t;
typedef u32 pfn_t;
typedef u64 dma_addr_t;

/* Pointer-sized on every build: 32 bits on the target, the host's size in host tests. */
typedef uintptr_t vaddr_t;

#define SZ_4K	0x00001000u
#define SZ_8K	0x00002000u
#define SZ_64K	0x00010000u
#define SZ_512K 0x00080000u
#define SZ_1M	0x00100000u
#define SZ_2M	0x00200000u
#define SZ_4M	0x00400000u
#define SZ_16M	0x01000000u
#define SZ_1G	0x40000000u

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1u << PAGE_SHIFT)

#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define __section(name) __attribute__((section(name)))
#define __used		__attribute__((used))
#define __unused	__attribute__((unused))
#define __noinline	__attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
/*
 * Inlined where instructions are counted; one copy a file, or one for all, where only size counts.
 */
#ifdef __OPTIMIZE_SIZE__
#define HOT_INLINE   0
#define __hot_inline inline
#define __hot_inline_or_call
#else
#define HOT_INLINE	     1
#define __hot_inline	     __always_inline
#define __hot_inline_or_call static __always_inline
#endif
/* For that one copy: call_NAME in this file is what other files know as NAME. */
#define CALLED(name)   __asm__(".globl " #name "\n.thumb_set " #name ", call_" #name)
#define __noreturn     __attribute__((noreturn))
#define __cold	       __attribute__((cold))
#define __printf(f, a) __attribute__((format(printf, f, a)))
/* The caller must look at the result: an error return, or memory it owns from now on. */
#define __must_check __attribute__((warn_unused_result))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define STATIC_ASSERT(cond) _Static_assert(cond, #cond)

/*
 * Forces one access of the full width, in program order among its like. Orders nothing on the bus.
 */
#define READ_ONCE(x)	   (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)   (*(volatile __typeof__(x) *)&(x) = (v))
#define compiler_barrier() __asm__ volatile("" ::: "memory")

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define min(a, b)                                  \
	({                                         \
		__typeof__(a) min_a_ = (a);        \
		__typeof__(b) min_b_ = (b);        \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define max(a, b)                                  \
	({                                         \
		__typeof__(a) max_a_ = (a);        \
		__typeof__(b) max_b_ = (b);        \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})

/* For sizes and virtual addresses only; physical ones have pa_align_down/up (phys.h). */
#define ALIGN_DOWN(x, a)   ((x) & ~((__typeof__(x))(a)-1))
#define ALIGN_UP(x, a)	   ALIGN_DOWN((x) + (__typeof__(x))(a)-1, a)
#define IS_ALIGNED(x, a)   (((x) & ((__typeof__(x))(a)-1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
