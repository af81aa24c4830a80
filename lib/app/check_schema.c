/* The grammar of rules as a JSON Schema (2020-12), for editors: names to complete, words to show,
 * and what is wrong while it is typed. The parser (agg/rule_json.c) decides; a schema cannot say
 * that bounds ascend, that names differ, or what a path or a condition is.
 *
 * The text is written here with ' for ", which it has no other use for. Operations come from the
 * parser's table, by what they need. */
#include "app/check_internal.h"

#define DURATION "([0-9]+([.][0-9]+)?(us|ms|s|m|h|d))+"
#define QUANTILE "p(?=[0-9]*[1-9])[0-9]{2,9}"

static const char head[] =
	"{'$schema':'https://json-schema.org/draft/2020-12/schema',\n"
	"'title':'rules of hta-window',\n"
	"'anyOf':[{'$ref':'#/$defs/rule'},{'type':'array','items':{'$ref':'#/$defs/rule'}}],\n"
	"'$defs':{\n"
	"'path':{'type':'string','minLength':1,'description':'a field, as in jq: payload.price'},\n"
	"'condition':{'type':'string','minLength':1,\n"
	" 'description':'records that count, a jq condition: .status >= 500'},\n"
	"'duration':{'type':'string','pattern':'^(?=.*[1-9])" DURATION "$',\n"
	" 'description':'with its unit: 250ms, 30s, 10m, 1h, 7d'},\n"
	"'numbers':{'type':'array','minItems':1,'items':{'type':'number'}},\n";

static const char rule[] =
	"'rule':{'type':'object','required':['rule_id'],'additionalProperties':false,\n"
	"'oneOf':[{'required':['metric']},{'required':['aggregates']}],\n"
	"'dependentRequired':{'field':['metric'],'slide':['window_size'],'max_length':['gap'],\n"
	" 'fold':['max_groups']},\n"
	"'dependentSchemas':{'gap':{'properties':{'window_size':false,'slide':false}}},\n"
	"'if':{'required':['metric'],'properties':{'metric':{'not':{'enum':['count','rate']}}}},\n"
	"'then':{'required':['field']},\n"
	"'properties':{\n"
	"'rule_id':{'type':'string','minLength':1,'maxLength':200,'not':{'pattern':'@[0-9]+$'},\n"
	" 'description':'name of the metric'},\n"
	"'version':{'type':'integer','minimum':1,'default':1,\n"
	" 'description':'a higher one replaces a lower one'},\n"
	"'window_size':{'$ref':'#/$defs/duration','description':'length of a window: 1m'},\n"
	"'slide':{'$ref':'#/$defs/duration',\n"
	" 'description':'a window begins each time this has passed; it divides window_size'},\n"
	"'gap':{'$ref':'#/$defs/duration',\n"
	" 'description':'sessions, which end when nothing came for so long'},\n"
	"'max_length':{'$ref':'#/$defs/duration','description':'longest session'},\n"
	"'time':{'type':'string','minLength':1,'default':'ts',\n"
	" 'description':'field with the event time, or @kafka for the timestamp of the record'},\n"
	"'time_unit':{'enum':['s','ms','us','ns'],'description':'unit of times that are "
	"numbers'},\n"
	"'time_format':{'type':'string','minLength':1,\n"
	" 'description':'clf, http or a pattern as for strptime; without it RFC 3339'},\n"
	"'zone':{'type':'string','minLength':1,\n"
	" 'description':'zone of times without an offset: Europe/Berlin, UTC, +01:00'},\n"
	"'where':{'$ref':'#/$defs/condition'},\n"
	"'group_by':{'type':'array','items':{'$ref':'#/$defs/dimension'},\n"
	" 'description':'a row for each combination of their values'},\n"
	"'metric':{'$ref':'#/$defs/operation','description':'the only measure; see field'},\n"
	"'field':{'$ref':'#/$defs/path'},\n"
	"'aggregates':{'type':'object','minProperties':1,\n"
	" 'propertyNames':{'pattern':'^[A-Za-z_][A-Za-z0-9_]{0,62}$'},\n"
	" 'additionalProperties':{'$ref':'#/$defs/measure'},'description':'measures by their "
	"names'},\n"
	"'lateness':{'anyOf':[{'$ref':'#/$defs/duration'},{'enum':['0','0s']}],\n"
	" 'description':'a window closes when the highest event time is so far behind its end'},\n"
	"'max_groups':{'type':'integer','minimum':1,'description':'most groups that are held'},\n"
	"'fold':{'type':'array','items':{'$ref':'#/$defs/path'},\n"
	" 'description':'dimensions that are folded beyond max_groups'},\n"
	"'active':{'type':'boolean','default':true,'description':'whether it counts'},\n"
	"'retired':{'type':'boolean','default':false,\n"
	" 'description':'ended: its rows stay, and the name takes a higher version'},\n"
	"'note':{'type':'string','minLength':1,'description':'for people'},\n"
	"'tests':{'type':'array','items':{'$ref':'#/$defs/test'},'description':'hta-check --test "
	"runs them'}\n"
	"}},\n";

static const char parts[] =
	"'dimension':{'anyOf':[{'$ref':'#/$defs/path'},{'type':'object','required':['path'],\n"
	"'additionalProperties':false,'properties':{\n"
	"'path':{'$ref':'#/$defs/path'},\n"
	"'as':{'type':'string','minLength':1,'description':'its name in rows'},\n"
	"'lower':{'type':'boolean','description':'in small letters'},\n"
	"'max':{'type':'integer','minimum':1,'maximum':4294967295,'description':'bytes that are "
	"kept'},\n"
	"'class':{'anyOf':[{'enum':[10,100,1000]},{'$ref':'#/$defs/numbers'}],\n"
	" 'description':'100 makes 5xx of 503; bounds make ranges'},\n"
	"'explode':{'type':'boolean','description':'each element of an array counts'}\n"
	"}}]},\n"
	"'test':{'type':'object','required':['name','in'],'additionalProperties':false,\n"
	"'properties':{\n"
	"'name':{'type':'string','minLength':1},\n"
	"'in':{'type':'array','minItems':1,'items':{'anyOf':[{'type':'string','minLength':1},\n"
	" {'type':'object'}]},'description':'lines, or files with lines: file and its name'},\n"
	"'rows':{'type':'array','items':{'type':'object'},'description':'rows that must come "
	"out'},\n"
	"'late':{'type':'integer','minimum':0},\n"
	"'dead':{'type':'integer','minimum':0},\n"
	"'match':{'enum':['subset','exact'],'default':'subset',\n"
	" 'description':'exact: and no other rows'}\n"
	"}}\n"
	"}}\n";

static void put_schema(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_addc(out, *text == '\'' ? '"' : *text);
}

/* The names of operations that need all of `needs` and nothing of `lack`; each behind `before` and
 * before `behind`. "p", the last one, is a pattern's. */
static void put_ops(struct buf *out, unsigned needs, unsigned lack, const char *before,
		    const char *behind)
{
	const struct rule_op *op;

	for (size_t i = 0; (op = rule_op_at(i)) && rule_op_at(i + 1); i++)
		if ((op->needs & needs) == needs && !(op->needs & lack)) {
			put_schema(out, before);
			buf_addz(out, op->name);
			put_schema(out, behind);
		}
}

enum { WITH_MORE = RULE_OP_BY | RULE_OP_QUANTILES | RULE_OP_BOUNDS };

/* What "metric" may be: an operation that needs no more than a path. */
static void put_operation(struct buf *out)
{
	put_schema(out, "'operation':{'anyOf':[{'enum':[");
	put_ops(out, 0, WITH_MORE, "'", "',");
	out->n--;
	put_schema(out, "]},{'type':'string','pattern':'^" QUANTILE "$'}]},\n");
}

/* One operation a measure: of the named ones exactly one and no pNN, or one pNN alone. */
static void put_measure(struct buf *out)
{
	put_schema(out,
		   "'measure':{'anyOf':[{'const':'count'},{'type':'object',\n'properties':{\n");
	put_ops(out, RULE_OP_NO_PATH, 0, "'",
		"':{'anyOf':[{'const':true},{'$ref':'#/$defs/path'}]},\n");
	put_ops(out, RULE_OP_PATH, 0, "'", "':{'$ref':'#/$defs/path'},\n");
	put_schema(out, "'where':{'$ref':'#/$defs/condition'},\n"
			"'by':{'$ref':'#/$defs/path','description':'what the record is chosen "
			"by'},\n"
			"'at':{'type':'array','minItems':1,\n"
			" 'items':{'type':'number','exclusiveMinimum':0,'maximum':1},\n"
			" 'description':'quantiles: 0.5, 0.99'},\n"
			"'bounds':{'$ref':'#/$defs/numbers','description':'of a histogram, "
			"ascending'}},\n"
			"'patternProperties':{'^" QUANTILE "$':{'$ref':'#/$defs/path'}},\n"
			"'additionalProperties':false,\n'dependentRequired':{");
	put_ops(out, RULE_OP_BY, 0, "'", "':['by'],");
	put_ops(out, RULE_OP_QUANTILES, 0, "'at':['", "'],");
	put_ops(out, RULE_OP_QUANTILES, 0, "'", "':['at'],");
	put_ops(out, RULE_OP_BOUNDS, 0, "'bounds':['", "'],");
	put_ops(out, RULE_OP_BOUNDS, 0, "'", "':['bounds'],");
	out->n--;
	put_schema(out, "},\n'dependentSchemas':{'by':{'anyOf':[");
	put_ops(out, RULE_OP_BY, 0, "{'required':['", "']},");
	out->n--;
	put_schema(out, "]}},\n'oneOf':[\n");
	put_ops(out, 0, 0, "{'required':['",
		"'],'propertyNames':{'not':{'pattern':'^p[0-9]+$'}}},\n");
	put_schema(out, "{'propertyNames':{'pattern':'^(where|" QUANTILE ")$'},'anyOf':[\n"
			" {'required':['where'],'minProperties':2,'maxProperties':2},\n"
			" {'properties':{'where':false},'minProperties':1,'maxProperties':1}]}]}]"
			"},\n");
}

void check_schema(struct buf *out)
{
	put_schema(out, head);
	put_schema(out, rule);
	put_operation(out);
	put_measure(out);
	put_schema(out, parts);
}
