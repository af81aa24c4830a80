/* Memory: allocation that cannot fail (it prints and exits with EX_TEMPFAIL when the system has
 * none left). The one place where a library function ends the program. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);                   /* uninitialised */
void *mem_zalloc(size_t bytes);                  /* zeroed */
void *mem_array(size_t n, size_t bytes);         /* zeroed, overflow-checked */
void *mem_grow(void *p, size_t n, size_t bytes); /* realloc of an array, overflow-checked */
char *mem_dup(const char *p, size_t n);          /* n bytes and a NUL */
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Grows *array (elements of `bytes`) so that it holds at least `need`; *cap is in elements and
 * at least doubles. */
void mem_reserve(void *array, size_t *cap, size_t need, size_t bytes);

#endif
