/* The source's end of the ack channel: messages, a line each, from two connections. \1 at a
 * line's start is the opening of a message of this pipeline, {"inc":"0123456789abcdef", and \2
 * sends by the second connection. Nothing may crash, a hello comes before all else, lines handed
 * out are JSON; what we write ourselves is taken. */
#include "fuzz.h"

#include <unistd.h>

#include "base/log.h"
#include "io/packet.h"
#include "proto/ctl.h"
#include "job/ack.h"

static struct ctl_inc inc;
static char *dir, *path;

static void clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

static void set_up(void)
{
	log_setup("fuzz_ack", LOG_TEXT, -1);
	const char *tmp = getenv("TMPDIR");
	dir = mem_printf("%s/hta-fuzz-ack.XXXXXX", tmp ? tmp : "/tmp");
	MUST(mkdtemp(dir));
	path = mem_printf("%s/ack", dir);
	atexit(clean_up);
	ctl_inc_set(&inc, "0123456789abcdef");
}

static void expand(struct slice line, struct buf *out)
{
	out->n = 0;
	if (line.n > 0 && line.p[0] == 1) {
		buf_printf(out, "{\"inc\":\"%s\",", inc.id);
		line = slice(line.p + 1, line.n - 1);
	}
	buf_adds(out, line);
}

struct seen {
	bool hello;
	unsigned events;
};

static void take_events(struct ack *a, struct seen *seen)
{
	struct json j = { 0 };
	for (struct ack_event e; (e = ack_next(a)).kind != ACK_NONE; seen->events++) {
		MUST(seen->hello != (e.kind == ACK_HELLO)); /* one hello, and it is the first */
		seen->hello = true;
		if (e.kind != ACK_EPOCH)
			MUST(json_parse(&j, e.line, NULL) == 0);
	}
	json_fini(&j);
}

/* All lines, as far as the loop goes on. */
static void feed(struct loop *l, struct ack *a, const int fd[2], struct slice s, struct seen *seen)
{
	struct buf message = { 0 };
	struct err err = ERR_INIT;
	for (int rc = 0; s.n > 0 && rc >= 0;) {
		const char *end = memchr(s.p, '\n', s.n);
		struct slice line = slice(s.p, end ? (size_t)(end - s.p) : s.n);
		s = end ? slice(end + 1, s.n - line.n - 1) : slice(s.p, 0);
		bool second = line.n > 0 && line.p[0] == 2;
		expand(slice(line.p + second, line.n - second), &message);
		if (packet_send(l, fd[second], buf_slice(&message), &err) &&
		    err.code != EX_TEMPFAIL)
			BUG("%s", err.msg);
		while ((rc = loop_turn(l, 0, &err)) > 0)
			;
		take_events(a, seen);
	}
	MUST(err.code == 0 || err.msg[0] || ack_last_word(a, 0, &err));
	buf_fini(&message);
}

/* What hta-commit would send now. True: it was there. */
static void check_own(struct loop *l, struct ack *a, int fd, struct seen *seen)
{
	struct buf message = { 0 };
	struct err err = ERR_INIT;
	unsigned before = seen->events;
	if (seen->hello)
		ctl_ack_write(&inc, "ack", UINT64_MAX, 1ull << 60, &message);
	else
		ctl_ack_line_write(&inc, "hello", slice_z("{\"$hta\":\"hello\"}"), &message);
	if (packet_send(l, fd, buf_slice(&message), &err) == 0 && loop_turn(l, 0, &err) >= 0) {
		struct ack_event e = ack_next(a);
		MUST(e.kind != ACK_EPOCH || (e.epoch == UINT64_MAX && e.rows == 1ull << 60));
		MUST(e.kind != ACK_HELLO || slice_is(e.line, "{\"$hta\":\"hello\"}"));
		MUST(before == seen->events);
	}
	buf_fini(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err err = ERR_INIT;
	struct seen seen = { 0 };
	int fd[2];
	if (!inc.id[0])
		set_up();
	struct loop *l = loop_new();
	struct ack *a = ack_new(l, path, &inc, &err);
	MUST(a);
	for (int i = 0; i < 2; i++)
		MUST((fd[i] = packet_connect(path, &err)) >= 0);
	while (loop_turn(l, 0, &err) > 0)
		;
	feed(l, a, fd, slice((const char *)data, n), &seen);
	check_own(l, a, fd[0], &seen);
	ack_free(a);
	loop_free(l);
	close(fd[0]);
	close(fd[1]);
	return 0;
}
