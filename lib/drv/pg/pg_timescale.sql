-- Makes a table of rollups a hypertable of TimescaleDB, in chunks of a day, compressed after a week,
-- with hours as a continuous aggregate, TABLE_1h. What this server's edition or version does not
-- have is left out: the text says what and why. NULL: nothing was. What is there stays as it is.
-- Rows go by drop_chunks (hta_purge) and not by a policy of TimescaleDB's, for those who write must
-- know the mark. The aggregate is refreshed within what is kept, since refreshing what is gone
-- would take it out of there too.
CREATE OR REPLACE FUNCTION hta_timescale(a_rollups text, a_table regclass, a_hours text)
RETURNS text LANGUAGE plpgsql AS $hta$
DECLARE
	version text;
	licence text := coalesce(current_setting('timescaledb.license', true), 'unknown');
	kept interval;
	since interval := interval '3 days';
BEGIN
	SELECT extversion INTO version FROM pg_extension WHERE extname = 'timescaledb';
	SELECT keep INTO kept FROM hta_retention WHERE rollups = a_rollups;
	IF (SELECT relkind = 'p' FROM pg_class WHERE oid = a_table) THEN
		RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = format('table %s has partitions, and cannot become '
			'a hypertable: give another --table', a_table);
	END IF;
	PERFORM create_hypertable(a_table, 'window_start', chunk_time_interval => interval '1 day',
		create_default_indexes => false, if_not_exists => true, migrate_data => true);
	UPDATE hta_retention SET pieces = 'chunks' WHERE rollups = a_rollups;
	IF licence <> 'timescale' THEN
		RETURN format('its licence is %s: chunks are not compressed, and there are no continuous aggregates', licence);
	END IF;
	-- before 2.18 a late row into a compressed chunk could be lost or doubled
	IF substring(version FROM '^\d+')::int * 1000 + substring(version FROM '^\d+\.(\d+)')::int < 2018 THEN
		RETURN format('it is version %s: chunks are not compressed, and there are no continuous aggregates, '
			'before 2.18', version);
	END IF;
	EXECUTE format('ALTER TABLE %s SET (timescaledb.compress, timescaledb.compress_segmentby = '
		'''metric, dims_hash'', timescaledb.compress_orderby = ''window_start, window_end'')', a_table);
	PERFORM add_compression_policy(a_table, compress_after => interval '7 days', if_not_exists => true);
	IF to_regclass(a_hours) IS NULL THEN
		EXECUTE format('CREATE MATERIALIZED VIEW %s WITH (timescaledb.continuous, '
			'timescaledb.materialized_only = false) AS SELECT metric, time_bucket(interval ''1 hour'', window_start) '
			'AS hour, dims_hash, dims, sum(count) AS count, sum(value_count) AS value_count, sum(sum) AS sum, '
			'min(min) AS min, max(max) AS max FROM %s WHERE window_end <= window_start + interval ''1 hour'' '
			'GROUP BY 1, 2, 3, 4 WITH NO DATA', a_hours, a_table);
	END IF;
	IF kept < interval '4 days' THEN since := kept / 2; END IF;
	PERFORM add_continuous_aggregate_policy(a_hours::regclass, start_offset => since,
		end_offset => interval '1 hour', schedule_interval => interval '10 minutes', if_not_exists => true);
	RETURN NULL;
END $hta$;
