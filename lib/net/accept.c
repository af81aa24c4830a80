#include "net/accept.h"

struct choice {
	unsigned weight; /* thousandths; 0: not taken */
	unsigned place;  /* of the range in the client's list */
	unsigned exact;  /* 3: type/subtype, 2: type, 1: any, 0: no range fits */
};

static struct slice trim(struct slice s)
{
	for (; s.n && (*s.p == ' ' || *s.p == '\t'); s.n--)
		s.p++;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before the mark off *rest. No mark is looked for within quotes. */
static struct slice cut_at(struct slice *rest, char mark)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < rest->n && (quoted || rest->p[n] != mark); n++) {
		if (quoted && rest->p[n] == '\\' && n + 1 < rest->n)
			n++;
		else if (rest->p[n] == '"')
			quoted = !quoted;
	}
	struct slice got = slice(rest->p, n);
	*rest = slice(rest->p + n + (n < rest->n), rest->n - n - (n < rest->n));
	return trim(got);
}

/* "0.5" is 500. */
static unsigned weight_of(struct slice s)
{
	unsigned w, scale = 100;

	if (!s.n || (*s.p != '0' && *s.p != '1') || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
		return 1000;
	w = (unsigned)(*s.p - '0') * 1000;
	for (size_t i = 2; i < s.n; i++, scale /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 1000;
		w += (unsigned)(s.p[i] - '0') * scale;
	}
	return w > 1000 ? 1000 : w;
}

static unsigned exactness(struct slice range, struct slice offer)
{
	const char *slash = memchr(offer.p, '/', offer.n);
	size_t type = slash ? (size_t)(slash - offer.p) + 1 : 0;

	if (range.n == offer.n && str_same(range.p, offer.p, offer.n))
		return 3;
	if (type && range.n == type + 1 && range.p[type] == '*' && str_same(range.p, offer.p, type))
		return 2;
	return slice_is(range, "*/*");
}

/* The most exact range decides about an offer. */
static void judge_range(struct slice element, struct slice offer, unsigned place, struct choice *c)
{
	unsigned exact = exactness(cut_at(&element, ';'), offer);

	if (exact <= c->exact)
		return;
	*c = (struct choice){ .weight = 1000, .place = place, .exact = exact };
	while (element.n) {
		struct slice parameter = cut_at(&element, ';');
		if (parameter.n > 2 && str_same(parameter.p, "q=", 2))
			c->weight = weight_of(slice(parameter.p + 2, parameter.n - 2));
	}
}

static struct choice judge_offer(const struct http_request *req, struct slice offer, bool *any)
{
	struct choice c = { 0 };
	unsigned place = 0;

	for (size_t i = 0; i < req->n_fields; i++) {
		struct slice rest = req->fields[i].value;
		if (req->fields[i].name.n != 6 || !str_same(req->fields[i].name.p, "accept", 6))
			continue;
		*any = true;
		while (rest.n)
			judge_range(cut_at(&rest, ','), offer, place++, &c);
	}
	return c;
}

int http_accept(const struct http_request *req, const char *const *offers)
{
	struct choice best = { 0 };
	bool any = false;
	int taken = -1;

	for (int i = 0; offers[i]; i++) {
		struct choice c = judge_offer(req, slice_z(offers[i]), &any);
		if (c.weight > best.weight ||
		    (c.weight && c.weight == best.weight && c.place < best.place)) {
			best = c;
			taken = i;
		}
	}
	return any ? taken : 0;
}

bool http_type_is(struct slice value, const char *type)
{
	struct slice media = cut_at(&value, ';');

	return media.n == strlen(type) && str_same(media.p, type, media.n);
}
