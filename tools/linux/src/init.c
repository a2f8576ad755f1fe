/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first program of the Linux that we measure and look at: says that it was reached, does what
 * the kernel's command line asks for, and powers off. Words that Linux does not know itself are in
 * a first program's environment:
 *
 *	task=stay	says INIT_STAYS and waits for ever (default), to be looked at from outside
 *	task=boot	what the boot took, and what memory is left; then the module
 *	task=measure	that, and /userbench behind it, if there is one
 *	module="…"	the module's arguments
 *
 * Without a C library, nor anything that would call its memset, so that the compiler of our own
 * kernel builds it. Must never measure.
 */

enum nr {
	NR_EXIT = 1,
	NR_WRITE = 4,
	NR_OPEN = 5,
	NR_CLOSE = 6,
	NR_EXECVE = 11,
	NR_PAUSE = 29,
	NR_REBOOT = 88,
	NR_SYSLOG = 103,
	NR_SYSINFO = 116,
	NR_FINIT_MODULE = 379,
};

/* Linux's system calls: number in r7, arguments from r0, result or -errno in r0. */
static long call(enum nr number, long a, long b, long c, long d)
{
	register long r7 __asm__("r7") = number;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;

	__asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3) : "memory");
	return r0;
}

/* struct sysinfo of 32-bit ARM, as far as it is read */
struct memory {
	long uptime;
	unsigned long loads[3], total, free, shared, buffers, swap, swap_free;
	unsigned short processes, pad;
	unsigned long high, free_high, unit;
	char rest[8];
};

static unsigned long long cntvct(void)
{
	unsigned long long ticks;

	__asm__ volatile("isb\n\tmrrc p15, 1, %Q0, %R0, c14" : "=r"(ticks));
	return ticks;
}

/* Each line is one write, so that the kernel's own words do not tear it. */
struct line {
	unsigned long used;
	char text[160];
};

static void put(struct line *line, const char *text)
{
	while (*text && line->used < sizeof(line->text)) {
		line->text[line->used++] = *text++;
	}
}

static void put_number(struct line *line, unsigned long long value)
{
	char digits[21], *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		unsigned long long rest = value / 10;

		*--at = (char)('0' + (value - rest * 10));
		value = rest;
	} while (value);
	put(line, at);
}

static void say(struct line *line)
{
	put(line, "\n");
	(void)call(NR_WRITE, 1, (long)line->text, (long)line->used, 0);
	line->used = 0;
}

static void say_text(const char *text)
{
	struct line line;

	line.used = 0;
	put(&line, text);
	say(&line);
}

/* The value of `name=` in the environment, or `otherwise`. */
static const char *word(char **environment, const char *name, const char *otherwise)
{
	for (; *environment; environment++) {
		const char *at = *environment, *want = name;

		while (*want && *at == *want) {
			at++, want++;
		}
		if (!*want && *at == '=') {
			return at + 1;
		}
	}
	return otherwise;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++, b++;
	}
	return *a == *b;
}

static void say_boot(unsigned long long ticks)
{
	struct memory memory;
	struct line line;

	line.used = 0;
	put(&line, "@boot {\"ticks\":");
	put_number(&line, ticks);
	if (call(NR_SYSINFO, (long)&memory, 0, 0, 0) == 0) {
		put(&line, ",\"lowmem_free\":");
		put_number(&line,
			   (unsigned long long)(memory.free - memory.free_high) * memory.unit);
		put(&line, ",\"total\":");
		put_number(&line, (unsigned long long)memory.total * memory.unit);
	}
	put(&line, "}");
	say(&line);
}

/* The module works in its start, and then refuses to stay (-EAGAIN). */
static void run_module(const char *arguments)
{
	long file = call(NR_OPEN, (long)"/mapbench.ko", 02000000 /* O_CLOEXEC */, 0, 0);
	long error = file < 0 ? file : call(NR_FINIT_MODULE, file, (long)arguments, 0, 0);
	struct line line;

	if (error != -11) {
		line.used = 0;
		put(&line, "@error {\"text\":\"mapbench.ko: -");
		put_number(&line, (unsigned long long)-error);
		put(&line, "\"}");
		say(&line);
	}
	(void)call(NR_CLOSE, file, 0, 0, 0);
}

static __attribute__((noreturn)) void power_off(void)
{
	say_text("INIT_DONE");
	(void)call(NR_REBOOT, (long)0xfee1dead, 672274793, 0x4321fedc, 0);
	for (;;) {
		(void)call(NR_PAUSE, 0, 0, 0, 0);
	}
}

__attribute__((noreturn, used)) static void start(long *stack)
{
	unsigned long long ticks = cntvct(); /* first of all: what the boot cost */
	char **arguments = (char **)stack + 1, **environment = arguments + stack[0] + 1;
	const char *task = word(environment, "task", "stay");

	/* the module's lines reach the console whatever the log level is */
	(void)call(NR_SYSLOG, 8, 0, 8, 0);
	if (same(task, "stay")) {
		say_text("INIT_STAYS");
		for (;;) {
			(void)call(NR_PAUSE, 0, 0, 0, 0);
		}
	}
	say_boot(ticks);
	run_module(word(environment, "module", ""));
	if (same(task, "measure")) {
		(void)call(NR_EXECVE, (long)"/userbench", (long)arguments, (long)environment, 0);
	}
	power_off();
}

/* The stack as Linux leaves it: count, arguments, 0, environment, 0. */
__asm__(".globl _start\n_start:\n\tmov r0, sp\n\tbic sp, sp, #7\n\tbl start\n");
