/* What the tests of control records share: one incarnation, and lines of it. */
#ifndef TESTS_UNIT_CTL_LINES_H
#define TESTS_UNIT_CTL_LINES_H

#include "proto/ctl.h"
#include "tap.h"

#define INC "0123456789abcdef"
#define GEN "fedcba9876543210"
#define OPEN "{\"$hta\":\"" INC "\","
#define BAR(members) OPEN "\"k\":\"bar\",\"e\":1,\"gen\":\"" GEN "\"," members "}"

static struct ctl_inc inc;

static inline struct slice z(const char *text)
{
	return slice_z(text);
}

static inline int parse(struct ctl *c, const char *line, struct err *err)
{
	return ctl_parse(c, slice_z(line), err);
}

/* A line of this record must be found, and be of this kind. */
static inline void read_back(struct ctl *c, const struct buf *b, enum ctl_kind kind)
{
	struct err err = ERR_INIT;
	is_int(ctl_find(&inc, b->p, b->n), 0, "found");
	ok(!memchr(b->p, '\n', b->n), "one line");
	ok(ctl_parse(c, buf_slice(b), &err) == 0 && c->kind == kind, "of its kind %s", err.msg);
}

#endif
