/* A header is written from one template and read against it: all but the numbers has to be the
 * same, byte for byte. Places and widths of the numbers stand in a table, so that reader and writer
 * cannot differ.
 *
 *	{"$log":{"at":.................,"n":........,"bytes":........,"xxh3":"........",.. */
#include "source/wal_format.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define NUMBER_8 "        "
#define NUMBER_16 NUMBER_8 NUMBER_8
#define NUMBER_19 NUMBER_16 "   "
#define HASH_DIGITS "0000000000000000"

static const char template[] = "{\"$log\":{\"at\":" NUMBER_19 ",\"n\":" NUMBER_8
			       ",\"bytes\":" NUMBER_8 ",\"xxh3\":\"" HASH_DIGITS
			       "\",\"us\":" NUMBER_16 ",\"in\":" NUMBER_16 ",\"dup\":" NUMBER_16
			       "}}\n";
_Static_assert(sizeof(template) - 1 == WAL_HEADER_BYTES, "the header's width");

enum { AT, LINES, BYTES, XXH3, US, IN, DUP, FIELDS };

static const struct {
	size_t from, width;
} field[FIELDS] = {
	[AT] = { 14, 19 }, [LINES] = { 38, 8 }, [BYTES] = { 55, 8 }, [XXH3] = { 72, 16 },
	[US] = { 95, 16 }, [IN] = { 117, 16 },  [DUP] = { 140, 16 },
};

static void put_number(char *out, int which, uint64_t v)
{
	char *p = out + field[which].from + field[which].width;

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10));
}

static void put_hash(char *out, uint64_t v)
{
	char *p = out + field[XXH3].from;

	for (int i = 60; i >= 0; i -= 4)
		*p++ = "0123456789abcdef"[v >> i & 15];
}

void wal_header_write(const struct wal_header *h, char *out)
{
	memcpy(out, template, WAL_HEADER_BYTES);
	put_number(out, AT, (uint64_t)h->at);
	put_number(out, LINES, h->lines);
	put_number(out, BYTES, h->bytes);
	put_number(out, US, (uint64_t)h->us);
	put_number(out, IN, h->in);
	put_number(out, DUP, h->dup);
	put_hash(out, h->xxh3);
}

/* Blanks, then digits, without a zero in front of others. */
static bool get_number(const char *p, int which, uint64_t *out)
{
	const char *end = p + field[which].from + field[which].width;

	p += field[which].from;
	while (p < end - 1 && *p == ' ')
		p++;
	if (*p == '0' && p < end - 1)
		return false;
	for (*out = 0; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		*out = *out * 10 + (uint64_t)(*p - '0');
	}
	return true;
}

static bool get_hash(const char *p, uint64_t *out)
{
	*out = 0;
	p += field[XXH3].from;
	for (size_t i = 0; i < field[XXH3].width; i++) {
		bool digit = p[i] >= '0' && p[i] <= '9', letter = p[i] >= 'a' && p[i] <= 'f';

		if (!digit && !letter)
			return false;
		*out = *out << 4 | (uint64_t)(digit ? p[i] - '0' : p[i] - 'a' + 10);
	}
	return true;
}

/* The text between two numbers. */
static bool same_between(const char *p)
{
	size_t from = 0;

	for (int i = 0; i <= FIELDS; i++) {
		size_t to = i < FIELDS ? field[i].from : WAL_HEADER_BYTES;

		if (memcmp(p + from, template + from, to - from) != 0)
			return false;
		from = i < FIELDS ? to + field[i].width : to;
	}
	return true;
}

bool wal_header_read(const char *p, struct wal_header *out)
{
	uint64_t at, lines, bytes, us;

	if (!same_between(p) || !get_number(p, AT, &at) || !get_number(p, LINES, &lines) ||
	    !get_number(p, BYTES, &bytes) || !get_number(p, US, &us) ||
	    !get_number(p, IN, &out->in) || !get_number(p, DUP, &out->dup) ||
	    !get_hash(p, &out->xxh3))
		return false;
	if (bytes > WAL_SEGMENT_BYTES - WAL_HEADER_BYTES || at > INT64_MAX / 2)
		return false;
	out->at = (int64_t)at;
	out->lines = (uint32_t)lines;
	out->bytes = (uint32_t)bytes;
	out->us = (int64_t)us;
	return true;
}

void wal_group_seal(char *group, struct wal_header *h)
{
	h->xxh3 = 0;
	wal_header_write(h, group);
	h->xxh3 = hash_64(group, WAL_HEADER_BYTES + (size_t)h->bytes);
	put_hash(group, h->xxh3);
}

bool wal_group_holds(char *group, const struct wal_header *h)
{
	uint64_t got;

	put_hash(group, 0);
	got = hash_64(group, WAL_HEADER_BYTES + (size_t)h->bytes);
	put_hash(group, h->xxh3);
	return got == h->xxh3;
}

void wal_segment_name(int64_t first, char out[WAL_NAME_BYTES])
{
	snprintf(out, WAL_NAME_BYTES, "%020lld.log", (long long)first);
}

bool wal_segment_first(const char *name, int64_t *first)
{
	*first = 0;
	if (strlen(name) != WAL_NAME_BYTES - 1 || strcmp(name + 20, ".log") != 0)
		return false;
	for (int i = 0; i < 20; i++) {
		if (name[i] < '0' || name[i] > '9' || *first > INT64_MAX / 20)
			return false;
		*first = *first * 10 + (name[i] - '0');
	}
	return true;
}
