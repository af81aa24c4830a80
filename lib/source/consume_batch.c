/* What a step is made of: batches of the log. A batch is taken in pieces, as much as the open
 * epoch, the step and --until take; the rest of it waits, and stays valid, since nothing else is
 * read before it is used up. Where there is nothing to read, or no room for it, the stream's loop
 * is served until there may be. */
#include "source/consume_internal.h"

#include <inttypes.h>

#include "base/tm.h"
#include "source/bounds.h"

enum step consume_lost_meanwhile(struct consume *s, struct err *err)
{
	struct range *end;

	if (err->code != EX_DATAERR || !s->log->lost.is || !s->c->on_gap_skip)
		return STEP_FAILED;
	end = ranges_find(&s->progress.ends, slice_z(s->log->lost.part.topic),
			  s->log->lost.part.partition);
	if (!end)
		return STEP_FAILED;
	s->log->lost.is = false;
	end->from = s->log->lost.to;
	return consume_cut(s, err) ? STEP_FAILED : STEP_NEXT;
}

static size_t id_of(const struct consume *s, const struct partition *part)
{
	const struct range *r = ranges_find(&s->reading.step, slice_z(part->topic),
					    part->partition);

	if (!r)
		BUG("a batch of %s/%" PRId32 ", which is not assigned", part->topic,
		    part->partition);
	return (size_t)(r - s->reading.step.v);
}

/* The last record that can be read again as it is: not a line that its file has not finished. */
static const struct pos_last *batch_last_of(const struct input_record *v, size_t n,
					    struct pos_last *last)
{
	if (n && v[n - 1].tail)
		n--;
	if (n == 0)
		return NULL;
	*last = (struct pos_last){ .offset = v[n - 1].offset,
				   .time_us = v[n - 1].time_us,
				   .hash = record_hash(v[n - 1].value) };
	return last;
}

/* Until something is stored, the lag in seconds counts from the first record that was read. */
static void note_first(struct consume *s, const struct partition *part,
		       const struct input_record *first)
{
	struct range *r = ranges_find(&s->progress.stored, slice_z(part->topic), part->partition);

	if (r && r->last.time_us == POS_NONE && r->watermark_us == POS_NONE)
		r->watermark_us = first->time_us;
}

/* Before the first records of a partition that have no timestamps: says what was read of it
 * earlier, for stages that judge event times by their order. */
static int introduce_batch(struct consume *s, const struct input_record *first, struct err *err)
{
	struct reading *rd = &s->reading;
	const struct range *r = &rd->step.v[rd->batch_id];
	struct ctl_before b = { .topic = slice_z(r->topic), .partition = r->partition };
	const struct input_ops *ops = s->log->ops;

	if (rd->introduced[rd->batch_id])
		return 0;
	rd->introduced[rd->batch_id] = true;
	if (ops->times || ctl_at_time(first->time_us) || first->offset == 0)
		return 0;
	rd->before.n = 0;
	if (ops->before && ops->before(s->log->self, rd->batch.part, r->from, &rd->before, err))
		return -1;
	b.mark_us = r->watermark_us > 0 ? r->watermark_us : 0;
	b.lines = buf_slice(&rd->before);
	rd->line.n = 0;
	ctl_before_write(job_stream_inc(s->stream), &b, &rd->line);
	return job_stream_control(s->stream, buf_slice(&rd->line), err);
}

/* Where its partition stands once k records of the batch's rest v[0..n) are taken, and those
 * behind the step's end passed over. */
static int64_t position_after(const struct input_batch *b, const struct input_record *v, size_t n,
			      size_t k, const struct range *r)
{
	int64_t position = r->from;

	if (k == n)
		position = b->position;
	else if (v[k].offset >= r->to)
		position = r->to;
	else if (k)
		position = v[k - 1].next;
	return position < r->to ? position : r->to;
}

static int64_t wait_until_us(const struct consume *s)
{
	int64_t deadline_us = epochs_deadline_us(job_stream_epochs(s->stream));

	return !s->watch.under_way && s->watch.at_us < deadline_us ? s->watch.at_us : deadline_us;
}

/* Nothing to read now, or no room for it (fd -1). */
static int wait_for(struct consume *s, int fd, struct err *err)
{
	return emitter_wait(s->emitter, fd, wait_until_us(s), err);
}

/* Neither those above nor those below keep us. */
static int wait_for_schema(struct consume *s, struct err *err)
{
	return out_flush(s->writer.out, err) ||
			       loop_turn(emitter_loop(s->emitter), wait_until_us(s), err) < 0
		       ? -1
		       : 0;
}

/* As much of the batch as fits. */
static enum step take_batch(struct consume *s, struct err *err)
{
	struct reading *rd = &s->reading;
	const struct input_batch *b = &rd->batch;
	const struct input_record *v = b->n ? b->v + rd->batch_at : NULL;
	struct range *r = &rd->step.v[rd->batch_id];
	size_t n = b->n - rd->batch_at, room = epochs_room(job_stream_epochs(s->stream)), k;
	struct pos_last last;
	int64_t position;
	bool end;

	if (b->whole)
		room = n;
	k = bounds_fit(v, n, r->to, room < rd->left ? room : rd->left);
	if (k && s->writer.decoder) {
		if (decode_ready(s->writer.decoder, s->log, b->part, v, k, &k, err))
			return STEP_FAILED;
		if (k == 0)
			return wait_for_schema(s, err) ? STEP_FAILED : STEP_GO;
	}
	if (k &&
	    (introduce_batch(s, v, err) || record_writer_records(&s->writer, b->part, v, k, err)))
		return STEP_FAILED;
	if (b->direct)
		counters_add(s->writer.counters, COUNTER_RECORDS_DIRECT, k);
	position = position_after(b, v, n, k, r);
	end = k == n && b->end && !rd->alone && position == b->position;
	if (position >= r->from)
		epochs_read(job_stream_epochs(s->stream), rd->batch_id, k, position,
			    batch_last_of(v, k, &last), end, tm_mono_us());
	if (position > r->from)
		r->from = position;
	rd->left -= k;
	rd->batch_at += k;
	if (k == n || v[k].offset >= r->to)
		rd->batch.part = NULL;
	return loop_turn(emitter_loop(s->emitter), 0, err) < 0 ? STEP_FAILED : STEP_GO;
}

/* The files are at their end. */
static enum step files_ended(struct consume *s, struct err *err)
{
	if (s->log->ops->verify && s->log->ops->verify(s->log->self, err))
		return STEP_FAILED;
	if (s->reading.alone && s->log->ops->left && s->log->ops->left(s->log->self, err))
		return STEP_FAILED;
	if (s->reading.alone) {
		err_set(err, EX_CONFIG,
			"%s: ends at byte %" PRId64 ", but a sink stands at %" PRId64
			": the file was replaced; a new job (another --job) reads what is there "
			"now",
			input_place(s->log, s->reading.step.v[0].topic), s->reading.step.v[0].from,
			s->reading.step.v[0].to);
		return STEP_FAILED;
	}
	s->eof = true;
	return consume_cut(s, err) ? STEP_FAILED : STEP_DONE;
}

enum step consume_read_more(struct consume *s, struct err *err)
{
	struct reading *rd = &s->reading;
	int fd = -1;

	if (epochs_room(job_stream_epochs(s->stream)) == 0)
		return wait_for(s, -1, err) ? STEP_FAILED : STEP_GO;
	if (!rd->batch.part) {
		if (s->log->ops->read(s->log->self, &rd->batch, &fd, err))
			return consume_lost_meanwhile(s, err);
		rd->batch_at = 0;
		if (!rd->batch.part && fd < 0)
			return files_ended(s, err);
		if (!rd->batch.part)
			return wait_for(s, fd, err) ? STEP_FAILED : STEP_GO;
		rd->batch_id = id_of(s, rd->batch.part);
		if (rd->batch.n)
			note_first(s, rd->batch.part, &rd->batch.v[0]);
	}
	return take_batch(s, err);
}
