// SPDX-License-Identifier: BSD-2-Clause
/*
 * What user processes cost in Linux: system calls, mappings, fork, pipes. Run by init behind the
 * module; a static program with glibc, so that it can be tried unchanged on any kernel with Linux's
 * system calls. Under QEMU's -icount shift=0 one instruction is one nanosecond of the clock, and
 * nothing here waits for time to pass. Lines as the module's.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define MIB  (1u << 20)

static void must(int good, const char *what)
{
	if (!good) {
		printf("@error {\"text\":\"userbench: %s\"}\n", what);
		fflush(stdout);
		reboot(RB_POWER_OFF);
		_exit(1);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void row(const char *name, double insns, double operations)
{
	printf("@bench {\"op\":\"%s\",\"insns\":%.3f,\"iters\":%.0f,\"process\":true}\n", name,
	       insns / operations, operations);
	fflush(stdout);
}

static char *map(size_t size)
{
	char *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(va != MAP_FAILED, "mmap");
	madvise(va, size, MADV_NOHUGEPAGE);
	return va;
}

static void touch(char *va, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE) {
		*(volatile char *)(va + at) = 1;
	}
}

static void calibrate(void)
{
	uint32_t rounds = 50000000;
	double start = now();

	__asm__ volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(rounds) : : "cc");
	printf("@calibration {\"instructions\":100000000,\"counted\":%.0f,\"process\":true}\n",
	       now() - start);
	fflush(stdout);
}

static void bench_syscall(void)
{
	const int rounds = 100000;
	double start = now();

	for (int i = 0; i < rounds; i++) {
		syscall(SYS_getppid);
	}
	row("syscall_getppid", now() - start, rounds);
}

static void bench_touch(void)
{
	const size_t size = 64 * MIB;
	double touched = 0, unmapped = 0, start;

	for (int i = 0; i < 3; i++) {
		char *va = map(size);

		start = now();
		touch(va, size);
		touched += now() - start;
		start = now();
		munmap(va, size);
		unmapped += now() - start;
	}
	row("first_touch_page", touched, 3.0 * (double)(size / PAGE));
	row("munmap_touched_page", unmapped, 3.0 * (double)(size / PAGE));
}

static void bench_mmap(void)
{
	const int rounds = 20000;
	double start = now();

	for (int i = 0; i < rounds; i++) {
		munmap(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		       PAGE);
	}
	row("mmap_munmap_4k", now() - start, rounds);
}

/* A child that writes `writes` bytes of what it shares with us, then ends. */
static void child(char *shared, size_t writes)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid == 0) {
		touch(shared, writes);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void bench_fork(void)
{
	char *shared = map(MIB);
	double start;

	memset(shared, 1, MIB);
	start = now();
	for (int i = 0; i < 300; i++) {
		child(shared, 0);
	}
	row("fork_exit_wait_1mib", now() - start, 300);
	start = now();
	for (int i = 0; i < 100; i++) {
		child(shared, MIB);
	}
	row("fork_copy_1mib_exit_wait", now() - start, 100);
}

/* One byte from process to process and back, so a round is two ways. */
static void bench_pipe(void)
{
	const int rounds = 20000, warm = 100;
	int there[2], back[2];
	double start = 0;
	char byte = 0;
	pid_t pid;

	must(pipe(there) == 0 && pipe(back) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	for (int i = 0; pid == 0 && i < rounds + warm; i++) {
		if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) {
			_exit(1);
		}
	}
	if (pid == 0) {
		_exit(0);
	}
	for (int i = 0; i < rounds + warm; i++) {
		if (i == warm) {
			start = now();
		}
		must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1,
		     "pipe: a byte is lost");
	}
	row("pipe_one_way", now() - start, 2.0 * rounds);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	calibrate();
	bench_touch();
	bench_syscall();
	bench_mmap();
	bench_fork();
	bench_pipe();
	puts("INIT_DONE");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
