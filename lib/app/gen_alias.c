/* Zipf weights, 1 / rank^s, as a table from which a number is drawn by two dice and one comparison
 * (Walker's alias method). Vose's construction: every column is cut once between its own rank and
 * one other. */
#include "app/gen_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct gen_alias *gen_alias_new(uint64_t n, double s)
{
	double *w = mem_array(n, sizeof(*w)), sum = 0;
	uint32_t *stack = mem_array(n, sizeof(*stack)), small = 0, large = (uint32_t)n;
	struct gen_alias *a = mem_array(n, sizeof(*a));

	for (uint64_t i = 0; i < n; i++)
		sum += w[i] = s == 0 ? 1 : pow((double)i + 1, -s);
	for (uint64_t i = 0; i < n; i++) {
		w[i] *= (double)n / sum;
		stack[w[i] < 1 ? small++ : --large] = (uint32_t)i;
	}
	for (uint32_t lo = 0, hi = large; lo < small;) {
		uint32_t i = stack[lo++], j;

		if (hi == n) {
			a[i] = (struct gen_alias){ UINT32_MAX, i };
			continue;
		}
		j = stack[hi];
		a[i] = (struct gen_alias){ (uint32_t)(w[i] * 4294967295.0), j };
		w[j] -= 1 - w[i];
		if (w[j] < 1) {
			stack[--lo] = j;
			hi++;
		}
		large = hi;
	}
	for (uint32_t hi = large; hi < n; hi++)
		a[stack[hi]] = (struct gen_alias){ UINT32_MAX, stack[hi] };
	free(w);
	free(stack);
	return a;
}
