/* Acks, probes, epochs and the end of an acknowledged stream.
 *
 * 	emitter_out  ---- hello, probe, init, records, bar, end | fail ----> stages below
 * 	job_stream_serve <--- hello, answers, acks ------------ ack channel ---- hta-commit
 *
 * What comes back waits in the ack channel's queue (ack.c) until the program serves it: the state
 * here never changes below a caller that is writing. Answers to probes that were given up are
 * known by their number. An ack teaches the epochs how large they may get (epochs.c). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"
#include "job/stream_internal.h"
#include "tool/prog.h"

/* Why a stage below has gone is known once all of them have begun: a second, where there is much
 * else to do. */
enum { LAST_WORD_S = 3, LINGER_S = 1 };

struct job_stream *job_stream_new(const struct job_stream_conf *conf)
{
	struct job_stream *s = mem_zalloc(sizeof(*s));

	s->conf = *conf;
	ctl_inc_random(&s->inc);
	s->epochs = epochs_new(&conf->epochs);
	counters_job(emitter_counters(conf->emitter), conf->job, s->inc.id, 0);
	return s;
}

static void forget_sinks(struct ctl_sink_state *sinks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ctl_sink_state_fini(&sinks[i]);
	free(sinks);
}

void job_stream_free(struct job_stream *s)
{
	if (!s)
		return;
	ack_free(s->ack);
	epochs_free(s->epochs);
	forget_sinks(s->probes.sinks, s->probes.n);
	buf_fini(&s->claims);
	buf_fini(&s->hello);
	buf_fini(&s->member);
	ctl_fini(&s->ctl);
	buf_fini(&s->line);
	buf_fini(&s->element);
	free(s);
}

void job_stream_member(struct job_stream *s, const char *member)
{
	s->member.n = 0;
	buf_addz(&s->member, member);
}

const struct ctl_inc *job_stream_inc(const struct job_stream *s)
{
	return &s->inc;
}

struct epochs *job_stream_epochs(const struct job_stream *s)
{
	return s->epochs;
}

int job_stream_control(struct job_stream *s, struct slice line, struct err *err)
{
	struct out *out = emitter_out(s->conf.emitter);

	return out_write(out, line.p, line.n, err) || out_write(out, "\n", 1, err) ? -1 : 0;
}

int job_stream_say(struct job_stream *s, struct err *err)
{
	int rc = job_stream_control(s, buf_slice(&s->line), err);

	s->line.n = 0;
	return rc || out_flush(emitter_out(s->conf.emitter), err) ? -1 : 0;
}

/* ---- what comes back */

static int take_answer(struct job_stream *s, struct slice line, struct err *err)
{
	struct job_stream_probes *p = &s->probes;
	struct ctl_sink_state *sinks;
	size_t n_sinks;
	uint64_t n;

	if (ctl_parse(&s->ctl, line, err) || ctl_probe_read(&s->ctl, &n, &sinks, &n_sinks, err))
		return err_in(err, "answer to a probe");
	if (n != p->sent) {
		forget_sinks(sinks, n_sinks); /* given up meanwhile */
		return 0;
	}
	forget_sinks(p->sinks, p->n);
	p->sinks = sinks;
	p->n = n_sinks;
	p->answered = n;
	return s->conf.hooks->answered ? s->conf.hooks->answered(s->conf.self, err) : 0;
}

static int take_ack(struct job_stream *s, uint64_t epoch, uint64_t rows, struct err *err)
{
	struct counters *counters = emitter_counters(s->conf.emitter);
	const struct ranges *r = epochs_acked(s->epochs, epoch, rows, err);

	if (!r || (s->conf.hooks->acked && s->conf.hooks->acked(s->conf.self, r, err)))
		return -1;
	counters_add(counters, COUNTER_EPOCHS_ACKED, 1);
	counters_set(counters, COUNTER_EPOCHS_IN_FLIGHT, epochs_in_flight(s->epochs));
	counters_set(counters, COUNTER_LAST_ACK_US, (uint64_t)tm_now_us());
	notify("WATCHDOG=1");
	return 0;
}

static int take_event(struct job_stream *s, const struct ack_event *e, struct err *err)
{
	if (e->kind == ACK_PROBE)
		return take_answer(s, e->line, err);
	if (e->kind == ACK_EPOCH)
		return take_ack(s, e->epoch, e->rows, err);
	s->hello_returned = true;
	buf_adds(&s->hello, e->line);
	return 0;
}

int job_stream_serve(struct job_stream *s, struct err *err)
{
	struct ack_event e;

	while ((e = ack_next(s->ack)).kind != ACK_NONE)
		if (take_event(s, &e, err))
			return -1;
	return s->conf.hooks->served ? s->conf.hooks->served(s->conf.self, err) : 0;
}

int job_stream_turn(struct job_stream *s, int64_t deadline_us, struct err *err)
{
	if (loop_turn(emitter_loop(s->conf.emitter), deadline_us, err) < 0)
		return -1;
	return job_stream_serve(s, err);
}

int job_stream_drain(struct job_stream *s, int64_t deadline_us, struct err *err)
{
	while (epochs_in_flight(s->epochs) && !ack_closed(s->ack) && tm_mono_us() < deadline_us)
		if (job_stream_turn(s, deadline_us, err))
			return -1;
	return job_stream_serve(s, err);
}

/* ---- probes and init lines */

int job_stream_send_probe(struct job_stream *s, struct err *err)
{
	buf_addz(&s->line, s->inc.prefix);
	buf_printf(&s->line, "\"k\":\"probe\",\"n\":%" PRIu64 ",\"job\":", ++s->probes.sent);
	json_quote_z(&s->line, s->conf.job);
	buf_addz(&s->line, ",\"claim\":");
	buf_adds(&s->line, buf_slice(&s->claims));
	if (s->placed)
		buf_printf(&s->line, ",\"placed\":%u", s->placed);
	buf_addz(&s->line, ",\"sinks\":[]}");
	return job_stream_say(s, err);
}

bool job_stream_answered(const struct job_stream *s)
{
	return s->probes.answered == s->probes.sent;
}

const struct ctl_sink_state *job_stream_sinks(const struct job_stream *s, size_t *n)
{
	*n = s->probes.n;
	return s->probes.sinks;
}

int job_stream_probe(struct job_stream *s, struct err *err)
{
	if (job_stream_send_probe(s, err))
		return -1;
	while (!job_stream_answered(s)) {
		int rc = s->conf.hooks->changed ? s->conf.hooks->changed(s->conf.self, err) : 0;

		if (rc)
			return rc;
		if (ack_closed(s->ack))
			return err_set(err, EX_TEMPFAIL, "the ack channel was closed");
		if (job_stream_turn(s, INT64_MAX, err))
			return -1;
	}
	return 0;
}

int job_stream_init(struct job_stream *s, const struct ctl_init *init, struct err *err)
{
	struct ctl_init line = *init;

	if (s->commits && s->member.n)
		line.member = buf_slice(&s->member);
	ctl_init_write(&s->inc, &line, &s->line);
	if (job_stream_say(s, err))
		return -1;
	crash_at(CRASH_SOURCE_INIT);
	return 0;
}

void job_stream_draw(char gen[CTL_INC_CHARS + 1])
{
	uint8_t random[CTL_INC_CHARS / 2];
	struct buf hex = { 0 };

	hash_random(random, sizeof(random));
	buf_hex(&hex, random, sizeof(random));
	memcpy(gen, buf_z(&hex), CTL_INC_CHARS + 1);
	buf_fini(&hex);
}

/* ---- epochs */

void job_stream_begin(struct job_stream *s, const char gen[CTL_INC_CHARS + 1])
{
	memcpy(s->gen, gen, sizeof(s->gen));
}

const char *job_stream_gen(const struct job_stream *s)
{
	return s->gen;
}

int job_stream_cut(struct job_stream *s, const struct account *account, const struct ranges **sent,
		   struct err *err)
{
	struct counters *counters = emitter_counters(s->conf.emitter);
	uint64_t number;

	*sent = epochs_cut(s->epochs, &number);
	s->element.n = 0;
	ctl_account_write(prog_common()->name, account, s->conf.epochs.times ? *sent : NULL,
			  &s->element);
	ctl_bar_write(&s->inc, number, s->gen, s->commits ? buf_z(&s->member) : "", *sent,
		      buf_slice(&s->element), &s->line);
	counters_add(counters, COUNTER_EPOCHS_OUT, 1);
	counters_set(counters, COUNTER_EPOCHS_IN_FLIGHT, epochs_in_flight(s->epochs));
	return job_stream_say(s, err);
}

/* ---- the end */

int job_stream_end(struct job_stream *s, bool eof, struct err *err)
{
	notify("STOPPING=1");
	emitter_state(s->conf.emitter, COUNTERS_DRAINING);
	ctl_end_write(&s->inc, eof, &s->line);
	if (job_stream_say(s, err))
		return -1;
	s->ended = true;
	ack_ending(s->ack);
	/* filters between need the end of their input to let go of what they hold */
	emitter_close_out(s->conf.emitter);
	if (job_stream_drain(s, INT64_MAX, err))
		return -1;
	if (epochs_in_flight(s->epochs))
		return err_set(
			err, EX_TEMPFAIL,
			"the pipeline ended with %zu epochs not acknowledged; start it again",
			epochs_in_flight(s->epochs));
	return 0;
}

bool job_stream_ended(const struct job_stream *s)
{
	return s->ended;
}

/* The loop has stopped, so what does not fit into the pipe is not said. */
void job_stream_leave(struct job_stream *s)
{
	struct err ignored;

	if (!s->hello_sent)
		return;
	ctl_end_write(&s->inc, false, &s->line);
	if (job_stream_say(s, &ignored) == 0 && s->ack)
		ack_linger(s->ack, LINGER_S * TM_S);
}

void job_stream_fail(struct job_stream *s, struct err *err)
{
	struct loop *loop = emitter_loop(s->conf.emitter);
	struct out *out = emitter_out(s->conf.emitter);
	struct err ignored;

	if (s->ack && err->code == EX_TEMPFAIL && err->msg[0] && !loop_signalled(loop))
		ack_last_word(s->ack, LAST_WORD_S * TM_S, err);
	if (!out || out_reader_left(out))
		return;
	s->line.n = 0;
	/* with a hello those below know what they are, and leave with our code */
	if (!s->hello_sent && job_stream_write_hello(s, "", "", &ignored))
		return;
	ctl_fail_write(&s->inc, prog_common()->name, err, &s->line);
	job_stream_say(s, &ignored);
}
