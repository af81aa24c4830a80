#include "intake/errors.h"

#include <stdarg.h>
#include <stdio.h>

void intake_errors_fini(struct intake_errors *e)
{
	arena_fini(&e->text);
	e->n = 0;
	e->total = 0;
}

void intake_errors_reset(struct intake_errors *e)
{
	arena_reset(&e->text);
	e->n = 0;
	e->total = 0;
}

void intake_errors_add(struct intake_errors *e, uint32_t index, const char *code,
		       struct slice pointer, const char *fmt, ...)
{
	struct intake_error *to;
	char text[512];
	va_list ap;
	int n;

	if (e->total++ >= INTAKE_ERRORS)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	to = &e->list[e->n++];
	to->index = index;
	to->code = code;
	to->pointer = pointer.n > INTAKE_POINTER ? slice("", 0) : arena_copy(&e->text, pointer);
	to->detail = slice(text, n < 0 ? 0 : (size_t)n);
	if (to->detail.n >= sizeof(text))
		to->detail.n = sizeof(text) - 1;
	while (!str_utf8(to->detail.p, to->detail.n))
		to->detail.n--;
	to->detail = arena_copy(&e->text, to->detail);
}

struct slice intake_shown(struct slice text)
{
	if (text.n > INTAKE_SHOWN) {
		text.n = INTAKE_SHOWN;
		while (text.n > 0 && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
			text.n--;
	}
	return text;
}
