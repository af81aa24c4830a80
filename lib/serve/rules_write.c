/* Rules judged and written. A rule's version decides: what counts (its cfg) may change with a
 * higher one only, which is made where none is given. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "json/json.h"
#include "serve/rules_internal.h"
#include "sink/sink_metrics.h"

static const char *const no_options[RULES_SHARED];

/* ---- judging */
/* What the client knows of the rule: 412 where it is another one by now. */
static bool is_expected(struct rules_work *w)
{
	char etag[SERVE_ETAG_BYTES] = "";
	struct buf text = { 0 };
	bool there = w->was && !w->was->retired, good;

	if (there) {
		served_rule_text(w->was->source, w->was->version, false, &text);
		served_rule_etag(buf_slice(&text), etag);
	}
	good = !(w->q->if_none && there);
	if (w->q->if_match.n)
		good = there && (slice_is(buf_slice(&w->q->if_match), "*") ||
				 strstr(buf_z(&w->q->if_match), etag));
	if (!good)
		serve_result_problem(w->out, 412, "precondition",
				     "the rule is another one by now, or there is one");
	buf_fini(&text);
	return good;
}

static bool is_rule_id(struct slice id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	for (size_t i = 0; i < id.n; i++)
		if (!memchr(letters, id.p[i], sizeof(letters) - 1))
			return false;
	return id.n && id.n <= RULE_ID_BYTES && *id.p != '.';
}

static void note_broken(void *arg, const struct err *err)
{
	struct buf *all = arg;

	if (all->n < 400)
		buf_printf(all, "%s%s", all->n ? "; " : "", err->msg);
}

bool rules_body(struct rules_work *w)
{
	struct json j = { 0 };
	struct err err = ERR_INIT;
	struct buf all = { 0 };
	bool good = false;

	if (json_parse(&j, buf_slice(&w->q->body), &err))
		serve_result_problem(w->out, 400, "malformed-json", "%s", err.msg);
	else if (rules_parse_all(&w->fresh, "rule", buf_slice(&w->q->body), note_broken, &all))
		serve_result_problem(w->out, 422, "invalid-rule", "%s", buf_z(&all));
	else if (w->fresh.n != 1)
		serve_result_problem(w->out, 422, "invalid-rule", "one rule is taken at a time");
	else if (!is_rule_id(w->fresh.v[0].id))
		serve_result_problem(w->out, 422, "invalid-rule",
				     "a rule_id is 1 to 64 letters, digits, _ . -, no . first");
	else if (w->fresh.v[0].retired)
		serve_result_problem(w->out, 422, "invalid-rule", "a rule is retired by DELETE");
	else
		good = true;
	json_fini(&j);
	buf_fini(&all);
	return good;
}

/* Of a rule by itself; false: err. */
static bool cfg_of(const struct rules *rules, size_t i, char cfg[METRIC_CFG_CHARS + 1],
		   struct err *err)
{
	struct plan *plan = rules_plan(rules, i, i + 1, no_options, err);

	if (plan)
		memcpy(cfg, plan->metric[0].def->cfg, METRIC_CFG_CHARS + 1);
	plan_free(plan);
	return plan != NULL;
}

/* Of the stores that have rows one can hold all columns, or there is none; else the first that
 * cannot, and which column. */
static const struct serve_store *find_full(const struct serve_source *source,
					   const struct metric_def *def, size_t *column)
{
	const struct serve_store *full = NULL;

	for (size_t i = 0; i < source->n; i++) {
		const struct serve_store *s = &source->store[i];
		size_t at = sink_metric_beyond(s->takes, def->column, def->n_columns);

		if (s->takes & SINK_ROWS && at == def->n_columns)
			return NULL;
		if (at < def->n_columns && !full) {
			full = s;
			*column = at;
		}
	}
	return full;
}

/* What nobody could ever read is not begun. */
static bool fits_store(struct rules_work *w)
{
	struct err err = ERR_INIT;
	struct plan *plan = rules_plan(&w->fresh, 0, 1, no_options, &err);
	size_t column = 0;
	const struct serve_store *full = plan ? find_full(w->q->source, plan->metric[0].def,
							  &column)
					      : NULL;
	struct column_name name;

	if (full) {
		column_name_parse(plan->metric[0].def->column[column].name, &name);
		serve_result_problem(w->out, 422, "not-storable",
				     "measure %.*s (%.*s) keeps a sketch, and %.*s does not store "
				     "those",
				     (int)name.measure.n, name.measure.p, (int)name.operation.n,
				     name.operation.p, (int)full->name.n, full->name.p);
	}
	plan_free(plan);
	return !full;
}

static bool gives_version(const struct rule *r)
{
	struct json j = { 0 };
	bool gives = json_parse(&j, r->source, NULL) == 0 && json_get(&j, 0, "version");

	json_fini(&j);
	return gives;
}

/* The version that the rule is written with; 0: a problem. A new name has what it says. */
static uint64_t judge_version(struct rules_work *w, const char *cfg)
{
	const struct rule *r = &w->fresh.v[0];
	char was[METRIC_CFG_CHARS + 1] = "";
	struct err err = ERR_INIT;
	bool anew;

	if (!w->was)
		return r->version;
	anew = w->was->retired || (!w->was->active && r->active) ||
	       !cfg_of(&w->all.rules, (size_t)(w->was - w->all.v), was, &err) ||
	       strcmp(was, cfg) != 0;
	if (!gives_version(r) && w->was->version + anew <= RULE_COUNT_MOST)
		return w->was->version + anew;
	if (r->version > w->was->version || (r->version == w->was->version && !anew))
		return r->version;
	serve_result_problem(w->out, 409, "meaning-changed",
			     "version %" PRIu64
			     " of the rule is there and is something else: a new "
			     "meaning has a higher one, or none",
			     w->was->version);
	return 0;
}

/* All that are active, this one in its place, run together. */
static bool fits_others(struct rules_work *w)
{
	struct rules together = { 0 };
	struct err err = ERR_INIT;
	size_t i = (size_t)-1, first;
	struct plan *plan = NULL;
	bool good = true;

	together.v = mem_array(w->all.rules.n + 1, sizeof(*together.v));
	for (size_t k = 0; k < w->all.rules.n; k++)
		if (&w->all.v[k] != w->was && w->all.v[k].active)
			together.v[together.n++] = w->all.rules.v[k];
	together.v[together.n++] = w->fresh.v[0];
	for (unsigned k = 0; k < RULES_SHARED && good; k++, i = (size_t)-1)
		good = !rules_disagree(&together, (enum rules_shared)k, &i, &first);
	if (!good)
		err_set(&err, EX_CONFIG, "rules of one run agree on time, zone and lateness");
	else if (w->fresh.v[0].active)
		plan = rules_plan(&together, 0, together.n, no_options, &err);
	good = good && (plan || !w->fresh.v[0].active);
	if (!good)
		serve_result_problem(w->out, 422, "invalid-rule", "with the other rules: %s",
				     err.msg);
	plan_free(plan);
	free(together.v);
	return good;
}

/* ---- writing */
static int write_rule(struct rules_work *w, const char *name, struct slice text, struct err *err)
{
	char *temporary = mem_printf(".%s.json.new", name), *path = mem_printf("%s.json", name);
	int fd = openat(w->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), rc = -1;

	if (fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && write(fd, "\n", 1) == 1 &&
	    fsync(fd) == 0 && renameat(w->dir, temporary, w->dir, path) == 0 && fsync(w->dir) == 0)
		rc = 0;
	else
		err_errno(err, EX_IOERR, "%s/%s", w->q->path, path);
	if (fd >= 0)
		close(fd);
	if (rc)
		unlinkat(w->dir, temporary, 0);
	free(temporary);
	free(path);
	return rc;
}

/* It stands alone in the file of its name. */
static bool is_own_file(struct rules_work *w)
{
	char *path = mem_printf("%s/%.*s.json", w->q->path, (int)w->was->id.n, w->was->id.p);
	bool own = strcmp(path, w->was->path) == 0;

	for (size_t i = 0; i < w->all.rules.n; i++)
		own = own && (&w->all.v[i] == w->was || w->all.v[i].path != w->was->path);
	if (!own)
		serve_result_problem(w->out, 409, "elsewhere",
				     "the rule stands in a file that is not its own: change it "
				     "there");
	free(path);
	return own;
}

static void answer_written(struct rules_work *w, struct slice text, const char *status)
{
	served_rule_etag(text, w->out->etag);
	buf_printf(&w->out->body, "{\"status\":\"%s\",\"rule\":", status);
	buf_adds(&w->out->body, text);
	buf_addz(&w->out->body, "}\n");
}

int rules_put(struct rules_work *w, struct err *err)
{
	const struct rule *r = &w->fresh.v[0];
	char cfg[METRIC_CFG_CHARS + 1];
	struct err why = ERR_INIT;
	struct buf text = { 0 }, before = { 0 };
	uint64_t version;
	bool same;
	int rc = 0;

	if (!is_expected(w) || (w->was && !is_own_file(w)))
		return 0;
	if (!cfg_of(&w->fresh, 0, cfg, &why))
		return serve_result_problem(w->out, 422, "invalid-rule", "%s", why.msg);
	version = judge_version(w, cfg);
	if (!version || !fits_others(w) || (r->active && !fits_store(w)))
		return 0;
	served_rule_text(r->source, version, false, &text);
	if (w->was && !w->was->retired)
		served_rule_text(w->was->source, w->was->version, false, &before);
	same = slice_eq(buf_slice(&text), buf_slice(&before));
	if (!same)
		rc = write_rule(w, buf_z(&w->q->id), buf_slice(&text), err);
	if (rc == 0) {
		w->out->status = before.n ? 200 : 201;
		answer_written(w, buf_slice(&text),
			       same       ? "same"
			       : before.n ? "changed"
					  : "created");
	}
	buf_fini(&text);
	buf_fini(&before);
	return rc;
}

int rules_retire(struct rules_work *w, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	if (!w->was || w->was->retired)
		return rules_say_none(w);
	if (!is_expected(w) || !is_own_file(w))
		return 0;
	served_rule_text(w->was->source, w->was->version, true, &text);
	rc = write_rule(w, buf_z(&w->q->id), buf_slice(&text), err);
	if (rc == 0)
		buf_addz(&w->out->body, "{\"status\":\"retired\"}\n");
	buf_fini(&text);
	return rc;
}
