/* A pattern is cut into fields, each with the text behind it: that text is both what ends the field
 * and what has to stand there. So a line is read from left to right without going back.
 *
 *   %h %^[%d:%t %^] "%r"      front ""    %h " "   %^ "["   %d ":"   %t " "   %^ "] \""   %r "\""
 */
#include "text/pattern_internal.h"

#include <stdlib.h>

#include "base/mem.h"

static const struct kind {
	char letter;
	enum pattern_kind kind;
	const char *name;
} kinds[] = {
	{ '^', PATTERN_SKIP, NULL },
	{ '~', PATTERN_BLANKS, NULL },
	{ 'C', PATTERN_TEXT, "cache" },
	{ 'D', PATTERN_WHOLE, "duration_us" },
	{ 'H', PATTERN_TEXT, "protocol" },
	{ 'K', PATTERN_TEXT, "tls" },
	{ 'L', PATTERN_NUMBER, "duration_ms" },
	{ 'M', PATTERN_TEXT, "mime" },
	{ 'R', PATTERN_TEXT, "referer" },
	{ 'T', PATTERN_NUMBER, "duration_s" },
	{ 'U', PATTERN_TEXT, "path" },
	{ 'b', PATTERN_WHOLE, "bytes" },
	{ 'd', PATTERN_DATE, NULL },
	{ 'e', PATTERN_TEXT, "user" },
	{ 'h', PATTERN_TEXT, "host" },
	{ 'k', PATTERN_TEXT, "cipher" },
	{ 'm', PATTERN_TEXT, "method" },
	{ 'n', PATTERN_WHOLE, "duration_ns" },
	{ 'q', PATTERN_TEXT, "query" },
	{ 'r', PATTERN_REQUEST, NULL },
	{ 's', PATTERN_STATUS, "status" },
	{ 't', PATTERN_TIME, NULL },
	{ 'u', PATTERN_TEXT, "agent" },
	{ 'v', PATTERN_TEXT, "vhost" },
	{ 'x', PATTERN_BOTH, NULL },
};

static const struct kind *kind_of(char letter)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].letter == letter)
			return &kinds[i];
	return NULL;
}

/* ---- the text of a pattern */

static struct pattern_field *add_field(struct pattern *p, const struct kind *kind)
{
	mem_reserve(&p->field, &p->cap, p->fields + 1, sizeof(*p->field));
	p->field[p->fields] = (struct pattern_field){
		.kind = kind->kind,
		.letter = kind->letter,
		.name = kind->name,
	};
	return &p->field[p->fields++];
}

static int bad_pattern(const struct pattern *p, const char *at, struct err *err, const char *why)
{
	return err_set(err, EX_USAGE, "pattern, byte %zu: %s", (size_t)(at - p->text) + 1, why);
}

/* ~h{, }; NULL with err. */
static const char *read_forwarded(struct pattern *p, const char *at, struct err *err)
{
	const char *end = at[1] == 'h' && at[2] == '{' ? strchr(at + 3, '}') : NULL;
	struct kind kind = { 'h', PATTERN_FORWARDED, "host" };

	if (!end || end == at + 3) {
		bad_pattern(p, at, err, "~ is followed by h and what divides addresses: ~h{, }");
		return NULL;
	}
	add_field(p, &kind)->among = slice(at + 3, (size_t)(end - at - 3));
	return end + 1;
}

static const char *read_field(struct pattern *p, const char *at, struct err *err)
{
	const struct kind *kind = kind_of(at[1]);

	if (!kind) {
		err_set(err, EX_USAGE, "pattern, byte %zu: there is no field %%%c",
			(size_t)(at - p->text) + 1, at[1] ? at[1] : ' ');
		return NULL;
	}
	add_field(p, kind);
	return at + 2;
}

/* One character of text. */
static const char *read_char(struct pattern *p, const char *at)
{
	struct buf *to = p->fields ? &p->field[p->fields - 1].behind : &p->front;
	char c = *at++;

	if (c == '%')
		at++;
	else if (c == '\\' && (*at == 't' || *at == '\\'))
		c = *at++ == 't' ? '\t' : '\\';
	buf_addc(to, c);
	return at;
}

static int read_pattern(struct pattern *p, struct err *err)
{
	const char *at = p->text;

	while (at && *at) {
		if (*at == '%' && at[1] != '%')
			at = read_field(p, at, err);
		else if (*at == '~')
			at = read_forwarded(p, at, err);
		else
			at = read_char(p, at);
	}
	return at ? 0 : -1;
}

/* ---- what the fields make together */

/* Members that a request makes: where it is tried a field for one of them is left out, and it is
 * where one of them was read. */
static bool is_of_request(const char *name)
{
	return strcmp(name, "method") == 0 || strcmp(name, "path") == 0 ||
	       strcmp(name, "protocol") == 0;
}

static bool is_taken(const struct pattern *p, size_t i)
{
	const struct pattern_field *f = &p->field[i];

	for (size_t k = 0; k < i; k++) {
		const struct pattern_field *other = &p->field[k];
		bool request = f->kind == PATTERN_REQUEST || other->kind == PATTERN_REQUEST;
		const char *name = f->name ? f->name : other->name;

		if (f->name && other->name && strcmp(f->name, other->name) == 0)
			return true;
		if (request && ((f->kind == other->kind) || (name && is_of_request(name))))
			return true;
		if (f->kind >= PATTERN_DATE && f->kind <= PATTERN_BOTH && f->kind == other->kind)
			return true;
	}
	return false;
}

static bool is_quote(const struct buf *b, bool last)
{
	char c = b->n ? b->p[last ? b->n - 1 : 0] : 0;

	return c == '"' || c == '\'';
}

static int place_field(struct pattern *p, size_t i, struct err *err)
{
	struct pattern_field *f = &p->field[i];
	const struct buf *front = i ? &p->field[i - 1].behind : &p->front;
	bool last = i + 1 == p->fields;

	if (f->behind.n == 0 && !last && f->kind != PATTERN_BLANKS) {
		if (p->field[i + 1].kind != PATTERN_BLANKS)
			return err_set(err, EX_USAGE,
				       "pattern: nothing tells where %%%c ends and %%%c begins",
				       f->letter, p->field[i + 1].letter);
		f->to_blank = true;
	}
	f->quoted = is_quote(front, true) && is_quote(&f->behind, false) &&
		    front->p[front->n - 1] == f->behind.p[0];
	if (is_taken(p, i))
		f->kind = PATTERN_SKIP;
	f->offset = i && f->kind == PATTERN_SKIP && p->field[i - 1].kind == PATTERN_TIME;
	if (f->kind == PATTERN_SKIP || !f->name)
		return 0;
	f->member.p = mem_printf(",\"%s\":", f->name);
	f->member.n = strlen(f->member.p);
	p->grows += f->member.n + 2;
	return 0;
}

static bool has_kind(const struct pattern *p, enum pattern_kind kind)
{
	for (size_t i = 0; i < p->fields; i++)
		if (p->field[i].kind == kind)
			return true;
	return false;
}

static bool makes_members(const struct pattern *p)
{
	for (size_t i = 0; i < p->fields; i++)
		if (p->field[i].kind > PATTERN_BLANKS)
			return true;
	return false;
}

static int place_time(struct pattern *p, const struct pattern_times *times, struct err *err)
{
	bool date = has_kind(p, PATTERN_DATE), time = has_kind(p, PATTERN_TIME);
	bool both = has_kind(p, PATTERN_BOTH);

	if (both && (date || time))
		return err_set(err, EX_USAGE,
			       "pattern: %%x is day and time, beside it there can "
			       "be neither %%d nor %%t");
	if (time && !date)
		return err_set(err, EX_USAGE,
			       "pattern: %%t is a time of day, and there is no day "
			       "(%%d)");
	if (!date && !both) {
		if (times->date || times->time || times->both || times->zone)
			return err_set(err, EX_USAGE, "the pattern has no time");
		return 0;
	}
	if (times->both && !both)
		return err_set(err, EX_USAGE,
			       "--datetime-format is the form of %%x, which the "
			       "pattern does not have");
	p->has_time = time;
	return pattern_time_init(&p->time, both, time, times, err);
}

struct pattern *pattern_new(const char *text, const struct pattern_times *times, struct err *err)
{
	struct pattern *p = mem_zalloc(sizeof(*p));
	int rc;

	p->text = mem_strdup(text);
	p->grows = 256;
	rc = read_pattern(p, err);
	for (size_t i = 0; rc == 0 && i < p->fields; i++)
		rc = place_field(p, i, err);
	if (rc == 0 && !makes_members(p))
		rc = err_set(err, EX_USAGE, "pattern: none of its fields makes a member");
	if (rc == 0)
		rc = place_time(p, times, err);
	if (rc == 0)
		return p;
	pattern_free(p);
	return NULL;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->fields; i++) {
		free((void *)(uintptr_t)p->field[i].member.p);
		buf_fini(&p->field[i].behind);
	}
	free(p->field);
	buf_fini(&p->front);
	pattern_time_fini(&p->time);
	free(p->text);
	free(p);
}

bool pattern_lost_offset(const struct pattern *p)
{
	return p->lost_offset;
}
