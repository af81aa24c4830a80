/* What the files of the scanner share. Not for others: scan.h is the contract.
 *
 *   scan.c           paths -> tree of wanted names; the batch: lines cut, walked, learned
 *   scan_text.c      strings and names that need care: escapes, UTF-8
 *   scan_walk.h      the walker: the grammar, once; each engine compiles it with its own probes
 *   scan_portable.c  probes of 8 bytes in plain C
 *
 * Sentinel: every line ends in \n, which no string, number, literal or white space inside a line may hold. So nothing that moves
 * forward over accepted bytes needs a bound. */
#ifndef REC_SCAN_INTERNAL_H
#define REC_SCAN_INTERNAL_H

#include "rec/json.h"
#include "rec/scan.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define always_inline inline __attribute__((always_inline))

/* A name that some path wants in an object at one place of the tree. Also an empty slot of the table (n = UINT32_MAX). */
struct scan_key {
	uint64_t head, tail;          /* first and last 8 bytes; names below 8 bytes: all of it with zeros behind, twice */
	uint32_t n;
	uint16_t field;               /* SCAN_FIELDS where nothing wants the value itself */
	uint16_t child;               /* the node below; 0 where nothing is wanted below */
	uint64_t under;               /* set of the fields below the value */
	const char *text;
	const struct scan_key *same;  /* the next of equal head, tail and n (longer than 16 bytes) */
};

/* The names wanted in one object: a table without collisions. Node 0 wants nothing, node 1 is the line's object. */
struct scan_node {
	struct scan_key *slot;
	uint64_t factor[2];
	unsigned shift;               /* 64 - log2(slots) */
};

struct scan;

struct scan_ops {
	/* Walks the line p[0..end), *end is \n; fills row. */
	enum scan_status (*walk)(struct scan *s, const char *p, const char *end, struct field *row);
	/* Cuts up to `max` lines off p[0..n): start and length. Returns their number. */
	unsigned (*cut)(const char *p, size_t n, unsigned max, const char **start, uint32_t *length);
};

struct scan {
	const struct scan_ops *ops;
	size_t width;
	struct scan_node *node;
	size_t nodes;
	struct field *field;          /* SCAN_BATCH rows */
	uint8_t copy_of[SCAN_FIELDS]; /* the first field of the same path: the one that the tree fills */
	bool copies;                  /* some are not themselves */
	char *text;                   /* the names */
	struct scan_key *keys;        /* the slots of all nodes */
	struct buf decoded;           /* of a name with escapes */
	struct field ignored;         /* where unwanted values go */
	bool learn;
};

extern const struct scan_ops scan_portable;

extern const struct scan_key scan_no_key;

static always_inline uint64_t scan_load(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

extern const uint64_t scan_low_bytes[9];      /* masks of the first n bytes of a load */

static always_inline uint64_t scan_slot(const struct scan_node *node, uint64_t head, uint64_t tail, uint64_t n)
{
	return (head * node->factor[0] + (tail ^ n) * node->factor[1]) >> node->shift;
}

const struct scan_key *scan_find_long(const struct scan_key *key, const char *p);

/* The wanted name p[0..n) in that object, or scan_no_key. 8 bytes before p and behind p + n are readable. */
static always_inline const struct scan_key *scan_find(const struct scan_node *node, const char *p, size_t n)
{
	uint64_t head = scan_load(p) & scan_low_bytes[n < 8 ? n : 8];
	uint64_t tail = n < 8 ? head : scan_load(p + n - 8);
	const struct scan_key *key = &node->slot[scan_slot(node, head, tail, n)];
	bool same = (key->head == head) & (key->tail == tail) & (key->n == n);
	key = same ? key : &scan_no_key;
	return likely(n <= 16) ? key : scan_find_long(key, p);
}

/* The same for a name in escaped form. */
const struct scan_key *scan_find_escaped(struct scan *s, const struct scan_node *node, const char *p, size_t n);

/* At a byte of a string that needs care: the rest of the string up to its closing quote, NULL if it is not valid.
 * *type becomes FIELD_ESCAPED at a backslash. */
const char *scan_string_rest(const char *p, uint32_t *type);

/* Bytes of the escape at p (a backslash); 0 if it is none. */
size_t scan_escape(const char *p);

/* Bytes of the UTF-8 sequence at p (not ASCII); 0 if it is none. */
size_t scan_sequence(const char *p);

/* The end of the number at p, NULL if there is none. What stands behind it is not looked at. */
const char *scan_number(const char *p);

#endif
