'use strict';
const by = id => document.getElementById(id);
const add = (parent, tag, text, name) => {
	const node = document.createElement(tag);
	if (text !== undefined) node.textContent = text;
	if (name) node.className = name;
	parent.append(node);
	return node;
};

// The status, and the text as JSON of two blanks where it is JSON.
const ask = async body => {
	const headers = { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json;q=0.9' };
	if (by('key').value) headers.Authorization = 'Bearer ' + by('key').value;
	const answer = await fetch('graphql', { method: 'POST', headers, body: JSON.stringify(body) });
	const text = await answer.text();
	let json = null;
	try {
		json = JSON.parse(text);
	} catch { /* it is shown as it is */ }
	return { status: answer.status, text: json ? JSON.stringify(json, null, 2) : text, json };
};

const say = (text, bad) => {
	by('state').textContent = text;
	by('state').className = bad ? 'bad' : 'quiet';
};

const run = async () => {
	let variables = null;
	try {
		variables = JSON.parse(by('variables').value.trim() || '{}');
	} catch (why) {
		say('Variables: ' + why.message, true);
		return;
	}
	say('Asked ..');
	const began = performance.now();
	try {
		const answer = await ask({ query: by('query').value, variables });
		const errors = answer.json?.errors?.length;
		say(answer.status + ' in ' + Math.round(performance.now() - began) + ' ms' + (errors ? ', with errors' : ''), answer.status !== 200 || errors);
		by('answer').textContent = answer.text;
	} catch (why) {
		say('No answer: ' + why.message, true);
	}
};

// ---- the schema
const TYPE = 'kind name ofType { kind name ofType { kind name ofType { kind name } } }';
const INPUT = 'name description defaultValue type { ' + TYPE + ' }';
const SCHEMA = '{ __schema { description queryType { name } types { kind name description specifiedByURL ' +
	'fields { name description args { ' + INPUT + ' } type { ' + TYPE + ' } } } } }';

const typed = type => type.kind === 'NON_NULL' ? typed(type.ofType) + '!' : type.kind === 'LIST' ? '[' + typed(type.ofType) + ']' : type.name;
const argument = a => a.name + ': ' + typed(a.type) + (a.defaultValue === null ? '' : ' = ' + a.defaultValue);

const showType = (type, open) => {
	const box = add(by('types'), 'details');
	box.open = open;
	add(add(box, 'summary'), 'code', type.kind === 'SCALAR' ? 'scalar ' + type.name : 'type ' + type.name);
	if (type.description) add(box, 'p', type.description);
	const list = add(box, 'dl');
	for (const f of type.fields || []) {
		const args = f.args.length ? '(' + f.args.map(argument).join(', ') + ')' : '';
		add(add(list, 'dt'), 'code', f.name + args + ': ' + typed(f.type));
		if (f.description) add(list, 'dd', f.description);
	}
};

const showSchema = async () => {
	by('types').replaceChildren();
	try {
		const answer = await ask({ query: SCHEMA });
		const schema = answer.json?.data?.__schema;
		if (!schema) {
			by('schema').textContent = 'It is not told: ' + (answer.json?.errors?.[0]?.message ?? answer.json?.detail ?? answer.status);
			return;
		}
		by('schema').textContent = schema.description ?? '';
		const types = schema.types.filter(t => !t.name.startsWith('__') && !['Int', 'Float', 'String', 'Boolean', 'ID'].includes(t.name));
		for (const t of types.filter(t => t.name === schema.queryType.name)) showType(t, true);
		for (const t of types.filter(t => t.kind === 'OBJECT' && t.name !== schema.queryType.name)) showType(t, false);
		for (const t of types.filter(t => t.kind === 'SCALAR' && t.description)) showType(t, false);
	} catch (why) {
		by('schema').textContent = 'It cannot be asked for: ' + why.message;
	}
};

const given = new URLSearchParams(location.search);
by('query').value = given.get('query') ?? '{\n  metrics {\n    name\n    window\n    dims\n  }\n}\n';
if (given.get('variables')) by('variables').value = given.get('variables');
by('form').addEventListener('submit', event => {
	event.preventDefault();
	run();
});
by('form').addEventListener('keydown', event => {
	if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run();
});
by('key').addEventListener('change', showSchema);
showSchema();
