/* A window is a piece of the writer's buffer that lines are put into; it is handed back whenever
 * something else is to be written. */
#include "source/record_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { WINDOW_BYTES = 64 << 10 };

struct window {
	char *start, *p, *end;
};

/* Of the whole record, in bytes. */
static uint64_t record_size(const struct record_writer *f, const struct input_record *r)
{
	return f->bytes ? (uint64_t)(r->next - r->offset) - !r->tail : r->value.n;
}

/* ---- lines */

static void close_piece(struct record_writer *f, struct window *w)
{
	if (w->p != w->start)
		out_used(f->out, (size_t)(w->p - w->start));
	*w = (struct window){ 0 };
}

static int open_window(struct record_writer *f, struct window *w, size_t need, struct err *err)
{
	size_t n = need > WINDOW_BYTES ? need : WINDOW_BYTES;

	close_piece(f, w);
	w->start = w->p = out_room(f->out, n, err);
	if (!w->p)
		return -1;
	w->end = w->p + n;
	return 0;
}

static void put_line(struct window *w, struct slice s)
{
	char *nl = w->p, *end = w->p + s.n;

	if (s.n)
		memcpy(w->p, s.p, s.n);
	while ((nl = memchr(nl, '\n', (size_t)(end - nl))))
		*nl++ = ' ';
	*end = '\n';
	w->p = end + 1;
}

/* A control line: adds its newline. */
static int put_control(struct record_writer *f, struct slice line, struct err *err)
{
	return out_write(f->out, line.p, line.n, err) || out_write(f->out, "\n", 1, err) ? -1 : 0;
}

/* What headers say of a record that was sent again: where it stood first, and how often; the last
 * ones of their names. */
static void read_headers(const struct record_writer *f, const struct input_record *r,
			 struct ctl_at *at)
{
	struct input_extra x;

	if (!r->headers || !f->log)
		return;
	f->log->ops->extra(f->log->self, r, &x);
	for (size_t i = 0; i < x.n; i++)
		if (slice_is(x.header[i].name, "hta.from"))
			ctl_at_from(at, x.header[i].value);
		else if (slice_is(x.header[i].name, "hta.retries"))
			at->retries = ctl_retries(x.header[i].value);
}

static int64_t at_time(const struct record_writer *f, const struct input_record *r)
{
	return !f->exact_times ? ctl_at_time(r->time_us) : r->time_us > 0 ? r->time_us : 0;
}

static bool at_covers(const struct record_writer *f, const struct input_record *r)
{
	return f->exact_times ? f->time_us == at_time(f, r) : ctl_at_covers(f->time_us, r->time_us);
}

/* Records of one minute need no `at` but the first. Timestamps that jump about cost one each time
 * that they cross a full minute. A producer writes its batches in order of time, so that is rarely
 * more than once a batch, and the batch itself costs more than the line does. */
static bool needs_at(const struct record_writer *f, const struct partition *part,
		     const struct input_record *r)
{
	return f->part != part || f->next != r->offset ||
	       (f->inc && (f->sent_again || !at_covers(f, r)));
}

static int put_at(struct record_writer *f, const struct ctl_at *at, struct err *err)
{
	f->line.n = 0;
	ctl_at_write(f->inc, at, &f->line);
	return put_control(f, buf_slice(&f->line), err);
}

/* Says where the record stands, if that does not follow from what is written. */
static int put_place(struct record_writer *f, struct window *w, const struct partition *part,
		     const struct input_record *r, struct err *err)
{
	struct ctl_at at = { .topic = slice_z(part->topic),
			     .partition = part->partition,
			     .offset = r->offset,
			     .time_us = at_time(f, r) };

	if (f->inc)
		read_headers(f, r, &at);
	if (!needs_at(f, part, r) && !ctl_at_is_alone(&at))
		return 0;
	f->part = part;
	f->next = r->offset;
	f->time_us = at.time_us;
	f->sent_again = ctl_at_is_alone(&at);
	close_piece(f, w);
	return f->inc ? put_at(f, &at, err) : 0;
}

void record_writer_again(struct record_writer *f)
{
	f->part = NULL;
}

/* ---- dead letters */

int record_writer_fini(struct record_writer *f, struct err *err)
{
	buf_fini(&f->line);
	buf_fini(&f->made);
	buf_fini(&f->decoded);
	decode_free(f->decoder);
	envelope_fini(&f->envelope);
	return dead_route_close(&f->dead, err);
}

int record_writer_dead(struct record_writer *f, const struct origin *o, struct slice record,
		       uint64_t size, const char *why, struct err *err)
{
	struct dead_record d = { .origin = o, .record = record, .size = size, .reason = why };

	f->account.dead++;
	counters_add(f->counters, COUNTER_DEAD, 1);
	return dead_route_put(&f->dead, &d, f->inc, f->out, err);
}

static int put_dead(struct record_writer *f, const struct partition *part,
		    const struct input_record *r, const char *why, struct err *err)
{
	struct ctl_at at = { 0 };
	struct origin o = { .topic = slice_z(part->topic),
			    .partition = part->partition,
			    .offset = r->offset,
			    .bytes = f->bytes };

	read_headers(f, r, &at);
	o.retries = at.retries;
	return record_writer_dead(f, &o, r->value, record_size(f, r), why, err);
}

static int put_long(struct record_writer *f, const struct partition *part,
		    const struct input_record *r, uint64_t size, struct err *err)
{
	char why[96];

	snprintf(why, sizeof(why), "record of %" PRIu64 " bytes, longer than --max-line", size);
	return put_dead(f, part, r, why, err);
}

const char *record_writer_dead_are(const struct record_writer *f)
{
	return f->decoder                    ? "longer than --max-line, or could not be decoded"
	       : f->envelope.conf->key_field ? "longer than --max-line, or could not take their key"
	       : f->log && f->log->ops->stored ? "rejected at the intake, or longer than --max-line"
					       : "longer than --max-line";
}

int record_writer_end(struct record_writer *f, struct err *err)
{
	if (f->dead.total == 0)
		return 0;
	if (f->dead.to == DEAD_TOLD)
		return err_set(err, EX_DATAERR,
			       "%" PRIu64 " of %" PRIu64
			       " records were %s, and left out (--dead FILE keeps them, --dead "
			       "drop ignores them)",
			       f->dead.total, f->read_total, record_writer_dead_are(f));
	log_note("%" PRIu64 " of %" PRIu64 " records were %s: %s", f->dead.total, f->read_total,
		 record_writer_dead_are(f),
		 f->dead.to == DEAD_DROP ? "dropped" : "in the --dead file");
	return 0;
}

/* Its log has it as a dead letter. */
static int put_rejected(struct record_writer *f, const struct partition *part,
			const struct input_record *r, struct err *err)
{
	struct origin o = { .topic = slice_z(part->topic),
			    .partition = part->partition,
			    .offset = r->offset,
			    .bytes = f->bytes };
	struct input_extra x;

	f->log->ops->extra(f->log->self, r, &x);
	return record_writer_dead(f, &o, x.original, x.original.n, x.reason, err);
}

/* ---- records */

/* How many records from v[0] on lie behind each other as lines of one block. */
static size_t block_of(const struct record_writer *f, const struct input_record *v, size_t n)
{
	size_t k = 0;

	while (k < n && v[k].value.n <= f->max_line_bytes && !v[k].tail && !v[k].dead &&
	       record_size(f, &v[k]) == v[k].value.n &&
	       (k == 0 || v[k].value.p == v[k - 1].value.p + v[k - 1].value.n + 1))
		k++;
	return k;
}

static int put_block(struct record_writer *f, const struct input_record *v, size_t k,
		     struct err *err)
{
	size_t n = (size_t)(v[k - 1].value.p + v[k - 1].value.n + 1 - v[0].value.p);

	f->next = v[k - 1].next;
	f->account.out += k;
	f->account.bytes += n;
	return out_write(f->out, v[0].value.p, n, err);
}

static int put_record(struct record_writer *f, struct window *w, const struct input_record *r,
		      struct slice line, struct err *err)
{
	bool guard = !f->inc && !f->begun && ctl_is_hello(line);

	if ((size_t)(w->end - w->p) < line.n + 2 && open_window(f, w, line.n + 2, err))
		return -1;
	if (guard)
		*w->p++ = ' ';
	f->begun = true;
	put_line(w, line);
	f->next = f->bytes ? r->next : f->times ? r->offset : r->offset + 1;
	f->account.out++;
	f->account.bytes += line.n + 1 + guard;
	return 0;
}

/* Lines from v[0] on that follow from what is written, as far as the window goes: nearly all
 * records of a log whose offsets count records. A decoder is one that takes frames off. Returns how
 * many. */
static size_t put_run(struct record_writer *f, const struct partition *part,
		      const struct input_record *v, size_t n, struct window *w)
{
	const char *from = w->p;
	size_t k = 0;

	if (f->bytes || f->times || f->sent_again || !f->begun || f->part != part)
		return 0;
	for (; k < n; k++) {
		const struct input_record *r = &v[k];
		struct slice line = r->value;

		if (!line.p || line.n > f->max_line_bytes || r->offset != f->next ||
		    (size_t)(w->end - w->p) < line.n + 2 ||
		    (f->inc && (r->headers || !at_covers(f, r))) ||
		    (f->decoder && !decode_take_frame(&line)))
			break;
		put_line(w, line);
		f->next++;
	}
	f->account.out += k;
	f->account.bytes += (uint64_t)(w->p - from);
	return k;
}

/* The line of a record that is more than its value. -1: it has none, *why. */
static int make_line(struct record_writer *f, const struct partition *part,
		     const struct input_record *r, struct slice *line, const char **why)
{
	struct input_record decoded = *r;
	struct input_extra x = { 0 };
	bool enveloped = envelope_is_wanted(f->envelope.conf);

	if (enveloped || r->headers)
		f->log->ops->extra(f->log->self, r, &x);
	if (f->decoder && r->value.p &&
	    decode_line(f->decoder, part, r, &x, f->max_line_bytes, &f->decoded, &decoded.value,
			why))
		return -1;
	*line = decoded.value;
	if (!enveloped)
		return 0;
	f->made.n = 0;
	if (envelope_write(&f->envelope, part, &decoded, &x, &f->made, why))
		return -1;
	*line = buf_slice(&f->made);
	return 0;
}

static int put_made(struct record_writer *f, struct window *w, const struct partition *part,
		    const struct input_record *r, struct err *err)
{
	struct slice line;
	const char *why;
	int rc = make_line(f, part, r, &line, &why);

	if (rc == 0 && line.n <= f->max_line_bytes) {
		if ((r->headers || needs_at(f, part, r)) && put_place(f, w, part, r, err))
			return -1;
		return put_record(f, w, r, line, err);
	}
	close_piece(f, w);
	return rc ? put_dead(f, part, r, why, err) : put_long(f, part, r, line.n, err);
}

static int put_all(struct record_writer *f, const struct partition *part,
		   const struct input_record *v, size_t n, struct window *w, struct err *err)
{
	bool enveloped = envelope_is_wanted(f->envelope.conf), made = enveloped || f->decoder;
	bool runs = !enveloped && (!f->decoder || decode_is_json(f->decoder));

	for (size_t i = 0, k; i < n; i++) {
		const struct input_record *r = &v[i];

		if (runs && (k = put_run(f, part, r, n - i, w)) > 0) {
			i += k - 1;
			continue;
		}
		if (!r->value.p && !f->envelope.conf->tombstones) {
			f->account.filtered++;
			continue;
		}
		if (r->dead) {
			close_piece(f, w);
			if (put_rejected(f, part, r, err))
				return -1;
			continue;
		}
		if (record_size(f, r) > f->max_line_bytes) {
			close_piece(f, w);
			if (put_long(f, part, r, record_size(f, r), err))
				return -1;
			continue;
		}
		if (made) {
			if (put_made(f, w, part, r, err))
				return -1;
			continue;
		}
		if (((r->headers && f->inc) || needs_at(f, part, r)) &&
		    put_place(f, w, part, r, err))
			return -1;
		if (f->bytes && f->inc && (k = block_of(f, r, n - i)) > 0) {
			close_piece(f, w);
			if (put_block(f, r, k, err))
				return -1;
			i += k - 1;
		} else if (put_record(f, w, r, r->value, err)) {
			return -1;
		}
	}
	return 0;
}

int record_writer_records(struct record_writer *f, const struct partition *part,
			  const struct input_record *v, size_t n, struct err *err)
{
	struct window w = { 0 };
	struct account before = f->account;
	int rc = put_all(f, part, v, n, &w, err);

	if (rc == 0)
		close_piece(f, &w);
	f->account.in += n;
	f->read_total += n;
	counters_add(f->counters, COUNTER_RECORDS_IN, n);
	counters_add(f->counters, COUNTER_RECORDS_OUT, f->account.out - before.out);
	counters_add(f->counters, COUNTER_BYTES_OUT, f->account.bytes - before.bytes);
	counters_add(f->counters, COUNTER_BYTES_IN, f->account.bytes - before.bytes);
	counters_add(f->counters, COUNTER_FILTERED, f->account.filtered - before.filtered);
	return rc;
}
