/* The bare loop: unnest TABLE EPOCHS ROWS. Upserts ROWS deltas EPOCHS times into a table that is
 * like hta-sink-pg's, a transaction each (libpq's environment).
 *
 * What Postgres asks of anybody who adds rows in bulk: arrays in binary form, INSERT .. SELECT
 * unnest .. ON CONFLICT DO UPDATE with the statement of hta-sink-pg, BEGIN, statement and COMMIT
 * in one round trip. No positions, no input: the arrays are made once, in key order, and only
 * what changes from epoch to epoch (window, counts, sums) is written anew. The rows are those of
 * the stream that stores.py makes. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { COLUMNS = 10, HEAD = 20, ELEMENT = 64, EPOCHS_A_WINDOW = 10 };
enum { METRIC, START, END, HASH, DIMS, COUNT, VALUES, SUM, MIN, MAX };

/* Arrays and their elements: text, timestamptz, jsonb, int8, numeric. */
static const Oid array_type[COLUMNS] = {
	1009, 1185, 1185, 1009, 3807, 1016, 1016, 1231, 1231, 1231,
};
static const Oid element_type[COLUMNS] = { 25, 1184, 1184, 25, 3802, 20, 20, 1700, 1700, 1700 };
/* 2026-01-01 in microseconds since 2000 */
static const int64_t FIRST_WINDOW = 820540800000000;

struct row {
	char hash[33];
	unsigned n;
};
struct column {
	char *p;
	size_t n;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "unnest: %s: %s\n", what, why);
	exit(EX_UNAVAILABLE);
}

static int by_hash(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->hash, ((const struct row *)b)->hash);
}

static struct row *make_rows(unsigned rows)
{
	struct row *row = malloc(rows * sizeof(*row));

	for (unsigned i = 0; i < rows; i++) {
		uint64_t h = (uint64_t)(i + 1) * 0x9E3779B97F4A7C15;
		snprintf(row[i].hash, sizeof(row[i].hash), "%016" PRIx64 "%016" PRIx64, h,
			 h * 0xD6E8FEB86659FD93);
		row[i].n = i;
	}
	qsort(row, rows, sizeof(*row), by_hash);
	return row;
}

/* ---- arrays in binary form, big-endian */

static void put32(struct column *c, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(c->p + c->n, &v, 4);
	c->n += 4;
}

static void put(struct column *c, const void *p, size_t n)
{
	put32(c, (uint32_t)n);
	memcpy(c->p + c->n, p, n);
	c->n += n;
}

static void put64(struct column *c, int64_t v)
{
	uint64_t be = __builtin_bswap64((uint64_t)v);
	put(c, &be, 8);
}

/* Hundredths below 1,000,000: digits of base 10,000, weight, sign, decimals shown. */
static void put_numeric(struct column *c, unsigned hundredths)
{
	uint16_t whole = (uint16_t)(hundredths / 100), part = (uint16_t)(hundredths % 100),
		 digits[2] = { whole, (uint16_t)(part * 100) };
	int from = whole ? 0 : 1, n = (part ? 2 : 1) - from;

	put32(c, (uint32_t)(8 + 2 * n));
	put32(c, (uint32_t)n << 16 | (uint16_t)-from);
	put32(c, part == 0 ? 0 : part % 10 ? 2 : 1);
	for (int i = 0; i < n; i++) {
		uint16_t be = __builtin_bswap16(digits[from + i]);
		memcpy(c->p + c->n, &be, 2);
		c->n += 2;
	}
}

static void begin(struct column *c, int i, unsigned rows)
{
	c->n = 0;
	put32(c, 1);
	put32(c, 0);
	put32(c, element_type[i]);
	put32(c, rows);
	put32(c, 1);
}

/* What is the same in every epoch. */
static void fill_once(struct column *c, const struct row *row, unsigned rows)
{
	char dims[ELEMENT];

	for (int i = 0; i < COLUMNS; i++) {
		c[i].p = malloc(HEAD + rows * (size_t)ELEMENT);
		begin(&c[i], i, rows);
	}
	for (unsigned i = 0; i < rows; i++) {
		put(&c[METRIC], "m", 1);
		put(&c[HASH], row[i].hash, 32);
		put(&c[DIMS], dims,
		    (size_t)snprintf(dims, sizeof(dims), "\001{\"customer\":\"c-%06u\"}",
				     row[i].n));
		put_numeric(&c[MIN], 25);
		put_numeric(&c[MAX], 250);
	}
}

static void fill(struct column *c, const struct row *row, unsigned rows, unsigned epoch)
{
	int64_t start = FIRST_WINDOW + (int64_t)(epoch / EPOCHS_A_WINDOW) * 60000000;

	begin(&c[START], START, rows);
	begin(&c[END], END, rows);
	begin(&c[COUNT], COUNT, rows);
	begin(&c[VALUES], VALUES, rows);
	begin(&c[SUM], SUM, rows);
	for (unsigned i = 0; i < rows; i++) {
		unsigned count = 1 + (row[i].n + epoch) % 7;
		put64(&c[START], start);
		put64(&c[END], start + 60000000);
		put64(&c[COUNT], count);
		put64(&c[VALUES], count);
		put_numeric(&c[SUM], count * 125);
	}
}

/* ---- Postgres */

static const char upsert[] =
	"INSERT INTO %s AS t (metric, window_start, window_end, dims_hash, dims, count, "
	"value_count, sum, min, max)"
	" SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (metric, "
	"window_start, window_end, dims_hash) DO UPDATE SET"
	" count = t.count + excluded.count, value_count = coalesce(t.value_count + "
	"excluded.value_count, t.value_count, excluded.value_count),"
	" sum = trim_scale(coalesce(t.sum + excluded.sum, t.sum, excluded.sum)), min = "
	"least(t.min, excluded.min), max = greatest(t.max, excluded.max),"
	" updated_at = now()";

static void apply(PGconn *db, const char *sql, const struct column *c)
{
	const char *value[COLUMNS];
	int bytes[COLUMNS], format[COLUMNS];
	PGresult *res;

	for (int i = 0; i < COLUMNS; i++) {
		value[i] = c[i].p;
		bytes[i] = (int)c[i].n;
		format[i] = 1;
	}
	if (!PQsendQueryParams(db, "BEGIN", 0, NULL, NULL, NULL, NULL, 0) ||
	    !PQsendQueryParams(db, sql, COLUMNS, array_type, value, bytes, format, 0) ||
	    !PQsendQueryParams(db, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(db))
		die("sending", PQerrorMessage(db));
	for (int answers = 0;
	     answers < 4;) { /* each is followed by NULL, the synchronisation is not */
		res = PQgetResult(db);
		answers += res != NULL;
		if (res && PQresultStatus(res) != PGRES_COMMAND_OK &&
		    PQresultStatus(res) != PGRES_PIPELINE_SYNC)
			die("an epoch", PQresultErrorMessage(res));
		PQclear(res);
	}
}

int main(int argc, char **argv)
{
	struct column c[COLUMNS];
	char sql[2048];

	if (argc != 4) {
		fprintf(stderr, "unnest: usage: unnest TABLE EPOCHS ROWS\n");
		return EX_USAGE;
	}
	unsigned epochs = (unsigned)atoi(argv[2]), rows = (unsigned)atoi(argv[3]);
	struct row *row = make_rows(rows);
	PGconn *db = PQconnectdb("");

	if (PQstatus(db) != CONNECTION_OK || !PQenterPipelineMode(db))
		die("connecting", PQerrorMessage(db));
	snprintf(sql, sizeof(sql), upsert, argv[1]);
	fill_once(c, row, rows);
	for (unsigned e = 0; e < epochs; e++) {
		fill(c, row, rows, e);
		apply(db, sql, c);
	}
	PQfinish(db);
	for (int i = 0; i < COLUMNS; i++)
		free(c[i].p);
	free(row);
	return 0;
}
