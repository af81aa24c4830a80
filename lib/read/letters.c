#include "read/letters.h"

#include <stdlib.h>

#include "base/mem.h"

struct letter *letters_page_add(struct letters_page *p)
{
	struct letter *l;

	mem_reserve(&p->v, &p->cap, p->n + 1, sizeof(*p->v));
	l = &p->v[p->n++];
	*l = (struct letter){ .at_us = POS_NONE, .retried_us = POS_NONE };
	return l;
}

void letters_page_reset(struct letters_page *p)
{
	p->n = 0;
	p->end = false;
	arena_reset(&p->arena);
}

void letters_page_fini(struct letters_page *p)
{
	free(p->v);
	arena_fini(&p->arena);
}

int letters_decode(struct letters_page *p, struct letter *l, bool base64, struct slice text,
		   struct err *err)
{
	struct buf bytes = { 0 };
	int rc = 0;

	l->record = arena_copy(&p->arena, text);
	if (base64) {
		rc = str_unbase64(text, &bytes);
		l->record = arena_copy(&p->arena, buf_slice(&bytes));
		buf_fini(&bytes);
	}
	return rc ? err_set(err, EX_DATAERR, "the record of a letter is no base64") : 0;
}

int letters_no_marks(const char *where, struct err *err)
{
	return err_set(
		err, EX_CONFIG,
		"%s: its table hta_dead has no columns yet for what was retried: run `hta-dlq "
		"retry` with --init once (programs of earlier versions cannot use the store "
		"then)",
		where ? where : "the database");
}
