#include "drv/kafka/kafka_marks.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const char magic[] = "hta-dlq1";

void kafka_marks_fini(struct kafka_marks *m)
{
	free(m->v);
	*m = (struct kafka_marks){ 0 };
}

/* The first range that ends at the offset or behind it. */
static size_t find_range(const struct kafka_marks *m, int64_t offset)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->v[middle].to < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void remove_ranges(struct kafka_marks *m, size_t at, size_t n)
{
	memmove(&m->v[at], &m->v[at + n], (m->n - at - n) * sizeof(*m->v));
	m->n -= n;
}

void kafka_marks_add(struct kafka_marks *m, int64_t from, int64_t to)
{
	size_t at = find_range(m, from), n = 0;

	if (to <= from || to <= m->below)
		return;
	for (; at + n < m->n && m->v[at + n].from <= to; n++) {
		from = from < m->v[at + n].from ? from : m->v[at + n].from;
		to = to > m->v[at + n].to ? to : m->v[at + n].to;
	}
	if (n)
		remove_ranges(m, at, n);
	if (from <= m->below) { /* nothing stands before it */
		m->below = to;
		return;
	}
	mem_reserve(&m->v, &m->cap, m->n + 1, sizeof(*m->v));
	memmove(&m->v[at + 1], &m->v[at], (m->n - at) * sizeof(*m->v));
	m->v[at] = (struct kafka_marks_range){ from, to };
	m->n++;
}

bool kafka_marks_has(const struct kafka_marks *m, int64_t offset)
{
	size_t at = find_range(m, offset + 1);

	return offset < m->below || (at < m->n && m->v[at].from <= offset);
}

static bool read_number(const char **p, char behind, int64_t *out)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*out = strtoll(*p, &end, 10);
	if (*end != behind && !(behind == ',' && *end == 0))
		return false;
	*p = *end ? end + 1 : end;
	return *out >= 0 && *out < INT64_MAX / 4;
}

int kafka_marks_read(struct kafka_marks *m, int64_t below, struct slice text, struct err *err)
{
	char *z = mem_dup(text.n ? text.p : "", text.n);
	const char *p = z + sizeof(magic) - 1;
	int64_t at = below, gap, length;
	bool good = strncmp(z, magic, sizeof(magic) - 1) == 0 && (*p == 0 || *p == ' ');

	m->below = below;
	if (good && *p == ' ')
		p++;
	while (good && *p) {
		good = read_number(&p, ':', &gap) && read_number(&p, ',', &length);
		if (good)
			kafka_marks_add(m, at + gap, at + gap + length);
		at += good ? gap + length : 0;
	}
	free(z);
	return good ? 0
		    : err_set(err, EX_CONFIG,
			      "the group hta-dlq has an offset here that hta-dlq did not commit");
}

int kafka_marks_write(const struct kafka_marks *m, struct buf *out, struct err *err)
{
	size_t before = out->n;
	int64_t at = m->below;

	buf_addz(out, magic);
	for (size_t i = 0; i < m->n; i++) {
		buf_printf(out, "%c%lld:%lld", i ? ',' : ' ', (long long)(m->v[i].from - at),
			   (long long)(m->v[i].to - m->v[i].from));
		at = m->v[i].to;
	}
	if (out->n - before <= KAFKA_MARKS_BYTES)
		return 0;
	return err_set(err, EX_CONFIG,
		       "%zu separate runs of letters would be marked, more than a commit can hold: "
		       "retry what stands between them first (without --reason, --stage, --place)",
		       m->n);
}
