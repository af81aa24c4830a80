/* Control records of an acknowledged stream: bytes <-> meaning. hta-protocol(7) is the
 * specification; this is its code.
 *
 * The first line of a stream is the hello, {"$hta":"hello","v":1,"inc":"<16 hex>",..}; later
 * control lines start with the CTL_PREFIX_BYTES bytes {"$hta":"<inc>", of that incarnation. All
 * else is data.
 * Records that grow on their way (hello: "stages", probe: "sinks", bar: "acct") have that array
 * as their last member: growing appends one element in front of the closing "]}". So unknown
 * members pass untouched and a filter that re-prints JSON does no harm. Integers beyond 2^53 are
 * written as strings, for filters that read numbers as doubles; readers take both. Writers
 * append one line without its \n; text that they are given is UTF-8 (reasons and messages may be
 * anything: what is not UTF-8 in them becomes U+FFFD). Readers answer EX_DATAERR where a member
 * is missing or of the wrong type; null is missing. */
#ifndef PROTO_CTL_H
#define PROTO_CTL_H

#include "json/json.h"
#include "proto/pos.h"

enum { CTL_VERSION = 1, CTL_INC_CHARS = 16, CTL_PREFIX_BYTES = 27, CTL_KEEP_BYTES = 64 << 10 };
#define CTL_HELLO_START "{\"$hta\":\"hello\","

enum ctl_kind {
	CTL_HELLO,
	CTL_AT,
	CTL_BEFORE,
	CTL_PROBE,
	CTL_INIT,
	CTL_READ,
	CTL_METRICS,
	CTL_BAR,
	CTL_DEAD,
	CTL_LATE,
	CTL_FAIL,
	CTL_END,
	CTL_OTHER,
};

struct ctl_inc {
	char id[CTL_INC_CHARS + 1];
	char prefix[CTL_PREFIX_BYTES + 1];
};
void ctl_inc_set(struct ctl_inc *inc, const char id[CTL_INC_CHARS]); /* 16 hex digits */
void ctl_inc_random(struct ctl_inc *inc);

/* Where the next control line starts in a block of whole lines: its offset, or n. Vectorised;
 * looks at line starts only. */
size_t ctl_find(const struct ctl_inc *inc, const char *p, size_t n);

/* A stream whose first line begins so is an acknowledged one. */
static inline bool ctl_is_hello(struct slice line)
{
	return line.n >= sizeof(CTL_HELLO_START) - 1 &&
	       memcmp(line.p, CTL_HELLO_START, sizeof(CTL_HELLO_START) - 1) == 0;
}

/* A parsed control line. Slices point into the line. Strings with escapes stand decoded in json
 * (text in `text`, escaped false), so that json_get_text finds every string but one with half a
 * surrogate pair; all is valid until the next ctl_parse. */
/* {0} to start, reuse */
struct ctl {
	enum ctl_kind kind;
	struct slice line;
	struct json json;
	struct buf text;
};
void ctl_fini(struct ctl *c);
/* line without its \n, as ctl_find or a first line found it. EX_DATAERR. hello: the line starts
 * with CTL_HELLO_START. A kind that is not known here is CTL_OTHER. */
int ctl_parse(struct ctl *c, struct slice line, struct err *err);

/* Growing: line without \n ends with "]}" (white space before it is fine); appends `,element]}`
 * (or `element]}` into an empty array) to out, without \n.
 * -1 where the line does not end so. */
int ctl_grow(struct slice line, struct slice element, struct buf *out);

/* ---- hello: {"$hta":"hello","v":1,"inc":..,"job":..,"group":..|null,"unit":"record"|"byte",
 *              "ack":"/path","stages":[..]}
 * A stage's element:
 *   {"s":"hta-window","version":"0.1.0","pid":123,"cfg":"<16 hex>", ..own members..}
 * Own members:
 *   window  "metrics":[{"name":..,"cfg":"<16 hex>","every_us":n,"def":{..}}],"lateness_us":0
 *   any     "times":true: it wants the records' own timestamps as they are (at)
 *   final   the same, of a source that reads final rows, each element with "final":true
 *   one that fails before the stream has begun: "failed":true in their place, and `fail` comes next
 *   sink    "sink":"pg:hta_rollups","claims":true[,"commits":true]: it commits the group's offsets
 *           itself, so the source does not
 *   any     "multiplies":true    may write several records for one, all at that one's offset
 *           "places":true        knows records by their topic, partition and offset */
struct ctl_hello {
	struct slice inc, job, group /* p NULL: files */, ack;
	bool bytes; /* offsets are bytes (files) */
	unsigned n_stages;
	bool rows;               /* a stage has metrics: behind it lines are rows */
	bool failed;             /* a stage has failed */
	struct slice multiplies; /* the last stage that does; p NULL: none */
};
/* EX_PROTOCOL for another version, EX_DATAERR */
int ctl_hello_read(const struct ctl *c, struct ctl_hello *out, struct err *err);
/* the array's node; there after ctl_hello_read said 0 */
uint32_t ctl_stages(const struct ctl *c);

/* ---- at: {"$hta":INC,"k":"at","t":"events","p":0,"o":123[,"ts":us][,"from":{"t":"events","p":0,
 * "o":7}][,"retries":2][,"inexact":true]}: source and first offset of the data lines that follow.
 * In a file the next line's offset is o + its length + 1.
 * ts: the Kafka timestamp of all of them, rounded up to a full minute (ctl_at_time); a record
 * whose timestamp is in another minute gets an `at` of its own: so what a stage makes of it is a
 * function of the record, and not of where epochs and batches were cut. Where a stage's element of
 * the hello says "times":true it is the timestamp itself, and each record of another one gets an
 * `at`; who wants the minute takes ctl_at_time of either. 0: not known, left out.
 * from: a dead letter that was sent again; the place at which the record stood first. retries: how
 * often it was sent again. An `at` with one of them is that record's alone: the next one gets its
 * own. */
#define CTL_AT_TIME_US 60000000LL
struct ctl_at {
	struct slice topic;
	int32_t partition;
	int64_t offset, time_us;
	bool inexact;
	struct slice from_topic; /* p NULL: none, and the two below mean nothing */
	int32_t from_partition;
	int64_t from_offset;
	uint64_t retries; /* 0: not sent again, left out */
};
void ctl_at_write(const struct ctl_inc *inc, const struct ctl_at *at, struct buf *out);
/* Slices as of ctl_parse. */
int ctl_at_read(const struct ctl *c, struct ctl_at *out, struct err *err);
/* Sets the three from_ members by what a record's header hta.from says, TOPIC/PARTITION/OFFSET; the
 * topic lies in `text`. Text of another form: there is none. */
void ctl_at_from(struct ctl_at *at, struct slice text);
/* What a record's header hta.retries says; 0 for text of another form, and beyond 2^31 - 1. */
uint64_t ctl_retries(struct slice text);
/* It is one record's. */
static inline bool ctl_at_is_alone(const struct ctl_at *at)
{
	return at->from_topic.p || at->retries;
}
/* A timestamp as an `at` has it; 0 for one that is not known (POS_NONE, 0, negative). */
int64_t ctl_at_time(int64_t us);
/* Whether a record of that timestamp belongs to an `at` with at_us. */
static inline bool ctl_at_covers(int64_t at_us, int64_t us)
{
	return (uint64_t)at_us - (uint64_t)(us > 0 ? us : 0) < CTL_AT_TIME_US;
}

/* ---- before: {..,"k":"before","t":"events.ndjson","p":0[,"wm":us],"rec":["..",..]}
 * The past of a partition whose records have no timestamps, sent when it is read on from a
 * position: the watermark that the sinks hold (0: none, left out), and the last lines below the
 * position, which were counted when they were read. Lines that are no UTF-8 or have a NUL are
 * left out. */
struct ctl_before {
	struct slice topic;
	int32_t partition;
	int64_t mark_us;
	struct slice lines;
};
/* lines: whole ones, each with its \n. */
void ctl_before_write(const struct ctl_inc *inc, const struct ctl_before *b, struct buf *out);
/* Appends the lines to *lines; out->lines is left empty. */
int ctl_before_read(const struct ctl *c, struct ctl_before *out, struct buf *lines,
		    struct err *err);

/* ---- probe: {..,"k":"probe","n":1,"job":..,"claim":[3][,"placed":2],"sinks":[..]}
 * claim: indexes of the stages that store dead and late. placed: the last stage at or below one
 * that knows records by their place: those above it that leave lines out say where the next one
 * stands. A sink's element:
 *   {"s":"pg:hta_rollups","gen":"<16 hex>"|null,"now":false[,"records":true],"pos":[{"t":..,
 *    "p":0,"init":0,"next":5,"lo":4,"lt":us|null,"lh":"<16 hex>","wm":us|null,"idle":true}]}
 * records: of a sink that stands above all windows: its watermarks mean nothing.
 * lo, lt, lh: offset, time and hash_64 of the last record; left out where there is none. */
struct ctl_sink_state {
	char *name;
	char gen[CTL_INC_CHARS + 1]; /* "" none */
	bool by_now, records;
	struct positions pos;
};
void ctl_sink_state_fini(struct ctl_sink_state *s);
/* Appends the element. */
void ctl_sink_state_write(const struct ctl_sink_state *s, struct buf *out);
/* Reads one back that stands alone: a sink may keep it so. EX_DATAERR; ctl_sink_state_fini */
int ctl_sink_state_read(struct slice text, struct ctl_sink_state *out, struct err *err);
/* The array is the caller's: ctl_sink_state_fini for each element, then free(). */
int ctl_probe_read(const struct ctl *c, uint64_t *n, struct ctl_sink_state **sinks, size_t *n_sinks,
		   struct err *err);

/* ---- init: {..,"k":"init","to":"pg:hta_rollups"|null,"act":"fresh"|"adopt"|"new"|"boot",
 *             "gen":..,"now":false[,"member":..],"pos":[{"t","p","o"}]}
 * fresh and boot: only the sink `to` obeys, if it has no generation. adopt: every sink without
 * one. new: every sink of that generation, for partitions that it does not know. A sink of
 * another generation answers EX_TEMPFAIL (fresh: it takes nothing). */
enum ctl_act { CTL_FRESH, CTL_ADOPT, CTL_NEW, CTL_BOOT };
struct ctl_init {
	struct slice to;
	enum ctl_act act;
	char gen[CTL_INC_CHARS + 1];
	bool by_now;
	struct slice member; /* as a barrier has it; p NULL: none */
	struct ranges start; /* from = the start; to = from */
};
void ctl_init_write(const struct ctl_inc *inc, const struct ctl_init *i, struct buf *out);
/* ranges_fini(&out->start) */
int ctl_init_read(const struct ctl *c, struct ctl_init *out, struct err *err);

/* ---- read: {..,"k":"read","gen":..,"pos":[{"t","p","init","from","next","idle"}]}: ahead of
 * the first record of an assignment: its partitions, where the sinks began with each, where it is
 * read from, and the highest position that one of them has; idle: it was the log's end. gen "": no
 * sink keeps positions; init and next are by the group's commits then. So a stage with a state of
 * its own knows whether that is as new as theirs. */
struct ctl_reading_part {
	struct slice topic;
	int32_t partition;
	int64_t init, from, next;
	bool idle;
};
struct ctl_reading {
	struct slice gen;
	struct ctl_reading_part *part;
	size_t n;
};
void ctl_reading_write(const struct ctl_inc *inc, const struct ctl_reading *r, struct buf *out);
/* Slices as of ctl_parse. ctl_reading_fini */
int ctl_reading_read(const struct ctl *c, struct ctl_reading *out, struct err *err);
void ctl_reading_fini(struct ctl_reading *r);

/* ---- rules: what a window counts by, where its metrics come from rules: members of its element
 *  of the hello, and of `metrics`:
 *   "set":"<16 hex>","rules":[{"rule":"web","version":2,"state":"active"|"paused"|"retired",
 *    "metric":"web@2","cfg":"<16 hex>"}]
 *  set: the hash of the names and cfgs of the active ones (ctl_rules_set). A retired rule has its
 *  name and state only: whatever version is stored is retired. */
enum ctl_rule_state { CTL_RULE_ACTIVE, CTL_RULE_PAUSED, CTL_RULE_RETIRED };
extern const char *const ctl_rule_states[];
struct ctl_rule {
	struct slice rule, metric, cfg;
	uint64_t version;
	enum ctl_rule_state state;
};
struct ctl_rules {
	struct slice set; /* p NULL: the stream has no rules */
	struct ctl_rule *rule;
	size_t n;
};
/* The hash of a set of rules, whatever their order: 16 hex digits and a NUL. */
void ctl_rules_set(const struct ctl_rule *rule, size_t n, char out[CTL_INC_CHARS + 1]);
/* Appends the two members, each with a comma in front; nothing where the stream has no rules. */
void ctl_rules_write(const struct ctl_rules *r, struct buf *out);
/* The members of object `at`; none: all 0. Slices as of ctl_parse. ctl_rules_fini */
int ctl_rules_read(const struct ctl *c, uint32_t at, struct ctl_rules *out, struct err *err);
void ctl_rules_fini(struct ctl_rules *r);

/* ---- metrics: {..,"k":"metrics","set":..,"rules":[..],"metrics":[{"name":..,"cfg":"<16
 *  hex>","every_us":n,"def":{..},"columns":[..]}]}: right behind a barrier: what is counted from
 *  here on. An element of metrics is the same as a window's in the hello; columns is left out
 *  where there are none. */
struct ctl_metric {
	struct slice name, cfg;
	int64_t every_us;
	struct slice def, columns; /* JSON texts; columns.p NULL: none */
	bool final;                /* its rows are final, those of each window whole */
};
struct ctl_metrics {
	struct ctl_rules rules;
	struct ctl_metric *metric;
	size_t n;
};
/* the element */
void ctl_metric_write(const struct ctl_metric *m, struct buf *out);
void ctl_metrics_write(const struct ctl_inc *inc, const struct ctl_metrics *m, struct buf *out);
/* The same; metrics: the array as it stands in a hello. */
void ctl_metrics_write_list(const struct ctl_inc *inc, const struct ctl_rules *rules,
			    struct slice metrics, struct buf *out);
/* Slices as of ctl_parse. ctl_metrics_fini */
int ctl_metrics_read(const struct ctl *c, struct ctl_metrics *out, struct err *err);
void ctl_metrics_fini(struct ctl_metrics *m);

/* ---- bar:
 *  {..,"k":"bar","e":17,"gen":..[,"member":..],"r":[{"t","p","f","to","lo","lt","lh","idle"}],
 *  "acct":[..]}.
 *  member: base64 of what says who the source is in its group, in the form of the log's own client
 *  library; only where a stage of the hello has "commits":true. A stage's element of the account
 * {"s":name,"in":n,"out":n,"bytes":n,"filtered":..,"late":..,"dup":..,"dead":..,"lost":..,
 *  "agg":..,"rows_in":..,"rows":..,"wm":[["t",p,us]..]} (zeros left out but
 * in and out). `out` and `rows` count this stage's data lines since its last barrier, `bytes`
 * their bytes: the next stage checks them.
 *
 * The books of an epoch, stage by stage (ctl_account_check):
 *   records  a stage that reads records:
 *            in + added = out + filtered + late + dup + dead + lost + agg
 *   rows     a stage that reads rows (rows_in > 0); a sink hands all of them on:
 *            rows_in + added = rows + filtered + late + dup + dead + lost; in = out = agg = 0
 *   window   `rows` is free where agg > 0 (any number of groups), else it is 0
 *   links    in + rows_in = out + rows of the stage before. A stage with --foreign takes that
 *            number as its own and books lines that a filter between the two took away as
 *            filtered, lines that it put in as added
 *   source   the first stage reads no rows and aggregates nothing; `in` are the records of its
 *            ranges, `lost` (gone before they were read) among them
 * `expired` counts rows past their life in a store; they are handed on like the others, and no sum
 * has the number. */
struct account {
	uint64_t in, out, bytes, filtered, late, duplicate, dead, lost, aggregated, added, rows_in,
		rows_out, expired;
};
struct ctl_bar {
	uint64_t epoch;
	struct slice gen;    /* n 0: no sink keeps positions */
	struct slice member; /* p NULL: none */
	struct ranges
		ranges; /* with watermarks of the account merged in: the highest of any stage */
};
/* member: "" none. account_element: the source's; empty: none. */
void ctl_bar_write(const struct ctl_inc *inc, uint64_t epoch, const char *gen, const char *member,
		   const struct ranges *r, struct slice account_element, struct buf *out);
/* ranges_fini */
int ctl_bar_read(const struct ctl *c, struct ctl_bar *out, struct err *err);
void ctl_account_write(const char *stage, const struct account *a,
		       const struct ranges *watermarks /* or NULL */, struct buf *out);
/* The account's elements, oldest first. *n entries in *out (free()); names are slices as of
 * ctl_parse. */
struct account_of {
	struct slice stage;
	struct account a;
};
int ctl_account_read(const struct ctl *c, struct account_of **out, size_t *n, struct err *err);
/* EX_SOFTWARE, naming stage and numbers, where the books do not balance, or there are none. */
int ctl_account_check(const struct account_of *v, size_t n, struct err *err);

/* ---- dead, late: {..,"k":"dead","s":stage,"t":topic|null,"p":..,"o":..,"inexact":true,
 *                   "why":reason,"size":n,"enc":"utf8"|"base64","rec":".."}
 * At most CTL_KEEP_BYTES of the record are kept, cut between characters; size is the full length.
 * base64: what is kept is not UTF-8 or has a NUL, which no store takes as text. t null: the
 * source is not known, p and o mean nothing. */
struct ctl_dead {
	bool late;
	struct slice stage, topic;
	int32_t partition;
	int64_t offset;
	bool inexact;
	uint64_t retries; /* how often the record was sent again before */
	struct slice why;
	uint64_t size;
	struct slice record;
};
/* record: raw bytes, cut here */
void ctl_dead_write(const struct ctl_inc *inc, const struct ctl_dead *d, struct buf *out);
/* The record as it is kept, a JSON string. True: base64. */
bool ctl_keep(struct slice record, struct buf *out);
/* Slices as of ctl_parse. record: the text of "rec", still encoded where *base64 is true. */
int ctl_dead_read(const struct ctl *c, struct ctl_dead *out, bool *base64, struct err *err);

/* ---- fail: {..,"k":"fail","code":65,"s":stage,"msg":..}
 *      end:  {..,"k":"end","reason":"eof"|"stop"} */
void ctl_fail_write(const struct ctl_inc *inc, const char *stage, const struct err *e,
		    struct buf *out);
/* 0: out->code is the record's (1 .. 255), out->msg "stage: msg". -1: EX_DATAERR, the record is
 * malformed. */
int ctl_fail_read(const struct ctl *c, struct err *out);
void ctl_end_write(const struct ctl_inc *inc, bool eof, struct buf *out);

/* ---- ack channel: messages of hta-commit, JSON without \n:
 *   {"inc":..,"k":"hello","line":{the finished hello}}
 *   {"inc":..,"k":"probe","line":{..}}
 *   {"inc":..,"k":"ack","e":17,"rows":123}
 *   {"inc":..,"k":"fail","line":{the `fail` record}} */
void ctl_ack_write(const struct ctl_inc *inc, const char *kind, uint64_t epoch, uint64_t rows,
		   struct buf *out);
void ctl_ack_line_write(const struct ctl_inc *inc, const char *kind, struct slice line,
			struct buf *out);

#endif
