/* The bytes of an intake's local log: header lines of groups, names of segments. Pure.
 *
 *	log     := segments, one behind the other; an offset counts bytes from the log's beginning
 *	segment := group*, zeros while records are appended to it; a file that is named by the
 *	           offset of its first byte; zeros are no part of the log
 *	group   := header line, data lines, each with its newline
 *	header  := {"$log":{"at":OFFSET,"n":LINES,"bytes":BYTES,"xxh3":"<16 hex>","us":CLOCK,
 *	           "in":N,"dup":N}} and a newline; of fixed width, numbers are padded with blanks in
 *	           front
 * at is the offset of the header's first byte: the next group's is at + WAL_HEADER_BYTES + bytes.
 * xxh3 is hash_64 over the header, with zeros in place of its own digits, and the data. us: when
 * the group was closed (1970, UTC). in, dup: two sums of whoever appends (wal_write.h). So grep and
 * jq read a log, and a line that looks like a header forges nothing: a reader goes from header to
 * header. */
#ifndef SOURCE_WAL_FORMAT_H
#define SOURCE_WAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WAL_HEADER_BYTES = 159,
	WAL_SEGMENT_BYTES = 64 << 20, /* a segment's most: a group is never longer */
	WAL_NAME_BYTES = 25,          /* of a segment's name, with its NUL */
};

struct wal_header {
	int64_t at;
	uint32_t lines, bytes;
	uint64_t xxh3;
	int64_t us;
	uint64_t in, dup;
};

/* Where the group ends, and the next one begins. */
static inline int64_t wal_header_end(const struct wal_header *h)
{
	return h->at + WAL_HEADER_BYTES + h->bytes;
}

/* Writes WAL_HEADER_BYTES. */
void wal_header_write(const struct wal_header *h, char *out);
/* False: these WAL_HEADER_BYTES are no header. */
bool wal_header_read(const char *p, struct wal_header *out);

/* group: room for the header, then its data. Sets h->xxh3 and writes the header. */
void wal_group_seal(char *group, struct wal_header *h);
/* Whether the group has the hash that its header h says. Changes the bytes meanwhile. */
bool wal_group_holds(char *group, const struct wal_header *h);

/* "%020d.log" */
void wal_segment_name(int64_t first, char out[WAL_NAME_BYTES]);
bool wal_segment_first(const char *name, int64_t *first);

#endif
