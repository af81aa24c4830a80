/* A log in memory: struct input_ops over partitions of numbered records, a group with commits, and
 * a script of changes. It belongs to the process that reads it; what others have to know of it, and
 * what they say to it, goes through memory that a forked child shares (struct fake_shared) and an
 * eventfd.
 *
 * Partition p holds the records low <= offset < end, each {"p":P,"n":OFFSET}. The first change of
 * the script comes by itself, each later one when fake_fire is called. What was asked of the log
 * stands in shared->notes, a line a call that means something:
 *   assign 0@5 1@0 | commit 0=7 (wait) GEN.. | revoked | close */
#ifndef TESTS_UNIT_FAKE_INPUT_H
#define TESTS_UNIT_FAKE_INPUT_H

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/input.h"

enum { FAKE_PARTS = 4, FAKE_BATCH = 3 };
#define FAKE_TOPIC "events"
static char fake_topic[] = FAKE_TOPIC;

struct fake_shared {
	char notes[8192];
	size_t n;
};

struct fake_part {
	int64_t low, end, committed; /* committed: -1 none */
	int64_t at;                  /* next to be read; -1: not assigned */
	struct partition name;
};

/* parts: bits of the partitions that are ours from then on. */
struct fake_change {
	enum input_change change;
	unsigned parts;
};

struct fake_input {
	struct input log;
	struct fake_part part[FAKE_PARTS];
	size_t parts;
	const struct fake_change *script;
	size_t steps, done;
	int64_t fired;
	int fd;
	char meta[256];
	struct fake_shared *shared;
	char text[FAKE_BATCH][64];
	struct input_record record[FAKE_BATCH];
};

static void __attribute__((format(printf, 2, 3)))
fake_note(struct fake_input *f, const char *fmt, ...)
{
	struct fake_shared *s = f->shared;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->notes + s->n, sizeof s->notes - s->n, fmt, ap);
	va_end(ap);
	s->n += (size_t)n < sizeof s->notes - s->n ? (size_t)n : 0;
}

static struct fake_part *fake_part(struct fake_input *f, const struct range *r)
{
	return &f->part[r->partition];
}

static struct slice fake_value(int32_t partition, int64_t offset, char text[64])
{
	int n = snprintf(text, 64, "{\"p\":%" PRId32 ",\"n\":%" PRId64 "}", partition, offset);

	return slice(text, (size_t)n);
}

/* ---- the group */

static void fake_on_fired(void *arg, int fd, short revents)
{
	struct fake_input *f = arg;
	uint64_t n;

	(void)revents;
	if (read(fd, &n, sizeof n) == sizeof n)
		f->fired += (int64_t)n;
}

static int fake_open(void *log, struct loop *loop, struct err *err)
{
	struct fake_input *f = log;

	(void)err;
	loop_watch(loop, f->fd, POLLIN, fake_on_fired, f);
	return 0;
}

static int fake_change(void *log, enum input_change *change, struct partitions *parts,
		       struct err *err)
{
	struct fake_input *f = log;
	const struct fake_change *c = &f->script[f->done];

	(void)err;
	if (f->done == f->steps || (int64_t)f->done >= f->fired)
		return 0;
	f->done++;
	*change = c->change;
	for (size_t i = 0; i < f->parts && c->change == INPUT_ASSIGNED; i++)
		if (c->parts >> i & 1)
			partitions_add(parts, slice_z(FAKE_TOPIC), (int32_t)i);
	return 0;
}

static int fake_assign(void *log, const struct ranges *start, struct err *err)
{
	struct fake_input *f = log;

	(void)err;
	fake_note(f, "assign");
	for (size_t i = 0; i < f->parts; i++)
		f->part[i].at = -1;
	for (size_t i = 0; i < start->n; i++) {
		fake_part(f, &start->v[i])->at = start->v[i].from;
		fake_note(f, " %" PRId32 "@%" PRId64, start->v[i].partition, start->v[i].from);
	}
	fake_note(f, "\n");
	return 0;
}

static int fake_revoked(void *log, struct err *err)
{
	(void)err;
	fake_note(log, "revoked\n");
	return 0;
}

static int fake_committed(void *log, struct ranges *parts, struct buf *meta, struct err *err)
{
	struct fake_input *f = log;

	(void)err;
	for (size_t i = 0; i < parts->n; i++)
		parts->v[i].from = fake_part(f, &parts->v[i])->committed;
	buf_addz(meta, f->meta);
	return 0;
}

static int fake_commit(void *log, const struct ranges *offsets, const char *meta, bool wait,
		       struct err *err)
{
	struct fake_input *f = log;

	(void)err;
	fake_note(f, "commit");
	for (size_t i = 0; i < offsets->n; i++) {
		fake_part(f, &offsets->v[i])->committed = offsets->v[i].to;
		fake_note(f, " %" PRId32 "=%" PRId64, offsets->v[i].partition, offsets->v[i].to);
	}
	snprintf(f->meta, sizeof f->meta, "%s", meta);
	fake_note(f, "%s\n", wait ? " wait" : "");
	return 0;
}

/* ---- records */

static int fake_read(void *log, struct input_batch *b, int *fd, struct err *err)
{
	struct fake_input *f = log;
	struct fake_part *p = f->part;

	(void)err;
	*b = (struct input_batch){ 0 };
	*fd = f->fd;
	while (p < f->part + f->parts && (p->at < 0 || p->at >= p->end))
		p++;
	if (p == f->part + f->parts)
		return 0;
	b->part = &p->name;
	b->v = f->record;
	for (; b->n < FAKE_BATCH && p->at < p->end; b->n++, p->at++)
		f->record[b->n] = (struct input_record){
			.value = fake_value(p->name.partition, p->at, f->text[b->n]),
			.offset = p->at,
			.next = p->at + 1,
			.time_us = 1000000000000000 + p->at,
		};
	b->position = p->at;
	b->end = p->at == p->end;
	return 0;
}

static int fake_partitions(void *log, struct partitions *out, struct err *err)
{
	struct fake_input *f = log;

	(void)err;
	for (size_t i = 0; i < f->parts; i++)
		partitions_add(out, slice_z(FAKE_TOPIC), (int32_t)i);
	return 0;
}

static int fake_ends(void *log, struct ranges *parts, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < parts->n; i++) {
		parts->v[i].from = fake_part(log, &parts->v[i])->low;
		parts->v[i].to = fake_part(log, &parts->v[i])->end;
	}
	return 0;
}

static int fake_starts(void *log, struct ranges *parts, enum input_when when, int64_t time_us,
		       struct err *err)
{
	(void)err, (void)time_us;
	for (size_t i = 0; i < parts->n; i++) {
		const struct fake_part *p = fake_part(log, &parts->v[i]);

		parts->v[i].from = when == INPUT_LATEST ? p->end : p->low;
	}
	return 0;
}

static int fake_fingerprint(void *log, const struct partition *part, int64_t offset, bool *found,
			    struct pos_last *out, struct err *err)
{
	const struct fake_part *p = &((struct fake_input *)log)->part[part->partition];
	char text[64];

	(void)err;
	*found = offset >= p->low && offset < p->end;
	*out = (struct pos_last){ .offset = offset,
				  .time_us = POS_NONE,
				  .hash = record_hash(fake_value(part->partition, offset, text)) };
	return 0;
}

static void fake_close(void *log)
{
	fake_note(log, "close\n");
}

static const struct input_ops fake_ops = {
	.group = true,
	.open = fake_open,
	.change = fake_change,
	.assign = fake_assign,
	.revoked = fake_revoked,
	.read = fake_read,
	.partitions = fake_partitions,
	.ends = fake_ends,
	.starts = fake_starts,
	.committed = fake_committed,
	.commit = fake_commit,
	.fingerprint = fake_fingerprint,
	.close = fake_close,
};

/* ---- for tests */

/* n partitions of `records` records each, from offset 0; the script is borrowed. */
static void fake_init(struct fake_input *f, size_t n, int64_t records,
		      const struct fake_change *script, size_t steps)
{
	*f = (struct fake_input){ .parts = n, .script = script, .steps = steps, .fired = 1 };
	f->log = (struct input){ .ops = &fake_ops, .self = f };
	f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->shared = mmap(NULL, sizeof *f->shared, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < n; i++)
		f->part[i] = (struct fake_part){ .end = records,
						 .committed = -1,
						 .at = -1,
						 .name = { fake_topic, (int32_t)i } };
}

static void fake_fini(struct fake_input *f)
{
	close(f->fd);
	munmap(f->shared, sizeof *f->shared);
}

/* The next change of the script happens; from any process. */
static inline void fake_fire(struct fake_input *f)
{
	uint64_t one = 1;

	(void)!write(f->fd, &one, sizeof one);
}

#endif
