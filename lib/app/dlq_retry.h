/* Inside of hta-dlq retry: a call, and a letter on its way. */
#ifndef APP_DLQ_RETRY_H
#define APP_DLQ_RETRY_H

#include "app/dlq_internal.h"

/* Records that the call has sent. */
struct dlq_twins {
	uint8_t (*key)[16]; /* hash_128; a place that is all zeros is free */
	size_t n, cap;      /* cap: a power of two */
};

struct outgoing {
	const struct letter *letter;
	struct letters_record record;
	/* The same record was sent for another letter: this one is marked with it, not sent. */
	bool twin;
};

struct retry_call {
	bool to_stdout;
	char name[LETTERS_CALL_BYTES]; /* "" until it is begun */
	uint64_t batch;
	uint64_t selected, sent, twins, doubtful, gone, changed, unmended, lost;
	int64_t told_us;
	/* Earlier calls of which nobody knows what they have sent. What any other has taken was
	 * taken since this one began. */
	char **unknown;
	size_t unknowns;
	char **topic; /* those that were found */
	int32_t *partitions;
	size_t topics;
	struct dlq_twins seen;
};

/* The topic that the letter goes to: --to, or name, which it fills in. */
const char *dlq_target(const struct dlq *q, const struct letter *l, char *name, size_t n);
/* Its index. EX_CONFIG: there is no such topic. */
int dlq_find_topic(struct dlq *q, struct retry_call *r, const char *topic, size_t *at,
		   struct err *err);

/* dlq_prepare.c: looks the letter up, chooses its bytes, mends them. *send false: it is not sent,
 * and this was said, or counted. */
int dlq_prepare(struct dlq *q, struct retry_call *r, const struct letter *l, struct outgoing *out,
		bool *send, struct err *err);

#endif
