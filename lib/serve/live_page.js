'use strict';
const PIPELINES_MS = 2000, HEALTH_MS = 5000, NAMES_MS = 30000, POINTS = 60, RATES = 90, SERIES = 5, ROWS = 10, RULES = 64, CARDS = 50;
const SVG = 'http://www.w3.org/2000/svg';
const $ = id => document.getElementById(id);
const sleep = ms => new Promise(done => setTimeout(done, ms));
const jitter = ms => ms * (0.85 + 0.3 * Math.random());

// ---- nodes: those that stay keep their place and their focus, only what has changed is touched
const put = (node, text) => {
	if (node.textContent !== text) node.textContent = text;
	return node;
};
const mark = (node, name) => {
	if (node.getAttribute('class') !== name) node.setAttribute('class', name);
	return node;
};
const add = (parent, tag, text, name) => {
	const node = document.createElement(tag);
	if (text !== undefined) node.textContent = text;
	if (name) node.className = name;
	parent.append(node);
	return node;
};
const draw = (parent, tag, set) => {
	const node = document.createElementNS(SVG, tag);
	for (const [k, v] of Object.entries(set)) node.setAttribute(k, v);
	parent.append(node);
	return node;
};
const picture = (parent, width, height, set) =>
	draw(parent, 'svg', { viewBox: '0 0 ' + width + ' ' + height, preserveAspectRatio: 'none', ...set });
// The children of a node by their keys, in this order; make(key) is asked for those that are new.
const keyed = (parent, keys, make) => {
	const old = new Map([...parent.children].map(node => [node.htaKey, node]));
	keys.forEach((key, i) => {
		let node = old.get(key);
		if (!node) {
			node = make(key);
			node.htaKey = key;
		}
		old.delete(key);
		if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] || null);
	});
	for (const node of old.values()) node.remove();
	return [...parent.children];
};
const rowOf = (row, cells, tag = 'td') => {
	while (row.children.length > cells.length) row.lastChild.remove();
	cells.forEach(([text, name], i) => mark(put(row.children[i] || add(row, tag), text), name || ''));
};

// ---- words
const number = v => typeof v === 'number' ? v.toLocaleString('en', { maximumFractionDigits: 2 }) : v === null || v === undefined ? '–' : String(v);
const age = ms => {
	const s = Math.max(0, ms) / 1000;
	return s < 10 ? s.toFixed(1) + ' s' : s < 120 ? s.toFixed(0) + ' s' : s < 7200 ? (s / 60).toFixed(0) + ' min' : s < 172800 ? (s / 3600).toFixed(0) + ' h' : (s / 86400).toFixed(0) + ' d';
};
const clock = ms => new Date(ms).toLocaleTimeString('en-GB');
const utc = ms => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

// ---- asking: all addresses are relative to this page's, so that it may lie below any prefix
const place = 'hta-key ' + location.pathname;
let key = '';
try {
	key = sessionStorage.getItem(place) || '';
} catch {
	// without storage it is asked for at each load
}
const address = path => new URL(path, location.href.split(/[?#]/)[0]);
const wantKey = status => {
	$('login').hidden = false;
	put($('login-why'), status === 403 ? 'This key may not read here.' : key ? 'This key is not known.' : 'The numbers are for those who have a key with the scope “read”.');
};
const ask = async (path, more = {}) => {
	const headers = { Accept: 'application/json', ...more.headers };
	if (key) headers['X-API-Key'] = key;
	const answer = await fetch(address(path), { cache: 'no-store', signal: AbortSignal.timeout(15000), ...more, headers })
		.catch(() => { throw new Error('The server does not answer.'); });
	if (answer.ok) return answer;
	const told = await answer.json().catch(() => ({}));
	const refused = answer.status === 401 || answer.status === 403;
	if (refused) wantKey(answer.status);
	throw Object.assign(new Error(told.detail || 'the server answers ' + answer.status), { refused });
};
const askJson = async (path, more) => (await ask(path, more)).json();

// ---- life: what belongs to an earlier round stops by itself
let round = 0;
const seen = { begun: 0, pipelines: 0, live: 0, push: 5000 };
const every = async (mine, ms, act, fails) => {
	while (mine === round) {
		try {
			await act();
			if (mine === round) fails('');
		} catch (why) {
			if (mine === round) fails(why.refused ? '' : why.message || String(why));
		}
		await sleep(jitter(ms));
	}
};

// ---- pipelines
const rates = new Map();
// Records a second since the look before, and those of the last minutes.
const rateOf = (stage, now) => {
	const id = stage.pid + stage.started;
	const was = rates.get(id);
	const c = stage.counters;
	const next = { at: now, in: c.records_in + c.rows_in, out: c.records_out + c.rows_out, list: was ? was.list : [], used: now };
	if (was && now > was.at) {
		const s = (now - was.at) / 1000;
		next.rate = { in: Math.max(0, next.in - was.in) / s, out: Math.max(0, next.out - was.out) / s };
		next.list = [...was.list, next.rate.in].slice(-RATES);
	} else if (was) {
		return { ...was, used: now };
	}
	rates.set(id, next);
	return next;
};

// ---- intakes: what they told in the last minute tells rates and how long posts took
const MINUTE = 60000, RATE_MS = 6000, ENDED_MS = 3600000;
const minutes = new Map();
const bytes = n => n < 1024 ? n + ' B' : n < 1 << 20 ? (n / 1024).toFixed(0) + ' KiB' : n < 1 << 30 ? (n / (1 << 20)).toFixed(1) + ' MiB' : (n / (1 << 30)).toFixed(2) + ' GiB';
const minuteOf = told => {
	const at = Date.parse(told.now.at);
	let list = minutes.get(told.log) || [];
	if (list.length && list[0].pid !== told.now.pid) list = [];
	if (!list.length || list.at(-1).time !== at) list = [...list, { ...told.now, time: at }];
	list = list.filter(t => at - t.time <= MINUTE);
	minutes.set(told.log, list);
	return list;
};
const rateOfPosts = (list, now) => {
	const last = list.at(-1), first = list.find(t => last.time - t.time <= RATE_MS);
	if (now - last.time > RATE_MS) return 0;
	return first === last ? null : (last.posts - first.posts) * 1000 / (last.time - first.time);
};
const quantile = (list, q) => {
	const { ms, n } = list.at(-1).ack;
	const counts = n.map((v, i) => v - list[0].ack.n[i]);
	let left = Math.ceil(q * counts.reduce((a, b) => a + b, 0));
	if (!left) return '–';
	const i = counts.findIndex(v => (left -= v) <= 0);
	const text = bound => bound < 1000 ? bound + ' ms' : bound / 1000 + ' s';
	return i < ms.length ? '≤ ' + text(ms[i]) : '> ' + text(ms.at(-1));
};
const showIntake = (card, told, several, now) => {
	const list = minuteOf(told), last = list.at(-1), [head, words, facts] = card.children;
	const look = last.log_full ? 'bad' : told.alive ? 'good' : '';
	const rate = told.alive ? rateOfPosts(list, now) : null;
	const grows = name => last[name] > list[0][name];
	mark(card, 'card ' + look);
	put(head, 'Intake of ' + told.now.topic + (several ? ', log ' + told.log.slice(0, 8) : ''));
	put(words, signs[look] + ' ' + (!told.alive ? 'is not running, told last ' + age(now - last.time) + ' ago' : last.log_full ? 'log full: events are refused' : 'takes events'));
	mark(words, 'state ' + look);
	fact(facts, 'Posts/s', number(rate === null ? null : Math.round(10 * rate) / 10));
	fact(facts, 'Ack p50', quantile(list, 0.5));
	fact(facts, 'Ack p99', quantile(list, 0.99));
	fact(facts, '4xx', number(last.client_errors), grows('client_errors'));
	fact(facts, '5xx', number(last.server_errors), grows('server_errors'));
	fact(facts, 'Log', bytes(last.log_bytes), last.log_full);
};
const showIntakes = (all, now) => {
	const list = all.filter(t => t.alive || now - Date.parse(t.now.at) < ENDED_MS).sort((a, b) => b.alive - a.alive).slice(0, CARDS);
	keyed($('intakes'), list.map(t => t.log), makeCard).forEach((card, i) => showIntake(card, list[i], list.length > 1, now));
	for (const log of minutes.keys()) if (!list.some(t => t.log === log)) minutes.delete(log);
};
const rank = p => p.state === 'falling behind' || (p.failed && p.state === 'stopped') ? 0 : p.state === 'keeping up' ? 1 : 2;
const looks = p => p.state === 'keeping up' ? 'good' : p.state === 'falling behind' ? 'warn' : p.failed ? 'bad' : '';
const signs = { good: '●', warn: '▲', bad: '✖', '': '■' };
const sum = (p, name) => p.stages.reduce((n, s) => n + (s.counters[name] || 0), 0);
const nameOf = p => p.pipeline + ' ' + p.inc + ' ' + p.stages[0].pid;

const makeCard = () => {
	const card = document.createElement('article');
	add(card, 'h3');
	add(card, 'p');
	add(card, 'dl');
	add(card, 'p', '', 'bad');
	return card;
};
const fact = (list, name, value, some) => {
	let dd = [...list.children].find(node => node.dataset.name === name);
	if (!dd) {
		const box = add(list, 'div');
		box.dataset.name = name;
		add(box, 'dt', name);
		add(box, 'dd');
		dd = box;
	}
	mark(put(dd.lastChild, value), some ? 'some' : '');
};
const showCard = (card, p, now) => {
	const look = looks(p), [head, words, list, error] = card.children;
	const acked = Math.max(0, ...p.stages.map(s => s.counters.last_ack_us || 0)) / 1000;
	const flight = p.stages.reduce((n, s) => n + (s.counters.epochs_in_flight || 0), 0);
	mark(card, 'card ' + look);
	put(head, p.pipeline);
	put(words, signs[look] + ' ' + p.sentence.slice(p.sentence.startsWith(p.pipeline + ': ') ? p.pipeline.length + 2 : 0));
	mark(words, 'state ' + look);
	fact(list, 'Lag', p.lag_records === null ? '–' : number(p.lag_records) + ' records', p.lag_records > 0);
	fact(list, 'Lag in time', p.lag_us === null ? '–' : age(p.lag_us / 1000), p.lag_us > 1e7);
	fact(list, 'Acknowledged', acked ? age(now - acked) + ' ago' : '–');
	fact(list, 'Epochs in flight', p.acknowledged ? number(flight) : '–');
	for (const [name, counter] of [['Late', 'late'], ['Dead', 'dead'], ['Duplicate', 'duplicate'], ['Lost', 'lost']])
		fact(list, name, number(sum(p, counter)), sum(p, counter) > 0);
	put(error, p.stages.filter(s => s.error).map(s => s.program + ': ' + s.error).join('\n'));
};
const spark = (svg, list) => {
	const most = Math.max(1e-9, ...list);
	const points = list.map((v, i) => (RATES - list.length + i) * 100 / (RATES - 1) + ' ' + (19 - 18 * v / most));
	svg.firstChild.setAttribute('d', points.length ? 'M' + points.join('L') : '');
};
const makeStages = () => {
	const box = document.createElement('div');
	box.className = 'wide';
	const table = add(box, 'table');
	add(table, 'caption');
	const head = add(add(table, 'thead'), 'tr');
	for (const name of ['Stage', 'State', 'In/s', 'Out/s', 'In, last minutes', 'In', 'Out', 'Late', 'Dead', 'Duplicate'])
		add(head, 'th', name, /Stage|State|last/.test(name) ? '' : 'n').scope = 'col';
	add(table, 'tbody');
	box.tabIndex = 0;
	return box;
};
const makeStage = () => {
	const row = document.createElement('tr');
	for (let i = 0; i < 10; i++) add(row, i ? 'td' : 'th', '', i === 4 || i < 2 ? '' : 'n');
	row.firstChild.scope = 'row';
	draw(picture(row.children[4], 100, 20, { class: 'spark', 'aria-hidden': 'true' }), 'path', { d: '' });
	return row;
};
const showStage = (row, s, now) => {
	const c = s.counters, r = rateOf(s, now), cell = row.children;
	const rate = s.alive && r.rate ? r.rate : { in: null, out: null };
	[s.program, s.state, number(rate.in), number(rate.out), null, number(c.records_in + c.rows_in), number(c.records_out + c.rows_out), number(c.late), number(c.dead),
		number(c.duplicate)].forEach((text, i) => text === null || put(cell[i], text));
	mark(cell[1], s.alive || s.state === 'done' ? '' : 'bad');
	spark(cell[4].firstChild, r.list);
};
const showPipelines = told => {
	const now = Date.parse(told.time);
	const list = told.pipelines.filter(p => p.stages.some(s => s.program !== 'hta-serve')).sort((a, b) => rank(a) - rank(b)).slice(0, CARDS);
	const names = list.map(nameOf);
	seen.pipelines = Date.now();
	showIntakes(told.intakes, now);
	keyed($('health'), names, makeCard).forEach((card, i) => showCard(card, list[i], now));
	keyed($('stages'), names, makeStages).forEach((box, i) => {
		put(box.firstChild.caption, list[i].pipeline);
		box.setAttribute('aria-label', 'stages of ' + list[i].pipeline);
		keyed(box.firstChild.tBodies[0], list[i].stages.map(s => s.pid + s.started), makeStage)
			.forEach((row, k) => showStage(row, list[i].stages[k], now));
	});
	for (const [id, r] of rates) if (r.used !== now) rates.delete(id);
	return list.length;
};
const lookAtPipelines = async () => {
	if (!showPipelines(await askJson('pipelines'))) throw new Error('No pipeline is in the run folder: --run of hta-serve names theirs.');
};
const lookAtHealth = async () => {
	const told = await askJson('health');
	const bad = Object.entries(told.stores).filter(([, how]) => how !== 'ok');
	put($('store'), Object.entries(told.stores).map(([name, how]) => (how === 'ok' ? '● ' : '✖ ') + name + ': ' + how).join(', ') +
		(told.status === 'ok' ? '' : '; the server is ' + told.status));
	mark($('store'), bad.length ? 'bad' : 'good');
};

// ---- rules
const rules = new Map();
const spans = { s: 1000, m: 60000, h: 3600000, d: 86400000 };
const widthOf = text => {
	const parts = [...String(text).matchAll(/(\d+)(ms|[smhd])/g)];
	return parts.reduce((n, [, count, unit]) => n + count * (spans[unit] || 1), 0) || 3600000;
};
const lengthText = ms => {
	const [unit, n] = Object.entries(spans).reverse().find(([, n]) => ms % n === 0) || ['ms', 1];
	return ms / n + unit;
};
const dimsText = dims => dims.length ? dims.map(v => v === null ? '–' : String(v)).join(' · ') : 'all';
const newRule = metric => ({
	...metric, width: widthOf(metric.window), rows: [], at: 0, values: [], series: new Map(), asked: 0, box: null,
});
// A metric of a plain stream has no definition: its newest window tells its dimensions and its length.
const learn = async rule => {
	const told = await askJson('latest?limit=1&metric=' + encodeURIComponent(rule.name));
	rule.dims = Object.keys(told.rows[0]?.dims ?? {});
	rule.width = Date.parse(told.window_end) - Date.parse(told.window_start) || rule.width;
	rule.window = lengthText(rule.width);
	rule.series.clear();
	showRule(rule);
};
const QUERY = { query: '{ metrics { name window dims } }' };
const lookAtNames = async () => {
	const told = await askJson('graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(QUERY) });
	if (told.errors) throw new Error(told.errors[0].message);
	const all = new Map(told.data.metrics.map(m => [m.name, m]));
	const names = [...all.keys()].slice(0, RULES);
	const before = [...rules.keys()].join();
	for (const name of rules.keys()) if (!names.includes(name)) rules.delete(name);
	for (const name of names) if (!rules.has(name)) rules.set(name, newRule(all.get(name)));
	put($('rules-none'), names.length === 0 ? 'The store has no rows yet.' : all.size > RULES ? 'The first ' + RULES + ' of ' + all.size + ' rules.' : '');
	const nodes = keyed($('rule-list'), names, name => makeRule(rules.get(name)));
	if (before === '') nodes.slice(0, 6).forEach(node => { node.open = true; });
	if (before !== names.join()) live.changed();
	for (const rule of rules.values()) if (!rule.window) await learn(rule).catch(() => {});
};
const makeRule = rule => {
	const box = document.createElement('details');
	const head = add(box, 'summary');
	box.className = 'rule';
	add(head, 'b', rule.name);
	add(head, 'span', 'no window yet', 'quiet');
	const pair = add(box, 'div', undefined, 'pair');
	const top = add(pair, 'div', undefined, 'wide');
	const table = add(top, 'table');
	add(table, 'caption', 'Top keys');
	add(add(table, 'thead'), 'tr');
	add(table, 'tbody');
	const figure = add(pair, 'figure');
	const scale = add(figure, 'div', undefined, 'scale');
	add(scale, 'span');
	const svg = picture(figure, 1000, 100, { class: 'chart', tabindex: '0', role: 'img' });
	const ends = add(figure, 'div', undefined, 'scale');
	add(ends, 'span');
	add(ends, 'span');
	const legend = add(figure, 'ul', undefined, 'legend');
	const said = add(figure, 'figcaption', 'Arrow keys tell the numbers of a window.', 'quiet');
	said.setAttribute('aria-live', 'polite');
	const text = add(figure, 'details');
	add(text, 'summary', 'The chart as a table');
	const lines = add(add(text, 'div', undefined, 'wide'), 'table');
	add(add(lines, 'thead'), 'tr');
	add(lines, 'tbody');
	rule.box = { box, head, table, scale, svg, ends, legend, said, text, lines };
	rule.cursor = -1;
	svg.addEventListener('keydown', event => {
		const step = { ArrowLeft: -1, ArrowRight: 1, Home: -POINTS, End: POINTS }[event.key];
		if (!step) return;
		event.preventDefault();
		const from = rule.cursor < 0 ? POINTS : rule.cursor;
		point(rule, Math.min(POINTS - 1, Math.max(0, from + step)));
	});
	svg.addEventListener('pointermove', event => {
		const at = svg.getBoundingClientRect();
		point(rule, Math.min(POINTS - 1, Math.max(0, Math.round((event.clientX - at.left) / at.width * (POINTS - 1)))));
	});
	for (const node of [box, text]) node.addEventListener('toggle', () => showRule(rule));
	return box;
};
const point = (rule, i) => {
	rule.cursor = i;
	const at = rule.at - (POINTS - 1 - i) * rule.width;
	put(rule.box.said, utc(at) + ' UTC: ' + (topKeys(rule).map(k => k.text + ' ' + number(rule.series.get(k.text)?.get(at))).join(', ') || 'nothing'));
	showChart(rule);
};
const topKeys = rule => rule.rows.slice(0, SERIES).map(row => {
	const dims = row.slice(1, 1 + rule.dims.length);
	return { dims, text: dimsText(dims) };
});
const showTop = rule => {
	const { table } = rule.box, n = rule.dims.length, rows = rule.rows.slice(0, ROWS);
	const values = Math.max(1, ...rows.map(row => row.length - 1 - n));
	const names = Array.from({ length: values }, (_, i) => rule.values[i] || (values === 1 ? 'value' : 'value ' + (i + 1)));
	const most = Math.max(1e-9, ...rows.map(row => Math.abs(Number(row[1 + n])) || 0));
	const heads = [...rule.dims.map(d => [d]), ...names.map(v => [v, 'n']), ['', 'bar']];
	rowOf(table.tHead.rows[0], heads, 'th');
	keyed(table.tBodies[0], rows.map((_, i) => i), () => document.createElement('tr')).forEach((tr, i) => {
		const cells = rows[i].slice(1).map((v, k) => [number(v), k < n ? '' : 'n']);
		const bar = tr.htaBar || picture(document.createElement('span'), 100, 10, { 'aria-hidden': 'true' });
		rowOf(tr, cells);
		if (!tr.htaBar) draw(bar, 'rect', { x: 0, y: 0, height: 10, width: 0 });
		tr.htaBar = bar;
		bar.firstChild.setAttribute('width', 100 * Math.abs(Number(rows[i][1 + n]) || 0) / most);
		mark(add(tr, 'td'), 'bar').append(bar);
	});
};
// A line for each key: windows beside each other are joined, one by itself is a dot.
const lineOf = (points, rule, low, high) => {
	let path = '', joined = false;
	for (let i = 0; i < POINTS; i++) {
		const v = points.get(rule.at - (POINTS - 1 - i) * rule.width);
		if (typeof v !== 'number') {
			joined = false;
			continue;
		}
		const x = i * 1000 / (POINTS - 1), y = 98 - 96 * (v - low) / (high - low || 1);
		path += joined ? 'L' + x + ' ' + y : 'M' + x + ' ' + y + 'h.1';
		joined = true;
	}
	return path;
};
const showChart = rule => {
	const { scale, svg, ends, legend } = rule.box, keys = topKeys(rule), first = rule.at - (POINTS - 1) * rule.width;
	const inside = keys.flatMap(k => [...(rule.series.get(k.text) || [])].filter(([at, v]) => at >= first && typeof v === 'number').map(([, v]) => v));
	const low = Math.min(0, ...inside), high = Math.max(low + 1e-9, ...inside);
	put(scale.firstChild, inside.length ? number(high) : '');
	put(ends.firstChild, utc(first) + ' UTC');
	put(ends.lastChild, utc(rule.at).slice(11) + ' UTC');
	svg.replaceChildren();
	keys.forEach((k, i) => draw(svg, 'path', { class: 's' + i, d: lineOf(rule.series.get(k.text) || new Map(), rule, low, high) }));
	if (rule.cursor >= 0) draw(svg, 'line', { x1: rule.cursor * 1000 / (POINTS - 1), x2: rule.cursor * 1000 / (POINTS - 1), y1: 0, y2: 100 });
	svg.setAttribute('aria-label', rule.name + ', ' + POINTS + ' windows of ' + lengthText(rule.width) + ' until ' + utc(rule.at) + ' UTC, highest ' + number(high));
	keyed(legend, keys.map((k, i) => i + k.text), text => {
		const item = document.createElement('li');
		draw(picture(item, 40, 10, { 'aria-hidden': 'true' }), 'path', { class: 's' + text[0], d: 'M0 5H40' });
		add(item, 'span', text.slice(1));
		return item;
	});
};
const showLines = rule => {
	const { lines } = rule.box, keys = topKeys(rule);
	const times = Array.from({ length: POINTS }, (_, i) => rule.at - i * rule.width).filter(at => keys.some(k => rule.series.get(k.text)?.has(at)));
	rowOf(lines.tHead.rows[0], [['Window, UTC'], ...keys.map(k => [k.text, 'n'])], 'th');
	keyed(lines.tBodies[0], times, () => document.createElement('tr'))
		.forEach((tr, i) => rowOf(tr, [[utc(times[i])], ...keys.map(k => [number(rule.series.get(k.text)?.get(times[i])), 'n'])]));
};
const showRule = rule => {
	if (!rule.at) return;
	const { box, head, text } = rule.box;
	put(head.lastChild, utc(rule.at) + ' UTC, ' + (rule.window ? rule.window + ': ' : '') + number(rule.rows.length) + (rule.rows.length === 1 ? ' row' : ' rows'));
	if (!box.open) return;
	showTop(rule);
	showChart(rule);
	if (text.open) showLines(rule);
	fillChart(rule).catch(() => { rule.filled = ''; });
};
// What windows before had, of the keys that are on top now: asked for when they or the window change.
const fillChart = async rule => {
	const keys = topKeys(rule), what = rule.at + keys.map(k => k.text).sort().join('\n');
	if (rule.filled === what || Date.now() - rule.asked < 3000) return;
	rule.filled = what;
	rule.asked = Date.now();
	for (const k of keys) {
		const dims = Object.fromEntries(rule.dims.map((name, i) => [name, k.dims[i]]).filter(([, v]) => v !== null));
		const told = await askJson('stats?times=zulu&limit=' + 4 * POINTS + '&rule_id=' + encodeURIComponent(rule.name) +
			'&start_time=' + new Date(rule.at - POINTS * rule.width).toISOString() + '&end_time=' + new Date(rule.at + 1).toISOString() +
			(Object.keys(dims).length ? '&dims=' + encodeURIComponent(JSON.stringify(dims)) : ''));
		const points = new Map();
		for (const row of told.data) {
			rule.values = Object.keys(row).filter(name => name !== 'window_start' && !rule.dims.includes(name));
			if (rule.dims.every((name, i) => (row[name] ?? null) === k.dims[i])) points.set(Date.parse(row.window_start), row[rule.values[0]]);
		}
		rule.series.set(k.text, points);
	}
	for (const name of rule.series.keys()) if (!keys.some(k => k.text === name)) rule.series.delete(name);
	showTop(rule);
	showChart(rule);
	if (rule.box.text.open) showLines(rule);
};

// ---- live statistics: WebSocket; where that is not to be had events; else the latest by GET
const take = told => {
	for (const frame of [told].flat()) {
		const rule = rules.get(frame.rule_id);
		if (frame.error) put($('rules-trouble'), frame.error.detail || frame.error.title);
		if (!rule) continue;
		seen.live = Date.now();
		put($('rules-trouble'), '');
		rule.rows = frame.data;
		if (!frame.data.length) continue;
		rule.at = Date.parse(frame.data[0][0] + 'Z');
		for (const k of topKeys(rule)) {
			const row = frame.data.find(r => dimsText(r.slice(1, 1 + rule.dims.length)) === k.text);
			if (rule.series.has(k.text)) rule.series.get(k.text).set(rule.at, row[1 + rule.dims.length]);
		}
		showRule(rule);
	}
};
const wanted = () => [...rules.keys()];
const latest = () => 'live-stats?rules=' + wanted().map(encodeURIComponent).join();
const base64url = text => btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const bySocket = mine => new Promise(done => {
	const to = address('live-stats');
	to.protocol = to.protocol === 'https:' ? 'wss:' : 'ws:';
	const socket = new WebSocket(to, key ? ['hta.live', 'hta.key.' + base64url(key)] : ['hta.live']);
	const late = setTimeout(() => socket.close(), 5000);
	let heard = false;
	live.close = () => socket.close();
	live.changed = () => socket.readyState === 1 && socket.send(JSON.stringify({ subscribe_rules: wanted() }));
	socket.onopen = () => {
		clearTimeout(late);
		live.changed();
	};
	socket.onmessage = event => {
		heard = true;
		live.works(mine);
		take(JSON.parse(event.data));
	};
	socket.onclose = () => {
		clearTimeout(late);
		done(heard);
	};
});
const byEvents = async mine => {
	const stop = new AbortController();
	live.close = live.changed = () => stop.abort();
	const answer = await ask(latest(), { headers: { Accept: 'text/event-stream' }, signal: stop.signal });
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let left = '', heard = false;
	try {
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return heard;
			const events = (left + value).split('\n\n');
			left = events.pop();
			for (const line of events.flatMap(e => e.split('\n')).filter(l => l.startsWith('data: '))) {
				heard = true;
				live.works(mine);
				take(JSON.parse(line.slice(6)));
			}
		}
	} catch {
		return heard;
	}
};
const byGet = async mine => {
	let over = false;
	live.close = live.changed = () => { over = true; };
	for (let i = 0; i < 12 && !over && mine === round; i++) {
		take(await askJson(latest()));
		live.works(mine);
		await sleep(jitter(seen.push));
	}
	return true;
};
const ways = [[bySocket, 'WebSocket'], [byEvents, 'events'], [byGet, 'polling']];
const live = {
	close() {}, changed() {}, way: 0, how: '',
	works(mine) { if (mine === round) live.how = ways[live.way][1]; },
};
const follow = async mine => {
	let failed = 0;
	live.way = 0;
	while (mine === round) {
		if (!rules.size) {
			await sleep(500);
			continue;
		}
		const heard = await ways[live.way][0](mine).catch(() => false);
		live.close = live.changed = () => {};
		if (mine !== round) return;
		live.how = '';
		live.way = heard ? 0 : (live.way + 1) % ways.length;
		failed = heard ? 0 : failed + 1;
		await sleep(jitter(heard ? 500 : Math.min(30000, 250 * 2 ** Math.max(0, failed - ways.length + 1))));
	}
};

// ---- what is told of the connection
const judge = () => {
	if (document.hidden) return;
	const now = Date.now();
	const parts = [['pipelines', PIPELINES_MS]].concat(rules.size ? [['live', seen.push]] : []);
	const old = parts.map(([name, ms]) => [seen[name] || seen.begun, ms]).filter(([at, ms]) => now - at > 2 * ms + 1500);
	const since = Math.min(...old.map(([at]) => at));
	$('stale').hidden = !old.length;
	document.body.className = old.length ? 'stale' : '';
	if (old.length) put($('stale'), 'Stale since ' + clock(since));
	put($('link'), live.how ? 'Live by ' + live.how : rules.size ? 'Connecting' : 'No rules yet');
	put($('seen'), seen.pipelines || seen.live ? 'seen ' + clock(Math.max(seen.pipelines, seen.live)) : '');
	if (rules.size && now - (seen.live || seen.begun) > 3 * seen.push + 1500) live.close();
};
const begin = () => {
	const mine = ++round;
	seen.begun = Date.now();
	every(mine, HEALTH_MS, lookAtHealth, why => why && mark(put($('store'), '✖ ' + why), 'bad'));
	every(mine, PIPELINES_MS, lookAtPipelines, why => put($('trouble'), why));
	every(mine, NAMES_MS, lookAtNames, why => put($('rules-trouble'), why));
	askJson('limits').then(told => { seen.push = told.push_ms; }).catch(() => {});
	follow(mine);
	judge();
};
const end = () => {
	round++;
	live.close();
};
$('login').addEventListener('submit', event => {
	event.preventDefault();
	key = $('key').value.trim();
	$('key').value = '';
	$('login').hidden = true;
	try {
		sessionStorage.setItem(place, key);
	} catch {
		// it is known as long as the page stays
	}
	end();
	begin();
});
document.addEventListener('visibilitychange', () => document.hidden ? end() : begin());
setInterval(judge, 1000);
if (!document.hidden) begin();
