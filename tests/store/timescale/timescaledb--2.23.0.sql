-- Names, arguments and defaults as TimescaleDB 2.23 has them; where it takes "any", which no function in SQL can, a type
-- that the sink gives.
CREATE TABLE timescaledb_calls (n serial, call text);

CREATE FUNCTION note(text) RETURNS void LANGUAGE sql AS $$ INSERT INTO timescaledb_calls (call) VALUES ($1) $$;

CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, partitioning_column name DEFAULT NULL,
	number_partitions integer DEFAULT NULL, associated_schema_name name DEFAULT NULL, associated_table_prefix name DEFAULT NULL,
	chunk_time_interval anyelement DEFAULT NULL::bigint, create_default_indexes boolean DEFAULT true,
	if_not_exists boolean DEFAULT false, partitioning_func regproc DEFAULT NULL, migrate_data boolean DEFAULT false,
	chunk_target_size text DEFAULT NULL, chunk_sizing_func regproc DEFAULT NULL, time_partitioning_func regproc DEFAULT NULL)
RETURNS TABLE (hypertable_id integer, schema_name name, table_name name, created boolean) LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('stub.refuses', true) = 'on' THEN
		RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = 'functionality not supported here';
	END IF;
	PERFORM note(format('create_hypertable %s %s %s %s %s %s', relation, time_column_name, chunk_time_interval,
		create_default_indexes, if_not_exists, migrate_data));
	RETURN QUERY SELECT 1, 'public'::name, relation::text::name, true;
END $$;

CREATE FUNCTION drop_chunks(relation regclass, older_than timestamptz DEFAULT NULL, newer_than timestamptz DEFAULT NULL,
	"verbose" boolean DEFAULT false, created_before timestamptz DEFAULT NULL, created_after timestamptz DEFAULT NULL)
RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM note(format('drop_chunks %s %s', relation, older_than AT TIME ZONE 'UTC'));
	EXECUTE format('DELETE FROM %s WHERE window_start < $1', relation) USING older_than;
	RETURN NEXT 'chunk';
END $$;

CREATE FUNCTION add_compression_policy(hypertable regclass, compress_after anyelement DEFAULT NULL::interval,
	if_not_exists boolean DEFAULT false, schedule_interval interval DEFAULT NULL, initial_start timestamptz DEFAULT NULL,
	timezone text DEFAULT NULL, compress_created_before interval DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $$ SELECT note('add_compression_policy'); SELECT 1 $$;

CREATE FUNCTION add_continuous_aggregate_policy(continuous_aggregate regclass, start_offset anyelement, end_offset anyelement,
	schedule_interval interval, if_not_exists boolean DEFAULT false, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $$ SELECT note('add_continuous_aggregate_policy'); SELECT 1 $$;
