#include "base/tm.h"
#include "read/render.h"

void render_row_json(const struct rows_row *row, bool open, bool sketch, struct buf *out)
{
	rollup_format(&row->r, sketch, out);
	if (row->unknown) {
		out->n -= 3; /* 0}\n */
		buf_addz(out, "null,\"unknown\":true}\n");
	}
	if (!open)
		return;
	out->n -= 2; /* }\n */
	buf_addz(out, ",\"open\":true}\n");
}

void render_ratios_json(const struct ratios *ratios, const struct rows_row *row, struct buf *out)
{
	if (!ratios->n)
		return;
	out->n -= 2; /* }\n */
	buf_addz(out, ",\"ratios\":{");
	for (size_t i = 0; i < ratios->n; i++) {
		buf_printf(out, "%s\"%s\":", i ? "," : "", ratios->v[i].text);
		ratio_value(&ratios->v[i], &row->r, out);
	}
	buf_addz(out, "}}\n");
}

static void add_member(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.p)
		json_quote(out, text);
	else
		buf_addz(out, "null");
}

static void add_time_member(struct buf *out, const char *name, int64_t us)
{
	char text[TM_TEXT_BYTES];

	add_member(out, name, us == POS_NONE ? slice(NULL, 0) : slice(text, tm_text(us, text)));
}

void render_metric_json(const struct read_metric *m, struct buf *out)
{
	buf_addz(out, "{\"metric\":");
	json_quote(out, m->name);
	add_member(out, "job", m->job);
	add_member(out, "sink", m->sink);
	add_member(out, "cfg", m->cfg.n ? m->cfg : slice(NULL, 0));
	buf_addz(out, ",\"definition\":");
	buf_adds(out, m->def);
	add_time_member(out, "since", m->since_us);
	buf_addz(out, "}\n");
}

static void add_position(const char *job, const struct read_sink *s, const struct position *p,
			 const struct range *end, struct buf *out)
{
	buf_addz(out, "{\"job\":");
	json_quote_z(out, job);
	add_member(out, "sink", slice_z(s->name));
	add_member(out, "group", s->group ? slice_z(s->group) : slice(NULL, 0));
	add_member(out, "topic", slice_z(p->topic));
	buf_printf(out, ",\"partition\":%d,\"init\":%lld,\"next\":%lld", p->partition,
		   (long long)p->init, (long long)p->next);
	if (end)
		buf_printf(out, ",\"end\":%lld,\"lag\":%lld", (long long)end->to,
			   (long long)(end->to > p->next ? end->to - p->next : 0));
	add_time_member(out, "last_time", p->last.offset >= 0 ? p->last.time_us : POS_NONE);
	add_time_member(out, "watermark", p->watermark_us);
	buf_printf(out, ",\"idle\":%s}\n", p->idle ? "true" : "false");
}

void render_positions_json(const char *job, const struct read_sinks *s, const struct ranges *ends,
			   struct buf *out)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->v[i].pos.n; k++) {
			const struct position *p = &s->v[i].pos.v[k];

			add_position(job, &s->v[i], p,
				     ranges_find(ends, slice_z(p->topic), p->partition), out);
		}
}
