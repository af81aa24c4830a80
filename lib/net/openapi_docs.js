'use strict';
const add = (parent, tag, text, name) => {
	const node = document.createElement(tag);
	if (text !== undefined) node.textContent = text;
	if (name) node.className = name;
	parent.append(node);
	return node;
};
const pretty = value => JSON.stringify(value, null, 2);
const at = (root, ref) => ref.slice(2).split('/').reduce((v, k) => v[k], root);
// A schema with what it refers to in the place of the reference.
const whole = (root, value, depth = 0) => {
	if (Array.isArray(value)) return value.map(v => whole(root, v, depth));
	if (value === null || typeof value !== 'object') return value;
	if (typeof value.$ref === 'string' && value.$ref.startsWith('#/components/') && depth < 8)
		return whole(root, at(root, value.$ref), depth + 1);
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, whole(root, v, depth)]));
};
const example = schema => {
	if (!schema || typeof schema !== 'object') return null;
	if (schema.examples) return schema.examples[0];
	if (schema.enum) return schema.enum[0];
	if (schema.anyOf || schema.oneOf) return example((schema.anyOf || schema.oneOf)[0]);
	const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
	if (type === 'object')
		return Object.fromEntries(Object.entries(schema.properties || {})
			.filter(([k]) => (schema.required || []).includes(k)).map(([k, v]) => [k, example(v)]));
	if (type === 'array') return [example(schema.items)];
	return { string: 'text', integer: 1, number: 1, boolean: true }[type] ?? null;
};
const key = () => document.getElementById('key').value;
const quoted = text => "'" + text.replaceAll("'", "'\\''") + "'";

const show = (root, path, method, op, place) => {
	const box = add(place, 'details');
	const head = add(box, 'summary');
	add(head, 'span', method.toUpperCase(), 'method');
	add(head, 'code', path);
	add(head, 'span', ' ' + (op.summary || ''), 'quiet');
	box.id = op.operationId;
	if (op.description) add(box, 'p', op.description);
	if (op.security) add(box, 'p', 'A key with the scope ' + op.security[0].bearer[0] + '.');
	if (op.parameters) {
		const table = add(box, 'table');
		for (const p of op.parameters) {
			const row = add(table, 'tr');
			add(add(row, 'td'), 'code', p.name);
			add(row, 'td', p.in);
			add(row, 'td', p.description || '');
		}
	}
	const types = op.requestBody ? Object.keys(op.requestBody.content) : [];
	const schema = types.length ? whole(root, op.requestBody.content[types[0]].schema) : null;
	if (schema) {
		add(box, 'p', 'Body: ' + types.join(', '));
		add(box, 'pre', pretty(schema));
	}
	const answers = add(box, 'table');
	for (const [status, answer] of Object.entries(op.responses)) {
		const row = add(answers, 'tr');
		add(row, 'th', status);
		add(row, 'td', whole(root, answer).description);
	}
	const url = () => new URL('.' + target.value, location.href);
	const target = add(box, 'input');
	target.value = path;
	target.setAttribute('aria-label', 'path');
	const body = schema ? add(box, 'textarea', pretty(example(schema))) : null;
	if (body) body.setAttribute('aria-label', 'body');
	const curl = add(box, 'pre');
	const write = () => {
		curl.textContent = 'curl' + (method === 'get' ? '' : ' -X ' + method.toUpperCase()) +
			(op.security && key() ? " -H 'X-API-Key: ...'" : '') +
			(body ? ' -H ' + quoted('Content-Type: ' + types[0]) + ' -d ' + quoted(body.value) : '') + ' ' + quoted(url().href);
	};
	for (const node of [target, body]) if (node) node.addEventListener('input', write);
	box.addEventListener('toggle', write);
	const result = document.createElement('pre');
	add(box, 'button', 'Try it').addEventListener('click', async () => {
		const headers = body ? { 'Content-Type': types[0] } : {};
		if (key()) headers['X-API-Key'] = key();
		try {
			const answer = await fetch(url(), { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
			result.textContent = answer.status + '\n' + await answer.text();
		} catch (why) {
			result.textContent = String(why);
		}
		box.append(result);
	});
};

fetch('openapi.json').then(answer => answer.json()).then(root => {
	document.title = root.info.title;
	document.getElementById('title').textContent = root.info.title;
	document.getElementById('text').textContent = root.info.description + ' (' + root.info.version + ')';
	const place = document.getElementById('operations');
	for (const [path, methods] of Object.entries(root.paths))
		for (const [method, op] of Object.entries(methods)) show(root, path, method, op, place);
	const problems = add(document.getElementById('problems'), 'table');
	for (const p of root['x-problems']) {
		const row = add(problems, 'tr');
		row.id = p.code;
		add(row, 'th', p.status);
		add(add(row, 'td'), 'code', p.code);
		add(row, 'td', p.text);
	}
	document.getElementById('wait').remove();
	document.getElementById(location.hash.slice(1))?.scrollIntoView();
}).catch(why => {
	document.getElementById('wait').textContent = 'openapi.json cannot be read: ' + why;
});
