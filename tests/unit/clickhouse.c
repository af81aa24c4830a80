/* The pure parts of the ClickHouse driver: URLs, RowBinary, rows as their columns want them. */
#include "drv/clickhouse/clickhouse_internal.h"

#include <stdlib.h>

#include "tap.h"

static const char *shown(const char *text)
{
	return text ? text : "-";
}

static void test_good_urls(void)
{
	static const struct {
		const char *text, *address, *user, *password, *database, *ca, *positions;
	} cases[] = {
		{ "clickhouse://h", "http://h:8123/", "-", "-", "-", "-", "-" },
		{ "clickhouse://h/", "http://h:8123/", "-", "-", "-", "-", "-" },
		{ "clickhouses://h/d", "https://h:8443/", "-", "-", "d", "-", "-" },
		{ "http://h:1/a%20b", "http://h:1/", "-", "-", "a b", "-", "-" },
		{ "https://u@h:1", "https://h:1/", "u", "-", "-", "-", "-" },
		{ "clickhouse://u:p@h", "http://h:8123/", "u", "p", "-", "-", "-" },
		{ "clickhouse://u:a@b:c%2F@h/d", "http://h:8123/", "u", "a@b:c/", "d", "-", "-" },
		{ "clickhouse://u:@h", "http://h:8123/", "u", "", "-", "-", "-" },
		{ "clickhouse://[::1]", "http://[::1]:8123/", "-", "-", "-", "-", "-" },
		{ "clickhouse://[::1]:9/d", "http://[::1]:9/", "-", "-", "d", "-", "-" },
		{ "clickhouse://h?positions=/a/b.db", "http://h:8123/", "-", "-", "-", "-",
		  "/a/b.db" },
		{ "clickhouse://h/d?ca=c.pem&positions=postgres://u%40x@h/p?a=b", "http://h:8123/",
		  "-", "-", "d", "c.pem", "postgres://u@x@h/p?a=b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct clickhouse_url u;

		if (!ok(clickhouse_url_parse(cases[i].text, &u, &err) == 0, "%s %s", cases[i].text,
			err.msg))
			continue;
		is_str(shown(u.address), cases[i].address, "address");
		is_str(shown(u.user), cases[i].user, "user");
		is_str(shown(u.password), cases[i].password, "password");
		is_str(shown(u.database), cases[i].database, "database");
		is_str(shown(u.ca), cases[i].ca, "ca");
		is_str(shown(u.positions), cases[i].positions, "positions");
		clickhouse_url_fini(&u);
	}
}

static void test_bad_urls(void)
{
	static const char *const cases[] = {
		"",
		"h",
		"redis://h",
		"clickhouse:/h",
		"clickhouse://",
		"clickhouse:///d",
		"clickhouse://:1",
		"clickhouse://secret:secret@",
		"clickhouse://u:secret%zz@h",
		"clickhouse://u:secret%0d%0aX@h",
		"clickhouse://h/d?secret=1",
		"clickhouse://h?ca",
		"clickhouse://h?ca=",
		"clickhouse://h?ca=a&ca=b",
		"clickhouse://h secret/d",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct clickhouse_url u;

		ok(clickhouse_url_parse(cases[i], &u, &err) == -1 && err.code == EX_USAGE, "%s",
		   cases[i]);
		ok(!strstr(err.msg, "secret"), "nothing of it is said: %s", err.msg);
	}
}

static void is_hex(struct buf *got, const char *hex, const char *what)
{
	struct buf text = { 0 };

	buf_hex(&text, got->p, got->n);
	is_str(buf_z(&text), hex, what);
	buf_fini(&text);
	got->n = 0;
}

static void test_values(void)
{
	struct buf b = { 0 };

	rowbinary_length(&b, 0);
	rowbinary_length(&b, 127);
	rowbinary_length(&b, 128);
	rowbinary_length(&b, 300);
	rowbinary_length(&b, 1 << 21);
	is_hex(&b, "007f8001ac0280808001", "lengths");
	rowbinary_text(&b, slice_z("ab"));
	rowbinary_text(&b, slice(NULL, 0));
	is_hex(&b, "02616200", "texts");
	rowbinary_i32(&b, -2);
	rowbinary_i64(&b, -2);
	rowbinary_u64(&b, 258);
	is_hex(&b, "fefffffffeffffffffffffff0201000000000000", "integers");
	rowbinary_maybe_u64(&b, false, 1);
	rowbinary_maybe_u64(&b, true, 1);
	rowbinary_maybe_dec(&b, true, -1);
	rowbinary_maybe_dec(&b, false, -1);
	is_hex(&b,
	       "01000100000000000000"
	       "00ffffffffffffffffffffffffffffffff"
	       "01",
	       "what may be null");
	buf_fini(&b);
}

static void test_reading(void)
{
	const dec big = (dec)123456789012345678 * 1000000000000000000;
	struct buf b = { 0 };
	struct rowbinary r;
	uint64_t u;
	dec d;

	rowbinary_text(&b, slice_z("text"));
	rowbinary_i32(&b, -7);
	rowbinary_maybe_dec(&b, true, -big);
	rowbinary_maybe_u64(&b, false, 9);
	rowbinary_u64(&b, UINT64_MAX);
	r = rowbinary_of(buf_slice(&b));
	ok(slice_is(rowbinary_get_text(&r), "text"), "a text");
	ok(rowbinary_get_i32(&r) == -7, "an integer");
	ok(rowbinary_get_maybe_dec(&r, &d) && d == -big, "a decimal");
	ok(!rowbinary_get_maybe_u64(&r, &u) && u == 0, "a null");
	ok(rowbinary_more(&r) && rowbinary_get_u64(&r) == UINT64_MAX, "the last");
	ok(!rowbinary_more(&r) && !r.broken, "nothing is left");
	for (size_t n = 0; n < b.n; n++) {
		r = rowbinary_of(slice(b.p, n));
		rowbinary_get_text(&r);
		rowbinary_get_i32(&r);
		rowbinary_get_maybe_dec(&r, &d);
		rowbinary_get_maybe_u64(&r, &u);
		rowbinary_get_u64(&r);
		ok(r.broken && !rowbinary_more(&r), "%zu bytes are too few", n);
	}
	r = rowbinary_of(slice("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10));
	ok(rowbinary_get_text(&r).n == 0 && r.broken, "a length without an end");
	r = rowbinary_of(slice("\x02\x00", 2));
	ok(!rowbinary_get_maybe_u64(&r, &u) && r.broken, "null is 0 or 1");
	buf_fini(&b);
}

static void test_rows(void)
{
	struct cell cell[] = {
		{ .column = { COLUMN_COUNT, slice_z("a") }, .count = 5 },
		{ .column = { COLUMN_COUNT, slice_z("b") }, .count = 2 },
		{ .column = { COLUMN_MIN, slice_z("c") }, .value = -1 },
		{ .column = { COLUMN_MIN, slice_z("d") }, .empty = true },
		{ .column = { COLUMN_MAX, slice_z("e") }, .value = -1 },
	};
	struct rollup row = { .add = true,
			      .metric = slice_z("m"),
			      .start_us = 1,
			      .end_us = 2,
			      .dims = slice_z("{}"),
			      .dims_hash = { 1, 2 },
			      .count = 3 };
	struct ranges ranges = { 0 };
	struct buf b = { 0 };
	struct range *at = ranges_add(&ranges, slice_z("t"), 5);

	clickhouse_put_delta(&row, "j", &b);
	is_hex(&b,
	       "00016a016d0100000000000000020000000000000001020000000000000000000000000000"
	       "027b7d03000000000000000101010100000000",
	       "a delta without values");
	row.has_value = true;
	clickhouse_put_final(&row, NULL, 4, &b);
	is_hex(&b,
	       "00016d0100000000000000020000000000000001020000000000000000000000000000"
	       "027b7d030000000000000000000000000000000001010100000000"
	       "0400000000000000",
	       "a final row without a value");
	row.has_value = false;
	row.cell = cell;
	row.cells = sizeof(cell) / sizeof(*cell);
	clickhouse_put_delta(&row, "j", &b);
	is_hex(&b,
	       "00016a016d0100000000000000020000000000000001020000000000000000000000000000"
	       "027b7d030000000000000001010101"
	       "02016105000000000000000162020000000000000000"
	       "02016300ffffffffffffffffffffffffffffffff016401"
	       "01016500ffffffffffffffffffffffffffffffff",
	       "a map for each rule of merging");
	row.cells = 0;
	at->from = 10;
	at->to = 20;
	ranges_add(&ranges, slice_z("idle"), 0);
	clickhouse_put_marker(
		&(struct clickhouse_marker){
			.claim = "c", .job = "j", .sink = "me", .ranges = &ranges, .now_us = 9 },
		&b);
	ok(memmem(b.p, b.n, "\x09t/5:10-20", 10) != NULL && !memmem(b.p, b.n, "idle", 4),
	   "a marker names what moves");
	ok(memmem(b.p, b.n,
		  "\x01"
		  "c\x01j\x02me",
		  7) != NULL,
	   "the claim, the job and the sink");
	ranges_fini(&ranges);
	buf_fini(&b);
}

static void test_texts(void)
{
	struct buf b = { 0 };

	clickhouse_name(&b, "a`b\\c");
	clickhouse_literal(&b, slice_z("it's \\"));
	is_str(buf_z(&b), "`a\\`b\\\\c`'it\\'s \\\\'", "names and texts in queries");
	buf_fini(&b);
}

int main(void)
{
	test_good_urls();
	test_bad_urls();
	test_values();
	test_reading();
	test_rows();
	test_texts();
	return done();
}
