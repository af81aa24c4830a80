// DuckDB for tests/cli/duckdb.py: reads a JSON array of statements, answers with a line of JSON a statement: its rows.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
const { DuckDBInstance } = createRequire(process.env.BENCH_MODULES + '/')('@duckdb/node-api');
const c = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
for (const sql of JSON.parse(readFileSync(0)))
  console.log(JSON.stringify((await c.runAndReadAll(sql)).getRowsJson()));
