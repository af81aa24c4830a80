#include "tool/probe.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

void probe_say(const struct probe *p, enum probe_level level, const char *fmt, ...)
{
	char text[ERR_MSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->found(p->arg, level, text);
}
