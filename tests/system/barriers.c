/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin for QEMU that counts the barriers and TLB invalidations that one guest CPU executes,
 * from the first instruction at one address to the first at another. It knows them by their
 * encodings alone (ARM DDI 0406C, A8.8.43, A8.8.53, B4.2.2; ARM and Thumb), so it is a witness
 * beside the kernel's own recorder.
 *
 *	-plugin barriers.so,begin=ADDRESS,end=ADDRESS,out=FILE
 *
 * The distribution ships no qemu-plugin.h; these are the declarations needed (API version 1).
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void tb_function(uint64_t id, struct qemu_plugin_tb *tb);
typedef void exec_function(unsigned int vcpu, void *arg);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_function *function);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
/* flags 0: the callback touches no registers */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_function *function,
					    int flags, void *arg);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

/* What the operand or the registers of an instruction say. */
static struct kind {
	const char *name;
	enum { DSB, ISB, TLBI } what;
	unsigned int option; /* DSB: of what; TLBI: CRm << 4 | op2 */
	uint64_t count;
} kinds[] = {
	{ "DSB SY", DSB, 0xf, 0 },	 { "DSB ST", DSB, 0xe, 0 },
	{ "DSB ISH", DSB, 0xb, 0 },	 { "DSB ISHST", DSB, 0xa, 0 },
	{ "DSB NSH", DSB, 0x7, 0 },	 { "DSB NSHST", DSB, 0x6, 0 },
	{ "DSB OSH", DSB, 0x3, 0 },	 { "DSB OSHST", DSB, 0x2, 0 },
	{ "ISB", ISB, 0xf, 0 },		 { "TLBIALL", TLBI, 0x70, 0 },
	{ "TLBIMVA", TLBI, 0x71, 0 },	 { "TLBIASID", TLBI, 0x72, 0 },
	{ "TLBIMVAA", TLBI, 0x73, 0 },	 { "TLBIALLIS", TLBI, 0x30, 0 },
	{ "TLBIMVAIS", TLBI, 0x31, 0 },	 { "TLBIASIDIS", TLBI, 0x32, 0 },
	{ "TLBIMVAAIS", TLBI, 0x33, 0 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct kind other = { "another operation on a TLB", TLBI, 0, 0 };
static uint64_t begin, end;
static const char *out;
static int counting = -1; /* the CPU, between the marks */

static struct kind *find(int what, unsigned int option)
{
	for (size_t i = 0; i < KINDS; i++) {
		if ((int)kinds[i].what == what && kinds[i].option == option) {
			return &kinds[i];
		}
	}
	return &other;
}

/* Both instruction sets end in the same bits once Thumb's halfwords are put together. */
static struct kind *decode(const uint8_t *bytes)
{
	uint32_t arm = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
	uint32_t thumb = arm >> 16 | arm << 16;

	if ((arm & 0xfffffff0) == 0xf57ff040 || (thumb & 0xfffffff0) == 0xf3bf8f40) {
		return find(DSB, bytes[(arm >> 24) == 0xf5 ? 0 : 2] & 0xf);
	}
	if ((arm & 0xfffffff0) == 0xf57ff060 || (thumb & 0xfffffff0) == 0xf3bf8f60) {
		return find(ISB, 0xf);
	}
	/* MCR p15, op1, Rt, c8, CRm, op2 */
	if ((arm & 0x0f1f0f10) == 0x0e080f10 && arm >> 28 != 0xf) {
		return find(TLBI, (arm & 0xf) << 4 | (arm >> 5 & 7));
	}
	if ((thumb & 0xff1f0f10) == 0xee080f10) {
		return find(TLBI, (thumb & 0xf) << 4 | (thumb >> 5 & 7));
	}
	return NULL;
}

static void executed(unsigned int vcpu, void *arg)
{
	struct kind *kind = arg;

	if ((int)vcpu == counting) {
		kind->count++;
	}
}

static void at_begin(unsigned int vcpu, void *arg)
{
	(void)arg;
	counting = (int)vcpu;
}

static void at_end(unsigned int vcpu, void *arg)
{
	FILE *file;

	(void)arg;
	if ((int)vcpu != counting) {
		return;
	}
	counting = -1;
	file = fopen(out, "w");
	if (!file) {
		perror(out);
		exit(EXIT_FAILURE);
	}
	for (size_t i = 0; i < KINDS; i++) {
		fprintf(file, "%s %" PRIu64 "\n", kinds[i].name, kinds[i].count);
	}
	fprintf(file, "%s %" PRIu64 "\n", other.name, other.count);
	fclose(file);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t va = qemu_plugin_insn_vaddr(insn);
		struct kind *kind = NULL;

		if (qemu_plugin_insn_size(insn) == 4) {
			kind = decode(qemu_plugin_insn_data(insn));
		}
		if (kind) {
			qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, 0, kind);
		}
		if (va == begin || va == end) {
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, va == begin ? at_begin : at_end, 0, NULL);
		}
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "begin=", 6) == 0) {
			begin = strtoull(argv[i] + 6, NULL, 0);
		} else if (strncmp(argv[i], "end=", 4) == 0) {
			end = strtoull(argv[i] + 4, NULL, 0);
		} else if (strncmp(argv[i], "out=", 4) == 0) {
			out = strdup(argv[i] + 4);
		}
	}
	if (!begin || !end || !out) {
		fprintf(stderr, "barriers: begin=ADDRESS,end=ADDRESS,out=FILE\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
