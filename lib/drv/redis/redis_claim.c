/* One call a question; its records as one argument, so that neither side counts them one by one
 * but in the script. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "drv/redis/redis_dedup_internal.h"

static void add_big_endian(struct buf *out, uint64_t v, unsigned bytes)
{
	while (bytes--)
		buf_addc(out, (char)(v >> (8 * bytes)));
}

static void add_header(struct redis_dedup *d, const struct dedup_claim *claim)
{
	struct slice own = redis_dedup_field(d, claim->own->topic, claim->own->partition);

	d->scratch.n = 0;
	add_big_endian(&d->scratch, hash_64(own.p, own.n), 8);
	add_big_endian(&d->scratch, (uint64_t)claim->last + 1, 8);
	add_big_endian(&d->scratch, claim->newest_s, 4);
	add_big_endian(&d->scratch, (uint64_t)claim->stands, 8);
}

static void add_records(struct redis_dedup *d, const struct dedup_claim *claim)
{
	d->scratch.n = 0;
	for (size_t i = 0; i < claim->n; i++) {
		const struct dedup_entry *e = &claim->entry[i];

		buf_add(&d->scratch, e->key, sizeof(e->key));
		add_big_endian(&d->scratch, (uint64_t)e->offset, 8);
		add_big_endian(&d->scratch, e->time_s, 4);
	}
}

static int begin_claim(struct redis_dedup *d, const struct dedup_claim *claim, struct err *err)
{
	struct redis *p = d->p;
	struct slice field;

	if (redis_begin_script(p, REDIS_CLAIM, 3, 10, err) != SINK_OK)
		return -1;
	field = redis_dedup_field(d, claim->part->topic, claim->part->partition);
	redis_dedup_key(d, "state", slice("", 0));
	redis_dedup_key(d, "part", slice("", 0));
	redis_dedup_key(d, "open:", field);
	redis_dedup_key(d, "k", slice("", 0));
	redis_arg(p, field);
	redis_argi(p, (int64_t)claim->part->fence);
	add_header(d, claim);
	redis_arg(p, buf_slice(&d->scratch));
	if (claim->stands < 0)
		redis_argz(p, "");
	else
		redis_argi(p, claim->stands);
	redis_argi(p, claim->first);
	redis_argi(p, claim->last);
	redis_argi(p, claim->horizon_s);
	redis_argi(p, claim->adopt);
	add_records(d, claim);
	redis_arg(p, buf_slice(&d->scratch));
	return 0;
}

static int read_verdicts(struct redis_dedup *d, const redisReply *reply, size_t n, uint8_t *unique,
			 struct err *err)
{
	struct slice verdicts = redis_element(reply, 1);

	if (verdicts.n != n)
		return err_set(err, EX_SOFTWARE, "%s: %zu verdicts of %zu records", d->name,
			       verdicts.n, n);
	for (size_t i = 0; i < n; i++)
		unique[i] = verdicts.p[i] == '1';
	return 0;
}

int redis_claim(void *s, const struct dedup_claim *claim, uint8_t *unique,
		struct dedup_refusal *why, struct err *err)
{
	struct redis_dedup *d = s;
	redisReply *reply;
	int rc;

	if (begin_claim(d, claim, err) || redis_dedup_run(d, &reply, err))
		return -1;
	rc = redis_dedup_judge(d, reply, why, err);
	if (rc == 1 && why->why == DEDUP_BELOW)
		why->stored = redis_dedup_number(reply, 1);
	if (rc == 0)
		rc = read_verdicts(d, reply, claim->n, unique, err);
	freeReplyObject(reply);
	return rc;
}
