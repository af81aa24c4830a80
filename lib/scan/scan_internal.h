/* What the files of the scanner share. Not for others: scan.h is the contract.
 *
 *   scan.c           paths -> tree of wanted names; the batch: lines cut, walked, learned
 *   scan_text.c      strings and names that need care: escapes, UTF-8
 *   scan_walk.h      the walker: the grammar, once; each engine compiles it with its own probes
 *   scan_learn.c     the learned order: programs made from lines, and when they are used
 *   scan_lanes.h     programs run over several lines in step; engines include it too
 *   scan_portable.c  probes of 8 bytes in plain C
 *   scan_avx2.c      probes of 32 bytes
 *
 * Sentinel: every line ends in \n, which no string, number, literal or white space inside a line
 * may hold. So nothing that moves forward over accepted bytes needs a bound. */
#ifndef SCAN_SCAN_INTERNAL_H
#define SCAN_SCAN_INTERNAL_H

#include "json/json.h"
#include "scan/scan.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define always_inline inline __attribute__((always_inline))

/* A name that some path wants in an object at one place of the tree. Also an empty slot of the
 * table (n = UINT32_MAX). */
struct scan_key {
	/* up to 32 bytes of it with the quote behind, and ff for each; for engines that compare
	 * vectors */
	uint8_t quoted[32], mask[32];
	uint64_t head, head_mask; /* the first 8 bytes, as far as there are so many */
	uint64_t tail, tail_mask; /* the last 8 bytes; nothing of shorter names */
	uint64_t under;           /* set of the fields below the value */
	const char *text;
	uint32_t n;
	uint16_t field; /* SCAN_FIELDS where nothing wants the value itself */
	uint16_t child; /* the node below; 0 where nothing is wanted below */
	uint32_t same;  /* slot of the next name of equal hash; 0: none */
	/* what is above does not decide: more than 16 bytes, or there is a next */
	uint32_t care;
};

/* The names wanted in one object: a table where names of different hash do not collide. Node 0
 * wants nothing, node 1 is the line's object. */
struct scan_node {
	struct scan_key *slot;
	uint64_t factor;
	unsigned shift; /* 64 - log2(slots) */
};

struct scan;

enum { SCAN_GUESSES = 512 };

#define SCAN_NO_GUESS ((const char *)UINTPTR_MAX)

/* --- what was learned (scan_learn.c) --- */

enum { SCAN_PIECE = 32, SCAN_PROGRAMS = 4 };

/* What follows a piece of text. */
enum scan_kind {
	SCAN_TEXT /* more text */,
	SCAN_STRING,
	SCAN_LONG /* a string, often beyond 32 bytes or not plain */,
	SCAN_NUMBER /* at most 14 bytes, no sign, no exponent */,
	SCAN_SCALAR /* any string, number, true, false or null */,
	SCAN_ARRAY,
	SCAN_BEGIN /* nothing: an object that a field wants begins */,
	SCAN_END /* nothing: it has ended */,
	SCAN_LAST /* the end of the line */
};

struct scan_piece {
	uint8_t text[SCAN_PIECE], mask[SCAN_PIECE]; /* bytes, and ff for each of them */
	uint32_t n;
	uint8_t kind;
	uint8_t field;  /* of the value that follows; SCAN_FIELDS: unwanted */
	uint16_t depth; /* containers open around it */
};

struct scan_value {
	uint32_t n /* bytes of text before it */;
	uint8_t kind, field;
	uint16_t depth;
};

/* A line as texts (one behind the other) and the values between them. */
struct scan_sketch {
	struct buf text;
	struct scan_value *value;
	size_t n, cap;
};

struct scan_program {
	struct scan_piece *piece;
	size_t n, cap;
	struct scan_sketch sketch;
	unsigned score; /* lines that it fitted lately */
	bool vouched;   /* for all lines of these texts */
};

struct scan_learned {
	struct scan_program program[SCAN_PROGRAMS];
	unsigned n;
	unsigned tried, fitted;     /* lines, since the last weighing */
	unsigned pause, pause_next; /* batches without learning */
	struct scan_sketch sketch;  /* scratch */
};

struct scan_ops {
	/* Walks the line p[0..end), *end is \n; fills row. */
	enum scan_status (*walk)(struct scan *s, const char *p, const char *end, struct field *row);
	/* Cuts up to `max` lines off p[0..n): start and length. Returns their number. */
	unsigned (*cut)(const char *p, size_t n, unsigned max, const char **start,
			uint32_t *length);
	/* Tries the lines todo[0..n) of the batch; those that do not fit stay in todo, their
	 * fields missing. Returns their number. May turn a piece of SCAN_STRING into SCAN_LONG. */
	unsigned (*run)(struct scan *s, const struct scan_program *program,
			struct scan_batch *batch, uint8_t *todo, unsigned n);
};

struct scan {
	const struct scan_ops *ops;
	size_t width;
	struct scan_node *node;
	size_t nodes;
	struct field *field; /* SCAN_BATCH rows */
	/* the first field of the same path: the one that the tree fills */
	uint8_t copy_of[SCAN_FIELDS];
	bool copies; /* some are not themselves */
	char **text; /* the names */
	size_t texts, texts_cap;
	struct buf decoded; /* of a name with escapes */
	bool (*vouch)(struct slice line);
	bool learn;
	struct scan_learned learned;
};

extern const struct scan_ops scan_portable;
#ifdef __x86_64__
extern const struct scan_ops scan_avx2;

static inline bool scan_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2");
}
#endif

static always_inline uint64_t scan_load(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/* Of the length and the last two bytes, which are the opening quote and the byte for a name of
 * one; 0 for an empty name. */
static always_inline uint64_t scan_hash(const char *end, size_t n)
{
	uint16_t last;
	memcpy(&last, end - 2, 2);
	return likely(n) ? last | (uint64_t)n << 16 : 0;
}

static always_inline uint64_t scan_slot(const struct scan_node *node, uint64_t hash)
{
	return hash * node->factor >> node->shift;
}

/* off ? a : b without a branch: where the order of names is random, nothing foretells it. */
static always_inline const void *scan_select(uint64_t off, const void *a, const void *b)
{
#ifdef __x86_64__
	__asm__("test %1, %1\n\tcmovnz %2, %0" : "+r"(b) : "r"(off), "r"(a) : "cc");
	return b;
#else
	uintptr_t all = (uintptr_t)0 - (uintptr_t)(off != 0);
	return (const void *)(((uintptr_t)a & all) | ((uintptr_t)b & ~all));
#endif
}

extern const struct scan_key scan_no_key; /* stands for every name that is not wanted */

const struct scan_key *scan_find_same(const struct scan_node *node, const struct scan_key *key,
				      const char *p, size_t n);

/* The wanted name p[0..n) in that object, or scan_no_key. A quote is at p[-1], and 8 bytes
 * before it and behind p + n are readable. */
static always_inline const struct scan_key *scan_find(const struct scan_node *node, const char *p,
						      size_t n)
{
	const struct scan_key *key = &node->slot[scan_slot(node, scan_hash(p + n, n))];
	uint64_t head = (scan_load(p) ^ key->head) & key->head_mask,
		 tail = (scan_load(p + n - 8) ^ key->tail) & key->tail_mask;
	if (unlikely(key->care))
		return scan_find_same(node, key, p, n);
	return scan_select(head | tail | (n ^ key->n), &scan_no_key, key);
}

/* The same for a name in escaped form. */
const struct scan_key *scan_find_escaped(struct scan *s, const struct scan_node *node,
					 const char *p, size_t n);

/* Where a string (its closing quote) or another scalar ends, and its type. end is NULL if it is
 * not valid. */
struct scan_string {
	const char *end;
	uint32_t type;
};

/* The rest of a string from p on, which is the first byte that is not plain. */
struct scan_string scan_string_rest(const char *p);

/* Bytes of the escape at p (a backslash); 0 if it is none. */
size_t scan_escape(const char *p);

/* Bytes of the UTF-8 sequence at p (not ASCII); 0 if it is none. */
size_t scan_sequence(const char *p);

/* The end of the number at p, NULL if there is none. What stands behind it is not looked at. */
const char *scan_number(const char *p);

/* Walks a line of the batch and books what it is; all are valid before. */
enum scan_status scan_walk(struct scan *s, struct scan_batch *batch, unsigned line);

void scan_learned_lines(struct scan *s, struct scan_batch *batch);
void scan_forget(struct scan *s);
void scan_learned_fini(struct scan *s);

/* true, false or null at p: where it ends, NULL if it is none of them. What stands behind it is
 * not looked at. */
static always_inline struct scan_string scan_word(const char *p)
{
	if (memcmp(p, "true", 4) == 0)
		return (struct scan_string){ p + 4, FIELD_TRUE };
	if (memcmp(p, "null", 4) == 0)
		return (struct scan_string){ p + 4, FIELD_NULL };
	return (struct scan_string){ memcmp(p, "false", 5) == 0 ? p + 5 : NULL, FIELD_FALSE };
}

#endif
