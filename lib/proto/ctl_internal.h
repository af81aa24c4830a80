/* What the ctl_*.c share. */
#ifndef PROTO_CTL_INTERNAL_H
#define PROTO_CTL_INTERNAL_H

#include "proto/ctl.h"

/* {"$hta":INC,"k":"kind" */
void ctl_open(const struct ctl_inc *inc, const char *kind, struct buf *out);

/* ,"key":value with integers beyond 2^53 as strings; time: null for POS_NONE; texts: UTF-8, but
 * for lossy. */
void ctl_add_u64(struct buf *out, const char *key, uint64_t v);
void ctl_add_i64(struct buf *out, const char *key, int64_t v);
void ctl_add_time(struct buf *out, const char *key, int64_t us);
void ctl_add_bool(struct buf *out, const char *key, bool v);
void ctl_add_text(struct buf *out, const char *key, struct slice text); /* p NULL: null */
/* what is not UTF-8 becomes U+FFFD */
void ctl_add_lossy(struct buf *out, const char *key, struct slice text);
void ctl_add_int(struct buf *out, int64_t v); /* the value alone */
/* lo, lt, lh; nothing where there is none */
void ctl_add_last(struct buf *out, const struct pos_last *last);
void ctl_add_part(struct buf *out, const char *topic, int32_t partition); /* {"t":..,"p":.. */

const char *ctl_kind_name(enum ctl_kind k);
/* "control record `kind`: member is missing or of the wrong type". -1. */
int ctl_bad(const struct ctl *c, const char *member, struct err *err);

bool ctl_is_id(struct slice s);                                     /* 16 hex digits */
bool ctl_absent(const struct ctl *c, uint32_t at, const char *key); /* missing or null */
/* Members of object at. Absent: *out stays, 0. -1 with err: of another type or range. */
int ctl_opt_u64(const struct ctl *c, uint32_t at, const char *key, uint64_t *out, struct err *err);
int ctl_opt_i64(const struct ctl *c, uint32_t at, const char *key, int64_t *out, struct err *err);
int ctl_opt_bool(const struct ctl *c, uint32_t at, const char *key, bool *out, struct err *err);
int ctl_opt_text(const struct ctl *c, uint32_t at, const char *key, struct slice *out,
		 struct err *err);
/* The same, and absent is an error. */
int ctl_get_u64(const struct ctl *c, uint32_t at, const char *key, uint64_t *out, struct err *err);
int ctl_get_text(const struct ctl *c, uint32_t at, const char *key, struct slice *out,
		 struct err *err);
int ctl_get_id(const struct ctl *c, uint32_t at, const char *key, struct slice *out,
	       struct err *err);
/* 0 and up */
int ctl_get_offset(const struct ctl *c, uint32_t at, const char *key, int64_t *out,
		   struct err *err);
int ctl_get_part(const struct ctl *c, uint32_t at, struct slice *topic, int32_t *partition,
		 struct err *err);
int ctl_get_array(const struct ctl *c, uint32_t at, const char *key, uint32_t *array,
		  struct err *err);
int ctl_get_last(const struct ctl *c, uint32_t at, struct pos_last *last, struct err *err);

/* The engines of ctl_find; avx2 only where the processor has it. */
size_t ctl_find_portable(const struct ctl_inc *inc, const char *p, size_t n);
#if defined(__x86_64__)
size_t ctl_find_avx2(const struct ctl_inc *inc, const char *p, size_t n);
#endif

#endif
