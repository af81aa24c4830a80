/* One pass from left to right. The path is a text that grows with an element's begin and shrinks
 * with its end; the text of the innermost element is collected in one buffer, which each begin
 * empties: of an element that has children only what stands behind the last of them is kept, and
 * that is white space in every answer. */
#include "drv/s3/s3_xml.h"

#include <stdio.h>

struct xml {
	const char *p, *end, *start;
	char path[XML_PATH_BYTES];
	size_t depth, at[XML_DEPTH]; /* where the path's names begin */
	size_t path_n;
	struct buf text;
	xml_fn *ended;
	void *arg;
	struct err *err;
};

static int refuse_xml(const struct xml *x, const char *why)
{
	return err_set(x->err, EX_DATAERR, "XML, byte %zu: %s", (size_t)(x->p - x->start) + 1, why);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == ':';
}

static bool begins_with(const struct xml *x, const char *z)
{
	size_t n = strlen(z);

	return (size_t)(x->end - x->p) >= n && memcmp(x->p, z, n) == 0;
}

static void pass_spaces(struct xml *x)
{
	while (x->p < x->end && is_space(*x->p))
		x->p++;
}

static struct slice take_name(struct xml *x)
{
	const char *from = x->p;

	while (x->p < x->end && is_name(*x->p))
		x->p++;
	return slice(from, (size_t)(x->p - from));
}

/* ---- characters */

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(out, (char)(0x80 | (c & 63)));
	} else {
		buf_addc(out, (char)(0xf0 | c >> 18));
		buf_addc(out, (char)(0x80 | (c >> 12 & 63)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(out, (char)(0x80 | (c & 63)));
	}
}

/* "#10" or "#xA"; 0: it is no character. */
static uint32_t numbered(struct slice name)
{
	uint32_t base = 10, c = 0;
	size_t i = 1;

	if (name.n > i && name.p[i] == 'x') {
		base = 16;
		i++;
	}
	if (i == name.n)
		return 0;
	for (; i < name.n; i++) {
		char d = name.p[i];
		uint32_t v = d >= '0' && d <= '9'   ? (uint32_t)(d - '0')
			     : d >= 'a' && d <= 'f' ? (uint32_t)(d - 'a' + 10)
			     : d >= 'A' && d <= 'F' ? (uint32_t)(d - 'A' + 10)
						    : 99;

		if (v >= base)
			return 0;
		c = c * base + v;
		if (c > 0x10ffff)
			return 0;
	}
	return c >= 0xd800 && c < 0xe000 ? 0 : c;
}

static int read_entity(struct xml *x)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {
		{ "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' }
	};
	const char *semicolon = memchr(x->p, ';', (size_t)(x->end - x->p));
	struct slice name;
	uint32_t c = 0;

	if (!semicolon)
		return refuse_xml(x, "an entity does not end");
	name = slice(x->p + 1, (size_t)(semicolon - x->p) - 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (slice_is(name, known[i].name))
			c = (unsigned char)known[i].c;
	if (!c && name.n && name.p[0] == '#')
		c = numbered(name);
	if (!c)
		return refuse_xml(x, "an entity that is none of XML's five");
	add_utf8(&x->text, c);
	x->p = semicolon + 1;
	return 0;
}

/* ---- elements */

static int push_element(struct xml *x, struct slice name)
{
	const char *colon = memchr(name.p, ':', name.n);

	if (colon)
		name = slice(colon + 1, name.n - (size_t)(colon + 1 - name.p));
	if (name.n == 0)
		return refuse_xml(x, "an element without a name");
	if (x->depth == XML_DEPTH || x->path_n + name.n + 2 > sizeof(x->path))
		return refuse_xml(x, "too deep");
	x->at[x->depth++] = x->path_n;
	x->path_n += (size_t)snprintf(x->path + x->path_n, sizeof(x->path) - x->path_n, "%s%.*s",
				      x->depth > 1 ? "/" : "", (int)name.n, name.p);
	x->text.n = 0;
	return 0;
}

static void pop_element(struct xml *x)
{
	x->ended(x->arg, x->path, buf_slice(&x->text));
	x->text.n = 0;
	x->path_n = x->at[--x->depth];
	x->path[x->path_n] = '\0';
}

static int pass_attributes(struct xml *x)
{
	for (;;) {
		const char *quote;

		pass_spaces(x);
		if (x->p == x->end || *x->p == '>' || *x->p == '/' || *x->p == '?')
			return 0;
		if (take_name(x).n == 0)
			return refuse_xml(x, "no attribute begins here");
		pass_spaces(x);
		if (x->p == x->end || *x->p++ != '=')
			return refuse_xml(x, "an attribute without a value");
		pass_spaces(x);
		if (x->p == x->end || (*x->p != '"' && *x->p != '\''))
			return refuse_xml(x, "an attribute's value has no quotes");
		quote = memchr(x->p + 1, *x->p, (size_t)(x->end - x->p) - 1);
		if (!quote || memchr(x->p + 1, '<', (size_t)(quote - x->p) - 1))
			return refuse_xml(x, "an attribute's value does not end");
		x->p = quote + 1;
	}
}

static int read_begin(struct xml *x)
{
	x->p++;
	if (push_element(x, take_name(x)) || pass_attributes(x))
		return -1;
	if (begins_with(x, "/>")) {
		x->p += 2;
		pop_element(x);
		return 0;
	}
	if (x->p == x->end || *x->p != '>')
		return refuse_xml(x, "an element's begin does not end");
	x->p++;
	return 0;
}

static int read_end(struct xml *x)
{
	struct slice name, open;
	const char *colon;

	x->p += 2;
	name = take_name(x);
	colon = memchr(name.p, ':', name.n);
	if (colon)
		name = slice(colon + 1, name.n - (size_t)(colon + 1 - name.p));
	pass_spaces(x);
	if (x->p == x->end || *x->p != '>' || x->depth == 0)
		return refuse_xml(x, "no element ends here");
	open = slice_z(x->path + x->at[x->depth - 1]);
	if (open.n && open.p[0] == '/')
		open = slice(open.p + 1, open.n - 1);
	if (!slice_eq(open, name))
		return refuse_xml(x, "another element was begun");
	x->p++;
	pop_element(x);
	return 0;
}

/* What stands in an element. */
static int read_content(struct xml *x)
{
	if (*x->p == '&')
		return read_entity(x);
	if (*x->p != '<') {
		buf_addc(&x->text, *x->p++);
		return 0;
	}
	if (begins_with(x, "<!") || begins_with(x, "<?"))
		return refuse_xml(x, "something that no answer has");
	return begins_with(x, "</") ? read_end(x) : read_begin(x);
}

static int read_declaration(struct xml *x)
{
	x->p += str_mark(slice(x->p, (size_t)(x->end - x->p)));
	pass_spaces(x);
	if (!begins_with(x, "<?xml"))
		return 0;
	x->p += strlen("<?xml");
	if (pass_attributes(x))
		return -1;
	if (!begins_with(x, "?>"))
		return refuse_xml(x, "the declaration does not end");
	x->p += 2;
	pass_spaces(x);
	return 0;
}

static int read_document(struct xml *x)
{
	if (read_declaration(x))
		return -1;
	if (x->p == x->end || *x->p != '<' || begins_with(x, "</"))
		return refuse_xml(x, "no element begins here");
	do {
		if (x->p == x->end)
			return refuse_xml(x, "an element does not end");
		if (read_content(x))
			return -1;
	} while (x->depth);
	pass_spaces(x);
	return x->p == x->end ? 0 : refuse_xml(x, "something behind the document");
}

int xml_read(struct slice document, xml_fn *ended, void *arg, struct err *err)
{
	struct xml x = { .p = document.p,
			 .start = document.p,
			 .end = document.p + document.n,
			 .ended = ended,
			 .arg = arg,
			 .err = err };
	int rc;

	if (document.n == 0)
		return err_set(err, EX_DATAERR, "XML, byte 1: nothing");
	rc = read_document(&x);
	buf_fini(&x.text);
	return rc;
}
