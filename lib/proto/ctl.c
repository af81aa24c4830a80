/* Control records: what all kinds share. Reading is json_parse and a look at "k"; strings with
 * escapes are decoded at once into one buffer that is as long as the line, so that it never
 * moves and the readers of the kinds see plain slices. */
#include "proto/ctl_internal.h"

#include "base/hash.h"

static const char *const kind_of[CTL_OTHER] = {
	[CTL_HELLO] = "hello",     [CTL_AT] = "at",     [CTL_BEFORE] = "before",
	[CTL_PROBE] = "probe",     [CTL_INIT] = "init", [CTL_READ] = "read",
	[CTL_METRICS] = "metrics", [CTL_BAR] = "bar",   [CTL_DEAD] = "dead",
	[CTL_LATE] = "late",       [CTL_FAIL] = "fail", [CTL_END] = "end",
};

const char *ctl_kind_name(enum ctl_kind k)
{
	return k < CTL_OTHER ? kind_of[k] : "?";
}

void ctl_inc_set(struct ctl_inc *inc, const char id[CTL_INC_CHARS])
{
	static const char head[] = "{\"$hta\":\"", tail[] = "\",";
	memcpy(inc->id, id, CTL_INC_CHARS);
	inc->id[CTL_INC_CHARS] = '\0';
	char *p = mempcpy(inc->prefix, head, sizeof(head) - 1);
	p = mempcpy(p, id, CTL_INC_CHARS);
	memcpy(p, tail, sizeof(tail));
}

void ctl_inc_random(struct ctl_inc *inc)
{
	uint8_t random[CTL_INC_CHARS / 2];
	struct buf hex = { 0 };
	hash_random(random, sizeof(random));
	buf_hex(&hex, random, sizeof(random));
	ctl_inc_set(inc, hex.p);
	buf_fini(&hex);
}

/* ---- reading */

void ctl_fini(struct ctl *c)
{
	json_fini(&c->json);
	buf_fini(&c->text);
	*c = (struct ctl){ 0 };
}

static void decode_strings(struct ctl *c)
{
	c->text.n = 0;
	if (!memchr(c->line.p, '\\', c->line.n))
		return;
	buf_room(&c->text, c->line.n);
	for (size_t i = 0; i < c->json.n; i++) {
		struct json_node *node = &c->json.node[i];
		size_t before = c->text.n;
		if (!node->escaped || json_string(&c->json, (uint32_t)i, &c->text))
			continue;
		node->text = slice(c->text.p + before, c->text.n - before);
		node->escaped = false;
	}
}

static enum ctl_kind kind(struct slice name)
{
	enum ctl_kind k = CTL_AT; /* a hello is told by its start, never by "k" */
	while (k < CTL_OTHER && !slice_is(name, kind_of[k]))
		k++;
	return k;
}

int ctl_parse(struct ctl *c, struct slice line, struct err *err)
{
	struct slice name;
	c->kind = CTL_OTHER;
	c->line = line;
	if (json_parse(&c->json, line, err))
		return err_in(err, "control record");
	if (c->json.node[0].type != JSON_OBJECT)
		return err_set(err, EX_DATAERR, "control record: not a JSON object");
	decode_strings(c);
	if (ctl_is_hello(line)) {
		c->kind = CTL_HELLO;
		return 0;
	}
	if (!json_get_text(&c->json, 0, "k", &name))
		return err_set(err, EX_DATAERR, "control record without a kind");
	c->kind = kind(name);
	return 0;
}

/* ---- growing */

/* The length of s without white space at its end. */
static size_t trim_ctl(struct slice s, size_t n)
{
	while (n > 0 && (s.p[n - 1] == ' ' || s.p[n - 1] == '\t' || s.p[n - 1] == '\r'))
		n--;
	return n;
}

int ctl_grow(struct slice line, struct slice element, struct buf *out)
{
	size_t n = trim_ctl(line, line.n);
	if (n == 0 || line.p[n - 1] != '}')
		return -1;
	n = trim_ctl(line, n - 1);
	if (n == 0 || line.p[n - 1] != ']')
		return -1;
	n = trim_ctl(line, n - 1);
	if (n == 0)
		return -1;
	buf_room(out, n + element.n + 3);
	buf_add(out, line.p, n);
	if (line.p[n - 1] != '[')
		buf_addc(out, ',');
	buf_adds(out, element);
	buf_addz(out, "]}");
	return 0;
}

/* ---- writing members */

void ctl_open(const struct ctl_inc *inc, const char *kind_name, struct buf *out)
{
	buf_add(out, inc->prefix, CTL_PREFIX_BYTES);
	buf_addz(out, "\"k\":\"");
	buf_addz(out, kind_name);
	buf_addc(out, '"');
}

static void add_key(struct buf *out, const char *key)
{
	buf_addz(out, ",\"");
	buf_addz(out, key);
	buf_addz(out, "\":");
}

static const uint64_t EXACT_MAX = 1ull << 53; /* of a double */

void ctl_add_u64(struct buf *out, const char *key, uint64_t v)
{
	const char *quote = v > EXACT_MAX ? "\"" : "";
	add_key(out, key);
	buf_addz(out, quote);
	buf_addu(out, v);
	buf_addz(out, quote);
}

void ctl_add_int(struct buf *out, int64_t v)
{
	const char *quote = v > (int64_t)EXACT_MAX || v < -(int64_t)EXACT_MAX ? "\"" : "";
	buf_addz(out, quote);
	buf_addi(out, v);
	buf_addz(out, quote);
}

void ctl_add_i64(struct buf *out, const char *key, int64_t v)
{
	add_key(out, key);
	ctl_add_int(out, v);
}

void ctl_add_time(struct buf *out, const char *key, int64_t us)
{
	add_key(out, key);
	if (us == POS_NONE)
		buf_addz(out, "null");
	else
		ctl_add_int(out, us);
}

void ctl_add_bool(struct buf *out, const char *key, bool v)
{
	add_key(out, key);
	buf_addz(out, v ? "true" : "false");
}

void ctl_add_text(struct buf *out, const char *key, struct slice text)
{
	add_key(out, key);
	if (text.p)
		json_quote(out, text);
	else
		buf_addz(out, "null");
}

void ctl_add_lossy(struct buf *out, const char *key, struct slice text)
{
	struct buf clean = { 0 };
	if (str_utf8(text.p, text.n)) {
		ctl_add_text(out, key, slice(text.n ? text.p : "", text.n));
		return;
	}
	for (size_t i = 0, n; i < text.n; i += n) {
		for (n = 1; n < 4 && i + n < text.n && !str_utf8(text.p + i, n);)
			n++;
		if (str_utf8(text.p + i, n)) {
			buf_add(&clean, text.p + i, n);
			continue;
		}
		buf_addz(&clean, "\xef\xbf\xbd");
		n = 1;
	}
	ctl_add_text(out, key, buf_slice(&clean));
	buf_fini(&clean);
}

void ctl_add_part(struct buf *out, const char *topic, int32_t partition)
{
	buf_addz(out, "{\"t\":");
	json_quote_z(out, topic);
	ctl_add_i64(out, "p", partition);
}

void ctl_add_last(struct buf *out, const struct pos_last *last)
{
	if (last->offset < 0)
		return;
	ctl_add_i64(out, "lo", last->offset);
	ctl_add_time(out, "lt", last->time_us);
	buf_printf(out, ",\"lh\":\"%016llx\"", (unsigned long long)last->hash);
}
