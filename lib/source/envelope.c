/* Lines with more than a record's value. An object that is put into a line, or that gets a member,
 * keeps its own bytes: it is read once, to know that it is one and where a member stands, and is
 * copied around that place. */
#include "source/envelope.h"

void envelope_fini(struct envelope *e)
{
	json_fini(&e->json);
}

/* ---- values */

static bool is_text(struct slice s)
{
	return !s.p || str_utf8(s.p, s.n);
}

static void add_value(struct buf *out, struct slice s, bool as_text)
{
	if (!s.p) {
		buf_addz(out, "null");
	} else if (as_text) {
		json_quote(out, s);
	} else {
		buf_addc(out, '"');
		buf_base64(out, s.p, s.n);
		buf_addc(out, '"');
	}
}

static void add_encoding(struct buf *out, const char *name, bool as_text)
{
	if (!as_text)
		buf_printf(out, ",\"%s_encoding\":\"base64\"", name);
}

static void add_member(struct buf *out, const char *name, struct slice s)
{
	bool as_text = is_text(s);

	buf_printf(out, ",\"%s\":", name);
	add_value(out, s, as_text);
	add_encoding(out, name, as_text);
}

static void add_headers(struct buf *out, const struct input_extra *x)
{
	bool as_text = true;

	if (x->n == 0)
		return;
	for (size_t i = 0; i < x->n; i++)
		as_text = as_text && is_text(x->header[i].name) && is_text(x->header[i].value);
	buf_addz(out, ",\"headers\":");
	for (size_t i = 0; i < x->n; i++) {
		buf_addc(out, i ? ',' : '[');
		add_value(out, x->header[i].name, as_text);
		buf_addc(out, ',');
		add_value(out, x->header[i].value, as_text);
	}
	buf_addc(out, ']');
	add_encoding(out, "headers", as_text);
}

/* ---- objects */

/* The object that the text is, without what stands around it, read into e->json. */
static bool read_object(struct envelope *e, struct slice text, struct slice *object)
{
	struct err why;

	if (!text.p || json_parse(&e->json, text, &why) || e->json.node[0].type != JSON_OBJECT)
		return false;
	*object = e->json.node[0].text;
	return true;
}

/* Whether e->json may stand within an object: no reader takes more than JSON_DEPTH of them. */
static bool may_be_nested(const struct envelope *e)
{
	uint32_t end[JSON_DEPTH];
	size_t depth = 0;

	if (e->json.n < JSON_DEPTH)
		return true;
	for (uint32_t i = 0; i < e->json.n; i++) {
		const struct json_node *n = &e->json.node[i];

		while (depth && end[depth - 1] <= i)
			depth--;
		if (n->type != JSON_OBJECT && n->type != JSON_ARRAY)
			continue;
		if (depth == JSON_DEPTH - 1)
			return false;
		end[depth++] = n->next;
	}
	return true;
}

/* Where the value of e->json's node stands; of a string with its quotes. */
static struct slice value_text(const struct envelope *e, uint32_t node)
{
	const struct json_node *n = &e->json.node[node];

	return n->type == JSON_STRING ? slice(n->text.p - 1, n->text.n + 2) : n->text;
}

/* ---- lines */

static void write_envelope(struct envelope *e, const struct partition *part,
			   const struct input_record *r, const struct input_extra *x,
			   struct buf *out)
{
	struct slice object;

	buf_addz(out, "{\"topic\":");
	json_quote_z(out, part->topic);
	buf_addz(out, ",\"partition\":");
	buf_addi(out, part->partition);
	buf_addz(out, ",\"offset\":");
	buf_addi(out, r->offset);
	if (r->time_us != POS_NONE) {
		buf_addz(out, r->appended ? ",\"tstype\":\"logappend\"" : ",\"tstype\":\"create\"");
		buf_addz(out, ",\"ts\":");
		buf_addi(out, r->time_us / 1000);
	}
	add_headers(out, x);
	add_member(out, "key", x->key);
	if (e->conf->json_payload && read_object(e, r->value, &object) && may_be_nested(e)) {
		buf_addz(out, ",\"payload\":");
		buf_adds(out, object);
	} else {
		add_member(out, "payload", r->value);
	}
	buf_addc(out, '}');
}

/* A member of that name is replaced (of equal ones the last, which is the one that readers take);
 * else the new one is the first. */
static void write_with_key(struct envelope *e, struct slice object, struct slice key,
			   struct buf *out)
{
	uint32_t old = json_get(&e->json, 0, e->conf->key_field);
	struct slice value;
	const char *rest;

	if (old) {
		value = value_text(e, old);
		rest = value.p + value.n;
		buf_adds(out, slice(object.p, (size_t)(value.p - object.p)));
	} else {
		rest = object.p + 1;
		buf_addc(out, '{');
		json_quote_z(out, e->conf->key_field);
		buf_addc(out, ':');
	}
	add_value(out, key, true);
	if (!old && e->json.n > 1)
		buf_addc(out, ',');
	buf_adds(out, slice(rest, (size_t)(object.p + object.n - rest)));
}

int envelope_write(struct envelope *e, const struct partition *part, const struct input_record *r,
		   const struct input_extra *x, struct buf *out, const char **why)
{
	struct slice object;

	if (e->conf->json) {
		write_envelope(e, part, r, x, out);
		return 0;
	}
	*why = "its key is not UTF-8";
	if (!is_text(x->key))
		return -1;
	*why = "no JSON object, which could take its key";
	if (!read_object(e, r->value, &object))
		return -1;
	write_with_key(e, object, x->key, out);
	return 0;
}
