// Strangers' opinions of our GraphQL: graphql.mjs VERB TOOL DATA [SEED COUNT]
//
//   same        seeded random requests, whole and broken: the answers of graphql-js are ours
//   introspect  what graphql-js and the like ask about a schema is answered as graphql-js answers
//   audits      the audits of graphql-http over a server that hands each request to TOOL, or at the address that it is
//
// graphql and graphql-http are those of node_modules in the current folder. TOOL is tests/mock/hta-gql.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';

const require = createRequire(process.cwd() + '/');
const js = require('graphql');
const [verb, tool, dataFile, seed = '1', count = '4000'] = process.argv.slice(2);
const data = JSON.parse(readFileSync(dataFile, 'utf8'));

const SDL = `
scalar DateTime @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc3339")
scalar JSON scalar Long scalar Decimal
type Query {
  latestEvents(limit: Int = 10, before: String): [Event!]!
  eventsByType(eventType: String, limit: Int = 100, before: String): [Event!]!
  eventsByUser(userId: String, limit: Int = 100, before: String): [Event!]!
  event(eventId: ID!): Event
  metrics: [Metric!]!
  rollups(metric: String!, from: DateTime, to: DateTime, dims: JSON, limit: Int = 1000): [Rollup!]!
}
type Event { eventId: ID! eventType: String userId: String topic: String source: String
  timestamp: DateTime payload: JSON receivedAt: DateTime }
type Rollup { metric: String! windowStart: DateTime! windowEnd: DateTime! dims: JSON! count: Long!
  sum: Decimal min: Decimal max: Decimal avg: Decimal uniques: Long final: Boolean! }
type Metric { name: String! job: String window: String dims: [String!]! since: DateTime }
`;

// ---- the same schema in graphql-js ----

const schema = js.buildSchema(SDL);
const no = (what) => { throw new js.GraphQLError(`not ${what}`); };
function scalar(name, value, literal) {
  Object.assign(schema.getType(name), { parseValue: value, parseLiteral: literal, serialize: (v) => v });
}
scalar('DateTime', (v) => typeof v === 'string' ? v : no('a string'),
  (n) => n.kind === 'StringValue' ? n.value : no('a string'));
const long = (v) => { const n = BigInt(v); return n === BigInt.asIntN(64, n) ? Number(v) : no('64 bits'); };
scalar('Long', (v) => Number.isInteger(v) ? long(v) : no('whole'), (n) => n.kind === 'IntValue' ? long(n.value) : no('whole'));
const decimal = (t) => /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(t) && Math.abs(Number(t)) <= 1e20 ? t : no('a decimal');
scalar('Decimal', (v) => typeof v === 'string' || typeof v === 'number' ? decimal(String(v)) : no('a decimal'),
  (n) => ['IntValue', 'FloatValue', 'StringValue'].includes(n.kind) ? decimal(n.value) : no('a decimal'));

const some = (rows, limit, field) => rows.slice(0, limit ?? field);
const equal = (asked, is) => asked == null || asked === is;
const root = {
  latestEvents: (a) => some(data.events, a.limit, 10),
  eventsByType: (a) => some(data.events.filter((e) => equal(a.eventType, e.eventType)), a.limit, 100),
  eventsByUser: (a) => some(data.events.filter((e) => equal(a.userId, e.userId)), a.limit, 100),
  event: (a) => {
    if (a.eventId === 'away') throw new Error('the store is away');
    return data.events.find((e) => e.eventId === a.eventId) ?? null;
  },
  metrics: () => data.metrics,
  rollups: (a) => some(data.rollups.filter((r) => equal(a.metric, r.metric) && (a.from == null || r.windowStart >= a.from) &&
    (a.to == null || r.windowStart < a.to) && (a.dims == null || JSON.stringify(a.dims) === JSON.stringify(r.dims))), a.limit, 1000),
};
// A limit of theirs, which ours has too under another name.
const rules = js.specifiedRules.filter((r) => r.name !== 'MaxIntrospectionDepthRule');

function theirs({ query, operationName, variables }) {
  let document;
  try { document = js.parse(query); } catch (e) {
    // the edition of 2025 has descriptions of operations, this graphql-js not yet
    return /descriptions are supported only/.test(e.message) ? undefined : null;
  }
  if (document.definitions.some((d) => d.kind === 'OperationDefinition' && d.operation !== 'query')) return null;
  if (js.validate(schema, document, rules).length) return null;
  const result = js.execute({ schema, document, rootValue: root, variableValues: variables, operationName });
  return result.data === undefined ? null : JSON.parse(JSON.stringify(result));
}

// ---- ours ----

const GRAPHQL = 'application/graphql-response+json';
function ask(requests) {
  const lines = requests.map((body) => JSON.stringify({ content_type: 'application/json', accept: GRAPHQL, body: JSON.stringify(body) }));
  const run = spawnSync(tool, [dataFile], { input: lines.join('\n') + '\n', maxBuffer: 1 << 30 });
  if (run.status !== 0) throw new Error(`${tool}: ${run.status ?? run.signal} ${run.stderr}`);
  return run.stdout.toString().trimEnd().split('\n').map((line) => {
    const [status, , , body] = line.split('\t');
    return { status: Number(status), body: JSON.parse(body) };
  });
}

// Errors of fields by path and first place. Where all is null, who gives up first is free.
// A schema's types and directives come in any order.
function shape(result) {
  const errors = (result.errors ?? []).map((e) => JSON.stringify([e.path, e.locations?.[0]])).sort();
  const ordered = (k, v) => (k === 'types' || k === 'directives' ? [...v].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : v);
  return JSON.stringify({ data: JSON.parse(JSON.stringify(result.data), ordered), errors: result.data === null ? errors.length > 0 : errors });
}

// ---- random requests ----

let state = BigInt(seed) * 2654435761n + 88172645463325252n;
function random(n) {
  state ^= (state << 13n) & 0xffffffffffffffffn;
  state ^= state >> 7n;
  state ^= (state << 17n) & 0xffffffffffffffffn;
  return Number((state >> 11n) % BigInt(n));
}
const pick = (list) => list[random(list.length)];
const chance = (percent) => random(100) < percent;

const literals = {
  Int: () => String(random(8)), String: () => pick(['"view"', '"u1"', '"m"', '"""\n  buy\n  """', '"\\u0076iew"', '""']),
  ID: () => pick(['"e1"', '"e3"', '7', '"away"', '"none"']), Boolean: () => pick(['true', 'false']),
  DateTime: () => pick(['"2026-01-01T00:01:00Z"', '"2026-01-01T00:03:00Z"']), Float: () => pick(['1.5', '2', '-1e3']),
  JSON: () => pick(['{ k: "a" }', '{}', '[1, "x", {y: null}]', '{k:"a",l:[TRUE 2.5]}', '"a"', '1', '{ k: $v0 }', '[$v1]', '{k:1 k:2}']),
  Long: () => pick(['1', '9007199254740993', '99999999999999999999']), Decimal: () => pick(['"1.5"', '2', '3.25', '"x"']),
  __TypeKind: () => pick(['OBJECT', 'NONE']),
};
const wrong = ['null', '1', '-0', '1.5', '"x"', 'true', 'WORD', '[]', '[1]', '{}', '{a: 1}', '2147483648', '[null]', '"\\uD83D\\uDE00"'];
const given = [null, 1, 0, 2.5, '7', 'view', 'e1', true, [], [2], { k: 'a' }, {}, 3e9, 5.0, ['view'], 'OBJECT'];
const fitting = {
  Int: () => random(8), String: () => pick(['view', 'u1', 'm']), ID: () => pick(['e1', 'away', 3]), Boolean: () => chance(50),
  DateTime: () => '2026-01-01T00:02:00Z', JSON: () => pick([{ k: 'a' }, { k: 'b' }]),
};
const types = ['Int', 'Int!', 'String', 'String!', 'ID', 'ID!', 'Boolean', 'Boolean!', 'DateTime', 'JSON', '[Int]', '[String!]', 'Long', 'Decimal',
  'Float', 'Event', 'Nope', '[Int!]!', '__TypeKind', '__Type', 'JSON!'];

let variables, fragments;
function named(type) {
  while (type.ofType) type = type.ofType;
  return type;
}
// One that is there already and is like it, or a new one that mostly fits.
function variable(type) {
  const like = variables.filter((v) => v.type.replace('!', '') === String(type).replace('!', ''));
  if (chance(50) && like.length) return pick(like).name;
  if (chance(2)) return 'v9';
  const v = { name: `v${variables.length}`, type: chance(88) ? String(type) + (chance(30) && !String(type).endsWith('!') ? '!' : '') : pick(types) };
  variables.push(v);
  return v.name;
}
function value(type) {
  if (chance(14)) return `$${variable(type)}`;
  if (chance(5)) return pick(wrong);
  const name = named(type).name;
  return literals[name]();
}
function directives() {
  if (!chance(8)) return '';
  const one = () => `@${chance(96) ? pick(['skip', 'include']) : pick(['nope', 'deprecated'])}(${chance(98) ? 'if' : 'when'}: ${value(js.GraphQLBoolean)})`;
  return ' ' + one() + (chance(8) ? one() : '');
}
function args(field) {
  const list = field.args.filter((a) => chance(js.isRequiredArgument(a) ? 97 : 35)).map((a) => `${a.name}: ${value(a.type)}`);
  if (chance(2)) list.push('limit: 1');
  if (chance(1)) list.push('x: 1');
  return list.length ? `(${list.join(pick([', ', ' ']))})` : '';
}
function selection(type, depth) {
  const fields = Object.values(type.getFields());
  const kind = random(20);
  if (kind === 0) return `__typename${directives()}`;
  if (kind === 1 && type.name === 'Query')
    return pick(['__schema { queryType { name } types { name kind } directives { name args { name defaultValue type { name ofType { name } } } } }',
      '__type(name: "Event") { name fields(includeDeprecated: true) { name type { name kind } } }', '__type(name: "Nope") { name }']);
  if (kind === 2) return `...${chance(70) ? ` on ${chance(92) ? type.name : pick(['Event', 'Query', 'Int', 'Nope'])}` : ''}${directives()} ${set(type, depth + 1)}`;
  if (kind < 5) {
    const f = chance(95) ? fragments.filter((x) => x.on === type.name) : fragments;
    if (f.length) {
      const one = pick(f);
      one.used = true;
      return `...${one.name}${directives()}`;
    }
  }
  const field = pick(fields);
  const alias = chance(15) ? `${pick(['a', 'b', 'userId'])}: ` : '';
  const below = named(field.type);
  const object = js.isObjectType(below);
  const rest = object !== chance(1) ? (object ? ` ${set(below, depth + 1)}` : ' { x }') : '';
  return `${alias}${chance(99) ? field.name : field.name + 's'}${args(field)}${directives()}${rest}`;
}
function set(type, depth) {
  const list = [];
  for (let n = 1 + random(depth > 3 ? 2 : 4); n; n--) list.push(selection(type, depth));
  return `{ ${list.join(pick([' ', ', ', '\n', '\r\n  ', ' # a comment\n']))} }`;
}
// Tokens are lost, doubled, changed for others of the same text.
function broken(query) {
  const tokens = query.match(/"""[^]*?"""|"[^"\n]*"|\.\.\.|[A-Za-z_]\w*|-?\d[\d.eE+-]*|[^\s]|\s+/g);
  for (let n = 1 + random(2); n; n--) {
    const at = random(tokens.length);
    const kind = random(4);
    if (kind === 0) tokens.splice(at, 1);
    else if (kind === 1) tokens.splice(at, 0, tokens[random(tokens.length)]);
    else if (kind === 2) tokens[at] = tokens[random(tokens.length)];
    else tokens[at] = pick(['{', '}', '(', ')', '...', '$', '@', ':', '!', '"', '"""', 'on', 'null', 'fragment', 'query', '[', '&', '0', '00', '.5', '1.', '\u00e9', '\ufeff', '"\\u{1F600}"', '"\\x"', '|', '=']);
    if (tokens.length === 0) return '';
  }
  return tokens.join('');
}
function request() {
  const bodies = [];
  variables = chance(5) ? [{ name: 'v0', type: pick(types) }] : [];
  fragments = ['F', 'G', 'H'].slice(0, random(4)).map((name) => ({ name, on: pick(['Event', 'Event', 'Query', 'Rollup']), used: false }));
  const operation = set(schema.getQueryType(), 0);
  // a fragment spreads those behind it, or now and then any
  const all = fragments;
  all.forEach((f, i) => {
    fragments = chance(97) ? all.slice(i + 1) : all;
    if (f.used || chance(5)) bodies.push(`fragment ${f.name} on ${chance(97) ? f.on : pick(['Nope', 'Int', 'Metric'])} ${set(schema.getType(f.on), 1)}`);
  });
  const defined = variables.filter(() => !chance(2));
  const heads = defined.map((v) => `$${v.name}: ${v.type}${chance(25) ? ` = ${chance(80) && literals[v.type.replace(/[^\w]/g, '')] ? literals[v.type.replace(/[^\w]/g, '')]() : pick(wrong)}` : ''}`);
  const head = heads.length || chance(30) ? `query${chance(70) ? ' Q' : ''}${heads.length ? `(${heads.join(', ')})` : ''}${chance(10) ? directives() : ''} ` : '';
  bodies.splice(random(bodies.length + 1), 0, head + operation);
  if (chance(4)) bodies.push(pick(['query R { __typename }', '{ __typename }', 'query Q { metrics { name } }', 'mutation M { x }']));
  let query = bodies.join('\n');
  if (chance(20)) query = broken(query);
  const values = {};
  for (const v of defined) if (chance(85)) values[v.name] = chance(80) ? fitting[v.type.replace(/[^A-Za-z]/g, '')]?.() ?? null : pick(given);
  return { query, operationName: chance(5) ? pick(['Q', 'R', 'S']) : undefined, variables: values };
}

// ---- verbs ----

function same() {
  const requests = Array.from({ length: Number(count) }, request);
  const got = ask(requests);
  const tally = { equal: 0, good: 0, bad: 0, refused: 0, errors: 0 };
  let shown = 0;
  requests.forEach((r, i) => {
    const { status, body } = got[i];
    // a limit of ours comes before the rules; @skip of a null is refused, not an error of a field
    if (/has more than|may be 0 to|\(if:\) is null/.test(body.errors?.[0]?.message) && status === 400) { tally.refused++; return; }
    const want = theirs(r);
    if (want === undefined) { tally.refused++; return; }
    const mine = 'data' in body ? shape(body) : null;
    if (status === (want ? 200 : 400) && mine === (want && shape(want))) {
      tally.equal++;
      tally[want ? 'good' : 'bad']++;
      if (want?.errors) tally.errors++;
    } else if (shown++ < 5) {
      console.log(JSON.stringify(r), '\n ours  ', JSON.stringify(body).slice(0, 600), '\n theirs', JSON.stringify(want ?? why(r))?.slice(0, 600));
    }
  });
  console.log(`${tally.equal + tally.refused === requests.length ? 'same' : 'different'}: ${JSON.stringify(tally)}`);
}

function why(r) {
  try {
    const document = js.parse(r.query);
    const errors = js.validate(schema, document, rules);
    return (errors.length ? errors : js.execute({ schema, document, rootValue: root, variableValues: r.variables, operationName: r.operationName }).errors).map((e) => e.message);
  } catch (e) { return e.message; }
}

// Descriptions of what the language itself has are in words of our own; names come in any order.
function plain(value, key) {
  if (Array.isArray(value)) return value.map((v) => plain(v)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).filter(([k]) => k !== 'description').map(([k, v]) => [k, plain(v, k)]).sort());
}

function introspect() {
  const all = { descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true };
  const queries = [js.getIntrospectionQuery(), js.getIntrospectionQuery(all), js.getIntrospectionQuery({ ...all, descriptions: false })];
  const got = ask(queries.map((query) => ({ query })));
  queries.forEach((query, i) => {
    const want = JSON.stringify(plain(js.graphqlSync({ schema, source: query })));
    const mine = JSON.stringify(plain(got[i].body));
    console.log(want === mine ? 'same' : 'different');
    if (want !== mine) console.log(' ours  ', mine, '\n theirs', want);
  });
  // a client can build the schema from it, with words for every field that is not a plain one
  const client = js.buildClientSchema(got[1].body.data);
  console.log(js.findBreakingChanges(schema, client).length + js.findDangerousChanges(schema, client).length === 0 ? 'same' : 'different');
  console.log(js.printSchema(client).includes('"""The event of that id, or null."""') ? 'same' : 'different');
}

async function audit(url) {
  const results = await require('graphql-http').auditServer({ url });
  for (const r of results) if (r.status !== 'ok') console.log(r.status, r.name, r.reason);
  console.log(`${results.filter((r) => r.status === 'ok').length} of ${results.length}`);
}

async function audits() {
  if (tool.startsWith('http:')) return audit(tool);
  const child = spawn(tool, [dataFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()(line.split('\t')));
  const server = createServer((req, res) => {
    const chunks = [];
    req.on('data', (c) => chunks.push(c)).on('end', () => {
      waiting.push(([status, type, allow, body]) => {
        res.writeHead(Number(status), { 'content-type': type, ...(allow !== '-' && { allow }) });
        res.end(body);
      });
      child.stdin.write(JSON.stringify({ method: req.method, parameters: req.url.split('?')[1], content_type: req.headers['content-type'],
        accept: req.headers.accept, body: Buffer.concat(chunks).toString() }) + '\n');
    });
  }).listen(0, '127.0.0.1', async () => {
    await audit(`http://127.0.0.1:${server.address().port}/graphql`);
    server.close();
    server.closeAllConnections();
    child.stdin.end();
  });
}

await { same, introspect, audits }[verb]();
