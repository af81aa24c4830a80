#include "tool/openmetrics.h"

#include <string.h>

struct family {
	struct slice name; /* as it was */
	bool counter, histogram;
};

/* Cuts what stands before the mark, and the mark. */
static struct slice cut(struct slice *rest, char mark)
{
	const char *at = memchr(rest->p, mark, rest->n);
	size_t n = at ? (size_t)(at - rest->p) : rest->n;
	struct slice got = slice(rest->p, n);

	*rest = slice(rest->p + n + (at != NULL), rest->n - n - (at != NULL));
	return got;
}

static bool begins(struct slice s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static struct slice without_total(struct slice name)
{
	static const char total[] = "_total";
	size_t n = sizeof(total) - 1;

	if (name.n > n && memcmp(name.p + name.n - n, total, n) == 0)
		name.n -= n;
	return name;
}

/* "# HELP name text", or nothing. */
static void write_help(struct slice help, struct slice name, struct buf *out)
{
	if (!help.n)
		return;
	cut(&help, ' ');
	buf_addz(out, "# HELP ");
	buf_adds(out, name);
	buf_addc(out, ' ');
	for (size_t i = 0; i < help.n; i++) {
		if (help.p[i] == '"')
			buf_addc(out, '\\');
		buf_addc(out, help.p[i]);
	}
	buf_addc(out, '\n');
}

/* type: "name type"; help: "name text". */
static void begin_family(struct family *f, struct slice type, struct slice help, struct buf *out)
{
	struct slice name;

	f->name = name = cut(&type, ' ');
	f->counter = slice_is(type, "counter");
	f->histogram = slice_is(type, "histogram");
	if (f->counter)
		name = without_total(name);
	write_help(help, name, out);
	buf_addz(out, "# TYPE ");
	buf_adds(out, name);
	buf_addc(out, ' ');
	buf_adds(out, slice_is(type, "untyped") ? slice_z("unknown") : type);
	buf_addc(out, '\n');
}

/* A bound that is an integer gets its ".0": le is the last label. */
static void write_bucket(struct slice line, struct buf *out)
{
	static const char le[] = "le=\"";
	const char *at = memmem(line.p, line.n, le, sizeof(le) - 1);
	size_t n = at ? (size_t)(at - line.p) + sizeof(le) - 1 : line.n, digits = n;

	while (digits < line.n && line.p[digits] >= '0' && line.p[digits] <= '9')
		digits++;
	buf_add(out, line.p, digits);
	if (digits > n && digits < line.n && line.p[digits] == '"')
		buf_addz(out, ".0");
	buf_add(out, line.p + digits, line.n - digits);
}

static void write_sample(const struct family *f, struct slice line, struct buf *out)
{
	if (f->histogram) {
		write_bucket(line, out);
	} else if (f->counter && without_total(f->name).n == f->name.n) {
		buf_adds(out, f->name);
		buf_addz(out, "_total");
		buf_add(out, line.p + f->name.n, line.n - f->name.n);
	} else {
		buf_adds(out, line);
	}
	buf_addc(out, '\n');
}

void openmetrics_write(struct slice text, struct buf *out)
{
	struct slice help = slice(NULL, 0);
	struct family f = { 0 };

	while (text.n) {
		struct slice line = cut(&text, '\n');

		if (begins(line, "# HELP ")) {
			help = slice(line.p + 7, line.n - 7);
		} else if (begins(line, "# TYPE ")) {
			begin_family(&f, slice(line.p + 7, line.n - 7), help, out);
			help = slice(NULL, 0);
		} else if (line.n) {
			write_sample(&f, line, out);
		}
	}
	buf_addz(out, "# EOF\n");
}
