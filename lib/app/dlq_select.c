/* Which letters are meant. What a store can look at itself (times, marks) it does; all else is
 * decided here, so that it is the same in all of them. */
#include "app/dlq_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int dlq_match_set(struct dlq_match *m, const char *text, struct err *err)
{
	size_t n = strlen(text);
	char *pattern, why[200];
	int code;

	dlq_match_fini(m);
	m->text = text;
	if (n < 3 || text[0] != '/' || text[n - 1] != '/')
		return 0;
	pattern = mem_dup(text + 1, n - 2);
	code = regcomp(&m->regex, pattern, REG_EXTENDED | REG_NOSUB);
	free(pattern);
	if (code) {
		regerror(code, &m->regex, why, sizeof(why));
		return err_set(err, EX_USAGE, "%s: %s", text, why);
	}
	m->regular = true;
	return 0;
}

void dlq_match_fini(struct dlq_match *m)
{
	if (m->regular)
		regfree(&m->regex);
	*m = (struct dlq_match){ 0 };
}

static bool matches(const struct dlq_match *m, struct slice text)
{
	char *z;
	bool found;

	if (!m->text)
		return true;
	if (!m->regular)
		return text.n && memmem(text.p, text.n, m->text, strlen(m->text));
	z = mem_dup(text.n ? text.p : "", text.n);
	found = regexec(&m->regex, z, 0, NULL, 0) == 0;
	free(z);
	return found;
}

bool dlq_of_topic(const struct letter *l)
{
	if (!l->topic.n || l->inexact)
		return false;
	for (size_t i = 0; i < l->topic.n; i++) {
		char c = l->topic.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

void dlq_place(const struct letter *l, struct buf *out)
{
	if (l->topic.n) {
		buf_adds(out, l->topic);
		buf_printf(out, "/%d/", l->partition);
		if (l->offset >= 0)
			buf_printf(out, "%lld", (long long)l->offset);
		if (l->inexact)
			buf_addc(out, '~');
	} else if (l->file.n) {
		buf_adds(out, l->file);
		buf_printf(out, ":%llu", (unsigned long long)l->line);
	} else {
		buf_addc(out, '-');
	}
}

/* TOPIC, TOPIC/PARTITION and TOPIC/PARTITION/OFFSET all name events/0/12; FILE names FILE:3. */
static bool is_at(const char *place, const struct letter *l)
{
	struct buf text = { 0 };
	size_t n = strlen(place);
	bool at;

	dlq_place(l, &text);
	buf_addc(&text, '/');
	at = text.n > n && memcmp(text.p, place, n) == 0 && strchr("/~:", text.p[n]) != NULL;
	buf_fini(&text);
	return at;
}

bool dlq_selects(const struct dlq *q, const struct letter *l)
{
	return (q->kind == DLQ_ALL || l->late == (q->kind == DLQ_LATE)) &&
	       (!q->job || slice_is(l->job, q->job)) && (!q->place || is_at(q->place, l)) &&
	       matches(&q->stage, l->stage) && matches(&q->reason, l->reason);
}

int dlq_each_page(struct dlq *q, dlq_page_fn *fn, void *arg, struct err *err)
{
	const struct letter **v = NULL;
	size_t cap = 0;
	int rc = q->driver->rewind(q->d, &q->want, err);

	do {
		size_t n = 0;

		letters_page_reset(&q->page);
		rc = rc ? rc : q->driver->page(q->d, &q->page, err);
		mem_reserve(&v, &cap, q->page.n + 1, sizeof(*v));
		for (size_t i = 0; i < q->page.n && rc == 0; i++)
			if (dlq_selects(q, &q->page.v[i]))
				v[n++] = &q->page.v[i];
		if (rc == 0 && n)
			rc = fn(q, v, n, arg, err);
	} while (rc == 0 && !q->page.end);
	free(v);
	return rc;
}
