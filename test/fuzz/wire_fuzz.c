/* wire_fuzz.c - whatever a peer sends, in whatever pieces: lines, requests,
 * replies and arguments are taken or refused, and mean the same however the
 * bytes were cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "wire/ctl_cmds.h"
#include "wire/wire.h"

#define LINE_MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fuzz_message(const json_t *msg)
{
	const struct ctl_cmd *cmd;
	struct wire_request req;
	struct wire_reply rep;
	struct err e = ERR_INIT;

	(void)wire_hello_check(msg, &e);
	if (wire_request_parse(msg, &req, &e) == 0) {
		BUG_IF(req.id <= 0 || req.cmd == NULL);
		cmd = ctl_cmd_find(req.cmd);
		if (cmd == NULL)
			(void)ctl_cmd_nearest(req.cmd);
		else
			(void)ctl_cmd_check_args(cmd, req.args, &e);
	}
	if (wire_reply_parse(msg, &rep, &e) == 0)
		BUG_IF(rep.value == NULL);
}

static bool
on_line(void *arg, const char *text, size_t n)
{
	struct buf *seen = arg;
	struct err e = ERR_INIT;
	json_t *msg;

	BUG_IF(n == 0 || n >= LINE_MAX_BYTES || memchr(text, '\n', n) != NULL);
	buf_add(seen, text, n);
	buf_addc(seen, '\n');
	if ((msg = json_parse(text, n, &e)) != NULL)
		fuzz_message(msg);
	json_decref(msg);
	return true;
}

/* Feed in pieces of up to ${step} bytes; returns what feeding did. */
static int
fuzz_feed(const char *data, size_t len, size_t step, struct buf *seen)
{
	struct wire_lines lines;
	struct err e = ERR_INIT;
	int rc = 0;

	wire_lines_init(&lines, LINE_MAX_BYTES);
	while (len > 0 && rc == 0) {
		size_t n = len < step ? len : step;

		rc = wire_lines_feed(&lines, data, n, on_line, seen, &e);
		BUG_IF(lines.held.len > LINE_MAX_BYTES);
		data += n;
		len -= n;
	}
	wire_lines_done(&lines);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT;
	const char *text = (const char *)data + 1;
	int rc;

	if (len < 2)
		return 0;
	rc = fuzz_feed(text, len - 1, len, &whole);
	BUG_IF(fuzz_feed(text, len - 1, 1 + data[0] % 64u, &cut) != rc);
	BUG_IF(strcmp(buf_str(&whole), buf_str(&cut)) != 0);
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
