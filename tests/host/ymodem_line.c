/* SPDX-License-Identifier: BSD-2-Clause */
/* The sending side of YMODEM, the line, and what holds of every session. */
#include "check.h"

#include "ymodem_line.h"

struct line line;
u8 file[FILE_MAX];

/* By the definition: the remainder of the message by x^16 + x^12 + x^5 + 1, bit after bit. */
u16 crc_by_definition(const u8 *bytes, u32 len)
{
	u32 rest = 0;

	for (u32 i = 0; i < 8 * (len + 2); i++) {
		u32 bit = i < 8 * len ? bytes[i / 8] >> (7 - i % 8) & 1 : 0;

		rest = rest << 1 | bit;
		rest = rest & 0x10000 ? rest ^ 0x11021 : rest;
	}
	return (u16)rest;
}

void packet_block(struct packet *p, u32 number, const void *data, u32 len, u32 size)
{
	u16 crc;

	p->bytes[0] = size == 128 ? SOH : STX;
	p->bytes[1] = (u8)number;
	p->bytes[2] = (u8)~number;
	memset(p->bytes + 3, number ? 0x1a : 0, size);
	memcpy(p->bytes + 3, data, len);
	crc = crc_by_definition(p->bytes + 3, size);
	p->bytes[3 + size] = (u8)(crc >> 8);
	p->bytes[4 + size] = (u8)crc;
	p->len = size + 5;
}

u32 data_blocks(void)
{
	return (line.size + line.block - 1) / line.block;
}

static void packet_of_step(u32 step, struct packet *p)
{
	u32 blocks = data_blocks(), from = (step - 1) * line.block;
	char header[64] = "file";

	if (line.instead && line.instead(step, p)) {
		return;
	}
	if (step == 0) {
		u32 len = 5 + (u32)snprintf(header + 5, sizeof(header) - 5, "%u 0 0", line.size);

		packet_block(p, 0, header, len, 128);
	} else if (step <= blocks) {
		u32 left = line.size - from;

		packet_block(p, step, line.file + from, left < line.block ? left : line.block,
			     line.block);
	} else if (step == blocks + 1) {
		p->bytes[0] = EOT;
		p->len = 1;
	} else {
		packet_block(p, 0, "", 0, 128);
	}
}

static void send(void)
{
	const struct fault *f = &line.fault;
	struct packet p;

	if (line.step > data_blocks() + 2 || line.sent >= line.stop) {
		return;
	}
	packet_of_step(line.step, &p);
	if (line.sent == f->nth || (f->nth == EVEN && line.sent % 2 == 0)) {
		for (u32 i = 0; i < 4 && f->at + i < p.len; i++) {
			p.bytes[f->at + i] ^= (u8)(f->flip >> 8 * i);
		}
		p.len = f->keep < p.len ? f->keep : p.len;
	}
	line.sent++;
	for (u32 i = 0; i < p.len; i++) {
		line.queue[line.in++ % sizeof(line.queue)] = p.bytes[i];
	}
	CHECK(line.in - line.out <= sizeof(line.queue));
}

static void hear(u8 c)
{
	u32 eot = data_blocks() + 1;

	line.answer = c;
	if (line.answers++ == line.fault.silence) {
		return;
	}
	if (c == ACK) {
		line.wants_c = line.step == 0 || line.step == eot;
		line.step++;
		if (!line.wants_c) {
			send();
		}
	} else if (c == 'C' && (line.wants_c || line.step <= 1)) {
		line.wants_c = false;
		send();
	} else if (c == NAK && !line.wants_c) {
		send();
	}
}

int line_get(u32 wait_ms)
{
	CHECK(line.calls++ < CALLS_MAX);
	if (line.out != line.in) {
		return line.queue[line.out++ % sizeof(line.queue)];
	}
	line.ms += wait_ms;
	CHECK(line.ms < TIME_MAX);
	/* A sender that hears nothing for long says it again. */
	if (wait_ms >= 1000 && line.step > 0 && !line.wants_c) {
		send();
	}
	return -EAGAIN;
}

/* ---- who receives ---- */

static bool begin(struct ymodem *y, const char *name, u32 size)
{
	(void)y;
	CHECK(strlen(name) > 0 && strlen(name) < YMODEM_BLOCK);
	line.begun++;
	line.size_told = size;
	return !line.refuse_begin;
}

static bool data(struct ymodem *y, const u8 *bytes, u32 len)
{
	(void)y;
	CHECK(len > 0 && len <= YMODEM_BLOCK && line.have + len <= line.size_told);
	if (line.have + len > line.room) {
		return false;
	}
	memcpy(line.got + line.have, bytes, len);
	line.have += len;
	return true;
}

/* A struct of its own, so that a byte too far is seen. What holds of every session is checked. */
enum ymodem_end receive(int (*get)(u32))
{
	struct ymodem *y = malloc(sizeof(*y));
	enum ymodem_end end;

	CHECK(y);
	memset(y, 0xa5, sizeof(*y));
	y->get = get;
	y->put = hear;
	y->begin = begin;
	y->data = data;
	end = ymodem_receive(y);
	free(y);
	CHECK(line.begun <= 1);
	CHECK(memcmp(line.got, line.file, line.have < line.size ? line.have : line.size) == 0);
	if (end == YMODEM_OK) {
		CHECK_EQ(line.begun, 1);
		CHECK_EQ(line.have, line.size_told);
	}
	return end;
}

void session(u32 size, u32 block)
{
	if (file[0] == 0 && file[1] == 0) {
		for (u32 i = 0; i < FILE_MAX; i++) {
			file[i] = (u8)check_random();
		}
	}
	line.file = file;
	line.size = size;
	line.block = block;
	line.stop = ALL;
	line.instead = NULL;
	line.fault = (struct fault){ .nth = ALL, .keep = ALL, .silence = ALL };
	line.step = line.sent = line.in = line.out = line.answers = line.calls = line.ms = 0;
	line.wants_c = false;
	line.begun = line.size_told = line.have = 0;
	line.refuse_begin = false;
	line.room = FILE_MAX;
}
