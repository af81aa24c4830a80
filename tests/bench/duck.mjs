// DuckDB on the benchmark's tasks: node duck.mjs TASK FILE THREADS. FILE may be /dev/stdin. Typed columns, as its manual recommends for speed.
// Writes start,dimensions,count,sum[,distinct] as CSV, ordered.
import { createRequire } from 'node:module';
const { DuckDBInstance } = createRequire(process.env.BENCH_MODULES + '/')('@duckdb/node-api');
const [task, file, threads] = process.argv.slice(2);
const read = (columns) => `read_json('${file}', format = 'newline_delimited', columns = {ts: 'TIMESTAMP', ${columns}})`;
const minute = `strftime(time_bucket(interval 1 minute, ts), '%Y-%m-%dT%H:%M:%SZ')`;
const sql = {
  t1: `select ${minute} w, endpoint, status, count(*) n, sum(latency_ms) s from ${read("endpoint: 'VARCHAR', status: 'INTEGER', latency_ms: 'DECIMAL(18,3)'")} group by all order by all`,
  t2: `select ${minute} w, customer, count(*) n, sum(payload.price) s, count(distinct user_id) u from ${read("customer: 'VARCHAR', user_id: 'VARCHAR', payload: 'STRUCT(price DECIMAL(18,2))'")} group by all order by all`,
}[task];
const db = await DuckDBInstance.create(':memory:', { threads });
const c = await db.connect();
await c.run(`copy (${sql}) to '/dev/stdout' (format csv, header false)`);
