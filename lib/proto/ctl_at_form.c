#include "proto/ctl_at_form.h"

/* Offsets beyond that are strings, or may be (ctl.h). */
enum { PLAIN_DIGITS = 15 };
#define PLAIN_MOST INT64_C(999999999999999)

static const char name[] = ",\"o\":";

void ctl_at_form_fini(struct ctl_at_form *f)
{
	buf_fini(&f->text);
	f->head = 0;
}

void ctl_at_form_clear(struct ctl_at_form *f)
{
	f->text.n = 0;
}

/* The digits of a number without leading zeros at the start of s; 0: none, or too many. */
static size_t read_digits(struct slice s, int64_t *value)
{
	size_t n = 0;
	int64_t v = 0;

	while (n < s.n && n <= PLAIN_DIGITS && s.p[n] >= '0' && s.p[n] <= '9')
		v = v * 10 + (s.p[n++] - '0');
	*value = v;
	return n > PLAIN_DIGITS || (n > 1 && s.p[0] == '0') ? 0 : n;
}

static struct slice rest_from(struct slice s, size_t at)
{
	return slice(s.p + at, s.n - at);
}

/* Behind the name of the offset; 0: it is not there, or more than once. Raw text: inside of a
 * string its quotes would have backslashes. */
static size_t find_offset(struct slice line)
{
	const char *p = memmem(line.p, line.n, name, sizeof(name) - 1);
	size_t at = p ? (size_t)(p - line.p) + sizeof(name) - 1 : 0;

	return p && !memmem(line.p + at, line.n - at, name, sizeof(name) - 1) ? at : 0;
}

void ctl_at_form_learn(struct ctl_at_form *f, struct slice line, int64_t offset)
{
	size_t at = find_offset(line), digits;
	int64_t said;

	ctl_at_form_clear(f);
	if (!at)
		return;
	digits = read_digits(rest_from(line, at), &said);
	if (!digits || said != offset)
		return;
	buf_add(&f->text, line.p, at);
	f->head = at;
	buf_adds(&f->text, rest_from(line, at + digits));
}

bool ctl_at_form_read(const struct ctl_at_form *f, struct slice line, int64_t *offset)
{
	struct slice tail;
	size_t digits;

	if (!f->text.n || line.n <= f->text.n || memcmp(line.p, f->text.p, f->head) != 0)
		return false;
	tail = slice(f->text.p + f->head, f->text.n - f->head);
	digits = read_digits(rest_from(line, f->head), offset);
	return digits && slice_eq(rest_from(line, f->head + digits), tail);
}

bool ctl_at_form_write(const struct ctl_at_form *f, int64_t offset, struct buf *out)
{
	if (!f->text.n || offset < 0 || offset > PLAIN_MOST)
		return false;
	buf_add(out, f->text.p, f->head);
	buf_addi(out, offset);
	buf_add(out, f->text.p + f->head, f->text.n - f->head);
	return true;
}
