/* Responses of a Fetch, as they come from the wire: nothing is read past their end, offsets only
 * grow, and what is handed out lies within what came or what that was decompressed to. */
#include "fuzz.h"

#include "drv/kafka/fetch/wire.h"

static bool lies_in(struct slice part, struct slice whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static void check_records(const struct wire_answer *a, int64_t from, bool committed, size_t room)
{
	struct wire_records w = { 0 };
	struct wire_extra x = { 0 };
	struct input_record v[16];
	int64_t position = from, before, next = from;
	enum wire_result rc;
	size_t n, bytes = 0;
	int64_t reach = wire_reach(a->records, from);

	wire_records_open(&w, a, from, committed);
	do {
		before = position;
		rc = wire_records_next(&w, v, room, &n, &position);
		MUST(n <= room && position >= before &&
		     (rc == WIRE_RECORDS || (n == 0 && position == before)));
		for (size_t i = 0; i < n; i++) {
			MUST(v[i].offset >= next && v[i].next == v[i].offset + 1 &&
			     v[i].next <= position);
			MUST(v[i].value.n == 0 || lies_in(v[i].value, a->records) ||
			     lies_in(v[i].value, buf_slice(&w.plain)));
			bytes += lies_in(v[i].value, a->records) ? v[i].value.n : 0;
			next = v[i].next;
			wire_extra_read(&x, &v[i]);
			for (size_t k = 0; k < x.n; k++)
				MUST(lies_in(x.header[k].name, a->records) ||
				     lies_in(x.header[k].name, buf_slice(&w.plain)));
		}
		MUST(rc != WIRE_RECORDS || n || position > before);
	} while (rc == WIRE_RECORDS);
	MUST(bytes <= a->records.n);
	MUST(reach < 0 || rc == WIRE_FALLBACK || reach == position);
	wire_extra_fini(&x);
	wire_records_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice((const char *)data, n);
	unsigned how = fuzz_byte(&text);
	bool committed = how & 1;
	int64_t from = how >> 1 & 7;
	size_t room = 1 + (how >> 4);
	struct wire_response r;
	struct wire_answer a = { 0 };
	char *own = mem_dup(text.n ? text.p : "", text.n); /* its end is known to the sanitizer */

	if (how >> 7) {
		a.records = slice(own, text.n);
		check_records(&a, from, committed, room);
	} else if (text.n >= 4 && wire_response_open(&r, slice(own, text.n), 0) == 0) {
		while (wire_response_next(&r, committed, &a) > 0)
			check_records(&a, from, committed, room);
	}
	free(own);
	return 0;
}
