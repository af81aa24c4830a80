/* Thin wrappers around malloc, so that no caller has a branch for a failure that no caller could
 * answer. EX_TEMPFAIL tells a supervisor to start the pipeline again: nothing of the open epoch was
 * acknowledged, and the machine may have more memory then. The message is printed on the stack and
 * leaves by _exit: exit handlers flush and close, and would need memory.
 *
 * Sizes of 0 are made 1, so that a pointer is never NULL. mem_reserve doubles, from 64 bytes or
 * four elements: appending n elements copies each about once on average. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

/* No allocation, no stdio buffer and no exit handler may stand between here and the exit. */
_Noreturn static void out_of_memory(size_t bytes)
{
	char msg[160];
	int n = snprintf(
		msg, sizeof(msg),
		"%s: out of memory, %zu bytes were asked for; give it more or ask for less\n",
		log_program(), bytes);
	ssize_t ignored = write(STDERR_FILENO, msg,
				n < (int)sizeof(msg) ? (size_t)n : sizeof(msg) - 1);
	(void)ignored;
	_exit(EX_TEMPFAIL);
}

static size_t product(size_t n, size_t bytes)
{
	size_t all;
	if (__builtin_mul_overflow(n, bytes, &all))
		out_of_memory(SIZE_MAX);
	return all ? all : 1;
}

void *mem_alloc(size_t bytes)
{
	void *p = malloc(bytes ? bytes : 1);
	if (!p)
		out_of_memory(bytes);
	return p;
}

void *mem_zalloc(size_t bytes)
{
	return mem_array(1, bytes);
}

void *mem_array(size_t n, size_t bytes)
{
	size_t all = product(n, bytes);
	void *p = calloc(1, all);
	if (!p)
		out_of_memory(all);
	return p;
}

void *mem_grow(void *p, size_t n, size_t bytes)
{
	size_t all = product(n, bytes);
	p = realloc(p, all);
	if (!p)
		out_of_memory(all);
	return p;
}

char *mem_dup(const char *p, size_t n)
{
	char *copy = mem_alloc(n + 1);
	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = NULL;
	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory(0);
	va_end(ap);
	return s;
}

void mem_reserve(void *array, size_t *cap, size_t need, size_t bytes)
{
	if (need <= *cap)
		return;
	size_t want = *cap > SIZE_MAX / 2 ? need : *cap * 2;
	size_t least = bytes >= 16 ? 4 : 64 / bytes;
	want = want < need ? need : want;
	want = want < least ? least : want;
	void *p;
	memcpy(&p, array, sizeof(p)); /* array points to a pointer of any type */
	p = mem_grow(p, want, bytes);
	memcpy(array, &p, sizeof(p));
	*cap = want;
}
