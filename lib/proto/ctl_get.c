/* Members of control records, checked. */
#include "proto/ctl_internal.h"

int ctl_bad(const struct ctl *c, const char *member, struct err *err)
{
	return err_set(err, EX_DATAERR, "control record `%s`: %s is missing or of the wrong type",
		       ctl_kind_name(c->kind), member);
}

bool ctl_is_id(struct slice s)
{
	uint8_t bytes[CTL_INC_CHARS / 2];
	return str_unhex(s, bytes, sizeof(bytes)) == 0;
}

bool ctl_absent(const struct ctl *c, uint32_t at, const char *key)
{
	uint32_t i = json_get(&c->json, at, key);
	return !i || c->json.node[i].type == JSON_NULL;
}

int ctl_opt_u64(const struct ctl *c, uint32_t at, const char *key, uint64_t *out, struct err *err)
{
	return ctl_absent(c, at, key) || json_get_u64(&c->json, at, key, out)
		       ? 0
		       : ctl_bad(c, key, err);
}

int ctl_opt_i64(const struct ctl *c, uint32_t at, const char *key, int64_t *out, struct err *err)
{
	return ctl_absent(c, at, key) || json_get_i64(&c->json, at, key, out)
		       ? 0
		       : ctl_bad(c, key, err);
}

int ctl_opt_bool(const struct ctl *c, uint32_t at, const char *key, bool *out, struct err *err)
{
	return ctl_absent(c, at, key) || json_get_bool(&c->json, at, key, out)
		       ? 0
		       : ctl_bad(c, key, err);
}

int ctl_opt_text(const struct ctl *c, uint32_t at, const char *key, struct slice *out,
		 struct err *err)
{
	return ctl_absent(c, at, key) || json_get_text(&c->json, at, key, out)
		       ? 0
		       : ctl_bad(c, key, err);
}

int ctl_get_u64(const struct ctl *c, uint32_t at, const char *key, uint64_t *out, struct err *err)
{
	return json_get_u64(&c->json, at, key, out) ? 0 : ctl_bad(c, key, err);
}

int ctl_get_text(const struct ctl *c, uint32_t at, const char *key, struct slice *out,
		 struct err *err)
{
	return json_get_text(&c->json, at, key, out) ? 0 : ctl_bad(c, key, err);
}

int ctl_get_id(const struct ctl *c, uint32_t at, const char *key, struct slice *out,
	       struct err *err)
{
	return json_get_text(&c->json, at, key, out) && ctl_is_id(*out) ? 0 : ctl_bad(c, key, err);
}

int ctl_get_offset(const struct ctl *c, uint32_t at, const char *key, int64_t *out, struct err *err)
{
	return json_get_i64(&c->json, at, key, out) && *out >= 0 ? 0 : ctl_bad(c, key, err);
}

/* A topic becomes a C string later: it cannot hold a NUL. */
int ctl_get_part(const struct ctl *c, uint32_t at, struct slice *topic, int32_t *partition,
		 struct err *err)
{
	int64_t p;
	if (ctl_get_text(c, at, "t", topic, err))
		return -1;
	if (memchr(topic->p, 0, topic->n))
		return ctl_bad(c, "t", err);
	if (!json_get_i64(&c->json, at, "p", &p) || p < 0 || p > INT32_MAX)
		return ctl_bad(c, "p", err);
	*partition = (int32_t)p;
	return 0;
}

int ctl_get_array(const struct ctl *c, uint32_t at, const char *key, uint32_t *array,
		  struct err *err)
{
	*array = json_get(&c->json, at, key);
	return *array && c->json.node[*array].type == JSON_ARRAY ? 0 : ctl_bad(c, key, err);
}

int ctl_get_last(const struct ctl *c, uint32_t at, struct pos_last *last, struct err *err)
{
	struct slice hex;
	uint8_t hash[8];
	*last = (struct pos_last){ .offset = -1, .time_us = POS_NONE };
	if (ctl_absent(c, at, "lo"))
		return 0;
	if (ctl_get_offset(c, at, "lo", &last->offset, err) ||
	    ctl_opt_i64(c, at, "lt", &last->time_us, err))
		return -1;
	if (!json_get_text(&c->json, at, "lh", &hex) || str_unhex(hex, hash, sizeof(hash)))
		return ctl_bad(c, "lh", err);
	for (size_t i = 0; i < sizeof(hash); i++)
		last->hash = last->hash << 8 | hash[i];
	return 0;
}
